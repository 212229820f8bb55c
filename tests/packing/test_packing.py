"""A packed clip is the same numbers everywhere, in as few bytes as were asked for, or it is refused."""

import hashlib
import json
import math
import os
import random
import struct
import subprocess
import sys
import time
import tracemalloc
from contextlib import contextmanager, nullcontext, suppress
from dataclasses import replace
from fractions import Fraction
from itertools import combinations
from types import SimpleNamespace
from typing import get_type_hints

import numpy as np
import pytest
import torch
from cases import noise
from hypothesis import given, settings
from hypothesis import strategies as st

import lowreel
from lowreel.errors import InputError
from lowreel.model.generators import Dcgan, Decoder, Lean, Pyramid
from lowreel.model.latents import Codes, factorise
from lowreel.model.representation import Representation
from lowreel.packing import coding, direct
from lowreel.packing.coding import LARGEST, Grid, decoded, encoded
from lowreel.packing.container import (
    FIXED,
    MOST_FILE_BYTES,
    MOST_NUMBERS,
    MOST_PIXELS,
    PACKED_VERSION,
    Packed,
    checked_parts,
    read_packed,
)
from lowreel.packing.control import FIRST_STRIDE, LATE, Goal, search_steps
from lowreel.packing.direct import pack_clip
from lowreel.packing.fitting import _to_size
from lowreel.packing.pack import check_can_be_packed, pack
from lowreel.packing.parts import parts_of, representation_of, smallest, tensors_of_parts
from lowreel.packing.quantised import Quantised
from lowreel.settings import LEAST_CLIP_UPDATES, PackKeywords, PackSettings
from lowreel.solver.precision import autocast
from lowreel.system.files import PACKED_MAGIC

T = 6
TIMES = torch.arange(T, dtype=torch.float64) / 25
UNEVEN = torch.tensor([0.0, 0.1, 0.15, 0.4, 1.0, 1.5], dtype=torch.float64)


def clip_of(generator, times=TIMES, rank=None, affine=False, is_complex=False):
    codes = noise(len(times), generator.code_dim, dtype=torch.float32)
    return Representation(
        generator, Codes(codes, times) if rank is None else factorise(codes, times, rank, affine=affine), is_complex
    )


def clip_of_maps(generator):
    """A pyramid whose maps change along time as slowly as a packed clip has them."""
    found = clip_of(generator)
    shapes = {"coefficients": tuple(found.codes.coefficients.shape)}
    parts, tensors = parts_of(generator, shapes), tensors_of_parts(found)
    slow = {part.name: part.restored(part.transformed(tensors[part.name])) for part in parts}
    return representation_of(generator.spec(), slow, found.times, False)


CLIPS = {
    "free codes": lambda: clip_of(Decoder((3, 16, 12))),
    "grey, rank 3": lambda: clip_of(Decoder((1, 9, 7)), rank=3),
    "sub-pixels": lambda: clip_of(Decoder((3, 13, 10), subpixel_stages=1)),
    "a line, uneven times": lambda: clip_of(Decoder((1, 9, 7)), UNEVEN, rank=2, affine=True),
    "one code for all": lambda: clip_of(Decoder((1, 8, 8)), rank=1, affine=True),
    "complex": lambda: clip_of(Decoder((2, 8, 8)), is_complex=True),
    "lean": lambda: clip_of(Lean((1, 16, 12))),
    "maps as codes": lambda: clip_of_maps(Pyramid((3, 18, 33))),
    "maps at two scales": lambda: clip_of_maps(Pyramid((1, 16, 16), maps=(3, 0, 1, 0))),
    "maps that move": lambda: clip_of_maps(Pyramid((1, 16, 40), maps=(2, 1, 0, 0), margin=(1, 2))),
    "maps that move, of rank 3": lambda: clip_of(Pyramid((1, 16, 16), maps=(2, 1, 0, 0), margin=(0, 1)), rank=3),
    "maps of rank 3": lambda: clip_of(Pyramid((1, 16, 16), maps=(3, 1, 0, 0)), rank=3),
    "the paper's, rank 4": lambda: clip_of(Dcgan(1), rank=4),
}
ROUNDED = PackSettings(psnr=30, updates=0)


@pytest.fixture(params=CLIPS.values(), ids=CLIPS)
def clip(request):
    return request.param()


GRIDS = st.tuples(
    st.integers(1, 40), st.integers(1, 30), st.integers(0, 3), st.integers(1, 8), st.booleans(), st.booleans()
).map(lambda n: Grid(n[0] * max(n[2], 1), n[1], n[2], at_once=n[3], goes_on=n[4], is_picture=n[5] and n[2] > 0))


SCALES = st.sampled_from([0.0, 0.1, 1.0, 30.0, 1e5])


@given(grids=st.lists(GRIDS, min_size=1, max_size=3), scale=SCALES, seed=st.integers(0, 99))
@settings(max_examples=60, deadline=None, database=None)
def test_numbers_come_back(grids, scale, seed):
    """Any integers, of any size and shape, one array after the other."""
    source = np.random.default_rng(seed)
    arrays = [source.laplace(0, scale, grid.size).round().clip(-LARGEST, LARGEST).astype(np.int32) for grid in grids]
    found = decoded(encoded(list(zip(grids, arrays, strict=True))), grids)
    for grid, array, again in zip(grids, arrays, found, strict=True):
        assert np.array_equal(again, array.reshape(grid.rows, grid.columns))


