"""The public `recover`: what is delivered, when it stops, and what it says about it. Tiny clips, few epochs."""

import math
import time
from dataclasses import replace
from importlib import import_module
from typing import get_type_hints

import numpy as np
import pytest
import torch
from cases import Linear, moving, noise

from lowreel.analysis.metrics import psnr
from lowreel.baselines import networks
from lowreel.data import Measured, add_white_noise, hold_out
from lowreel.errors import InputError
from lowreel.model.generators import Decoder
from lowreel.model.representation import Representation
from lowreel.operators import Functions, Gaussian, Identity, MissingPixels
from lowreel.recovery import fit as fitting
from lowreel.recovery.chance import is_chance
from lowreel.recovery.checks import CHECKS_PER_RUN, checks_per_run, is_checked
from lowreel.recovery.comparison import Baseline, Finished, heldout_decibels, levels_of
from lowreel.recovery.fit import _affordable, _Pace, fit, prefers
from lowreel.recovery.judging import judged
from lowreel.recovery.preparation import prepare
from lowreel.recovery.recover import recover
from lowreel.recovery.verdict import Outcome, judge
from lowreel.runs.summarise import summarise
from lowreel.settings import BRANCH_SHARE, LOOK_SHARE, RecoverKeywords, RecoverSettings, SolverSettings
from lowreel.solver.iteration import iterate
from lowreel.solver.problem import Problem

close = torch.testing.assert_close
SHAPE = (6, 1, 12, 10)
CLIP = moving(*SHAPE)
FEW = RecoverSettings(baselines="none", quality="draft", steps=6, heldout=0.1)


def scaled():
    return Functions(lambda x: 3 * x[:, :, ::2], lambda y: 3 * np.insert(y, range(1, 7), 0, axis=2), SHAPE)


def spectrum():
    return Functions(lambda x: np.fft.fft2(x)[..., :6], lambda y: np.fft.ifft2(padded(y)).real * 120, SHAPE)


def padded(y):
    return np.concatenate([y, np.zeros_like(y[..., :4])], -1)


OPERATORS = {
    "missing": lambda: MissingPixels(SHAPE, 0.5, seed=2),
    "gaussian": lambda: Gaussian(SHAPE, 60, seed=2),
    "functions": scaled,
    "functions, complex": spectrum,
}


@pytest.fixture(params=OPERATORS.values(), ids=OPERATORS)
def operator(request):
    return request.param()


def test_recovery_agrees_with_data_free_of_noise(operator):
    """A x = y for the delivered clip, the held-out part too, and it is in [0, 1]; the representation is another."""
    y = operator(CLIP)
    found = recover(y, operator, FEW)
    assert tuple(found.clip.shape) == SHAPE
    assert 0 <= float(found.clip.min()) <= float(found.clip.max()) <= 1
    inside = found.representation.frames()
    residual, before = (
        float((operator(found.clip) - y).abs().square().sum()),
        float((operator(inside) - y).abs().square().sum()),
    )
    assert residual < 0.05 * before
    if isinstance(operator, MissingPixels):
        seen = operator.observed_mask()
        close(found.clip[seen], y[seen])


def test_recovery_is_better_than_knowing_nothing(operator):
    """On an easy clip some more epochs beat the mean of the true clip by 3 dB."""
    found = recover(
        operator(CLIP), operator, RecoverSettings(baselines="none", quality="draft", steps=50, heldout=0.05)
    )
    assert psnr(found.clip, CLIP) > psnr(CLIP.mean().expand(SHAPE), CLIP) + 3
    assert psnr(found.representation.frames(), CLIP) > psnr(CLIP.mean().expand(SHAPE), CLIP) + 3


def test_arrays_are_as_good_as_tensors():
    """NumPy data, float64 too, gives the same result."""
    operator = OPERATORS["missing"]()
    y = operator(CLIP)
    one = recover(y, operator, FEW)
    other = recover(y.double().numpy(), operator, FEW)
    assert torch.equal(one.clip, other.clip)


def test_noise_is_not_forced_on_the_clip():
    """With noise the delivered clip is the representation's own, and does not repeat the data."""
    operator = OPERATORS["missing"]()
    y, entry = add_white_noise(operator(CLIP), operator, level=0.1)
    found = recover(y, operator, FEW, noise=entry)
    assert torch.equal(found.clip, found.representation.frames().clamp(0, 1))
    assert not torch.allclose(found.clip[operator.observed_mask()], y[operator.observed_mask()], atol=1e-3)


