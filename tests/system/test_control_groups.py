"""Limits of containers and of a scheduler's jobs are seen, of both versions of control groups."""

import pytest

from lowreel.system.control_groups import core_limits, memory_limits
from lowreel.system.processes import cores

MEMORY = [
    ("0::/job/step\n", {"job/memory.max": "5000", "job/step/memory.max": "max"}, {5000}),
    ("0::/job/step\n", {"memory.max": "7000", "job/step/memory.max": "6000"}, {6000, 7000}),
    ("4:cpu:/x\n3:memory:/job\n", {"memory/job/memory.limit_in_bytes": "8000"}, {8000}),
    ("0::/elsewhere\n", {"memory.max": "9000"}, {9000}),
    (None, {}, set()),
]
CORES = [
    ("0::/job/step\n", {"job/cpu.max": "50000 100000", "job/step/cpu.max": "max 100000"}, {0.5}),
    ("0::/\n", {"cpu.max": "250000 100000\n"}, {2.5}),
    ("3:cpu,cpuacct:/job\n", {"cpu/job/cpu.cfs_quota_us": "200000", "cpu/job/cpu.cfs_period_us": "100000"}, {2.0}),
    ("3:cpu,cpuacct:/\n", {"cpu/cpu.cfs_quota_us": "-1", "cpu/cpu.cfs_period_us": "100000"}, set()),
    ("3:cpuset:/\n", {"cpu/cpu.cfs_quota_us": "200000"}, set()),
    ("0::/\n", {"cpu.max": "broken"}, set()),
]


@pytest.mark.parametrize(
    ("found", "own", "files", "limits"),
    [*((memory_limits, *case) for case in MEMORY), *((core_limits, *c) for c in CORES)],
)
def test_limits_of_control_groups(found, own, files, limits, tmp_path):
    """That of the process's own group and of those above it: a scheduler sets it on the job's."""
    for name, text in files.items():
        (tmp_path / "groups" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "groups" / name).write_text(text)
    if own is not None:
        (tmp_path / "own").write_text(own)
    assert set(found(tmp_path / "groups", tmp_path / "own")) == limits


@pytest.mark.parametrize(("quotas", "count"), [([], 3), ([8.0], 3), ([8.0, 1.5], 2), ([0.5], 1)])
def test_cores_respect_quotas(quotas, count, monkeypatch):
    """Half a core is one process."""
    monkeypatch.setattr("os.sched_getaffinity", lambda _: {0, 1, 2}, raising=False)
    monkeypatch.setattr("lowreel.system.processes.core_limits", lambda: iter(quotas))
    assert cores() == count
