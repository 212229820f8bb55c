"""What writers of files say in ways of their own: time, axes and numbers are what they mean."""

import json
import struct
from fractions import Fraction
from functools import partial
from pathlib import Path

import h5py
import netCDF4
import nibabel
import numpy as np
import pytest
import xarray
import zarr
from PIL import Image, features
from scipy.io import savemat

from lowreel.cli.describe import describe
from lowreel.errors import InputError
from lowreel.io.containers import as_clip, entries_of, load, load_clip
from lowreel.io.containers.places import by_stamps, even_step, seconds_of
from lowreel.io.export import Delivered, export_clip
from lowreel.io.video import open_clip

FRAMES = np.random.default_rng(0).integers(0, 60_000, (6, 8, 10)).astype(np.uint16)

MILLISECONDS = 30.0 + np.array([0, 50, 100, 180, 200, 260])
"""Times of the frames in ms."""


def stored(path):
    """The frames of a clip in the numbers of the file, (T, H, W)."""
    clip = open_clip(path)
    levels = clip.read().numpy()[:, 0].astype(np.float64)
    return np.rint(levels * clip.scale + clip.offset)


@pytest.mark.filterwarnings("ignore:Consolidated metadata")
@pytest.mark.parametrize("version", [2, 3])
@pytest.mark.parametrize("name", ["film", "scan/film"])
def test_frames_that_were_appended_to_zarr_are_there(version, name, tmp_path):
    """The headers that a group keeps together tell the shape as it was before; an array's own header tells all."""
    path = str(tmp_path / "a.zarr")
    group = zarr.open_group(path, mode="w", zarr_format=version)
    group.create_array(name, shape=(4, 8, 10), chunks=(1, 8, 10), dtype="u2")[:] = FRAMES[:4]
    for kept in {path, f"{path}/{name}".rpartition("/")[0]}:
        zarr.consolidate_metadata(kept)
    zarr.open_array(f"{path}/{name}", mode="r+").append(FRAMES[4:])
    np.testing.assert_array_equal(stored(path), FRAMES)


def emd(file):
    """As RosettaSciIO writes it: the axes reversed, and a data set of each."""
    group = file.create_group("signals/film")
    group.attrs["emd_group_type"] = 1
    group["data"] = FRAMES.T
    for k, (name, step, unit) in enumerate((("x", 0.5, "[n_m]"), ("y", 0.25, "[n_m]"), ("t", 50.0, "[m_s]"))):
        side = group.create_dataset(f"dim{k + 1}", data=[1.0, 1.0 + step])
        side.attrs.update({"name": np.bytes_(name), "units": np.bytes_(unit)})


def nexus(file):
    group = file.create_group("entry/data")
    group.attrs.update({"NX_class": "NXdata", "signal": "counts", "axes": ["y", "x", "time"]})
    group["counts"] = FRAMES.transpose(1, 2, 0)
    height, width = FRAMES.shape[1:]
    places = {
        "y": (9 - 0.25 * np.arange(height), "nm"),
        "x": (0.5 * np.arange(width), "nm"),
        "time": (MILLISECONDS, "ms"),
    }
    for name, (values, unit) in places.items():
        group.create_dataset(name, data=values).attrs["units"] = unit


def nexus_of_old(file):
    """As NeXus was before 2014."""
    nexus(file)
    group = file["entry/data"]
    del group.attrs["signal"], group.attrs["axes"]
    group["counts"].attrs.update({"signal": 1, "axes": "y:x:time"})


def hyperspy(file):
    """As RosettaSciIO writes it."""
    group = file.create_group("Experiments/film")
    group["data"] = FRAMES
    for k, (name, step, unit) in enumerate((("time", 0.05, "s"), ("y", 0.25, "nm"), ("x", 0.5, "nm"))):
        group.create_group(f"axis-{k}").attrs.update({"name": name, "scale": step, "offset": 7.0, "units": unit})


def hyperspy_without_names(file):
    """As it writes a film whose axes were given steps and units alone."""
    hyperspy(file)
    for k in range(3):
        file[f"Experiments/film/axis-{k}"].attrs.update({"name": "_None_", "navigate": k == 0})


