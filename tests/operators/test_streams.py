"""Random numbers by address, and the bits that operators make of them, which no later version may change."""

import hashlib
import itertools
import math

import numpy as np
import pytest
import torch

from lowreel.operators import (
    Cosine,
    Fourier,
    Gaussian,
    MissingBlocks,
    MissingFrames,
    MissingPixels,
    Signs,
    SinglePixel,
    Snapshot,
)
from lowreel.system import streams


def test_numbers_have_an_address():
    """Rows drawn one by one, in blocks or in another order are the same numbers."""
    whole = streams.normals(7, streams.GAUSSIAN, 3, range(6), 11)
    one_by_one = [streams.normals(7, streams.GAUSSIAN, 3, range(row, row + 1), 11)[0] for row in reversed(range(6))]
    assert np.array_equal(whole, one_by_one[::-1])
    assert np.array_equal(whole[2:5], streams.normals(7, streams.GAUSSIAN, 3, range(2, 5), 11))
    assert np.array_equal(whole / np.float32(math.sqrt(6)), Gaussian((4, 1, 1, 11), 6, seed=7).matrix(3).numpy())


def test_streams_do_not_overlap():
    """Another seed, purpose, frame or row gives other words."""
    addresses = itertools.product((0, 1), (streams.MASK, streams.NOISE), (0, 1), (0, 1))
    words = np.concatenate([streams.raw(*address, 8) for address in addresses])
    assert len(set(words.tolist())) == 16 * 8


GOLDEN_WORDS = [15003734204198539638, 13859618513508960101, 12389738016430293093]
GOLDEN_ADDRESSED = [3438167997004147659, 11259923813280968786]
GOLDEN_NORMALS = [6.7637057, 6.5992794, 1.17741, 1.5258789e-05, -3.1989481, 0.0, 0.0, 0.0, -2.2322357e-14, -0.773907]
GOLDEN_MASK = [[0, 0, 1, 1, 0, 0, 1, 1, 0, 1, 1, 0], [0, 0, 0, 1, 1, 1, 0, 0, 1, 0, 1, 1]]
GOLDEN_ROWS = [
    [[-0.32048246, 0.9058036, -0.32023963], [-0.12415239, 1.2320446, -0.95173025]],
    [[-0.54498756, -0.6072991, -0.23172402], [-1.0872195, 0.08750335, -0.82367855]],
]


def test_golden_numbers():
    """Numbers that no later version may change: words, normals, a mask, a matrix (streams version 1)."""
    assert streams.VERSION == 1
    assert list(range(1, 9)) == [
        streams.MASK,
        streams.GAUSSIAN,
        streams.NOISE,
        streams.PROBE,
        streams.HELDOUT,
        6,
        streams.ORDER,
        streams.CHECK,
    ]
    assert streams.raw(0, streams.MASK, 0, 0, 3).tolist() == GOLDEN_WORDS
    assert streams.raw(5, streams.GAUSSIAN, 2, 3, 2).tolist() == GOLDEN_ADDRESSED
    words = np.array([0, 2**32, 2**63, 2**64 - 1, 0x0123456789ABCDEF], np.uint64)
    np.testing.assert_allclose(streams.to_normals(words), GOLDEN_NORMALS, rtol=1e-6, atol=1e-9)
    assert MissingPixels((2, 1, 3, 4), 0.5, seed=0).mask.int().flatten(1).tolist() == GOLDEN_MASK
    matrices = [Gaussian((2, 1, 1, 3), 2, seed=0).matrix(t) for t in range(2)]
    np.testing.assert_allclose(torch.stack(matrices), GOLDEN_ROWS, rtol=1e-6)


BITS = {
    "blocks": (lambda: MissingBlocks((2, 1, 8, 8), 0.5, 2).mask, "f931d82b6802"),
    "frames": (lambda: MissingFrames((9, 1, 1, 1), 0.5).mask, "426944f82e5f"),
    "signs": (lambda: Signs((2, 1, 4, 5), 3).held, "ff6604c8ad9a"),
    "snapshot": (lambda: Snapshot((4, 1, 5, 70), 4).codes, "7e6e470e1413"),
    "rows": (lambda: Fourier((3, 1, 20, 4), "rows", 0.4).mask, "30e392bf50ac"),
    "single-pixel": (lambda: SinglePixel((2, 1, 5, 7), 9, "random").places, "a92ceebc9699"),
    "pixel signs": (lambda: SinglePixel((2, 1, 5, 7), 9, "random").signs > 0, "ee56772eef2c"),
    "cake": (lambda: SinglePixel((2, 1, 5, 7), 9, "cake").places, "6159410b8e60"),
    "dct": (lambda: Cosine((2, 1, 5, 7), 9).places, "94ea3d42747a"),
    "radial": (lambda: Fourier((3, 1, 20, 14), "radial", 3).mask, "701d75b25bfd"),
}


@pytest.mark.parametrize(("tensor", "expected"), BITS.values(), ids=BITS)
def test_random_bits_stay_what_they_are(tensor, expected):
    """A file holds the seed alone: the same seed has to give the same operator for good."""
    assert hashlib.sha256(tensor().to(torch.uint8).contiguous().numpy().tobytes()).hexdigest()[:12] == expected
