"""Frames of more than 8 bits, from the planes of a video: FFmpeg's own conversion is up to 0.4 % too dark."""

from __future__ import annotations

import re

import av
import numpy as np

from ...errors import InputError
from .reader import ACCURATE

LIMITED, FULL = 1, 2  # FFmpeg's numbers for the range of luma
MATRICES = {
    1: (0.2126, 0.0722),
    2: (0.299, 0.114),
    4: (0.30, 0.11),
    5: (0.299, 0.114),
    6: (0.299, 0.114),
    7: (0.212, 0.087),
    9: (0.2627, 0.0593),
}
"""(Kr, Kb) of FFmpeg's colour spaces: BT.709, none named (BT.601, as FFmpeg takes it), FCC, BT.601 twice, SMPTE 240M,
BT.2020; ITU-R BT.601, BT.709 and BT.2020."""


PLANAR = re.compile(r"(gray|ya|gbra?p|yuva?4\d\dp)(\d+)(le|be)")
"""Formats whose planes are read as they stand."""

MOSAIC = "bayer_"
"""How FFmpeg names raw pictures of a colour sensor, of 8 or 16 bits, and fills in the colours between."""

DEEP_RGB = ("rgb48", "bgr48", "rgba64", "bgra64", MOSAIC)
"""Formats of 16 bits that FFmpeg takes apart without changing a number."""

YUV = ("p01", "p21", "p41", "y21", "xv")
"""Formats of interleaved luma and chroma, which FFmpeg moves to the top of 16 bits without changing a number."""


def deep_levels(frame: av.VideoFrame) -> np.ndarray:
    """(C, H, W) float32 in [0, 1] of a frame of 9 to 16 bits, or of grey bytes of limited range, without alpha.

    Limited range of n bits: black is 16 * 2^(n - 8), white 235 * 2^(n - 8), beyond them is clipped. Raises InputError
    for floats, and for formats and colour spaces of which no conversion is known.
    """
    name, bits = frame.format.name, depth_of(frame)
    planar = PLANAR.fullmatch(name)
    if name == "gray":
        return _luma(frame.to_ndarray(), bits, True).clip(0, 1)[None].astype(np.float32)
    if planar and planar[1] in ("gray", "ya"):
        return _luma(_planes(frame)[0], bits, _is_limited(frame)).clip(0, 1)[None].astype(np.float32)
    if planar and planar[1].startswith("gb"):
        green, blue, red = _planes(frame)[:3]
    elif name.startswith(DEEP_RGB):
        green, blue, red = _planes(frame.reformat(format="gbrp16le", interpolation=ACCURATE))[:3]
    elif planar or name.startswith(YUV):
        return _from_yuv(frame, bits, bool(planar) and "444" in name)
    else:
        raise InputError(f"frames of FFmpeg's format {name} are not read; encode them as FFV1, or save them as .npy")
    return (np.stack([red, green, blue]) / (2.0**bits - 1)).astype(np.float32)


def depth_of(frame: av.VideoFrame) -> int:
    """Bits of a number of its format. Of raw pictures of a colour sensor FFmpeg tells a quarter or a half of them."""
    form = frame.format
    return form.bits_per_pixel if form.name.startswith(MOSAIC) else form.components[0].bits


def range_text(frame: av.VideoFrame) -> str:
    """What a frame's format says of black and white, in words."""
    bits, name = depth_of(frame), frame.format.name
    is_luma = name.startswith(("yuv", "gray", "ya", *YUV)) and not name.startswith("yuvj")
    if is_luma and _is_limited(frame):
        return f"{bits} bits of {name}, limited range: black {16 * 2 ** (bits - 8)}, white {235 * 2 ** (bits - 8)}"
    return f"{bits} bits of {name}"


def is_limited_grey(frame: av.VideoFrame) -> bool:
    """Whether these are bytes of grey with black at 16 and white at 235, as the file says and FFmpeg does not heed."""
    return frame.format.name == "gray" and _is_limited(frame)


def _is_limited(frame: av.VideoFrame) -> bool:
    """Whether luma has limited range: that of YUV, unless the file says full; grey, only where it says limited."""
    said = int(frame.color_range)
    return said == LIMITED if frame.format.name.startswith(("gray", "ya")) else said != FULL


def _from_yuv(frame: av.VideoFrame, bits: int, is_whole: bool) -> np.ndarray:
    matrix = MATRICES.get(int(frame.colorspace))
    if matrix is None:
        raise InputError(f"colour space {int(frame.colorspace)} of FFmpeg is not read in {bits} bits; encode as BT.709")
    limited, moved = _is_limited(frame), 0 if is_whole else 16 - bits
    luma, *chroma = _planes(frame)[:3] if is_whole else _at_the_top(frame)
    grey = _luma(luma, bits, limited, moved)
    span = (224 * 2.0 ** (bits - 8) if limited else 2.0**bits - 1) * 2.0**moved
    blue_less, red_less = ((plane - 2.0 ** (bits - 1 + moved)) / span for plane in chroma)
    return _rgb(grey, blue_less, red_less, *matrix).clip(0, 1).astype(np.float32)


def _at_the_top(frame: av.VideoFrame) -> list[np.ndarray]:
    """Luma and chroma of every pixel, moved to the top of 16 bits."""
    said = frame.color_range
    frame.color_range = LIMITED  # numbers said to be of full range would be stretched
    try:
        return _planes(frame.reformat(format="yuv444p16le", interpolation=ACCURATE))[:3]
    finally:
        frame.color_range = said


def _luma(plane: np.ndarray, bits: int, limited: bool, moved: int = 0) -> np.ndarray:
    """Luma in [0, 1] of numbers that were moved up by so many bits."""
    if not limited:
        return np.asarray(plane / ((2.0**bits - 1) * 2**moved))
    step = 2.0 ** (bits + moved - 8)
    return (plane - 16 * step) / (219 * step)


def _rgb(luma: np.ndarray, blue_less: np.ndarray, red_less: np.ndarray, of_red: float, of_blue: float) -> np.ndarray:
    red, blue = luma + 2 * (1 - of_red) * red_less, luma + 2 * (1 - of_blue) * blue_less
    green = (luma - of_red * red - of_blue * blue) / (1 - of_red - of_blue)
    return np.stack([red, green, blue])


def _planes(frame: av.VideoFrame) -> list[np.ndarray]:
    """The planes of a planar format of 16-bit numbers, float64 (H, W) each; grey with alpha lies in one."""
    order = ">u2" if frame.format.name.endswith("be") else "<u2"
    step = 2 if frame.format.name.startswith("ya") else 1
    found = []
    for plane in frame.planes:
        rows = np.frombuffer(memoryview(plane), order).reshape(plane.height, -1)
        upwards = slice(None, None, -1 if plane.line_size < 0 else 1)  # rows that lie from the bottom upwards in memory
        found.append(rows[upwards, : step * plane.width : step].astype(np.float64))
    return found
