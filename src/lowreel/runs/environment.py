"""What a result depends on besides the request: versions, the machine, the time."""

from __future__ import annotations

import datetime
import platform
from importlib.metadata import PackageNotFoundError, version
from typing import Any

import torch

from .. import __version__
from ..settings import RecoverSettings
from .summary import Summary

LIBRARIES = ("torch", "numpy", "scipy", "scikit-image", "av", "pydantic")
"""Libraries whose version is kept with each result."""


def environment() -> dict[str, Any]:
    """Versions of Lowreel, Python and LIBRARIES, instruction set and threads of torch, system, card, and date (UTC)."""
    card = {"card": torch.cuda.get_device_name()} if torch.cuda.is_available() else {}
    return {
        "lowreel": __version__,
        "python": platform.python_version(),
        "libraries": {name: known for name in LIBRARIES if (known := _version(name)) is not None},
        "system": f"{platform.system()} {platform.machine()}",
        "instruction_set": torch.backends.cpu.get_cpu_capability(),
        "threads": torch.get_num_threads(),
        **card,
        "date": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
    }


def reproducible(summary: Summary, request: dict[str, Any] | None, settings: RecoverSettings) -> Summary:
    """The summary with what was asked for, and with what it was made."""
    asked = {"request": request, "settings": settings.model_dump(mode="json")}
    return summary.model_copy(update={**asked, "environment": environment()})


def _version(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None
