"""The colours of curves: how far apart they are for each kind of colour vision."""

from itertools import combinations

import numpy as np
import pytest
from matplotlib.colors import to_rgb
from skimage.color import deltaE_cie76, rgb2lab

from lowreel.system.colours import FITTED_COLOUR, HELD_OUT_COLOUR, TRUE_COLOUR

VISION = {
    "usual": np.eye(3),
    "protanopia": [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]],
    "deuteranopia": [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]],
    "tritanopia": [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.303900]],
}
"""What is seen of linear red, green and blue (Machado, Oliveira and Fernandes, 2009, severity 1)."""

ENOUGH = 50.0
"""Delta E (CIE 1976) by which thin lines are told apart at a glance; just noticeable is 2.3."""


def difference(one, other, vision):
    """Delta E of two colours as they are seen."""
    linear = np.array([to_rgb(one), to_rgb(other)])
    linear = np.where(linear <= 0.04045, linear / 12.92, ((linear + 0.055) / 1.055) ** 2.4)
    seen = np.clip(linear @ np.transpose(VISION[vision]), 0, 1)
    seen = np.where(seen <= 0.0031308, 12.92 * seen, 1.055 * seen ** (1 / 2.4) - 0.055)
    return float(deltaE_cie76(*rgb2lab(seen)))


@pytest.mark.parametrize("vision", VISION)
@pytest.mark.parametrize("pair", list(combinations((FITTED_COLOUR, HELD_OUT_COLOUR, TRUE_COLOUR), 2)), ids=" ".join)
def test_curves_are_told_apart(pair, vision):
    assert difference(*pair, vision) > ENOUGH


def test_what_was_drawn_before_was_not():
    """The measure itself: orange and green of matplotlib, 32 with deuteranopia and 5 with protanopia."""
    assert difference("tab:orange", "tab:green", "deuteranopia") == pytest.approx(32, abs=1)
    assert difference("tab:orange", "tab:green", "protanopia") == pytest.approx(5, abs=1)
