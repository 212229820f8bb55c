"""What comes out is of the library of what went in: of operators, noise, figures and recoveries."""

import numpy as np
import pylops
import pytest
import sigpy
import torch
import xarray
from cases import OPERATORS, noise
from conftest import moving

import lowreel
from lowreel.data import add_dead_columns, add_poisson_noise, add_salt_and_pepper
from lowreel.operators import tensors_of
from lowreel.system.form import Form

SHAPE = (6, 1, 12, 16)
CLIP = moving(*SHAPE[:1], 1, *SHAPE[2:])
QUICK = {"quality": "draft", "steps": 3, "baselines": "quick"}


def mask():
    return lowreel.MissingPixels(SHAPE, 0.5, seed=1)


def frame(values):
    coords = {"time": np.arange(6) * 0.5, "lat": np.linspace(40, 50, 12)}
    return xarray.DataArray(values, dims=("time", "band", "lat", "lon"), coords=coords, attrs={"units": "K"}, name="t")


FORMS = {
    "numpy": (lambda y: y, np.ndarray, np.float32),
    "numpy, float64": (lambda y: y.astype(np.float64), np.ndarray, np.float64),
    "numpy, float16": (lambda y: y.astype(np.float16), np.ndarray, np.float32),
    "numpy, other bytes": (lambda y: y.astype(">f8"), np.ndarray, np.float64),
    "masked": (np.ma.masked_invalid, np.ndarray, np.float32),
    "list": (lambda y: y.tolist(), np.ndarray, np.float32),
    "torch": (torch.from_numpy, torch.Tensor, torch.float32),
    "torch, float64": (lambda y: torch.from_numpy(y).double(), torch.Tensor, torch.float64),
    "xarray": (frame, xarray.DataArray, np.float32),
    "xarray, float64": (lambda y: frame(y.astype(np.float64)), xarray.DataArray, np.float64),
}


@pytest.mark.parametrize(("make", "kind", "dtype"), FORMS.values(), ids=FORMS)
def test_a_recovery_is_of_the_library_of_its_data(make, kind, dtype):
    """Library, precision, coordinates; the numbers are those of the data as float32 arrays."""
    y = make(mask()(CLIP))
    found, plain = (lowreel.recover(data, mask(), **QUICK) for data in (y, np.asarray(y, np.float32)))
    clips = [found.clip, found.recommended_clip, *(b.clip for b in found.baselines.values())]
    for clip in clips:
        assert type(clip) is kind
        assert clip.dtype == dtype
        assert tuple(clip.shape) == SHAPE
    np.testing.assert_allclose(np.asarray(found.clip), plain.clip, atol=1e-6)
    if kind is xarray.DataArray:
        for clip in clips:
            xarray.testing.assert_equal(clip.coords.to_dataset(), y.coords.to_dataset())
            assert (clip.dims, clip.attrs, clip.name) == (y.dims, y.attrs, y.name)


def test_pixels_of_float64_come_back_to_their_last_digit():
    """They are exact: no rounding to the float32 of the fit, in units of their own and negative too."""
    y = 200 * mask()(CLIP.astype(np.float64)) / 3 - 40
    found = lowreel.recover(y, mask(), **QUICK)
    seen = mask().observed_mask().numpy()
    for clip in (found.clip, *(b.clip for b in found.baselines.values())):
        assert np.array_equal(clip[seen], y[seen])
        assert not np.array_equal(clip.astype(np.float32)[seen], y[seen])


@pytest.mark.parametrize("make", OPERATORS.values(), ids=OPERATORS)
def test_operators_give_arrays_for_arrays(make):
    """A x and A* y of NumPy arrays are the arrays of what tensors give; A.H and A.gram too."""
    operator = make().double()
    dtype = torch.complex128 if operator.takes_complex_clips else torch.float64
    x = noise(*operator.clip_shape, dtype=dtype)
    y, several = operator(x), isinstance(operator(x), tuple)
    found = operator(x.numpy())
    assert isinstance(found, tuple) == several
    for array, tensor in zip(found if several else (found,), tensors_of(y), strict=True):
        assert type(array) is np.ndarray
        np.testing.assert_array_equal(array, tensor.numpy())
    for back in (operator.adjoint, operator.H):
        assert type(back(found)) is np.ndarray
        np.testing.assert_array_equal(back(found), operator.adjoint(y).numpy())
    np.testing.assert_array_equal(operator.gram(x.numpy()), operator.gram(x).numpy())


