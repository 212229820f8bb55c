"""`lowreel pack` and `lowreel unpack`: a run, a representation or a clip as one file, and frames from it."""

import json
import math

import numpy as np
import pytest
import torch
from conftest import moving, snapshot

from lowreel import Representation, open_clip, read_packed
from lowreel.jobs.interpolate import opened_recovery
from lowreel.model.generators import Decoder
from lowreel.packing import Packed
from lowreel.packing.parts import parts_of

FEW = ("--updates", "3")


@pytest.fixture
def packed(finished, command, tmp_path):
    """A run packed to within 25 dB of its unpacked frames."""
    done = command("pack", finished, "--psnr", "25", *FEW, "-o", tmp_path / "clip.lowreel")
    assert (done.code, done.err) == (0, ""), done.err
    assert "against the true clip" in done.out.lower()
    return tmp_path / "clip.lowreel"


def test_a_run_is_packed_and_drawn(finished, packed, command):
    """As near as was asked for; the film has the clip's frames and times, the array its frames as they are."""
    found = read_packed(packed).representation()
    film, array = packed.with_suffix(".mp4"), packed.with_suffix(".npy")
    assert command("unpack", packed, "-o", film).code == 0
    assert command("unpack", packed, "-o", array).code == 0
    frames = np.load(array)
    torch.testing.assert_close(torch.from_numpy(frames), found.frames())
    video = open_clip(film)
    assert [float(t) for t in video.times] == pytest.approx(found.times.tolist(), abs=1e-3)
    assert float(np.abs(video.read().numpy() - frames).mean()) < 0.02
    unpacked = Representation.load(finished / "representation.safetensors").frames()
    assert float((found.frames() - unpacked).square().mean()) <= 10**-2.5 * 1.001


def test_a_run_says_what_it_takes(finished, command):
    """summary.json and the closing table: bytes stored, bits a pixel, and the numbers that were measured."""
    summary = json.loads((finished / "summary.json").read_text())
    found = Representation.load(finished / "representation.safetensors")
    assert summary["stored_bytes"] == found.bits() // 8
    assert summary["bits_per_pixel"] == pytest.approx(found.bits() / (6 * 12 * 16), abs=1e-3)
    assert summary["measured_numbers"] == round(summary["numbers_per_pixel"] * 6 * 12 * 16)
    assert f"{summary['stored_bytes']:,} bytes" in command("info", finished).out


def test_frames_by_number_and_by_time(packed, command):
    """--frames A:B are those of the clip; --at any times, each by itself, in any order for an array."""
    found = read_packed(packed).representation()
    some, others = packed.with_name("some.npy"), packed.with_name("others.npy")
    assert command("unpack", packed, "--frames", "2:4", "-o", some).code == 0
    torch.testing.assert_close(torch.from_numpy(np.load(some)), found.frames()[2:4])
    assert command("unpack", packed, "--at", "0.11", "0.03", "-o", others).code == 0
    torch.testing.assert_close(torch.from_numpy(np.load(others)), found.frames([0.11, 0.03]))
    film = packed.with_name("one.mp4")
    assert command("unpack", packed, "--at", "0.05", "-o", film).code == 0
    assert len(open_clip(film).times) == 1


@pytest.mark.parametrize("asked", [("--psnr", "22", "--updates", "100"), ("--loss", "1", *FEW)], ids=["psnr", "loss"])
def test_a_clip_is_packed(asked, here, command):
    """Fitted with all its pixels, and judged by them; --size and --frames are those of any clip."""
    np.save(here / "clip.npy", 255 * moving(5))
    done = command("pack", "clip.npy", "--frames", "4", *asked, "-o", "clip.lowreel")
    assert (done.code, done.err) == (0, "")
    assert "larger than the clip" in done.out
    assert (here / "clip.lowreel").stat().st_size > 4 * 12 * 16
    assert command("unpack", "clip.lowreel", "-o", "again.npy").code == 0
    again = np.load("again.npy") / 255
    assert again.shape == (4, 1, 12, 16)
    assert float(np.square(again - moving(5)[:4]).mean()) <= 10**-2.2 * 1.001


