"""Files that version 1 wrote are read for ever: each in tests/golden holds what this module says."""

from pathlib import Path

import torch

from lowreel import Measured, Representation
from lowreel.data import NoNoise

GOLDEN = Path(__file__).parent / "golden"


def test_data_of_version_1():
    """Operator, mask and values come back from the file of an earlier version, and belong together."""
    measured = Measured.load(GOLDEN / "data-1.safetensors")
    ramp = torch.arange(2 * 1 * 3 * 4).reshape(2, 1, 3, 4) / 24
    assert measured.operator.spec()["kind"] == "composed"
    assert torch.equal(measured.data, measured.operator(ramp))
    assert measured.operator.observed_mask().sum() == 9
    assert measured.times.tolist() == [0.0, 0.04]
    assert measured.noise == NoNoise()


def test_representation_of_version_1():
    """Codes on a basis and weights give the frame that they gave then."""
    found = Representation.load(GOLDEN / "representation-1.safetensors")
    assert (found.codes.rank, found.codes.parameters, len(found.times)) == (2, 3 * 1 + 4 + 4, 3)
    frame = found.frames(at=[0.04])[0, 0]
    torch.testing.assert_close(frame.diagonal(), torch.tensor(DIAGONAL), atol=1e-5, rtol=0)


DIAGONAL = [0.449977, 0.389114, 0.369777, 0.30826, 0.301119, 0.357909]
