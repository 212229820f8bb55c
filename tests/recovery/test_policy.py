"""Held-out data: the share asked for, of what says something, seeded, and never all of it."""

import pytest
import torch
from cases import OPERATORS, SHAPE, T, kept, noise

from lowreel.data import hold_out
from lowreel.data.distances import are_scattered
from lowreel.errors import InputError
from lowreel.operators import Fourier, Gaussian, Identity, Mask, MissingPixels, Stacked, tensors_of
from lowreel.operators.arrangement import Lines, Ordered, Pixels
from lowreel.settings import MOST_HELDOUT_SHARE


@pytest.fixture(params=OPERATORS.values(), ids=OPERATORS)
def operator(request):
    return request.param()


def test_heldout_has_the_structure_of_the_data(operator):
    """Booleans like the data, a tuple where the data is one."""
    y, held = operator(noise(*SHAPE, dtype=torch.float32)), hold_out(operator, 0.1)
    assert isinstance(held, tuple) == isinstance(y, tuple)
    assert [tuple(h.shape) for h in tensors_of(held)] == [tuple(t.shape) for t in tensors_of(y)]
    assert {h.dtype for h in tensors_of(held)} == {torch.bool}


@pytest.mark.parametrize("share", [0.02, 0.25])
def test_heldout_is_the_share_of_the_informative_entries(operator, share):
    """Of each member round(share n) of its n informative entries, at least one; pixels count once for all channels. Of
    several members some may have up to MOST_HELDOUT_SHARE.

    Where all parts are measured alike this holds of the first one, and the others hold out the same entries. Holes
    and lines, which are held out whole, have laws of their own, below.
    """
    members = tensors_of(operator.observed_mask())
    alike, held_out = operator.repeated_rows(members), hold_out(operator, share)
    for held, known, rows, arrangement in zip(
        tensors_of(held_out), members, alike, operator.arrangements(), strict=True
    ):
        assert not (held & ~known).any()
        if (held.ndim == 4 and operator.is_complex) or not is_drawn_alone(arrangement, known):
            continue
        if tuple(known.shape) == SHAPE or isinstance(arrangement, Ordered):
            assert torch.equal(held, held.any(1, keepdim=True) & known)
            held, known = held.any(1), known.any(1)
        most = share if len(members) == 1 else max(share, MOST_HELDOUT_SHARE)
        fewest, largest = (max(1, round(of * int(known[:rows].sum()))) for of in (share, most))
        assert fewest <= int(held[:rows].sum()) <= largest
        for start in range(0, len(held), rows):
            part = slice(start, start + rows)
            assert torch.equal(held[part], held[:rows][: len(held[part])] & known[part])


def is_drawn_alone(arrangement, known):
    """Whether each number is drawn by itself, by the operator or because what is missing of the pixels is scattered."""
    is_shaped = isinstance(arrangement, Pixels) and not are_scattered(known.any(1).numpy())
    return not is_shaped and not isinstance(arrangement, Lines)


def test_heldout_is_seeded(operator):
    """The same seed holds out the same entries, another seed others."""
    drawn = [torch.cat([h.flatten() for h in tensors_of(hold_out(operator, 0.2, s))]) for s in (3, 3, 4, 5, 6)]
    assert torch.equal(drawn[0], drawn[1])
    assert not all(torch.equal(drawn[0], other) for other in drawn[2:])


def test_heldout_pixels_are_spread_over_the_clip():
    """Every frame and every quarter of the picture gives about its share."""
    operator = MissingPixels((8, 1, 32, 32), 0.5)
    held = hold_out(operator, 0.25).float()
    quarters = held.reshape(8, 1, 2, 16, 2, 16).mean((1, 3, 5))
    assert float(quarters.min()) > 0.125 / 2
    assert float(quarters.max()) < 0.125 * 2


def test_stack_members_hold_out_entries_of_their_own():
    """Two equal members do not hold out the same pixels."""
    one, other = hold_out(Stacked([Identity(SHAPE), Identity(SHAPE)]), 0.2)
    assert not torch.equal(one, other)


def one_pixel():
    mask = torch.zeros(SHAPE[2:], dtype=torch.bool)
    mask[1, 2] = True
    return mask


NOTHING_LEFT = {
    "one pixel, one frame": lambda: Mask((1, *SHAPE[1:]), one_pixel()),
    "one number": lambda: Gaussian((1, *SHAPE[1:]), 1),
    "one number twice": lambda: Stacked([Gaussian((1, *SHAPE[1:]), 1, seed=s) for s in (0, 1)]),
}


@pytest.mark.parametrize("make", NOTHING_LEFT.values(), ids=NOTHING_LEFT)
def test_refused_when_nothing_is_left_to_fit(make):
    """Holding out the only entry would leave nothing to fit."""
    with pytest.raises(InputError, match="leaves nothing to fit or to judge"):
        hold_out(make(), 0.02)


def test_two_pixels_are_enough():
    """One to fit and one to judge."""
    mask = one_pixel()
    mask[0, 0] = True
    held = hold_out(Mask((1, 1, *SHAPE[2:]), mask), 0.02)
    assert int(held.sum()) == 1


def test_never_all_even_when_rounding_up():
    """A share just below one half of a single frame still leaves entries to fit."""
    operator = Mask(SHAPE, kept(T, *SHAPE[2:]))
    assert int(hold_out(operator, 0.49).sum()) < int(operator.observed_mask().sum())


ALIKE = {
    "mask H W": 1,
    "single-pixel, cake": 1,
    "single-pixel, random": T,
    "missing": T,
    "snapshot": 1,
    "gaussian": T,
    "identity": T,
    "exposure": T - 1,
    "dct, low": 1,
}


@pytest.mark.parametrize(("name", "rows"), ALIKE.items())
def test_parts_that_are_measured_alike_are_known(name, rows):
    """One set of patterns for all frames, unless they see everything; not where each frame has its own."""
    operator = OPERATORS[name]()
    assert operator.repeated_rows(tensors_of(operator.observed_mask())) == [rows]


@pytest.mark.parametrize("pattern", ["rows", "radial"])
def test_twins_in_a_spectrum_are_held_out_together(pattern):
    """y(-k) is the conjugate of y(k): nothing that is fitted says what is held out; it is at most twice the share."""
    operator = Fourier((6, 1, 24, 20), pattern, 0.4 if pattern == "rows" else 6)
    held, known = hold_out(operator, 0.1), operator.observed_mask()
    fitted = known & ~held
    negative = fitted.flip(-2, -1).roll((1, 1), (-2, -1))
    assert not (held & negative).any()
    assert 0.1 * int(known.sum()) - 1 <= int(held.sum()) <= 0.2 * int(known.sum()) + 1
