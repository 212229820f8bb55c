"""`lowreel recover` of data that others saved: the operator, the units, the truth, and what is refused."""

import json
import warnings
from collections import namedtuple
from pathlib import Path

import h5py
import numpy as np
import pytest
import tifffile
import torch
from cases import noise
from conftest import moving, snapshot
from foreign import KINDS_OF_CAMERA_FILES, cut, frames_last, hdf5, holds_no_arrays, mat7, mat73, npz

from lowreel import Measured, as_linear_operator
from lowreel.data import ARRAY_KINDS, Levels, WhiteNoise, estimate_scaling, in_levels
from lowreel.data.external import data_of
from lowreel.errors import InputError
from lowreel.io.containers import Array
from lowreel.operators import Fourier, Gaussian, Identity, Mask, MissingPixels, Snapshot

DROP = Path(__file__).parents[3] / "shared" / "data" / "sci" / "drop40_cacti.mat"
B, K, H, W = 3, 2, 12, 16
CODES = (np.random.default_rng(0).random((B, H, W)) < 0.5).astype(np.uint8)
CODES[0, :2] = 1
BYTES = (255 * moving(B * K)).round().astype(np.uint8)
PICTURES = (BYTES.reshape(K, B, H, W) * CODES).sum(1, dtype=np.uint16)
RECOVER = "recover {} --operator snapshot --y meas --mask mask --steps 1 -o run"


def camera(write, path, **changes):
    """A camera's file: mask, meas and orig, in its kind's order of axes."""
    held = {"mask": CODES, "meas": PICTURES, "orig": BYTES[:, 0]} | changes
    last = path.endswith(".mat")
    return write(Path(path), **{n: np.moveaxis(a, 0, -1) if last and a.ndim == 3 else a for n, a in held.items()})


def summary():
    return json.loads(Path("run/summary.json").read_text())


@pytest.mark.parametrize("name", KINDS_OF_CAMERA_FILES)
def test_a_camera_file_is_read_as_it_stands(name, here, command):
    """Data and operator are those of our own camera on the true clip, for every kind of file; so are its units."""
    write, path = KINDS_OF_CAMERA_FILES[name]
    camera(write, path)
    ended = command(RECOVER.format(path) + f" --truth {path}:orig")
    assert ended.code == 0, ended.err
    assert "white is 255 (found" in " ".join(ended.out.split())
    assert "Is this the true clip" not in ended.out
    measured = Measured.load("run/data.safetensors")
    truth = torch.from_numpy(BYTES.astype(np.float32)) / 255
    operator = Snapshot(truth.shape, B, mask=CODES)
    assert measured.operator.spec() == operator.spec()
    torch.testing.assert_close(measured.data, operator(truth))
    assert measured.times.tolist() == [t / 25 for t in range(B * K)]
    recovered = np.load("run/recovered.npy")
    assert recovered.shape == BYTES.shape
    assert 1 < recovered.max() <= 255.001
    found = torch.from_numpy(recovered / 255)
    assert summary()["psnr"] == pytest.approx(-10 * np.log10(float((found - truth).square().mean())), abs=1e-3)


@pytest.mark.parametrize(("wish", "start", "stop"), [("3", 0, 3), (":3", 0, 3), ("3:", 3, 6), ("0:6", 0, 6)])
def test_some_pictures_alone(wish, start, stop, here, command):
    """The frames of whole pictures, and the true clip's frames with them."""
    camera(mat7, "a.mat")
    ended = command(f"{RECOVER.format('a.mat')} --truth a.mat:orig --frames {wish}")
    assert ended.code == 0, ended.err
    assert "Is this the true clip" not in ended.out
    measured = Measured.load("run/data.safetensors")
    truth = torch.from_numpy(BYTES[start:stop].astype(np.float32)) / 255
    torch.testing.assert_close(measured.data, measured.operator(truth))
    assert measured.times.tolist() == [t / 25 for t in range(start, stop)]


def test_a_run_of_arrays_is_resumed(here, command):
    """All it needs is in its folder, the name with a colon of its truth included."""
    camera(mat7, "a.mat")
    assert command(RECOVER.format("a.mat") + " --truth a.mat:orig").code == 0
    Path("run/summary.json").unlink()
    ended = command("recover run --resume")
    assert ended.code == 0, ended.err
    assert summary()["psnr"] > 0


