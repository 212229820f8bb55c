"""Files that earlier versions wrote are read for ever: each in tests/golden holds what this module says."""

import hashlib
from pathlib import Path

import pytest
import torch

from lowreel import Measured, Representation, read_packed
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


@pytest.mark.parametrize("version", [1, 2, 3])
def test_packed_clip(version):
    """Its whole numbers are to the bit what they were, and give the frame that they gave then."""
    packed = read_packed(GOLDEN / f"packed-{version}.lowreel")
    numbers = b"".join(values.tobytes() for values in packed.values.values())
    assert hashlib.sha256(numbers).hexdigest() == NUMBERS
    assert (packed.times.tolist(), packed.levels, packed.rate) == ([0.0, 0.04, 0.1], (2.0, -1.0), 25)
    packed.check_drawing_fits(GOLDEN, 2**20, "give --memory")
    frame = packed.representation().frames(at=[0.04])[0, 0]
    torch.testing.assert_close(frame.diagonal(), torch.tensor(PACKED_DIAGONAL), atol=1e-5, rtol=0)
    assert packed.to_bytes() == (GOLDEN / f"packed-{version}.lowreel").read_bytes()


@pytest.mark.parametrize("version", [1, 2, 3])
def test_packed_maps(version):
    """The same of a clip whose codes are maps."""
    packed = read_packed(GOLDEN / f"packed-{version}-maps.lowreel")
    numbers = b"".join(values.tobytes() for values in packed.values.values())
    assert hashlib.sha256(numbers).hexdigest() == NUMBERS_OF_MAPS
    packed.check_drawing_fits(GOLDEN, 2**20, "give --memory")
    frame = packed.representation().frames(at=[0.1])[0, 0]
    torch.testing.assert_close(frame.diagonal(), torch.tensor(DIAGONAL_OF_MAPS), atol=1e-5, rtol=0)
    assert packed.to_bytes() == (GOLDEN / f"packed-{version}-maps.lowreel").read_bytes()


def test_packed_maps_that_move():
    """The same of a clip whose maps are read by the motion of a camera, which no file before version 3 had."""
    packed = read_packed(GOLDEN / "packed-3-motion.lowreel")
    numbers = b"".join(values.tobytes() for values in packed.values.values())
    assert hashlib.sha256(numbers).hexdigest() == NUMBERS_OF_MOTION
    packed.check_drawing_fits(GOLDEN, 2**20, "give --memory")
    frame = packed.representation().frames(at=[0.1])[0, 0]
    torch.testing.assert_close(frame.diagonal(), torch.tensor(DIAGONAL_OF_MOTION), atol=1e-5, rtol=0)
    assert packed.to_bytes() == (GOLDEN / "packed-3-motion.lowreel").read_bytes()


NUMBERS = "07a03367bd7438ce2d9c35045ebb28067ebecc1b528e998fa336b03742ed036f"
PACKED_DIAGONAL = [0.516561, 0.449444, 0.413915, 0.419183, 0.442842]
NUMBERS_OF_MAPS = "6a832b5f5e74df24989172c683fba42425dd561cdf434a38e5da9ee902473afa"
DIAGONAL_OF_MAPS = [
    0.495999,
    0.502203,
    0.491155,
    0.507812,
    0.499577,
    0.509404,
    0.50309,
    0.510229,
    0.506714,
    0.503284,
    0.50812,
    0.498194,
]
NUMBERS_OF_MOTION = "950ff71329909f970fd4be71c829ecbf70bb317d48b4e1ce465d4bd94601d39c"
DIAGONAL_OF_MOTION = [
    0.506475,
    0.50079,
    0.491995,
    0.582226,
    0.484133,
    0.562079,
    0.535071,
    0.511217,
    0.567216,
    0.487174,
    0.540212,
    0.438527,
]
