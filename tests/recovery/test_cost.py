"""What a recovery is said to take, against what it takes; and budgets that are kept."""

import math
import os
import subprocess
import sys
from dataclasses import replace

import pytest
import torch
from cases import Linear

from lowreel.data.noise import NoNoise, WhiteNoise
from lowreel.errors import InputError
from lowreel.operators import MRI, Gaussian, Identity, MissingPixels, radial, simulated_coil_maps
from lowreel.recovery import cost
from lowreel.recovery.cost import check_clip_fits, check_fits, estimate, rank_frames
from lowreel.recovery.policy import _some_frames
from lowreel.recovery.preparation import prepare
from lowreel.settings import RecoverSettings
from lowreel.solver.problem import Problem
from lowreel.system.memory import (
    PROGRAM_BYTES,
    bytes_text,
    default_budget,
    machine_bytes,
    parse_bytes,
    taken_bytes,
)

SIZES = {"many frames": "(24, 1, 64, 64)", "large frames": "(8, 3, 160, 160)"}
SCRIPT = """
import torch, lowreel
from lowreel.system.memory import resident_bytes
from lowreel.recovery.cost import estimate
from lowreel.recovery.preparation import prepare
clip = torch.rand({shape})
operator = lowreel.MissingPixels({shape}, 0.5)
settings = lowreel.RecoverSettings(quality="draft", steps=2)
print(estimate(prepare(operator(clip), operator, settings), settings.solver()).memory)
lowreel.recover(operator(clip), operator, settings)
print(resident_bytes(peak=True))
"""

SCAN = """
import sys, torch, lowreel
from lowreel.data import add_white_noise
from lowreel.operators import MRI, radial, simulated_coil_maps
from lowreel.recovery.cost import estimate
from lowreel.recovery.preparation import given_data, posed
from lowreel.recovery.recover import recover
from lowreel.system.memory import resident_bytes, trim_heap
sys.modules["lowreel.recovery.refinement"].MOST_LOOKS = 2  # the best is kept while the next is made
def scanner(frames, side, coils):
    maps = simulated_coil_maps(coils, (side, side))
    return MRI((frames, 1, side, side), trajectory=radial(8, side, frames), coil_maps=maps)
clip = torch.rand(24, 1, 96, 96).to(torch.complex64)
scanner(1, 16, 2)(torch.rand(1, 1, 16, 16))
trim_heap()
before, operator = resident_bytes(), scanner(24, 96, 4)
plans = operator.bytes_to_come()
y = operator(clip)
operator.adjoint(y)
print(resident_bytes(peak=True) - before, plans + 8 * y.numel() + 2 * 4 * 8 * clip.numel())
y, noise = add_white_noise(y, operator, snr=30.0)
settings = lowreel.RecoverSettings(quality="draft", steps=2, baselines="none")
given = given_data(y, operator, noise, None, None)
problem = posed(given, settings, generator=None, times=None, sequences=(), beta=None, holdout=None)
print(estimate(problem, settings.solver(), "none").memory)
recover(y, operator, settings, noise=noise)
print(resident_bytes(peak=True))
"""


def numbers_of(script, python_path):
    """What a script prints in a process of its own."""
    run = subprocess.run(
        [sys.executable, "-c", script],
        env={"PYTHONPATH": python_path, "OMP_NUM_THREADS": "1", "PATH": ""},
        capture_output=True,
        text=True,
        check=True,
    )
    return map(int, run.stdout.split())


@pytest.mark.parametrize("shape", SIZES.values(), ids=SIZES)
def test_memory_is_near_the_peak(shape, python_path):
    """In a process of its own the estimate is within a third of the peak that the system saw."""
    expected, peak = numbers_of(SCRIPT.format(shape=shape), python_path)
    assert 0.67 < expected / peak < 1.5


