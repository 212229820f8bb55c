"""Which axis of a TIFF series is time, colour, height and width, and where a frame lies in its pages."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from ...errors import InputError

AXIS_NAMES = {"T": "time", "Z": "depth", "Q": "unnamed", "I": "sequence", "C": "channels", "S": "samples"}


@dataclass(frozen=True)
class Axes:
    """A series of shape `shape`, with a letter for each axis, and what is taken of it.

    time: place of the axis of the frames, None for a single one; fixed: the entry that was chosen, by place of the
    axis; colour: place of the axis of three colours; page: axes of a page, counted from the end.
    """

    letters: str
    shape: tuple[int, ...]
    page: int
    time: int | None
    fixed: dict[int, int]
    colour: int | None
    text: str

    @property
    def frames(self) -> int:
        """Number of frames."""
        return 1 if self.time is None else self.shape[self.time]

    @property
    def colours(self) -> int:
        """1 or 3."""
        return 1 if self.colour is None else 3

    @property
    def height(self) -> int:
        """Rows of a frame."""
        return self.shape[self.letters.index("Y")]

    @property
    def width(self) -> int:
        """Columns of a frame."""
        return self.shape[self.letters.index("X")]

    @property
    def frame_numbers(self) -> int:
        """Numbers that have to be read at once."""
        return math.prod(self.shape[len(self.shape) - self.page :]) * self.colours

    def picture(self, frame: int, read_page: Callable[[int], np.ndarray]) -> np.ndarray:
        """(C, H, W) of a frame; read_page: the numbers of a page, flat."""
        if self.colour is None or self._in_page(self.colour):
            return self._planes(frame, {}, read_page)
        colour = self.colour
        return np.concatenate([self._planes(frame, {colour: k}, read_page) for k in range(3)])

    def _in_page(self, place: int) -> bool:
        return place >= len(self.shape) - self.page

    def _planes(self, frame: int, also: dict[int, int], read_page: Callable[[int], np.ndarray]) -> np.ndarray:
        chosen = self.fixed | also | ({} if self.time is None else {self.time: frame})
        outer = len(self.shape) - self.page
        number = 0
        for place in range(outer):
            number = number * self.shape[place] + chosen.get(place, 0)
        page = read_page(number).reshape(self.shape[outer:])
        kept = [p for p in range(outer, len(self.shape)) if self.letters[p] in "YX" or p == self.colour]
        index = tuple(slice(None) if p in kept else chosen.get(p, 0) for p in range(outer, len(self.shape)))
        picture, letters = page[index], [self.letters[p] if p != self.colour else "c" for p in kept]
        order = [letters.index(letter) for letter in "cYX" if letter in letters]
        turned = picture.transpose(order)
        return turned[:3] if "c" in letters else turned[None]


def axes_of(
    label: str, layout: tuple[str, tuple[int, ...], int], page: int, channel: int | None, plane: int | None
) -> Axes:
    """How a series is read: layout is its letters and shape, and the samples of a pixel that are its colour, 1 of grey,
    0 where they are no colour; page is how many numbers a page holds.

    The one axis longer than 1 beside Y, X and colour is that of the frames; where there are two, T is, else the first,
    and `plane` chooses of the other. `channel` chooses of channels that are no colour. Raises InputError where a choice
    is lacking, not possible or not needed.
    """
    letters, shape, colours = layout
    if "Y" not in letters or "X" not in letters or 0 in shape:
        raise InputError(f"{label}: expected pictures, got the axes {letters} of shape {shape}")
    fixed: dict[int, int] = {}
    colour = letters.index("S") if colours == 3 and "S" in letters else None
    channels = [p for p, letter in enumerate(letters) if letter == "C" and shape[p] > 1]
    if colours == 0:
        channels.append(letters.index("S"))
    others = [p for p, n in enumerate(shape) if n > 1 and letters[p] not in "YXSC"]
    named = [p for p in others if letters[p] == "T"]
    time = next(iter(named or others), None)
    rest = [p for p in others if p != time]
    if len(channels) > 1 or len(rest) > 1:
        raise InputError(f"{label}: has the axes {letters} of shape {shape}; save a part of it with T, Y and X alone")
    axes = _text(letters, shape)
    for places, wish, flag, what in (
        (channels, channel, "--channel", "channels that are no colour"),
        (rest, plane, "--plane", "planes beside its frames"),
    ):
        if places:
            fixed[places[0]] = _chosen(f"{label}: axes {axes}", shape[places[0]], wish, flag, what)
        elif wish is not None:
            raise InputError(f"{label}: {flag} {wish}: there is nothing to choose from, axes {axes}; leave it out")
    text = _text(letters, shape) + _read_as(letters, shape, time, fixed, colour)
    return Axes(letters, shape, _page_axes(label, letters, shape, page), time, fixed, colour, text)


def _page_axes(label: str, letters: str, shape: tuple[int, ...], numbers: int) -> int:
    """How many axes, counted from the end, lie in a page."""
    fewest = len(shape) - min(letters.index("Y"), letters.index("X"))
    for count in range(fewest, len(shape) + 1):
        if math.prod(shape[len(shape) - count :]) == numbers:
            return count
    raise InputError(f"{label}: its pages hold {numbers} numbers, which do not fit its axes {letters} {shape}")


def _chosen(who: str, count: int, wish: int | None, flag: str, what: str) -> int:
    if wish is None:
        raise InputError(f"{who}, {count} {what}; choose one with {flag} N, 0 to {count - 1}")
    if not 0 <= wish < count:
        raise InputError(f"{who}, {count} {what}; {flag} {wish}: expected 0 to {count - 1}")
    return wish


def _text(letters: str, shape: tuple[int, ...]) -> str:
    kept = [(letter, n) for letter, n in zip(letters, shape, strict=True) if n > 1 or letter in "YX"]
    return f"{''.join(letter for letter, _ in kept)} {tuple(n for _, n in kept)}"


def _read_as(letters: str, shape: tuple[int, ...], time: int | None, fixed: dict[int, int], colour: int | None) -> str:
    frames = "T 1" if time is None else f"T {shape[time]}"
    frames += (
        "" if time is None or letters[time] == "T" else f" ({letters[time]}, {AXIS_NAMES.get(letters[time], 'other')})"
    )
    chosen = "".join(f", {letters[p]} {k} alone" for p, k in fixed.items())
    size = [shape[letters.index(letter)] for letter in "YX"]
    return f", read as {frames}, C {1 if colour is None else 3}, H {size[0]}, W {size[1]}{chosen}"