def test_few_bits_for_what_is_mostly_zero():
    """A tenth of ones and minus ones takes little more than its entropy; what follows columns less than a third."""
    source = np.random.default_rng(0)
    values = source.choice([-1, 0, 1], (200, 100), p=[0.05, 0.9, 0.05])
    entropy = -(0.9 * np.log2(0.9) + 0.1 * np.log2(0.05)) * values.size / 8
    assert len(encoded([(Grid(200, 100), values)])) < 1.05 * entropy
    by_column = source.choice([-1, 1], (200, 100)) * (np.arange(100) < 10)
    assert len(encoded([(Grid(200, 100), by_column)])) < entropy / 3


@contextmanager
def memory_below(most):
    """What is within takes fewer bytes at its peak, by Python and NumPy: torch has nothing to do with reading."""
    tracemalloc.start()
    try:
        yield
        assert tracemalloc.get_traced_memory()[1] < most
    finally:
        tracemalloc.stop()


def test_wide_arrays_take_little_memory(monkeypatch):
    """Tables of a part of a row at once, which are the same bytes whatever the part."""
    array = np.random.default_rng(0).integers(-9, 9, (9, 50))
    whole = encoded([(Grid(9, 50), array)])
    wide, zeros = Grid(8, 2**17), np.zeros((8, 2**17), np.int8)
    with memory_below(96 * wide.size):  # 192 bytes a number for tables alone
        assert not decoded(encoded([(wide, zeros)]), [wide])[0].any()
    monkeypatch.setattr(coding, "TABLES_AT_ONCE", 7)
    assert encoded([(Grid(9, 50), array)]) == whole
    assert np.array_equal(decoded(whole, [Grid(9, 50)])[0], array)


def test_a_number_that_is_too_large_is_refused():
    """By the writer: no file is made that could not be read."""
    with pytest.raises(ValueError, match="expected numbers up to"):
        encoded([(Grid(1, 1), np.array([LARGEST + 1]))])


def test_the_smallest_equal_draws_the_same(clip):
    """Fewer numbers in the codes, the same frames at any time."""
    small = smallest(clip)
    between = [0.013, 0.5]
    torch.testing.assert_close(small.frames(), clip.frames(), atol=1e-4, rtol=0)
    torch.testing.assert_close(small.frames(between), clip.frames(between), atol=1e-4, rtol=0)
    assert small.generator.code_dim <= clip.generator.code_dim


def test_parts_are_the_whole(clip):
    """Parts, transformed and back, flat and back, are the representation again."""
    small = smallest(clip)
    shapes = {n: tuple(t.shape) for n, t in small.codes.tensors().items() if n != "times"}
    tensors, again = tensors_of_parts(small), {}
    parts = parts_of(small.generator, shapes)
    assert {part.name for part in parts} == set(tensors)
    for part in parts:
        flat = part.flat(part.transformed(tensors[part.name].double()))
        again[part.name] = part.restored(part.shaped(flat)).float()
    found = representation_of(small.generator.spec(), again, small.times, small.is_complex)
    torch.testing.assert_close(found.frames(), small.frames(), atol=1e-5, rtol=0)


def test_round_trip(clip, tmp_path):
    """The file gives the same whole numbers, and with them the same frames to the bit, at any time by itself."""
    result = pack(clip, ROUNDED, levels=(255.0, -3.0), rate=Fraction(30000, 1001))
    path = tmp_path / "clip.lowreel"
    assert result.packed.save(path) == result.bytes == path.stat().st_size
    again = read_packed(path)
    assert again.levels == (255.0, -3.0)
    assert again.rate == (Fraction(30000, 1001))
    assert torch.equal(again.times, clip.times)
    for name, values in result.packed.values.items():
        assert np.array_equal(again.values[name], values)
        assert np.array_equal(again.exponents[name], result.packed.exponents[name])
    found, before = again.representation(), result.packed.representation()
    assert found.frame_shape == again.frame_shape == clip.frame_shape
    frames = found.frames()
    assert torch.equal(frames, before.frames())
    torch.testing.assert_close(found.frames(float(clip.times[3])), frames[3:4], atol=1e-6, rtol=0)
    assert again.to_bytes() == path.read_bytes()


def test_files_that_are_there_stay(tmp_path):
    """Unless they are to be overwritten; folders stay always."""
    packed, path = pack(clip_of(Decoder((1, 8, 8))), ROUNDED).packed, tmp_path / "clip.lowreel"
    path.write_text("mine")
    for taken in (path, tmp_path, tmp_path / "nowhere" / "clip.lowreel"):
        with pytest.raises(InputError, match=r"exists already|no such folder|is a folder"):
            packed.save(taken)
    assert path.read_text() == "mine"
    assert packed.save(path, overwrite=True) == path.stat().st_size
    assert [file.name for file in tmp_path.iterdir()] == [path.name]