@pytest.mark.parametrize("choices", [{}, {"rank": 2}, {"linear": True}, {"similarity": 0.5}], ids=str)
def test_the_iterate_delivered_is_the_one_that_heldout_data_prefers(choices):
    """The last one that is not worse than the best beyond chance, by the numbers held out."""
    operator = OPERATORS["missing"]()
    settings, epochs = FEW.model_copy(update={"steps": 12, **choices}), []
    y = operator(CLIP)
    found = recover(y, operator, settings, callback=epochs.append)
    problem, solver = prepare(y, operator, settings), settings.solver()
    least, best, errors = None, 0, []
    for progress in epochs:
        terms = problem.heldout_terms(progress.state.representation(problem, solver).frames())
        errors.append(float(terms.double().sum()))
        if least is None or float((terms - least).sum()) <= 0 or is_chance(terms - least):
            best = progress.state.step
        least = terms if errors[-1] == min(errors) else least
    assert [row["heldout"] for row in found.history] == pytest.approx(errors)
    assert found.heldout_db == pytest.approx(-10 * math.log10(errors[best - 1]))
    assert epochs[-1].best.step == best
    state = epochs[best - 1].state
    for name, tensor in found.representation.generator.state_dict().items():
        assert torch.equal(tensor, state.weights[name]), name
    assert torch.equal(found.representation.codes.coefficients, state.parameters["coefficients"])
    assert [row["step"] for row in found.history] == list(range(1, found.steps + 1))
    assert found.steps == 12


def test_a_later_iterate_is_left_only_where_it_is_surely_worse():
    """Worse at all numbers, or at a few while it is alike at the others; not where it is better and worse by turns, be
    it somewhat worse altogether, nor where any difference of so few may be chance."""
    least, turns = torch.ones(100), torch.tensor([1.0, -1.0]).repeat(50)
    assert prefers(least + turns + 0.1, least)
    assert not prefers(least + turns + 0.4, least)
    assert prefers(least - 1, least)
    assert not prefers(least + 1e-3, least)
    assert not prefers(least + torch.cat([torch.arange(8.0), torch.zeros(92)]), least)
    assert prefers(least[:5] + 1, least[:5])
    assert not prefers(least * math.nan, least)


def test_same_settings_same_result():
    """Twice the same call is the same clip to the bit; another seed is another."""
    operator = OPERATORS["missing"]()
    one, again, other = (
        recover(operator(CLIP), operator, FEW.model_copy(update={"seed": seed})).clip for seed in (0, 0, 1)
    )
    assert torch.equal(one, again)
    assert not torch.equal(one, other)


def test_ctrl_c_keeps_the_best_so_far():
    """KeyboardInterrupt from `callback` ends the run as stopped, with the best so far and what to do."""
    operator, epochs = OPERATORS["missing"](), []

    def callback(progress):
        epochs.append(progress)
        if progress.state.step == 4:
            raise KeyboardInterrupt

    found = recover(operator(CLIP), operator, FEW, callback=callback)
    assert found.outcome.kind == "stopped"
    assert "Ctrl-C" in found.outcome.sentence
    assert "--resume" in found.outcome.sentence
    assert found.steps == 4
    assert found.clip.isfinite().all()
    for name, tensor in found.representation.generator.state_dict().items():
        assert torch.equal(tensor, epochs[-1].best.weights[name])


def test_resume_gives_the_unbroken_result():
    """Stopped and gone on with, the result is that of the unbroken run, history and all."""
    operator, epochs = OPERATORS["missing"](), []
    y = operator(CLIP)

    def callback(progress):
        epochs.append(progress)
        if progress.state.step == 3:
            raise KeyboardInterrupt

    unbroken = recover(y, operator, FEW)
    recover(y, operator, FEW, callback=callback)
    resumed = recover(y, operator, FEW, resume=epochs[-1])
    assert torch.equal(resumed.clip, unbroken.clip)
    assert resumed.outcome == unbroken.outcome
    keep = ("step", "loss", "heldout")
    assert [[row[k] for k in keep] for row in resumed.history] == [[row[k] for k in keep] for row in unbroken.history]


def test_every_outcome_has_a_sentence_for_the_user():
    """Finished or converged when all epochs were done."""
    operator = OPERATORS["missing"]()
    found = recover(operator(CLIP), operator, FEW)
    assert found.outcome.kind in ("finished", "converged")
    assert found.outcome.sentence.endswith(".")


