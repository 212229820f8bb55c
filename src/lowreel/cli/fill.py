"""`lowreel fill`: the gaps of a record filled, beside each value how sure it is."""

from __future__ import annotations

import json
import sys
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import App, Parameter

from ..settings import FillSettings

if TYPE_CHECKING:
    from ..records.filling import Account

Output = Annotated[Path, Parameter(name=["--output", "-o"])]


def add_fill(app: App) -> None:
    """Give the command line its `fill`."""
    app.command(fill, name="fill")


def fill(
    file: Path,
    *,
    output: Output,
    mask: Path | None = None,
    mask_variable: str | None = None,
    inside: str | None = None,
    variables: str | None = None,
    resume: bool = False,
    filling: Annotated[FillSettings, Parameter(name="*")] = FillSettings(),
    as_json: Annotated[bool, Parameter(name="--json")] = False,
) -> None:
    """Fill the gaps of a record in a NetCDF file, such as sea-surface temperature under clouds (docs/fill.md).

    Measured values stay as they are stored. Beside the variable stand NAME_std, NAME_flag (0 measured, 1 filled, 2
    filled far from data, 3 not filled) and NAME_gap_distance. Pixels that were never measured, and gaps of which the
    data says nothing, stay empty. Ctrl-C writes what is filled so far, in whole sections of the record.

    Parameters
    ----------
    file
        NetCDF file, FILE or FILE:VARIABLE; gaps are its NaN, fill values and missing values
    output
        file to write, such as filled.nc
    mask
        image, video or array that hides further values: white = measured, black = gap
    mask_variable
        variable of FILE with the same meaning: not zero = measured
    inside
        variable (y, x) of FILE: zero = no value is possible there (land), else pixels are filled that never had one
    variables
        variables of FILE on the same grid, a,b: all are filled, each with the help of the others where that lowers its
        error
    resume
        go on with an output that Ctrl-C left, of the same FILE, masks and settings; not with several --variables
    as_json
        print what was done as JSON
    """
    from ..records.files import fill_file, summary

    names = [] if variables is None else [name.strip() for name in variables.split(",")]
    fill_it = partial(fill_file, mask=mask, mask_variable=mask_variable, inside=inside)
    accounts, notes = fill_it(file, output, filling, variables=names, tell=_show, resume=resume)
    if as_json:
        told = {name: summary(account) for name, account in accounts.items()}
        own = {"variables": told} if names else next(iter(told.values()))
        print(json.dumps(own | {"output": str(output), "notes": notes}, indent=2))
        return
    for name, account in accounts.items():
        _tell(f"{output}: {name}" if names else str(output), account, filling)
    print(*notes, sep="\n", end="\n" if notes else "")


def _show(what: str, share: float) -> None:
    """A line that says how far it is, on a terminal."""
    if sys.stderr.isatty():
        end = "\n" if share >= 1 else ""
        print(f"\r{what}: {share:4.0%} ", end=end, file=sys.stderr, flush=True)


def _tell(where: str, account: Account, filling: FillSettings) -> None:
    """What was done to a variable, in words."""
    counts = ", ".join(f"{count} {flag.replace('_', ' ')}" for flag, count in account.counts.items())
    print(f"wrote {where}: {counts}")
    print(account.sentence)
    if account.stopped is not None and not account.others:
        print("To go on: the same command with --resume.")
    if filling.max_gap_time is not None:
        print(f"Nothing is filled more than {filling.max_gap_time:g} {account.time_unit} from when it was measured.")
    if account.duplicates:
        print(f"Frames that repeat the one before, and count as gaps: {', '.join(map(str, account.duplicates))}")
