"""Laws over one list of operators (cases.OPERATORS), then what each kind promises beyond them."""

import hashlib
import itertools
import math
from pathlib import Path

import numpy as np
import pytest
import torch
from cases import OPERATORS, SAVED, SHAPE, C, H, T, W, blur, dense, flat, fourier, kept, levels, like, noise

from lowreel.data import Measured, add_white_noise, checked
from lowreel.errors import InputError
from lowreel.operators import (
    Bayer,
    Blur,
    Cosine,
    Downsample,
    Fourier,
    Functions,
    Gaussian,
    Identity,
    LongExposure,
    Mask,
    MissingBlocks,
    MissingFrames,
    MissingPixels,
    Signs,
    SinglePixel,
    Snapshot,
    Stacked,
    check_operator,
    from_spec,
    map_data,
    project_onto_data,
    tensors_of,
)
from lowreel.operators.projections import BLOCK
from lowreel.operators.transforms import _stripes, dct, hadamard, inverse_dct
from lowreel.system import streams
from lowreel.system.files import read_tensors, write_tensors

close = torch.testing.assert_close


@pytest.fixture(params=OPERATORS.values(), ids=OPERATORS)
def operator(request):
    return request.param().double()


@pytest.fixture(params=SAVED.values(), ids=SAVED)
def saved(request):
    return request.param


# Laws of all operators


def test_adjoint(operator):
    """Re<A x, y> = <x, A* y>."""
    x = noise(*SHAPE)
    y = like(operator(x))
    close(flat(operator(x)) @ flat(y), (x * operator.adjoint(y)).sum())


def test_linear(operator):
    """A(2 x - 3 z) = 2 A x - 3 A z, and A 0 = 0."""
    x, z = noise(*SHAPE), noise(*SHAPE, seed=1)
    close(flat(operator(2 * x - 3 * z)), 2 * flat(operator(x)) - 3 * flat(operator(z)))
    assert not flat(operator(torch.zeros_like(x))).any()


def test_equals_its_dense_matrix(operator):
    """A x = M x and A* y = M^T y, with M from the unit clips and a complex number as two rows."""
    x, matrix = noise(*SHAPE), dense(operator)
    y = like(operator(x))
    close(flat(operator(x)), matrix @ x.flatten())
    close(operator.adjoint(y).flatten(), matrix.T @ flat(y))


def test_autograd_is_the_adjoint(operator):
    """d/dx Re<A x, y> = A* y."""
    x = noise(*SHAPE).requires_grad_()
    y = like(operator(x))
    (gradient,) = torch.autograd.grad(flat(operator(x)) @ flat(y), x)
    close(gradient, operator.adjoint(y))


def test_shapes(operator):
    """The data has `data_shape`, the adjoint `clip_shape`."""
    y = operator(noise(*SHAPE))
    shapes = tuple(tuple(t.shape) for t in y) if isinstance(y, tuple) else tuple(y.shape)
    assert shapes == operator.data_shape
    assert tuple(operator.adjoint(y).shape) == SHAPE


def test_arrays_are_measured_as_tensors_are(operator):
    """A NumPy clip gives the data of the same tensor."""
    x = noise(*SHAPE)
    close(operator(x.numpy()), operator(x))


def test_parts_cover_the_clip_in_order(operator):
    """The frames of the parts, one after another, are 0 .. T - 1."""
    assert list(itertools.chain(*(part.frames for part in operator.parts()))) == list(range(T))


def cut(y, where):
    return tuple(t[s] for t, s in zip(y, where, strict=True)) if isinstance(y, tuple) else y[where]


def test_each_part_equals_its_share_of_the_whole(operator):
    """The part's operator on its frames gives the data's rows of that part, by `take` and by its slice."""
    x = noise(*SHAPE)
    y = operator(x)
    for k, part in enumerate(operator.parts()):
        found = operator.subset([k])(x[list(part.frames)])
        close(found, operator.take(y, [k]))
        close(found, cut(y, part.data))


def test_any_union_of_parts_equals_its_share_of_the_whole(operator):
    """Several parts together give their rows of the data, and their adjoint the frames' share of A* y."""
    x, parts = noise(*SHAPE), operator.parts()
    y = operator(x)
    for chosen in itertools.chain(*(itertools.combinations(range(len(parts)), n) for n in (2, len(parts)))):
        frames = [t for k in chosen for t in parts[k].frames]
        subset, rows = operator.subset(list(chosen)), operator.take(y, list(chosen))
        close(subset(x[frames]), rows)
        close(subset.adjoint(rows), operator.adjoint(y)[frames])


def test_wrong_clip_shape_is_refused_by_message(operator):
    """The message says which shape was expected and which came."""
    with pytest.raises(InputError, match=r"expected clip of shape \(5, 2, 4, 3\), got \(5, 2, 3, 4\)"):
        operator(noise(T, C, W, H))


