"""A recovery from Python: shown, stopped, compared, drawn, saved and loaded."""

import json
import logging
import math
import sys
from dataclasses import replace

import numpy as np
import pytest
import torch
import xarray
from conftest import moving
from PIL import Image

import lowreel
from lowreel.api import showing
from lowreel.operators import Functions, simulated_coil_maps
from lowreel.system.film_strip import film_strip

SHAPE = (6, 1, 12, 16)
CLIP = moving(*SHAPE[:1], 1, *SHAPE[2:])
QUICK = {"quality": "draft", "steps": 4}


def mask():
    return lowreel.MissingPixels(SHAPE, 0.5, seed=1)


def scanner():
    return lowreel.MRI((4, 1, 12, 12), coil_maps=simulated_coil_maps(coils=2, shape=(12, 12)))


def phased():
    x = moving(4, 1, 12, 12)
    return (30 * x * np.exp(1j * x)).astype(np.complex64)


CASES = {
    "grey levels": lambda: (mask()(CLIP), mask(), {}),
    "searched": lambda: (mask()(CLIP), mask(), {"quality": "standard"}),
    "units of its own": lambda: (300 * mask()(CLIP) - 20, mask(), {}),
    "noise": lambda: (mask()(CLIP), mask(), {"noise": 0.1}),
    "complex": lambda: (scanner()(phased()), scanner(), {}),
    "functions": lambda: (CLIP[:, :, ::2], Functions(halved, doubled, SHAPE), {}),
    "held out": lambda: (mask()(CLIP), mask(), {"holdout": np.indices((12, 16)).sum(0) % 3 == 0}),
}


def halved(x):
    return x[:, :, ::2]


def doubled(y):
    return np.insert(y, range(1, 7), 0, axis=2)


@pytest.fixture(params=CASES.values(), ids=CASES, scope="module")
def found(request):
    """A recovery, which tests look at and leave as it is, and its data."""
    y, A, how = request.param()
    return lowreel.recover(y, A, **{**QUICK, **how}), y


def test_saved_and_loaded_it_is_the_same(found, tmp_path, command):
    """Clips, figures, verdict, history and representation; `lowreel info` reads the folder; a copy is the same."""
    before, _ = found
    folder = before.save(tmp_path / "run")
    after = lowreel.load(folder)
    close = np.testing.assert_allclose
    scale = float(np.abs(before.clip).max())
    close(after.clip, before.clip, atol=1e-6 * scale)
    close(after.recommended_clip, before.recommended_clip, atol=1e-6 * scale)
    assert (after.uncertainty is None) == (before.uncertainty is None)
    if before.uncertainty is not None:
        close(after.uncertainty, before.uncertainty, rtol=1e-5)
    best = before.best_baseline()
    close(after.baselines[best].clip, before.baselines[best].clip, atol=1e-5 * scale)
    for name in ("verdict", "trust", "history", "settings", "solver", "steps", "chosen", "last_steps", "choice"):
        assert getattr(after, name) == getattr(before, name), name
    assert after.outcome.sentence == before.outcome.sentence
    assert after.heldout_db == pytest.approx(before.heldout_db, abs=1e-3)
    close(after.levels, before.levels)
    assert torch.equal(after.representation.frames(), before.representation.frames())
    assert after.recommended.name == before.recommended.name
    assert [row["method"] for row in after.compare()] == [row["method"] for row in before.compare()]
    copy = lowreel.load(after.save(tmp_path / "copy"))
    assert np.array_equal(copy.clip, after.clip)
    told = command("info", folder)
    assert told.code == 0, told.err
    assert "verdict" in told.out
    for recovery in (before, after):
        with pytest.raises(lowreel.InputError, match=r"holds a run already; save to a folder that is new or empty$"):
            recovery.save(folder)


def test_a_loaded_clip_has_the_form_that_is_asked_for(tmp_path):
    """NumPy's, a tensor, or a DataArray with the coordinates of the data."""
    y = xarray.DataArray(mask()(CLIP), dims=("time", "c", "y", "x"), coords={"time": np.arange(6)})
    folder = lowreel.recover(y, mask(), **QUICK).save(tmp_path / "run")
    assert type(lowreel.load(folder).clip) is np.ndarray
    assert isinstance(lowreel.load(folder, like=torch.zeros(1)).clip, torch.Tensor)
    xarray.testing.assert_equal(lowreel.load(folder, like=y).clip.time, y.time)


