"""Choosing by held-out data: the order of what is tried, each fit as if alone, and a last fit with all data."""

import math
from contextlib import nullcontext
from dataclasses import replace

import pytest
import torch
from cases import Linear, moving

from lowreel.errors import InputError
from lowreel.model.generators import Decoder
from lowreel.model.latents import Codes, factorise
from lowreel.model.representation import Representation
from lowreel.operators import Fourier, Gaussian, MissingPixels
from lowreel.recovery import fits, policy
from lowreel.recovery import search_plan as plans
from lowreel.recovery.cost import Estimate
from lowreel.recovery.fit import Outcome, Trial, fit
from lowreel.recovery.fits import _last_fit
from lowreel.recovery.policy import plan_of, planned, search_plan, smallest_rank
from lowreel.recovery.preparation import prepare
from lowreel.recovery.recover import recover
from lowreel.recovery.search import search, varied
from lowreel.recovery.search_plan import Search, best_of, side_by_side, slower
from lowreel.runs.folder import Run
from lowreel.settings import BRANCH_SHARE, LOOK_SHARE, Candidate, RecoverSettings
from lowreel.solver.identity import identity
from lowreel.solver.problem import Problem

close = torch.testing.assert_close
SHAPE = (6, 1, 32, 32)
CLIP = moving(*SHAPE)
FEW = RecoverSettings(baselines="none", steps=6, heldout=0.1)
LONG = FEW.model_copy(update={"steps": 8})
FIRST = Candidate(weight_decay=3.0, similarity=0.01)
OPERATORS = {
    "missing": lambda: MissingPixels(SHAPE, 0.5, seed=2),
    "gaussian": lambda: Gaussian(SHAPE, 300, seed=2),
}


@pytest.fixture(params=OPERATORS.values(), ids=OPERATORS)
def operator(request):
    return request.param()


@pytest.fixture(autouse=True)
def two_at_once(monkeypatch):
    """Two fits side by side on one thread: two that wait for each other on busy cores take ten times as long."""
    monkeypatch.setattr("lowreel.recovery.policy.side_by_side", lambda problem, plan, most: min(2, most()))


@pytest.fixture
def two_threads():
    """For what threads are given to a fit."""
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    yield
    torch.set_num_threads(before)


def problem_of(operator, settings=FEW):
    return prepare(operator(CLIP), operator, settings)


def tried(choice, error):
    return Trial(choice, None, error, 1, 1, 0.0, Outcome("finished", ""))


def test_what_is_tried_is_the_preset_and_each_change_of_it():
    """One wave changes the preset, the next one the best so far; nothing is tried twice; then it ends."""
    plan = Search(FIRST, ({"weight_decay": 10.0}, {"extra_stages": 1}), 2)
    first = plan.next(())
    assert first == [
        FIRST,
        FIRST.model_copy(update={"weight_decay": 10.0}),
        FIRST.model_copy(update={"extra_stages": 1}),
    ]
    trials = tuple(tried(choice, error) for choice, error in zip(first, (3.0, 2.0, 1.0), strict=True))
    assert plan.next(trials[:2]) == first[2:]
    second = plan.next(trials)
    assert second == [Candidate(extra_stages=1, weight_decay=10.0, similarity=0.01)]
    assert plan.next((*trials, tried(second[0], 4.0))) == []
    assert best_of(trials).choice == first[2]


def test_each_fit_is_as_if_alone(operator):
    """What runs beside a fit does not change it: the tails go on from where they part, in the order of the plan."""
    fits_are_as_if_alone(operator, LONG, threads=1)


def test_a_fit_beside_another_has_a_thread_of_its_own(two_threads):
    """The same to the bit where the trunk and the best have both threads, and each tail has one."""
    fits_are_as_if_alone(OPERATORS["gaussian"](), LONG.model_copy(update={"steps": 4}), threads=2)


