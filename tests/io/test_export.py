"""The way back: what was exported as its source is, is read again as the same numbers, with what stood beside."""

from fractions import Fraction

import formats
import h5py
import netCDF4
import nibabel
import numpy as np
import pydicom
import pytest
import tifffile
import xarray
import zarr
from conftest import moving
from foreign import frames_last, mat7
from PIL import Image

from lowreel.errors import InputError
from lowreel.io.containers.base import in_unit
from lowreel.io.export import Delivered, export_clip
from lowreel.io.video import open_clip


def npy(path, clip):
    np.save(path, clip[:, 0] if clip.shape[1] == 1 else clip.transpose(0, 2, 3, 1))
    return path


def xarray_zarr(path, clip):
    """time, lat, lon with coordinates; times in hours."""
    axes = {"time": 0.5 + np.arange(len(clip)), "lat": 30.0 + np.arange(clip.shape[2])}
    axes["lon"] = 1.0 * np.arange(clip.shape[3])
    array = xarray.DataArray(clip[:, 0], coords=axes, dims=list(axes), name="sst", attrs={"units": "degree_Celsius"})
    array["time"].attrs["units"] = "hours since 2017-01-01"
    array.to_dataset().to_zarr(path, zarr_format=2)
    return path


def zarr_frames(path):
    """The one array with three axes or more."""
    found = zarr.open(str(path), mode="r")
    values = (found["sst"] if hasattr(found, "members") else found)[:]
    return values if values.ndim == 4 else values[:, None]


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
    "dicom": ("a.dcm", formats.dicom),
    "dicom rescaled": (
        "a.dcm",
        lambda p, x: (
            formats.dicom(p, x, bits=16, RescaleSlope="0.5", RescaleIntercept="-100") if x.dtype == "u2" else None
        ),
    ),
    "zarr": ("a.zarr", formats.zarr_folder),
    "zarr 2": ("a.zarr", lambda p, x: formats.zarr_folder(p, x, 2)),
    "OME-Zarr": ("a.zarr", formats.ome_zarr),
    "zarr of xarray": ("a.zarr", xarray_zarr),
    "tiff": ("a.tif", lambda p, x: (tifffile.imwrite(p, x[:, 0], photometric="minisblack"), p)[1]),
}
WITNESSES = {"dicom": formats.dicom_read, "zarr": zarr_frames, "OME-Zarr": formats.zarr_read}
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
    if kind.startswith(("dicom", "zarr", "OME")):
        np.testing.assert_allclose(
            WITNESSES[kind.split()[0]](tmp_path / file), numbers, atol=1e-6 * np.abs(numbers).max()
        )
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


def test_dicom_keeps_patient_spacing_rescaling_and_times(tmp_path):
    """Of every second frame, the pixels twice as large; read again by pydicom."""
    (tmp_path / "in").mkdir()
    counts = (moving(6, 1, 8, 12) * 4095).astype("u2")
    about = {"PatientName": "Nobody^A", "StudyInstanceUID": "1.2.3", "PixelSpacing": ["0.5", "0.25"], "Modality": "MR"}
    about |= {"RescaleSlope": "2", "RescaleIntercept": "-7", "RescaleType": "HU"}
    source = formats.dicom(tmp_path / "in" / "a.dcm", counts, bits=12, **about)
    half = 2.0 * counts[1:6:2, :, ::2, ::2] - 7
    export_clip(tmp_path / "a.dcm", Delivered(half, (0.05, 0.15, 0.25), Fraction(10), source))
    found = pydicom.dcmread(tmp_path / "a.dcm")
    np.testing.assert_array_equal(found.pixel_array, counts[1:6:2, 0, ::2, ::2])
    np.testing.assert_array_equal(formats.dicom_read(tmp_path / "a.dcm"), half)
    assert (found.PatientName, found.StudyInstanceUID, found.Modality) == ("Nobody^A", "1.2.3", "MR")
    assert (list(found.PixelSpacing), float(found.FrameTime), found.BitsStored) == ([1.0, 0.5], 100.0, 12)
    assert found.SOPInstanceUID != "1.2.3.4"
    assert open_clip(tmp_path / "a.dcm").rate == 10


