"""A NetCDF file with gaps in, one without out."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ..errors import InputError
from ..settings import FillSettings
from ..system.files import atomic_write, split_member
from .filling import Account, fill_record
from .netcdf_output import FilledFile, FilledVariable
from .netcdf_record import SUFFIXES, netcdf_record


def fill_file(
    text: str | Path,
    output: Path,
    settings: FillSettings,
    *,
    mask: Path | None = None,
    mask_variable: str | None = None,
    inside: str | None = None,
    variables: Sequence[str] = (),
) -> tuple[dict[str, Account], list[str]]:
    """Fill FILE or FILE:VARIABLE into a new NetCDF file; what was done by variable, and sentences about what could not
    be kept.

    variables: names in FILE that are filled, all of them, each with the help of the others where they lower its error.
    See `netcdf_record` for the masks. Raises InputError where the output is there already, or no .nc, and as reading.
    """
    texts = _texts(text, variables)
    if output.suffix.lower() not in SUFFIXES:
        raise InputError(f"{output}: a filled record is written as NetCDF; give a name that ends with .nc")
    if output.exists():
        raise InputError(f"{output}: exists already; give another name with -o")
    if not output.parent.is_dir():
        raise InputError(f"{output.parent}: no such folder; make it first")
    sources = [netcdf_record(one, mask=mask, mask_variable=mask_variable, inside=inside) for one in texts]
    accounts = {}
    with atomic_write(output) as temporary, FilledFile(temporary, sources[0].path) as file:
        for source in sources:
            others = [other.record for other in sources if other is not source]
            accounts[source.name] = fill_record(source.record, settings, FilledVariable(file, source).add, others)
        notes = file.notes
    return accounts, notes


def _texts(text: str | Path, variables: Sequence[str]) -> list[str]:
    """What is filled, FILE:VARIABLE each."""
    if not variables:
        return [str(text)]
    file, member = split_member(text)
    if member is not None:
        raise InputError(f"{text}: name the variables here or by --variables, not in both places")
    if len(set(variables)) < len(variables):
        raise InputError(f"--variables: names one twice: {', '.join(variables)}")
    return [f"{file}:{name}" for name in variables]


def summary(account: Account) -> dict[str, Any]:
    """What was done to one variable, as plain numbers and words for JSON."""
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
        "others": list(account.others),
        "together": choice.is_joint,
        "sentence": account.sentence,
    }
