"""Files and folders of frames <-> clips, lazily, both ways: frame times, audio, crop, resize."""

from .array_clips import write_npy
from .clip import Clip, open_clip
from .masks import check_way_round, mask_and_sentence, read_holdout, read_mask
from .movies import MOVIES
from .pictures import PICTURES, UNREADABLE, natural_order
from .reader import LUMA, MOSAICS
from .tiff import series_of
from .writing import write_video

__all__ = [
    "LUMA",
    "MOSAICS",
    "MOVIES",
    "PICTURES",
    "UNREADABLE",
    "Clip",
    "check_way_round",
    "mask_and_sentence",
    "natural_order",
    "open_clip",
    "read_holdout",
    "read_mask",
    "series_of",
    "write_npy",
    "write_video",
]