def test_memory_of_a_scan(python_path):
    """Its operator takes no more than its data, two clips a coil, and a transform for each trajectory, to within a
    fifth that the allocator may keep; the estimate of so small a recovery is within half of the peak."""
    taken, allowed, expected, peak = numbers_of(SCAN, python_path)
    assert taken < 1.2 * allowed
    assert 1 / 1.5 < expected / peak < 1.5


def test_time_grows_with_the_rounds():
    """Twice the epochs are twice the time; the problem is left as it was."""
    operator = Identity((4, 1, 16, 16))
    problem = prepare(torch.rand(4, 1, 16, 16), operator, RecoverSettings())
    before = {name: w.clone() for name, w in problem.generator.state_dict().items()}
    short, long = (
        min(estimate(problem, RecoverSettings(quality="draft", steps=n).solver()).seconds for _ in range(5))
        for n in (10, 80)
    )
    assert 3 < long / short < 20
    assert all(torch.equal(before[name], w) for name, w in problem.generator.state_dict().items())
    assert "for the fit" in estimate(problem, RecoverSettings(quality="draft", steps=10).solver()).sentence(5.0)


def large_frames(frames, noise=None):
    """Pixels of frames that count as large, exact or with noise; some of the left 16 columns are held out."""
    shape = (frames, 1, 257, 256)
    operator = MissingPixels(shape, 0.8)
    times = torch.arange(float(frames), dtype=torch.float64)
    held = operator.observed_mask().clone()
    held[..., 16:] = False
    return Problem(torch.zeros(shape), operator, Linear(shape[1:], 2), times, noise=noise or NoNoise(), heldout=held)


def test_checks_are_counted_as_they_are_made(monkeypatch):
    """Those at even distances and one after the first epoch: six of large frames, two where nothing is held out."""
    monkeypatch.setattr(cost, "_drawing_seconds", lambda problem: 1e9)
    problem, solver = large_frames(2), RecoverSettings(quality="draft", steps=56).solver()
    for of, checks in ((problem, 6), (replace(problem, heldout=None), 2)):
        assert round(estimate(of, solver, "none").seconds / 1e9) == checks


@pytest.mark.parametrize("frames", [5, 8, 9, 15, 17, 37])
def test_a_rank_is_chosen_by_eight_frames(frames):
    """Of large frames of exact pixels, different ones and in order; by all of those with noise."""
    chosen = list(rank_frames(large_frames(frames)))
    assert len(chosen) == min(frames, 8)
    assert chosen == sorted(set(chosen))
    assert len(rank_frames(large_frames(frames, WhiteNoise(sigma=0.1)))) == frames
    few = _some_frames(large_frames(frames))
    assert few.operator.clip_shape[0] == len(few.times) == len(few.data) == len(chosen)


def test_a_rank_is_not_chosen_by_few_numbers():
    """By all frames where those that are chosen hold out fewer than eight numbers."""
    problem = large_frames(9)
    for count, frames in ((7, 9), (8, 8)):
        held = torch.zeros_like(problem.heldout)
        held[8] = problem.heldout[8]  # the last one, which is not among those chosen
        first = problem.heldout[0].flatten().nonzero()[:count, 0]
        held[0].view(-1)[first] = True
        assert _some_frames(replace(problem, heldout=held)).operator.clip_shape[0] == frames


def test_a_refinement_is_told_beside_the_fit():
    """Of a noisy scan, as the baselines are: whatever is searched it is done once, and no limit of time ends it."""
    shape, settings = (4, 1, 16, 16), RecoverSettings(quality="draft", steps=2)
    operator = MRI(shape, trajectory=radial(4, 16, 4), coil_maps=simulated_coil_maps(2, (16, 16)))
    data = operator(torch.rand(shape).to(torch.complex64))
    exact, noisy = (
        estimate(prepare(data, operator, settings, noise=noise), settings.solver(), "none") for noise in (0.0, 0.01)
    )
    assert exact.refining == exact.baselines == noisy.baselines == 0 < noisy.refining
    assert noisy.several(2, 100.0).refining == noisy.refining
    assert " for the fit, 5 s for the refinement, and " in replace(noisy, refining=5.0).sentence(5.0)
    assert "refinement" not in exact.sentence()


