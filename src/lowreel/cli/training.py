"""The command `train`: from arguments to a training on disk."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ..analysis.metrics import error_decibels
from ..errors import InputError
from ..io.datasets import Images, open_images
from ..jobs.display import TrainingBar
from ..model.generators import Generator, make
from ..settings import ImagesSettings, TrainSettings
from ..system.names import GENERATORS, SETS, file_text
from ..system.values import parse_size
from ..training.distributed import Group, joined
from ..training.runs import Training, execute

IMAGE_SIDE = 64
"""Height and width of training images where no --size is given: what the dcgan makes."""


def start_training(
    output: Path, dataset: str, generator: str | None, choosing: ImagesSettings, settings: TrainSettings
) -> None:
    """Begin a training and see it through. Raises InputError before anything is written if something does not fit."""
    request = _request(dataset, generator, choosing, every=True)
    with joined() as here:
        if here.is_first:
            Training.check_free(output)
        images, network = _opened(request, settings.seed)
        if here.is_first:
            Training.create(output, settings.for_images(len(images)), request)
        here.wait()
        _perform(Training.open(output), images, network, here)


def resume_training(
    output: Path, dataset: str, generator: str | None, choosing: ImagesSettings, settings: TrainSettings
) -> None:
    """Go on with a training as it was begun; what is given has to be the same, but for the number of epochs.

    Raises InputError for anything else that differs.
    """
    training = Training.open(output)
    there = {**training.request, **training.settings.model_dump()}
    given = _request(dataset, generator, choosing, every=False) | settings.model_dump(exclude_unset=True)
    epochs = given.pop("epochs", None) or training.settings.epochs
    for name, value in given.items():
        if there[name] != value:
            flag = "the data set" if name == "dataset" else f"--{name.replace('_', '-')}"
            raise InputError(
                f"{training.folder}: {flag} was {there[name]} when this training was begun, now it is {value}; only "
                "--epochs may change: give the same, or another -o"
            )
    training = training.with_epochs(epochs)
    with joined() as here:
        images, network = _opened(training.request, training.settings.seed)
        _perform(training, images, network, here)


def _request(dataset: str, generator: str | None, choosing: ImagesSettings, *, every: bool) -> dict[str, Any]:
    """What is trained on what, as plain data, files by their full path; `every` entry, or only what was given."""
    if not dataset:
        raise InputError("DATASET is empty; give mnist, cifar10, or a folder of pictures and videos")
    request: dict[str, Any] = {"dataset": file_text(dataset, SETS)}
    if every or generator is not None:
        request["generator"] = file_text(generator or "dcgan", GENERATORS)
    chosen = choosing.model_dump(exclude_unset=not every)
    return request | chosen | ({"size": parse_size(choosing.size)} if "size" in chosen else {})


def _opened(request: dict[str, Any], seed: int) -> tuple[Images, Generator]:
    height, width = request["size"] or (IMAGE_SIDE, IMAGE_SIDE)
    images = open_images(request["dataset"], (height, width), channels=request["channels"], limit=request["images"])
    return images, make(request["generator"], (images.channels, *images.size), seed=seed)


def _perform(training: Training, images: Images, generator: Generator, here: Group) -> None:
    if not here.is_first:
        execute(training, images, generator)
        return
    for sentence in images.skipped:
        print(f"skipped: {sentence}")
    if images.skipped:
        print(f"{len(images.skipped)} files skipped, {len(images)} images read")
    with TrainingBar() as bar:
        progress = execute(training, images, generator, show=bar.show)
    step, steps = progress.state.step, progress.steps
    level = error_decibels(progress.state.loss)
    print(
        f"wrote {training.output}: {len(images)} images, {step} of {steps} steps, {progress.seconds:.0f} s, "
        f"{level:.2f} dB on the last minibatches"
    )
    if step < steps:
        print("The training was stopped: these weights are half-trained; go on with the same command and --resume")
        if here.size > 1:
            raise KeyboardInterrupt  # the other processes are gone: there is nobody to wait for
    print(f"Look at {training.folder / 'reconstructions.png'}; use it with --generator {training.output}")
