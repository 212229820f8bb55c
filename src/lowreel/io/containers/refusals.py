"""Sentences for arrays that are no clip, which say what can be done with them."""

from __future__ import annotations

import numpy as np

from ...system.files import split_member
from .base import Array, Lazy
from .clips import Frames

SLICE = 1 << 26  # bytes looked at at once


def complex_advice(array: Array) -> str:
    """What to do with complex numbers."""
    spectra = f"where these are spectra, recover the clip: lowreel recover {_typed(array)} --operator fourier"
    return f"{spectra}; where these are images, take the magnitude, abs(...), and save it"


def missing_sentence(array: Array, clip: Frames) -> str:
    """How much of a clip is missing and from which frame on; the clip is read for it."""
    bad, first = 0, -1
    step = max(1, SLICE // max(1, clip[0].nbytes))
    for start in range(0, len(clip), step):
        finite = np.isfinite(clip[start : start + step])
        if not finite.all():
            bad += int((~finite).sum())
            first = start + int((~finite).any(axis=(1, 2, 3)).argmax()) if first < 0 else first
    share = bad / np.prod([float(n) for n in clip.shape])
    told = f"{bad} numbers are NaN or infinite, first in frame {first}, {share:.1%} of all"
    told += ", those included that the file marks as missing" if isinstance(array.stored, Lazy) else ""
    fill = f"to fill them in: lowreel recover {_typed(array)} --operator mask"
    return f"{array.label}: {told}; {fill}; or replace them"


def _typed(array: Array) -> str:
    """The file and the array as the command line takes them for data."""
    file, name = split_member(array.label)
    return f"{file} --y {name}" if name else str(file)