def test_time_of_the_baselines_follows_the_choice():
    """Without any it is 0; the slow ones take far longer than the quick ones, and most where the paper's are run."""
    for shape, factor in (((4, 1, 16, 16), 3), ((4, 1, 64, 64), 20)):
        operator = MissingPixels(shape, 0.5)
        problem = prepare(operator(torch.rand(shape)), operator, RecoverSettings())
        none, quick, slow = (
            estimate(problem, RecoverSettings().solver(), which).baselines for which in ("none", "quick", "all")
        )
        assert none == 0 < quick
        assert slow > factor * quick


def test_what_does_not_fit_is_refused_with_what_to_change():
    """Before anything is read, and once the parts are known."""
    problem = prepare(torch.rand(4, 1, 16, 16), Identity((4, 1, 16, 16)), RecoverSettings())
    with pytest.raises(InputError, match=r"needs about .*, 1 MB are allowed; use a smaller --size, fewer --frames"):
        check_fits(estimate(problem, RecoverSettings().solver()), 10**6)
    with pytest.raises(InputError, match=r"1000 frames of 1080x1920 needs at least 199 GB, 4\.0 GB are allowed"):
        check_clip_fits((1000, 3, 1080, 1920), 4 * 10**9)
    check_clip_fits((80, 3, 64, 64), 10**9)


def test_large_matrices_are_refused_with_the_alternative():
    """A Gaussian of 495 GB would be drawn anew for half an hour at each use; the camera without a matrix is named."""
    with pytest.raises(InputError, match=r"495 GB, 6.0 GB are there for them .* single-pixel --sampling 0.1"):
        Gaussian((32, 3, 256, 256), 19661, memory=6 * 10**9)


TEXTS = {"4GB": 4 * 10**9, "500mb": 5 * 10**8, "1.5 GB": 15 * 10**8, "2TB": 2 * 10**12}


@pytest.mark.parametrize(("text", "count"), TEXTS.items())
def test_sizes_in_words(text, count):
    """Both ways, within what two digits say."""
    assert parse_bytes(text) == count
    assert math.isclose(parse_bytes(bytes_text(count)), count, rel_tol=0.06)


@pytest.mark.parametrize("text", ["", "4", "GB", "-1GB", "0GB", "1.2.3GB", "4 potatoes", "infGB", "9" * 400 + "GB"])
def test_other_texts_are_no_sizes(text):
    """Refused with two examples."""
    with pytest.raises(InputError, match="such as 4GB or 500MB"):
        parse_bytes(text)


def test_the_default_is_a_quarter_of_the_machine():
    """Of what the process may use."""
    assert default_budget() == parse_bytes(None) == machine_bytes() // 4


@pytest.mark.parametrize(
    ("machine", "budget"), [(10**9, 5 * 10**8), (2 * 10**9, 2 * PROGRAM_BYTES), (10**10, 25 * 10**8)]
)
def test_the_default_on_small_machines(machine, budget, monkeypatch):
    """A small clip fits it where there is room for one."""
    monkeypatch.setattr("lowreel.system.memory.machine_bytes", lambda: machine)
    assert default_budget() == budget


@pytest.mark.parametrize(("held", "taken"), [(10**8, PROGRAM_BYTES), (PROGRAM_BYTES, PROGRAM_BYTES), (10**9, 10**9)])
def test_a_fresh_process_plans_with_what_it_will_hold(held, taken, monkeypatch):
    """And one that holds more, with that."""
    monkeypatch.setattr("lowreel.system.memory.resident_bytes", lambda: held)
    assert taken_bytes() == taken


def test_a_machine_without_control_groups(monkeypatch):
    monkeypatch.setattr("lowreel.system.memory.memory_limits", lambda: iter(()))
    assert machine_bytes() == os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
