"""Laws over one list of operators (cases.OPERATORS); what each kind promises beyond them stands in files of its own."""

import itertools
import math

import numpy as np
import pytest
import torch
from cases import OPERATORS, SAVED, SHAPE, C, H, T, W, blur, dense, flat, fourier, kept, like, noise

from lowreel.errors import InputError
from lowreel.operators import Functions, Identity, check_operator, from_spec, map_data, tensors_of
from lowreel.system import streams

close = torch.testing.assert_close


@pytest.fixture(params=OPERATORS.values(), ids=OPERATORS)
def operator(request):
    return request.param().double()


@pytest.fixture(params=SAVED.values(), ids=SAVED)
def saved(request):
    return request.param


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
        close(flat(found), flat(cut(y, part.data)))  # which has no rows of tensors that do not see the part


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


def test_the_list_holds_every_way_to_cut_a_clip():
    """The laws on parts see operators cut by one frame, by two, by three and by none."""
    assert {make().part_frames for make in OPERATORS.values()} == {1, 2, 3, T}
