"""Several clips to be recovered together, as one frozen model, and their names. Imports no torch."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal, Self

from pydantic import Field, model_validator

from ..errors import InputError
from ..settings import RecoverSettings, Settings
from ..system.files import split_member
from ..system.memory import parse_bytes
from ..system.names import CLIPS, is_clip_name
from .request import RunRequest

MOST_OF_A_SERIES = 1000
"""Clips that one series may name."""

_SERIES = re.compile(rf"({'|'.join(CLIPS)}):([0-9]+)\.\.([0-9]+)")


class TogetherRequest(Settings):
    """The recovery of several clips by one generator. Each of `clips` says where its data comes from; settings and
    output of all are those here.

    Raises InputError, in one sentence, for what several clips cannot have.
    """

    version: Literal[1] = Field(1, description="of this form")
    clips: tuple[RunRequest, ...] = Field(description="where the data of each clip comes from")
    always: bool = Field(False, description="whether the clips are not tried alone, for comparison")
    settings: RecoverSettings = Field(RecoverSettings(), description="how they are recovered")
    output: str | None = Field(None, description="folder of the run; None: a new one in runs/")

    @model_validator(mode="after")
    def _is_one_recovery(self) -> Self:
        if len(self.clips) < 2:
            raise ValueError("--together: expected two clips or more; leave it out for one")
        if any(clip.holdout is not None for clip in self.clips):
            raise ValueError("--holdout: is for one clip; of several the data of each is held out by itself")
        if any(clip.own_operator is not None for clip in self.clips):
            raise ValueError("--operator: an operator of your own is for one clip; use recover_together in Python")
        if self.settings.section_frames != "auto":
            raise ValueError("--section-frames: clips that are recovered together are not cut; leave it out")
        return self

    def check(self) -> None:
        """Raise InputError for mistakes that can be seen before torch is imported or a clip is read."""
        parse_bytes(self.settings.memory)
        for clip in self.clips:
            clip.check()

    def asked(self) -> dict[str, Any]:
        """The sources of the recovery as JSON with full paths; they have to be the same when a run goes on."""
        return {"clips": [clip.asked() for clip in self.clips], "always": self.always}

    def of_clips(self) -> dict[str, RunRequest]:
        """What is asked for of each clip, by its name, with the settings of all."""
        named = zip(clip_names(self.clips), self.clips, strict=True)
        return {name: clip.model_copy(update={"settings": self.settings, "output": None}) for name, clip in named}


def series(texts: Sequence[str | Path]) -> list[str]:
    """The clips that are named, each name of a series such as rotating-mnist:0..9 in place of the series.

    Raises InputError for a series that runs backwards, or is longer than MOST_OF_A_SERIES.
    """
    found: list[str] = []
    for text in map(str, texts):
        match = _SERIES.fullmatch(text)
        if match is None or Path(text).exists():
            found.append(text)
            continue
        first, last = int(match[2]), int(match[3])
        if not first <= last < first + MOST_OF_A_SERIES:
            raise InputError(f"{text}: expected FIRST..LAST, rising, of at most {MOST_OF_A_SERIES} clips")
        found += [f"{match[1]}:{number}" for number in range(first, last + 1)]
    return found


def clip_names(clips: Sequence[RunRequest]) -> list[str]:
    """A name for the folder of each clip: that of its file or of what is drawn, numbered where several are alike."""
    stems = [_stem(str(clip.data or clip.clip)) for clip in clips]
    count = Counter(stem.casefold() for stem in stems)
    names = [s if count[s.casefold()] == 1 else f"{s}-{k:03d}" for k, s in enumerate(stems)]
    if len({name.casefold() for name in names}) < len(names):  # a file is called like another one that was numbered
        names = [f"clip-{k:03d}" for k in range(len(names))]
    return names


def _stem(source: str) -> str:
    if is_clip_name(source):
        text = source
    else:
        file, member = split_member(source)
        text = file.stem if member is None else f"{file.stem}-{member}"
    return re.sub(r"[^\w.-]+", "-", text).strip("-.") or "clip"
