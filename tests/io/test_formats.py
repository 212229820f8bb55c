"""Files of the field: the numbers that an independent reader gives, or one sentence that leads somewhere."""

import contextlib
import itertools
import os
import random
import re
import struct
import sys
import warnings
from fractions import Fraction
from pathlib import Path

import av
import formats
import h5py
import imagecodecs
import ismrmrd
import netCDF4
import nibabel
import numpy as np
import pydicom
import pytest
import scipy.io
import torch
from conftest import moving
from formats import FORMATS
from PIL import Image
from sweep import SWEPT, TYPES, swept

from lowreel.cli.describe import describe
from lowreel.errors import InputError
from lowreel.io import containers
from lowreel.io.containers.base import imported
from lowreel.io.containers.cf import packing_of
from lowreel.io.scans import scan_of
from lowreel.io.video import open_clip

GAPS = Path(__file__).parents[3] / "shared" / "data" / "gaps" / "alboranSST_small.nc"
KNOWN = ("right", "refused", "no such file")
LEADS = r"--operator fourier|take one, such as|take one place on|choose one with --(channel|plane)|take the magnitude"
"""What a refusal of a single file has to say: what to type instead, or to do."""


@pytest.mark.parametrize("kind", SWEPT)
def test_numbers_of_an_independent_reader_or_one_sentence(kind):
    """Types of numbers, channels, one file and folders: the witness's numbers to 1e-6, or refused; never a third."""
    found = {case[1:]: (result, said) for case, result, said in swept([kind], commands=False)}
    assert {case: told for case, told in found.items() if told[0] not in KNOWN} == {}
    assert any(result == "right" for result, _ in found.values()) or kind == "fastMRI"
    refused = [said for (*_, arrangement), (result, said) in found.items() if (result, arrangement) == TOLD_ALONE]
    leads = LEADS if kind != "fastMRI" else "say which, such as .*:kspace"
    assert [said for said in refused if not re.search(leads, said)] == []


TOLD_ALONE = ("refused", "one file")


@pytest.mark.slow
def test_the_sweep_on_the_command_line():
    """Exit code 0 or 2 beside each of these outcomes."""
    assert {case: told for case, *told in swept() if told[0] not in KNOWN} == {}


@pytest.mark.parametrize("kind", FORMATS)
def test_frames_alone_are_those_of_the_whole(kind, tmp_path):
    file, write, _ = FORMATS[kind]
    path = write(tmp_path / file, TYPES["signed"](moving(6)))
    whole = open_clip(path)
    assert torch.equal(open_clip(path, frames=slice(1, 6, 2)).read(), whole.read()[1::2])


@pytest.mark.parametrize("kind", FORMATS)
def test_two_channels_are_opened_one_by_one(kind, tmp_path):
    """What the sentence says to type is what opens."""
    file, write, _ = FORMATS[kind]
    stored = TYPES["float"](moving(4, 2))
    path = write(tmp_path / file, stored)
    if path is None:
        return
    with pytest.raises(InputError) as caught:
        open_clip(path)
    typed = str(caught.value).split("such as ")[-1]
    clip = open_clip(typed.replace(",0=0", ",1=0").replace(":0=0", ":1=0"))  # of axes without a name the user knows
    atol = 0.13 if "packed" in kind and "netcdf" in kind else 1e-6
    np.testing.assert_allclose(clip.read()[:, 0].numpy() * clip.scale + clip.offset, stored[:, 0], atol=atol)


@pytest.mark.parametrize("choice", ["T=y", "T=x", "T=x,H=z", "H=z,W=y", "T=y,W=t", "H=y,W=y", "C=x,T=y"])
def test_what_is_said_to_type_keeps_what_was_typed_and_leads_to_a_clip(choice, tmp_path):
    """Each answer is typed, until a clip is opened, whose axes are those that were chosen in the beginning."""
    file = tmp_path / "a.nii"
    nibabel.save(nibabel.Nifti1Image(np.ones((3, 4, 5, 6), "u1"), np.eye(4)), file)
    typed = f"{file}:{choice}"
    for _ in range(4):
        try:
            clip = open_clip(typed)
            break
        except InputError as error:
            typed = re.search(r"such as (\S+?)(, or .*)?$", str(error))[1]
    lengths = dict(zip("xyzt", (3, 4, 5, 6), strict=True))
    wanted = dict(part.split("=") for part in choice.split(",") if choice != "H=y,W=y")
    assert {role: clip.shape["TCHW".index(role)] for role in wanted} == {r: lengths[a] for r, a in wanted.items()}


def test_axes_that_are_too_few_are_told_without_something_to_type(tmp_path):
    file = tmp_path / "a.nii"
    nibabel.save(nibabel.Nifti1Image(np.ones((3, 4), "u1"), np.eye(4)), file)
    with pytest.raises(InputError, match="a clip has both height and width; leave out T=y"):
        open_clip(f"{file}:T=y")


@pytest.mark.parametrize("unit", ["hz", "ppm", "rads"])
def test_a_fourth_axis_of_nifti_that_is_no_time_has_to_be_said(unit, tmp_path):
    image = nibabel.Nifti1Image(np.ones((4, 3, 1, 5), "u1"), np.eye(4))
    image.header.set_xyzt_units("mm", unit)
    nibabel.save(image, tmp_path / "a.nii")
    with pytest.raises(InputError, match=r"take one place on t, such as .*a\.nii:t=0, or take it for time: .*:T=t"):
        open_clip(tmp_path / "a.nii")
    assert open_clip(f"{tmp_path / 'a.nii'}:T=t").shape == (5, 1, 3, 4)


