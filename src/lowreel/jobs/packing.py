"""Runs, representations and clips packed into one small file each, and drawn from it."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from ..analysis.metrics import error_decibels, psnr
from ..data import data_header
from ..errors import InputError
from ..io.video import open_clip, write_npy, write_video
from ..io.video.writing import WRITABLE
from ..model.representation import Representation
from ..operators import Identity
from ..packing import Packed, read_packed
from ..packing.direct import pack_clip
from ..packing.pack import PackedResult, pack
from ..packing.recovered import RecoveredPixels, error_of_level, pack_recovered
from ..recovery.cost import clip_fits
from ..recovery.recover import recover
from ..runs.report import decibels
from ..runs.summary import Summary
from ..runs.truth import numbers_of
from ..settings import ClipSettings, PackSettings, RecoverSettings, UnpackSettings
from ..system.complex_clips import magnitude, to_real
from ..system.files import check_free_file, is_packed, kind_of
from ..system.memory import bytes_text, default_budget, parse_bytes
from ..system.values import parse_frames, parse_size
from .interpolate import OpenedRecovery, opened_recovery, true_clip

Show = Callable[[int, int], None]

HARDLY_OUTSIDE_SECONDS = 1e-5
"""Seconds that a time may be outside the clip: times are told and typed with so many digits."""


@dataclass(frozen=True)
class _Known:
    """What is packed, with what is known of it. error: squared error of what it draws, by held-out data; target: the
    clip itself, in [0, 1], where that is known; toward: the clip that was delivered, which agrees with exact data;
    recovered: gives the best clip by held-out data and its pixels, of a run with exact ones; representation: None of a
    clip that is fitted as it is packed, which has `times`."""

    representation: Representation | None
    levels: tuple[float, float] = (1.0, 0.0)
    rate: Fraction = Fraction(25)
    error: float | None = None
    target: Tensor | None = None
    toward: Tensor | None = None
    recovered: Callable[[], RecoveredPixels | None] | None = None
    run: OpenedRecovery | None = None
    times: Tensor | None = None


def pack_file(
    source: Path, output: Path, settings: PackSettings, reading: ClipSettings, show: Show | None = None
) -> list[str]:
    """Pack the folder of a finished run, a representation.safetensors, or a clip; sentences that tell what came of it.

    reading: how a clip is read. A clip is fitted with all its pixels: as it will be read where bytes or psnr are asked
    for, else first as a recovery is. Raises InputError for a file that
    is there already, a run that is not finished, and a target that cannot be met.
    """
    check_free_file(output)
    if not output.parent.is_dir():
        raise InputError(f"{output.parent}: no such folder; make it first")
    known = _known(source, reading, settings)
    before = time.monotonic()
    result = _packed(known, settings, show)
    result.packed.save(output)
    told = [f"wrote {output}: {_size(result.packed, result.bytes)}", *_camera(result.packed), *_replaced(known, result)]
    return [*told, *_nearness(known, result), f"packed in {time.monotonic() - before:.1f} s"]


def _is_fitted_as_read(settings: PackSettings) -> bool:
    """Whether a clip is fitted by its quantised numbers: a loss is one against what it was before, and has to be."""
    is_asked = settings.bytes is not None or settings.psnr is not None
    return is_asked and settings.updates != 0


def _packed(known: _Known, settings: PackSettings, show: Show | None) -> PackedResult:
    how: dict[str, Any] = {"levels": known.levels, "rate": known.rate, "show": show}
    if known.representation is None:
        assert known.target is not None
        assert known.times is not None
        return pack_clip(known.target, known.times, settings, **how)
    if known.target is not None:
        return pack(known.representation, settings, target=known.target, **how)
    how |= {"error": known.error, "toward": known.toward, "recovered": known.recovered}
    return pack_recovered(known.representation, settings, **how)


def _known(source: Path, reading: ClipSettings, settings: PackSettings) -> _Known:
    if is_packed(source):
        raise InputError(f"{source}: is packed already; draw its frames with lowreel unpack, or pack its run once more")
    kind = kind_of(source) if source.is_file() else None
    if kind not in (None, "representation"):
        first = f"; recover it (lowreel recover {source} -o RUN) and pack RUN" if kind == "data" else ""
        raise InputError(f"{source}: is a {kind} file, expected the folder of a finished run, or a clip{first}")
    if (source / "config.json").is_file() or kind == "representation":
        if reading != ClipSettings():
            raise InputError(f"{source}: is packed as it is; leave out the flags for reading a clip")
        if kind == "representation" and settings.precision != "auto":
            raise InputError(f"{source}: its numbers are fitted in float32; leave out --precision")
        return _of_recovery(opened_recovery(source))
    return _of_clip(source, reading, settings)


def _of_recovery(recovery: OpenedRecovery) -> _Known:
    """A finished run, or the file of a representation."""
    if recovery.run is None:
        return _Known(recovery.found)
    about = data_header(recovery.run.folder / "data.safetensors").get("clip", {})
    summary = recovery.run.summary()
    heldout = None if summary is None else summary.drawn_db
    return _Known(
        recovery.found,
        (float(about.get("scale", 1.0)), float(about.get("offset", 0.0))),
        Fraction(about.get("rate", "25")),
        None if heldout is None or not math.isfinite(heldout) else error_of_level(heldout),
        toward=_delivered(recovery, summary),
        recovered=partial(_recovered, recovery, heldout),
        run=recovery,
    )


def _recovered(recovery: OpenedRecovery, drawn_db: float | None) -> RecoveredPixels | None:
    """The best clip by held-out data with its pixels, of a run of exact ones; its operator may be one of somebody's
    own, which no file holds. drawn_db: level of what its generator draws."""
    level = recovery.best_db()
    if recovery.run is None or recovery.left_out is None or level is None:
        return None
    run = recovery.run
    return RecoveredPixels.of(run.measured(), run.settings, recovery.best, level, drawn_db, run.holdout())


def _delivered(recovery: OpenedRecovery, summary: Summary | None) -> Tensor | None:
    """The clip that a run delivered, as the generator draws it; None where that is another's."""
    if summary is None or summary.delivered != "generator":
        return None
    clip = recovery.delivered()
    return (to_real(clip) + 1) / 2 if recovery.found.is_complex else clip


