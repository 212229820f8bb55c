"""The motion of a camera: by what affine map of the plane each frame of a clip is moved against the others.

Frames are registered one to the next, from coarse to fine, and then to the median of all, by Gauss and Newton's method;
differences that are large against the middle one, as of what moves by itself, count little (Cauchy's weights).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from .generators.pyramid import COARSENESS, MOTION_NUMBERS

LEAST_ROWS, MOST_ROWS = 24, 192
"""Height and width, the smaller of them, of the coarsest and the finest frames that are registered, about."""

PAIRS_AT_ONCE = 16
"""Of frames that are registered together: their gradients are six numbers a pixel."""

ROUNDS = 8
"""Of Gauss and Newton's method at each scale."""

ROUNDS_TOGETHER = 4
"""How often frames are registered to the median of all, which is the sharper the better they are."""

LARGE_DIFFERENCE = 2.0
"""Of the median: differences that count half."""

INSIDE = 0.9
"""Of a frame, from its middle, what is compared: what is farther out may have come into sight."""

STILLER, FAINT = 0.8, 5e-4
"""Maps move where that leaves less than the first of how ill one picture shows all frames; squared errors below the
second, 33 dB, hardly count in that."""

STILLER_WHERE_KNOWN = 0.92
"""In place of STILLER where most pixels are a guess, by which the picture of all frames is worse."""

BLOCKS_OF_A_FRAME, BETTER, LEAST_SHARE_OF_BLOCKS = 4, 0.97, 0.7
"""Of a recovery: blocks of a frame each way; by which factor a picture that moves shows a block better; in so many."""

MOST_MAGNIFIED = 4.0
"""By how much a camera may magnify areas in a clip."""

MOST_MARGIN, IDLE_MARGIN = 0.5, 0.125
"""Of the cells of the coarsest maps, how many more they have at each side at most: cameras that go farther are not
followed;
and of one cell, what is too little to have one."""


@dataclass(frozen=True)
class CameraMotion:
    """motion: (T, 6) pixels, as codes of a `Pyramid` have it; margin: rows and columns of its coarsest maps that are
    needed beyond each side of the frame."""

    motion: Tensor
    margin: tuple[int, int]


def camera_motion(clip: Tensor, known: Tensor | None = None) -> CameraMotion | None:
    """How the camera of a clip, (T, C, H, W), moves; None where frames moved so are not much more alike.

    known: booleans (T, C, H, W), the pixels that are measured where the others are only a guess, by which frames are
    then compared.
    """
    grey = clip.float().mean(1, keepdim=True)
    height, width = grey.shape[-2:]
    if len(grey) < 2 or min(height, width) < LEAST_ROWS:
        return None
    beyond = (0, -width % COARSENESS, 0, -height % COARSENESS)
    levels = [F.pad(grey, beyond, mode="replicate")]
    told = None if known is None else (levels[0], F.pad(known.any(1, keepdim=True), beyond), STILLER_WHERE_KNOWN)
    half = torch.tensor([levels[0].shape[-1], levels[0].shape[-2]]) / 2
    del grey  # as large as a third of the clip
    while min(levels[-1].shape[-2:]) >= 2 * LEAST_ROWS:
        levels.append(F.avg_pool2d(levels[-1], 2))
    levels = [level for level in levels if min(level.shape[-2:]) <= MOST_ROWS]
    moves = _accumulated(_from_coarse_to_fine(levels))
    if not _is_of_a_camera(moves) or _is_far(_centred(moves), half):
        return None
    moves = _centred(_against_one_picture(levels[0], _centred(moves)))
    judged, entries, stiller = told or (levels[min(1, len(levels) - 1)], None, STILLER)
    if not _is_of_a_camera(moves) or _is_far(moves, half):
        return None
    moved, still = (_unlike(judged, own, entries) for own in (moves, _identity(len(moves))))
    if not moved.mean < stiller * still.mean or (known is not None and not _is_everywhere(moved, still)):
        return None
    columns, rows = _beyond(moves, half).ceil().int().tolist()
    motion = ((moves - _identity(1))[:, :2] * half[:, None]).reshape(-1, MOTION_NUMBERS)
    return CameraMotion(motion, (rows, columns))


