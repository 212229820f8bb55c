"""Values of flags that are made of several numbers, such as 48x64 and 0:10:2."""

from __future__ import annotations

from ..errors import InputError


def _whole(text: str) -> bool:
    return text.isascii() and text.isdecimal()


def parse_size(text: str | None) -> list[int] | None:
    """[H, W] of "N" or "HxW", as JSON would give it back; InputError otherwise."""
    if text is None:
        return None
    numbers = text.lower().split("x")
    if len(numbers) <= 2 and all(_whole(n) and int(n) > 0 for n in numbers):
        return [int(numbers[0]), int(numbers[-1])]
    raise InputError(f"--size: expected N or HxW, such as 64 or 48x64, got {text!r}")


def parse_frames(text: str | None) -> list[int | None] | None:
    """Arguments of the slice that "N", "A:B" or "A:B:STEP" means; InputError otherwise."""
    if text is None:
        return None
    fields = text.split(":")
    if len(fields) <= 3 and all(f == "" or _whole(f) for f in fields) and any(fields):
        return [int(f) if f else None for f in fields]
    raise InputError(f"--frames: expected N, A:B or A:B:STEP, got {text!r}")


def parse_clip_shape(text: str | None) -> tuple[int, ...] | None:
    """(T, C, H, W) of "TxCxHxW"; InputError otherwise."""
    if text is None:
        return None
    numbers = text.lower().split("x")
    if len(numbers) == 4 and all(_whole(n) and int(n) > 0 for n in numbers):
        return tuple(int(n) for n in numbers)
    raise InputError(f"--clip-shape: expected TxCxHxW, such as 16x1x64x64, got {text!r}")
