"""Arrays in files of others: the same array comes out of every kind, and a hostile file is one sentence."""

import contextlib
import random
import sys
from pathlib import Path

import h5py
import numpy as np
import pytest
import torch
from conftest import moving
from foreign import MATLAB, NUMPY, claims_petabytes, cut, frames_last, hdf5, holds_no_arrays, mat5, mat7, mat73
from formats import FORMATS
from scipy.io import loadmat, savemat

from lowreel.errors import InputError
from lowreel.io import containers
from lowreel.io.video import open_clip, read_mask
from lowreel.system.files import split_member

KINDS = MATLAB | NUMPY
BYTES = np.arange(2 * 3 * 4, dtype=np.uint8).reshape(2, 3, 4)
ARRAYS = {
    "bytes": BYTES,
    "halves": BYTES / 2,
    "z": BYTES - 0.5j * BYTES,
    "seen": BYTES % 2 == 0,
    "row": np.arange(5.0)[None],
}
TYPES = ("u1", "i1", "u2", "i2", "u4", "i4", "u8", "i8", "f4", "f8", "c8", "c16")
DROP = Path(__file__).parents[3] / "shared" / "data" / "sci" / "drop40_cacti.mat"


@pytest.fixture(params=KINDS)
def kind(request):
    return KINDS[request.param]


def test_arrays_come_out_as_they_were_put_in(kind, tmp_path):
    """Names and shapes are told without the data; values, types and the order of axes are those that were saved."""
    write, name = kind
    path = write(tmp_path / name, **ARRAYS)
    entries = {entry.name: entry for entry in containers.entries_of(path)}
    assert {n: e.shape for n, e in entries.items()} == {n: a.shape for n, a in ARRAYS.items()}
    assert not any(e.problem for e in entries.values())
    for wanted, values in ARRAYS.items():
        found = containers.load(path, wanted)
        assert (found.values.dtype, found.label) == (values.dtype, f"{path}:{wanted}")
        np.testing.assert_array_equal(found.values, values)
        assert found.matlab == (name == "a.mat")


@pytest.mark.parametrize("channels", [1, 3])
def test_a_clip_is_the_same_clip_in_every_kind(kind, channels, tmp_path):
    """MATLAB's (H, W, T) and (H, W, 3, T), NumPy's (T, C, H, W): by name, and alone without one."""
    write, name = kind
    truth = moving(channels=channels)
    stored = frames_last(truth) if name == "a.mat" else truth
    path = write(tmp_path / name, first=stored, other=1 - stored)
    assert torch.equal(open_clip(f"{path}:first").read(), torch.from_numpy(truth))
    assert torch.equal(open_clip(f"{path}:other", frames=slice(2, 4)).read(), torch.from_numpy(1 - truth)[2:4])
    alone = write(tmp_path / f"b{path.suffix}", only=stored, rate=np.ones((1, 1)))
    assert torch.equal(open_clip(alone).read(), torch.from_numpy(truth))


def test_one_grey_frame_of_matlab_and_its_clips_with_one_channel(tmp_path):
    frame = moving()[0, 0]
    path = mat7(tmp_path / "a.mat", frame=frame, clip=frame[:, :, None, None] * np.array([1, 0.5])[None, None, None])
    assert torch.equal(open_clip(f"{path}:frame").read()[0, 0], torch.from_numpy(frame))
    assert open_clip(f"{path}:clip").shape == (2, 1, *frame.shape)


LEVELS = {  # what MATLAB holds, and the scale and offset that are found
    "bytes": (BYTES, 255, 0),
    "whole doubles": (BYTES.astype(float), 255, 0),
    "zeros and ones": ((BYTES % 2).astype(float), 1, 0),
    "unit": (BYTES / 30, 1, 0),
    "12 bits": (BYTES.astype(np.uint16) * 100, 4095, 0),
    "both signs": (BYTES - 7.5, 23, -7.5),
    "logical": (BYTES % 2 == 0, 1, 0),
}