def test_one_picture_a_mask_of_another_file_and_no_names(here, command):
    """DATA:NAME, a file with a single array, and --mask FILE."""
    mat7("one.mat", y=PICTURES[0])
    np.save("mask.npy", CODES)
    for n, line in enumerate(["one.mat", "one.mat:y"]):
        assert command(f"recover {line} --operator snapshot --mask mask.npy --steps 1 -o run{n}").code == 0
    first = Measured.load("run0/data.safetensors")
    torch.testing.assert_close(first.data[0, 0] * 255, torch.from_numpy(PICTURES[0]).float())


@pytest.mark.parametrize("holes", ["zeros and a mask", "NaN"])
@pytest.mark.parametrize("write", [mat7, npz])
def test_missing_pixels(holes, write, here, command):
    """A clip with holes in units of its own comes back in these, its observed pixels as they were."""
    clip = 40 * moving(4, 3) - 7
    seen = np.random.default_rng(1).random((4, 1, 12, 16)) < 0.5
    damaged = np.where(seen, clip, np.nan if holes == "NaN" else 0)
    path = "a.mat" if write is mat7 else "a.npz"
    turn = frames_last if write is mat7 else np.asarray
    write(Path(path), y=turn(damaged), seen=turn(seen))
    mask = "" if holes == "NaN" else " --mask seen"
    ended = command(f"recover {path} --operator mask --y y{mask} --steps 1 -o run")
    assert ended.code == 0, ended.err
    everywhere = np.broadcast_to(seen, clip.shape)
    np.testing.assert_allclose(np.load("run/recovered.npy")[everywhere], clip[everywhere], atol=1e-4)


TRUTHS = {  # what the true clip is saved as, for float data whose white is 1000
    "the data's units": lambda x: 1000 * x,
    "levels of its own": lambda x: x,
    "bytes": lambda x: (255 * x).round().astype(np.uint8),
}


@pytest.mark.parametrize("name", TRUTHS)
def test_the_truth_is_taken_in_the_units_that_fit(name, here, command):
    clip = moving(B * K)
    y = Snapshot(clip.shape, B, mask=CODES)(torch.from_numpy(clip))[:, 0].numpy()
    npz(Path("a.npz"), meas=1000 * y + 0.123, mask=CODES)
    np.save("truth.npy", TRUTHS[name](clip))
    ended = command(RECOVER.format("a.npz") + " --truth truth.npy --scale 1000")
    assert ended.code == 0, ended.err
    assert "as --scale says" in " ".join(ended.out.split())
    assert "Is this the true clip" not in ended.out


# ------------------------------------------------------------------------------------------------------------ levels

SHAPE = (4, 1, 8, 8)
CLIP = torch.from_numpy(moving(*SHAPE)).double()
WHOLE = {1: 1, 90: 255, 254: 255, 900: 1023, 4000: 4095, 16000: 16383, 60000: 65535}


@pytest.mark.parametrize("peak", WHOLE)
@pytest.mark.parametrize("operator", [Snapshot(SHAPE, 2, seed=1), MissingPixels(SHAPE, 0.5)], ids=lambda A: A.kind)
def test_whole_numbers_have_the_white_of_their_bits(peak, operator):
    """The smallest of 1, 8, 10, 12, 14 and 16 bits that explains the data."""
    bright = torch.full(SHAPE, float(peak))
    assert estimate_scaling(operator(bright), operator) == Levels(WHOLE[peak], 0)
    assert estimate_scaling(operator((CLIP > 0.5) * float(peak)), operator) == Levels(WHOLE[peak], 0)


