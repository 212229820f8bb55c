"""The page: its tabs."""

from __future__ import annotations

import gradio as gr

from .interpolate_tab import interpolate_tab
from .look_tab import look_tab
from .recover_tab import recover_tab
from .service import Service

THEME = gr.themes.Default(font=["system-ui", "sans-serif"], font_mono=["ui-monospace", "monospace"]).set(
    block_info_text_color="*neutral_600", block_info_text_color_dark="*neutral_300"
)
"""Fonts of the visitor's own machine: others would be fetched from elsewhere."""


def page_of(service: Service) -> gr.Blocks:
    """The whole page."""
    with gr.Blocks(title="Lowreel", analytics_enabled=False, delete_cache=(600, 3600)) as page:
        gr.Markdown("# Lowreel\nA video from too few measurements of it.")
        mine = gr.BrowserState([], storage_key="lowreel-runs", secret="lowreel")
        current = gr.State("")  # the address of the run that is shown
        with gr.Tabs():
            with gr.Tab("Recover"):
                recover_tab(page, service, mine, current)
            with gr.Tab("Look") as tab:
                look_tab(service, mine, current, tab)
            with gr.Tab("Interpolate") as tab:
                interpolate_tab(service, mine, current, tab)
    return page
