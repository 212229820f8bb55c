"""What benchmarks make of what they measured: pure functions, no timings."""

from types import SimpleNamespace

import pytest

pytest.importorskip("benchmarks", reason="the benchmarks are not part of a source distribution")

import lowreel
from benchmarks import compact, estimate, fill, quality, speed, watching
from benchmarks.results import Rows
from benchmarks.timed import Pace, Trace, heights
from benchmarks.updates import verdict

TRACE = [(1.0, 20.0), (2.0, 25.0), (3.0, 24.0), (4.0, 30.0)]


def progress(error, scores, best, **more):
    """What `callback` is given after the last of these rounds."""
    rows = [{"step": k + 1, "score": score} for k, score in enumerate(scores)]
    told = {"history": rows, "best": SimpleNamespace(step=best), "best_error": error, "stage": "search", "number": 0}
    return SimpleNamespace(**told | more)


def test_reached_is_the_first_moment_at_that_level():
    """It may be lost again; a level of the trace counts, a higher one than all is not reached."""
    assert [speed.reached(TRACE, level) for level in (20, 20.1, 25, 26, 30)] == [1.0, 2.0, 2.0, 4.0, 4.0]
    assert speed.reached(TRACE, 30.1) is None
    assert speed.reached([], 0.0) is None


@pytest.mark.parametrize("level", [19, 20, 22, 25, 27, 30, 31])
def test_heights_keep_when_each_level_is_reached(level):
    """Points below an earlier one say nothing of it."""
    assert heights(TRACE) == [TRACE[0], TRACE[1], TRACE[3]]
    assert speed.reached(heights(TRACE), level) == speed.reached(TRACE, level)


def test_trace_follows_what_held_out_data_prefers():
    """Not the best of the scores, which nobody knows: the fit and the iterate with the smallest held-out error."""
    trace = Trace()
    trace.note(progress(0.5, [20.0], best=1))
    trace.note(progress(0.5, [20.0, 28.0], best=1))  # a better iterate, which held-out data does not prefer
    trace.note(progress(0.6, [29.0], best=1, number=1))  # a better fit, which it does not prefer
    trace.note(progress(0.5, [20.0, 28.0, None], best=1))  # a round without a check
    trace.note(progress(0.4, [29.0, 27.0], best=2, number=1))
    trace.note(progress(float("inf"), [24.0], best=1, stage="last"))
    assert [level for _, level in trace.points] == [20.0, 20.0, 20.0, 27.0, 24.0]
    assert trace.points == sorted(trace.points)


def test_what_is_cut_off_is_computed_from_the_pace_of_the_rounds(monkeypatch):
    """Of two fits at once, 2 s a round of both, 3 rounds of 10 of 4 fits each are made; the last fit has a quarter."""
    clock = iter([2.0, 2.0, 4.0, 4.0, 6.0, 6.0])
    monkeypatch.setattr("benchmarks.timed.time", SimpleNamespace(perf_counter=lambda: next(clock)))
    pace = Pace(rounds=3)
    for made in range(1, 6):
        pace.note(SimpleNamespace(stage="search", made=made, planned=40, steps=10, at_once=2))
    assert not pace.is_cut
    with pytest.raises(KeyboardInterrupt):
        pace.note(SimpleNamespace(stage="search", made=6, planned=40, steps=10, at_once=2))
    assert pace.left() == pytest.approx(40 + 2.5 - 6)  # a second for each round of one fit
    assert Pace(rounds=None).left() == 0


def row(against, ours, *, job="demo", commits=("aaa", "bbb"), **more):
    """A row of speed.json; of each side seconds, seconds to the PSNR and the PSNR."""
    names = ("seconds", "seconds_to_psnr", "psnr")
    known = {"baseline": "low rank", "baseline_psnr": 21.0}
    sides = [
        {"commit": commit} | dict(zip(names, side, strict=True)) | known
        for commit, side in zip(commits, (against, ours), strict=True)
    ]
    kind = {"job": job, "instructions": "avx2", "threads": 2, "quality": "standard", "processor": "one"}
    return kind | {"against": sides[0], "ours": sides[1]} | more


def test_table_is_of_the_last_comparison_in_means():
    """Repetitions count together; those of other commits before do not, other jobs have lines of their own."""
    old = row((900.0, 800.0, 30.0), (900.0, 800.0, 30.0), commits=("aaa", "old"))
    twice = [row((100.0, 80.0, 30.0), (10.0, 6.0, 30.5)), row((120.0, 100.0, 30.0), (12.0, 9.0, 30.5))]
    other = row((50.0, 50.0, 30.0), (10.0, None, 29.9), job="drop")
    lines = speed.table([old, twice[0], other, twice[1]]).splitlines()
    assert len({line.count("|") for line in lines}) == 1
    assert lines[2:] == [
        "| demo | avx2, 2 | aaa, now bbb | 110.0 | 11.0 | 90.0 | 7.5 | 12.0 (whole: 10.0) | 30.00 | 30.50 "
        "| 21.00 (low rank) |",
        "| drop | avx2, 2 | aaa, now bbb | 50.0 | 10.0 | 50.0 | - | not reached by 0.10 dB (whole: 5.0) "
        "| 30.00 | 29.90 | 21.00 (low rank) |",
    ]