def velox(file):
    """Frames of an electron microscope, with a text for each; what stands where is as RosettaSciIO reads it."""
    group = file.create_group("Data/Image/0123abcd")
    group["Data"] = FRAMES.transpose(1, 2, 0)
    told = {"BinaryResult": {"PixelSize": {"width": "5e-10", "height": "2.5e-10"}, "PixelUnitX": "m"}}
    text = json.dumps(told | {"Scan": {"FrameTime": "0.05"}}).encode()
    group["Metadata"] = np.tile(np.frombuffer(text.ljust(500, b"\0"), np.uint8)[:, None], len(FRAMES))


def scales(file):
    """HDF5's own."""
    data = file.create_dataset("film", data=FRAMES)
    steps = {"time": (np.float32(0.05), "seconds"), "y": (np.float32(0.25), "nm"), "x": (np.float32(0.5), "nm")}
    for k, (name, (step, unit)) in enumerate(steps.items()):
        side = file.create_dataset(name, data=np.float32(9) + step * np.arange(FRAMES.shape[k], dtype="f4"))
        side.attrs["units"] = unit
        side.make_scale(name)
        data.dims[k].attach_scale(side)


def nwb(file, **times):
    """As PyNWB writes a film whose numbers are volts."""
    file.attrs["nwb_version"] = "2.11.0"
    group = file.create_group("acquisition/film")
    group.attrs["neurodata_type"] = "TwoPhotonSeries"
    group.create_dataset("data", data=FRAMES.transpose(0, 2, 1)).attrs.update({"conversion": 1.0, "offset": 0.0})
    for name, (value, attributes) in times.items():
        group.create_dataset(name, data=value).attrs.update(attributes)


NWB_RATE = {"starting_time": (0.0, {"rate": 30.0, "unit": "seconds"})}
NWB_STAMPS = {"timestamps": (5 + np.arange(6) / 12, {"unit": "seconds"})}


def bigdataviewer(file):
    """As npy2bdv writes it: a view of 6 planes at one time."""
    file["s00/resolutions"] = np.ones((1, 3))
    file["t00000/s00/0/cells"] = FRAMES.view("i2")


OWN_SUFFIXES = {
    emd: ".emd",
    velox: ".emd",
    nexus: ".nxs",
    nexus_of_old: ".h5",
    hyperspy: ".hspy",
    hyperspy_without_names: ".hspy",
    scales: ".hdf5",
    nwb: ".nwb",
    bigdataviewer: ".h5",
}


@pytest.mark.parametrize("mask_type", ["?", "u1"])
@pytest.mark.parametrize("number_type", ["u2", "f4"])
def test_numbers_that_nexusformat_masked_are_missing(number_type, mask_type, tmp_path):
    """It names the mask at the array and leaves what stands beneath it; a mask of another shape is none."""
    path, masked = tmp_path / "a.nxs", FRAMES > 50_000
    with h5py.File(path, "w") as file:
        nexus(file)
        group = file["entry/data"]
        del group["counts"]
        group.create_dataset("counts", data=FRAMES.transpose(1, 2, 0).astype(number_type)).attrs["mask"] = "counts_mask"
        group["counts_mask"] = masked.transpose(1, 2, 0).astype(mask_type)
    expected = np.where(masked, np.nan, FRAMES.astype(number_type)).transpose(1, 2, 0)
    read = load(path, "entry/data/counts").stored[:, :, :]
    np.testing.assert_array_equal(read, expected)
    with pytest.raises(InputError, match="--operator mask"):
        open_clip(f"{path}:entry/data/counts").read()
    with h5py.File(path, "r+") as file:
        del file["entry/data/counts_mask"]
        file["entry/data/counts_mask"] = masked[0]
    np.testing.assert_array_equal(stored(f"{path}:entry/data/counts"), FRAMES.astype(number_type))