def fits_are_as_if_alone(operator, settings, threads):
    problem, solver = problem_of(operator), settings.solver()
    plan = replace(search_plan(problem, settings), at_once=2)
    seen = []
    trials, stopped = search(problem, solver, plan, callback=seen.append)
    assert stopped is None
    assert [trial.choice for trial in trials] == plan.told_by(trials).next(())
    assert {progress.stage for progress in seen} == {"search"}
    trunk, _ = fit(problem, solver, part=BRANCH_SHARE)
    torch.set_num_threads(1)
    for trial in trials:
        own = trial.choice.solver(solver)
        state = replace(trunk.state, identity=identity(problem, own))
        parted = replace(trunk, state=state, best=state, best_error=math.inf, least=None)
        progress, _ = fit(problem, own, resume=None if trial.choice.begins_afresh else parted, part=LOOK_SHARE)
        if trial is best_of(trials):
            torch.set_num_threads(threads)
            progress, _ = fit(problem, own, resume=progress)
            torch.set_num_threads(1)
        assert torch.equal(trial.representation.frames(), progress.best.representation(problem, own).frames())
        assert (trial.step, trial.error) == (progress.best.step, progress.best_error)


def test_the_best_alone_goes_to_its_end(operator):
    """The others are given up after LOOK_SHARE of the epochs; all epochs are told, and as many as were planned."""
    seen = []
    recovery = recover(operator(CLIP), operator, LONG, callback=seen.append)
    best, steps = best_of(recovery.trials), LONG.steps
    assert [len(t.history) for t in recovery.trials] == [
        steps if t is best else LOOK_SHARE * steps for t in recovery.trials
    ]
    made = [progress.made for progress in seen if progress.stage == "search"]
    assert made == list(range(1, len(made) + 1))
    plan = search_plan(problem_of(operator, LONG), LONG).told_by(recovery.trials)
    assert len(made) == plan.epochs(steps) == seen[len(made) - 1].planned


@pytest.mark.parametrize(("ratio", "overfits"), [(0.0, True), (math.inf, False)])
def test_stronger_decay_is_tried_where_the_trunk_overfits(ratio, overfits, monkeypatch):
    """And only there: what the trunk's end says is kept with it, so that a search that goes on has the same plan."""
    monkeypatch.setattr(plans, "OVERFIT_RATIO", ratio)
    problem, solver = problem_of(OPERATORS["missing"]()), FEW.solver()
    plan, seen = search_plan(problem, FEW), []
    trials, _ = search(problem, solver, plan, callback=seen.append)
    curbed = any(trial.choice.early_weight_decay is not None for trial in trials)
    assert curbed == plan.told_by(trials).overfits == overfits
    trunk = next(progress.trunk for progress in seen if progress.trunk is not None)
    assert plan.told_by((), trunk).overfits == overfits
    error = problem.fitted_error(trunk.state.representation(problem, solver).frames())
    assert trunk.history[-1]["fitted"] == error > 0


@pytest.mark.parametrize(("which", "near"), [([0, 2], True), ([0, 1], False), ([0, 1, 2, 3], False)])
def test_the_last_fit_is_compared_in_the_frames_that_are_asked_for(which, near):
    """One that has come to other frames than the search is left, as far as it is looked at."""
    codes = torch.randn(4, 64, generator=torch.Generator().manual_seed(0))
    generator, times = Decoder((1, 16, 16)), torch.arange(4.0, dtype=torch.float64)
    best, ended = (
        Representation(generator, Codes(own, times))
        for own in (codes, codes.clone().index_fill_(0, torch.tensor(1), 3.0))
    )
    trial = Trial(FIRST, best, 1e-6, 1, 1, 0.0, Outcome("finished", ""))
    assert fits._is_near(ended, trial, which) == near


def test_a_fit_that_diverged_calls_for_stronger_decay():
    """What the preset's choice cannot do may be done with that."""
    failed = replace(tried(FIRST, 1.0), outcome=Outcome("diverged", ""))
    plan = Search(FIRST, ({"early_weight_decay": 10.0},), 1)
    assert plan.next(()) == [FIRST]
    assert plan.told_by((failed,)).next((failed,)) == [FIRST.model_copy(update={"early_weight_decay": 10.0})]


