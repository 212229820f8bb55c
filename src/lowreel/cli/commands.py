"""The command line: parse, call, print. Nothing here imports torch before the arguments have been read."""

from __future__ import annotations

import signal
import sys
import threading
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import App, CycloptsError, Parameter

from .. import __version__
from ..catalogue import OPERATORS, Operator, name_of
from ..errors import InputError
from ..settings import (
    ArraysSettings,
    ClipSettings,
    ImagesSettings,
    MeasureSettings,
    MissingSettings,
    NoiseSettings,
    RecoverSettings,
    Settings,
    TrainSettings,
)
from ..system.files import check_free, split_member
from ..system.memory import operator_budget, parse_bytes
from ..system.names import GENERATORS, file_text, source_text
from ..system.processes import set_libraries
from .arrays import are_arrays_meant, measured_arrays
from .batch import add_batch, with_address
from .between import add_between
from .checking import add_check
from .display import ProgressBar, show_summary
from .errors import in_one_line, is_out_of_memory
from .operators import build, check_operator_settings, first_parts
from .sections import begin_sections, go_on_with_sections, is_short, opened_again, planned_sections
from .serve import add_serve
from .values import parse_frames, parse_size

if TYPE_CHECKING:
    from torch import Tensor

    from ..data import Measured
    from ..operators import Data, LinearOperator
    from ..runs.folder import Run
    from ..runs.sections import Source

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

Flat = Parameter(name="*")
Reading = Annotated[ClipSettings, Flat]
Noise = Annotated[NoiseSettings, Flat]
Recovering = Annotated[RecoverSettings, Flat]
Output = Annotated[Path, Parameter(name=["--output", "-o"])]
OutputOrNew = Annotated[Path | None, Parameter(name=["--output", "-o"])]
Measuring = Annotated[MeasureSettings, Flat]
Resume = Annotated[bool, Parameter(name="--resume")]


def main(arguments: list[str] | None = None) -> None:
    """Run the command line and exit: 0 done, 2 the input is wrong (one line on stderr), 130 interrupted."""
    set_libraries()
    if threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGTERM, signal.default_int_handler)  # a scheduler's stop is a stop like Ctrl-C
    try:
        call(with_address(sys.argv[1:] if arguments is None else arguments))
    except (InputError, CycloptsError, OSError, MemoryError, RuntimeError) as error:
        if isinstance(error, RuntimeError) and not is_out_of_memory(error):
            raise
        print(f"lowreel: error: {in_one_line(error)}", file=sys.stderr)
        raise SystemExit(2) from None
    except KeyboardInterrupt:
        print(
            "lowreel: interrupted; a run or training that was begun goes on with --resume",
            file=sys.stderr,
        )
        raise SystemExit(130) from None
    raise SystemExit(0)


def call(words: list[str]) -> None:
    """Run a command line in this process; errors are raised."""
    app(words, exit_on_error=False, print_error=False, result_action="return_value")


CLIP_HELP = """

    Parameters
    ----------
    clip
        video file, folder of images, array (.npy, .npz, .mat, .h5; FILE.mat:NAME picks one), or a name:
        rotating-mnist:7, moving-mnist:0, color-wheel:0
"""
MEASURE_HELP = f"""{CLIP_HELP}    output
        file to write, such as y.safetensors
"""
SIMULATE_HELP = f"""{CLIP_HELP}    output
        folder of the run; default: a new one in runs/
    resume
        go on with the run in that folder
"""


def _add_operator(kind: Operator) -> None:
    """Give `measure` and `simulate` a subcommand each; the flags of an operator are those of its settings."""

    def measure_it(
        clip: Path,
        *,
        output: Output,
        measuring: Measuring = MeasureSettings(),
        operator: Settings = kind.settings(),
        reading: Reading = ClipSettings(),
        noise: Noise = NoiseSettings(),
    ) -> None:
        _measure(clip, operator, reading, noise, measuring, output)

    def simulate_it(
        clip: Path,
        *,
        output: OutputOrNew = None,
        resume: Resume = False,
        operator: Settings = kind.settings(),
        reading: Reading = ClipSettings(),
        noise: Noise = NoiseSettings(),
        recovering: Recovering = RecoverSettings(),
    ) -> None:
        _simulate(clip, operator, reading, noise, recovering, output, resume)

    for app_of, function, sentence, parameters in (
        (measure, measure_it, kind.measure, MEASURE_HELP),
        (simulate, simulate_it, kind.simulate, SIMULATE_HELP),
    ):
        function.__doc__ = sentence + parameters
        shown = Flat if kind.settings.model_fields else Parameter(parse=False)
        function.__annotations__["operator"] = Annotated[kind.settings, shown]
        app_of.command(function, name=kind.name)


for _kind in OPERATORS:
    _add_operator(_kind)


