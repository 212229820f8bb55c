"""The way back: what was exported as its source is, is read again as the same numbers, with what stood beside."""

from fractions import Fraction

import formats
import h5py
import netCDF4
import nibabel
import numpy as np
import pytest
import tifffile
from conftest import moving
from foreign import frames_last, mat7
from PIL import Image

from lowreel.errors import InputError
from lowreel.io.export import Delivered, export_clip
from lowreel.io.video import open_clip


def npy(path, clip):
    np.save(path, clip[:, 0] if clip.shape[1] == 1 else clip.transpose(0, 2, 3, 1))
    return path


SOURCES = {
    "npy": ("a.npy", npy),
    "npz": ("a.npz", lambda p, x: (np.savez(p, other=np.ones(3), scan=x), p)[1]),
    "mat": ("a.mat", lambda p, x: mat7(p, scan=frames_last(x))),
    "hdf5": ("a.h5", lambda p, x: formats.hdf5(p, x)),
    "netcdf": ("a.nc", formats.netcdf),
    "netcdf classic": ("a.nc", lambda p, x: formats.netcdf(p, x, "NETCDF3_CLASSIC")),
    "netcdf packed": ("a.nc", lambda p, x: formats.netcdf(p, x, packed=True)),
    "nifti": ("a.nii.gz", formats.nifti),
    "nifti scaled": ("a.nii", lambda p, x: formats.nifti(p, x.astype("f4"), slope=(0.5, 3))),
    "tiff": ("a.tif", lambda p, x: (tifffile.imwrite(p, x[:, 0], photometric="minisblack"), p)[1]),
}
NUMBERS = {
    "bytes": lambda x: (x * 255).astype("u1"),
    "12 bits": lambda x: (x * 4095).astype("u2"),
    "signed": lambda x: (x * 4000 - 2000).astype("i2"),
    "float": lambda x: (x * 30).astype("f4"),
}


def stored(clip):
    """What a reader gives, in the numbers of the file."""
    return clip.read().double().numpy() * clip.scale + clip.offset


def delivered(path, numbers, frames=slice(None), **more):
    """A recovery of some frames of a file: its own numbers."""
    times = tuple(t / 25 for t in range(99))[frames][: len(numbers)]
    return Delivered(numbers.astype("f4"), times, like=path, **more)


@pytest.mark.parametrize("name", NUMBERS)
@pytest.mark.parametrize("kind", SOURCES)
def test_what_is_exported_is_read_again_as_the_same_numbers(kind, name, tmp_path):
    """Of the source's own kind, type and axes: the frames that were recovered, as they were."""
    (file, write), truth = SOURCES[kind], NUMBERS[name](moving(6))
    (tmp_path / "in").mkdir()
    source = write(tmp_path / "in" / file, truth)
    if source is None:
        return  # no place for such numbers
    typed = f"{source}:scan" if kind == "npz" else str(source)
    opened = open_clip(typed)
    numbers = stored(opened)[1:5]
    clip = delivered(typed, numbers, slice(1, 5))
    clip = Delivered(clip.values, tuple(float(t) for t in opened.times[1:5]), like=clip.like)
    notes = export_clip(tmp_path / file, clip)
    assert notes == []
    again = open_clip(f"{tmp_path / file}")
    found = stored(again)
    step = 0.126 if kind == "netcdf packed" else 0.26 if kind == "nifti scaled" else 0
    np.testing.assert_allclose(found, numbers, atol=step + 1e-6 * np.abs(numbers).max(), rtol=0)
    assert again.dtype == opened.dtype
    if kind != "tiff":
        assert len(again._reader._array.shape) == len(opened._reader._array.shape)


def test_netcdf_keeps_coordinates_attributes_and_packing(tmp_path):
    """Times of the frames that were recovered; places of the pixels as they were resized."""
    (tmp_path / "in").mkdir()
    source = formats.netcdf(tmp_path / "in" / "a.nc", moving(6, 1, 8, 12) * 20, packed=True)
    numbers = moving(6, 1, 4, 6) * 20
    export_clip(tmp_path / "a.nc", delivered(source, numbers[2:4], slice(2, 4)))
    with netCDF4.Dataset(tmp_path / "a.nc") as file:
        assert file.title == "a test"
        assert file["sst"].dimensions == ("time", "lat", "lon")
        assert (file["sst"].dtype, file["sst"].units, file["sst"].scale_factor) == ("i2", "degree_Celsius", 0.25)
        assert file["sst"]._FillValue == -999
        assert file["time"].units == "days since 2017-01-01"
        np.testing.assert_allclose(file["time"][:], [2.5, 3.5])
        np.testing.assert_allclose(file["lat"][:], 30.5 + 2 * np.arange(4))
        np.testing.assert_allclose(file["sst"][:], numbers[2:4, 0], atol=0.126)