def test_table_says_what_was_computed():
    """A whole that was not waited for is no measurement, and its PSNR is not known."""
    made = row((1000.0, None, None), (100.0, None, None))
    for side in ("against", "ours"):
        made[side] |= {"computed_from": 4}
    cells = [cell.strip() for cell in speed.table([made]).splitlines()[-1].split("|")]
    assert cells[4:11] == [
        "1000.0 (computed from 4 rounds)",
        "100.0 (computed from 4 rounds)",
        *("-", "-", "whole: 10.0", "-", "-"),
    ]


def test_verdict_is_strict_beyond_what_is_allowed():
    """Slower and faster are said as numbers above 1."""
    assert verdict(1.4, 1.5) == "1.40 times slower"
    assert verdict(0.5, 1.5) == "2.00 times faster"
    assert verdict(1.6, 1.5) == "1.60 times slower, more than the 1.5 that are allowed"


def test_estimates_stand_in_a_line_for_each_job():
    """The factor is what was taken by what was said, fits and baselines together; the newest of each counts."""
    said = {"said_fit": 40.0, "said_baselines": 10.0}
    kind = {"job": "demo", "instructions": "native", "threads": 1}
    rows = [
        kind | said | {"fit": 400.0, "baselines": 10.0},
        kind | said | {"fit": 50.0, "baselines": 10.0},
        kind | said | {"fit": 15.0, "baselines": 10.0, "instructions": "avx2"},
        kind | said | {"fit": 45.0, "baselines": 5.0, "job": "drop"},
    ]
    assert estimate.factor(rows[1]) == 1.2
    assert estimate.table(rows).splitlines() == [
        "| job | native, 1 | avx2, 1 |",
        "|---|---|---|",
        "| demo | 1.20 (50 + 10 s, said 40 + 10) | 0.50 (15 + 10 s, said 40 + 10) |",
        "| drop | 1.00 (45 + 5 s, said 40 + 10) | - |",
    ]


def test_the_table_of_filled_records_has_the_newest_row_of_each_seed():
    """A line for each method, the mean over the seeds last."""
    rows = [
        {"seed": seed, "expected": 0.5, fill.COVERED: 0.95, "errors": {"kriging": error, fill.DELIVERED: 0.25}}
        for seed, error in ((0, 9.0), (1, 0.2), (0, 0.4))
    ]
    lines = fill.table(rows).splitlines()
    assert lines[0] == "| degrees C | seed 0 | seed 1 | mean |"
    assert lines[2] == "| kriging | 0.400 | 0.200 | 0.300 |"
    assert len(lines) == 6


def test_bd_rate_is_by_how_much_more_bytes_a_level_takes():
    """Twice the bytes at each level are 100 % more, whatever levels were measured."""
    curve = [{"bytes": round(1000 * 10 ** ((level - 30) / 10)), "psnr": level} for level in (28, 31, 35, 40)]
    twice = [{"bytes": 2 * round(1000 * 10 ** ((level - 30) / 10)), "psnr": level} for level in (27, 32, 36, 38)]
    assert compact.bd_rate(curve, curve) == pytest.approx(0)
    assert compact.bd_rate(twice, curve) == pytest.approx(1, abs=0.01)
    assert compact.bd_rate(curve, twice) == pytest.approx(-0.5, abs=0.01)


def test_a_cell_of_quality_is_computed_once_and_shown(monkeypatch, tmp_path, capsys):
    """Of a small clip and few epochs, with noise: every figure that is shown is there; the second time it is read."""
    brief = lowreel.RecoverSettings(seed=0, baselines="none", steps=4)
    small = lowreel.open_clip("moving-mnist:0", size=(16, 16), frames=slice(6)).read()
    monkeypatch.setattr("benchmarks.results.RESULTS", tmp_path)
    monkeypatch.setattr(quality, "clip_of", lambda row, source: small)
    monkeypatch.setattr(lowreel, "RecoverSettings", lambda **asked: brief)
    row = quality.Row("small", "moving-mnist", quality.missing, None, None, noise=0.05)
    kept = Rows("quality")
    made = quality.cell(kept, row, "moving-mnist:0", 0)
    assert {"psnr_range", "residual_over_sigma", "uncertainty"} <= set(made)
    assert quality.cell(Rows("quality"), row, "moving-mnist:0", 0) == made
    quality.show(row, [made])
    assert f"{made['psnr_range']:6.2f}" in capsys.readouterr().out


def test_what_watching_adds_is_told_of_the_run_that_nobody_watches():
    """Medians of each kind; a server that works as much alone adds nothing."""
    alone = [{"watched": False, "fit": fit, "server": 1.0, "browser": 0.0, "seconds": fit / 2} for fit in (39, 40, 90)]
    seen = [{**row, "watched": True, "browser": 0.5, "server": 1.5, "seconds": row["seconds"] + 1} for row in alone]
    found = watching.costs([*alone, *seen])
    assert (found["seconds_alone"], found["seconds_watched"], found["longer_percent"]) == (20, 21, 5)
    assert (found["server_seconds"], found["browser_seconds"], found["processor_percent"]) == (1.5, 0.5, 2.5)
