"""The commands, from clip to result: what they write, what they print, what they keep of the input."""

import json
import os
import re
import runpy
import shlex
import shutil
import subprocess
import sys
from fractions import Fraction
from importlib import import_module
from importlib.resources import files
from pathlib import Path

import av
import numpy as np
import pytest
import torch
from conftest import encode, moving
from PIL import Image

from lowreel import Measured, Representation, __version__, open_clip, psnr, psnr_range
from lowreel.runs.preview import Live
from lowreel.system.checkpoints import folder_lock

FILES = {
    *("config.json", "data.safetensors", "history.jsonl", "state.safetensors", "representation.safetensors"),
    *("recovered.mp4", "recovered.npy", "baseline.npy", "report.png", "report.pdf", "strip.png", "summary.json"),
}
FIELDS = {
    *("outcome", "frames", "height", "width", "channels", "operator", "numbers_per_pixel", "steps", "seconds", "seed"),
    *("last_steps", "device", "rank", "similarity", "generator", "parameters", "heldout_db", "trust", "verdict"),
}
SCORES = {"psnr", "psnr_range", "ssim", "psnr_representation", "baselines"}
COMMANDS = [
    "",
    "completion",
    "demo",
    "measure",
    "recover",
    "simulate",
    "inpaint",
    "train",
    "interpolate",
    "embed",
    "batch",
    "serve",
    "info",
    "check",
]
COMMANDS += [
    f"{command} {operator}" for command in ("measure", "simulate") for operator in ("missing", "gaussian", "fourier")
]


def summary_of(run):
    return json.loads(Path(run, "summary.json").read_text())


def clip_of(array):
    return torch.from_numpy(np.asarray(array, dtype=np.float32))


# ------------------------------------------------------------------------------------------- help and argument errors


@pytest.mark.parametrize("name", COMMANDS)
def test_help(name, command):
    """--help of every command exits 0, and says what the command is for and how it is used."""
    outcome = command(f"{name} --help")
    assert (outcome.code, outcome.err) == (0, "")
    assert f"lowreel {name}".strip() in outcome.out


def test_help_names_every_setting(command):
    """Each setting of the models is a flag, with its default and its meaning."""
    from lowreel.catalogue import MissingSettings
    from lowreel.settings import (
        ClipSettings,
        ImagesSettings,
        NoiseSettings,
        RecoverSettings,
        TogetherSettings,
        TrainSettings,
    )

    shown = command("simulate", "missing", "--help").out
    for model in (ClipSettings, MissingSettings, NoiseSettings, RecoverSettings):
        for name, field in model.model_fields.items():
            assert f"--{name.replace('_', '-')}" in shown
            assert field.description.split()[0] in shown
    for words in ("recover", "simulate missing", "simulate snapshot"):
        shown = command(f"{words} --help").out
        for field in TogetherSettings.model_fields.values():
            assert field.description.split(",")[0] in shown
    shown = command("train", "--help").out
    for model in (ImagesSettings, TrainSettings):
        for name, field in model.model_fields.items():
            assert f"--{name.replace('_', '-')}" in shown
            assert field.description.split()[0] in shown


def test_version(command):
    """--version prints the version of the package and exits 0."""
    assert command("--version").out.strip() == __version__


def test_module_runs_the_command_line(monkeypatch, capsys):
    """`python -m lowreel` is the command."""
    monkeypatch.setattr(sys, "argv", ["lowreel", "--version"])
    with pytest.raises(SystemExit) as ending:
        runpy.run_module("lowreel", run_name="__main__")
    assert (ending.value.code, capsys.readouterr().out.strip()) == (0, __version__)