def test_divergence_is_told():
    """A loss that is no number ends the run as diverged, with the best iterate before it."""
    operator = MissingPixels(SHAPE, 0.5)
    problem = Problem(
        operator(CLIP), operator, Linear(SHAPE[1:]).float(), torch.arange(6.0).double(), heldout=hold_out(operator, 0.1)
    )
    progress, outcome = fit(problem, SolverSettings(steps=20, code_lr=1e18, weight_lr=1e18))
    assert outcome.kind == "diverged"
    assert "no longer a number" in outcome.sentence
    assert progress.state.step < 20
    assert math.isfinite(progress.best.loss)
    assert progress.history[-1]["loss"] is None


def test_baselines_are_judged_by_the_same_heldout_data():
    """They are fitted without it, and delivered in agreement with all data."""
    operator = OPERATORS["missing"]()
    y = operator(CLIP)
    found = recover(y, operator, FEW.model_copy(update={"baselines": "quick"}))
    assert list(found.baselines) == [
        "linear interpolation",
        "biharmonic interpolation",
        "3-D total variation",
        "low rank",
    ]
    seen = operator.observed_mask()
    for baseline in found.baselines.values():
        close(baseline.clip[seen], y[seen])
        assert 10 < baseline.heldout_db < 60
    peak = 20 * math.log10(float(found.clip.max() - found.clip.min()))
    assert found.heldout_range_db == pytest.approx(found.heldout_db + peak)
    levels = {name: b.heldout_db + peak for name, b in found.baselines.items()}
    held = int(hold_out(operator, FEW.heldout, FEW.seed).sum())
    said = (
        judge(found.heldout_range_db, levels),
        judge(found.heldout_range_db, levels, f"{held} held-out numbers"),
    )
    assert found.verdict in [verdict.with_more(found.recommended.sentence(peak)) for verdict in said]
    assert found.trust == found.verdict.sentence


def test_clips_of_baselines_are_made_of_what_is_kept():
    """Whenever they are asked for, whatever became of those before; their levels are told without any."""
    operator = MissingPixels(SHAPE, 0.5)
    found = recover(operator(CLIP), operator, FEW.model_copy(update={"baselines": "quick", "steps": 1}))
    name = found.best_baseline(CLIP)
    first = found.baselines[name].clip
    wanted = first.clone()
    first.zero_()
    assert torch.equal(found.baselines[name].clip, wanted)
    assert found.best_baseline(CLIP) == name
    assert found.best_baseline(torch.zeros(SHAPE)) == min(
        found.baselines, key=lambda other: float(found.baselines[other].clip.square().sum())
    )
    assert levels_of(Finished({"one": Baseline(CLIP, 3.0)}, lambda clip: pytest.fail("a clip is made"))) == {"one": 3.0}


def test_pixels_are_judged_where_they_are_held_out():
    """As by their whole data, A x, whatever stands at pixels that no data is of, and by frames in half precision."""
    operator = MissingPixels(SHAPE, 0.5)
    problem = prepare(operator(CLIP), operator, FEW)
    clip = CLIP + 0.1
    wrong = torch.where(operator.observed_mask(), clip, 7.0)
    terms = (operator(clip) - problem.data)[problem.heldout].square()
    close(
        problem.heldout_terms(wrong) / terms, torch.full_like(terms, problem.scale(problem.heldout)), rtol=1e-4, atol=0
    )
    assert problem.heldout_error(CLIP.half()) < 1e-6
    fitted = (operator(clip) - problem.data)[problem.fitted].square().sum()
    assert problem.fitted_error(wrong) == pytest.approx(problem.fit_scale * float(fitted), rel=1e-5)


def test_a_dark_clip_does_not_flatter_itself():
    """A quarter of the light is 12 dB more with peak 1; with the clip's range as the peak the verdict says the same."""
    operator = OPERATORS["missing"]()
    levels = {}
    for light in (1.0, 0.25):
        problem = prepare(operator(CLIP) * light, operator, RecoverSettings(heldout=0.2))
        frames = (CLIP + 0.05 * noise(*SHAPE, seed=1, dtype=torch.float32)) * light
        level = heldout_decibels(problem.heldout_error(frames), problem)
        compared = {"grey": Baseline(torch.full(SHAPE, 0.5 * light), level - 2)}
        clip_range = (float(frames.min()), float(frames.max()))
        said = judged(problem, Outcome("finished", ""), 1000, frames, frames, level, compared, clip_range)
        levels[light] = (level, said)
    assert levels[0.25][0] - levels[1.0][0] == pytest.approx(20 * math.log10(4), abs=1e-3)
    assert levels[0.25][1] == levels[1.0][1]
    assert "2.0 dB better" in levels[1.0][1].sentence