def test_wrong_data_shape_is_refused_by_message(operator):
    """Data with a row too many, of other structure, or with a member too many is refused, and the shapes are named."""
    y = operator(noise(*SHAPE))
    first = tensors_of(y)[0]
    longer = map_data(lambda t: torch.cat([t, t[:1]]), y)
    other = first if isinstance(y, tuple) else (y,)
    for wrong in (longer, other, *([(*y, first)] if isinstance(y, tuple) else [])):
        with pytest.raises(InputError, match=r"expected data .*got"):
            operator.adjoint(wrong)


def test_moves_type(operator):
    """`.double()` computes in float64, `.float()` in float32, to the same numbers."""
    x = noise(*SHAPE)
    precise = operator(x)
    assert {t.real.dtype for t in tensors_of(precise)} == {torch.float64}
    rough = operator.float()(x.float())
    assert {t.real.dtype for t in tensors_of(rough)} == {torch.float32}
    assert operator.adjoint(rough).dtype == torch.float32
    close(flat(rough), flat(precise).float())


def test_informative_entries_are_the_rows_that_see_something(operator):
    """`observed_mask` is false exactly where a row of the matrix is zero."""
    power, y = dense(operator).square().sum(1), operator(noise(*SHAPE))
    if isinstance(y, torch.Tensor) and y.is_complex():
        power = power.reshape(-1, 2).sum(1)
    told = torch.cat([known.flatten() for known in tensors_of(operator.observed_mask())])
    assert torch.equal(told, power > 0)


def test_row_norm(operator):
    """The root mean square norm of the informative rows, from the matrix; an estimate where it is not known exactly."""
    entries = sum(int(k.sum()) for k in tensors_of(operator.observed_mask()))
    known = math.sqrt(float(dense(operator).square().sum()) / entries)
    assert operator.float().row_norm() == pytest.approx(known, rel=0.2)


def test_check_operator_passes(operator):
    """An operator that keeps the laws is not complained about."""
    check_operator(operator.float())


# Identity of operators


def test_spec_rebuilds_the_same_numbers(saved):
    """from_spec(spec) measures the same clip to the same bits."""
    operator = saved(3)
    again = from_spec(operator.spec(), operator.spec_tensors())
    x = noise(*SHAPE, dtype=torch.float32)
    close(again(x), operator(x), rtol=0, atol=0)
    assert again.fingerprint() == operator.fingerprint()


def test_fingerprint_tells_operators_apart(saved):
    """Equal for equal operators, another for another seed."""
    assert saved(0).fingerprint() == saved(0).fingerprint()
    if saved is not SAVED["identity"]:
        assert saved(0).fingerprint() != saved(1).fingerprint()


def test_fingerprints_differ_between_kinds():
    """No two operators of the list share a fingerprint."""
    assert len({make().fingerprint() for make in OPERATORS.values()}) == len(OPERATORS)


def test_changed_tensor_is_refused(saved):
    """A mask other than the one the spec was taken from is refused."""
    operator = saved()
    changed = {n: ~t if t.dtype == torch.bool else 1 - t for n, t in operator.spec_tensors().items()}
    if changed:
        with pytest.raises(InputError, match="not those it was saved with"):
            from_spec(operator.spec(), changed)


@pytest.mark.parametrize("make", [blur, fourier])
def test_functions_cannot_be_rebuilt(make):
    """No file holds functions: the same operator has to be given again."""
    with pytest.raises(InputError, match="give the same operator again"):
        from_spec(make().spec())


def test_functions_are_known_by_what_they_do():
    """The same response gives the same fingerprint, another response another."""
    scaled = Functions(lambda x: 2 * x, lambda y: 2 * y, SHAPE)
    assert blur().fingerprint() == blur().fingerprint()
    assert len({blur().fingerprint(), fourier().fingerprint(), scaled.fingerprint()}) == 3


@pytest.mark.parametrize(
    ("change", "message"), [({"kind": "wormhole"}, "unknown kind 'wormhole'"), ({"streams": 99}, "newer lowreel")]
)
def test_specs_of_the_future_are_refused(change, message):
    """An unknown kind and newer random streams are refused in words."""
    with pytest.raises(InputError, match=message):
        from_spec(Identity(SHAPE).spec() | change)


# Wrong parameters


