"""Masks: which pixels are kept and which are filled in; what cannot be told apart is refused with what was found."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ...errors import InputError
from ...system.files import TIFF_FILES, is_array_file, split_member
from .clip import Clip, open_clip
from .pictures import PICTURES, opened, pictures_of
from .reader import size_text
from .tiff import TiffReader

if TYPE_CHECKING:
    from torch import Tensor

BETWEEN = 0.05
"""Share of the pixels of a mask that may lie between black and white: softened edges, and what a codec leaves."""

GREYISH = 0.08
"""How far the colours of a pixel may differ, as a share of white, and still be a grey that a codec has changed."""

VALUES_SHOWN = 8

TRUE_IS_BLACK = "In it white is zero, so that True is black, as tifffile writes truth values"


@dataclass(frozen=True)
class _Seen:
    """What a mask holds. values: (T, H, W), numbers of the file, or colours as 0xRRGGBB where they are no greys;
    white: of the numbers, where the file says it; true_is_black: of a TIFF, see `TiffReader.true_is_black`."""

    values: np.ndarray
    kind: str  # grey, colour or alpha
    white: float | None
    true_is_black: bool = False

    def name(self, value: float) -> str:
        """A value as `--keep` takes it."""
        return f"#{int(value):06x}" if self.kind == "colour" else f"{value:g}"

    def text(self) -> str:
        """The values with their shares."""
        values, counts = np.unique(self.values, return_counts=True)
        order = np.argsort(-counts, kind="stable")[:VALUES_SHOWN]
        shares = (f"{self.name(values[k])} ({counts[k] / self.values.size:.1%})" for k in order)
        more = f" and {len(values) - VALUES_SHOWN} other values" if len(values) > VALUES_SHOWN else ""
        return ("alpha " if self.kind == "alpha" else "") + ", ".join(shares) + more

    def how(self) -> str:
        """How to say what is kept."""
        if self.kind == "alpha":
            return "say --keep opaque or --keep transparent"
        if self.true_is_black:
            return "say --keep black for those that are True, --keep white for the others, or save it in 8 bits"
        value = float(self.values.reshape(-1)[0])
        return f'say which value is kept, such as --keep "{self.name(value)}", or save white = keep, black = fill in'


def read_mask(path: str | Path, clip_shape: Sequence[int], keep: str | None = None) -> Tensor:
    """A mask from a picture, folder, video or array: bool (T, 1, H, W), True = keep.

    White is kept: of zeros and one other number that one; of more numbers those above half of the largest, where few
    lie between. keep: white, black, opaque, transparent, or the one value that is kept, such as 0, 4095 or #800000. One
    single frame serves all T. Never resized. Raises InputError for another size or number of frames, for a mask that
    hides everything or nothing, and where it cannot be told what is kept: colours, alpha, greys.
    """
    return mask_and_sentence(path, clip_shape, keep)[0]


def mask_and_sentence(path: str | Path, clip_shape: Sequence[int], keep: str | None = None) -> tuple[Tensor, str]:
    """`read_mask`, and what it took for kept, in a sentence; raises InputError as that does."""
    frames, (height, width) = clip_shape[0], tuple(clip_shape[2:])
    seen = _seen(Path(path), frames, (height, width))
    kept = _kept(seen, keep, str(path))
    if kept.all() or not kept.any():
        what = "hides every pixel" if not kept.any() else "hides no pixel, so there is nothing to fill in"
        raise InputError(f"{path}: the mask {what}: it holds {seen.text()}; expected white = keep, black = fill in")
    values = [", ".join(seen.name(v) for v in np.unique(seen.values[part])[:3]) for part in (kept, ~kept)]
    sentence = (
        f"The mask keeps {kept.mean():.1%} of the pixels ({values[0]}); {1 - kept.mean():.1%} are filled in "
        f"({values[1]})."
    )
    import torch

    return torch.from_numpy(kept)[:, None].expand(frames, -1, -1, -1).clone(), sentence


def read_holdout(path: str | Path, clip_shape: Sequence[int]) -> Tensor:
    """What is held out of a clip, from a picture, folder, video or array: bool (T, 1, H, W), True (white) = held out.

    One single frame serves all T. Raises InputError for another size or number of frames, for colours, for greys that
    are neither black nor white, and for a mask that is all black or all white.
    """
    frames, (height, width) = clip_shape[0], tuple(clip_shape[2:])
    seen = _seen(Path(path), frames, (height, width))
    values, high = seen.values, float(seen.values.max())
    between = ((values > 0.25 * high) & (values < 0.75 * high)).mean()
    named = values > high / 2
    if seen.true_is_black:
        raise InputError(f"{path}: which pixels are held out? {TRUE_IS_BLACK}; save it in 8 bits, white = held out")
    if seen.kind != "grey" or values.min() < 0 or between > BETWEEN or named.all() or not named.any():
        raise InputError(
            f"{path}: it holds {seen.text()}; expected white = held out, to judge the result, and black = fitted"
        )
    import torch

    return torch.from_numpy(named)[:, None].expand(frames, -1, -1, -1).clone()


def check_way_round(clip: Clip, mask: Tensor, path: str | Path) -> None:
    """Raise InputError where a clip is of one colour all over what a mask, (T, 1, H, W), keeps, and is not where it is
    filled in."""
    for k in {0, len(clip) // 2}:
        frame, kept = clip.read(k, k + 1)[0], mask[k].expand(clip.shape[1:])
        inside, outside = frame[kept], frame[~kept]
        if inside.numel() and (inside.numel() < 2 or bool((inside != inside[0]).any())):
            return
        if not outside.numel() or not bool((outside != outside[0]).any()):
            return
    raise InputError(
        f"{path}: the mask is the wrong way round: the clip is {float(inside[0]):.3g} all over what it keeps, and a "
        "picture where it is filled in; --keep black keeps the other part"
    )


def _kept(seen: _Seen, keep: str | None, path: str) -> np.ndarray:
    """Booleans (T, H, W)."""
    values = seen.values
    if keep in ("white", "black") and seen.kind == "grey":
        return np.asarray(_above(seen, path) == (keep == "white"))
    if keep in ("opaque", "transparent") and seen.kind == "alpha":
        return np.asarray((values > 127) == (keep == "opaque"))
    if keep is not None:
        number = _number(keep)
        if number is None or not (values == number).any():
            raise InputError(f"{path}: --keep {keep}: the mask holds {seen.text()}; expected one of these values")
        return np.asarray(values == number)
    if seen.kind != "grey":
        why = "colours" if seen.kind == "colour" else "an alpha that differs"
        raise InputError(f"{path}: the mask has {why}, {seen.text()}: which are kept? {seen.how()}")
    if seen.true_is_black:
        raise InputError(f"{path}: which pixels are kept? {TRUE_IS_BLACK}; {seen.how()}")
    return _above(seen, path)


def _number(keep: str) -> float | None:
    try:
        return float(int(keep[1:], 16)) if keep.startswith("#") else float(keep)
    except ValueError:
        return None


def _above(seen: _Seen, path: str) -> np.ndarray:
    """Which pixels of a grey mask are white."""
    values, low, high = seen.values, float(seen.values.min()), float(seen.values.max())
    if low == 0 and bool(((values == 0) | (values == high)).all()):
        return values > 0
    if low == high:
        return values > (seen.white or high) / 2
    between = ((values > 0.25 * high) & (values < 0.75 * high)).mean()
    if low < 0 or low > 0.25 * high or between > BETWEEN or (seen.white and high < seen.white / 2):
        raise InputError(f"{path}: which pixels are kept? The mask holds {seen.text()}; {seen.how()}")
    return values > high / 2


def _seen(path: Path, frames: int, size: tuple[int, int]) -> _Seen:
    """The values of a mask of the clip's size."""
    file, _ = split_member(path)
    if file.is_dir() and all(p.suffix.lower() not in TIFF_FILES for p, _ in pictures_of(file)):
        pictures = [p for p, _ in pictures_of(file)]
    else:
        is_picture = file.suffix.lower() in PICTURES and file.suffix.lower() not in TIFF_FILES
        pictures = [file] if is_picture and file.is_file() else []
    clip = open_clip(path)
    _check_shape(path, clip.shape, frames, size)
    with_alpha = [_alpha(picture) for picture in pictures] if len(pictures) == len(clip) else []
    if any(alpha is not None for alpha in with_alpha):
        return _of_alpha(path, clip, [a for a in with_alpha if a is not None])
    return replace(_of_clip(clip), true_is_black=_true_is_black(path))


