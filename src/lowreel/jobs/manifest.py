"""The rows of a batch: which clips, how they are measured, with which settings."""

from __future__ import annotations

import contextlib
import csv
import glob
import itertools
import json
import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from ..catalogue import OPERATORS, OperatorSettings, parse_operator
from ..errors import InputError
from ..settings import ArraysSettings, ClipSettings, NoiseSettings, RecoverSettings, Settings
from ..system.files import is_array_file, split_member
from ..system.memory import parse_bytes
from ..system.names import GENERATORS, is_clip_name
from .request import RunRequest

OWN = ("name", "clip", "data", "operator", "mask", "keep", "truth", "holdout")
"""Columns that are no flags of a recovery."""

BATCH_FILES = ("rows", "results.csv", "report.html", "config.json")
"""Names that a batch has for files of its own."""

JSON_SUFFIXES = (".jsonl", ".ndjson", ".json")


@dataclass(frozen=True)
class Row:
    """One recovery of a batch. columns: as in the manifest, those of all rows and its own; values that are empty are
    left out."""

    name: str
    columns: Mapping[str, Any] = field(default_factory=dict)

    def memory(self) -> int | None:
        """Bytes that its recovery may take; None where the row does not say, or says nothing that can be read."""
        with contextlib.suppress(InputError):
            return parse_bytes(str(self.columns["memory"])) if "memory" in self.columns else None
        return None

    def request(self, folder: Path) -> RunRequest:
        """The request that this row stands for, with its run in FOLDER/NAME.

        Raises InputError where it says no clip, or has a column that means nothing for it, or a value that is none.
        """
        left = dict(self.columns)
        own = {name: str(left.pop(name)) for name in OWN if name in left}
        said: dict[str, Any] = {"holdout": own.get("holdout"), "output": str(folder / self.name)}
        if "data" in own and "clip" in own:
            raise InputError("expected a column clip or data, not both")
        if "data" in own:
            is_ours = Path(own["data"]).suffix == ".safetensors"
            left |= {} if is_ours else {name: own[name] for name in ("operator", "mask") if name in own}
            arrays, settings = _taken(left, ArraysSettings), _taken(left, RecoverSettings)
            _check_nothing_left(left, "recover")
            others = None if arrays == ArraysSettings() else arrays
            return RunRequest(data=own["data"], arrays=others, truth=own.get("truth"), settings=settings, **said)
        if "clip" not in own:
            raise InputError("expected a column clip (to be measured first) or data (measured already)")
        reading, settings = _taken(left, ClipSettings), _taken(left, RecoverSettings)
        if "mask" in own:
            _check_nothing_left(left, "inpaint")
            return RunRequest(
                clip=own["clip"],
                mask=own["mask"],
                keep=own.get("keep"),
                reading=reading,
                settings=settings,
                **said,
            )
        if "operator" not in own:
            raise InputError('expected an operator, such as "missing --ratio 0.8": as a column, or by --operator')
        operator, noise = _operator(own["operator"], left), _taken(left, NoiseSettings)
        _check_nothing_left(left, f"simulate {operator.name}")
        return RunRequest(clip=own["clip"], operator=operator, reading=reading, noise=noise, settings=settings, **said)


Model = TypeVar("Model", bound=Settings)


def _taken(left: dict[str, Any], model: type[Model], **known: Any) -> Model:
    """The settings of a model, from the columns of their names, which are taken out of those that are left."""
    named = {name: _value(left.pop(name), field.default) for name, field in model.model_fields.items() if name in left}
    return model(**{**known, **named})


def _value(value: Any, default: Any) -> Any:
    """A column as a setting: words as in a table, several of them for a setting that may be repeated."""
    if isinstance(default, tuple):
        return tuple(map(str, value)) if isinstance(value, list) else (str(value),)
    return str(value)


def _operator(text: str, left: dict[str, Any]) -> OperatorSettings:
    """The operator of a row, from the text that names it and from columns that are its settings."""
    try:
        said = parse_operator(text)
    except InputError as error:
        raise InputError(str(error).replace("--of ", "operator ", 1)) from None
    return _taken(left, type(said), **said.model_dump(exclude_defaults=True))


def _check_nothing_left(left: Mapping[str, Any], command: str) -> None:
    off = [name for name, value in left.items() if str(value).lower() != "false"]
    if off:
        raise InputError(f"--{off[0].replace('_', '-')}: is no flag of {command}; leave this column empty here")


def read_manifest(text: str, common: Mapping[str, Any], output: Path | None = None) -> list[Row]:
    """The rows of a manifest, CSV or JSON lines, or one for each file that a pattern such as "clips/*.mp4" finds.

    common: columns of all rows, which a row's own replace; output: a folder whose files are no clips for a pattern.
    Paths are taken from the manifest's folder. Raises InputError for a file that is none, columns that are no flags,
    names that are taken twice or are no names of folders, no rows at all.
    """
    path = Path(text)
    if path.suffix.lower() == ".csv":
        found = _of_csv(path)
    elif path.suffix.lower() in JSON_SUFFIXES:
        found = _of_lines(path)
    else:
        found = _of_pattern(text, output)
    if not found:
        raise InputError(f"{text}: no rows: expected a .csv, a .jsonl, or a pattern of files such as 'clips/*.mp4'")
    unknown = sorted({column for columns in found for column in columns} - _known())
    if unknown:
        raise InputError(f"{text}: {unknown[0]!r} is no column: expected {', '.join(OWN)}, or a flag of a recovery")
    stems = Counter(_stem(columns).casefold() for columns in found)
    rows = [_row(k, {**common, **columns}, path.parent, stems) for k, columns in enumerate(found)]
    taken = [name for name, count in Counter(row.name.casefold() for row in rows).items() if count > 1]
    if taken:
        raise InputError(f"{text}: the name {taken[0]!r} is given to several rows; each has a folder of its own")
    return rows


