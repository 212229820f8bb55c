"""Clips of known spectrum, by which is told what errors of data say of errors of a clip."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

import numpy as np
import torch
from scipy.optimize import nnls
from torch import Tensor

from ..errors import InputError
from ..operators import Data, LinearOperator, project_onto_data, tensors_of
from ..system import streams
from ..system.frames import spread
from ..system.threads import shared_out

PROBED_PARTS = 6
"""At most so many parts of a clip are used to tell what the error at held-out numbers says of the error per pixel."""

PROBE_ITERATIONS = 20
"""Iterations of conjugate gradients in which the clip of least norm is found there."""

MEMBERS_PARTS = 24
"""The same of the members of a stack, each of which has few held-out numbers in a part."""

MEMBERS_SLOPES = (0.0, 1.0)
"""Spectra of the errors by which these are judged: white, and natural."""

LEAST_MISSED = 1e-6
"""A clip that is recovered to this share of its energy tells nothing of errors."""


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


def member_weights(operator: LinearOperator, counted: Data, fitted: Data, held: Sequence[int]) -> list[float]:
    """What the mean squared residual of each member's held-out numbers counts in the squared error per pixel, (K,).

    A blurred copy says next to nothing of errors that are finer than its blur, a pixel as much of these as of others,
    and neither should decide by how many numbers it has. So the weights are w >= 0 for which the foretold error of
    four errors e is nearest to the true one: mean over e of (sum_k w_k q_k(e) - 1)^2, q_k(e) the mean square of
    (A_k e) at the held-out numbers over that of e; and chance is counted, as the variance that w_k q_k(e) has where so
    few numbers are held out. The errors: a white clip and a natural one, and what is missed of each by the clip of
    least norm from the fitted numbers.

    counted: what each held-out number counts within its member, and 0, like the data; fitted: booleans like the data;
    held: how many independent ones each member has. All weights are 0 where no held-out number says anything.
    """
    some = spread(math.ceil(operator.clip_shape[0] / operator.part_frames), MEMBERS_PARTS)
    own, seen = (operator.take(t, some) for t in (counted, fitted))
    operator = operator.subset(some)
    said = np.array([_said(operator, e, own) for e in _known_errors(operator, seen)])
    chance = np.diag(np.sqrt(2 / np.maximum(held, 1) * np.square(said).mean(0)))
    wanted = np.concatenate([np.full(len(said), len(said) ** -0.5), np.zeros(len(held))])
    return [float(w) for w in nnls(np.concatenate([said * len(said) ** -0.5, chance]), wanted)[0]]


def _known_errors(operator: LinearOperator, fitted: Data) -> Iterator[Tensor]:
    """Clips, (T, C, H, W), each with what the clip of least norm misses of it, where that is not next to nothing."""
    for slope in MEMBERS_SLOPES:
        probe = natural_probe(operator.clip_shape, slope).to(tensors_of(fitted)[0].device)
        yield probe
        data = operator(probe)
        missed = probe - project_onto_data(torch.zeros_like(probe), operator, data, fitted, iterations=PROBE_ITERATIONS)
        if float(missed.square().mean()) > LEAST_MISSED * float(probe.square().mean()):
            yield missed


def _said(operator: LinearOperator, error: Tensor, counted: Data) -> list[float]:
    """The mean square of the data of an error at the held-out numbers of each member, over that of the error."""
    pairs = zip(tensors_of(operator(error)), tensors_of(counted), strict=True)
    at_held = [float((y.abs().square() * c).sum() / c.sum().clamp_min(1e-30)) for y, c in pairs]
    return [square / float(error.square().mean()) for square in at_held]


def energy_seen(response: Data, entries: Data) -> float:
    """Sum of the squares at these entries, or weighted by them; both of the same shapes. Part by part, as data is as
    large as the clip."""
    pairs = zip(tensors_of(response), tensors_of(entries), strict=True)
    return sum(float((r.abs().square() * e).sum()) for rs, es in pairs for r, e in zip(rs, es, strict=True))


def scale_of(power: float, seen: float) -> float:
    """`Problem.scale` where so much is seen of a clip of this mean square. Raises InputError where it is nothing."""
    if seen == 0:
        raise InputError("data: no entry is left to fit or to hold out; use more measurements")
    return power / seen


def levelling(response: Tensor, held: Tensor) -> Tensor:
    """For each held-out entry the factor that would make all of them hold the same energy, (N,).

    response: squares that a natural clip gives, (T, C, m); of each pattern a mean over frames and channels is meant.
    """
    expected = response.mean((0, 1), keepdim=True).expand(response.shape)[held]
    return expected.mean() / expected.clamp_min(1e-12 * float(expected.max()))


def natural_probe(clip_shape: Sequence[int], slope: float = 1.0) -> Tensor:
    """A seeded clip whose amplitude falls as one over frequency, with zero mean and unit variance.

    slope: the power of frequency by which it falls; 0 is white.
    """
    frames, channels, height, width = clip_shape
    probe = torch.empty(tuple(clip_shape))

    def draw(t: int) -> None:
        probe[t].view(-1).copy_(torch.from_numpy(streams.normals(0, streams.PROBE, t, range(1), probe[t].numel())[0]))

    shared_out(draw, range(frames))
    axes = [torch.fft.fftfreq(n) * n for n in (frames, height)] + [torch.arange(width // 2 + 1)]
    f_t, f_h, f_w = torch.meshgrid(*(axis.float() for axis in axes), indexing="ij")
    amplitude = (f_t**2 + f_h**2 + f_w**2).sqrt_().clamp_min_(1).pow_(slope).reciprocal_()
    amplitude[0, 0, 0] = 0
    for channel in range(channels):  # one by one, as spectra are large
        spectrum = torch.fft.rfftn(probe[:, channel]).mul_(amplitude)
        probe[:, channel] = torch.fft.irfftn(spectrum, s=(frames, height, width))
    deviation = probe.std() if probe.numel() > 1 else probe.new_zeros(())
    return probe.div_(deviation) if deviation > 0 else torch.ones_like(probe)
