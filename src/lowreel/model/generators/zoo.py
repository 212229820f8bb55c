"""Trained weights by name; they come with the package."""

from __future__ import annotations

import hashlib
from importlib.resources import as_file, files
from pathlib import Path
from typing import TYPE_CHECKING

from ...errors import InputError
from .weights import load_weights

if TYPE_CHECKING:
    from .base import Generator

ZOO = {
    "paper-grey": "a568abb76b5c465d788bc749c7b7cffdedf4cb4f4155222d94996f8fd94d43fe",
    "paper-rgb": "a2d938327a704493aba15234531e050f3724929cac989dff71981ac0f1d61101",
}
"""SHA-256 of each file."""


def zoo_file(name: str) -> Path:
    """The file of a name in `ZOO`. Raises InputError when it is not the one that was shipped."""
    with as_file(files("lowreel") / "assets" / f"{name}.safetensors") as path:
        if not path.is_file():
            raise InputError(f"{name}: its weights are missing from the installation ({path}); install lowreel again")
        found = hashlib.sha256(path.read_bytes()).hexdigest()
        if found != ZOO[name]:
            raise InputError(
                f"{path}: damaged: its SHA-256 is {found[:16]}..., not {ZOO[name][:16]}...; install lowreel again"
            )
        return path


def pretrained(name: str) -> Generator:
    """The trained generator of a name: `paper-grey` (MNIST) or `paper-rgb` (CIFAR-10), both of 64x64 frames.

    Raises InputError for another name, and as `zoo_file` does.
    """
    if name not in ZOO:
        raise InputError(f"pretrained: expected one of {', '.join(ZOO)}, got {name!r}; load_weights reads files")
    return load_weights(zoo_file(name))