def test_dicom_of_other_numbers_is_in_steps(tmp_path):
    """Floats come back to half a step, colours in bytes; uneven times one by one."""
    np.save(tmp_path / "in.npy", moving(4)[:, 0])
    clip = Delivered(moving(4), (0.0, 0.04, 0.12, 0.16), like=tmp_path / "in.npy")
    (note,) = export_clip(tmp_path / "a.dcm", clip)
    assert "in steps of" in note
    np.testing.assert_allclose(formats.dicom_read(tmp_path / "a.dcm"), moving(4), atol=0.6 / 65535)
    assert pydicom.dcmread(tmp_path / "a.dcm").FrameTimeVector == [0, 40, 80, 40]
    (note,) = export_clip(tmp_path / "b.dcm", Delivered(moving(4, 3), (0.0, 0.04, 0.08, 0.12)))
    assert "8 bits" in note
    np.testing.assert_array_equal(formats.dicom_read(tmp_path / "b.dcm"), np.rint(moving(4, 3) * 255))


def test_ome_zarr_keeps_axes_spacing_and_units(tmp_path):
    """Of one plane and channel, every second frame, pixels twice as large: their first centre moved by half a pixel."""
    (tmp_path / "in").mkdir()
    source, clip = tmp_path / "in" / "a.zarr", (moving(6, 2, 8, 12) * 4095).astype("u2")
    formats.ome_zarr(source, clip)
    group = zarr.open_group(str(source), mode="r+")
    (image,) = group.attrs["multiscales"]
    image["axes"][0]["unit"], image["axes"][3]["unit"] = "millisecond", "micrometer"
    image["datasets"][0]["coordinateTransformations"] = [{"type": "scale", "scale": [50, 1, 3, 0.5, 0.25]}]
    group.attrs["multiscales"] = [image]
    opened = open_clip(f"{source}:0,c=1")
    assert opened.rate == 20
    half = clip[1:6:2, 1:, ::2, ::2].astype(float)
    export_clip(tmp_path / "b.zarr", Delivered(half, (0.05, 0.15, 0.25), Fraction(10), f"{source}:0,c=1"))
    found = zarr.open_group(str(tmp_path / "b.zarr"), mode="r")
    np.testing.assert_array_equal(found["0"][:, 0], half[:, 0])
    assert found["0"].dtype == "u2"
    (image,) = found.attrs["multiscales"]
    assert [(axis["name"], axis.get("unit")) for axis in image["axes"]] == [
        *(("t", "millisecond"), ("z", None), ("y", "micrometer"), ("x", None))
    ]
    scale, moved = image["datasets"][0]["coordinateTransformations"]
    assert scale["scale"] == [100, 3, 1, 0.5]
    assert moved["translation"] == [50, 0, 0.25, 0.125]
    assert open_clip(tmp_path / "b.zarr").rate == 10


def test_zarr_keeps_coordinates_and_packing(tmp_path):
    (tmp_path / "in").mkdir()
    source = xarray_zarr(tmp_path / "in" / "a.zarr", moving(6) * 20)
    group = zarr.open_group(str(source), mode="r+", use_consolidated=False)
    group.attrs["title"] = "a test"
    stored = group.create_array("packed", shape=(6, 12, 16), dtype="i2", fill_value=-999)
    stored.attrs.update({"_ARRAY_DIMENSIONS": ["time", "lat", "lon"], "scale_factor": 0.25, "add_offset": 10.0})
    stored[:] = np.rint((moving(6)[:, 0] * 20 - 10) / 0.25)
    zarr.consolidate_metadata(str(source))
    half = moving(6)[2:4, :, ::2, ::2] * 20
    export_clip(tmp_path / "a.zarr", Delivered(half, (0.08, 0.12), like=f"{source}:packed"))
    with xarray.open_zarr(tmp_path / "a.zarr", consolidated=True, decode_times=False) as found:
        assert found.attrs["title"] == "a test"
        np.testing.assert_allclose(found["time"], [2.5, 3.5])
        np.testing.assert_allclose(found["lat"], 30.5 + 2 * np.arange(6))
        np.testing.assert_allclose(found["packed"], half[:, 0], atol=0.126)
    assert zarr.open(str(tmp_path / "a.zarr"), mode="r")["packed"].dtype == "i2"


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
    for name in ("a.npy", "a.npz", "a.mat", "a.h5", "a.nc", "a.nii", "a.zarr"):
        export_clip(tmp_path / name, clip)
        np.testing.assert_allclose(open_clip(tmp_path / name).read().numpy(), moving(4), atol=1e-6)
    export_clip(tmp_path / "a.tif", clip)
    np.testing.assert_array_equal(tifffile.imread(tmp_path / "a.tif"), moving(4)[:, 0])
    with h5py.File(tmp_path / "a.h5") as file:
        assert file["clip"].shape == (4, 12, 16)


