"""Excerpts of operators: any stretch of the frames is measured as the whole is, without the whole."""

import pytest
import torch
from cases import SAVED, SHAPE, levels, like

from lowreel import InputError
from lowreel.data import DataFile, Measured, WhiteNoise, add_white_noise
from lowreel.operators import (
    Fourier,
    MissingFrames,
    MissingPixels,
    Snapshot,
    Stacked,
    extend,
    from_spec,
    part_frames,
    temporal_slice,
    temporal_slice_rows,
    tensors_of,
)

FRAMES = SHAPE[0]
MORE = {
    "fourier lines": lambda: Fourier(SHAPE, "radial", 2),
    "snapshot @ missing": lambda: Snapshot(SHAPE, 2) @ MissingPixels(SHAPE, 0.5),
    "missing + snapshot": lambda: Stacked([MissingPixels(SHAPE, 0.5), Snapshot(SHAPE, 2)]),
}
CUT = {name: make for name, make in (SAVED | MORE).items() if part_frames(make().spec()) is not None}


@pytest.fixture(params=CUT.values(), ids=CUT)
def operator(request):
    return request.param()


def stretches(operator):
    """Some of those to which the operator can be cut."""
    step = operator.part_frames
    edges = [*range(0, FRAMES, step), FRAMES]
    return [range(a, b) for a in edges for b in edges if a < b]


def rows(operator, data, frames):
    return tuple(t[own] for t, own in zip(tensors_of(data), temporal_slice_rows(operator.spec(), frames), strict=True))


def test_every_excerpt_measures_as_the_whole_does(operator):
    clip = levels(*SHAPE, dtype=torch.float32)
    assert part_frames(operator.spec()) == operator.part_frames
    for frames in stretches(operator):
        own = from_spec(*temporal_slice(operator.spec(), operator.spec_tensors(), frames))
        wanted = rows(operator, operator(clip), frames)
        for found, whole in zip(tensors_of(own(clip[frames.start : frames.stop])), wanted, strict=True):
            assert torch.allclose(found, whole, atol=1e-6)


def test_an_excerpt_of_an_excerpt_is_one_of_the_whole(operator):
    step, clip = operator.part_frames, levels(*SHAPE, dtype=torch.float32)
    start = step if 2 * step < FRAMES else 0
    once = from_spec(*temporal_slice(operator.spec(), operator.spec_tensors(), range(step, FRAMES)))
    twice = from_spec(*temporal_slice(once.spec(), once.spec_tensors(), range(start, FRAMES - step)))
    wanted = rows(operator, operator(clip), range(step + start, FRAMES))
    for found, whole in zip(tensors_of(twice(clip[step + start :])), wanted, strict=True):
        assert torch.allclose(found, whole, atol=1e-6)


def test_an_excerpt_is_rebuilt_from_its_spec(operator):
    for frames in stretches(operator):
        spec, tensors = temporal_slice(operator.spec(), operator.spec_tensors(), frames)
        own = from_spec(spec, tensors)
        assert from_spec(own.spec(), own.spec_tensors()).fingerprint() == own.fingerprint()


def test_excerpts_of_data_files_are_those_of_the_data(operator, tmp_path):
    data = like(operator(levels(*SHAPE, dtype=torch.float32)))
    measured = Measured(data, operator, torch.arange(FRAMES).double() / 25, WhiteNoise(sigma=0.1))
    measured.save(tmp_path / "y.safetensors")
    file = DataFile.open(tmp_path / "y.safetensors")
    for frames in stretches(operator):
        held, read = measured.temporal_slice(frames), file.temporal_slice(frames)
        assert held.operator.fingerprint() == read.operator.fingerprint()
        assert torch.equal(read.times, measured.times[frames.start : frames.stop])
        for a, b in zip(tensors_of(held.data), tensors_of(read.data), strict=True):
            assert torch.equal(a, b)


def test_noise_is_that_of_the_whole(operator):
    data = operator(levels(*SHAPE, dtype=torch.float32))
    whole = add_white_noise(data, operator, sigma=0.1, seed=3)[0]
    for frames in stretches(operator):
        own = from_spec(*temporal_slice(operator.spec(), operator.spec_tensors(), frames))
        exact = rows(operator, data, frames)
        first = [r.start for r in temporal_slice_rows(operator.spec(), frames)]
        part = add_white_noise(exact if isinstance(data, tuple) else exact[0], own, sigma=0.1, seed=3, first=first)[0]
        for found, wanted in zip(tensors_of(part), rows(operator, whole, frames), strict=True):
            assert torch.allclose(found, wanted, atol=1e-6)


@pytest.mark.parametrize("name", ["missing", "gaussian", "gaussian @ mask", "snapshot @ missing", "dct, random"])
def test_a_spec_of_few_frames_is_prolonged(name):
    operator = CUT[name]()
    step = operator.part_frames
    if operator.spec_tensors():
        few = temporal_slice(operator.spec(), operator.spec_tensors(), range(step))[0]
        assert extend(few, FRAMES)["clip_shape"] == list(SHAPE)
        return
    few = {**operator.spec()}
    assert extend(extend(few, step), FRAMES) == operator.spec()


def test_what_cannot_be_cut_is_said():
    assert {"frames", "named frames", "exposure"} <= set(SAVED) - set(CUT)
    assert part_frames(MissingFrames(SHAPE, 0.4).spec()) is None
    with pytest.raises(InputError, match="frames cannot be cut"):
        temporal_slice(MissingFrames(SHAPE, 0.4).spec(), {}, range(2))
    with pytest.raises(InputError, match="cannot be cut before frame 1"):
        temporal_slice(Snapshot(SHAPE, 2).spec(), {}, range(1, 4))
    with pytest.raises(InputError, match="no excerpt of 4 frames"):
        MissingPixels(SHAPE, 0.5, within=(0, 4))
