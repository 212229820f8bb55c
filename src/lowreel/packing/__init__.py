"""One small file: a representation quantised, fitted once more as it will be read, coded, and drawn again."""

from .container import Packed, read_packed

__all__ = ["Packed", "read_packed"]
