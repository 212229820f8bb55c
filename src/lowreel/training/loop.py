"""Generative latent optimisation: weights of a generator and a code for each image, fitted together to a set of images.

Bojanowski et al., "Optimizing the latent space of generative networks" (2018); paper, Section 3.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import mse_loss, pad

from ..errors import InputError
from ..io.datasets import Images
from ..model.generators import Generator
from ..model.generators.layers import to_channels_last
from ..settings import Precision, TrainSettings
from ..solver.optim import OrthogonalisedMomentum, load_named_state, named_state, parameter_group
from ..solver.precision import autocast, fastest_precision
from ..solver.schedule import one_cycle
from ..system import streams
from .distributed import device, group

TIMED_IMAGES = 32
"""Images by which is found in which precision a minibatch is faster."""

SNAPSHOT_MINIBATCHES = 16
"""Minibatches between two snapshots."""

WEIGHTS_MOMENTUM, CODES_MOMENTUM = 0.95, 0.9
"""Memory of the momentum of weights, and of the mean square of the codes' gradients, from one minibatch to the next."""

WARM_UP_SHARE = 0.05
"""Share of a training in which the steps grow to the whole ones."""


@dataclass(frozen=True)
class TrainState:
    """A snapshot after `step` minibatches: all that a restart needs, sharing no memory with the iteration.

    loss: squared error per pixel, averaged over the last minibatches; codes: (N, K), one for each image, in the unit
    ball; power: (K,), running mean square of the gradient of each code coordinate; optimiser: the momentum of the
    weights by the names of `named_state`; precision: number format of the network's products; identity: what has to
    be the same when training goes on.
    """

    step: int
    loss: float
    codes: Tensor
    power: Tensor
    weights: dict[str, Tensor]
    optimiser: dict[str, Tensor]
    precision: Precision
    identity: dict[str, str]

    def tensors(self) -> dict[str, Tensor]:
        """Every tensor under one name, for a checkpoint."""
        named = {f"weights.{n}": t for n, t in self.weights.items()}
        named |= {f"optimiser.{n}": t for n, t in self.optimiser.items()}
        return named | {"codes": self.codes, "power": self.power}

    def header(self) -> dict[str, Any]:
        """What is not a tensor."""
        return {"step": self.step, "loss": self.loss, "precision": self.precision, "identity": self.identity}

    @staticmethod
    def of(tensors: dict[str, Tensor], header: dict[str, Any]) -> TrainState:
        """The state that `tensors` and `header` came from."""

        def group(start: str) -> dict[str, Tensor]:
            return {n.removeprefix(start): t for n, t in tensors.items() if n.startswith(start)}

        return TrainState(
            step=header["step"],
            loss=header["loss"],
            codes=tensors["codes"],
            power=tensors["power"],
            weights=group("weights."),
            optimiser=group("optimiser."),
            precision=header["precision"],
            identity=header["identity"],
        )


def planned_steps(images: Images, settings: TrainSettings) -> int:
    """Minibatches that `iterate` makes in all."""
    chosen = settings.for_images(len(images))
    return (chosen.epochs or 0) * math.ceil(len(images) / (chosen.batch_size or 1))


def iterate(
    images: Images, generator: Generator, settings: TrainSettings, state: TrainState | None = None
) -> Iterator[TrainState]:
    """Fit weights and codes to the images; yield a snapshot every SNAPSHOT_MINIBATCHES minibatches and at the end.

    Each minibatch gives one forward and one backward pass, a step of orthogonalised momentum on the weights and a
    step on its codes, which are then projected onto the unit ball. Codes start as the images' principal components.
    `generator` is the start and is left untouched; with `state` the iteration goes on from there, to the same bits
    as an unbroken one on a CPU with the same build and number of threads. Runs on a GPU where there is one, which
    then holds all images; there the last bits may differ. Where `distributed.joined` has several processes, all have
    to call this alike: each works on its share of every minibatch, and all get the same snapshots. Raises InputError
    when generator, images and state do not fit each other.
    """
    settings = settings.for_images(len(images))
    batch = settings.batch_size or len(images)
    fit = _Fit(images, generator, settings, state)
    step, steps, order_of = (state.step if state else 0), planned_steps(images, settings), (-1, torch.empty(0))
    per_epoch = math.ceil(len(images) / batch)
    while step < steps:
        epoch, place = divmod(step, per_epoch)
        if order_of[0] != epoch:
            order_of = (epoch, _order(len(images), settings.seed, epoch))
        rows = order_of[1][place * batch : (place + 1) * batch]
        fit.minibatch(rows, one_cycle((step + 0.5) / steps, WARM_UP_SHARE))
        step += 1
        if step % SNAPSHOT_MINIBATCHES == 0 or step == steps:
            yield fit.snapshot(step)


