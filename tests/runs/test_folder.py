"""A run survives: killed, stopped, short of time, with damaged files, it goes on to the bits of an unbroken run."""

import json
import os
import random
import shutil
import signal
import time
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from conftest import ended, moving, snapshot
from safetensors.torch import load_file

from lowreel import RecoverSettings
from lowreel.runs.folder import CheckpointCallback, Run
from lowreel.system.files import new_folder, remove_leftovers

SIMULATE = "simulate missing clip.npy --quality draft --steps 10 -o run"
RESUME = "recover run --resume"
FILES = {
    *("config.json", "data.safetensors", "history.jsonl", "state.safetensors", "representation.safetensors"),
    *("recovered.mp4", "recovered.npy", "baseline.npy", "report.png", "report.pdf", "strip.png", "summary.json"),
}


def fresh(folder):
    """A new working folder with the clip that all runs here recover."""
    folder.mkdir(exist_ok=True)
    np.save(folder / "clip.npy", moving())
    return folder


def results(run):
    """What an unbroken run and a resumed one must share, bit for bit: all but the seconds."""
    summary = json.loads((run / "summary.json").read_text())
    rows = [json.loads(line) for line in (run / "history.jsonl").read_text().splitlines()]
    return {
        **{name: (run / name).read_bytes() for name in ("representation.safetensors", "recovered.npy")},
        "summary": {k: v for k, v in summary.items() if k not in ("seconds", "environment", "request")},
        "history": [{name: value for name, value in row.items() if name != "seconds"} for row in rows],
    }


def parts(run):
    return [path.name for path in run.iterdir() if ".part" in path.name]


@pytest.fixture(scope="module")
def unbroken(away, tmp_path_factory):
    """The results of a run that nothing disturbed, with checkpoints at the usual distance."""
    folder = fresh(tmp_path_factory.mktemp("unbroken"))
    assert away(SIMULATE, folder).code == 0
    return results(folder / "run")


@pytest.fixture(scope="module")
def _killed(away, tmp_path_factory):
    for dies_at in range(56, 80, 3):
        folder = fresh(tmp_path_factory.mktemp("killed"))
        assert away(SIMULATE, folder, hurried=True, dies_at=dies_at).code == -signal.SIGKILL
        if {"state.safetensors", "state.previous.safetensors"} <= set(os.listdir(folder / "run")):
            remove_leftovers(folder / "run")  # of what was being written; the first to go on removes them
            return folder
    raise AssertionError("a killed run keeps two checkpoints")


@pytest.fixture
def killed(_killed, tmp_path, monkeypatch):
    """A folder in which `run` was killed after some epochs and holds two checkpoints."""
    folder = Path(shutil.copytree(_killed, tmp_path / "killed"))
    monkeypatch.chdir(folder)
    return folder


# -------------------------------------------------------------------------------------------------------- killed


def die_again_and_again(away, folder, deaths):
    """Kill a run at each of these writes, and resume it each time; then let it end."""
    command = SIMULATE
    for dies_at in deaths:
        outcome = away(command, folder, hurried=True, dies_at=dies_at)
        assert outcome.code in (-signal.SIGKILL, 0), outcome.err
        command = RESUME
    outcome = away(command, folder, hurried=True)
    assert outcome.code == 0, outcome.err
    return results(folder / "run")


def test_killed_while_saving_ends_in_the_same_bits(away, tmp_path, unbroken):
    """Killed before its n-th fsync or rename, three times, and resumed: the bits of an unbroken run."""
    assert die_again_and_again(away, fresh(tmp_path), (11, 4, 17)) == unbroken


@pytest.mark.slow
def test_killed_at_every_write_ends_in_the_same_bits(away, tmp_path, unbroken):
    """Every fsync and rename of the first epochs and of the end is once the last thing that a run did not do."""
    assert die_again_and_again(away, fresh(tmp_path), (*range(9, 24), *range(1, 24))) == unbroken


def kill_at_random(start, folder, kills, seed):
    command, rng, resumed = SIMULATE, random.Random(seed), 0
    while resumed < kills:
        process = start(command, folder, hurried=True)
        if command == SIMULATE:
            while not (folder / "run" / "config.json").exists():
                assert process.is_alive(), ended(process).err
                time.sleep(0.002)
        process.join(timeout=rng.uniform(0.05, 0.8))
        process.kill()
        process.join()
        command, resumed = RESUME, resumed + 1
    outcome = ended(start(RESUME, folder, hurried=True))
    assert outcome.code == 0, outcome.err
    return results(folder / "run")


