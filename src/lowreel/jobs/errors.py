"""Errors as the command line tells them: one line, and an exit code."""

from __future__ import annotations

import contextlib
import os
import select
import signal
import sys
import threading
from collections.abc import Iterator

from cyclopts import CycloptsError

from ..errors import InputError
from ..settings import settings_sentence

UNREAD = 128 + signal.SIGPIPE
"""Exit code of a command whose output is not read to its end, as shells tell it of others."""

NO_MEMORY_WORDS = ("allocate", "could not create a primitive", "failed to map segment")
"""Words of errors where memory is missing: of torch's allocator, of its library of convolutions, and of the system
where a library is loaded."""


def is_out_of_memory(error: BaseException) -> bool:
    """Whether memory is what was missing; torch says so by a RuntimeError, a library being loaded by an ImportError."""
    told = isinstance(error, RuntimeError | ImportError) and any(words in str(error) for words in NO_MEMORY_WORDS)
    return isinstance(error, MemoryError) or told


def in_one_line(error: BaseException) -> str:
    """The message without line breaks; for a setting out of bounds, the flag and what was wrong with its value."""
    from pydantic import ValidationError

    if is_out_of_memory(error):
        less = "use a smaller --size or fewer --frames; in a training a smaller --batch-size or fewer --images"
        return f"not enough memory; {less}"
    cause = error if isinstance(error, ValidationError) else error.__cause__
    if isinstance(cause, ValidationError):
        return f"{settings_sentence(cause, flags=True)}; see --help"
    return " ".join(str(error).split()) or type(error).__name__


def _is_unread() -> bool:
    """Whether it was standard output that broke, a pipe without a reader; what is left to be printed is thrown away
    then, as Python would complain at its end."""
    asked = select.poll()
    asked.register(sys.stdout.fileno(), 0)
    is_unread = any(told & (select.POLLERR | select.POLLHUP) for _, told in asked.poll(0))
    if is_unread:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return is_unread


@contextlib.contextmanager
def exit_codes() -> Iterator[None]:
    """Exit as a command does, by SystemExit: 0 done, 2 the input is wrong (one line on stderr), 130 interrupted, 141
    where nobody reads on, as after `| head`.

    Raises errors of the program itself as they are.
    """
    if threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGTERM, signal.default_int_handler)  # a scheduler's stop is a stop like Ctrl-C
    try:
        yield
        if sys.stdout is not None:
            sys.stdout.flush()  # what is left is told here, where it can still be said that nobody reads it
    except (InputError, CycloptsError, OSError, MemoryError, RuntimeError, ImportError) as error:
        if isinstance(error, RuntimeError | ImportError) and not is_out_of_memory(error):
            raise
        if isinstance(error, BrokenPipeError) and _is_unread():
            raise SystemExit(UNREAD) from None
        print(f"lowreel: error: {in_one_line(error)}", file=sys.stderr)
        raise SystemExit(2) from None
    except KeyboardInterrupt:
        print(
            "lowreel: interrupted; a run or training that was begun goes on with --resume",
            file=sys.stderr,
        )
        raise SystemExit(130) from None
    raise SystemExit(0)
