"""The form of the page, made from the settings models of the command line, and the settings that it stands for."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Annotated, Any, Literal, TypeVar, get_args, get_origin

import gradio as gr

from ..catalogue import OPERATORS, OperatorSettings
from ..errors import InputError
from ..settings import Settings
from ..system.names import GENERATORS
from .words import said_in_words

SERVERS = ("memory", "device", "precision")
"""Settings that are the server's, not its visitors'."""

MOST_CHARACTERS = 2000
"""Characters of what is filled in, at most."""

CONTROL = re.compile("[\x00-\x09\x0b-\x1f\x7f]")
"""Characters that no setting has; lines are those of `--of`."""

CHOICES: dict[str, tuple[str, ...]] = {"generator": GENERATORS}
"""Settings that are names here, where they may be files on the command line."""


def fields(
    model: type[Settings], first: Mapping[str, str] | None = None, groups: Mapping[str, tuple[str, ...]] | None = None
) -> dict[str, Any]:
    """A component for each setting of a model.

    first: what to begin with, where that is not the default. groups: names of settings under a heading each; what is in
    none comes last.
    """
    first = first or {}
    made: dict[str, Any] = {}
    names = [name for name in model.model_fields if name not in SERVERS]
    for heading, own in (groups or {}).items():
        gr.Markdown(f"**{heading}**")
        made |= {name: _field(model, name, first) for name in own}
    return made | {name: _field(model, name, first) for name in names if name not in made}


def _field(model: type[Settings], name: str, first: Mapping[str, str]) -> Any:
    """The component of a setting."""
    known = model.model_fields[name]
    default, options = known.default, CHOICES.get(name) or _words(known.annotation)
    label = said_in_words(name)
    shown = {"label": label, "info": known.description or "", "elem_id": f"{model.__name__}-{name}"}
    if known.annotation is bool:
        return gr.Checkbox(value=default, **shown)
    if options is not None:
        return gr.Dropdown(list(options), value=first.get(name, default), **shown)
    text = first.get(name, "" if default in (None, ()) else str(default))
    return gr.Textbox(value=text, lines=3 if default == () else 1, max_lines=6, **shown)


def _words(annotation: Any) -> tuple[str, ...] | None:
    """The values of a setting that is one of some words; None for any other."""
    if get_origin(annotation) is Annotated:
        return _words(get_args(annotation)[0])
    return get_args(annotation) if get_origin(annotation) is Literal else None


Model = TypeVar("Model", bound=Settings)


def filled(model: type[Model], values: Mapping[str, Any]) -> Model:
    """What was filled in as the settings of a model. Raises InputError for what the model does not allow."""
    given: dict[str, Any] = {}
    for name, value in values.items():
        known = model.model_fields[name]
        if name in CHOICES and value not in CHOICES[name]:
            raise InputError(f"{name}: expected one of {', '.join(CHOICES[name])}")
        text = value.strip() if isinstance(value, str) else value
        if isinstance(text, str) and (len(text) > MOST_CHARACTERS or CONTROL.search(text)):
            raise InputError(f"{name.replace('_', ' ')}: expected a short text without control characters")
        if known.default == ():
            given[name] = tuple(line.strip() for line in str(text or "").splitlines() if line.strip())
        elif text not in ("", None):
            given[name] = text
    return model(**given)


def operator_of(name: str, values: Mapping[str, Any]) -> OperatorSettings:
    """The operator of this name as it was filled in. Raises InputError where there is none."""
    kind = next((kind for kind in OPERATORS if kind.name == name), None)
    if kind is None:
        raise InputError(f"operator: expected one of {', '.join(kind.name for kind in OPERATORS)}")
    return filled(kind, values)