HOLES = {
    "fill value": {"_FillValue": -999, "scale_factor": 0.5},
    "missing value": {"missing_value": -999},
    "valid range": {"valid_range": np.array([-100, 5000], "i2")},
    "valid minimum": {"valid_min": np.int16(-100)},
    "valid minimum in the unit of the values": {"valid_min": np.float32(-50), "scale_factor": 0.5},
    "valid maximum in the unit of the values": {"valid_max": 50.0, "scale_factor": -0.5},
    "nothing written": {},
}


@pytest.mark.parametrize("suffix", [".nc", ".h5"])
@pytest.mark.parametrize("name", HOLES)
def test_holes_are_never_black(name, suffix, tmp_path):
    """The clip is refused with their share and what to do; as data they are NaN."""
    path, stored = tmp_path / f"a{suffix}", (moving(4)[:, 0] * 4000).astype("i2")
    stored[2, :, 3] = -999 if HOLES[name] else netCDF4.default_fillvals["i2"]
    with netCDF4.Dataset(path, "w") as file:
        for dimension, length in zip("tyx", stored.shape, strict=True):
            file.createDimension(dimension, length)
        variable = file.createVariable("v", "i2", tuple("tyx"), fill_value=HOLES[name].get("_FillValue"))
        variable.set_auto_maskandscale(False)
        variable.setncatts({key: value for key, value in HOLES[name].items() if key != "_FillValue"})
        variable[:] = stored
    with pytest.raises(InputError, match=r"12 numbers are NaN.*first in frame 2, 1\.6% of all.*--y v --operator mask"):
        open_clip(path if suffix == ".nc" else f"{path}:v").read()
    values = containers.load(path, "v").values
    assert np.isnan(values[2, :, 3]).all()
    assert np.isnan(values).sum() == 12
    assert values[0, 0, 0] == stored[0, 0, 0] * HOLES[name].get("scale_factor", 1)


@pytest.mark.parametrize("kind", [np.float32, np.float64])
@pytest.mark.parametrize("scale", [0.01, -0.1, 1 / 3])
def test_ends_of_what_is_valid_as_floats_are_ends_of_the_values(kind, scale):
    """All packed numbers between the ends are there, rounded as these are, and the next ones beyond are not."""
    stored, offset = np.arange(-3000, 3001).astype("i2"), 273.15
    ends = sorted(kind(n * scale + offset) for n in (-2000, 2000))
    attributes = {"scale_factor": kind(scale), "add_offset": kind(offset), "valid_range": np.array(ends)}
    found = packing_of(attributes, stored.dtype).values(stored)
    np.testing.assert_array_equal(np.isnan(found), abs(stored.astype(int)) > 2000)


def test_an_end_below_what_unsigned_numbers_can_be_hides_nothing():
    """Ends of values are turned into packed numbers, which are not wrapped as stored ones are."""
    stored = np.arange(256, dtype="u1").view("i1")
    attributes = {"_Unsigned": "true", "scale_factor": 0.5, "valid_min": np.float32(-1)}
    np.testing.assert_array_equal(packing_of(attributes, stored.dtype).values(stored), np.arange(256) / 2)


def test_white_of_bytes_without_a_fill_value_is_no_hole(tmp_path):
    """NetCDF's bytes have no number for what was not written."""
    path = formats.netcdf(tmp_path / "a.nc", np.full((2, 1, 3, 4), 255, "u1"))
    assert torch.equal(open_clip(path).read(), torch.ones(2, 1, 3, 4))


def test_unsigned_numbers_in_signed_ones(tmp_path):
    path, stored = tmp_path / "a.nc", np.arange(0, 240, 10, dtype="u1").reshape(2, 3, 4)
    with netCDF4.Dataset(path, "w", format="NETCDF3_CLASSIC") as file:
        for dimension, length in zip("tyx", stored.shape, strict=True):
            file.createDimension(dimension, length)
        variable = file.createVariable("v", "i1", tuple("tyx"), fill_value=-1)
        variable.set_auto_maskandscale(False)
        variable.setncattr("_Unsigned", "true")
        variable[:] = stored.view("i1")
    np.testing.assert_array_equal(containers.load(path, "v").values, stored)


def test_dimensions_in_any_order(tmp_path):
    """What the coordinates say an axis is stands above its place."""
    path, clip = tmp_path / "a.nc", moving(4, 1, 5, 6)
    with netCDF4.Dataset(path, "w") as file:
        for dimension, length, units in (("a", 6, "degrees_east"), ("b", 4, "hours since 2000-01-01"), ("c", 5, "m")):
            file.createDimension(dimension, length)
            file.createVariable(dimension, "f4", (dimension,)).units = units
        file["c"].axis = "Y"
        file.createVariable("v", "f4", ("a", "b", "c"))[:] = clip[:, 0].transpose(2, 0, 1)
    assert torch.equal(open_clip(path).read(), torch.from_numpy(clip))