def _of_clip(source: Path, reading: ClipSettings, settings: PackSettings) -> _Known:
    """A clip; fitted with all its pixels, unless it is to be fitted as it is packed."""
    frames, size = parse_frames(reading.frames), parse_size(reading.size)
    how: dict[str, Any] = reading.model_dump(exclude={"size", "frames"})
    how |= {} if frames is None else {"frames": slice(*frames)}
    how |= {} if size is None else {"size": (size[0], size[1])}
    opened, budget = open_clip(source, **how), default_budget()
    if not clip_fits(opened.shape, budget):
        (count, _, height, width), allowed = opened.shape, bytes_text(budget)
        raise InputError(
            f"{source}: fitting {count} frames of {height}x{width} takes more than {allowed}, a quarter of the memory; "
            "use a smaller --size or fewer --frames, or pack the folder of a run"
        )
    clip, times = opened.read(), torch.tensor([float(t) for t in opened.times], dtype=torch.float64)
    if len(clip) < 2:
        raise InputError(f"{source}: expected a clip of two frames or more, got {len(clip)}")
    levels = (float(opened.scale), float(opened.offset)) if opened.keeps_units else (1.0, 0.0)
    if _is_fitted_as_read(settings):
        return _Known(None, levels, opened.rate, target=clip, times=times)
    fitting = RecoverSettings(quality="draft", baselines="none", seed=0, precision=settings.precision)
    found = recover(clip, Identity(tuple(clip.shape)), fitting, times=times).representation
    return _Known(found, levels, opened.rate, target=clip)


def _size(packed: Packed, size: int) -> str:
    _, height, width = packed.frame_shape
    return f"{size:,} bytes, {8 * size / (len(packed.times) * height * width):.3f} bits a pixel"


def _camera(packed: Packed) -> list[str]:
    """That maps follow a camera, where they do."""
    margin = packed.spec.get("margin")
    return [] if margin is None else ["Its camera moves: each frame reads the maps where its camera looks."]


def _replaced(known: _Known, result: PackedResult) -> list[str]:
    """What the file stands for: the representation as it was stored, and the measurements or the clip; and whether it
    is larger than these."""
    if known.representation is None:
        told = ""
    else:
        stored = known.representation.bits() // 8
        told = f"The representation has {stored:,} bytes, {stored / result.bytes:.3g} times as many"
    if known.target is not None:
        what, numbers = "the clip", known.target.numel()
    elif known.run is not None and known.run.run is not None and known.run.left_out is not None:
        what, numbers = "what was measured", numbers_of(known.run.run.measured())
    else:
        return [f"{told}."]
    of_what = f"{told}; {what}" if told else what.capitalize()
    lines = [f"{of_what} has {numbers:,} numbers, so many bytes at a byte each."]
    if result.bytes <= numbers:
        return lines
    return [*lines, f"The file is larger than {what}: ask for fewer --bytes or a lower --psnr, or keep that instead."]


