"""Dynamic magnetic resonance imaging as scanners do it: complex clips, several coils, any path through the spectrum."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import avg_pool2d, pad

from ..catalogue import MriSettings
from ..errors import InputError
from .arrangement import Arrangement, Lines
from .base import LinearOperator
from .nufft import Nufft, workspace_bytes
from .nufft_plans import Plans
from .off_resonance import Segments, Turning
from .scan_parts import Units, checked_coil_maps, checked_field, checked_mask, checked_trajectory, checked_weights
from .shapes import Shape, checked_clip_shape
from .simulated_scan import cartesian_rows, simulated_coil_maps
from .tensors import by_adjoint
from .trajectories import radial, spiral

__all__ = ["MRI"]

STRETCHES = 16
"""Where a frame has fewer than four readouts, each is cut into so many pieces, which are held out one by one."""

SPIRAL_GAP_CYCLES = 4.0
"""Distance between the turns of all spirals of a simulated frame, in cycles per field of view; 1 would be enough."""

ALIKE_OFTEN = 2.0
"""Samples on a grid are weighted in a fit by how rare they are only if the most frequent place is measured at least so
many times as often as the rarest one."""

NEIGHBOURS = 5
"""How often a place of the spectrum is measured is a mean over so many rows and columns around it."""

PIECES = 4
"""Of a readout or row, by which results are compared: a spectrum of what fills the frame is off independently at places
that lie a few samples apart, and alike at opposite ones (docs/choices.md)."""

FEW_READOUTS = 4
"""In a frame with fewer readouts a single one is too large a part to be held out."""


class MRI(LinearOperator):
    """The spectrum of every frame times the sensitivity of each coil; clips (T, 1, H, W) and data are complex.

    y_tc(k) = sum_n S_tc(n) x_t(n) exp(-i k . n) / sqrt(H W), zero where nothing was measured.

    Without a trajectory k lies on the grid of the discrete Fourier transform and y is (T, coils, H, W): mask, booleans
    (H, W), (T, H, W) or (T, 1, H, W), says what was measured; everything if None. With one y is (T, coils, readouts,
    samples): trajectory, real (readouts, samples, 2) for all frames or (T, readouts, samples, 2), or (samples, 2) of
    one readout, where the first coordinate goes down the rows and the second along the columns, kept in float32; mask,
    booleans of its shape without the last axis, says which samples are there, as frames may have fewer than others.

    units: of the trajectory: "radians/pixel" (-pi to pi), "cycles/pixel" (-1/2 to 1/2) or "cycles/FOV" (-H/2 to H/2
    and -W/2 to W/2, as BART and sigpy have it). coil_maps: complex (coils, H, W) or (T, coils, H, W); None: one coil
    that sees all pixels alike. density: weights of the samples, shaped as such a mask, for `gridded` alone.
    off_resonance: how fast pixels turn besides, f in Hz, (H, W) or (T, H, W), and times: t of the samples of a readout
    in seconds, (samples,), with a trajectory: the sum then has a factor exp(-2 pi i f_n t_k), within 1e-5. centred:
    the origin of frames is pixel (H // 2, W // 2) and frequency zero stands there in Cartesian data, as scanners, BART
    and fastMRI have it; else both are in the corner, as `torch.fft` has it. memory: bytes that prepared transforms
    may hold (default: half of `default_budget()`); what has no room is prepared whenever it is used.

    Raises InputError for clips of several channels, for other shapes and types, for what is not finite, for a mask that
    keeps nothing, and for a trajectory whose range does not agree with its units.
    """

    kind = "mri"
    part_length = 1
    is_complex = True
    takes_complex_clips = True
    tensors_by_frame = ("mask", "trajectory", "coil_maps", "density", "off_resonance")

    def __init__(
        self,
        clip_shape: Shape,
        *,
        mask: Tensor | np.ndarray | None = None,
        trajectory: Tensor | np.ndarray | None = None,
        coil_maps: Tensor | np.ndarray | None = None,
        density: Tensor | np.ndarray | None = None,
        off_resonance: Tensor | np.ndarray | None = None,
        times: Tensor | np.ndarray | None = None,
        units: Units = "radians/pixel",
        centred: bool = True,
        memory: int | None = None,
    ):
        frames, channels, height, width = checked_clip_shape(clip_shape)
        if channels != 1:
            raise InputError(
                f"mri: expected clips of one complex channel, (T, 1, H, W), got {tuple(clip_shape)}; use --channels 1"
            )
        path = None if trajectory is None else checked_trajectory(trajectory, units, frames, (height, width))
        maps = checked_coil_maps(coil_maps, frames, (height, width))
        samples = (1, height, width) if path is None else tuple(path.shape[:-1])
        measured = checked_mask(mask, frames, samples)
        super().__init__(clip_shape, (frames, maps.shape[1], *samples[1:]), part_frames=1)
        self.centred = bool(centred)
        self._has_maps = coil_maps is not None
        self.trajectory: Tensor | None
        self.mask: Tensor
        self.density: Tensor | None
        self._maps: Tensor
        self.register_buffer("trajectory", path)
        self.register_buffer("mask", measured)
        self.register_buffer("density", None if density is None else checked_weights(density, frames, samples))
        self.register_buffer("_maps", torch.view_as_real(maps))
        field, seconds = checked_field(off_resonance, times, frames, (height, width), path)
        self.off_resonance: Tensor | None
        self.times: Tensor | None
        self.register_buffer("off_resonance", field)
        self.register_buffer("times", seconds)
        self._segments = None
        if field is not None and seconds is not None:
            self._segments = Segments.of((float(field.min()), float(field.max())), seconds)
        self._plans = None if path is None else Plans(path, measured, (height, width), self.centred, memory)
        self._frames: Sequence[int] = range(frames)

    @classmethod
    def from_settings(cls, settings: MriSettings, clip_shape: Shape, *, seed: int, memory: int | None) -> MRI:
        """A scanner with simulated coils."""
        frames, _, height, width = checked_clip_shape(clip_shape)
        maps = simulated_coil_maps(settings.coils, (height, width), seed) if settings.coils > 1 else None
        if settings.acceleration is not None:
            rows = cartesian_rows(settings.acceleration, (height, width), frames, seed)
            return MRI(clip_shape, mask=rows, coil_maps=maps)
        across = max(height, width)
        if settings.spokes is not None:
            path = radial(settings.spokes, across, frames, golden_angle=settings.golden_angle)
        else:
            leaves = settings.spirals or 1
            turns = across / 2 / leaves / SPIRAL_GAP_CYCLES
            samples = round(math.pi * turns * across)  # a cycle per field of view apart at the edge, nearer within
            path = spiral(leaves, samples, frames, turns=turns, golden_angle=settings.golden_angle)
        return MRI(clip_shape, trajectory=path, coil_maps=maps, memory=memory)

    @property
    def coil_maps(self) -> Tensor:
        """Sensitivities, complex, (1 or T, coils, H, W); 1 where all frames have the same."""
        return torch.view_as_complex(self._maps)

    def _measure(self, x: Tensor) -> Tensor:
        return by_adjoint(self._spectra, self._combined, x.to(_complex(x.dtype)))

    def _adjoint(self, y: Any) -> Tensor:
        return by_adjoint(self._combined, self._spectra, y.to(_complex(y.dtype)))

    def _spectra(self, x: Tensor) -> Tensor:
        maps, each = self._laid_maps(x), self._transforms(x)
        spectra = [transform.forward(x[t, 0], _of_frame(maps, t)) for t, transform in enumerate(each)]
        return torch.stack(spectra).reshape(self.data_shape)

    def _combined(self, y: Tensor) -> Tensor:
        maps, each = self._laid_maps(y).conj().resolve_conj(), self._transforms(y)
        return torch.stack([transform.adjoint(y[t], _of_frame(maps, t)) for t, transform in enumerate(each)])[:, None]

    def _laid_maps(self, like: Tensor) -> Tensor:
        """The maps as the transforms of frames take them, (1 or T, coils, ...)."""
        maps = torch.view_as_complex(self._maps.to(like.real.dtype))
        return maps if self._plans is None else self._plans.wrapping(like.real.dtype).wrap(maps)

    def _transforms(self, like: Tensor) -> Iterator[OnGrid | Nufft | Turning]:
        """That of each frame, in the type and on the device of a clip or data."""
        if self._plans is None:
            before, after = _centring(self.clip_shape[2:], like.dtype, like.device, self.centred)
            yield from (OnGrid(before, after * _of_frame(self.mask, t)[0]) for t in range(len(self._frames)))
            return
        for t, frame in enumerate(self._frames):
            still = self._plans.of(frame, like.real.dtype, like.device)
            if self._segments is None or self.off_resonance is None:
                yield still
            else:
                field = _of_frame(self.off_resonance, t)
                yield Turning.of(still, field, self._segments, self.data_shape[2], like.dtype)

    def gridded(self, y: Tensor) -> Tensor:
        """A^H (w y), w the density weights, times the one number that makes its data nearest to y: a first picture.

        Without given weights they are those of Pipe and Menon (1999), and 1 on a Cartesian grid. y: data,
        (T, coils, ...); the picture is (T, 1, H, W), complex.
        """
        picture = self.adjoint(self._density_like(y) * y)
        data = self(picture)
        power = float(data.abs().square().sum())
        return picture * ((data.conj() * y).sum() / power) if power > 0 else picture

    def density_weights(self) -> Tensor | None:
        """Along a trajectory by how far apart its samples lie; on a grid one over how often a place and its neighbours
        are measured in all frames, whether others are measured in each frame or the same rows, some of which stand
        alone. None where all are measured about as often."""
        if self._plans is not None:
            return self._density_like(torch.empty(0, device=self.mask.device))
        often = self._often()
        measured = often[self.mask.any(0)[0]]
        if not measured.numel() or float(measured.max()) < ALIKE_OFTEN * float(measured.min()):
            return None
        return self.mask / often.clamp_min(1e-6)

    def sample_weights(self) -> Tensor:
        """By how densely samples lie; of rows by how often a place and its neighbours are measured in all frames: what
        is measured in a share s of these speaks for (1 - s) / s frames that miss it."""
        if self._plans is not None:
            return self._density_like(torch.empty(0, device=self.mask.device))
        often = self._often()
        weights = ((1 - often) / often.clamp_min(1e-6)).clamp_min(0) * self.mask
        return weights if bool((weights > 0).any()) else self.mask.float()

    def _often(self) -> Tensor:
        """In which share of the frames a place and its neighbours are measured, (H, W)."""
        return _smoothed(self.mask.float().mean((0, 1)))

    def _density_like(self, y: Tensor) -> Tensor:
        if self.density is not None:
            return self.density.to(y.real.dtype)
        if self._plans is None:
            return self.mask.to(y.real.dtype)
        plans = (self._plans.of(frame, y.real.dtype, y.device) for frame in self._frames)
        return torch.stack([plan.density_weights() for plan in plans]).reshape(-1, 1, *self.data_shape[2:])

    def _subset(self, parts: Sequence[int]) -> MRI:
        chosen = torch.as_tensor(parts)
        by_frame = {
            name: t[chosen.to(t.device)]
            for name, t in self._buffers.items()
            if name not in ("_place", "times") and t is not None and len(t) == self.clip_shape[0]
        }
        other = self._like(len(parts), (len(parts), *self.data_shape[1:]), **by_frame)
        other._frames = [self._frames[k] for k in parts]
        return other

    def observed_mask(self) -> Tensor:
        seen = (self._maps != 0).flatten(2).any(2)[:, :, None, None]
        return (self.mask & seen).expand(self.data_shape)

    def row_norm(self) -> float:
        power = self._maps.square().sum(-1).mean((-2, -1))
        return math.sqrt(float(power[power > 0].mean())) if bool((power > 0).any()) else 0.0

    def bytes_to_come(self) -> int:
        """Of transforms that will be kept and are not prepared yet, and of the grid of one frame in each coil."""
        if self._plans is None:
            return 0
        dtype = self._maps.dtype
        return self._plans.bytes_to_come(dtype) + workspace_bytes(self.data_shape[1], self.clip_shape[2:], dtype)

    def arrangements(self) -> tuple[Arrangement, ...]:
        """Readouts, or rows or columns that are measured whole or not at all, else places, each in all coils at once.

        Where a frame has few readouts they are pieces of them. Without what several readouts of a frame pass, and
        without the lines around zero that are there without a gap: such is never missing.
        """
        numbers = self._readout_numbers() if self.trajectory is not None else self._line_numbers()
        return (Lines(numbers.expand(self.clip_shape[0], -1, -1, -1), PIECES),)

    def _readout_numbers(self) -> Tensor:
        assert self.trajectory is not None
        count, samples = self.trajectory.shape[1:3]
        device = self.trajectory.device
        if count < FEW_READOUTS:
            pieces = (torch.arange(samples, device=device) * min(STRETCHES, samples)) // samples
            return (torch.arange(count, device=device)[:, None] * STRETCHES + pieces)[None, None]
        size = torch.tensor(self.clip_shape[2:], device=device)
        cells = torch.round(self.trajectory * (size / (2 * math.pi))).long()
        places = cells[..., 0] * (4 * size[1]) + cells[..., 1]
        readouts = torch.arange(count, device=device)[:, None].expand(count, samples)
        frames = range(max(len(places), len(self.mask)))
        each = [_numbers_alone(_of_frame(places, t), readouts, _of_frame(self.mask, t)[0]) for t in frames]
        return torch.stack(each)[:, None]

    def _line_numbers(self) -> Tensor:
        height, width = self.clip_shape[2:]
        for axis, length in ((-2, height), (-1, width)):
            whole = self.mask.all(-3 - axis)
            if torch.equal(whole, self.mask.any(-3 - axis)) and not bool(whole.all()):
                numbers = torch.arange(length, device=whole.device).expand(whole.shape)
                numbers = numbers.masked_fill(~whole | self._around_zero(whole), -1)
                return numbers.unsqueeze(-3 - axis).expand(self.mask.shape)
        places = torch.arange(height * width, device=self.mask.device).reshape(1, 1, height, width)
        return places.expand(self.mask.shape).masked_fill(~self.mask, -1)

    def _around_zero(self, whole: Tensor) -> Tensor:
        """Of lines that are measured, (T, 1, n), those that join the one of frequency zero without a gap; but none of a
        frame that has no others."""
        lines = whole if self.centred else torch.fft.fftshift(whole, -1)
        zero = lines.shape[-1] // 2
        after = lines[..., zero:].long().cumprod(-1).bool()
        before = lines[..., : zero + 1].flip(-1).long().cumprod(-1).bool().flip(-1)[..., :-1]
        joined = torch.cat([before, after], -1)
        joined = joined if self.centred else torch.fft.ifftshift(joined, -1)
        return joined & (whole & ~joined).any(-1, keepdim=True)

    def parameters_spec(self) -> dict[str, Any]:
        return {"centred": self.centred}

    def spec_tensors(self) -> dict[str, Tensor]:
        whole = bool(self.mask.all())
        known = {"mask": None if whole else self.mask, "trajectory": self.trajectory, "density": self.density}
        known |= {"off_resonance": self.off_resonance, "times": self.times}
        maps = {"coil_maps": self.coil_maps} if self._has_maps else {}
        return {name: t for name, t in known.items() if t is not None} | maps


def _smoothed(shares: Tensor) -> Tensor:
    """The mean over NEIGHBOURS rows and columns, (H, W), where each edge is followed by the opposite one."""
    wide = pad(shares[None, None], (NEIGHBOURS // 2,) * 4, mode="circular")
    return avg_pool2d(wide, NEIGHBOURS, 1)[0, 0]


class OnGrid(NamedTuple):
    """The unitary discrete transform of a frame in each coil, with its origin anywhere: factors before and after it.

    after: zero where nothing is measured.
    """

    before: Tensor
    after: Tensor

    def forward(self, picture: Tensor, maps: Tensor) -> Tensor:
        """(H, W) and (coils, H, W) to (coils, H, W)."""
        spectra: Tensor = torch.fft.fft2(maps * (picture * self.before), norm="ortho")
        return spectra.mul_(self.after)

    def adjoint(self, spectra: Tensor, conjugates: Tensor) -> Tensor:
        """The adjoint, given the conjugates of the maps: (coils, H, W) twice to (H, W)."""
        pictures: Tensor = torch.fft.ifft2(spectra * self.after.conj(), norm="ortho")
        return pictures.mul_(conjugates).sum(0) * self.before.conj()


def _centring(size: tuple[int, int], dtype: torch.dtype, device: torch.device, centred: bool) -> tuple[Tensor, Tensor]:
    """Factors (H, W) before and after a transform with its origin in the corner, which bring it to the middle.

    exp(-2 pi i (k - c) (n - c) / N) is exp(-2 pi i k n / N) times a factor of n and one of k.
    """
    before = after = torch.ones(size, dtype=torch.complex128)
    if centred:
        turns = [torch.arange(n, dtype=torch.float64) * (n // 2) / n for n in size]
        last = sum((n // 2) ** 2 / n for n in size)
        total = 2 * math.pi * ((turns[0][:, None] + turns[1]) % 1)
        before = torch.polar(torch.ones_like(total), total)
        after = torch.polar(torch.ones_like(total), total - 2 * math.pi * (last % 1))
    return before.to(device, dtype), after.to(device, dtype)


def _of_frame(t: Tensor, frame: int) -> Tensor:
    """What a frame has of a tensor whose first axis is the frames, or 1 where all have the same."""
    return t[frame if len(t) > 1 else 0]


def _complex(dtype: torch.dtype) -> torch.dtype:
    return torch.complex128 if dtype in (torch.float64, torch.complex128) else torch.complex64


def _numbers_alone(places: Tensor, readouts: Tensor, there: Tensor) -> Tensor:
    """The readout of each sample, (readouts, samples); -1 where another readout passes the same place."""
    _, inverse = torch.unique(places, return_inverse=True)
    least = torch.full_like(places.flatten(), readouts.numel())
    most = torch.full_like(least, -1)
    where, which = inverse[there], readouts[there]
    least.scatter_reduce_(0, where, which, "amin")
    most.scatter_reduce_(0, where, which, "amax")
    return torch.where(there & (least == most)[inverse], readouts, -1)