def test_a_deeper_decoder_starts_from_a_coarser_grid():
    """Its frames are of the same shape; the problem is otherwise the same."""
    problem = problem_of(OPERATORS["missing"]())
    deeper = varied(problem, FIRST.model_copy(update={"extra_stages": 1}))
    assert deeper.generator.frame_shape == problem.generator.frame_shape
    assert deeper.generator.coarse == tuple(side // 2 for side in problem.generator.coarse)
    assert deeper.data is problem.data
    assert varied(problem, FIRST) is problem


PLANS = {
    "standard": ({}, {"early_weight_decay", "similarity"}),
    "given similarity": ({"similarity": 0.2}, {"early_weight_decay"}),
    "best": ({"quality": "best"}, {"early_weight_decay", "similarity", "extra_stages", "weight_decay"}),
    "best of a generator by name": (
        {"quality": "best", "generator": "decoder"},
        {"early_weight_decay", "similarity", "extra_stages", "weight_decay"},
    ),
    "draft": ({"quality": "draft"}, None),
    "no time": ({"time": 1e-6}, None),
}


@pytest.mark.parametrize(("choices", "names"), PLANS.values(), ids=PLANS)
def test_only_what_was_left_open_is_tried(choices, names):
    """What the user gave is not changed; without a choice, or time for it, there is one fit."""
    settings = FEW.model_copy(update=choices)
    problem = problem_of(OPERATORS["missing"](), settings)
    plan, _ = planned(problem, settings)
    assert plan == plan_of(problem, settings)
    assert (None if plan is None else {name for change in plan.changes for name in change}) == names


@pytest.mark.parametrize("limit", [{}, {"memory": "1MB"}])
def test_what_a_fit_takes_is_tried_only_where_that_is_limited(limit, monkeypatch):
    """Sections with a chosen setting would else each try, for seconds, what nobody asks for."""
    problem, tries = problem_of(OPERATORS["missing"]()), []
    monkeypatch.setattr(policy, "estimate", lambda *_: tries.append(1) or Estimate(10**9, 1.0, 0.0))
    settings = FEW.model_copy(update=limit)
    with pytest.raises(InputError, match="memory") if limit else nullcontext():
        assert plan_of(problem, settings, choice=FIRST) == Search(FIRST, (), 0)
    assert len(tries) == len(limit)


def test_a_generator_given_is_never_replaced():
    """Somebody's own decoder keeps its size and is where every fit starts."""
    operator, own = OPERATORS["missing"](), Decoder(SHAPE[1:], seed=7)
    found = recover(operator(CLIP), operator, FEW, generator=own)
    assert {trial.choice.extra_stages for trial in found.trials} == {0}
    assert found.representation.generator.spec() == own.spec()


def test_the_best_trial_is_gone_on_from_with_all_data(operator):
    """The delivered fit starts at the best iterate, fits the held-out data too, and its error is that of the search."""
    y = operator(CLIP)
    found = recover(y, operator, FEW)
    best = best_of(found.trials)
    assert found.heldout_db == pytest.approx(-10 * torch.tensor(best.error).log10().item())
    problem = problem_of(operator)
    frames = found.representation.frames()
    assert problem.heldout_error(frames) < best.error
    assert (found.steps, found.last_steps) == (6, 2)
    assert [row["step"] for row in found.history] == list(range(1, best.step + found.last_steps + 1))


def test_where_more_rounds_harm_the_last_fit_starts_afresh():
    """A fit whose held-out error rose again is made anew with all data, to the epoch where that was smallest, on the
    way of the same schedule; one that had not ended goes on."""
    problem = problem_of(OPERATORS["missing"]())
    trials, _ = search(problem, FEW.solver(), Search(FIRST, (), 1))
    afresh = _last_fit(problem, FEW.solver(), FEW, replace(trials[0], step=3, steps=6))
    assert (afresh.until, afresh.solver.steps) == (3, 6)
    assert afresh.problem.generator is problem.generator
    going_on = _last_fit(problem, FEW.solver(), FEW, trials[0])
    assert going_on.until is None
    assert going_on.solver.steps < 6
    close(going_on.problem.generator.state_dict(), trials[0].representation.generator.state_dict())
    assert afresh.problem.heldout is going_on.problem.heldout is None
    progress, _ = fit(afresh.problem, afresh.solver, until=afresh.until)
    assert progress.state.step == 3


@pytest.mark.parametrize("make", [*OPERATORS.values(), lambda: Fourier(SHAPE, "radial", 12)])
def test_the_last_fit_weighs_all_data_as_if_it_had_been_looked_at_anew(make):
    """Of pixels, projections and lines of a spectrum: what is fitted and what is held out, summed."""
    problem = problem_of(make())
    last = _last_fit(problem, FEW.solver(), FEW, search(problem, FEW.solver(), Search(FIRST, (), 1))[0][0]).problem
    assert last.fit_scale == pytest.approx(replace(problem, heldout=None).fit_scale, rel=1e-5)
    assert last.fit_scale != pytest.approx(problem.fit_scale, rel=1e-3)


@pytest.mark.parametrize("stage", ["search", "last"])
def test_resume_equals_the_unbroken_recovery(operator, stage, tmp_path):
    """From a checkpoint within the search, and within the last fit, to the same bits."""
    y, seen = operator(CLIP), []
    settings = FEW.model_copy(update={"steps": 12})
    unbroken = recover(y, operator, settings, callback=seen.append)
    progress = next(p for p in seen if p.stage == stage and p.trials)
    (tmp_path / "run").mkdir()
    run = Run(tmp_path / "run", settings)
    run.save_progress(progress)
    again = []
    resumed = recover(y, operator, settings, callback=again.append, resume=run.load_progress())
    assert torch.equal(resumed.clip, unbroken.clip)
    assert [t.choice for t in resumed.trials] == [t.choice for t in unbroken.trials]
    assert [t.error for t in resumed.trials] == [t.error for t in unbroken.trials]
    assert again[-1].made == seen[-1].made
    assert len(again) < len(seen)


def test_trials_of_other_data_are_refused():
    """A search goes on with its own data only."""
    problem, solver = problem_of(OPERATORS["missing"]()), FEW.solver()
    plan = Search(FIRST, (), 1)
    done, _ = search(problem, solver, plan)
    with pytest.raises(InputError, match="the data differs from that of the saved state"):
        search(replace(problem, data=problem.data + 0.1), solver, plan, done=done)


def test_a_resume_where_the_last_fit_had_ended_makes_no_round_more(monkeypatch):
    """Also where that is before the end of its schedule: a kill may come while the files are written."""
    monkeypatch.setattr(fits, "STILL_FALLING_SHARE", 2.0)  # every last fit starts afresh
    operator, seen = OPERATORS["missing"](), []
    settings = FEW.model_copy(update={"steps": 12})
    y = operator(CLIP)
    unbroken = recover(y, operator, settings, callback=seen.append)
    resumed = recover(y, operator, settings, resume=seen[-1])
    assert torch.equal(resumed.clip, unbroken.clip)
    assert resumed.last_steps == unbroken.last_steps == best_of(unbroken.trials).step
    assert resumed.steps == unbroken.steps == 12


@pytest.mark.parametrize("stage", ["fit", "search", "last"])
def test_a_resume_goes_on_with_what_was_begun(stage):
    """A single fit stays one, and a search one, whatever time is allowed now."""
    operator, seen = OPERATORS["missing"](), []
    y = operator(CLIP)
    begun = FEW.model_copy(update={"time": 1e-6} if stage == "fit" else {})
    try:
        recover(y, operator, begun, callback=seen.append)
    except KeyboardInterrupt:
        pytest.fail("no epoch was made")
    progress = next(p for p in seen if p.stage == stage and (p.trials or stage == "fit"))
    other = FEW.model_copy(update={"time": None if stage == "fit" else 1e-6})
    resumed = recover(y, operator, other, resume=progress)
    assert bool(resumed.trials) == (stage != "fit")
    assert torch.isfinite(resumed.clip).all()


def test_fits_that_were_cut_off_are_made_again(tmp_path):
    """What Ctrl-C ended is delivered and saved as cut off: the resumed search ends in the unbroken bits."""
    operator = OPERATORS["missing"]()
    y, seen = operator(CLIP), []
    settings = FEW.model_copy(update={"steps": 12})

    def callback(progress):
        seen.append(progress)
        if len(seen) == 5:
            raise KeyboardInterrupt

    first = recover(y, operator, settings, callback=callback)
    assert first.outcome.kind == "stopped"
    assert {trial.outcome.kind for trial in seen[-1].trials} == {"stopped"}
    resumed = recover(y, operator, settings, resume=seen[-1])
    assert torch.equal(resumed.clip, recover(y, operator, settings).clip)
    hurried = recover(y, operator, settings.model_copy(update={"time": 1e-6}), resume=seen[-1])
    assert hurried.heldout_db >= first.heldout_db


def test_a_search_without_time_stops_with_what_it_has():
    """With finished fits and next to no time the search ends with the best of these, to be gone on with."""
    problem, solver = problem_of(OPERATORS["missing"]()), FEW.solver()
    plan = replace(search_plan(problem, FEW), at_once=1)
    done, _ = search(problem, solver, plan)
    trials, stopped = search(problem, solver, plan, done=done[:1], limit=1e-3)
    assert done[0].choice in [trial.choice for trial in trials]
    assert best_of(trials).error <= done[0].error
    assert stopped == "the time limit"


def test_an_error_while_watching_stops_the_fits():
    """A full disk, say: the error comes through at once, not after all epochs."""
    operator, epochs = OPERATORS["missing"](), []

    def callback(progress):
        epochs.append(progress.made)
        raise OSError("no space left")

    with pytest.raises(OSError, match="no space left"):
        recover(operator(CLIP), operator, FEW.model_copy(update={"steps": 100_000}), callback=callback)
    assert len(epochs) == 1


def test_a_run_with_a_generator_of_ones_own_goes_on(tmp_path):
    """Its trials are read back into the generator given, which no spec can build."""
    operator, own, seen = OPERATORS["missing"](), Linear(SHAPE[1:], 5).float(), []
    y = operator(CLIP)
    unbroken = recover(y, operator, FEW, generator=own, callback=seen.append)
    (tmp_path / "run").mkdir()
    run = Run(tmp_path / "run", FEW)
    run.save_progress(next(p for p in seen if p.trials))
    resumed = recover(y, operator, FEW, generator=own, resume=run.load_progress(own))
    assert torch.equal(resumed.clip, unbroken.clip)


def test_time_is_shared_out_by_turns():
    """Half a fit for all, a quarter for each that parts there, three quarters for each that does not, a quarter in the
    end; side by side a fit takes longer, all of them less."""
    plan = Search(FIRST, ({"early_weight_decay": 10.0}, {"similarity": 0.1}), 1)
    assert plan.epochs(40) / 40 == plan.in_turn == 0.5 + 0.25 + 0.25 + 0.25
    plan = replace(plan, overfits=True)
    assert plan.epochs(40) / 40 == plan.in_turn == 0.5 + 0.25 + 0.75 + 0.25 + 0.25
    beside = replace(plan, at_once=2)
    assert beside.epochs(40) == plan.epochs(40)
    assert beside.in_turn == pytest.approx(0.5 + slower(2) * 0.75 + 0.25)  # the longest of the three
    assert replace(plan, waves=0).in_turn == replace(plan, changes=()).in_turn == 1


@pytest.mark.parametrize(
    ("cores", "changes", "wanted"),
    [
        (1, [{"early_weight_decay": 10.0}, {"similarity": 0.1}], 1),
        (2, [{"early_weight_decay": 10.0}, {"similarity": 0.1}], 2),  # the whole one beside the two that part
        (2, [{"weight_decay": 10.0}, {"similarity": 0.1}], 1),  # three alike: one after the other with both cores
        (2, [{"weight_decay": 10.0}, {"weight_decay": 1.0}, {"similarity": 0.1}], 2),
        (8, [{"early_weight_decay": 10.0}, {"similarity": 0.1}], 2),
        (8, [{"weight_decay": 10.0}, {"similarity": 0.1}], 3),
    ],
)
def test_fits_are_made_side_by_side_where_that_is_sooner(cores, changes, wanted, two_threads):
    """As many as end soonest all together, and no more than memory allows."""
    torch.set_num_threads(cores)
    problem, plan = problem_of(OPERATORS["missing"]()), Search(FIRST, tuple(changes), 1, overfits=True)
    assert side_by_side(problem, plan, lambda: 8) == wanted
    assert side_by_side(problem, plan, lambda: 1) == 1


def test_an_interrupt_in_the_search_keeps_the_best_so_far(two_threads):
    """Ctrl-C ends the fits under way; the best iterate of any is delivered, and the sentence says how to go on."""
    operator = OPERATORS["missing"]()
    before = torch.get_num_threads()

    def callback(progress):
        if progress.stage == "search" and progress.trials:
            raise KeyboardInterrupt

    found = recover(operator(CLIP), operator, LONG, callback=callback)
    assert found.outcome.kind == "stopped"
    assert "--resume" in found.outcome.sentence
    assert found.trials
    assert torch.isfinite(found.clip).all()
    assert torch.get_num_threads() == before


def test_an_error_in_a_fit_ends_the_search():
    """A fit that fails is no trial: the error comes through."""
    problem = problem_of(OPERATORS["missing"]())
    broken = replace(problem, generator=Linear(SHAPE[1:], 5))
    plan = Search(FIRST, ({"extra_stages": 1},), 1, at_once=2)
    with pytest.raises(Exception, match="only decoders can be"):
        search(broken, FEW.solver(), plan)


def test_score_is_noted_and_changes_nothing():
    """A number of the frames stands in the history where the held-out error does, and in no choice."""
    operator = OPERATORS["missing"]()
    y = operator(CLIP)
    plain = recover(y, operator, FEW)
    scored = recover(y, operator, FEW, score=lambda frames: -float(frames.mean()))
    assert torch.equal(plain.clip, scored.clip)
    rows = [row for trial in scored.trials for row in trial.history]
    assert all(("score" in row) == (row["heldout"] is not None) for row in rows)


@pytest.mark.parametrize(("rank", "large"), [(1, 20), (3, 20), (3, 19)])
def test_the_smallest_rank_that_loses_nothing(rank, large, monkeypatch):
    """Codes of rank r whose frames are the clip: r is found, whatever noise of other ranks lies in them, and from every
    second frame where frames of 20 pixels are large ones."""
    monkeypatch.setattr("lowreel.recovery.cost.BATCH_PIXELS", large)
    monkeypatch.setattr("lowreel.recovery.cost.RANK_FRAMES", 6)
    frames, k = 12, 8
    generator = Linear((1, 4, 5), k)
    source = torch.Generator().manual_seed(0)
    exact = torch.randn(frames, rank, generator=source) @ torch.randn(rank, k, generator=source)
    operator = MissingPixels((frames, 1, 4, 5), 0.2)
    times = torch.arange(frames, dtype=torch.float64)
    clip = generator(exact).detach()
    held = torch.ones(operator.clip_shape, dtype=torch.bool)
    problem = Problem(operator(clip), operator, generator, times, heldout=held & operator.observed_mask())
    noisy = exact + 1e-5 * torch.randn(exact.shape, generator=source)
    found = Representation(generator, factorise(noisy, times, k))
    assert smallest_rank(problem, found) == rank
