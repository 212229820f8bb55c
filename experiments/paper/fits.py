"""The fits behind the tables and figures: each is made once, kept, and found again.

A fit's figures go to results/fits.json as they come, its codes and weights to results/fits/, which git ignores. A
script that is started again makes what is missing and nothing else.
"""

from __future__ import annotations

import argparse
import fcntl
import hashlib
import json
import os
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass, fields, replace
from functools import cache
from pathlib import Path
from typing import Any, Literal

import torch
from torch import Tensor

import lowreel
from lowreel import Representation

RESULTS = Path(__file__).parent / "results"
CLIPS = Path(__file__).parents[2] / ".." / "shared" / "data" / "paper_clips"
"""The real clips of the paper, which the repository may not ship: see experiments/paper/README.md."""


MATRICES = 4 * 10**9
"""Bytes for the matrices of Gaussian projections: those of the Color Wheel are held whole."""

FRAMES = {"archery": 64}
"""Frames that are taken of a clip, where those are not all; the paper does not say how many it took."""

Preset = Literal["paper-latent", "paper-joint", "default"]
Start = Literal["trained", "balanced", "random"]

ALGORITHM: dict[Preset, int] = {"paper-latent": 1, "paper-joint": 3, "default": 1}
"""To be raised for a preset whose settings come to other fits than before; those that are kept then do not count."""


@dataclass(frozen=True)
class Fit:
    """What is fitted, and how.

    clips: names or paths under CLIPS, one sequence each; operator: identity, missing SHARE or gaussian M; rank,
    similarity, linear: as in the settings, a rank of several clips that of each, but with codes on lines, which are all
    in one space; start: trained weights as they are, the same `balanced`, or random ones; steps: rounds, None for the
    preset's own; frames: of each clip, in this order; None takes them all. minibatch: frames that the paper's steps,
    which are proportional to those of a minibatch, are counted over; None takes those that are fitted. first_codes:
    how they lie, None as the preset has it, all in one place; similarity_times: how often the similarity counts
    beside the data, where that is not once.
    """

    clips: tuple[str, ...]
    operator: str = "identity"
    preset: Preset = "paper-joint"
    rank: int | None = None
    similarity: float = 0.0
    linear: bool = False
    ordered: bool = False
    start: Start = "trained"
    steps: int | None = None
    frames: tuple[int, ...] | None = None
    minibatch: int | None = None
    first_codes: Literal["apart"] | None = None
    similarity_times: float | None = None

    @property
    def name(self) -> str:
        """A short name that no other fit has.

        It is of all settings: where one is added or gets another name, and the fits stay what they are, run
        `python experiments/paper/fits.py`, which gives those that are kept their new names.
        """
        asked = {name: value for name, value in asdict(self).items() if value is not None}
        told = json.dumps([ALGORITHM[self.preset], asked, self.settings().model_dump()], sort_keys=True)
        return hashlib.sha256(told.encode()).hexdigest()[:16]

    @classmethod
    def of(cls, figures: Mapping[str, Any]) -> Fit:
        """The fit that kept figures are of."""
        asked = {one.name: figures[one.name] for one in fields(cls) if one.name in figures}
        return cls(**{name: tuple(value) if isinstance(value, list) else value for name, value in asked.items()})

    def clip(self) -> Tensor:
        """The true frames, all sequences one after the other."""
        return torch.cat([clip_of(name)[list(self.frames) if self.frames else slice(None)] for name in self.clips])

    @property
    def sequences(self) -> tuple[int, ...]:
        """Frames of each sequence, where there are several."""
        if len(self.clips) == 1:
            return ()
        return tuple(len(self.frames or clip_of(name)) for name in self.clips)

    @property
    def is_here(self) -> bool:
        """Whether its clips are on this machine."""
        return all(":" in name or (CLIPS / name).exists() for name in self.clips)

    def settings(self) -> lowreel.SolverSettings:
        """The preset with the constraints of this fit."""
        settings = lowreel.RecoverSettings(
            preset=self.preset,
            quality="draft",
            rank=self.rank or "auto",
            linear=self.linear,
            ordered=self.ordered,
            similarity=self.similarity if self.preset != "default" else "auto",
            steps=self.steps,
        )
        solver = settings.solver()
        if self.similarity_times is not None:
            solver = with_similarity_times(solver, self.similarity_times)
        if self.minibatch is None:
            return solver
        share = self.minibatch / len(self.clip())
        # The loss is a mean over the minibatch, so that a code moves as far in a large one as in a small one: it is the
        # step on the weights that grows. Fits from weights as they are were made before that was seen; with larger
        # steps codes on a line fall together (README.md).
        codes = share if self.start == "trained" and not self.ordered else 1.0
        steps = {"code_lr": codes * solver.code_lr, "weight_lr": share * solver.weight_lr}
        return solver.model_copy(update=steps)

    def problem(self) -> lowreel.Problem:
        """All data, the operator, the generator and the codes to start from.

        Of several clips each is measured by itself, but those on lines in one space.
        """
        problem = self._problem()
        if self.first_codes is None:
            return problem
        return replace(problem, start=apart(len(problem.times), problem.generator.code_dim))

    def _problem(self) -> lowreel.Problem:
        clip = self.clip()
        generator, times = self._generator(clip), self.times()
        if self.linear or len(self.clips) == 1:
            operator = operator_of(self.operator, tuple(clip.shape))
            return lowreel.Problem(operator(clip), operator, generator, times, sequences=self.sequences)
        each = []
        for own, seconds in zip(clip.split(self.sequences), times.split(self.sequences), strict=True):
            operator = operator_of(self.operator, tuple(own.shape))
            each.append(lowreel.Problem(operator(own), operator, generator, seconds))
        return lowreel.grouped(each, self.clips, "each")

    def times(self) -> Tensor:
        """Seconds of the frames, 25 a second; one sequence begins where the one before ends."""
        if self.preset != "default":  # the paper's codes know no time; frames may be in any order
            return torch.arange(sum(len(self._numbers(name)) for name in self.clips), dtype=torch.float64) / 25
        numbers = [self._numbers(name) + k * len(clip_of(name)) for k, name in enumerate(self.clips)]
        return torch.cat(numbers).double() / 25

    def _numbers(self, name: str) -> Tensor:
        return torch.tensor(self.frames) if self.frames else torch.arange(len(clip_of(name)))

    def _generator(self, clip: Tensor) -> lowreel.Generator:
        _, channels, height, width = clip.shape
        if self.preset == "default":
            return lowreel.Decoder((channels, height, width), seed=0)
        if self.start == "random":
            return lowreel.Dcgan(channels, seed=0)
        trained = lowreel.pretrained("paper-grey" if channels == 1 else "paper-rgb")
        return balanced(trained) if self.start == "balanced" else trained


