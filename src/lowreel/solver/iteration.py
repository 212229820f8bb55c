"""Recovery as an iteration: Algorithm 1 of the paper, and the faster joint fit that is the default."""

from __future__ import annotations

import copy
import hashlib
import json
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache, cached_property
from itertools import cycle
from typing import Any

import torch
from torch import Tensor, nn

from ..data import alive_in, no_noise, weights_of
from ..errors import InputError
from ..model.generators import Generator, from_spec, line_start, shared_start, smooth_start
from ..model.latents import Codes, affine_low_rank, check_rank, factorise, lines, low_rank, similarity
from ..model.representation import Representation
from ..operators import Data, LinearOperator, map_data, repeated_rows, tensors_of
from ..settings import BRANCH, DataTerm, Precision, SolverSettings
from ..system import streams
from ..system.files import tensor_hash
from .optim import step_orthogonalised
from .precision import LEAST_PIXELS, autocast, fastest_precision
from .schedule import one_cycle


@dataclass(frozen=True)
class Problem:
    """Data, the operator that made it, the generator to start from, and what is known of the frames.

    heldout: booleans like the data, entries that are followed but never fitted; None holds out nothing.
    times: seconds of the frames, (T,). sequences: lengths of stretches without a cut. beta: weights of eq. (6).
    start: first codes, (T, K), of a fit that goes on from another one's generator; None draws them.
    noise: its entry, see `measure.noise`; what it has put out of use is left out altogether. data_term: what residuals
    cost in the fit, see `residual_terms`; "weighted" is the square over the variance that the noise has at A G(z).
    """

    data: Data
    operator: LinearOperator
    generator: Generator
    times: Tensor
    heldout: Data | None = None
    sequences: tuple[int, ...] = ()
    beta: Tensor | None = None
    start: Tensor | None = None
    noise: Mapping[str, Any] = field(default_factory=no_noise)
    data_term: DataTerm = "squared"
    seed: int = 0

    def __post_init__(self) -> None:
        self.operator.checked_data(self.data)
        frames, *shape = self.operator.clip_shape
        if tuple(shape) != self.generator.frame_shape:
            raise InputError(
                f"generator: it makes frames (C, H, W) = {self.generator.frame_shape}, the data is of {tuple(shape)}; "
                "use --generator decoder, which takes any size, or resize the clip"
            )
        if self.sequences and sum(self.sequences) != frames:
            raise InputError(f"sequences: their lengths {self.sequences} should add up to the {frames} frames")
        if self.beta is not None and len(self.beta) != frames - 1:
            raise InputError(
                f"beta: expected one weight for each of {frames - 1} pairs of frames, got {len(self.beta)}"
            )
        if self.start is not None and tuple(self.start.shape) != (frames, self.generator.code_dim):
            raise InputError(
                f"start: expected codes of shape {(frames, self.generator.code_dim)}, got {tuple(self.start.shape)}"
            )

    @property
    def device(self) -> torch.device:
        """Where the fit is computed."""
        return tensors_of(self.data)[0].device

    def on(self, device: torch.device) -> Problem:
        """The same problem on a device, all but the times; itself where it is there."""
        if self.device.type == device.type:
            return self

        def moved(data: Any) -> Any:
            return None if data is None else map_data(lambda t: t.to(device), data)

        return replace(
            self,
            data=moved(self.data),
            operator=self.operator.on(device),
            generator=copy.deepcopy(self.generator).to(device),
            heldout=moved(self.heldout),
            beta=moved(self.beta),
            start=moved(self.start),
        )

    @cached_property
    def known(self) -> Data:
        """Booleans like the data: the informative entries that the noise has not put out of use."""
        alive = alive_in(self.noise, self.data)
        observed_mask = self.operator.observed_mask()
        return observed_mask if alive is None else map_data(lambda a, b: a & b, observed_mask, alive)

    @cached_property
    def fitted(self) -> Data:
        """Booleans like the data: the known entries that are not held out."""
        return self.known if self.heldout is None else map_data(lambda a, b: a & ~b, self.known, self.heldout)

    @cached_property
    def is_time_invariant(self) -> bool:
        """Whether all parts are measured alike and not in full: of a still picture one then tells all there is."""
        known = tensors_of(self.operator.observed_mask())
        rows = repeated_rows(self.operator, known)
        return all(n < len(entries) for n, entries in zip(rows, known, strict=True))

    @cached_property
    def mean_row_norm_sq(self) -> float:
        """Mean square norm of the operator's rows: by how much the data term of eq. (5) is steeper than for pixels."""
        return 1.0 if self.operator.is_pixel_mask else self.operator.row_norm() ** 2

    @cached_property
    def grey_level(self) -> float:
        """What one hundredth of the way from black to white is in the units of the data."""
        return 0.01 * self.operator.row_norm()

    def data_fidelity(self, found: Data, data: Data, entries: Data) -> Tensor:
        """Sum over these entries of what their residuals cost in the fit (`data_term`); found: A G(z)."""
        weights = weights_of(self.noise, found, entries) if self.data_term == "weighted" else None
        return data_fidelity(
            found, data, entries if weights is None else weights, self.data_term, least=self.grey_level
        )

    def validation_loss(self, residuals: Tensor) -> Tensor:
        """What each residual costs when a clip is judged: the same measure for every clip.

        The square; where the fit is robust Huber's term with a bound of 5 grey levels in 100, so that outliers do not
        decide.
        """
        term: DataTerm = "huber" if self.data_term in ("huber", "l1") else "squared"
        return residual_terms(residuals, term, JUDGE * self.grey_level)

    @cached_property
    def probe_response(self) -> tuple[float, Data]:
        """Mean square of a clip of natural spectrum, and the squares of the data it would give."""
        probe = natural_probe(self.operator.clip_shape).to(self.device)
        response = map_data(lambda t: t.abs().square(), self.operator(probe))
        return float(probe.square().mean()), response

    def scale(self, entries: Data) -> float:
        """Turns a sum of squared residuals over `entries` into an estimate of the squared error per pixel."""
        power, response = self.probe_response
        seen = sum(float(r[e].sum()) for r, e in zip(tensors_of(response), tensors_of(entries), strict=True))
        if seen == 0:
            raise InputError("data: no entry is left to fit or to hold out; use more measurements")
        return power / seen

    def heldout_terms(self, clip: Tensor) -> Tensor:
        """What each held-out number says of a clip: together the squared error per pixel; none when nothing is held
        out; on the CPU. Where the data term is robust, outliers count little, see `judged`."""
        if self.heldout is None:
            return torch.zeros(0)
        parts = zip(*map(tensors_of, (self.operator(clip), self.data, self.heldout)), strict=True)
        terms = torch.cat([self.validation_loss(found[h] - y[h]) for found, y, h in parts])
        return (self.scale(self.heldout) * terms).cpu()

    def heldout_error(self, clip: Tensor) -> float:
        """Squared error per pixel that the held-out data gives for a clip; NaN when nothing is held out."""
        return math.nan if self.heldout is None else float(self.heldout_terms(clip).double().sum())

    @cached_property
    def held_count(self) -> int:
        """How many numbers are held out."""
        return 0 if self.heldout is None else sum(int(t.sum()) for t in tensors_of(self.heldout))

    def without_noise(self, error: float) -> float:
        """A held-out squared error per pixel less what white noise of known size adds to it, at least a twentieth."""
        if self.heldout is None or self.noise["kind"] != "white":
            return error
        return max(error - self.scale(self.heldout) * self.held_count * self.noise["sigma"] ** 2, 0.05 * error)


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


