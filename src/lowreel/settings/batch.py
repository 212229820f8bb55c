"""How the rows of a batch are worked on."""

from __future__ import annotations

from pydantic import Field, NonNegativeFloat, PositiveInt

from .model import Settings


class BatchSettings(Settings):
    """How the rows of a batch are worked on."""

    operator: str | None = Field(
        None, description='what clips are measured with, such as "missing --ratio 0.8", where a row does not say it'
    )
    cpus_per_clip: PositiveInt = Field(1, description="cores of each recovery; there are as many at once as fit")
    gpus_per_clip: NonNegativeFloat = Field(0.0, description="graphics cards of each recovery, on a Ray cluster")
    ray: str | None = Field(
        None,
        description="make the rows tasks of a Ray cluster: at an address such as auto or HOST:6379, of this machine "
        "alone without one; all nodes have to see the folder of the runs",
    )