REFUSED = {
    "ratio 0": (lambda: MissingPixels(SHAPE, 0), "got 0; 0.8 drops 80 %"),
    "ratio 1": (lambda: MissingPixels(SHAPE, 1), "got 1"),
    "keeps no pixel": (lambda: MissingPixels(SHAPE, 0.99), "keeps no pixel of a 4x3 frame"),
    "m 0": (lambda: Gaussian(SHAPE, 0), "m from 1 to C H W = 24 .* got 0"),
    "m too large": (lambda: Gaussian(SHAPE, 25), "got 25"),
    "mask size": (lambda: Mask(SHAPE, kept(W, H)), r"got \(3, 4\); resize the mask"),
    "mask channels": (lambda: Mask(SHAPE, kept(T, 3, H, W)), r"got \(5, 3, 4, 3\)"),
    "fourier mask of no numbers": (lambda: Fourier(SHAPE, "mask", mask=torch.full((H, W), math.nan)), "not finite"),
    "mask of no numbers": (lambda: Mask(SHAPE, torch.full((H, W), math.nan)), "not finite"),
    "empty mask": (lambda: Mask(SHAPE, torch.zeros(H, W)), "hides every pixel"),
    "identity, 3 axes": (lambda: Identity(SHAPE[1:]), r"expected a clip shape \(T, C, H, W\)"),
    "missing, 3 axes": (lambda: MissingPixels(SHAPE[1:], 0.5), r"expected a clip shape \(T, C, H, W\)"),
    "mask, 3 axes": (lambda: Mask(SHAPE[1:], kept(H, W)), r"expected a clip shape \(T, C, H, W\)"),
    "gaussian, 3 axes": (lambda: Gaussian(SHAPE[1:], 3), r"expected a clip shape \(T, C, H, W\)"),
    "no frame": (lambda: Identity((0, 1, 4, 4)), "expected a clip shape"),
    "composed": (lambda: Mask(SHAPE, kept(H, W)) @ Gaussian(SHAPE, 7), r"Mask @ Gaussian: .*gives \(5, 7\)"),
    "stack of other clips": (lambda: Stacked([Identity(SHAPE), Identity((1, 1, 2, 2))]), "for one clip shape"),
    "stack in a stack": (
        lambda: Stacked([Identity(SHAPE), Stacked([Identity(SHAPE)])]),
        "one of the operators is a stack itself",
    ),
    "chain of a spectrum": (lambda: Identity(SHAPE) @ Fourier(SHAPE, "radial", 2), "complex data, which is no clip"),
    "stack of none": (lambda: Stacked([]), "got none"),
    "not functions": (lambda: Functions(1, 2, SHAPE), "expected two functions"),
}


@pytest.mark.parametrize(("make", "message"), REFUSED.values(), ids=REFUSED)
def test_wrong_parameters_are_refused(make, message):
    """What cannot be built is refused by a message that names what came."""
    with pytest.raises(InputError, match=message):
        make()


# Matrices written down by hand


def diagonal(mask):
    return torch.diag(mask.reshape(-1, 1, H, W).expand(SHAPE).double().flatten())


def blocks(rows):
    return torch.block_diag(*rows)


def gaussian_rows(m, seed):
    drawn = [streams.normals(seed, streams.GAUSSIAN, t, range(m), C * H * W) for t in range(T)]
    return torch.from_numpy(np.stack(drawn)).double() / math.sqrt(m)


DENSE = {
    "identity": lambda: torch.eye(math.prod(SHAPE), dtype=torch.float64),
    "mask H W": lambda: diagonal(kept(H, W, seed=0).expand(T, H, W)),
    "mask T H W": lambda: diagonal(kept(T, H, W, seed=0)),
    "mask T 1 H W": lambda: diagonal(kept(T, 1, H, W, seed=100)),
    "gaussian": lambda: blocks(gaussian_rows(7, 0)),
    "gaussian @ mask": lambda: blocks(gaussian_rows(7, 0)) @ diagonal(kept(T, H, W)),
    "mask @ mask": lambda: diagonal(kept(T, H, W, seed=0)) @ diagonal(kept(H, W, seed=7).expand(T, H, W)),
    "mask + gaussian": lambda: torch.cat([diagonal(kept(T, H, W)), blocks(gaussian_rows(7, 0))]),
}


@pytest.mark.parametrize("name", DENSE)
def test_matrix_by_hand(name):
    """Masks are diagonal, Gaussian a block a frame, @ a product of matrices, a stack one above the other."""
    close(dense(SAVED[name]().double()), DENSE[name]())


# Kinds


@pytest.mark.parametrize("ratio", [0.1, 0.5, 0.8, 0.95])
def test_missing_keeps_exactly_its_share_of_every_frame(ratio):
    """Each frame keeps round((1 - ratio) H W) pixels, the same ones in all channels, others in the next frame."""
    shape = (6, 3, 9, 7)
    mask = MissingPixels(shape, ratio, seed=4)(torch.ones(shape))
    assert mask.sum((2, 3)).unique().tolist() == [round((1 - ratio) * 63)]
    assert torch.equal(mask, mask[:, :1].expand(shape))
    assert all(not torch.equal(a, b) for a, b in itertools.combinations(mask, 2))


def test_gaussian_entries_have_mean_zero_and_variance_one_over_m():
    """Mean and variance lie within five standard errors; E|Ax|^2 = |x|^2."""
    m = 64
    rows = torch.stack([Gaussian((3, 1, 16, 16), m, seed=2).matrix(t) for t in range(3)]).double()
    count = rows.numel()
    assert abs(float(rows.mean())) * math.sqrt(m) < 5 / math.sqrt(count)
    assert abs(float(rows.var()) * m - 1) < 5 * math.sqrt(2 / count)


