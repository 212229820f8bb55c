"""The iteration, where the answer is known: closed forms, one epoch by hand, constraints, restarts."""

import math
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
import torch
from cases import Linear, flat, levels, moving, noise

from lowreel.data import NoNoise, WhiteNoise, add_white_noise, hold_out
from lowreel.errors import InputError
from lowreel.model.generators import Dcgan, Decoder
from lowreel.operators import (
    Blur,
    Downsample,
    Functions,
    Gaussian,
    Identity,
    MissingPixels,
    Stacked,
    map_data,
    tensors_of,
)
from lowreel.settings import PRESETS, RecoverSettings, SolverSettings
from lowreel.solver.grouped import grouped
from lowreel.solver.identity import identity
from lowreel.solver.iteration import iterate
from lowreel.solver.losses import data_fidelity, variation
from lowreel.solver.probe import natural_probe
from lowreel.solver.problem import Problem
from lowreel.solver.schedule import decay_share, one_cycle, planned_epochs
from lowreel.solver.state import State
from lowreel.solver.variables import WEIGHTS_GROWTH_FACTOR, WEIGHTS_RISE_FACTOR, Variables
from lowreel.system.files import read_tensors, write_tensors

close = torch.testing.assert_close
SHAPE = (6, 1, 4, 5)
T, N, K = 6, 20, 3
TIMES = torch.arange(T, dtype=torch.float64) / 25

ALGORITHMS = {
    "joint": SolverSettings(algorithm="joint", steps=4, batch_size=2, init="smooth", similarity=0.1),
    "alternating": SolverSettings(algorithm="alternating", steps=4, batch_size=None, init="shared", similarity=0.1),
}
"""Both algorithms; the numbers in them do not matter to the laws."""

DATA = {
    "identity": lambda: Identity(SHAPE),
    "missing": lambda: MissingPixels(SHAPE, 0.5, seed=1),
    "gaussian": lambda: Gaussian(SHAPE, 9, seed=1),
    "stack": lambda: Stacked([MissingPixels(SHAPE, 0.5, seed=1), Gaussian(SHAPE, 9, seed=1)]),
    "functions": lambda: Functions(
        lambda x: 3 * x[..., ::2], lambda y: 3 * y.repeat(2, -1)[..., :5] * [1, 0, 1, 0, 1], SHAPE
    ),
    "complex functions": lambda: fourier_of(SHAPE),
}


def test_less_decay_where_enough_exact_pixels_are_known():
    """The share that the generator asks for, there alone."""
    generator = Linear(SHAPE[1:])
    generator.decay_share = 0.5
    cases = [
        (MissingPixels(SHAPE, 0.8), NoNoise(), 0.5),
        (MissingPixels(SHAPE, 0.9), NoNoise(), 1.0),
        (MissingPixels(SHAPE, 0.8), WhiteNoise(sigma=0.1), 1.0),
        (Gaussian(SHAPE, 9), NoNoise(), 1.0),
    ]
    for operator, noisy, share in cases:
        data = operator(levels(*SHAPE).float())
        problem = Problem(data, operator, generator, TIMES, noise=noisy)
        assert decay_share(problem) == share
        assert decay_share(grouped([problem, problem], ["a", "b"])) == share


def test_a_fit_of_another_decay_is_another_fit():
    """A state that was made with all of the decay does not go on with less; without decay of its own it does."""
    operator, generator = MissingPixels(SHAPE, 0.8), Linear(SHAPE[1:])
    problem = Problem(operator(levels(*SHAPE).float()), operator, generator, TIMES)
    joint, alternating = PRESETS["default"], PRESETS["paper-joint"]
    before = [identity(problem, settings) for settings in (joint, alternating)]
    generator.decay_share = 0.5
    after = [identity(problem, settings) for settings in (joint, alternating)]
    assert (before[0] != after[0], before[1] == after[1]) == (True, True)


def test_the_early_decay_is_what_it_says(monkeypatch):
    """The share is that of the usual decay alone."""
    operator, generator = MissingPixels(SHAPE, 0.8), Linear(SHAPE[1:])
    generator.decay_share = 0.5
    problem, seen = Problem(operator(levels(*SHAPE).float()), operator, generator, TIMES), []
    descend = Variables.descend

    def noted(self, loss, share, decay):
        seen.append(decay)
        return descend(self, loss, share, decay)

    monkeypatch.setattr(Variables, "descend", noted)
    settings = PRESETS["default"].model_copy(update={"steps": 4, "early_weight_decay": 10.0, "weight_decay": 3.0})
    list(iterate(problem, settings))
    assert (seen[0], seen[-1]) == (10.0, 1.5)


