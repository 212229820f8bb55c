"""Records with gaps: what was measured stays, what is filled is bounded, and files come back as they were."""

import json
import shutil
import sys

import netCDF4
import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

import lowreel
from lowreel.baselines.covariance import SpaceTimeCovariance
from lowreel.cli.commands import call
from lowreel.data.hole_cutting import cut_holes
from lowreel.errors import InputError
from lowreel.records.gap_distances import pixels_to_measured, time_to_measured, told_by_nearest
from lowreel.records.methods import BACKGROUND, JOINT, METHODS, OPTIMAL, Section, smooth_across_tiles

FRAMES, HEIGHT, WIDTH = 7, 22, 26
LAND = np.zeros((HEIGHT, WIDTH), bool)
LAND[:4, :5] = True
TIMES = np.array([0.0, 1.0, 2.0, 4.0, 5.0, 9.0, 10.0])  # irregular


@pytest.fixture(scope="module")
def truth():
    """A front that drifts, warmer by day, in degrees; (T, H, W)."""
    y, x = np.mgrid[:HEIGHT, :WIDTH].astype(float)
    frames = [18 + 2 * np.tanh((y - 10 - 0.4 * t - 2 * np.sin(x / 6)) / 4) + 0.1 * t for t in TIMES]
    return np.array(frames) + 0.02 * np.random.default_rng(0).standard_normal((FRAMES, HEIGHT, WIDTH))


@pytest.fixture(scope="module")
def known():
    """A cloud of 9x12 pixels that moves, and land, which is never seen."""
    seen = np.broadcast_to(~LAND, (FRAMES, HEIGHT, WIDTH)).copy()
    for t in range(FRAMES):
        seen[t, 2 * t : 2 * t + 9, 13 - 2 * t : 25 - 2 * t] = False
    return seen


def stored(values, known):
    """Packed in 16 bits, hundredths of a degree above 20."""
    return np.where(known, np.rint((values - 20) / 0.01), -999).astype("i2")


@pytest.fixture(scope="module")
def filed(tmp_path_factory, truth, known):
    """The record as a file, what `lowreel fill` makes of it, and what it prints as JSON."""
    folder = tmp_path_factory.mktemp("fill")
    with netCDF4.Dataset(folder / "record.nc", "w") as file:
        for name, values in (("time", TIMES), ("lat", np.arange(HEIGHT) / 4 + 35), ("lon", np.arange(WIDTH) / 4 - 5)):
            file.createDimension(name, None if name == "time" else len(values))
            file.createVariable(name, "f8", (name,))[:] = values
        file["time"].units = "days since 2017-01-01"
        file["lat"].units, file["lon"].units = "degrees_north", "degrees_east"
        file.createVariable("crs", "i4", ()).grid_mapping_name = "latitude_longitude"
        file.createVariable("sea", "i1", ("lat", "lon"))[:] = ~LAND
        kind = file.createEnumType(np.uint8, "surface_t", {"land": 0, "sea": 1})
        file.createVariable("surface", kind, ("lat", "lon"))[:] = ~LAND
        file.createVariable("depth", "f4", ("lat", "lon"), compression="zstd", complevel=2)[:] = LAND
        chunks = {"zlib": True, "complevel": 3, "chunksizes": (1, HEIGHT, WIDTH), "fill_value": -999}
        sst = file.createVariable("sst", "i2", ("time", "lat", "lon"), **chunks)
        sst.setncatts({"scale_factor": 0.01, "add_offset": 20.0, "units": "degree_Celsius", "grid_mapping": "crs"})
        sst.standard_name, file.title = "sea_surface_temperature", "a test"
        sst.set_auto_maskandscale(False)
        sst[:] = stored(truth, known)
    call(["fill", f"{folder / 'record.nc'}:sst", "-o", str(folder / "filled.nc")])
    return folder


@pytest.fixture(scope="module")
def filled(truth, known):
    """The record filled in Python."""
    return lowreel.fill(np.where(known, truth, np.nan), times=TIMES)


@pytest.fixture
def two_methods(monkeypatch):
    """For laws that do not depend on what a gap is filled by: the background and optimal interpolation, roughly."""
    monkeypatch.setattr(sys.modules[SpaceTimeCovariance.__module__], "FIT_ITERATIONS", 25)
    monkeypatch.setattr("lowreel.records.filling._names", lambda *_: [BACKGROUND, OPTIMAL])


