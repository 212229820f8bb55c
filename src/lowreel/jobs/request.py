"""What is asked for, as one frozen model: from what a clip is recovered, how, and where to. Imports no torch."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import BeforeValidator, Field, PlainSerializer, model_validator

from ..catalogue import OPERATORS, OperatorSettings
from ..errors import InputError
from ..settings import ArraysSettings, ClipSettings, InterpolateSettings, NoiseSettings, RecoverSettings, Settings
from ..system.files import check_free_file, is_toml, read_json, read_toml, split_member, write_json, write_toml
from ..system.memory import parse_bytes
from ..system.names import GENERATORS, file_text, source_text
from ..system.values import parse_frames, parse_size
from .measured_arrays import are_arrays_meant, is_own_operator


def _operator(value: Any) -> Any:
    """Settings of an operator as they are, or from {"kind": its name, **settings}."""
    if isinstance(value, Mapping):
        model = next((operator for operator in OPERATORS if operator.name == value.get("kind")), None)
        if model is not None:
            return model(**{name: one for name, one in value.items() if name != "kind"})
    elif value is None or type(value) in OPERATORS:
        return value
    names = ", ".join(operator.name for operator in OPERATORS)
    raise ValueError(f"expected the settings of an operator, or a dictionary with a kind, one of {names}")


def _operator_json(operator: OperatorSettings | None) -> dict[str, Any] | None:
    return None if operator is None else {"kind": operator.name, **operator.model_dump(mode="json")}


def _text(value: Any) -> Any:
    return str(value) if isinstance(value, Path) else value


Source = Annotated[str, BeforeValidator(_text)]
AnyOperator = Annotated[OperatorSettings | None, BeforeValidator(_operator), PlainSerializer(_operator_json)]

OF_SESSION = ("time", "memory", "device")
"""Settings that may differ from one session with a run to the next: the machine may."""


class RunRequest(Settings):
    """One recovery: of a clip that is measured first (`clip`, `operator`), of a damaged clip (`clip`, `mask`), of data
    that was measured before, or of arrays of others (`data`, `arrays`).

    Relative paths are seen from the working folder. `model_dump(mode="json")` and `RunRequest(**content)` are a round
    trip. Raises InputError, in one sentence, for fields that do not go together.
    """

    version: Literal[1] = Field(1, description="of this form")
    clip: Source | None = Field(None, description="file, folder of images, FILE.mat:NAME, or name of a drawn clip")
    operator: AnyOperator = Field(None, description="what the clip is measured with")
    mask: Source | None = Field(None, description="in place of `operator`: which pixels of the clip are kept")
    keep: str | None = Field(None, description="what of the mask is kept; None: white")
    data: Source | None = Field(None, description="in place of `clip`: a data file, or a file of arrays of others")
    arrays: ArraysSettings | None = Field(None, description="which arrays of `data` are meant, where they are others'")
    truth: Source | None = Field(None, description="the true clip of `data`, to score the result with")
    holdout: Source | None = Field(None, description="pixels that judge the result, white; None: chosen by the data")
    reading: ClipSettings = Field(ClipSettings(), description="how the clip is read")
    noise: NoiseSettings = Field(NoiseSettings(), description="what is added to the data of a clip")
    settings: RecoverSettings = Field(RecoverSettings(), description="how it is recovered")
    output: Source | None = Field(None, description="folder of the run; None: a new one in runs/")

    @model_validator(mode="after")
    def _is_one_recovery(self) -> Self:
        if (self.clip is None) == (self.data is None):
            raise ValueError("give clip (to be measured first) or data (measured already), one of them")
        if self.data is not None:
            if self._given("operator", "mask", "reading", "noise"):
                raise ValueError(
                    "operator, mask, reading and noise are for a clip; of data they are known, or in arrays"
                )
            return self
        if (self.operator is None) == (self.mask is None):
            raise ValueError("give operator (what the clip is measured with) or mask (what of it is kept), one of them")
        if self._given("arrays", "truth"):
            raise ValueError("arrays and truth are for data; a clip that is measured here is its own truth")
        if self.mask is not None and self._given("noise"):
            raise ValueError("noise is for a clip with an operator; a damaged clip is taken as it is")
        if self.mask is None and self._given("keep"):
            raise ValueError("keep is for a mask")
        return self

    def _given(self, *names: str) -> bool:
        return any(getattr(self, name) != type(self).model_fields[name].default for name in names)

    @staticmethod
    def load(path: str | Path) -> RunRequest:
        """What `save` wrote. Raises InputError, with the file and the key, for one that is damaged or of another
        version."""
        content = read_toml(path) if is_toml(path) else read_json(path)
        if not isinstance(content, dict) or content.get("version") != 1:
            raise InputError(f"{path}: expected a request of version 1; ask for the recovery again")
        try:
            return RunRequest(**{name: _part(name, value) for name, value in content.items()})
        except InputError as error:
            raise InputError(f"{path}: {error}") from None

    def save(self, path: str | Path) -> None:
        """Write the request as JSON, or, into a file named .toml, as TOML, without what is None."""
        if is_toml(path):
            write_toml(path, self.model_dump(mode="json"))
        else:
            write_json(path, self.model_dump(mode="json"))

    def with_given(self, output: Path | None, settings: RecoverSettings) -> Self:
        """The same with the output and the settings that were typed on a command line, one that is as by default too.

        Raises InputError for settings that contradict each other.
        """
        own = RecoverSettings(**(self.settings.model_dump() | settings.model_dump(exclude_unset=True)))
        folder = self.output if output is None else str(output)
        return self.model_copy(update={"settings": own, "output": folder})

    def with_full_paths(self) -> Self:
        """The same for whoever is in another working folder: sources, arrays, generator and output as full paths."""
        paths: dict[str, Any] = {name: source_text(text) for name in PATHS if (text := getattr(self, name)) is not None}
        output = None if self.output is None else str(Path(self.output).resolve())
        if self.arrays is not None:
            names = {name: _full_file(text) for name in ARRAY_PATHS if (text := getattr(self.arrays, name)) is not None}
            paths["arrays"] = self.arrays.model_copy(update=names)
        return self.model_copy(update={**paths, "settings": with_full_paths(self.settings), "output": output})

    def check(self) -> None:
        """Raise InputError for mistakes that can be seen before torch is imported or a clip is read."""
        parse_bytes(self.settings.memory)
        if self.data is not None:
            if Path(self.data).is_dir():
                raise InputError(f"{self.data}: is a folder; add --resume to go on with a run, or give a data file")
            are_arrays_meant(Path(self.data), self.arrays or ArraysSettings())
        else:
            check_measuring(self.operator, self.reading, self.noise)

    def asked(self) -> dict[str, Any]:
        """The source of the recovery as JSON with full paths; it has to be the same when a run goes on.

        Settings and output are left out: a run has them beside it.
        """
        sides = parse_size(self.reading.size)
        reading = self.reading.model_copy(update={"size": "x".join(map(str, sides))}) if sides else self.reading
        full = self.with_full_paths().model_copy(update={"reading": reading, "arrays": self.arrays})
        return full.model_dump(mode="json", exclude={"settings", "output"})

    def is_same_recovery(self, other: RunRequest) -> bool:
        """Whether a run that was begun as one of the two requests may go on as the other."""
        return without_session(self.settings) == without_session(other.settings) and self.asked() == other.asked()

    @property
    def kind(self) -> str | None:
        """Name of the operator, "inpaint" of a damaged clip, None of data."""
        return self.operator.name if self.operator is not None else None if self.mask is None else "inpaint"

    @property
    def own_operator(self) -> str | None:
        """package.module:object, which a run does not keep; None where the operator is not one's own."""
        operator = None if self.arrays is None else self.arrays.operator
        return operator if operator is not None and is_own_operator(operator) else None