def test_idle_codes_are_left_out():
    """Numbers of the codes whose maps are all zero take no place in the file; the frames are as with them."""
    packed = pack(clip_of(Decoder((1, 16, 12))), ROUNDED).packed
    width = next(part.repeat for part in packed.parts if part.repeat)
    maps = packed.values["project"].copy()
    maps[2 * width : 3 * width] = 0
    idle = replace(packed, values={**packed.values, "project": maps})
    small = idle.without_idle_codes()
    assert small.spec["code_dim"] == packed.spec["code_dim"] - 1
    torch.testing.assert_close(small.representation().frames(), idle.representation().frames(), atol=1e-6, rtol=0)
    assert len(small.to_bytes()) < len(idle.to_bytes())
    assert Packed.of_bytes(small.to_bytes()).spec == small.spec


def test_nearness_is_kept(clip):
    """The frames are as near to those unpacked as was asked for, and a coarser step would not do."""
    found = pack(clip, ROUNDED)
    off = found.packed.representation().frames() - clip.frames()
    error = torch.view_as_real(off) / 2 if clip.is_complex else off
    assert float(error.square().mean()) <= 10**-3 * 1.001
    finer, coarser = (pack(clip, PackSettings(psnr=psnr, updates=0)) for psnr in (36, 24))
    assert finer.bytes > found.bytes > coarser.bytes


def test_maps_are_coded_by_what_is_above():
    """A patch takes fewer bytes than the same numbers in any order, and than in files of version 1, which learnt after
    a whole map."""
    generator = Pyramid((1, 256, 256))
    part = parts_of(generator, {"coefficients": (T, generator.code_dim)})[len(generator.maps) - 1]
    random, patch = np.random.default_rng(0), np.zeros(part.shape, np.int32)
    patch[:, :, 32:96, 32:96] = random.integers(-3, 4, (64, 64))
    mixed = random.permuted(patch.reshape(part.grid.rows, part.grid.columns), axis=1)

    def size(numbers, version):
        return len(encoded([(part.coded_grid(version), part.coded(numbers, version))]))

    assert size(patch, 2) < 0.8 * min(size(patch, 1), size(mixed, 2))


def test_counts_go_on_from_part_to_part():
    """Many small layers that are alike take fewer bytes than in files of version 2, where each began anew."""
    generator = Pyramid((1, 16, 16))
    parts = [part for part in parts_of(generator, {"coefficients": (T, generator.code_dim)}) if part.grid.size > 200]
    random = np.random.default_rng(0)
    layers = [random.laplace(0, 0.4, part.grid.size).round().astype(np.int32) for part in parts]

    def size(version):
        pairs = zip(parts, layers, strict=True)
        return len(encoded([(part.coded_grid(version), part.coded(own, version)) for part, own in pairs]))

    assert size(3) < 0.99 * size(2)


def test_signs_of_maps_are_foretold_by_what_is_above():
    """Maps of stripes take fewer bytes than the same sizes with any signs; in files of version 2 as many."""
    generator = Pyramid((1, 128, 128))
    part = parts_of(generator, {"coefficients": (T, generator.code_dim)})[len(generator.maps) - 1]
    random = np.random.default_rng(0)
    sizes = random.integers(0, 3, part.shape)
    striped, mixed = (sizes * random.choice([-1, 1], shape) for shape in (part.shape[-1], part.shape))

    def size(numbers, version):
        return len(encoded([(part.coded_grid(version), part.coded(numbers.astype(np.int32), version))]))

    assert size(striped, 3) < 0.9 * size(mixed, 3)
    assert abs(size(striped, 2) - size(mixed, 2)) < 0.01 * size(mixed, 2)


STEPS = {
    "small frames": ((12, 8, 8), None, 1.0),
    "a still": ((1, 512, 512), None, 1.0),
    "large frames, two at once": ((12, 256, 256), None, 0.5),
    "large frames, one at once": ((12, 512, 512), None, 8**-0.5),
    "the same, cut short": ((12, 256, 256), 500, 0.5**0.25),
    "the same, longer": ((12, 256, 256), 9000, 0.5),
}


@pytest.mark.parametrize(("size", "updates", "share"), STEPS.values(), ids=STEPS)
def test_steps_are_smaller_where_a_minibatch_has_few_of_the_frames(size, updates, share):
    """By the root of how many of those it would have; a fit cut short has larger ones."""
    frames, height, width = size
    asked = PackSettings(bytes=9000, updates=updates, precision="float32")
    state = SimpleNamespace(target=torch.empty(frames, 1, height, width, device="meta"), known=None)
    plan = direct._plan(state, asked)
    assert plan.step == pytest.approx(share)
    of_pixels = direct._plan(SimpleNamespace(**vars(state) | {"known": True}), asked)
    assert of_pixels.updates == (updates or max(LEAST_CLIP_UPDATES, round(plan.updates / 2)))
    for name, shape in (("grow.0.weight", (4, 4, 3, 3)), ("codes.maps.3", (1, 1, 8, 8))):
        assert direct._first_step(name, shape, plan.step) == pytest.approx(share * direct._first_step(name, shape, 1.0))


def test_the_search_ends_beside_steps_that_do_not_do():
    """What is found does, its neighbour does not, wherever the search begins."""
    small = smallest(clip_of(Decoder((1, 8, 8))))
    for begin in (-40, 0, 40):
        state = Quantised(small, small.frames())
        state.move(begin)
        assert search_steps(state, Goal(error=1e-3), lambda: 0, None, FIRST_STRIDE)
        assert state.error() <= 1e-3
        state.move(1)
        assert state.error() > 1e-3


