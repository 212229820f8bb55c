"""Long clips in sections: cuts found in the data, sections that cover the clip, joints without a seam."""

import math
from importlib.resources import as_file, files
from itertools import pairwise

import pytest
import torch
from cases import levels
from conftest import moving

from lowreel import InputError, Measured, MissingPixels, add_white_noise, open_clip
from lowreel.operators import Signs, SinglePixel, Snapshot, from_spec, temporal_slice
from lowreel.runs.scenes import cuts, outlines
from lowreel.runs.sections import OVERLAP_FRAMES, ClipSource, joined, sections_of

# ------------------------------------------------------------------------------------------------------------- cuts

OPERATORS = {
    "missing 80 %": lambda shape: MissingPixels(shape, 0.8),
    "missing 95 %": lambda shape: MissingPixels(shape, 0.95),
    "signs": lambda shape: Signs(shape, math.prod(shape[1:]) // 4),
    "single-pixel": lambda shape: SinglePixel(shape, 200),
    "snapshot": lambda shape: Snapshot(shape, 4),
}


def scenes():
    """Frames of three clips that have nothing in common, one after the other: 16, 20 and 24."""
    with as_file(files("lowreel") / "assets" / "demo.mp4") as path:
        demo = open_clip(path, size=(32, 32), channels=3).read(0, 40)
    return torch.cat([demo[:16], open_clip("color-wheel:0", size=(32, 32)).read(0, 20), 1 - demo[16:].flip(3)])


def measured(clip, make, noise=0.0):
    operator = make(tuple(clip.shape))
    data = operator(clip)
    if noise:
        data = add_white_noise(data, operator, level=noise)[0]
    return Measured(data, operator, torch.arange(len(clip)).double() / 25)


@pytest.mark.parametrize("noise", [0.0, 0.05])
@pytest.mark.parametrize("name", OPERATORS)
def test_cuts_are_found_and_nothing_else(name, noise):
    found = measured(scenes(), OPERATORS[name], noise)
    assert cuts([outlines(found)], found.operator.part_frames) == [16, 36]


@pytest.mark.parametrize("clip", ["rotating-mnist:3", "moving-mnist:0", "color-wheel:0"])
@pytest.mark.parametrize("name", OPERATORS)
def test_no_cut_is_found_where_there_is_none(name, clip):
    found = measured(open_clip(clip, size=(32, 32)).read(0, 32), OPERATORS[name])
    assert cuts([outlines(found)], found.operator.part_frames) == []


def test_stillness_black_and_flashes_are_no_cuts():
    still = levels(1, 1, 32, 32, dtype=torch.float32).expand(40, 1, 32, 32).clone()
    assert cuts([outlines(measured(still, OPERATORS["missing 80 %"]))]) == []
    assert cuts([outlines(measured(0 * still, OPERATORS["missing 80 %"]))]) == []
    still[38] = 1 - still[38]
    assert cuts([outlines(measured(still, OPERATORS["missing 80 %"]))]) == []


def test_a_last_part_of_fewer_frames_is_no_scene():
    clip = torch.as_tensor(moving(49, 1, 32, 32)).float()
    found = measured(clip, lambda shape: Snapshot(shape, 8))
    assert cuts([outlines(found)], 8) == []


def test_outlines_are_the_same_stretch_by_stretch():
    whole = measured(scenes(), OPERATORS["missing 80 %"])
    parts = [outlines(whole.temporal_slice(range(k, k + 20))) for k in range(0, 60, 20)]
    assert torch.allclose(torch.cat(parts), outlines(whole), equal_nan=True)


# --------------------------------------------------------------------------------------------------------- sections


@pytest.mark.parametrize("step", [1, 4, 8])
@pytest.mark.parametrize("most", [None, 40, 24])
@pytest.mark.parametrize("cut", [(), (50,), (9, 200)])
@pytest.mark.parametrize("frames", [10, 64, 97, 325])
def test_sections_cover_the_clip(frames, cut, most, step):
    cut = [t for t in cut if t < frames]
    found = sections_of(frames, cut, most=most, step=step)
    assert found[0].frames.start == 0
    assert found[-1].frames.stop == frames
    for before, section in pairwise(found):
        shared = before.frames.stop - section.frames.start
        assert section.scene - before.scene in (0, 1)
        assert shared == (max(OVERLAP_FRAMES, step) if section.scene == before.scene else 0)
        assert section.frames.start % step == 0
        assert section.frames.start > before.frames.start
    assert most is None or all(len(s.frames) <= most for s in found)
    assert len({s.scene for s in found}) == 1 + len({step * round(t / step) for t in cut} - {0})


@pytest.mark.parametrize("step", [1, 2, 16, 50, 100])
@pytest.mark.parametrize("usual", [8, 20, 64])
@pytest.mark.parametrize("most", [None, 9, 30, 250])
@pytest.mark.parametrize("frames", [11, 40, 130, 512])
def test_whatever_the_sections_they_join_to_the_clip(frames, most, usual, step):
    try:
        sections = sections_of(frames, (frames // 3,), usual=usual, most=most, step=step)
    except InputError:
        assert most is not None
        return
    clip = torch.arange(frames).double().view(-1, 1, 1, 1)
    parts = list(joined(sections, [clip[s.frames.start : s.frames.stop] for s in sections]))
    assert all(len(part) for part in parts)
    assert torch.allclose(torch.cat(parts), clip)


def test_sections_too_small_for_any_fit_are_refused():
    with pytest.raises(InputError, match="enough for 8 frames at once, 9 are needed"):
        sections_of(100, most=8)


def test_short_clips_are_one_section():
    assert [len(s.frames) for s in sections_of(80)] == [80]


def test_joined_sections_are_the_clip():
    clip = levels(100, 1, 2, 2)
    sections = sections_of(100, [30], usual=20)
    parts = [clip[s.frames.start : s.frames.stop] for s in sections]
    assert torch.allclose(torch.cat(list(joined(sections, parts))), clip)


def test_joints_are_cross_faded():
    sections = sections_of(40, usual=20)
    parts = [torch.full((len(s.frames), 1, 1, 1), float(k)) for k, s in enumerate(sections)]
    found = torch.cat(list(joined(sections, parts))).flatten()
    assert len(found) == 40
    steps = found.diff()
    assert steps.min() >= 0
    assert steps.max() <= 1 / (OVERLAP_FRAMES + 1) + 1e-6


def test_a_clip_is_measured_section_by_section_as_at_once():
    clip, operator = open_clip("rotating-mnist:3"), MissingPixels((32, 1, 64, 64), 0.8, seed=4)
    source = ClipSource(clip, operator.spec(), {}, torch.arange(32).double() / 25, {}, 0.1, 0.1, 4)
    data = add_white_noise(operator(clip.read()), operator, level=0.1, seed=4)[0]
    part = source.temporal_slice(range(8, 20))
    assert torch.equal(part.data, data[8:20])
    assert part.noise.sigma == pytest.approx(0.1)
    assert part.noise.level == 0.1
    assert part.operator.fingerprint() == from_spec(*temporal_slice(operator.spec(), {}, range(8, 20))).fingerprint()


def test_frames_of_the_demo_have_no_cut():
    assert cuts([outlines(measured(torch.as_tensor(moving()).float(), OPERATORS["missing 80 %"]))]) == []