def fourier_of(shape):
    def adjoint(y):
        return (np.fft.ifft2(y) * shape[2] * shape[3]).real

    return Functions(np.fft.fft2, adjoint, shape)


def problem_of(operator, *, generator=None, clip=None, dtype=torch.float64, **known):
    operator = operator.to(dtype)
    clip = levels(*operator.clip_shape, seed=8).to(dtype) if clip is None else clip
    times = torch.arange(operator.clip_shape[0], dtype=torch.float64) / 25
    generator = (generator or Linear(operator.clip_shape[1:], K)).to(dtype)
    return Problem(operator(clip), operator, generator, times, **known)


def starting(problem, settings, codes):
    """A state before the first epoch, with these codes in place of the start of the preset."""
    own = next(iterate(problem, settings)).identity
    weights = {name: t.clone() for name, t in problem.generator.state_dict().items()}
    return State(0, math.nan, {"coefficients": codes.clone()}, weights, {}, own)


def last(states):
    *_, state = states
    return state


def assert_same(a, b):
    """Two states are the same bit for bit."""
    assert a.tensors().keys() == b.tensors().keys()
    for name, tensor in a.tensors().items():
        assert torch.equal(tensor, b.tensors()[name]), name
    assert (a.step, a.loss) == (b.step, b.loss)


# Closed forms


def least_squares(problem):
    """The matrix that takes the codes of a linear generator to the data, the data, and the best codes."""
    operator, generator = problem.operator.double(), problem.generator.double()
    units = torch.eye(T * K, dtype=torch.float64).reshape(T * K, T, K)
    matrix = torch.stack([flat(operator(generator(unit).detach())) for unit in units], 1)
    y = flat(problem.data).double()
    return matrix, y, torch.linalg.lstsq(matrix, y[:, None]).solution[:, 0]


@pytest.mark.parametrize("name", DATA)
def test_codes_alone_reach_least_squares(name):
    """With a linear generator, eq. (4) ends in the least squares solution over the codes."""
    problem = problem_of(DATA[name]())
    matrix, y, wanted = least_squares(problem)
    entries = sum(t.numel() for t in tensors_of(problem.data))
    step = entries / (8 * float(torch.linalg.matrix_norm(matrix, 2)) ** 2)  # one over the largest curvature
    settings = SolverSettings(algorithm="alternating", fit_weights=False, steps=500, code_lr=step / T, batch_size=None)
    found = last(iterate(problem, settings, starting(problem, settings, torch.zeros(T, K, dtype=torch.float64))))
    close(found.parameters["coefficients"].flatten(), wanted)
    assert found.loss == pytest.approx(4 * float((matrix @ wanted - y).square().sum()) / entries, rel=1e-9)


def test_decay_shrinks_weight_matrices_by_the_step():
    """One update with decay d and step s ends at the update without it, less d s W of the first weights."""
    problem = problem_of(DATA["missing"](), dtype=torch.float32)
    plain = SolverSettings(steps=2, batch_size=None, matrix_lr=1e-2, weight_decay=0.0)
    first, one, other = (
        {n: w for n, w in weights.items() if w.ndim > 1}
        for weights in (
            dict(problem.generator.state_dict()),
            next(iterate(problem, plain)).weights,
            next(iterate(problem, plain.model_copy(update={"weight_decay": 3.0}))).weights,
        )
    )
    assert first
    for name, weight in first.items():
        close(other[name], one[name] - 3 * 1e-2 * one_cycle(0.5) * weight)


@pytest.mark.parametrize(("name", "batch"), [*((name, None) for name in DATA), ("missing", 2), ("stack", 4)])
def test_joint_fit_reaches_least_squares(name, batch):
    """The default algorithm, on the codes alone, ends within a hundredth of the smallest residual there is."""
    problem = problem_of(DATA[name](), dtype=torch.float32)
    settings = SolverSettings(fit_weights=False, steps=120, code_lr=0.1, batch_size=batch, similarity=0.0)
    found = last(iterate(problem, settings)).parameters["coefficients"].double().flatten()
    matrix, y, wanted = least_squares(problem)
    assert float((matrix @ found - y).norm()) == pytest.approx(float((matrix @ wanted - y).norm()), rel=1e-2)


# The steps on codes and weights


SHARED = SolverSettings(algorithm="alternating", steps=60, batch_size=None, init="shared")
STEEP = [SHARED.model_copy(update={"fit_weights": fitted}) for fitted in (False, True)]