def test_a_loaded_grey_clip_lacks_its_channels_where_the_data_does(tmp_path):
    """As it was before it was saved."""
    y = mask()(CLIP)[:, 0]
    before = lowreel.recover(y, mask(), **QUICK)
    folder = before.save(tmp_path / "run")
    np.testing.assert_allclose(lowreel.load(folder, like=y).clip, before.clip, atol=1e-6)
    assert lowreel.load(folder, like=y).clip.shape == SHAPE[:1] + SHAPE[2:]
    assert lowreel.load(folder, like=CLIP).clip.shape == SHAPE


@pytest.mark.parametrize("always", [True, False])
def test_how_clips_were_recovered_together_is_loaded(tmp_path, always):
    """What was chosen and by how much; NaN where a clip was not tried alone."""
    clips, operators = [CLIP, 1 - CLIP], [mask(), mask()]
    data = [A(x) for A, x in zip(operators, clips, strict=True)]
    before = lowreel.recover_together(data, operators, always=always, baselines="none", **QUICK)[1]
    after = lowreel.load(before.save(tmp_path / "run"))
    assert after.together.sentence == before.together.sentence
    assert after.together.chosen == before.together.chosen
    assert after.together.alone_db == pytest.approx(before.together.alone_db, abs=1e-3, nan_ok=True)


def test_what_cannot_be_loaded_is_said(tmp_path):
    """No run, one that has not ended, one without its clip."""
    with pytest.raises(lowreel.InputError, match="expected a run folder"):
        lowreel.load(tmp_path)
    folder = lowreel.recover(mask()(CLIP), mask(), **QUICK).save(tmp_path / "run")
    (folder / "recovered.npy").write_bytes(b"\x93NUMPY broken")
    with pytest.raises(lowreel.InputError, match=r"recovered\.npy: cannot be read"):
        lowreel.load(folder)
    (folder / "recovered.npy").unlink()
    with pytest.raises(lowreel.InputError, match=r"recovered\.npy: is not there"):
        lowreel.load(folder)
    (folder / "summary.json").unlink()
    with pytest.raises(lowreel.InputError, match=r"has not ended.*--resume"):
        lowreel.load(folder)


def test_a_saved_run_is_one_of_the_command_line(tmp_path, command):
    """Its files, `interpolate`, `export`, and a summary with versions, settings and date."""
    folder = lowreel.recover(mask()(CLIP), mask(), **QUICK).save(tmp_path / "run")
    names = {path.name for path in folder.iterdir()}
    assert names >= {"config.json", "data.safetensors", "recovered.mp4", "report.png", "representation.safetensors"}
    assert command("interpolate", folder, "--frames", "9").code == 0
    assert command("export", folder, "-o", tmp_path / "clip.npy").code == 0
    summary = json.loads((folder / "summary.json").read_text())
    about = summary["environment"]
    assert about["lowreel"] == lowreel.__version__
    assert about["libraries"]["torch"] == torch.__version__
    assert about["threads"] == torch.get_num_threads()
    assert about["date"].startswith("20")
    assert summary["settings"]["steps"] == 4


def test_a_callback_sees_frames_and_stops():
    """`frames()` is the clip so far in the form and units of the data; True, or StopIteration, ends with the best."""
    y, seen = 300 * mask()(CLIP) - 20, []

    def watch(progress):
        seen.append((progress.made, progress.frames(), progress.loss, progress.share))
        return progress.made == 3

    found = lowreel.recover(y, mask(), callback=watch, steps=9, quality="draft", baselines="none")
    assert [made for made, *_ in seen] == [1, 2, 3]
    assert all(type(frames) is np.ndarray and frames.shape == SHAPE for _, frames, *_ in seen)
    assert -21 < seen[-1][1].min() < seen[-1][1].max() < 400
    assert seen[-1][3] == pytest.approx(1 / 3)
    assert all(math.isfinite(loss) for _, _, loss, _ in seen)
    assert found.steps == 3
    assert found.outcome.kind == "stopped"
    assert found.outcome.sentence.startswith("Stopped by its callback after epoch 3 of 9")
    assert "recover(..., resume=)" in found.outcome.sentence

    def over(progress):
        raise StopIteration

    assert lowreel.recover(y, mask(), callback=over, steps=9, quality="draft", baselines="none").steps == 1


def test_what_a_callback_was_given_is_gone_on_from():
    """The resumed recovery is the unbroken one."""
    y, how, seen = mask()(CLIP), {"steps": 5, "quality": "draft", "baselines": "none"}, []
    whole = lowreel.recover(y, mask(), **how)
    lowreel.recover(y, mask(), callback=lambda p: seen.append(p) or len(seen) == 2, **how)
    resumed = lowreel.recover(y, mask(), resume=seen[-1], **how)
    assert np.array_equal(resumed.clip, whole.clip)
    assert "epoch 2 of 5" in repr(seen[-1])


