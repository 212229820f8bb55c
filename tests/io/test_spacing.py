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


def ome(path, **more):
    about = {"axes": "TYX", "PhysicalSizeX": 0.25, "PhysicalSizeXUnit": "µm", "PhysicalSizeY": 0.5}
    tifffile.imwrite(path, CLIP, ome=True, metadata=about | more)


def printed(path):
    tifffile.imwrite(path, CLIP, resolution=(300, 300), resolutionunit="INCH", metadata=None, photometric="minisblack")


def nifti(path, unit="mm"):
    image = nibabel.Nifti1Image(CLIP.transpose(2, 1, 0)[:, :, None], np.eye(4))
    image.header.set_zooms((0.25, 0.5, 3, 1))
    image.header.set_xyzt_units(unit, "sec")
    nibabel.save(image, path)


def ome_zarr(path, rows=0.5, unit="micrometer", level="0"):
    units = {"y": unit, "x": "micrometer"}
    axes = [{"name": "t", "type": "time"}, *({"name": n, "type": "space", "unit": units[n]} for n in "yx")]
    levels = [{"path": level, "coordinateTransformations": [{"type": "scale", "scale": [1.0, rows, 0.25]}]}]
    group = zarr.open_group(str(path), mode="w", zarr_format=3)
    group.create_array(level, shape=CLIP.shape, chunks=(1, 6, 8), dtype="u1", dimension_names=["t", "y", "x"])[:] = CLIP
    group.attrs["ome"] = {"version": "0.5", "multiscales": [{"axes": axes, "datasets": levels}]}


FILES = {
    "ImageJ": ("a.tif", imagej, "µm"),
    "OME": ("a.ome.tif", ome, "µm"),
    "NIfTI": ("a.nii", nifti, "mm"),
    "NIfTI, packed": ("a.nii.gz", nifti, "mm"),
    "DICOM": ("a.dcm", lambda path: formats.dicom(path, CLIP[:, None], PixelSpacing=["0.5", "0.25"]), "mm"),
    "OME-Zarr": ("a.ome.zarr", ome_zarr, "µm"),
    "OME-Zarr, levels in groups": ("a.ome.zarr", lambda path: ome_zarr(path, level="scale0/image"), "µm"),
    "TIFF with dots per inch": ("a.tif", printed, None),
    "ImageJ in pixels": ("a.tif", lambda path: imagej(path, "pixel"), None),
    "NIfTI of no unit": ("a.nii", lambda path: nifti(path, "unknown"), None),
    "NumPy": ("a.npy", lambda path: np.save(path, CLIP), None),
}


@pytest.mark.parametrize(("name", "write", "unit"), FILES.values(), ids=FILES)
def test_the_width_of_a_pixel_is_that_of_the_file(name, write, unit, tmp_path):
    """Of a resized clip it grows as the pixels do, of a cropped one as those that are left; words tell the same."""
    write(tmp_path / name)
    clips = {
        0.25: open_clip(tmp_path / name),
        0.5: open_clip(tmp_path / name, size=(6, 4)),
        0.75: open_clip(tmp_path / name, size=(2, 2), fit="crop"),
    }
    for width, clip in clips.items():
        assert clip.spacing == (None if unit is None else (pytest.approx(width), unit))
        height = 1.5 if width == 0.75 else 0.5
        assert unit is None or clip.grid == f"{height} x {width} {unit} (height x width)"


def dicom(path, **more):
    formats.dicom(path, CLIP[:, None], **more)


TOLD = {  # name, with what is chosen; what writes it; in words; the width
    "axes in another order": ("a.nii:t=0,T=x,H=y,W=z", nifti, "0.5 x 3 mm (height x width)", (3, "mm")),
    "turned": ("a.nii:H=x,W=y", nifti, "0.25 x 0.5 mm (height x width)", (0.5, "mm")),
    "time as height": ("a.nii:H=t,T=y", nifti, "0.25 mm (width)", (0.25, "mm")),
    "units of OME": (
        "a.ome.tif",
        lambda path: ome(path, PhysicalSizeY=500, PhysicalSizeYUnit="nm"),
        "500 nm x 0.25 µm (height x width)",
        (0.25, "µm"),
    ),
    "units of OME-Zarr": (
        "a.ome.zarr",
        lambda path: ome_zarr(path, 500, "nanometer"),
        "500 nm x 0.25 µm (height x width)",
        (0.25, "µm"),
    ),
    "no unit": ("a.nii", lambda path: nifti(path, "unknown"), "0.5 x 0.25 of no unit (height x width)", None),
    "on the detector": (
        "a.dcm",
        lambda path: dicom(path, ImagerPixelSpacing=["0.5", "0.25"]),
        "0.5 x 0.25 mm by ImagerPixelSpacing (height x width)",
        None,
    ),
    "no width in DICOM": ("a.dcm", lambda path: dicom(path, PixelSpacing=["0.5", "0"]), "0.5 mm (height)", None),
    "one number in DICOM": ("a.dcm", lambda path: dicom(path, PixelSpacing="0.5"), "", None),
    "no number in OME": ("a.ome.tif", lambda path: ome(path, PhysicalSizeX="a.5"), "0.5 µm (height)", None),
    "no number in OME-Zarr": ("a.ome.zarr", lambda path: ome_zarr(path, "a"), "", None),
    "pixels": ("a.tif", lambda path: imagej(path, "pixel"), "", None),
    "coordinates": ("a.nc:sst", lambda path: formats.netcdf(path, CLIP[:, None]), "lat 30 to 35 degrees_north", None),
    "coordinates turned": (
        "a.nc:sst,T=lat,H=time",
        lambda path: formats.netcdf(path, CLIP[:, None]),
        "time 0.5 to 4.5 days since 2017-01-01",
        None,
    ),
}


@pytest.mark.parametrize(("name", "write", "words", "width"), TOLD.values(), ids=TOLD)
def test_spacing_is_that_of_the_axes_in_use_each_in_its_unit(name, write, words, width, tmp_path):
    """What is no distance is passed over, and the file is read."""
    write(tmp_path / name.partition(":")[0])
    clip = open_clip(f"{tmp_path}/{name}")
    assert (clip.grid, clip.spacing) == (words, None if width is None else (pytest.approx(width[0]), width[1]))
    assert len(clip.read()) == len(clip)


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