@pytest.mark.parametrize("settings", STEEP, ids=["codes", "codes and weights"])
def test_a_step_too_large_for_the_curvature_is_halved(settings):
    """With a step of 100 over the curvature the loss falls all the same, to near the least squares solution."""
    problem = problem_of(Identity(SHAPE))
    matrix, y, wanted = least_squares(problem)
    curvature = 8 * float(torch.linalg.matrix_norm(matrix, 2)) ** 2 / y.numel()
    settings = settings.model_copy(update={"code_lr": 100 / curvature / T, "weight_lr": 1e-4})
    states = list(iterate(problem, settings))
    best = 4 * float((matrix @ wanted - y).square().sum()) / y.numel()
    assert states[-1].loss < 0.2 * states[0].loss + best
    assert float(states[-1].optimiser["shares"][0, 0]) < 0.1


def test_a_step_on_the_weights_that_makes_the_loss_rise_is_halved():
    """Adam's step is the share of the full one that the losses before and after the last steps give; a small rise is
    none."""
    problem = problem_of(Identity(SHAPE))
    settings = STEEP[1].model_copy(update={"code_lr": 0.02, "weight_lr": 1.0, "steps": 24})
    states = list(iterate(problem, settings))
    shares = [1.0]
    for before, after in pairwise(states):
        rose = float(after.optimiser["shares"][0, 1]) > WEIGHTS_RISE_FACTOR * before.loss
        shares.append(shares[-1] / 2 if rose else min(1.0, WEIGHTS_GROWTH_FACTOR * shares[-1]))
    assert [float(state.optimiser["shares"][1, 0]) for state in states] == pytest.approx(shares)
    assert min(shares) < 0.5

    def moved(share):
        begun = State.of(states[3].tensors(), states[3].header())
        begun.optimiser["shares"] = torch.tensor([[1.0, math.inf], [share, math.inf]], dtype=torch.float64)
        ended = next(iterate(problem, settings, begun))
        return {name: ended.weights[name] - weight for name, weight in begun.weights.items()}

    whole, half = moved(0.5), moved(0.25)
    for name, change in whole.items():
        close(2 * half[name], change)


@pytest.mark.parametrize("settings", STEEP, ids=["codes", "codes and weights"])
def test_a_halved_step_survives_a_resume(settings):
    """Resumed where the step is a small share of the full one, the bits are those of an unbroken run."""
    problem = problem_of(Identity(SHAPE))
    settings = settings.model_copy(update={"code_lr": 1e3, "weight_lr": 0.3, "steps": 12})
    states = list(iterate(problem, settings))
    shares = states[5].optimiser["shares"][:, 0]
    assert float(shares[: 2 if settings.fit_weights else 1].max()) < 1
    for state in states[:-1]:
        again = State.of(state.tensors(), state.header())
        assert_same(last(iterate(problem, settings, again)), states[-1])


# One epoch of the paper's algorithm, by hand


def by_hand(problem, settings, z, sequences, beta, project):
    """Algorithm 1 on grey levels in [-1, 1], written from the paper: new codes, new weights, the losses on the way."""
    frames, m = problem.operator.clip_shape[0], sum(t.numel() for t in tensors_of(problem.data))
    weight = problem.generator.weight.detach().clone().requires_grad_()
    white = map_data(lambda y: 2 * y, problem.data)
    offset = problem.operator(torch.ones(problem.operator.clip_shape, dtype=torch.float64))
    target = map_data(lambda y, o: y - o, white, offset)

    def loss(codes):
        pictures = 2 * (codes @ weight).view(problem.operator.clip_shape) - 1
        residual = problem.operator(pictures) - target
        ends = {sum(sequences[: k + 1]) for k in range(len(sequences))}
        pairs = [t for t in range(frames - 1) if t + 1 not in ends]
        steps = sum(beta[t] * (codes[t + 1] - codes[t]).square().sum() for t in pairs)
        lam = 1 - settings.similarity
        return lam * residual.square().sum() / m + (1 - lam) * steps / ((frames - 1) * K)

    z = z.clone().requires_grad_()
    before = loss(z)
    (gradient,) = torch.autograd.grad(before, z)
    gain = 1 if problem.operator.is_pixel_mask else problem.operator.row_norm() ** 2
    codes = project(z.detach() - (200 * frames / 256) / gain * gradient)
    after = loss(codes)
    (gradient,) = torch.autograd.grad(after, weight)
    rate = 0.001 * frames / 256
    first, second = 0.1 * gradient / (1 - 0.9), 0.001 * gradient**2 / (1 - 0.999)
    return codes, weight.detach() - rate * first / (second.sqrt() + 1e-8), float(before.detach()), float(after.detach())


def rank_two(codes):
    u, s, vh = torch.linalg.svd(codes, full_matrices=False)
    return u[:, :2] @ torch.diag(s[:2]) @ vh[:2]


