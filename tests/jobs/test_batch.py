"""`lowreel batch`: manifests, rows that fail, rows that are finished, and the same results as by hand."""

import csv
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from conftest import ended, moving, snapshot

import lowreel.jobs.results
from lowreel import Decoder
from lowreel.catalogue import ChainSettings, MissingSettings
from lowreel.cli.batch import with_address
from lowreel.errors import InputError
from lowreel.jobs import batch
from lowreel.jobs.manifest import Row, read_manifest
from lowreel.jobs.request import RunRequest
from lowreel.jobs.results import Results
from lowreel.jobs.worker import Record, is_done
from lowreel.model.generators import save_weights
from lowreel.settings import ArraysSettings, ClipSettings, NoiseSettings, RecoverSettings
from lowreel.system.processes import LIBRARY_VARIABLES, cores

FAST = "--quality draft --baselines none --steps 2"


@pytest.fixture
def clips(here):
    """here/clips with a.npy and b.npy."""
    (here / "clips").mkdir()
    for k, name in enumerate("ab"):
        np.save(here / "clips" / f"{name}.npy", moving()[::-1] if k else moving())
    return here / "clips"


def test_a_row_is_a_request(tmp_path):
    """A clip is measured and recovered, data recovered, a clip with a mask filled in; other columns are settings."""
    settings, output = RecoverSettings(quality="draft", rank=3, similarity=0.1, linear=True), str(tmp_path / "r")
    columns = {"quality": "draft", "rank": "3", "similarity": 0.1, "linear": "true"}
    reading, noise = ClipSettings(size="16", channels=1), NoiseSettings(blind=True)
    clip = {"clip": "c.mp4", "size": 16, "channels": "1", **columns}

    def row_of(**own):
        return Row("r", own).request(tmp_path)

    asked = {"reading": reading, "settings": settings, "output": output}
    missing = RunRequest(clip="c.mp4", operator=MissingSettings(ratio=0.7), noise=noise, **asked)
    assert row_of(**clip, operator="missing --ratio 0.8", ratio="0.7", blind="true") == missing
    judged = missing.model_copy(update={"holdout": "h.png"})
    assert row_of(**clip, operator="missing --ratio 0.7", blind="true", holdout="h.png") == judged
    chain = RunRequest(clip="c.mp4", operator=ChainSettings(of=("blur", "missing")), **asked)
    assert row_of(**clip, operator="chain", of=["blur", "missing"], blind="false") == chain
    kept = RunRequest(clip="c.mp4", mask="m", keep="black", holdout="h.png", **asked)
    assert row_of(**clip, mask="m", keep="black", holdout="h.png") == kept
    own = RunRequest(data="y.safetensors", truth="c", holdout="h.png", settings=settings, output=output)
    assert row_of(data="y.safetensors", truth="c", holdout="h.png", operator="missing", **columns) == own
    arrays = ArraysSettings(operator="snapshot", y="meas", mask="mask", sigma=0.5)
    others = {"operator": "snapshot", "y": "meas", "mask": "mask", "sigma": "0.5"}
    of_others = RunRequest(data="d.mat", arrays=arrays, settings=settings, output=output)
    assert row_of(data="d.mat", **others, **columns) == of_others


@pytest.mark.parametrize(
    ("columns", "told"),
    [
        ({"clip": "c", "data": "y"}, "not both"),
        ({"size": "8"}, "expected a column clip"),
        ({"clip": "c"}, "expected an operator"),
        ({"clip": "c", "operator": "telescope"}, "operator 'telescope': "),
        ({"clip": "c", "operator": "missing", "sigma": "2"}, "--sigma: is no flag of simulate missing"),
        ({"clip": "c", "mask": "m", "noise": "0.1"}, "--noise: is no flag of inpaint"),
        ({"data": "y.safetensors", "size": "8"}, "--size: is no flag of recover"),
        ({"clip": "c", "operator": "missing", "rank": "many"}, "rank: .*got 'many'"),
    ],
)
def test_a_row_that_asks_for_nothing_says_so(columns, told, tmp_path):
    with pytest.raises(InputError, match=told):
        Row("r", columns).request(tmp_path)


FOREIGN = {
    "results.csv": "precious\n",
    "report.html": "precious\n",
    "config.json": "{}",
}