@pytest.mark.parametrize("white", [1e-3, 1, 37.5, 1e5])
@pytest.mark.parametrize(
    "operator",
    [Snapshot(SHAPE, 2, seed=1), MissingPixels(SHAPE, 0.5), Gaussian(SHAPE, 60), Fourier(SHAPE, "rows", 0.5)],
    ids=lambda A: A.kind,
)
def test_other_numbers_leave_room_above_them(white, operator):
    """In the levels found, the clip is in [0, 1] and fills a good part of it; what is in [0, 1] already stays."""
    scale, offset = estimate_scaling(operator((white * CLIP).float()), operator)
    assert offset == 0
    assert 0.3 < float(white * CLIP.max()) / scale <= 1.05
    assert scale == 1 or white != 1 or isinstance(operator, Gaussian)


def test_pixels_below_zero_have_an_offset():
    operator = Identity(SHAPE)
    levels = estimate_scaling(operator(40 * CLIP - 30), operator)
    inside = in_levels(operator(40 * CLIP - 30), operator, levels)
    torch.testing.assert_close(inside * levels.scale + levels.offset, (40 * CLIP - 30).float())
    assert (inside.min(), inside.max()) == (0, 1)


@pytest.mark.parametrize("operator", [Snapshot(SHAPE, 2), Gaussian(SHAPE, 9), Fourier(SHAPE, "rows", 0.5)])
def test_levels_are_undone_by_every_operator(operator):
    """A of (stored - offset) / scale, from A of what is stored."""
    stored, levels = noise(*SHAPE), Levels(7.0, -3.0)
    found = in_levels(operator.double()(stored), operator.float(), levels)
    wanted = operator.double()((stored - levels.offset) / levels.scale)
    torch.testing.assert_close(found, wanted.to(found.dtype), atol=1e-5, rtol=1e-4)


def test_a_camera_that_sees_nothing_somewhere():
    """Pixels that no frame reaches say nothing, whatever stands there."""
    codes = CODES.copy()
    codes[:, 3:5] = 0
    y = PICTURES.copy()
    y[:, 3:5] = 60000
    given = ARRAY_KINDS["snapshot"](Array(y, "y"), Array(codes, "mask"), slice(None))
    assert estimate_scaling(given.data, given.operator).scale == 255


def test_a_mask_for_one_frame_serves_all():
    clip, seen = moving(3, 3), moving(1)[0, 0] > 0.5
    given = ARRAY_KINDS["mask"](Array(clip, "y"), Array(seen, "mask"), slice(None))
    assert given.operator.spec() == Mask(clip.shape, seen).spec()


def test_a_colourful_mask_is_refused():
    seen = moving(2, 3) > 0.5
    with pytest.raises(InputError, match="channel"):
        ARRAY_KINDS["mask"](Array(moving(2, 3), "y"), Array(seen, "mask"), slice(None))


# ----------------------------------------------------------------------------------------------------------- refused

Bad = namedtuple("Bad", "arguments words make")


def held(write=mat7, path="a.mat", **changes):
    return lambda: camera(write, path, **changes)


def nan():
    y = PICTURES.astype(float)
    y[1, 0, 0] = np.nan
    return y


def pixels(**arrays):
    return lambda: npz(Path("a.npz"), **arrays)