def test_levels_of_a_record_are_chosen(tmp_path):
    """Four axes: the sentence says how to take one place, or which is time."""
    path, values = tmp_path / "a.nc", moving(4, 3, 5, 6)
    with netCDF4.Dataset(path, "w") as file:
        for dimension, length in zip(("time", "depth", "lat", "lon"), values.shape, strict=True):
            file.createDimension(dimension, length)
        file.createVariable("v", "f4", ("time", "depth", "lat", "lon"))[:] = values
    with pytest.raises(
        InputError, match=r"time 4, depth 3, lat 5, lon 6.*take one place on depth, such as .*v,depth=0"
    ):
        open_clip(path)
    assert torch.equal(open_clip(f"{path}:v,depth=2").read(), torch.from_numpy(values[:, 2:]))
    as_time = open_clip(f"{path}:v,time=1,T=depth")
    assert torch.equal(as_time.read(), torch.from_numpy(values[1][:, None]))
    for wrong, words in (
        ("v,depth=3", "places 0 to 2; got depth=3"),
        ("v,level=0", "no axis level"),
        ("w", "no array w"),
    ):
        with pytest.raises(InputError, match=words):
            open_clip(f"{path}:{wrong}")


def test_arrays_without_names_of_axes_are_chosen_by_number(tmp_path):
    clip = moving(5, 2, 6, 4)
    np.save(tmp_path / "a.npy", clip)
    assert torch.equal(open_clip(f"{tmp_path}/a.npy:1=1").read(), torch.from_numpy(clip[:, 1:]))
    np.save(tmp_path / "b.npy", clip[:, 0].transpose(1, 2, 0))
    assert torch.equal(open_clip(f"{tmp_path}/b.npy:T=2").read(), torch.from_numpy(clip[:, :1]))


DICOM = {  # what the header says more, and what the numbers 0, 1, 4095 of 12 bits then stand for
    "plain": ({}, (0, 1, 4095)),
    "slope and intercept": ({"RescaleSlope": "2", "RescaleIntercept": "-1024"}, (-1024, -1022, 7166)),
    "white is zero": ({"PhotometricInterpretation": "MONOCHROME1"}, (4095, 4094, 0)),
}


@pytest.mark.parametrize("name", DICOM)
def test_modality_values_of_dicom(name, tmp_path):
    """Stored times slope and intercept, larger being brighter; white and black are those of the bits stored."""
    more, wanted = DICOM[name]
    stored = np.array([[[[0, 1], [4095, 0]]]] * 2, "u2")
    clip = open_clip(formats.dicom(tmp_path / "a.dcm", stored, bits=12, **more))
    assert float(clip.rate) == 20
    found = clip.read()
    assert (float(found.min()), float(found.max())) == (0, 1)
    numbers = (found.double() * clip.scale + clip.offset)[0, 0].flatten()
    np.testing.assert_allclose(numbers[:3], wanted, atol=1e-3)


def test_a_folder_of_dicom_is_in_the_order_of_instance_numbers(tmp_path):
    """Whatever the files are called; frames at several places are no moments; two series are no clip."""
    clip = TYPES["12 in 16 bits"](moving(4))
    for name, number in zip("badc", (2, 1, 4, 3), strict=True):
        own = {"InstanceNumber": number, "SeriesInstanceUID": "1.2", "ImagePositionPatient": [0, 0, 5]}
        formats.dicom(tmp_path / f"{name}.dcm", clip[number - 1 : number], bits=12, **own)
    opened = open_clip(tmp_path)
    assert opened.scale == 4095
    np.testing.assert_array_equal((opened.read().double() * 4095).round().numpy(), clip)
    more = {"InstanceNumber": 4, "SeriesInstanceUID": "1.2", "ImagePositionPatient": [0, 0, 6]}
    formats.dicom(tmp_path / "d.dcm", clip[3:], bits=12, **more)
    with pytest.raises(InputError, match="at 2 positions, several frames at each"):
        open_clip(tmp_path)
    for name, number in zip("badc", (2, 1, 4, 3), strict=True):
        own = {"InstanceNumber": number, "SeriesInstanceUID": "1.2", "ImagePositionPatient": [0, 0, 3 * number]}
        formats.dicom(tmp_path / f"{name}.dcm", clip[number - 1 : number], bits=12, **own)
    with pytest.raises(InputError, match=r"take one place on frame, such as .*:frame=0, or take it for time") as caught:
        open_clip(tmp_path)
    assert torch.equal(open_clip(str(caught.value).rpartition(" ")[2]).read(), opened.read())
    assert torch.equal(open_clip(f"{tmp_path}:frame=2").read(), opened.read(2, 3))
    formats.dicom(tmp_path / "d.dcm", clip[3:], bits=12, **more | {"SeriesInstanceUID": "1.3"})
    with pytest.raises(InputError, match="SeriesInstanceUID differs; keep one series"):
        open_clip(tmp_path)
    formats.dicom(tmp_path / "d.dcm", clip[3:], bits=12, **more | {"ImageType": ["ORIGINAL", "PRIMARY", "P"]})
    with pytest.raises(InputError, match="ImageType differs; keep one series"):
        open_clip(tmp_path)


def groups(**each):
    """Functional groups of an enhanced object: of frame n the n-th of the values of NAME, in SEQUENCE."""
    frames = [pydicom.Dataset() for _ in range(2)]
    for name, values in each.items():
        for frame, value in zip(frames, values, strict=True):
            inner = pydicom.Dataset()
            setattr(inner, name.split("__")[1], value)
            setattr(frame, name.split("__")[0], [inner])
    return {"PerFrameFunctionalGroupsSequence": frames}


