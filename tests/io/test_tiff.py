"""TIFF as others write it: the numbers are those that tifffile or NumPy has, or one sentence says what to choose."""

import itertools
import sys
from fractions import Fraction

import imagecodecs
import numpy as np
import pytest
import tifffile
import torch
from PIL import Image

from lowreel.errors import InputError
from lowreel.io.export import Delivered, export_clip
from lowreel.io.video import open_clip, series_of
from lowreel.io.video.tiff import TiffReader

SEEDED = np.random.default_rng(0)
U16 = SEEDED.integers(0, 65536, (5, 12, 16), dtype=np.uint16)
U12 = U16 >> 4
U8 = (U16 >> 8).astype(np.uint8)
COLOUR = SEEDED.integers(0, 256, (5, 12, 16, 3), dtype=np.uint8)
TWO = np.stack([U16, 65535 - U16], 1)
PALETTE = SEEDED.integers(0, 65536, (3, 256), dtype=np.uint16)


def write(path, values, **options):
    tifffile.imwrite(path, values, **({"photometric": "minisblack"} | options))
    return path


def imagej(path, values, axes, **more):
    tifffile.imwrite(path, values, imagej=True, metadata={"axes": axes, **more})
    return path


def in_one_directory(path):
    with tifffile.TiffWriter(path, imagej=True) as file:
        file.write(U16, truncate=True, metadata={"axes": "TYX"})
    return path


def ome(path, values, axes, **more):
    return write(path, values, metadata={"axes": axes, **more}, ome=True)


def several(path):
    with tifffile.TiffWriter(path, ome=True) as file:
        file.write(U16, metadata={"axes": "TYX", "Name": "first"}, photometric="minisblack")
        file.write(U8[:2, :8], metadata={"axes": "TYX", "Name": "second"}, photometric="minisblack")
    return path


def by_pillow(path, mode, picture, **options):
    Image.fromarray(picture).convert(mode).save(path, **options)
    return path


def grey(values, white, black=0.0):
    return ((values.astype(float) - black) / (white - black))[:, None]