def test_gaussian_frames_and_seeds_are_independent():
    """The correlation between two frames' matrices, two rows, or two seeds lies within five standard errors of 0."""
    one, other = (
        torch.stack([Gaussian((2, 1, 16, 16), 64, seed=seed).matrix(t) for t in range(2)]).double() for seed in (0, 1)
    )
    for a, b in [(one[0], one[1]), (one, other), (one[:, :-1], one[:, 1:]), (one[..., :128], one[..., 128:])]:
        pair = torch.stack([a.flatten(), b.flatten()])
        assert abs(float(torch.corrcoef(pair)[0, 1])) < 5 / math.sqrt(pair.shape[1])


def test_numbers_have_an_address():
    """Rows drawn one by one, in blocks or in another order are the same numbers."""
    whole = streams.normals(7, streams.GAUSSIAN, 3, range(6), 11)
    one_by_one = [streams.normals(7, streams.GAUSSIAN, 3, range(row, row + 1), 11)[0] for row in reversed(range(6))]
    assert np.array_equal(whole, one_by_one[::-1])
    assert np.array_equal(whole[2:5], streams.normals(7, streams.GAUSSIAN, 3, range(2, 5), 11))
    assert np.array_equal(whole / np.float32(math.sqrt(6)), Gaussian((4, 1, 1, 11), 6, seed=7).matrix(3).numpy())


def test_streams_do_not_overlap():
    """Another seed, purpose, frame or row gives other words."""
    addresses = itertools.product((0, 1), (streams.MASK, streams.NOISE), (0, 1), (0, 1))
    words = np.concatenate([streams.raw(*address, 8) for address in addresses])
    assert len(set(words.tolist())) == 16 * 8


GOLDEN_WORDS = [15003734204198539638, 13859618513508960101, 12389738016430293093]
GOLDEN_ADDRESSED = [3438167997004147659, 11259923813280968786]
GOLDEN_NORMALS = [6.7637057, 6.5992794, 1.17741, 1.5258789e-05, -3.1989481, 0.0, 0.0, 0.0, -2.2322357e-14, -0.773907]
GOLDEN_MASK = [[0, 0, 1, 1, 0, 0, 1, 1, 0, 1, 1, 0], [0, 0, 0, 1, 1, 1, 0, 0, 1, 0, 1, 1]]
GOLDEN_ROWS = [
    [[-0.32048246, 0.9058036, -0.32023963], [-0.12415239, 1.2320446, -0.95173025]],
    [[-0.54498756, -0.6072991, -0.23172402], [-1.0872195, 0.08750335, -0.82367855]],
]


def test_golden_numbers():
    """Numbers that no later version may change: words, normals, a mask, a matrix (streams version 1)."""
    assert streams.VERSION == 1
    assert list(range(1, 9)) == [
        streams.MASK,
        streams.GAUSSIAN,
        streams.NOISE,
        streams.PROBE,
        streams.HELDOUT,
        6,
        streams.ORDER,
        streams.CHECK,
    ]
    assert streams.raw(0, streams.MASK, 0, 0, 3).tolist() == GOLDEN_WORDS
    assert streams.raw(5, streams.GAUSSIAN, 2, 3, 2).tolist() == GOLDEN_ADDRESSED
    words = np.array([0, 2**32, 2**63, 2**64 - 1, 0x0123456789ABCDEF], np.uint64)
    np.testing.assert_allclose(streams.to_normals(words), GOLDEN_NORMALS, rtol=1e-6, atol=1e-9)
    assert MissingPixels((2, 1, 3, 4), 0.5, seed=0).mask.int().flatten(1).tolist() == GOLDEN_MASK
    matrices = [Gaussian((2, 1, 1, 3), 2, seed=0).matrix(t) for t in range(2)]
    np.testing.assert_allclose(torch.stack(matrices), GOLDEN_ROWS, rtol=1e-6)


# Noise


def test_noise_level_is_in_grey_levels_for_pixels():
    """For pixels sigma is the level and the noise has that standard deviation, mean 0; dropped pixels stay zero."""
    operator = MissingPixels((8, 1, 32, 32), 0.5, seed=0)
    y = operator(levels(*operator.clip_shape))
    noisy, entry = add_white_noise(y, operator, level=0.1, seed=3)
    seen = (noisy - y)[operator.observed_mask()]
    assert entry == {"kind": "white", "level": 0.1, "sigma": 0.1, "seed": 3}
    assert abs(float(seen.mean())) < 5 * 0.1 / math.sqrt(seen.numel())
    assert abs(float(seen.var()) / 0.01 - 1) < 5 * math.sqrt(2 / seen.numel())
    assert not noisy[~operator.observed_mask()].any()


def test_noise_level_is_in_units_of_the_row_norm():
    """sigma = level times the root mean square norm of the rows, so that the level does not depend on m."""
    for m in (12, 48):
        operator = Gaussian((40, 2, 8, 3), m)
        y = operator(torch.zeros(operator.clip_shape))
        noisy, entry = add_white_noise(y, operator, level=0.2)
        rows = torch.stack([operator.matrix(t) for t in range(T)]).square().sum(-1).mean().sqrt()
        assert entry["sigma"] == pytest.approx(0.2 * float(rows), rel=0.05)
        assert abs(float(noisy.var()) / entry["sigma"] ** 2 - 1) < 5 * math.sqrt(2 / noisy.numel())