@pytest.mark.parametrize("write", [mat5, mat7, mat73])
@pytest.mark.parametrize("name", LEVELS)
def test_levels_of_matlab_clips(write, name, tmp_path):
    """x = (stored - offset) / scale, whatever narrower type MATLAB stored the numbers in."""
    stored, scale, offset = LEVELS[name]
    clip = open_clip(write(tmp_path / "a.mat", x=stored))
    assert (clip.scale, clip.offset) == (scale, offset)
    wanted = torch.from_numpy((stored.astype(float) - offset) / scale).permute(2, 0, 1)[:, None].float()
    torch.testing.assert_close(clip.read(), wanted)


def test_levels_that_are_given_stand_in_place_of_those_found(tmp_path):
    clip = open_clip(mat7(tmp_path / "a.mat", x=BYTES), levels=(100.0, 3.0))
    assert (clip.scale, clip.offset) == (100, 3)
    assert clip.read()[0, 0, 0, 0] == pytest.approx(-0.03)


def test_matlab_s_own_narrow_storage_is_read_as_scipy_reads_it(tmp_path):
    """SciPy's reader is the witness, for every type that version 5 knows, compressed and not."""
    held = {f"a{n}": BYTES.astype(t) for n, t in enumerate(TYPES)}
    for compressed in (False, True):
        savemat(tmp_path / "a.mat", held, do_compression=compressed)
        for name, values in loadmat(tmp_path / "a.mat", variable_names=held).items():
            if name in held:
                np.testing.assert_array_equal(containers.load(tmp_path / "a.mat", name).values, values)


@pytest.mark.parametrize("compressed", [False, True])
def test_fields_of_structs_of_version_5(compressed, tmp_path):
    """STRUCT/FIELD, as in version 7.3, at any depth; what stands before and after them is found too."""
    inner = {"deep": BYTES, "nothing": np.ones((0, 3)), "words": "text"}
    held = {"first": BYTES / 2, "s": {"x": BYTES / 3, "z": BYTES * 1j, "inner": inner}, "last": BYTES > 3}
    savemat(tmp_path / "a.mat", held, do_compression=compressed)
    names = ["first", "s/x", "s/z", "s/inner/deep", "s/inner/nothing", "s/inner/words", "last"]
    assert [entry.name for entry in containers.entries_of(tmp_path / "a.mat")] == names
    for name, values in {"s/x": BYTES / 3, "s/z": BYTES * 1j, "s/inner/deep": BYTES, "last": BYTES > 3}.items():
        np.testing.assert_array_equal(containers.load(tmp_path / "a.mat", name).values, values)


def test_version_4(tmp_path):
    savemat(tmp_path / "a.mat", {"x": BYTES[0] / 2, "words": "text"}, format="4")
    np.testing.assert_array_equal(containers.load(tmp_path / "a.mat", "x").values, BYTES[0] / 2)
    with pytest.raises(InputError, match="is text"):
        containers.load(tmp_path / "a.mat", "words")


def test_groups_of_hdf5(tmp_path):
    """GROUP/NAME, in a path as well."""
    path = hdf5(tmp_path / "a.h5", **{"scan/first/x": moving(), "scan/y": BYTES})
    assert [e.name for e in containers.entries_of(path)] == ["scan/first/x", "scan/y"]
    assert torch.equal(open_clip(f"{path}:scan/first/x").read(), torch.from_numpy(moving()))


def test_a_mask_from_an_array(tmp_path):
    seen = BYTES[0] % 3 == 0
    path = mat7(tmp_path / "a.mat", seen=seen, other=BYTES)
    assert torch.equal(read_mask(f"{path}:seen", (2, 1, 3, 4)), torch.from_numpy(seen).expand(2, 1, 3, 4))


