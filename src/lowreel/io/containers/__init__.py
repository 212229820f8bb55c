"""Arrays in files that others wrote: docs/files-of-others.md has them all. Nothing is unpickled."""

from .base import FINEST, LENGTHS, Array, Entry, Spacing, can_be_watched, spacing_of, spacing_text
from .clips import Frames, as_clip, clip_entry, load_clip, wanted_axes
from .dicom_series import is_series
from .hdf5 import RAW
from .other_kinds import advice
from .reading import entries_of, is_matlab, load, load_named, refuse_hidden
from .refusals import complex_advice, missing_sentence
from .spectra import ABOVE_ZERO, CENTRED, origin_of, origin_text

__all__ = [
    "ABOVE_ZERO",
    "CENTRED",
    "FINEST",
    "LENGTHS",
    "RAW",
    "Array",
    "Entry",
    "Frames",
    "Spacing",
    "advice",
    "as_clip",
    "can_be_watched",
    "clip_entry",
    "complex_advice",
    "entries_of",
    "is_matlab",
    "is_series",
    "load",
    "load_clip",
    "load_named",
    "missing_sentence",
    "origin_of",
    "origin_text",
    "refuse_hidden",
    "spacing_of",
    "spacing_text",
    "wanted_axes",
]
