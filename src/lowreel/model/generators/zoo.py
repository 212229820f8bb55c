"""Trained weights by name: the grey ones come with the package, those for colour are 10 MB in one of their own."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from ...errors import InputError
from ...system.places import data_places
from .weights import load_weights

if TYPE_CHECKING:
    from .base import Generator

ZOO = {
    "paper-grey": "a568abb76b5c465d788bc749c7b7cffdedf4cb4f4155222d94996f8fd94d43fe",
    "paper-rgb": "a2d938327a704493aba15234531e050f3724929cac989dff71981ac0f1d61101",
}
"""SHA-256 of each file."""

HOMES = {"lowreel": "assets", "lowreel_weights": "."}
"""Packages that have such files, and where in them."""


def zoo_file(name: str) -> Path:
    """The file of a name in `ZOO`: with the package, or with that of the weights, or where data is looked for.

    Raises InputError where it is in none of these, or is not the one that was published.
    """
    path = next((place for place in _places(name) if place.is_file()), None)
    if path is None:
        raise InputError(
            f"{name}: its weights are not here; install them (pip install ./weights, in the repository), or put "
            f"{name}.safetensors into data/ or a folder that LOWREEL_DATA names"
        )
    found = hashlib.sha256(path.read_bytes()).hexdigest()
    if found != ZOO[name]:
        raise InputError(
            f"{path}: damaged: its SHA-256 is {found[:16]}..., not {ZOO[name][:16]}...; install or copy it again"
        )
    return path


def _places(name: str) -> Iterator[Path]:
    """Where the file of a name may be."""
    for package in HOMES:
        if (spec := find_spec(package)) is not None:
            for folder in spec.submodule_search_locations or ():
                yield Path(folder) / HOMES[package] / f"{name}.safetensors"
    for place in data_places():
        yield Path(place) / f"{name}.safetensors"


def pretrained(name: str) -> Generator:
    """The trained generator of a name: `paper-grey` (MNIST) or `paper-rgb` (CIFAR-10), both of 64x64 frames.

    Raises InputError for another name, and as `zoo_file` does.
    """
    if name not in ZOO:
        raise InputError(f"pretrained: expected one of {', '.join(ZOO)}, got {name!r}; load_weights reads files")
    return load_weights(zoo_file(name))