@pytest.mark.parametrize("size", [12000, 24000])
def test_bytes_are_kept(size):
    """A file has as many bytes as were asked for or fewer, and not many fewer; a fit makes it no larger."""
    clip = clip_of(Decoder((1, 16, 16)))
    rounded, fitted = (pack(clip, PackSettings(bytes=size, updates=n)) for n in (0, 100))
    for result in (rounded, fitted):
        assert 0.75 * size < result.bytes <= size
    assert fitted.error < rounded.error


def test_late_steps_stay_where_the_file_is_small_enough():
    """Before that they move to a little less than what is asked for."""
    small = smallest(clip_of(Decoder((1, 8, 8))))
    early, late = LATE - 0.1, LATE + 0.1
    for size, share, moved in ((0.99, late, 0), (1.01, late, 1), (1.2, early, 2), (0.8, early, -1)):
        state = Quantised(small, small.frames())
        _to_size(state, size, share)
        assert state.coarser == moved


def test_a_fit_for_an_error_ends_near_it():
    """What is spare goes into fewer bytes: less than half of those that rounding alone takes, and little is left."""
    clip = clip_of(Decoder((1, 16, 16)))
    rounded, fitted = (pack(clip, PackSettings(psnr=30, updates=n)) for n in (0, 150))
    assert 10**-3.35 < fitted.error <= 10**-3
    assert fitted.bytes < 0.5 * rounded.bytes


def test_the_loss_is_that_of_the_error_that_is_known():
    """At most so many dB, if what packing adds is not by chance what was wrong before."""
    clip = clip_of(Decoder((1, 16, 16)))
    assert pack(clip, PackSettings(loss=1.0, updates=0), error=1e-3).error <= (10**0.1 - 1) * 1e-3
    target = (clip.frames() + 0.05 * noise(*clip.frames().shape, dtype=torch.float32)).clamp(0, 1)
    own = float((clip.frames() - target).square().mean())
    assert pack(clip, PackSettings(loss=1.0, updates=0), target=target).error <= 10**0.1 * own * 1.001


def test_a_fit_to_a_known_clip_takes_fewer_bytes():
    """At the same error of it, its own and what packing adds together."""
    clip = clip_of(Decoder((1, 16, 16)))
    target = (clip.frames() + 0.05 * noise(*clip.frames().shape, dtype=torch.float32)).clamp(0, 1)
    rounded, fitted = (pack(clip, PackSettings(loss=1.0, updates=n), target=target) for n in (0, 150))
    own = float((clip.frames() - target).square().mean())
    assert fitted.error <= 10**0.1 * own * 1.001
    assert fitted.bytes < rounded.bytes


def test_a_fit_may_be_nearer_to_a_known_clip_than_what_is_packed():
    """Where the clip is known, updates go on with it: what rounding alone cannot have, a fit can."""
    clip = clip_of(Decoder((1, 8, 8)))
    target = (0.8 * clip.frames() + 0.1).clamp(0, 1)
    own = -10 * math.log10(float((clip.frames() - target).square().mean()))
    with pytest.raises(InputError, match="cannot be nearer"):
        pack(clip, PackSettings(psnr=own + 1, updates=0), target=target)
    assert pack(clip, PackSettings(psnr=own + 1, updates=60), target=target).error <= 10 ** (-(own + 1) / 10) * 1.001


REFUSED = {
    "no error known": (PackSettings(), "give --bytes or --psnr"),
    "too few bytes": (PackSettings(bytes=10), "too few"),
}


def test_other_channels_are_refused():
    """By the writer too: no file is made that could not be read."""
    for channels, is_complex in ((5, False), (2, False), (3, True)):
        with pytest.raises(InputError, match="pack: cannot pack this clip"):
            pack(clip_of(Decoder((channels, 8, 8)), is_complex=is_complex), ROUNDED)


@pytest.mark.parametrize("two", list(combinations({"bytes": 100, "psnr": 30, "loss": 1}.items(), 2)), ids=str)
def test_two_targets_are_refused_by_the_settings(two):
    """Before anything is read or fitted, in one sentence for runs and clips."""
    words = f"give one of --bytes, --psnr and --loss, not --{two[0][0]} and --{two[1][0]}"
    with pytest.raises(InputError, match=words):
        PackSettings(**dict(two))


def codes_of(frames, shape):
    """Spec and shapes of the codes of a clip of maps, which take no memory."""
    with torch.device("meta"):
        generator = Pyramid(shape)
    return generator, {"coefficients": (frames, generator.code_dim)}


@pytest.mark.parametrize(
    ("frames", "shape"), [(608, (3, 360, 640)), (69, (3, 1080, 1920)), (9000, (3, 360, 640))], ids=str
)
def test_maps_are_bounded_by_what_is_stored(frames, shape):
    """Clips whose codes are more than a frame may have pixels are packed, as of maps few frequencies are kept."""
    generator, codes = codes_of(frames, shape)
    assert math.prod(codes["coefficients"]) > MOST_PIXELS
    check_can_be_packed(generator, codes, False)