def test_ismrmrd(tmp_path):
    """A series of images is a clip; raw data is named, and what to type is said; without its header it is refused."""
    path, clip = tmp_path / "scan.h5", moving(5)
    with ismrmrd.Dataset(str(path)) as file:
        for frame in clip:
            file.append_image("image_0", ismrmrd.Image.from_array(frame[:, None], transpose=False))
        file.append_acquisition(ismrmrd.Acquisition.from_array(np.ones((2, 8), "c8")))
    assert torch.equal(open_clip(f"{path}:dataset/image_0/data").read(), torch.from_numpy(clip))
    with ismrmrd.Dataset(str(tmp_path / "slices.h5")) as file:
        for k, frame in enumerate(clip):
            file.append_image("image_0", ismrmrd.Image.from_array(frame[:, None], transpose=False, slice=k))
    with pytest.raises(InputError, match=r"take one place on image, .*or take it for time"):
        open_clip(tmp_path / "slices.h5:dataset/image_0/data")
    with pytest.raises(InputError, match=r"is raw data of ISMRMRD, 1 readouts, the first of 2 coils and 8 samples"):
        open_clip(f"{path}:dataset/data")
    with ismrmrd.Dataset(str(tmp_path / "raw.h5")) as file:
        file.append_acquisition(ismrmrd.Acquisition.from_array(np.ones((2, 8), "c8")))
    assert "dataset/xml is missing" in describe(tmp_path / "raw.h5")["no header"]
    with pytest.raises(InputError, match=r"has no header \(dataset/xml\)"):
        scan_of(tmp_path / "raw.h5")


@pytest.mark.parametrize(("version", "told"), {3: "names are no ASCII", 4: "which is not known"}.items())
def test_other_versions_of_npy_are_named(version, told, tmp_path):
    """One that is not read is refused by its number, and not taken for damage."""
    path = tmp_path / "a.npy"
    np.save(path, moving(5, 1))
    path.write_bytes(path.read_bytes().replace(b"NUMPY\x01", b"NUMPY" + bytes([version]), 1))
    with pytest.raises(InputError, match=rf"version {version}\.0 of NumPy's format, .*{told}"):
        open_clip(path)


def test_fields_of_structured_arrays(tmp_path):
    """NAME/FIELD, those of structures in them too; numbers per entry are axes behind; text is no array."""
    clip = (moving(5, 1)[:, 0] * 4095).astype("u2")
    inner = np.dtype([("half", "f4", clip.shape[1:]), ("name", "S3")])
    records = np.zeros(5, [("t", "f8"), ("frame", ">u2", clip.shape[1:]), ("more", inner)])
    records["frame"], records["more"]["half"] = clip, clip / 2
    pixels = np.zeros(clip.shape, [("value", "u2"), ("weight", "f8")])
    pixels["value"] = clip
    np.save(tmp_path / "a.npy", records)
    np.savez(tmp_path / "a.npz", records=records, x=np.ones(3))
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["group/records"], file["pixels"] = records, pixels
    np.save(tmp_path / "pixels.npy", pixels)
    names = {"a.npy:frame": 1, "a.npz:records/frame": 1, "a.h5:group/records/frame": 1, "a.h5:pixels/value": 1}
    names |= {"pixels.npy:value": 1, "a.npy:more/half": 0.5, "a.h5:group/records/more/half": 0.5}
    for name, factor in names.items():
        opened = open_clip(tmp_path / name)
        found = opened.read().double() * opened.scale
        np.testing.assert_allclose(found[:, 0], clip * factor, atol=1e-3)
        np.testing.assert_allclose(opened.read(2, 3)[0] * opened.scale, clip[2:3] * factor, atol=1e-3)
    with pytest.raises(InputError, match=r"holds the arrays t .*frame .*more/half .*say which"):
        open_clip(tmp_path / "a.npy")
    with pytest.raises(InputError, match="is no array of numbers"):
        open_clip(tmp_path / "a.npy:more/name")
    with pytest.raises(InputError, match="holds no array none; it holds"):
        open_clip(tmp_path / "a.h5:none")


def exr(path, numbers):
    """Whole numbers of 32 bits, uncompressed, as OpenEXR's "File Layout" has them."""
    height, width = numbers.shape
    window, channel = struct.pack("<4i", 0, 0, width - 1, height - 1), b"Y\0" + struct.pack("<i4xii", 0, 1, 1) + b"\0"
    told = {"channels chlist": channel, "compression compression": b"\0", "dataWindow box2i": window}
    told |= {
        "displayWindow box2i": window,
        "lineOrder lineOrder": b"\0",
        "pixelAspectRatio float": struct.pack("<f", 1),
    }
    told |= {"screenWindowCenter v2f": bytes(8), "screenWindowWidth float": struct.pack("<f", 1)}
    head = b"v/1\x01" + struct.pack("<i", 2)
    for name, value in told.items():
        head += name.replace(" ", "\0").encode() + b"\0" + struct.pack("<i", len(value)) + value
    lines = [struct.pack("<ii", y, 4 * width) + row.astype("<u4").tobytes() for y, row in enumerate(numbers)]
    start = len(head) + 1 + 8 * height
    offsets = struct.pack(f"<{height}Q", *(start + y * len(lines[0]) for y in range(height)))
    path.write_bytes(head + b"\0" + offsets + b"".join(lines))
    return path


