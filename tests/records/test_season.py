"""A yearly cycle in the background of a record: only where the record is long enough, and hidden values say so."""

import numpy as np
import pytest

from lowreel.records.methods import Section
from lowreel.records.season import with_season, year_in

SEASONS = {
    "two and a half years": (30, "months", 2.0, True),
    "in days": (30, "days", 2.0, True),
    "within a year": (11, "months", 2.0, False),
    "without a cycle": (30, "months", 0.0, False),
    "of no unit": (30, "frames", 2.0, False),
}


@pytest.mark.parametrize(("count", "unit", "size", "expected"), SEASONS.values(), ids=SEASONS)
def test_a_yearly_cycle_is_taken_where_hidden_values_say_so(count, unit, size, expected):
    """Of records longer than a year, whose pixels have cycles of unlike size."""
    y, x = np.mgrid[:14, :16]
    months = np.arange(count, dtype=float)
    values = size * np.cos(2 * np.pi * months / 12)[:, None, None] * (x / 8 - 1) + y
    values = (values + 0.3 * np.random.default_rng(0).standard_normal(values.shape)).astype("f4")
    seen = np.stack([(y - 7) ** 2 + (x - k % 16) ** 2 > 25 for k in range(0, 3 * count, 3)])
    times = months * {"months": 1.0, "days": 30.44, "frames": 1.0}[unit]
    section = with_season(Section(np.where(seen, values, 0), seen, times, ~seen), unit)
    assert (section.year is not None) == expected


@pytest.mark.parametrize(
    ("unit", "days"), [("days", 1), ("Day", 1), ("h", 24), ("hours", 24), ("sec", 86400), ("months", 12 / 365.2425)]
)
def test_a_year_in_units_of_time(unit, days):
    """As files call them."""
    assert year_in(unit) == pytest.approx(365.2425 * days)
