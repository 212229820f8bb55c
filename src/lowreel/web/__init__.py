"""A page that shows a recovery as it happens: `lowreel serve`."""

from .server import serve

__all__ = ["serve"]