@pytest.mark.parametrize("name", FOREIGN)
def test_nothing_of_others_is_overwritten(name, clips, command):
    """Neither files that no batch has written nor the folder of a run."""
    out = clips.parent / "out"
    words = f"batch {clips}/*.npy -o {out} --operator missing --size 16 --quality draft --steps 1 --baselines none"
    out.mkdir()
    (out / name).write_text(FOREIGN[name])
    outcome = command(words)
    assert outcome.code == 2
    assert str(out) in outcome.err
    assert [path.name for path in out.iterdir()] == [name]
    assert (out / name).read_text() == FOREIGN[name]


def test_manifests_of_each_kind(clips):
    """CSV, JSON lines and a pattern give the same rows; paths are taken from the manifest's folder."""
    (clips / "m.csv").write_text("name,clip,operator,steps\na,a.npy,missing,\nb,b.npy,missing --ratio 0.5,3\n")
    rows = [{"name": "a", "clip": "a.npy", "operator": "missing"}]
    rows += [{"name": "b", "clip": "b.npy", "operator": "missing --ratio 0.5", "steps": 3}]
    (clips / "m.jsonl").write_text("\n".join(map(json.dumps, rows)) + "\n")
    common = {"steps": 2}
    for name in ("m.csv", "m.jsonl"):
        found = read_manifest(str(clips / name), common)
        assert [row.name for row in found] == ["a", "b"]
        assert [str(row.columns["steps"]) for row in found] == ["2", "3"]
        assert found[0].columns["clip"] == str(clips / "a.npy")
    found = read_manifest(str(clips / "*.npy"), {"operator": "missing"})
    assert [row.name for row in found] == ["a", "b"]
    assert found[1].columns == {"operator": "missing", "clip": str(clips / "b.npy"), "name": "b"}


WRONG = {
    "no.csv": (None, "no such file"),
    "empty.csv": ("name,clip\n", "no rows"),
    "long.csv": ("name,clip\na,b,c\n", "more fields"),
    "twice.csv": ("name,clip\na,b\na,c\n", "'a' is given to several rows"),
    "up.csv": ("name,clip\n../a,b\n", "should be that of a folder"),
    "text.jsonl": ("a, b\n", "line 1: expected one JSON object"),
    "list.jsonl": ("[1]\n", "expected a JSON object, got list"),
    "column.csv": ("name,clip,stepz\na,b,3\n", "'stepz' is no column"),
    "rows.csv": ("name,clip\nRows,b\n", "should be that of a folder"),
    "zero.csv": ("name,clip\na,b\0c\n", "no path has a zero byte"),
    "case.csv": ("name,clip\na,b\nA,c\n", "given to several rows"),
    "*.nothing": (None, "no rows"),
}


@pytest.mark.parametrize("name", WRONG)
def test_wrong_manifests_are_refused(name, tmp_path):
    """With the line or the name that is wrong."""
    text, told = WRONG[name]
    if text is not None:
        (tmp_path / name).write_text(text)
    with pytest.raises(InputError, match=told):
        read_manifest(str(tmp_path / name), {})


def test_untidy_manifests_are_read(clips):
    """Marks of byte order, Windows line ends, lines of commas, spaces, dashes in names of columns."""
    (clips / "m.csv").write_bytes(b"\xef\xbb\xbfname, clip ,data-term\r\na, a.npy ,huber\r\n,,\r\n")
    (found,) = read_manifest(str(clips / "m.csv"), {"data_term": "l1"})
    assert (found.name, found.columns["clip"]) == ("a", str(clips / "a.npy"))
    assert found.columns["data_term"] == "huber"


def test_a_pattern_does_not_find_results(clips):
    """Files below the folder of the runs are no clips; equal names are told by their folders; brackets may be names."""
    (clips / "out").mkdir()
    (clips / "more").mkdir()
    for path in (clips / "out" / "x.npy", clips / "more" / "a.npy", clips / "c[1].npy"):
        np.save(path, moving())
    found = read_manifest(str(clips / "**" / "*.npy"), {}, clips / "out")
    assert [row.name for row in found] == ["a.npy", "b", "c-1", "more-a.npy"]
    assert len(read_manifest(str(clips / "c[1].npy"), {})) == 1


def test_a_pattern_names_rows_as_it_finds_them(clips):
    """A link by its own name, its clip by the file's; names that are alike without case are numbered."""
    (clips / "link.npy").symlink_to(clips / "a.npy")
    (clips / "A.npy").symlink_to(clips / "b.npy")
    found = read_manifest(str(clips / ".." / "clips" / "*.npy"), {})
    named = {row.name: row.columns["clip"] for row in found}
    assert named == {
        "A.npy-0000": str(clips / "b.npy"),
        "a.npy-0001": str(clips / "a.npy"),
        "b": str(clips / "b.npy"),
        "link": str(clips / "a.npy"),
    }


