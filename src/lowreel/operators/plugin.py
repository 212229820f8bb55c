"""An operator by its name, package.module:object, from an installed package or a file in the working directory."""

from __future__ import annotations

import importlib
import inspect
import os
import sys
from collections.abc import Sequence
from typing import Any

from ..errors import InputError
from .adapters import adapter_of, as_linear_operator
from .base import LinearOperator


def operator_from_name(text: str, clip_shape: Sequence[int] | None = None) -> LinearOperator:
    """The operator that `text` = "package.module:object" names, as one of ours.

    The object is anything that `as_linear_operator` takes, or a function or class that makes one: it is called with the
    clip shape (T, C, H, W), or with nothing where it takes nothing. Raises InputError when there is no such object,
    when importing or making it fails, and when it is no operator.
    """
    found = load_object(text)
    if isinstance(found, LinearOperator) or adapter_of(found) or not callable(found):
        return as_linear_operator(found, clip_shape)
    if not _takes_arguments(found):
        return as_linear_operator(_called(text, found), clip_shape)
    if clip_shape is None:
        raise InputError(f"{text}: it makes an operator for a clip shape; give one, such as --clip-shape 16x1x64x64")
    return as_linear_operator(_called(text, found, tuple(clip_shape)), clip_shape)


def load_object(text: str) -> Any:
    """The object that `text` = "package.module:object" names; the working directory is looked into first.

    Raises InputError when the text is no such name, when importing the module fails, and when it has no such object.
    """
    module_name, colon, path = text.partition(":")
    if not (colon and all(part.isidentifier() for part in (*module_name.split("."), *path.split(".")))):
        raise InputError(f"operator: expected package.module:object, such as camera:operator, got {text!r}")
    found = _imported(text, module_name)
    for name in path.split("."):
        if not hasattr(found, name):
            public = (
                ", ".join(known for known in sorted(getattr(found, "__dict__", ())) if not known.startswith("_"))
                or "nothing"
            )
            raise InputError(f"{text}: there is no {name} in it, only {public}")
        found = getattr(found, name)
    return found


def _imported(text: str, module_name: str) -> Any:
    here = os.getcwd()
    if here not in sys.path:
        sys.path.insert(0, here)
    importlib.invalidate_caches()
    try:
        return importlib.import_module(module_name)
    except ModuleNotFoundError as error:
        if error.name and (module_name + ".").startswith(error.name + "."):
            if module_name.endswith(".py"):
                raise InputError(f"{text}: write the module's name without .py, {module_name[:-3]}:...") from error
            raise InputError(
                f"{text}: no module {error.name} here in {here}, and none is installed; go to the folder that holds "
                f"{error.name}.py"
            ) from error
        raise _failed(text, "importing it", error) from error
    except (Exception, SystemExit) as error:
        raise _failed(text, "importing it", error) from error


def _called(text: str, maker: Any, *arguments: Any) -> Any:
    try:
        return maker(*arguments)
    except InputError:
        raise
    except (Exception, SystemExit) as error:
        raise _failed(text, f"calling it with {arguments or 'nothing'}", error) from error


def _failed(text: str, what: str, error: BaseException) -> InputError:
    return InputError(f"{text}: {what} raised {type(error).__name__}: {error}")


def _takes_arguments(maker: Any) -> bool:
    try:
        return bool(inspect.signature(maker).parameters)
    except (TypeError, ValueError):  # built in: nothing is known of its arguments
        return True