def with_similarity_times(solver: lowreel.SolverSettings, times: float) -> lowreel.SolverSettings:
    r"""Eq. (6) with a similarity that counts so many times as much beside data that counts as before:

    .. math::
        \lambda D + n (1 - \lambda) S = c \, (\mu D + (1 - \mu) S), \qquad c = \lambda + n (1 - \lambda).

    The step on the codes is multiplied by c, so that the data moves them as far; Adam's steps on the weights do not
    depend on the size of the loss.
    """
    share = solver.similarity
    size = 1 - share + times * share
    return solver.model_copy(update={"similarity": times * share / size, "code_lr": size * solver.code_lr})


def apart(frames: int, code_dim: int) -> Tensor:
    """First codes in which each frame has a random unit vector of its own, (T, K)."""
    codes = torch.randn(frames, code_dim, generator=torch.Generator().manual_seed(0))
    return codes / codes.norm(dim=1, keepdim=True)


@torch.no_grad()
def balanced(generator: lowreel.Generator) -> lowreel.Generator:
    r"""The same generator with layers of one size: each weight W_l of the L layers becomes c_l W_l, in place, with

    .. math::
        c_l = \frac{1}{|W_l|} \prod_k |W_k|^{1/L}, \qquad \prod_l c_l = 1.

    Between the layers is ReLU, for which relu(c x) = c relu(x), and nothing is added, so that the frames are the same.
    Steps on the weights are not: Adam moves each number by as much, and so a small layer by a larger share. Plain
    gradient descent, by which the authors trained, keeps the differences of the layers' squared sizes (Du, Hu and Lee,
    "Algorithmic regularization in learning deep homogeneous models", 2018), and so comes to layers of about one size;
    ours are of 283, 512, 150, 66 and 0.31 in grey. A balanced start is nearer to theirs.
    """
    weights = list(generator.parameters())
    sizes = torch.stack([weight.norm() for weight in weights])
    for weight, size in zip(weights, sizes, strict=True):
        weight.mul_(sizes.log().mean().exp() / size)
    return generator


@cache
def clip_of(name: str) -> Tensor:
    """The frames of a name or path, 64x64, as the paper takes them."""
    source = name if ":" in name else CLIPS / name
    return lowreel.open_clip(source, size=(64, 64), frames=slice(FRAMES.get(name))).read()


def operator_of(text: str, shape: tuple[int, ...]) -> lowreel.LinearOperator:
    """The operator of `identity`, `missing 0.8` or `gaussian 200`, with seed 0."""
    kind, _, number = text.partition(" ")
    if kind == "missing":
        return lowreel.MissingPixels(shape, float(number), seed=0)
    if kind == "gaussian":
        return lowreel.Gaussian(shape, int(number), seed=0, memory=MATRICES)
    return lowreel.Identity(shape)