def test_help_and_argument_errors_do_not_import_torch(here, python_path):
    """They answer before torch is read: --help, and whatever can be seen to be wrong in the words alone."""
    lines = [
        *("0 --help", "0 --version", "0 simulate missing --help", "0 recover --help", "0 measure gaussian --help"),
        *("2 simulate missing clip.npy --bogus 1", "2 restore clip.npy", "2 measure missing clip.npy", "2 recover"),
        *("2 simulate missing clip.npy --rank 0", "2 simulate missing clip.npy --steps many"),
        *("2 simulate missing clip.npy --preset bogus", "2 simulate missing clip.npy --size 64x"),
        *("2 simulate missing clip.npy --frames some", "2 simulate missing clip.npy --ratio 1.0"),
        *("2 simulate missing clip.npy --noise 0.1 --snr 20", "2 simulate gaussian clip.npy"),
        *("0 train --help", "2 train", "2 train pictures", "2 train pictures -o w.safetensors --epochs 0"),
        *("2 measure missing clip.npy --ratio 1.0 -o y.safetensors", "2 measure missing clip.npy -o clip.npy"),
    ]
    program = (
        "import json, sys\n"
        "import lowreel\n"
        "from lowreel.cli import main\n"
        "for line in json.loads(sys.argv[1]):\n"
        "    try:\n"
        "        main(line.split()[1:])\n"
        "    except SystemExit as end:\n"
        "        print(end.code, 'torch' in sys.modules, line, file=sys.stderr)\n"
    )
    environment = {**os.environ, "PYTHONPATH": python_path}
    ran = subprocess.run(
        [sys.executable, "-c", program, json.dumps(lines)], capture_output=True, text=True, env=environment
    )
    reports = [line for line in ran.stderr.splitlines() if not line.startswith("lowreel: error: ")]
    expected = [f"{line[0]} False {line}" for line in lines]
    assert len(reports) == len(lines), ran.stderr
    assert [line for line in reports if line not in expected] == []


# ----------------------------------------------------------------------------------------- measure, recover, simulate


def test_measure_recover_info(here, command):
    """A clip is measured into a file, the file recovered into a run without the clip; info reads all of them."""
    outcome = command("measure missing clip.npy --ratio 0.5 --seed 3 -o y.safetensors")
    assert (outcome.code, outcome.err) == (0, "")
    measured = Measured.load("y.safetensors")
    assert (measured.operator.kind, measured.operator.ratio, measured.operator.seed) == ("missing", 0.5, 3)
    torch.testing.assert_close(measured.data, measured.operator(clip_of(moving())))

    outcome = command("recover y.safetensors -o run --quality draft --steps 2 --rank 2 --linear --seed 7")
    assert (outcome.code, outcome.err) == (0, "")
    assert set(os.listdir("run")) - {"uncertainty.npy", "recommended.npy", "recommended.mp4"} == FILES
    summary = summary_of("run")
    assert set(summary) >= FIELDS
    assert not SCORES & set(summary)
    assert [summary[name] for name in ("frames", "channels", "height", "width")] == [6, 1, 12, 16]
    assert [summary[name] for name in ("steps", "seed", "rank")] == [2, 7, 2]
    assert (summary["operator"], summary["numbers_per_pixel"]) == (measured.operator.spec(), 0.5)
    assert summary["outcome"]["kind"] in ("finished", "converged")
    assert "PSNR (" not in outcome.out
    assert summary["trust"] in " ".join(outcome.out.split())
    found = Representation.load("run/representation.safetensors")
    assert found.codes.rank == 2
    assert summary["parameters"] == found.parameters

    shown = {name: command("info", name) for name in ("clip.npy", "y.safetensors", "run", "run/recovered.mp4")}
    assert all(outcome.code == 0 for outcome in shown.values())
    words = {"clip.npy": "12x16", "y.safetensors": "missing", "run": "finished", "run/recovered.mp4": "12x16"}
    assert all(word in shown[name].out for name, word in words.items() if name != "run")
    assert summary["outcome"]["kind"] in shown["run"].out
    assert "decoder" in command("info", "run/representation.safetensors").out
    assert "checkpoint     run/state.safetensors" in command("info", "run/state.safetensors").out