WITHIN_NOISE = {
    "alike": (0.0, 0.0, "undecided", "explain the data to the noise"),
    "nearer": (0.0, 0.02, "use_with_care", "nearer to the data, beyond chance"),
    "farther": (0.02, 0.0, "do_not_use", "take the baseline"),
    "farther than the noise hides": (0.0, 0.2, "use", "better than the best baseline"),
}


@pytest.mark.parametrize(("own", "other", "kind", "words"), WITHIN_NOISE.values(), ids=WITHIN_NOISE)
def test_where_noise_hides_the_levels_the_nearer_clip_is_still_told(own, other, kind, words):
    """Errors far below the noise: the level says little, the order is that of the errors."""
    operator = Identity(SHAPE)
    y, entry = add_white_noise(operator(CLIP), operator, sigma=0.1)
    problem = prepare(y, operator, RecoverSettings(heldout=0.45), noise=entry)
    frames, baseline = (CLIP + off * noise(*SHAPE, seed=3, dtype=torch.float32) for off in (own, other))
    levels = [heldout_decibels(problem.heldout_error(clip), problem) for clip in (frames, baseline)]
    assert (levels[0] > levels[1]) == (own < other)
    found = judged(
        problem, Outcome("finished", ""), 1000, frames, frames, levels[0], {"b": Baseline(baseline, levels[1])}, (0, 1)
    )
    assert found.kind == kind
    assert words in found.sentence


def test_a_constant_clip_is_no_evidence():
    """Whatever is said of levels: any method meets it exactly."""
    operator = OPERATORS["missing"]()
    grey = torch.full(SHAPE, 0.5)
    problem = prepare(operator(grey), operator, RecoverSettings(heldout=0.2))
    for frames in (grey, grey + 1e-4 * noise(*SHAPE, seed=1, dtype=torch.float32)):
        level = heldout_decibels(problem.heldout_error(frames), problem)
        compared = {"mean": Baseline(grey, level - 20)}
        clip_range = (float(frames.min()), float(frames.max()))
        said = judged(problem, Outcome("finished", ""), 1000, frames, frames, level, compared, clip_range)
        assert said.kind == "undecided", level
        assert "constant clip" in said.sentence


def test_which_baselines_are_run_is_a_setting(monkeypatch):
    """None, the quick ones, or the slow ones too."""
    monkeypatch.setattr(networks, "DEEP_PRIOR_SETTINGS", networks.DEEP_PRIOR_SETTINGS.model_copy(update={"steps": 2}))
    operator = OPERATORS["missing"]()
    y, names = operator(CLIP), {}
    for which in ("none", "quick", "all"):
        names[which] = list(recover(y, operator, FEW.model_copy(update={"baselines": which})).baselines)
    assert names["none"] == []
    assert names["all"] == [*names["quick"], "deep image prior"]


NINE = "9 held-out numbers"
JUDGED = {
    "clearly better": ((30.0, {"a": 20.0, "b": 25.0}), "use", ("Use it", "5.0 dB better", "b, 25.0 dB")),
    "a little better": ((25.5, {"a": 20.0, "b": 25.0}), "use_with_care", ("Use with care", "0.5 dB better than b")),
    "no better": (
        (25.0, {"a": 20.0, "b": 25.0}),
        "do_not_use",
        ("Do not use", "no better than b", "25.0 against 25.0"),
    ),
    "worse": ((15.0, {"a": 20.0}), "do_not_use", ("Do not use", "no better than a", "15.0 against 20.0")),
    "no baseline": ((25.0, {}), "unknown", ("25.0 dB", "no baseline")),
    "baseline is no number": ((25.0, {"a": math.nan}), "unknown", ("25.0 dB", "no baseline")),
    "few numbers": (
        (30.0, {"a": 25.0}, "9 held-out numbers"),
        "undecided",
        ("Undecided", NINE, "5.0 dB better than a"),
    ),
    "few numbers, hardly worse": (
        (25.0, {"a": 25.9}, "9 held-out numbers"),
        "undecided",
        ("Undecided", NINE, "0.9 dB worse than a"),
    ),
    "few numbers, the same": ((25.0, {"a": 25.04}, NINE), "undecided", (f"on {NINE} it is as good as a; look",)),
    "few numbers, no better": (
        (25.0, {"a": 30.0}, "9 held-out numbers"),
        "do_not_use",
        ("Do not use", "no better than a"),
    ),
    "nothing held out": ((math.nan, {"a": 20.0}), "unknown", ("No data was held out",)),
    "an exact baseline": ((40.0, {"linear": math.inf, "tv": 30.0}), "do_not_use", ("no better than linear",)),
    "one without a figure": ((40.0, {"linear": math.nan, "tv": 30.0}), "use", ("10.0 dB better",)),
}


