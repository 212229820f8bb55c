"""What the package calls a thing in the working tree, and in the commits that it is compared with."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from importlib import import_module
from importlib.util import find_spec
from typing import Any


def found(*homes: str) -> Any:
    """The class or function at the first of these homes, MODULE:NAME under `lowreel`, that the package has.

    Give the home of today first, then those of older commits.
    """
    for home in homes:
        module, _, name = home.partition(":")
        if has_module(module):
            return getattr(import_module(f"lowreel.{module}"), name)
    raise ImportError(f"the package has none of {', '.join(homes)}")


def has_module(module: str) -> bool:
    """Whether the package has a module of this name."""
    try:
        return find_spec(f"lowreel.{module}") is not None
    except ModuleNotFoundError:  # nor the folder it would be in
        return False


def observed(operator: Any) -> Any:
    """Booleans like the data: the entries of it that tell something."""
    return (operator.observed_mask if hasattr(operator, "observed_mask") else operator.informative)()


def watching(function: Callable[..., Any], callback: Callable[[Any], None]) -> dict[str, Any]:
    """The keyword argument by which `function` calls back after every round."""
    return {"callback" if "callback" in inspect.signature(function).parameters else "watch": callback}