def test_masks_of_data_are_names_or_files(clips):
    """A mask beside data is an array in it, as on the command line, unless it is a file of arrays."""
    (clips / "m.csv").write_text(
        "data,operator,y,mask,name\nd.mat,snapshot,meas,mask,a\nd.mat,snapshot,meas,e.mat:mask,b\n"
    )
    masks = [row.columns["mask"] for row in read_manifest(str(clips / "m.csv"), {})]
    assert masks == ["mask", f"{clips / 'e.mat'}:mask"]


def test_the_folder_of_the_runs_may_move(tmp_path):
    row = Row("a", {"clip": "/clips/a.npy", "operator": "missing"})
    Record("a", "finished", row.request(tmp_path / "before").model_dump(mode="json")).save(tmp_path)
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "summary.json").touch()
    assert is_done(row, tmp_path) is not None
    assert is_done(Row("a", {**row.columns, "steps": 3}), tmp_path) is None


def test_ray_without_an_address():
    """--ray alone is a cluster of this machine, also in front of another flag or the manifest."""
    assert with_address(["batch", "--ray", "m.csv"]) == ["batch", "--ray=local", "m.csv"]
    assert with_address(["batch", "m.csv", "--ray"]) == ["batch", "m.csv", "--ray=local"]
    for address in ("auto", "ray://head:10001", "10.0.0.1:6379"):
        assert with_address(["--ray", address]) == ["--ray", address]


def results(folder):
    with open(folder / "results.csv", newline="") as file:
        return {row["name"]: row for row in csv.DictReader(file)}


GIGA = 10**9