def _beyond(moves: Tensor, half: Tensor) -> Tensor:
    """How many cells of the coarsest maps frames reach beyond the one in the middle, across and down, (2,)."""
    beyond: Tensor = (_corners(moves).abs().amax((0, 1)) - 1) * half
    return torch.clamp(beyond / COARSENESS - IDLE_MARGIN, min=0)


def _is_far(moves: Tensor, half: Tensor) -> bool:
    """Whether frames see more than maps may have beyond the middle one: what they have in common is too little."""
    return bool((_beyond(moves, half) > 2 * MOST_MARGIN * half / COARSENESS).any())


def _from_coarse_to_fine(levels: list[Tensor]) -> Tensor:
    """Maps from each frame but the first to the one before it; levels: the frames, from fine to coarse."""
    moves = _identity(len(levels[0]) - 1)
    for level in reversed(levels):
        few = zip(*(part.split(PAIRS_AT_ONCE) for part in (level[:-1], level[1:], moves)), strict=True)
        moves = torch.cat([_registered(*pairs) for pairs in few])
    return moves


def _against_one_picture(frames: Tensor, moves: Tensor) -> Tensor:
    """Maps from each frame to the median of all, from such maps that have drifted, as those from frame to frame do."""
    for _ in range(ROUNDS_TOGETHER):
        picture, _ = _picture(frames, moves)
        few = zip(frames.split(PAIRS_AT_ONCE), moves.split(PAIRS_AT_ONCE), strict=True)
        moves = torch.cat([_registered(picture.expand_as(part), part, own) for part, own in few])
    return moves


def _is_of_a_camera(moves: Tensor) -> bool:
    """Whether these are maps that a camera may make: without folds, and that magnify little."""
    areas = torch.linalg.det(moves)
    return bool(torch.isfinite(moves).all() and areas.min() > 1 / MOST_MAGNIFIED and areas.max() < MOST_MAGNIFIED)


def _identity(count: int) -> Tensor:
    return torch.eye(3).repeat(count, 1, 1)


def _registered(before: Tensor, now: Tensor, moves: Tensor) -> Tensor:
    """Maps, (N, 3, 3), from places of `now` to those of `before`, (N, 1, H, W) each, in coordinates from -1 to 1."""
    height, width = now.shape[-2:]
    places = F.affine_grid(torch.eye(2, 3)[None], [1, 1, height, width], align_corners=False)[0].movedim(-1, 0)
    basis = torch.cat([places, torch.ones(1, height, width)])
    inside = (places.abs().amax(0) < INSIDE).float()
    for _ in range(ROUNDS):
        seen = _moved(before, moves)
        down, across = torch.gradient(seen[:, 0], dim=(1, 2))
        slopes = torch.stack([across * (width / 2), down * (height / 2)], 1)
        columns = (slopes[:, :, None] * basis).flatten(3).flatten(1, 2)
        rest = (now - seen).flatten(1)
        scale = LARGE_DIFFERENCE * rest.abs().median(1, keepdim=True).values + 1e-4
        weighted = columns * (inside.flatten() / (1 + (rest / scale).square()))[:, None]
        system = weighted @ columns.mT + 1e-6 * torch.eye(MOTION_NUMBERS)
        change = torch.linalg.solve(system, weighted @ rest[..., None]).view(-1, 2, 3)
        moves = moves @ (_identity(1) + F.pad(change, (0, 0, 0, 1)))
    return moves


def _moved(frames: Tensor, moves: Tensor) -> Tensor:
    places = F.affine_grid(moves[:, :2], list(frames.shape), align_corners=False)
    return F.grid_sample(frames, places, padding_mode="border", align_corners=False)


