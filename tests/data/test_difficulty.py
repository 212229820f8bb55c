"""How much harder gaps are than what is held out: the same level is foretold, whatever is held out."""

import numpy as np
import pytest
import torch
from cases import levels, moving

from lowreel.baselines import interpolate_times
from lowreel.data import distances, gap_factor, hold_out
from lowreel.operators import Gaussian, MissingBlocks, MissingFrames, MissingPixels

SHAPE = (16, 1, 32, 32)


@pytest.fixture(
    params=[MissingBlocks(SHAPE, 0.5, 8), MissingFrames(SHAPE, dropped=[4, 5, 11])], ids=["blocks", "frames"]
)
def operator(request):
    return request.param


def test_easy_and_hard_holes_foretell_the_same(operator):
    """Of a guess's errors at the easiest and the hardest of ten drawings of holes, 3 dB apart and more, the factor
    leaves less than half of that, and what is foretold is nearer to the error at the gaps."""
    clip = moving(*SHAPE)[[*range(10), *[9] * 6]]  # it then stands still
    data, known = operator(clip), operator.observed_mask()
    drawn = [hold_out(operator, 0.05, seed, data=data) for seed in range(10)]
    errors = np.array([float((interpolate_times(data, known & ~h) - clip)[h].square().mean()) for h in drawn])
    ends = [errors.argmin(), errors.argmax()]
    told = [errors[k] * gap_factor(operator, data, known, drawn[k]) for k in ends]
    true = float((interpolate_times(data, known) - clip)[~known].square().mean())
    before, after = (10 * np.log10(np.array(pair) / true) for pair in (errors[ends], told))
    assert np.ptp(before) > 3
    assert np.ptp(after) < np.ptp(before) / 2
    assert np.abs(after).mean() < np.abs(before).mean()


def test_the_factor_is_seeded(operator):
    data, known = operator(moving(*SHAPE)), operator.observed_mask()
    held = hold_out(operator, 0.05, data=data)
    one, same, other = (gap_factor(operator, data, known, held, seed) for seed in (3, 3, 4))
    assert one == same != other


def test_there_is_no_factor_where_nothing_can_be_guessed():
    """Of scattered pixels, of what is no pixels, and of a clip that stands still."""
    for operator in (MissingPixels(SHAPE, 0.5), Gaussian(SHAPE, 40), MissingFrames(SHAPE, dropped=[4, 5, 11])):
        data, known = operator(levels(1, 1, 32, 32).float().expand(SHAPE)), operator.observed_mask()
        assert gap_factor(operator, data, known, hold_out(operator, 0.05, data=data)) == 1


def test_change_is_the_same_in_stretches(monkeypatch):
    """Bit for bit, however few pixels are looked at together."""
    draw = np.random.default_rng(0)
    values, known = draw.random((6, 9, 9), np.float32), draw.random((6, 9, 9)) < 0.4
    places = np.nonzero(~known)
    whole = distances.change_at(values, known, places)
    monkeypatch.setattr(distances, "CHANGE_VALUES", 7 * 6 * 9)
    assert np.array_equal(whole, distances.change_at(values, known, places))


def test_change_is_the_same_in_long_clips(monkeypatch):
    """Known pixels are looked for near each frame first, and in all others where there are none."""
    draw = np.random.default_rng(0)
    values, known = draw.random((23, 9, 9), np.float32), draw.random((23, 9, 9)) < 0.15
    known[4:15, :4] = False
    places = np.nonzero(~known)
    monkeypatch.setattr(distances, "NEAR_FRAMES", 23)
    whole = distances.change_at(values, known, places)
    monkeypatch.setattr(distances, "NEAR_FRAMES", 3)
    assert np.array_equal(whole, distances.change_at(values, known, places))


def test_white_noise_is_taken_off():
    """With its size known the factor is nearer to that of the clip itself; where noise hides the errors it is 1."""
    operator = MissingBlocks(SHAPE, 0.5, 8)
    clip = moving(*SHAPE)[[*range(10), *[9] * 6]]
    known, noise = operator.observed_mask(), torch.randn(SHAPE, generator=torch.Generator().manual_seed(1))
    data = operator(clip + 0.01 * noise)
    off = {0.0: 0.0, 0.01: 0.0}
    for seed in (0, 1):
        held = hold_out(operator, 0.05, seed, data=data)
        own = (interpolate_times(operator(clip), known & ~held) - clip)[held].square().mean()
        true = float((interpolate_times(operator(clip), known) - clip)[~known].square().mean() / own)
        for sigma in off:
            off[sigma] += abs(np.log(gap_factor(operator, data, known, held, sigma=sigma) / true))
    assert off[0.01] < 0.6 * off[0.0]
    assert gap_factor(operator, operator(clip + 0.5 * noise), known, held, sigma=0.5) == 1