SEEN = np.random.default_rng(2).random((4, 1, 12, 16)) < 0.3
MASK = "recover a.npz --operator mask --y y --mask m --steps 1 -o run"
BAD = {
    "no operator": Bad("recover a.mat --y meas -o run", ["a.mat", "--operator", "lowreel info"], held()),
    "unknown operator": Bad("recover a.mat --operator wizard --y meas -o run", ["snapshot, mask", "wizard"], held()),
    "no y": Bad("recover a.mat --operator snapshot --mask mask -o run", ["a.mat", "meas", "say which"], held()),
    "wrong y": Bad(RECOVER.format("a.mat").replace("--y meas", "--y m"), ["no array m", "meas (12, 16, 2)"], held()),
    "wrong mask": Bad(RECOVER.format("a.mat").replace("mask mask", "mask m"), ["no array m", "mask"], held()),
    "no mask": Bad("recover a.mat --operator snapshot --y meas -o run", ["--mask"], held()),
    "mask file that is not there": Bad(
        RECOVER.format("a.mat").replace("mask mask", "mask m.npy"), ["m.npy", "no such file"], held()
    ),
    "NaN": Bad(RECOVER.format("a.mat"), ["a.mat:meas", "1 numbers are NaN"], held(meas=nan())),
    "mask the wrong way round": Bad(
        MASK,
        ["a.npz:m", "100% of what it observes is exactly 0", "wrong way round", "1 - mask"],
        pixels(y=moving(4) * SEEN, m=1 - SEEN),
    ),
    "mask the wrong way round, NaN": Bad(
        MASK, ["a.npz:m", "wrong way round"], pixels(y=np.where(SEEN, moving(4), np.nan), m=~SEEN)
    ),
    "mask of other data": Bad(
        MASK, ["a.npz:m", "is it the mask", "y * mask"], pixels(y=moving(4) * SEEN, m=SEEN[..., ::-1])
    ),
    "mask of a spectrum the wrong way round": Bad(
        MASK.replace("operator mask", "operator fourier"),
        ["a.npz:m", "wrong way round"],
        pixels(y=(np.fft.fft2(moving(4)) * SEEN)[:, 0], m=1 - SEEN[:, 0]),
    ),
    "complex data": Bad(RECOVER.format("a.mat"), ["a.mat:meas", "real numbers"], held(meas=PICTURES * 1j)),
    "transposed mask": Bad(
        RECOVER.format("a.mat"), ["a.mat:mask", "H and W swapped"], held(mask=CODES.transpose(0, 2, 1))
    ),
    "MATLAB's order in NumPy's file": Bad(
        RECOVER.format("a.npz"),
        ["(H, W, B)", "to the front"],
        held(npz, "a.npz", mask=np.moveaxis(CODES, 0, -1), meas=np.moveaxis(PICTURES, 0, -1)),
    ),
    "mask of another size": Bad(RECOVER.format("a.mat"), ["(12, 15, 3)", "(12, 16, 2)"], held(mask=CODES[..., 1:])),
    "mask of zeros": Bad(RECOVER.format("a.mat"), ["zero"], held(mask=0 * CODES)),
    "data of four axes": Bad(
        RECOVER.format("a.mat"),
        ["(H, W, K)", "(12, 16, 2, 1)"],
        held(meas=np.ones((12, 16, 2, 1))),
    ),
    "frames across pictures": Bad(RECOVER.format("a.mat") + " --frames 4", ["--frames", "multiple of 3"], held()),
    "too many frames": Bad(RECOVER.format("a.mat") + " --frames 9", ["--frames", "6 frames", "got :9"], held()),
    "frames by steps": Bad(RECOVER.format("a.mat") + " --frames 0:6:3", ["--frames"], held()),
    "scale 0": Bad(RECOVER.format("a.mat") + " --scale 0", ["--scale"], held()),
    "cut file": Bad(RECOVER.format("a.mat"), ["a.mat", "cut short"], lambda: cut(camera(mat7, "a.mat"))),
    "cells": Bad("recover a.mat --operator mask --y names -o run", ["a cell array"], lambda: holds_no_arrays("a.mat")),
    "truth of another name": Bad(RECOVER.format("a.mat") + " --truth a.mat:true", ["no array true", "orig"], held()),
    "truth of several arrays": Bad(RECOVER.format("a.mat") + " --truth a.mat", ["say which"], held()),
    "clip shape for a camera": Bad(RECOVER.format("a.mat") + " --clip-shape 1x1x1x1", ["--clip-shape"], held()),
    "own operator without a shape": Bad("recover a.mat --operator my:A --y meas -o run", ["--clip-shape"], held()),
    "own operator with half a shape": Bad(
        "recover a.mat --operator my:A --y meas --clip-shape 4x4 -o run", ["--clip-shape", "4x4"], held()
    ),
    "y for a data file": Bad("recover y.safetensors --y meas -o run", ["y.safetensors", "--y", "leave it out"], held()),
    "mask for a run": Bad("recover run --resume --mask mask", ["run", "leave out"], held()),
    "arrays of a file that is not there": Bad(RECOVER.format("no.mat"), ["no.mat", "no such file"], held()),
    "no NaN and no mask": Bad(MASK.replace("--mask m ", ""), ["NaN", "--mask"], pixels(y=moving())),
    "mask of greys": Bad(MASK, ["a.npz:m", "zeros and one other"], pixels(y=moving(), m=moving())),
    "mask of too few frames": Bad(MASK, ["a.npz:m", "single one or 6"], pixels(y=moving(), m=moving(4) > 0.5)),
    "mask turned": Bad(MASK, ["H and W swapped"], pixels(y=moving(), m=moving().transpose(0, 1, 3, 2) > 0.5)),
    "complex pixels": Bad(MASK, ["a.npz:y", "magnitude"], pixels(y=moving() * 1j, m=moving() > 0.5)),
    "origin for a camera": Bad(RECOVER.format("a.mat") + " --image-origin middle", ["--operator fourier"], held()),
    "another origin": Bad(RECOVER.format("a.mat") + " --image-origin left", ["--image-origin", "corner"], held()),
    "parts of spectra": Bad(
        "recover a.npz --operator fourier --y y -o run",
        ["y[..., 0] + 1j * y[..., 1]"],
        pixels(y=np.ones((4, 6, 5, 2))),
    ),
    "magnitudes of spectra": Bad(
        "recover a.npz --operator fourier --y y -o run",
        ["a.npz:y", "are these magnitudes, or real parts"],
        pixels(y=np.abs(np.fft.fft2(moving(4)[:, 0])).astype("c8")),
    ),
    "clip of a cell file": Bad("measure missing a.mat -o z.st", ["cell array"], lambda: holds_no_arrays("a.mat")),
    "info of a cut file": Bad("info a.mat", ["a.mat", "cut short"], lambda: cut(camera(mat7, "a.mat"))),
    "info of an array that is not there": Bad("info a.h5:x", ["no array x", "orig"], held(hdf5, "a.h5")),
}


