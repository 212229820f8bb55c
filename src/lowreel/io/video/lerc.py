"""Floats of a TIFF in LERC, of which some are missing: tifffile leaves zeros for these, and mixes up the samples of a
pixel where one of them alone is missing. GDAL writes NaN so."""

from __future__ import annotations

import importlib
import os
from typing import Any

import numpy as np

COMPRESSION, PARAMETERS = 34887, 50674
"""LERC's number, and the tag with its version and by what it is compressed once more; libtiff, tif_lerc.c."""

UNPACKED_BY = {1: "zlib_decode", 2: "zstd_decode"}
"""Functions of imagecodecs, by the second number of that tag."""


def is_lerc_of_floats(keyframe: Any) -> bool:
    """Whether the pages of a series may hold masks of what is missing."""
    return int(keyframe.compression) == COMPRESSION and np.dtype(keyframe.dtype).kind == "f"


def numbers_of(file: Any, page: Any, keyframe: Any) -> np.ndarray:
    """The numbers of a page of a TiffFile, flat; NaN where they are missing. Raises what imagecodecs raises."""
    found = np.full(keyframe.shaped, keyframe.nodata, keyframe.dtype)  # samples apart, depth, rows, columns, samples
    for number, (offset, count) in enumerate(zip(page.dataoffsets, page.databytecounts, strict=True)):
        _, place, shape = keyframe.decode(None, number)
        if not count:  # never written
            continue
        piece = _piece(os.pread(file.filehandle.fileno(), count, offset), keyframe)
        rows, columns = (min(n, piece.shape[k], found.shape[2 + k] - place[2 + k]) for k, n in enumerate(shape[1:3]))
        there = (place[0], place[1], slice(place[2], place[2] + rows), slice(place[3], place[3] + columns))
        found[there] = piece[:rows, :columns]
    return found.reshape(-1)


def _piece(data: bytes, keyframe: Any) -> np.ndarray:
    """(rows, columns, samples) of a strip or tile."""
    codecs = importlib.import_module("imagecodecs")
    packed_by = UNPACKED_BY.get(int(keyframe.tags.valueof(PARAMETERS, (0, 0))[1]))
    values, valid = codecs.lerc_decode(getattr(codecs, packed_by)(data) if packed_by else data, masks=True)
    if valid is None:
        return np.atleast_3d(values)
    if valid.ndim == 3:  # samples with a mask each lie one behind the other
        values, valid = (np.moveaxis(each, 0, -1) for each in (values, valid))
    values = np.atleast_3d(values)
    return np.where(np.broadcast_to(np.atleast_3d(valid), values.shape), values, np.nan).astype(values.dtype)
