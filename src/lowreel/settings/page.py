"""Who may use the page, and how much of the machine."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, PositiveInt

from .model import Settings


class ServeSettings(Settings):
    """Who may use the page, and how much of the machine."""

    host: str = Field(
        "127.0.0.1",
        description="address to listen on; another than this machine's own, such as 0.0.0.0, asks visitors for the "
        "password in $LOWREEL_PASSWORD, or for a token that is printed",
    )
    port: Annotated[int, Field(ge=0, le=65535)] = Field(7860, description="port to listen on; 0: any that is free")
    at_once: PositiveInt = Field(
        1, description="recoveries at the same time, which share the cores; the others wait in a queue"
    )
    waiting: PositiveInt = Field(50, description="recoveries in the queue at most")
    minutes: Annotated[float, Field(gt=0, allow_inf_nan=False)] = Field(
        60.0, description="minutes that a recovery may take; it then ends with the best so far"
    )
    upload: str = Field("200MB", description="size of an upload at most, all its files together")
    frames: PositiveInt = Field(1000, description="frames of an upload at most")
    pixels: PositiveInt = Field(1920 * 1080, description="pixels of a frame of an upload at most")
    memory: str | None = Field(
        None, description="memory that each recovery may take, such as 4GB; default: a quarter of the machine's"
    )