def test_the_writer_refuses_what_the_reader_would():
    """By the same count of numbers, at the same frame, before anything is fitted."""
    most = 1
    for frames in (2**k for k in range(14, 3, -1)):  # the most frames of this size that may be read
        generator, codes = codes_of(most + frames, (3, 360, 640))
        with suppress(InputError):
            checked_parts(generator.spec(), codes, most + frames, False)
            most += frames
    for frames, is_read in ((most, True), (most + 16, False)):
        generator, codes = codes_of(frames, (3, 360, 640))
        counted = sum(part.grid.size + part.steps for part in parts_of(generator, codes))
        assert (counted <= MOST_NUMBERS) == is_read
        with nullcontext() if is_read else pytest.raises(InputError, match="pack: cannot pack this clip: it has"):
            check_can_be_packed(generator, codes, False)


def test_drawing_counts_the_codes_of_all_frames():
    """Of maps, 12 bytes a number, which a long clip has more of than frames drawn at once take, and the cosines."""
    generator, _ = codes_of(600, (1, 64, 64))
    short, long = (
        Packed(generator.spec(), {"coefficients": (n, generator.code_dim)}, torch.arange(n).double(), {}, {})
        for n in (2, 600)
    )
    assert long.drawing_bytes() - short.drawing_bytes() == 12 * 598 * generator.code_dim + 24 * (600**2 - 2**2)


@pytest.mark.parametrize(("asked", "words"), REFUSED.values(), ids=REFUSED)
def test_what_cannot_be_met_is_refused(asked, words):
    """In a sentence that says what to do."""
    with pytest.raises(InputError, match=words):
        pack(clip_of(Decoder((1, 8, 8))), asked)


@pytest.fixture(scope="module")
def recovery():
    y = 200 * clip_of(Decoder((1, 8, 8))).frames() - 30
    return lowreel.recover(y, quality="draft", baselines="none", steps=3, levels=(200, -30), progress=False)


def test_a_recovery_is_packed_from_python(recovery):
    """Settings as keywords; its error and its units are known; the same as its representation with what is known."""
    found = lowreel.pack(recovery, psnr=20, updates=0)
    assert found.error <= 0.01 * 1.001
    assert found.packed.levels == (200.0, -30.0)
    error = 10 ** (-recovery.heldout_db / 10)
    by_loss = lowreel.pack(recovery, PackSettings(updates=3), loss=1.0)
    alone = lowreel.pack(recovery.representation, loss=1.0, updates=3, error=error, levels=(200, -30))
    assert by_loss.packed.to_bytes() == alone.packed.to_bytes()
    assert set(get_type_hints(PackKeywords)) == set(PackSettings.model_fields)


def test_a_clip_is_packed_from_python(tmp_path):
    """As the command packs it, with its times, and its units where they are given; the same bytes each time."""
    clip, own = moving(4, 16), PackSettings(bytes=9000, updates=20, precision="float32")
    found = lowreel.pack(clip.double().numpy(), own, times=TIMES[:4].tolist(), levels=(200, -30))
    assert found.packed.to_bytes() == pack_clip(clip, TIMES[:4], own, levels=(200.0, -30.0)).packed.to_bytes()
    found.packed.save(tmp_path / "clip.lowreel")
    assert torch.equal(lowreel.read_packed(tmp_path / "clip.lowreel").times, TIMES[:4])
    assert lowreel.pack(clip, own, rate=50).packed.times.tolist() == [0.0, 0.02, 0.04, 0.06]


def test_times_of_a_rate_take_no_bytes():
    """At a rate that no float has, too: they are those that its header foretells."""
    clip, own = moving(24, 16), PackSettings(bytes=20_000, updates=4, precision="float32")
    sizes = [lowreel.pack(clip, own, rate=rate).bytes for rate in (Fraction(25), Fraction(24000, 1001))]
    assert 0 <= sizes[1] - sizes[0] <= 10  # the digits of the rate


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_a_clip_is_fitted_in_the_precision_that_is_given(precision, monkeypatch):
    """And none is tried; the last part of a fit is never reduced."""
    asked = []

    def noted(device, reduced):
        asked.append(reduced)
        return autocast(device, reduced)

    monkeypatch.setattr(direct, "autocast", noted)
    monkeypatch.setattr(direct, "fastest_precision", lambda *_: pytest.fail("a trial"))
    lowreel.pack(moving(4, 16), bytes=9000, updates=20, precision=precision)
    assert any(asked) == (precision == "bfloat16")
    assert not asked[-1]