def test_whole_numbers_of_openexr_are_refused(tmp_path):
    """FFmpeg gives zeros for all below 65536."""
    with pytest.raises(InputError, match=r"OpenEXR of whole numbers.*upper 16 of 32 bits.*numpy\.save"):
        open_clip(exr(tmp_path / "a.exr", np.arange(64).reshape(8, 8)))


def test_a_filter_of_hdf5_that_is_not_here_is_named(tmp_path):
    """As detectors compress; HDF5 says of a chunk that a plugin is missing."""
    with h5py.File(tmp_path / "a.h5", "w") as file:
        settings = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
        settings.set_chunk((2, 3, 4))
        settings.set_filter(40_000, h5py.h5z.FLAG_OPTIONAL)
        kind, space = h5py.h5t.NATIVE_UINT16, h5py.h5s.create_simple((2, 3, 4))
        data = h5py.Dataset(h5py.h5d.create(file.id, b"a", kind, space, settings))
        data.id.write_direct_chunk((0, 0, 0), b"packed")
    with pytest.raises(InputError, match=r"a\.h5:a: is compressed by .*, filter 40000 of HDF5.*pip install hdf5plugin"):
        open_clip(tmp_path / "a.h5")


def test_unsigned_bytes_with_a_valid_range(tmp_path):
    """The range is unsigned as the bytes are; netCDF4's own reading of it fails (findings)."""
    with netCDF4.Dataset(tmp_path / "a.nc", "w", format="NETCDF3_CLASSIC") as file:
        for name in "tyx":
            file.createDimension(name, 2)
        variable = file.createVariable("v", "i1", ("t", "y", "x"), fill_value=False)
        variable.set_auto_maskandscale(False)
        variable.setncatts({"_Unsigned": "true", "valid_range": np.array([1, -2], "i1")})
        variable[:] = np.array([0, 1, -56, -2, -1, 5, 6, 7], "i1").reshape(2, 2, 2)
    found = containers.load(tmp_path / "a.nc", "v").values
    np.testing.assert_array_equal(found.ravel(), [np.nan, 1, 200, 254, np.nan, 5, 6, 7])


def test_dicom_of_one_bit(tmp_path):
    """Frames that begin within a byte."""
    clip = (moving(3, 1, 5, 7) > 0.5).astype("u1")
    path = formats.dicom(tmp_path / "a.dcm", clip, BitsAllocated=1, BitsStored=1, HighBit=0,
                         PixelData=np.packbits(clip.ravel(), bitorder="little").tobytes())  # fmt: skip
    np.testing.assert_array_equal(open_clip(path).read().numpy(), clip)


BAD_DICOM = {
    "shifted bits": ({"HighBit": 15}, "12 bits shifted"),
    "floats": ({"BitsStored": None}, "of floats, or without the depth"),
    "unknown colour": ({"PhotometricInterpretation": "HSV"}, "photometric interpretation HSV"),
    "echoes": (groups(MREchoSequence__EffectiveEchoTime=(1.0, 2.0)), "differ in EffectiveEchoTime"),
    "magnitudes and phases": (
        groups(MRImageFrameTypeSequence__ComplexImageComponent=("MAGNITUDE", "PHASE")),
        "differ in ComplexImageComponent",
    ),
    "backwards": (groups(FrameContentSequence__TemporalPositionIndex=(2, 1)), "not in the order of time"),
    "volumes over time, slice by slice": (
        groups(
            FrameContentSequence__TemporalPositionIndex=(2, 1),
            PlanePositionSequence__ImagePositionPatient=([0, 0, 0], [0, 0, 5]),
        ),
        "take one place on frame, such as .*:frame=0, or take it for time",
    ),
    "backwards at one position": (
        groups(
            FrameContentSequence__TemporalPositionIndex=(2, 1),
            PlanePositionSequence__ImagePositionPatient=([0, 0, 5], [0, 0, 5]),
        ),
        "not in the order of time",
    ),
    "planes of a dose": ({"GridFrameOffsetVector": [0, 5]}, "take one place on frame, .*or take it for time"),
    "slices of nuclear medicine": ({"SliceVector": [1, 2]}, "take one place on frame, .*or take it for time"),
    "views of a rotating camera": ({"AngularViewVector": [1, 2]}, "take one place on frame, .*or take it for time"),
    "two detectors": ({"DetectorVector": [1, 2], "TimeSliceVector": [1, 1]}, "take one place on frame"),
    "tiles of a slide": ({"TotalPixelMatrixColumns": 8, "TotalPixelMatrixRows": 3}, "take one place on frame"),
    "planes of an ultrasound volume": (
        groups(PlanePositionVolumeSequence__ImagePositionVolume=([0, 0, 0], [0, 0, 5])),
        "take one place on frame, .*or take it for time",
    ),
    "segments": (groups(SegmentIdentificationSequence__ReferencedSegmentNumber=(1, 2)), "take one place on frame"),
    "diffusion": (groups(MRDiffusionSequence__DiffusionBValue=(0.0, 800.0)), "take one place on frame"),
    "inversion times": (groups(MRModifierSequence__InversionTimes=(100.0, 180.0)), "take one place on frame"),
    "energies": (groups(CTXRayDetailsSequence__KVP=(80, 140)), "take one place on frame, .*or take it for time"),
    "slices of a secondary capture": ({"SliceLocationVector": ["0", "3"]}, "take one place on frame"),
}