def test_measured_values_are_equal_to_the_bit(filed, filled, truth, known):
    """In the packed form of the file, and in memory in the type that was given."""
    with netCDF4.Dataset(filed / "filled.nc") as file:
        file.set_auto_maskandscale(False)
        np.testing.assert_array_equal(file["sst"][:][known], stored(truth, known)[known])
    np.testing.assert_array_equal(filled.filled[known], truth[known])
    assert filled.filled.dtype == truth.dtype


def test_gaps_are_filled_and_land_stays_empty(filed, filled, known):
    """The flag says which pixel is which; what is not filled is missing in both."""
    with netCDF4.Dataset(filed / "filled.nc") as file:
        in_file, missing = file["sst_flag"][:], np.ma.getmaskarray(file["sst"][:])
    for flag, empty in ((in_file, missing), (filled.flag, np.isnan(filled.filled))):
        np.testing.assert_array_equal(flag == 0, known)
        np.testing.assert_array_equal(flag == 3, np.broadcast_to(LAND, flag.shape))
        np.testing.assert_array_equal(empty, flag == 3)
    assert np.isfinite(filled.std[filled.flag != 3]).all()


def test_a_front_is_filled_nearly_exactly_and_the_deviation_knows_it(filled, truth, known):
    """Far better than the mean of each pixel; of so few errors eight in ten at least are within twice the deviation."""
    hidden = ~known & ~LAND
    error = (filled.filled - truth)[hidden]
    assert np.sqrt(np.square(error).mean()) < 0.1
    assert (np.abs(error) <= 2 * filled.std[hidden]).mean() > 0.8


def test_delivered_is_as_good_as_the_best(filled, truth, known):
    """Within 2 % of the smallest error that any of the methods has at the gaps, or better."""
    hidden = ~known & ~LAND
    section = Section(np.where(known, truth, 0).astype("f4"), known, TIMES, hidden, given=filled.account.covariance)
    errors = {
        name: np.square(METHODS[name](section)[hidden] + section.background.clip[hidden] - truth[hidden]).mean() ** 0.5
        for name in filled.account.choice.names
    }
    delivered = np.square((filled.filled - truth)[hidden]).mean() ** 0.5
    assert delivered <= 1.02 * min(errors.values()), errors


def test_the_file_opens_as_it_was(filed):
    """Same coordinates, attributes and encoding; what is beside the variable follows CF."""
    xarray = pytest.importorskip("xarray")
    options = {"decode_cf": True, "engine": "netcdf4"}
    with (
        xarray.open_dataset(filed / "record.nc", **options) as before,
        xarray.open_dataset(filed / "filled.nc", **options) as after,
    ):
        assert before.attrs == after.attrs
        for name in before.variables:
            one, other = before[name], after[name]
            assert one.attrs == {k: v for k, v in other.attrs.items() if k != "ancillary_variables"}, name
            keys = ("dtype", "scale_factor", "add_offset", "_FillValue", "zlib", "complevel", "chunksizes", "units")
            assert [one.encoding.get(k) for k in keys] == [other.encoding.get(k) for k in keys], name
            if name != "sst":
                xarray.testing.assert_identical(one.variable, other.variable)
        beside = after["sst"].attrs["ancillary_variables"].split()
        assert beside == ["sst_std", "sst_flag", "sst_gap_distance"]
        assert after["sst_std"].attrs["units"] == "degree_Celsius"
        meanings = dict(zip(after["sst_flag"].flag_meanings.split(), after["sst_flag"].flag_values, strict=True))
        assert meanings == {"measured": 0, "filled": 1, "filled_far_from_data": 2, "not_filled": 3}
        assert after.attrs["title"] == "a test"
        assert all(after[name].dims == ("time", "lat", "lon") for name in beside)


def test_enumerations_and_compression_stay(filed):
    """Types of the file's own for flags, and what other variables are compressed by."""
    with netCDF4.Dataset(filed / "record.nc") as before, netCDF4.Dataset(filed / "filled.nc") as after:
        assert after["surface"].datatype.enum_dict == {"land": 0, "sea": 1}
        for name in ("surface", "depth"):
            assert before[name].filters() == after[name].filters()
            np.testing.assert_array_equal(before[name][:], after[name][:])