@pytest.mark.filterwarnings("ignore:Consolidated metadata")
@pytest.mark.parametrize("version", [2, 3])
def test_arrays_that_were_added_to_zarr_are_there(version, tmp_path):
    """A group in a group keeps headers together too, of the arrays that it had then."""
    path = str(tmp_path / "a.zarr")
    group = zarr.open_group(path, mode="w", zarr_format=version)
    group.create_array("scan/inner/film", data=FRAMES[:2])
    for kept in (f"{path}/scan/inner", f"{path}/scan", path):
        zarr.consolidate_metadata(kept)
    for name in ("scan/second", "scan/inner/third"):
        zarr.open_group(path, mode="r+", use_consolidated=False).create_array(name, data=FRAMES)
    names = ["scan/inner/film", "scan/inner/third", "scan/second"]
    assert [entry.name for entry in entries_of(path)] == names
    for name in names[1:]:
        np.testing.assert_array_equal(stored(f"{path}:{name}"), FRAMES)


@pytest.mark.parametrize("write", OWN_SUFFIXES)
def test_axes_and_numbers_of_hdf5_are_what_its_kind_says(write, tmp_path):
    """Axes that are named by the group or by the kind, and 16 bits that Java knows with a sign alone."""
    path = tmp_path / f"a{OWN_SUFFIXES[write]}"
    with h5py.File(path, "w") as file:
        write(file)
    name = next(entry.name for entry in entries_of(path) if len(entry.shape) == 3)
    np.testing.assert_array_equal(stored(f"{path}:{name}"), FRAMES)


@pytest.mark.parametrize("write", OWN_SUFFIXES)
def test_what_is_exported_has_the_same_axes(write, tmp_path):
    """Their names stand at the data set itself there, as its group is not copied."""
    path = tmp_path / f"a{OWN_SUFFIXES[write]}"
    with h5py.File(path, "w") as file:
        write(file)
        if write is nwb:
            file["acquisition/film/data"].attrs["conversion"] = 2.0
    name = next(entry.name for entry in entries_of(path) if len(entry.shape) == 3)
    values = FRAMES[:3, None] * (2.0 if write is nwb else 1)
    export_clip(tmp_path / "b.h5", Delivered(values, (0.0, 0.04, 0.08), like=f"{path}:{name}"))
    np.testing.assert_array_equal(stored(tmp_path / "b.h5"), values[:, 0])


def hdf5_as(write, path):
    path = path / f"a{OWN_SUFFIXES[write]}"
    with h5py.File(path, "w") as file:
        write(file)
    return path


def dataset(seconds, unit):
    """As a reader of instruments makes it, with labels that say when and where each frame and pixel is."""
    labels = {"time": ("time", seconds, {"units": unit}), "y": ("y", 9 - 0.25 * np.arange(8), {"units": "nm"})}
    labels["x"] = ("x", 0.5 * np.arange(10), {"units": "nm"})
    return xarray.Dataset({"film": (("time", "y", "x"), FRAMES)}, labels)


def netcdf_even(path):
    dataset(5 + np.arange(6) / 20, "s").to_netcdf(path / "a.nc")
    return path / "a.nc"


def netcdf_dates(path):
    """Which xarray stores as whole numbers since the first of them."""
    data = dataset(np.arange(6), "s").drop_vars("time")
    moments = np.array("2020-01-01", "M8[ns]") + (MILLISECONDS * 1e6).astype("m8[ns]")
    data.assign_coords(time=moments).to_netcdf(path / "a.nc")
    return path / "a.nc"


def zarr_of_xarray(path, version, seconds, unit):
    dataset(seconds, unit).to_zarr(path / "a.zarr", zarr_format=version, consolidated=False)
    return path / "a.zarr"


WITH_PLACES = {
    **{
        write.__name__: (partial(hdf5_as, write), write not in (nexus, nexus_of_old))
        for write in (emd, velox, nexus, nexus_of_old, hyperspy, hyperspy_without_names, scales)
    },
    "netcdf": (netcdf_even, True),
    "netcdf of dates": (netcdf_dates, False),
    "zarr 2": (partial(zarr_of_xarray, version=2, seconds=MILLISECONDS, unit="ms"), False),
    "zarr 3": (partial(zarr_of_xarray, version=3, seconds=np.arange(6) / 20, unit="seconds"), True),
}


