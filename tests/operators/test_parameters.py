"""Parameters of operators that are out of range are refused, in words that say what was wanted and what came."""

import math

import pytest
import torch
from cases import SHAPE, H, T, W, kept

from lowreel.errors import InputError
from lowreel.operators import (
    Bayer,
    Blur,
    Cosine,
    Downsample,
    Fourier,
    Functions,
    Gaussian,
    Identity,
    LongExposure,
    Mask,
    MissingBlocks,
    MissingFrames,
    MissingPixels,
    Signs,
    SinglePixel,
    Snapshot,
    Stacked,
)

REFUSED = {
    "ratio 0": (lambda: MissingPixels(SHAPE, 0), "got 0; 0.8 drops 80 %"),
    "ratio 1": (lambda: MissingPixels(SHAPE, 1), "got 1"),
    "keeps no pixel": (lambda: MissingPixels(SHAPE, 0.99), "keeps no pixel of a 4x3 frame"),
    "m 0": (lambda: Gaussian(SHAPE, 0), "m from 1 to C H W = 24 .* got 0"),
    "m too large": (lambda: Gaussian(SHAPE, 25), "got 25"),
    "mask size": (lambda: Mask(SHAPE, kept(W, H)), r"got \(3, 4\); resize the mask"),
    "mask channels": (lambda: Mask(SHAPE, kept(T, 3, H, W)), r"got \(5, 3, 4, 3\)"),
    "fourier mask of no numbers": (lambda: Fourier(SHAPE, "mask", mask=torch.full((H, W), math.nan)), "not finite"),
    "mask of no numbers": (lambda: Mask(SHAPE, torch.full((H, W), math.nan)), "not finite"),
    "empty mask": (lambda: Mask(SHAPE, torch.zeros(H, W)), "hides every pixel"),
    "identity, 2 axes": (lambda: Identity(SHAPE[2:]), r"expected a clip shape \(T, C, H, W\)"),
    "missing, 2 axes": (lambda: MissingPixels(SHAPE[2:], 0.5), r"expected a clip shape \(T, C, H, W\)"),
    "mask, 2 axes": (lambda: Mask(SHAPE[2:], kept(H, W)), r"expected a clip shape \(T, C, H, W\)"),
    "gaussian, 2 axes": (lambda: Gaussian(SHAPE[2:], 3), r"expected a clip shape \(T, C, H, W\)"),
    "no frame": (lambda: Identity((0, 1, 4, 4)), "expected a clip shape"),
    "composed": (lambda: Mask(SHAPE, kept(H, W)) @ Gaussian(SHAPE, 7), r"Mask @ Gaussian: .*gives \(5, 7\)"),
    "stack of other clips": (lambda: Stacked([Identity(SHAPE), Identity((1, 1, 2, 2))]), "for one clip shape"),
    "stack in a stack": (
        lambda: Stacked([Identity(SHAPE), Stacked([Identity(SHAPE)])]),
        "one of the operators is a stack itself",
    ),
    "chain of a spectrum": (lambda: Identity(SHAPE) @ Fourier(SHAPE, "radial", 2), "complex data, which is no clip"),
    "stack of none": (lambda: Stacked([]), "got none"),
    "not functions": (lambda: Functions(1, 2, SHAPE), "expected two functions"),
}


@pytest.mark.parametrize(("make", "message"), REFUSED.values(), ids=REFUSED)
def test_wrong_parameters_are_refused(make, message):
    """What cannot be built is refused by a message that names what came."""
    with pytest.raises(InputError, match=message):
        make()


NOT_BUILT = {
    "block": (lambda: MissingBlocks(SHAPE, 0.5, 9), "a block of 1 to 4 pixels, got 9"),
    "all blocks": (lambda: MissingBlocks(SHAPE, 0.99, 2), "keeps no block"),
    "all frames": (lambda: MissingFrames(SHAPE, 0.95), r"keeps no frame \(of 5\)"),
    "no frame named": (lambda: MissingFrames(SHAPE, dropped=[]), "some of the frames 0 to 4 to drop, .* got none"),
    "frames that are not there": (lambda: MissingFrames(SHAPE, dropped=[3, 5]), "frames 0 to 4 .* got 3 to 5"),
    "every frame named": (lambda: MissingFrames(SHAPE, dropped=range(5)), "not all of them"),
    "signs": (lambda: Signs(SHAPE, 0), "signs: expected m from 1"),
    "together": (lambda: Snapshot(SHAPE, 6), "expected 1 to 5 frames together, got 6"),
    "snapshot mask": (lambda: Snapshot(SHAPE, 2, mask=torch.ones(3, H, W)), r"expected a mask of shape \(2, 4, 3\)"),
    "dark mask": (lambda: Snapshot(SHAPE, 2, mask=torch.zeros(2, H, W)), "not all of them zero"),
    "rows": (lambda: Fourier(SHAPE, "rows", 1.5), "a share of the rows"),
    "lines": (lambda: Fourier(SHAPE, "radial", 0.5), "a whole number of radial lines"),
    "pattern": (lambda: Fourier(SHAPE, "spiral", 2), "the pattern rows or radial, or mask"),
    "no mask": (lambda: Fourier(SHAPE, "mask"), "or mask with a mask, got mask"),
    "fourier mask": (lambda: Fourier(SHAPE, "mask", mask=kept(W, H)), r"got \(3, 4\)"),
    "dark fourier mask": (lambda: Fourier(SHAPE, "mask", mask=torch.zeros(H, W)), "keeps nothing"),
    "patterns": (lambda: SinglePixel(SHAPE, 13), "from 1 to H W = 12 numbers per frame and channel, got 13"),
    "order": (lambda: Cosine(SHAPE, 3, "high"), "the order random or low, got high"),
    "sigma": (lambda: Blur(SHAPE, 0.0), "a sigma above 0"),
    "two kernels": (lambda: Blur(SHAPE, 1.0, kernel=torch.ones(3, 3)), "or a kernel"),
    "even kernel": (lambda: Blur(SHAPE, kernel=torch.ones(2, 3)), r"odd sizes, got \(2, 3\)"),
    "factor": (lambda: Downsample(SHAPE, 5), "a factor from 2 to 4, got 5"),
    "grey mosaic": (lambda: Bayer((2, 1, 4, 4)), "C = 3, got C = 1"),
    "tile": (lambda: Bayer((2, 3, 4, 4), "rgbg"), "got rgbg"),
    "long exposure": (lambda: LongExposure(SHAPE, 6), "2 to 5 frames together, got 6"),
}


@pytest.mark.parametrize(("build", "message"), NOT_BUILT.values(), ids=NOT_BUILT)
def test_parameters_out_of_range_are_refused(build, message):
    """By what was expected and what came."""
    with pytest.raises(InputError, match=message):
        build()
