"""Where a name of the package is, in the working tree and in the commits that it is compared with."""

from __future__ import annotations

from importlib import import_module
from importlib.util import find_spec
from typing import Any


def found(name: str, *modules: str) -> Any:
    """The class or function of this name, from the first of these modules of `lowreel` that the package has.

    Give the home of today first, then those of older commits.
    """
    for module in modules:
        if has_module(module):
            return getattr(import_module(f"lowreel.{module}"), name)
    raise ImportError(f"{name} is in none of lowreel's modules {', '.join(modules)}")


def has_module(module: str) -> bool:
    """Whether the package has a module of this name."""
    try:
        return find_spec(f"lowreel.{module}") is not None
    except ModuleNotFoundError:  # nor the folder it would be in
        return False