WRONG = {
    "what is no clip": (lambda found: lowreel.pack("clip.mp4", bytes=9000), "pack: expected what recover or load"),
    "a clip in other units": (lambda found: lowreel.pack(found.clip, bytes=9000), r"in \[0, 1\], got -?[0-9]"),
    "a clip without time": (lambda found: lowreel.pack(torch.zeros(1, 8, 8), bytes=9000), r"\(T, C, H, W\)"),
    "a clip for a loss": (lambda found: lowreel.pack(torch.zeros(2, 1, 8, 8), loss=1.0), "for --bytes or --psnr"),
    "a clip with a target": (lambda found: lowreel.pack(torch.zeros(2, 1, 8, 8), psnr=9, error=0.1), "to itself"),
    "a clip only rounded": (lambda found: lowreel.pack(torch.zeros(2, 1, 8, 8), psnr=9, updates=0), "--updates"),
    "a precision of a representation": (
        lambda found: lowreel.pack(found.representation, psnr=9, precision="float32"),
        "out precision",
    ),
    "no rate": (lambda found: lowreel.pack(torch.zeros(2, 1, 8, 8), psnr=9, rate=0), "rate: expected frames a second"),
    "no times": (lambda found: lowreel.pack(torch.zeros(2, 1, 8, 8), psnr=9, times="ab"), "times: expected 2 rising"),
    "a clip with gaps": (lambda found: lowreel.pack(torch.full((2, 1, 8, 8), math.nan), psnr=9), "NaN"),
    "times of a recovery": (lambda found: lowreel.pack(found, psnr=9, times=[0, 1]), "leave out times"),
    "settings of others": (lambda found: lowreel.pack(found, {"psnr": 20}), "PackSettings"),
    "a misspelt setting": (lambda found: lowreel.pack(found, psnt=20), "did you mean psnr"),
    "a target of others": (lambda found: lowreel.pack(found, psnr=9, target=found.clip[:2]), "target: expected a clip"),
    "levels": (lambda found: lowreel.pack(found, psnr=9, levels=3), "levels: expected"),
}


@pytest.mark.parametrize(("call", "words"), WRONG.values(), ids=WRONG)
def test_wrong_calls_from_python_are_refused(call, words, recovery):
    """In a sentence, before anything is fitted."""
    with pytest.raises(InputError, match=words):
        call(recovery)


ELSEWHERE = """
import sys, hashlib, numpy as np, torch
from lowreel.packing.container import read_packed
torch.set_num_threads(int(sys.argv[2]))
found = read_packed(sys.argv[1])
numbers = b"".join(v.tobytes() for v in found.values.values())
print(hashlib.sha256(numbers).hexdigest(), torch.backends.cpu.get_cpu_capability())
np.save(sys.argv[3], found.representation().frames().numpy())
"""


@pytest.mark.parametrize(("threads", "vectors"), [(1, "default"), (3, "avx2")])
def test_the_same_numbers_elsewhere(threads, vectors, tmp_path):
    """Other threads and other vector instructions: the same whole numbers, frames within half a grey level of 255."""
    path = tmp_path / "clip.lowreel"
    result = pack(clip_of(Decoder((3, 24, 20))), ROUNDED)
    result.packed.save(path)
    if vectors == "avx2" and torch.backends.cpu.get_cpu_capability() not in ("AVX2", "AVX512"):
        pytest.skip("needs a processor with AVX2")
    environment = os.environ | {"ATEN_CPU_CAPABILITY": vectors}
    words = [sys.executable, "-c", ELSEWHERE, str(path), str(threads), str(tmp_path / "frames.npy")]
    told = subprocess.run(words, env=environment, check=True, capture_output=True, text=True).stdout.split()
    assert told[1] == vectors.upper()
    assert told[0] == hashlib.sha256(b"".join(v.tobytes() for v in result.packed.values.values())).hexdigest()
    frames = np.load(tmp_path / "frames.npy")
    assert np.abs(frames - result.packed.representation().frames().numpy()).max() < 0.5 / 255


def moving(frames, side):
    """A soft spot that moves over a slope of grey, (T, 1, side, side)."""
    y, x = torch.meshgrid(2 * [torch.linspace(-1, 1, side)], indexing="ij")
    at = torch.linspace(-0.5, 0.5, frames)[:, None, None]
    return (0.3 + 0.2 * x + 0.4 * torch.exp(-20 * ((x - at) ** 2 + y**2)))[:, None]


def test_a_clip_is_packed_as_it_will_be_read():
    """Within the bytes, as good as its error says, any frame by itself."""
    clip, times = moving(8, 24), torch.arange(8, dtype=torch.float64) / 25
    asked = PackSettings(bytes=6000, updates=300)
    found = pack_clip(clip, times, asked, levels=(2.0, 1.0))
    assert 4000 < found.bytes <= 6000
    content = found.packed.to_bytes()
    assert len(content) == found.bytes
    again = Packed.of_bytes(content).representation()
    frames = again.frames()
    assert float((frames - clip).square().mean()) == pytest.approx(found.error, rel=1e-3)
    torch.testing.assert_close(again.frames(float(times[7])), frames[7:8], atol=1e-6, rtol=0)
    assert found.error < 10**-3.2


def test_a_clip_is_packed_as_near_as_was_asked_for():
    """And no nearer than that takes."""
    clip, times = moving(8, 16), torch.arange(8, dtype=torch.float64) / 25
    near, far = (pack_clip(clip, times, PackSettings(psnr=psnr, updates=150)) for psnr in (34, 26))
    assert near.error <= 10**-3.4
    assert far.error <= 10**-2.6
    assert far.bytes < near.bytes


def test_too_few_bytes_for_a_clip_are_refused_before_its_fit():
    """By the number that was asked for."""
    made = []
    with pytest.raises(InputError, match=r"pack: 10 bytes are too few"):
        pack_clip(moving(4, 16), TIMES[:4], PackSettings(bytes=10), show=lambda *told: made.append(told))
    assert not made