@pytest.mark.parametrize(("figures", "kind", "words"), JUDGED.values(), ids=JUDGED)
def test_a_verdict_is_a_kind_and_a_sentence_with_the_figures(figures, kind, words):
    """Use it from 1 dB, with care from 0.3 dB, else not; the best baseline is the bar."""
    said = judge(*figures)
    assert said.kind == kind
    assert said.sentence.endswith(".")
    for word in words:
        assert word in said.sentence


def test_a_difference_within_its_standard_error_is_called_chance():
    """Errors that differ by noise alone are; those that are smaller everywhere are not; equal ones are not."""
    operator = Identity(SHAPE)
    problem = prepare(CLIP, operator, RecoverSettings(heldout=0.2))
    noisy = CLIP + 0.1 * noise(*SHAPE, seed=1, dtype=torch.float32)
    other = CLIP + 0.1 * noise(*SHAPE, seed=2, dtype=torch.float32)

    def differ_by_chance(one, two):
        return is_chance(problem.heldout_terms(two) - problem.heldout_terms(one))

    assert differ_by_chance(noisy, other)
    assert not differ_by_chance(CLIP + 0.01, CLIP + 0.1)
    assert not differ_by_chance(noisy, noisy)


def with_nan(y):
    bad = y.clone()
    bad[0, 0, 0, 0] = math.nan
    return bad


REFUSED = {
    "NaN": (lambda y, a: recover(with_nan(y), a, FEW), "1 of 720 numbers are NaN or infinite"),
    "shape": (lambda y, a: recover(y[:5], a, FEW), r"expected data of shape \(6, 1, 12, 10\), got \(5, 1, 12, 10\)"),
    "operator": (lambda y, a: recover(y, torch.nn.Identity(), FEW), "got Identity"),
    "settings": (lambda y, a: recover(y, a, {"rank": 4}), r"expected lowreel.RecoverSettings.* got dict"),
    "rank": (lambda y, a: recover(y, a, FEW.model_copy(update={"rank": 7})), r"min\(T, K\)"),
    "paper size": (lambda y, a: recover(y, a, RecoverSettings(preset="paper-joint")), "add --size 64"),
    "times": (lambda y, a: recover(y, a, FEW, times=[0, 1, 2, 3, 4, 4]), "6 rising numbers"),
    "times, endless": (lambda y, a: recover(y, a, FEW, times=[0, 1, 2, 3, 4, math.inf]), "6 rising numbers"),
    "times, count": (lambda y, a: recover(y, a, FEW, times=[0, 1]), "6 rising numbers"),
    "adjoint": (
        lambda y, a: recover(y, Functions(lambda x: x, lambda v: 2 * v, SHAPE), FEW),
        "adjoint is not the adjoint",
    ),
}


@pytest.mark.parametrize(("call", "message"), REFUSED.values(), ids=REFUSED)
def test_wrong_input_is_refused(call, message):
    """Before the first epoch, by an InputError that says what came."""
    operator = Identity(SHAPE)
    with pytest.raises(InputError, match=message):
        call(CLIP.clone(), operator)


def test_a_stop_delivers_the_last_round_when_it_is_the_best():
    """Between two measurements of the held-out error a stop measures once more, so no epoch is lost."""
    clip = moving()
    operator = MissingPixels(tuple(clip.shape), 0.5)
    seen = []

    def callback(progress):
        seen.append(progress)
        if progress.state.step == 95:
            raise KeyboardInterrupt

    found = recover(
        operator(clip), operator, RecoverSettings(baselines="none", quality="draft", steps=100), callback=callback
    )
    assert seen[-1].history[-1]["heldout"] is None
    last = found.history[-1]["heldout"]
    assert last is not None
    assert found.heldout_db == pytest.approx(-10 * math.log10(last))
    assert found.chosen == 95
    assert found.outcome.kind == "stopped"


