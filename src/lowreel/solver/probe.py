"""A clip of natural spectrum, by which is told what errors of data say of errors of a clip."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor

from ..operators import LinearOperator, project_onto_data, tensors_of
from ..system import streams
from ..system.frames import spread

PROBED_PARTS = 6
"""At most so many parts of a clip are used to tell what the error at held-out numbers says of the error per pixel."""

PROBE_ITERATIONS = 20
"""Iterations of conjugate gradients in which the clip of least norm is found there."""


def gap_share(operator: LinearOperator, heldout: Tensor, fitted: Tensor, weights: Tensor) -> float:
    """The mean error over a spectrum as a share of the error at its held-out samples, at most 1, for a clip that meets
    the fitted samples.

    It is found with a clip of natural spectrum, recovered as the clip of least norm from the fitted samples of some
    parts. heldout, fitted: booleans like the data; weights: how much of the spectrum each sample speaks for, of the
    same shape.
    """
    count = math.ceil(operator.clip_shape[0] / operator.part_frames)
    some = spread(count, PROBED_PARTS)
    some = some if bool(tensors_of(operator.take(heldout, some))[0].any()) else list(range(count))
    held, seen, own = (tensors_of(operator.take(t, some))[0] for t in (heldout, fitted, weights))
    operator = operator.subset(some)
    probe = natural_probe(operator.clip_shape).to(heldout.device)
    y = tensors_of(operator(probe))[0]
    found = project_onto_data(torch.zeros_like(probe), operator, y, seen, iterations=PROBE_ITERATIONS)
    missed = (tensors_of(operator(found))[0] - y).abs().square()
    at_held = float((missed * held * own).sum() / (held * own).sum().clamp_min(1e-30))
    error = float((found - probe).square().mean())
    return min(error * operator.row_norm() ** 2 / max(at_held, 1e-30), 1.0)


def natural_probe(clip_shape: Sequence[int]) -> Tensor:
    """A seeded clip whose amplitude falls as one over frequency, with zero mean and unit variance."""
    frames, channels, height, width = clip_shape
    rows = [streams.normals(0, streams.PROBE, t, range(1), channels * height * width) for t in range(frames)]
    white = torch.stack([torch.from_numpy(row) for row in rows]).reshape(tuple(clip_shape))
    axes = [torch.fft.fftfreq(n) * n for n in (frames, height)] + [torch.arange(width // 2 + 1)]
    f_t, f_h, f_w = torch.meshgrid(*(axis.float() for axis in axes), indexing="ij")
    amplitude = 1 / (f_t**2 + f_h**2 + f_w**2).sqrt().clamp_min(1)
    amplitude[0, 0, 0] = 0
    spectrum = torch.fft.rfftn(white, dim=(0, 2, 3)) * amplitude[:, None]
    probe = torch.fft.irfftn(spectrum, s=(frames, height, width), dim=(0, 2, 3))
    return probe / probe.std() if probe.numel() > 1 and probe.std() > 0 else torch.ones_like(probe)