def _true_is_black(path: Path) -> bool:
    """See `TiffReader.true_is_black`; of a folder by its first picture."""
    file, _ = split_member(path)
    first = pictures_of(file)[0][0] if file.is_dir() else file
    if first.suffix.lower() not in TIFF_FILES:
        return False
    with TiffReader(first if file.is_dir() else path) as stack:
        return stack.true_is_black


def _check_shape(path: Path, shape: Sequence[int], frames: int, size: tuple[int, int]) -> None:
    if tuple(shape[2:]) != size:
        raise InputError(f"{path}: the mask is {size_text(shape[2:])}, the clip {size_text(size)}; resize one")
    if shape[0] not in (1, frames):
        raise InputError(f"{path}: the mask has {shape[0]} frames, the clip {frames}; give as many, or a single one")


def _alpha(path: Path) -> np.ndarray | None:
    """The alpha of a picture where it differs from pixel to pixel."""
    with opened(path) as image:
        if not (image.mode in ("RGBA", "LA", "PA", "La", "RGBa") or "transparency" in image.info):
            return None
        alpha = np.asarray(image.convert("RGBA"))[..., 3]
    return alpha if alpha.min() < alpha.max() else None


def _of_alpha(path: Path, clip: Clip, alphas: list[np.ndarray]) -> _Seen:
    colours = _of_clip(clip)
    shown = [colours.values[k][a > 0] for k, a in enumerate(alphas)] if len(alphas) == len(clip) else []
    if not shown or any((part != shown[0][0]).any() for part in shown):
        raise InputError(
            f"{path}: both its colours, {colours.text()}, and its alpha differ; save the mask as one grey picture, "
            "white = keep, black = fill in"
        )
    return _Seen(np.stack(alphas).astype(np.float64), "alpha", 255.0)


def _of_clip(clip: Clip) -> _Seen:
    stored = np.stack([np.asarray(frame, np.float64) for frame in clip._reader.stored(range(len(clip)))])
    if not np.isfinite(stored).all():
        raise InputError(f"{clip.source}: {int((~np.isfinite(stored)).sum())} numbers of the mask are NaN or infinite")
    declared = clip._reader.declared
    white = None if declared is None or is_array_file(clip.source) else declared.scale
    if stored.shape[1] == 1:
        return _Seen(stored[:, 0], "grey", white)
    top = white or float(stored.max()) or 1.0
    if float((stored.max(1) - stored.min(1)).max()) <= GREYISH * top:
        return _Seen(stored.mean(1) if (stored.max(1) != stored.min(1)).any() else stored[:, 0], "grey", white)
    red, green, blue = (np.rint(255 * stored[:, k] / top) for k in range(3))
    return _Seen(65536 * red + 256 * green + blue, "colour", None)
