"""Where products may be computed in half the bits."""

from __future__ import annotations

from typing import Any

import torch


def bfloat16_is_native(device: torch.device) -> bool:
    """Whether the device multiplies bfloat16 natively, twice as fast as float32 or more."""
    if device.type == "cuda":
        return torch.cuda.is_bf16_supported(including_emulation=False)
    capabilities: dict[str, Any] = getattr(torch.cpu, "get_capabilities", dict)()
    return bool(capabilities.get("avx512_bf16") or capabilities.get("amx_bf16"))
