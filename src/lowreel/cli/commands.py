"""The command line: parse, call, print. Nothing here imports torch before the arguments have been read."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Annotated, Any

import docstring_parser
from cyclopts import App, Parameter

from .. import __version__
from ..catalogue import OPERATORS, MissingSettings, OperatorSettings
from ..errors import InputError
from ..jobs.display import Screen, show_result
from ..jobs.errors import exit_codes
from ..jobs.request import RunRequest, check_measuring
from ..jobs.telling import Telling
from ..settings import (
    ArraysSettings,
    ClipSettings,
    ImagesSettings,
    MeasureSettings,
    NoiseSettings,
    RecoverSettings,
    TogetherSettings,
    TrainSettings,
)
from ..system.files import unused_folder
from ..system.memory import parse_bytes
from ..system.processes import set_libraries
from ..system.values import parse_size
from .batch import add_batch, with_address
from .between import add_between
from .checking import add_check
from .completion import add_completion
from .config import FromConfig, ToConfig, check_no_config, from_config, saved_config
from .export import add_export
from .fill import add_fill
from .info import add_info
from .packing import add_packing
from .serve import add_serve
from .together import go_on_with, recovered_together, simulated_together

# For each command cyclopts reads the source of every class of settings and of those above, pydantic's own the longest.
docstring_parser.parse_from_object = cache(docstring_parser.parse_from_object)

app = App(
    name="lowreel",
    version=__version__,
    help="Recover a video from too few measurements: a generator fitted to this one clip, no training set, "
    "no true clip needed.",
    help_format="plaintext",
    default_parameter=Parameter(negative=()),
    suppress_keyboard_interrupt=False,
)
measure = App(name="measure", help="Measure a clip with an operator and write the data to a file.")
simulate = App(name="simulate", help="Measure a clip, recover it and score the result, in one go.")
app.command(measure)
app.command(simulate)
add_check(app)
add_between(app)
add_batch(app)
add_serve(app)
add_export(app)
add_info(app)
add_fill(app)
add_packing(app)
add_completion(app)

Flat = Parameter(name="*")
Reading = Annotated[ClipSettings, Flat]
Noise = Annotated[NoiseSettings, Flat]
Recovering = Annotated[RecoverSettings, Flat]
Output = Annotated[Path, Parameter(name=["--output", "-o"])]
OutputOrNew = Annotated[Path | None, Parameter(name=["--output", "-o"])]
# Not flat: of some operators --together is the frames of an exposure, so that the flag has a second name.
_SHARING = {name: field.description for name, field in TogetherSettings.model_fields.items()}
Together = Annotated[bool, Parameter(name=["--together", "--clips-together"], help=_SHARING["together"])]
ClipsTogether = Annotated[bool, Parameter(name="--clips-together", help=_SHARING["together"])]
Always = Annotated[bool, Parameter(name="--always-together", help=_SHARING["always_together"])]
Measuring = Annotated[MeasureSettings, Flat]
Resume = Annotated[bool, Parameter(name="--resume")]


def main(arguments: list[str] | None = None) -> None:
    """Run the command line and exit: 0 done, 2 the input is wrong (one line on stderr), 130 interrupted."""
    set_libraries()
    with exit_codes():
        call(with_address(sys.argv[1:] if arguments is None else arguments))


def call(words: list[str]) -> None:
    """Run a command line in this process; errors are raised."""
    app(words, exit_on_error=False, print_error=False, result_action="return_value")


CLIP_HELP = """

    Parameters
    ----------
    clip
        video file, folder of images, file of arrays (docs/files-of-others.md; FILE:NAME picks one), or a name:
        rotating-mnist:7, moving-mnist:0, color-wheel:0, beating-heart:0
"""
MORE_HELP = """    more
        with --together: the other clips, measured in the same way; a series such as rotating-mnist:0..9 is all of them
"""
MEASURE_HELP = f"""{CLIP_HELP}    output
        file to write, such as y.safetensors
"""
HOLDOUT_HELP = """    holdout
        pixels that are not fitted but judge the result, of data that is pixels: an image (for every frame), folder,
        video or array, white = held out; default: holes like those of the data
"""
SIMULATE_HELP = f"""{CLIP_HELP}{MORE_HELP}{HOLDOUT_HELP}    output
        folder of the run; default: a new one in runs/
    resume
        go on with the run in that folder
