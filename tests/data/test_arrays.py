"""Arrays that are not plain: taken as what they mean, or refused by name."""

import numpy as np
import pytest
import torch

from lowreel.data.arrays import plain
from lowreel.errors import InputError

Y = np.random.default_rng(0).random((3, 1, 4, 5)).astype("f4")
HOLES = np.random.default_rng(1).random(Y.shape) < 0.4


class Lazy:
    """What xarray and dask have: an array when one is asked for."""

    def __array__(self, dtype=None, copy=None):
        return Y if dtype is None else Y.astype(dtype)


SAME = {
    "array": Y,
    "flipped view": Y[:, :, ::-1].copy()[:, :, ::-1],
    "transposed view": Y.transpose(3, 2, 1, 0).copy().transpose(3, 2, 1, 0),
    "other byte order": Y.astype(">f4"),
    "doubles": Y.astype("f8"),
    "list": Y.tolist(),
    "read only": np.frombuffer(Y.tobytes(), "f4").reshape(Y.shape),
    "masked, nothing missing": np.ma.MaskedArray(Y, mask=False),
    "lazy": Lazy(),
    "tensor": torch.from_numpy(Y),
    "with a gradient": torch.tensor(Y, requires_grad=True),
    "flipped tensor": torch.from_numpy(Y).flip(2).flip(2),
}


@pytest.mark.parametrize("given", SAME.values(), ids=SAME)
def test_numbers_are_those_of_the_plain_copy(given):
    found = plain(given)
    assert found.missing is None
    assert (found.values.dtype, found.values.requires_grad) == (torch.float32, False)
    assert torch.equal(found.values, torch.from_numpy(Y))


@pytest.mark.parametrize("kind", [torch.bfloat16, torch.float16, torch.uint8, torch.bool], ids=str)
def test_tensors_of_any_kind_become_float32(kind):
    given = (255 * torch.from_numpy(Y)).to(kind)
    assert torch.equal(plain(given).values, given.float())


@pytest.mark.parametrize("kind", ["f2", "u2", ">i2", "?", "i8"])
def test_arrays_of_any_kind_become_float32(kind):
    given = (100 * Y).astype(kind)
    assert torch.equal(plain(given).values, torch.from_numpy(given.astype("f4")))


def test_complex_numbers_stay_complex():
    assert plain((Y + 1j * Y).astype("c16")).values.dtype == torch.complex64


def test_the_mask_of_a_masked_array_is_its_mask():
    """What lies under it, be it NaN, does not count."""
    found = plain(np.ma.MaskedArray(np.where(HOLES, np.nan, Y), mask=HOLES))
    assert torch.equal(found.missing, torch.from_numpy(HOLES))
    assert torch.equal(found.values, torch.from_numpy(np.where(HOLES, 0, Y).astype("f4")))


REFUSED = {
    "text": (np.array(["a"]), "of numbers, got ndarray of <U1"),
    "objects": ([{}], "of numbers, got list"),
    "dates": (np.array(["2020"], "M8[s]"), "datetime64"),
    "ragged": ([[1.0], [1.0, 2.0]], "cannot make an array of list"),
}


@pytest.mark.parametrize(("given", "message"), REFUSED.values(), ids=REFUSED)
def test_what_holds_no_numbers_is_refused_by_name(given, message):
    with pytest.raises(InputError, match=message):
        plain(given)
