"""A training to which something happens ends in the same weights; `benchmarks robust` in short."""

import os

import pytest

pytest.importorskip("benchmarks", reason="the benchmarks are not part of a source distribution")

from benchmarks.commands import JOBS
from benchmarks.robust import Counting

KINDS = ("disk", "two", "slow", "clock", *(("core",) if hasattr(os, "sched_setaffinity") else ()))


def test_a_training_ends_in_the_same_bits_whatever_happens_to_it():
    job = next(job for job in JOBS if job.name == "train")
    rows = list(Counting(job, seed=0, until=None).rows(KINDS, 1))
    assert [row["fault"] for row in rows] == list(KINDS)
    assert [(row["same"], row["traces"], row["lost"], row["other"]) for row in rows] == [(1, 0, [], [])] * len(rows)
