"""Checkpoints of long computations: two generations, so that a kill or a full disk at any moment leaves one whole."""

from __future__ import annotations

import contextlib
import fcntl
import os
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from ..errors import InputError
from .files import VersionError, atomic_write, is_whole, read_tensors, write_tensors

if TYPE_CHECKING:
    from torch import Tensor

NEWEST, PREVIOUS = "state.safetensors", "state.previous.safetensors"
LOCK_WAIT_SECONDS = 0.2
"""How long who begins work in a folder waits for those who only look whether somebody works in it (`is_locked`): they
have the lock for microseconds, on a busy machine until they are given the processor again."""

T = TypeVar("T")


def save_checkpoint(folder: Path, kind: str, tensors: Mapping[str, Tensor], header: Mapping[str, Any]) -> None:
    """Write a checkpoint, tensors of any shape and a header; the one before stays as state.previous.safetensors.

    Raises OSError when it cannot be written; the checkpoints that were there are then left as they were.
    """
    newest = folder / NEWEST
    with atomic_write(newest) as temporary:
        write_tensors(temporary, kind, tensors, header)
        if is_whole(newest):
            os.replace(newest, folder / PREVIOUS)


def load_checkpoint(folder: Path, kind: str, parse: Callable[[dict[str, Tensor], dict[str, Any]], T]) -> T | None:
    """The newest checkpoint of a folder that can be read, through `parse`; None when there is none.

    Raises InputError when there are some and all of them are damaged, or of another version.
    """
    damage: InputError | None = None
    for path in (folder / NEWEST, folder / PREVIOUS):
        if not path.exists():
            continue
        try:
            return parse(*read_tensors(path, kind))
        except VersionError as error:
            damage = error
        except InputError as error:
            damage = InputError(f"{error}; restore it, or delete it and start afresh")
        except KeyError as error:
            damage = InputError(f"{path}: a checkpoint without {error}; start afresh")
        except (RuntimeError, TypeError, ValueError) as error:
            what = str(error).splitlines()[0]
            damage = InputError(f"{path}: a checkpoint that does not fit together: {what}; start afresh")
    if damage:
        raise damage
    return None


class BusyError(InputError):
    """Another process works in a folder."""


@contextlib.contextmanager
def folder_lock(folder: Path) -> Iterator[None]:
    """Lock a folder during the block. Raises BusyError, an InputError, when another process works in it."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        _lock(descriptor, folder)
        yield
    finally:
        os.close(descriptor)


def _lock(descriptor: int, folder: Path) -> None:
    """Take the lock, unless it is another's for longer than a look takes."""
    end = time.monotonic() + LOCK_WAIT_SECONDS
    while True:
        try:
            return fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() > end:
                raise BusyError(f"{folder}: another lowreel works in this folder; wait for it, or stop it") from None
        time.sleep(LOCK_WAIT_SECONDS / 10)


def is_locked(folder: Path) -> bool:
    """Whether another process works in a folder at the moment; False where that cannot be told.

    For this the lock is shared for an instant: many may look at once, and who begins work then waits for them.
    """
    try:
        descriptor = os.open(folder, os.O_RDONLY)
    except OSError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:  # a file system without locks
        return False
    finally:
        os.close(descriptor)
    return False