@pytest.mark.parametrize("name", ["missing", "gaussian", "mask + gaussian", "functions, complex", "mask @ mask"])
@pytest.mark.parametrize("snr", [0.0, 20.0])
def test_snr_is_reached(name, snr):
    """10 log10(|y|^2 / E|e|^2) is the ratio asked for; complex data too."""
    operator = OPERATORS[name]()
    y = operator(levels(*SHAPE, dtype=torch.float32))
    noisy = [flat(add_white_noise(y, operator, snr=snr, seed=seed)[0]) for seed in range(30)]
    power = torch.stack([(e - flat(y)).square().sum() for e in noisy]).mean()
    rows = sum(int(k.sum()) for k in tensors_of(operator.observed_mask()))
    wanted = float(flat(y).square().sum()) / 10 ** (snr / 10)
    assert abs(float(power) / wanted - 1) < 5 * math.sqrt(2 / (30 * rows))
    silent = torch.cat([k.flatten() for k in tensors_of(operator.observed_mask())])
    if not any(t.is_complex() for t in tensors_of(y)):
        assert not noisy[0][~silent].any()


@pytest.mark.parametrize("name", ["missing", "mask + gaussian", "functions, complex"])
def test_noise_is_seeded(name):
    """The same seed gives the same bits, another seed other noise; zero noise changes nothing."""
    operator = OPERATORS[name]()
    y = operator(levels(*SHAPE, dtype=torch.float32))
    one, again, other = (flat(add_white_noise(y, operator, level=0.1, seed=seed)[0]) for seed in (1, 1, 2))
    assert torch.equal(one, again)
    assert not torch.equal(one, other)
    silent, entry = add_white_noise(y, operator, level=0.0)
    assert torch.equal(flat(silent), flat(y))
    assert entry == {"kind": "none", "level": 0.0}


def test_noise_of_stack_members_differs():
    """Two members of a stack get noise of their own."""
    operator = Stacked([Identity(SHAPE), Identity(SHAPE)])
    one, other = add_white_noise(operator(torch.zeros(SHAPE)), operator, level=1.0)[0]
    assert not torch.equal(one, other)


@pytest.mark.parametrize(
    "asked", [{}, {"level": 0.1, "snr": 20}, {"level": -1}, {"level": math.nan}, {"level": math.inf}]
)
def test_wrong_noise_is_refused(asked):
    """Neither, both, or a level that is no standard deviation."""
    operator = Identity(SHAPE)
    with pytest.raises(InputError, match="noise: "):
        add_white_noise(torch.ones(SHAPE), operator, **asked)


# Data consistency


def test_nearest_consistent_is_the_projection(operator):
    """x + M^+ (y - M x): it meets the data, and no clip that does is closer."""
    x, start = levels(*SHAPE), levels(*SHAPE, seed=1)
    y, matrix = operator(x), dense(operator)
    found = project_onto_data(start, operator, y, operator.observed_mask(), iterations=1000, tolerance=1e-13)
    close(flat(operator(found)), flat(y))
    close(found.flatten(), start.flatten() + torch.linalg.pinv(matrix) @ (flat(y) - matrix @ start.flatten()))


def test_nearest_consistent_leaves_other_entries_alone():
    """Only the rows of the entries that are true are met."""
    operator = Gaussian(SHAPE, 7).double()
    start, y = levels(*SHAPE), operator(levels(*SHAPE, seed=1))
    entries = kept(T, 7)
    found = project_onto_data(start, operator, y, entries, iterations=1000, tolerance=1e-13)
    matrix = dense(operator)[entries.flatten()]
    close(operator(found)[entries], y[entries])
    difference = y[entries] - operator(start)[entries]
    close(found.flatten(), start.flatten() + torch.linalg.pinv(matrix) @ difference)


def test_nearest_consistent_puts_pixels_in_as_observed():
    """Known pixels become the data to rounding, unknown ones are untouched to the bit."""
    operator = MissingPixels(SHAPE, 0.5)
    start, y = levels(*SHAPE, dtype=torch.float32), operator(levels(*SHAPE, seed=1, dtype=torch.float32))
    found, seen = project_onto_data(start, operator, y, operator.observed_mask()), operator.observed_mask()
    close(found[seen], y[seen])
    assert torch.equal(found[~seen], start[~seen])


def test_nearest_consistent_keeps_a_clip_that_agrees():
    """A clip that meets the data already comes back as it is."""
    operator, x = Gaussian(SHAPE, 7), levels(*SHAPE, dtype=torch.float32)
    assert torch.equal(project_onto_data(x, operator, operator(x), operator.observed_mask()), x)