def _order(count: int, seed: int, epoch: int) -> Tensor:
    return torch.from_numpy(streams.generator(seed, streams.ORDER, epoch).permutation(count))


class _Fit:
    """The live tensors of a training: a copy of the generator, its momentum, the codes."""

    def __init__(self, images: Images, generator: Generator, settings: TrainSettings, state: TrainState | None):
        if generator.frame_shape != (images.channels, *images.size):
            raise InputError(
                f"generator: it makes frames (C, H, W) = {generator.frame_shape}, the images are "
                f"{(images.channels, *images.size)}"
            )
        self.settings = settings
        self.identity = {
            "images": images.hash(),
            "generator": str(generator.spec()),
            "settings": settings.model_dump_json(exclude={"epochs", "precision"}),
        }
        if state is not None:
            _check_same(self.identity, state.identity)
        self.group, self.device, self.count = group(), device(), len(images)
        self.owned = torch.arange(self.group.rank, self.count, self.group.size)
        pixels = images.pixels if self.group.size == 1 else images.pixels[self.owned]
        self.images = Images(images.name, pixels.to(self.device), images.size)
        self.generator = copy.deepcopy(generator).to(self.device)
        to_channels_last(self.generator)
        self.generator.requires_grad_(True)
        weights = parameter_group(dict(self.generator.named_parameters()))
        self.optimiser = OrthogonalisedMomentum([weights], lr=settings.weight_lr, momentum=WEIGHTS_MOMENTUM)
        if state is None:
            self.codes = principal_codes(images, generator.code_dim)[self.owned].to(self.device)
            self.power = torch.zeros(generator.code_dim, device=self.device)
            self.precision, loss = self._fastest() if settings.precision == "auto" else settings.precision, math.nan
        else:
            self.generator.load_state_dict(state.weights)
            self.codes, self.power = state.codes[self.owned].to(self.device), state.power.clone().to(self.device)
            load_named_state(self.optimiser, state.optimiser)
            self.precision, loss = state.precision, state.loss
        self.recent = torch.tensor(loss, device=self.device)
        self.shared = self.group.share(self.generator, self.device)
        self.spread = self._spread()

    def _fastest(self) -> Precision:
        """The precision in which a few images are made and their gradient is taken sooner; of several processes that
        of the first."""
        pixels = min(self.settings.batch_size or self.count, self.count) * math.prod(self.images.size)
        codes = self.codes[: min(TIMED_IMAGES, len(self.codes))]
        precision = fastest_precision(lambda: self.generator(codes).square().mean().backward(), self.device, pixels)
        self.generator.zero_grad()
        reduced = torch.tensor(float(precision == "bfloat16" and self.group.rank == 0), device=self.device)
        return "bfloat16" if float(self.group.total(reduced)) > 0 else "float32"

    def _spread(self) -> Tensor:
        """Root mean square of each code coordinate, (K,)."""
        return (self.group.total(self.codes.square().sum(0)) / self.count).sqrt()

    def minibatch(self, rows: Tensor, share: float) -> None:
        """One step on the weights and on the codes of some images; `share` scales both.

        Of several processes each works on those of the images that are its own. Their gradients are averaged, so that
        each takes its part of the mean over all images times the number of processes.
        """
        count = len(rows)
        rows = (rows[rows % self.group.size == self.group.rank] // self.group.size).to(self.device)
        target = self.images.batch(rows)
        codes = self.codes[rows].requires_grad_()
        with autocast(self.device, self.precision == "bfloat16"):
            frames = self.shared(codes)
        own = mse_loss(frames, target, reduction="sum") / (count * target[:1].numel() if len(target) else 1)
        self.optimiser.zero_grad()
        torch.autograd.backward(self.group.size * own)
        self.optimiser.param_groups[0]["lr"] = self.settings.weight_lr * share
        self.optimiser.step()
        assert codes.grad is not None
        with torch.no_grad():
            self._move_codes(rows, count, codes.detach(), codes.grad / self.group.size, share)
            loss = self.group.total(own.detach().clone())
            self.recent = torch.where(self.recent.isnan(), loss, self.recent.lerp(loss, 0.05))

    def _move_codes(self, rows: Tensor, count: int, codes: Tensor, gradient: Tensor, share: float) -> None:
        """A step whose size in each coordinate is a share of the coordinate's spread; then into the unit ball.

        The scale of a coordinate's gradient is shared by all images, because each is seen once an epoch only.
        """
        power = self.group.total(gradient.square().sum(0)) / count
        self.power = torch.where(self.power > 0, self.power.lerp(power, 1 - CODES_MOMENTUM), power)
        direction = gradient / self.power.sqrt().clamp_min(1e-20)
        moved = codes - self.settings.code_lr * share * self.spread * direction
        self.codes[rows] = in_unit_ball(moved)

    def snapshot(self, step: int) -> TrainState:
        self.spread = self._spread()
        return TrainState(
            step=step,
            loss=float(self.recent),
            codes=self._all_codes(),
            power=self.power.cpu().clone(),
            weights={n: _contiguous(w.detach()) for n, w in self.generator.named_parameters()},
            optimiser={n: _contiguous(t) for n, t in named_state(self.optimiser).items()},
            precision=self.precision,
            identity=self.identity,
        )

    def _all_codes(self) -> Tensor:
        """The codes of all images, in order."""
        if self.group.size == 1:
            return self.codes.detach().cpu().clone()
        codes = self.codes.new_zeros(self.count, self.codes.shape[1])
        codes[self.owned.to(self.device)] = self.codes
        return self.group.total(codes).cpu()


def _contiguous(tensor: Tensor) -> Tensor:
    """A copy on the CPU."""
    return tensor.cpu().clone(memory_format=torch.contiguous_format)


def _check_same(here: dict[str, str], saved: dict[str, str]) -> None:
    for what, value in here.items():
        if saved.get(what) != value:
            raise InputError(
                f"resume: the {what} differ from those of the saved state; give the same, or start a new training"
            )


def in_unit_ball(codes: Tensor) -> Tensor:
    """Codes (N, K), those longer than 1 shortened to 1."""
    shortened: Tensor = codes / codes.norm(dim=1, keepdim=True).clamp_min(1)
    return shortened


def principal_codes(images: Images, code_dim: int) -> Tensor:
    """First codes, (N, K): principal components of the images less mid-grey, scaled into the unit ball.

    The components are those of the images at 16x16 (or smaller, as they are): for each the first K coefficients,
    divided by the 95th percentile of their norm.
    """
    side = (min(16, images.size[0]), min(16, images.size[1]))

    def coarse(start: int) -> Tensor:
        return images.batch(slice(start, start + 4096), side).flatten(1) - 0.5

    starts = range(0, len(images), 4096)
    gram: Tensor = sum(x.T @ x for x in map(coarse, starts))  # type: ignore[assignment]
    axes = torch.linalg.eigh(gram.double())[1].flip(1)[:, :code_dim].float()
    codes = torch.cat([coarse(start) @ axes for start in starts])
    codes = pad(codes, (0, code_dim - codes.shape[1]))
    norms = codes.norm(dim=1).sort().values
    return in_unit_ball(codes / norms[int(0.95 * (len(norms) - 1))].clamp_min(1e-12))