@pytest.mark.parametrize(("write", "is_even"), WITH_PLACES.values(), ids=WITH_PLACES)
def test_places_along_the_axes_are_spacing_and_times(write, is_even, tmp_path):
    """Also of what is exported, whose times stand beside it."""
    path = write(tmp_path)
    array = load_clip(path)
    spacing = {name: (pytest.approx(step), "nm") for name, step in {"y": 0.25, "x": 0.5}.items()}
    assert array.spacing == spacing or (path.suffix == ".nc" and "y 9 to 7.25 nm" in array.coordinates.values())
    seconds = np.arange(6) / 20 if is_even else (MILLISECONDS - MILLISECONDS[0]) / 1000
    assert as_clip(array).times(Fraction(25)) == pytest.approx(seconds)
    assert (array.times is None) == is_even
    kind = path.suffix if path.suffix in (".nc", ".zarr") else ".h5"
    export_clip(tmp_path / f"b{kind}", Delivered(FRAMES[1:4, None], tuple(seconds[1:4]), like=path))
    found = as_clip(load_clip(tmp_path / f"b{kind}"))
    assert found.times(Fraction(25)) == pytest.approx(seconds[1:4] - seconds[1])
    np.testing.assert_array_equal(stored(tmp_path / f"b{kind}"), FRAMES[1:4])


@pytest.mark.parametrize("kind", [".h5", ".zarr"])
def test_spacing_of_the_source_is_that_of_what_is_exported_in_another_kind(kind, tmp_path):
    """As pixels were resized; OME-Zarr cannot keep times that are not even, and says so."""
    path = hdf5_as(nexus, tmp_path)
    seconds = tuple((MILLISECONDS - MILLISECONDS[0]) / 1000)
    notes = export_clip(tmp_path / f"b{kind}", Delivered(FRAMES[:, None, ::2], seconds, like=path))
    found = load_clip(tmp_path / f"b{kind}")
    assert {axis: found.spacing[axis] for axis in "yx"} == dict.fromkeys("yx", (pytest.approx(0.5), "nm"))
    assert as_clip(found).times(Fraction(25))[-1] == pytest.approx(seconds[-1])
    assert (found.times is None) == (kind == ".zarr") == bool(notes)


@pytest.mark.parametrize("write", [nexus, scales])
def test_places_of_what_is_exported_are_those_of_the_source(write, tmp_path):
    """Where they begin, which way they go, in their unit, of the frames that were picked, by whatever clock."""
    path = hdf5_as(write, tmp_path)
    name = next(entry.name for entry in entries_of(path) if len(entry.shape) == 3)
    clip = Delivered(FRAMES[1:4, None], (0.04, 0.08, 0.12), like=path, picked=slice(1, 4))
    export_clip(tmp_path / "b.h5", clip)
    with h5py.File(path) as source, h5py.File(tmp_path / "b.h5") as made:
        group = source[name].parent
        for axis, picked in (("time", slice(1, 4)), ("y", slice(None)), ("x", slice(None))):
            np.testing.assert_array_equal(made[name].parent[axis], group[axis][picked])
            assert made[name].parent[axis].attrs["units"] == group[axis].attrs["units"]


def test_what_nobody_told_is_not_exported(tmp_path):
    """Neither 25 frames a second nor places of pixels of which nothing is known, nor over what has that name."""
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["time"] = FRAMES
        for dimension, name in zip(file["time"].dims, ("time", "y", "x"), strict=True):
            dimension.label = name
    for times in ((0.0, 0.04, 0.08), (0.0, 0.1, 0.3)):
        clip = Delivered(FRAMES[:3, None], times, like=tmp_path / "a.h5", picked=slice(3))
        (tmp_path / "b.h5").unlink(missing_ok=True)
        export_clip(tmp_path / "b.h5", clip)
        with h5py.File(tmp_path / "b.h5") as made:
            assert list(made) == ["time"]
            assert made["time"].shape == FRAMES[:3].shape