def test_nifti_keeps_affine_spacing_and_units(tmp_path):
    """A slice of a volume, its pixels twice as large: what the affine says of a corner stays."""
    (tmp_path / "in").mkdir()
    volume = np.arange(8 * 6 * 3 * 4, dtype="i2").reshape(8, 6, 3, 4)
    affine = np.array([[0, 2, 0, 5], [3, 0, 0, 6], [0, 0, 4, 7], [0, 0, 0, 1.0]])
    image = nibabel.Nifti1Image(volume, affine)
    image.header.set_xyzt_units("mm", "msec")
    image.header.set_zooms((3, 2, 4, 40))
    nibabel.save(image, tmp_path / "in" / "a.nii")
    half = volume.reshape(4, 2, 3, 2, 3, 4).mean((1, 3))[:, :, 2].transpose(2, 1, 0)[:, None]
    export_clip(tmp_path / "a.nii", delivered(f"{tmp_path}/in/a.nii:z=2", half))
    found = nibabel.load(tmp_path / "a.nii")
    assert found.get_data_dtype() == "i2"
    np.testing.assert_array_equal(found.get_fdata()[:, :, 0].transpose(2, 1, 0), np.rint(half[:, 0]))
    np.testing.assert_allclose(found.header.get_zooms(), (6, 4, 4, 40))
    assert found.header.get_xyzt_units() == ("mm", "msec")
    corner, same = np.array([-0.5, -0.5, 0, 1]), np.array([-0.5, -0.5, 2, 1])
    np.testing.assert_allclose(found.affine @ corner, affine @ same)


def test_tiff_keeps_spacing_and_interval(tmp_path):
    (tmp_path / "in").mkdir()
    counts = (moving(5) * 4095).astype("u2")
    options = {"resolution": (4, 2), "metadata": {"axes": "TYX", "unit": "um", "finterval": 0.5}}
    tifffile.imwrite(tmp_path / "in" / "a.tif", counts[:, 0], imagej=True, **options)
    clip = delivered(tmp_path / "in" / "a.tif", counts)
    export_clip(tmp_path / "a.tif", clip)
    with tifffile.TiffFile(tmp_path / "a.tif") as file:
        assert file.is_imagej
        assert (file.series[0].axes, file.series[0].shape) == ("TYX", (5, 12, 16))
        assert (file.imagej_metadata["unit"], file.imagej_metadata["finterval"]) == ("um", 0.5)
        assert file.pages[0].tags["XResolution"].value == (4, 1)
        np.testing.assert_array_equal(file.asarray(), counts[:, 0])


def test_colour_and_ome(tmp_path):
    """Two kinds of colour stacks, and an OME-TIFF whose spacing stays."""
    (tmp_path / "in").mkdir()
    colour = (moving(4, 3) * 255).astype("u1")
    source = npy(tmp_path / "in" / "a.npy", colour)
    export_clip(tmp_path / "a.tif", delivered(source, colour))
    np.testing.assert_array_equal(tifffile.imread(tmp_path / "a.tif"), colour.transpose(0, 2, 3, 1))
    export_clip(tmp_path / "a.nii", delivered(source, colour))
    np.testing.assert_array_equal(formats.nifti_read(tmp_path / "a.nii"), colour)
    grey = (moving(4) * 65535).astype("u2")
    spacing = {"axes": "TYX", "PhysicalSizeX": 0.3, "PhysicalSizeXUnit": "µm", "TimeIncrement": 2.0}
    tifffile.imwrite(tmp_path / "in" / "a.ome.tif", grey[:, 0], metadata=spacing, ome=True)
    export_clip(tmp_path / "b.ome.tif", delivered(tmp_path / "in" / "a.ome.tif", grey))
    with tifffile.TiffFile(tmp_path / "b.ome.tif") as file:
        assert file.is_ome
        assert 'PhysicalSizeX="0.3"' in file.ome_metadata
        assert 'TimeIncrement="2.0"' in file.ome_metadata
        np.testing.assert_array_equal(file.asarray(), grey[:, 0])


def test_without_a_source_frames_are_plain(tmp_path):
    """Every kind is written, and read again."""
    clip = Delivered(moving(4), tuple(t / 10 for t in range(4)), Fraction(10))
    for name in ("a.npy", "a.npz", "a.mat", "a.h5", "a.nc", "a.nii"):
        export_clip(tmp_path / name, clip)
        np.testing.assert_allclose(open_clip(tmp_path / name).read().numpy(), moving(4), atol=1e-6)
    export_clip(tmp_path / "a.tif", clip)
    np.testing.assert_array_equal(tifffile.imread(tmp_path / "a.tif"), moving(4)[:, 0])
    with h5py.File(tmp_path / "a.h5") as file:
        assert file["clip"].shape == (4, 12, 16)


def test_pictures_keep_their_bits(tmp_path):
    """8 bits where the source had 8, 16 where it had more."""
    for dtype, white in (("u1", 255), ("u2", 65535)):
        levels = (moving(1)[0, 0] * white).astype(dtype)
        Image.fromarray(levels).save(tmp_path / f"{dtype}.png")
        export_clip(tmp_path / f"{dtype}.tif", delivered(tmp_path / f"{dtype}.png", levels[None, None] / white))
        found = tifffile.imread(tmp_path / f"{dtype}.tif")
        assert found.dtype == dtype
        np.testing.assert_array_equal(found.squeeze(), levels)


BAD = {
    "a video": ("a.mp4", "exported as .tif, .*recovered.mp4"),
    "no kind": ("a", "exported as"),
    "no folder": ("none/a.npy", "no folder"),
    "there already": ("there.npy", "exists already"),
}


@pytest.mark.parametrize("name", BAD)
def test_what_cannot_be_written_is_one_sentence(name, tmp_path):
    file, words = BAD[name]
    (tmp_path / "there.npy").write_bytes(b"kept")
    with pytest.raises(InputError, match=words):
        export_clip(tmp_path / file, Delivered(moving(4), (0.0,) * 4))
    assert [path.name for path in tmp_path.iterdir()] == ["there.npy"]
    assert (tmp_path / "there.npy").read_bytes() == b"kept"
