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


def camera_motion(clip: Tensor) -> CameraMotion | None:
    """How the camera of a clip, (T, C, H, W), moves; None where frames moved so are not much more alike."""
    grey = clip.float().mean(1, keepdim=True)
    height, width = grey.shape[-2:]
    if len(grey) < 2 or min(height, width) < LEAST_ROWS:
        return None
    levels = [F.pad(grey, (0, -width % COARSENESS, 0, -height % COARSENESS), mode="replicate")]
    half = torch.tensor([levels[0].shape[-1], levels[0].shape[-2]]) / 2
    del grey  # as large as a third of the clip
    while min(levels[-1].shape[-2:]) >= 2 * LEAST_ROWS:
        levels.append(F.avg_pool2d(levels[-1], 2))
    levels = [level for level in levels if min(level.shape[-2:]) <= MOST_ROWS]
    moves = _accumulated(_from_coarse_to_fine(levels))
    if not _is_of_a_camera(moves) or _is_far(_centred(moves), half):
        return None
    moves = _centred(_against_one_picture(levels[0], _centred(moves)))
    judged = levels[min(1, len(levels) - 1)]
    if not _is_of_a_camera(moves) or _is_far(moves, half):
        return None
    if _unlike(judged, moves) >= STILLER * _unlike(judged, _identity(len(moves))):
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
    back = F.affine_grid(torch.linalg.inv(moves)[:, :2], list(frames.shape), align_corners=False)
    is_seen = (back.abs().amax(-1) <= 1)[:, None]
    moved = F.grid_sample(frames, back, padding_mode="border", align_corners=False)
    middle = moved.masked_fill(~is_seen, math.nan).nanmedian(0, keepdim=True).values
    return middle.nan_to_num(), is_seen.sum(0, keepdim=True)


def _unlike(frames: Tensor, moves: Tensor) -> float:
    """How ill one picture, the median of what frames show once moved, shows them all.

    The mean over places that are in two frames or more of log(1 + squared error / FAINT), about the bits that the rest
    would cost, so that a large thing that goes through a scene at rest does not outweigh the scene.
    """
    picture, count = _picture(frames, moves)
    is_judged = _moved((count > 1).float().expand_as(frames), moves) > 1 - 1e-4
    error = (frames - _moved(picture.expand_as(frames), moves)).square()
    return float(torch.log1p(error / FAINT)[is_judged].mean()) if is_judged.any() else math.inf