RANGE = U12.astype(np.int16) - 200
FLOATS = U16 / 65536
SIGNED = {"cf": 0, "c0": -32768.0, "c1": 1.0, "vunit": "Gray Value"}
READ = {  # name: (maker, wishes, its clip (T, C, H, W))
    "uint8": (lambda d: write(d / "a.tif", U8), {}, grey(U8, 255)),
    "uint16": (lambda d: write(d / "a.tif", U16), {}, grey(U16, 65535)),
    "12 of 16 bits": (lambda d: write(d / "a.tif", U12), {}, grey(U12, 4095)),
    "10 of 16 bits": (lambda d: write(d / "a.tif", U16 >> 6), {}, grey(U16 >> 6, 1023)),
    "12 bits at the top": (lambda d: write(d / "a.tif", U16 & 0xFFF0), {}, grey(U16 & 0xFFF0, 65520)),
    "dark, OME says 12 bits": (
        lambda d: ome(d / "a.tif", U12 // 20, "TYX", SignificantBits=12),
        {},
        grey(U12 // 20, 4095),
    ),
    "12 bits a sample": (lambda d: write(d / "a.tif", U12, bitspersample=12), {}, grey(U12, 4095)),
    "10 bits a sample": (lambda d: write(d / "a.tif", U16 >> 6, bitspersample=10), {}, grey(U16 >> 6, 1023)),
    "big-endian": (lambda d: write(d / "a.tif", U16, byteorder=">"), {}, grey(U16, 65535)),
    "16 bits with a sign, of ImageJ": (
        lambda d: imagej(d / "a.tif", (RANGE.astype(np.int32) + 32768).astype(np.uint16), "TYX", **SIGNED),
        {},
        grey(RANGE, RANGE.max(), RANGE.min()),
    ),
    "a number for what is missing that is nowhere": (
        lambda d: write(d / "a.tif", U12, extratags=[(42113, "s", 0, "-9999", True)]),
        {},
        grey(U12, 4095),
    ),
    **{
        f"{number} for what is missing": (
            lambda d, number=number: write(d / "a.tif", U12, extratags=[(42113, "s", 0, number, True)]),
            {},
            grey(U12, 4095),
        )
        for number in ("nan", "inf", "1e400")
    },
    "BigTIFF": (lambda d: write(d / "a.btf", U16, bigtiff=True), {}, grey(U16, 65535)),
    "booleans": (lambda d: write(d / "a.tif", U16 > 30000), {}, grey(U16 > 30000, 1)),
    "int16": (lambda d: write(d / "a.tif", RANGE), {}, grey(RANGE, RANGE.max(), RANGE.min())),
    "int8": (lambda d: write(d / "a.tif", U8.view(np.int8)), {}, grey(U8.view(np.int8), 127, -128)),
    "int32": (lambda d: write(d / "a.tif", RANGE.astype(np.int32)), {}, grey(RANGE, RANGE.max(), RANGE.min())),
    "uint32": (lambda d: write(d / "a.tif", U12.astype(np.uint32)), {}, grey(U12, 4095)),
    "float32": (lambda d: write(d / "a.tif", FLOATS.astype(np.float32)), {}, FLOATS[:, None]),
    "float16": (lambda d: write(d / "a.tif", FLOATS.astype(np.float16)), {}, FLOATS.astype(np.float16)[:, None]),
    "float64 beyond 1": (lambda d: write(d / "a.tif", 3.1 * FLOATS - 1), {}, None),
    "white and black said": (
        lambda d: write(d / "a.tif", RANGE),
        {"white": 4095, "black": -200},
        grey(RANGE, 4095, -200),
    ),
    "ImageJ": (lambda d: imagej(d / "a.tif", U16, "TYX"), {}, grey(U16, 65535)),
    "ImageJ in one directory": (lambda d: in_one_directory(d / "a.tif"), {}, grey(U16, 65535)),
    "depth alone": (lambda d: imagej(d / "a.tif", U16, "ZYX"), {}, grey(U16, 65535)),
    "white is zero": (lambda d: write(d / "a.tif", U16, photometric="miniswhite"), {}, 1 - grey(U16, 65535)),
    "white is zero, 8 bits": (lambda d: write(d / "a.tif", U8, photometric="miniswhite"), {}, 1 - grey(U8, 255)),
    "RGB": (lambda d: write(d / "a.tif", COLOUR, photometric="rgb"), {}, COLOUR.transpose(0, 3, 1, 2) / 255),
    "RGB in planes": (
        lambda d: write(d / "a.tif", COLOUR.transpose(0, 3, 1, 2), photometric="rgb", planarconfig="separate"),
        {},
        COLOUR.transpose(0, 3, 1, 2) / 255,
    ),
    "RGB with alpha": (
        lambda d: write(d / "a.tif", np.concatenate([COLOUR, U8[..., None]], -1), photometric="rgb"),
        {},
        COLOUR.transpose(0, 3, 1, 2) / 255,
    ),
    "palette": (
        lambda d: write(d / "a.tif", U8, photometric="palette", colormap=PALETTE),
        {},
        (PALETTE >> 8)[:, U8].transpose(1, 0, 2, 3) / 255,
    ),
    "one channel of two": (lambda d: ome(d / "a.tif", TWO, "TCYX"), {"channel": 1}, grey(TWO[:, 1], 65535)),
    "one channel before time": (
        lambda d: ome(d / "a.tif", TWO.swapaxes(0, 1), "CTYX"),
        {"channel": 0},
        grey(U16, 65535),
    ),
    "one plane of two": (lambda d: imagej(d / "a.tif", TWO, "TZYX"), {"plane": 1}, grey(TWO[:, 1], 65535)),
    "volumes": (lambda d: write(d / "a.tif", U16, tile=(16, 16, 16), volumetric=True), {}, grey(U16, 65535)),
    "tiles": (lambda d: write(d / "a.tif", U16, tile=(16, 16)), {}, grey(U16, 65535)),
    "deflate": (lambda d: write(d / "a.tif", U16, compression="zlib", predictor=True), {}, grey(U16, 65535)),
    "LZW": (lambda d: write(d / "a.tif", U16, compression="lzw"), {}, grey(U16, 65535)),
}


@pytest.mark.parametrize("name", READ)
def test_a_tiff_is_read_as_its_numbers_stand(name, tmp_path):
    make, wishes, wanted = READ[name]
    clip = open_clip(make(tmp_path), **wishes)
    if wanted is None:
        stored = 3.1 * FLOATS - 1
        wanted = grey(stored, stored.max(), stored.min())
    torch.testing.assert_close(clip.read(), torch.tensor(wanted, dtype=torch.float32), atol=1e-6, rtol=0)
    middle = open_clip(clip.source, **wishes, frames=slice(1, 4))
    assert torch.equal(middle.read(1), clip.read()[2:4])


def planes(*times, unit="s", more=()):
    return {"Plane": {"DeltaT": [*times, *more], "DeltaTUnit": [unit] * (len(times) + len(more))}}


def seconds(*values):
    return tuple(Fraction(str(v)) for v in values)


QUARTER = seconds(0, 0.25, 0.5, 0.75, 1)
USUAL = seconds(0, 0.04, 0.08, 0.12, 0.16)
TIMES = {  # name: (maker, wishes, times, what info says of them)
    "nothing said": (lambda d: ome(d / "a.tif", U16, "TYX"), {}, USUAL, None),
    "time increment": (
        lambda d: ome(d / "a.tif", U16, "TYX", TimeIncrement=250, TimeIncrementUnit="ms"),
        {},
        QUARTER,
        "0.25 s from frame to frame (TimeIncrement of OME)",
    ),
    "planes before the increment": (
        lambda d: ome(d / "a.tif", U16, "TYX", TimeIncrement=0.5, **planes(3, 3.1, 3.3, 3.7, 4.5)),
        {},
        seconds(0, 0.1, 0.3, 0.7, 1.5),
        "on average 0.375 s from frame to frame (DeltaT of OME)",
    ),
    "planes of the channel": (
        lambda d: ome(d / "a.tif", TWO.swapaxes(0, 1), "CTYX", **planes(0, 1, 2, 3, 4, more=(9, 9.1, 9.2, 9.3, 9.4))),
        {"channel": 1},
        seconds(0, 0.1, 0.2, 0.3, 0.4),
        "0.1 s",
    ),
    "planes that do not rise": (
        lambda d: ome(d / "a.tif", U16, "TYX", TimeIncrement=0.25, **planes(0, 0, 0, 0, 0)),
        {},
        QUARTER,
        "TimeIncrement",
    ),
    "slower than a second": (
        lambda d: ome(d / "a.tif", U16, "TYX", TimeIncrement=1, TimeIncrementUnit="min"),
        {},
        USUAL,
        "60 s from frame to frame (TimeIncrement of OME), taken as 25 a second",
    ),
    "faster than can be shown": (
        lambda d: ome(d / "a.tif", U16, "TYX", TimeIncrement=1, TimeIncrementUnit="µs"),
        {},
        USUAL,
        "1e-06 s from frame to frame (TimeIncrement of OME), taken as 25 a second",
    ),
    "places in depth": (lambda d: ome(d / "a.tif", U16, "ZYX", TimeIncrement=0.25), {}, USUAL, None),
    "ImageJ's interval": (
        lambda d: imagej(d / "a.tif", U16, "TYX", finterval=250.0, tunit="msec", fps=7.0),
        {},
        QUARTER,
        "0.25 s from frame to frame (finterval of ImageJ)",
    ),
    "ImageJ's rate": (lambda d: imagej(d / "a.tif", U16, "TYX", finterval=0.0, fps=4.0), {}, QUARTER, "fps of ImageJ"),
    "a rounded third": (
        lambda d: imagej(d / "a.tif", U16, "TYX", finterval=0.333333),
        {},
        tuple(Fraction(k, 3) for k in range(5)),
        "0.333333 s",
    ),
    "no time": (lambda d: imagej(d / "a.tif", U16, "TYX", finterval=-1.0, fps=float("nan")), {}, USUAL, None),
}


@pytest.mark.parametrize("name", TIMES)
def test_frames_have_the_times_that_the_file_tells(name, tmp_path):
    """And what is exported like it has them too, of the frames that were recovered."""
    make, wishes, wanted, told = TIMES[name]
    (tmp_path / "in").mkdir()
    clip = open_clip(make(tmp_path / "in"), **wishes)
    assert clip.times == wanted
    assert (told in clip.axes) if told else ("from frame to frame" not in clip.axes)
    assert clip.rate == 4 / clip.times[-1]
    part = open_clip(clip.source, **wishes, frames=slice(1, 4))
    values = part.read().numpy() * part.scale + part.offset
    export_clip(tmp_path / "b.tif", Delivered(values, tuple(map(float, part.times)), part.rate, clip.source, **wishes))
    again = open_clip(tmp_path / "b.tif")
    assert again.times == tuple(t - wanted[1] for t in wanted[1:4])
    assert "taken as" not in (told or "") or told.split(" ")[0] in again.axes


def test_spacing_is_that_of_the_pixels_as_they_were_resized(tmp_path):
    """Of the second series, with its own channel's numbers."""
    with tifffile.TiffWriter(tmp_path / "a.ome.tif", ome=True) as file:
        file.write(U8, metadata={"axes": "TYX", "PhysicalSizeX": 7.0}, photometric="minisblack")
        spacing = {"PhysicalSizeX": 0.5, "PhysicalSizeXUnit": "mm", "PhysicalSizeY": 0.25, "TimeIncrement": 0.1}
        file.write(TWO, metadata={"axes": "TCYX", **spacing}, photometric="minisblack")
    source, half = f"{tmp_path / 'a.ome.tif'}:1", (TWO[::2, 1:, ::2, ::2] >> 4).astype(float)
    export_clip(tmp_path / "b.tif", Delivered(half, (0.0, 0.2, 0.4), Fraction(5), source, channel=1))
    with tifffile.TiffFile(tmp_path / "b.tif") as file:
        np.testing.assert_array_equal(file.asarray(), half[:, 0])
        pixels = tifffile.xml2dict(file.ome_metadata)["OME"]["Image"]["Pixels"]
    told = [pixels[f"PhysicalSize{key}"] for key in ("X", "XUnit", "Y")]
    assert (*told, pixels["TimeIncrement"]) == (1.0, "mm", 0.5, 0.2)


def test_a_series_is_chosen_by_number_or_name(tmp_path):
    path = several(tmp_path / "a.ome.tif")
    torch.testing.assert_close(open_clip(f"{path}:1").read(), torch.tensor(grey(U8[:2, :8], 255)).float())
    assert torch.equal(open_clip(f"{path}:first").read(), open_clip(f"{path}:0").read())
    assert [s["name"] for s in series_of(path)] == ["first", "second"]


def test_counts_are_the_same_clip_in_every_kind_of_file(tmp_path):
    """TIFF, a folder of TIFF, of PNG, .npy of whole numbers and of floats: one rule for white."""
    write(tmp_path / "a.tif", U12)
    np.save(tmp_path / "a.npy", U12)
    np.save(tmp_path / "b.npy", U12.astype(np.float32))
    for suffix in ("tif", "png"):
        (tmp_path / suffix).mkdir()
        for k, frame in enumerate(U12):
            Image.fromarray(frame).save(tmp_path / suffix / f"{k}.{suffix}")
    wanted = torch.tensor(grey(U12, 4095), dtype=torch.float32)
    for name in ("a.tif", "a.npy", "b.npy", "tif", "png"):
        torch.testing.assert_close(open_clip(tmp_path / name).read(), wanted, atol=1e-6, rtol=0)


@pytest.mark.parametrize("kind", ["u2", "u4", "f4", "f8"])
def test_counts_at_the_top_of_16_bits_are_told_in_every_type(kind, tmp_path):
    """12 bits moved up; where the upmost bit is not used, that cannot be seen."""
    np.save(tmp_path / "a.npy", (U16 & 0xFFF0).astype(kind))
    assert open_clip(tmp_path / "a.npy").scale == 65520
    np.save(tmp_path / "b.npy", (U16 & 0x7FF0).astype(kind))
    with pytest.raises(InputError, match="which number is white"):
        open_clip(tmp_path / "b.npy").read()


def cut(path, share=0.5):
    whole = path.read_bytes()
    path.write_bytes(whole[: int(share * len(whole))])
    return path


def folder_of(path, *pictures):
    path.mkdir()
    for k, picture in enumerate(pictures):
        write(path / f"{k}.tif", picture)
    return path


@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_turned_tiff_is_seen_as_pillow_shows_it(orientation, tmp_path):
    """In each of the eight ways; the spacing turns with it."""
    path = tmp_path / "a.tif"
    tag = (274, "H", 1, orientation, True)
    ome = {"axes": "YXS", "PhysicalSizeX": 2, "PhysicalSizeY": 3}
    tifffile.imwrite(path, COLOUR[0], photometric="rgb", ome=True, metadata=ome, extratags=[tag])
    shown = np.asarray(Image.open(path)).transpose(2, 0, 1)
    with TiffReader(path) as reader:
        np.testing.assert_array_equal(next(reader.stored([0])), shown)
        assert reader.shape == shown.shape
        assert [spacing[0] for spacing in reader.spacing] == ([3, 2] if orientation < 5 else [2, 3])
    assert open_clip(path).read().shape[1:] == shown.shape


def masked(path, *hidden, values=U16):
    """As GDAL writes: a mask of one bit behind each picture, False at the places of `hidden` in the first one."""
    seen = np.ones((len(values), *values.shape[1:3]), bool)
    seen[0][hidden or ([], [])] = False
    with tifffile.TiffWriter(path) as file:
        file.write(values, photometric="minisblack", metadata=None)
        file.write(seen, photometric="mask", subfiletype=4, metadata=None)
    return path


def test_a_mask_that_hides_nothing_is_no_second_series(tmp_path):
    path = masked(tmp_path / "a.tif")
    assert torch.equal(open_clip(path).read(), open_clip(write(tmp_path / "b.tif", U16)).read())


def lerc(path, values, packed):
    """As GDAL writes floats in tiles of 16: with a mask of what is NaN, a mask a sample where these differ."""
    pieces = []
    for row, column in itertools.product(*(range(0, n, 16) for n in values.shape[:2])):
        tile = np.zeros((16, 16, values.shape[2]), values.dtype)
        part = values[row : row + 16, column : column + 16]
        tile[: part.shape[0], : part.shape[1]] = part
        apart = bool((np.isnan(tile) != np.isnan(tile[..., :1])).any())
        tile = np.moveaxis(tile, -1, 0) if apart else tile[..., 0] if tile.shape[2] == 1 else tile
        valid = ~np.isnan(tile)
        valid = None if valid.all() else np.ascontiguousarray(valid if apart else valid.reshape(16, 16, -1)[..., 0])
        numbers = np.ascontiguousarray(np.nan_to_num(tile))
        data = imagecodecs.lerc_encode(numbers, level=0, masks=valid, planar=apart)
        pieces.append(imagecodecs.zstd_encode(data) if packed else data)
    layout = {"shape": values.shape, "planarconfig": "contig"} if values.shape[2] > 1 else {"shape": values.shape[:2]}
    compression = {"compression": "lerc", "compressionargs": {"compression": "zstd"} if packed else None}
    tifffile.imwrite(path, iter(pieces), dtype=values.dtype, tile=(16, 16), photometric="minisblack", **layout,
                     **compression)  # fmt: skip
    return path


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("missing", [(), (0,), (1,), (0, 1, 2)])
@pytest.mark.parametrize("samples", [1, 3])
def test_floats_of_lerc_are_those_that_were_written(samples, missing, packed, tmp_path):
    """NaN where a number is missing, in one sample or in all; tifffile gives zeros, or samples mixed up (findings)."""
    values = SEEDED.random((20, 35, samples)).astype("f4")
    for sample in missing:
        values[3:18, 10:33, sample % samples] = np.nan
    path = lerc(tmp_path / "a.tif", values, packed)
    for sample in range(samples):
        with TiffReader(path, channel=sample if samples > 1 else None) as reader:
            np.testing.assert_array_equal(next(reader.stored([0]))[0], values[..., sample])


REFUSED = {  # name: (maker, wishes, words)
    "two channels": (lambda d: ome(d / "a.tif", TWO, "TCYX"), {}, "2 channels that are no colour.*--channel N, 0 to 1"),
    "samples": (lambda d: write(d / "a.tif", np.moveaxis(TWO, 1, -1), planarconfig="contig"), {}, "--channel N"),
    "no such channel": (lambda d: ome(d / "a.tif", TWO, "TCYX"), {"channel": 2}, "--channel 2: expected 0 to 1"),
    "a channel of one": (lambda d: write(d / "a.tif", U16), {"channel": 0}, "nothing to choose from"),
    "time and depth": (lambda d: imagej(d / "a.tif", TWO, "TZYX"), {}, "2 planes.*--plane N, 0 to 1"),
    "unnamed axes": (lambda d: write(d / "a.tif", TWO), {}, "2 planes.*--plane N"),
    "several series": (lambda d: several(d / "a.ome.tif"), {}, r"holds 2 series, 0: first, TYX \(5, 12, 16\).*tif:0"),
    "CMYK": (lambda d: by_pillow(d / "a.tif", "CMYK", COLOUR[0]), {}, "SEPARATED are not read"),
    "Lab": (lambda d: by_pillow(d / "a.tif", "LAB", COLOUR[0]), {}, "CIELAB are not read"),
    "complex": (lambda d: write(d / "a.tif", U16.astype(np.complex64)), {}, "real numbers, got complex64.*magnitude"),
    "NaN": (lambda d: write(d / "a.tif", np.where(U16 > 9, FLOATS, np.nan)), {}, "NaN or infinite"),
    "a curve of ImageJ's": (lambda d: imagej(d / "a.tif", U16, "TYX", cf=20, c0=1.0, c1=2.0), {}, "curve.*32 bits"),
    "missing, says GDAL": (
        lambda d: write(d / "a.tif", U12, extratags=[(42113, "s", 0, str(U12[2, 0, 0]), True)]),
        {},
        "by which the file marks what is missing .*--operator mask",
    ),
    "missing, says a mask": (
        lambda d: masked(d / "a.tif", [3, 5], [4, 4]),
        {},
        r"2 pixels of frame 0, 1\.0%, are missing, as a mask in the file says; .*--operator mask",
    ),
    "white is zero, signed": (lambda d: write(d / "a.tif", RANGE, photometric="miniswhite"), {}, "where is black"),
    "more than OME says": (lambda d: ome(d / "a.tif", U16, "TYX", SignificantBits=12), {}, "beyond .*white 4095.*OME"),
    "more than is said": (lambda d: write(d / "a.tif", U16), {"white": 4095}, "beyond .*white 4095.*--white"),
    "white below black": (lambda d: write(d / "a.tif", U16), {"white": 1, "black": 5}, "has to be above black"),
    "cut": (lambda d: cut(write(d / "a.tif", U16)), {}, "cut short|cannot be read"),
    "cut, ImageJ in one directory": (lambda d: cut(in_one_directory(d / "a.tif")), {}, "ImageJ series metadata"),
    "text": (lambda d: (d / "a.tif").write_text("words") and d / "a.tif", {}, "cannot be read as TIFF"),
    "folder of stacks": (lambda d: folder_of(d / "f", U16, U16), {}, "holds 5 frames, and a folder"),
    "folder of two depths": (lambda d: folder_of(d / "f", U16[0], U8[0]), {}, "different depths"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_ambiguous_or_damaged_is_one_sentence(name, tmp_path, capfd):
    make, wishes, words = REFUSED[name]
    path = make(tmp_path)
    with pytest.raises(InputError, match=words) as caught:
        open_clip(path, **wishes).read()
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)
    assert capfd.readouterr().err == ""


def test_planes_that_are_missing_are_not_black(tmp_path):
    """OME's XML promises more planes than there are; tifffile would give zeros for them."""
    path = ome(tmp_path / "a.ome.tif", U16, "TYX")
    path.write_bytes(path.read_bytes().replace(b'SizeT="5"', b'SizeT="7"'))
    with pytest.raises(InputError, match="missing"):
        open_clip(path)


def test_an_ome_tiff_does_not_open_other_files(tmp_path):
    ome(tmp_path / "other.tif", U16, "TYX")
    path = ome(tmp_path / "a.ome.tif", U16, "TYX")
    planes = b'<TiffData IFD="0" PlaneCount="5"/>'
    data = path.read_bytes()
    assert planes in data
    text = tifffile.TiffFile(path)
    xml = text.ome_metadata
    text.close()
    for k, name in ((0, "a.ome.tif"), (1, "other.tif")):
        part = f'<TiffData IFD="0" FirstT="{k}" PlaneCount="1"><UUID FileName="{name}">urn:uuid:{k}</UUID></TiffData>'
        xml = xml.replace(planes.decode(), part + planes.decode()) if k == 0 else xml.replace(planes.decode(), part)
    tifffile.imwrite(path, U16, description=xml, metadata=None, photometric="minisblack")
    with pytest.raises(InputError, match="several files"):
        open_clip(path)


def test_without_imagecodecs_a_sentence_says_what_to_install(tmp_path, monkeypatch):
    path = write(tmp_path / "a.tif", U16, compression="lzw")

    def missing(*_, **__):
        raise ValueError("<COMPRESSION.LZW: 5> requires the 'imagecodecs' package")

    monkeypatch.setattr(tifffile.TiffPage, "asarray", missing)
    monkeypatch.setattr(tifffile.TiffFrame, "asarray", missing)
    with pytest.raises(InputError, match=r'LZW.*pip install "lowreel\[tiff\]"'):
        open_clip(path).read()


@pytest.mark.skipif(sys.platform != "linux", reason="the count of bytes read is Linux's")
@pytest.mark.parametrize("kind", ["OME", "ImageJ in one directory"])
def test_a_part_of_a_long_stack_is_read_alone(kind, tmp_path, monkeypatch):
    """Bytes that the system counts: those of the frames that are asked for, and of a few by which white is found."""
    from lowreel.io.video import levels

    monkeypatch.setattr(levels, "LOOKED_AT", 1 << 16)
    monkeypatch.setattr(levels, "SPREAD", 4)
    frames = np.broadcast_to(SEEDED.integers(0, 4096, (256, 256), dtype=np.uint16), (200, 256, 256))
    path = tmp_path / "a.ome.tif"
    if kind == "OME":
        ome(path, frames, "TYX")
    else:
        with tifffile.TiffWriter(path, imagej=True) as file:
            file.write(frames, truncate=True, metadata={"axes": "TYX"})

    def count():
        with open("/proc/self/io") as told:
            return int(told.readline().split()[1])

    before = count()
    clip = open_clip(path, frames=slice(0, 8))
    assert (clip.shape, clip.scale, clip.read().shape) == ((8, 1, 256, 256), 4095, (8, 1, 256, 256))
    assert count() - before < 0.2 * path.stat().st_size
