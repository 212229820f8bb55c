"""How far apart pixels are, as files say it, and clips as notebooks show them."""

import re

import formats
import nibabel
import numpy as np
import pytest
import tifffile
import zarr

from lowreel.errors import InputError
from lowreel.io.video import open_clip

CLIP = np.arange(5 * 6 * 8, dtype=np.uint8).reshape(5, 6, 8)


def imagej(path, unit="\\u00B5m"):
    metadata = {"axes": "TYX", "unit": unit}
    tifffile.imwrite(path, CLIP, imagej=True, resolution=(1 / 0.25, 1 / 0.5), metadata=metadata)


def ome(path):
    about = {"axes": "TYX", "PhysicalSizeX": 0.25, "PhysicalSizeXUnit": "µm", "PhysicalSizeY": 0.5}
    tifffile.imwrite(path, CLIP, ome=True, metadata=about)


def printed(path):
    tifffile.imwrite(path, CLIP, resolution=(300, 300), resolutionunit="INCH", metadata=None, photometric="minisblack")


def nifti(path, unit="mm"):
    image = nibabel.Nifti1Image(CLIP.transpose(2, 1, 0)[:, :, None], np.eye(4))
    image.header.set_zooms((0.25, 0.5, 3, 1))
    image.header.set_xyzt_units(unit, "sec")
    nibabel.save(image, path)


def ome_zarr(path):
    axes = [{"name": "t", "type": "time"}, *({"name": n, "type": "space", "unit": "micrometer"} for n in "yx")]
    levels = [{"path": "0", "coordinateTransformations": [{"type": "scale", "scale": [1.0, 0.5, 0.25]}]}]
    group = zarr.open_group(str(path), mode="w", zarr_format=3)
    group.create_array("0", shape=CLIP.shape, chunks=(1, 6, 8), dtype="u1", dimension_names=["t", "y", "x"])[:] = CLIP
    group.attrs["ome"] = {"version": "0.5", "multiscales": [{"axes": axes, "datasets": levels}]}


FILES = {
    "ImageJ": ("a.tif", imagej, "µm"),
    "OME": ("a.ome.tif", ome, "µm"),
    "NIfTI": ("a.nii", nifti, "mm"),
    "NIfTI, packed": ("a.nii.gz", nifti, "mm"),
    "DICOM": ("a.dcm", lambda path: formats.dicom(path, CLIP[:, None], PixelSpacing=["0.5", "0.25"]), "mm"),
    "OME-Zarr": ("a.ome.zarr", ome_zarr, "µm"),
    "TIFF with dots per inch": ("a.tif", printed, None),
    "ImageJ in pixels": ("a.tif", lambda path: imagej(path, "pixel"), None),
    "NIfTI of no unit": ("a.nii", lambda path: nifti(path, "unknown"), None),
    "NumPy": ("a.npy", lambda path: np.save(path, CLIP), None),
}


@pytest.mark.parametrize(("name", "write", "unit"), FILES.values(), ids=FILES)
def test_the_width_of_a_pixel_is_that_of_the_file(name, write, unit, tmp_path):
    """Of a resized clip it grows as the pixels do, of a cropped one as those that are left."""
    write(tmp_path / name)
    clips = {
        0.25: open_clip(tmp_path / name),
        0.5: open_clip(tmp_path / name, size=(6, 4)),
        0.75: open_clip(tmp_path / name, size=(2, 2), fit="crop"),
    }
    for width, clip in clips.items():
        assert clip.spacing == (None if unit is None else (pytest.approx(width), unit))


def test_a_clip_is_shown_in_a_notebook(tmp_path):
    """Its frames and what it is; where they cannot be read, why. It prints in a line."""
    np.save(tmp_path / "a<b.npy", CLIP)
    clip = open_clip(tmp_path / "a<b.npy")
    assert repr(clip) == f"Clip({tmp_path / 'a<b.npy'}, 5 frames of 6x8, grey, 25 a second)"
    shown = clip._repr_html_()
    assert "data:image/png;base64" in shown
    assert "frames 0, 1, 2, 3, 4 of 5" in shown
    assert "<b" not in re.sub(r"<(?:b|/b)>", "", shown)
    np.save(tmp_path / "bad.npy", np.where(CLIP == 7, np.nan, CLIP))
    bad = open_clip(tmp_path / "bad.npy")
    with pytest.raises(InputError):
        bad.read()
    assert "<img" not in bad._repr_html_()
    assert "bad.npy" in bad._repr_html_()
