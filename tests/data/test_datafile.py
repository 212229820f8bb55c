"""Data files: written and read again, and what is refused of them."""

import math

import pytest
import torch
from cases import OPERATORS, SAVED, SHAPE, H, T, W, blur, fourier, kept, levels

from lowreel.data import Measured, add_white_noise, checked
from lowreel.errors import InputError
from lowreel.operators import Functions, Mask, MissingPixels, tensors_of
from lowreel.system.files import read_tensors, write_tensors

close = torch.testing.assert_close


@pytest.fixture(params=SAVED.values(), ids=SAVED)
def saved(request):
    return request.param


def measured(operator):
    data, entry = add_white_noise(operator(levels(*SHAPE, dtype=torch.float32)), operator, level=0.05, seed=1)
    times = torch.arange(T, dtype=torch.float64) / 30
    return Measured(data, operator, times, entry, {"rate": "30/1", "path": "clip.mp4", "scale": 1.0})


def test_data_file_round_trip(saved, tmp_path):
    """What was saved comes back to the bit: data, operator, times, noise, clip."""
    before = measured(saved(2))
    before.save(tmp_path / "y.safetensors")
    after = Measured.load(tmp_path / "y.safetensors")
    close(after.data, before.data, rtol=0, atol=0)
    assert isinstance(after.data, tuple) == isinstance(before.data, tuple)
    assert after.operator.fingerprint() == before.operator.fingerprint()
    assert torch.equal(after.times, before.times)
    assert (after.noise, after.clip) == (before.noise, before.clip)
    assert [path.name for path in tmp_path.iterdir()] == ["y.safetensors"]


@pytest.mark.parametrize("make", [blur, fourier])
def test_data_of_functions_needs_the_operator_again(make, tmp_path):
    """Without the operator, or with another one, the file is refused; with the same one it is read."""
    path, before = tmp_path / "y.safetensors", measured(make())
    before.save(path)
    with pytest.raises(InputError, match="give the same operator again"):
        Measured.load(path)
    with pytest.raises(InputError, match="not the one this data was made with"):
        Measured.load(path, Functions(lambda x: x, lambda y: y, SHAPE))
    after = Measured.load(path, make())
    assert torch.equal(after.data, before.data)


def test_data_file_refuses_another_operator(tmp_path):
    """An operator of another seed is not the one the data was made with."""
    measured(MissingPixels(SHAPE, 0.6, seed=0)).save(tmp_path / "y.safetensors")
    with pytest.raises(InputError, match="not the one this data was made with"):
        Measured.load(tmp_path / "y.safetensors", MissingPixels(SHAPE, 0.6, seed=1))


def test_data_file_with_a_changed_mask_is_refused(tmp_path):
    """The mask's hash in the spec guards it."""
    path = tmp_path / "y.safetensors"
    measured(Mask(SHAPE, kept(T, H, W))).save(path)
    tensors, header = read_tensors(path, "data")
    tensors["operator.mask"] = ~tensors["operator.mask"]
    write_tensors(path, "data", tensors, {k: v for k, v in header.items() if k not in ("kind", "version")})
    with pytest.raises(InputError, match="not those it was saved with"):
        Measured.load(path)


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize("name", ["missing", "mask + gaussian", "functions, complex"])
def test_data_that_is_not_finite_is_refused(name, bad, tmp_path):
    """NaN and infinity are counted in the message, in memory and from a file."""
    operator = OPERATORS[name]()
    before = measured(operator)
    known = tensors_of(operator.observed_mask())[-1].reshape(-1)
    tensors_of(before.data)[-1].view(-1)[known.nonzero()[3]] = bad
    with pytest.raises(InputError, match=r"1 of .* numbers are NaN or infinite"):
        checked(before.data, operator)
    before.save(tmp_path / "y.safetensors")
    with pytest.raises(InputError, match="NaN or infinite"):
        Measured.load(tmp_path / "y.safetensors", operator)


def test_what_says_nothing_may_hold_anything():
    """NaN at an unobserved pixel is no concern of anyone's, and becomes zero; data that is so already is not copied."""
    operator = OPERATORS["missing"]()
    data = measured(operator).data
    blind = ~operator.observed_mask()
    found = checked(torch.where(blind, math.nan, data), operator)
    assert not found[blind].any()
    assert torch.equal(found[~blind], data[~blind])
    assert checked(found, operator) is found


def test_pixels_in_other_units_are_refused():
    """Data of 0 to 255 where grey levels are wanted is named as that."""
    operator = OPERATORS["missing"]()
    with pytest.raises(InputError, match=r"grey levels in \[0, 1\]"):
        checked(255 * operator(torch.ones(operator.clip_shape)), operator)
