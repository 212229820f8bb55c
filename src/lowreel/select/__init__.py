"""Choosing by held-out data: stopping step, rank, similarity, decay, the generator's size."""

from __future__ import annotations

from ..measure import hold_out
from .fits import FEW, Found, expected, fit_chosen, fit_once, search_plan
from .search import Search, best_of, search, side_by_side, varied

__all__ = [
    "FEW",
    "Found",
    "Search",
    "best_of",
    "expected",
    "fit_chosen",
    "fit_once",
    "hold_out",
    "search",
    "search_plan",
    "side_by_side",
    "varied",
]
