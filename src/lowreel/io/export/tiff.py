"""TIFF stacks as ImageJ and napari open them, with the spacing and interval of the source."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from ...system.files import split_member
from ..containers.base import imported
from .clip import Delivered

IMAGEJ = ("uint8", "uint16", "float32")
"""Types that ImageJ knows."""


def write_tiff(path: Path, clip: Delivered) -> list[str]:
    """A page a frame. As OME-TIFF where the source is that or ImageJ does not know the type, else as ImageJ writes."""
    tifffile = imported("tifffile", path, "TIFF")
    numbers = clip.numbers
    numbers = numbers.astype(np.uint8) * 255 if numbers.dtype.kind == "b" else numbers
    numbers = numbers.astype(np.float32) if numbers.dtype.kind == "f" else numbers
    about = _about(clip, tifffile)
    coloured = numbers.shape[1] == 3
    pages = np.ascontiguousarray(numbers.transpose(0, 2, 3, 1) if coloured else numbers[:, 0])
    axes, photometric = ("TYXS", "rgb") if coloured else ("TYX", "minisblack")
    is_imagej = not about.pop("is_ome") and str(numbers.dtype) in IMAGEJ and (not coloured or numbers.dtype == np.uint8)
    resolution, unit = about.pop("resolution", None), about.pop("resolution_unit", None)
    kept = {"resolution": resolution, "resolutionunit": unit} if resolution else {}
    ome = {"TimeIncrement": float(1 / clip.rate), "TimeIncrementUnit": "s"} | about.pop("ome", {})
    imagej = {"fps": float(clip.rate), "finterval": float(1 / clip.rate)} | about
    metadata = {"axes": axes} | (imagej if is_imagej else ome)
    options = {"imagej": True} if is_imagej else {"ome": True}
    tifffile.imwrite(path, pages, photometric=photometric, metadata=metadata, **kept, **options)
    return []


def _about(clip: Delivered, tifffile: Any) -> dict[str, Any]:
    """What a TIFF that the clip is like says of spacing, units and interval."""
    if clip.like is None or split_member(clip.like)[0].suffix.lower() not in (".tif", ".tiff"):
        return {"is_ome": False}
    with tifffile.TiffFile(clip.like) as file:
        page, about = file.pages[0], {"is_ome": file.is_ome}
        if (x := page.tags.get("XResolution")) and (y := page.tags.get("YResolution")):
            height, width = page.shape[:2]
            rows, columns = clip.values.shape[2] / height, clip.values.shape[3] / width
            per = [n / d for n, d in (x.value, y.value) if d]
            if len(per) == 2 and not clip.is_cropped:
                about["resolution"] = (per[0] * columns, per[1] * rows)
                about["resolution_unit"] = page.tags["ResolutionUnit"].value if "ResolutionUnit" in page.tags else None
        known = file.imagej_metadata or {}
        about |= {key: known[key] for key in ("unit", "finterval", "fps", "spacing", "tunit") if key in known}
        if file.is_ome:
            about["ome"] = _ome(file, tifffile)
    return about


def _ome(file: Any, tifffile: Any) -> dict[str, Any]:
    """Spacing and interval of an OME-TIFF."""
    pixels = tifffile.xml2dict(file.ome_metadata)["OME"]["Image"]
    pixels = (pixels[0] if isinstance(pixels, list) else pixels)["Pixels"]
    names = ("PhysicalSizeX", "PhysicalSizeY", "PhysicalSizeZ", "TimeIncrement")
    return {key: pixels[key] for name in names for key in (name, f"{name}Unit") if key in pixels}
