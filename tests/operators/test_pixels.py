"""Pixels, blocks and frames that are missing, and colours of a mosaic: counted, and whole."""

import itertools

import numpy as np
import pytest
import torch

from lowreel.operators import Bayer, LinearOperator, Mask, MissingBlocks, MissingFrames, MissingPixels
from lowreel.operators.pixels import _smallest

close = torch.testing.assert_close


@pytest.mark.parametrize("ratio", [0.1, 0.5, 0.8, 0.95])
def test_missing_keeps_exactly_its_share_of_every_frame(ratio):
    """Each frame keeps round((1 - ratio) H W) pixels, the same ones in all channels, others in the next frame."""
    shape = (6, 3, 9, 7)
    mask = MissingPixels(shape, ratio, seed=4)(torch.ones(shape))
    assert mask.sum((2, 3)).unique().tolist() == [round((1 - ratio) * 63)]
    assert torch.equal(mask, mask[:, :1].expand(shape))
    assert all(not torch.equal(a, b) for a, b in itertools.combinations(mask, 2))


@pytest.mark.parametrize("values", [3, 2**63])
def test_the_smallest_words_are_those_of_a_stable_sort(values):
    """Also where many are equal."""
    words = np.random.default_rng(0).integers(values, size=200, dtype=np.uint64)
    for count in (1, 70, 199, 200):
        expected = np.zeros(200, bool)
        expected[np.argsort(words, kind="stable")[:count]] = True
        np.testing.assert_array_equal(_smallest(words, count), expected)


MASKS = {
    "others in each frame": MissingPixels((3, 2, 5, 4), 0.5),
    "alike": Mask((3, 2, 5, 4), torch.arange(20).view(5, 4) % 3 > 0),
    "alike, of each channel its own": Mask(
        (3, 2, 5, 4), (torch.arange(40).view(1, 2, 5, 4) % 3 > 0).expand(3, -1, -1, -1)
    ),
    "everything": Mask((3, 2, 5, 4), torch.ones(5, 4)),
    "a single frame": MissingPixels((1, 2, 5, 4), 0.5),
    "whole frames": MissingFrames((4, 2, 5, 4), 0.5),
}


@pytest.mark.parametrize("mask", MASKS.values(), ids=MASKS)
def test_masks_tell_their_repeats_as_a_clip_would(mask):
    """Without that clip, which is as large as the one that is sought."""
    known = (mask.observed_mask(),)
    assert mask.repeated_rows(known) == LinearOperator.repeated_rows(mask, known)


def test_blocks_are_whole_and_counted():
    """Each block of the grid is kept or dropped as a whole, the right number of them, others in each frame."""
    mask = MissingBlocks((6, 3, 20, 28), 0.7, 8, seed=1)(torch.ones(6, 3, 20, 28))[:, 0]
    grid = mask[:, ::8, ::8]
    close(grid.repeat_interleave(8, 1).repeat_interleave(8, 2)[:, :20, :28], mask)
    assert grid.flatten(1).sum(1).tolist() == [round(0.3 * 12)] * 6
    assert len({tuple(frame.flatten().tolist()) for frame in grid}) > 1


def test_frames_are_whole_and_counted():
    """Of 10 frames 4 are seen, every pixel of them."""
    seen = MissingFrames((10, 1, 3, 4), 0.6, seed=2)(torch.ones(10, 1, 3, 4)).flatten(1)
    assert sorted(seen.mean(1).tolist()) == [0] * 6 + [1] * 4


def test_a_mosaic_sees_one_colour_of_each_pixel():
    """In tiles of 2x2: here green and red above, blue and green below."""
    seen = Bayer((1, 3, 5, 4), "grbg")(torch.ones(1, 3, 5, 4))[0]
    assert seen.sum(0).eq(1).all()
    assert [int(seen[:, i, j].argmax()) for i, j in itertools.product((2, 3), (0, 1))] == [1, 0, 2, 1]