def test_truth_scores_what_recover_found(here, command):
    """--truth reads the true clip as the data was read (size, frames, channels) and scores the result with it."""
    np.save("colour.npy", moving(frames=8, channels=3))
    reading = "--size 8x10 --frames 1:7:2 --channels 1"
    assert command(f"measure missing colour.npy {reading} -o y.safetensors").code == 0
    outcome = command("recover y.safetensors -o run --steps 1 --truth colour.npy")
    assert (outcome.code, outcome.err) == (0, "")
    summary = summary_of("run")
    truth = open_clip("colour.npy", size=(8, 10), frames=slice(1, 7, 2), channels=1).read()
    assert list(truth.shape) == [summary[name] for name in ("frames", "channels", "height", "width")] == [3, 1, 8, 10]
    recovered = clip_of(np.load("run/recovered.npy"))
    scores = [psnr(recovered, truth), psnr_range(recovered, truth)]
    assert [summary["psnr"], summary["psnr_range"]] == pytest.approx(scores, abs=2e-4)


def test_a_truth_that_would_not_give_the_data_is_doubted(here, command):
    """Another clip of the same shape is scored, with a sentence; the true one and a noisy one are not doubted."""
    np.save("other.npy", 1 - moving())
    assert command("measure missing clip.npy -o y.safetensors").code == 0
    assert command("measure missing clip.npy --noise 0.2 -o noisy.safetensors").code == 0
    for data, truth, doubted in (("y", "other", True), ("y", "clip", False), ("noisy", "clip", False)):
        outcome = command(f"recover {data}.safetensors --truth {truth}.npy --steps 1 -o {data}-{truth}")
        assert (outcome.code, "Is this the true clip?" in outcome.out) == (0, doubted), outcome.err


def test_simulate_closes_with_a_table(here, command, drawn_reports):
    """Both PSNR conventions, SSIM, every baseline, seconds, weights and code parameters, and the sentence on trust."""
    outcome = command("simulate missing clip.npy --steps 2 -o run")
    summary = summary_of("run")
    assert (outcome.code, outcome.err) == (0, "")
    assert set(summary) >= FIELDS | SCORES
    assert len(summary["baselines"]) >= 2
    numbers = [summary["psnr"], summary["psnr_range"], summary["psnr_representation"], *summary["baselines"].values()]
    words = [f"{number:.2f} dB" for number in numbers] + [f"{summary['ssim']:.3f}", f"{summary['seconds']:.1f} s"]
    words += [f"{summary['parameters'][name]:,}" for name in ("weights", "codes")]
    words += [*summary["baselines"], "PSNR", "SSIM", summary["trust"], summary["outcome"]["sentence"]]
    shown = " ".join(outcome.out.split())
    assert [word for word in words if word not in shown] == []
    with Image.open("run/report.png") as picture:
        assert min(picture.size) > 400


def test_a_search_writes_the_standard_deviation(here, command):
    """In the units of the clip's file, 0 where pixels were observed; the summary says what was tried and what it is."""
    np.save("counts.npy", (200 * moving(height=32, width=32)).astype(np.uint8))
    assert command("simulate missing counts.npy --ratio 0.5 --steps 4 -o run").code == 0
    summary, sigma = summary_of("run"), np.load("run/uncertainty.npy")
    seen = Measured.load("run/data.safetensors").operator.observed_mask().numpy()
    assert sigma.shape == np.load("run/recovered.npy").shape
    np.testing.assert_array_equal(sigma == 0, np.broadcast_to(seen, sigma.shape))
    np.testing.assert_allclose(sigma[sigma > 0].mean(), 255 * summary["uncertainty"]["mean_sigma"], rtol=1e-3)
    assert [(trial["early_weight_decay"], trial["similarity"]) for trial in summary["search"]] == [
        (None, 0.01),
        (None, 0.1),
    ]
    assert summary["weight_decay"] == 3
    assert summary["quality"] == "standard"


