"""Several clips as one problem: each with data, operator and held-out entries of its own, and one generator for all."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, ClassVar, Literal

import torch
from torch import Tensor

from ..data import Noise
from ..errors import InputError
from ..operators import BlockDiagonal, Data, joined_data, map_data, tensors_of
from ..settings import DataTerm
from .problem import Problem


@dataclass(frozen=True)
class GroupProblem(Problem):
    """The problem of several clips one after the other; made by `grouped`.

    clips: the problem of each clip alone, with held-out entries of its own and its own way to judge by them. The loss
    is eq. (6) over the frames of all, similarity within each clip alone; whatever their operators, a frame of one
    counts as much as a frame of another.
    """

    clips: tuple[Problem, ...] = ()

    @property
    def frames_of_clips(self) -> list[range]:
        """The numbers of the frames of each clip."""
        return self._diagonal.frames_of_clips()

    def on(self, device: torch.device) -> Problem:
        """The same problem on a device, with those of its clips; itself where it is there."""
        moved = super().on(device)
        return self if moved is self else replace(moved, clips=tuple(clip.on(device) for clip in self.clips))  # type: ignore[call-arg]

    @cached_property
    def known(self) -> Data:
        """Booleans like the data: what each clip's own entries say of it."""
        return joined_data([clip.known for clip in self.clips])

    @property
    def gap_factor(self) -> float:
        """1: each clip has its own."""
        return 1.0

    @cached_property
    def fit_weights(self) -> Data:
        """What the square of each residual counts, shaped as the data.

        T_k / R_k at the fitted entries of clip k, over that of the first clip, so that a group of one clip is weighted
        as that clip alone; R_k: what a natural clip makes of these entries (`Problem.scale` is one over it).
        """
        shares = [
            len(clip.times) * clip.scale(entries) for clip, entries in zip(self.clips, self._fitted_of, strict=True)
        ]
        weighted = [
            entries if share == shares[0] else map_data(lambda e, own=share / shares[0]: own * e, entries)
            for entries, share in zip(self._fitted_of, shares, strict=True)
        ]
        return joined_data(weighted)

    @property
    def _fitted_of(self) -> list[Data]:
        return self._diagonal.by_clip(self.fitted)

    @property
    def _diagonal(self) -> BlockDiagonal:
        assert isinstance(self.operator, BlockDiagonal)
        return self.operator

    @property
    def has_density(self) -> bool:
        """Never: complex clips, whose samples may lie on no grid, are not recovered together."""
        return False

    @cached_property
    def _heldout_weights(self) -> tuple[float | Tensor, ...]:
        """Those of each clip alone, by its share of the frames."""
        total, pairs = len(self.times), zip(self.clips, self.frames_of_clips, strict=True)
        return tuple(len(own) / total * weight for one, own in pairs for weight in one._heldout_weights)

    def judged_data(self, clip: Tensor) -> Data:
        """That of each clip of (T, C, H, W), one after the other."""
        return tuple(
            tensor
            for one, own in zip(self.clips, self.frames_of_clips, strict=True)
            for tensor in tensors_of(one.judged_data(clip[own.start : own.stop]))
        )

    def heldout_misfit(self, clip: Tensor) -> float:
        """That of the clips of (T, C, H, W), each by its share of the frames."""
        total, pairs = len(self.times), zip(self.clips, self.frames_of_clips, strict=True)
        return sum(len(own) / total * one.heldout_misfit(clip[own.start : own.stop]) for one, own in pairs)

    def heldout_terms_of(self, made: Data) -> Tensor:
        """What each hole of each clip says of the clips that give this data, one after the other, (N,): together the
        squared error per pixel of all."""
        total = len(self.times)
        pairs = zip(self.clips, self._diagonal.by_clip(made), strict=True)
        return torch.cat([len(one.times) / total * one.heldout_terms_of(own) for one, own in pairs])

    def fitted_error(self, clip: Tensor) -> float:
        """Squared error per pixel that the fitted data gives for the clips (T, C, H, W)."""
        total = len(self.times)
        pairs = zip(self.clips, self.frames_of_clips, strict=True)
        return sum(len(own) / total * one.fitted_error(clip[own.start : own.stop]) for one, own in pairs)


def grouped(clips: Sequence[Problem], names: Sequence[str], rank_of: Literal["all", "each"] = "all") -> GroupProblem:
    """The problem of several clips, given those of each alone; names: of the clips, for errors.

    Seed and generator are those of the first. Raises InputError for frames of different sizes, for noise that calls for
    different data terms, and for photon noise of different strength.
    """
    first = clips[0]
    for name, clip in zip(names, clips, strict=True):
        own, wanted = clip.operator.clip_shape[1:], first.operator.clip_shape[1:]
        if own != wanted:
            raise InputError(
                f"{name}: its frames (C, H, W) are {own}, those of {names[0]} {wanted}; clips that are recovered "
                "together have frames of one size: use --size and --channels"
            )
        if clip.data_term != first.data_term:
            raise InputError(
                f"{name}: its noise ({clip.noise.kind}) calls for the data term {clip.data_term!r}, that of {names[0]} "
                f"for {first.data_term!r}; give one with --data-term, or recover them one by one"
            )
    noise = GroupNoise(of=tuple(clip.noise for clip in clips), counts=tuple(_tensors(clip) for clip in clips))
    if first.data_term == "weighted" and any(clip.noise != first.noise for clip in clips) and noise.counts_photons:
        raise InputError(
            f"{names[0]}: its photon noise is not that of the others; together all have as many photons where the data "
            "is 1, or give --data-term squared"
        )
    held = [clip.heldout for clip in clips]
    return GroupProblem(
        data=joined_data([clip.data for clip in clips]),
        operator=BlockDiagonal([clip.operator for clip in clips]),
        generator=first.generator,
        times=joined_times([clip.times for clip in clips]),
        heldout=None if any(own is None for own in held) else joined_data([own for own in held if own is not None]),
        sequences=tuple(len(clip.times) for clip in clips) if len(clips) > 1 else (),
        noise=noise,
        data_term=first.data_term,
        seed=first.seed,
        rank_of=rank_of,
        clips=tuple(clips),
    )


def _tensors(clip: Problem) -> int:
    return len(tensors_of(clip.data))


def joined_times(each: Sequence[Tensor]) -> Tensor:
    """Times of the frames of several clips one after the other, rising, (T,): in mean steps of each clip, with one
    step between two clips; those of a single clip as they are. each: seconds of the frames of a clip."""
    if len(each) == 1:
        return each[0]
    found, start = [], 0.0
    for times in each:
        step = float(times[-1] - times[0]) / max(len(times) - 1, 1) or 1.0
        found.append(start + (times - times[0]) / step)
        start = float(found[-1][-1]) + 1.0
    return torch.cat(found)


class GroupNoise(Noise):
    """The noise of several clips. of: that of each; counts: tensors in the data of each."""

    kind: ClassVar[str] = "of clips"
    data_term: ClassVar[DataTerm] = "squared"
    of: tuple[Noise, ...]
    counts: tuple[int, ...]

    @property
    def counts_photons(self) -> bool:
        """Whether residuals are weighted by the data of the fit."""
        return any(type(one).weights is not Noise.weights for one in self.of)

    def weights(self, found: Data, entries: Data) -> Data | None:
        """Those of the first clip's noise, which is that of all where residuals are weighted."""
        return self.of[0].weights(found, entries)

    def entry(self) -> Mapping[str, Any]:  # type: ignore[override]
        """The entries of all clips, for hashes."""
        return {"kind": self.kind, "of": str([sorted(one.entry().items()) for one in self.of])}
