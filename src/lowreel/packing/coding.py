"""Arrays of integers as few bytes: adaptive integer tables by context, and the range coder of `constriction`.

Everything that encoder and decoder have to agree on is integer arithmetic: the same bytes give the same numbers on
every machine. Nothing of a table is stored. Each symbol is coded by the counts of those before it in the same context,
and its context is the size of what has been coded near it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..errors import InputError

EXACT_SIZES = 8
"""Sizes |q| below this have a symbol each; those from there on share one an octave, and their low bits are stored."""

MOST_OCTAVES = 16
LARGEST = EXACT_SIZES * 2**MOST_OCTAVES - 1
"""Largest |q| that can be coded."""

SYMBOLS = EXACT_SIZES + MOST_OCTAVES

CONTEXT_BOUNDS = np.array([4, 10, 20, 40, 75, 130, 256, 600, 1500, 4000, 12000, 40000], np.int64)
"""Bounds of the mean size nearby, in 256ths, between contexts."""

CONTEXT_LEVELS = len(CONTEXT_BOUNDS) + 1

ROWS_AT_ONCE = 8
"""Rows of an array whose contexts come from the rows before them, in files of version 1."""

NUMBERS_AT_ONCE = 64
"""Numbers, about, of an array whose contexts come from those before them, in files from version 2 on; a row at least.
Tables that learn only after thousands of numbers cost a quarter of a packed clip (docs/choices.md)."""

TABLES_AT_ONCE = 2**13
"""Numbers whose tables are in memory at once: of wide arrays those of eight rows would take gigabytes. It changes no
byte."""

TABLE_TOTAL = 2**16
"""Sum of the integer frequencies of a table: a power of two, so that the coder divides them without rounding."""

SEEN, PRIOR_TOTAL, MOST_COUNTED = 32, 384, 2**15
"""What a symbol adds to its count; what the counts of a context begin with, together; where they are halved."""

LARGEST_ABOVE, SIGN_LEVELS, FIRST_SIGNS = 8, 7, 64
"""In pictures: sizes of what is above a number count up to this for its sign; how many steps of sureness have counts of
their own; and what the counts of right and wrong begin with."""


@dataclass(frozen=True)
class Grid:
    """Shape of an array as it is coded: rows and columns, and after how many rows what belongs together comes again.

    repeat: row i resembles row i - repeat; 0: none does. at_once: rows whose contexts come from the rows before them.
    goes_on: whether its counts begin as half of those that the last array before it of its kind, with a repeat or
    without, ended with. is_picture: whether rows that repeat are those of a picture, so that numbers often have the
    sign of what is above them.
    """

    rows: int
    columns: int
    repeat: int = 0
    at_once: int = ROWS_AT_ONCE
    goes_on: bool = False
    is_picture: bool = False

    @property
    def size(self) -> int:
        """Numbers in the array."""
        return self.rows * self.columns

    @staticmethod
    def learning_soon(
        rows: int, columns: int, repeat: int = 0, *, goes_on: bool = False, is_picture: bool = False
    ) -> Grid:
        """A grid of which about `NUMBERS_AT_ONCE` are coded at once."""
        return Grid(rows, columns, repeat, max(1, NUMBERS_AT_ONCE // columns), goes_on, is_picture)


def encoded(arrays: Sequence[tuple[Grid, np.ndarray]]) -> bytes:
    """The bytes of arrays of integers of any shape, each with as many numbers as its grid, one after the other.

    Raises ValueError for a number beyond `LARGEST`.
    """
    encoder, known = _library().queue.RangeEncoder(), _Known()
    for grid, array in arrays:
        values = np.asarray(array, np.int64).reshape(grid.rows, grid.columns)
        if np.abs(values).max(initial=0) > LARGEST:
            raise ValueError(f"coding: expected numbers up to {LARGEST}, got {np.abs(values).max()}; use larger steps")
        contexts = known.contexts(grid)
        for rows in contexts.chunks():
            part = values[rows]
            sizes = np.abs(part).ravel()
            symbols, low_bits = _symbols(sizes)
            for first, tables in contexts.tables(rows):
                encoder.encode(symbols[first : first + len(tables)], _tables(), tables)
            several = np.flatnonzero(sizes)
            is_negative, foretold = (part.ravel() < 0)[several], contexts.foretold(rows)[several]
            told = np.flatnonzero(foretold)
            if len(told):
                is_wrong = is_negative[told] != (foretold[told] < 0)
                encoder.encode(is_wrong.astype(np.int32), _tables(), contexts.sign_tables(foretold[told]))
                contexts.learn_signs(foretold[told], is_wrong)
            rest, choices = (sizes - _least(symbols))[several], _choices(low_bits[several], foretold)
            rest += np.where(foretold == 0, is_negative.astype(np.int64) << low_bits[several], 0)
            if (choices > 1).any():
                encoder.encode(rest[choices > 1].astype(np.int32), _plain(), choices[choices > 1])
            contexts.learn(rows, part, symbols)
    return np.ascontiguousarray(encoder.get_compressed(), "<u4").tobytes()


def decoded(data: bytes, grids: Sequence[Grid]) -> list[np.ndarray]:
    """The arrays that `encoded` wrote, int32 of shape (rows, columns) each. Raises InputError where the bytes end."""
    if len(data) % 4:
        raise InputError("the coded numbers end within a word")
    decoder = _library().queue.RangeDecoder(np.frombuffer(data, "<u4").astype(np.uint32))
    found, known = [], _Known()
    try:
        for grid in grids:
            values = np.zeros((grid.rows, grid.columns), np.int32)
            contexts = known.contexts(grid)
            for rows in contexts.chunks():
                symbols = np.concatenate([decoder.decode(_tables(), tables) for _, tables in contexts.tables(rows)])
                low_bits = np.maximum(symbols.astype(np.int64) - EXACT_SIZES + LOW_BITS, 0) * (symbols >= EXACT_SIZES)
                sizes = _least(symbols)
                several = np.flatnonzero(symbols)
                foretold = contexts.foretold(rows)[several]
                is_negative, told = foretold < 0, np.flatnonzero(foretold)
                if len(told):
                    is_wrong = decoder.decode(_tables(), contexts.sign_tables(foretold[told])).astype(bool)
                    is_negative[told] ^= is_wrong
                    contexts.learn_signs(foretold[told], is_wrong)
                rest, choices = np.zeros(len(several), np.int64), _choices(low_bits[several], foretold)
                if (choices > 1).any():
                    rest[choices > 1] = decoder.decode(_plain(), choices[choices > 1])
                is_negative = np.where(foretold == 0, rest >> low_bits[several] > 0, is_negative)
                sizes[several] += rest & ((1 << low_bits[several]) - 1)
                sizes[several] *= 1 - 2 * is_negative.astype(np.int64)
                values[rows] = sizes.reshape(values[rows].shape)
                contexts.learn(rows, values[rows], symbols)
            found.append(values)
    except (AssertionError, ValueError) as error:  # what constriction says of bytes that no encoder wrote
        raise InputError(f"its numbers cannot be decoded ({str(error).splitlines()[0]})") from None
    return found


LOW_BITS = EXACT_SIZES.bit_length() - 1
"""Low bits of the first octave."""


def _library() -> Any:
    import constriction

    return constriction.stream


def _tables() -> Any:
    return _library().model.Categorical(perfect=False)


def _plain() -> Any:
    return _library().model.Uniform()


def _symbols(sizes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The symbol of each size, and how many low bits go with it."""
    octave = np.searchsorted(EXACT_SIZES << np.arange(MOST_OCTAVES, dtype=np.int64), sizes, side="right") - 1
    low_bits = np.where(octave >= 0, octave + LOW_BITS, 0)
    return np.where(octave >= 0, EXACT_SIZES + octave, sizes).astype(np.int32), low_bits


