"""What is held out is shaped like what is missing: holes as far from what is fitted as the gaps, lines, an order."""

import numpy as np
import pytest
import torch
from cases import levels, moving

from lowreel.data import held_out_by, hold_out, holes
from lowreel.data.distances import are_scattered, difference, distance_classes, sampled, share_beyond
from lowreel.errors import InputError
from lowreel.operators import (
    MRI,
    Bayer,
    Cosine,
    Fourier,
    Gaussian,
    Mask,
    MissingBlocks,
    MissingFrames,
    MissingPixels,
    SinglePixel,
    Stacked,
    radial,
    simulated_coil_maps,
    tensors_of,
)
from lowreel.system import streams

SHAPE = (16, 1, 32, 32)
T, _, H, W = SHAPE


def clouds(hidden=0.6):
    """What smooth noise below a level leaves to be seen: connected, moving, another in each frame."""
    noise = torch.randn(T + 5, 1, H, W, generator=torch.Generator().manual_seed(0))
    smooth = torch.nn.functional.avg_pool2d(noise, 9, 1, 4)[:, 0]
    smooth = torch.stack([smooth[t : t + 5].mean(0) for t in range(T)])
    return smooth < smooth.flatten().kthvalue(int((1 - hidden) * smooth.numel())).values


def columns(step):
    """Four columns that are missing, `step` further in each frame."""
    kept = torch.ones(T, H, W, dtype=torch.bool)
    for t in range(T):
        kept[t, :, [(5 + k + step * t) % W for k in range(4)]] = False
    return kept


SHAPED = {
    "blocks": lambda: MissingBlocks(SHAPE, 0.5, 8),
    "blocks in colour": lambda: MissingBlocks((16, 3, 32, 32), 0.4, 8),
    "clouds": lambda: Mask(SHAPE, clouds()),
    "fixed columns": lambda: Mask(SHAPE, columns(0)),
    "moving columns": lambda: Mask(SHAPE, columns(5)),
    "half of the frames": lambda: MissingFrames((40, 1, 8, 8), 0.5),
    "three frames": lambda: MissingFrames((32, 1, 8, 8), dropped=range(5, 8)),
    "the first frames": lambda: MissingFrames((32, 1, 8, 8), dropped=range(4)),
}


@pytest.fixture(params=SHAPED.values(), ids=SHAPED)
def shaped(request):
    return request.param()


def masks(operator, held):
    """What is known and what is held out of the frames that are not measured alike, (T, H, W) each."""
    known = operator.observed_mask()
    rows = operator.repeated_rows((known,))[0]
    return known[:rows].any(1).numpy(), held[:rows].any(1).numpy()


def test_held_out_holes_are_as_far_from_what_is_fitted_as_the_gaps(shaped):
    """Their distances in the frame and in time differ from those of the gaps by less than a third of the pixels."""
    known, held = masks(shaped, hold_out(shaped, 0.05))
    draw = np.random.default_rng(0)
    found = distance_classes(known & ~held, sampled(held, 4096, draw))
    wanted = distance_classes(known, sampled(~known, 4096, draw))
    single = distance_classes(known, sampled(known, 4096, draw))
    assert difference(found, wanted) < 0.35 < difference(single, wanted)
    assert share_beyond(known, held) < 0.35


def test_held_out_holes_leave_enough_to_fit(shaped):
    """At most a tenth of what is known, and of each frame a part, or a third of the frames where frames are missing."""
    known, held = masks(shaped, hold_out(shaped, 0.05))
    assert held.any()
    assert not (held & ~known).any()
    if isinstance(shaped, MissingFrames):
        assert (held == known)[held.any((1, 2))].all()
        assert held.sum() <= known.sum() / 3
    else:
        assert held.sum() <= 0.11 * known.sum()
        assert (known & ~held).any((1, 2))[known.any((1, 2))].all()


def test_held_out_holes_are_seeded_and_of_all_channels(shaped):
    """The same seed cuts the same holes, another seed others; the channels of a pixel are held out together."""
    one, same, other = (hold_out(shaped, 0.05, seed) for seed in (3, 3, 4))
    assert torch.equal(one, same)
    assert not torch.equal(one, other)
    assert torch.equal(one, one.any(1, keepdim=True) & shaped.observed_mask())