@pytest.mark.usefixtures("two_methods")
def test_a_data_array_comes_back_as_one(truth, known):
    """Dates as times, with coordinates, attributes and encoding; the same numbers as from an array."""
    xarray = pytest.importorskip("xarray")
    dates = np.datetime64("2017-01-01") + (24 * TIMES).astype("m8[h]")
    given = xarray.DataArray(
        np.where(known, truth, np.nan),
        {"time": dates, "lat": np.arange(HEIGHT), "lon": np.arange(WIDTH)},
        ("time", "lat", "lon"),
        "sst",
        {"units": "K", "standard_name": "sea_surface_temperature"},
    )
    given.encoding = {"dtype": "i2", "scale_factor": 0.01}
    found = lowreel.fill(given, lowreel.FillSettings(max_gap=1))
    assert (found.filled.attrs, found.filled.encoding, found.filled.name) == (given.attrs, given.encoding, "sst")
    for one in (found.filled, found.std, found.flag, found.distance):
        xarray.testing.assert_equal(one.coords.to_dataset(), given.coords.to_dataset())
    assert found.std.attrs["units"] == "K"
    assert found.distance.name == "sst_gap_distance"


@pytest.mark.parametrize("bounds", [{"max_gap": 2}, {"max_gap_time": 1.5}, {"max_gap": 3, "max_gap_time": 1.0}])
@pytest.mark.usefixtures("two_methods")
def test_nothing_is_invented_beyond_the_bounds(truth, known, bounds):
    """Neither farther from a measured pixel, nor from a frame in which the pixel was measured."""
    found = lowreel.fill(np.where(known, truth, np.nan), lowreel.FillSettings(**bounds), times=TIMES)
    distance, time = pixels_to_measured(known), time_to_measured(known, TIMES, 0, FRAMES)
    beyond = (distance > bounds.get("max_gap", np.inf)) | (time > bounds.get("max_gap_time", np.inf))
    assert (beyond & ~known & ~LAND).any()
    assert np.isnan(found.filled[beyond]).all()
    assert np.isnan(found.std[beyond]).all()
    assert np.isfinite(found.filled[~beyond & ~LAND]).all()


@pytest.mark.usefixtures("two_methods")
def test_a_stop_keeps_the_sections_that_are_filled(truth, known, monkeypatch):
    """After three of seven frames: these are filled, the gaps of the others empty, measured values everywhere."""
    monkeypatch.setattr("lowreel.records.filling.SECTION_VALUES", 2 * HEIGHT * WIDTH)
    record, shares = np.where(known, truth, np.nan), [0.0]

    def stop(what, share):
        is_time = what == "filling gaps" and share >= 3 / FRAMES > shares[-1]
        shares.append(share if what == "filling gaps" else 0.0)
        if is_time:
            raise KeyboardInterrupt

    found = lowreel.fill(record, times=TIMES, callback=stop)
    assert found.account.stopped == 3
    assert "first 3 frames" in found.account.sentence
    gaps = ~known & ~LAND
    assert np.isfinite(found.filled[:3][gaps[:3]]).all()
    assert np.isnan(found.filled[3:][gaps[3:]]).all()
    assert (found.flag[3:][gaps[3:]] == 3).all()
    np.testing.assert_array_equal(found.filled[known], truth[known])
    assert shares == sorted(shares)

    def stop_at_once(*_):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        lowreel.fill(record, times=TIMES, callback=stop_at_once)


def call_and_stop(words, monkeypatch):
    """Call the command line, with a Ctrl-C after three frames are filled."""
    begun = []

    def stop(what, share):
        if what == "filling gaps" and share >= 3 / FRAMES and not begun:
            begun.append(share)
            raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("lowreel.cli.fill._show", stop)
        call(words)