@pytest.mark.parametrize("other", [{"seed": 9}, {"heldout": 0.3}, {"rank": 2}, {"similarity": 0.5}], ids=str)
def test_a_resume_with_other_settings_is_refused(other):
    """What was fitted must not become held out, nor a free code a low-rank one."""
    clip = moving()
    operator = MissingPixels(tuple(clip.shape), 0.5)
    seen = []
    recover(operator(clip), operator, RecoverSettings(baselines="none", quality="draft", steps=2), callback=seen.append)
    with pytest.raises(InputError, match="resume"):
        recover(
            operator(clip),
            operator,
            RecoverSettings(baselines="none", quality="draft", steps=3, **other),
            resume=seen[0],
        )


def paced(first, each, epochs, check=0.0):
    pace = _Pace()
    pace.note(first, check)
    for _ in range(epochs - 1):
        pace.note(each, None)
    return pace


def test_what_a_time_limit_leaves_room_for():
    """Epochs at the pace of those made, the first one left out, and the checks of a run of that length."""
    assert _affordable(4, 15.65, paced(3.0, 0.1, 4), 1000) == 4 + 156
    assert _affordable(4, 15.65, paced(3.0, 0.1, 4), 50) == 50, "never more than planned"
    assert _affordable(1, 7.0, paced(3.0, 0.1, 1), 1000) == 3, "as long as it is alone the first epoch counts"
    assert _affordable(9, 0.05, paced(3.0, 0.1, 9), 50) == 9, "no time for one more"
    assert _affordable(9, -5.0, paced(3.0, 0.1, 9), 50) == 9
    for left in (1.0, 10.0, 100.0, 1000.0):
        epochs = _affordable(4, left, paced(1.0, 1.0, 4, check=2.0), 1000)
        every = max(1, math.ceil(epochs / CHECKS_PER_RUN))
        made = [step for step in range(5, epochs + 1) if step % every == 0 or step == epochs]
        assert epochs == 4 or epochs - 4 + 2.0 * len(made) <= left


def test_large_frames_are_checked_less_often():
    """Five times and at both ends; at the ends alone where nothing is held out."""
    shape = (2, 1, 257, 256)
    operator = MissingPixels(shape, 0.8)
    held = operator.observed_mask()
    large = Problem(torch.zeros(shape), operator, Linear(shape[1:], 2), torch.arange(2.0), heldout=held)
    for problem, wanted in ((large, [1, 12, 24, 36, 48, 56]), (replace(large, heldout=None), [1, 56])):
        assert [k for k in range(1, 57) if is_checked(k, 56, 56, checks_per_run(problem))] == wanted


class Clock:
    """Time that passes only where epochs are made and clips drawn: seconds of the first epoch, of those after it, and
    of a clip; `fitted` is when the fits were over."""

    def __init__(self, monkeypatch, each, check=0.0, first=None):
        self.each = each if callable(each) else lambda k: first if k == 1 and first is not None else each
        self.check, self.now, self.epochs, self.fitted = check, 0.0, 0, 0.0
        module = import_module("lowreel.recovery.recover")
        self.frames, self.accounted = Representation.frames, module.accounted
        monkeypatch.setattr(time, "monotonic", lambda: self.now)
        monkeypatch.setattr(fitting, "iterate", self.iterate)
        monkeypatch.setattr(Representation, "frames", lambda *given: self.draw(*given))
        monkeypatch.setattr(module, "accounted", self.account)

    def iterate(self, problem, solver, state=None):
        for found in iterate(problem, solver, state):
            self.epochs += 1
            self.now += self.each(self.epochs)
            yield found

    def draw(self, *given):
        self.now += self.check
        return self.frames(*given)

    def account(self, *given):
        self.fitted = self.now
        return self.accounted(*given)


PACES = {
    "even": {"each": 0.5},
    "checks as long as epochs": {"each": 0.5, "check": 0.5},
    "checks longer than epochs": {"each": 0.2, "check": 1.5},
    "a slow start": {"each": 0.5, "first": 5.0},
    "few epochs": {"each": 4.5, "check": 1.0},
    "far too many": {"each": 0.2, "check": 0.5, "steps": 100_000},
    "slower and slower": {"each": lambda k: 0.2 + 0.02 * k, "check": 0.3},
}


