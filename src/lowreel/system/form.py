"""Results are of the library of what was given: NumPy's arrays, torch's tensors, xarray's arrays with coordinates."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    import torch
    from torch import Tensor

Library = Literal["numpy", "torch", "xarray"]


@dataclass(frozen=True)
class Form:
    """The library of an array that was given, and the device of a tensor. is_double: whether its numbers are float64 or
    complex128. like: xarray's array; results of the same shape get its axes, coordinates and attributes.
    """

    library: Library = "numpy"
    is_double: bool = False
    device: torch.device | None = None
    like: Any = None
    squeezed: tuple[int, ...] | None = None
    """The shape, (T, H, W), of a grey clip that came without its axis of channels: clips of (T, 1, H, W) go so too."""

    @staticmethod
    def of(values: Any) -> Form:
        """The form of an array; of several arrays that of the first; of lists, and of all that is of no library,
        NumPy's."""
        import torch

        if isinstance(values, list | tuple):
            return Form.of(values[0]) if values and not isinstance(values[0], int | float | complex) else Form()
        if isinstance(values, torch.Tensor):
            return Form("torch", values.dtype in (torch.float64, torch.complex128), values.device)
        dtype = getattr(values, "dtype", None)
        kind, size = getattr(dtype, "kind", ""), getattr(dtype, "itemsize", 0)
        is_double = (kind == "f" and size >= 8) or (kind == "c" and size >= 16)
        if is_xarray(values):
            return Form("xarray", is_double, like=values)
        return Form("numpy", is_double)

    def put(self, tensor: Tensor) -> Any:
        """The tensor, of any shape, in this form; as xarray's array where it has the shape of what came, else NumPy's.

        In float64 where that was, for all but integers and booleans.
        """
        import torch

        if self.squeezed is not None and tensor.ndim == 4 and tensor[:, 0].shape == self.squeezed:
            tensor = tensor[:, 0]
        if self.is_double and (tensor.is_floating_point() or tensor.is_complex()):
            tensor = tensor.to(torch.complex128 if tensor.is_complex() else torch.float64)
        return self.as_computed(tensor)

    def as_computed(self, tensor: Tensor) -> Any:
        """The same in the precision that the tensor, of any shape, has."""
        if self.library == "torch":
            return tensor if self.device is None else tensor.to(self.device)
        array = tensor.detach().cpu().resolve_conj().resolve_neg().numpy()
        if self.library == "xarray" and tuple(self.like.shape) == array.shape:
            return self.like.copy(data=array)
        return array


def is_xarray(values: Any) -> bool:
    """Whether this is an array of xarray, with names of its axes."""
    return all(hasattr(values, name) for name in ("dims", "coords", "attrs", "copy"))


def as_it_came(given: Any, found: Tensor | tuple[Tensor, ...]) -> Any:
    """What was computed, tensors of any shape, in the form of what was given, and in the precision it has."""
    form = Form.of(given)
    return tuple(form.as_computed(t) for t in found) if isinstance(found, tuple) else form.as_computed(found)