@pytest.mark.usefixtures("two_methods")
def test_a_stopped_file_is_gone_on_with(filed, tmp_path, monkeypatch, capsys):
    """And is then what it would have been; with other flags it is refused, and a file that was not stopped, too."""
    monkeypatch.setattr("lowreel.records.filling.SECTION_VALUES", 2 * HEIGHT * WIDTH)
    whole, part = ["fill", f"{filed / 'record.nc'}:sst", "-o", str(tmp_path / "whole.nc")], str(tmp_path / "part.nc")
    call(whole)
    call_and_stop([*whole[:-1], part], monkeypatch)
    assert "with --resume" in capsys.readouterr().out
    with netCDF4.Dataset(part) as file:
        assert (file["sst_flag"][3:] != 1).all()
    with pytest.raises(InputError, match="other settings"):
        call([*whole[:-1], part, "--max-gap", "2", "--resume"])
    call([*whole[:-1], part, "--resume"])
    with netCDF4.Dataset(part) as one, netCDF4.Dataset(tmp_path / "whole.nc") as other:
        assert one["sst_flag"].ncattrs() == other["sst_flag"].ncattrs()
        for name in ("sst", "sst_std", "sst_flag", "sst_gap_distance"):
            np.testing.assert_array_equal(one[name][:], other[name][:])
    with pytest.raises(InputError, match="was stopped; leave --resume out"):
        call([*whole, "--resume"])


@pytest.mark.usefixtures("two_methods")
def test_a_stopped_file_is_gone_on_with_by_the_same_record_alone(filed, tmp_path, monkeypatch):
    """Not by another one of the same shape, nor with a mask more; what is no NetCDF is said so."""
    monkeypatch.setattr("lowreel.records.filling.SECTION_VALUES", 2 * HEIGHT * WIDTH)
    record, part, broken = filed / "record.nc", tmp_path / "part.nc", tmp_path / "broken.nc"
    call_and_stop(["fill", f"{record}:sst", "-o", str(part)], monkeypatch)
    warmer = shutil.copy(record, tmp_path / "warmer.nc")
    with netCDF4.Dataset(warmer, "a") as file:
        file["sst"].add_offset = 30.0
    np.save(tmp_path / "mask.npy", np.arange(WIDTH) > np.zeros((HEIGHT, 1)) + 2)
    masks = ("--mask", str(tmp_path / "mask.npy")), ("--mask-variable", "depth"), ("--inside", "sea")
    for file, flags in ((warmer, ()), *((record, mask) for mask in masks)):
        with pytest.raises(InputError, match="begun with other values"):
            call(["fill", f"{file}:sst", "-o", str(part), "--resume", *flags])
    with pytest.raises(InputError, match="goes on with one variable"):
        call(["fill", str(record), "--variables", "sst,depth", "-o", str(part), "--resume"])
    call(["fill", str(record), "--variables", "sst", "-o", str(part), "--resume"])
    broken.write_bytes(b"no file of its kind")
    with pytest.raises(InputError, match=r"broken\.nc: cannot be read as NetCDF"):
        call(["fill", f"{record}:sst", "-o", str(broken), "--resume"])


@pytest.mark.usefixtures("two_methods")
def test_a_frame_without_data_far_from_all_others_stays_empty(truth, known):
    """A hundred days later nothing is known of the front; an hour later much is."""
    seen = known.copy()
    seen[-1] = False
    for last, is_empty in ((9.05, False), (1000.0, True)):
        found = lowreel.fill(np.where(seen, truth, np.nan), times=np.array([*TIMES[:-1], last]))
        assert np.isnan(found.filled[-1][~LAND]).all() == is_empty, last