# Data files


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
    """NaN at an unobserved pixel is no concern of anyone's, and becomes zero."""
    operator = OPERATORS["missing"]()
    data = measured(operator).data
    blind = ~operator.observed_mask()
    found = checked(torch.where(blind, math.nan, data), operator)
    assert not found[blind].any()
    assert torch.equal(found[~blind], data[~blind])


def test_pixels_in_other_units_are_refused():
    """Data of 0 to 255 where grey levels are wanted is named as that."""
    operator = OPERATORS["missing"]()
    with pytest.raises(InputError, match=r"grey levels in \[0, 1\]"):
        checked(255 * operator(torch.ones(operator.clip_shape)), operator)


# Blocks, frames, signs, snapshots, spectra


def test_blocks_are_whole_and_counted():
    """Each block of the grid is kept or dropped as a whole, the right number of them, others in each frame."""
    mask = MissingBlocks((6, 3, 20, 28), 0.7, 8, seed=1)(torch.ones(6, 3, 20, 28))[:, 0]
    grid = mask[:, ::8, ::8]
    close(grid.repeat_interleave(8, 1).repeat_interleave(8, 2)[:, :20, :28], mask)
    assert grid.flatten(1).sum(1).tolist() == [round(0.3 * 12)] * 6
    assert len({tuple(frame.flatten().tolist()) for frame in grid}) > 1


def test_frames_are_whole_and_counted():
    """Of 10 frames 4 are seen, every pixel of them."""
    seen = MissingFrames((10, 1, 3, 4), 0.6, seed=2)(torch.ones(10, 1, 3, 4)).flatten(1)
    assert sorted(seen.mean(1).tolist()) == [0] * 6 + [1] * 4


def test_signs_are_plus_and_minus_one():
    """Entries +-1 / sqrt(m), both equally often, frames and seeds independent; the bits take an eighth of a byte."""
    one, other = (Signs((2, 1, 16, 16), 64, seed=seed) for seed in (0, 1))
    rows = [operator.matrix(t).flatten() * 8 for operator in (one, other) for t in (0, 1)]
    for row in rows:
        assert set(row.tolist()) == {-1, 1}
        assert abs(float(row.mean())) < 5 / math.sqrt(len(row))
    for a, b in itertools.combinations(rows, 2):
        assert abs(float((a * b).mean())) < 5 / math.sqrt(len(a))
    assert one.held.numel() == 2 * 64 * 256 // 8


def test_a_snapshot_is_the_sum_of_masked_frames():
    """y_k = sum_b mask_b x_(B k + b), the last picture of fewer frames."""
    x, mask = noise(7, 3, 5, 6), levels(3, 5, 6)
    y = Snapshot((7, 3, 5, 6), 3, mask=mask).double()(x)
    mask = mask.float().double()[:, None]
    close(y[0], (mask * x[:3]).sum(0))
    close(y[2], mask[0] * x[6])


def test_random_snapshot_masks_are_half_open():
    """0 and 1 equally often, other ones for each of the frames together."""
    codes = Snapshot((4, 1, 40, 70), 4, seed=3).codes
    assert set(codes.unique().tolist()) == {0, 1}
    assert abs(float(codes.mean()) - 0.5) < 5 * 0.5 / math.sqrt(codes.numel())
    assert abs(float(((2 * codes[0] - 1) * (2 * codes[1] - 1)).mean())) < 5 / math.sqrt(codes[0].numel())


def test_fourier_rows_hold_the_centre():
    """round(amount H) whole rows of each frame, those around zero among them; all rows are a unitary map."""
    mask = Fourier((5, 1, 50, 8), "rows", 0.3, seed=1).mask[:, 0]
    assert mask.all(2).sum(1).tolist() == mask.any(2).sum(1).tolist() == [15] * 5
    assert mask[:, [0, 1]].all()
    assert len({tuple(frame[:, 0].tolist()) for frame in mask}) > 1
    x = noise(*SHAPE)
    close(flat(Fourier(SHAPE, "rows", 1.0).double()(x)).norm(), x.norm())


def test_radial_lines_go_through_zero():
    """Each line has about as many points as the frame is wide, zero among them, and frames have lines of their own."""
    mask = Fourier((3, 1, 64, 64), "radial", 1).mask[:, 0]
    assert mask[:, 0, 0].all()
    assert all(45 <= count <= 100 for count in mask.flatten(1).sum(1).tolist())
    assert int((mask[0] & mask[1]).sum()) < 20
    assert int(Fourier((1, 1, 64, 64), "radial", 8).mask.sum()) > 5 * int(mask[0].sum())


