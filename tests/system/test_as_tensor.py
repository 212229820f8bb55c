"""Arrays as people have them, in every place of the Python API that takes a clip, data or a mask."""

import netCDF4
import numpy as np
import pytest
import torch
from cases import noise

from lowreel import Identity, Mask, as_linear_operator, psnr, ssim, write_video
from lowreel.errors import InputError
from lowreel.operators import Snapshot
from lowreel.system.as_tensor import tensor_and_missing, tensor_of

xarray, dask = pytest.importorskip("xarray"), pytest.importorskip("dask.array")
CLIP = noise(3, 1, 8, 9).abs().clamp(max=1).round(decimals=2).to(torch.float32)
PLAIN = CLIP.numpy()
AXES = ("time", "channel", "y", "x")
ARRAYS = {  # what somebody has, and the numbers that it stands for
    "turned round": (PLAIN[:, :, ::-1, ::-1], PLAIN[:, :, ::-1, ::-1]),
    "other order of bytes": (PLAIN.astype(">f4"), PLAIN),
    "order of Fortran": (np.asfortranarray(PLAIN), PLAIN),
    "with a gradient": (CLIP.clone().requires_grad_(), PLAIN),
    "float16": (CLIP.half(), CLIP.half().float().numpy()),
    "bfloat16": (CLIP.bfloat16(), CLIP.bfloat16().float().numpy()),
    "NumPy's float16": (PLAIN.astype(np.float16), PLAIN.astype(np.float16)),
    "long double": (PLAIN.astype(np.longdouble), PLAIN),
    "list": (PLAIN.tolist(), PLAIN),
    "list of tensors": (list(CLIP), PLAIN),
    "xarray": (xarray.DataArray(PLAIN, dims=AXES), PLAIN),
    "xarray without names": (xarray.DataArray(PLAIN), PLAIN),
    "dask": (dask.from_array(PLAIN, chunks=2), PLAIN),
    "dask in xarray": (xarray.DataArray(dask.from_array(PLAIN, chunks=2), dims=AXES), PLAIN),
    "masked nowhere": (np.ma.masked_array(PLAIN), PLAIN),
    "list of bfloat16": (list(CLIP.bfloat16()), CLIP.bfloat16().float().numpy()),
    "read only": (np.broadcast_to(PLAIN[:1], PLAIN.shape), np.broadcast_to(PLAIN[:1], PLAIN.shape)),
}


@pytest.mark.parametrize("name", ARRAYS)
def test_arrays_are_taken_as_they_are_meant(name, tmp_path):
    """Clips, data, masks and pairs of functions: as the plain array of the same numbers."""
    given, plain = ARRAYS[name]
    wanted, shape = torch.from_numpy(np.array(plain, dtype=np.float32)), PLAIN.shape
    operator = Identity(shape)
    close = {"atol": 1e-6, "rtol": 0, "check_dtype": False}
    for found in (operator(given), operator.adjoint(given)):
        numbers = found.detach().float() if isinstance(found, torch.Tensor) else np.asarray(found)
        np.testing.assert_allclose(numbers, wanted, atol=1e-6)
    pair = as_linear_operator((lambda x: given if np.ndim(x) == 4 else None, lambda y: y), shape)
    torch.testing.assert_close(pair(CLIP), wanted, **close)
    assert psnr(given, wanted) > 60
    assert ssim(given, wanted) > 0.999
    if not isinstance(given, list):  # which would be slices of a clip
        assert write_video(tmp_path / "a.mp4", given) == []
        assert torch.equal(Mask(shape, given > 0.5).mask, wanted > 0.5)
    codes = Snapshot((6, 1, 8, 9), 3, mask=given)
    torch.testing.assert_close(codes.codes[:3], wanted, **close)


REFUSED = {
    "masked": (np.ma.masked_greater(PLAIN, 0.5), r"\d+ of its entries are masked"),
    "axes in another order": (xarray.DataArray(PLAIN, dims=("y", "channel", "time", "x")), "transpose.*'time'"),
    "several arrays": (xarray.Dataset({"a": ("t", [1.0]), "b": ("t", [2.0])}), r"Dataset; choose one of \['a', 'b'\]"),
    "packed": (xarray.DataArray(PLAIN, attrs={"scale_factor": 0.5}), "attributes say scale_factor.*decode_cf"),
    "text": (np.array(["a"]), "array or tensor of numbers, got ndarray of <U1"),
    "objects": ([None], "got list of object"),
    "ragged": ([[1.0], [1.0, 2.0]], "got list"),
    "sparse": (torch.eye(2).to_sparse(), "dense"),
    "without numbers": (torch.empty(2, device="meta"), "without numbers"),
    "dates": (np.array(["2026-01-01"], "M8[D]"), "datetime64"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_no_plain_array_is_refused_by_name(name):
    given, words = REFUSED[name]
    with pytest.raises(InputError, match=words):
        tensor_of(given, "clip")


def test_what_a_masked_array_hides_is_told_apart():
    hidden = PLAIN > 0.5
    values, missing = tensor_and_missing(np.ma.masked_array(PLAIN, hidden), "data")
    np.testing.assert_array_equal(missing, hidden)
    np.testing.assert_array_equal(values, np.where(hidden, 0, PLAIN))


@pytest.mark.parametrize("dtype", [torch.uint16, torch.uint32, torch.uint64, torch.float8_e4m3fn])
def test_tensors_of_types_that_torch_does_not_compute_with_get_another(dtype):
    given = torch.arange(6.0).view(2, 3).to(dtype)
    assert torch.equal(tensor_of(given, "clip") * 1, torch.arange(6).view(2, 3))


def test_masks_of_lists_and_of_variables_are_not_lost(tmp_path):
    """A list of masked arrays, and a variable of netCDF4."""
    hidden = PLAIN > 0.5
    masked = np.ma.masked_array(PLAIN, hidden)
    np.testing.assert_array_equal(tensor_and_missing(list(masked), "data")[1], hidden)
    with netCDF4.Dataset(tmp_path / "a.nc", "w") as file:
        for name, length in zip("tcyx", PLAIN.shape, strict=True):
            file.createDimension(name, length)
        variable = file.createVariable("v", "f4", tuple("tcyx"))
        variable[:] = masked
        np.testing.assert_array_equal(tensor_and_missing(variable, "data")[1], hidden)


@pytest.mark.parametrize("given", [PLAIN, (PLAIN * 3).astype(np.uint8)])
def test_a_mask_of_greys_or_labels_is_refused(given):
    with pytest.raises(InputError, match=r"more than two numbers, .*mask > 0\.5"):
        Mask(PLAIN.shape, given)


@pytest.mark.parametrize("one", [1, 255, 4095, 0.5, True])
def test_a_mask_of_zeros_and_one_other_number_keeps_that(one):
    assert torch.equal(Mask(PLAIN.shape, (PLAIN > 0.5) * one).mask, CLIP > 0.5)
