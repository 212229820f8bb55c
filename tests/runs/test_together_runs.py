"""Runs of several clips: the folder, the command line, going on after a kill, and what is refused."""

import json
import re

import numpy as np
import pytest
from conftest import moving, snapshot

import lowreel
from lowreel.catalogue import MissingSettings
from lowreel.errors import InputError
from lowreel.jobs.callbacks import Callbacks
from lowreel.jobs.request import RunRequest
from lowreel.jobs.together import go_on_together, run_together
from lowreel.jobs.together_request import TogetherRequest, clip_names, series

QUICK = lowreel.RecoverSettings(quality="draft", steps=6, baselines="none", heldout=0.1, precision="float32")
FLAGS = "--quality draft --steps 6 --baselines none --heldout 0.1 --precision float32"
FILES = {"config.json", "data.safetensors", "history.jsonl", "state.safetensors", "representation.safetensors"}
FILES |= {"recovered.mp4", "recovered.npy", "report.png", "report.pdf", "strip.png", "summary.json"}


@pytest.fixture
def two(here):
    """Two clips of different lengths."""
    np.save(here / "a.npy", moving(6))
    np.save(here / "b.npy", 1 - moving(4))
    return here


def request(output, **known):
    clips = tuple(RunRequest(clip=name, operator=MissingSettings(ratio=0.5)) for name in ("a.npy", "b.npy"))
    return TogetherRequest(**{"clips": clips, "settings": QUICK, "output": output} | known)


def results(run):
    """What an unbroken run and a resumed one must share: all but the seconds and the date."""
    clips = sorted((run / "clips").iterdir())
    texts = [re.sub(r'"seconds": [0-9.]+|"date": "[^"]*"', "", (clip / "summary.json").read_text()) for clip in clips]
    names = ("recovered.npy", "representation.safetensors")
    arrays = [(clip / name).read_bytes() for clip in clips for name in names]
    return texts, arrays, (run / "representation.safetensors").read_bytes(), (run / "group.json").read_text()


class StoppedAt(Callbacks):
    """Ctrl-C in an epoch of all fits."""

    def __init__(self, number):
        self.left, self.seen = number, []

    def on_fit(self, what, progress):
        self.seen.append(what)
        self.left -= 1
        if self.left == 0:
            raise KeyboardInterrupt


def test_a_run_of_several_clips(two, command):
    """Each clip has a run of its own that any command takes; the whole says what became of each."""
    first = command(f"simulate missing a.npy b.npy --ratio 0.5 {FLAGS} --together -o run")
    assert first.code == 0, first.err
    for name, frames in (("a", 6), ("b", 4)):
        folder = two / "run" / "clips" / name
        assert {path.name for path in folder.iterdir()} >= FILES
        summary = json.loads((folder / "summary.json").read_text())
        assert summary["frames"] == frames
        assert summary["psnr"] > 5
        assert summary["together"]["clips"] == 2
        assert re.search("Recovered (together with|alone)", summary["trust"])
        assert name in first.out
        assert command(f"info run/clips/{name}").code == 0
        assert command(f"interpolate run/clips/{name} --frames 9").code == 0
    told = json.loads((two / "run" / "group.json").read_text())["clips"]
    assert set(told) == {"a", "b"}
    assert len(lowreel.Representation.load(two / "run" / "representation.safetensors").codes) == 10
    assert "2 together, 2 of them done" in command("info run").out
    assert "run/clips/a" in command("embed run").err
    again = command("recover run --resume")
    assert again.code == 0
    assert "finished already" in again.out


def test_data_that_was_measured_is_recovered_to_the_same(two, command):
    """`measure` of each and `recover --together` come to the bits of `simulate --together`, with the truth named."""
    for name in ("a", "b"):
        assert command(f"measure missing {name}.npy --ratio 0.5 -o {name}.safetensors").code == 0
    done = command(f"recover a.safetensors b.safetensors {FLAGS} --together --truth a.npy --truth b.npy -o measured")
    assert done.code == 0, done.err
    run_together(request("simulated"))
    for name in ("a", "b"):
        one, other = (two / run / "clips" / name / "recovered.npy" for run in ("measured", "simulated"))
        assert one.read_bytes() == other.read_bytes()
        assert "psnr" in json.loads((two / "measured" / "clips" / name / "summary.json").read_text())


@pytest.mark.parametrize("at", [1, 3, 8, 14])
def test_a_run_that_was_stopped_ends_in_the_same_bits(two, at):
    """In the fit of all, and in those of one clip alone; what it had is there in between."""
    run_together(request("unbroken"))
    stopped = StoppedAt(at)
    try:
        found = run_together(request("run"), callbacks=stopped)
        assert at <= 6
        assert {s.outcome.kind for s in found.summaries.values()} <= {"stopped", "finished", "converged"}
    except KeyboardInterrupt:
        assert at > 5
    assert len(stopped.seen) == at
    again = go_on_together(two / "run", lowreel.RecoverSettings())
    assert all(summary.is_complete for summary in again.summaries.values())
    assert results(two / "run") == results(two / "unbroken")


