"""The clip nearest to another one that agrees with the data."""

import pytest
import torch
from cases import OPERATORS, SHAPE, T, dense, flat, kept, levels

from lowreel.operators import Gaussian, MissingPixels, project_onto_data

close = torch.testing.assert_close


@pytest.fixture(params=OPERATORS.values(), ids=OPERATORS)
def operator(request):
    return request.param().double()


def test_nearest_consistent_is_the_projection(operator):
    """x + M^+ (y - M x): it meets the data, and no clip that does is closer."""
    x, start = levels(*SHAPE), levels(*SHAPE, seed=1)
    y, matrix = operator(x), dense(operator)
    found = project_onto_data(start, operator, y, operator.observed_mask(), iterations=1000, tolerance=1e-13)
    close(flat(operator(found)), flat(y))
    close(found.flatten(), start.flatten() + torch.linalg.pinv(matrix) @ (flat(y) - matrix @ start.flatten()))


def test_nearest_consistent_leaves_other_entries_alone():
    """Only the rows of the entries that are true are met."""
    operator = Gaussian(SHAPE, 7).double()
    start, y = levels(*SHAPE), operator(levels(*SHAPE, seed=1))
    entries = kept(T, 7)
    found = project_onto_data(start, operator, y, entries, iterations=1000, tolerance=1e-13)
    matrix = dense(operator)[entries.flatten()]
    close(operator(found)[entries], y[entries])
    difference = y[entries] - operator(start)[entries]
    close(found.flatten(), start.flatten() + torch.linalg.pinv(matrix) @ difference)


def test_nearest_consistent_puts_pixels_in_as_observed():
    """Known pixels become the data to rounding, unknown ones are untouched to the bit."""
    operator = MissingPixels(SHAPE, 0.5)
    start, y = levels(*SHAPE, dtype=torch.float32), operator(levels(*SHAPE, seed=1, dtype=torch.float32))
    found, seen = project_onto_data(start, operator, y, operator.observed_mask()), operator.observed_mask()
    close(found[seen], y[seen])
    assert torch.equal(found[~seen], start[~seen])


def test_nearest_consistent_keeps_a_clip_that_agrees():
    """A clip that meets the data already comes back as it is."""
    operator, x = Gaussian(SHAPE, 7), levels(*SHAPE, dtype=torch.float32)
    assert torch.equal(project_onto_data(x, operator, operator(x), operator.observed_mask()), x)
