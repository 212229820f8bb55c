"""What is chosen without a true clip: the part of the data that is held out, and judges."""

from .measure import hold_out

__all__ = ["hold_out"]
