"""Checkpoints: which versions are read, and what is said of the others."""

import fcntl
import os
import threading

import pytest
import torch

from lowreel import InputError
from lowreel.system.checkpoints import NEWEST, PREVIOUS, BusyError, folder_lock, is_locked, load_checkpoint
from lowreel.system.files import VERSIONS, write_tensors

REFUSED = {
    1: r"older lowreel \(file version 1, not 2\); start afresh$",
    None: r"older lowreel \(file version None, not 2\); start afresh$",
    3: r"newer lowreel \(file version 3\); upgrade to read it$",
}


def load(folder, kind):
    return load_checkpoint(folder, kind, lambda tensors, _: tensors)


@pytest.mark.parametrize("version", REFUSED)
@pytest.mark.parametrize("kind", ["state", "training"])
def test_another_version_is_refused_in_a_sentence(kind, version, tmp_path):
    """A checkpoint whose tensors have other names is not gone on with, and says what to do; the present one is read."""
    assert VERSIONS[kind] == 2
    write_tensors(tmp_path / NEWEST, kind, {"a": torch.ones(2)}, {"version": version})
    with pytest.raises(InputError, match=REFUSED[version]):
        load(tmp_path, kind)
    write_tensors(tmp_path / PREVIOUS, kind, {"a": torch.zeros(2)}, {})
    assert torch.equal(load(tmp_path, kind)["a"], torch.zeros(2))


def test_who_looks_whether_a_folder_is_locked_disturbs_nobody(tmp_path):
    """Neither another who looks nor who begins to work; two cannot work, and what cannot be opened is not locked."""
    looking = os.open(tmp_path, os.O_RDONLY)
    fcntl.flock(looking, fcntl.LOCK_SH)
    assert not is_locked(tmp_path)
    threading.Timer(0.05, os.close, [looking]).start()
    with folder_lock(tmp_path):
        assert is_locked(tmp_path)
        with pytest.raises(BusyError, match="another lowreel"), folder_lock(tmp_path):
            pass
    assert not is_locked(tmp_path)
    assert not is_locked(tmp_path / "none")
