"""Which device a recovery is computed on."""

from __future__ import annotations

import torch

from ..errors import InputError

CPU = torch.device("cpu")


def device_of(name: str) -> torch.device:
    """The device that a setting names: cpu, cuda, mps, or auto, which is cuda where there is one and else cpu.

    Raises InputError where this machine has no such device.
    """
    if name == "cuda" or (name == "auto" and torch.cuda.is_available()):
        _check("cuda", torch.cuda.is_available(), "no graphics card that this PyTorch can use (CUDA or ROCm)")
        return torch.device("cuda", torch.cuda.current_device())
    if name == "mps":
        _check("mps", torch.backends.mps.is_available(), "no Metal device that this PyTorch can use")
        return torch.device("mps", 0)
    return CPU


def _check(name: str, is_there: bool, what: str) -> None:
    if not is_there:
        raise InputError(f"device: {name} was asked for, but this machine has {what}; use --device cpu, or auto")


def wait_for(device: torch.device) -> None:
    """Return when a device has done all that it was given: before a clock is read."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    elif device.type == "mps":
        torch.mps.synchronize()