def test_a_clip_that_was_not_written_is_written_again(two):
    """As after a kill between two clips: from the checkpoints, without an epoch, to the same bits."""
    run_together(request("run"))
    wanted = results(two / "run")
    (two / "run" / "clips" / "b" / "summary.json").unlink()
    seen = StoppedAt(-1)
    go_on_together(two / "run", lowreel.RecoverSettings(), seen)
    assert seen.seen == []
    assert results(two / "run") == wanted


def test_without_the_fits_alone(two):
    """With `always` there is one fit, and every clip has its weights."""
    seen = StoppedAt(-1)
    found = run_together(request("run", always=True), callbacks=seen)
    assert set(seen.seen) == {"all clips together"}
    assert {s.together.chosen for s in found.summaries.values()} == {"together"}
    assert all(s.together.alone_db is None for s in found.summaries.values())


def test_a_search_of_several_clips_gives_each_a_standard_deviation(two):
    """From where the fits of all disagree, or its own."""
    settings = QUICK.model_copy(update={"quality": "standard", "baselines": "quick"})
    found = run_together(request("run", settings=settings))
    for name, summary in found.summaries.items():
        assert summary.uncertainty is not None
        assert (two / "run" / "clips" / name / "uncertainty.npy").is_file()
        assert (two / "run" / "clips" / name / "baseline.npy").is_file()


WRONG = {
    "simulate missing a.npy b.npy --ratio 0.5": "b.npy: one clip at a time; add --together",
    "simulate missing a.npy --together": "--together: expected two clips or more",
    "simulate missing a.npy small.npy --together": r"small: its frames \(C, H, W\) are \(1, 5, 16\), those of a",
    "simulate missing a.npy gone.npy --together": "gone",
    "simulate missing rotating-mnist:3..1 --together": r"rotating-mnist:3\.\.1: expected FIRST\.\.LAST",
    "simulate missing a.npy b.npy --together --holdout m.png": "--holdout: is for one clip",
    "simulate missing a.npy b.npy --together --section-frames 8": "--section-frames: clips that are recovered together",
    "recover a.npy b.npy": "b.npy: one clip at a time; add --together",
    "recover a.npy b.npy --together --truth a.npy": "--truth: expected none, or one for each of 2",
    "recover run a.npy --resume": "a.npy: --resume goes on with one run",
}


@pytest.mark.parametrize("line", WRONG)
def test_what_is_refused(two, command, line):
    """In one sentence, with code 2, and nothing is written."""
    np.save(two / "small.npy", moving(4)[:, :, :5])
    before = snapshot(two)
    done = command(f"{line} -o out" if "--resume" not in line else line)
    assert done.code == 2
    assert re.search(WRONG[line], done.err), done.err
    assert len(done.err.strip().splitlines()) == 1
    assert snapshot(two) == before


def test_a_run_goes_on_as_it_was_begun(two):
    """Not with other clips, nor other settings; with another time it does."""
    run_together(request("run"))
    others = request("run", clips=request("run").clips[::-1])
    with pytest.raises(InputError, match="holds a run of other clips"):
        run_together(others, resume=True)
    with pytest.raises(InputError, match="goes on with the settings it has"):
        go_on_together(two / "run", QUICK.model_copy(update={"steps": 7}))
    assert "finished already" in go_on_together(two / "run", lowreel.RecoverSettings(time=5)).notes[0]
    with pytest.raises(InputError, match="run of several clips; check the path"):
        go_on_together(two / "run" / "clips" / "a", lowreel.RecoverSettings())


CLIPS = {"number": 5, "nothing": [], "a path": ["../../R1"], "the folder": [".."], "twice": ["a", "a"], "numbers": [1]}


@pytest.mark.parametrize("clips", CLIPS.values(), ids=CLIPS)
@pytest.mark.parametrize("words", ["recover R --resume", "info R", "interpolate R -o x.mp4"])
def test_a_damaged_list_of_clips_is_refused(here, command, clips, words):
    """In a sentence: no name leads out of the folder."""
    (here / "R").mkdir()
    config = {"version": 2, "settings": {}, "always": False, "request": None, "clips": clips}
    (here / "R" / "config.json").write_text(json.dumps(config))
    told = command(words)
    assert told.code == 2
    assert "expected clips to be a list of names" in told.err
    assert len(told.err.splitlines()) == 1


def test_names_and_series():
    """A series is its clips in order; folders have the names of the files, numbered where these are alike."""
    assert series(["rotating-mnist:8..10", "x.mp4"]) == [*(f"rotating-mnist:{k}" for k in (8, 9, 10)), "x.mp4"]
    sources = ["moving-mnist:3", "one/clip.mp4", "two/clip.mp4", "f.mat:x", "a b.npy"]
    clips = [RunRequest(clip=source, operator=MissingSettings()) for source in sources]
    assert clip_names(clips) == ["moving-mnist-3", "clip-001", "clip-002", "f-x", "a-b"]