def test_frames_of_nuclear_medicine_in_their_time(tmp_path):
    """One detector and one energy, counted by time alone."""
    counted = {"EnergyWindowVector": [1] * 3, "DetectorVector": [1] * 3, "TimeSliceVector": [1, 2, 3]}
    path = formats.dicom(tmp_path / "a.dcm", np.ones((3, 1, 3, 4), "u2"), **counted)
    assert open_clip(path).shape == (3, 1, 3, 4)


PADDED = {  # the tags, and the stored numbers that are padding
    "one number": ({"PixelPaddingValue": -2000}, [-2000]),
    "a range": ({"PixelPaddingValue": -1999, "PixelPaddingRangeLimit": -2001}, [-2001, -2000, -1999]),
    "white is zero": ({"PixelPaddingValue": -2000, "PhotometricInterpretation": "MONOCHROME1"}, [-2000]),
    "none": ({}, []),
    "one that lossy compression has changed": ({"PixelPaddingValue": -2000, "LossyImageCompression": "01"}, []),
}


def test_padding_of_signed_numbers_that_is_told_as_an_unsigned_one(tmp_path):
    path = formats.dicom(tmp_path / "a.dcm", np.full((1, 1, 3, 4), -2000, "i2"))
    header = pydicom.dcmread(path)
    header.add_new("PixelPaddingValue", "US", 65536 - 2000)
    header.save_as(path)
    assert np.isnan(containers.load_clip(path).values).all()


@pytest.mark.parametrize("slope", [None, "0.5"])
@pytest.mark.parametrize("name", PADDED)
def test_padding_of_dicom_is_never_black(name, slope, tmp_path):
    """What fills a round picture up to its rectangle is missing; the numbers beside it are not."""
    tags, padding = PADDED[name]
    stored = np.arange(-2003, -1979, dtype="i2").reshape(2, 1, 3, 4)
    scaling = {} if slope is None else {"RescaleSlope": slope, "RescaleIntercept": "-1024"}
    path = formats.dicom(tmp_path / "a.dcm", stored, **tags, **scaling)
    values = containers.load_clip(path).values
    np.testing.assert_array_equal(np.isnan(values), np.isin(stored[:, 0], padding))
    if padding:
        with pytest.raises(InputError, match=f"{len(padding)} numbers are NaN.*to fill them in: lowreel recover"):
            open_clip(path).read()


@pytest.mark.parametrize("name", BAD_DICOM)
def test_dicom_that_would_be_read_wrong(name, tmp_path):
    more, words = BAD_DICOM[name]
    path = formats.dicom(tmp_path / "a.dcm", np.ones((2, 1, 3, 4), "u2"), bits=12, **more)
    with pytest.raises(InputError, match=words):
        open_clip(path)


HIDDEN = {"a.nc": formats.netcdf, "a.nii": formats.nifti, "a.dcm": formats.dicom, "a.h5": formats.hdf5}
HIDDEN |= {"a.tif": SWEPT["OME-TIFF"][1]}


@pytest.mark.parametrize("name", HIDDEN)
def test_an_array_file_under_another_name_is_not_taken_for_a_video(name, tmp_path):
    path, ends = HIDDEN[name](tmp_path / name, TYPES["8 bits"](moving())), {".nc": ".h5"}
    os.rename(path, tmp_path / "scan")
    with pytest.raises(
        InputError, match=rf"scan: is .*; give it a name that ends with \{ends.get(path.suffix, path.suffix)}"
    ):
        open_clip(tmp_path / "scan")


OTHERS = {
    "a.fits": "is FITS, .*astropy.*uint=False",
    "a.hdf": "is HDF 4, .*h4toh5convert",
    "a.svg": "no decoder for it is here|cannot be opened",
    "a.safetensors": r"safetensors\.numpy\.load_file",
    "a.nrrd": "make it NIfTI: SimpleITK",
    "a.mrc": "mrcfile",
    "a.pt": "a tensor of torch",
    "a.pkl": "a pickle, which may run any program",
    "a.csv": "numpy.loadtxt",
    "a.raw": "numpy.fromfile",
    "a.dat": "numpy.fromfile.*siemens_to_ismrmrd",
    "a.hdr": r"is the header of ENVI.*spectral\.open_image\('a\.hdr'\)",
    "a.grib": "is GRIB.*cfgrib",
    "a.mraw": r"pyMRAW\.load_video",
    "a.aedat4": "events of a camera, and no frames",
    "b.raw": "events of a camera, and no frames",
    "a.es": "events of a camera, and no frames",
    "a.dng": r"mosaic of a colour sensor.*rawpy\.imread",
    "a.im7": r"lvpyio\.read_buffer",
    "a.zip": "unpack it",
    "report.pdf": "a page or text, and no clip; .*folder",
    "config.json": "a page or text, and no clip; .*folder",
}