def test_a_run_of_pixels_may_be_fitted_anew(finished, command, monkeypatch):
    """As a clip is, and judged by its held-out data."""
    monkeypatch.setattr("lowreel.packing.recovered.LEAST_CLIP_UPDATES", 20)
    monkeypatch.setattr("lowreel.packing.recovered.DEFAULT_LOSS_DB", 99.0)
    file = finished / "clip.lowreel"
    done = command("pack", finished, "--bytes", "9000", "--updates", "20", "--precision", "float32", "-o", file)
    assert (done.code, done.err) == (0, ""), done.err
    assert file.stat().st_size <= 9000
    assert read_packed(file).spec["kind"] == "pyramid"
    opened, level = opened_recovery(finished), json.loads((finished / "summary.json").read_text())["heldout_db"]
    seen = opened.run.measured().operator.observed_mask().expand(opened.best().shape)
    off = (opened.found.frames() - opened.best()).square()  # exact where it was measured
    error = (float(off[seen].sum()) + 10 ** (-level / 10) * int((~seen).sum())) / seen.numel()
    assert "The best clip was fitted anew" in done.out
    assert f"held-out numbers {-10 * math.log10(error):.2f} dB unpacked" in done.out
    assert "Against the true clip" in done.out


LEVELS = {"generator": 21.0, "tv": 25.0, "50% generator, the rest tv": 27.0}


@pytest.mark.parametrize("recommended", LEVELS)
@pytest.mark.parametrize("delivered", ["generator", "tv"])
@pytest.mark.parametrize("is_there", [True, False], ids=["its file is there", "its file is lost"])
def test_the_best_clip_has_the_level_of_the_file_that_is_read(finished, recommended, delivered, is_there):
    """Where recommended.npy is lost, that of the clip that is delivered."""
    summary = json.loads((finished / "summary.json").read_text())
    summary |= {"delivered": delivered, "recommended": recommended, "recommended_heldout_db": LEVELS[recommended]}
    summary |= {"heldout_db": LEVELS["generator"], "baselines_heldout_db": {"tv": LEVELS["tv"]}}
    (finished / "summary.json").write_text(json.dumps(summary))
    own = np.load(finished / "recovered.npy")
    (finished / "recommended.npy").unlink(missing_ok=True)
    is_written = is_there and recommended != delivered
    if is_written:
        np.save(finished / "recommended.npy", 0 * own)
    found = opened_recovery(finished)
    assert bool((found.best() == 0).all()) == is_written
    assert found.best_db() == LEVELS[recommended if is_written else delivered]


def test_bytes_that_the_fit_did_not_keep_to_are_told(here, command, monkeypatch):
    """Where steps were made coarser after it: how much that lost, and what to do."""
    monkeypatch.setattr("lowreel.packing.direct._fit_rounded", lambda *_: None)
    np.save(here / "clip.npy", 255 * moving(5))
    done = command("pack", "clip.npy", "--bytes", "6000", "--updates", "20", "-o", "clip.lowreel")
    assert (done.code, done.err) == (0, ""), done.err
    assert (here / "clip.lowreel").stat().st_size <= 6000
    assert "keep to 6,000 and lost" in done.out
    assert "give more --updates, or more --bytes" in done.out


def test_a_clip_that_does_not_fit_is_not_read(here, command, monkeypatch):
    """Refused by its size, with what to do."""
    np.save(here / "clip.npy", moving(5))
    monkeypatch.setattr("lowreel.io.video.clip.Clip.read", None)
    monkeypatch.setattr("lowreel.jobs.packing.default_budget", lambda: 2 * 4 * 5 * 12 * 16)
    ended = command("pack", "clip.npy", "--psnr", "25", *FEW, "-o", "clip.lowreel")
    assert (ended.code, ended.err.count("\n")) == (2, 1), ended.err
    assert "5 frames of 12x16 takes more than" in ended.err


def test_info_and_others_take_it(packed, command):
    """What is in it, by `lowreel info`; `interpolate` draws from it as from a representation."""
    told = json.loads(command("info", packed, "--json").out)
    assert told["bytes"] == packed.stat().st_size
    assert told["bits a pixel"] == pytest.approx(8 * told["bytes"] / (6 * 12 * 16), rel=1e-3)
    done = command("interpolate", packed, "--frames", "11", "-o", packed.with_name("smooth.mp4"))
    assert (done.code, done.err) == (0, "")