def test_a_clip_that_cannot_be_as_near_says_how_near_it_came(monkeypatch):
    """By the numbers as they would be read, at the end of the fit."""
    ends, shown = [], []

    def ended(state, *_, **__):
        ends.append((state.error(), state.error(rounded=False)))
        return False

    monkeypatch.setattr(direct, "search_steps", ended)
    with pytest.raises(InputError, match="ask for less --psnr") as caught:
        pack_clip(moving(4, 16), TIMES[:4], PackSettings(psnr=70, updates=40), show=lambda *now: shown.append(now))
    planned = [40] * 40 + [48] * 8 + [56] * 8 + [64] * 8  # a fit, and its last fifth three times more
    assert shown == list(enumerate(planned, 1))
    ((rounded, unrounded),) = ends
    assert f"came to {-10 * math.log10(rounded):.2f} dB" in str(caught.value)
    assert rounded != unrounded


def test_a_fit_as_read_is_searched_by_what_is_read():
    """Unrounded numbers of such a fit may be farther off than the rounded ones; the search does not give up by them."""
    small = smallest(clip_of(Decoder((1, 8, 8))))
    state = Quantised(small, small.frames())
    assert search_steps(state, Goal(error=1e-3), lambda: 0, None, FIRST_STRIDE)
    drawn = state.error
    state.error = lambda which=None, *, rounded=True: drawn(which) if rounded else 1.0
    assert not search_steps(state, Goal(error=1e-4), lambda: 0, None, FIRST_STRIDE)
    assert search_steps(state, Goal(error=1e-4), lambda: 0, None, FIRST_STRIDE, fitted_as_read=True)
    assert state.error() <= 1e-4


def test_a_clip_is_packed_for_bytes_or_nearness():
    """A loss is one against what it was before, which such a clip never was."""
    for asked in (PackSettings(), PackSettings(loss=1.0)):
        with pytest.raises(InputError, match="give one of them"):
            pack_clip(moving(4, 16), TIMES[:4], asked)


@pytest.fixture(scope="module")
def whole():
    return pack(clip_of(Decoder((1, 16, 16)), UNEVEN), ROUNDED).packed.to_bytes()


def damaged(content, choice):
    """The bytes cut, longer, with some of them changed, left out, or moved."""
    found = bytearray(content)
    at = choice.randrange(len(found))
    match choice.randrange(5):
        case 0:
            del found[at:]
        case 1:
            found += choice.randbytes(choice.randrange(1, 50))
        case 2:
            for _ in range(choice.randrange(1, 8)):
                found[choice.randrange(len(found))] ^= choice.randrange(1, 256)
        case 3:
            del found[at : at + choice.randrange(1, 100)]
        case 4:
            found[at:at] = choice.randbytes(choice.randrange(1, 20))
    return bytes(found)


def refused(content):
    """One sentence, no other error, in under a second and 50 MB."""
    start = time.perf_counter()
    with memory_below(50 * 10**6), pytest.raises(InputError) as caught:
        Packed.of_bytes(content, "clip.lowreel")
    assert time.perf_counter() - start < 1
    assert str(caught.value).startswith("clip.lowreel: ")
    assert "\n" not in str(caught.value)


@given(seed=st.integers(0, 2**32))
@settings(max_examples=300, deadline=None, database=None)
def test_damaged_files_are_refused(seed, whole):
    """By the checksum, wherever the damage is."""
    content = damaged(whole, random.Random(seed))
    if content != whole:
        refused(content)


@pytest.mark.slow
@given(seed=st.integers(0, 2**32))
@settings(max_examples=10_000, deadline=None, database=None)
def test_ten_thousand_damaged_files_are_refused(seed, whole):
    """The same of many more, half of them with a checksum that somebody has made anew."""
    choice = random.Random(seed)
    content = damaged(whole, choice)
    if content == whole:
        return
    if choice.random() < 0.5:
        refused(content)
    else:
        read_or_refused(sealed(content[:-32]))


def sealed(body):
    """A file with this content and its right checksum."""
    return body + hashlib.sha256(body).digest()


def read_or_refused(content):
    """What has a right checksum may be read, or is refused in a sentence; nothing else."""
    start = time.perf_counter()
    told, found = "", None
    try:
        found = Packed.of_bytes(content, "clip.lowreel")
    except InputError as error:
        told = str(error)
    assert "\n" not in told
    assert time.perf_counter() - start < 1
    if found is not None:
        assert found.representation().frames(float(found.times[-1])).shape == (1, *found.frame_shape)


@given(seed=st.integers(0, 2**32))
@settings(max_examples=60, deadline=None, database=None)
def test_nonsense_with_a_right_checksum_does_no_harm(seed, whole):
    """Header and numbers changed by somebody who knows the form."""
    choice = random.Random(seed)
    _, _, header, _ = FIXED.unpack_from(whole)
    body = bytearray(whole[:-32])
    first, last = (FIXED.size, FIXED.size + header) if choice.random() < 0.7 else (FIXED.size + header, len(body))
    for _ in range(choice.randrange(1, 6)):
        is_header = last < len(body)
        body[choice.randrange(first, last)] = (
            choice.choice(b'0123456789[]{},:"-eE.') if is_header else choice.randrange(256)
        )
    read_or_refused(sealed(bytes(body)))


