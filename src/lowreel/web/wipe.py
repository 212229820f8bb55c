"""Two layers of a run under one slider."""

from __future__ import annotations

import contextlib
from typing import Any

import gradio as gr

from ..errors import InputError
from .reactions import in_words, quiet
from .run_view import MEASURED, RECOVERED, Look, enlarged
from .service import Service


def wipe(service: Service, current: gr.State, button: gr.Button) -> list[Any]:
    """The components: the two layers to choose, the frame, the pictures. button: as of `quiet`."""
    with gr.Row():
        left = gr.Dropdown([], label="left", min_width=120, elem_id="left")
        right = gr.Dropdown([], label="right", min_width=120, elem_id="right")
    frame = gr.Slider(0, 1, step=1, label="frame", elem_id="frame")
    pictures = gr.ImageSlider(type="numpy", format="png", interactive=False, show_label=False, elem_id="wipe")

    def draw(key: str, first: str | None, second: str | None, t: float) -> Any:
        look = service.look(key)
        if look is None or first not in look.layers or second not in look.layers:
            return None
        t = min(int(t), look.shape[0] - 1)
        return _seen(look, first, t), _seen(look, second, t)

    for component in (left, right, frame):
        asked = [current, left, right, frame]
        component.change(in_words(draw), asked, pictures, trigger_mode="always_last", **quiet(button))
    return [left, right, frame, pictures]


def wipe_of(look: Look | None) -> tuple[Any, ...]:
    """What the components show of a run at first: the frame in its middle, measured and recovered."""
    if look is None:
        return gr.skip(), gr.skip(), gr.skip(), None
    layers = list(look.layers)
    first = next((name for name in (MEASURED, look.baseline) if name in layers), layers[0])
    second, middle = RECOVERED if RECOVERED in layers else layers[0], look.shape[0] // 2
    with contextlib.suppress(InputError):
        return (
            gr.update(choices=layers, value=first),
            gr.update(choices=layers, value=second),
            gr.update(maximum=max(look.shape[0] - 1, 1), value=middle),
            (_seen(look, first, middle), _seen(look, second, middle)),
        )
    return gr.skip(), gr.skip(), gr.skip(), None


def _seen(look: Look, layer: str, t: int) -> Any:
    """A frame, large enough to be looked at."""
    return enlarged(look.frame(layer, t))
