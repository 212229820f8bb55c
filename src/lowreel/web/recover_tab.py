"""The tab on which a clip is recovered, and watched while it is."""

from __future__ import annotations

from functools import partial
from typing import Any

import gradio as gr

from .reactions import in_words, quiet
from .recover_form import RecoverForm
from .service import Service
from .standing import MOST_LISTED, stamped, watched_list, watched_run
from .wipe import wipe, wipe_of

REMEMBERED_RUNS = MOST_LISTED - 1
"""Runs of a visitor's that the browser remembers, beside the last one."""

DRAW_AGAIN = "draw-again"
"""The hidden button by which the script of the page has the tab drawn anew."""

IN_TURN = {"concurrency_limit": 1, "concurrency_id": "tab"}
"""What draws the list of runs is answered in the order in which it was asked."""

SURE = "(key) => { if (!confirm('Delete this run and its files?')) throw new Error('kept'); return key; }"


def recover_tab(page: gr.Blocks, service: Service, mine: gr.BrowserState, current: gr.State) -> None:
    """Put the tab together: the form, and beside it how the run stands that is shown, and what it has come to; before
    there is one, an example."""
    seen = gr.State("")
    with gr.Row(elem_id="recover"):
        with gr.Column(scale=2, min_width=300):
            form = RecoverForm(service)
            start = gr.Button("Recover", variant="primary", elem_id="start")
        with gr.Column(scale=3, min_width=300):
            example = gr.HTML(service.example_html(), elem_id="example")
            told = gr.HTML(elem_id="told")
            stop = gr.Button("Stop and keep the best", variant="stop", visible=False, elem_id="stop")
            more = gr.Button("Go on", visible=False, elem_id="more")
            with gr.Column(visible=False, elem_id="results") as results:
                show = wipe(service, current, start)
                figures, downloads = gr.HTML(elem_id="figures"), gr.HTML(elem_id="downloads")
            delete = gr.Button("Delete this run", size="sm", visible=False, elem_id="delete")
            others = gr.HTML(elem_id="mine")
            again = gr.Button(visible="hidden", elem_id=DRAW_AGAIN)
    asked = gr.HTML(elem_id="asked")

    def begin(given: dict[Any, Any], request: gr.Request) -> tuple[Any, ...]:
        visitor = request.client.host if request.client is not None else ""
        job = form.started({c: given[c] for c in form.components}, visitor)
        before = [key for key in given[mine] if isinstance(key, str)]
        return job, "", [*before[-REMEMBERED_RUNS:], job], ""

    def refresh(key: str, before: str, own: list[str]) -> tuple[Any, ...]:
        listed = watched_list(service, own)
        known = stamped(service, key)
        stamp = f"{key} {known[0]} {listed}"
        if stamp == before:
            return (gr.skip(),) * len(outputs)
        return stamp, *_standing(service, key, known, listed)

    given, found = {*form.components, mine}, [current, seen, mine, example]
    outputs = [seen, told, others, stop, more, results, figures, downloads, asked, delete, *show]
    calm = quiet(start)
    drawn = {"fn": refresh, "inputs": [current, seen, mine], "outputs": outputs, **calm, **IN_TURN}
    start.click(in_words(begin), given, found, **calm).success(**drawn)
    stop.click(service.stop, current, None, **calm).then(**drawn)
    more.click(in_words(service.go_on), current, None, **calm).then(**drawn)
    delete.click(in_words(service.delete), current, None, js=SURE, **calm).then(**drawn)
    again.click(**drawn, trigger_mode="always_last")
    mine.change(partial(watched_list, service), mine, others, **calm, **IN_TURN, trigger_mode="always_last")
    page.load(_opened, None, [current, example], **calm).then(**drawn)


def _standing(service: Service, key: str, known: tuple[str, str], listed: str) -> tuple[Any, ...]:
    """What the tab shows of the run at an address; known: its stamp and phase; listed: links to the visitor's own
    runs."""
    status = known[1].split()[0]
    ended = service.file(key, "summary.json") is not None and status in ("finished", "stopped")
    look, is_own = service.look(key) if ended else None, service.jobs.get(key) is not None
    return (
        watched_run(service, key, DRAW_AGAIN, known),
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
    return key, "" if key else gr.skip()