@pytest.mark.parametrize("pace", PACES.values(), ids=PACES)
def test_a_time_limit_holds(pace, monkeypatch):
    """Epochs and checks, the last one too, are over within the limit, and most of it is used."""
    steps = pace.get("steps", 140)
    clock = Clock(monkeypatch, **{name: value for name, value in pace.items() if name != "steps"})
    operator = OPERATORS["missing"]()
    found = recover(operator(CLIP), operator, FEW.model_copy(update={"steps": steps, "time": 15.0}))
    assert 8 < clock.fitted <= 15
    assert found.steps == clock.epochs
    assert found.history[-1]["heldout"] is not None


def test_a_limit_shorter_than_a_round_ends_after_it(monkeypatch):
    """One epoch has to be made for there to be a clip."""
    clock = Clock(monkeypatch, each=20.0, check=1.0)
    operator = OPERATORS["missing"]()
    found = recover(operator(CLIP), operator, FEW.model_copy(update={"steps": 140, "time": 15.0}))
    assert (found.steps, clock.fitted) == (1, 21.0)
    assert found.clip.isfinite().all()


@pytest.mark.parametrize(
    ("each", "kind"), [(4.5, "stopped"), (0.5, "stopped"), (0.3, "finished"), (0.05, None)], ids=str
)
def test_a_run_of_too_few_rounds_is_not_finished(each, kind, monkeypatch):
    """Under a quarter of its epochs it is stopped, and told what to do; from there on it is finished but shortened."""
    Clock(monkeypatch, each=each)
    operator = OPERATORS["missing"]()
    found = recover(operator(CLIP), operator, FEW.model_copy(update={"steps": 140, "time": 15.0}))
    sentence = found.outcome.sentence
    assert not found.outcome.interrupted
    if kind is None:
        assert found.steps == 140
        return
    assert (found.outcome.kind == "stopped") == (found.steps < 35)
    assert found.outcome.kind == kind
    assert f"{found.steps} of 140 epochs" in sentence
    assert "longer --time" in sentence
    assert ("--resume" in sentence) == (kind == "stopped")


def test_a_run_that_was_too_short_goes_on(monkeypatch):
    """Each session makes more of its epochs, so that the same command ends some time; without a limit it makes all."""
    Clock(monkeypatch, each=2.0)
    operator, made, resume, kind = OPERATORS["missing"](), [], None, "stopped"
    y, settings = operator(CLIP), FEW.model_copy(update={"steps": 40, "time": 10.0})
    while kind == "stopped":
        seen = []
        found = recover(y, operator, settings, callback=seen.append, resume=resume)
        resume, kind = seen[-1], found.outcome.kind
        made.append(found.steps)
        assert len(made) < 10
    assert made == sorted(set(made))
    assert made[-1] >= 10
    first = []
    recover(y, operator, settings, callback=first.append)
    assert recover(y, operator, FEW.model_copy(update={"steps": 40}), resume=first[-1]).steps == 40


SEARCHES = {
    "enough": {"each": 0.05, "check": 0.02},
    "shortened": {"each": 0.3, "check": 0.2},
    "slow to draw": {"each": 0.2, "check": 1.0},
    "slower and slower": {"each": lambda k: 0.2 + 0.002 * k, "check": 0.1},
}


@pytest.mark.parametrize("pace", SEARCHES.values(), ids=SEARCHES)
def test_a_time_limit_holds_for_a_search(pace, monkeypatch):
    """Its fits, the choice of a rank, the last fit and the look at what it came to, all together."""
    clock = Clock(monkeypatch, **pace)
    operator = OPERATORS["missing"]()
    found = recover(operator(CLIP), operator, RecoverSettings(baselines="none", steps=40, heldout=0.1, time=60.0))
    assert clock.fitted <= 60
    assert len(found.trials) > 1
    assert found.outcome.kind != "stopped"
    assert found.clip.isfinite().all()


def test_too_little_time_for_a_search_is_for_one_fit(monkeypatch):
    """Where the epochs turn out too slow for it; the limit holds, and a resume goes on with the one fit."""
    clock = Clock(monkeypatch, each=2.0, check=0.5)
    operator, seen = OPERATORS["missing"](), []
    y = operator(CLIP)
    settings = RecoverSettings(baselines="none", steps=40, time=15.0)
    found = recover(y, operator, settings, callback=seen.append)
    assert clock.fitted <= 15
    assert found.trials == ()
    assert found.outcome.kind == "stopped"
    assert found.steps > 1
    assert seen[-1].stage == "fit"
    longer = recover(y, operator, settings.model_copy(update={"time": None}), resume=seen[-1])
    assert (longer.steps, longer.trials) == (40, ())


