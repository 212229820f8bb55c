"""Whether an operator looks at every part of the clip in the same way."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from ..system import streams
from .base import LinearOperator, tensors_of


def repeated_rows(operator: LinearOperator, known: tuple[Tensor, ...]) -> list[int]:
    """Of each tensor of the data the rows of one part, where all parts are measured alike and not in full; else all."""
    frames, *frame = operator.clip_shape
    together = operator.part_frames
    parts = [part.data for part in operator.parts() if len(part.frames) == together]
    everything = [len(entries) for entries in known]
    if len(parts) < 2:
        return everything
    one = torch.from_numpy(streams.normals(0, streams.PROBE, 1, range(1), math.prod(frame))).to(operator.device)
    clip = one.reshape(1, *frame).expand(together, *frame) * _brightness(together, one.device)
    response = tensors_of(operator(clip.repeat(math.ceil(frames / together), 1, 1, 1)[:frames]))
    slices = [where if isinstance(where, tuple) else (where,) for where in parts]
    rows = []
    for k, (y, entries) in enumerate(zip(response, known, strict=True)):
        first = y[slices[0][k]]
        alike = all(torch.allclose(y[where[k]], first, rtol=1e-4, atol=1e-5) for where in slices[1:])
        numbers = int(entries[slices[0][k]].sum()) * (2 if y.is_complex() else 1)
        rows.append(len(first) if alike and numbers < together * math.prod(frame) else len(y))
    return rows


def _brightness(together: int, device: torch.device) -> Tensor:
    """Factors that tell the frames of a part apart, (together, 1, 1, 1)."""
    return torch.linspace(0.5, 1.5, together, device=device).view(-1, 1, 1, 1)
