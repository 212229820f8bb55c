"""`--together`: several clips by one generator."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ..errors import InputError
from ..jobs.display import Screen, show_clips
from ..jobs.request import RunRequest
from ..jobs.telling import Telling
from ..jobs.together_request import TogetherRequest, series
from ..runs.config import is_group
from ..settings import RecoverSettings, TogetherSettings


def simulated_together(
    clips: Sequence[Path],
    about: Mapping[str, Any],
    sharing: TogetherSettings,
    settings: RecoverSettings,
    output: Path | None,
    resume: bool,
    telling: Telling,
) -> None:
    """Measure clips and recover them together, or go on with that. about: what each is measured with."""
    _check_asked(clips, sharing)
    requests = tuple(RunRequest(clip=clip, **about, settings=settings) for clip in series(clips))
    _run(requests, sharing, settings, output, resume, telling)


def recovered_together(
    data: Sequence[Path],
    truths: Sequence[Path],
    about: Mapping[str, Any],
    sharing: TogetherSettings,
    settings: RecoverSettings,
    output: Path | None,
    telling: Telling,
) -> None:
    """Recover measured clips together. truths: none, or the true clip of each; raises InputError for another number."""
    _check_asked(data, sharing)
    if truths and len(truths) != len(data):
        raise InputError(f"--truth: expected none, or one for each of {len(data)} clips in their order")
    pairs = zip(data, truths or len(data) * [None], strict=True)
    requests = tuple(RunRequest(data=one, truth=truth, **about, settings=settings) for one, truth in pairs)
    _run(requests, sharing, settings, output, False, telling)


def _check_asked(clips: Sequence[Path], sharing: TogetherSettings) -> None:
    if not sharing.is_meant:
        raise InputError(
            f"{clips[1]}: one clip at a time; add --together (with snapshot and exposure --clips-together) to recover "
            "them by one generator, or see lowreel batch"
        )


def _run(
    clips: tuple[RunRequest, ...],
    sharing: TogetherSettings,
    settings: RecoverSettings,
    output: Path | None,
    resume: bool,
    telling: Telling,
) -> None:
    folder = None if output is None else str(output)
    request = TogetherRequest(clips=clips, always=sharing.always_together, settings=settings, output=folder)
    request.check()
    from ..jobs.together import run_together

    with Screen(telling) as screen:
        result = run_together(request, resume=resume, callbacks=screen)
    show_clips(result, telling)


def go_on_with(folder: Path, settings: RecoverSettings, telling: Telling) -> bool:
    """Go on with a run of several clips; whether there is one in the folder."""
    if not is_group(folder):
        return False
    from ..jobs.together import go_on_together

    with Screen(telling) as screen:
        result = go_on_together(folder, settings, screen)
    show_clips(result, telling)
    return True
