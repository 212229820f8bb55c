"""The rows of a batch: which clips, how they are measured, with which settings."""

from __future__ import annotations

import csv
import glob
import json
import re
import shlex
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..errors import InputError
from ..files import split_member
from ..names import is_clip_name

OWN = ("name", "clip", "data", "operator", "mask", "truth")
"""Columns that are no flags of a recovery."""

LINES = (".jsonl", ".ndjson", ".json")


@dataclass(frozen=True)
class Row:
    """One recovery of a batch. columns: as in the manifest, those of all rows and its own; values that are empty are
    left out."""

    name: str
    columns: Mapping[str, Any] = field(default_factory=dict)

    def words(self, folder: Path) -> list[str]:
        """The command line of this row, with its run in FOLDER/NAME. Raises InputError where it says no clip."""
        own = {name: str(self.columns[name]) for name in OWN if name in self.columns}
        flags = [word for name, value in self.columns.items() if name not in OWN for word in _flag(name, value)]
        ending = [*flags, f"--output={folder / self.name}"]
        if "data" in own:
            truth = [f"--truth={own['truth']}"] if "truth" in own else []
            return ["recover", own["data"], *truth, *ending]
        if "clip" not in own:
            raise InputError("expected a column clip (to be measured first) or data (measured already)")
        if "mask" in own:
            return ["inpaint", own["clip"], f"--mask={own['mask']}", *ending]
        if "operator" not in own:
            raise InputError('expected an operator, such as "missing --ratio 0.8": as a column, or by --operator')
        kind, *settings = shlex.split(own["operator"])
        return ["simulate", kind, own["clip"], *settings, *ending]


def _flag(name: str, value: Any) -> list[str]:
    """A column as a flag: nothing where it is off, the flag alone where it is on."""
    text = f"--{name.replace('_', '-')}"
    if value is True or value is False or str(value).lower() in ("true", "false"):
        return [text] if str(value).lower() == "true" else []
    values = value if isinstance(value, list) else [value]
    return [f"{text}={one}" for one in values]


def read_manifest(text: str, common: Mapping[str, Any]) -> list[Row]:
    """The rows of a manifest, CSV or JSON lines, or one for each file that a pattern such as "clips/*.mp4" finds.

    common: columns of all rows, which a row's own replace. Paths are taken from the manifest's folder. Raises
    InputError for a file that is none, names that are taken twice or are no names of folders, no rows at all.
    """
    path = Path(text)
    if path.suffix.lower() == ".csv":
        found = _of_csv(path)
    elif path.suffix.lower() in LINES:
        found = _of_lines(path)
    else:
        found = _of_pattern(text)
    if not found:
        raise InputError(f"{text}: no rows: expected a .csv, a .jsonl, or a pattern of files such as 'clips/*.mp4'")
    rows = [_row(k, {**common, **columns}, path.parent) for k, columns in enumerate(found)]
    taken = [name for name, count in Counter(row.name for row in rows).items() if count > 1]
    if taken:
        raise InputError(f"{text}: the name {taken[0]!r} is given to several rows; each has a folder of its own")
    return rows


def _of_csv(path: Path) -> list[dict[str, Any]]:
    try:
        with _opened(path) as file:
            reader = csv.DictReader(file, restkey="", strict=True)
            rows = [{k: v for k, v in row.items() if v not in ("", None)} for row in reader]
    except (csv.Error, UnicodeDecodeError) as error:
        raise InputError(f"{path}: cannot read it as CSV: {error}") from None
    if any("" in row for row in rows):
        raise InputError(f"{path}: a row has more fields than the first line has names; quote commas")
    return rows


def _of_lines(path: Path) -> list[dict[str, Any]]:
    rows = []
    with _opened(path) as file:
        for number, line in enumerate(file, start=1):
            if not line.strip():
                continue
            try:
                row = json.loads(line)
            except json.JSONDecodeError as error:
                raise InputError(f"{path}, line {number}: expected one JSON object a line: {error}") from None
            if not isinstance(row, dict):
                raise InputError(f"{path}, line {number}: expected a JSON object, got {type(row).__name__}")
            rows.append({k: v for k, v in row.items() if v not in ("", None)})
    return rows


def _opened(path: Path) -> Any:
    if not path.is_file():
        raise InputError(f"{path}: no such file")
    return path.open(encoding="utf-8-sig", newline="")


def _of_pattern(pattern: str) -> list[dict[str, Any]]:
    """Data files and clips that a pattern finds, in order; names of files become those of the rows."""
    found = sorted(glob.glob(pattern, recursive=True))
    column = {True: "data", False: "clip"}
    return [{column[Path(file).suffix == ".safetensors"]: str(Path(file).resolve())} for file in found]


def _row(number: int, columns: Mapping[str, Any], folder: Path) -> Row:
    columns = dict(columns)
    source = str(columns.get("data", columns.get("clip", "")))
    stem = re.sub(r"[^\w.-]+", "-", Path(source).stem).strip("-.") or "row"
    name = str(columns.get("name", f"{number:04d}-{stem}"))
    if not re.fullmatch(r"\w[\w.-]*", name):
        raise InputError(f"row {number + 1}: the name {name!r} should be that of a folder: letters, digits, - _ and .")
    for column in ("clip", "data", "mask", "truth"):
        if column in columns:
            columns[column] = _from(folder, str(columns[column]))
    return Row(name, columns)


def _from(folder: Path, text: str) -> str:
    """A path as seen from the manifest's folder; names of clips as they are."""
    if is_clip_name(text):
        return text
    file, member = split_member(Path(text))
    path = file if file.is_absolute() else (folder / file).resolve()
    return str(path) if member is None else f"{path}:{member}"