def _choices(low_bits: np.ndarray, foretold: np.ndarray) -> np.ndarray:
    """How many values there are for what is coded plainly of each number that is not zero: its low bits, and its sign
    where nothing foretells that."""
    choices: np.ndarray = ((1 << low_bits) * np.where(foretold == 0, 2, 1)).astype(np.int32)
    return choices


def _least(symbols: np.ndarray) -> np.ndarray:
    """The smallest size of each symbol."""
    octave = np.maximum(symbols.astype(np.int64) - EXACT_SIZES, 0)
    return np.where(symbols >= EXACT_SIZES, np.int64(EXACT_SIZES) << octave, symbols.astype(np.int64))


class _Known:
    """What the arrays before have taught: the contexts of the last one of each kind."""

    def __init__(self) -> None:
        self.last: dict[bool, _Contexts] = {}

    def contexts(self, grid: Grid) -> _Contexts:
        """Those of the next array."""
        before = self.last.get(grid.repeat > 0) if grid.goes_on else None
        found = _Contexts(grid, _first_counts() if before is None else np.maximum(before.counts // 2, 1))
        if grid.goes_on:
            self.last[grid.repeat > 0] = found
        return found


class _Contexts:
    """What has been coded of one array: counts of symbols in each context, and the sizes that contexts come from."""

    def __init__(self, grid: Grid, counts: np.ndarray):
        self.grid = grid
        self.counts = counts
        self.columns = np.zeros(grid.columns, np.int64)
        self.before = np.zeros((grid.repeat, grid.columns), np.int64)
        self.above = np.zeros(grid.columns, np.int64)
        self.signs = np.full((SIGN_LEVELS, 2), FIRST_SIGNS, np.int64)

    def chunks(self) -> Iterator[slice]:
        """The rows that are coded at once, one after the other; never across the row where all repeats."""
        until = self.grid.repeat or self.grid.rows
        for block in range(0, self.grid.rows, max(until, 1)):
            end = min(block + until, self.grid.rows)
            for first in range(block, end, self.grid.at_once):
                yield slice(first, min(first + self.grid.at_once, end))

    def tables(self, rows: slice) -> Iterator[tuple[int, np.ndarray]]:
        """The tables of the numbers of these rows, (N, SYMBOLS) each: whole frequencies, and of which number on."""
        own = np.searchsorted(CONTEXT_BOUNDS, _smoothed(self.columns[None]), side="right")
        if self.grid.repeat and rows.start >= self.grid.repeat:
            twin = self.before[self._twins(rows)]
            nearby = (_smoothed(twin << 8) + (twin.sum(1, keepdims=True) << 8) // self.grid.columns) // 2
            other = np.searchsorted(CONTEXT_BOUNDS, nearby, side="right")
        else:
            other = np.full((rows.stop - rows.start, 1), CONTEXT_LEVELS)
        self.at = (own * (CONTEXT_LEVELS + 1) + other).ravel()
        frequencies = self._frequencies()
        for first in range(0, len(self.at), TABLES_AT_ONCE):
            yield first, frequencies[self.at[first : first + TABLES_AT_ONCE]]

    def _twins(self, rows: slice) -> slice:
        first = rows.start % self.grid.repeat
        return slice(first, first + rows.stop - rows.start)

    def _frequencies(self) -> np.ndarray:
        """The counts brought to the sum TABLE_TOTAL, with none below 1; what is left over goes to the zeros."""
        scaled = 1 + self.counts * (TABLE_TOTAL - SYMBOLS) // self.counts.sum(1, keepdims=True)
        scaled[:, 0] += TABLE_TOTAL - scaled.sum(1)
        frequencies: np.ndarray = scaled.astype(np.float64)
        return frequencies

    def foretold(self, rows: slice) -> np.ndarray:
        """Of the numbers of these rows what tells their signs: below zero or above, the farther the surer; 0: nothing.

        By the three numbers above them in the last row before, which of the first rows of a picture is none.
        """
        if not self.grid.is_picture or rows.start % self.grid.repeat == 0:
            return np.zeros((rows.stop - rows.start) * self.grid.columns, np.int64)
        above = np.pad(self.above, 1)
        return np.tile(above[:-2] + 2 * above[1:-1] + above[2:], rows.stop - rows.start)

    def sign_tables(self, foretold: np.ndarray) -> np.ndarray:
        """The tables of whether signs are as foretold, (N, 2): whole frequencies of right and wrong."""
        counts = self.signs[_sign_levels(foretold)]
        right = 1 + counts[:, 0] * (TABLE_TOTAL - 2) // counts.sum(1)
        return np.stack([right, TABLE_TOTAL - right], 1).astype(np.float64)

    def learn_signs(self, foretold: np.ndarray, is_wrong: np.ndarray) -> None:
        """Count whether signs were as foretold."""
        seen = np.bincount(2 * _sign_levels(foretold) + is_wrong, minlength=self.signs.size)
        self.signs += SEEN * seen.reshape(self.signs.shape)
        full = self.signs.sum(1) > MOST_COUNTED
        self.signs[full] = (self.signs[full] + 1) // 2

    def learn(self, rows: slice, values: np.ndarray, symbols: np.ndarray) -> None:
        """Count what these rows were."""
        sizes = np.abs(values.astype(np.int64))
        self.above = np.clip(values[-1].astype(np.int64), -LARGEST_ABOVE, LARGEST_ABOVE)
        seen = np.bincount(self.at * SYMBOLS + symbols, minlength=self.counts.size)
        self.counts += SEEN * seen.reshape(self.counts.shape)
        full = self.counts.sum(1) > MOST_COUNTED
        self.counts[full] = (self.counts[full] + 1) // 2
        mean = (sizes.sum(0) << 8) // len(sizes)
        self.columns += (mean - self.columns) // (2 if rows.start < 4 * self.grid.at_once else 4)
        if self.grid.repeat:
            self.before[self._twins(rows)] = sizes


def _sign_levels(foretold: np.ndarray) -> np.ndarray:
    levels: np.ndarray = np.minimum(np.abs(foretold), SIGN_LEVELS) - 1
    return levels


def _smoothed(sizes: np.ndarray) -> np.ndarray:
    """(left + 2 own + right) / 4 along the last axis; at its ends the number itself stands in for its neighbour."""
    padded = np.concatenate([sizes[:, :1], sizes, sizes[:, -1:]], 1)
    smooth: np.ndarray = (padded[:, :-2] + 2 * padded[:, 1:-1] + padded[:, 2:]) // 4
    return smooth


def _first_counts() -> np.ndarray:
    """Counts of each context before anything is known: sizes that fall off by halves, thirds, ... as its bounds say."""
    middles = np.concatenate([[2], (CONTEXT_BOUNDS[:-1] + CONTEXT_BOUNDS[1:]) // 2, [2 * CONTEXT_BOUNDS[-1]]])
    own = np.repeat(middles, CONTEXT_LEVELS + 1)
    other = np.tile(np.append(middles, 0), CONTEXT_LEVELS)
    mean = np.where(other > 0, (own + other) // 2, own)
    shares = np.zeros((len(mean), SYMBOLS), np.int64)
    left = np.full(len(mean), 2**30, np.int64)
    for symbol in range(SYMBOLS):  # of what is left, 1 / (1 + mean / width) has this size, or lies in this octave
        width = 1 if symbol < EXACT_SIZES else EXACT_SIZES << (symbol - EXACT_SIZES)
        shares[:, symbol] = left * 256 * width // (256 * width + mean)
        left = left - shares[:, symbol]
    return 1 + shares * PRIOR_TOTAL // 2**30
