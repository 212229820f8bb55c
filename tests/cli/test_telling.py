"""How commands tell what they do: as JSON, quietly, at length; what they ask for in a file, and again from it."""

import json
import tomllib

import numpy as np
import pytest
from conftest import snapshot

from lowreel.catalogue import OPERATORS
from lowreel.jobs.display import Screen
from lowreel.jobs.request import RunRequest
from lowreel.jobs.telling import Telling

QUICK = ("--quality", "draft", "--steps", "2")


def example(model):
    return {k: tuple(text.splitlines()) if k == "of" else float(text) for k, text in model.example.items()}


def test_a_request_in_a_file_is_the_same_request(tmp_path):
    """TOML and JSON, for the settings of every operator, and for a damaged clip and data of others."""
    requests = [RunRequest(clip="c.mp4", operator=model(**example(model)), output="run") for model in OPERATORS]
    requests += [
        RunRequest(clip='a "quoted" clip.mp4', mask="m.png", keep="black", settings={"rank": 4, "generator": "dcgan"}),
        RunRequest(data="d.mat", arrays={"operator": "snapshot", "y": "meas", "mask": "mask"}, truth="t.npy"),
    ]
    for number, request in enumerate(requests):
        for suffix in ("toml", "json"):
            file = tmp_path / f"{number}.{suffix}"
            request.save(file)
            assert RunRequest.load(file) == request


def test_a_run_is_made_again_from_its_config(here, command):
    """The same clip to the bit; what stands beside --config counts more; the file is not written over."""
    asked = ("simulate", "missing", "clip.npy", "--ratio", "0.5", *QUICK, "--seed", "3")
    first = command(*asked, "-o", "one", "--save-config", "run.toml", "-q")
    assert (first.code, first.out) == (0, "")
    written = tomllib.loads((here / "run.toml").read_text())
    assert written["operator"] == {"kind": "missing", "ratio": 0.5}
    assert written["settings"]["seed"] == 3
    assert command("recover", "--config", "run.toml", "-o", "two", "-q").code == 0
    assert (here / "one/recovered.npy").read_bytes() == (here / "two/recovered.npy").read_bytes()
    assert command("recover", "--config", "run.toml", "-o", "three", "--steps", "3", "-q").code == 0
    assert json.loads((here / "three/config.json").read_text())["settings"]["steps"] == 3
    before = snapshot(here)
    again = command(*asked, "-o", "four", "--save-config", "run.toml")
    assert again.code == 2
    assert "exists already" in again.err
    assert snapshot(here) == before


WRONG = {
    "nothing": ("recover", "--config", "none.toml"),
    "no TOML": ("recover", "--config", "bad.toml"),
    "no request": ("recover", "--config", "other.toml"),
    "a setting that is none": ("recover", "--config", "unknown.toml"),
    "data too": ("recover", "y.safetensors", "--config", "other.toml"),
    "neither": ("recover",),
}


@pytest.mark.parametrize("words", WRONG.values(), ids=WRONG)
def test_a_config_that_is_wrong_is_refused_in_a_sentence(here, command, words):
    """With exit code 2, and nothing is written."""
    (here / "bad.toml").write_text("version = ")
    (here / "other.toml").write_text("title = 'x'\n")
    (here / "unknown.toml").write_text("version = 1\nclip = 'clip.npy'\nmask = 'm.png'\n[settings]\nrnk = 4\n")
    before = snapshot(here)
    told = command(*words)
    assert told.code == 2
    assert "Traceback" not in told.err
    assert len(told.err.splitlines()) == 1
    assert snapshot(here) == before


