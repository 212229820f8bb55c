"""A NetCDF file with gaps in, one without out."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ..errors import InputError
from ..settings import FillSettings
from ..system.files import atomic_write, split_member
from .filling import Account, OnProgress, fill_record
from .netcdf_output import FilledFile, FilledVariable
from .netcdf_record import SUFFIXES, netcdf_record
from .unfinished import ATTRIBUTE, Unfinished, note_of


def fill_file(
    text: str | Path,
    output: Path,
    settings: FillSettings,
    *,
    mask: Path | None = None,
    mask_variable: str | None = None,
    inside: str | None = None,
    variables: Sequence[str] = (),
    tell: OnProgress | None = None,
    resume: bool = False,
) -> tuple[dict[str, Account], list[str]]:
    """Fill FILE or FILE:VARIABLE into a new NetCDF file; what was done by variable, and sentences about what could not
    be kept.

    variables: names in FILE that are filled, all of them, each with the help of the others where they lower its error.
    tell: told how far it is. After a KeyboardInterrupt what is done is written, see `fill_record`; resume: goes on with
    such an output.
    See `netcdf_record` for the masks. Raises InputError where the output is there already, or no .nc, and as reading.
    """
    texts = _texts(text, variables)
    if output.suffix.lower() not in SUFFIXES:
        raise InputError(f"{output}: a filled record is written as NetCDF; give a name that ends with .nc")
    if output.exists() != resume:
        do = "there is nothing to go on with; leave --resume out" if resume else "give another name with -o"
        raise InputError(f"{output}: {'no such file' if resume else 'exists already'}; {do}")
    if resume and len(variables) > 1:
        raise InputError("--resume: goes on with one variable; fill several anew")
    if not output.parent.is_dir():
        raise InputError(f"{output.parent}: no such folder; make it first")
    sources = [netcdf_record(one, mask=mask, mask_variable=mask_variable, inside=inside) for one in texts]
    accounts = {}
    with contextlib.ExitStack() as stack:
        begun = stack.enter_context(Unfinished(output, sources[0])).begun(settings) if resume else None
        temporary = stack.enter_context(atomic_write(output))
        file = stack.enter_context(FilledFile(temporary, sources[0].path))
        for source in sources:
            others = [other.record for other in sources if other is not source]
            variable = FilledVariable(file, source)
            account = fill_record(source.record, settings, variable.add, others, tell, begun)
            accounts[source.name] = account
            if account.stopped is not None:
                if not others:
                    variable.note(ATTRIBUTE, note_of(account, settings, source.record))
                break
        notes = file.notes
    left = [source.name for source in sources if source.name not in accounts]
    return accounts, [*notes, *([f"Not filled before the stop: {', '.join(left)}."] if left else [])]


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
        "seasonal_background": account.year is not None,
        "stopped_after_frames": account.stopped,
        "together": choice.is_joint,
        "sentence": account.sentence,
    }