def _accumulated(steps: Tensor) -> Tensor:
    """Maps from each frame to the first one."""
    moves = [torch.eye(3)]
    for step in steps:
        moves.append(moves[-1] @ step)
    return torch.stack(moves)


def _corners(moves: Tensor) -> Tensor:
    """Where the corners of each frame are, (T, 4, 2)."""
    corners = torch.tensor([[-1.0, -1, 1], [-1, 1, 1], [1, -1, 1], [1, 1, 1]])
    return (corners @ moves.mT)[..., :2]


def _centred(moves: Tensor) -> Tensor:
    """The same motion against the frame in the middle of time, shifted so that frames reach as far out at each side."""
    moves = torch.linalg.inv(moves[len(moves) // 2]) @ moves
    corners = _corners(moves)
    shift = (corners.amax((0, 1)) + corners.amin((0, 1))) / 2
    moves[:, :2, 2] -= shift
    return moves


def _picture(frames: Tensor, moves: Tensor) -> tuple[Tensor, Tensor]:
    """The median of what frames show once moved, without most of what goes through it, and how many show each place:
    (1, 1, H, W) both."""
    moved, count = torch.empty_like(frames), torch.zeros(1, *frames.shape[1:], dtype=torch.int64)
    for few in torch.arange(len(frames)).split(PAIRS_AT_ONCE):  # places take twice the memory of frames
        back = F.affine_grid(torch.linalg.inv(moves[few])[:, :2], list(frames[few].shape), align_corners=False)
        is_seen = (back.abs().amax(-1) <= 1)[:, None]
        seen = F.grid_sample(frames[few], back, padding_mode="border", align_corners=False)
        moved[few] = seen.masked_fill(~is_seen, math.nan)
        count += is_seen.sum(0, keepdim=True)
    middle = [rows.nanmedian(0, keepdim=True).values for rows in moved.split(PAIRS_AT_ONCE, 2)]
    return torch.cat(middle, 2).nan_to_num(), count


@dataclass(frozen=True)
class _Unlikeness:
    """How ill one picture shows all frames: the mean, and that of each block, `BLOCKS_OF_A_FRAME` each way."""

    mean: float
    blocks: Tensor


def _is_everywhere(moved: _Unlikeness, still: _Unlikeness) -> bool:
    """Whether a picture that moves shows frames better in most blocks: a camera moves all that it sees, a thing before
    a background that rests does not."""
    return float((moved.blocks < BETTER * still.blocks).float().mean()) > LEAST_SHARE_OF_BLOCKS


def _unlike(frames: Tensor, moves: Tensor, known: Tensor | None = None) -> _Unlikeness:
    """How ill one picture, the median of what frames show once moved, shows them all.

    The mean over places that are in two frames or more of log(1 + squared error / FAINT), about the bits that the rest
    would cost, so that a large thing that goes through a scene at rest does not outweigh the scene. known: booleans
    like the frames, the only pixels that count; None: all.
    """
    picture, seen = _picture(frames, moves)
    inside, total = (seen > 1).float(), torch.zeros(1, *frames.shape[1:], dtype=torch.float64)
    count = torch.zeros_like(total)
    for few in torch.arange(len(frames)).split(PAIRS_AT_ONCE):
        is_judged = _moved(inside.expand_as(frames[few]), moves[few]) > 1 - 1e-4
        is_judged = is_judged if known is None else is_judged & known[few]
        error = (frames[few] - _moved(picture.expand_as(frames[few]), moves[few])).square()
        total += (torch.log1p(error / FAINT).double() * is_judged).sum(0, keepdim=True)
        count += is_judged.sum(0, keepdim=True)
    if not count.any():
        return _Unlikeness(math.inf, torch.zeros(1, 1, BLOCKS_OF_A_FRAME, BLOCKS_OF_A_FRAME))
    sums, counts = (F.adaptive_avg_pool2d(values, BLOCKS_OF_A_FRAME) for values in (total, count))
    return _Unlikeness(float(total.sum() / count.sum()), sums / counts.clamp(min=1e-9))
