"""TIFF stacks as ImageJ and napari open them, with the spacing and interval of the source."""

from __future__ import annotations

from dataclasses import dataclass, field
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from ...system.files import TIFF_FILES, split_member
from ..containers.base import FINEST, LENGTHS, imported
from ..video.tiff import TiffReader
from ..video.tiff_times import SECONDS_OF_WORD, FrameTimes
from .clip import Delivered, portable

IMAGEJ = ("uint8", "uint16", "float32")
"""Types that ImageJ knows."""

ESCAPED_UNITS = {"µm": r"\u00B5m", "Å": r"\u00C5"}
"""Units as ImageJ has them in ASCII."""

UNITS_OF_OME = {"inch": "in"}
"""Units of length that OME has by another name."""


def write_tiff(path: Path, clip: Delivered) -> list[str]:
    """A page a frame. As OME-TIFF where the source is that or ImageJ does not know the type, else as ImageJ writes."""
    tifffile = imported("tifffile", path, "TIFF")
    numbers = portable(clip.numbers)
    numbers = numbers.astype(np.float32) if numbers.dtype.kind == "f" else numbers
    coloured = numbers.shape[1] == 3
    pages = np.ascontiguousarray(numbers.transpose(0, 2, 3, 1) if coloured else numbers[:, 0])
    axes, photometric = ("TYXS", "rgb") if coloured else ("TYX", "minisblack")
    about = _about(clip, tifffile)
    can_be_imagej = str(numbers.dtype) in IMAGEJ and (not coloured or numbers.dtype == np.uint8)
    kind = "imagej" if can_be_imagej and not about.is_ome else "ome"
    times, notes = _times(clip, about, kind)
    told = [key for key in ("PhysicalSizeX", "PhysicalSizeY") if key in about.ome]
    is_kept = "unit" in about.imagej if kind == "imagej" else len(told) == len(clip.spacing)
    notes += [] if is_kept else clip.size_is_lost("ImageJ" if kind == "imagej" else "OME")
    metadata = {"axes": axes} | (about.imagej if kind == "imagej" else about.ome) | times
    tifffile.imwrite(path, pages, photometric=photometric, metadata=metadata, **about.resolution, **{kind: True})
    return notes


@dataclass(frozen=True)
class _About:
    """What a TIFF that the clip is like says of resolution, spacing and units; times: when its frames were taken."""

    is_ome: bool = False
    resolution: dict[str, Any] = field(default_factory=dict)
    imagej: dict[str, Any] = field(default_factory=dict)
    ome: dict[str, Any] = field(default_factory=dict)
    times: FrameTimes | None = None


def _about(clip: Delivered, tifffile: Any) -> _About:
    if clip.like is None or split_member(clip.like)[0].suffix.lower() not in TIFF_FILES:
        return _about_another(clip)
    with TiffReader(clip.like, clip.channel, clip.plane) as reader:
        number, times = reader.number, reader.frame_times
    with tifffile.TiffFile(split_member(clip.like)[0]) as file:
        page, resolution = file.series[number].keyframe, {}
        taken = zip(clip.values.shape[2:], clip.taken_of((page.imagelength, page.imagewidth)), strict=True)
        rows, columns = (now / len(own) for now, own in taken)
        if (x := page.tags.get("XResolution")) and (y := page.tags.get("YResolution")):
            per = [n / d for n, d in (x.value, y.value) if d]
            if len(per) == 2:
                unit = page.tags["ResolutionUnit"].value if "ResolutionUnit" in page.tags else None
                resolution = {"resolution": (per[0] * columns, per[1] * rows), "resolutionunit": unit}
        known = file.imagej_metadata or {}
        imagej = {key: known[key] for key in ("unit", "spacing") if key in known and resolution}
        ome = _ome(file, number, tifffile) if file.is_ome else _sizes_of_ome(clip)
        for key, factor in (("PhysicalSizeX", columns), ("PhysicalSizeY", rows)):
            if file.is_ome and key in ome and factor != 1:
                ome[key] = float(ome[key]) / factor
        return _About(file.is_ome, resolution, imagej, ome, times)


def _about_another(clip: Delivered) -> _About:
    """What a source of another kind says of its pixels: ImageJ has one unit for their height and width, OME has two."""
    units = [told for _, told in clip.spacing.values() if told in LENGTHS]
    pixel = clip.pixel_in(units[0]) if units else None
    if pixel is None:
        return _About(ome=_sizes_of_ome(clip))
    of_imagej = {"unit": ESCAPED_UNITS.get(units[0], units[0])}
    return _About(resolution={"resolution": (1 / pixel[1], 1 / pixel[0])}, imagej=of_imagej, ome=_sizes_of_ome(clip))


def _sizes_of_ome(clip: Delivered) -> dict[str, Any]:
    """Width and height of a pixel, each that is known as a length, in its unit."""
    found: dict[str, Any] = {}
    for name, role in (("PhysicalSizeX", "W"), ("PhysicalSizeY", "H")):
        size, unit = clip.spacing.get(role, (0.0, ""))
        if unit in LENGTHS:
            found |= {name: size, f"{name}Unit": UNITS_OF_OME.get(unit, unit)}
    return found


def _ome(file: Any, number: int, tifffile: Any) -> dict[str, Any]:
    """Spacing of a series of an OME-TIFF."""
    images = tifffile.xml2dict(file.ome_metadata)["OME"]["Image"]
    images = images if isinstance(images, list) else [images]
    pixels = images[min(number, len(images) - 1)]["Pixels"]
    names = ("PhysicalSizeX", "PhysicalSizeY", "PhysicalSizeZ")
    return {key: pixels[key] for name in names for key in (name, f"{name}Unit") if key in pixels}


def _times(clip: Delivered, about: _About, kind: str) -> tuple[dict[str, Any], list[str]]:
    """When the frames were taken, as the source says it, else as they are shown; in the source's unit of time."""
    told = about.times
    places = None if told is None else clip.found_among([float(t) for t in told.shown])
    if told is None:
        seconds, unit = [Fraction(t).limit_denominator(FINEST) for t in clip.times], "s"
    elif places is None:
        seconds, unit = [k * told.step for k in range(len(clip.times))], told.unit
    else:
        seconds, unit = [told.own[k] for k in places], told.unit
    steps = {b - a for a, b in pairwise(seconds)}
    step = (seconds[-1] - seconds[0]) / (len(seconds) - 1) if len(seconds) > 1 else 1 / clip.rate
    in_unit = float(step / SECONDS_OF_WORD.get(unit.lower(), Fraction(1)))
    if kind == "imagej":
        notes = ["ImageJ has one interval for all frames: that of their mean is written."] if len(steps) > 1 else []
        return {"finterval": in_unit, "tunit": unit, "fps": float(1 / step)}, notes
    times: dict[str, Any] = {"TimeIncrement": in_unit, "TimeIncrementUnit": unit}
    if told is not None and told.told_by.startswith("DeltaT"):
        per = SECONDS_OF_WORD.get(unit, Fraction(1))
        delta = [float((told.start + t) / per) for t in seconds]
        times["Plane"] = {"DeltaT": delta, "DeltaTUnit": [unit] * len(delta)}
    return times, []