HUBER = 1.345
"""Robust standard deviations beyond which a residual counts as an outlier: 95 % efficient for white noise."""

JUDGE = 5.0 / HUBER
"""Robust standard deviation, in hundredths of the grey range, by which clips are judged where outliers are likely."""


def data_fidelity(found: Data, data: Data, weights: Data, term: DataTerm = "squared", *, least: float = 0.0) -> Tensor:
    """Sum over the entries of their weight (or truth) times what the residual found - data costs, `residual_terms`.

    The robust standard deviation of a robust term is that of the residuals whose weight is not 0, and `least` at least.
    """

    def one(f: Tensor, y: Tensor, w: Tensor) -> Tensor:
        spread = robust_spread(f - y, w, least) if term in ("huber", "l1") else 0.0
        return (residual_terms(f - y, term, spread) * w).sum()

    terms = map_data(one, found, data, weights)
    return torch.stack(terms).sum() if isinstance(terms, tuple) else terms


def residual_terms(residual: Tensor, term: DataTerm, spread: Tensor | float = 0.0) -> Tensor:
    """What each residual r costs, in units of |r|^2: the square unless the term is robust.

    "huber" is |r|^2 up to d = HUBER spread and 2 d |r| - d^2 beyond; "l1" is 2 spread |r|.
    """
    if term in ("squared", "weighted"):
        return residual.abs().square()
    size = residual.abs()
    if term == "l1":
        return 2 * spread * size
    bound = HUBER * spread
    return torch.where(size <= bound, size.square(), 2 * bound * size - bound**2)