def test_xarray_keeps_its_coordinates_where_the_shape_stays():
    """Through a mask, there and back; data of another shape is NumPy's."""
    there = mask()(frame(CLIP))
    xarray.testing.assert_equal(there.coords.to_dataset(), frame(CLIP).coords.to_dataset())
    assert isinstance(mask().adjoint(there), xarray.DataArray)
    assert type(lowreel.Gaussian(SHAPE, 7)(frame(CLIP))) is np.ndarray


NOISES = {
    "white": (lowreel.add_white_noise, {"sigma": 0.1}),
    "photons": (add_poisson_noise, {"photons": 100}),
    "impulses": (add_salt_and_pepper, {"share": 0.1}),
    "columns": (add_dead_columns, {"share": 0.2}),
}


@pytest.mark.parametrize(("add", "how"), NOISES.values(), ids=NOISES)
def test_noise_is_added_to_arrays(add, how):
    """The same noise as is added to tensors, to an array, which stays as it was."""
    y = mask()(CLIP)
    before = y.copy()
    noisy, told = add(y, mask(), **how)
    tensors, same = add(torch.from_numpy(y), mask(), **how)
    assert type(noisy) is np.ndarray
    np.testing.assert_array_equal(noisy, tensors.numpy())
    np.testing.assert_array_equal(y, before)
    assert told == same


def test_figures_take_any_mixture():
    """psnr, psnr_range and ssim of arrays, tensors and DataArrays are one number."""
    other = CLIP + 0.03 * np.cos(np.arange(CLIP.size, dtype=np.float32)).reshape(SHAPE)
    kinds = [lambda a: a, lambda a: a.astype(np.float64), torch.from_numpy, frame, lambda a: a.tolist()]
    for figure in (lowreel.psnr, lowreel.psnr_range, lowreel.ssim):
        found = [figure(one(other), two(CLIP)) for one in kinds for two in kinds]
        np.testing.assert_allclose(found, found[0], rtol=1e-5)
        with pytest.raises(ValueError, match="one shape"):
            figure(CLIP, CLIP[:3])
    for figure in (lowreel.psnr, lowreel.psnr_range, lowreel.ssim):
        for one, two in ((other[:, 0], CLIP[:, 0]), (other[:, 0], CLIP), (other, CLIP[:, 0])):
            assert figure(one, two) == figure(other, CLIP)


def test_baselines_need_no_entries_and_give_arrays():
    """All that the operator sees, unless something else is said."""
    found = lowreel.baselines(mask()(CLIP), mask())
    same = lowreel.baselines(mask()(torch.from_numpy(CLIP)), mask(), mask().observed_mask())
    assert list(found) == list(same)
    for name, clip in found.items():
        np.testing.assert_array_equal(clip, same[name].numpy())


def test_data_of_arrays_goes_to_a_file(tmp_path):
    """`Measured` takes NumPy data and times, as the README says."""
    lowreel.Measured(mask()(CLIP.astype(np.float64)), mask(), np.arange(6) / 25).save(tmp_path / "y.safetensors")
    again = lowreel.Measured.load(tmp_path / "y.safetensors")
    np.testing.assert_array_equal(again.data.numpy(), mask()(CLIP))
    assert again.times.tolist() == [k / 25 for k in range(6)]


