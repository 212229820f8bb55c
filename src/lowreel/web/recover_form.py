"""The form of a recovery: which clip, how it is measured, how it is recovered."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import gradio as gr

from ..catalogue import OPERATORS
from ..errors import InputError
from ..settings import ClipSettings, NoiseSettings, RecoverSettings
from .form import fields, filled, operator_of
from .reactions import quiet
from .service import Service, Wish
from .svg import escaped
from .uploads import DATA
from .words import GROUPS

DEMO, UPLOAD = "the demo clip", "a file of yours"


class RecoverForm:
    """The form of a recovery. groups: components by operator; components: all of them; silent: as of `quiet`."""

    def __init__(self, service: Service) -> None:
        self.service = service
        self.groups: dict[str, tuple[Any, dict[str, Any]]] = {}
        self.silent = gr.Button(visible="hidden")
        self.source = gr.Radio([DEMO, UPLOAD], value=DEMO, label="clip", elem_id="source")
        self.files = gr.File(file_count="multiple", label="video, pictures, array or data", visible=False)
        self.found = gr.HTML(elem_id="found")
        with gr.Column() as self.measuring:
            self._ask_how()
        with gr.Accordion("How it is recovered", open=False):
            self.recovering = fields(RecoverSettings, {"quality": "draft"}, GROUPS)
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
            **quiet(self.silent),
        )
        shown, calm = [self.files, self.found, self.measuring], quiet(self.silent)
        self.source.change(self._sourced, [self.source, self.files], shown, **calm)
        self.files.upload(self._received, self.files, shown, **calm)
        self.files.clear(lambda: ("", gr.update(visible=True)), None, shown[1:], **calm)

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