def test_a_search_survives_a_kill(here, away):
    """Killed while it writes, and resumed: the bits of the unbroken one."""
    run = "simulate missing clip.npy --ratio 0.5 --steps 3 -o {}"
    assert away(run.format("whole"), here).code == 0
    assert away(run.format("run"), here, hurried=True, dies_at=60).code == -9
    assert away("recover run --resume", here).code == 0
    whole, again = (np.load(f"{name}/recovered.npy") for name in ("whole", "run"))
    np.testing.assert_array_equal(again, whole)


def test_paper_preset(here, command):
    """--preset paper-joint with --size 64 runs the paper's network, with its weight count (Table 4)."""
    outcome = command("simulate missing clip.npy --size 64 --frames 2 --preset paper-joint --steps 1 -o run")
    assert (outcome.code, outcome.err) == (0, "")
    summary = summary_of("run")
    assert summary["generator"]["kind"] == "dcgan"
    assert summary["parameters"]["codes"] == 2 * 32


SIMULATED = {
    "gaussian --sampling 0.5": 0.5,
    "signs --m 48": 0.25,
    "identity": 1,
    "blocks --ratio 0.5 --block 4": 0.5,
    "frames --ratio 0.5": 0.5,
    "snapshot --together 2": 0.37,
    "fourier --sampling 0.25": 0.5,
    "fourier --lines 3": 0.4,
    "single-pixel --sampling 0.25": 0.25,
    "dct --m 64": 0.25,
    "blur --sigma 1": 1,
    "downsample --factor 2": 0.25,
    "bayer --pattern grbg --channels 3": 0.33,
    "exposure --together 2": 0.83,
    "chain --of 'blur --sigma 1' --of 'downsample --factor 2'": 0.25,
    "stack --of 'missing --ratio 0.75' --of 'signs --m 48'": 0.5,
}
"""Commands, and how many real numbers per pixel value they measure, within a tenth (a complex number counts twice)."""


@pytest.mark.parametrize(("operator", "numbers"), SIMULATED.items(), ids=SIMULATED)
def test_simulate_other_operators(operator, numbers, here, command):
    """Every operator of `measure` can be simulated."""
    kind, *flags = shlex.split(operator)
    outcome = command("simulate", kind, "clip.npy", *flags, "--steps", "1", "-o", "run")
    assert (outcome.code, outcome.err) == (0, "")
    summary = summary_of("run")
    assert summary["operator"]["kind"] == {"chain": "composed", "stack": "stacked"}.get(kind, kind)
    assert summary["numbers_per_pixel"] == pytest.approx(numbers, abs=0.1)


def test_every_operator_is_measured_and_recovered(here, command):
    """`measure` writes what `recover` reads, for each operator of the command line."""
    from lowreel.catalogue import OPERATORS

    named = {words.split()[0] for words in SIMULATED}
    assert named < {kind.name for kind in OPERATORS}
    others = [kind for kind in OPERATORS if kind.name not in named]
    asked = [shlex.join([kind.name, *(f"--{n}={v}" for n, v in kind.example.items())]) for kind in others]
    for number, words in enumerate([*SIMULATED, *asked]):
        kind, *flags = shlex.split(words)
        assert command("measure", kind, "clip.npy", *flags, "-o", f"{number}.safetensors").code == 0
        quick = "--steps 1 --quality draft --baselines none"
        assert command(f"recover {number}.safetensors {quick} -o run{number}").code == 0


def test_output_defaults_to_a_fresh_folder(here, command):
    """Without -o each run gets a folder of its own, in runs/, and the closing lines name it."""
    for _ in range(2):
        outcome = command("simulate missing clip.npy --steps 1")
        assert outcome.code == 0
    made = sorted(str(path.parent) for path in Path("runs").glob("*/summary.json"))
    assert len(made) == 2
    assert any(name in outcome.out for name in made)


