"""The tab on which two runs are compared."""

from __future__ import annotations

from typing import Any

import gradio as gr

from .interpolate_tab import chosen_of
from .reactions import FILMS, in_words, quiet
from .service import Service
from .standing import watched_run
from .svg import escaped, picture_link

TELL_AGAIN = "tell-again"
"""The hidden button by which the script of the page has the figures told anew."""


def look_tab(service: Service, mine: gr.BrowserState, current: gr.State, tab: Any) -> None:
    """Put the tab together: two runs, a layer of each, one slider for both, their figures, a video of both."""
    with gr.Row():
        runs = [gr.Dropdown([], label=name, elem_id=f"run-{name}") for name in ("first run", "second run")]
        layers = [gr.Dropdown([], label=f"of the {name}", min_width=120) for name in ("first", "second")]
    frame = gr.Slider(0, 1, step=1, label="frame, of both", elem_id="both")
    pictures, told = gr.HTML(elem_id="pair"), gr.HTML(elem_id="pair-told")
    make, video = gr.Button("Both as one video"), gr.HTML()
    again = gr.Button(visible="hidden", elem_id=TELL_AGAIN)

    def entered(own: list[str], opened: str, before: str | None) -> tuple[Any, Any]:
        choices = service.choices(own)
        first = chosen_of([key for _, key in choices], opened, before)
        return gr.update(choices=choices, value=first), gr.update(choices=choices)

    tab.select(entered, [mine, current, runs[0]], runs, **quiet(make))

    def chosen(key: str | None) -> tuple[Any, Any]:
        look = service.look(key or "")
        names = list(look.layers) if look is not None else []
        return (
            gr.update(choices=names, value=names[0] if names else None),
            gr.update(maximum=max(look.shape[0] - 1, 1) if look is not None else 1),
        )

    for run, layer in zip(runs, layers, strict=True):
        run.change(chosen, run, [layer, frame], **quiet(make))

    def draw(one: str, two: str, first: str, second: str, t: float) -> str:
        cells = [_cell(service, key, layer, int(t)) for key, layer in ((one, first), (two, second)) if key and layer]
        return f'<div class="strip">{"".join(cells)}</div>'

    for component in (*layers, frame):
        component.change(
            in_words(draw),
            [*runs, *layers, frame],
            pictures,
            trigger_mode="always_last",
            **quiet(make),
        )

    def tell(one: str, two: str) -> str:
        told_of = [
            f"<div>{watched_run(service, key, TELL_AGAIN)}{service.figures(key)}</div>" for key in (one, two) if key
        ]
        return f'<div class="pair">{"".join(told_of)}</div>'

    for change in (runs[0].change, runs[1].change, again.click):
        change(tell, runs, told, trigger_mode="always_last", **quiet(make))

    def film(one: str, two: str, first: str, second: str) -> str:
        link = service.side_by_side((one or "", first or ""), (two or "", second or ""))
        return f'<video src="{link}"{service.poster(one)} controls loop muted playsinline></video>'

    make.click(in_words(film), [*runs, *layers], video, api_visibility="private", **FILMS)


def _cell(service: Service, key: str, layer: str, t: int) -> str:
    look = service.look(key)
    if look is None or layer not in look.layers:
        return ""
    t = min(t, look.shape[0] - 1)
    picture = picture_link(look.frame(layer, t))
    return f'<figure><img src="{picture}" alt=""><figcaption>{escaped(layer)}, frame {t}</figcaption></figure>'
