"""Whether several clips are recovered by one generator."""

from __future__ import annotations

from pydantic import Field

from .model import Settings


class TogetherSettings(Settings):
    """Whether clips are recovered together, and whether without asking if that is better."""

    together: bool = Field(
        False,
        description="recover all clips that are named by one generator, so that each helps the others "
        "(docs/together.md): clips of one kind and frame size. Held-out data then says of each whether it is better so "
        "or alone",
    )
    always_together: bool = Field(
        False,
        description="the same, without the fit of each clip alone for comparison: about half of the time",
    )

    @property
    def is_meant(self) -> bool:
        """Whether one of both was asked for."""
        return self.together or self.always_together