def robust_spread(residual: Tensor, weights: Tensor, least: float) -> Tensor:
    """Standard deviation by the median of the sizes of the residuals whose weight is not 0; no part of a gradient.

    A floor keeps it from vanishing where most of a clip is met exactly, as a black background is.
    """
    size = residual.detach().abs()
    known = size[weights.expand_as(size) > 0]
    factor = 1.2011 if residual.is_complex() else 1.4826
    return (factor * known.median() if len(known) else size.new_zeros(())).clamp_min(least)


@dataclass(frozen=True)
class State:
    """A snapshot after `step` rounds: all that a restart needs, on any device, sharing no memory with the iteration.

    parameters: code tensors by name; weights: the generator's state; optimiser: Adam's moments and the momentum of
    weight matrices by name, and under `shares` those of Algorithm 1's steps on codes and weights, and the losses at
    which these steps were taken; loss: mean over the round's minibatches; identity: hashes of
    the data, the operator and the generator.
    """

    step: int
    loss: float
    parameters: dict[str, Tensor]
    weights: dict[str, Tensor]
    optimiser: dict[str, Tensor]
    identity: dict[str, str]

    def codes(self, problem: Problem, settings: SolverSettings) -> Codes:
        """The codes in their compact form: on r basis vectors where the rank is constrained (eq. 8)."""
        p = {name: tensor.to(problem.device) for name, tensor in self.parameters.items()}
        if settings.rank is not None and _joint_lines(problem, settings):  # in a space through 0
            return factorise(p["coefficients"], problem.times, settings.rank)
        if settings.algorithm == "alternating" and settings.rank is not None:
            return factorise(p["coefficients"], problem.times, settings.rank, affine=settings.linear)
        return Codes(p["coefficients"], problem.times, p.get("basis"), p.get("mean"))

    def representation(self, problem: Problem, settings: SolverSettings) -> Representation:
        """Codes and generator as they stand."""
        generator = copy.deepcopy(problem.generator)
        generator.load_state_dict(self.weights)
        return Representation(generator.eval().requires_grad_(False), self.codes(problem, settings))

    def tensors(self) -> dict[str, Tensor]:
        """Every tensor under one name, for a checkpoint."""
        groups = {"parameters": self.parameters, "weights": self.weights, "optimiser": self.optimiser}
        return {f"{group}.{name}": t for group, named in groups.items() for name, t in named.items()}

    def header(self) -> dict[str, Any]:
        """What is not a tensor."""
        loss = self.loss if math.isfinite(self.loss) else None
        return {"step": self.step, "loss": loss, "identity": self.identity}

    @staticmethod
    def of(tensors: dict[str, Tensor], header: dict[str, Any]) -> State:
        """The state that `tensors` and `header` came from."""
        groups: dict[str, dict[str, Tensor]] = {"parameters": {}, "weights": {}, "optimiser": {}}
        for name, tensor in tensors.items():
            group, _, rest = name.partition(".")
            groups[group][rest] = tensor
        loss = math.nan if header["loss"] is None else header["loss"]
        return State(step=header["step"], loss=loss, identity=header["identity"], **groups)


def iterate(problem: Problem, settings: SolverSettings, state: State | None = None) -> Iterator[State]:
    """Fit codes, and weights where wanted, to the data; yield a snapshot after each round.

    The loop is the algorithm and nothing else: stopping early, saving and showing are up to whoever drains it. With
    `state` it goes on from there, to the same bits as an unbroken run on the same build and number of threads. The
    generator in `problem` is left untouched. Raises InputError when the rank or the state do not fit the problem.
    """
    fit = _Fit(problem, settings, state)
    round_of = _alternating_round if settings.algorithm == "alternating" else _joint_round
    step = state.step if state else 0
    while step < planned_rounds(problem, settings):
        loss = round_of(fit, problem, settings, step)
        step += 1
        yield fit.snapshot(step, loss)


