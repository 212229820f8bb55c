"""The way back: a recovered clip in the kind of file that its source is, with its axes, spacing, units and times."""

from .clip import Delivered
from .write import KINDS, export_clip

__all__ = ["KINDS", "Delivered", "export_clip"]
