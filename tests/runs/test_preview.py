"""A run is shown while it goes on: rarely enough, and without changing a bit of it."""

import json
from dataclasses import replace

import numpy as np
import pytest
import torch
from conftest import moving

from lowreel import MissingBlocks, MissingPixels, RecoverSettings, recover
from lowreel.analysis.metrics import error_decibels
from lowreel.recovery.search_plan import best_of
from lowreel.runs import preview as live
from lowreel.runs.preview import Live, PreviewWriter


@pytest.fixture
def case():
    """Data, operator and settings of a fit of a second."""
    clip = torch.from_numpy(moving())
    operator = MissingPixels(tuple(clip.shape), 0.5, seed=0)
    return operator(clip), operator


def drawn(case, folder, steps=12, **chosen):
    """The result of a recovery that is drawn after each epoch, and each picture of it."""
    pictures = []
    sketch = PreviewWriter(folder)

    def callback(progress):
        sketch.due = 0.0
        sketch(progress)
        pictures.append(Live.load(folder))

    settings = RecoverSettings(steps=steps, baselines="none", **chosen)
    return recover(*case, settings, callback=callback), recover(*case, settings), pictures


@pytest.mark.parametrize("quality", ["draft", "standard"])
def test_what_is_shown_is_the_run(case, tmp_path, quality):
    """Frames, path and curve of the epochs so far; the recovery is that of one nobody looks at, bit for bit."""
    shown, alone, pictures = drawn(case, tmp_path, quality=quality)
    assert torch.equal(shown.clip, alone.clip)
    frames, channels, height, width = case[1].clip_shape
    for picture in pictures:
        assert picture.frames.dtype == torch.uint8
        assert picture.frames.shape == (len(picture.shown), channels, height, width)
        assert picture.path.shape == (frames, 2)
        assert 0 < picture.about["made"] <= picture.about["planned"]
        assert [row[0] for row in picture.about["curve"]] == list(range(1, picture.about["step"] + 1))
    if quality == "draft":
        last = (shown.representation.frames()[list(pictures[-1].shown)] * 255).round()
        assert float((last - pictures[-1].frames).abs().max()) <= 1
    else:
        assert {picture.about["stage"] for picture in pictures} == {"search", "last"}
        numbers = [picture.about["number"] for picture in pictures if picture.about["stage"] == "search"]
        assert numbers[0] == 0
        assert numbers[-1] == shown.trials.index(best_of(shown.trials))


def test_showing_takes_a_small_share(case, tmp_path, monkeypatch):
    """After a picture that took long, the next one waits for many times as long."""
    now = [0.0]
    monkeypatch.setattr(live.time, "monotonic", lambda: now[0])
    taken = []

    def of(progress):
        taken.append(now[0])
        now[0] += 3.0

    monkeypatch.setattr(live.Live, "of", of)
    progress = []
    recover(*case, RecoverSettings(steps=1, baselines="none", quality="draft"), callback=progress.append)
    sketch = PreviewWriter(tmp_path)
    while now[0] < 1000:
        sketch(progress[0])
        now[0] += 0.5
    assert len(taken) > 3
    assert 3.0 * len(taken) <= 1.5 * live.PREVIEW_TIME_SHARE * now[0]


def test_large_frames_are_shown_small(tmp_path):
    """What is written is small, whatever the clip."""
    clip = torch.rand(9, 3, 40, 300)
    operator = MissingPixels((9, 3, 40, 300), 0.5, seed=0)
    pictures = drawn((operator(clip), operator), tmp_path, steps=1, quality="draft")[2]
    assert pictures[-1].frames.shape == (live.PREVIEW_FRAMES, 3, 32, live.PREVIEW_PIXELS)


def test_nothing_is_left_of_it(away, tmp_path):
    """A finished run has no such file; the best baseline is there, by the name in the summary."""
    np.save(tmp_path / "clip.npy", moving())
    assert away("simulate missing clip.npy --quality draft --steps 5 -o run", tmp_path).code == 0
    run = tmp_path / "run"
    assert not (run / live.LIVE).exists()
    summary = json.loads((run / "summary.json").read_text())
    own = np.load(run / "baseline.npy")
    level = -10 * np.log10(np.square(own - moving()).mean())
    assert level == pytest.approx(summary["baselines"][summary["best_baseline"]], abs=1e-3)
    assert summary["best_baseline"] == max(summary["baselines"], key=summary["baselines"].get)


def test_damaged_or_missing_is_nothing(tmp_path):
    """Whoever looks sees nothing then, and no error."""
    assert Live.load(tmp_path) is None
    (tmp_path / live.LIVE).write_bytes(b"x" * 40)
    assert Live.load(tmp_path) is None


def test_the_first_picture_stays_until_a_fit_is_better(tmp_path):
    """By held-out data; in the last fit, which holds nothing out, what is shown is the fit."""
    clip = torch.rand(4, 1, 8, 8)
    sketch = PreviewWriter(tmp_path)
    sketch.begin("biharmonic interpolation", clip, 25.0)
    first = Live.load(tmp_path)
    assert first is not None
    assert (first.about["stage"], first.about["picture"]) == ("baselines", "biharmonic interpolation")

    def shown(level, stage):
        about = first.about | {"stage": stage, "picture": "generator", "heldout_db": level}
        return sketch._best_of(replace(first, about=about)).about["picture"]

    assert [shown(level, "search") for level in (None, 24.0, 26.0)] == ["biharmonic interpolation"] * 2 + ["generator"]
    assert shown(None, "last") == "generator"


def test_a_fit_is_shown_on_the_scale_of_baselines():
    """The level of an epoch is that which a baseline with the same held-out error has."""
    operator = MissingBlocks((16, 1, 32, 32), 0.5, 8)
    seen = []
    data = operator(torch.from_numpy(moving(16, 1, 32, 32)))
    settings = RecoverSettings(steps=1, baselines="none", quality="draft")
    found = recover(data, operator, settings, callback=seen.append)
    assert seen[-1].heldout_db == pytest.approx(found.heldout_db)
    assert abs(seen[-1].heldout_db - error_decibels(seen[-1].best_error)) > 0.1
    assert Live.of(seen[-1]).about["heldout_db"] == seen[-1].heldout_db
