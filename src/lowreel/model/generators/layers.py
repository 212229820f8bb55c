"""What generators need of torch and what torch's own type information leaves out."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ParamSpec, TypeVar, cast

import torch
from torch import nn

P = ParamSpec("P")
Layer = TypeVar("Layer", bound=nn.Module)


def without_values(make: Callable[P, Layer], *args: P.args, **kwargs: P.kwargs) -> Layer:
    """A layer whose weights have no values yet: torch draws none, so its global random state stays as it was.

    On torch's default device, which inside of `torch.device("meta")` takes no memory for them.
    """
    skip_init: Any = nn.utils.skip_init
    return cast(Layer, skip_init(make, *args, **kwargs, device=torch.empty(0).device))


def to_channels_last(module: nn.Module) -> None:
    """Lay the weights of convolutions out with the channels last, in place: convolutions are faster so."""
    module.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
