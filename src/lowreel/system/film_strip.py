"""A row of frames as one picture, and as a figure of HTML."""

from __future__ import annotations

import html
import io
from base64 import b64encode
from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from .frames import spread

STRIP_FRAMES = 6
"""Frames of a clip that a strip shows."""

STRIP_PIXELS, MOST_STRIP_PIXELS = 128, 256
"""Pixels that a frame of a strip is high: smaller ones are enlarged by whole numbers, larger ones made smaller."""

STRIP_GAP_PIXELS = 4
"""Pixels between two frames."""


def film_strip(frames: Tensor) -> bytes:
    """A PNG of frames side by side. frames: (N, C, H, W) in [0, 1], or bytes."""
    from PIL import Image

    levels = frames if frames.dtype == torch.uint8 else (frames.clamp(0, 1) * 255).round().to(torch.uint8)
    pictures = levels.expand(-1, 3, -1, -1).permute(0, 2, 3, 1).cpu().numpy()
    large = np.stack([_sized(picture) for picture in pictures])
    count, height, width = large.shape[:3]
    strip = np.full((height, count * (width + STRIP_GAP_PIXELS) - STRIP_GAP_PIXELS, 3), 255, np.uint8)
    for k, picture in enumerate(large):
        start = k * (width + STRIP_GAP_PIXELS)
        strip[:, start : start + width] = picture
    file = io.BytesIO()
    Image.fromarray(strip).save(file, format="PNG")
    return file.getvalue()


def _sized(picture: np.ndarray) -> np.ndarray:
    """A picture, (H, W, 3) bytes, at a height that suits a strip."""
    from PIL import Image

    height, width = picture.shape[:2]
    if height <= MOST_STRIP_PIXELS:
        factor = max(1, STRIP_PIXELS // height)
        return picture.repeat(factor, 0).repeat(factor, 1)
    size = max(1, round(width * MOST_STRIP_PIXELS / height)), MOST_STRIP_PIXELS
    return np.asarray(Image.fromarray(picture).resize(size, Image.Resampling.BOX))


def frames_of_strip(count: int) -> list[int]:
    """Numbers of the frames that a strip shows, of a clip of so many: evenly, first and last among them."""
    return spread(count, STRIP_FRAMES)


def strip_html(frames: Tensor, shown: Sequence[int], label: str, count: int) -> str:
    """Frames side by side as a figure; frames, shown: (N, C, H, W) of a clip of `count`, and their numbers."""
    picture = b64encode(film_strip(frames)).decode("ascii")
    text = html.escape(f"{label}, frame{'s' if len(shown) > 1 else ''} {', '.join(map(str, shown))} of {count}")
    return (
        f"<figure style='margin:0'><img alt='{text}' src='data:image/png;base64,{picture}' style='max-width:100%'>"
        f"<figcaption>{text}</figcaption></figure>"
    )