def _nearness(known: _Known, result: PackedResult) -> list[str]:
    """How far the packed frames are from those unpacked, and both from the true clip where there is one."""
    packed_db = error_decibels(result.error)
    if known.representation is None:
        nearness = f"The packed clip is {packed_db:.2f} dB from the one that was packed (peak 1)."
        return [nearness, *([result.note] if result.note else [])]
    if known.target is not None:
        own = error_decibels(float((known.representation.frames() - known.target).double().square().mean()))
        return [f"The packed clip is {packed_db:.2f} dB from the one that was packed (peak 1), unpacked {own:.2f} dB."]
    told = [_against_unpacked(result), *([result.note] if result.note else [])]
    truth = None if known.run is None else true_clip(known.run)
    if truth is None:
        return told
    both = (known.representation, result.packed.representation())
    levels = [psnr(magnitude(each.frames()), magnitude(truth)) for each in both]
    both_told = f"{decibels(levels[0])} unpacked, {decibels(levels[1])} packed, {levels[0] - levels[1]:.2f} lost"
    return [*told, f"Against the true clip: {both_told}."]


def _against_unpacked(result: PackedResult) -> str:
    """How far the packed frames of a recovery are from what was packed, and by held-out data from the clip where that
    was fitted anew."""
    packed_db = error_decibels(result.error)
    if result.expected_error is None or result.unpacked_error is None:
        return f"Packed and unpacked frames are {packed_db:.2f} dB from each other (peak 1)."
    unpacked_db, expected_db = error_decibels(result.unpacked_error), error_decibels(result.expected_error)
    levels = f"{unpacked_db:.2f} dB unpacked, {expected_db:.2f} dB packed"
    judged = f"by {result.held_count:,} held-out numbers {levels}"
    return f"The best clip was fitted anew, {packed_db:.2f} dB from it (peak 1); {judged}."


def unpack_file(source: Path, output: Path, settings: UnpackSettings) -> list[str]:
    """Draw a packed clip, its frames A:B, or frames at any times in seconds; sentences that tell what was written.

    output: .mp4, .mov, .mkv, .gif, or .npy in the units of the clip. Raises InputError for a damaged file, an output
    that is there already, frames that take more memory, times outside the clip, and times for a film that do not rise.
    """
    budget = parse_bytes(settings.memory)
    check_free_file(output)
    if output.suffix.lower() not in (*WRITABLE, ".npy"):
        kinds = ", ".join((".npy", *WRITABLE))
        raise InputError(f"{output}: cannot write {output.suffix or 'a file without suffix'}; use {kinds}")
    if not output.parent.is_dir():
        raise InputError(f"{output.parent}: no such folder; make it first")
    packed = read_packed(source)
    times = _wanted(source, packed, settings.at, settings.frames)
    if output.suffix.lower() != ".npy" and bool((times.diff() <= 0).any()):
        raise InputError("--at: the times of a film have to rise; give them in order, or write .npy")
    packed.check_drawing_fits(source, budget, "give --memory")
    found, begun = packed.representation(), time.perf_counter()
    drawn = map(found.frames, torch.split(times, packed.frames_at_once))
    if output.suffix.lower() == ".npy":
        shape = (len(times), *found.frame_shape)
        write_npy(output, drawn, shape, scale=packed.levels[0], offset=packed.levels[1])
    else:
        shown = [Fraction(t).limit_denominator(1_000_000) for t in (times - times[0]).tolist()]
        write_video(output, map(magnitude, drawn), times=shown, rate=packed.rate)
    spent = time.perf_counter() - begun
    return [f"wrote {output}: {len(times)} frames in {spent:.2f} s, {len(times) / spent:.3g} a second"]


def _wanted(source: Path, packed: Packed, at: Sequence[float] | None, frames: str | None) -> Tensor:
    """Seconds of the frames that are asked for, (N,)."""
    if at and frames is not None:
        raise InputError("unpack: give --at or --frames, not both")
    if at:
        seconds = torch.tensor(list(at), dtype=torch.float64)
        if not bool(torch.isfinite(seconds).all()):
            raise InputError("--at: expected times in seconds, got some that are not finite")
        first, last = float(packed.times[0]), float(packed.times[-1])
        beyond = torch.maximum(first - seconds, seconds - last)
        outside = seconds[beyond > HARDLY_OUTSIDE_SECONDS].tolist()
        if outside:
            raise InputError(
                f"--at: the clip has times from {first:g} to {last:g} s, got {outside[0]:g}; ask for those"
            )
        return seconds
    limits = parse_frames(frames)
    times = packed.times if limits is None else packed.times[slice(*limits)]
    if not len(times):
        raise InputError(f"{source}: has {len(packed.times)} frames, none of which are {frames}")
    return times
