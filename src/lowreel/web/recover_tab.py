"""The tab on which a clip is recovered, and watched while it is."""

from __future__ import annotations

from typing import Any

import gradio as gr

from .reactions import LOOK_SECONDS, in_words, pace
from .recover_form import RecoverForm
from .service import Service
from .wipe import wipe, wipe_of

REMEMBERED_RUNS = 99
"""Runs of a visitor's that the browser remembers, beside the last one."""

KEEP_ADDRESS = "(key) => { if (key) history.replaceState(null, '', '?run=' + key); return []; }"
"""The run that is shown is in the address, so that it is found again."""

SURE = "(key) => { if (!confirm('Delete this run and its files?')) throw new Error('kept'); return key; }"


def recover_tab(page: gr.Blocks, service: Service, mine: gr.BrowserState, current: gr.State) -> None:
    """Put the tab together: the form, and beside it how the run stands that is shown, and what it has come to; before
    there is one, an example."""
    seen = gr.State("")
    with gr.Row(elem_id="recover"):
        with gr.Column(scale=2, min_width=300):
            form = RecoverForm(service)
            start = gr.Button("Recover", variant="primary", elem_id="start")
            address = gr.Textbox(visible="hidden")
            asked = gr.HTML(elem_id="asked")
        with gr.Column(scale=3, min_width=300):
            example = gr.HTML(service.example_html(), elem_id="example")
            told = gr.HTML(elem_id="told")
            stop = gr.Button("Stop and keep the best", variant="stop", visible=False, elem_id="stop")
            more = gr.Button("Go on", visible=False, elem_id="more")
            with gr.Column(visible=False, elem_id="results") as results:
                show = wipe(service, current)
                figures, downloads = gr.HTML(elem_id="figures"), gr.HTML(elem_id="downloads")
            delete = gr.Button("Delete this run", size="sm", visible=False, elem_id="delete")
            others = gr.HTML(elem_id="mine")

    def begin(given: dict[Any, Any], request: gr.Request) -> tuple[Any, ...]:
        visitor = request.client.host if request.client is not None else ""
        job = form.started({c: given[c] for c in form.components}, visitor)
        before = [key for key in given[mine] if isinstance(key, str)]
        return job, job, "", [*before[-REMEMBERED_RUNS:], job], gr.update(visible=False)

    given, found = {*form.components, mine}, [current, address, seen, mine, example]
    begun = start.click(in_words(begin), given, found, api_visibility="private")
    begun.success(None, address, None, js=KEEP_ADDRESS, api_visibility="private")
    stop.click(service.stop, current, None, api_visibility="private")
    more.click(in_words(service.go_on), current, None, api_visibility="private")
    delete.click(in_words(service.delete), current, None, js=SURE, api_visibility="private")

    def refresh(key: str, before: str, own: list[str]) -> tuple[Any, ...]:
        now, status = service.state(key) if key else ("nothing", "nothing")
        listed = service.list_of(own)
        stamp, (last, _, last_listed) = f"{key} {now}\n{listed}", before.partition("\n")
        if stamp.startswith(f"{last}\n"):
            rest = (gr.skip(),) * (7 + len(show))
            return stamp, gr.skip(), gr.skip(), gr.skip() if listed == last_listed else listed, *rest
        return stamp, *_standing(service, key, status, listed)

    timer = gr.Timer(LOOK_SECONDS)
    outputs = [seen, told, timer, others, stop, more, results, figures, downloads, asked, delete, *show]
    timer.tick(
        refresh, [current, seen, mine], outputs, show_progress="hidden", api_visibility="private", trigger_mode="once"
    )
    page.load(_opened, None, [current, example], show_progress="hidden", api_visibility="private")


def _standing(service: Service, key: str, status: str, listed: str) -> tuple[Any, ...]:
    """What the tab shows of the run at an address; status: how it stands; listed: links to the visitor's own runs."""
    ended = service.file(key, "summary.json") is not None and status in ("finished", "stopped")
    look, is_own = service.look(key) if ended else None, service.jobs.get(key) is not None
    return (
        service.status_html(key),
        gr.Timer(pace(service.seconds(key))),
        listed,
        gr.update(visible=status in ("running", "waiting") and is_own),
        gr.update(visible=status in ("stopped", "failed")),
        gr.update(visible=look is not None),
        service.figures(key) if ended else "",
        service.downloads(key) if ended else "",
        service.asked(key),
        gr.update(visible=look is not None and is_own),
        *wipe_of(look),
    )


def _opened(request: gr.Request) -> tuple[str, Any]:
    """The run in the address; the example where there is none."""
    key = str(request.query_params.get("run", ""))[:80]
    return key, gr.update(visible=not key)
