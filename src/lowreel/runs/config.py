"""What config.json of every kind of run folder says: its version, and the names of several clips. Imports no torch."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ..errors import InputError
from ..system.files import read_json

CONFIG_VERSION = 2
"""Version of config.json; since version 2 it holds what was asked for as a request."""


def check_version(folder: Path, config: Mapping[str, Any]) -> None:
    """Raise InputError for a run folder whose config.json is of another version."""
    version = config.get("version", CONFIG_VERSION)
    if not isinstance(version, int):
        raise InputError(f"{folder}/config.json: expected version {CONFIG_VERSION}, got {version!r}; restore the file")
    if version > CONFIG_VERSION:
        raise InputError(f"{folder}: a run of a newer lowreel (version {version}); upgrade to read it")
    if version < CONFIG_VERSION:
        raise InputError(f"{folder}: a run of an older lowreel (version {version}); make a new one of the same clip")


def is_group(folder: str | Path) -> bool:
    """Whether the run in a folder is one of several clips."""
    path = Path(folder) / "config.json"
    config = read_json(path) if path.is_file() else None
    return isinstance(config, dict) and "clips" in config


def names_in(folder: str | Path, config: Any) -> tuple[str, ...]:
    """Names of the clips of a run, which are those of their folders, by the content of its config.json; none where that
    is of one clip. Raises InputError for what is no list of names, each once, without a path."""
    if not isinstance(config, dict) or "clips" not in config:
        return ()
    names = config["clips"]
    if not isinstance(names, list) or not names or not all(map(_is_plain, names)) or len(set(names)) < len(names):
        raise InputError(
            f"{folder}/config.json: expected clips to be a list of names of folders in {folder}/clips, got {names!r}; "
            "restore the file or start a new run"
        )
    return tuple(names)


def _is_plain(name: Any) -> bool:
    return isinstance(name, str) and name not in ("", ".", "..") and not set(name) & set("/\\\0")
