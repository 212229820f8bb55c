"""`lowreel info` and `lowreel export` of the files of the field, from the command line."""

import formats
import h5py
import netCDF4
import numpy as np
import pytest
from conftest import moving

from lowreel.system.files import PACKED_MAGIC


def test_a_run_comes_back_as_its_source_is(here, command):
    """NetCDF in and out: three of six frames at half the size, packed, with their times."""
    formats.netcdf(here / "sea.nc", moving(6, 1, 12, 16) * 20, packed=True)
    quick = ["--steps", "2", "--quality", "draft", "--baselines", "none"]
    wish = ["--frames", "1:4", "--size", "6x8", "--ratio", "0.5"]
    assert command("simulate", "missing", "sea.nc", "-o", "RUN", *wish, *quick).code == 0
    ended = command("export RUN -o back.nc")
    assert (ended.code, ended.out) == (0, "wrote back.nc: 3x1x6x8 (frames, channels, height, width)\n")
    with netCDF4.Dataset(here / "back.nc") as file:
        assert file["sst"].scale_factor == 0.25
        np.testing.assert_allclose(file["time"][:], [1.5, 2.5, 3.5])
        np.testing.assert_allclose(file["sst"][:], np.load(here / "RUN" / "recovered.npy")[:, 0], atol=0.126)
    (here / "sea.nc").unlink()
    ended = command("export RUN -o plain.nii")
    assert ended.code == 0
    assert "sea.nc is gone" in ended.out
    for words in ("export RUN -o back.nc", "export RUN -o a.mp4", "export . -o a.nc", "export RUN -o a.nc --like b.nc"):
        ended = command(words)
        assert (ended.code, ended.out, ended.err.count("\n")) == (2, "", 1)
    assert not (here / "a.nc").exists()


NO_RUN = {
    "gone": "gone: no such folder",
    "clip.npy": "clip.npy: expected the folder of a run, got a file",
    "c.lowreel": "got a packed clip; make one of it: lowreel unpack c.lowreel -o clip.npy",
    ".": "with a config.json; check the path",
    "two": "two: a run of several clips; export them one by one: two/clips/a",
    "begun": "no recovered.npy yet; go on with it first: lowreel recover begun --resume",
}


@pytest.mark.parametrize("name", NO_RUN)
def test_what_has_no_clip_to_export_says_what_to_do(here, command, name):
    """By what it is."""
    (here / "c.lowreel").write_bytes(PACKED_MAGIC)
    for folder, config in {"two": '{"version": 2, "clips": ["a", "b"]}', "begun": '{"version": 2}'}.items():
        (here / folder).mkdir()
        (here / folder / "config.json").write_text(config)
    ended = command("export", name, "-o", "x.nc")
    assert ended.code == 2
    assert NO_RUN[name] in ended.err


def test_a_file_with_complex_numbers_alone_is_described(here, command):
    """What it holds, and what to do with it; not an error."""
    with h5py.File(here / "scan.h5", "w") as file:
        file["kspace"] = moving(4)[:, 0].astype("c8") * 1j
    ended = command("info scan.h5")
    assert ended.code == 0
    assert "kspace" in ended.out
    assert "recover the clip: lowreel recover scan.h5" in ended.out


def test_axes_are_told(here, command):
    formats.ome_zarr(here / "cells.zarr", moving(4))
    told = command("info cells.zarr").out
    assert "(4, 1, 1, 12, 16) float32, axes t = T, c = C, z, y = H, x = W" in told