def test_rounds_are_counted_alike_everywhere():
    """--steps are the epochs of each fit; those of the last one are told apart."""
    operator, seen = OPERATORS["missing"](), []
    y = operator(CLIP)
    found = recover(y, operator, RecoverSettings(baselines="none", steps=40, heldout=0.1), callback=seen.append)
    assert found.steps == 40
    assert {trial.steps for trial in found.trials} == {40}
    assert found.last_steps > 0
    afresh = sum(trial.choice.begins_afresh for trial in found.trials)
    parted = len(found.trials) - afresh
    shares = BRANCH_SHARE + parted * (LOOK_SHARE - BRANCH_SHARE) + afresh * LOOK_SHARE + 1 - LOOK_SHARE
    searched = 40 * shares
    assert seen[-1].made == seen[-1].planned == searched + found.last_steps
    once = recover(y, operator, FEW.model_copy(update={"steps": 12}))
    assert (once.steps, once.last_steps) == (12, 0)


WRONG = {
    "rank": ({"rank": 0}, "rank: Input should be greater than 0, or Input should be 'auto', got 0"),
    "two": ({"similarity": 2, "stepz": 1}, "similarity: .*got 2; stepz: no such setting; did you mean steps\\?, got 1"),
}


@pytest.mark.parametrize(("wrong", "told"), WRONG.values(), ids=WRONG)
def test_wrong_settings_are_told_in_one_sentence(wrong, told):
    """As any other wrong input of a caller, with the names of the settings."""
    with pytest.raises(InputError, match=told) as raised:
        RecoverSettings(**wrong)
    assert "\n" not in str(raised.value)


def test_settings_as_keywords_are_the_settings():
    """Alone and in place of those of a model; names that type checkers know are those of the model."""
    clip = moving(4, 1, 16, 16)
    operator = MissingPixels(tuple(clip.shape), 0.5)
    y = operator(clip)
    asked = RecoverSettings(quality="draft", baselines="none", steps=3, seed=4)
    found = recover(y, operator, asked)
    assert torch.equal(found.clip, recover(y, operator, quality="draft", baselines="none", steps=3, seed=4).clip)
    changed = recover(y, operator, asked.model_copy(update={"seed": 1}), seed=4, generator="decoder")
    assert torch.equal(found.clip, changed.clip)
    assert changed.settings.generator == "decoder"
    with pytest.raises(InputError, match="did you mean quality"):
        recover(y, operator, qualty="draft")
    assert {*get_type_hints(RecoverKeywords), "generator"} == set(RecoverSettings.model_fields)


@pytest.mark.parametrize("quality", ["draft", "standard"])
@pytest.mark.parametrize(("ratio", "used"), [(0.5, 1.0), (0.95, 3.0)])
def test_the_decay_that_is_told_is_the_one_that_was_used(ratio, used, quality):
    """Of a decoder that ends in sub-pixels a third of that of the settings, where enough pixels are known exactly."""
    shape = (6, 1, 16, 16)
    operator, generator = MissingPixels(shape, ratio), Decoder(shape[1:], subpixel_stages=1)
    y = operator(moving(*shape))
    found = recover(y, operator, quality=quality, steps=2, baselines="none", heldout=0.2, generator=generator)
    assert found.solver.weight_decay == 3
    measured = Measured(y, operator, torch.arange(6))
    assert summarise(found, measured, None).weight_decay == found.weight_decay == used


@pytest.mark.parametrize("stops_at", [1, 2])
def test_a_fit_that_is_stopped_delivers_no_less_than_a_baseline(stops_at):
    """The best quick baseline is there before the first epoch; a fit that has come to less is not delivered."""
    clip = moving(8, 1, 32, 32)
    operator = MissingPixels(tuple(clip.shape), 0.5)
    pictures = []

    def callback(progress):
        assert pictures
        if progress.state.step == stops_at:
            raise KeyboardInterrupt

    settings = RecoverSettings(quality="draft", steps=50)
    found = recover(
        operator(clip), operator, settings, callback=callback, on_baseline=lambda name, _: pictures.append(name)
    )
    best = found.best_baseline()
    assert (found.outcome.kind, found.delivered) == ("stopped", best)
    assert pictures[-1] == best
    assert torch.equal(found.clip, found.baselines[best].clip)
    assert best in found.trust