UNITS = {
    "ms": 1e-3,
    "Milliseconds": 1e-3,
    "sec.": 1,
    "S": None,
    "usec since 1970-01-01": 1e-6,
    "HOURS SINCE 2000": 3600,
}


def test_units_of_time():
    for unit, seconds in UNITS.items():
        assert seconds_of(unit) == (None if seconds is None else Fraction(seconds).limit_denominator(10**9)), unit


STAMPS = {
    "whole numbers since 1970": (10**18 + 50_000_000 * np.arange(6), "ns", 20, True),
    "float32, late": (np.float32(80_000) + np.cumsum([0, 20, 60, 20, 60, 20]).astype("f4") / 1000, "s", None, False),
    "rounded by float32": (np.float32(9) + np.float32(0.05) * np.arange(6, dtype="f4"), "s", 20, True),
    "small whole numbers": (np.array([-100, -50, 0, 50, 100], np.int8), "ms", 20, True),
    "29.97": (np.arange(6) * 1001 / 30, "ms", Fraction(30_000, 1001), True),
}


@pytest.mark.parametrize(("stamps", "unit", "rate", "is_even"), STAMPS.values(), ids=STAMPS)
def test_rates_of_stamps(stamps, unit, rate, is_even):
    found, times = by_stamps(stamps, seconds_of(unit))
    assert (times is None) == is_even
    assert rate is None or found == rate


@pytest.mark.parametrize("kind", ["u1", "u2", "i1", "f4"])
def test_places_that_fall_have_a_step_and_are_no_times(kind):
    places = np.array([9, 6, 3], kind)
    assert even_step(places) == -3
    assert by_stamps(places[:2], Fraction(1, 1000)) == (None, None)


def test_missing_times_of_netcdf_are_no_times(tmp_path):
    with netCDF4.Dataset(tmp_path / "a.nc", "w") as file:
        for name, length in zip(("time", "y", "x"), FRAMES.shape, strict=True):
            file.createDimension(name, length)
        file.createVariable("film", "u2", ("time", "y", "x"), fill_value=False)[:] = FRAMES
        time = file.createVariable("time", "i4", ("time",), fill_value=-999)
        time.units = "ms"
        time[:] = [-999, 50, 100, 150, 200, 250]
    assert load_clip(tmp_path / "a.nc").rate is None


def damaged(group, name):
    group.create_dataset("more", data=np.arange(6.0), chunks=(6,), compression="gzip")
    group["more"].id.write_direct_chunk((0,), b"no such thing")
    group[name] = group["more"]


UNUSED = {
    "damaged": damaged,
    "a link to itself": lambda group, name: group.__setitem__(name, h5py.SoftLink(f"/entry/data/{name}")),
    "in another file": lambda group, name: group.__setitem__(name, h5py.ExternalLink("other.h5", "/time")),
    "stored outside": lambda group, name: group.create_dataset(name, (6,), "f8", external=[("other.bin", 0, 48)]),
    "a group": lambda group, name: group.create_group(name),
    "more than the file holds": lambda group, name: group.create_dataset(name, (6,), "f8", chunks=(6,)),
}


@pytest.mark.parametrize("write", UNUSED.values(), ids=UNUSED)
def test_places_that_cannot_be_read_are_no_reason_to_refuse(write, tmp_path):
    """Nor is any other file opened for them."""
    path = hdf5_as(nexus, tmp_path)
    with h5py.File(tmp_path / "other.h5", "w") as file:
        file["time"] = MILLISECONDS
    (tmp_path / "other.bin").write_bytes(MILLISECONDS.tobytes())
    with h5py.File(path, "r+") as file:
        del file["entry/data/time"]
        write(file["entry/data"], "time")
        if isinstance(file["entry/data"].get("time", getlink=True), h5py.HardLink):
            file["entry/data/time"].attrs["units"] = "ms"
    array = load(path, "entry/data/counts")
    assert array.rate is array.times is None
    np.testing.assert_array_equal(as_clip(array)[:][:, 0], FRAMES)