def test_demo(here, command, monkeypatch):
    """The clip in the package is recovered from a fifth of its pixels into a fresh folder."""
    if not (files("lowreel") / "assets" / "demo.mp4").is_file():
        pytest.skip("the package holds no demo clip yet")
    slow = import_module("lowreel.baselines")
    monkeypatch.setattr(slow, "chosen_variation", lambda data, operator, entries, start, *_, **__: start)
    outcome = command("demo --steps 1")
    assert (outcome.code, outcome.err) == (0, "")
    (run,) = (path.parent for path in here.rglob("summary.json"))
    summary = summary_of(run)
    assert (summary["operator"]["kind"], summary["operator"]["ratio"]) == ("missing", 0.8)
    assert set(summary) >= FIELDS | SCORES
    assert summary["channels"] == 3
    assert min(summary["frames"], summary["height"] // 2, summary["width"] // 2) >= 32


# ---------------------------------------------------------------------------------------------------------- the input


def halves():
    return (np.indices((12, 16)).sum(0) % 3 > 0).astype(np.uint8)


def mask_picture():
    Image.fromarray(255 * halves()).save("mask.png")
    return "mask.png", np.broadcast_to(halves(), (6, 1, 12, 16))


def mask_folder():
    Path("masks").mkdir()
    kept = np.stack([np.roll(halves(), t, axis=1) for t in range(6)])
    for t, frame in enumerate(kept):
        Image.fromarray(255 * frame).save(f"masks/{t}.png")
    return "masks", kept[:, None]


def mask_array():
    kept = np.stack([np.roll(halves(), t, axis=0) for t in range(6)]).astype(bool)
    np.save("mask.npy", kept)
    return "mask.npy", kept[:, None]


@pytest.mark.parametrize("make", [mask_picture, mask_folder, mask_array])
def test_inpaint_keeps_what_the_mask_keeps(make, here, command):
    """A mask as picture, folder or array: white pixels come back as they were, the others are filled in."""
    name, kept = make()
    outcome = command(f"inpaint clip.npy --mask {name} --steps 1 -o run")
    assert (outcome.code, outcome.err) == (0, "")
    assert set(os.listdir("run")) - {"uncertainty.npy", "recommended.npy", "recommended.mp4"} == FILES
    summary = summary_of("run")
    assert summary["operator"]["kind"] == "mask"
    np.testing.assert_allclose(summary["numbers_per_pixel"], kept.mean())
    kept, recovered, clip = kept.astype(bool), np.load("run/recovered.npy"), moving()
    np.testing.assert_array_equal(recovered[kept], clip[kept])
    assert not np.array_equal(recovered[~kept], clip[~kept])
    torch.testing.assert_close(Measured.load("run/data.safetensors").operator.mask, torch.from_numpy(kept.copy()))


def test_observed_pixels_are_kept_in_colour(here, command):
    """Without noise, recovered.npy holds the observed pixels to the bit, the same ones in all channels."""
    np.save("colour.npy", clip := moving(channels=3))
    assert command("simulate missing colour.npy --ratio 0.7 --steps 1 -o run").code == 0
    seen = Measured.load("run/data.safetensors").operator.observed_mask().numpy()
    recovered = np.load("run/recovered.npy")
    assert recovered.shape == clip.shape == (6, 3, 12, 16)
    assert (seen == seen[:, :1]).all()
    np.testing.assert_array_equal(recovered[seen], clip[seen])


def test_noisy_pixels_are_not_kept(here, command):
    """--noise is written down in grey levels, and noisy pixels are not copied into the result."""
    assert command("simulate missing clip.npy --noise 0.1 --steps 1 -o run").code == 0
    measured = Measured.load("run/data.safetensors")
    seen = measured.operator.observed_mask().numpy()
    noise = measured.data.numpy()[seen] - moving()[seen]
    assert (summary_of("run")["noise"]["level"], 0.05 < noise.std() < 0.15) == (0.1, True)
    assert (np.load("run/recovered.npy")[seen] != measured.data.numpy()[seen]).mean() > 0.9


def test_a_clip_comes_back_in_its_own_units(here, command):
    """Values outside [0, 1] are scaled for the fit and scaled back in recovered.npy."""
    np.save("kelvin.npy", clip := 40 * moving() - 7)
    assert command("simulate missing kelvin.npy --steps 1 -o run").code == 0
    seen = Measured.load("run/data.safetensors").operator.observed_mask().numpy()
    recovered = np.load("run/recovered.npy")
    torch.testing.assert_close(torch.from_numpy(recovered[seen]), clip_of(clip[seen]), rtol=1e-6, atol=1e-5)
    assert recovered.min() >= clip.min() - 1e-4


def test_frame_times_and_audio_of_the_input_are_in_the_output(here, command):
    """Frames of varying length keep their times, and the sound is copied, not encoded again."""
    times = [0, 0.04, 0.16, 0.2, 0.36, 0.4]
    encode(here / "talk.mp4", moving(channels=3, height=32, width=48), times=times, tone=True)
    assert command("simulate missing talk.mp4 --steps 1 -o run").code == 0
    source, result = open_clip("talk.mp4"), open_clip("run/recovered.mp4")
    assert [round(float(t), 3) for t in source.times] == times
    assert all(abs(a - b) < Fraction(1, 10_000) for a, b in zip(result.times, source.times, strict=True))
    assert result.shape == source.shape
    heard, copied = packets("talk.mp4"), packets("run/recovered.mp4")
    assert len(copied) > 5
    assert copied == heard[heard.index(copied[0]) :][: len(copied)]


def test_a_stretch_of_frames_keeps_its_times_and_audio(here, command):
    """--frames 2:5 takes these frames, with the time between them and the sound that goes with them."""
    times = [0, 0.04, 0.16, 0.2, 0.36, 0.4]
    encode(here / "talk.mp4", moving(channels=3, height=32, width=48), times=times, tone=True)
    assert command("simulate missing talk.mp4 --frames 2:5 --size 16x24 --steps 1 -o run").code == 0
    result = open_clip("run/recovered.mp4")
    assert (result.shape, result.has_audio) == ((3, 3, 16, 24), True)
    assert [round(float(t), 3) for t in result.times] == [0, 0.04, 0.2]
    heard, copied = packets("talk.mp4"), packets("run/recovered.mp4")
    assert 3 < len(copied) < len(heard)
    assert copied[1] in heard[5:]


def packets(path):
    """The audio of a file as it is stored: the bytes of its packets."""
    with av.open(str(path)) as container:
        return [bytes(packet) for packet in container.demux(audio=0) if packet.size]


def test_tiny_and_constant_clips_have_a_table(here, command):
    """Where a figure has no meaning the table says n/a, not "exact", and nothing breaks."""
    np.save("tiny.npy", np.full((4, 1, 2, 9), 0.5, np.float32))
    ended = command("simulate missing tiny.npy --steps 2 --ratio 0.5 -o run")
    assert ended.code == 0, ended.err
    assert "n/a (peak max - min)" in ended.out


def test_the_folder_here_can_be_the_run(here, command, monkeypatch):
    """-o . makes the run in the working folder when that is empty."""
    Path("empty").mkdir()
    monkeypatch.chdir("empty")
    assert command("simulate missing ../clip.npy --steps 1 -o .").code == 0
    assert Path("../empty/summary.json").exists()


def test_a_clip_by_name(here, command):
    """A drawn clip stands wherever a file may: measured, as the truth, in a simulation and when that is resumed."""
    assert "64x64, colour" in command("info color-wheel:3").out
    assert command("measure missing rotating-mnist:7 --size 16 --frames 4 -o y.safetensors").code == 0
    ended = command("recover y.safetensors --truth rotating-mnist:7 --steps 2 -o run")
    assert (ended.code, "PSNR" in ended.out) == (0, True), ended.err
    simulate = "simulate missing moving-mnist:1 --size 16 --frames 4 --steps 2 -o other"
    assert command(simulate).code == 0
    ended = command(simulate + " --resume")
    assert (ended.code, "finished already" in ended.out) == (0, True), ended.err
    assert command("simulate missing moving-mnist:2 --size 16 --frames 4 --steps 2 -o other --resume").code == 2
    assert command("simulate identity rotating-mnist:1 --size 16 --frames 3 --steps 1").code == 0
    assert Path("runs/rotating-mnist-1-identity/summary.json").exists()


def test_named_clips_that_are_not_there(here, command, monkeypatch):
    """One line that says what is wrong with the name."""
    monkeypatch.delenv("LOWREEL_DATA", raising=False)
    for name, words in (("rotating-mnist:x", "expected NAME:NUMBER"), ("rotating-mnist:20000", "LOWREEL_DATA")):
        ended = command(f"simulate missing {name} -o run")
        assert (ended.code, ended.err.count("\n"), words in ended.err) == (2, 1, True), ended.err


# -------------------------------------------------------------------------------------------------------------- check

CAMERA = """
import pylops
from lowreel import Functions

slope = pylops.FirstDerivative((4, 1, 6, 5), axis=0)
twice = (lambda x: x, lambda y: 2 * y)

def make(clip_shape):
    return Functions(lambda x: x + 1, lambda y: y, clip_shape)

raise_nothing = None
"""


@pytest.fixture
def camera(tmp_path, monkeypatch):
    (tmp_path / "cli_camera.py").write_text(CAMERA)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", sys.path.copy())
    yield
    sys.modules.pop("cli_camera", None)


@pytest.mark.usefixtures("camera")
def test_check_of_a_sound_operator(command):
    """Exit 0, a table with shapes, errors, norm and cost, and the sentence."""
    done = command("check cli_camera:slope")
    assert (done.code, done.err) == (0, "")
    for shown in ("4x1x6x5", "120 float64, rounded to float32", "norm", "forward", " ms", "Sound: it is linear"):
        assert shown in done.out


CHECK_REFUSED = {
    "check cli_camera:twice --clip-shape 4x1x6x5": "twice: adjoint is not the adjoint .* multiply its result by 0.5",
    "check cli_camera:make --clip-shape 4x1x6x5": "cli_camera:make: forward is not linear because of an offset",
    "check cli_camera:twice": "give its clip_shape, .* --clip-shape TxCxHxW",
    "check cli_camera:make": "it makes an operator for a clip shape; give one, such as --clip-shape 16x1x64x64",
    "check cli_camera:slope --clip-shape 4x1x6x6": "vectors of 120 numbers, a clip of shape .4, 1, 6, 6. has 144",
    "check cli_camera:slope --clip-shape 4x6x5": "--clip-shape: expected TxCxHxW, such as 16x1x64x64, got '4x6x5'",
    "check cli_camera:raise_nothing": "expected one of lowreel's, .* got NoneType",
    "check cli_lens:slope": "no module cli_lens here",
    "check slope": "expected package.module:object, such as camera:operator, got 'slope'",
}


@pytest.mark.usefixtures("camera")
@pytest.mark.parametrize("line", CHECK_REFUSED)
def test_check_of_a_wrong_operator(line, command):
    """Exit 2, one line on stderr that names the defect and what to do."""
    done = command(line)
    assert done.code == 2
    assert done.err.count("\n") == 1
    assert re.search(CHECK_REFUSED[line], done.err), done.err


@pytest.mark.usefixtures("camera")
def test_check_shows_what_it_measured_of_a_wrong_operator(command):
    """The table stands above the error."""
    assert "0.5" in command("check cli_camera:twice --clip-shape 4x1x6x5").out
    assert "-" in command("check cli_camera:make --clip-shape 4x1x6x5").out


def test_a_chain_is_resumed_and_its_members_differ(here, command):
    """The same flags go on with a run; two members of a stack draw masks of their own."""
    words = ["clip.npy", "--of", "blur --sigma 1", "--of", "missing --ratio 0.5", "--steps", "4", "-o", "run"]
    assert command("simulate", "chain", *words).code == 0
    ended = command("simulate", "chain", *words, "--resume")
    assert (ended.code, ended.err) == (0, "")
    flags = ["--of", "missing --ratio 0.5", "--of", "missing --ratio 0.5", "-o", "y.safetensors"]
    assert command("measure", "stack", "clip.npy", *flags).code == 0
    one, other = Measured.load("y.safetensors").data
    assert not torch.equal(one != 0, other != 0)


def test_a_run_with_an_operator_of_ones_own_goes_on(here, command):
    """--resume takes the operator again by its name; info reads the data without it."""
    Path("halves.py").write_text(
        "import numpy as np\n\n\ndef forward(x):\n    return x[..., ::2]\n\n\n"
        "def adjoint(y):\n    x = np.zeros((*y.shape[:-1], 2 * y.shape[-1]), y.dtype)\n    x[..., ::2] = y\n"
        "    return x\n\n\noperator = (forward, adjoint)\n"
    )
    clip = np.load("clip.npy")
    clip = clip if clip.ndim == 4 else clip[:, None]
    np.savez("a.npz", y=clip[..., ::2].astype(np.float32))
    shape = "x".join(str(n) for n in clip.shape)
    first = f"recover a.npz --operator halves:operator --clip-shape {shape} --y y --scale 1 --time 0.2 -o run"
    assert command(first).code == 0
    assert command("info run/data.safetensors").code == 0
    Path("run/summary.json").unlink()
    assert "--operator package.module:object" in command("recover run --resume --time 0.2").err
    assert command("recover run --resume --operator halves:operator --time 0.2").code == 0


def test_a_matrix_beyond_the_budget_is_drawn_anew(here, command):
    """The recovery of data whose matrix does not fit goes on within --memory."""
    flags = ["--m", "150", "--memory", "4MB", "-o", "y.safetensors"]
    assert command("measure", "gaussian", "clip.npy", *flags).code == 0
    measured = Measured.load("y.safetensors", memory=400_000)
    assert 0 < measured.operator.held.shape[1] < 150
    assert command("recover y.safetensors --memory 8GB --steps 1 -o run").code == 0


def test_info_of_a_run_under_way(finished, command):
    """While another process works in it: how far it is and where to watch it; of its preview the same. Of one that
    was killed how to go on, in words that a shell takes as they are."""
    (finished / "summary.json").unlink()
    finished = finished.rename(finished.with_name("run 5"))
    Live.of_baseline("frame mean", torch.from_numpy(moving()), 21.5).save(finished)
    killed = command("info", finished).out
    with folder_lock(finished):
        told = command("info", finished).out
    assert f"go on with: lowreel recover '{finished}' --resume" in killed
    assert "under way: First picture: frame mean, 21.50 dB on held-out data" in told
    assert f"lowreel serve '{finished}'" in told
    shown = command("info", finished / "live.safetensors")
    assert (shown.code, shown.err) == (0, "")
    assert "frame mean, 21.50 dB" in shown.out
    assert "0, 1, 2, 3, 4, 5 of 6, 12x16" in shown.out


COMPLETED = {
    "lowreel inp": "inpaint",
    "lowreel simulate sing": "single-pixel",
    "lowreel recover --quality dr": "draft",
    "lowreel recover --similar": "--similarity",
}


@pytest.mark.skipif(shutil.which("bash") is None, reason="no bash on this machine")
def test_bash_completes_the_command_line(command, tmp_path):
    """Commands, commands of commands, flags and the values of those that have few."""
    which = command("completion")
    assert (which.code, "expected bash, zsh or fish" in which.err) == (2, True)
    made = command("completion bash")
    assert (made.code, made.err) == (0, "")
    script = tmp_path / "lowreel.bash"
    script.write_text(made.out)
    for words, wanted in COMPLETED.items():
        given = shlex.join(words.split())
        asked = f"COMP_WORDS=({given}); COMP_CWORD=$((${{#COMP_WORDS[@]}} - 1)); COMP_LINE={shlex.quote(words)}"
        ask = f'source {script}; {asked}; COMP_POINT=${{#COMP_LINE}}; _lowreel; printf "%s\\n" "${{COMPREPLY[@]}}"'
        done = subprocess.run(["bash", "-c", ask], capture_output=True, text=True, check=True)
        assert wanted in done.stdout.split(), (words, done)
