"""`lowreel batch --ray`: a worker and a node die while rows run, and the results are those without Ray."""

import json
import os
import signal
import sys
import threading
import time

import numpy as np
import pytest
from conftest import moving

from lowreel.errors import InputError
from lowreel.jobs.cluster import check_room, performed_on_ray
from lowreel.jobs.manifest import read_manifest
from lowreel.jobs.worker import perform_row
from lowreel.settings import BatchSettings

ray = pytest.importorskip("ray", reason="Ray is not installed: pip install 'lowreel[cluster]'")

ROWS = 4


@pytest.fixture(autouse=True)
def _not_nice(monkeypatch):
    """Ray's workers give way to all others, and on a busy machine get nothing."""
    monkeypatch.setenv("RAY_worker_niceness", "0")
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(sys.path))


@pytest.fixture
def cluster(_not_nice):
    """A head without cores of its own and two nodes of one each, on this machine."""
    from ray.cluster_utils import Cluster

    made = Cluster(initialize_head=True, head_node_args={"num_cpus": 0, "include_dashboard": False})
    nodes = [made.add_node(num_cpus=1) for _ in range(2)]
    made.wait_for_nodes()
    yield made, nodes
    made.shutdown()


def workers():
    """Processes that work on a row."""
    found = []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{pid}/cmdline", "rb") as file:
                if file.read().startswith(b"ray::perform_row"):
                    found.append(int(pid))
        except (FileNotFoundError, ProcessLookupError):
            continue
    return found


def wait_for(condition, seconds=500):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.1)


def test_rows_survive_a_worker_and_a_node(tmp_path, cluster):
    """Every row finishes, to the bits of one that is made here."""
    made, nodes = cluster
    np.save(tmp_path / "clip.npy", moving())
    rows = [{"name": f"r{k}", "clip": "clip.npy", "operator": "missing", "seed": k} for k in range(ROWS)]
    (tmp_path / "m.jsonl").write_text("\n".join(map(json.dumps, rows)))
    common = {"quality": "draft", "baselines": "none", "steps": 300}
    found = read_manifest(str(tmp_path / "m.jsonl"), common)
    ended = performed_on_ray(found, tmp_path / "ray", BatchSettings(ray=made.address))

    def kill():
        wait_for(workers)
        time.sleep(1)
        os.kill(workers()[0], signal.SIGKILL)
        wait_for(lambda: len(workers()) == 2)
        made.remove_node(nodes[1], allow_graceful=False)

    killer = threading.Thread(target=kill)
    killer.start()
    records = {record.name: record for record in ended}
    killer.join()
    assert {name: record.status for name, record in records.items()} == {f"r{k}": "finished" for k in range(ROWS)}
    for row in found:
        assert perform_row(row, tmp_path / "here", 1).status == "finished"
        one, other = (np.load(tmp_path / folder / row.name / "recovered.npy") for folder in ("ray", "here"))
        np.testing.assert_array_equal(one, other)


def test_ray_on_this_machine_alone(tmp_path, command):
    """--ray without an address starts a cluster, and ends it."""
    np.save(tmp_path / "clip.npy", moving())
    words = ["batch", tmp_path / "clip.npy", "--operator", "missing", "--ray", "-o", tmp_path / "out"]
    done = command(*words, "--quality", "draft", "--baselines", "none", "--steps", "2")
    assert done.code == 0, done.err
    assert "1 finished of 1 rows" in done.out
    assert not ray.is_initialized()


def test_one_node_has_to_have_all_that_a_row_asks_for():
    """Else its task would wait for ever."""
    nodes = [{"CPU": 1.0, "memory": 64e9}, {"CPU": 8.0, "memory": 4e9}]
    check_room(nodes, {"CPU": 8, "GPU": 0, "memory": 0})
    check_room(nodes, {"CPU": 4, "GPU": 0, "memory": 4e9})
    for wanted in ({"CPU": 2, "memory": 5e9}, {"CPU": 1, "GPU": 0.5}, {"CPU": 9}):
        with pytest.raises(InputError, match="no node has that"):
            check_room(nodes, wanted)