@pytest.mark.parametrize("name", OTHERS)
def test_files_of_other_kinds_are_told_what_to_make_of_them(name, tmp_path):
    """FFmpeg would read FITS, in levels of its own."""
    starts = {"a.fits": b"SIMPLE  =                    T".ljust(2880), "a.hdf": b"\x0e\x03\x13\x01", "a.svg": b"<svg/>"}
    starts |= {"a.hdr": b"ENVI\nsamples = 3\n", "a.grib": b"GRIB\0\0\0\2", "b.raw": b"% date 2026\n% evt 3.0\n% end\n"}
    starts |= {"a.aedat4": b"#!AER-DAT4.0\r\n", "a.es": b"Event Stream\2\0\0", "a.dng": b"II*\0\x08\0\0\0"}
    (tmp_path / name).write_bytes(starts.get(name, b"1,2\n3,4\n" * 9))
    with pytest.raises(InputError, match=OTHERS[name]):
        open_clip(tmp_path / name)


@pytest.mark.parametrize(("data", "header"), [("a.img", "a.hdr"), ("a.raw", "a.raw.hdr"), ("a", "a.hdr")])
def test_numbers_beside_a_header_of_envi_are_told_by_it(data, header, tmp_path):
    """By its name alone an .img would be of ANALYZE."""
    (tmp_path / header).write_bytes(b"ENVI\nsamples = 3\n")
    (tmp_path / data).write_bytes(bytes(60))
    with pytest.raises(InputError, match=rf"is the data of ENVI.*open_image\('{header}'\)"):
        open_clip(tmp_path / data)


@pytest.mark.parametrize("mark", ["HDF4_OBJECT_TYPE", "calibrated_nt", "StructMetadata.0_GLO_SDS"])
def test_an_offset_of_hdf_4_is_refused_as_its_sign_is_not_that_of_netcdf(mark, tmp_path):
    """Cloud-top temperatures of MODIS, of scale 0.01 and offset -15000: 11225 are 262.25 K, not -14887.75."""
    with h5py.File(tmp_path / "a.h5", "w") as file:
        data = file.create_dataset("x", data=np.full((3, 4, 5), 11225, "i2"))
        data.attrs.update(scale_factor=0.01, add_offset=-15000.0)
        (file if mark.startswith("Struct") else data).attrs[mark] = "SDS"
    with pytest.raises(InputError, match=r"a\.h5:x: was made of HDF 4, .*\(stored - add_offset\)"):
        open_clip(tmp_path / "a.h5")
    with h5py.File(tmp_path / "a.h5", "r+") as file:
        file["x"].attrs["add_offset"] = 0.0
    assert containers.load(tmp_path / "a.h5", "x").stored.read((0, 0, 0)) == pytest.approx(112.25)


def test_data_of_a_weather_radar_is_refused(tmp_path):
    """What is missing is marked in a group beside it, and 255 would be white."""
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file.attrs["Conventions"] = np.bytes_("ODIM_H5/V2_2")
        file["dataset1/data1/data"] = np.full((20, 20), 255, "u1")
        file.create_group("dataset1/data1/what").attrs.update(gain=0.5, offset=-32.0, nodata=255.0, undetect=0.0)
    with pytest.raises(InputError, match=r"data1/data.*weather radar \(ODIM_H5\).*NaN where they are missing"):
        open_clip(tmp_path / "a.h5")


def test_a_library_that_is_here_and_broken_is_told_from_a_damaged_file(tmp_path, monkeypatch):
    """numcodecs cannot be imported where zfpy has a version such as 1.0.1.post0, nor zarr then."""
    (tmp_path / "broken_reader.py").write_text("int('post0')")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(InputError, match=r"broken_reader, .* Zarr, is here and cannot be loaded \(.*'post0'\)"):
        imported("broken_reader", tmp_path / "a.zarr", "Zarr")


def test_pictures_of_colours_are_not_taken_for_frames_of_three_columns(tmp_path):
    """As OpenCV has a picture; said to be one, or time, it is."""
    np.save(tmp_path / "a.npy", picture := moving(1, 3, 16, 20)[0].transpose(1, 2, 0))
    with pytest.raises(InputError, match=r"got \(16, 20, 3\).*a\.npy:C=2 is one picture of colours"):
        open_clip(tmp_path / "a.npy")
    np.testing.assert_array_equal(open_clip(f"{tmp_path}/a.npy:C=2").read()[0], picture.transpose(2, 0, 1))
    assert open_clip(f"{tmp_path}/a.npy:T=0").shape == (16, 1, 20, 3)
    np.save(tmp_path / "b.npy", np.ones((2, 20, 20, 4)))
    with pytest.raises(InputError, match=r"save x\[\.\.\., :3\]"):
        open_clip(tmp_path / "b.npy")


def test_a_picture_of_colours_of_matlab_s(tmp_path):
    scipy.io.savemat(tmp_path / "a.mat", {"x": (picture := moving(1, 3, 16, 20)[0].transpose(1, 2, 0))})
    with pytest.raises(InputError, match=r"say which is time, such as .*a\.mat:x,T=2.*x,C=2 is one picture"):
        open_clip(tmp_path / "a.mat")
    np.testing.assert_array_equal(open_clip(f"{tmp_path}/a.mat:C=2").read()[0], picture.transpose(2, 0, 1))
    np.testing.assert_array_equal(open_clip(f"{tmp_path}/a.mat:T=2").read()[:, 0], picture.transpose(2, 0, 1))


