"""A row of frames as one picture."""

from __future__ import annotations

import io

import numpy as np
import torch
from torch import Tensor

STRIP_FRAMES = 6
"""Frames of a clip that a strip shows."""

STRIP_HEIGHT = 128
"""Pixels that a frame of a strip is high, at least: smaller ones are enlarged by whole numbers."""

STRIP_GAP = 4
"""Pixels between two frames."""


def film_strip(frames: Tensor) -> bytes:
    """A PNG of frames side by side. frames: (N, C, H, W) in [0, 1], or bytes."""
    from PIL import Image

    levels = frames if frames.dtype == torch.uint8 else (frames.clamp(0, 1) * 255).round().to(torch.uint8)
    pictures = levels.expand(-1, 3, -1, -1).permute(0, 2, 3, 1).cpu().numpy()
    factor = max(1, STRIP_HEIGHT // pictures.shape[1])
    large = pictures.repeat(factor, 1).repeat(factor, 2)
    count, height, width = large.shape[:3]
    strip = np.full((height, count * (width + STRIP_GAP) - STRIP_GAP, 3), 255, np.uint8)
    for k, picture in enumerate(large):
        start = k * (width + STRIP_GAP)
        strip[:, start : start + width] = picture
    file = io.BytesIO()
    Image.fromarray(strip).save(file, format="PNG")
    return file.getvalue()


def frames_of_strip(count: int) -> list[int]:
    """Numbers of the frames that a strip shows, of a clip of so many: evenly, first and last among them."""
    return sorted({round(float(t)) for t in np.linspace(0, count - 1, min(count, STRIP_FRAMES))})
