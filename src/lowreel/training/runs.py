"""A training on disk: checkpoints and pictures in a folder beside the weights that it will write."""

from __future__ import annotations

import copy
import json
import math
import shutil
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from .. import __version__
from ..analysis.metrics import error_decibels
from ..errors import InputError
from ..io.datasets import Images
from ..model.generators import Generator, save_weights
from ..settings import TrainSettings
from ..system.checkpoints import NEWEST, folder_lock, load_checkpoint, save_checkpoint
from ..system.files import atomic_write, read_json, remove_leftovers, write_json
from .distributed import Group, group, is_peer_gone
from .loop import TrainState, iterate, planned_steps

FIRST_SAVE_SECONDS, SAVE_SECONDS = 5.0, 60.0
"""After which the first checkpoint is written, and from one to the next."""

REQUEST_FIELDS = ("dataset", "generator", "size", "channels", "images")
SHEET_IMAGES, SHEET_GAP_PIXELS = 16, 6
"""Images in a row of the contact sheet, and pixels between its pairs of rows."""


class Diverged(InputError):
    """The loss of a training is no longer a number."""


@dataclass(frozen=True)
class TrainProgress:
    """Where a training stands. seconds: spent so far; history: rows with step, loss, psnr and seconds."""

    state: TrainState
    steps: int
    seconds: float
    history: tuple[dict[str, Any], ...] = ()


@dataclass(frozen=True)
class Training:
    """The folder of a training: config.json, checkpoints, history.jsonl, reconstructions.png.

    output: the weights file that it ends in; the folder stands beside it, as `NAME.training`.
    """

    output: Path
    settings: TrainSettings
    request: dict[str, Any]
    """What is trained on what: dataset, generator, size, channels, images."""

    @property
    def folder(self) -> Path:
        """Where everything but the weights lies."""
        return folder_of(self.output)

    @staticmethod
    def check_free(output: Path) -> None:
        """Raise InputError unless these weights can be written, and no training for them is there."""
        _check_suffix(output)
        if output.exists():
            raise InputError(f"{output}: exists already; give another name with -o")
        if not output.parent.is_dir():
            raise InputError(f"{output.parent}: no such folder; make it first")
        folder = folder_of(output)
        if (folder / "config.json").exists():
            raise InputError(f"{folder}: holds a training; add --resume to go on with it, or give another name with -o")
        if folder.exists() and (not folder.is_dir() or any(folder.glob("[!.]*"))):
            raise InputError(f"{folder}: is in the way; give another name with -o")

    @staticmethod
    def create(output: Path, settings: TrainSettings, request: dict[str, Any]) -> Training:
        """Make the folder. Raises InputError as `check_free` does."""
        Training.check_free(output)
        folder_of(output).mkdir(exist_ok=True)
        training = Training(output, settings, request)
        training._write_config()
        return training

    @staticmethod
    def open(output: Path) -> Training:
        """The training that ends in this weights file. Raises InputError when there is none."""
        _check_suffix(output)
        folder = folder_of(output)
        if not (folder / "config.json").is_file():
            raise InputError(f"{folder}: no training to go on with; leave out --resume, or check the name after -o")
        config = read_json(folder / "config.json")
        if isinstance(config, dict) and config.get("version", 1) > 1:
            raise InputError(f"{folder}: a training of a newer lowreel (version {config['version']}); upgrade")
        try:
            request = {name: config["request"][name] for name in REQUEST_FIELDS}
            return Training(output, TrainSettings(**config["settings"]), request)
        except (KeyError, TypeError, ValueError) as error:
            raise InputError(f"{folder}/config.json: cannot use {error}; restore it or start a new training") from None

    def with_epochs(self, epochs: int | None) -> Training:
        """The same training with another length; it is written down when `execute` goes on with it."""
        return replace(self, settings=self.settings.model_copy(update={"epochs": epochs}))

    def _write_config(self) -> None:
        settings = self.settings.model_dump()
        write_json(self.folder / "config.json", {"version": 1, "settings": settings, "request": self.request})

    def load_progress(self) -> TrainProgress | None:
        """The newest checkpoint that can be read, or None."""
        return load_checkpoint(self.folder, "training", _progress)

    def save_progress(self, progress: TrainProgress) -> None:
        """Write a checkpoint and the history."""
        header = {**progress.state.header(), "steps": progress.steps, "seconds": progress.seconds}
        header["history"] = list(progress.history)
        save_checkpoint(self.folder, "training", progress.state.tensors(), header)
        with atomic_write(self.folder / "history.jsonl") as temporary:
            temporary.write_text("".join(json.dumps(row) + "\n" for row in progress.history), encoding="utf-8")


def _check_suffix(output: Path) -> None:
    if output.suffix != ".safetensors":
        raise InputError(f"{output}: weights are written as .safetensors; give a name that ends so")


def folder_of(output: Path) -> Path:
    """The folder of the training that ends in this weights file."""
    return output.with_name(f"{output.stem}.training")


def _progress(tensors: dict[str, Tensor], header: dict[str, Any]) -> TrainProgress:
    history = tuple(header["history"])
    return TrainProgress(TrainState.of(tensors, header), header["steps"], header["seconds"], history)