PASSED_OVER = {
    "too few": np.arange(4.0),
    "two": np.arange(2.0) * 50,
    "falling": -np.arange(6.0),
    "not finite": np.array([0, 1, 2, np.nan, 4, 5]),
    "words": np.array([b"a"] * 6),
}


@pytest.mark.parametrize("places", PASSED_OVER.values(), ids=PASSED_OVER)
def test_what_is_no_time_is_passed_over(places, tmp_path):
    path = tmp_path / "a.h5"
    with h5py.File(path, "w") as file:
        nexus(file)
        del file["entry/data/time"]
        file.create_dataset("entry/data/time", data=places).attrs["units"] = "ms"
    array = load_clip(path)
    assert array.rate is array.times is None
    np.testing.assert_array_equal(stored(path), FRAMES)


def depth_hdf5(path):
    with h5py.File(path, "w") as file:
        file["film"] = FRAMES
        for dimension, name in zip(file["film"].dims, ("depth", "y", "x"), strict=True):
            dimension.label = name
    return f"{path}:film,T=depth"


def band_netcdf(path):
    with netCDF4.Dataset(path, "w") as file:
        for name, length in zip(("band", "lat", "lon"), FRAMES.shape, strict=True):
            file.createDimension(name, length)
        file.createVariable("film", "u2", ("band", "lat", "lon"), fill_value=False)[:] = FRAMES
    return f"{path}:film,T=band"


def volume_nifti(path):
    nibabel.save(nibabel.Nifti1Image(FRAMES.T[..., None], np.eye(4)), path)
    return f"{path}:T=z"


def time_as_width(path):
    with h5py.File(path, "w") as file:
        file["film"] = FRAMES.transpose(2, 1, 0)
        for dimension, name in zip(file["film"].dims, ("time", "y", "x"), strict=True):
            dimension.label = name
    return f"{path}:film,W=time,T=x"


def matlab(path):
    savemat(path, {"film": FRAMES.transpose(1, 2, 0)})
    return str(path)


CHOSEN = {
    "HDF5": ("a.h5", depth_hdf5),
    "NetCDF": ("a.nc", band_netcdf),
    "NIfTI": ("a.nii", volume_nifti),
    "time as width": ("a.h5", time_as_width),
    "MATLAB": ("a.mat", matlab),
}


@pytest.mark.parametrize(("name", "write"), CHOSEN.values(), ids=CHOSEN)
def test_axes_that_were_chosen_have_their_names_in_what_is_exported(name, write, tmp_path):
    """T=depth is no part of a file: the axis is called time there, so that the frames are read without a choice."""
    like = write(tmp_path / name)
    np.testing.assert_array_equal(stored(like), FRAMES)
    (tmp_path / "out").mkdir()
    export_clip(tmp_path / "out/b.h5", Delivered(FRAMES[:3, None], (0.0, 0.04, 0.08), like=like))
    np.testing.assert_array_equal(stored(tmp_path / "out/b.h5"), FRAMES[:3])


EVEN = np.arange(6) / 12
UNEVEN = np.array([0, 0.1, 0.2, 0.4, 0.5, 0.6])
TIMES = {  # what the file has; the seconds of the frames
    "rate": (NWB_RATE, np.arange(6) / 30),
    "rate as an array": ({"starting_time": (0.0, {"rate": np.array([30.0])})}, np.arange(6) / 30),
    "stamps": (NWB_STAMPS, EVEN),
    "uneven stamps": ({"timestamps": (1e5 + UNEVEN, {})}, UNEVEN),
    "fewer stamps than frames": ({"timestamps": (np.arange(5) / 12, {})}, np.arange(6) / 25),
    "no stamps": ({"timestamps": (np.empty(0), {})}, np.arange(6) / 25),
    "stamps of nothing": ({"timestamps": (h5py.Empty("f8"), {})}, np.arange(6) / 25),
    "stamps that do not rise": ({"timestamps": (UNEVEN[[0, 2, 1, 3, 4, 5]], {})}, np.arange(6) / 25),
    "no number": ({"starting_time": (0.0, {"rate": "a"}), **NWB_STAMPS}, EVEN),
    "nothing": ({}, np.arange(6) / 25),
}