def test_holes_lie_together(shaped):
    """Each held-out entry has a hole; there are fewer holes than pixels, and several."""
    held, known = hold_out(shaped, 0.05), shaped.observed_mask()
    (numbers,) = holes(shaped, held, known)
    assert len(numbers) == int(held.sum())
    assert 1 < len(numbers.unique()) < int(held.any(1).sum())


def test_readouts_are_compared_by_pieces_from_their_middle_outwards():
    """Four of each, the same in all coils; those of a readout have numbers one after the other."""
    operator = MRI((T, 1, 12, 12), trajectory=radial(7, 12, T), coil_maps=simulated_coil_maps(2, (12, 12)))
    held, known = hold_out(operator, 0.1), operator.observed_mask()
    (numbers,) = holes(operator, held, known)
    pieces = torch.full(held.shape, -1).masked_scatter(held, numbers)
    assert torch.equal(pieces[:, 0], pieces[:, 1])
    lines = held[:, 0].any(-1)
    assert torch.equal(numbers.unique() % 4, torch.arange(4).repeat(int(lines.sum())))
    for line in pieces[:, 0][lines]:
        there = line[line >= 0] % 4
        assert torch.equal(there, there.flip(0))
        assert (there[len(there) // 2 :].diff() >= 0).all()


SCATTERED = {
    "missing": lambda: MissingPixels(SHAPE, 0.8),
    "a random mask": lambda: Mask(SHAPE, levels(T, H, W) < 0.3),
    "bayer": lambda: Bayer((2, 3, 16, 16)),
}


@pytest.mark.parametrize("make", SCATTERED.values(), ids=SCATTERED)
def test_scattered_pixels_are_held_out_one_by_one(make):
    """Those with the smallest random words, as ever; each is a hole of its own."""
    operator = make()
    known = operator.observed_mask()
    rows = operator.repeated_rows((known,))[0]
    places = known[:rows].any(1).flatten().nonzero()[:, 0]
    words = streams.raw(0, streams.HELDOUT, 0, 0, len(places))
    first = np.sort(np.argsort(words, kind="stable")[: round(0.05 * len(places))])
    held = hold_out(operator, 0.05)
    assert torch.equal(held[:rows].any(1).flatten().nonzero()[:, 0], places[torch.from_numpy(first)])
    assert holes(operator, held, known) == (None,)


def test_holes_lie_where_as_much_changes():
    """On a clip in which a small thing moves they are not all on the still rest, nor all on the thing."""
    clip = moving(16, 1, 32, 32)
    changing = (clip.amax(0) - clip.amin(0))[0] > 0.05
    operator = MissingBlocks(SHAPE, 0.5, 8)
    held = hold_out(operator, 0.05, data=operator(clip))
    share = float(changing.float().mean())
    assert 0.4 * share < float((held & changing).sum() / held.sum()) < 1.6 * share


@pytest.mark.parametrize("pattern", ["rows", "radial"])
def test_whole_lines_of_a_spectrum_are_held_out(pattern):
    """A line is held out or not, but for entries that lie on several; never those around zero, nor more than half of a
    frame's."""
    operator = Fourier((12, 1, 32, 32), pattern, 0.4 if pattern == "rows" else 8)
    held, known = hold_out(operator, 0.05), operator.observed_mask()
    (lines,) = operator.arrangements()
    own = lines.numbers.expand(known.shape)
    assert 0.03 < int(held.sum()) / int(known.sum()) < 0.15
    assert not held[..., 0, 0].any()
    for t in range(12):
        shares = [float(held[t][own[t] == k].double().mean()) for k in own[t][own[t] >= 0].unique()]
        assert all(share < 0.1 or share > 0.9 for share in shares)
        assert sum(share > 0.5 for share in shares) <= len(shares) / 2


def test_lines_of_a_given_mask_are_found():
    """Columns that are measured whole or not at all are lines; a scattered mask has none."""
    kept = torch.zeros(6, 16, 16, dtype=torch.bool)
    kept[:, :, [0, 1, 15, 4, 7, 10]] = True
    held = hold_out(Fourier((6, 1, 16, 16), "mask", mask=kept), 0.1)
    assert held.any()
    assert torch.equal(held.any(2, keepdim=True) & kept[:, None], held)
    assert not held[..., [0, 1, 15]].any()
    scattered = Fourier((6, 1, 16, 16), "mask", mask=levels(6, 16, 16) < 0.5)
    assert holes(scattered, hold_out(scattered, 0.1), scattered.observed_mask()) == (None,)


@pytest.mark.parametrize("make", [lambda: SinglePixel((4, 2, 16, 16), 60), lambda: Cosine((4, 2, 16, 16), 60, "low")])
def test_numbers_from_coarse_to_fine_are_held_out_from_coarse_to_fine(make):
    """One of each stretch, but never the coarsest; the same of all frames and channels."""
    operator = make()
    for seed in range(5):
        held = hold_out(operator, 0.1, seed)
        (places,) = held[0, 0].nonzero(as_tuple=True)
        assert torch.equal(held, held[:1, :1].expand(held.shape))
        assert len(places) == 6
        for k, place in enumerate(places.tolist()):
            assert 1 + int(k * 59 / 6) <= place < 2 + (k + 1) * 59 / 6


def test_a_stack_holds_out_of_each_member_what_suits_it():
    """Holes of the mask, single numbers of the projections."""
    stack = Stacked([MissingBlocks(SHAPE, 0.5, 8), Gaussian(SHAPE, 40)])
    held = hold_out(stack, 0.05)
    first, second = holes(stack, held, stack.observed_mask())
    assert first is not None
    assert second is None
    assert all(bool(h.any()) for h in tensors_of(held))


def test_a_member_with_few_numbers_has_more_of_them_held_out():
    """As many of each member, up to a twentieth of its own; what somebody asks for is the least."""
    stack = Stacked([MissingPixels(SHAPE, 0.9), Gaussian(SHAPE, 400), Gaussian(SHAPE, 40)])
    known = [int(k.sum()) for k in tensors_of(stack.observed_mask())]
    for share, wanted in ((0.02, [0.02 * sum(known) / 3 / known[0], 0.02, 0.05]), (0.1, [0.1, 0.1, 0.1])):
        held = tensors_of(hold_out(stack, share))
        assert [int(h.sum()) / k for h, k in zip(held, known, strict=True)] == pytest.approx(wanted, abs=2e-3)


def test_what_is_scattered_is_told_from_holes():
    """Random pixels are scattered, as none and all are; blocks, frames and single columns are not."""
    scattered = [levels(T, H, W).numpy() < share for share in (0.1, 0.5, 0.9)]
    assert all(are_scattered(mask) for mask in [*scattered, np.ones((2, 4, 4), bool), np.zeros((2, 4, 4), bool)])
    assert not are_scattered(MissingBlocks(SHAPE, 0.5, 8).mask[:, 0].numpy())
    assert not are_scattered(np.broadcast_to(np.arange(W) % 6 != 0, (T, H, W)))


def test_ones_own_choice_is_taken():
    """Of a frame's size for all frames, or of the clip's; only what is known is held out."""
    operator = MissingPixels(SHAPE, 0.5)
    known, chosen = operator.observed_mask(), levels(H, W) < 0.1
    for given in (chosen, chosen.numpy(), chosen.expand(T, H, W), chosen.expand(T, 1, H, W).float()):
        assert torch.equal(held_out_by(given, operator, known), chosen & known)


@pytest.mark.parametrize(
    ("holdout", "words"),
    [
        (np.zeros((H, W), bool), "none of the numbers"),
        (np.ones((H, W), bool), "nothing is left to fit"),
        (np.ones((H, W + 1), bool), "expected the shape"),
        (np.full((H, W), 0.5), "expected True"),
        (np.full((H, W), np.nan), "expected True"),
        ((np.ones((H, W), bool),) * 2, "expected"),
    ],
)
def test_a_choice_that_cannot_be_is_refused(holdout, words):
    operator = MissingPixels(SHAPE, 0.5)
    with pytest.raises(InputError, match=words):
        held_out_by(holdout, operator, operator.observed_mask())
