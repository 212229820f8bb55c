"""What generators need of torch and what torch's own type information leaves out."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any, ParamSpec, TypeVar, cast

import torch
from torch import Tensor, nn

P = ParamSpec("P")
Layer = TypeVar("Layer", bound=nn.Module)


def without_values(make: Callable[P, Layer], *args: P.args, **kwargs: P.kwargs) -> Layer:
    """A layer whose weights have no values yet: torch draws none, so its global random state stays as it was.

    On torch's default device, which inside of `torch.device("meta")` takes no memory for them.
    """
    skip_init: Any = nn.utils.skip_init
    return cast(Layer, skip_init(make, *args, **kwargs, device=torch.empty(0).device))


def draw_weights(
    network: Callable[[Tensor], Tensor],
    spreads: Mapping[nn.Module, float],
    probe: Callable[[], Tensor],
    source: torch.Generator,
) -> None:
    """Give layers random weights, and scale each in turn so that its output for some codes has the spread that it is
    given with; biases are zero. network: what runs through these layers; probe: makes those codes, (N, K), after
    weights are drawn.
    """

    def scale(layer: nn.Module, _: Any, output: Tensor) -> Tensor:
        gain = spreads[layer] / output.std().clamp_min(1e-6)
        layer.weight.mul_(gain)  # type: ignore[operator]
        return output * gain

    for layer in spreads:
        weight, bias = layer.get_parameter("weight"), layer.get_parameter("bias")
        nn.init.normal_(weight, 0, 1 / math.sqrt(weight[0].numel()), generator=source)
        nn.init.zeros_(bias)
    hooks = [layer.register_forward_hook(scale) for layer in spreads]
    network(probe())
    for hook in hooks:
        hook.remove()


def to_channels_last(module: nn.Module) -> None:
    """Lay the weights of convolutions out with the channels last, in place: convolutions are faster so."""
    module.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