"""


def _add_operator(kind: type[OperatorSettings]) -> None:
    """Give `measure` and `simulate` a subcommand each; the flags of an operator are those of its settings."""

    def measure_it(
        clip: Path,
        *,
        output: Output,
        measuring: Measuring = MeasureSettings(),
        operator: OperatorSettings = kind(),
        reading: Reading = ClipSettings(),
        noise: Noise = NoiseSettings(),
    ) -> None:
        _measure(clip, operator, reading, noise, measuring, output)

    def simulate_it(
        clip: Path,
        *more: Path,
        holdout: Path | None = None,
        output: OutputOrNew = None,
        resume: Resume = False,
        operator: OperatorSettings = kind(),
        reading: Reading = ClipSettings(),
        noise: Noise = NoiseSettings(),
        recovering: Recovering = RecoverSettings(),
        save_config: ToConfig = None,
        telling: Telling = Telling(),
        together: bool = False,
        always_together: Always = False,
    ) -> None:
        sharing = TogetherSettings(together=together, always_together=always_together)
        about: dict[str, Any] = {"operator": operator, "holdout": holdout, "reading": reading, "noise": noise}
        if more or sharing.is_meant:
            check_no_config(save_config)
            simulated_together((clip, *more), about, sharing, recovering, output, resume, telling)
            return
        _run(RunRequest(clip=clip, **about, settings=recovering, output=output), resume, save_config, telling)

    for app_of, function, sentence, parameters in (
        (measure, measure_it, kind.measures, MEASURE_HELP),
        (simulate, simulate_it, kind.simulates, SIMULATE_HELP),
    ):
        function.__doc__ = sentence + parameters
        shown = Flat if kind.model_fields else Parameter(parse=False)
        function.__annotations__["operator"] = Annotated[kind, shown]
        if function is simulate_it:
            has_own = "together" in kind.model_fields
            function.__annotations__["together"] = ClipsTogether if has_own else Together
        app_of.command(function, name=kind.name)


for _kind in OPERATORS:
    _add_operator(_kind)


@app.command
def recover(
    data: Path | None = None,
    *more: Path,
    output: OutputOrNew = None,
    truth: list[Path] | None = None,
    holdout: Path | None = None,
    resume: Resume = False,
    arrays: Annotated[ArraysSettings, Flat] = ArraysSettings(),
    recovering: Recovering = RecoverSettings(),
    config: FromConfig = None,
    save_config: ToConfig = None,
    telling: Telling = Telling(),
    together: Together = False,
    always_together: Always = False,
) -> None:
    """Recover a clip from a data file or from arrays of others, or go on with an unfinished run.

    Parameters
    ----------
    data
        file that `lowreel measure` wrote; with --operator one of others (.mat, .h5, .nc, ...); with --resume the run
    more
        with --together: the data of the other clips
    output
        folder of the run; default: a new one in runs/
    truth
        the true clip, to score the result with; with --together once for each clip, in their order
    holdout
        pixels that are not fitted but judge the result, of data that is pixels: an image, folder, video or array,
        white = held out; default: holes like those of the data
    resume
        go on with the run in DATA
    """
    sharing = TogetherSettings(together=together, always_together=always_together)
    if data is None or config is not None:
        is_alone = not any((data, truth, holdout, resume)) and arrays == ArraysSettings()
        _run(from_config(config, is_alone, sharing).with_given(output, recovering), False, save_config, telling)
        return
    if resume:
        known = {"-o": output, "--truth": truth, "--holdout": holdout, "--save-config": save_config}
        _check_resumed(data, more, known | {"--together": together, "--always-together": always_together})
        _go_on(data, recovering, arrays, telling)
        return
    about: dict[str, Any] = {"arrays": None if arrays == ArraysSettings() else arrays, "holdout": holdout}
    if more or sharing.is_meant:
        check_no_config(save_config)
        recovered_together((data, *more), truth or [], about, sharing, recovering, output, telling)
        return
    if truth is not None and len(truth) > 1:
        raise InputError(f"{data}: expected one --truth, got {len(truth)}; several are for clips with --together")
    true = truth[0] if truth else None
    _run(RunRequest(data=data, truth=true, **about, settings=recovering, output=output), False, save_config, telling)


@app.command
def inpaint(
    clip: Path,
    *,
    mask: Path,
    keep: str | None = None,
    holdout: Path | None = None,
    output: OutputOrNew = None,
    resume: Resume = False,
    reading: Reading = ClipSettings(),
    recovering: Recovering = RecoverSettings(),
    save_config: ToConfig = None,
    telling: Telling = Telling(),
) -> None:
    """Fill in the masked part of a damaged video.

    Parameters
    ----------
    clip
        video file, folder of images, or file of arrays (FILE:NAME picks one)
    mask
        image (for every frame), folder, video or array of the clip's size: white = keep, black = fill in
    keep
        what of the mask is kept: white (the default), black, opaque, transparent, or one value, such as 0 or #800000
    holdout
        pixels that are not fitted but judge the result, as the mask is given: white = held out; default: holes like
        those of the mask
    output
        folder of the run; default: a new one in runs/
    resume
        go on with the run in that folder
    """
    what: dict[str, Any] = {"clip": clip, "mask": mask, "keep": keep, "holdout": holdout, "output": output}
    _run(RunRequest(**what, reading=reading, settings=recovering), resume, save_config, telling)


@app.command
def demo(
    *, output: OutputOrNew = None, recovering: Recovering = RecoverSettings(), telling: Telling = Telling()
) -> None:
    """Recover the clip that comes with the package from a fifth of its pixels, and compare with baselines.

    Parameters
    ----------
    output
        folder of the run; default: a new one, lowreel-demo
    """
    from importlib.resources import as_file, files

    with as_file(files("lowreel") / "assets" / "demo.mp4") as clip:
        folder = output or unused_folder(Path("lowreel-demo"))
        _run(RunRequest(clip=clip, operator=MissingSettings(), settings=recovering, output=folder), telling=telling)


@app.command
def train(
    dataset: str,
    *,
    output: Output,
    generator: str | None = None,
    resume: Resume = False,
    choosing: Annotated[ImagesSettings, Flat] = ImagesSettings(),
    training: Annotated[TrainSettings, Flat] = TrainSettings(),
) -> None:
    """Train a generator on images: its weights, and a code for each image, are fitted together.

    Beside the weights a folder NAME.training is made, with checkpoints, the curve and a picture of reconstructions.

    Parameters
    ----------
    dataset
        mnist, cifar10 (their published files are looked for in $LOWREEL_DATA and in data), or a folder of pictures
        and videos, subfolders included
    output
        file to write, such as weights.safetensors; use it with --generator FILE
    generator
        dcgan (64x64, the default) or decoder (any size) from random weights, or trained weights to start from:
        paper-grey, paper-rgb, or a file
    resume
        go on with the training that was begun for this output, with its settings; --epochs may be changed
    """
    parse_size(choosing.size)
    from .training import resume_training, start_training

    if resume:
        resume_training(output, dataset, generator, choosing, training)
    else:
        start_training(output, dataset, generator, choosing, training)


def _measure(
    clip: Path,
    operator: OperatorSettings,
    reading: ClipSettings,
    noise: NoiseSettings,
    measuring: MeasureSettings,
    output: Path,
) -> None:
    if output.exists():
        raise InputError(f"{output}: exists already; give another name with -o")
    if not output.parent.is_dir():
        raise InputError(f"{output.parent}: no such folder; make it first")
    parse_bytes(measuring.memory)
    check_measuring(operator, reading, noise)
    from ..jobs.sources import measured_clip

    measured, _, _ = measured_clip(clip, operator, reading, noise, measuring, arrays=4)
    measured.save(output)
    print(f"wrote {output}: {measured.operator.kind}, clip {measured.operator.clip_shape}")


def _run(
    request: RunRequest, resume: bool = False, save_config: Path | None = None, telling: Telling = Telling()
) -> None:
    """Carry out what is asked for, and show what it came to; save_config: a file to write the request to before."""
    if not resume:
        request.check()
    with saved_config(request, save_config, resume=resume):
        from ..jobs.run import run

        with Screen(telling) as screen:
            result = run(request, resume=resume, callbacks=screen)
    show_result(result, telling)


def _check_resumed(folder: Path, more: Sequence[Path], given: Mapping[str, Any]) -> None:
    """Raise InputError where something is given that a run which goes on has already. given: values by their flags."""
    if more:
        raise InputError(f"{more[0]}: --resume goes on with one run; give its folder alone")
    if flags := [flag for flag, value in given.items() if value]:
        own = "a run goes on in its own folder, with its own truth and held-out data, as it was begun"
        raise InputError(f"{folder}: {own}; leave out {' and '.join(flags)}")


def _go_on(folder: Path, settings: RecoverSettings, arrays: ArraysSettings, telling: Telling) -> None:
    """Go on with the run in a folder, and show what it came to; arrays: with the operator of one's own, if any."""
    if arrays.model_copy(update={"operator": None}) != ArraysSettings():
        own = "a run goes on with the data it has"
        raise InputError(f"{folder}: {own}; leave out all but --operator, for one of your own")
    if go_on_with(folder, settings, telling):
        return
    from ..jobs.run import go_on

    with Screen(telling) as screen:
        result = go_on(folder, settings, screen, operator=arrays.operator)
    show_result(result, telling)
