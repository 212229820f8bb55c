"""`lowreel check`: is an operator of one's own linear, and its adjoint the adjoint?"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Annotated

from cyclopts import App, Parameter

from ..errors import InputError
from ..system.values import parse_clip_shape

if TYPE_CHECKING:
    from ..operators import Diagnosis

ClipShape = Annotated[str | None, Parameter(name="--clip-shape")]


def add_check(app: App) -> None:
    """Give the command line its `check`."""
    app.command(check, name="check")


def check(operator: str, *, clip_shape: ClipShape = None) -> None:
    """Test an operator of your own: linearity, adjoint, types, shapes, norm, cost; says what is wrong with it.

    Parameters
    ----------
    operator
        package.module:object, such as camera:A for the A in camera.py here: a deepinv physics, a SciPy or PyLops
        operator, a pair of functions, one of lowreel's, or a function of the clip shape that makes one
    clip_shape
        TxCxHxW, such as 16x1x64x64, for an operator that does not say it
    """
    shape = parse_clip_shape(clip_shape)
    from ..operators import diagnose, operator_from_name

    found = diagnose(operator_from_name(operator, shape))
    _show(operator, found)
    if not found.sound:
        raise InputError(f"{operator}: {found.sentence}")
    print(found.sentence)


def _show(name: str, found: Diagnosis) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table(title=name, show_header=False)
    for row in _rows(found):
        table.add_row(*row)
    Console().print(table)


def _rows(found: Diagnosis) -> list[tuple[str, str]]:
    rounded = ", rounded to float32" if found.dtype == "float64" else ""
    rounded = ", rounded to complex64" if found.dtype == "complex128" else rounded
    return [
        ("clip (T, C, H, W)", _shape(found.clip_shape)),
        ("data", f"{_shape(found.data_shape)} {found.dtype}{rounded}"),
        ("parts", f"{found.parts} of {found.clip_shape[0]} frames" if found.parts == 1 else str(found.parts)),
        ("linear, relative error", _number(found.linearity)),
        ("adjoint, relative error", _number(found.adjointness)),
        ("norm, estimated", _number(found.norm)),
        ("forward", _time(found.forward_seconds)),
        ("adjoint", _time(found.adjoint_seconds)),
    ]


def _shape(shape: tuple[object, ...]) -> str:
    if shape and isinstance(shape[0], tuple):
        return " + ".join(_shape(member) for member in shape if isinstance(member, tuple))
    return "x".join(map(str, shape)) or "one number"


def _number(value: float) -> str:
    return "-" if math.isnan(value) else f"{value:.3g}"


def _time(seconds: float) -> str:
    return "-" if math.isnan(seconds) else f"{1000 * seconds:.3g} ms"
