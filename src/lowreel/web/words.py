"""The settings of a recovery as the page has them: in groups, each by what it means, its short name behind."""

from __future__ import annotations

from collections.abc import Mapping

GROUPS: Mapping[str, tuple[str, ...]] = {
    "Time": ("quality", "time", "steps"),
    "What is known of the clip": ("rank", "similarity", "linear", "ordered", "cuts"),
    "How it is judged": ("baselines", "heldout", "data_term"),
    "Network and method": ("generator", "preset", "seed"),
    "Long clips": ("section_frames",),
}
"""Settings by what they are about, those first that are changed most."""

MEANINGS = {
    "quality": "care in the choice of settings",
    "time": "seconds it may take",
    "steps": "epochs of a fit",
    "rank": "patterns that the frames are mixed of",
    "similarity": "likeness of frames that follow each other",
    "linear": "one motion, from one end to the other",
    "ordered": "that motion never turns back",
    "cuts": "scene cuts",
    "baselines": "simpler methods beside it",
    "heldout": "share of the data kept for judging",
    "data_term": "what an error of the data costs",
    "generator": "network that draws the frames",
    "preset": "method",
    "seed": "seed of all that is random",
    "section_frames": "frames of a section",
}
"""What a setting means, by its name."""


def said_in_words(name: str) -> str:
    """A setting in words with its name behind, where that says more; else its name."""
    plain = name.replace("_", " ")
    said = MEANINGS.get(name, plain)
    return said if plain in said else f"{said} ({plain})"