def execute(
    training: Training,
    images: Images,
    generator: Generator,
    *,
    show: Callable[[TrainProgress], None] | None = None,
) -> TrainProgress:
    """Train from where the folder stands to the end, and write the weights.

    A checkpoint and the contact sheet are written after FIRST_SAVE_SECONDS, then every SAVE_SECONDS and at the end; a
    training killed at any moment goes on from the last one and ends in the same weights. Ctrl-C ends it with the
    weights as they are. Raises InputError when the loss is no longer a number, and KeyboardInterrupt when nothing has
    been learnt yet. Of several processes (`distributed.joined`) the first alone writes and shows.
    """
    here = group()
    if not here.is_first:
        return _helped(training, images, generator, here)
    with folder_lock(training.folder):
        progress, saved = training.load_progress(), time.monotonic()
        wait = SAVE_SECONDS if progress else min(FIRST_SAVE_SECONDS, SAVE_SECONDS)
        steps = planned_steps(images, training.settings)
        if progress and progress.state.step > steps:
            raise InputError(f"{training.folder}: has made {progress.state.step} steps already; give more --epochs")
        remove_leftovers(training.folder)
        remove_leftovers(training.output.parent, training.output.stem)
        training._write_config()
        here.wait()
        try:
            for latest in _followed(training, images, generator, progress):
                progress = latest
                if time.monotonic() - saved > wait:
                    _save(training, progress, images, generator)
                    saved, wait = time.monotonic(), SAVE_SECONDS
                if show:
                    show(progress)
        except KeyboardInterrupt:
            if progress is None:
                raise
        except RuntimeError as error:  # Ctrl-C may reach another process first
            if progress is None or not is_peer_gone(error):
                raise
        except Diverged:
            if not (training.folder / NEWEST).exists():
                shutil.rmtree(training.folder)
            raise
        assert progress is not None
        _save(training, progress, images, generator)
        trained = trained_generator(generator, progress.state)
        save_weights(training.output, trained, provenance_of(training, images, progress))
    return progress


def _helped(training: Training, images: Images, generator: Generator, here: Group) -> TrainProgress:
    """What the first process does, without a file: work on a share of every minibatch from the same checkpoint on."""
    progress = training.load_progress()
    here.wait()
    for latest in _followed(training, images, generator, progress):
        progress = latest
    assert progress is not None
    return progress


def _followed(
    training: Training, images: Images, generator: Generator, progress: TrainProgress | None
) -> Iterator[TrainProgress]:
    start = time.monotonic() - (progress.seconds if progress else 0.0)
    steps, history = planned_steps(images, training.settings), progress.history if progress else ()
    for state in iterate(images, generator, training.settings, progress.state if progress else None):
        if not math.isfinite(state.loss):
            raise Diverged(
                f"{training.folder}: diverged before step {state.step}; use a smaller --weight-lr and another -o"
            )
        seconds = round(time.monotonic() - start, 2)
        psnr = error_decibels(state.loss) if state.loss > 0 else None
        history = (*history, {"step": state.step, "loss": state.loss, "psnr": psnr, "seconds": seconds})
        yield TrainProgress(state, steps, seconds, history)


def trained_generator(generator: Generator, state: TrainState) -> Generator:
    """The generator with the weights of a state, and the mean and spread of its codes."""
    trained = copy.deepcopy(generator)
    trained.load_state_dict(state.weights)
    trained.code_mean, trained.code_spread = state.codes.mean(0), state.codes.std(0, correction=0)
    return trained.eval().requires_grad_(False)


def _save(training: Training, progress: TrainProgress, images: Images, generator: Generator) -> None:
    training.save_progress(progress)
    trained = trained_generator(generator, progress.state)
    draw_sheet(training.folder / "reconstructions.png", images, trained, progress.state.codes)


def provenance_of(training: Training, images: Images, progress: TrainProgress) -> dict[str, Any]:
    """What a weights file says of its origin."""
    return {
        "images": images.name,
        "count": len(images),
        "images_sha256": progress.state.identity["images"],
        "skipped": len(images.skipped),
        "start": training.request["generator"],
        "settings": training.settings.model_dump(),
        "steps": progress.state.step,
        "planned_steps": progress.steps,
        "final_loss": progress.state.loss,
        "precision": progress.state.precision,
        "seconds": round(progress.seconds),
        "lowreel": __version__,
    }


@torch.no_grad()
def draw_sheet(path: Path, images: Images, generator: Generator, codes: Tensor) -> None:
    """A contact sheet: images evenly spaced over the set, each row of them above the row of their reconstructions.

    codes: of all images, (N, K). The pairs of rows stand apart; small images are enlarged to about 64 pixels.
    """
    count = min(2 * SHEET_IMAGES, len(images))
    rows = torch.arange(count) * len(images) // count
    pairs = zip(*(torch.split(x, SHEET_IMAGES) for x in (images.batch(rows), generator(codes[rows]))), strict=True)
    width = min(SHEET_IMAGES, count)
    blocks = [torch.cat([_line(part, width) for part in pair], 1) for pair in pairs]
    scale = max(1, round(64 / images.size[0]))
    blocks = [block.repeat_interleave(scale, 1).repeat_interleave(scale, 2) for block in blocks]
    gap = torch.ones(3, SHEET_GAP_PIXELS, blocks[0].shape[2])
    sheet = torch.cat([row for block in blocks for row in (gap, block)][1:], 1)
    levels = sheet.clamp(0, 1).mul(255).round().byte().permute(1, 2, 0).numpy()
    with atomic_write(path) as temporary:
        Image.fromarray(np.ascontiguousarray(levels)).save(temporary)


def _line(frames: Tensor, width: int) -> Tensor:
    """Frames side by side, (3, H, width W), black where there are fewer."""
    frames = torch.nn.functional.pad(frames, (0, 0, 0, 0, 0, 0, 0, width - len(frames)))
    return torch.cat(list(frames.expand(-1, 3, -1, -1)), 2)