class InterpolateRequest(Settings):
    """A video of frames between those of a recovery, or of a clip with its missing frames. A frozen model, as JSON too.

    Raises InputError for settings that contradict each other.
    """

    recovery: Source = Field(description="folder of a finished run, or a representation.safetensors")
    settings: InterpolateSettings = Field(InterpolateSettings(), description="which frames")
    output: Source | None = Field(None, description="file to write; None: interpolated.mp4 or filled.mp4 beside it")

    @model_validator(mode="after")
    def _is_one_video(self) -> Self:
        settings = self.settings
        if settings.missing and (settings.frames is not None or settings.between is not None):
            raise ValueError("--missing: fills in the whole clip; leave out --frames and --between")
        return self

    def file(self) -> Path:
        """The file to write."""
        if self.output is not None:
            return Path(self.output)
        recovery = Path(self.recovery)
        name = "filled.mp4" if self.settings.missing else "interpolated.mp4"
        return (recovery if recovery.is_dir() else recovery.parent) / name

    def check(self) -> None:
        """Raise InputError where the file to write is there already."""
        check_free_file(self.file())

    @staticmethod
    def load(path: str | Path) -> InterpolateRequest:
        """What `save` wrote. Raises InputError for a file that is damaged."""
        content = read_json(path)
        if not isinstance(content, dict):
            raise InputError(f"{path}: expected a request; ask for the frames again")
        return InterpolateRequest(**content)

    def save(self, path: str | Path) -> None:
        """Write the request as JSON."""
        write_json(path, self.model_dump(mode="json"))