def on_a_line(codes):
    mean = codes.mean(0)
    _, _, vh = torch.linalg.svd(codes - mean)
    return mean + torch.outer((codes - mean) @ vh[0], vh[0])


CONSTRAINTS = {
    "free": ({}, lambda codes: codes),
    "rank 2": ({"rank": 2}, rank_two),
    "line": ({"rank": 2, "linear": True}, on_a_line),
}


@pytest.mark.parametrize(("constraint", "project"), CONSTRAINTS.values(), ids=CONSTRAINTS)
@pytest.mark.parametrize("name", ["identity", "missing", "gaussian"])
def test_one_paper_round_equals_the_paper(name, constraint, project):
    """Loss over all entries in [-1, 1], code step 200 T/256 over the square norm of the rows, projection, Adam
    0.001 T/256 at the projected codes."""
    beta = levels(T - 1, seed=4)
    known = {} if constraint.get("linear") else {"sequences": (4, 2)}
    problem = problem_of(DATA[name](), beta=beta, **known)
    z = 0.3 * noise(T, K, seed=2)
    for preset in ("paper-joint", "paper-latent"):
        settings = PRESETS[preset].model_copy(update={"similarity": 0.2, **constraint})
        codes, weight, before, after = by_hand(problem, settings, z, known.get("sequences", ()), beta, project)
        state = next(iterate(problem, settings, starting(problem, settings, z)))
        close(state.parameters["coefficients"], codes)
        close(state.representation(problem, settings).codes.matrix(), codes)
        joint = preset == "paper-joint"
        close(state.weights["weight"], weight if joint else problem.generator.weight.detach())
        assert state.loss == pytest.approx(after if joint else before, rel=1e-9)


def test_paper_presets_are_algorithm_1_from_one_unit_vector():
    """The authors start all codes at the same random unit vector and take all frames at once."""
    for preset in ("paper-joint", "paper-latent"):
        settings = PRESETS[preset]
        assert (settings.algorithm, settings.batch_size) == ("alternating", None)
        assert settings.fit_weights == (preset == "paper-joint")
        problem = problem_of(Identity(SHAPE), clip=torch.zeros(SHAPE, dtype=torch.float64))
        first = next(iterate(problem, settings.model_copy(update={"code_lr": 1e-30})))
        start = first.parameters["coefficients"]
        close(start.norm(dim=1), torch.ones(T))
        assert torch.equal(start, start[:1].expand_as(start))


# Constraints


@pytest.mark.parametrize("linear", [False, True])
@pytest.mark.parametrize("rank", [1, 2, 3])
@pytest.mark.parametrize("name", ALGORITHMS)
def test_rank_is_kept_every_round(name, rank, linear):
    """After every epoch Z has the rank asked for; linear: Z minus its mean one less, so that rank 2 is a line."""
    generator = Linear(SHAPE[1:], 5)
    problem = problem_of(DATA["missing"](), generator=generator)
    settings = ALGORITHMS[name].model_copy(update={"rank": rank, "linear": linear, "code_lr": 0.5})
    for state in iterate(problem, settings):
        found = state.representation(problem, settings)
        codes = found.codes.matrix().double()
        if name == "alternating":
            close(codes, state.parameters["coefficients"].double(), rtol=1e-5, atol=1e-5)
        spread = codes - codes.mean(0) if linear else codes
        tail = torch.linalg.svdvals(spread)[rank - 1 if linear else rank :]
        assert len(tail)
        close(tail, torch.zeros_like(tail), rtol=0, atol=1e-5)  # codes are float32
        assert found.codes.rank == rank
        stored = T * (rank - linear) + (rank - linear) * 5 + linear * 5
        assert found.parameters == {"weights": 5 * N, "codes": stored}


def test_sequences_stay_on_lines_of_their_own():
    """Each sequence on its line, all of the joint rank, after every epoch of Algorithm 1."""
    problem = problem_of(DATA["missing"](), generator=Linear(SHAPE[1:], 5), sequences=(3, 3))
    settings = ALGORITHMS["alternating"].model_copy(update={"rank": 3, "linear": True, "code_lr": 0.5})
    for state in iterate(problem, settings, starting(problem, settings, noise(T, 5))):
        codes = state.representation(problem, settings).codes.matrix()
        tails = [torch.linalg.svdvals(codes)[3:]]
        tails += [torch.linalg.svdvals(part - part.mean(0))[1:] for part in codes.split((3, 3))]
        for tail in tails:
            close(tail, torch.zeros_like(tail))


