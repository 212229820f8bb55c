"""Damaged copies of the files that Lowreel writes are read, or refused in a sentence; `benchmarks damage` in short."""

import random

import pytest

from benchmarks import damage

COPIES = 25

OWN = ("data", "representation", "weights", "packed", "checkpoint", "run", "summary", "config", "manifest", "clip")


@pytest.mark.parametrize("name", OWN)
def test_damaged_copies_are_read_or_refused(name, tmp_path):
    kind = next(kind for kind in damage.KINDS if kind.name == name)
    kind.make(tmp_path)
    path, draw = tmp_path / kind.file, random.Random(f"short {name}")
    whole = path.read_bytes()
    kind.read(tmp_path)
    found = []
    for _ in range(COPIES):
        path.unlink()
        path.write_bytes(damage.damaged(whole, draw))
        found.append(damage.answer(kind, tmp_path))
    assert [told for answer, told in found if answer == "other"] == []
    assert "refused" in [answer for answer, _ in found]
