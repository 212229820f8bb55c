"""The command `train`: from arguments to a training on disk."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ..datasets import Images, open_images
from ..errors import InputError
from ..generators import Generator, make
from ..metrics import error_decibels
from ..names import GENERATORS, SETS, file_text
from ..settings import ImagesSettings, TrainSettings
from ..trainings import Training, perform
from .display import TrainingBar
from .values import parse_size

SIDE = 64
"""Height and width of training images where no --size is given: what the dcgan makes."""


def start_training(
    output: Path, dataset: str, generator: str, choosing: ImagesSettings, settings: TrainSettings
) -> None:
    """Begin a training and see it through. Raises InputError before anything is written if something does not fit."""
    request = _request(dataset, generator, choosing)
    Training.check_free(output)
    images, network = _opened(request, settings.seed)
    _perform(Training.create(output, settings, request), images, network)


def resume_training(
    output: Path, dataset: str, generator: str, choosing: ImagesSettings, settings: TrainSettings
) -> None:
    """Go on with a training; only its number of epochs may be another one than before."""
    training = Training.open(output)
    if _request(dataset, generator, choosing) != training.request:
        raise InputError(
            f"{training.folder}: a training of another data set, generator or size "
            f"({training.request['dataset']}, {training.request['generator']}); give the same, or another -o"
        )
    changed = settings.model_dump(exclude_unset=True)
    epochs = changed.pop("epochs", training.settings.epochs)
    if any(getattr(training.settings, name) != value for name, value in changed.items()):
        raise InputError(f"{training.folder}: a training goes on with its own settings; only --epochs may change")
    training = training.with_epochs(epochs)
    images, network = _opened(training.request, training.settings.seed)
    _perform(training, images, network)


def _request(dataset: str, generator: str, choosing: ImagesSettings) -> dict[str, Any]:
    """What is trained on what, as plain data; files by their full path."""

    named = {"dataset": file_text(dataset, SETS), "generator": file_text(generator, GENERATORS)}
    return {**named, "size": parse_size(choosing.size), **choosing.model_dump(exclude={"size"})}


def _opened(request: dict[str, Any], seed: int) -> tuple[Images, Generator]:
    height, width = request["size"] or (SIDE, SIDE)
    images = open_images(request["dataset"], (height, width), channels=request["channels"], limit=request["images"])
    return images, make(request["generator"], (images.channels, *images.size), seed=seed)


def _perform(training: Training, images: Images, generator: Generator) -> None:
    folder, planned = training.folder, training.settings.epochs
    for sentence in images.skipped:
        print(f"skipped: {sentence}")
    if images.skipped:
        print(f"{len(images.skipped)} files skipped, {len(images)} images read")
    with TrainingBar() as bar:
        progress = perform(training, images, generator, show=bar.show)
    if progress.state.step < progress.steps:
        print(f"stopped at step {progress.state.step} of {progress.steps}; go on with the same command and --resume")
    level = error_decibels(progress.state.loss)
    print(
        f"wrote {training.output}: {len(images)} images, {planned} epochs, {progress.seconds:.0f} s, "
        f"{level:.2f} dB on the last minibatches"
    )
    print(f"Look at {folder / 'reconstructions.png'}; use it with --generator {training.output}")