@pytest.mark.parametrize("sequences", [(), (2, 4), (3, 3)])
def test_codes_on_lines_start_in_the_order_of_time(sequences):
    """The default's codes move evenly in time, each sequence on a line of its own, all in one plane through 0."""
    problem = problem_of(DATA["missing"](), sequences=sequences)
    still = ALGORITHMS["joint"].model_copy(update={"rank": 2, "linear": True, "code_lr": 0.0, "init": "smooth"})
    codes = next(iterate(problem, still)).codes(problem, still).matrix()
    tail = torch.linalg.svdvals(codes)[2:]
    close(tail, torch.zeros_like(tail))
    for part in codes.split(list(sequences or (T,))):
        steps = part.diff(dim=0)
        close(steps, steps[:1].expand_as(steps))
        assert float(steps[0].norm()) > 0.01


def test_lines_for_several_sequences_are_kept_by_the_joint_fit():
    """Each sequence stays on its line, and all codes together in a plane."""
    problem = problem_of(DATA["missing"](), sequences=(3, 3))
    settings = ALGORITHMS["joint"].model_copy(update={"rank": 2, "linear": True, "code_lr": 0.1})
    for state in iterate(problem, settings):
        codes = state.codes(problem, settings).matrix()
        tails = [torch.linalg.svdvals(codes)[2:]]
        tails += [torch.linalg.svdvals(part - part.mean(0))[1:] for part in codes.split((3, 3))]
        for tail in tails:
            close(tail, torch.zeros_like(tail))


@pytest.mark.parametrize("sequences", [(), (3, 3)])
@pytest.mark.parametrize("name", ALGORITHMS)
def test_ordered_codes_never_turn_back(name, sequences):
    """In no epoch, with steps so large that codes on a line that need not keep the order of time lose it."""
    problem = problem_of(DATA["missing"](), sequences=sequences)
    line = ALGORITHMS[name].model_copy(update={"rank": 2, "linear": True, "code_lr": 2.0, "init": "smooth"})
    least = {}
    for ordered in (False, True):
        settings = line.model_copy(update={"ordered": ordered})
        states = [state.codes(problem, settings).matrix().double() for state in iterate(problem, settings)]
        parts = [part for codes in states for part in codes.split(list(sequences or (T,)))]
        least[ordered] = min(float(step) for part in parts for step in advances(part))
    assert least[False] < -1
    assert least[True] > -1e-5  # codes are float32


def advances(codes):
    """How far each step of a path goes along the way from its first code to its last, (T - 1,)."""
    way = codes[-1] - codes[0]
    return codes.diff(dim=0) @ way / way.norm().clamp_min(1e-12)


def test_ordered_codes_start_in_the_order_of_time_in_every_preset():
    """Also where the authors start them all at one place."""
    problem = problem_of(Identity(SHAPE))
    for preset in PRESETS.values():
        still = {"rank": 2, "linear": True, "ordered": True, "code_lr": 1e-30}
        settings = preset.model_copy(update=still)
        steps = next(iterate(problem, settings)).codes(problem, settings).matrix().diff(dim=0)
        close(steps, steps[:1].expand_as(steps))
        assert float(steps[0].norm()) > 0.01


def test_only_a_line_has_an_order():
    """`ordered` alone puts codes on a line; with another rank it is refused, as it is without a line."""
    solver = RecoverSettings(ordered=True).solver()
    assert (solver.linear, solver.rank, solver.ordered) == (True, 2, True)
    for refused in (lambda: RecoverSettings(ordered=True, rank=3), lambda: SolverSettings(ordered=True, rank=2)):
        with pytest.raises(InputError, match="only codes on a line have an order"):
            refused()


# The loop


NETWORKS = {
    "linear": (lambda: Linear(SHAPE[1:], K), SHAPE),
    "decoder": (lambda: Decoder((1, 10, 12)), (6, 1, 10, 12)),
    "dcgan": (lambda: Dcgan(1), (2, 1, 64, 64)),
}


def network_problem(name, **known):
    build, shape = NETWORKS[name]
    generator, operator = build(), MissingPixels(shape, 0.5, seed=1)
    dtype = next(generator.parameters()).dtype
    held = hold_out(operator, 0.1)
    return problem_of(operator, generator=generator, dtype=dtype, heldout=held, clip=moving(*shape).to(dtype), **known)


@pytest.fixture(params=NETWORKS)
def problem(request):
    return network_problem(request.param)


@pytest.fixture(params=ALGORITHMS.values(), ids=ALGORITHMS)
def settings(request):
    return request.param


