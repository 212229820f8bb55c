"""A NetCDF file with gaps in, one without out."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ..errors import InputError
from ..settings import FillSettings
from ..system.files import atomic_write
from .filling import Account, fill_record
from .netcdf_output import FilledFile
from .netcdf_record import SUFFIXES, netcdf_record


def fill_file(
    text: str | Path,
    output: Path,
    settings: FillSettings,
    *,
    mask: Path | None = None,
    mask_variable: str | None = None,
    inside: str | None = None,
) -> tuple[Account, list[str]]:
    """Fill FILE or FILE:VARIABLE into a new NetCDF file; what was done, and sentences about what could not be kept.

    See `netcdf_record` for the masks. Raises InputError where the output is there already, or no .nc, and as reading.
    """
    if output.suffix.lower() not in SUFFIXES:
        raise InputError(f"{output}: a filled record is written as NetCDF; give a name that ends with .nc")
    if output.exists():
        raise InputError(f"{output}: exists already; give another name with -o")
    if not output.parent.is_dir():
        raise InputError(f"{output.parent}: no such folder; make it first")
    source = netcdf_record(text, mask=mask, mask_variable=mask_variable, inside=inside)
    with atomic_write(output) as temporary, FilledFile(temporary, source) as file:
        account = fill_record(source.record, settings, file.add)
        notes = file.notes
    return account, notes


def summary(account: Account) -> dict[str, Any]:
    """What was done, as plain numbers and words for JSON."""
    choice = account.choice
    return {
        "delivered": choice.delivered,
        "expected_error": choice.expected_error if choice.hidden else None,
        "errors": choice.errors,
        "hidden_values": choice.hidden,
        "noise": choice.noise,
        "weights": {
            name: dict(zip(map(float, choice.knots), map(float, w), strict=True))
            for name, w in zip(choice.names, choice.weights, strict=True)
            if w.any()
        },
        "pixels": account.counts,
        "duplicates": list(account.duplicates),
        "time_unit": account.time_unit,
        "sentence": account.sentence,
    }
