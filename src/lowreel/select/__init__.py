"""Choosing by held-out data: stopping step, rank, similarity, decay, the generator's size."""

from __future__ import annotations

from .fits import FEW, Found, fit_chosen, fit_once, in_place_of, planned, search_plan, with_precision
from .search import Search, best_of, search, side_by_side, varied

__all__ = [
    "FEW",
    "Found",
    "Search",
    "best_of",
    "fit_chosen",
    "fit_once",
    "in_place_of",
    "planned",
    "search",
    "search_plan",
    "side_by_side",
    "varied",
    "with_precision",
]