@pytest.mark.parametrize(
    ("machine", "count", "cpus", "memory", "at_once", "could"),
    [
        (128, 64, 1, [None] * 200, 4, "64"),
        (24, 64, 1, [None] * 200, 4, "12"),
        (24, 4, 1, [None] * 200, 4, ""),
        (24, 64, 16, [None] * 200, 4, ""),
        (128, 64, 1, [None] * 3, 3, ""),
        (128, 64, 1, ["8GB", "1GB"] * 100, 16, "64"),
        (128, 64, 1, ["8GB", None] * 100, 4, "64"),
        (1, 64, 1, ["8GB"] * 100, 1, ""),
    ],
)
def test_as_many_rows_at_once_as_there_is_room_for(machine, count, cpus, memory, at_once, could, monkeypatch):
    """GB of the machine, cores, those of a row, what rows say of memory; how many at once, and what could be."""
    monkeypatch.setattr(batch, "machine_bytes", lambda: machine * GIGA)
    monkeypatch.setattr(batch, "default_budget", lambda: machine * GIGA // 4)
    monkeypatch.setattr(batch, "cores", lambda: count)
    rows = [Row(str(k), {} if text is None else {"memory": text}) for k, text in enumerate(memory)]
    assert batch.rows_at_once(rows, cpus) == at_once
    assert batch._spare(rows, at_once, cpus).rpartition(" ")[2] == could


def test_results_are_written_while_rows_are_made(clips, command, monkeypatch, quick_workers):
    """After the first of two rows there is a table that has it; where it cannot be written the batch goes on."""
    monkeypatch.setattr(lowreel.jobs.results, "WRITE_SECONDS", 0.0)
    monkeypatch.setattr(lowreel.jobs.results, "RARELY", 0.0)
    seen, add, write = [], Results.add, Results.write

    def watched(self, record):
        path = self.folder / "results.csv"
        seen.append(path.read_text() if path.exists() else "")
        add(self, record)

    def failing_once(self):
        write(self)
        if len(seen) == 1:
            raise OSError("full")

    monkeypatch.setattr(Results, "add", watched)
    monkeypatch.setattr(Results, "write", failing_once)
    assert command(f"batch clips/*.npy -o out --operator missing {FAST}").code == 0
    assert seen[0] == ""
    assert seen[1].count(",finished,") >= 1
    assert {row["status"] for row in results(clips.parent / "out").values()} == {"finished"}


def test_paths_of_weights_are_those_of_who_says_them(clips, command, quick_workers):
    """A generator's file is looked for where the command is given, or beside the manifest that names it."""
    save_weights(clips / "w.safetensors", Decoder((1, 12, 16), seed=5), {})
    (clips / "m.csv").write_text("name,clip,operator,generator\na,a.npy,missing,w.safetensors\n")
    (clips / "n.csv").write_text("name,clip,operator\na,a.npy,missing\n")
    for words in (f"clips/m.csv -o m {FAST}", f"clips/n.csv -o n {FAST} --generator clips/w.safetensors"):
        done = command(f"batch {words}")
        assert done.code == 0, done.out
    assert command(f"batch clips/n.csv -o p {FAST}").code == 0
    by_row, by_command, without = (np.load(clips.parent / run / "a" / "recovered.npy") for run in "mnp")
    np.testing.assert_array_equal(by_row, by_command)
    assert np.abs(without - by_row).max() > 1e-3


def test_rows_fail_alone_and_finished_ones_are_passed_over(clips, command):
    """One bad row of two: its error is kept, the other is as `simulate` makes it; a second start makes the rest."""
    lines = ["name,clip,operator", "a,a.npy,missing", "bad,no.npy,missing"]
    (clips / "m.csv").write_text("\n".join(lines) + "\n")
    words = f"batch {clips / 'm.csv'} -o out {FAST}"
    done = command(words)
    assert (done.code, done.err) == (1, "")
    assert "1 finished, 1 failed of 2 rows" in done.out
    rows = results(clips.parent / "out")
    assert rows["bad"]["status"] == "failed"
    assert "no.npy: no such file" in rows["bad"]["error"]
    assert float(rows["a"]["psnr"]) > 0
    assert command(f"simulate missing clips/a.npy -o alone {FAST}").code == 0
    by_hand, in_batch = (np.load(clips.parent / run / "recovered.npy") for run in ("alone", "out/a"))
    np.testing.assert_array_equal(in_batch, by_hand)
    before = snapshot(clips.parent / "out" / "a")
    np.save(clips / "no.npy", moving())
    again = command(words)
    assert again.code == 0
    assert "2 rows, 1 of them finished before" in again.out
    assert results(clips.parent / "out")["bad"]["status"] == "finished"
    assert snapshot(clips.parent / "out" / "a") == before
    page = (clips.parent / "out" / "report.html").read_text()
    assert '<a href="a/report.png"><img src="a/strip.png"' in page
    assert page.count('class="bad"') == 2  # by its verdict: a status is red where the row failed
    assert "<p>finished: 2; Do not use: 2</p>" in page  # so few epochs do not explain the data
    assert "http" not in page


def test_verbose_rows_log(clips, command, quick_workers):
    """Baselines and fits, in the log of the row and, behind its name, on the error output."""
    done = command("batch clips/a.npy -o out --operator missing --quality draft --steps 3 --baselines quick -v")
    assert done.code == 0
    log = (clips.parent / "out" / "rows" / "a.log").read_text()
    assert "baseline linear interpolation" in log
    assert "asked for" in log


@pytest.mark.parametrize("column", ["clip", "data"])
def test_other_settings_for_a_begun_row_are_refused(column, clips, command, quick_workers):
    """A run is not gone on with by another command line: the row fails and says so, and its figures are kept."""
    assert command("measure missing clips/a.npy -o y.safetensors").code == 0
    source = {"clip": "clips/a.npy --operator missing", "data": "y.safetensors"}[column]
    name = {"clip": "a", "data": "y"}[column]
    assert command(f"batch {source} -o out {FAST}").code == 0
    kept = (clips.parent / "out" / "rows" / f"{name}.json").read_text()
    done = command(f"batch {source} -o out --quality draft --baselines none --steps 3")
    assert done.code == 1
    assert "has changed since its run was begun" in done.out
    assert (clips.parent / "out" / "rows" / f"{name}.json").read_text() == kept
    assert float(results(clips.parent / "out")[name]["heldout_db"]) > 0
    assert command(f"batch {source} -o out --memory 2GB {FAST}").code == 0


def test_a_run_that_was_removed_is_made_again(clips, command, quick_workers):
    """What counts is the run, not what was noted of it."""
    words = f"batch clips/a.npy -o out --operator missing {FAST}"
    assert command(words).code == 0
    shutil.rmtree(clips.parent / "out" / "a")
    (clips.parent / "out" / "rows" / "a.json").write_text("{")
    assert "0 of them finished before" in command(words).out
    assert (clips.parent / "out" / "a" / "summary.json").is_file()


def test_a_row_whose_worker_dies_is_given_up_and_no_other(tmp_path, monkeypatch, quick_workers):
    """Three deaths of its own; the rows beside it are finished."""
    monkeypatch.setattr(batch, "perform_row", dying)
    rows = [Row(name) for name in ("good", "bad", "other")]
    records = {record.name: record for record in batch.performed_here(rows, tmp_path, 1, 2)}
    assert {name: record.status for name, record in records.items()} == {
        "good": "finished",
        "bad": "failed",
        "other": "finished",
    }
    assert "its worker died 3 times" in records["bad"].error


def dying(row, folder, threads):
    """In place of a recovery."""
    if row.name == "bad":
        os.kill(os.getpid(), signal.SIGKILL)
    return Record(row.name, "finished")


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("batch clips/a.npy --operator missing", "output"),
        ("batch clips/a.npy -o clip.npy --operator missing", "is a file"),
        ("batch nothing.csv -o out", "no such file"),
        ("batch clips/a.npy -o out --operator missing --cpus-per-clip 0", "--cpus-per-clip"),
        ("batch clips/a.npy -o out --operator missing --memory lots", "memory"),
    ],
)
def test_wrong_batches_are_refused(line, told, clips, command):
    """Exit 2 and one line, before anything is made."""
    done = command(line)
    assert done.code == 2
    assert told in done.err
    assert not (clips.parent / "out").exists()