LIES = {
    "frames": {"generator": {"frame_shape": [3, 30000, 30000]}},
    "flat frames": {"generator": {"frame_shape": [2**40, 1, 1]}},
    "codes": {"generator": {"code_dim": 2**30}, "codes": {"coefficients": [T, 2**30]}},
    "many codes": {"generator": {"code_dim": 16384}, "codes": {"coefficients": [T, 16384]}},
    "stages": {"generator": {"upsampling_stages": 10**9}},
    "no stages": {"generator": {"upsampling_stages": None}},
    "sub-pixels": {"generator": {"subpixel_stages": -1}},
    "more sub-pixels than pixels": {"generator": {"subpixel_stages": 9}},
    "count": {"times": {"count": 10**12, "first": 0, "rate": "25"}},
    "many frames": {"times": {"count": 2**18, "first": 0, "rate": "25"}, "codes": {"coefficients": [2**18, 5]}},
    "a rate of a billion digits": {"times": {"count": T, "first": 0, "rate": "1e999999999"}},
    "times that are no numbers": {"times": {"count": T, "first": float("1e400"), "rate": "25"}},
    "codes of nothing": {"codes": {}},
    "codes by another name": {"codes": {"weights": [T, 5]}},
    "codes that do not fit": {"codes": {"coefficients": [T, 4]}},
    "codes of one axis": {"codes": {"coefficients": [10]}},
    "five channels": {"generator": {"frame_shape": [5, 16, 16]}},
    "complex of one channel": {"complex": True},
    "kind": {"generator": {"kind": "a kind of its own"}},
    "levels": {"levels": [0.0, 0.0]},
    "a list": {"generator": []},
    "headroom": {"generator": {"headroom": 1e300}},
    "maps": {"generator": {"kind": "pyramid", "maps": [10**9, 0, 0, 0], "widths": [1, 1, 1, 1]}},
    "maps of no scale": {"generator": {"kind": "pyramid", "maps": [], "widths": [1, 1, 1, 1]}},
    "margins": {"generator": {"kind": "pyramid", "margin": [10**9, 0]}},
    "margins beyond half of the maps": {"generator": {"kind": "pyramid", "margin": [0, 64]}},
    "one margin": {"generator": {"kind": "pyramid", "margin": [1]}},
    "margins that are no numbers": {"generator": {"kind": "pyramid", "margin": "ab"}},
    "maps that are no numbers": {"generator": {"kind": "pyramid", "maps": {"0": 1}, "widths": None}},
}


@pytest.mark.parametrize("lie", LIES.values(), ids=LIES)
def test_hostile_headers_are_refused(lie, whole):
    """Sizes that no clip has, with a right checksum: refused before memory is taken for them."""
    _, version, size, _ = FIXED.unpack_from(whole)
    line, _, moments = whole[FIXED.size : FIXED.size + size].partition(b"\n")
    header = json.loads(line)
    for name, value in lie.items():
        header[name] = header[name] | value if isinstance(value, dict) and name == "generator" else value
    text = json.dumps(header).encode() + b"\n" + moments
    numbers = whole[FIXED.size + size : -32]
    refused(sealed(FIXED.pack(PACKED_MAGIC, version, len(text), len(numbers)) + text + numbers))


def test_millions_of_zeros_in_few_bytes_are_refused():
    """What decodes without a fault, but stands for more numbers than so many bytes may: the padding taken away."""
    with torch.device("meta"):
        wide = Lean((1, 1024, 1024), upsampling_stages=1, code_dim=1)
    codes = {"coefficients": (2, 1)}
    parts = parts_of(wide, codes)
    nothing = {part.name: np.zeros((part.grid.rows, part.grid.columns), np.int32) for part in parts}
    steps = {part.name: np.zeros(part.steps, np.int32) for part in parts}
    content = Packed(wide.spec(), codes, TIMES[:2], nothing, steps).to_bytes()
    _, version, size, _ = FIXED.unpack_from(content)
    numbers = content[FIXED.size + size : -32].rstrip(b"\0") + bytes(8)
    numbers += bytes(-len(numbers) % 4)
    text = content[FIXED.size : FIXED.size + size]
    refused(sealed(FIXED.pack(PACKED_MAGIC, version, len(text), len(numbers)) + text + numbers))


def test_files_of_any_size_are_not_read(tmp_path):
    """What is longer than a packed clip may be, or than it says, is refused by its first bytes."""
    for name, said in (("long", MOST_FILE_BYTES), ("longer than said", 100)):
        path = tmp_path / name
        path.write_bytes(FIXED.pack(PACKED_MAGIC, 1, 0, said))
        os.truncate(path, FIXED.size + MOST_FILE_BYTES + 32)
        with memory_below(10**6), pytest.raises(InputError, match=r"at most|as many as it should"):
            read_packed(path)


def test_newer_versions_and_other_files_are_refused(whole, tmp_path):
    """In words."""
    body = bytearray(whole[:-32])
    struct.pack_into("<H", body, 8, PACKED_VERSION + 1)
    with pytest.raises(InputError, match="newer lowreel"):
        Packed.of_bytes(sealed(bytes(body)))
    other = tmp_path / "clip.lowreel"
    with pytest.raises(InputError, match="no such file"):
        read_packed(other)
    with pytest.raises(InputError, match="is a folder"):
        read_packed(tmp_path)
    other.write_bytes(b"hello, this is no packed clip")
    with pytest.raises(InputError, match="not a packed clip"):
        read_packed(other)
