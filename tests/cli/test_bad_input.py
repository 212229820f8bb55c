"""Bad input, one law over one list: exit code 2, one line that says what is wrong, no file changed or left behind."""

import json
import struct
import zlib
from collections import namedtuple
from pathlib import Path

import numpy as np
import pytest
import torch
from conftest import encode, moving, snapshot
from PIL import Image
from safetensors import safe_open
from safetensors.torch import load_file, save_file

from lowreel.runs.preview import LIVE

Bad = namedtuple("Bad", "arguments words make")
MEASURE = "measure missing {} -o y.safetensors"
RECOVER = "recover data.safetensors --steps 1 -o run"
SIMULATE = "simulate missing clip.npy --steps 1 -o run"
INPAINT = "inpaint clip.npy --mask {} --steps 1 -o run"


# ----------------------------------------------------------------- how to make the bad input, in the working folder


def nothing():
    """Only clip.npy is there."""


def array(name, values):
    return lambda: np.save(name, values)


def text(name, content="not what its name says\n"):
    return lambda: Path(name).write_text(content)


def pictures(*shapes):
    def make():
        Path("frames").mkdir()
        for n, shape in enumerate(shapes):
            Image.fromarray(np.zeros(shape, np.uint8)).save(f"frames/{n}.png")

    return make


def cut_video(**container):
    def make():
        noise = np.random.default_rng(0).random((30, 1, 32, 48), dtype=np.float32)
        whole = encode(Path("cut.mp4"), noise, **container).read_bytes()
        Path("cut.mp4").write_bytes(whole[: len(whole) * 6 // 10])

    return make


def picture(name, values):
    return lambda: Image.fromarray((np.asarray(values) * 255).astype(np.uint8)).save(name)


def huge_picture():
    """The header of a PNG of 100000x100000 pixels, and no pixels."""

    def chunk(kind, content):
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))

    header = struct.pack(">IIBBBBB", 100_000, 100_000, 8, 0, 0, 0, 0)
    pixels = chunk(b"IDAT", zlib.compress(b"\0" * 1000))
    Path("huge.png").write_bytes(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + pixels + chunk(b"IEND", b""))


def measured(clip="clip.npy", name="data.safetensors", operator="missing"):
    from lowreel import Identity, Measured, MissingPixels, open_clip

    x = open_clip(clip).read()
    A = MissingPixels(x.shape, 0.5) if operator == "missing" else Identity(x.shape)
    Measured(A(x), A, torch.arange(len(x), dtype=torch.float64) / 25).save(name)


def changed_data(change):
    """A data file after `change(tensors, header)`."""

    def make():
        measured()
        tensors = load_file("data.safetensors")
        with safe_open("data.safetensors", "pt") as file:
            header = json.loads(file.metadata()["lowreel"])
        change(tensors, header)
        save_file(tensors, "data.safetensors", metadata={"lowreel": json.dumps(header)})

    return make


def put_nan(tensors, header):
    tensors["y.0"][2, 0, 3, 4] = torch.nan


def reshape(tensors, header):
    tensors["y.0"] = torch.zeros(6, 1, 12, 15)


def other_clip_shape(tensors, header):
    header["operator"]["clip_shape"] = [6, 1, 16, 12]


def unknown_operator(tensors, header):
    header["operator"]["kind"] = "telescope"


def newer(tensors, header):
    header["version"] = 99


def drop(*names):
    def change(tensors, header):
        for name in names:
            tensors.pop(name, None)
            header.pop(name, None)

    return change


