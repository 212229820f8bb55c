"""What stands where on the page, and what happens when something is pressed."""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import gradio as gr

from ..catalogue import OPERATORS
from ..errors import InputError
from ..settings import ClipSettings, NoiseSettings, RecoverSettings
from .form import fields, filled, operator_of
from .run_view import MEASURED, RECOVERED, Look, between
from .service import Service, Wish
from .svg import escaped, picture_link
from .svg import path as drawn_path
from .uploads import DATA, TAKEN

TICK, SLOW = 2.0, 10.0
"""Seconds between two looks at a run, at first and when it has gone on for long: a browser on the same two cores takes
a sixth of them for a look every two seconds."""

OFTEN = 15.0
"""Looks in the time that a run has taken so far, about."""

MINE = 99
"""Runs of a visitor's that the browser remembers, beside the last one."""

FILMS = {"concurrency_limit": 1, "concurrency_id": "films"}
"""Videos are made one at a time."""

DEMO, UPLOAD = "the demo clip", "a file of yours"

KEEP_ADDRESS = "(key) => { if (key) history.replaceState(null, '', '?run=' + key); return []; }"
"""The run that is shown is in the address, so that it is found again."""

SURE = "(key) => { if (!confirm('Delete this run and its files?')) throw new Error('kept'); return key; }"

THEME = gr.themes.Default(font=["system-ui", "sans-serif"], font_mono=["ui-monospace", "monospace"]).set(
    block_info_text_color="*neutral_600", block_info_text_color_dark="*neutral_300"
)
"""Fonts of the visitor's own machine: others would be fetched from elsewhere."""


def page_of(service: Service) -> gr.Blocks:
    """The whole page."""
    with gr.Blocks(title="Lowreel", analytics_enabled=False, delete_cache=(600, 3600)) as page:
        gr.Markdown("# Lowreel\nA video from too few measurements of it.")
        mine = gr.BrowserState([], storage_key="lowreel-runs", secret="lowreel")
        with gr.Tabs():
            with gr.Tab("Recover"):
                _recover_tab(page, service, mine)
            with gr.Tab("Look") as tab:
                _look_tab(service, mine, tab)
            with gr.Tab("Interpolate") as tab:
                _interpolate_tab(service, mine, tab)
    return page


def in_words(act: Callable[..., Any]) -> Callable[..., Any]:
    """What is wrong with what was asked for is told on the page."""

    @functools.wraps(act)  # Gradio looks at the signature
    def told(*given: Any) -> Any:
        try:
            return act(*given)
        except InputError as error:
            raise gr.Error(str(error), duration=12, print_exception=False) from None

    return told


# ------------------------------------------------------------------------------------------------------------ recover