@pytest.mark.parametrize(("times", "seconds"), TIMES.values(), ids=TIMES)
def test_a_film_of_nwb_has_its_times(times, seconds, tmp_path):
    """By its rate or its time stamps, each of them; 25 a second without either. Those of a part are found again."""
    with h5py.File(tmp_path / "a.h5", "w") as file:
        nwb(file, **times)
    clip = open_clip(f"{tmp_path / 'a.h5'}:acquisition/film/data")
    assert [float(time) for time in clip.times] == pytest.approx(seconds, abs=1e-6)
    assert float(clip.rate) == pytest.approx(5 / seconds[-1])
    part = tuple(float(time) for time in clip.times[2:5])
    assert Delivered(FRAMES[2:5, None], part, like=clip.source).frames == [2, 3, 4]


def test_info_tells_that_times_are_not_even(tmp_path):
    """The rate is a mean then."""
    for name, stamps in (("even", EVEN), ("uneven", UNEVEN)):
        with h5py.File(tmp_path / f"{name}.h5", "w") as file:
            nwb(file, timestamps=(stamps, {}))
    told = [describe(Path(f"{tmp_path}/{n}.h5:acquisition/film/data"))["rate"] for n in ("even", "uneven")]
    assert told == ["12 frames a second", "8.333 frames a second, on average"]


@pytest.mark.parametrize(("kind", "is_colour"), [("TwoPhotonSeries", False), ("ImageSeries", True)])
def test_three_planes_of_nwb_are_no_colours(kind, is_colour, tmp_path):
    """The fourth axis is of depth in microscopy, and of colours in films of cameras. Planes over time have no rate."""
    path = f"{tmp_path / 'a.h5'}:acquisition/film/data"
    with h5py.File(tmp_path / "a.h5", "w") as file:
        nwb(file, **NWB_RATE)
        film = file["acquisition/film"]
        film.attrs["neurodata_type"] = kind
        del film["data"]
        film["data"] = np.stack([FRAMES.transpose(0, 2, 1)] * 3, 3)
    if is_colour:
        assert open_clip(path).shape == (6, 3, 8, 10)
        return
    with pytest.raises(InputError, match="take one place on z"):
        open_clip(path)
    np.testing.assert_array_equal(stored(f"{path},z=1"), FRAMES)
    assert (open_clip(f"{path},z=1").rate, open_clip(f"{path},frame=1,T=z").rate) == (30, 25)


@pytest.mark.parametrize(("conversion", "scale"), [(0.25, 0.25), ([0.25], 0.25), ("a", 1)])
def test_a_film_of_nwb_is_in_its_unit(conversion, scale, tmp_path):
    """value = stored * conversion + offset; what is no number is passed over."""
    with h5py.File(tmp_path / "a.h5", "w") as file:
        nwb(file)
        file["acquisition/film/data"].attrs.update({"conversion": conversion, "offset": np.array([7.0])})
    found = load(tmp_path / "a.h5", "acquisition/film/data").values
    np.testing.assert_array_equal(found.transpose(0, 2, 1), FRAMES * scale + 7)


def test_truth_values_of_pytables_are_black_and_white(tmp_path):
    """Bytes of 0 and 1 with the type of bit fields; as numbers of 8 bits true would be 1 of 255."""
    seen = FRAMES > 30_000
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file.attrs["PYTABLES_FORMAT_VERSION"] = "2.1"
        space = h5py.h5s.create_simple(seen.shape)
        data = h5py.h5d.create(file.id, b"film", h5py.h5t.STD_B8LE, space)
        data.write(space, space, seen.view("u1"), mtype=h5py.h5t.STD_B8LE)
    clip = open_clip(tmp_path / "a.h5")
    np.testing.assert_array_equal(clip.read().numpy()[:, 0], seen)


