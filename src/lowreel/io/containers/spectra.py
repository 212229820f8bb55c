"""Where the origin of complex arrays lies: frequency zero in the corner or in the middle, along each axis."""

from __future__ import annotations

import numpy as np

CENTRED = {"corner": (), "middle": (1, 2), "height": (1,), "width": (2,)}
"""Where an origin may lie, and the axes of (T, H, W) along which it is in the middle."""

ABOVE_ZERO = 1.05
"""How many times as large as that at frequency zero the largest number of a spectrum may be: of a clip above black
it is no larger, and noise takes the rest."""


def origin_of(spectra: np.ndarray) -> str | None:
    """Where frequency zero of spectra (T, H, W) lies, a name in `CENTRED`: where their numbers are largest; None where
    all of these places hold zeros, as where none was measured."""
    size = np.abs(spectra).mean(0)
    found = max(CENTRED, key=lambda name: size[_place(name, size.shape)])
    return found if size[_place(found, size.shape)] > 0 else None


def origin_text(spectra: np.ndarray) -> str:
    """The same in words; that they may be no spectra, where the largest number is elsewhere."""
    size, found = np.abs(spectra).mean(0), origin_of(spectra)
    if found is None:
        return "zero both in the corner and in the middle: of spectra say --spectrum-origin"
    if size.max() > ABOVE_ZERO * size[_place(found, size.shape)]:
        row, column = np.unravel_index(size.argmax(), size.shape)
        return f"largest at ({row}, {column}), neither corner nor middle: images, or spectra of images with a phase"
    where = {"height": "middle of the height alone", "width": "middle of the width alone"}.get(found, found)
    return f"as spectra frequency zero is in the {where}, where the numbers are largest; --spectrum-origin says another"


def _place(name: str, shape: tuple[int, ...]) -> tuple[int, int]:
    axes = CENTRED[name]
    return shape[0] // 2 * (1 in axes), shape[1] // 2 * (2 in axes)
