"""Modules on another device, the caller's own left where they are."""

from __future__ import annotations

import copy
from typing import Any

import torch
from torch import nn


def moved(module: Any, device: torch.device) -> Any:
    """A shallow copy of a module whose tensors, and those of the modules in it, are on a device.

    `nn.Module.to` would move the caller's own one. An operator says which modules in it go with it
    (`_modules_to_move`).
    """
    other = copy.copy(module)
    other._buffers = {name: None if t is None else t.to(device) for name, t in module._buffers.items()}
    other._parameters = {
        name: None if p is None else nn.Parameter(p.detach().to(device), p.requires_grad)
        for name, p in module._parameters.items()
    }
    inside = getattr(module, "_modules_to_move", lambda: module._modules)()
    held = {name: None if m is None else moved(m, device) for name, m in inside.items()}
    other._modules = {**module._modules, **held}
    return other
