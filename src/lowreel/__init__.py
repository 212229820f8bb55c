"""Lowreel: recover a video from too few measurements, by a generator fitted to the one clip.

Names are loaded when first used, so that `import lowreel` is quick.
"""

from __future__ import annotations

import sys
from importlib import import_module
from types import ModuleType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .analysis.manifold import circular_correlation, cross_faded, embedded, order_along, spearman
    from .analysis.metrics import psnr, psnr_range, ssim
    from .api.load import load
    from .api.pack import pack
    from .api.recover import recover
    from .api.recovery import Recovery
    from .api.together import recover_together
    from .api.watch import RecoveryProgress
    from .baselines import baselines
    from .data import Measured, add_white_noise
    from .errors import InputError
    from .io.video import open_clip, read_mask, write_video
    from .jobs.request import RunRequest
    from .jobs.run import run
    from .model.generators import Dcgan, Decoder, Generator, load_weights, pretrained
    from .model.latents import Codes
    from .model.representation import Representation
    from .operators import (
        MRI,
        Bayer,
        Blur,
        Cosine,
        Downsample,
        Fourier,
        Functions,
        Gaussian,
        Identity,
        LinearOperator,
        LongExposure,
        Mask,
        MissingBlocks,
        MissingFrames,
        MissingPixels,
        Signs,
        SinglePixel,
        Snapshot,
        Stacked,
        as_linear_operator,
        as_scipy,
    )
    from .packing import read_packed
    from .records.fill import FilledRecord, fill
    from .settings import FillSettings, RecoverSettings, SolverSettings
    from .solver.grouped import grouped
    from .solver.iteration import iterate
    from .solver.problem import Problem
    from .solver.state import State

__version__ = "0.1.0"

_HOMES = {
    "io.video": ("open_clip", "read_mask", "write_video"),
    "operators": (
        "LinearOperator",
        "Identity",
        "MissingPixels",
        "MissingBlocks",
        "MissingFrames",
        "Mask",
        "Gaussian",
        "Signs",
        "Snapshot",
        "SinglePixel",
        "Cosine",
        "Fourier",
        "MRI",
        "Blur",
        "Downsample",
        "LongExposure",
        "Bayer",
        "Stacked",
        "Functions",
        "as_linear_operator",
        "as_scipy",
    ),
    "data": ("Measured", "add_white_noise"),
    "model.generators": ("Generator", "Dcgan", "Decoder", "load_weights", "pretrained"),
    "model.latents": ("Codes",),
    "settings": ("RecoverSettings", "SolverSettings", "FillSettings"),
    "solver.grouped": ("grouped",),
    "solver.problem": ("Problem",),
    "solver.state": ("State",),
    "solver.iteration": ("iterate",),
    "api.recover": ("recover",),
    "api.recovery": ("Recovery",),
    "api.together": ("recover_together",),
    "api.watch": ("RecoveryProgress",),
    "api.load": ("load",),
    "records.fill": ("fill", "FilledRecord"),
    "model.representation": ("Representation",),
    "api.pack": ("pack",),
    "packing": ("read_packed",),
    "jobs.request": ("RunRequest",),
    "jobs.run": ("run",),
    "analysis.manifold": ("embedded", "order_along", "spearman", "circular_correlation", "cross_faded"),
    "baselines": ("baselines",),
    "analysis.metrics": ("psnr", "psnr_range", "ssim"),
    "errors": ("InputError",),
}
_HOME = {name: module for module, names in _HOMES.items() for name in names}

__all__ = [  # noqa: RUF022 (the order in which a recovery meets them)
    "open_clip",
    "read_mask",
    "write_video",
    "Measured",
    "LinearOperator",
    "Identity",
    "MissingPixels",
    "MissingBlocks",
    "MissingFrames",
    "Mask",
    "Gaussian",
    "Signs",
    "Snapshot",
    "SinglePixel",
    "Cosine",
    "Fourier",
    "MRI",
    "Blur",
    "Downsample",
    "LongExposure",
    "Bayer",
    "Stacked",
    "Functions",
    "as_linear_operator",
    "as_scipy",
    "add_white_noise",
    "Generator",
    "Dcgan",
    "Decoder",
    "load_weights",
    "pretrained",
    "Codes",
    "RecoverSettings",
    "SolverSettings",
    "Problem",
    "grouped",
    "State",
    "iterate",
    "recover",
    "recover_together",
    "Recovery",
    "RecoveryProgress",
    "load",
    "fill",
    "FilledRecord",
    "FillSettings",
    "RunRequest",
    "run",
    "Representation",
    "pack",
    "read_packed",
    "embedded",
    "order_along",
    "spearman",
    "circular_correlation",
    "cross_faded",
    "baselines",
    "psnr",
    "psnr_range",
    "ssim",
    "InputError",
]


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module 'lowreel' has no attribute {name!r}")
    value = getattr(import_module(f".{_HOME[name]}", __name__), name)
    globals()[name] = value
    return value


class _Package(ModuleType):
    """The package keeps `baselines` the function, also after the subpackage of that name has been imported."""

    def __setattr__(self, name: str, value: Any) -> None:
        if not (name in _HOME and isinstance(value, ModuleType)):
            super().__setattr__(name, value)


sys.modules[__name__].__class__ = _Package


def __dir__() -> list[str]:
    return [*__all__, "__version__"]
