"""What writers of files say in ways of their own: time, axes and numbers are what they mean."""

import numpy as np
import pytest
import zarr

from lowreel.io.video import open_clip

FRAMES = np.random.default_rng(0).integers(0, 60_000, (6, 8, 10)).astype(np.uint16)


def stored(path):
    """The frames of a clip in the numbers of the file, (T, H, W)."""
    clip = open_clip(path)
    levels = clip.read().numpy()[:, 0].astype(np.float64)
    return np.rint(levels * clip.scale + clip.offset)


@pytest.mark.filterwarnings("ignore:Consolidated metadata")
@pytest.mark.parametrize("version", [2, 3])
@pytest.mark.parametrize("name", ["film", "scan/film"])
def test_frames_that_were_appended_to_zarr_are_there(version, name, tmp_path):
    """The headers that a group keeps together tell the shape as it was before; an array's own header tells all frames."""
    path = str(tmp_path / "a.zarr")
    group = zarr.open_group(path, mode="w", zarr_format=version)
    group.create_array(name, shape=(4, 8, 10), chunks=(1, 8, 10), dtype="u2")[:] = FRAMES[:4]
    for kept in {path, f"{path}/{name}".rpartition("/")[0]}:
        zarr.consolidate_metadata(kept)
    zarr.open_array(f"{path}/{name}", mode="r+").append(FRAMES[4:])
    np.testing.assert_array_equal(stored(path), FRAMES)
