"""Errors as the command line tells them: one line."""

from __future__ import annotations

from ..settings import settings_sentence


def is_out_of_memory(error: BaseException) -> bool:
    """Whether memory is what was missing; torch says so by a RuntimeError."""
    return isinstance(error, MemoryError) or (isinstance(error, RuntimeError) and "allocate" in str(error))


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