def test_a_config_is_of_use_in_another_folder(here, command, monkeypatch):
    """It has full paths."""
    np.save(here / "mask.npy", np.indices((12, 16)).sum(0) % 2 == 0)
    assert command("inpaint", "clip.npy", "--mask", "mask.npy", *QUICK, "-o", "a", "--save-config", "c.toml").code == 0
    (here / "other").mkdir()
    monkeypatch.chdir(here / "other")
    assert command("recover", "--config", "../c.toml", "-o", "b").code == 0
    assert (here / "a/recovered.npy").read_bytes() == (here / "other/b/recovered.npy").read_bytes()
    arrays = {"operator": "snapshot", "mask": "m", "coil_maps": "../mask.npy"}
    full = RunRequest(data="d.npy", arrays=arrays, output="run").with_full_paths()
    assert (full.arrays.mask, full.arrays.coil_maps) == ("m", str(here / "mask.npy"))
    assert full.output == str(here / "other/run")


REFUSED = {
    "the run is refused": ("simulate missing none.npy --save-config c.toml", "none.npy"),
    "its folder is used": ("simulate missing clip.npy -o full --save-config c.toml", "full: holds other files"),
    "no folder": (
        "simulate missing clip.npy --save-config none/c.toml",
        "--save-config none/c.toml: no such folder, none",
    ),
    "the file is there": ("simulate missing clip.npy --save-config clip.npy", "another name with --save-config"),
    "a wrong key": ("recover --config wrong.toml", "wrong.toml: settings: rnk: no such setting; did you mean rank"),
    "clips together": ("recover --config right.toml --together", "--config right.toml: is of one clip"),
}


@pytest.mark.parametrize(("words", "said"), REFUSED.values(), ids=REFUSED)
def test_what_is_refused_leaves_no_config(here, command, words, said):
    """It is said what is wrong, and where."""
    (here / "full").mkdir()
    (here / "full" / "x").write_text("theirs")
    RunRequest(clip="clip.npy", mask="m.png").save(here / "right.toml")
    (here / "wrong.toml").write_text("version = 1\nclip = 'clip.npy'\nmask = 'm.png'\n[settings]\nrnk = 4\n")
    before = snapshot(here)
    told = command(words)
    assert told.code == 2
    assert said in told.err
    assert snapshot(here) == before


def test_a_quiet_screen_begins_no_bar():
    """Neither for a clip, nor for a fit of several."""
    with Screen(Telling(quiet=True)) as screen:
        screen.on_fit("all clips together", None)
        screen.on_progress(None, 1, 1)
        assert screen.bar is None


def test_results_as_json(here, command, quick_workers):
    """The standard output is JSON alone, of a run and of a batch; what goes on is told beside it."""
    told = command("simulate", "missing", "clip.npy", *QUICK, "-o", "run", "--json")
    found = json.loads(told.out)
    assert found["summary"] == json.loads((here / "run/summary.json").read_text())
    assert "first picture" in told.err
    told = command("batch", "clip.npy", "--operator", "missing", *QUICK, "-o", "runs", "--json", "--baselines", "none")
    found = json.loads(told.out)
    (row,) = found["rows"]
    assert (row["name"], row["status"]) == ("clip", "finished")
    assert row["summary"]["frames"] == 6
    told = command("simulate", "missing", "clip.npy", *QUICK, "-o", "quiet", "--json", "-q")
    assert json.loads(told.out)["folder"].endswith("quiet")
    assert told.err == ""


def test_verbose_logs(here, command):
    """What was asked for, baselines and fits, with the time of day, on the error output."""
    told = command("simulate", "missing", "clip.npy", "--steps", "2", "-o", "run", "-v")
    assert told.code == 0
    for words in ("asked for", "baseline linear interpolation", "fit 1: Trial"):
        assert words in told.err


def test_verbosity_is_of_one_command(here, command):
    """The next one in the same process logs nothing."""
    told = [command("simulate", "missing", "clip.npy", *QUICK, "-o", name, *more) for name, more in VERBOSITIES.items()]
    assert ["asked for" in one.err for one in told] == [True, False]


VERBOSITIES = {"loud": ("-v",), "still": ()}
