"""Runs of long clips in sections: each is an ordinary run, together they are the clip, and they survive kills."""

import json
import re
import shutil
import signal
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from conftest import moving

from lowreel import Decoder, Measured, MissingPixels, RecoverSettings, psnr
from lowreel.data import NoNoise, WhiteNoise
from lowreel.model.generators import save_weights
from lowreel.operators import Downsample, Stacked, is_rebuilt
from lowreel.recovery.cost import (
    CLIP_ARRAYS,
    DATA_ARRAYS,
    EXACT_CLIP_ARRAYS,
    EXACT_DATA_ARRAYS,
    NOISY_CLIP_ARRAYS,
    Estimate,
)
from lowreel.recovery.verdict import Verdict, judge_sections
from lowreel.runs.folder import Run, Start
from lowreel.runs.planning import planned_sections
from lowreel.runs.sectioned import (
    PLANNED_MEMORY_SHARE,
    SectionedRun,
    _found_start,
    _share,
    expectation,
    longest_section,
    per_frame,
)
from lowreel.runs.sections import Section, joined
from lowreel.settings import WARM_EPOCHS_SHARE
from lowreel.system.files import read_tensors, write_tensors
from lowreel.system.film_strip import film_strip, frames_of_strip
from lowreel.system.memory import taken_bytes

SIMULATE = "simulate missing clip.npy --ratio 0.5 --steps 6 --section-frames 16"
DRAFT = f"{SIMULATE} --quality draft"
WHOLE = {"config.json", "recovered.mp4", "recovered.npy", "baseline.npy", "sections", "summary.json"}
WHOLE |= {"report.png", "report.pdf", "strip.png"}


def film():
    """Two scenes, of 30 and of 14 frames."""
    return np.concatenate([moving(30), 1 - moving(14)[..., ::-1] ** 2])


@pytest.fixture
def there(here):
    np.save(here / "clip.npy", film())
    return here


def summary_of(run):
    return json.loads((run / "summary.json").read_text())


def results(run):
    """What an unbroken run and a resumed one must share: all but seconds, date and the folder of the clip."""
    summary = {name: value for name, value in summary_of(run).items() if name not in ("environment", "request")}
    text = re.sub(r'"seconds": [0-9.]+', "", json.dumps(summary))
    sections = [(path / "representation.safetensors").read_bytes() for path in sorted((run / "sections").iterdir())]
    return (run / "recovered.npy").read_bytes(), sections, text


@pytest.fixture(scope="module")
def unbroken(away, tmp_path_factory):
    folder = tmp_path_factory.mktemp("unbroken")
    np.save(folder / "clip.npy", film())
    outcome = away(f"{SIMULATE} -o run", folder)
    assert outcome.code == 0, outcome.err
    return folder / "run"


def test_sections_are_runs_and_together_the_clip(unbroken):
    assert {path.name for path in unbroken.iterdir()} - {"recommended.npy", "recommended.mp4"} == WHOLE
    run, summary = SectionedRun.open(unbroken), summary_of(unbroken)
    assert [(s.frames, s.scene) for s in run.sections] == [(range(15), 0), (range(11, 30), 0), (range(30, 44), 1)]
    assert summary["frames"] == 44
    assert summary["scenes"] == 2
    clips = [torch.from_numpy(np.load(run.run(k).folder / "recovered.npy")) for k in range(3)]
    whole = torch.from_numpy(np.load(unbroken / "recovered.npy"))
    assert torch.equal(torch.cat(list(joined(run.sections, clips))), whole)
    shown = film_strip(whole[frames_of_strip(len(whole))])
    assert (unbroken / "strip.png").read_bytes() == shown, "as that of a run in one piece"
    truth = torch.from_numpy(film())
    assert summary["psnr"] == pytest.approx(psnr(whole, truth), abs=1e-3)
    for k, section in enumerate(run.sections):
        own = summary_of(run.run(k).folder)
        assert own["psnr"] == pytest.approx(psnr(clips[k], truth[section.frames.start : section.frames.stop]), abs=1e-3)
        assert own["psnr"] == summary["sections"][k]["psnr"]