def test_generator_passed_in_is_untouched(problem, settings):
    """Neither its weights nor their flags change, nor torch's random state."""
    before = {name: (t.clone(), t.requires_grad) for name, t in problem.generator.named_parameters()}
    random_state = torch.get_rng_state()
    found = last(iterate(problem, settings))
    for name, parameter in problem.generator.named_parameters():
        tensor, flag = before[name]
        assert torch.equal(parameter, tensor), name
        assert parameter.requires_grad == flag
        assert parameter.grad is None
    assert any(not torch.equal(tensor, found.weights[name]) for name, (tensor, _) in before.items())
    assert torch.equal(torch.get_rng_state(), random_state)


def test_same_seed_same_result(problem, settings):
    """Twice the same run is the same to the bit; another seed is another run."""
    assert_same(last(iterate(problem, settings)), last(iterate(problem, settings)))
    other = last(iterate(replace(problem, seed=1), settings))
    assert not torch.equal(
        other.parameters["coefficients"], last(iterate(problem, settings)).parameters["coefficients"]
    )


def test_states_are_numbered_and_end(problem, settings):
    """One state an epoch, numbered from 1, to the number of epochs."""
    assert [state.step for state in iterate(problem, settings)] == [1, 2, 3, 4]


def test_generators_may_ask_for_more_epochs():
    """Decoders that end in sub-pixels get half as many again, unless the number is given."""
    plain, ending = (problem_of(Identity(SHAPE), generator=Decoder(SHAPE[1:], subpixel_stages=s)) for s in (0, 1))
    assert planned_epochs(ending, SolverSettings()) == round(1.5 * planned_epochs(plain, SolverSettings()))
    assert planned_epochs(ending, SolverSettings(steps=7)) == 7


RESUMED = [
    {},
    {"rank": 2},
    {"rank": 2, "linear": True},
    {"rank": 2, "linear": True, "ordered": True, "code_lr": 0.5},
    {"fit_weights": False},
]


@pytest.mark.parametrize("constraint", RESUMED, ids=str)
def test_resume_equals_the_unbroken_run(problem, settings, constraint, tmp_path):
    """Stopped after any epoch, written to a file, read and gone on with: the same bits as without a break."""
    settings = settings.model_copy(update=constraint)
    unbroken = list(iterate(problem, settings))
    for stop in (1, 3):
        state, path = unbroken[stop - 1], tmp_path / "state.safetensors"
        write_tensors(path, "state", state.tensors(), state.header())
        resumed = list(iterate(problem, settings, State.of(*read_tensors(path, "state"))))
        for a, b in zip(resumed, unbroken[stop:], strict=True):
            assert_same(a, b)


def test_a_fit_goes_on_from_given_codes(problem, settings):
    """With steps that vanish, the codes of the first state are those given."""
    like = last(iterate(problem, settings)).parameters["coefficients"]
    codes = torch.linspace(-1, 1, like.numel()).reshape(like.shape).to(like.dtype)
    still = settings.model_copy(update={"code_lr": 1e-12, "weight_lr": 1e-12})
    state = next(iterate(replace(problem, start=codes), still))
    close(state.parameters["coefficients"], codes, atol=1e-6, rtol=0)


def test_resume_at_the_end_has_nothing_to_do(problem, settings):
    """A finished state yields no more."""
    assert list(iterate(problem, settings, last(iterate(problem, settings)))) == []


def test_snapshots_share_no_memory(problem, settings):
    """Later epochs do not change a state, and changing a state changes no later epoch."""
    unbroken = list(iterate(problem, settings))
    kept = []
    for state in iterate(problem, settings):
        kept.append({name: t.clone() for name, t in state.tensors().items()})
        for tensor in state.tensors().values():
            tensor.fill_(7)
    for state, tensors in zip(unbroken, kept, strict=True):
        for name, tensor in state.tensors().items():
            assert torch.equal(tensor, tensors[name]), name
            pointers = {t.data_ptr() for s in unbroken if s is not state for t in s.tensors().values() if t.numel()}
            assert not tensor.numel() or tensor.data_ptr() not in pointers, name


def test_a_state_does_not_change_by_being_resumed(problem, settings):
    """Going on from a state leaves it as it was."""
    state = next(iterate(problem, settings))
    before = {name: t.clone() for name, t in state.tensors().items()}
    last(iterate(problem, settings, state))
    for name, tensor in state.tensors().items():
        assert torch.equal(tensor, before[name]), name