@pytest.mark.skipif(not features.check("avif"), reason="Pillow is without AVIF")
@pytest.mark.parametrize("mode", ["RGB", "RGBA"])
def test_all_frames_of_avif_are_read(mode, tmp_path):
    """A file of AVIF with frames begins with a still picture, a stream of its own; the film and its times are meant."""
    greys = np.arange(4) * 60 + 30
    frames = [Image.new(mode, (32, 24), (grey, grey, grey, 255)[: len(mode)]) for grey in map(int, greys)]
    path = tmp_path / "a.avif"
    frames[0].save(path, save_all=True, append_images=frames[1:], duration=[40, 40, 80, 40], quality=100)
    clip = open_clip(path)
    assert [float(time) for time in clip.times] == pytest.approx([0, 0.04, 0.08, 0.16])
    np.testing.assert_allclose(clip.read().numpy().mean((1, 2, 3)) * 255, greys, atol=2)


@pytest.mark.parametrize(("name", "settings"), [("a.png", {}), ("a.webp", {"lossless": True})])
def test_animated_pictures_have_their_times(name, settings, tmp_path):
    """APNG and WebP say how long each frame is shown; pictures without it are 25 a second."""
    frames = [Image.new("L", (32, 24), grey) for grey in (10, 60, 120, 200)]
    frames[0].save(tmp_path / name, save_all=True, append_images=frames[1:], duration=[40, 50, 60, 70], **settings)
    clip = open_clip(tmp_path / name)
    assert [float(time) for time in clip.times] == pytest.approx([0, 0.04, 0.09, 0.15])
    assert clip.rate == 20


def test_a_picture_that_is_no_frame_is_passed_over(tmp_path):
    """The picture of APNG for who shows no animation, and what stands behind the picture of a JPEG."""
    frames = [Image.new("L", (32, 24), grey) for grey in (10, 60, 120)]
    more = {"save_all": True, "append_images": frames[1:]}
    frames[0].save(tmp_path / "a.png", **more, default_image=True, duration=[40, 40])
    np.testing.assert_array_equal(open_clip(tmp_path / "a.png").read().numpy().max((1, 2, 3)) * 255, [60, 120])
    more["append_images"] = [Image.new("L", (16, 12), 255)]
    frames[0].save(tmp_path / "a.jpg", format="MPO", **more)
    assert open_clip(tmp_path / "a.jpg").shape == (1, 1, 24, 32)


def ndtiff(path, frames):
    """Pages as NDTiff has them: after the header of TIFF one of its own, then an IFD and the numbers of each frame."""
    summary = b'{"frame": 1}'
    content = b"II*\0" + struct.pack("<6I", 28 + len(summary), 483729, 3, 3, 2355492, len(summary)) + summary
    for number, frame in enumerate(frames):
        rows, columns = frame.shape
        at = len(content) + 2 + 12 * 10 + 4
        tags = ((256, columns), (257, rows), (258, 16), (259, 1), (262, 1), (273, at), (277, 1), (278, rows))
        entries = b"".join(struct.pack("<HHII", tag, 4, 1, value) for tag, value in (*tags, (279, frame.nbytes)))
        entries += struct.pack("<HHII", 51123, 2, len(summary), 28)  # what Micro-Manager tells of the frame
        following = 0 if number == len(frames) - 1 else at + frame.nbytes
        content += struct.pack("<H", 10) + entries + struct.pack("<I", following) + frame.astype("<u2").tobytes()
    path.write_bytes(content)


def test_ndtiff_without_its_index_is_refused(tmp_path):
    """Its pages stand as they were stored, and not in time; a single one has no order."""
    ndtiff(tmp_path / "film_NDTiffStack.tif", FRAMES[[0, 2, 1]])
    with pytest.raises(InputError, match=r"is NDTiff, .* told by NDTiff.index"):
        open_clip(tmp_path / "film_NDTiffStack.tif")
    ndtiff(tmp_path / "one.tif", FRAMES[:1])
    np.testing.assert_array_equal(stored(tmp_path / "one.tif"), FRAMES[:1])
