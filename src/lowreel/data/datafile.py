"""Measured data as a file: y, the operator's spec and tensors, the noise, and what is known of the clip."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from ..errors import InputError
from ..operators.base import LinearOperator
from ..operators.temporal_slice import temporal_slice, temporal_slice_rows
from ..operators.tensors import Data, map_data, tensors_of
from ..system.as_tensor import tensor_of
from ..system.files import read_tensors, tensor_names, write_tensors
from .noise import Noise, NoNoise, PoissonNoise, WhiteNoise, as_noise


@dataclass(frozen=True)
class Measured:
    """Data with the operator that made it.

    data: in the operator's shape, of any library, kept as tensors. times: seconds of the frames, (T,) float64. clip:
    what else the source file told (rate, scale, offset, path), for writing the result the way the clip came.
    """

    data: Data
    operator: LinearOperator
    times: Tensor
    noise: Noise = field(default_factory=NoNoise)
    clip: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not all(isinstance(t, Tensor) for t in (*tensors_of(self.data), self.times)):
            object.__setattr__(self, "data", map_data(_as_single, self.data))
            object.__setattr__(self, "times", tensor_of(self.times, "times").double())

    @property
    def spec(self) -> dict[str, Any]:
        """The operator's spec."""
        return self.operator.spec()

    def save(self, path: str | Path) -> None:
        """Write one safetensors file, atomically (docs/format.md)."""
        values = {f"y.{k}": tensor for k, tensor in enumerate(tensors_of(self.data))}
        fixed = {f"operator.{name}": tensor for name, tensor in self.operator.spec_tensors().items()}
        header = {
            "operator": self.operator.spec(),
            "noise": self.noise.entry(),
            "clip": dict(self.clip),
            "stack": isinstance(self.data, tuple),
        }
        write_tensors(path, "data", {**values, **fixed, "times": self.times}, header)

    @staticmethod
    def load(path: str | Path, operator: LinearOperator | None = None, *, memory: int | None = None) -> Measured:
        """Read what `save` wrote; an operator made of functions has to be given again.

        memory: bytes that the operator may hold, see `Projections`.

        Raises InputError for a damaged file, data and operator that do not fit, NaN or infinite data.
        """
        from ..operators import from_spec, spec_hash

        tensors, header = read_tensors(path, "data")
        fixed = {n.removeprefix("operator."): t for n, t in tensors.items() if n.startswith("operator.")}
        try:
            spec = header["operator"]
            if operator is None:
                operator = from_spec(spec, fixed, memory=memory)
            elif operator.fingerprint() != spec_hash(spec):
                raise InputError(f"{path}: the operator given is not the one this data was made with")
            count = max(1, sum(name.startswith("y.") for name in tensors))
            values = tuple(tensors[f"y.{k}"] for k in range(count))
            data: Data = values if header["stack"] else values[0]
            times, noise, clip = tensors["times"], as_noise(header["noise"]), header["clip"]
        except (KeyError, IndexError, TypeError, AttributeError) as error:
            raise InputError(f"{path}: a data file without a part that it needs ({error}); measure again") from None
        if times.shape != operator.clip_shape[:1]:
            raise InputError(f"{path}: {len(times)} frame times for {operator.clip_shape[0]} frames; measure again")
        return Measured(checked(data, operator, noise), operator, times, noise, clip)

    def temporal_slice(self, frames: range, *, memory: int | None = None) -> Measured:
        """The data of these frames alone, see `temporal_slice`; memory: bytes that its operator may hold."""
        rows = temporal_slice_rows(self.operator.spec(), frames)
        parts = tuple(tensor[own] for tensor, own in zip(tensors_of(self.data), rows, strict=True))
        data = parts if isinstance(self.data, tuple) else parts[0]
        return _excerpt(self.operator.spec(), self.operator.spec_tensors(), data, frames, self, memory)