def test_a_stack_has_the_form_of_its_first():
    """Its data is a tuple of arrays, its clip an array."""
    assert Form.of((np.zeros(3), torch.zeros(3))).library == "numpy"
    assert Form.of([torch.zeros(3)]).library == "torch"
    assert Form.of([[1.0, 2.0]]).library == "numpy"
    assert Form.of([]).library == "numpy"
    stack = lowreel.Stacked([mask(), lowreel.Gaussian(SHAPE, 20)])
    assert type(lowreel.recover(stack(CLIP), stack, **QUICK).clip) is np.ndarray


def test_operators_and_representations_say_what_they_are():
    """Shapes, share of the numbers, parameters and seed, in one line."""
    told = repr(lowreel.MissingPixels((4, 3, 8, 8), 0.75, seed=9))
    assert told == (
        "MissingPixels(clip (4, 3, 8, 8), data (4, 3, 8, 8), 0.25 numbers a pixel value, ratio=0.75, seed=9)"
    )
    for make in OPERATORS.values():
        operator = make()
        assert str(operator.clip_shape) in repr(operator)
        assert "\n" not in repr(operator)
    found = lowreel.recover(mask()(CLIP), mask(), **QUICK)
    assert "6 frames of 12x16, 1 channel" in repr(found.representation)
    assert f"{found.representation.parameters['weights']:,} weights" in repr(found.representation)


GREY = {
    "numpy": lambda y: y[:, 0],
    "torch": lambda y: torch.from_numpy(y)[:, 0],
    "xarray": lambda y: frame(y)[:, 0],
    "masked": lambda y: np.ma.masked_equal(y[:, 0], 0),
}


@pytest.mark.parametrize("make", GREY.values(), ids=GREY)
def test_a_grey_clip_may_lack_its_axis_of_channels(make):
    """(T, H, W) in, (T, H, W) out: through operators, and of a recovery, of which nothing else changes."""
    plain = lowreel.MissingPixels((6, 12, 16), 0.5, seed=1)
    assert plain.clip_shape == SHAPE
    y = make(plain(CLIP))
    found = lowreel.recover(y, plain, **QUICK)
    assert tuple(found.clip.shape) == (6, 12, 16)
    assert found.clip.shape == found.recommended_clip.shape == found.baselines["low rank"].clip.shape
    whole = lowreel.recover(plain(CLIP), plain, **QUICK)
    np.testing.assert_allclose(np.asarray(found.clip), whole.clip[:, 0], atol=1e-6)
    assert found.compare(CLIP[:, 0])[0]["psnr"] == found.compare(CLIP)[0]["psnr"]
    np.testing.assert_array_equal(plain(CLIP[:, 0]), plain(CLIP)[:, 0])
    np.testing.assert_array_equal(plain.adjoint(CLIP[:, 0]), plain.adjoint(CLIP)[:, 0])
    gaussian = lowreel.Gaussian((6, 12, 16), 9)
    np.testing.assert_array_equal(gaussian(CLIP[:, 0]), gaussian(CLIP))


@pytest.mark.parametrize("hole", [np.nan, np.ma.masked], ids=str)
def test_without_an_operator_a_clip_is_filled_in_where_it_has_holes(hole):
    """NaN, or masked: the same as with a mask; a clip without holes is represented."""
    y = np.ma.array(mask()(CLIP))
    y[~mask().observed_mask().numpy()] = hole
    found = lowreel.recover(np.asarray(y) if hole is np.nan else y, **QUICK)
    given = lowreel.Mask(SHAPE, mask().observed_mask())
    np.testing.assert_allclose(found.clip, lowreel.recover(given(CLIP), given, **QUICK).clip, atol=1e-6)
    assert lowreel.recover(CLIP, **QUICK).clip.shape == SHAPE
    with pytest.raises(lowreel.InputError, match=r"without an operator.*give A"):
        lowreel.recover(CLIP[0, 0], **QUICK)


def test_channels_last_are_answered_with_what_to_do():
    """A mask that fits them says so."""
    with pytest.raises(lowreel.InputError, match=r"channels last.*\(8, 3, 12, 16\).*transpose\(0, 3, 1, 2\)"):
        lowreel.Mask((8, 12, 16, 3), np.ones((8, 12, 16), bool))