def _recover_tab(page: gr.Blocks, service: Service, mine: gr.BrowserState) -> None:
    current, seen = gr.State(""), gr.State("")
    with gr.Row():
        with gr.Column(scale=2, min_width=300):
            form, start = _form(service)
            address = gr.Textbox(visible="hidden")
        with gr.Column(scale=3, min_width=300):
            told = gr.HTML(elem_id="told")
            stop = gr.Button("Stop and keep the best", variant="stop", visible=False, elem_id="stop")
            more = gr.Button("Go on", visible=False, elem_id="more")
            with gr.Column(visible=False, elem_id="results") as results:
                show = _wipe(service, current)
                figures, downloads = gr.HTML(elem_id="figures"), gr.HTML(elem_id="downloads")
            delete = gr.Button("Delete this run", size="sm", visible=False, elem_id="delete")
            others = gr.HTML(elem_id="mine")

    def begin(given: dict[Any, Any], request: gr.Request) -> tuple[Any, ...]:
        visitor = request.client.host if request.client is not None else ""
        job = form.started({c: given[c] for c in form.components}, visitor)
        before = [key for key in given[mine] if isinstance(key, str)]
        return job, job, "", [*before[-MINE:], job]

    given, found = {*form.components, mine}, [current, address, seen, mine]
    asked = start.click(in_words(begin), given, found, api_visibility="private")
    asked.success(None, address, None, js=KEEP_ADDRESS, api_visibility="private")
    stop.click(service.stop, current, None, api_visibility="private")
    more.click(in_words(service.go_on), current, None, api_visibility="private")
    delete.click(in_words(service.delete), current, None, js=SURE, api_visibility="private")

    def refresh(key: str, before: str, own: list[str]) -> tuple[Any, ...]:
        now, status = service.state(key) if key else ("nothing", "nothing")
        listed = service.list_of(own)
        stamp, (last, _, last_listed) = f"{key} {now}\n{listed}", before.partition("\n")
        if stamp.startswith(f"{last}\n"):
            rest = (gr.skip(),) * (6 + len(show))
            return stamp, gr.skip(), gr.skip(), gr.skip() if listed == last_listed else listed, *rest
        ended = service.file(key, "summary.json") is not None and status in ("finished", "stopped")
        look = service.look(key) if ended else None
        return (
            stamp,
            service.status_html(key),
            gr.Timer(pace(service.seconds(key))),
            listed,
            gr.update(visible=status in ("running", "waiting") and service.jobs.get(key) is not None),
            gr.update(visible=status in ("stopped", "failed")),
            gr.update(visible=look is not None),
            service.figures(key) if ended else "",
            service.downloads(key) if ended else "",
            gr.update(visible=look is not None and service.jobs.get(key) is not None),
            *_wipe_of(look),
        )

    timer = gr.Timer(TICK)
    outputs = [seen, told, timer, others, stop, more, results, figures, downloads, delete, *show]
    timer.tick(
        refresh, [current, seen, mine], outputs, show_progress="hidden", api_visibility="private", trigger_mode="once"
    )
    page.load(_key_in_address, None, current, show_progress="hidden", api_visibility="private")


def pace(seconds: float) -> float:
    """Seconds from one look to the next at a run that has taken so long; few values, so that it seldom changes."""
    return next((step for step in (TICK, 5.0) if seconds < OFTEN * step), SLOW)


def _key_in_address(request: gr.Request) -> str:
    return str(request.query_params.get("run", ""))[:80]


class _Form:
    """The form of a recovery. groups: components by operator; components: all of them."""

    def __init__(self, service: Service) -> None:
        self.service = service
        self.groups: dict[str, tuple[Any, dict[str, Any]]] = {}
        self.source = gr.Radio([DEMO, UPLOAD], value=DEMO, label="clip", elem_id="source")
        self.files = gr.File(
            file_count="multiple", file_types=list(TAKEN), label="video, pictures, array or data", visible=False
        )
        self.found = gr.HTML(elem_id="found")
        with gr.Column() as self.measuring:
            self._ask_how()
        with gr.Accordion("How it is recovered", open=False):
            self.recovering = fields(RecoverSettings, {"quality": "draft"})
        self._react()

    def _ask_how(self) -> None:
        """What a clip is measured by; of data that is known."""
        self.sentences = {kind.name: kind.measures for kind in OPERATORS}
        names, first = list(self.sentences), "missing"
        self.operator = gr.Dropdown(
            names, value=first, label="measured by", info=self.sentences[first], elem_id="operator"
        )
        for kind in OPERATORS:
            with gr.Column(visible=kind.name == "missing") as group:
                self.groups[kind.name] = (group, fields(kind, kind.example))
        with gr.Accordion("How the clip is read", open=False):
            self.reading = fields(ClipSettings)
        with gr.Accordion("Noise", open=False):
            self.noise = fields(NoiseSettings)

    def _react(self) -> None:
        every = [group for group, _ in self.groups.values()]
        self.operator.change(
            lambda name: [gr.update(info=self.sentences[name]), *(gr.update(visible=name == n) for n in self.groups)],
            self.operator,
            [self.operator, *every],
            api_visibility="private",
            show_progress="hidden",
        )
        self.source.change(
            self._sourced, [self.source, self.files], [self.files, self.found, self.measuring], api_visibility="private"
        )
        shown = [self.files, self.found, self.measuring]
        self.files.upload(self._received, self.files, shown, api_visibility="private")
        self.files.clear(lambda: ("", gr.update(visible=True)), None, shown[1:], api_visibility="private")

    def _sourced(self, source: str, sent: list[Any] | None) -> tuple[Any, Any, Any]:
        """What is asked for by the demo clip, or by a file: of data, not how it was measured."""
        own = gr.update(visible=source == UPLOAD)
        is_data = source == UPLOAD and any(str(file).lower().endswith(DATA) for file in sent or [])
        return own, own, gr.update(visible=not is_data)

    def _received(self, sent: list[Any] | None) -> tuple[Any, str, Any]:
        """What was sent, in words; what is refused is taken out of the form."""
        try:
            upload = self.service.receive(_sent(sent))
            return gr.skip(), f"<p>{escaped(upload.sentence())}</p>", gr.update(visible=not upload.is_data)
        except InputError as error:
            return None, f'<p class="problem">{escaped(error)}</p>', gr.update(visible=True)

    @property
    def components(self) -> list[Any]:
        """All that is filled in."""
        of_operators = [c for _, made in self.groups.values() for c in made.values()]
        own = [c for made in (self.reading, self.noise, self.recovering) for c in made.values()]
        return [self.source, self.files, self.operator, *of_operators, *own]

    def started(self, given: Mapping[Any, Any], visitor: str) -> str:
        """The address of the recovery that the filled form asks for."""

        def values(made: Mapping[str, Any]) -> dict[str, Any]:
            return {name: given[component] for name, component in made.items()}

        name = given[self.operator]
        wish = Wish(
            operator=operator_of(name, values(self.groups[name][1])),
            reading=filled(ClipSettings, values(self.reading)),
            noise=filled(NoiseSettings, values(self.noise)),
            settings=filled(RecoverSettings, values(self.recovering)),
        )
        upload = self.service.receive(_sent(given[self.files])) if given[self.source] == UPLOAD else None
        return self.service.start(upload, wish, visitor).id