def test_scores_and_baselines_are_told_in_the_form_of_the_data():
    """What is called with clips is given arrays for arrays."""
    kinds = set()
    lowreel.recover(
        mask()(CLIP),
        mask(),
        score=lambda frames: kinds.add(type(frames)) or 1.0,
        on_baseline=lambda name, baseline: kinds.add(type(baseline.clip)),
        **QUICK,
    )
    assert kinds == {np.ndarray}


def test_it_is_quiet_when_told_and_in_a_log(capsys, monkeypatch):
    """Nothing is printed where there is no terminal, lines with progress=True, nothing at all with False."""
    lowreel.recover(mask()(CLIP), mask(), **QUICK)
    monkeypatch.setattr("lowreel.jobs.display.LINE_SECONDS", -1.0)
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    lowreel.recover(mask()(CLIP), mask(), progress=False, **QUICK)
    assert capsys.readouterr() == ("", "")
    monkeypatch.setattr("sys.stdout.isatty", lambda: False)
    lowreel.recover(mask()(CLIP), mask(), progress=True, **QUICK)
    told = capsys.readouterr().out
    assert "first picture: linear interpolation" in told
    assert "recovering 4/4" in told


def test_fits_and_baselines_are_logged(caplog):
    """By the logger `lowreel`, as any program of Python's."""
    with caplog.at_level(logging.INFO, logger="lowreel"):
        lowreel.recover(mask()(CLIP), mask(), steps=4)
    told = caplog.text
    assert "baseline linear interpolation" in told
    assert "choosing settings" in told
    assert "fit 1: Trial(" in told


def test_comparison_is_a_table_of_rows():
    """Best first, by the true clip where there is one; a table in text and HTML."""
    found = lowreel.recover(mask()(CLIP), mask(), **QUICK)
    rows = found.compare(CLIP)
    assert {row["method"] for row in rows} >= {"lowreel", *found.baselines}
    levels = [row["psnr"] for row in rows]
    assert levels == sorted(levels, reverse=True)
    of = {row["method"]: row for row in rows}
    assert of["lowreel"]["psnr"] == pytest.approx(lowreel.psnr(found.clip, CLIP))
    assert of["lowreel"]["heldout_range_db"] == pytest.approx(found.heldout_range_db)
    assert len(repr(rows).splitlines()) == len(rows) + 1
    assert "low rank" in rows._repr_html_()
    held = [row["heldout_range_db"] for row in found.compare()]
    assert held == sorted(held, reverse=True)
    with pytest.raises(ValueError, match="one shape"):
        found.compare(CLIP[:2])


def test_units_do_not_change_a_comparison():
    """Figures are of grey levels, whatever the data is in."""
    one, other = (lowreel.recover(f * mask()(CLIP), mask(), levels=(f, 0), **QUICK) for f in (1.0, 50.0))
    for row, same in zip(one.compare(CLIP), other.compare(50 * CLIP), strict=True):
        assert row["psnr"] == pytest.approx(same["psnr"], abs=1e-3)


def test_to_xarray_has_clip_and_times():
    """Without coordinates of its own time in seconds; with some, these."""
    found = lowreel.recover(mask()(CLIP), mask(), times=np.arange(6) / 10, **QUICK).to_xarray()
    assert found.recovered.dims == ("time", "channel", "y", "x")
    np.testing.assert_allclose(found.time, np.arange(6) / 10)
    assert found.attrs["verdict"] in ("use", "use_with_care", "undecided", "unknown", "do_not_use")
    y = xarray.DataArray(mask()(CLIP), dims=("time", "c", "lat", "lon"), coords={"lat": np.arange(12.0)})
    assert lowreel.recover(y, mask(), **QUICK).to_xarray().recovered.dims == y.dims


def test_without_xarray_it_is_said_what_to_install(monkeypatch):
    """Nothing else of a recovery needs it."""
    found = lowreel.recover(mask()(CLIP), mask(), **QUICK)
    monkeypatch.setitem(sys.modules, "xarray", None)
    with pytest.raises(ImportError, match="pip install xarray"):
        found.to_xarray()


