"""The weights are kept once, beside the package they are of: a build in the repository takes them from there, and one
of a source distribution from its own folder."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

WEIGHTS = "paper-rgb.safetensors"


class Weights(BuildHookInterface):
    """Hatchling's hook: puts the weights into the package."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Say where they are. Raises FileNotFoundError where they are not."""
        own = f"lowreel_weights/{WEIGHTS}"
        if Path(self.root, own).is_file():
            return
        kept = Path(self.root).parent / "src" / "lowreel" / "assets" / WEIGHTS
        if not kept.is_file():
            raise FileNotFoundError(f"{kept}: no such file; build from Lowreel's repository or a source distribution")
        build_data["force_include"][str(kept)] = own