def test_state_of_other_data_is_refused(settings):
    """Other data, another operator or another generator: the message says which."""
    state = next(iterate(problem_of(DATA["missing"]()), settings))
    clip = levels(*SHAPE, seed=8)
    others = {
        "data": problem_of(DATA["missing"](), clip=1 - clip),
        "operator": Problem(
            problem_of(DATA["missing"]()).data, MissingPixels(SHAPE, 0.5, seed=2), Linear(SHAPE[1:], K), TIMES
        ),
        "generator": problem_of(DATA["missing"](), generator=Linear(SHAPE[1:], K + 1)),
    }
    for what, other in others.items():
        with pytest.raises(InputError, match=f"resume: the {what} differs"):
            next(iterate(other, settings, state))


def test_state_of_other_held_out_data_is_refused(settings):
    """Which another version may draw: then no setting was changed, and the message does not say that one was."""
    problem = problem_of(DATA["missing"]())
    held = [torch.zeros(SHAPE, dtype=torch.bool).index_fill(0, torch.tensor(t), True) for t in (0, 1)]
    state = next(iterate(replace(problem, heldout=held[0]), settings))
    with pytest.raises(
        InputError, match="settings or the held-out data, which another version may draw otherwise, differ"
    ):
        next(iterate(replace(problem, heldout=held[1]), settings, state))


def test_heldout_entries_do_not_influence_the_fit(settings):
    """Whatever the values of the held-out entries, the fit is the same to the bit."""
    for name in ("missing", "gaussian", "stack", "complex functions"):
        operator = DATA[name]()
        held = hold_out(operator, 0.2)
        one = problem_of(operator, heldout=held, dtype=torch.float32)
        changed = map_data(lambda y, h: torch.where(h, y + 5, y), one.data, held)
        other = Problem(changed, operator, one.generator, TIMES, heldout=held)
        a, b = last(iterate(one, settings)), last(iterate(other, settings))
        for key, tensor in a.tensors().items():
            assert torch.equal(tensor, b.tensors()[key]), (name, key)
        free = last(iterate(problem_of(operator, dtype=torch.float32), settings))
        assert not torch.equal(free.parameters["coefficients"], a.parameters["coefficients"])


@pytest.mark.parametrize("name", DATA)
def test_loss_of_the_joint_fit_is_the_scaled_squared_error(name):
    """With steps of no size and no similarity the loss of an epoch is scale times the squared residuals, all parts."""
    problem = problem_of(DATA[name](), dtype=torch.float32)
    settings = SolverSettings(steps=1, batch_size=2, code_lr=1e-30, weight_lr=1e-30, similarity=0.0)
    state = next(iterate(problem, settings))
    frames = state.representation(problem, settings).frames()
    wanted = problem.scale(problem.fitted) * float(
        data_fidelity(problem.operator(frames), problem.data, problem.fitted)
    )
    assert state.loss == pytest.approx(wanted, rel=1e-5)


# The scale of the error


def natural(shape):
    """A smooth moving picture with edges, minus its mean: an error such as fits make."""
    clip = moving(*shape).double()
    clip = clip + 0.2 * (clip > 0.5)
    return clip - clip.mean()


def test_variation_counts_where_all_frames_are_measured_alike():
    """A fit through one set of patterns for all frames becomes smoother with it; one of random masks is untouched."""
    clip = moving(4, 1, 16, 16)

    def fitted(operator, weight):
        problem = problem_of(operator, generator=Decoder((1, 16, 16)), clip=clip, dtype=torch.float32)
        settings = SolverSettings(steps=8, tv_weight=weight)
        return problem.is_time_invariant, last(iterate(problem, settings)).representation(problem, settings).frames()

    for operator, alike in ((Downsample(tuple(clip.shape), 2), True), (MissingPixels(tuple(clip.shape), 0.5), False)):
        (same, plain), (_, smooth) = (fitted(operator, weight) for weight in (0.0, 1.0))
        assert same is alike
        assert (float(variation(smooth)) < 0.9 * float(variation(plain))) is alike
        assert torch.equal(smooth, plain) is not alike


def test_scaled_error_of_every_pixel_is_the_mean_squared_error():
    """Identity: scale times the sum of squares is the mean of squares."""
    problem = problem_of(Identity(SHAPE))
    clip = levels(*SHAPE, seed=3)
    found = problem.scale(problem.fitted) * data_fidelity(clip, problem.data, problem.fitted)
    close(found, (clip - problem.data).square().mean())


SCALED = {
    "missing": lambda shape: MissingPixels(shape, 0.8, seed=1),
    "gaussian": lambda shape: Gaussian(shape, 60, seed=1),
    "stack": lambda shape: Stacked([MissingPixels(shape, 0.8, seed=1), Gaussian(shape, 60, seed=1)]),
    "louder": lambda shape: Functions(lambda x: 7 * x, lambda y: 7 * y, shape),
    "complex": fourier_of,
}