@pytest.mark.parametrize("name", ["a.npy", "a.npz", "a.mat", "a.h5", "a.nc", "a.nii", "a.tif", "a.dcm", "a.zarr"])
@pytest.mark.parametrize("dtype", ["?", "f2", "f8", "i1", "i4", "i8", "u4", "u8"])
def test_every_type_has_a_place_in_every_kind(dtype, name, tmp_path):
    """The numbers come back, whatever type the kind has for them."""
    numbers = (moving(4) * 100).round() > 50 if dtype == "?" else (moving(4) * 100).round()
    np.save(tmp_path / "in.npy", numbers.astype(dtype)[:, 0])
    export_clip(tmp_path / name, delivered(tmp_path / "in.npy", numbers.astype("f4")))
    np.testing.assert_allclose(stored(open_clip(tmp_path / name)), numbers, atol=1e-4)


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


OF_PIXELS = {  # sources whose pixels are 0.5 high and 0.25 wide
    "ImageJ": ("a.tif", lambda p, x: tifffile.imwrite(p, x[:, 0], imagej=True, resolution=(4, 2), metadata=IN_MICRONS)),
    "OME": ("a.ome.tif", lambda p, x: tifffile.imwrite(p, x[:, 0], ome=True, metadata=OF_OME)),
    "NIfTI": ("a.nii", lambda p, x: nibabel.save(in_metres(x), p)),
}
IN_MICRONS = {"axes": "TYX", "unit": r"\u00B5m"}
OF_OME = {"axes": "TYX", "PhysicalSizeX": 250, "PhysicalSizeXUnit": "nm", "PhysicalSizeY": 0.5}


def in_metres(clip, step=1.0):
    image = nibabel.Nifti1Image(clip.transpose(3, 2, 1, 0), np.diag([0.25, 0.5, 1.0, 1.0]))
    image.header.set_zooms((0.25, 0.5, 1.0, step))
    image.header.set_xyzt_units("meter", "sec")
    return image