def fitted(fit: Fit, *, drawn: bool = False) -> dict[str, Any]:
    """The figures of a fit, kept or made now. drawn: its representation is needed too (`representation`)."""
    kept = _read()
    if fit.name in kept and (not drawn or _file(fit).exists()):
        return kept[fit.name]
    problem, settings = fit.problem(), fit.settings()
    start, losses, last = time.monotonic(), [], None
    for last in lowreel.iterate(problem, settings):
        losses.append(last.loss)
    assert last is not None
    found, clip = last.representation(problem, settings), fit.clip()
    frames = found.frames()
    parts = list(fit.sequences) or [len(clip)]
    levels = [lowreel.psnr_range(one, true) for one, true in zip(frames.split(parts), clip.split(parts), strict=True)]
    figures = {
        **asdict(fit),
        "algorithm": ALGORITHM[fit.preset],
        "rounds": len(losses),
        "psnr_range": round(sum(levels) / len(levels), 2),
        "psnr_range_of_sequences": [round(level, 2) for level in levels],
        "seconds": round(time.monotonic() - start, 1),
        "loss": [float(f"{loss:.4g}") for loss in losses[:: max(1, len(losses) // 200)]],
        **_codes_of_all(fit, parts, problem.generator.code_dim),
    }
    _file(fit).parent.mkdir(parents=True, exist_ok=True)
    found.save(_file(fit))
    if fit.name not in kept:  # else it was made again, to be drawn
        _keep(fit.name, figures)
    return kept.get(fit.name, figures)


def is_kept(fit: Fit) -> bool:
    """Whether the figures of a fit are there."""
    return fit.name in _read()


def representation(fit: Fit) -> Representation:
    """Codes and generator that the fit came to."""
    fitted(fit, drawn=True)
    return Representation.load(_file(fit))


def codes_of(frames: int, code_dim: int, rank: int | None) -> dict[str, Any]:
    """Numbers in free codes and in codes of a rank (eq. 8), and what Section 4.2 states: the rank over the frames."""
    full = frames * code_dim
    if rank is None:
        return {"codes": full, "codes_of_rank": full, "saved_percent": 0.0}
    return {
        "codes": full,
        "codes_of_rank": rank * (frames + code_dim),
        "saved_percent": round(100 * (1 - rank / frames), 1),
    }


def _codes_of_all(fit: Fit, parts: list[int], code_dim: int) -> dict[str, Any]:
    """`codes_of` the sequences of a fit together: with a rank of each, or of all that are on lines in one space."""
    if fit.linear or fit.rank is None or len(parts) == 1:
        return codes_of(sum(parts), code_dim, fit.rank)
    each = [codes_of(frames, code_dim, fit.rank) for frames in parts]
    return each[0] | {name: sum(one[name] for one in each) for name in ("codes", "codes_of_rank")}


def _file(fit: Fit) -> Path:
    return RESULTS / "fits" / f"{fit.name}.safetensors"


def _read() -> dict[str, dict[str, Any]]:
    path = RESULTS / "fits.json"
    return json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}


def _keep(name: str, figures: dict[str, Any]) -> None:
    """Write the figures of a fit beside those that others, at work at the same time, have written.

    Those of an algorithm that is no longer the preset's are dropped.
    """
    RESULTS.mkdir(exist_ok=True)
    with open(RESULTS / "fits.lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        current = {n: f for n, f in _read().items() if f.get("algorithm") == ALGORITHM[f["preset"]]}
        write_json("fits.json", {**current, name: figures})


def rename() -> None:
    """Give the kept fits the names that they have now; those of clips that are not here stay as they are."""
    renamed = {}
    for name, figures in _read().items():
        fit = Fit.of(figures)
        renamed[fit.name if fit.is_here else name] = figures
        drawn = RESULTS / "fits" / f"{name}.safetensors"
        if fit.is_here and drawn.exists():
            drawn.replace(_file(fit))
    write_json("fits.json", renamed)


def write_json(name: str, content: Any) -> None:
    """Write results/NAME."""
    draft = RESULTS / f"{name}.{os.getpid()}.part"
    draft.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
    draft.replace(RESULTS / name)


def minutes(fits: Iterable[Fit], *, drawn: bool = False) -> float:
    """What those fits that are not kept yet will take on two cores, by the paper's networks' cost per frame.

    drawn: their representations are needed too, which are kept on the machine that made them alone.
    """
    kept = _read()
    missing = [fit for fit in set(fits) if fit.name not in kept or (drawn and not _file(fit).exists())]
    return sum(_seconds(fit) for fit in missing if fit.is_here) / 60


def _seconds(fit: Fit) -> float:
    frames, channels, height, width = fit.clip().shape
    if fit.preset == "default":
        return 0.3 * frames
    each = (0.0012 if channels == 1 else 0.006) * (0.3 if fit.preset == "paper-latent" else 1.0)
    kind, _, count = fit.operator.partition(" ")
    if kind == "gaussian":  # each round multiplies by its matrices
        each += 6e-10 * int(count) * channels * height * width
    return frames * each * (fit.settings().steps or 0)


def start(description: str, wanted: Callable[[bool], Iterable[Fit]], *, drawn: bool = False) -> bool:
    """Read --full and --minutes, say how long the fits that are wanted will take; whether it is --full.

    drawn: as in `minutes`.
    """
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--full", action="store_true", help="ten sequences and 2000 rounds everywhere")
    parser.add_argument("--minutes", action="store_true", help="say how long it will take, and do nothing")
    chosen = parser.parse_args()
    needed = minutes(wanted(chosen.full), drawn=drawn)
    print(f"{description} About {needed:.0f} minutes on two cores.", flush=True)
    if chosen.minutes:
        raise SystemExit
    return chosen.full


if __name__ == "__main__":
    rename()