@app.command
def recover(
    data: Path,
    *,
    output: OutputOrNew = None,
    truth: Path | None = None,
    resume: Resume = False,
    arrays: Annotated[ArraysSettings, Flat] = ArraysSettings(),
    recovering: Recovering = RecoverSettings(),
) -> None:
    """Recover a clip from a data file or from arrays of others, or go on with an unfinished run.

    Parameters
    ----------
    data
        file that `lowreel measure` wrote; with --operator a .mat, .h5, .npz or .npy of others; with --resume the run
        folder
    output
        folder of the run; default: a new one in runs/
    truth
        the true clip, to score the result with
    resume
        go on with the run in DATA
    """
    if resume:
        if output is not None or truth is not None:
            raise InputError(f"{data}: a run goes on in its own folder with its own truth; leave out -o and --truth")
        if arrays.model_copy(update={"operator": None}) != ArraysSettings():
            raise InputError(
                f"{data}: a run goes on with the data it has; leave out all but --operator, for one of your own"
            )
        _go_on(data, recovering, operator=arrays.operator)
        return
    if data.is_dir():
        raise InputError(f"{data}: is a folder; add --resume to go on with a run, or give a data file")
    others = are_arrays_meant(data, arrays)
    folder = _fresh(output, _stem(data))
    _check_device(recovering)
    from ..data import DataFile, Measured
    from ..operators import part_frames

    source: Source
    if others:
        source = measured_arrays(data, arrays)
    else:
        source = DataFile.open(data)
        if part_frames(source.spec) is None or is_short(tuple(source.spec["clip_shape"]), recovering):
            source = Measured.load(data, memory=operator_budget(recovering.memory))
    reading = _truth_reading(truth, source) if truth else None
    execute = _begin(folder, source, recovering, reading)
    del source
    execute()


@app.command
def inpaint(
    clip: Path,
    *,
    mask: Path,
    output: OutputOrNew = None,
    resume: Resume = False,
    reading: Reading = ClipSettings(),
    recovering: Recovering = RecoverSettings(),
) -> None:
    """Fill in the masked part of a damaged video.

    Parameters
    ----------
    clip
        video file, folder of images, or array (.npy, .npz, .mat, .h5; FILE.mat:NAME picks one)
    mask
        image (for every frame), folder, video or array of the clip's size: white = keep, black = fill in
    output
        folder of the run; default: a new one in runs/
    resume
        go on with the run in that folder
    """
    request = _request("inpaint", clip, {"mask": str(mask.resolve())}, reading, NoiseSettings())
    if resume:
        _go_on(_given(output), recovering, request)
        return
    folder = _fresh(output, f"{_stem(clip)}-inpaint")
    _check_device(recovering)
    from ..data import Measured
    from ..io.video import read_mask
    from ..operators import Mask
    from ..runs.folder import clip_information, clip_times
    from ..runs.sections import ClipSource

    opened = _open(clip, reading)
    operator = Mask(opened.shape, read_mask(mask, opened.shape))
    times, about = clip_times(opened), clip_information(opened)
    source: Source = ClipSource(opened, operator.spec(), operator.spec_tensors(), times, about)
    if is_short(opened.shape, recovering):
        source = Measured(operator(opened.read()), operator, times, clip=about)
    execute = _begin(folder, source, recovering, None, request)
    del source, operator
    execute()


@app.command
def demo(*, output: OutputOrNew = None, recovering: Recovering = RecoverSettings()) -> None:
    """Recover the clip that comes with the package from a fifth of its pixels, and compare with baselines.

    Parameters
    ----------
    output
        folder of the run; default: a new one, lowreel-demo
    """
    from importlib.resources import as_file, files

    with as_file(files("lowreel") / "assets" / "demo.mp4") as clip:
        folder = output or _unused(Path("lowreel-demo"))
        _simulate(clip, MissingSettings(), ClipSettings(), NoiseSettings(), recovering, folder, resume=False)


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


@app.command
def info(file: Path) -> None:
    """Say what a file or folder holds: a clip, measured data, a representation, weights or a run.

    Parameters
    ----------
    file
        any file or folder that lowreel reads or writes
    """
    from .describe import describe

    found = describe(file)
    width = max(14, *(len(name) for name in found))
    for name, value in found.items():
        print(f"{name:<{width}} {value}")


def _measure(
    clip: Path,
    operator: Settings,
    reading: ClipSettings,
    noise: NoiseSettings,
    measuring: MeasureSettings,
    output: Path,
) -> None:
    if output.exists():
        raise InputError(f"{output}: exists already; give another name with -o")
    if not output.parent.is_dir():
        raise InputError(f"{output.parent}: no such folder; make it first")
    check_arguments(operator, reading, noise, measuring.memory)
    measured, _ = _measured(clip, operator, reading, noise, measuring, arrays=4)
    measured.save(output)
    print(f"wrote {output}: {measured.operator.kind}, clip {measured.operator.clip_shape}")