def test_frames_that_take_more_memory_are_not_drawn(here, command, monkeypatch):
    """Two kilobytes may stand for frames of gigabytes: refused before they are drawn, with what to give."""
    codes = {"coefficients": (2, 1)}
    with torch.device("meta"):
        wide = Decoder((1, 8192, 8192), code_dim=1)
    parts = parts_of(wide, codes)
    nothing = {part.name: np.zeros((part.grid.rows, part.grid.columns), np.int32) for part in parts}
    steps = {part.name: np.zeros(part.steps, np.int32) for part in parts}
    assert Packed(wide.spec(), codes, torch.tensor([0.0, 1.0]).double(), nothing, steps).save("wide.lowreel") < 10_000
    ended = command("unpack", "wide.lowreel", "-o", "wide.mp4", "--memory", "1GB")
    assert (ended.code, ended.err.count("\n")) == (2, 1)
    assert "8192x8192 takes about 6.4 GB, 1.0 GB are allowed" in ended.err
    monkeypatch.setattr("lowreel.jobs.interpolate.default_budget", lambda: 10**9)
    for words in (["interpolate", "wide.lowreel", "--frames", "3"], ["embed", "wide.lowreel"]):
        ended = command(*words, "-o", "wide.mp4")
        assert (ended.code, ended.err.count("\n")) == (2, 1)
        assert "6.4 GB, 1.0 GB are allowed" in ended.err
        assert "lowreel unpack wide.lowreel --memory" in ended.err
    assert not (here / "wide.mp4").exists()


BAD = {
    "output there": ("pack {run} --bytes 9000 -o {packed}", "exists already"),
    "two targets": ("pack {run} --bytes 9000 --psnr 30 -o new.lowreel", "give one of"),
    "two targets for a clip, which is not read": (
        "pack {run}/nothing.mp4 --bytes 9000 --loss 1 -o new.lowreel",
        "give one of --bytes, --psnr and --loss, not --bytes and --loss",
    ),
    "too few bytes": ("pack {run} --bytes 20 --updates 0 -o new.lowreel", "too few"),
    "nothing known of its error": ("pack {run}/representation.safetensors -o new.lowreel", "give --bytes or --psnr"),
    "a folder that is not there": ("pack {run} --bytes 9000 -o nowhere/new.lowreel", "no such folder"),
    "reading a run": ("pack {run} --size 8 --bytes 9000 -o new.lowreel", "leave out the flags"),
    "no packed clip": ("unpack {run}/recovered.npy -o new.mp4", "not a packed clip"),
    "a folder, to be drawn": ("unpack {run} -o new.mp4", "is a folder; expected a file that lowreel pack wrote"),
    "packed already": ("pack {packed} --bytes 9000 -o new.lowreel", "is packed already"),
    "measurements": ("pack {run}/data.safetensors --bytes 9000 -o new.lowreel", "is a data file"),
    "no such file": ("unpack nothing.lowreel -o new.mp4", "no such file"),
    "kind of film": ("unpack {packed} -o new.ogv", "cannot write .ogv"),
    "no such frames": ("unpack {packed} --frames 90:95 -o new.mp4", "none of which"),
    "frames and times": ("unpack {packed} --frames 1:3 --at 0.1 -o new.mp4", "not both"),
    "times that fall": ("unpack {packed} --at 0.1 0.05 -o new.mp4", "have to rise"),
    "a time after the clip": ("unpack {packed} --at 0.1 0.3 -o new.npy", "has times from 0 to 0.2 s"),
    "a time before the clip": ("unpack {packed} --at -0.1 -o new.npy", "has times from 0 to 0.2 s"),
    "times that are none": ("unpack {packed} --at nan -o new.mp4", "finite"),
}


@pytest.mark.parametrize(("words", "told"), BAD.values(), ids=BAD)
def test_what_is_refused(words, told, finished, packed, here, command):
    """Exit code 2, one line, nothing written."""
    before = snapshot(here)
    ended = command(words.format(run=finished, packed=packed))
    assert (ended.code, ended.err.count("\n")) == (2, 1), ended.err
    assert told in ended.err
    assert snapshot(here) == before
