"""Whether the background of a record has a yearly cycle: where it is longer than a year and hidden values say so."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from .choice import hidden_values
from .methods import Section

YEARS = {
    "years": 1.0,
    "months": 12.0,
    "days": 365.2425,
    "hours": 24 * 365.2425,
    "minutes": 24 * 60 * 365.2425,
    "seconds": 24 * 3600 * 365.2425,
}
"""Length of a year in units of time."""

OTHER_NAMES = {"d": "days", "h": "hours", "hr": "hours", "hrs": "hours", "min": "minutes", "mins": "minutes"}
OTHER_NAMES |= {"s": "seconds", "sec": "seconds", "secs": "seconds"}

LEAST_GAIN = 0.02
"""By which share of the error at hidden values the cycle has to be better."""


def year_in(unit: str) -> float | None:
    """Length of a year in a unit of time, days or hours say; None for one that says nothing of years."""
    name = OTHER_NAMES.get(unit.lower(), unit.lower())
    return YEARS.get(name) or YEARS.get(f"{name}s")


def is_longer(times: np.ndarray, year: float) -> bool:
    """Whether times (T,) span more than a year, not all at the same time of it."""
    phase = np.exp(2j * np.pi * (times - times[0]) / year)
    return bool(times[-1] - times[0] > year and np.abs(phase - phase[0]).max() > 0.5)


def with_season(section: Section, unit: str) -> Section:
    """The section, whose background has a yearly cycle where that lowers the background's error at hidden values.

    unit: of its times.
    """
    year = year_in(unit)
    if year is None or not is_longer(section.times, year):
        return section
    hidden = hidden_values(section, 0)
    if hidden is None or not (section.known & ~hidden).any():
        return section
    errors = []
    for own in (None, year):
        trial = replace(section, known=section.known & ~hidden, year=own)
        errors.append(float(np.square((section.values - trial.background.clip)[hidden]).mean()) ** 0.5)
    if errors[1] > (1 - LEAST_GAIN) * errors[0]:
        return section
    others = tuple(replace(other, year=year) for other in section.others)
    return replace(section, year=year, others=others)