def test_complex_data_of_an_operator_that_gives_real_numbers():
    """As real numbers where they are; else it is refused, and what to do is said."""
    gaussian = lowreel.Gaussian(SHAPE, 40)
    y = gaussian(CLIP)
    found, plain = (lowreel.recover(data, gaussian, **QUICK).clip for data in (y.astype(complex), y))
    np.testing.assert_allclose(found, plain, atol=1e-6)
    with pytest.raises(lowreel.InputError, match=r"complex numbers, where gaussian gives real ones.*y\.real"):
        lowreel.recover(y + 0.1j, gaussian, **QUICK)


NO_CLIP = {
    "channels last": (
        np.moveaxis(CLIP.repeat(3, 1), 1, -1),
        r"\(6, 12, 16, 3\) with channels last.*transpose\(0, 3, 1",
    ),
    "two channels": (CLIP.repeat(2, 1), r"1 or 3 channels, got \(6, 2, 12, 16\); give"),
    "two clips": ([CLIP, CLIP[:4]], r"list of 2 arrays \(6, 1, 12, 16\).*recover_together"),
    "two clips of one length": ([CLIP[:, 0], CLIP[:, 0]], r"list of 2 arrays \(6, 12, 16\).*recover_together"),
    "tensors": ([torch.from_numpy(CLIP)] * 2, "recover_together"),
}


@pytest.mark.parametrize(("y", "told"), NO_CLIP.values(), ids=NO_CLIP)
def test_without_an_operator_other_than_one_clip_is_refused(y, told):
    """Its axes are never guessed; a list of frames is one clip."""
    with pytest.raises(lowreel.InputError, match=told):
        lowreel.recover(y, **QUICK)
    assert lowreel.recover(list(CLIP), **QUICK).clip.shape == SHAPE


class Halving:
    """As libraries of tensors have it: batches of frames, without a word about their size."""

    def A(self, x):
        return x[:, :, ::2]

    def A_adjoint(self, y):
        return torch.repeat_interleave(y, 2, 2) * (torch.arange(2 * y.shape[2]) % 2 == 0).view(-1, 1)


ADJOINTS = {
    "A_adjoint": Halving(),
    "functions": (lambda x: x[:, :, ::2], lambda y: np.insert(y, range(1, 7), 0, axis=2)),
    "functions of grey frames": (lambda x: x[:, ::2], lambda y: np.insert(y, range(1, 7), 0, axis=1)),
}


@pytest.mark.parametrize("name", ADJOINTS)
def test_the_adjoint_says_what_shape_clips_have(name):
    """Where neither the operator nor the caller does."""
    y = CLIP[:, 0, ::2] if "grey" in name else CLIP[:, :, ::2]
    assert lowreel.recover(y, ADJOINTS[name], **QUICK).clip.shape == SHAPE


def test_an_adjoint_that_is_wrong_is_not_taken_for_one_that_does_not_fit():
    """Of another shape it is asked for the shape of its clips; an error of its own is raised as it is."""
    with pytest.raises(lowreel.InputError, match="clip_shape"):
        lowreel.recover(CLIP[0, 0], (lambda x: x, lambda y: y.reshape(6, 2, 12, 16)), **QUICK)
    with pytest.raises(ZeroDivisionError):
        lowreel.recover(CLIP, (lambda x: x, lambda y: y * (1 // 0)), **QUICK)


THEIRS = {
    "pylops, in its axes": lambda: pylops.Smoothing2D((3, 3), dims=(6, 12, 16), axes=(1, 2)),
    "sigpy, grey frames": lambda: sigpy.linop.Downsample((6, 12, 16), (1, 2, 2)),
}


@pytest.mark.parametrize("make", THEIRS.values(), ids=THEIRS)
def test_data_is_taken_in_the_axes_that_its_library_gives(make):
    """Grey clips without an axis of channels, and no shape said."""
    operator = make()
    y = operator * CLIP[:, 0]
    assert y.ndim == 3
    assert lowreel.recover(y, operator, **QUICK).clip.shape == SHAPE