def test_films_are_not_written_over(found, tmp_path):
    """At the times of the frames; another file of the name is kept unless one says so."""
    path = found[0].video(tmp_path / "clip.mp4")
    assert len(lowreel.open_clip(path)) == len(found[0].clip)
    with pytest.raises(lowreel.InputError, match="overwrite=True"):
        found[0].video(path)
    assert found[0].video(path, overwrite=True) == path


def test_figures_are_drawn(found):
    """A row of frames each for the data, a baseline and the recovered clip, more with a true one."""
    from matplotlib import pyplot

    recovery, _ = found
    plain, with_truth = recovery.plot(frames=3), recovery.plot(truth=recovery.clip, frames=3)
    rows = [len([a for a in figure.axes if a.get_ylabel()]) for figure in (plain, with_truth)]
    assert rows[0] >= 3
    assert rows[1] >= rows[0] + 3
    pyplot.close("all")


def test_what_cannot_be_called_or_compared_is_refused():
    """At the door, with what was wanted."""
    recovery = lowreel.recover(mask()(CLIP), mask(), **QUICK)
    with pytest.raises(lowreel.InputError, match=r"truth: expected a clip of shape \(6, 1, 12, 16\).*got \(3, 1"):
        recovery.plot(truth=CLIP[:3])
    with pytest.raises(lowreel.InputError, match="callback: expected a function of a RecoveryProgress, or None, got 5"):
        lowreel.recover(CLIP, callback=5)


def test_html_is_a_strip_a_verdict_and_a_table(found):
    """Pictures are in it as data: a notebook needs no files and no network."""
    text = found[0]._repr_html_()
    assert "data:image/png;base64," in text
    assert "http" not in text
    assert found[0].verdict.kind.replace("_", " ") in text
    assert "<table>" in text
    assert "held-out data" in text


def test_a_run_is_shown_by_a_notebook_too(tmp_path):
    """What `lowreel.run` returns: its film strip, verdict and table, with the film gone too."""
    np.save(tmp_path / "clip.npy", CLIP[:, 0])
    settings = lowreel.RecoverSettings(baselines="none", **QUICK)
    asked = {"clip": tmp_path / "clip.npy", "operator": {"kind": "missing"}, "settings": settings}
    result = lowreel.run(lowreel.RunRequest(**asked, output=tmp_path / "run"))
    text = result._repr_html_()
    assert "data:image/png;base64," in text
    assert result.summary.verdict.replace("_", " ") in text
    (tmp_path / "run" / "recovered.mp4").unlink()
    assert "<table>" in result._repr_html_()


def test_a_film_strip_is_the_frames(tmp_path):
    """Side by side, enlarged by a whole number, white between."""
    frames = torch.linspace(0, 1, 3).view(3, 1, 1, 1).expand(3, 1, 64, 32)
    (tmp_path / "strip.png").write_bytes(film_strip(frames))
    picture = np.asarray(Image.open(tmp_path / "strip.png"))
    assert picture.shape == (128, 3 * 64 + 2 * 4, 3)
    assert [picture[0, x, 0] for x in (0, 64, 70, 199)] == [0, 255, 128, 255]


def test_a_notebook_is_known_by_its_kernel(monkeypatch):
    """Nothing is displayed by widgets elsewhere."""
    assert not showing.is_notebook()
    assert type(showing.display_of(None)) is showing.Display
    assert type(showing.display_of(True)) is showing.TerminalDisplay
    monkeypatch.setattr(showing, "is_notebook", lambda: True)
    assert type(showing.display_of(None)) is showing.NotebookDisplay
    assert type(showing.display_of(False)) is showing.Display


def test_misspelled_settings_are_named_before_the_data_is_looked_at():
    """With the nearest name, as for any setting."""
    with pytest.raises(lowreel.InputError, match="did you mean quality"):
        lowreel.recover(np.zeros(3), mask(), qualty="draft")


def test_of_a_frozen_recovery_nothing_is_changed():
    """It is a value: `dataclasses.replace` makes another one."""
    found = lowreel.recover(mask()(CLIP), mask(), **QUICK)
    with pytest.raises(AttributeError):
        found.form = None
    assert replace(found).clip is not found.clip


def test_data_that_is_written_into_afterwards():
    """Baselines are made to agree with the data when they are asked for: with that of the recovery."""
    y = torch.from_numpy(mask()(CLIP)).float()
    one, other = (lowreel.recover(data, mask(), quality="draft", steps=2) for data in (y.clone(), y))
    y.fill_(0.5)
    for name, baseline in one.baselines.items():
        np.testing.assert_array_equal(baseline.clip, other.baselines[name].clip)
