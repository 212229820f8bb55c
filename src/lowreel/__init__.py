"""Lowreel: recover a video from too few measurements, by a generator fitted to the one clip.

Names are loaded when first used, so that `import lowreel` is quick.
"""

from __future__ import annotations

import sys
from importlib import import_module
from types import ModuleType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .baselines import baselines
    from .datasets import open_source
    from .errors import InputError
    from .generators import Dcgan, Decoder, Generator, load_weights, pretrained
    from .latents import Codes
    from .manifold import circular_correlation, cross_faded, embedded, order_along, spearman
    from .measure import (
        Functions,
        Gaussian,
        Identity,
        Mask,
        Measured,
        Measurement,
        MissingPixels,
        add_white_noise,
        as_measurement,
        as_scipy,
    )
    from .metrics import psnr, psnr_range, ssim
    from .recover import Recovery, recover
    from .representation import Representation
    from .settings import RecoverSettings, SolverSettings
    from .solver import Problem, State, iterate
    from .video import open_clip, read_mask, write_video

__version__ = "0.1.0"

_HOMES = {
    "datasets": ("open_source",),
    "video": ("open_clip", "read_mask", "write_video"),
    "measure": (
        "Measurement",
        "Measured",
        "Identity",
        "MissingPixels",
        "Mask",
        "Gaussian",
        "Functions",
        "as_measurement",
        "as_scipy",
        "add_white_noise",
    ),
    "generators": ("Generator", "Dcgan", "Decoder", "load_weights", "pretrained"),
    "latents": ("Codes",),
    "settings": ("RecoverSettings", "SolverSettings"),
    "solver": ("Problem", "State", "iterate"),
    "recover": ("recover", "Recovery"),
    "representation": ("Representation",),
    "manifold": ("embedded", "order_along", "spearman", "circular_correlation", "cross_faded"),
    "baselines": ("baselines",),
    "metrics": ("psnr", "psnr_range", "ssim"),
    "errors": ("InputError",),
}
_HOME = {name: module for module, names in _HOMES.items() for name in names}

__all__ = [  # noqa: RUF022 (the order in which a recovery meets them)
    "open_clip",
    "open_source",
    "read_mask",
    "write_video",
    "Measurement",
    "Measured",
    "Identity",
    "MissingPixels",
    "Mask",
    "Gaussian",
    "Functions",
    "as_measurement",
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
    "State",
    "iterate",
    "recover",
    "Recovery",
    "Representation",
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
    """The package keeps `recover` the function, also after the submodule of that name has been imported."""

    def __setattr__(self, name: str, value: Any) -> None:
        if not (name in _HOME and isinstance(value, ModuleType)):
            super().__setattr__(name, value)


sys.modules[__name__].__class__ = _Package


def __dir__() -> list[str]:
    return [*__all__, "__version__"]
