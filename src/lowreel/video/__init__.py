"""Files and folders of frames <-> clips, lazily, both ways: frame times, audio, crop, resize."""

from .arrays import write_npy
from .clip import Clip, open_clip, read_mask
from .writing import write_video

__all__ = ["Clip", "open_clip", "read_mask", "write_npy", "write_video"]