def _known() -> set[str]:
    """Columns that mean something."""
    models: list[type[Settings]] = [RecoverSettings, ClipSettings, NoiseSettings, ArraysSettings]
    models += OPERATORS
    return {*OWN, *(name for model in models for name in model.model_fields)}


def _stripped(columns: Mapping[Any, Any]) -> dict[str, Any]:
    """Columns with their names as settings have them, without those that are empty."""
    texts = {str(k).strip().replace("-", "_"): v.strip() if isinstance(v, str) else v for k, v in columns.items()}
    return {name: value for name, value in texts.items() if value not in ("", None)}


def _of_csv(path: Path) -> list[dict[str, Any]]:
    try:
        with _opened(path) as file:
            reader = csv.DictReader(file, restkey="", strict=True)
            rows = [found for row in reader if (found := _stripped(row))]
    except (csv.Error, UnicodeDecodeError) as error:
        raise InputError(f"{path}: cannot read it as CSV: {error}") from None
    if any("" in row for row in rows):
        raise InputError(f"{path}: a row has more fields than the first line has names; quote commas")
    return rows


def _of_lines(path: Path) -> list[dict[str, Any]]:
    rows = []
    with _opened(path) as file:
        try:
            lines = file.read().splitlines()
        except UnicodeDecodeError as error:
            raise InputError(f"{path}: expected UTF-8: {error}") from None
        for number, line in enumerate(lines, start=1):
            if not line.strip():
                continue
            try:
                row = json.loads(line)
            except json.JSONDecodeError as error:
                raise InputError(f"{path}, line {number}: expected one JSON object a line: {error}") from None
            if not isinstance(row, dict):
                raise InputError(f"{path}, line {number}: expected a JSON object, got {type(row).__name__}")
            rows.append(_stripped(row))
    return rows


def _opened(path: Path) -> Any:
    if not path.is_file():
        raise InputError(f"{path}: no such file")
    return path.open(encoding="utf-8-sig", newline="")


def _of_pattern(pattern: str, output: Path | None) -> list[dict[str, Any]]:
    """Data files and clips that a pattern finds, in order; names of files become those of the rows."""
    paths = [Path(pattern)] if Path(pattern).exists() else [Path(p) for p in sorted(glob.glob(pattern, recursive=True))]
    own = None if output is None else output.resolve()
    found = [path.absolute() for path in paths if own is None or own not in (path.resolve(), *path.resolve().parents)]
    return [
        {"data" if path.suffix == ".safetensors" else "clip": str(path.resolve()), "name": name}
        for path, name in zip(found, _names(found, len(_fixed(pattern))), strict=True)
    ]


def _names(paths: list[Path], fixed: int) -> list[str]:
    """Names of rows: a file's stem where it alone has it, else its path without so many parts, numbered if need be."""
    stems = [_as_name(path.stem) for path in paths]
    count = Counter(stem.casefold() for stem in stems)
    longer = [_as_name("-".join(path.parts[fixed:])) for path in paths]
    names = [s if count[s.casefold()] == 1 else other for s, other in zip(stems, longer, strict=True)]
    alike = Counter(name.casefold() for name in names)
    return [name if alike[name.casefold()] == 1 else f"{name}-{k:04d}" for k, name in enumerate(names)]


def _fixed(pattern: str) -> tuple[str, ...]:
    """The first parts of a pattern's absolute path, up to the first that has a * or its like."""
    parts = Path(pattern).absolute().parts
    return tuple(itertools.takewhile(lambda part: not glob.has_magic(part), parts))


def _as_name(text: str) -> str:
    return re.sub(r"[^\w.-]+", "-", text).strip("-.") or "row"


def _stem(columns: Mapping[str, Any]) -> str:
    source = str(columns.get("data", columns.get("clip", "")))
    stem = Path(source).stem if not is_clip_name(source) else source
    return _as_name(stem)


def _row(number: int, columns: Mapping[str, Any], folder: Path, stems: Counter[str]) -> Row:
    columns, stem = dict(columns), _stem(columns)
    name = str(columns.get("name", stem if stems[stem.casefold()] == 1 else f"{stem}-{number:04d}"))
    if not re.fullmatch(r"\w[\w.-]*", name) or name.casefold() in BATCH_FILES:
        raise InputError(f"row {number + 1}: the name {name!r} should be that of a folder: letters, digits, - _ and .")
    for column in ("clip", "data", "mask", "truth", "holdout", "generator"):
        if column in columns and not _is_name(column, columns):
            columns[column] = _from(folder, str(columns[column]))
    return Row(name, columns)


def _is_name(column: str, columns: Mapping[str, Any]) -> bool:
    """Whether a column that may be a path names a generator, or an array in the row's file of data."""
    text = str(columns[column])
    return (column == "generator" and text in GENERATORS) or (
        column == "mask" and "data" in columns and not is_array_file(text)
    )


def _from(folder: Path, text: str) -> str:
    """A path as seen from the manifest's folder; names of clips as they are."""
    if is_clip_name(text):
        return text
    if "\0" in text:
        raise InputError(f"{text!r}: no path has a zero byte in it; write the manifest again, as text")
    file, member = split_member(Path(text))
    path = file if file.is_absolute() else (folder / file).resolve()
    return str(path) if member is None else f"{path}:{member}"