def test_a_file_of_that_very_name_comes_first(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    mat7(tmp_path / "a.mat:x", x=BYTES)
    assert split_member("a.mat:x") == (Path("a.mat:x"), None)
    assert split_member("a.mat:y") == (Path("a.mat"), "y")
    assert split_member("b.H5:g/n") == (Path("b.H5"), "g/n")
    assert split_member("rotating-mnist:7") == (Path("rotating-mnist:7"), None)


def other_file(d):
    hdf5(d / "secret.h5", x=BYTES)
    with h5py.File(d / "a.h5", "w") as file:
        file["x"] = h5py.ExternalLink("secret.h5", "x")
        layout = h5py.VirtualLayout(BYTES.shape, "u1")
        layout[:] = h5py.VirtualSource(d / "secret.h5", "x", BYTES.shape)
        file.create_virtual_dataset("v", layout)
        (d / "raw").write_bytes(b"words of another file")
        file.create_dataset("e", (10,), "u1", external=[(str(d / "raw"), 0, 10)])
    return d / "a.h5"


def pickles(d):
    np.savez(d / "a.npz", x=np.array([{}, None], object))
    return d / "a.npz"


def lying(path, data=b"words, not arrays " * 20):
    path.write_bytes(data)
    return path


def claims_more(d):
    """A version 5 header whose shape says petabytes."""
    data = mat5(d / "a.mat", x=BYTES).read_bytes()
    shape = np.array(BYTES.shape, "<i4").tobytes()
    return lying(d / "a.mat", data.replace(shape, np.array([2**30] * 3, "<i4").tobytes(), 1))


BAD = {
    "cut v6": (lambda d: cut(mat5(d / "a.mat", x=BYTES)), "x", "cannot be read as a MATLAB file.*cut short"),
    "cut v7": (lambda d: cut(mat7(d / "a.mat", x=BYTES)), "x", "cannot be read as a MATLAB file"),
    "cut v7.3": (lambda d: cut(mat73(d / "a.mat", x=BYTES)), "x", "cannot be read as HDF5"),
    "cut in its first bytes": (lambda d: cut(mat7(d / "a.mat", x=BYTES), 0.01), "x", "cut short"),
    "empty file": (lambda d: lying(d / "a.mat", b""), "x", "cut short"),
    "words as mat": (lambda d: lying(d / "a.mat"), "x", "cannot be read as a MATLAB file"),
    "words as h5": (lambda d: lying(d / "a.h5"), "x", "cannot be read as HDF5"),
    "pickle": (pickles, "x", "Python objects, a pickle"),
    "cell": (lambda d: holds_no_arrays(d / "a.mat"), "names", r"is a cell array; .*x = cat\(3, names\{:\}\)"),
    "struct": (lambda d: holds_no_arrays(d / "a.mat"), "s", "is a struct array"),
    "text": (lambda d: holds_no_arrays(d / "a.mat"), "text", "is text"),
    "wrong name": (lambda d: mat7(d / "a.mat", x=BYTES), "y", r"no array y; it holds x \(2, 3, 4\) uint8"),
    "petabytes in 7.3": (lambda d: claims_petabytes(d / "a.mat"), "x", r"takes 6\.4e\+07 GB"),
    "petabytes in 5": (claims_more, "x", "the file cannot hold"),
    "shape without numbers": (
        lambda d: (h5py.File(d / "a.h5", "w").create_dataset("x", (3, 4), "f4").file.close(), d / "a.h5")[1],
        "x",
        "no numbers",
    ),
    "empty array": (lambda d: mat7(d / "a.mat", x=np.ones((0, 3))), "x", "is empty"),
    "another file, linked": (other_file, "x", "no array x"),
    "another file, virtually": (other_file, "v", "another file"),
    "another file, raw": (other_file, "e", "another file"),
    "missing": (lambda d: d / "a.mat", "x", "no such file"),
    "folder": (lambda d: ((d / "a.mat").mkdir(), d / "a.mat")[1], "x", "no such file"),
}


@pytest.mark.parametrize("name", BAD)
def test_what_cannot_be_loaded_is_one_sentence(name, tmp_path):
    make, array, words = BAD[name]
    path = make(tmp_path)
    with pytest.raises(InputError, match=words) as caught:
        containers.load(path, array)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_of_several_arrays_the_first_of_most_axes_is_proposed(tmp_path):
    """As in a filled record, whose gap distances stand behind its values."""
    held = {"lat": np.ones(3), "bounds": np.ones((3, 2)), "sst": BYTES, "sst_gap_distance": BYTES, "area": BYTES[0]}
    np.savez(tmp_path / "a.npz", **held)
    with pytest.raises(InputError, match=r"say which, such as \S*a\.npz:sst$"):
        containers.load_clip(tmp_path / "a.npz")


BAD_CLIPS = {
    "complex": (lambda d: mat7(d / "a.mat", x=BYTES * 1j), "real numbers.*complex128.*magnitude"),
    "several": (lambda d: mat7(d / "a.mat", a=BYTES, b=BYTES), r"arrays a \(2, 3, 4\) uint8, b .*say which.*a\.mat:a"),
    "none": (lambda d: holds_no_arrays(d / "a.mat"), r"no array of numbers; it holds names \(a cell array\), text"),
    "axes of MATLAB": (lambda d: mat7(d / "a.mat", x=np.ones((2, 3, 4, 5))), r"\(H, W, C, T\).*got \(2, 3, 4, 5\)"),
    "NaN": (lambda d: mat7(d / "a.mat", x=BYTES * np.nan), "24 numbers are NaN or infinite"),
}


@pytest.mark.parametrize("name", BAD_CLIPS)
def test_what_is_no_clip_is_one_sentence(name, tmp_path):
    make, words = BAD_CLIPS[name]
    with pytest.raises(InputError, match=words):
        open_clip(make(tmp_path)).read()


@pytest.mark.parametrize("name", ["v6", "v7", "npz"])
def test_damage_anywhere_is_an_input_error_or_harmless(name, tmp_path):
    """Bytes changed and cut at seeded places: no other exception, no crash. (The HDF5 library itself may abort.)"""
    write, file = KINDS[name]
    held = {"a": BYTES, "b": BYTES / 2, "z": BYTES * 1j, "seen": BYTES > 3}
    held |= {"s": {"x": BYTES, "y": "text"}} if file == "a.mat" else {}
    whole = write(tmp_path / file, **held).read_bytes()
    seeded = random.Random(0)
    for n in range(60):
        damaged = bytearray(whole if n % 3 else whole[: seeded.randrange(len(whole))])
        for _ in range(seeded.choice([1, 3, 10]) if n % 3 else 0):
            damaged[seeded.randrange(len(damaged))] = seeded.randrange(256)
        path = lying(tmp_path / file, bytes(damaged))
        with contextlib.suppress(InputError):
            for entry in containers.entries_of(path):
                if not entry.problem:
                    containers.load(path, entry.name)


@pytest.mark.parametrize("name", ["mat7", "npz", "nifti packed"])
def test_damage_in_compressed_numbers_is_never_read(name, tmp_path):
    """One bit in the midst of them: their checksum says so, wherever the reader stops."""
    counts = np.random.default_rng(0).integers(0, 4096, (4, 1, 24, 30)).astype("u2")
    if name == "mat7":
        path = mat7(tmp_path / "a.mat", s={"x": frames_last(counts), "y": counts[0]})
    elif name == "npz":
        np.savez_compressed(path := tmp_path / "a.npz", x=counts)
    else:
        file, write, _ = FORMATS[name]
        path = write(tmp_path / file, counts)
    whole, member = path.read_bytes(), ":s/x" if name == "mat7" else ""
    assert open_clip(f"{path}{member}").read().shape == counts.shape
    for place in np.linspace(0.3, 0.9, 9):
        damaged = bytearray(whole)
        damaged[int(place * len(whole))] ^= 4
        path.write_bytes(damaged)
        with pytest.raises(InputError):
            open_clip(f"{path}{member}").read()


def test_without_h5py_a_sentence_says_what_to_install(tmp_path, monkeypatch):
    path = mat73(tmp_path / "a.mat", x=BYTES)
    monkeypatch.setitem(sys.modules, "h5py", None)
    with pytest.raises(InputError, match=r'pip install "lowreel\[formats\]"'):
        open_clip(path)


@pytest.mark.skipif(not DROP.exists(), reason="the snapshot benchmark file is not here")
def test_the_benchmark_file():
    """Its three arrays are told apart, and its clip has grey levels of 255."""
    assert {e.name: e.shape for e in containers.entries_of(DROP)} == {
        "mask": (256, 256, 8),
        "meas": (256, 256, 5),
        "orig": (256, 256, 40),
    }
    clip = open_clip(f"{DROP}:orig")
    assert (clip.shape, clip.scale, clip.offset) == ((40, 1, 256, 256), 255, 0)
    wanted = loadmat(DROP, variable_names=["orig"])["orig"][..., 7]
    np.testing.assert_allclose(clip.read(7, 8)[0, 0] * 255, wanted, rtol=1e-6)
