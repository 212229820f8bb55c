"""`lowreel.run`: a request carried out from Python, as the command line does."""

import json

import numpy as np
import pytest
import tifffile
import torch
from conftest import moving

import lowreel
from lowreel.catalogue import MissingSettings
from lowreel.io.video import levels, open_clip
from lowreel.io.video.tiff import TiffReader
from lowreel.jobs.callbacks import Callbacks
from lowreel.jobs.sources import source_of
from lowreel.runs.folder import Run
from lowreel.runs.truth import load_truth
from lowreel.settings import ClipSettings

QUICK = lowreel.RecoverSettings(quality="draft", steps=2, baselines="none")


class Noted(Callbacks):
    """Keeps what it is told."""

    def __init__(self):
        self.said, self.epochs = [], []

    def say(self, sentence):
        self.said.append(sentence)

    def on_progress(self, progress, section, sections):
        self.epochs.append((section, sections))


def test_a_run_from_python_is_that_of_the_command(here, command, capsys):
    """To the bit; nothing is printed; it goes on as the same request alone, and a finished one is not made again."""
    noted = Noted()
    request = lowreel.RunRequest(clip="clip.npy", operator=MissingSettings(ratio=0.5), settings=QUICK, output="a")
    result = lowreel.run(request, callbacks=noted)
    assert capsys.readouterr() == ("", "")
    assert result.folder == here / "a"
    assert result.summary == Run.open("a").summary()
    assert len(noted.said) == 1
    assert set(noted.epochs) == {(1, 1)}
    words = "simulate missing clip.npy --ratio 0.5 --quality draft --steps 2 --baselines none -o b"
    assert command(words).code == 0
    for name in ("recovered.npy", "representation.safetensors"):
        assert (here / "a" / name).read_bytes() == (here / "b" / name).read_bytes()
    again = lowreel.run(request, resume=True)
    assert "finished already" in again.notes[0]
    other = request.model_copy(update={"operator": MissingSettings(ratio=0.6)})
    with pytest.raises(lowreel.InputError, match="another clip, operator or noise"):
        lowreel.run(other, resume=True)
    with pytest.raises(lowreel.InputError, match="holds a run"):
        lowreel.run(request)


def test_data_in_python_is_cut_as_the_command_does(here):
    """A long clip in a data file is recovered in sections."""
    clip = torch.from_numpy(moving(44))
    operator = lowreel.MissingPixels(tuple(clip.shape), 0.5)
    lowreel.Measured(operator(clip), operator, torch.arange(44).double() / 25).save("y.safetensors")
    settings, noted = QUICK.model_copy(update={"section_frames": 16, "steps": 1, "cuts": "none"}), Noted()
    lowreel.run(lowreel.RunRequest(data="y.safetensors", settings=settings, output="run"), callbacks=noted)
    assert json.loads((here / "run" / "summary.json").read_text())["sections"][-1]["frames"][1] == 44
    assert noted.epochs[-1] == (3, 3)
    assert np.load(here / "run" / "recovered.npy").shape == clip.shape


def test_runs_of_an_older_form_are_refused(finished, command):
    """In one sentence, by whatever opens them."""
    config = json.loads((finished / "config.json").read_text())
    (finished / "config.json").write_text(json.dumps(config | {"version": 1}))
    for words in (("recover", finished, "--resume"), ("info", finished)):
        ended = command(*words)
        assert (ended.code, ended.err.count("\n")) == (2, 1)
        assert "a run of an older lowreel (version 1)" in ended.err


def test_no_frame_is_read_twice(tmp_path, monkeypatch):
    """Of a large file the frames that are wanted and a few others, once for levels, data and truth."""
    stack = np.random.default_rng(0).integers(0, 4096, (90, 12, 16), dtype=np.uint16)
    tifffile.imwrite(tmp_path / "a.ome.tif", stack, ome=True, metadata={"axes": "TYX"}, photometric="minisblack")
    monkeypatch.setattr(levels, "LOOKED_AT", 8 * 12 * 16 * 89)
    numbers, stored = [], TiffReader.stored

    def counted(reader, indices):
        indices = list(indices)
        numbers.extend(indices)
        return stored(reader, indices)

    monkeypatch.setattr(TiffReader, "stored", counted)
    path = tmp_path / "a.ome.tif"
    request = lowreel.RunRequest(
        clip=str(path), operator=MissingSettings(ratio=0.5), reading=ClipSettings(frames="10:20")
    )
    _, how, clip = source_of(request, print)
    assert len(numbers) == len(set(numbers)) <= 10 + levels.SPREAD
    assert set(range(10, 20)) < set(numbers)
    torch.testing.assert_close(clip, torch.from_numpy(stack[10:20, None] / np.float32(4095)))
    assert torch.equal(load_truth(how, clip.shape), clip)
    opened = open_clip(path, frames=slice(10, 20))
    assert torch.equal(opened.read(2, 5), clip[2:5])
    assert torch.equal(opened.read(), clip)


def test_pixels_of_ones_own_choice_judge_the_run(here):
    """Those of a mask are held out, of a section those of its frames; the run keeps them and goes on with them."""
    mask = np.zeros((44, 1, 12, 16), bool)
    mask[30:, :, 3:5, 3:5] = True
    np.save("mask.npy", mask)
    np.save("long.npy", moving(44))
    settings = QUICK.model_copy(update={"section_frames": 16, "steps": 1, "cuts": "none"})
    known = {"clip": "long.npy", "operator": MissingSettings(ratio=0.5), "holdout": "mask.npy", "settings": settings}
    request = lowreel.RunRequest(**known, output="run")
    assert lowreel.RunRequest(**request.model_dump(mode="json")) == request
    lowreel.run(request)
    kept = {path.parent.name for path in (here / "run").glob("sections/*/holdout.npy")}
    last = Run.open(sorted((here / "run" / "sections").iterdir())[-1])
    assert "000" not in kept
    assert last.folder.name in kept
    assert np.array_equal(last.holdout(), mask[44 - len(last.holdout()) :])