@pytest.mark.parametrize("make", SCALED.values(), ids=SCALED)
def test_scaled_error_estimates_the_mean_squared_error(make):
    """Whatever the operator, its numbers and its units, the scaled error is near the squared error per pixel."""
    shape = (8, 1, 16, 18)
    operator = make(shape)
    error, held = natural(shape).float(), hold_out(operator, 0.3)
    problem = Problem(operator(error), operator, Linear(shape[1:], K), torch.arange(8.0).double(), heldout=held)
    nothing, wanted = torch.zeros(shape), float(error.square().mean())
    fitted = float(data_fidelity(operator(nothing), problem.data, problem.fitted))
    assert problem.scale(problem.fitted) * fitted == pytest.approx(wanted, rel=0.2)
    assert problem.heldout_error(nothing) == pytest.approx(wanted, rel=0.3)


@pytest.mark.parametrize("other", [lambda shape: Blur(shape, 3.0), lambda shape: Downsample(shape, 4)])
def test_a_member_of_a_stack_that_cannot_see_an_error_does_not_vote_it_down(other):
    """White errors next to nothing of which is in a blurred copy, or in large pixels, are told by the few pixels."""
    shape = (8, 1, 32, 32)
    operator = Stacked([MissingPixels(shape, 0.9), other(shape)])
    clip, held = natural(shape).float(), hold_out(operator, 0.05)
    problem = Problem(operator(clip), operator, Linear(shape[1:], K), torch.arange(8.0).double(), heldout=held)
    off = 0.1 * noise(*shape, seed=3).float()
    assert problem.heldout_error(clip + off) == pytest.approx(float(off.square().mean()), rel=0.4)


def test_heldout_error_sees_only_heldout_entries():
    """Zero for a clip that agrees there, whatever it is elsewhere; NaN when nothing is held out."""
    operator = MissingPixels(SHAPE, 0.5).double()
    held = hold_out(operator, 0.2)
    problem = problem_of(operator, heldout=held)
    assert problem.heldout_error(torch.where(held, problem.data, 5.0)) == 0
    assert problem.heldout_error(torch.where(held, problem.data + 0.1, problem.data)) > 0
    assert math.isnan(problem_of(operator).heldout_error(problem.data))


@pytest.mark.parametrize("shape", [(6, 3, 12, 10), (1, 1, 5, 5), (4, 1, 1, 1), (1, 1, 1, 1)])
def test_probe_is_seeded_and_of_unit_power(shape):
    """The same clip each time, of unit variance; neighbours differ by less than those of white noise, which is 2."""
    probe = natural_probe(shape)
    assert torch.equal(probe, natural_probe(shape))
    assert float(probe.var() if probe.numel() > 1 else probe.square()) == pytest.approx(1)
    if min(shape[2:]) > 5:
        assert float((probe[..., 1:] - probe[..., :-1]).square().mean()) < 1.5


# Wrong problems


REFUSED = {
    "generator of another size": (
        lambda: problem_of(Identity(SHAPE), generator=Decoder((1, 5, 4))),
        "use --generator decoder",
    ),
    "data of another shape": (
        lambda: Problem(torch.zeros(T, 1, 5, 4), Identity(SHAPE), Linear(SHAPE[1:]), TIMES),
        r"expected data of shape \(6, 1, 4, 5\), got \(6, 1, 5, 4\)",
    ),
    "sequences": (
        lambda: problem_of(Identity(SHAPE), sequences=(3, 2)),
        r"lengths \(3, 2\) should add up to the 6 frames",
    ),
    "beta": (
        lambda: problem_of(Identity(SHAPE), beta=torch.ones(6)),
        "one weight for each of 5 pairs of frames, got 6",
    ),
    "rank": (lambda: next(iterate(problem_of(Identity(SHAPE)), SolverSettings(rank=4))), "expected 1 to 3 .* got 4"),
}


@pytest.mark.parametrize(("make", "message"), REFUSED.values(), ids=REFUSED)
def test_wrong_problems_are_refused(make, message):
    """What does not fit together is refused before the first epoch."""
    with pytest.raises(InputError, match=message):
        make()


def test_noise_free_and_noisy_data_differ():
    """The fit sees the noise: its loss is larger by about the noise's own power."""
    operator = Identity(SHAPE)
    problem = problem_of(operator)
    noisy, _ = add_white_noise(problem.data, operator, level=0.3)
    settings = SolverSettings(steps=1, batch_size=None, code_lr=1e-30, weight_lr=1e-30, similarity=0.0)
    clean = next(iterate(problem, settings)).loss
    assert next(iterate(Problem(noisy, operator, problem.generator, TIMES), settings)).loss > clean
