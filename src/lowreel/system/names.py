"""Names that may stand where a file stands: drawn clips, sets of images, generators. Imports no torch."""

from __future__ import annotations

import re
from pathlib import Path

CLIPS = ("rotating-mnist", "moving-mnist", "color-wheel", "beating-heart")
"""Families of drawn clips; `io.video.open_clip` draws them."""

SETS = ("mnist", "cifar10")
"""Sets of training images that `datasets.open_images` knows by name."""

GENERATORS = ("auto", "decoder", "lean", "dcgan", "paper-grey", "paper-rgb")
"""What `--generator` takes beside a file."""

_CLIP = re.compile(rf"({'|'.join(CLIPS)})(?::([0-9]+))?")


def is_clip_name(text: str | Path) -> bool:
    """Whether this names a drawn clip (a file or folder of that very name comes first)."""
    return _CLIP.fullmatch(str(text)) is not None and not Path(text).exists()


def is_wrong_clip_name(text: str | Path) -> bool:
    """Whether this begins like the name of a drawn clip, but is none and no file either."""
    return str(text).split(":")[0] in CLIPS and not is_clip_name(text) and not Path(text).exists()


def split_clip_name(text: str | Path) -> tuple[str, int]:
    """Family and number, which is 0 if left out, of a name for which `is_clip_name` holds."""
    match = _CLIP.fullmatch(str(text))
    assert match is not None
    return match[1], int(match[2] or 0)


def source_text(source: str | Path) -> str:
    """The name of a drawn clip as it is, or the full path of a file."""
    return str(source) if is_clip_name(source) else str(Path(source).resolve())


def file_text(text: str, names: tuple[str, ...]) -> str:
    """One of `names` as it is, else the full path of a file, else the text as it is."""
    return text if text in names or not Path(text).exists() else str(Path(text).resolve())