def test_what_the_pilot_chooses_holds_for_all(unbroken):
    run = SectionedRun.open(unbroken)
    assert run.pilot == 1
    chosen = summary_of(run.run(1).folder)
    assert len(chosen["search"]) > 1
    for k in (0, 2):
        other = summary_of(run.run(k).folder)
        assert other["choice"] == chosen["choice"]
        assert len(other["search"]) == 1


@pytest.mark.parametrize("dies_at", [12, 40])
def test_killed_it_goes_on_to_the_same_bits(dies_at, away, tmp_path, unbroken):
    np.save(tmp_path / "clip.npy", film())
    command = f"{SIMULATE} -o run"
    assert away(command, tmp_path, hurried=True, dies_at=dies_at).code == -signal.SIGKILL
    outcome = away("recover run --resume" if (tmp_path / "run").exists() else command, tmp_path, hurried=True)
    assert outcome.code == 0, outcome.err
    assert results(tmp_path / "run") == results(unbroken)


def test_a_data_file_is_recovered_as_its_clip_is(there, command, unbroken):
    assert command("measure missing clip.npy --ratio 0.5 -o y.safetensors").code == 0
    shutil.copy(unbroken.parent / "clip.npy", "truth.npy")
    outcome = command("recover y.safetensors --truth truth.npy --steps 6 --section-frames 16 -o run")
    assert outcome.code == 0, outcome.err
    assert results(there / "run")[:2] == results(unbroken)[:2]


