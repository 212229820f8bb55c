"""Limits on memory and cores that a container or a scheduler sets by the control groups of a process (Linux)."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

CONTROL_GROUPS, OWN_GROUPS = Path("/sys/fs/cgroup"), Path("/proc/self/cgroup")


def memory_limits(groups: Path = CONTROL_GROUPS, own: Path = OWN_GROUPS) -> Iterator[int]:
    """Bytes that the process's group, and each of those above it, allows; none where there is no limit."""
    for file in _files("memory", "memory.max", "memory.limit_in_bytes", groups, own):
        with contextlib.suppress(OSError, ValueError):
            yield int(file.read_text(encoding="ascii"))


def core_limits(groups: Path = CONTROL_GROUPS, own: Path = OWN_GROUPS) -> Iterator[float]:
    """Cores' worth of time that the process's group, and each of those above it, allows; 0.5 is half a core."""
    for file in _files("cpu", "cpu.max", "cpu.cfs_quota_us", groups, own):
        with contextlib.suppress(OSError, ValueError, ZeroDivisionError):
            told = file.read_text(encoding="ascii").split()
            if len(told) == 1:  # version 1 has two files
                told += file.with_name("cpu.cfs_period_us").read_text(encoding="ascii").split()
            quota, period = map(int, told)
            if quota > 0:
                yield quota / period


def _files(controller: str, name: str, old_name: str, groups: Path, own: Path) -> Iterator[Path]:
    """The files that hold a limit of the process's group and of those above it, under its name in version 2 of control
    groups and in version 1, which has a tree for each controller."""
    try:
        lines = own.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError):
        lines = []
    for line in [*lines, "0::/"]:
        _, _, named = line.partition(":")
        controllers, _, path = named.partition(":")
        if controllers and controller not in controllers.split(","):
            continue
        root, file = (groups / controller, old_name) if controllers else (groups, name)
        inner = root / path.lstrip("/")
        for folder in (inner, *inner.parents):
            if folder != root and root not in folder.parents:
                break
            yield folder / file
