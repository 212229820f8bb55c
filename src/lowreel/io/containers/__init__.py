"""Arrays in files that others wrote: MATLAB's, HDF5, NumPy's. Nothing is unpickled."""

from .base import Array, Entry
from .clips import as_clip, clip_entry, load_clip, wanted_axes
from .reading import entries_of, is_matlab, load, load_named

__all__ = [
    "Array",
    "Entry",
    "as_clip",
    "clip_entry",
    "entries_of",
    "is_matlab",
    "load",
    "load_clip",
    "load_named",
    "wanted_axes",
]
