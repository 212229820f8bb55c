"""Tensors from the arrays that people have: of NumPy, torch, xarray and dask, and lists; what is ambiguous is
refused."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..errors import InputError

if TYPE_CHECKING:
    import numpy as np
    from torch import Tensor

AXIS_NAMES_IN_ORDER = (
    ("time", "t", "frame", "frames"),
    ("channel", "channels", "c", "band", "rgb"),
    ("y", "lat", "latitude", "row", "rows", "height", "h"),
    ("x", "lon", "longitude", "column", "columns", "width", "w"),
)
"""Names of axes that xarray's arrays have, in the order of a clip's axes."""


PACKING = ("scale_factor", "add_offset", "_FillValue", "missing_value")
"""Attributes by which the numbers of NetCDF and its kin are packed, or missing; NaN is missing anyway."""


def tensor_of(values: Any, who: str) -> Tensor:
    """The numbers as a tensor, in its own type where torch knows it, on its own device, without a gradient.

    Any stride and order of bytes. Raises InputError for masked entries, axes whose names are in another order than
    (time, channel, y, x), and what holds no numbers.
    """
    tensor, missing = tensor_and_missing(values, who)
    if missing is not None:
        raise InputError(
            f"{who}: {int(missing.sum())} of its entries are masked, and numbers are needed; fill them in, or, to "
            "recover a clip with holes, lowreel.recover(y, lowreel.Identity(y.shape)), whose holes are the mask's"
        )
    return tensor


def tensor_and_missing(values: Any, who: str) -> tuple[Tensor, np.ndarray | None]:
    """The numbers as `tensor_of` has them, zero where masked, and booleans of what is masked, None where nothing is.

    Raises InputError as `tensor_of` does, but for masked entries.
    """
    import numpy as np
    import torch

    if isinstance(values, torch.Tensor):
        return _plain(values, who), None
    check_axes(values, who)
    _check_unpacked(values, who)
    if isinstance(values, list | tuple) and _has_tensors(values):
        values = _stacked(values, who)
    if callable(getattr(values, "compute", None)) and not callable(getattr(values, "to_numpy", None)):
        values = values.compute()  # dask
    if callable(getattr(values, "to_masked_array", None)) and callable(getattr(values, "to_numpy", None)):
        values = values.to_numpy()  # xarray: NaN stands for what is missing
    if isinstance(values, list | tuple) and any(isinstance(v, np.ma.MaskedArray) for v in values):
        values = np.ma.array(values)
    try:
        array = values if isinstance(values, np.ndarray) else np.asanyarray(values)  # netCDF4's variables are masked
    except Exception as error:  # what others raise for an array that is somewhere else, ragged or empty
        raise InputError(f"{who}: expected an array or tensor of numbers, got {_name(values)} ({error})") from None
    if isinstance(array, np.ma.MaskedArray):
        hidden = np.ma.getmaskarray(array)
        if hidden.any():
            return _from_numpy(np.where(hidden, np.zeros((), array.dtype), array.data), who), hidden
        array = array.data
    return _from_numpy(array, who, _name(values)), None


def _plain(tensor: Tensor, who: str) -> Tensor:
    import torch

    if tensor.layout != torch.strided or tensor.is_quantized or tensor.is_meta or tensor.is_nested:
        kind = "quantized" if tensor.is_quantized else "without numbers" if tensor.is_meta else str(tensor.layout)
        raise InputError(f"{who}: expected a dense tensor of numbers, got one that is {kind}; use .to_dense()")
    return _computable(tensor.detach().resolve_conj().resolve_neg())


def _computable(tensor: Tensor) -> Tensor:
    """The same numbers in a type that torch computes with: neither unsigned ones beyond bytes nor floats of 8 bits."""
    import torch

    if tensor.dtype.is_floating_point and tensor.dtype.itemsize == 1:
        return tensor.to(torch.float32)
    if tensor.dtype in (torch.uint16, torch.uint32):
        return tensor.to(torch.int64)
    return tensor.to(torch.float64) if tensor.dtype == torch.uint64 else tensor


def _from_numpy(array: np.ndarray, who: str, name: str = "ndarray") -> Tensor:
    import numpy as np
    import torch

    if array.dtype.name == "bfloat16":  # of ml_dtypes, which NumPy lists as bytes
        array = array.astype(np.float32)
    if array.dtype.kind not in "biufc":
        raise InputError(f"{who}: expected an array or tensor of numbers, got {name} of {array.dtype}")
    if array.dtype.itemsize > (16 if array.dtype.kind == "c" else 8):  # long double
        array = array.astype(np.complex128 if array.dtype.kind == "c" else np.float64)
    if array.dtype.kind == "u" and array.dtype.itemsize > 1:  # torch computes little with these
        array = array.astype(np.float64 if array.dtype.itemsize > 4 else np.int64)
    native = array.astype(array.dtype.newbyteorder("="), copy=False)
    return torch.from_numpy(np.array(native, order="C"))


def check_axes(values: Any, who: str) -> None:
    """Raise InputError for xarray's arrays with axes whose names say another order, and for several arrays at once."""
    dims = getattr(values, "dims", None)
    if hasattr(values, "data_vars"):
        raise InputError(f"{who}: expected one array, got {_name(values)}; choose one of {list(values.data_vars)}")
    if not (isinstance(dims, tuple) and all(isinstance(d, str) for d in dims)):
        return
    places = [next((k for k, names in enumerate(AXIS_NAMES_IN_ORDER) if d.lower() in names), -1) for d in dims]
    known = [place for place in places if place >= 0]
    if known != sorted(known):
        order = [d for _, d in sorted(zip(places, dims, strict=True), key=lambda pair: pair[0])]
        raise InputError(f"{who}: its axes are {dims}, expected time, channel, y, x; .transpose{tuple(order)} first")


def _check_unpacked(values: Any, who: str) -> None:
    """Raise InputError for an array of a file (xarray, h5py, zarr) whose attributes say that its numbers are packed, or
    which stand for what is missing: xarray takes those away when it unpacks."""
    attributes = getattr(values, "attrs", None)
    if attributes is None or not hasattr(attributes, "keys"):
        return
    import numpy as np

    found = [key for key in PACKING if key in attributes and np.all(attributes[key] == attributes[key])]
    if found:
        raise InputError(
            f"{who}: its attributes say {', '.join(found)}: are its numbers packed, or some missing? Unpack them, such "
            "as by xarray.decode_cf, or read the file: lowreel.open_clip('FILE:NAME')"
        )


def _has_tensors(values: Any) -> bool:
    import torch

    return any(isinstance(v, torch.Tensor) for v in values)


def _stacked(values: Any, who: str) -> Any:
    import torch

    parts = [tensor_of(v, who).cpu() for v in values]
    if len({tuple(p.shape) for p in parts}) > 1:
        raise InputError(f"{who}: expected parts of one shape, got {sorted({tuple(p.shape) for p in parts})}")
    whole = torch.stack(parts)
    return (whole.float() if whole.dtype == torch.bfloat16 else whole).numpy()


def _name(values: Any) -> str:
    return type(values).__name__