@pytest.mark.parametrize("bad", BAD.values(), ids=BAD)
def test_bad_arrays_are_one_line_and_change_nothing(bad, here, command):
    """Exit code 2; one line on stderr that says what is wrong; every file as before, and no new one."""
    bad.make()
    before = snapshot(here)
    ended = command(bad.arguments)
    assert (ended.code, ended.err.count("\n")) == (2, 1), ended.err
    assert [word for word in bad.words if word not in ended.err] == [], ended.err
    assert "Traceback" not in ended.out + ended.err
    assert snapshot(here) == before


PATTERNS = {"rggb": (0, 1, 1, 2), "bggr": (2, 1, 1, 0), "grbg": (1, 0, 2, 1), "gbrg": (1, 2, 0, 1)}


def filtered(colour, pattern):
    """What a colour filter array leaves of (T, H, W, 3)."""
    mosaic = np.zeros(colour.shape[:3], colour.dtype)
    for place, k in enumerate(PATTERNS[pattern]):
        mosaic[:, place // 2 :: 2, place % 2 :: 2] = colour[:, place // 2 :: 2, place % 2 :: 2, k]
    return mosaic


def colours():
    return (255 * np.random.default_rng(2).random((B * K, H, W, 3))).round()


@pytest.mark.parametrize("pattern", [*PATTERNS, None])
def test_a_true_clip_of_colours_is_scored_as_the_camera_saw_it(pattern, here, command):
    """By the mosaic of the right pattern, or by its luma: then a perfect recovery has no error."""
    colour = colours()
    seen = colour @ [0.299, 0.587, 0.114] if pattern is None else filtered(colour, pattern)
    pictures = (seen.reshape(K, B, H, W) * CODES).sum(1)
    held = {"meas": pictures, "mask": CODES, "orig": colour}
    mat7(Path("a.mat"), **{n: np.moveaxis(v, 0, -1) for n, v in held.items()})
    ended = command(f"{RECOVER.format('a.mat')} --scale 255 --truth a.mat:orig")
    assert ended.code == 0, ended.err
    recovered = np.load("run/recovered.npy")[:, 0]
    wanted = -10 * np.log10((((recovered - seen) / 255) ** 2).mean())
    assert summary()["psnr"] == pytest.approx(wanted, abs=1e-3)


def test_a_true_clip_of_colours_that_explains_nothing_is_refused(here, command):
    other = np.random.default_rng(3).random((B * K, H, W, 3))
    mat7(
        Path("a.mat"), meas=np.moveaxis(PICTURES, 0, -1), mask=np.moveaxis(CODES, 0, -1), orig=np.moveaxis(other, 0, -1)
    )
    ended = command(f"{RECOVER.format('a.mat')} --truth a.mat:orig")
    assert ended.code == 2
    assert "neither its luma nor a Bayer mosaic" in ended.err
    assert not Path("run").exists()


def test_info_says_axes_and_levels_and_what_to_choose(here, command):
    """As text and as JSON; a TIFF that needs a choice is described with it, and exits with 0."""
    tifffile.imwrite("a.tif", np.arange(60, dtype=np.uint16).reshape(3, 4, 5) * 50, photometric="minisblack")
    two = np.zeros((3, 2, 4, 5), np.uint16)
    tifffile.imwrite("b.ome.tif", two, metadata={"axes": "TCYX"}, photometric="minisblack")
    told = json.loads(command("info a.tif --json").out)
    assert (told["T, C, H, W"], told["black"], told["white"]) == ([3, 1, 4, 5], 0, 4095)
    assert "read as T 3" in told["axes"]
    assert told["levels"] == "12 bits are used"
    text = command("info b.ome.tif")
    assert text.code == 0
    assert "--channel N, 0 to 1" in text.out
    assert "TCYX (3, 2, 4, 5) uint16" in text.out


def test_info_says_spacing_and_where_frequency_zero_is(here, command):
    """Of pixels in the file's own unit; of complex pictures by the numbers, whatever the file."""
    metadata = {"axes": "TYX", "PhysicalSizeX": 0.5, "PhysicalSizeXUnit": "mm"}
    metadata |= {"PhysicalSizeY": 0.25, "PhysicalSizeYUnit": "mm"}
    tifffile.imwrite("a.ome.tif", np.zeros((3, 8, 9), np.uint8), metadata=metadata, photometric="minisblack")
    assert json.loads(command("info a.ome.tif --json").out)["spacing"] == "0.25 x 0.5 mm (height x width)"
    spectra = np.fft.fftshift(np.fft.fft2(moving(3)[:, 0]), axes=1)
    mat73(Path("k.mat"), k=np.moveaxis(spectra, 0, -1))
    hdf5(Path("k.h5"), k=spectra)
    for file in ("k.mat", "k.h5"):
        told = json.loads(command(f"info {file} --json").out)
        assert "frequency zero is in the middle of the height alone" in told["origin of k"]


def test_info_tells_of_a_file_one_array_of_which_has_no_numbers(here, command):
    """Complex arrays without a place on an axis, and one that was declared and never written."""
    for shape in ((4, 0, 8), (0, 8, 8), (0, 8)):
        np.save("a.npy", np.zeros(shape, complex))
        with warnings.catch_warnings(action="error"):
            ended = command("info a.npy --json")
        assert (ended.code, json.loads(ended.out)["array"]) == (0, f"{shape} complex128")
    hdf5(Path("k.h5"), k=np.fft.fft2(moving(3)[:, 0]))
    with h5py.File("k.h5", "a") as file:
        file.create_dataset("never", (4, 8, 8), complex)
    told = json.loads(command("info k.h5 --json").out)
    assert "frequency zero is in the corner" in told["origin of k"]
    assert "no numbers" in told["origin of never"]


def test_info_lists_what_a_file_holds(here, command):
    camera(mat7, "a.mat")
    mat7(Path("clip.mat"), x=BYTES[:, 0].transpose(1, 2, 0), note="words")
    listed, clip = command("info a.mat"), command("info clip.mat")
    assert (listed.code, clip.code) == (0, 0)
    assert "meas           (12, 16, 2) uint16" in listed.out
    assert "white          255" in clip.out
    assert "note           text" in clip.out


def test_names_with_a_colon_go_through_every_command(here, command):
    """Measured, recovered, scored, described and filled in by FILE:NAME; the folder's name has no colon."""
    camera(mat7, "a.mat", holes=CODES[0])
    assert command("measure missing a.mat:orig -o y.safetensors").code == 0
    ended = command("recover y.safetensors --truth a.mat:orig --steps 1 -o run")
    assert ended.code == 0, ended.err
    assert command("simulate missing a.mat:orig --steps 1").code == 0
    assert command("simulate missing a.mat:orig --steps 1 -o runs/a-orig-missing --resume").code == 0
    ended = command("inpaint a.mat:orig --mask a.mat:holes --steps 1 -o filled")
    assert ended.code == 0, ended.err
    recovered = np.load("filled/recovered.npy")[:, 0]
    everywhere = np.broadcast_to(CODES[0] > 0, recovered.shape)
    np.testing.assert_allclose(recovered[everywhere], BYTES[:, 0][everywhere], atol=1e-3)


@pytest.mark.skipif(not DROP.exists(), reason="the snapshot benchmark file is not here")
def test_the_benchmark_file_is_read_as_it_stands():
    """The data is meas / 255, all 40 frames, and the true clip explains it."""
    from lowreel.jobs.measured_arrays import measured_arrays
    from lowreel.runs.truth import in_levels_of, load_truth
    from lowreel.settings import ArraysSettings

    measured = measured_arrays(DROP, ArraysSettings(operator="snapshot", y="meas", mask="mask"))
    assert (measured.operator.clip_shape, measured.clip["scale"]) == ((40, 1, 256, 256), 255)
    how = in_levels_of(measured, {"path": f"{DROP}:orig", "frames": [0, 40]})
    truth = load_truth(how, measured.operator.clip_shape)
    torch.testing.assert_close(measured.operator(truth), measured.data, atol=1e-4, rtol=0)


@pytest.mark.parametrize("centred", [False, True])
@pytest.mark.parametrize("with_mask", [False, True])
def test_spectra_of_a_scanner_are_read_as_they_stand(centred, with_mask, here, command):
    """k-space of any scale, frequency zero in the corner or in the middle, with a mask or zeros: the same recovery."""
    clip = torch.from_numpy(moving(4)) * 3e-5
    operator = Fourier(tuple(clip.shape), "radial", 7)
    place = (lambda v: np.fft.fftshift(v, axes=(1, 2))) if centred else (lambda v: v)
    held = {"k": place(operator(clip).numpy()[:, 0])}
    if with_mask:
        held |= {"seen": place(operator.mask.numpy()[:, 0])}
    mat7(Path("scan.mat"), **{name: np.moveaxis(array, 0, -1) for name, array in held.items()})
    mask = "--mask seen" if with_mask else ""
    ended = command(f"recover scan.mat --operator fourier --y k {mask} --sigma 0 --steps 1 -o run")
    assert ended.code == 0, ended.err
    measured = Measured.load("run/data.safetensors")
    scale = measured.clip["scale"]
    assert 0.5 < scale / float(clip.max()) < 2
    torch.testing.assert_close(measured.data * scale, operator(clip).to(torch.complex64), atol=1e-9, rtol=1e-3)
    assert np.load("run/recovered.npy").max() < 2 * float(clip.max())


ORIGINS = ["corner", "middle", "height", "width"]
ALONG = {"corner": (), "middle": (1, 2), "height": (1,), "width": (2,)}


@pytest.mark.parametrize("size", [(12, 16), (11, 15)])
@pytest.mark.parametrize("image", ORIGINS)
@pytest.mark.parametrize("spectrum", ORIGINS)
def test_origins_of_spectra_are_found_and_those_of_images_are_said(spectrum, image, size):
    """Each in the corner or in the middle, along one axis or both, as NumPy shifts them: the same clip."""
    clip = moving(4, 1, *size)[:, 0]
    spectra = np.fft.fft2(np.fft.ifftshift(clip, axes=ALONG[image]), norm="ortho")
    y = Array(np.fft.fftshift(spectra, axes=ALONG[spectrum]).astype("c8"), "k")
    for said in ({}, {"spectrum_origin": spectrum}):
        given = ARRAY_KINDS["fourier"](y, None, slice(None), image_origin=image, **said)
        np.testing.assert_allclose(given.operator.adjoint(given.data)[:, 0], clip, atol=1e-6)


def test_an_origin_that_was_not_measured_has_to_be_said():
    spectra = np.fft.fft2(moving(4)[:, 0]).astype("c8")
    spectra[:, :, [0, W // 2]] = 0
    with pytest.raises(InputError, match=r"where is it\? Say --spectrum-origin corner\|middle"):
        ARRAY_KINDS["fourier"](Array(spectra, "k"), None, slice(None))
    given = ARRAY_KINDS["fourier"](Array(spectra, "k"), None, slice(None), spectrum_origin="corner")
    np.testing.assert_array_equal(given.data[:, 0], spectra)


def test_an_operator_of_ones_own_for_arrays_of_others(here, command, monkeypatch):
    """--operator module:object with --clip-shape takes y as the object's data; the noise that is said is kept."""
    Path("camera.py").write_text(
        "from lowreel import Gaussian\n\ndef build(clip_shape):\n    return Gaussian(clip_shape, 40, seed=3)\n"
    )
    clip = torch.from_numpy(moving(3))
    np.savez("a.npz", y=Gaussian(tuple(clip.shape), 40, seed=3)(clip).numpy())
    line = "recover a.npz --operator camera:build --clip-shape 3x1x12x16 --y y --sigma 0.1 --scale 1 --steps 1 -o run"
    ended = command(line)
    assert ended.code == 0, ended.err
    assert Measured.load("run/data.safetensors").noise == WhiteNoise(sigma=0.1)


def test_spectra_with_a_mask_of_columns():
    """fastMRI's mask (W,) holds for every row; of several coils one is taken."""
    clip = moving(4)[:, 0]
    spectra = np.fft.fft2(clip, norm="ortho").astype("c8")
    columns = (np.arange(W) % 2 == 0).astype("f4")
    given = ARRAY_KINDS["fourier"](Array(spectra, "k"), Array(columns, "mask"), slice(None))
    assert torch.equal(given.operator.mask.cpu()[:, 0, :, ::2], torch.ones(4, H, W // 2, dtype=torch.bool))
    assert not given.operator.mask[..., 1::2].any()
    with pytest.raises(InputError, match="take one place on an axis, such as k,1=0"):
        ARRAY_KINDS["fourier"](Array(spectra[:, None], "k"), None, slice(None))


def test_data_of_several_dimensions_for_a_flat_operator():
    """PyLops' data is flat, the last axis running fastest; another size is a sentence about the data."""
    operator = as_linear_operator((lambda x: x.ravel()[:24], lambda y: np.zeros((1, 1, 6, 8))), (1, 1, 6, 8))
    y = np.arange(24.0).reshape(2, 3, 4)
    assert torch.equal(data_of(Array(y, "y"), operator), torch.arange(24, dtype=torch.float64))
    with pytest.raises(InputError, match=r"y: is \(2, 3, 3\), .* gives data of shape \(24,\); save y in that shape"):
        data_of(Array(y[..., :3], "y"), operator)
    with pytest.raises(InputError, match=r"flatten it, y\.reshape\(-1\)"):
        operator.checked_data(torch.from_numpy(y))


def test_a_picture_cut_in_four_is_told_on_the_command_line(here, command):
    """As a sentence, once, and not as a warning of Python's."""
    y, x = np.mgrid[:24, :20]
    disc = (((y - 12) ** 2 / 64 + (x - 10) ** 2 / 49) < 1).astype(np.float32)
    spectra = np.fft.fft2(np.fft.ifftshift(np.stack([disc] * 3), axes=(1, 2)), norm="ortho").astype(np.complex64)
    np.savez("scan.npz", k=spectra)
    ended = command("recover scan.npz --operator fourier --y k --sigma 0 --steps 1 --quality draft -o run")
    assert (ended.code, ended.err) == (0, "")
    assert ended.out.count("Warning: the image seems to be cut in the middle of its rows") == 1
    assert "--image-origin middle" in ended.out
    line = (
        "recover scan.npz --operator fourier --y k --sigma 0 --steps 1 --quality draft --image-origin middle -o whole"
    )
    ended = command(line)
    assert (ended.code, ended.err) == (0, "")
    assert "Warning" not in ended.out
    np.testing.assert_allclose(np.load("whole/recovered.npy")[:, 0], np.stack([disc] * 3), atol=0.02)
