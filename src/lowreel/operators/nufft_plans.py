"""Transforms at any points, prepared once for all frames that share a trajectory, held as far as memory goes."""

from __future__ import annotations

import hashlib
import threading
from typing import Any

import torch
from torch import Tensor

from ..system.memory import default_budget, trim_heap
from .nufft import Nufft, Wrapping, nufft_bytes


class Plans:
    """The `Nufft` of each frame of a trajectory (1 or T, readouts, samples, 2), of the samples that are there.

    mask: booleans (1 or T, 1, readouts, samples). memory: bytes that those may hold which are kept (default: half of
    `default_budget()`). A copy begins without any.
    """

    def __init__(
        self, trajectory: Tensor, mask: Tensor, shape: tuple[int, int], centred: bool, memory: int | None
    ) -> None:
        self._points, self._mask = trajectory.detach().cpu(), mask.cpu()
        self._shape, self._centred = shape, centred
        self._memory = default_budget() // 2 if memory is None else memory
        frames = max(len(trajectory), len(mask))
        self._names = [self._name(t) for t in range(frames)]
        self._held: dict[Any, Nufft] = {}
        self._held_bytes = 0
        self._lock = threading.Lock()

    def __deepcopy__(self, memo: dict[int, Any]) -> Plans:
        return Plans(*self._made_of())

    def __reduce__(self) -> tuple[Any, ...]:
        return Plans, self._made_of()

    def _made_of(self) -> tuple[Any, ...]:
        return self._points, self._mask, self._shape, self._centred, self._memory

    def wrapping(self, dtype: torch.dtype) -> Wrapping:
        """How pictures lie on the grid of all transforms in this real type."""
        return Wrapping.of(self._shape, self._centred, dtype)

    def of(self, frame: int, dtype: torch.dtype, device: torch.device) -> Nufft:
        """The transform of a frame; that of another one where their trajectories are the same."""
        key = (self._names[frame if len(self._names) > 1 else 0], dtype, device)
        with self._lock:
            found = self._held.get(key)
        if found is not None:
            return found
        points, there = self._points_of(frame)
        made = Nufft(points, there, self.wrapping(dtype), dtype, device)
        size = nufft_bytes(int(there.sum()), dtype)
        with self._lock:
            if key not in self._held and self._held_bytes + size <= self._memory:
                self._held[key] = made
                self._held_bytes += size
        trim_heap()  # what is kept lies in what the transforms before have freed, and would hold as much again
        return made

    def bytes_to_come(self, dtype: torch.dtype) -> int:
        """Bytes that the transforms will take which are not prepared yet."""
        numbers = {name: t for t, name in enumerate(self._names)}
        wanted = sum(nufft_bytes(int(self._points_of(t)[1].sum()), dtype) for t in numbers.values())
        return max(min(wanted, self._memory) - self._held_bytes, 0)

    def _points_of(self, frame: int) -> tuple[Tensor, Tensor]:
        points = self._points[frame if len(self._points) > 1 else 0]
        there = self._mask[frame if len(self._mask) > 1 else 0, 0]
        return points.flatten(0, 1), there.flatten()

    def _name(self, frame: int) -> bytes:
        digest = hashlib.sha256()
        for tensor in self._points_of(frame):
            digest.update(tensor.numpy().tobytes())
        return digest.digest()