def test_killed_at_random_ends_in_the_same_bits(start, tmp_path, unbroken):
    """SIGKILL at random moments, saving after every epoch: the bits of an unbroken run."""
    assert kill_at_random(start, fresh(tmp_path), kills=2, seed=1) == unbroken


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(8))
def test_killed_often_at_random_ends_in_the_same_bits(seed, start, tmp_path, unbroken):
    """The same with many more kills."""
    assert kill_at_random(start, fresh(tmp_path), kills=10, seed=seed) == unbroken


@pytest.mark.parametrize("dies_at", [2, 5])
def test_killed_while_it_is_made(dies_at, away, tmp_path, unbroken):
    """A run killed before its first epoch goes on with --resume, or starts when the command is given again."""
    folder = fresh(tmp_path)
    assert away(SIMULATE, folder, dies_at=dies_at).code == -signal.SIGKILL
    outcome = away(SIMULATE + " --resume", folder)
    if outcome.code == 2:
        outcome = away(SIMULATE, folder)
    assert outcome.code == 0, outcome.err
    assert results(folder / "run") == unbroken


def test_leftovers_of_a_killed_run_are_swept(killed, away, unbroken):
    """Temporary files of the killed process neither disturb a resume nor outlive it."""
    (killed / "run" / ".recovered.0badcafe.part.npy").write_bytes(b"half a file")
    (killed / "run" / ".state.0badcafe.part.safetensors").write_bytes(b"half a file")
    assert away(RESUME, killed).code == 0
    assert results(killed / "run") == unbroken
    assert parts(killed / "run") == []


def test_history_is_whole_after_a_kill_between_checkpoint_and_history(finished, command):
    """The checkpoint of the last epoch is written before its history: resumed from there, no row is missing."""
    rows = (finished / "history.jsonl").read_text()
    (finished / "history.jsonl").write_text("".join(rows.splitlines(keepends=True)[:-1]))
    (finished / "summary.json").unlink()
    outcome = command("recover", finished, "--resume")
    assert outcome.code == 0, outcome.err
    assert (finished / "history.jsonl").read_text() == rows


# ----------------------------------------------------------------------------------------------------- damaged files


def cut(path):
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


@pytest.mark.parametrize("damage", [cut, Path.unlink])
def test_damaged_checkpoint_gives_way_to_the_one_before(damage, killed, away, unbroken):
    """A damaged or missing newest checkpoint costs some epochs and changes no bit."""
    damage(killed / "run" / "state.safetensors")
    assert away(RESUME, killed).code == 0
    assert results(killed / "run") == unbroken


def test_two_damaged_checkpoints_are_bad_input(killed, command):
    """Exit code 2, one line that names the file, nothing changed."""
    for name in ("state.safetensors", "state.previous.safetensors"):
        cut(killed / "run" / name)
    before = snapshot(killed)
    outcome = command(RESUME)
    assert (outcome.code, outcome.err.count("\n")) == (2, 1)
    assert "state" in outcome.err
    assert snapshot(killed) == before


def test_a_kill_after_damage_loses_nothing(killed, away, unbroken):
    """The good checkpoint that a damaged one gave way to is kept until there is another: killed again, it goes on."""
    cut(killed / "run" / "state.safetensors")
    good = killed / "run" / "state.previous.safetensors"
    kept = good.read_bytes()
    for dies_at in range(1, 8):
        shutil.copytree(killed, copy := killed.with_name(f"killed{dies_at}"))
        assert away(RESUME, copy, hurried=True, dies_at=dies_at).code == -signal.SIGKILL
        readable = [path for path in (copy / "run").glob("state*.safetensors") if _opens(path)]
        assert readable, f"killed at write {dies_at}: no checkpoint can be read"
    assert good.read_bytes() == kept


def _opens(path):
    try:
        return bool(load_file(path))
    except Exception:
        return False


def test_checkpoint_of_other_data_is_bad_input(killed, command):
    """A state goes on with its own data only."""
    assert command("measure missing clip.npy --seed 5 -o other.safetensors").code == 0
    os.replace("other.safetensors", "run/data.safetensors")
    before = snapshot(killed)
    outcome = command(RESUME)
    assert (outcome.code, outcome.err.count("\n")) == (2, 1)
    assert "data" in outcome.err
    assert snapshot(killed) == before