def test_a_batch_that_was_killed_goes_on(clips, command, start, away):
    """Killed after a checkpoint: the workers die too, and the same command ends in the bits of an unbroken run."""
    flags = ["--quality", "draft", "--baselines", "none", "--steps", "80", "-o"]
    words = ["batch", "clips/a.npy", "--operator", "missing", *flags, "killed"]
    process = start(words, clips.parent, hurried=True)
    run = clips.parent / "killed" / "a"
    wait_for(lambda: (run / "state.safetensors").is_file() or not process.is_alive())
    assert not (run / "summary.json").exists(), "too fast to be killed; take more --steps"
    children = children_of(process.pid)
    os.kill(process.pid, signal.SIGKILL)
    ended(process)
    wait_for(lambda: not any(os.path.exists(f"/proc/{pid}") for pid in children))
    again = away(words, clips.parent)
    assert again.code == 0, again.err
    assert "--resume" in (clips.parent / "killed" / "rows" / "a.log").read_text()
    assert command("simulate", "missing", "clips/a.npy", *flags, "whole").code == 0
    one, other = (np.load(clips.parent / run / "recovered.npy") for run in ("whole", "killed/a"))
    np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("times", [1, 2])
def test_an_interrupt_ends_a_batch_that_is_still_starting(times, clips, start):
    """Workers import for seconds, and ignore it then; whoever is impatient loses nothing."""
    words = ["batch", "clips/*.npy", "--operator", "missing", "--quality", "draft", "--baselines", "none"]
    process = start([*words, "--steps", "100000", "-o", "runs"], clips.parent)
    wait_for(lambda: any(map(ignores_interrupts, children_of(process.pid))) or not process.is_alive())
    for _ in range(times):
        os.kill(process.pid, signal.SIGINT)
        time.sleep(0.3)
    done = ended(process)
    assert done.code == 130
    assert "Traceback" not in done.err


def ignores_interrupts(pid):
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except FileNotFoundError:
        return False
    ignored = next(line.split()[1] for line in status.splitlines() if line.startswith("SigIgn"))
    is_worker = "spawn_main" in Path(f"/proc/{pid}/cmdline").read_text()
    return is_worker and bool(int(ignored, 16) >> (signal.SIGINT - 1) & 1)


def wait_for(condition, seconds=500):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.05)


def children_of(parent):
    """Processes that this one has started, and theirs."""
    found = []
    for folder in os.listdir("/proc"):
        if folder.isdigit():
            try:
                with open(f"/proc/{folder}/stat") as file:
                    above = int(file.read().rsplit(")", 1)[1].split()[1])
            except (FileNotFoundError, ProcessLookupError):
                continue
            if above == parent:
                found += [int(folder), *children_of(int(folder))]
    return found


@pytest.mark.skipif(
    not Path("/proc/self/task").exists() or cores() < 2 or "OPENBLAS_NUM_THREADS" not in LIBRARY_VARIABLES,
    reason="counts threads in /proc, and OpenBLAS has several on several cores of x86 alone",
)
def test_linear_interpolation_in_a_worker_has_no_threads_that_spin():
    script = """
import os
from lowreel.jobs.worker import prepare_worker
prepare_worker()
before = set(os.listdir("/proc/self/task"))
from scipy.interpolate import LinearNDInterpolator
LinearNDInterpolator([[0, 0], [0, 1], [1, 0]], [0, 1, 2])([[0.2, 0.2]])
print(len(set(os.listdir("/proc/self/task")) - before))
"""
    environment = {name: value for name, value in os.environ.items() if not name.endswith("_NUM_THREADS")}
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, env=environment, check=True)
    assert done.stdout.split() == ["0"]
