"""Where data is looked for that does not come with the package."""

from __future__ import annotations

import os

PLACES = ("data", ".", "../data", "../shared/data")
"""Folders, as seen from the one that is worked in."""


def data_places() -> tuple[str, ...]:
    """Folders that may hold what a user has got: those of the environment variable LOWREEL_DATA first."""
    given = [place for place in os.environ.get("LOWREEL_DATA", "").split(os.pathsep) if place]
    return (*given, *PLACES)
