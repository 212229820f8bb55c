"""Images to train on, and clips drawn from a name: Rotating MNIST, Moving MNIST, the Color Wheel, a beating heart."""

from .images import Images, open_images

__all__ = ["Images", "open_images"]
