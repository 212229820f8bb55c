"""Packed clips against video codecs: bytes against PSNR, and BD-rates.

    python -m benchmarks compact [CLIP ...] [--bits 0.05 0.1] [--updates 400] [--generator lean]

Each clip is packed at four sizes (`lowreel pack CLIP --bytes N`), or with another generator fitted with all its pixels
first and then packed; x264 (slow), x265 (medium) and
SVT-AV1 (preset 6) encode the same frames through PyAV at four qualities. Bytes are those of the file of a packed clip
and of the packets of a codec, without a container. PSNR with peak 1, of RGB and of luma, of the frames as read again.
The BD-rate is how many more bytes Lowreel takes for the same PSNR of RGB, where both have it. Rows are kept in
benchmarks/results/compact.json as they come.
"""

from __future__ import annotations

import argparse
import io
import math
import os
import time
from dataclasses import dataclass
from fractions import Fraction
from functools import cache
from pathlib import Path
from typing import Any

import av
import numpy as np
import torch
from scipy.interpolate import PchipInterpolator
from torch import Tensor

import lowreel
from lowreel.packing.direct import pack_clip
from lowreel.packing.pack import pack
from lowreel.settings import PackSettings

from .jobs import SHARED
from .results import Rows

LUMA_WEIGHTS = torch.tensor([0.299, 0.587, 0.114])[:, None, None]


@dataclass(frozen=True)
class Case:
    """A clip: its file in ../shared/data, its size (H, W), how many frames; bits a pixel of the packed ones, about."""

    file: str
    size: tuple[int, int]
    frames: int
    bits: tuple[float, ...] = (0.05, 0.1, 0.2, 0.4)


CASES = {
    "walking": Case("paper_clips/walking/seq1", (64, 64), 80, (0.2, 0.4, 0.8, 1.2)),
    "archery": Case("paper_clips/archery", (64, 64), 64, (0.2, 0.4, 0.8, 1.2)),
    "carphone": Case("clips/carphone_pristine.mp4", (144, 176), 64),
    "nasa": Case("clips/nasa_13013.mp4", (180, 320), 48),
    "bigbuckbunny": Case("clips/bigbuckbunny.mp4", (360, 640), 64, (0.03, 0.06, 0.12, 0.24)),
}

CODECS = {
    "x264 slow": ("libx264", {"preset": "slow"}, (20, 26, 32, 38)),
    "x265 medium": ("libx265", {"preset": "medium", "x265-params": "log-level=none"}, (20, 26, 32, 38)),
    "SVT-AV1 6": ("libsvtav1", {"preset": "6"}, (24, 34, 44, 55)),
}
"""Encoder, its settings, and the constant qualities (crf)."""


def main(arguments: list[str]) -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks compact", description=__doc__.splitlines()[0])
    parser.add_argument("clips", nargs="*", metavar="CLIP", help=f"of {', '.join(CASES)}; default: all")
    parser.add_argument("--bits", type=float, nargs="*", help="a pixel of packed clips, about; default: of each clip")
    parser.add_argument("--updates", type=int, help="of the fit of each packed clip; default: that of lowreel pack")
    parser.add_argument("--generator", default="pyramid", help="pyramid (as lowreel pack has it), decoder or lean")
    parser.add_argument("--data", type=Path, default=SHARED, help="folder of the clips")
    chosen = parser.parse_args(arguments)
    kept = Rows("compact")
    for name in chosen.clips or CASES:
        case = CASES[name]
        if not (chosen.data / case.file).exists():
            print(f"{name} left out, {chosen.data / case.file} is not here")
            continue
        show(name, case, rows_of(kept, name, case, chosen))


def rows_of(kept: Rows, name: str, case: Case, chosen: argparse.Namespace) -> dict[str, list[dict[str, Any]]]:
    """The rows of a clip by codec, kept or made now."""
    clip = lowreel.open_clip(chosen.data / case.file, size=case.size, frames=slice(case.frames)).read()
    clip = clip.expand(-1, 3, -1, -1)
    found: dict[str, list[dict[str, Any]]] = {}
    for codec, (encoder, settings, qualities) in CODECS.items():
        for quality in qualities:
            key = {"clip": name, "codec": codec, "quality": quality}
            row = kept.find(key)
            if row is None:
                size, frames = encoded(clip, encoder, {**settings, "crf": str(quality)})
                row = kept.add(key | {"bytes": size, **levels(frames, clip)})
            found.setdefault(codec, []).append(row)
    own = {"clip": name, "codec": "lowreel", "generator": chosen.generator, "updates": chosen.updates}
    fitted = cache(lambda: fit(clip, chosen.generator))
    for bits in chosen.bits or case.bits:
        key = own | {"quality": bits}
        row = kept.find(key)
        if row is None:
            size = round(bits * len(clip) * math.prod(case.size) / 8)
            settings, begun = PackSettings(bytes=size, updates=chosen.updates), time.process_time()
            if chosen.generator == "pyramid":
                result = pack_clip(clip, torch.arange(len(clip), dtype=torch.float64) / 25, settings)
            else:
                result = pack(fitted(), settings, target=clip)
            seconds = round(time.process_time() - begun)
            row = key | {"bytes": result.bytes, **levels(result.packed.representation().frames(), clip)}
            row = kept.add(row | {"processor_seconds": seconds})
            print(f"  {row}", flush=True)
        found.setdefault("lowreel", []).append(row)
    return found