def _measured(
    clip: Path,
    operator: Settings,
    reading: ClipSettings,
    noise: NoiseSettings,
    measuring: MeasureSettings,
    arrays: int | None = None,
) -> tuple[Measured, dict[str, Any]]:
    """Data of a clip, and how to read the clip again. arrays: how many of the clip's size there have to be room for."""
    from ..data import Measured
    from ..recovery.cost import check_clip_fits
    from ..runs.folder import clip_information, clip_times

    source, budget = _open(clip, reading), parse_bytes(measuring.memory)
    check_clip_fits(source.shape, budget, arrays)
    made = build(operator, source.shape, measuring.seed, budget // 2)
    data, entry = _with_noise(made(source.read()), made, noise, measuring.seed)
    how = _reading(clip, reading)
    information = clip_information(source) | {"reading": how}
    return Measured(data, made, clip_times(source), entry, information), how


def _with_noise(data: Data, operator: LinearOperator, noise: NoiseSettings, seed: int) -> tuple[Data, Any]:
    """The data with the noise asked for, and what is told of it."""
    from ..data import add_dead_columns, add_poisson_noise, add_salt_and_pepper, add_white_noise, as_noise

    noisy, entry = data, as_noise(0.0)
    if noise.photons is not None:
        noisy, entry = add_poisson_noise(data, operator, photons=noise.photons, seed=seed)
    elif noise.salt_and_pepper is not None:
        noisy, entry = add_salt_and_pepper(data, operator, share=noise.salt_and_pepper, seed=seed)
    elif noise.dead_columns is not None:
        noisy, entry = add_dead_columns(data, operator, share=noise.dead_columns, seed=seed)
    elif noise.kinds():
        noisy, entry = add_white_noise(data, operator, level=noise.noise, snr=noise.snr, seed=seed)
    return noisy, as_noise(None) if noise.blind else entry


def _simulate(
    clip: Path,
    operator: Settings,
    reading: ClipSettings,
    noise: NoiseSettings,
    recovering: RecoverSettings,
    output: Path | None,
    resume: bool,
) -> None:
    kind = name_of(operator)
    request = _request(kind, clip, operator.model_dump(mode="json"), reading, noise)
    if resume:
        _go_on(_given(output), recovering, request)
        return
    check_arguments(operator, reading, noise, recovering.memory)
    folder = _fresh(output, f"{_stem(clip)}-{kind}")
    _check_device(recovering)
    measuring = MeasureSettings(seed=recovering.seed, memory=recovering.memory)
    source, truth = _source(clip, operator, reading, noise, measuring, recovering)
    execute = _begin(folder, source, recovering, truth, request)
    del source
    execute()


def _source(
    clip: Path,
    operator: Settings,
    reading: ClipSettings,
    noise: NoiseSettings,
    measuring: MeasureSettings,
    recovering: RecoverSettings,
) -> tuple[Source, dict[str, Any]]:
    """Data of a clip: measured whole, or, where it is long or large, section by section; how to read it again."""
    opened = _open(clip, reading)
    from ..operators import extend
    from ..runs.folder import clip_information, clip_times
    from ..runs.sections import ClipSource

    part = None if is_short(opened.shape, recovering) else first_parts(operator, opened.shape, measuring)
    if part is None or noise.kinds() not in ([], ["noise"]) or noise.blind:
        return _measured(clip, operator, reading, noise, measuring)
    how = _reading(clip, reading)
    about = clip_information(opened) | {"reading": how}
    spec, level = extend(part.spec(), opened.shape[0]), noise.noise or 0.0
    sigma = level * part.row_norm()
    return ClipSource(opened, spec, {}, clip_times(opened), about, level, sigma, measuring.seed), how


def check_arguments(operator: Settings, reading: ClipSettings, noise: NoiseSettings, memory: str | None) -> None:
    """What can be said against the arguments before anything is imported or read."""
    parse_size(reading.size)
    parse_frames(reading.frames)
    parse_bytes(memory)
    if len(kinds := noise.kinds()) > 1:
        flags = " and ".join(f"--{name.replace('_', '-')}" for name in kinds)
        raise InputError(f"noise: give one kind at a time, not {flags}")
    check_operator_settings(operator)


def _request(
    kind: str, clip: Path, operator: dict[str, Any], reading: ClipSettings, noise: NoiseSettings
) -> dict[str, Any]:
    """What is asked to be measured, as plain data."""
    return {"kind": kind, "operator": operator, "noise": noise.model_dump(), "reading": _reading(clip, reading)}


def _begin(
    folder: Path,
    source: Source,
    recovering: RecoverSettings,
    truth: dict[str, Any] | None,
    request: dict[str, Any] | None = None,
) -> Callable[[], None]:
    """Make the run folder, once everything is known to fit; what performs the run."""
    recovering = recovering.model_copy(update={"generator": file_text(recovering.generator, GENERATORS)})
    sections = planned_sections(source, recovering)
    if len(sections) > 1:
        return begin_sections(folder, source, sections, recovering, truth, request)
    from ..data import Measured
    from ..recovery.cost import check_clip_fits, check_fits
    from ..recovery.policy import planned
    from ..recovery.preparation import prepare
    from ..runs.folder import Run
    from ..runs.truth import load_truth

    if isinstance(source, Measured):
        measured = source
    else:
        check_clip_fits(source.spec["clip_shape"], parse_bytes(recovering.memory))
        measured = source.temporal_slice(sections[0].frames, memory=operator_budget(recovering.memory))
    true_clip = load_truth(truth, measured.operator.clip_shape) if truth else None
    problem = prepare(measured.data, measured.operator, recovering, noise=measured.noise, times=measured.times)
    needs = planned(problem, recovering)[1]
    print(needs.sentence(recovering.time), flush=True)
    check_fits(needs, parse_bytes(recovering.memory))
    return partial(_perform, Run.create(folder, measured, recovering, truth, request), measured, true_clip)


def _go_on(
    folder: Path, recovering: RecoverSettings, request: dict[str, Any] | None = None, operator: str | None = None
) -> None:
    """Resume the run in a folder with its own settings, but for the time, memory and device of this session."""
    from ..runs.folder import Run
    from ..runs.sectioned import SectionedRun
    from ..runs.truth import load_truth

    recovering = recovering.model_copy(update={"generator": file_text(recovering.generator, GENERATORS)})
    if SectionedRun.is_in(folder):
        go_on_with_sections(folder, recovering, request)
        return
    run = opened_again(Run.open(folder), recovering, request)
    if run is None:
        return
    measured = run.measured(operator)
    truth = load_truth(run.truth, measured.operator.clip_shape) if run.truth else None
    _perform(run, measured, truth)


def _perform(run: Run, measured: Measured, truth: Tensor | None) -> None:
    from ..runs.folder import execute
    from ..runs.report import draw_report
    from ..runs.truth import truth_warnings

    doubts = [] if truth is None else truth_warnings(truth, measured)
    with ProgressBar() as bar:
        recovery, summary, notes = execute(run, measured, truth, show=bar.show, on_baseline=bar.tell_baseline)
    draw_report(run.folder / "report.png", recovery, measured, truth)
    run.finish(summary)
    show_summary(run.folder, summary, [*doubts, *notes])


def _open(clip: Path, reading: ClipSettings) -> Any:
    from ..io.datasets import open_source

    how = _reading(clip, reading)
    frames = slice(*how["frames"]) if how["frames"] else None
    size = (how["size"][0], how["size"][1]) if how["size"] else None
    return open_source(clip, size=size, fit=how["fit"], channels=how["channels"], frames=frames)


def _reading(clip: Path, reading: ClipSettings) -> dict[str, Any]:
    """How a clip is read, as plain data: the arguments of `open_source`."""
    return {
        "path": source_text(clip),
        "size": parse_size(reading.size),
        "fit": reading.fit,
        "channels": reading.channels,
        "frames": parse_frames(reading.frames),
    }


def _truth_reading(truth: Path, source: Source) -> dict[str, Any]:
    """The true clip is read as the measured one was, or else to the data's shape."""
    from ..data import Measured
    from ..runs.truth import in_levels_of

    frames, channels, height, width = source.spec["clip_shape"]
    known = source.clip.get("reading") or {"fit": "squash", "frames": [frames]}
    reading = {**known, "path": source_text(truth), "size": [height, width], "channels": channels}
    return in_levels_of(source, reading) if isinstance(source, Measured) else reading


def _given(output: Path | None) -> Path:
    if output is None:
        raise InputError("--resume: say which run with -o RUN")
    return output


def _fresh(output: Path | None, name: str) -> Path:
    """The folder given, if a run can be made there, or a new one in runs/."""
    if output is None:
        return _unused(Path("runs") / name)
    check_free(output)
    return output


def _check_device(recovering: RecoverSettings) -> None:
    """Raise InputError, before anything is read, where this machine lacks the device."""
    from ..system.devices import device_of

    device_of(recovering.device)


def _stem(clip: Path) -> str:
    file, name = split_member(clip)
    text = file.stem if name is None else f"{file.stem}-{name}"
    return text.replace(":", "-").replace("/", "-")


def _unused(folder: Path) -> Path:
    """`folder`, or with -2, -3, ... behind its name, whichever does not exist yet."""
    candidates = (folder.with_name(f"{folder.name}-{k}") for k in range(2, 100_000))
    return folder if not folder.exists() else next(c for c in candidates if not c.exists())