def test_sections_are_made_outwards_from_the_pilot(unbroken):
    """Each from the one beside it; of another scene's it takes the weights alone."""
    run = SectionedRun.open(unbroken)
    assert run.order == [1, 2, 0]
    assert [run.run(k).start for k in range(3)] == [Start("001", -11), None, Start("001", None)]
    ended = [(run.run(k).folder / "summary.json").stat().st_mtime_ns for k in run.order]
    assert ended == sorted(ended)
    long = replace(run, sections=tuple(Section(range(k, k + 2), k // 3) for k in range(6)), pilot=2)
    assert long.order == [2, 3, 4, 5, 1, 0]
    starts = [Start("001", -1), Start("002", -1), None, Start("002", None), Start("003", 1), Start("004", 1)]
    assert [long.start(k) for k in range(6)] == starts
    for wish in ({"linear": True}, {"preset": "paper-joint"}):
        own = replace(long, settings=RecoverSettings(section_frames=16, **wish))
        assert [own.start(k) for k in range(6)] == [None] * 6


@pytest.mark.parametrize(("dies_at", "stage"), [(40, "search"), (108, "last")])
def test_a_section_alone_goes_on_as_it_was_begun(dies_at, stage, unbroken, tmp_path, away):
    """Killed in one of its fits, which begin at its neighbour, and resumed by its own folder."""
    run = shutil.copytree(unbroken, tmp_path / "run")
    own, other = run / "sections" / "000", unbroken / "sections" / "000"
    for path in own.glob("[!cd]*"):
        path.unlink()
    assert away("recover run/sections/000 --resume", tmp_path, hurried=True, dies_at=dies_at).code == -signal.SIGKILL
    assert Run.open(own).load_progress().stage == stage
    assert away("recover run/sections/000 --resume", tmp_path, hurried=True).code == 0
    for name in ("representation.safetensors", "recovered.npy"):
        assert (own / name).read_bytes() == (other / name).read_bytes()


def test_a_section_without_the_one_it_starts_from_is_refused(unbroken, tmp_path, command):
    run = shutil.copytree(unbroken, tmp_path / "run")
    (run / "sections" / "000" / "summary.json").unlink()
    (run / "sections" / "001" / "representation.safetensors").unlink()
    outcome = command("recover", run / "sections" / "000", "--resume")
    assert outcome.code == 2
    assert "sections/001/representation.safetensors" in outcome.err


@pytest.mark.parametrize("kind", ["finished", "converged", "stopped", "diverged", None])
def test_none_starts_from_what_came_to_no_good_end(kind, unbroken, tmp_path):
    run = SectionedRun.open(shutil.copytree(unbroken, tmp_path / "run"))
    path = run.run(1).folder / "summary.json"
    summary = json.loads(path.read_text())
    path.unlink()
    if kind is not None:
        path.write_text(json.dumps(summary | {"outcome": {"kind": kind, "sentence": ""}}))
    assert (_found_start(run, 0) is not None) == (kind in ("finished", "converged"))


def test_what_has_begun_goes_on_as_it_was_begun(unbroken, tmp_path):
    """A section begun from nothing, because its neighbour was stopped then, stays so."""
    folder = Path(shutil.copytree(unbroken, tmp_path / "run")) / "sections" / "002"
    config = json.loads((folder / "config.json").read_text())
    del config["start"]
    (folder / "config.json").write_text(json.dumps(config))
    assert Run.open(folder).following(None, Start("001", None)).start is None
    for path in folder.glob("state*"):
        path.unlink()
    assert Run.open(folder).following(None, Start("001", None)).start == Start("001", None)
    assert Run.open(folder).start == Start("001", None)


def test_finished_it_is_not_made_again(unbroken, tmp_path, command):
    run = shutil.copytree(unbroken, tmp_path / "run")
    before = {path: path.stat().st_mtime_ns for path in run.rglob("*")}
    outcome = command("recover", run, "--resume")
    assert outcome.code == 0
    assert "was finished already" in outcome.out
    assert {path: path.stat().st_mtime_ns for path in run.rglob("*")} == before


def test_ctrl_c_keeps_what_there_is(there, command, monkeypatch, unbroken):
    """Stopped in the middle of a section it ends with 130, and goes on to a whole clip."""
    import lowreel.jobs.display as shown

    class Stops(shown.ProgressBar):
        def show(self, progress):
            if self.what == "section 2 of 3" and progress.state.step == 3:
                raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(shown, "ProgressBar", Stops)
        assert command(f"{DRAFT} -o run").code == 130
    assert not (there / "run" / "summary.json").exists()
    outcome = command("recover run --resume")
    assert outcome.code == 0, outcome.err
    assert summary_of(there / "run")["frames"] == 44


def test_noise_and_snapshots_in_sections(there, command):
    outcome = command(
        "simulate snapshot clip.npy --together 4 --noise 0.02 --steps 4 --quality draft --section-frames 16 -o run"
    )
    assert outcome.code == 0, outcome.err
    sections = SectionedRun.open("run").sections
    assert all(section.frames.start % 4 == 0 for section in sections)
    assert summary_of(there / "run")["noise"]["kind"] == "white"


def test_a_mask_is_cut_with_its_clip(there, command):
    np.save("mask.npy", np.arange(44 * 12 * 16).reshape(44, 12, 16) % 3 > 0)
    outcome = command("inpaint clip.npy --mask mask.npy --steps 4 --quality draft --section-frames 16 -o run")
    assert outcome.code == 0, outcome.err
    found, mask = np.load("run/recovered.npy"), np.load("mask.npy")[:, None]
    assert np.allclose(found[mask], film()[mask], atol=1e-6)


def test_units_are_those_of_the_clip(there, command):
    np.save("clip.npy", (4000 * film()).astype(np.uint16))
    assert command(f"{DRAFT} -o run").code == 0
    found = np.load("run/recovered.npy")
    assert 20 * np.log10(4000 / np.sqrt(np.square(found - 4000 * film()).mean())) > 15


WISHES = {
    "--cuts none": [1, 3],
    "--section-frames 100": [2, 2],
    "--section-frames 100 --cuts none": None,
    "--rank 3": None,
}


@pytest.mark.parametrize("wish", WISHES)
def test_wishes(wish, there, command):
    words = "simulate missing clip.npy --ratio 0.5 --steps 2 --quality draft -o run"
    words += "" if "--section-frames" in wish or "--rank" in wish else " --section-frames 16"
    outcome = command(f"{words} {wish}")
    assert outcome.code == 0, outcome.err
    summary = summary_of(there / "run")
    assert WISHES[wish] == ([summary["scenes"], len(summary["sections"])] if "sections" in summary else None)


def test_memory_makes_sections_shorter(there, command):
    np.save("clip.npy", np.tile(film(), (1, 3, 10, 10)))
    words = "simulate missing clip.npy --ratio 0.5 --steps 1 --quality draft --baselines none --cuts none"
    assert command(f"{words} -o whole").code == 0
    assert not SectionedRun.is_in("whole")
    clip = measured(torch.from_numpy(np.load("clip.npy")))
    budget = taken_bytes() + 400 * 10**6
    lengths = [
        longest_section(clip, 44, 1, RecoverSettings(memory=f"{(budget + more * 10**6) // 10**6}MB"))
        for more in (0, 300, 2000)
    ]
    assert lengths[0] < lengths[1] < lengths[2]
    assert lengths[2] - lengths[1] == pytest.approx(PLANNED_MEMORY_SHARE * 1700e6 / per_frame(clip), rel=0.2)


KINDS = {
    "exact pixels": (MissingPixels, NoNoise(), EXACT_CLIP_ARRAYS + EXACT_DATA_ARRAYS),
    "noisy pixels": (MissingPixels, WhiteNoise(sigma=0.1), NOISY_CLIP_ARRAYS + DATA_ARRAYS),
    "coarse pixels": (Downsample, NoNoise(), CLIP_ARRAYS + DATA_ARRAYS / 4),
}


@pytest.mark.parametrize("kind", KINDS)
def test_sections_are_planned_by_what_their_data_needs(kind):
    """Noisy and coarse pixels take more than exact ones, and as much as is told of a whole recovery."""
    make, noise, arrays = KINDS[kind]
    operator = make((4, 1, 16, 16), 0.5) if make is MissingPixels else make((4, 1, 16, 16), 2)
    data = Measured(operator(torch.rand(4, 1, 16, 16)), operator, torch.arange(4.0), noise)
    held = sum(t.numel() * t.element_size() for t in operator.buffers()) / 4
    assert per_frame(data) == pytest.approx(arrays * 4 * 256 + held)


def test_too_little_memory_is_said_before_anything_is_done(there, command):
    """However small the clip."""
    outcome = command(f"{DRAFT} --memory 20MB -o other")
    assert outcome.code == 2
    assert "memory" in outcome.err
    assert not (there / "other").exists()


def test_a_run_that_is_refused_leaves_no_folder(there, command, monkeypatch):
    """Sections that were found to need more than is allowed once their data was measured."""
    monkeypatch.setattr("lowreel.jobs.run.expectation", lambda run: Estimate(10**13, 1.0, 0.0))
    outcome = command(f"{DRAFT} --memory 100GB -o other")
    assert outcome.code == 2
    assert "the recovery needs about" in outcome.err
    assert not (there / "other").exists()


def test_what_is_loaded_later_is_no_reason_to_refuse_a_section(there, command, monkeypatch):
    """Memory that the process takes while a section is finished; less --memory than before is one, in words."""
    done = there / "run" / "sections" / "001" / "summary.json"

    def grown():
        return taken_bytes() + 10**9 * done.exists()

    for module in ("recovery.cost", "runs.sectioned"):
        monkeypatch.setattr(f"lowreel.{module}.taken_bytes", grown)
    assert command(f"{DRAFT} --memory {taken_bytes() // 10**6 + 300}MB -o run").code == 0
    for summary in (there / "run" / "summary.json", done):
        summary.unlink()
    outcome = command("recover run --resume --memory 20MB")
    assert outcome.code == 2
    assert "the recovery needs about" in outcome.err


def measured(clip):
    operator = MissingPixels(tuple(clip.shape), 0.5)
    return Measured(operator(clip), operator, torch.arange(len(clip)).double() / 25)


def test_what_needs_one_generator_names_a_section(unbroken, command):
    for words in ("embed", "interpolate"):
        outcome = command(words, unbroken)
        assert outcome.code == 2
        assert "sections/000" in outcome.err
    assert (
        command("interpolate", unbroken / "sections" / "000", "--frames", "4", "-o", unbroken.parent / "x.mp4").code
        == 0
    )


def test_info_of_a_run_in_sections(unbroken, command):
    outcome = command("info", unbroken)
    assert outcome.code == 0, outcome.err
    assert "3 sections, 2 scenes" in outcome.out


def test_a_choice_is_kept_with_the_run(unbroken):
    run = Run.open(unbroken / "sections" / "000")
    assert run.choice is not None
    assert run.settings == RecoverSettings(**json.loads((unbroken / "config.json").read_text())["settings"])


def test_the_pilot_is_in_the_middle_of_the_longest_scene():
    from lowreel.runs.sectioned import _pilot

    scenes = [0, 1, 1, 1, 2]
    assert _pilot([Section(range(k, k + 1), scene) for k, scene in enumerate(scenes)]) == 2


REFUSED = {
    "truth of other length": ("recover y.safetensors --truth short.npy --section-frames 16", "true clip is"),
    "rank above the frames of a section": ("recover y.safetensors --rank 30 --section-frames 16", "rank"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_refused_before_anything_is_made(name, there, command):
    assert command("measure missing clip.npy --ratio 0.5 -o y.safetensors").code == 0
    np.save("short.npy", film()[:40])
    words, told = REFUSED[name]
    outcome = command(f"{words} --steps 2 --quality draft -o run")
    assert outcome.code == 2
    assert told in outcome.err
    assert "Traceback" not in outcome.err
    if name.startswith("truth of other length"):
        assert not (there / "run").exists()


@pytest.mark.parametrize("lacking", ["noise", "clip", "stack", "operator", "y.0", "times"])
def test_damaged_data_files_are_named(lacking, there, command):
    assert command("measure missing clip.npy --ratio 0.5 -o y.safetensors").code == 0
    tensors, header = read_tensors("y.safetensors", "data")
    tensors.pop(lacking, None)
    write_tensors(
        "z.safetensors", "data", tensors, {n: v for n, v in header.items() if n not in (lacking, "kind", "version")}
    )
    outcome = command("recover z.safetensors --section-frames 16 -o run")
    assert outcome.code == 2
    assert "z.safetensors" in outcome.err


class Doubled(MissingPixels):
    """Somebody's own operator, made from one of ours."""

    def _measure(self, x):
        return 2 * super()._measure(x)


def test_operators_derived_from_ours_are_not_cut():
    clip = torch.from_numpy(film())
    plain, operator = measured(clip), Doubled(tuple(clip.shape), 0.5)
    derived = replace(plain, operator=operator, data=operator(clip))
    assert len(planned_sections(derived, RecoverSettings(section_frames=16))) == 1
    assert not is_rebuilt(Stacked([operator]))
    assert len(planned_sections(plain, RecoverSettings(section_frames=16))) == 3


def test_time_is_shared_out_by_frames(unbroken):
    run = replace(SectionedRun.open(unbroken), settings=RecoverSettings(quality="draft", steps=6))
    assert _share(run, [1, 2, 0], None) is None
    assert _share(run, [1, 2, 0], 48.0) == pytest.approx(19.0)
    assert _share(run, [2, 0], 29.0) == pytest.approx(14.0)
    fewer = replace(run, settings=RecoverSettings(quality="draft"))
    assert _share(fewer, [1, 2, 0], 19 + 29 * WARM_EPOCHS_SHARE) == pytest.approx(19.0)
    assert _share(fewer, [2, 0], 29.0) == pytest.approx(14.0)


def test_the_time_said_follows_the_rounds(unbroken, monkeypatch):
    """Sections that start from a neighbour have fewer, unless the user said how many."""
    monkeypatch.setattr("lowreel.runs.sectioned.planned", lambda problem, settings: (None, Estimate(10**9, 19.0, 38.0)))
    given = replace(SectionedRun.open(unbroken), settings=RecoverSettings(quality="draft", steps=6))
    fewer = replace(given, settings=RecoverSettings(quality="draft"))
    assert expectation(given).seconds == pytest.approx(48.0)
    assert expectation(fewer).seconds == pytest.approx(19 + 29 * WARM_EPOCHS_SHARE)
    assert expectation(given).baselines == expectation(fewer).baselines == pytest.approx(2 * 48.0)


def test_a_run_goes_on_with_the_generator_it_was_begun_with(there, command):
    assert (
        command(
            "simulate missing clip.npy --ratio 0.5 --steps 1 --quality draft --section-frames 100 --cuts none -o one"
        ).code
        == 0
    )
    made = Decoder((1, 12, 16), seed=3)
    save_weights("own.safetensors", made, {})
    words = f"{DRAFT} --generator own.safetensors -o run"
    assert command(words).code == 0
    (there / "run" / "summary.json").unlink()
    (there / "run" / "sections" / "002" / "summary.json").unlink()
    outcome = command(f"{words} --resume")
    assert outcome.code == 0, outcome.err
    assert summary_of(there / "run")["operator"]["clip_shape"] == [44, 1, 12, 16]


DAMAGE = {
    "its clip is gone": lambda own: (own / "recovered.npy").unlink(),
    "its clip is cut short": lambda own: (own / "recovered.npy").write_bytes((own / "recovered.npy").read_bytes()[:90]),
    "its summary is cut short": lambda own: (own / "summary.json").write_text('{"outcome": {"ki'),
}


@pytest.mark.parametrize("name", DAMAGE)
def test_a_damaged_section_is_made_again(name, unbroken, tmp_path, command):
    run = shutil.copytree(unbroken, tmp_path / "run")
    (run / "summary.json").unlink()
    DAMAGE[name](run / "sections" / "002")
    assert "2 of 3 sections are done" in command("info", run).out
    outcome = command("recover", run, "--resume")
    assert outcome.code == 0, outcome.err
    assert (run / "recovered.npy").read_bytes() == (unbroken / "recovered.npy").read_bytes()


GOOD, BAD, UNSAID = Verdict("use", "Fine."), Verdict("do_not_use", "Worse."), Verdict("unknown", "Unsaid.")
IN_MOST = "Undecided: in most sections, what is better than the best baseline may be chance; look at the clip."


@pytest.mark.parametrize(
    ("whole", "sections", "said"),
    [
        (GOOD, ["use", "use"], GOOD),
        (GOOD, ["use", "do_not_use"], Verdict("use", "Fine. Do not use section 001.")),
        (BAD, ["use", "do_not_use"], BAD),
        (GOOD, ["use", "use_with_care", "undecided"], Verdict("use", "Fine. Undecided: section 002.")),
        (GOOD, ["undecided", "undecided", "use"], Verdict("undecided", IN_MOST)),
        (GOOD, ["use", "unknown", "unknown"], Verdict("use", "Fine. Nothing can be said of sections 001, 002.")),
        (UNSAID, ["unknown", "unknown"], UNSAID),
    ],
)
def test_the_verdict_on_the_whole_names_what_it_does_not_hold_for(whole, sections, said):
    assert judge_sections(whole, sections, [10] * len(sections)) == said