NOT_BUILT = {
    "block": (lambda: MissingBlocks(SHAPE, 0.5, 9), "a block of 1 to 4 pixels, got 9"),
    "all blocks": (lambda: MissingBlocks(SHAPE, 0.99, 2), "keeps no block"),
    "all frames": (lambda: MissingFrames(SHAPE, 0.95), r"keeps no frame \(of 5\)"),
    "no frame named": (lambda: MissingFrames(SHAPE, dropped=[]), "some of the frames 0 to 4 to drop, .* got none"),
    "frames that are not there": (lambda: MissingFrames(SHAPE, dropped=[3, 5]), "frames 0 to 4 .* got 3 to 5"),
    "every frame named": (lambda: MissingFrames(SHAPE, dropped=range(5)), "not all of them"),
    "signs": (lambda: Signs(SHAPE, 0), "signs: expected m from 1"),
    "together": (lambda: Snapshot(SHAPE, 6), "expected 1 to 5 frames together, got 6"),
    "snapshot mask": (lambda: Snapshot(SHAPE, 2, mask=torch.ones(3, H, W)), r"expected a mask of shape \(2, 4, 3\)"),
    "dark mask": (lambda: Snapshot(SHAPE, 2, mask=torch.zeros(2, H, W)), "not all of them zero"),
    "rows": (lambda: Fourier(SHAPE, "rows", 1.5), "a share of the rows"),
    "lines": (lambda: Fourier(SHAPE, "radial", 0.5), "a whole number of radial lines"),
    "pattern": (lambda: Fourier(SHAPE, "spiral", 2), "the pattern rows or radial, or mask"),
    "no mask": (lambda: Fourier(SHAPE, "mask"), "or mask with a mask, got mask"),
    "fourier mask": (lambda: Fourier(SHAPE, "mask", mask=kept(W, H)), r"got \(3, 4\)"),
    "dark fourier mask": (lambda: Fourier(SHAPE, "mask", mask=torch.zeros(H, W)), "keeps nothing"),
    "patterns": (lambda: SinglePixel(SHAPE, 13), "from 1 to H W = 12 numbers per frame and channel, got 13"),
    "order": (lambda: Cosine(SHAPE, 3, "high"), "the order random or low, got high"),
    "sigma": (lambda: Blur(SHAPE, 0.0), "a sigma above 0"),
    "two kernels": (lambda: Blur(SHAPE, 1.0, kernel=torch.ones(3, 3)), "or a kernel"),
    "even kernel": (lambda: Blur(SHAPE, kernel=torch.ones(2, 3)), r"odd sizes, got \(2, 3\)"),
    "factor": (lambda: Downsample(SHAPE, 5), "a factor from 2 to 4, got 5"),
    "grey mosaic": (lambda: Bayer((2, 1, 4, 4)), "C = 3, got C = 1"),
    "tile": (lambda: Bayer((2, 3, 4, 4), "rgbg"), "got rgbg"),
    "long exposure": (lambda: LongExposure(SHAPE, 6), "2 to 5 frames together, got 6"),
}


@pytest.mark.parametrize(("build", "message"), NOT_BUILT.values(), ids=NOT_BUILT)
def test_parameters_out_of_range_are_refused(build, message):
    """By what was expected and what came."""
    with pytest.raises(InputError, match=message):
        build()


BITS = {
    "blocks": (lambda: MissingBlocks((2, 1, 8, 8), 0.5, 2).mask, "f931d82b6802"),
    "frames": (lambda: MissingFrames((9, 1, 1, 1), 0.5).mask, "426944f82e5f"),
    "signs": (lambda: Signs((2, 1, 4, 5), 3).held, "ff6604c8ad9a"),
    "snapshot": (lambda: Snapshot((4, 1, 5, 70), 4).codes, "7e6e470e1413"),
    "rows": (lambda: Fourier((3, 1, 20, 4), "rows", 0.4).mask, "30e392bf50ac"),
    "single-pixel": (lambda: SinglePixel((2, 1, 5, 7), 9, "random").places, "a92ceebc9699"),
    "pixel signs": (lambda: SinglePixel((2, 1, 5, 7), 9, "random").signs > 0, "ee56772eef2c"),
    "cake": (lambda: SinglePixel((2, 1, 5, 7), 9, "cake").places, "6159410b8e60"),
    "dct": (lambda: Cosine((2, 1, 5, 7), 9).places, "94ea3d42747a"),
    "radial": (lambda: Fourier((3, 1, 20, 14), "radial", 3).mask, "701d75b25bfd"),
}


@pytest.mark.parametrize(("tensor", "expected"), BITS.values(), ids=BITS)
def test_random_bits_stay_what_they_are(tensor, expected):
    """A file holds the seed alone: the same seed has to give the same operator for good."""
    assert hashlib.sha256(tensor().to(torch.uint8).contiguous().numpy().tobytes()).hexdigest()[:12] == expected


@pytest.mark.parametrize("kind", [Gaussian, Signs])
def test_projections_drawn_anew_are_those_held(kind):
    """However many rows are held in memory, y = A x and A* y are the same to the bit."""
    m = 5 * BLOCK - 1
    x, y = levels(2, 1, 63, 9, dtype=torch.float32), levels(2, m, dtype=torch.float32)
    shape, whole = tuple(x.shape), kind.bytes_for(tuple(x.shape), m)
    tilings = [kind(shape, m, seed=3, memory=round(whole * share)) for share in (0, 0.25, 0.5, 0.8, 1, 2)]
    assert sorted({operator.held.numel() for operator in tilings}) == [
        operator.held.numel() for operator in tilings[:5]
    ]
    assert all(operator.held.numel() * operator.held.element_size() <= round(whole) for operator in tilings)
    for operator in tilings[1:]:
        assert torch.equal(operator(x), tilings[0](x))
        assert torch.equal(operator.adjoint(y), tilings[0].adjoint(y))
        assert torch.equal(operator.subset([1])(x[1:]), tilings[0](x)[1:])