# -------------------------------------------------------------------------------------------------- finished, stopped


def test_resuming_a_finished_run_changes_nothing(finished, command):
    """It prints what was found and touches no file."""
    before = snapshot(finished)
    outcome = command("recover", finished, "--resume")
    summary = json.loads((finished / "summary.json").read_text())
    assert outcome.code == 0
    assert f"{summary['psnr']:.2f} dB" in outcome.out
    assert summary["trust"][:40] in outcome.out
    assert snapshot(finished) == before


def test_ctrl_c_keeps_the_best_and_can_be_resumed(start, away, tmp_path, unbroken):
    """SIGINT: every result is written, the outcome is "stopped", and --resume ends in the bits of an unbroken run."""
    folder = fresh(tmp_path)
    process = start(SIMULATE, folder, hurried=True)
    while not (folder / "run" / "history.jsonl").exists():
        assert process.is_alive(), ended(process).err
        time.sleep(0.002)
    os.kill(process.pid, signal.SIGINT)
    outcome = ended(process)
    assert outcome.code == 0, outcome.err
    summary = json.loads((folder / "run" / "summary.json").read_text())
    assert summary["outcome"]["kind"] == "stopped"
    assert "--resume" in summary["outcome"]["sentence"]
    assert 1 <= summary["steps"] < 10
    assert set(os.listdir(folder / "run")) >= FILES
    assert parts(folder / "run") == []
    (folder / "run" / "state.previous.safetensors").touch()  # what a stop after the second checkpoint leaves
    assert away(RESUME, folder).code == 0
    assert not (folder / "run" / "state.previous.safetensors").exists()
    assert results(folder / "run") == unbroken


