"""What all settings have in common: they are frozen, and an error in them is one sentence."""

from __future__ import annotations

from collections.abc import Sequence
from difflib import get_close_matches
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from ..errors import InputError

Seed = Annotated[int, Field(ge=0, lt=2**32)]


class _InOneSentence(type(BaseModel)):  # type: ignore[misc]
    """Wrong settings are the caller's: an InputError that names them, what was wanted and what came.

    In the call, and not in a validator: pydantic would put a ValueError of a validator into an error of its own.
    """

    def __call__(cls, **values: Any) -> Any:
        try:
            return super().__call__(**values)
        except ValidationError as error:
            raise InputError(settings_sentence(error, known=tuple(cls.model_fields))) from error


def settings_sentence(error: ValidationError, *, flags: bool = False, known: Sequence[str] = ()) -> str:
    """What is wrong with each setting; one that may be a number or a word has an error for each of these.

    flags: with the names that settings have on the command line; known: the names that there are, of which one that is
    not among them may be meant.
    """
    wanted: dict[str, list[str]] = {}
    came: dict[str, str] = {}
    for e in error.errors():
        name = str(e["loc"][0]) + ": " if e["loc"] else ""
        name = f"--{name.replace('_', '-')}" if flags and name else name
        told = unknown_setting(str(e["loc"][0]), known) if e["type"] == "extra_forbidden" else e["msg"]
        wanted.setdefault(name, []).append(told.removeprefix("Value error, "))
        came[name] = f", got {e['input']!r}" if e["loc"] and e["type"] != "missing" else ""
    return "; ".join(f"{name}{', or '.join(messages)}{came[name]}" for name, messages in wanted.items())


def unknown_setting(name: str, known: Sequence[str]) -> str:
    """What is said of a name that no setting has: the nearest one that there is."""
    near = get_close_matches(name, known, n=1)
    return f"no such setting{f'; did you mean {near[0]}?' if near else ''}"


if TYPE_CHECKING:  # the type checker knows the fields of each model
    _Model = BaseModel
else:

    class _Model(BaseModel, metaclass=_InOneSentence):
        """A model whose errors are in one sentence."""


class Settings(_Model):
    """Frozen; an unknown name is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid")