def test_a_folder_with_each_frame_twice_is_refused(tmp_path):
    for name in ("0.png", "0.jpg", "1.png"):
        Image.fromarray(np.zeros((8, 8), "u1")).save(tmp_path / name)
    with pytest.raises(InputError, match="one frame, in two kinds of file"):
        open_clip(tmp_path)
    with pytest.raises(InputError, match="folder of pictures, without axes to choose from"):
        open_clip(f"{tmp_path}:T=0")


def film_of_jpeg_2000(path, frames, bits):
    """A film of pictures of so many bits, one after the other."""
    with av.open(str(path), "w") as file:
        stream = file.add_stream("jpeg2000", rate=25)
        stream.height, stream.width, stream.pix_fmt = *frames.shape[1:], "gray16le"
        for k, frame in enumerate(frames):
            coded = imagecodecs.jpeg2k_encode(frame, level=0, bitspersample=bits, codecformat="j2k")
            packet = av.Packet(coded)
            packet.stream, packet.time_base, packet.is_keyframe = stream, Fraction(1, 25), True
            packet.pts = packet.dts = k
            file.mux(packet)


@pytest.mark.parametrize("black", [0, 2])
def test_jpeg_2000_of_12_bits_is_not_taken_for_16(black, tmp_path):
    """Pictures and films; black frames before it say nothing."""
    counts = np.concatenate([np.zeros((black, 12, 16), "u2"), (moving(2)[:, 0] * 4095).astype("u2")])
    for bits, end in itertools.product((12, 16), (".mov", ".mkv", *[".jp2"] * (not black))):
        path, stored = tmp_path / f"{bits}{end}", counts << (bits - 12) | (bits == 16 and counts > 0)
        if end == ".jp2":
            path.write_bytes(imagecodecs.jpeg2k_encode(stored[0], level=0, bitspersample=bits))
        else:
            film_of_jpeg_2000(path, stored, bits)
        if bits == 12:
            with pytest.raises(InputError, match="fewer than 16 bits"):
                open_clip(path)
        else:
            read = open_clip(path).read()[:, 0]
            np.testing.assert_allclose(read, stored[: len(read)] / 65535, atol=1e-6)
            assert len(read) == (1 if end == ".jp2" else len(stored))


def test_a_folder_of_arrays_is_told_to_be_joined(tmp_path):
    for k in range(3):
        np.save(tmp_path / f"{k}.npy", moving(2))
    with pytest.raises(InputError, match=r"no pictures but 3 of \.npy; give one of these alone, or join them"):
        open_clip(tmp_path)


LIBRARIES = {"a.nc": "netCDF4", "a.nii": "nibabel", "a.dcm": "pydicom", "a.zarr": "zarr", "a.h5": "h5py"}


@pytest.mark.parametrize("name", LIBRARIES)
def test_without_its_library_a_sentence_says_what_to_install(name, tmp_path, monkeypatch):
    (tmp_path / name).mkdir() if name.endswith("zarr") else (tmp_path / name).write_bytes(b"anything")
    monkeypatch.setitem(sys.modules, LIBRARIES[name], None)
    with pytest.raises(InputError, match=rf'needs {LIBRARIES[name]}; pip install "lowreel\[formats\]"'):
        containers.entries_of(tmp_path / name)


@pytest.mark.parametrize("kind", FORMATS)
def test_what_is_cut_short_is_one_sentence(kind, tmp_path):
    """No other error, and no clip with frames that were never there."""
    file, write, _ = FORMATS[kind]
    path = write(tmp_path / file, TYPES["signed"](moving(6)))
    if path.is_dir():
        return  # a folder of chunks
    whole = path.read_bytes()
    for share in (0.05, 0.5, 0.97):
        path.write_bytes(whole[: int(share * len(whole))])
        with pytest.raises(InputError) as caught:
            open_clip(path).read()
        assert "\n" not in str(caught.value)


@pytest.mark.parametrize("kind", ["nifti", "nifti packed", "dicom", "bart", "zarr 2", "zarr 3"])
def test_damage_anywhere_is_an_input_error_or_harmless(kind, tmp_path):
    """Bytes changed at seeded places, in the beginning above all: no other exception."""
    file, write, _ = FORMATS[kind]
    path, seeded = write(tmp_path / file, TYPES["signed"](moving(4))), random.Random(1)
    whole = {part: part.read_bytes() for part in sorted(tmp_path.rglob("*")) if part.is_file()}
    for _ in range(40):
        part = seeded.choice(list(whole))
        damaged = bytearray(whole[part])
        for _ in range(seeded.choice([1, 3, 10])):
            damaged[seeded.randrange(min(len(damaged), seeded.choice([400, len(damaged)])))] = seeded.randrange(256)
        part.write_bytes(damaged)
        with contextlib.suppress(InputError), warnings.catch_warnings(action="ignore"):
            open_clip(path).read()
        part.write_bytes(whole[part])


def test_a_long_stack_is_not_read_whole(tmp_path):
    """One frame of 200: bytes read, by the operating system's own count, are a small share of the file."""
    path = tmp_path / "a.h5"
    with h5py.File(path, "w") as file:
        file.create_dataset("x", data=np.zeros((200, 256, 256), "u1"), chunks=(1, 256, 256))
    clip = open_clip(path)

    def read_bytes():
        return int(next(line for line in Path("/proc/self/io").read_text().splitlines() if "rchar" in line).split()[1])

    before = read_bytes()
    clip.read(150, 152)
    assert read_bytes() - before < 0.1 * path.stat().st_size