def planned_rounds(problem: Problem, settings: SolverSettings) -> int:
    """Rounds that `iterate` makes in all."""
    return settings.rounds(len(_minibatches(problem, settings, 0)))


def _minibatches(problem: Problem, settings: SolverSettings, step: int) -> list[list[int]]:
    """The parts in a random order of their own for each round, cut into minibatches."""
    operator = problem.operator
    frames, _, height, width = operator.clip_shape
    count = math.ceil(frames / operator.part_frames)
    per_batch = max(1, settings.frames_at_once(frames, height * width) // operator.part_frames)
    order = streams.generator(problem.seed, streams.ORDER, step).permutation(count)
    return [sorted(order[k : k + per_batch].tolist()) for k in range(0, count, per_batch)]


def trial_updates(problem: Problem, settings: SolverSettings) -> tuple[Callable[[float], None], int]:
    """What an update costs: a function that makes one, of a fit of its own, and how many of them a round has.

    The function is given how far the run is, from 0 to 1, by which the precision may differ. An update of Algorithm 1
    is a whole round.
    """
    fit = _Fit(problem, settings, None)

    def alternate(_: float) -> None:
        _alternating_round(fit, problem, settings, 0)

    if settings.algorithm == "alternating":
        return alternate, 1
    batches, parts, scale = _minibatches(problem, settings, 0), problem.operator.parts(), problem.scale(problem.fitted)
    turn = cycle(batches)

    def update(progress: float) -> None:
        batch = next(turn)
        frames = [t for part in batch for t in parts[part].frames]
        _update(fit, problem, settings, batch, frames, scale, progress)

    return update, len(batches)


def precision_of(problem: Problem, settings: SolverSettings) -> Precision:
    """The precision in which a minibatch is faster on this machine: products in float32, or in bfloat16.

    float32 where the generator's fit is not to be reduced, and where a minibatch is so small that little is to be
    gained.
    """
    if not problem.generator.reduced_precision or settings.algorithm != "joint":
        return "float32"
    frames, _, height, width = problem.operator.clip_shape
    count = settings.frames_at_once(frames, height * width)
    if count * height * width < LEAST_PIXELS:
        return "float32"
    spec = json.dumps(problem.generator.spec(), sort_keys=True)
    return _precision_of(spec, count, problem.device.type, torch.get_num_threads())


@cache
def _precision_of(spec: str, count: int, device_type: str, threads: int) -> Precision:
    """By a generator of that spec and so many frames; threads: tried with these."""
    del threads
    device = torch.device(device_type)
    generator = from_spec(json.loads(spec)).to(device)
    generator.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    codes = shared_start(count, generator.code_dim, 0).to(device)
    return fastest_precision(lambda: generator(codes).square().mean().backward(), device)


def _joint_lines(problem: Problem, settings: SolverSettings) -> bool:
    return settings.linear and len(problem.sequences) > 1


LEAST_SHARE = 1 / 1024
"""Smallest share of the authors' steps that Algorithm 1 falls to."""

CODES_GROW, WEIGHTS_GROW = 1.05, 1.02
"""By what these shares grow after a step that did not make the loss rise."""

WEIGHTS_RISE = 1.1
"""By what factor a step on the weights may make the loss rise before its share is halved: Adam, which has momentum,
never falls steadily, and a share that takes that for trouble goes to the smallest (docs/choices.md)."""

MOMENTUM = 0.9
"""Memory of the momentum of weight matrices."""

FULL_PRECISION_FROM = 0.9
"""Share of a run from which on products are in float32 throughout (docs/choices.md)."""

CODE_TENSORS = ("coefficients", "basis", "mean")
"""Code parameters in the order in which the optimiser counts them."""


@dataclass
class _Share:
    """Share of the authors' step: halved after a step that made the loss rise, else it grows towards the whole one.

    rise: the factor up to which the loss may rise; loss: at which the last step was taken.
    """

    growth: float
    rise: float
    value: float = 1.0
    loss: float = math.inf

    def judge(self, after: float) -> None:
        """Look at the loss after the last step."""
        share = self.value / 2 if not after <= self.rise * self.loss else self.growth * self.value
        self.value = min(max(share, LEAST_SHARE), 1.0)


class _Fit:
    """The live tensors of an iteration: a copy of the generator, the code parameters, Adam, momentum."""

    def __init__(self, problem: Problem, settings: SolverSettings, state: State | None):
        self.frames, self.device = problem.operator.clip_shape[0], problem.device
        if settings.rank is not None:
            check_rank(settings.rank, self.frames, problem.generator.code_dim)
        self.identity = identity(problem, settings)
        self.generator = copy.deepcopy(problem.generator).requires_grad_(settings.fit_weights)
        self.generator.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        start = state.parameters if state else _start(problem, settings)
        self.codes = {
            name: nn.Parameter(start[name].to(self.device).clone(memory_format=torch.contiguous_format))
            for name in CODE_TENSORS
            if name in start
        }
        self.matrices = self._matrices(settings)
        self.momentum = {name: torch.zeros_like(weight) for name, weight in self.matrices.items()}
        self.adam = self._optimiser(settings)
        self.code_share, self.weight_share = _Share(CODES_GROW, 1.0), _Share(WEIGHTS_GROW, WEIGHTS_RISE)
        self.reduced_precision = settings.precision == "bfloat16"
        if state is not None:
            self._restore(state)

    def _matrices(self, settings: SolverSettings) -> dict[str, nn.Parameter]:
        """The weights that move by orthogonalised momentum."""
        if settings.matrix_step is None or not settings.fit_weights:
            return {}
        return {name: p for name, p in self.generator.named_parameters() if p.ndim > 1}

    def _optimiser(self, settings: SolverSettings) -> torch.optim.Adam | None:
        if settings.algorithm == "alternating":
            if not settings.fit_weights:
                return None
            return torch.optim.Adam(self.generator.parameters(), lr=settings.weight_step * self.frames)
        groups: list[dict[str, Any]] = [{"params": list(self.codes.values()), "step": settings.code_step}]
        if settings.fit_weights:
            rest = [p for name, p in self.generator.named_parameters() if name not in self.matrices]
            groups.append({"params": rest, "step": settings.weight_step})
        return torch.optim.Adam(groups, lr=1.0, betas=(0.9, 0.99))

    def _adam_parameters(self) -> list[nn.Parameter]:
        return [p for group in self.adam.param_groups for p in group["params"]] if self.adam else []

    def _restore(self, state: State) -> None:
        check_same(self.identity, state.identity)
        self.generator.load_state_dict(state.weights)
        if "shares" in state.optimiser:
            codes, weights = state.optimiser["shares"].tolist()
            self.code_share = _Share(CODES_GROW, 1.0, *codes)
            self.weight_share = _Share(WEIGHTS_GROW, WEIGHTS_RISE, *weights)
        elif "codes" in state.optimiser:  # a checkpoint from when the weights had none
            self.code_share = _Share(CODES_GROW, 1.0, *state.optimiser["codes"].tolist())
        for k, parameter in enumerate(self._adam_parameters()):
            if self.adam is not None and f"{k}.step" in state.optimiser:
                moments = {
                    name: torch.zeros_like(parameter).copy_(state.optimiser[f"{k}.{name}"])
                    for name in ("exp_avg", "exp_avg_sq")
                }
                self.adam.state[parameter] = {"step": state.optimiser[f"{k}.step"].clone(), **moments}
        for name, momentum in self.momentum.items():
            momentum.copy_(state.optimiser[f"momentum.{name}"])

    @torch.no_grad()
    def step_matrices(self, step: float, decay: float) -> None:
        """Move the weight matrices against their orthogonalised momentum, by entries of this root mean square.

        They shrink by decay * step before: all directions move alike, also those in which the gradient is noise, and
        what noise adds has to go again.
        """
        for name, weight in self.matrices.items():
            assert weight.grad is not None
            momentum = self.momentum[name].lerp_(weight.grad, 1 - MOMENTUM)
            own = step * self.generator.step_shares.get(name.partition(".")[0], 1.0)
            step_orthogonalised(weight, weight.grad.lerp_(momentum, MOMENTUM), own, decay)

    def generated(self, codes: Tensor, progress: float) -> Tensor:
        """G(codes), differentiable; early in a run, where steps are large, in the precision of the settings."""
        with autocast(self.device, self.reduced_precision and progress < FULL_PRECISION_FROM):
            return self.generator(codes)

    def z(self) -> Tensor:
        """Z, (T, K), differentiable."""
        p = self.codes
        codes = p["coefficients"] @ p["basis"] if "basis" in p else p["coefficients"]
        return codes + p["mean"] if "mean" in p else codes

    def snapshot(self, step: int, loss: float) -> State:
        moments = {
            f"{k}.{name}": tensor.clone()
            for k, parameter in enumerate(self._adam_parameters())
            for name, tensor in (self.adam.state[parameter] if self.adam else {}).items()
        }
        moments |= {f"momentum.{name}": tensor.clone() for name, tensor in self.momentum.items()}
        shares = [[share.value, share.loss] for share in (self.code_share, self.weight_share)]
        moments["shares"] = torch.tensor(shares, dtype=torch.float64)
        weights = {name: tensor.detach().clone() for name, tensor in self.generator.state_dict().items()}
        codes = {name: tensor.detach().clone() for name, tensor in self.codes.items()}
        return State(step, loss, codes, weights, moments, self.identity)


def _start(problem: Problem, settings: SolverSettings) -> dict[str, Tensor]:
    """First code parameters: Z itself, or its factors where the joint fit has a rank to keep."""
    frames, code_dim = problem.operator.clip_shape[0], problem.generator.code_dim
    if problem.start is not None:
        codes = problem.start
    elif settings.start == "shared":
        codes = shared_start(frames, code_dim, problem.seed)
    else:
        generator = problem.generator
        codes = generator.code_mean + generator.code_spread * _path_start(problem, settings)
    if settings.algorithm == "alternating" or settings.rank is None or _joint_lines(problem, settings):
        return {"coefficients": codes}
    found = factorise(codes, problem.times, settings.rank, affine=settings.linear).tensors()
    return {name: tensor for name, tensor in found.items() if name != "times"}


def _path_start(problem: Problem, settings: SolverSettings) -> Tensor:
    code_dim = problem.generator.code_dim
    if settings.linear and (settings.rank == 2 or _joint_lines(problem, settings)):
        return line_start(problem.times, code_dim, problem.seed, problem.sequences)
    return smooth_start(problem.times, code_dim, problem.seed)


def _alternating_round(fit: _Fit, problem: Problem, settings: SolverSettings, step: int) -> float:
    """Algorithm 1: gradient step on the codes, projection, Adam step on the weights at the projected codes.

    Both steps are the authors', that on the codes for data whose rows have norm 1 (`Problem.gain`), as long as they
    do not make the loss rise. Each is halved after a step of its own that does, and recovers slowly: with weights of
    larger curvature than theirs, theirs oscillates, and codes on a line fall back again and again (docs/choices.md).
    """
    z = fit.codes["coefficients"]
    loss = _paper_loss(fit, problem, settings)
    here = float(loss.detach())
    if fit.adam is None:
        fit.code_share.judge(here)
    else:
        fit.weight_share.judge(here)
    fit.code_share.loss = here
    (gradient,) = torch.autograd.grad(loss, z)
    with torch.no_grad():
        z.sub_(fit.code_share.value * settings.code_step * fit.frames / problem.mean_row_norm_sq * gradient)
        z.copy_(_projected(z, problem, settings))
    if fit.adam is None:
        return here
    loss = _paper_loss(fit, problem, settings)
    here = float(loss.detach())
    fit.code_share.judge(here)
    fit.weight_share.loss = here
    for group in fit.adam.param_groups:
        group["lr"] = fit.weight_share.value * settings.weight_step * fit.frames
    fit.adam.zero_grad()
    loss.backward()
    fit.adam.step()
    return here


def _projected(codes: Tensor, problem: Problem, settings: SolverSettings) -> Tensor:
    if settings.rank is None:
        return codes
    if _joint_lines(problem, settings):
        return lines(codes, problem.sequences, settings.rank)
    return (affine_low_rank if settings.linear else low_rank)(codes, settings.rank)


def _paper_loss(fit: _Fit, problem: Problem, settings: SolverSettings) -> Tensor:
    """Eq. (6) as the authors average it: grey levels in [-1, 1], over all entries of the data, over (T - 1) K."""
    found = problem.operator(fit.generator(fit.z()))
    entries = sum(t.numel() for t in tensors_of(problem.data))
    data_term = 4 * problem.data_fidelity(found, problem.data, problem.fitted) / entries
    return _weighed(data_term, fit, problem, settings)


def _weighed(data_term: Tensor, fit: _Fit, problem: Problem, settings: SolverSettings) -> Tensor:
    """lambda * data + (1 - lambda) * similarity, lambda = 1 - settings.similarity."""
    if settings.similarity == 0:
        return data_term
    share = settings.similarity
    return (1 - share) * data_term + share * similarity(fit.z(), problem.sequences, problem.beta)


def _joint_round(fit: _Fit, problem: Problem, settings: SolverSettings, step: int) -> float:
    """One pass over all parts in a fresh random order, an Adam step on codes and weights for each minibatch."""
    parts = problem.operator.parts()
    batches = _minibatches(problem, settings, step)
    updates = planned_rounds(problem, settings) * len(batches)
    scale, total = problem.scale(problem.fitted), 0.0
    for k, batch in enumerate(batches):
        frames = [t for part in batch for t in parts[part].frames]
        progress = (step * len(batches) + k + 1) / updates
        total += len(frames) * _update(fit, problem, settings, batch, frames, scale, progress)
    return total / fit.frames


def _update(
    fit: _Fit,
    problem: Problem,
    settings: SolverSettings,
    batch: list[int],
    frames: list[int],
    scale: float,
    progress: float,
) -> float:
    """A step on codes and weights for the parts of a minibatch, which are measured of these frames; its loss."""
    assert fit.adam is not None
    share = one_cycle(progress)
    for group in fit.adam.param_groups:
        group["lr"] = group["step"] * share
    generated = fit.generated(fit.z()[frames], progress)
    loss = _batch_loss(fit, problem, batch, generated, scale * fit.frames / len(frames), settings)
    fit.generator.zero_grad()
    fit.adam.zero_grad()
    loss.backward()
    fit.adam.step()
    if _joint_lines(problem, settings):
        with torch.no_grad():
            fit.codes["coefficients"].copy_(_projected(fit.codes["coefficients"], problem, settings))
    early = settings.early_decay if progress <= BRANCH else None
    fit.step_matrices(share * (settings.matrix_step or 0.0), settings.decay if early is None else early)
    return float(loss.detach())


def _batch_loss(
    fit: _Fit, problem: Problem, batch: list[int], generated: Tensor, scale: float, settings: SolverSettings
) -> Tensor:
    operator = problem.operator
    found = operator.subset(batch)(generated)
    error = problem.data_fidelity(found, operator.take(problem.data, batch), operator.take(problem.fitted, batch))
    loss = _weighed(scale * error, fit, problem, settings)
    if settings.variation and problem.is_time_invariant:
        loss = loss + settings.variation * variation(generated)
    return loss


def variation(frames: Tensor) -> Tensor:
    """Mean absolute difference of neighbouring pixels, down and across together; (N, C, H, W)."""
    down, across = (frames.diff(dim=axis).abs() for axis in (2, 3))
    return (down.sum() + across.sum()) / frames.numel()


def identity(problem: Problem, settings: SolverSettings) -> dict[str, str]:
    """Hashes of the data, the operator, the generator's spec and all else that makes a fit what it is."""
    return {
        "data": _hash(problem.data),
        "operator": problem.operator.fingerprint(),
        "generator": str(problem.generator.spec()),
        "settings": _settings_hash(problem, settings),
    }


def check_same(here: Mapping[str, str], saved: Mapping[str, str]) -> None:
    """Raise InputError where a saved state, or a fit of a search, is of another problem than the one here."""
    for what, value in here.items():
        if saved.get(what) != value:
            raise InputError(
                f"resume: the {what} differs from that of the saved state; give the same one, or start a new run"
            )


def _settings_hash(problem: Problem, settings: SolverSettings) -> str:
    """What else has to be the same when a run goes on, the length apart."""
    heldout = "" if problem.heldout is None else _hash(problem.heldout)
    beta = "" if problem.beta is None else tensor_hash(problem.beta)
    start = "" if problem.start is None else _start_hash(problem.generator, problem.start)
    own = settings.model_dump_json(exclude={"steps"})
    term = f"{problem.data_term} {sorted(problem.noise.items())}"
    known = f"{problem.seed} {problem.sequences} {beta} {heldout} {start}"
    return hashlib.sha256(f"{own} {known} {term}".encode()).hexdigest()


def _start_hash(generator: Generator, codes: Tensor) -> str:
    """Of a fit that goes on from another one: its first codes and weights, which no seed draws."""
    return " ".join(tensor_hash(t) for t in (codes, *generator.state_dict().values()))


def _hash(data: Data) -> str:
    return " ".join(tensor_hash(t) for t in tensors_of(data))