@pytest.mark.parametrize("target", ["a.tif", "a.nii", "a.dcm", "a.zarr", "a.h5", "a.nc"])
@pytest.mark.parametrize(("name", "write"), OF_PIXELS.values(), ids=OF_PIXELS)
def test_pixels_keep_their_size_in_files_of_another_kind(name, write, target, tmp_path):
    """As they are, and of a clip that was resized as much larger."""
    (tmp_path / "in").mkdir()
    write(tmp_path / "in" / name, moving(5, 1, 8, 12).astype("u1"))
    clip = open_clip(tmp_path / "in" / name)
    down, across = (in_unit(told, "µm") for told in clip.spacings)
    for k in (1, 2):
        (tmp_path / str(k)).mkdir()
        path = tmp_path / str(k) / target
        made = Delivered(np.zeros((5, 1, 8 // k, 12 // k)), tuple(map(float, clip.times)), like=tmp_path / "in" / name)
        export_clip(path, made)
        if target == "a.nc":
            with netCDF4.Dataset(path) as file:
                found = [(float(file[axis][1] - file[axis][0]), file[axis].units) for axis in ("y", "x")]
        else:
            found = open_clip(path).spacings
        assert [in_unit(told, "µm") for told in found] == pytest.approx([k * down, k * across])


def hdf5_of(path, **units):
    """A film with a scale of places for the axes whose units are given, half a unit apart along y, a quarter along x.

    None is a scale without a unit.
    """
    frames = moving(5, 1, 8, 12)[:, 0]
    with h5py.File(path, "w") as file:
        data = file.create_dataset("film", data=frames.astype("f4"))
        for place, (name, step) in enumerate({"time": 0.1, "y": 0.5, "x": 0.25}.items()):
            data.dims[place].label = name
            if name in units or name == "time":
                scale = file.create_dataset(name, data=step * np.arange(frames.shape[place]))
                scale.attrs["units"] = units.get(name, "s")
                scale.make_scale(name)
                data.dims[place].attach_scale(scale)
    return path


def made_of(path, **more):
    clip = open_clip(path, **more)
    values = clip.read().double().numpy() * clip.scale + clip.offset
    cropped = more.get("fit") == "crop"
    return Delivered(values, tuple(map(float, clip.times)), clip.rate, like=path, is_cropped=cropped)


@pytest.mark.parametrize("target", ["a.tif", "a.nii", "a.dcm"])
@pytest.mark.parametrize("units", [{"x": "mm"}, {"y": "um"}, {"y": "degree", "x": "degree"}, {"y": "", "x": ""}])
def test_a_size_that_cannot_be_kept_is_told(units, target, tmp_path):
    """One side alone, and what is no length: no size is made up."""
    notes = export_clip(tmp_path / target, made_of(hdf5_of(tmp_path / "in.h5", **units)))
    (note,) = [note for note in notes if "size of the pixels" in note]
    assert open_clip(tmp_path / "in.h5").grid in note
    nothing = ((1.0, "mm"), (1.0, "mm")) if target == "a.nii" else (None, None)  # NIfTI has to have some
    assert open_clip(tmp_path / target).spacings == nothing


@pytest.mark.parametrize("unit", ["inch", "Å", "pm", "km", "cm"])
@pytest.mark.parametrize("target", ["a.tif", "a.nii", "a.dcm", "a.zarr", "a.h5", "ome.tif"])
def test_lengths_of_every_unit_are_kept(unit, target, tmp_path):
    """OME-TIFF is written for numbers that ImageJ does not have."""
    made = made_of(hdf5_of(tmp_path / "in.h5", y=unit, x=unit))
    if target == "ome.tif":
        with h5py.File(tmp_path / "in.h5", "r+") as file:
            del file["film"]
            data = file.create_dataset("film", data=(moving(5, 1, 8, 12)[:, 0] * 99).astype("i4"))
            for place, name in enumerate(("time", "y", "x")):
                data.dims[place].label = name
                data.dims[place].attach_scale(file[name])
        made = made_of(tmp_path / "in.h5")
    assert not [note for note in export_clip(tmp_path / target, made) if "size of the pixels" in note]
    found = [in_unit(told, unit) for told in open_clip(tmp_path / target).spacings]
    assert found == pytest.approx([0.5, 0.25], rel=1e-6)


CROPPED = {**OF_PIXELS, "OME-Zarr": ("a.zarr", None), "HDF5": ("a.h5", lambda p, x: hdf5_of(p, y="mm", x="mm"))}
"""Of every kind whose pixels have a size; OME-Zarr is made of the HDF5."""


@pytest.mark.parametrize("target", ["a.tif", "b.nii", "a.dcm", "b.zarr", "a.h5"])
@pytest.mark.parametrize(("name", "write"), CROPPED.values(), ids=CROPPED)
def test_cropped_pixels_have_the_size_that_they_were_read_with(name, write, target, tmp_path):
    """After a crop of either side, with a resize of what is left and without; in the source's kind, and in another."""
    (tmp_path / "in").mkdir()
    source = tmp_path / "in" / name
    if write is None:
        export_clip(source, made_of(hdf5_of(tmp_path / "in.h5", y="mm", x="mm")))
    else:
        write(source, moving(5, 1, 8, 12).astype("u1"))
    for k, size in enumerate(((8, 8), (4, 4), (2, 6), (3, 3))):
        (tmp_path / str(k)).mkdir()
        export_clip(tmp_path / str(k) / target, made_of(source, size=size, fit="crop"))
        wanted, found = (
            open_clip(source, size=size, fit="crop").spacings,
            open_clip(tmp_path / str(k) / target).spacings,
        )
        assert [in_unit(one, "mm") for one in found] == pytest.approx([in_unit(one, "mm") for one in wanted])


def test_cropped_pixels_stay_where_they_are(tmp_path):
    """The affine of NIfTI, the coordinates of HDF5 and the origin of OME-Zarr begin where the crop does."""
    (tmp_path / "out").mkdir()
    frames = np.zeros((5, 1, 8, 12), "u1")
    nibabel.save(in_metres(frames), tmp_path / "a.nii")
    hdf5_of(tmp_path / "a.h5", y="mm", x="mm")
    export_clip(tmp_path / "a.zarr", made_of(tmp_path / "a.h5"))
    for name in ("a.nii", "a.h5", "a.zarr"):
        export_clip(tmp_path / "out" / name, made_of(tmp_path / name, size=(4, 4), fit="crop"))
    first = np.array([0.25, 0.5]) * (2.5, 0.5)  # of 12 columns the middle 8, two by two
    np.testing.assert_allclose(nibabel.load(tmp_path / "out" / "a.nii").affine[:2, 3], first)
    with h5py.File(tmp_path / "out" / "a.h5") as file:
        np.testing.assert_allclose([file["x"][0], file["y"][0]], first)
    (image,) = zarr.open_group(str(tmp_path / "out" / "a.zarr"), mode="r").attrs["ome"]["multiscales"]
    np.testing.assert_allclose(image["datasets"][0]["coordinateTransformations"][1]["translation"][:0:-1], first)


def test_imagej_has_no_unit_without_a_resolution(tmp_path):
    options = {"imagej": True, "resolution": (4, 2), "metadata": {"axes": "TYX", "unit": "um"}}
    tifffile.imwrite(tmp_path / "in.tif", moving(5)[:, 0].astype("f4"), **options)
    with tifffile.TiffFile(tmp_path / "in.tif", mode="r+b") as file:
        file.pages[0].tags["XResolution"].overwrite((1, 0))
    export_clip(tmp_path / "a.tif", delivered(tmp_path / "in.tif", moving(5)))
    with tifffile.TiffFile(tmp_path / "a.tif") as file:
        assert "unit" not in file.imagej_metadata


GREY = {
    "npy": ("a.npy", npy),
    "mat": ("a.mat", lambda p, x: mat7(p, scan=frames_last(x))),
    "hdf5": ("a.h5", lambda p, x: hdf5_of(p, y="mm", x="mm")),
    "netcdf": ("a.nc", formats.netcdf),
    "nifti": ("a.nii", lambda p, x: nibabel.save(in_metres(x, 0.1), p)),
    "dicom": ("a.dcm", formats.dicom),
    "OME-Zarr": ("a.zarr", lambda p, x: export_clip(p, made_of(hdf5_of(p.with_suffix(".h5"), y="mm", x="mm")))),
    "zarr": ("a.zarr", formats.zarr_folder),
    "zarr of xarray": ("a.zarr", lambda p, x: xarray_zarr(p, x)),
}


@pytest.mark.parametrize("target", ["b.npy", "b.mat", "b.h5", "b.nc", "b.nii", "b.dcm", "b.zarr", "b.tif"])
@pytest.mark.parametrize(("name", "write"), GREY.values(), ids=GREY)
def test_colour_from_a_grey_source_is_written_in_every_kind(name, write, target, tmp_path):
    """All three channels, with the times where the kind has them, each its own."""
    write(tmp_path / name, (moving(5, 1, 8, 12) * 255).astype("u1"))
    made = made_of(tmp_path / name)
    values = made.values * np.array([1.0, 0.5, 0.0]).reshape(3, 1, 1)
    export_clip(tmp_path / target, Delivered(values, made.times, made.rate, like=made.like))
    again = open_clip(tmp_path / target)
    found = stored(again)
    assert found.shape == (5, 3, 8, 12)
    assert np.abs(found[:, 2]).max() == 0
    assert np.corrcoef(found[:, 0].ravel(), values[:, 0].ravel())[0, 1] > 0.999
    np.testing.assert_allclose(found[:, 1].sum() / found[:, 0].sum(), 0.5, atol=0.01)
    if target in ("b.h5", "b.zarr") and name in ("a.h5", "a.nii", "a.zarr"):
        assert [float(t) for t in again.times] == pytest.approx(made.times)