def _sent(files: list[Any] | None) -> list[tuple[Path, str]]:
    """Files as the form has them: where they lie, and what their sender calls them."""
    return [(Path(str(file)), Path(str(file)).name) for file in files or []]


def _form(service: Service) -> tuple[_Form, gr.Button]:
    form = _Form(service)
    return form, gr.Button("Recover", variant="primary", elem_id="start")


# ---------------------------------------------------------------------------------------------------------------- look


def _wipe(service: Service, current: gr.State) -> list[Any]:
    """Two layers of a run under one slider: those to choose, the frame, the pictures."""
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
        component.change(
            in_words(draw),
            [current, left, right, frame],
            pictures,
            show_progress="hidden",
            api_visibility="private",
            trigger_mode="always_last",
        )
    return [left, right, frame, pictures]


def _seen(look: Look, layer: str, t: int) -> Any:
    """A frame, large enough to be looked at."""
    picture = look.frame(layer, t)
    times = max(1, 384 // max(picture.shape[:2]))
    return picture.repeat(times, axis=0).repeat(times, axis=1)


def _wipe_of(look: Look | None) -> tuple[Any, ...]:
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


def _look_tab(service: Service, mine: gr.BrowserState, tab: Any) -> None:
    seen = gr.State("")
    with gr.Row():
        runs = [gr.Dropdown([], label=name, elem_id=f"run-{name}") for name in ("first run", "second run")]
        layers = [gr.Dropdown([], label=f"of the {name}", min_width=120) for name in ("first", "second")]
    frame = gr.Slider(0, 1, step=1, label="frame, of both", elem_id="both")
    pictures, told = gr.HTML(elem_id="pair"), gr.HTML(elem_id="pair-told")
    make, video = gr.Button("Both as one video"), gr.HTML()
    tab.select(lambda own: [gr.update(choices=service.choices(own))] * 2, mine, runs, api_visibility="private")

    def chosen(key: str | None) -> tuple[Any, Any]:
        look = service.look(key or "")
        names = list(look.layers) if look is not None else []
        return (
            gr.update(choices=names, value=names[0] if names else None),
            gr.update(maximum=max(look.shape[0] - 1, 1) if look is not None else 1),
        )

    for run, layer in zip(runs, layers, strict=True):
        run.change(chosen, run, [layer, frame], api_visibility="private", show_progress="hidden")

    def draw(one: str, two: str, first: str, second: str, t: float) -> str:
        cells = [_cell(service, key, layer, int(t)) for key, layer in ((one, first), (two, second)) if key and layer]
        return f'<div class="strip">{"".join(cells)}</div>'

    for component in (*layers, frame):
        component.change(
            in_words(draw),
            [*runs, *layers, frame],
            pictures,
            show_progress="hidden",
            api_visibility="private",
            trigger_mode="always_last",
        )

    def tell(one: str, two: str, before: str) -> tuple[Any, Any]:
        stamp = " ".join(service.state(key)[0] for key in (one, two) if key)
        if f"{one} {two} {stamp}" == before:
            return gr.skip(), gr.skip()
        both = "".join(f"<div>{service.status_html(key)}{service.figures(key)}</div>" for key in (one, two) if key)
        return f"{one} {two} {stamp}", f'<div class="pair">{both}</div>'

    gr.Timer(TICK).tick(tell, [*runs, seen], [seen, told], show_progress="hidden", api_visibility="private")

    def film(one: str, two: str, first: str, second: str) -> str:
        link = service.side_by_side((one or "", first or ""), (two or "", second or ""))
        return f'<video src="{link}" controls loop muted playsinline></video>'

    make.click(in_words(film), [*runs, *layers], video, api_visibility="private", **FILMS)


def _cell(service: Service, key: str, layer: str, t: int) -> str:
    look = service.look(key)
    if look is None or layer not in look.layers:
        return ""
    t = min(t, look.shape[0] - 1)
    picture = picture_link(look.frame(layer, t))
    return f'<figure><img src="{picture}" alt=""><figcaption>{escaped(layer)}, frame {t}</figcaption></figure>'


# --------------------------------------------------------------------------------------------------------- interpolate


def _interpolate_tab(service: Service, mine: gr.BrowserState, tab: Any) -> None:
    run = gr.Dropdown([], label="run", elem_id="path-run")
    place = gr.Slider(0, 1, step=0.02, label="place along the path, in frames", elem_id="place")
    with gr.Row():
        picture, plot = gr.HTML(elem_id="drawn"), gr.HTML(elem_id="path")
    with gr.Row():
        first, last = gr.Number(0, precision=0, label="from frame"), gr.Number(1, precision=0, label="to frame")
        count = gr.Number(200, precision=0, label="frames to draw")
        curve = gr.Dropdown(["linear", "cubic"], value="linear", label="curve")
    make, video = gr.Button("Slow-motion video", elem_id="make"), gr.HTML(elem_id="slow")
    tab.select(lambda own: gr.update(choices=service.drawable(own)), mine, run, api_visibility="private")

    def chosen(key: str | None) -> tuple[Any, ...]:
        look = service.look(key or "")
        end = look.shape[0] - 1 if look is not None else 1
        return gr.update(maximum=end, value=end / 2), 0, end

    def draw(key: str | None, at: float) -> tuple[str, str]:
        look = service.look(key or "")
        found = None if look is None else look.representation()
        if found is None:
            return "", ""
        shown, points, mark = between(found, min(at, len(found.codes) - 1))
        frame = f'<figure><img src="{picture_link(shown)}" alt="the frame at {at:.2f}"></figure>'
        return f'<div class="strip">{frame}</div>', drawn_path(points, mark)

    run.change(chosen, run, [place, first, last], api_visibility="private", show_progress="hidden")
    place.change(
        in_words(draw),
        [run, place],
        [picture, plot],
        show_progress="hidden",
        api_visibility="private",
        trigger_mode="always_last",
    )

    def film(key: str | None, a: float | None, b: float | None, frames: float | None, bend: str) -> str:
        if a is None or b is None or frames is None:
            raise InputError("Say from which frame to which, and how many to draw.")
        given = [f"--between={int(a)}", str(int(b)), f"--frames={int(frames)}", f"--curve={bend}"]
        return service.interpolated(key or "", given)

    make.click(in_words(film), [run, first, last, count, curve], video, api_visibility="private", **FILMS)