def test_ctrl_c_after_the_fit_says_how_to_go_on(here, command, monkeypatch):
    """Interrupted while the results are written, the run is there and the message says so."""

    def interrupted(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr("lowreel.runs.outputs.write_video", interrupted)
    outcome = command("simulate missing clip.npy --quality draft --steps 1 -o run")
    assert outcome.code == 130
    assert "--resume" in outcome.err
    monkeypatch.undo()
    monkeypatch.chdir(here)
    assert command(RESUME).code == 0


def test_time_limit(here, command):
    """--time ends the fit in time and keeps the results; of too few epochs it is stopped, and can be gone on with."""
    outcome = command("simulate missing clip.npy --quality draft --steps 100000 --time 0.5 -o run")
    assert outcome.code == 0, outcome.err
    summary = json.loads((here / "run" / "summary.json").read_text())
    assert summary["seconds"] < 2
    assert 1 <= summary["steps"] < 25_000
    assert summary["outcome"]["kind"] == "stopped"
    assert "longer --time" in summary["outcome"]["sentence"]
    assert set(os.listdir(here / "run")) >= FILES
    assert command("recover run --resume --time 0.5").code == 0
    again = json.loads((here / "run" / "summary.json").read_text())
    assert summary["steps"] < again["steps"] < 25_000
    assert again["outcome"]["kind"] == "stopped"


# ------------------------------------------------------------------------------------------------------------- files


def test_settings_round_trip(here):
    """config.json gives back the settings that it was made from."""
    from lowreel import Identity, Measured

    settings = RecoverSettings(rank=3, linear=True, similarity=0.1, steps=5, time=9.5, seed=4, heldout=0.1)
    data = Measured(torch.zeros(6, 1, 4, 4), Identity((6, 1, 4, 4)), torch.arange(6, dtype=torch.float64))
    truth = {"path": "clip.npy", "size": [4, 4]}
    Run.create(here / "run", data, settings, truth)
    opened = Run.open(here / "run")
    assert (opened.settings, opened.truth) == (settings, truth)
    torch.testing.assert_close(opened.measured().data, data.data)


def test_nothing_is_pickled(finished):
    """Tensors are in files that safetensors reads, arrays in .npy without objects, the rest is JSON, PNG, PDF, mp4."""
    kinds = {path.suffix for path in finished.iterdir()}
    assert kinds == {".json", ".jsonl", ".safetensors", ".npy", ".mp4", ".png", ".pdf"}
    assert all(load_file(path) for path in finished.glob("*.safetensors"))
    assert np.load(finished / "recovered.npy", allow_pickle=False).shape == (6, 1, 12, 16)


def test_a_finished_run_leaves_no_temporary_file(finished):
    """Only the files of the design."""
    assert set(os.listdir(finished)) - {"uncertainty.npy", "recommended.npy", "recommended.mp4"} == FILES


def test_a_run_that_diverges_is_recorded(tmp_path):
    """NaN in the fit ends in files that can be read and a sentence that says not to use the clip."""
    from lowreel import Decoder, MissingPixels
    from lowreel.data import Measured
    from lowreel.runs.folder import execute

    class Broken(Decoder):
        def forward(self, codes):
            return super().forward(codes) * torch.nan

    clip = torch.from_numpy(moving())
    operator = MissingPixels(tuple(clip.shape), 0.5)
    measured = Measured(operator(clip), operator, torch.arange(len(clip)).double())
    run = Run.create(tmp_path / "run", measured, RecoverSettings(quality="draft", steps=3))
    _, summary, _ = execute(run, measured, clip, generator=Broken((1, 12, 16)))
    assert (summary.outcome.kind, summary.verdict) == ("diverged", "do_not_use")
    assert summary.delivered == "biharmonic interpolation"
    assert run.summary() == summary
    assert summary.psnr == summary.baselines["biharmonic interpolation"]
    assert summary.psnr_representation is None
    assert run.load_progress().state.step == 1


def test_two_cannot_work_on_one_run(here, command):
    """A second resume is refused while the first one works."""
    from lowreel.system.checkpoints import folder_lock

    assert command("simulate missing clip.npy --quality draft --steps 2 -o run").code == 0
    summary = json.loads(Path("run/summary.json").read_text())
    summary["outcome"]["kind"] = "stopped"
    Path("run/summary.json").write_text(json.dumps(summary))
    before = snapshot(here)
    with folder_lock(Path("run")):
        ended = command(RESUME)
    assert (ended.code, "another lowreel" in ended.err) == (2, True)
    assert snapshot(here) == before


@pytest.mark.parametrize(
    "other", ["--ratio 0.9", "--noise 0.3", "--size 8", "--frames 3", "--seed 4"], ids=lambda flags: flags[2:7]
)
def test_a_resume_with_another_wish_is_refused(here, command, other):
    """simulate --resume goes on only with what the run was made of."""
    assert command("simulate missing clip.npy --quality draft --steps 2 -o run").code == 0
    before = snapshot(here)
    ended = command(f"simulate missing clip.npy --quality draft --steps 2 {other} -o run --resume")
    assert (ended.code, ended.err.count("\n")) == (2, 1)
    assert snapshot(here) == before
    assert command("simulate missing clip.npy --quality draft --steps 2 -o run --resume").code == 0


def test_a_folder_that_a_killed_process_was_filling_is_removed(tmp_path):
    """Not one that somebody is filling now, nor that of a run with a longer name, nor a folder of the user's."""
    names = [".run.0123abcd.part", ".run.1.0123abcd.part", ".run.backup.part", ".run.89abcdef.part"]
    for name in names:
        (tmp_path / name).mkdir()
    for name in names[:-1]:  # the last may be another machine's, at work
        os.utime(tmp_path / name, (0, 0))
    with new_folder(tmp_path / "run") as draft:
        assert {path.name for path in tmp_path.iterdir()} == {draft.name, *names[1:]}
        os.utime(draft, (0, 0))
        with new_folder(tmp_path / "run"):
            assert draft.is_dir()
        shutil.rmtree(tmp_path / "run")
    assert {path.name for path in tmp_path.iterdir()} == {"run", *names[1:]}


@pytest.mark.parametrize(("takes", "saved"), [(0.01, 90), (0.5, 19), (30.0, 16)])
def test_checkpoints_take_a_hundredth_of_the_time_where_a_minute_is_enough_for_it(takes, saved, monkeypatch):
    """In a thousand epochs of a second each: every ten seconds where they are quick, less often where they are not."""
    clock, made = [0.0], []

    def save(progress):
        made.append(progress)
        clock[0] += takes

    monkeypatch.setattr("lowreel.runs.folder.time.monotonic", lambda: clock[0])
    run = SimpleNamespace(folder=Path("run"), save_progress=save, write_history=lambda _: None)
    keeper = CheckpointCallback(run, lambda _: None, log=lambda _: None, written=0.0)
    for _ in range(1000):
        clock[0] += 1.0
        keeper(SimpleNamespace(trials=(), trunk=None, history=(), made=1))
    assert len(made) == pytest.approx(saved, abs=1)