def damaged_data():
    measured()
    content = Path("data.safetensors").read_bytes()
    Path("data.safetensors").write_bytes(content[: len(content) // 2])


def other_tensors():
    save_file({"x": torch.zeros(3)}, "data.safetensors")


def no_header_object():
    save_file({"x": torch.zeros(3)}, "data.safetensors", metadata={"lowreel": "[1, 2]"})


def a_representation():
    from lowreel import Codes, Decoder, Representation

    codes = Codes(torch.zeros(6, 64), torch.arange(6, dtype=torch.float64))
    Representation(Decoder((1, 12, 16), code_dim=64), codes).save("data.safetensors")


def begun_run():
    from lowreel import Measured, RecoverSettings
    from lowreel.runs.folder import Run

    measured()
    Run.create("run", Measured.load("data.safetensors"), RecoverSettings())


def run_with(name, content):
    def make():
        begun_run()
        Path("run", name).write_bytes(content)

    return make


def run_without(name):
    def make():
        begun_run()
        Path("run", name).unlink()

    return make


def full_folder():
    Path("run").mkdir()
    Path("run", "thesis.txt").write_text("the only copy")


# ------------------------------------------------------------------------------------------------------- the list

KEPT = np.ones((12, 16))
HALF = np.indices((12, 16)).sum(0) % 2
BAD = {
    # the clip
    "missing file": Bad(MEASURE.format("no.mp4"), ["no.mp4", "no such file"], nothing),
    "missing file, simulate": Bad("simulate missing no.mp4 -o run", ["no.mp4", "no such file"], nothing),
    "missing file, info": Bad("info no.mp4", ["no.mp4", "no such file"], nothing),
    "empty folder": Bad(MEASURE.format("frames"), ["frames", "no pictures"], pictures()),
    "frames of different sizes": Bad(
        MEASURE.format("frames"), ["different sizes", "12x16", "16x12"], pictures((12, 16), (16, 12))
    ),
    "mp4 without its end": Bad(MEASURE.format("cut.mp4"), ["cut.mp4", "cut short"], cut_video()),
    "mp4 with its index and not its frames": Bad(
        MEASURE.format("cut.mp4"), ["cut.mp4", "cut short", "of its 30 frames"], cut_video(movflags="faststart")
    ),
    "text named mp4": Bad(MEASURE.format("notes.mp4"), ["notes.mp4", "expected a video"], text("notes.mp4")),
    "empty mp4": Bad(MEASURE.format("empty.mp4"), ["empty.mp4", "expected a video"], text("empty.mp4", "")),
    "text named npy": Bad(MEASURE.format("notes.npy"), ["notes.npy", "numpy.save"], text("notes.npy")),
    "empty npy": Bad(MEASURE.format("empty.npy"), ["empty.npy", "numpy.save"], text("empty.npy", "")),
    "text named png": Bad(MEASURE.format("notes.png"), ["notes.png", "cannot be read"], text("notes.png")),
    "NaN in a clip": Bad(
        MEASURE.format("nan.npy"), ["nan.npy", "NaN", "frame 0"], array("nan.npy", np.full((6, 1, 12, 16), np.nan))
    ),
    "infinity in a clip": Bad(
        MEASURE.format("inf.npy"), ["inf.npy", "infinite"], array("inf.npy", np.full((6, 1, 12, 16), np.inf))
    ),
    "pickled npy": Bad(
        MEASURE.format("pickled.npy"), ["pickled.npy", "pickle"], array("pickled.npy", np.array([{}, None], object))
    ),
    "complex npy": Bad(
        MEASURE.format("z.npy"), ["z.npy", "real numbers"], array("z.npy", np.ones((6, 12, 16), complex))
    ),
    "npy of five axes": Bad(
        MEASURE.format("five.npy"), ["five.npy", "(T, C, H, W)"], array("five.npy", np.ones((1, 6, 1, 12, 16)))
    ),
    "npy of no frames": Bad(
        MEASURE.format("none.npy"), ["none.npy", "empty"], array("none.npy", np.ones((0, 1, 12, 16)))
    ),
    "npz without the clip": Bad(
        MEASURE.format("two.npz"),
        ["two.npz", "say which", "two.npz:a"],
        lambda: np.savez("two.npz", a=moving(), b=moving()),
    ),
    "npz of nothing": Bad(MEASURE.format("none.npz"), ["none.npz", "(none)"], lambda: np.savez("none.npz")),
    "picture of 100000x100000": Bad(MEASURE.format("huge.png"), ["huge.png", "pixels"], huge_picture),
    # how to read it
    "size 0": Bad(SIMULATE + " --size 0", ["--size", "HxW"], nothing),
    "size below 0": Bad(SIMULATE + " --size -3", ["--size"], nothing),
    "size cut off": Bad(SIMULATE + " --size 64x", ["--size", "64x"], nothing),
    "size of three numbers": Bad(SIMULATE + " --size 10x10x10", ["--size", "10x10x10"], nothing),
    "size beyond memory": Bad("measure identity clip.npy --size 3000000 -o y.safetensors", ["memory"], nothing),
    "frames that are not there": Bad(SIMULATE + " --frames 100:200", ["--frames 100:200", "none of its 6"], nothing),
    "frames backwards": Bad(SIMULATE + " --frames 4:2", ["--frames 4:2", "none"], nothing),
    "frames by step 0": Bad(SIMULATE + " --frames 0:6:0", ["step"], nothing),
    "frames in words": Bad(SIMULATE + " --frames some", ["--frames", "A:B", "some"], nothing),
    "two channels": Bad(SIMULATE + " --channels 2", ["channels", "1", "3"], nothing),
    "four channels": Bad(SIMULATE + " --channels 4", ["channels"], nothing),
    "unknown fit": Bad(SIMULATE + " --size 8 --fit stretch", ["stretch", "squash", "crop"], nothing),
    # the operator
    "ratio 1": Bad(MEASURE.format("clip.npy --ratio 1.0"), ["ratio", "between 0 and 1"], nothing),
    "ratio 0": Bad(MEASURE.format("clip.npy --ratio 0"), ["ratio", "between 0 and 1"], nothing),
    "ratio below 0": Bad(MEASURE.format("clip.npy --ratio -1"), ["ratio", "-1"], nothing),
    "ratio nan": Bad(MEASURE.format("clip.npy --ratio nan"), ["ratio", "nan"], nothing),
    "ratio in words": Bad(MEASURE.format("clip.npy --ratio most"), ["ratio", "most"], nothing),
    "ratio 1, simulate": Bad(SIMULATE + " --ratio 1.0", ["ratio", "between 0 and 1"], nothing),
    "ratio nan, simulate": Bad(SIMULATE + " --ratio nan", ["ratio", "nan"], nothing),
    "ratio that keeps no pixel": Bad(SIMULATE + " --ratio 0.9999", ["ratio", "no pixel"], nothing),
    "m above C H W": Bad("simulate gaussian clip.npy --steps 1 --m 193 -o run", ["m", "192", "193"], nothing),
    "m 0": Bad("simulate gaussian clip.npy --steps 1 --m 0 -o run", ["--m"], nothing),
    "gaussian without m": Bad("simulate gaussian clip.npy --steps 1 -o run", ["--m", "--sampling"], nothing),
    "gaussian with m and sampling": Bad(
        "measure gaussian clip.npy --m 9 --sampling 0.1 -o y.safetensors", ["--m", "--sampling"], nothing
    ),
    "sampling that keeps nothing": Bad("simulate gaussian clip.npy --steps 1 --sampling 1e-9 -o run", ["m"], nothing),
    "sampling above 1": Bad("simulate gaussian clip.npy --steps 1 --sampling 1.5 -o run", ["--sampling"], nothing),
    "noise and snr": Bad(SIMULATE + " --noise 0.1 --snr 20", ["--noise", "--snr", "one kind at a time"], nothing),
    "noise below 0": Bad(SIMULATE + " --noise -0.1", ["noise"], nothing),
    "noise nan": Bad(SIMULATE + " --noise nan", ["noise"], nothing),
    "noise infinite": Bad(SIMULATE + " --noise inf", ["noise"], nothing),
    "snr nan": Bad(SIMULATE + " --snr nan", ["snr"], nothing),
    "snr beyond all numbers": Bad(SIMULATE + " --snr -1e6", ["snr"], nothing),
    "seed below 0": Bad(MEASURE.format("clip.npy --seed -1"), ["seed"], nothing),
    "seed beyond 32 bits": Bad(MEASURE.format("clip.npy --seed 99999999999999999999"), ["seed"], nothing),
    "size in another script": Bad(MEASURE.format("clip.npy --size ²"), ["--size"], nothing),
    "seed of a fraction": Bad(MEASURE.format("clip.npy --seed 1.5"), ["seed", "1.5"], nothing),
    # the mask
    "missing mask": Bad(INPAINT.format("no.png"), ["no.png", "no such file"], nothing),
    "mask of another size": Bad(INPAINT.format("m.png"), ["m.png", "12x15", "12x16"], picture("m.png", KEPT[:, 1:])),
    "mask of another number of frames": Bad(
        INPAINT.format("m.npy"), ["m.npy", "5 frames", "6"], array("m.npy", np.stack([HALF] * 5).astype(bool))
    ),
    "mask that hides everything": Bad(INPAINT.format("m.png"), ["hides every pixel"], picture("m.png", 0 * KEPT)),
    "mask that hides nothing": Bad(INPAINT.format("m.png"), ["hides no pixel"], picture("m.png", KEPT)),
    "mask with NaN": Bad(INPAINT.format("m.npy"), ["m.npy", "NaN"], array("m.npy", KEPT * np.nan)),
    "no mask": Bad("inpaint clip.npy -o run", ["mask"], nothing),
    # the data
    "missing data": Bad(RECOVER, ["data.safetensors", "no such file"], nothing),
    "a clip as data": Bad("recover clip.npy -o run", ["clip.npy", "expected a lowreel data file"], nothing),
    "a folder as data": Bad("recover frames -o run", ["frames", "folder"], pictures((12, 16))),
    "json as data": Bad(RECOVER, ["expected a lowreel data file"], text("data.safetensors", '{"y": [1, 2]}')),
    "empty data file": Bad(RECOVER, ["expected a lowreel data file"], text("data.safetensors", "")),
    "damaged data file": Bad(RECOVER, ["data.safetensors", "expected a lowreel data file"], damaged_data),
    "tensors of others as data": Bad(RECOVER, ["data.safetensors", "not one of lowreel's"], other_tensors),
    "data whose header is a list": Bad(RECOVER, ["data.safetensors"], no_header_object),
    "a representation as data": Bad(RECOVER, ["expected a data file", "representation"], a_representation),
    "NaN in data": Bad(RECOVER, ["NaN", "1 of"], changed_data(put_nan)),
    "data of another shape": Bad(RECOVER, ["shape", "(6, 1, 12, 16)", "(6, 1, 12, 15)"], changed_data(reshape)),
    "operator of another shape": Bad(
        RECOVER, ["shape", "(6, 1, 16, 12)", "(6, 1, 12, 16)"], changed_data(other_clip_shape)
    ),
    "unknown operator": Bad(RECOVER, ["telescope"], changed_data(unknown_operator)),
    "data of a newer version": Bad(RECOVER, ["newer", "upgrade"], changed_data(newer)),
    "data without an operator": Bad(RECOVER, ["data.safetensors", "operator"], changed_data(drop("operator"))),
    "data without y": Bad(RECOVER, ["data.safetensors", "y"], changed_data(drop("y.0"))),
    "data without times": Bad(RECOVER, ["data.safetensors", "times"], changed_data(drop("times"))),
    # settings of the recovery
    "rank above min(T, K)": Bad(RECOVER + " --rank 7", ["rank", "1 to 6", "min(T, K)", "7"], measured),
    "rank above min(T, K), simulate": Bad(SIMULATE + " --rank 7", ["rank", "min(T, K)"], nothing),
    "rank 0": Bad(SIMULATE + " --rank 0", ["--rank"], nothing),
    "rank in words": Bad(SIMULATE + " --rank low", ["rank", "low"], nothing),
    "steps 0": Bad("recover data.safetensors --steps 0 -o run", ["--steps"], measured),
    "steps in words": Bad("recover data.safetensors --steps many -o run", ["steps", "many"], measured),
    "unknown preset": Bad(SIMULATE + " --preset bogus", ["bogus", "paper-joint"], nothing),
    "paper-joint on a small clip": Bad(SIMULATE + " --preset paper-joint", ["64x64", "12x16", "--size 64"], nothing),
    "paper-latent on small data": Bad(RECOVER + " --preset paper-latent", ["64x64", "12x16"], measured),
    "unknown generator": Bad(SIMULATE + " --generator bogus", ["generator", "bogus", "decoder"], nothing),
    "similarity 1": Bad(SIMULATE + " --similarity 1", ["--similarity"], nothing),
    "similarity nan": Bad(SIMULATE + " --similarity nan", ["--similarity"], nothing),
    "heldout 0.9": Bad(SIMULATE + " --heldout 0.9", ["--heldout"], nothing),
    "holdout not there": Bad(SIMULATE + " --holdout no.png", ["no.png", "no such file"], nothing),
    "holdout all black": Bad(
        SIMULATE + " --holdout black.npy", ["black.npy", "white = held out"], array("black.npy", np.zeros((12, 16)))
    ),
    "holdout of another size": Bad(
        SIMULATE + " --holdout small.npy", ["small.npy", "12x16"], array("small.npy", np.eye(5))
    ),
    "holdout of projections": Bad(
        "simulate gaussian clip.npy --m 20 --holdout mask.npy -o run",
        ["holdout", "data that is pixels"],
        array("mask.npy", np.eye(12, 16)),
    ),
    "heldout 0": Bad(SIMULATE + " --heldout 0", ["--heldout"], nothing),
    "time below 0": Bad(SIMULATE + " --time -1", ["--time"], nothing),
    "time 0": Bad(SIMULATE + " --time 0", ["--time"], nothing),
    "time nan": Bad(SIMULATE + " --time nan", ["--time"], nothing),
    "missing truth": Bad(RECOVER + " --truth no.mp4", ["no.mp4", "no such file"], measured),
    "shorter truth": Bad(
        RECOVER + " --truth short.npy",
        ["short.npy", "4", "6"],
        lambda: (measured(), np.save("short.npy", moving(frames=4))),
    ),
    # where it goes
    "output folder of other things": Bad(SIMULATE, ["run", "other files", "-o"], full_folder),
    "output folder is a file": Bad(SIMULATE, ["run", "is a file"], text("run")),
    "output folder holds a run": Bad(SIMULATE, ["run", "--resume"], begun_run),
    "output folder holds a run, recover": Bad(RECOVER, ["run", "--resume"], begun_run),
    "output folder in a file": Bad("simulate missing clip.npy -o clip.npy/run", ["clip.npy"], nothing),
    "output folder cannot be made": Bad("simulate missing clip.npy -o /proc/lowreel/run", ["/proc/lowreel"], nothing),
    "output file exists": Bad(MEASURE.format("clip.npy"), ["y.safetensors", "exists"], text("y.safetensors")),
    "output file is a folder": Bad("measure missing clip.npy -o frames", ["frames"], pictures((12, 16))),
    "output in a missing folder": Bad("measure missing clip.npy -o no/y.safetensors", ["no", "folder"], nothing),
    "output in a file": Bad("measure missing clip.npy -o clip.npy/y.safetensors", ["clip.npy", "folder"], nothing),
    "output cannot be written": Bad("measure missing clip.npy -o /proc/y.safetensors", ["/proc"], nothing),
    "measure without output": Bad("measure missing clip.npy", ["output"], nothing),
    # resuming
    "resume what is no run": Bad("recover frames --resume", ["frames", "run folder"], pictures((12, 16))),
    "resume what is not there": Bad("recover no --resume", ["no", "run folder"], nothing),
    "resume a data file": Bad("recover data.safetensors --resume", ["data.safetensors", "run folder"], measured),
    "resume without a folder": Bad("simulate missing clip.npy --resume", ["--resume", "-o"], nothing),
    "resume with a damaged config": Bad("recover run --resume", ["config.json"], run_with("config.json", b'{"vers')),
    "resume with a config of others": Bad("recover run --resume", ["config.json"], run_with("config.json", b"[1, 2]")),
    "resume with unknown settings": Bad(
        "recover run --resume", ["config.json", "depth"], run_with("config.json", b'{"settings": {"depth": 3}}')
    ),
    "resume with what only begins a run": Bad(
        "recover run --resume --together --save-config a.toml", ["--save-config and --together"], begun_run
    ),
    "resume without data": Bad("recover run --resume", ["data.safetensors"], run_without("data.safetensors")),
    "resume with damaged data": Bad("recover run --resume", ["data.safetensors"], run_with("data.safetensors", b"x")),
    "resume with a damaged checkpoint": Bad(
        "recover run --resume", ["state", "safetensors"], run_with("state.safetensors", b"12345678 damaged")
    ),
    "info of a damaged run": Bad("info run", ["config.json"], run_with("config.json", b"{")),
    "info of other tensors": Bad("info data.safetensors", ["data.safetensors", "lowreel"], other_tensors),
    "info of a text": Bad("info notes.txt", ["notes.txt"], text("notes.txt")),
    # the command itself
    "unknown flag": Bad(SIMULATE + " --bogus 3", ["--bogus"], nothing),
    "unknown command": Bad("restore clip.npy", ["restore"], nothing),
    "unknown operator command": Bad("measure telescope clip.npy -o y.safetensors", ["telescope"], nothing),
    "no clip": Bad("measure missing -o y.safetensors", ["clip"], nothing),
    "no data": Bad("recover", ["data"], nothing),
    "two clips": Bad("simulate missing clip.npy clip.npy -o run", ["clip.npy"], nothing),
    "flag without its value": Bad(SIMULATE + " --ratio", ["--ratio"], nothing),
}


@pytest.mark.parametrize("bad", BAD.values(), ids=BAD)
def test_bad_input_is_one_line_and_changes_nothing(bad, here, command):
    """Exit code 2; one line on stderr that says what is wrong; every file as before, and no new one."""
    bad.make()
    before = snapshot(here)
    ended = command(bad.arguments)
    assert (ended.code, ended.err.count("\n")) == (2, 1), ended.err
    assert ended.err.startswith("lowreel: error: ")
    assert [word for word in bad.words if word not in ended.err] == [], ended.err
    assert "Traceback" not in ended.out + ended.err
    assert snapshot(here) == before


# ------------------------------------------------------------------------------------------------------- full disk

LARGEST = {"nothing fits": 500, "the data fits": 50_000, "a checkpoint fits in part": 500_000}


def one_line(ended):
    return ended.code == 2 and ended.err.startswith("lowreel: error: ") and ended.err.count("\n") == 1


def test_measure_on_a_full_disk(here, away):
    """Exit code 2, one line, nothing left behind."""
    before = snapshot(here)
    ended = away(MEASURE.format("clip.npy"), here, largest=500)
    assert one_line(ended), ended.err
    assert "y.safetensors" in ended.err
    assert snapshot(here) == before


@pytest.mark.parametrize("largest", LARGEST.values(), ids=LARGEST)
def test_simulate_on_a_full_disk(largest, here, away):
    """Exit code 2, one line; what was there is there still, and what was begun is whole or absent."""
    before = snapshot(here)
    ended = away(SIMULATE, here, largest=largest)
    assert one_line(ended), ended.err
    after = snapshot(here)
    assert {name: after.get(name) for name in before} == before
    first = {"baseline.npy", "recovered.npy", "recovered.mp4"}  # of the best baseline
    begun = {"config.json", "data.safetensors", LIVE, *first}
    assert {Path(name).name for name in after if name.startswith("run/")} <= begun
    if largest < 1000:
        assert after == before


def test_resume_on_a_full_disk(here, away):
    """A run that cannot save is not harmed: its files are as before, and with room again it goes on to its end."""
    run = "simulate missing clip.npy --quality draft --steps 4 -o run"
    assert away(run, here, hurried=True, dies_at=40).code == -9
    before = {name: digest for name, digest in snapshot(here).items() if ".part" not in name}
    assert any(name.startswith("run/state") for name in before)
    ended = away("recover run --resume", here, hurried=True, largest=500_000)
    assert one_line(ended), ended.err
    assert snapshot(here) == before
    assert away("recover run --resume", here).code == 0
    assert Path(here, "run", "summary.json").exists()