@pytest.mark.parametrize("count", [1, 2, 8, 32])
def test_hadamard_is_the_matrix(count):
    """The transform is SciPy's Hadamard matrix on both axes; stripes and pieces are those that one counts."""
    from scipy.linalg import hadamard as matrix_of
    from scipy.ndimage import label

    matrix, x = matrix_of(count), noise(2, count, count)
    close(hadamard(x), torch.from_numpy(matrix).double() @ x @ torch.from_numpy(matrix).double())
    assert _stripes(count).tolist() == [1 + int((row[1:] != row[:-1]).sum()) for row in matrix]
    operator = SinglePixel((1, 1, count, count), count**2, "cake")
    patterns = dense(operator).reshape(-1, count, count) > 0
    pieces = [label(p)[1] + label(~p)[1] for p in patterns.numpy()]
    assert pieces == sorted(pieces)


@pytest.mark.parametrize("side", [(3, 4), (5, 7), (6, 12)])
def test_no_cake_pattern_is_a_sum_of_others(side):
    """At any size: a number that is held out would follow from the others, and say nothing of the clip."""
    camera = SinglePixel((1, 1, *side), math.prod(side), "cake")
    assert np.linalg.cond(dense(camera)) < 100
    before = {name: value for name, value in camera.spec().items() if name != "patterns"}
    with pytest.raises(InputError, match="measure again"):
        from_spec(before)


@pytest.mark.parametrize("count", [1, 2, 7, 12])
def test_cosine_transform_is_that_of_scipy(count):
    """DCT-II, orthonormal, and its inverse, for even and odd lengths."""
    from scipy.fft import dct as dct_of

    x = noise(3, count)
    close(dct(x).numpy(), dct_of(x.numpy(), norm="ortho"))
    close(inverse_dct(dct(x)), x)


def test_blur_is_a_convolution():
    """A kernel that is not symmetric comes out of a point as it is; a constant frame stays what it is."""
    point, kernel = torch.zeros(1, 1, 7, 9), noise(3, 5).float()
    point[0, 0, 3, 4] = 1
    close(Blur((1, 1, 7, 9), kernel=kernel)(point)[0, 0, 2:5, 2:7], kernel)
    close(Blur((2, 3, 7, 9), 2.0)(torch.full((2, 3, 7, 9), 0.4)), torch.full((2, 3, 7, 9), 0.4))


def test_means_of_pixels_and_frames():
    """Downsampling averages tiles, smaller ones at the border; a long exposure averages frames."""
    x = levels(4, 1, 5, 4)
    coarse = Downsample((4, 1, 5, 4), 2)(x)
    close(coarse[:, :, 1, 0], x[:, :, 2:4, :2].mean((-1, -2)))
    close(coarse[:, :, 2, 1], x[:, :, 4:, 2:].mean((-1, -2)))
    close(LongExposure((4, 1, 5, 4), 3)(x), torch.stack([x[:3].mean(0), x[1:].mean(0)]))


def test_a_mosaic_sees_one_colour_of_each_pixel():
    """In tiles of 2x2: here green and red above, blue and green below."""
    seen = Bayer((1, 3, 5, 4), "grbg")(torch.ones(1, 3, 5, 4))[0]
    assert seen.sum(0).eq(1).all()
    assert [int(seen[:, i, j].argmax()) for i, j in itertools.product((2, 3), (0, 1))] == [1, 0, 2, 1]


DROP = Path("../shared/data/sci/drop40_cacti.mat")


@pytest.mark.skipif(not DROP.exists(), reason="the snapshot benchmark file is not here")
def test_snapshot_is_the_convention_of_the_benchmark_file():
    """meas / 255 of drop40_cacti.mat is what `Snapshot` makes of its first 8 frames and its mask."""
    from scipy.io import loadmat

    held = loadmat(DROP, variable_names=["orig", "mask", "meas"])
    clip = torch.from_numpy(held["orig"][..., :8].astype(np.float32).transpose(2, 0, 1) / 255)[:, None]
    mask = held["mask"].astype(np.float32).transpose(2, 0, 1)
    y = Snapshot(tuple(clip.shape), 8, mask=mask)(clip)
    np.testing.assert_allclose(y[0, 0], held["meas"][..., 0] / 255, atol=1e-4)


def test_the_list_holds_every_way_to_cut_a_clip():
    """The laws on parts see operators cut by one frame, by two, by three and by none."""
    assert {make().part_frames for make in OPERATORS.values()} == {1, 2, 3, T}
