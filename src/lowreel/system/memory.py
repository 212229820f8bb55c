"""How much memory there is, and how it is said in words."""

from __future__ import annotations

import contextlib
import ctypes
import math
import os
import re
import resource

from ..errors import InputError
from .control_groups import memory_limits

UNITS = {"KB": 10**3, "MB": 10**6, "GB": 10**9, "TB": 10**12}


def machine_bytes() -> int:
    """Memory of the machine, or of the control groups that the process is in where one of them allows less."""
    return min([os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"), *memory_limits()])


def resident_bytes(*, peak: bool = False) -> int:
    """Memory of this process in bytes, now or at its peak so far, which psutil does not know; 0 where the system does
    not tell."""
    wanted = "VmHWM:" if peak else "VmRSS:"
    try:
        with open("/proc/self/status", encoding="ascii") as file:
            return next((int(line.split()[1]) * 1024 for line in file if line.startswith(wanted)), 0)
    except OSError:
        return 0


def room_for_addresses() -> float:
    """Bytes that this process may still take where its addresses are limited (`ulimit -v`, some schedulers); infinite
    where they are not, or the system does not tell what it has."""
    limit, _ = resource.getrlimit(resource.RLIMIT_AS)
    if limit != resource.RLIM_INFINITY:
        with contextlib.suppress(OSError), open("/proc/self/statm", encoding="ascii") as file:
            return limit - int(file.read().split()[0]) * resource.getpagesize()
    return math.inf


PROGRAM_BYTES = 460 * 10**6
"""Bytes that a process takes, apart from its clip, once it has loaded all that a recovery uses; at its start it is
half."""


def taken_bytes() -> int:
    """Bytes that a recovery has to leave to the program: PROGRAM_BYTES, or what the process holds now if that is more.

    So the first of several small recoveries by one process is planned as the next ones are.
    """
    return max(resident_bytes(), PROGRAM_BYTES)


def default_budget() -> int:
    """A quarter of the machine's memory, in bytes; on very small ones half of it, as far as a small clip needs that."""
    machine = machine_bytes()
    return max(machine // 4, min(machine // 2, 2 * PROGRAM_BYTES))


def operator_budget(text: str | None) -> int:
    """Half of `parse_bytes`, for what an operator holds; the other half is for the fit."""
    return parse_bytes(text) // 2


def parse_bytes(text: str | None) -> int:
    """Bytes of a text such as 4GB, 1.5 GB or 500MB; `default_budget()` for None. Raises InputError for others.

    By hand, as pydantic's ByteSize reads 1.2.3GB as one byte and 4 as four.
    """
    if text is None:
        return default_budget()
    match = re.fullmatch(rf"([0-9.]+)\s*({'|'.join(UNITS)})", text.strip().upper())
    try:
        count = int(float(match[1]) * UNITS[match[2]]) if match else 0
    except (ValueError, OverflowError):
        count = 0
    if count <= 0:
        raise InputError(f"memory: expected a size in KB, MB, GB or TB, such as 4GB or 500MB, got {text!r}")
    return count


def bytes_text(count: float) -> str:
    """Bytes as people say them: 4.2 GB, 310 MB."""
    unit = next((name for name in ("TB", "GB") if count >= UNITS[name]), "MB")
    amount = count / UNITS[unit]
    return f"{amount:.{1 if amount < 10 and unit != 'MB' else 0}f} {unit}"


def trim_heap() -> None:
    """Give memory that was freed, but is kept for reuse, back to the system; does nothing where the system cannot."""
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).malloc_trim(0)
