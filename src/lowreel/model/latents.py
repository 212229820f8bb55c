"""Codes: how they are stored, projected to low rank or to a line, and kept similar."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

import torch
from torch import Tensor

from ..errors import InputError


def low_rank(codes: Tensor, rank: int) -> Tensor:
    """Closest matrix of rank at most `rank` in Frobenius norm, by truncated SVD. codes: (T, K). Eq. (7)."""
    u, s, vh = torch.linalg.svd(codes, full_matrices=False)
    nearest: Tensor = (u[:, :rank] * s[:rank]) @ vh[:rank]
    return nearest


def affine_low_rank(codes: Tensor, rank: int) -> Tensor:
    """Mean plus the first rank - 1 principal vectors; a line for rank 2. codes: (T, K). Section 4.4."""
    mean = codes.mean(0, keepdim=True)
    return mean + low_rank(codes - mean, rank - 1) if rank > 1 else mean.expand_as(codes)


def lines(codes: Tensor, sequences: Sequence[int], rank: int = 2) -> Tensor:
    """All codes of rank `rank` together, then each sequence on its own line in that space. Section 4.4, Figure 7.

    codes: (T, K); sequences: their lengths, which add up to T. The second projection stays in the span of the first.
    """
    return torch.cat([affine_low_rank(part, 2) for part in torch.split(low_rank(codes, rank), list(sequences))])


def in_order(codes: Tensor, sequences: Sequence[int] = ()) -> Tensor:
    """Codes on a line, moved along it so that they never turn back in time: the nearest such ones on that line.

    codes: (T, K), each sequence on a line of its own; sequences: their lengths, all one if empty. What has to be moved
    meets at one place: frames that want to change their order come to the same code. The way along a line is the one
    that most of it takes in time.
    """
    return torch.cat([_never_back(part) for part in torch.split(codes, list(sequences) or [len(codes)])])


def _never_back(codes: Tensor) -> Tensor:
    """`in_order` of one sequence; the same tensor where it is in order."""
    from scipy.optimize import isotonic_regression

    spread = codes - codes.mean(0)
    direction = torch.linalg.svd(spread, full_matrices=False)[2][0]
    positions = spread @ direction
    time = torch.arange(len(codes), dtype=codes.dtype, device=codes.device) - (len(codes) - 1) / 2
    if positions @ time < 0:
        direction, positions = -direction, -positions
    if bool((positions.diff() >= 0).all()):
        return codes
    rising = torch.from_numpy(isotonic_regression(positions.double().cpu().numpy()).x.copy()).to(positions)
    return codes + torch.outer(rising - positions, direction)


def similarity(codes: Tensor, sequences: Sequence[int] = (), beta: Tensor | None = None) -> Tensor:
    """Mean over the (T - 1) K entries of beta_t (z_(t+1) - z_t)^2; never across two sequences. Eq. (6).

    codes: (T, K); beta: (T - 1,), all 1 if None.
    """
    steps = (codes[1:] - codes[:-1]).square()
    weights = codes.new_ones(len(steps)) if beta is None else beta.to(codes)
    if len(sequences) > 1:
        cuts = torch.as_tensor(sequences).cumsum(0)[:-1] - 1
        weights = weights.index_fill(0, cuts.to(codes.device), 0)
    return (weights[:, None] * steps).sum() / max(steps.numel(), 1)


Curve = Literal["linear", "cubic"]
"""How codes go from frame to frame."""


def places(times: Tensor, at: Tensor) -> tuple[Tensor, Tensor]:
    """The frame before each time, and where between it and the next one that lies, 0 to 1; for two frames at least.

    times: seconds of the frames, rising; at: (N,), held beyond both ends.
    """
    at = at.to(times)
    left = (torch.searchsorted(times, at) - 1).clamp(0, len(times) - 2)
    return left, ((at - times[left]) / (times[left + 1] - times[left])).clamp(0, 1)


@dataclass(frozen=True)
class Codes:
    """Codes z_t = mean + sum_j coefficients_tj basis_j (eq. 8), at the times of their frames.

    coefficients: (T, r), or the codes themselves, (T, K), where `basis` is None; basis: (r, K); mean: (K,) or None;
    times: (T,) seconds, float64, rising.
    """

    coefficients: Tensor
    times: Tensor
    basis: Tensor | None = None
    mean: Tensor | None = None

    def __len__(self) -> int:
        return len(self.coefficients)

    def matrix(self) -> Tensor:
        """Z, (T, K)."""
        return self._decode(self.coefficients)

    def at(self, times: Tensor, curve: Curve = "linear") -> Tensor:
        """Codes at these times, (N, K): the coefficients are interpolated, and held beyond both ends.

        times: seconds, (N,). curve: linear from frame to frame, or cubic, smooth and never beyond the two frames it
        lies between. Raises InputError for another curve.
        """
        if curve not in ("linear", "cubic"):
            raise InputError(f"curve: expected linear or cubic, got {curve!r}")
        if len(self) == 1:
            return self.matrix().expand(len(times), -1)
        if curve == "cubic":
            return self._decode(self._cubic(times))
        left, share = places(self.times, times)
        share = share.to(self.coefficients)[:, None]
        return self._decode(torch.lerp(self.coefficients[left], self.coefficients[left + 1], share))

    def _cubic(self, times: Tensor) -> Tensor:
        from scipy.interpolate import PchipInterpolator

        within = times.to(self.times).clamp(self.times[0], self.times[-1])
        curve = PchipInterpolator(self.times.numpy(), self.coefficients.cpu().double().numpy())
        return torch.from_numpy(curve(within.numpy())).to(self.coefficients)

    def of(self, frames: Sequence[int]) -> Codes:
        """The codes of these frames alone, which are numbered from 0 and rise."""
        return replace(self, coefficients=self.coefficients[list(frames)], times=self.times[list(frames)])

    def _decode(self, coefficients: Tensor) -> Tensor:
        codes = coefficients if self.basis is None else coefficients @ self.basis
        return codes if self.mean is None else self.mean + codes

    @property
    def parameters(self) -> int:
        """Numbers stored: T K when free, T r + r K (and K for a mean) on a basis."""
        return sum(t.numel() for t in (self.coefficients, self.basis, self.mean) if t is not None)

    @property
    def rank(self) -> int:
        """Rank that the form allows: min(T, K) when free, else the basis vectors and the mean counted together."""
        if self.basis is None:
            return min(self.coefficients.shape)
        return len(self.basis) + (self.mean is not None)

    def tensors(self) -> dict[str, Tensor]:
        """Its tensors by name, without those that are None."""
        named = {"coefficients": self.coefficients, "basis": self.basis, "mean": self.mean, "times": self.times}
        return {name: tensor for name, tensor in named.items() if tensor is not None}

    def on(self, device: torch.device) -> Codes:
        """The codes on a device; the times stay on the CPU, in double precision, which not every device has."""
        if self.coefficients.device.type == device.type:
            return self
        named = {name: t.to(device) for name, t in self.tensors().items() if name != "times"}
        return replace(self, **named)

    def clone(self) -> Codes:
        """A copy that shares no memory."""
        return replace(self, **{name: tensor.detach().clone() for name, tensor in self.tensors().items()})


def factorise(codes: Tensor, times: Tensor, rank: int, *, affine: bool = False) -> Codes:
    """Codes of rank `rank` as coefficients on an orthonormal basis, with a mean if `affine`. codes: (T, K)."""
    mean = codes.mean(0) if affine else None
    centred = codes if mean is None else codes - mean
    u, s, vh = torch.linalg.svd(centred, full_matrices=False)
    kept = rank - 1 if affine else rank
    return Codes(u[:, :kept] * s[:kept], times, vh[:kept].contiguous(), mean)


def check_rank(rank: int, frames: int, code_dim: int) -> None:
    """Raise InputError unless 1 <= rank <= min(T, K)."""
    if not 1 <= rank <= min(frames, code_dim):
        raise InputError(
            f"rank: expected 1 to {min(frames, code_dim)} = min(T, K) for {frames} frames and codes of "
            f"{code_dim} numbers, got {rank}; lower it or leave it out"
        )