PATHS = ("clip", "mask", "data", "truth", "holdout")
"""Fields of a request that are files, or names in their place."""

ARRAY_PATHS = ("mask", "trajectory", "coil_maps", "gating")
"""Fields of `ArraysSettings` that may be files; else they are names in the file of the data."""


def _full_file(text: str) -> str:
    """FILE or FILE:NAME with its full path, where there is such a file; else the text as it is."""
    return str(Path(text).resolve()) if split_member(text)[0].exists() else text


_PARTS: dict[str, type[Settings]] = {
    "reading": ClipSettings,
    "noise": NoiseSettings,
    "settings": RecoverSettings,
    "arrays": ArraysSettings,
}
"""Fields of a request that are settings, which name a wrong key of their own."""


def _part(name: str, value: Any) -> Any:
    """What a file says of a field. Raises InputError, with the key, for settings that are wrong."""
    model = _PARTS.get(name)
    if model is None or not isinstance(value, dict):
        return value
    try:
        return model(**value)
    except InputError as error:
        raise InputError(f"{name}: {error}") from None


def check_measuring(operator: OperatorSettings | None, reading: ClipSettings, noise: NoiseSettings) -> None:
    """Raise InputError for mistakes in reading and measuring that can be seen before anything is imported."""
    parse_size(reading.size)
    parse_frames(reading.frames)
    if len(kinds := noise.kinds()) > 1:
        flags = " and ".join(f"--{name.replace('_', '-')}" for name in kinds)
        raise InputError(f"noise: give one kind at a time, not {flags}")
    if operator is not None:
        operator.check()


def without_session(settings: RecoverSettings) -> RecoverSettings:
    """The settings without those that may differ from one session with a run to the next."""
    nothing = {name: RecoverSettings.model_fields[name].default for name in OF_SESSION}
    return settings.model_copy(update=nothing)


def with_full_paths(settings: RecoverSettings) -> RecoverSettings:
    """The settings with the full path of a generator that is a file."""
    return settings.model_copy(update={"generator": file_text(settings.generator, GENERATORS)})


def command_line(request: RunRequest, *, resume: bool = False) -> list[str]:
    """The words after `lowreel` of a command line that asks for the same.

    resume: the words that go on with its run, which is in the folder of its output.
    """
    if resume:
        of_session = [flag for flag in _flags(request.settings) if flag.startswith(_SESSION_FLAGS)]
        own = [] if request.own_operator is None else [f"--operator={request.own_operator}"]
        return ["recover", str(request.output), "--resume", *own, *of_session]
    if request.data is not None:
        truth = [] if request.truth is None else [f"--truth={request.truth}"]
        words = ["recover", request.data, *truth, *(_flags(request.arrays) if request.arrays else ())]
    elif request.operator is not None:
        words = ["simulate", request.operator.name, str(request.clip), *_flags(request.operator)]
    else:
        keep = [] if request.keep is None else [f"--keep={request.keep}"]
        words = ["inpaint", str(request.clip), f"--mask={request.mask}", *keep]
    words += [] if request.holdout is None else [f"--holdout={request.holdout}"]
    words += [*_flags(request.reading), *_flags(request.noise), *_flags(request.settings)]
    return words if request.output is None else [*words, "-o", request.output]


_SESSION_FLAGS = tuple(f"--{name}=" for name in OF_SESSION)


def _flags(settings: Settings) -> list[str]:
    """The settings that are not as by default, as flags."""
    return [flag for name in type(settings).model_fields for flag in _flag(settings, name)]


def _flag(settings: Settings, name: str) -> Iterable[str]:
    value, flag = getattr(settings, name), f"--{name.replace('_', '-')}"
    if value == type(settings).model_fields[name].default:
        return ()
    if isinstance(value, bool):
        return (flag,)
    return [f"{flag}={one}" for one in (value if isinstance(value, tuple) else (value,))]
