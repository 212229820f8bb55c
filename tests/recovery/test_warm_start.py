"""Where a section starts that goes on from its neighbour: codes, weights, what is held out, epochs."""

import pytest
import torch
from conftest import moving

from lowreel import MissingPixels, RecoverSettings
from lowreel.model.generators import Decoder
from lowreel.model.latents import Codes
from lowreel.model.representation import Representation
from lowreel.operators import Gaussian, Mask, Stacked
from lowreel.recovery.fit import fit
from lowreel.recovery.preparation import prepare
from lowreel.recovery.recover import recover
from lowreel.recovery.warm_start import Neighbour, continued, fewer_epochs
from lowreel.settings import WARM_EPOCHS_SHARE, WARM_STEP_FACTOR
from lowreel.solver.identity import identity
from lowreel.solver.iteration import iterate
from lowreel.solver.schedule import planned_epochs

SETTINGS = RecoverSettings(quality="draft", baselines="none")
SHIFTS = {"after it": 8, "before it": -8, "across a cut": None}


def problem_of(operator=None, settings=SETTINGS):
    clip = torch.from_numpy(moving(12))
    operator = operator or MissingPixels(tuple(clip.shape), 0.5)
    return prepare(operator(clip), operator, settings)


def found(generator=None, frames=12):
    made = generator or Decoder((1, 12, 16), seed=7)
    codes = torch.randn(frames, made.code_dim, generator=torch.Generator().manual_seed(1))
    return Representation(made, Codes(codes, torch.arange(frames).double() / 25))


@pytest.mark.parametrize("shift", SHIFTS.values(), ids=SHIFTS)
def test_the_first_round_starts_where_the_neighbour_ended(shift):
    """Weights of the neighbour, its codes in the frames that both have, and no jump from them to the others."""
    theirs, problem = found(), problem_of()
    begun = continued(problem, Neighbour(theirs, shift))
    weights, codes = theirs.generator.state_dict(), theirs.codes.matrix()
    still = SETTINGS.solver().model_copy(update={"steps": 1, "code_lr": 0.0})
    for name, tensor in begun.generator.state_dict().items():
        assert torch.equal(tensor, weights[name])
    state = next(iterate(begun, still))
    assert torch.equal(state.parameters["coefficients"], begun.start)
    shared = {t: t + shift for t in range(12) if 0 <= t + shift < 12} if shift else {}
    assert all(torch.equal(begun.start[t], codes[there]) for t, there in shared.items())
    usual = next(iterate(problem, still)).parameters["coefficients"]
    between = [t for t in range(11) if not {t, t + 1} <= set(shared)]
    torch.testing.assert_close(begun.start.diff(dim=0)[between], usual.diff(dim=0)[between])


def test_what_the_neighbour_has_seen_is_not_held_out():
    problem = problem_of()
    begun = continued(problem, Neighbour(found(), 8))
    assert bool(problem.heldout[:4].any())
    assert not bool(begun.heldout[:4].any())
    assert torch.equal(begun.heldout[4:], problem.heldout[4:])
    shape = problem.operator.clip_shape
    stack = problem_of(Stacked([MissingPixels(shape, 0.5), Gaussian(shape, 60)]))
    begun = continued(stack, Neighbour(found(), 9))
    assert all(bool(entries[:3].any()) for entries in stack.heldout)
    assert not any(bool(entries[:3].any()) for entries in begun.heldout)
    assert all(torch.equal(a[3:], b[3:]) for a, b in zip(begun.heldout, stack.heldout, strict=True))


REASONS = {
    "another size": (lambda: problem_of(), lambda: found(Decoder((1, 12, 16), upsampling_stages=1))),
    "all frames measured alike": (
        lambda: problem_of(Mask((12, 1, 12, 16), (torch.arange(192) % 3 > 0).view(1, 1, 12, 16).repeat(12, 1, 1, 1))),
        found,
    ),
    "nothing left to judge by": (lambda: problem_of(), lambda: found(frames=30)),
}


@pytest.mark.parametrize("reason", REASONS)
def test_from_nothing(reason):
    problem, theirs = (make() for make in REASONS[reason])
    assert continued(problem, Neighbour(theirs, 8)) is None


def test_rounds_are_fewer_unless_they_were_given():
    problem = problem_of()
    usual = planned_epochs(problem, SETTINGS.solver())
    fewer, plain = fewer_epochs(problem, SETTINGS), SETTINGS.solver()
    assert planned_epochs(problem, fewer.solver()) == fewer.steps == round(WARM_EPOCHS_SHARE * usual)
    assert fewer.solver().matrix_lr == WARM_STEP_FACTOR * plain.matrix_lr
    assert fewer.solver().similarity == plain.similarity
    given = SETTINGS.model_copy(update={"steps": 3})
    assert fewer_epochs(problem, given).solver() == given.solver()


def test_another_start_is_another_fit():
    """By codes or by weights: neither is resumed with the other's state."""
    problem, solver = problem_of(), SETTINGS.solver()
    starts = [Neighbour(found(), 8), Neighbour(found(), 7), Neighbour(found(Decoder((1, 12, 16), seed=8)), 8)]
    known = [identity(begun, solver) for begun in (problem, *(continued(problem, start) for start in starts))]
    assert len({one["settings"] for one in known}) == 4


def test_a_recovery_goes_on_from_its_neighbour():
    """It is the fit of the problem that `continued` gives; with a search still to make it is not."""
    clip = torch.from_numpy(moving(12))
    operator = MissingPixels(tuple(clip.shape), 0.5)
    short = SETTINGS.model_copy(update={"steps": 2})
    neighbour = Neighbour(found(), 8)
    made = recover(operator(clip), operator, short, neighbour=neighbour)
    begun = continued(prepare(operator(clip), operator, short), neighbour)
    best = fit(begun, short.solver())[0].best.representation(begun, short.solver())
    assert torch.equal(made.representation.frames(), best.frames())
    searching = RecoverSettings(steps=1, baselines="none")
    plain, other = (recover(operator(clip), operator, searching, neighbour=n) for n in (None, neighbour))
    assert torch.equal(plain.clip, other.clip)
