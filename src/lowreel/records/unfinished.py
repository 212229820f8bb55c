"""What a stopped filling leaves in its file, so that it can be gone on with."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ..baselines.covariance import SpaceTimeCovariance
from ..errors import InputError
from ..io.containers.base import reading
from ..io.containers.netcdf import KIND, REMEDY, attributes_of, opened
from ..settings import FillSettings
from .choice import Choice
from .filling import Account, Begun, Part
from .netcdf_output import StoredVariable
from .netcdf_record import NetcdfRecord
from .record import Record

ATTRIBUTE = "lowreel_unfinished"
"""Of the flag variable of a file that a stop left, as JSON: how many frames are filled, by which choice and covariance,
and the digest of the record."""


def note_of(account: Account, settings: FillSettings, record: Record) -> str:
    """What is to be known to go on with a filling of a record that was stopped."""
    choice, covariance = asdict(account.choice), asdict(account.covariance)
    covariance["spans"] = covariance["spans"][1:]  # the first is infinite, which JSON has no number for
    told = {
        "frames": account.stopped,
        "settings": settings.model_dump(mode="json"),
        "record": record.digest(),
        "choice": choice,
        "covariance": covariance,
        "year": account.year,
    }
    return json.dumps(told, default=lambda array: array.tolist())


@dataclass
class Unfinished:
    """A file that a stopped filling left, and the record that was filled. A context manager."""

    path: Path
    source: NetcdfRecord

    def __enter__(self) -> Unfinished:
        with reading(self.path, KIND, REMEDY):
            self.file = opened(self.path)
        return self

    def __exit__(self, *_: object) -> None:
        self.file.close()

    def begun(self, settings: FillSettings) -> Begun:
        """What was done. Raises InputError where the file is no unfinished one, or was begun with another record or
        other settings."""
        name = self.source.name
        names = str(attributes_of(self.file[name]).get("ancillary_variables", "")).split() if self._has(name) else []
        group = self.file[name].group() if names else None
        beside = [group[one] for one in names[-3:] if one in group.variables] if group else []
        told = attributes_of(beside[1]).get(ATTRIBUTE) if len(beside) == 3 else None
        if told is None:
            raise InputError(f"{self.path}: is no filling of {name} that was stopped; leave --resume out")
        try:
            found = json.loads(str(told))
            choice, covariance = _choice(found["choice"]), _covariance(found["covariance"])
            frames, year = int(found["frames"]), None if found["year"] is None else float(found["year"])
            before, digest = FillSettings(**found["settings"]), str(found["record"])
        except (ValueError, KeyError, TypeError) as e:
            raise InputError(f"{self.path}: what it says of its filling cannot be read ({e}); fill anew") from None
        if before != settings:
            raise InputError(f"{self.path}: was begun with other settings, {before}; resume with the same ones")
        stored = StoredVariable(self.source, self.file, beside)
        with opened(self.source.path) as file:
            shape = file[name].shape
        if stored.variable.shape != shape:
            raise InputError(f"{self.path}: is of other frames or pixels than {self.source.record.label}")
        if digest != self.source.record.digest():
            raise InputError(
                f"{self.path}: was begun with other values than those of {self.source.record.label}, or other masks; "
                "resume with the same FILE, --mask, --mask-variable and --inside"
            )
        return Begun(frames, choice, covariance, year, lambda start, stop: _part(stored, start, stop))

    def _has(self, name: str) -> bool:
        try:
            return self.file[name] is not None
        except (KeyError, IndexError):
            return False


def _part(stored: StoredVariable, start: int, stop: int) -> Part:
    values, std, flag, distance = stored.frames(start, stop)
    distance = np.where(np.isnan(distance), np.inf, distance).astype(np.float32)
    return Part(start, values.astype(np.float32), std, flag, distance)


def _choice(told: dict[str, Any]) -> Choice:
    arrays = {name: np.array(told[name], float) for name in ("knots", "weights", "deviation")}
    return Choice(**(told | arrays | {"names": tuple(told["names"])}))


def _covariance(told: dict[str, Any]) -> SpaceTimeCovariance:
    arrays = {name: np.array(told[name], float) for name in ("variances", "lengths", "spans")}
    arrays["spans"] = np.concatenate([[np.inf], arrays["spans"]])
    return SpaceTimeCovariance(**(told | arrays))