@dataclass(frozen=True)
class DataFile:
    """A data file of which only stretches of the frames are read; a mask of the user's own is held whole."""

    path: Path
    header: Mapping[str, Any]
    tensors: Mapping[str, Tensor]
    times: Tensor

    @staticmethod
    def open(path: str | Path) -> DataFile:
        """Read the header, the operator's tensors and the times. Raises InputError as `Measured.load`."""
        header = data_header(path)
        there = tensor_names(path)
        lacking = [name for name in ("noise", "clip", "stack") if name not in header]
        lacking += [name for name in ("y.0", "times") if name not in there]
        if lacking:
            raise InputError(f"{path}: a data file without a part that it needs ({lacking[0]}); measure again")
        names = [name for name in there if not name.startswith("y.")]
        found = read_tensors(path, "data", dict.fromkeys(names, slice(None)))[0]
        if len(found["times"]) != header["operator"]["clip_shape"][0]:
            raise InputError(f"{path}: a data file without a time for each frame; measure again")
        fixed = {n.removeprefix("operator."): t for n, t in found.items() if n.startswith("operator.")}
        return DataFile(Path(path), header, fixed, found["times"])

    @property
    def spec(self) -> dict[str, Any]:
        """The operator's spec."""
        return dict(self.header["operator"])

    @property
    def noise(self) -> Noise:
        """What is known of its noise. Raises InputError for a kind that is not known here."""
        return as_noise(self.header["noise"])

    @property
    def clip(self) -> Mapping[str, Any]:
        """What else the source file told."""
        return dict(self.header["clip"])

    def temporal_slice(self, frames: range, *, memory: int | None = None) -> Measured:
        """The data of these frames alone; nothing else of the data is read."""
        spec = self.spec
        rows = {f"y.{k}": own for k, own in enumerate(temporal_slice_rows(spec, frames))}
        found = read_tensors(self.path, "data", rows)[0]
        values = tuple(found[name] for name in rows)
        return _excerpt(spec, self.tensors, values if self.header["stack"] else values[0], frames, self, memory)


def _excerpt(
    spec: Mapping[str, Any],
    tensors: Mapping[str, Tensor],
    data: Data,
    frames: range,
    of: Measured | DataFile,
    memory: int | None,
) -> Measured:
    from ..operators import from_spec

    operator = from_spec(*temporal_slice(spec, tensors, frames), memory=memory)
    own = checked(data, operator, of.noise)
    return Measured(own, operator, of.times[frames.start : frames.stop], of.noise, of.clip)


def _as_single(values: Any) -> Tensor:
    """Numbers as float32 or complex64, as the file has them."""
    tensor = tensor_of(values, "data")
    return tensor.to(torch.complex64 if tensor.is_complex() else torch.float32)


def _gives_complex(operator: LinearOperator) -> bool:
    return any(t.is_complex() for t in tensors_of(operator(torch.zeros(operator.clip_shape))))


def data_header(path: str | Path) -> dict[str, Any]:
    """What the header of a data file says; the operator is not built. Raises InputError for a damaged file."""
    header = read_tensors(path, "data", {})[1]
    if not isinstance(header.get("operator"), dict) or not {"kind", "clip_shape"} <= set(header["operator"]):
        raise InputError(f"{path}: a data file without its operator; measure again")
    return header


def checked(data: Data, operator: LinearOperator, noise: Noise | None = None) -> Data:
    """`data` if it has the operator's shape and is finite, and in [0, 1] where it is pixels; else an InputError.

    Pixels with noise may lie outside, and are not held to that.

    Entries that say nothing, such as unobserved pixels, may hold anything; they are set to zero.
    """
    operator.checked_data(data)
    for tensor, known in zip(tensors_of(data), tensors_of(operator.observed_mask()), strict=True):
        if tensor.is_complex() and not operator.is_complex and not _gives_complex(operator):
            raise InputError("data: complex numbers, but the operator gives real ones; take the real part, or another")
        bad = int((~torch.isfinite(tensor[known])).sum())
        noisy = isinstance(noise, WhiteNoise | PoissonNoise)
        if operator.is_pixel_mask and not noisy and not bad and known.any():
            low, high = float(tensor[known].min()), float(tensor[known].max())
            if low < -1 or high > 2:
                raise InputError(
                    f"data: expected grey levels in [0, 1], got {low:.4g} to {high:.4g}; divide by the largest value"
                )
        if bad:
            raise InputError(
                f"data: {bad} of {tensor.numel()} numbers are NaN or infinite; drop them with a mask or correct them"
            )
    return map_data(_zero_elsewhere, data, operator.observed_mask())


def _zero_elsewhere(values: Tensor, known: Tensor) -> Tensor:
    """The values, 0 where they are not known: themselves where they are so already, as large data is not to be held
    twice."""
    are_so = not any(bool(own[~seen].any()) for own, seen in zip(values, known, strict=True))
    return values if are_so else torch.where(known, values, 0)