def test_deviations_have_no_steps_between_tiles(known):
    """What depends on the distance alone stays as it is; what differs from tile to tile is smooth."""
    distances, wanted = pixels_to_measured(known), ~known
    by_distance = np.where(wanted, 1 + np.ceil(distances), np.nan)
    found = smooth_across_tiles(by_distance, np.ceil(distances), wanted)
    np.testing.assert_allclose(found[wanted], by_distance[wanted], rtol=1e-5)
    everywhere = np.ones((1, 32, 64), bool)
    tiles = np.where(np.arange(64) // 8 % 2, 1.0, 2.0) * everywhere
    found = smooth_across_tiles(tiles, np.ones(everywhere.shape), everywhere)
    assert np.abs(np.diff(found, axis=2)).max() < 0.2


@pytest.mark.parametrize(("still", "is_told"), [(1.0, True), (0.0, False)])
def test_what_changes_less_than_the_noise_is_told_by_what_stands_still_alone(still, is_told):
    """In a frame without data: where a pixel was measured in another, if it stands still; far from all such, never."""
    distances = np.full((2, 1, 90), np.inf, np.float32)
    distances[0, 0] = np.arange(90)
    both = SpaceTimeCovariance(np.array([still, 0.01]), np.full((2, 2), 5.0), np.array([np.inf, 1.0]), 0.02)
    told = told_by_nearest(distances, np.array([0.0, 99.0]), both, slice(1, 2))[0, 0]
    assert (told[0] > 0.9) == is_told
    assert told[60] < 0.01


def test_time_to_measured_is_by_the_clock():
    """By irregular times, before or after, of the whole record."""
    known = np.zeros((4, 1, 2), bool)
    known[0, 0, 0] = known[3, 0, 0] = True
    times = np.array([0.0, 1.0, 5.0, 6.0])
    np.testing.assert_array_equal(time_to_measured(known, times, 1, 3)[:, 0], [[1, np.inf], [1, np.inf]])


def hidden_of(seen, share, seed=0):
    """What is hidden of a record to judge its methods, land left out."""
    return cut_holes(seen, share, np.random.default_rng(seed), inside=~LAND, whole=True)


def test_hidden_gaps_are_shaped_like_the_real_ones(known):
    """Only observed pixels are hidden, about the share, in holes as deep as those that are there."""
    seen = known & ~LAND
    hidden = hidden_of(seen, 0.1)
    assert hidden.shape == seen.shape
    assert not (hidden & ~seen).any()
    assert 0.05 < hidden.sum() / seen.sum() < 0.3
    assert pixels_to_measured(seen & ~hidden)[hidden].max() >= 4
    assert np.array_equal(hidden, hidden_of(seen, 0.1))
    whole = seen.copy()
    whole[2] = False
    hidden = hidden_of(whole, 0.3)
    assert any(t != 2 and (hidden == whole)[t].all() for t in range(FRAMES)), "where one is missing, one is hidden"


def test_what_is_hidden_of_a_mask_that_stands_still():
    """The gap of every frame is the same: it is moved."""
    seen = np.ones((4, HEIGHT, WIDTH), bool)
    seen[:, 8:13, 8:13] = False
    hidden = hidden_of(seen, 0.05)
    assert hidden.any()
    assert not (hidden & ~seen).any()


def test_nothing_is_hidden_where_there_is_no_gap():
    """Land is none."""
    assert hidden_of(np.broadcast_to(~LAND, (3, HEIGHT, WIDTH)), 0.1) is None


@pytest.mark.usefixtures("two_methods")
def test_repeated_frames_are_found_and_count_as_gaps(filed, tmp_path, capsys):
    """Their indices are reported, and they are flagged as filled."""
    out = tmp_path / "out.nc"
    with netCDF4.Dataset(filed / "record.nc") as file, netCDF4.Dataset(tmp_path / "twice.nc", "w") as copy:
        for name in ("time", "lat", "lon"):
            copy.createDimension(name, len(file[name]))
            copy.createVariable(name, "f8", (name,))[:] = file[name][:]
        values = np.ma.filled(file["sst"][:], np.nan).astype("f4")
        values[3] = values[2]
        copy.createVariable("sst", "f4", ("time", "lat", "lon"))[:] = values
    call(["fill", str(tmp_path / "twice.nc"), "-o", str(out), "--find-duplicates", "--json"])
    told = json.loads(capsys.readouterr().out)
    assert told["duplicates"] == [3]
    assert told["delivered"] in told["errors"]
    with netCDF4.Dataset(out) as file:
        assert not (file["sst_flag"][3] == 0).any()


def test_a_file_that_is_not_there_is_told_by_the_kinds_that_are_filled(tmp_path):
    """And by no other."""
    with pytest.raises(InputError, match=r"no such file; expected a NetCDF file .*cdf.$"):
        call(["fill", str(tmp_path / "no.nc"), "-o", str(tmp_path / "out.nc")])


WRONG = {
    "no output of that kind": (["-o", "out.npy"], "NetCDF"),
    "an output that is there": (["-o", "record.nc"], "exists already"),
    "a mask that is none": (["-o", "out.nc", "--mask-variable", "time"], "expected a mask"),
    "a variable that is not there": (["-o", "out.nc", "--inside", "nothing"], "holds no array nothing"),
}


@pytest.mark.parametrize(("flags", "words"), WRONG.values(), ids=WRONG)
def test_wrong_files_and_flags_are_refused(filed, flags, words, monkeypatch):
    """In a sentence, and nothing is left behind."""
    monkeypatch.chdir(filed)
    before = sorted(path.name for path in filed.iterdir())
    with pytest.raises(InputError, match=words):
        call(["fill", "record.nc:sst", *flags])
    assert sorted(path.name for path in filed.iterdir()) == before


@pytest.mark.parametrize(
    ("record", "more", "words"),
    [
        (np.zeros((2, 3, 4, 5)), {}, "expected .time, height, width"),
        (np.zeros((2, 9, 9), complex), {}, "real numbers"),
        (np.full((2, 9, 9), np.nan), {}, "has 0 values"),
        (np.zeros((2, 9, 9)), {"times": [1.0, 1.0]}, "do not rise"),
        (np.zeros((2, 9, 9)), {"inside": np.ones((3, 3))}, "expected shape"),
    ],
)
def test_wrong_records_are_refused(record, more, words):
    with pytest.raises(InputError, match=words):
        lowreel.fill(record, **more)


@pytest.mark.usefixtures("two_methods")
def test_masked_arrays_and_single_frames(truth, known):
    """What is masked is a gap; a frame alone is filled from itself."""
    masked = np.ma.masked_array(truth[0], ~known[0] & ~LAND)
    found = lowreel.fill(masked)
    assert found.filled.shape == (HEIGHT, WIDTH)
    assert np.isnan(found.filled[~known[0] & ~LAND]).all()  # pixels that were never measured
    found = lowreel.fill(masked, inside=np.ones((HEIGHT, WIDTH), bool))
    assert np.isfinite(found.filled).all()


ORDERS = {
    "a depth that is chosen": (("time", "depth", "lat", "lon"), 2, ",depth=1"),
    "a depth of one": (("depth", "time", "lat", "lon"), 1, ""),
    "time last": (("lon", "lat", "time"), 0, ""),
}


@pytest.mark.parametrize(("order", "depths", "choice"), ORDERS.values(), ids=ORDERS)
@pytest.mark.usefixtures("two_methods")
def test_other_axes_stay_as_they_are(tmp_path, truth, known, order, depths, choice):
    """The gaps of the place that is chosen are filled, and nothing else is touched; any order of axes."""
    sizes = {"time": 3, "depth": depths, "lat": HEIGHT, "lon": WIDTH}
    clip = np.where(known, truth, np.nan)[:3]
    with netCDF4.Dataset(tmp_path / "in.nc", "w", format="NETCDF3_CLASSIC") as file:
        for name in order:
            file.createDimension(name, sizes[name])
        variable = file.createVariable("sst", "f8", order)
        axes = ("time", "depth", "lat", "lon") if depths else ("time", "lat", "lon")
        turned = (clip[:, None] if depths else clip).transpose([axes.index(name) for name in order])
        variable[:] = np.broadcast_to(turned, variable.shape)
    call(["fill", f"{tmp_path / 'in.nc'}:sst{choice}", "-o", str(tmp_path / "out.nc")])
    with netCDF4.Dataset(tmp_path / "in.nc") as before, netCDF4.Dataset(tmp_path / "out.nc") as after:
        one, other = (np.ma.filled(file["sst"][:], np.nan) for file in (before, after))
        assert after.data_model == "NETCDF3_CLASSIC"
        assert after["sst_std"].dimensions == order
        flag = np.ma.filled(after["sst_flag"][:], 9)
    np.testing.assert_array_equal(other[np.isfinite(one)], one[np.isfinite(one)])
    assert np.isfinite(other[flag == 1]).all()
    assert (flag == 1).any()
    if depths == 2:
        np.testing.assert_array_equal(one[:, 0], other[:, 0])
        assert (flag[:, 0] == 3).all()


def test_sections_fill_as_the_whole_does(truth, known, two_methods, monkeypatch):
    """Each frame in its place, those too that lie far from the next one with data; only the context differs."""
    long = np.concatenate([truth, truth[::-1], truth])
    seen = np.concatenate([known, known[::-1], known])
    seen[:9] = False
    record = np.where(seen, long, np.nan)
    whole = lowreel.fill(record, inside=~LAND)
    monkeypatch.setattr("lowreel.records.filling.SECTION_VALUES", 12 * HEIGHT * WIDTH)
    monkeypatch.setattr("lowreel.records.filling.CONTEXT_FRAMES", 3)
    parts = lowreel.fill(record, inside=~LAND)
    assert np.array_equal(whole.flag[9:], parts.flag[9:])
    np.testing.assert_allclose(parts.filled[9:], whole.filled[9:], atol=0.25)
    empty = np.isnan(parts.filled)
    assert np.array_equal(empty, parts.flag == 3)


def test_the_choice_is_made_by_frames_that_have_data(truth, known, two_methods, monkeypatch):
    """Those at the end of a record too; where no stretch has enough the error says so."""
    late = np.where(known, truth, np.nan)
    late[:5] = np.nan
    monkeypatch.setattr("lowreel.records.filling.SAMPLE_VALUES", 1)
    monkeypatch.setattr("lowreel.records.filling.SAMPLE_FRAMES", 4)
    assert np.isfinite(lowreel.fill(late).filled[5:, known[5:].any(0)]).all()
    few = np.full_like(late, np.nan)
    few[0, 10, :24], few[-1, 12, :26] = 1.0, 2.0
    with pytest.raises(InputError, match="no 4 frames one after another"):
        lowreel.fill(few)


def test_measured_values_outside_stay(tmp_path, truth, known, two_methods, capsys):
    """Where no value is filled there may still be measured ones: they stay, in a file without a fill value too."""
    record, sea = np.where(known, truth, np.nan), ~LAND
    sea[10:14] = False
    found = lowreel.fill(record, inside=sea)
    assert np.array_equal(found.filled[known], record[known])
    assert (found.flag[known] == 0).all()
    assert np.isnan(found.filled[~known & ~sea]).all()
    with netCDF4.Dataset(tmp_path / "plain.nc", "w") as file:
        for name, n in (("time", FRAMES), ("y", HEIGHT), ("x", WIDTH)):
            file.createDimension(name, n)
        file.createVariable("time", "f8", ("time",))[:] = TIMES
        file["time"].units = "hours since 2017-01-01"
        file.createVariable("sea", "i1", ("y", "x"))[:] = sea
        file.createVariable("seen", "i1", ("time", "y", "x"))[:] = np.arange(WIDTH) > 3
        file.createVariable("sst", "f4", ("time", "y", "x"))[:] = record
    asked = ["fill", f"{tmp_path / 'plain.nc'}:sst", "-o", str(tmp_path / "out.nc")]
    call([*asked, "--inside", "sea", "--mask-variable", "seen", "--max-gap", "1", "--max-gap-time", "4"])
    assert "more than 4 hours from" in capsys.readouterr().out
    with netCDF4.Dataset(tmp_path / "out.nc") as file:
        file.set_auto_mask(False)
        out, flag = file["sst"][:], file["sst_flag"][:]
    assert np.nanmax(np.abs(out)) < 30
    assert np.array_equal(np.isnan(out), flag == 3)
    kept = known & (np.arange(WIDTH) > 3)
    assert np.array_equal(out[kept], record[kept].astype("f4"))


def test_no_value_is_hidden_twice(truth, known, two_methods, monkeypatch):
    """The weights of a mean are judged by values to which they were not fitted."""
    from lowreel.records import choice

    seen, tried = [], choice._tried
    monkeypatch.setattr(choice, "_tried", lambda *given: seen.append(given[2]) or tried(*given))
    lowreel.fill(np.where(known, truth, np.nan), times=TIMES)
    assert len(seen) == 2
    assert all(hidden.any() for hidden in seen)
    assert not (seen[0] & seen[1]).any()


def related(seed=0):
    """Two fields that change together but for signs and units, by a field each, and where clouds lie; (T, H, W)."""
    rng = np.random.default_rng(seed)

    def smooth(size):
        field = gaussian_filter(rng.standard_normal((FRAMES, HEIGHT, WIDTH)), (0.6, size, size))
        return field / field.std()

    shared, own, cloud = smooth(2), smooth(2), smooth(4) > 0.2
    return 15 + shared, 0.3 - 0.02 * (shared + 0.2 * own), cloud


@pytest.fixture
def joint_methods(monkeypatch):
    """The background, optimal interpolation, and what uses other variables; a rough covariance."""
    monkeypatch.setattr(sys.modules[SpaceTimeCovariance.__module__], "FIT_ITERATIONS", 25)
    monkeypatch.setattr(sys.modules[SpaceTimeCovariance.__module__], "BLOCKS", 4)
    tried = {False: [BACKGROUND, OPTIMAL], True: [BACKGROUND, OPTIMAL, *JOINT]}
    monkeypatch.setattr("lowreel.records.filling._names", lambda _, sample: tried[bool(sample.others)])


@pytest.mark.usefixtures("joint_methods")
def test_two_variables_are_filled_together_where_that_helps():
    """One has gaps that the other has not: together; the same gaps: alone. The sentence says so."""
    sst, chlorophyll, cloud = related()
    gappy = np.where(cloud, np.nan, sst)
    alone = lowreel.fill(gappy)
    together = lowreel.fill(gappy, others=[chlorophyll])
    filled = cloud & np.isfinite(alone.filled)
    assert not (np.isnan(together.filled) & filled).any()
    errors = [np.sqrt(np.square((one.filled - sst)[filled]).mean()) for one in (together, alone)]
    assert errors[0] < 0.7 * errors[1]
    assert "together with others[0]" in together.account.sentence
    same = lowreel.fill(gappy, others=[np.where(cloud, np.nan, chlorophyll)])
    assert "alone, without others[0]" in same.account.sentence
    with pytest.raises(InputError, match="expected shape"):
        lowreel.fill(gappy, others=[chlorophyll[1:]])


@pytest.mark.slow
@pytest.mark.usefixtures("joint_methods")
def test_variables_of_a_file_are_filled_together(tmp_path, capsys):
    """The same numbers as in Python; each variable has its own beside it, and what was measured stays."""
    sst, chlorophyll, cloud = related()
    gappy = np.where(cloud, np.nan, sst)
    together = lowreel.fill(gappy, others=[chlorophyll])
    with netCDF4.Dataset(tmp_path / "two.nc", "w") as file:
        for name, n in (("time", FRAMES), ("y", HEIGHT), ("x", WIDTH)):
            file.createDimension(name, n)
        for name, values in (("sst", gappy), ("chl", chlorophyll)):
            file.createVariable(name, "f8", ("time", "y", "x"))[:] = values
    call(["fill", str(tmp_path / "two.nc"), "--variables", "sst,chl", "-o", str(tmp_path / "out.nc"), "--json"])
    told = json.loads(capsys.readouterr().out)["variables"]
    assert (told["sst"]["together"], told["sst"]["others"]) == (True, ["chl"])
    with netCDF4.Dataset(tmp_path / "out.nc") as file:
        np.testing.assert_allclose(file["sst"][:], together.filled, atol=1e-5)
        np.testing.assert_array_equal(file["chl"][:], chlorophyll)
        assert {"sst_std", "sst_flag", "chl_std", "chl_flag"} <= set(file.variables)


def test_settings_as_keywords(truth, known, two_methods):
    """As in recover; a misspelled one is told the nearest, and axes in another order are refused."""
    import xarray

    record = np.where(known, truth, np.nan)
    found = lowreel.fill(record, max_gap=2)
    assert np.array_equal(found.flag, lowreel.fill(record, lowreel.FillSettings(max_gap=2)).flag)
    with pytest.raises(InputError, match="did you mean max_gap"):
        lowreel.fill(record, max_gaps=2)
    with pytest.raises(InputError, match="FillSettings"):
        lowreel.fill(record, {"max_gap": 2})
    turned = xarray.DataArray(record, dims=("time", "lat", "lon")).transpose("lat", "lon", "time")
    with pytest.raises(InputError, match="lat"):
        lowreel.fill(turned)