def fit(clip: Tensor, generator: str) -> lowreel.Representation:
    """A generator fitted to all pixels of a clip, (T, C, H, W), by a short recovery."""
    settings = lowreel.RecoverSettings(quality="draft", baselines="none", generator=generator)
    return lowreel.recover(clip, lowreel.Identity(tuple(clip.shape)), settings).representation


def levels(found: Tensor, clip: Tensor) -> dict[str, float]:
    """PSNR of a clip, rounded to the 255 levels of a film, in RGB and in luma."""
    film = (255 * found.clamp(0, 1)).round() / 255
    luma, own = ((LUMA_WEIGHTS * x).sum(1, keepdim=True) for x in (film, clip))
    return {"psnr": round(lowreel.psnr(film, clip), 3), "psnr_luma": round(lowreel.psnr(luma, own), 3)}


def encoded(clip: Tensor, encoder: str, settings: dict[str, str]) -> tuple[int, Tensor]:
    """Bytes of the packets of a film, and its frames as a player shows them, (T, 3, H, W)."""
    os.environ.setdefault("SVT_LOG", "1")  # errors alone
    film = io.BytesIO()
    with av.open(film, "w", format="matroska") as out:
        stream = out.add_stream(encoder, rate=Fraction(25), options=settings)
        stream.height, stream.width, stream.pix_fmt = *clip.shape[-2:], "yuv420p"
        for frame in clip:
            levels = np.ascontiguousarray((255 * frame).round().byte().permute(1, 2, 0).numpy())
            out.mux(stream.encode(av.VideoFrame.from_ndarray(levels, format="rgb24")))
        out.mux(stream.encode(None))
    film.seek(0)
    with av.open(film) as source:
        packets = list(source.demux(video=0))
        size = sum(packet.size for packet in packets)
        frames = [frame.to_ndarray(format="rgb24") for packet in packets for frame in packet.decode()]
    return size, torch.from_numpy(np.stack(frames)).permute(0, 3, 1, 2).float() / 255


def bd_rate(ours: list[dict[str, Any]], theirs: list[dict[str, Any]], level: str = "psnr") -> float:
    """By what share `ours` is larger for the same level, the mean where both have it; NaN where nowhere or of one size.

    The mean over levels of the difference of log bytes, each interpolated over the level (Bjontegaard, VCEG-M33, with
    monotone cubic pieces).
    """
    curves = []
    for rows in (ours, theirs):
        points = sorted({row[level]: math.log(row["bytes"]) for row in rows}.items())
        if len(points) < 2:
            return math.nan
        curves.append((PchipInterpolator(*zip(*points, strict=True)), points[0][0], points[-1][0]))
    low, high = max(c[1] for c in curves), min(c[2] for c in curves)
    if low >= high:
        return math.nan
    ours_mean, theirs_mean = (curve.integrate(low, high) / (high - low) for curve, _, _ in curves)
    return math.exp(ours_mean - theirs_mean) - 1


def show(name: str, case: Case, rows: dict[str, list[dict[str, Any]]]) -> None:
    """A line a codec: bytes at each PSNR; then the BD-rates of Lowreel."""
    print(f"\n{name}, {case.frames} frames of {case.size[1]}x{case.size[0]}")
    for codec, own in rows.items():
        print(f"  {codec:<12}" + ", ".join(f"{r['bytes']:,} B {r['psnr']:.2f} dB ({r['psnr_luma']:.2f})" for r in own))
    for codec in CODECS:
        rates = [bd_rate(rows["lowreel"], rows[codec], level) for level in ("psnr", "psnr_luma")]
        print(f"  BD-rate against {codec}: {rates[0]:+.0%} by RGB, {rates[1]:+.0%} by luma")
