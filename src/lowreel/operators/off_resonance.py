"""Uneven magnetic fields: pixels turn during a readout, which is computed by a few transforms at fixed times."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ..errors import InputError
from .nufft import Nufft

TURNING_ERROR = 1e-6
"""Error of the phase factors of any pixel at any time."""

MOST_SEGMENTS = 128
"""At most so many segments: enough for pixels that turn fifty times in a readout; a need for more is taken for a
mistake."""


class Segments(NamedTuple):
    """exp(-2 pi i f t) of all frequencies of a range and times of a readout as a sum over few times tau.

    times: tau in seconds, (segments,); weights: (samples, segments), complex; both float64. The weights of a sample are
    those of least squares over the range (Sutton et al., IEEE Trans. Med. Imaging 22:178, 2003).
    """

    times: Tensor
    weights: Tensor

    @classmethod
    def of(cls, frequencies: tuple[float, float], times: Tensor) -> Segments:
        """As few as keep to TURNING_ERROR. frequencies: least and greatest, in Hz; times: of the samples, in seconds.

        times: (samples,). Raises InputError where so many are needed that no one would wait for them.
        """
        t = times.double().cpu().numpy()
        turns = (frequencies[1] - frequencies[0]) * (t.max() - t.min())
        count = 1 + math.ceil(turns)
        while count <= MOST_SEGMENTS:
            tau = np.linspace(t.min(), t.max(), count) if count > 1 else np.array([t.mean()])
            some = np.linspace(*frequencies, 4 * count + 16)
            weights, error = _least_squares(some, tau, np.linspace(t.min(), t.max(), 4 * count + 16))
            if error < TURNING_ERROR:
                weights, _ = _least_squares(some, tau, t)
                return cls(torch.from_numpy(tau), torch.from_numpy(weights.T.copy()))
            count += 1 + count // 16
        raise InputError(
            f"mri: pixels turn {turns:.0f} times relative to each other in a readout of {t.max() - t.min():.3g} s; are "
            "off_resonance in Hz and times in seconds?"
        )


def _least_squares(
    frequencies: NDArray[np.float64], tau: NDArray[np.float64], times: NDArray[np.float64]
) -> tuple[NDArray[np.complex128], float]:
    """Weights (segments, times) of the phase factors at tau, and the greatest error at these frequencies and times."""
    basis, wanted = (np.exp(-2j * np.pi * frequencies[:, None] * at) for at in (tau, times))
    weights = np.linalg.lstsq(basis, wanted, rcond=1e-8)[0]  # large weights would carry the rounding of float32
    return weights, float(np.abs(basis @ weights - wanted).max())


class Turning(NamedTuple):
    """The transform of a frame whose pixels turn by exp(-2 pi i f t), at times t that follow the samples of a readout.

    phases: exp(-2 pi i f tau), (segments, H, W); weights: of each segment at each point, (segments, M).
    """

    still: Nufft
    phases: Tensor
    weights: Tensor

    @classmethod
    def of(cls, still: Nufft, field: Tensor, segments: Segments, readouts: int, dtype: torch.dtype) -> Turning:
        """field: f in Hz, (H, W); dtype: complex."""
        angles = -2 * math.pi * segments.times.to(field.device)[:, None, None] * field.double()
        phases = torch.polar(torch.ones_like(angles), angles)
        return cls(still, phases.to(dtype), segments.weights.to(field.device, dtype).T.repeat(1, readouts))

    def forward(self, picture: Tensor, maps: Tensor) -> Tensor:
        """As `Nufft.forward`."""
        each = zip(self.weights, self.phases, strict=True)
        return torch.stack([w * self.still.forward(picture * phase, maps) for w, phase in each]).sum(0)

    def adjoint(self, values: Tensor, conjugates: Tensor) -> Tensor:
        """As `Nufft.adjoint`."""
        each = zip(self.weights.conj(), self.phases.conj(), strict=True)
        flat = values.flatten(1)
        return torch.stack([phase * self.still.adjoint(w * flat, conjugates) for w, phase in each]).sum(0)
