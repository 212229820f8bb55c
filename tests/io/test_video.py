"""Laws over a list of file kinds, and the list of bad inputs, each an `InputError` that says what to do."""

import io
import itertools
import re
import struct
import zipfile
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
import tifffile
import torch
from PIL import Image

from lowreel.errors import InputError
from lowreel.io.video import check_way_round, mask_and_sentence, open_clip, read_mask, write_npy, write_video
from lowreel.io.video.masks import read_holdout
from lowreel.io.video.reader import LUMA
from lowreel.runs.folder import clip_information
from lowreel.runs.outputs import timing

DATA = Path(__file__).parents[3] / "shared" / "data"
T, H, W = 14, 24, 32


def drawn(count=T, height=H, width=W, channels=3):
    """Smooth moving pictures, uint8 (T, H, W, C) or (T, H, W); every frame is another."""
    y, x, t, c = np.mgrid[:height, :width, :count, : max(channels, 1)].astype(float)
    levels = 128 + 100 * np.sin(x / 9 + t / 3 + c) * np.cos(y / 7 + c - t / 5)
    moving = levels.round().astype(np.uint8).transpose(2, 0, 1, 3)
    return moving if channels == 3 else moving[..., 0]


def as_clip(pictures):
    pictures = pictures[..., None] if pictures.ndim == 3 else pictures
    return torch.from_numpy(pictures.transpose(0, 3, 1, 2).astype(np.float32)) / 255


def encoded(path, pictures, codec, form, rate=25, options=None, container=None, gap=None, prepare=None):
    """A video file made with PyAV alone; `gap` is the distance of keyframes."""
    with av.open(str(path), "w", options=container or {}) as out:
        stream = out.add_stream(codec, rate=rate, options=options or {})
        stream.height, stream.width, stream.pix_fmt = *pictures.shape[1:3], form
        if gap:
            stream.gop_size = gap
        if prepare:
            prepare(stream)
        for picture in pictures:
            source = "gray" if picture.ndim == 2 else "rgb24"
            out.mux(stream.encode(av.VideoFrame.from_ndarray(np.ascontiguousarray(picture), format=source)))
        out.mux(stream.encode())
    return path


def folder(path, pictures, suffix):
    path.mkdir()
    for number, picture in enumerate(pictures):
        Image.fromarray(picture).save(path / f"frame{number}{suffix}")  # 10 sorts before 2 in plain order
    (path / ".hidden.png").write_text("no picture")
    (path / "notes.txt").write_text("neither")
    return path


def saved(path, pictures):
    save = np.savez if path.suffix == ".npz" else np.save
    save(path, pictures)
    return path


COLOUR, GREY = drawn(), drawn(channels=1)
KINDS = {  # name: (maker, pictures, mean error allowed in grey levels of 255)
    "mp4": (lambda d: encoded(d / "a.mp4", COLOUR, "libx264", "yuv420p", gap=5), COLOUR, 9),
    "mkv": (lambda d: encoded(d / "a.mkv", GREY, "ffv1", "gray"), GREY, 0),
    "deep mkv": (lambda d: encoded(d / "b.mkv", GREY, "ffv1", "gray16le"), GREY, 0.01),
    "mpeg4 avi": (lambda d: encoded(d / "a.avi", COLOUR, "mpeg4", "yuv420p", gap=4), COLOUR, 10),
    "mjpeg avi": (lambda d: encoded(d / "m.avi", COLOUR, "mjpeg", "yuvj420p"), COLOUR, 6),
    "gif": (lambda d: encoded(d / "a.gif", GREY, "gif", "gray", rate=10), np.stack([GREY] * 3, -1), 0),
    "vp9 webm": (lambda d: encoded(d / "a.webm", COLOUR, "libvpx-vp9", "yuv420p"), COLOUR, 6),
    "vp8 webm": (
        lambda d: encoded(d / "b.webm", COLOUR, "libvpx", "yuv420p", options={"auto-alt-ref": "1"}),
        COLOUR,
        9,
    ),
    "odd mp4": (
        lambda d: encoded(d / "odd.mp4", COLOUR[:, :23, :31], "libx264", "yuv444p"),
        COLOUR[:, :23, :31],
        4,
    ),
    "png folder": (lambda d: folder(d / "png", COLOUR, ".png"), COLOUR, 0),
    "jpg folder": (lambda d: folder(d / "jpg", GREY, ".jpg"), GREY, 4),
    "one png": (lambda d: folder(d / "one", COLOUR[:1], ".png") / "frame0.png", COLOUR[:1], 0),
    "npy": (lambda d: saved(d / "a.npy", as_clip(COLOUR).numpy()), COLOUR, 0),
    "npz": (lambda d: saved(d / "a.npz", COLOUR), COLOUR, 0),
}


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    home = tmp_path_factory.mktemp("kinds")
    return {name: make(home) for name, (make, _, _) in KINDS.items()}


@pytest.fixture(params=KINDS)
def kind(request, files):
    _, pictures, error = KINDS[request.param]
    return files[request.param], as_clip(pictures), error / 255


# -------------------------------------------------------------------------------------------------- laws of reading


def test_it_holds_what_was_put_in(kind):
    path, truth, error = kind
    clip = open_clip(path)
    assert (clip.shape, len(clip), len(clip.times)) == (tuple(truth.shape), len(truth), len(truth))
    found = clip.read()
    assert (found.dtype, found.shape) == (torch.float32, truth.shape)
    torch.testing.assert_close((found - truth).abs().mean(), torch.tensor(0.0), atol=max(error, 1e-7), rtol=0)
    nearest = [(truth - frame).abs().mean((1, 2, 3)).argmin() for frame in found]
    assert nearest == list(range(len(truth)))


def test_the_rate_of_dv_is_that_of_its_frames(tmp_path):
    """FFmpeg gives the ticks of its clock, 60000 a second."""
    clip = open_clip(encoded(tmp_path / "a.dv", drawn(3, 576, 720), "dvvideo", "yuv420p"))
    assert (clip.rate, clip.times) == (25, (0, Fraction(1, 25), Fraction(2, 25)))


def phantom(path, counts, colours=0):
    """A film of a Phantom camera, counts of 12 bits (T, H, W), by its published layout; colours: 3 for a mosaic."""
    count, height, width = counts.shape
    frames = [struct.pack("<II", 8, 2 * height * width) + frame[::-1].astype("<u2").tobytes() for frame in counts]
    setup = bytearray(12432)
    struct.pack_into("<HH", setup, 140, 0x5453, len(setup))
    for place, value in ((768, 1000), (808, colours), (896, 12)):  # frames a second, mosaic, bits
        struct.pack_into("<I", setup, place, value)
    offsets = 84 + len(setup)
    first = offsets + 8 * count
    head = struct.pack("<2sHHHiIiIIII8x", b"CI", 44, 2 if colours else 0, 1, 0, count, 0, count, 44, 84, offsets)
    picture = struct.pack("<IiiHHII16x", 40, width, height, 1, 16, 0, 2 * height * width)
    places = [first + k * len(frames[0]) for k in range(count)]
    path.write_bytes(head + picture + bytes(setup) + struct.pack(f"<{count}q", *places) + b"".join(frames))
    return path


def test_films_of_phantom_cameras(tmp_path):
    """Grey is grey; of a mosaic FFmpeg fills in the colours, in 16 bits and not in 8."""
    counts = np.arange(3 * 8 * 10).reshape(3, 8, 10) * 17
    clip = open_clip(phantom(tmp_path / "grey.cine", counts))
    assert (clip.shape, clip.rate) == ((3, 1, 8, 10), 1000)
    np.testing.assert_allclose(clip.read()[:, 0], counts / 4095, atol=2e-5)
    mosaic, colours = np.zeros((2, 8, 10), int), (1001, 2002, 4004)
    mosaic[:, 0::2, 1::2], mosaic[:, 1::2, 0::2] = colours[2], colours[0]
    mosaic[:, 0::2, 0::2] = mosaic[:, 1::2, 1::2] = colours[1]
    clip = open_clip(phantom(tmp_path / "colour.cine", mosaic, colours=3))
    wanted = np.broadcast_to(np.array(colours).reshape(3, 1, 1) / 4095, clip.shape)
    np.testing.assert_allclose(clip.read(), wanted, atol=2e-5)


@pytest.mark.parametrize("suffix", [".mp4", ".mkv", ".mov"])
def test_pixels_that_are_no_squares_keep_their_shape(tmp_path, suffix):
    """Those of DV for wide screens are 64:45; of a size of one's own they are others."""
    wide = Fraction(64, 45)
    assert write_video(tmp_path / f"a{suffix}", as_clip(COLOUR), aspect=wide) == []
    clip = open_clip(tmp_path / f"a{suffix}")
    assert (clip.pixel_aspect, timing(torch.zeros(2), clip_information(clip))["aspect"]) == (wide, wide)
    assert clip.grid == "1 x 1.42222 of no unit (height x width)"
    assert open_clip(tmp_path / f"a{suffix}", size=(H, W // 2)).pixel_aspect == 2 * wide
    assert write_video(tmp_path / f"b{suffix}", as_clip(COLOUR)) == []
    assert "pixel_aspect" not in clip_information(open_clip(tmp_path / f"b{suffix}"))
    assert "64/45 times as wide as high" in write_video(tmp_path / "a.gif", as_clip(COLOUR), aspect=wide)[0]


def test_any_slice_in_any_order_equals_the_same_slice_of_the_whole(kind):
    path, truth, _ = kind
    clip, whole = open_clip(path), open_clip(path).read()
    spans = list(itertools.combinations(range(0, len(truth) + 1, 4), 2))
    for n in range(len(spans)):  # a fixed order that jumps both ways
        start, stop = spans[n * 7 % len(spans)]
        assert torch.equal(clip.read(start, stop), whole[start:stop])
    assert torch.equal(torch.cat([clip.read(i, i + 1) for i in range(len(clip))]), whole)
    assert torch.equal(clip.read(-1), whole[-1:])
    assert clip.read(3, 3).shape == (0, *whole.shape[1:])


def test_selected_frames_keep_their_times(kind):
    path, _, _ = kind
    full, some = open_clip(path), open_clip(path, frames=slice(0, None, 3))
    assert torch.equal(some.read(), full.read()[::3])
    assert some.times == full.times[::3]
    assert full.times[0] == 0
    assert some.rate == full.rate / 3


def test_size_and_channels(kind):
    path, _, _ = kind
    whole = open_clip(path).read()
    small = open_clip(path, size=(7, 9)).read()
    wanted = torch.nn.functional.interpolate(whole, (7, 9), mode="bilinear", antialias=True)
    torch.testing.assert_close(small, wanted)
    grey = open_clip(path, channels=1).read()
    weights = torch.tensor(LUMA if whole.shape[1] == 3 else (1.0,)).view(1, -1, 1, 1)
    torch.testing.assert_close(grey, (whole * weights).sum(1, keepdim=True))
    colour = open_clip(path, channels=3).read()
    assert torch.equal(colour, whole.expand(-1, 3, -1, -1))


@pytest.mark.parametrize("name", ["mp4", "mpeg4 avi"])
def test_sequential_slices_decode_each_frame_once_and_a_jump_goes_to_its_keyframe(files, name, monkeypatch):
    clip, decoded = open_clip(files[name]), []
    numbered = type(clip._reader)._numbered
    monkeypatch.setattr(
        type(clip._reader), "_numbered", lambda self, frame: decoded.append(frame.pts) or numbered(self, frame)
    )
    for start in range(0, T, 3):
        clip.read(start, start + 3)
    assert len(decoded) == T
    decoded.clear()
    clip.read(T - 1)
    assert 1 <= len(decoded) <= 6  # one keyframe every 5 or 4 frames, whose first frame is looked at twice


def test_a_recording_that_starts_between_keyframes_starts_at_the_first(tmp_path):
    """Packets cut from the middle of a transport stream, as a recorder does."""
    whole = encoded(tmp_path / "a.ts", COLOUR, "libx264", "yuv420p", gap=5, options={"bf": "0", "sc_threshold": "0"})
    with av.open(str(whole)) as source, av.open(str(tmp_path / "b.ts"), "w") as out:
        copy = out.add_stream_from_template(source.streams.video[0])
        for packet in itertools.islice((p for p in source.demux(video=0) if p.size), 2, None):
            packet.stream = copy
            out.mux(packet)
    clip = open_clip(tmp_path / "b.ts")
    assert torch.equal(clip.read(), open_clip(whole).read()[5:])
    assert clip.times[0] == 0


def test_crop_is_central_and_keeps_the_aspect(tmp_path):
    row = np.tile(np.arange(40, dtype=np.uint8), (10, 1))
    path = saved(tmp_path / "a.npy", row)
    cropped = open_clip(path, size=(10, 20), fit="crop").read()
    torch.testing.assert_close(cropped[0, 0, 0] * 255, torch.arange(10.0, 30.0))
    path = saved(tmp_path / "b.npy", row.T.copy())
    cropped = open_clip(path, size=(20, 10), fit="crop").read()
    torch.testing.assert_close(cropped[0, 0, :, 0] * 255, torch.arange(10.0, 30.0))
    assert open_clip(path, size=(3, 7), fit="crop").read().shape == (1, 1, 3, 7)


@pytest.mark.parametrize("degrees", [0, 90, 180, -90])
@pytest.mark.parametrize("mirror", [False, True])
def test_turned_videos_come_out_upright(tmp_path, degrees, mirror):
    """The display matrix turns counter-clockwise, then mirrors; the upright picture is the stored one so treated."""
    stored = drawn(3)

    def prepare(stream):
        stream.set_display_rotation(degrees, hflip=mirror)

    path = encoded(tmp_path / "r.mp4", stored, "libx264", "yuv444p", options={"crf": "1"}, prepare=prepare)
    upright = np.rot90(stored, degrees // 90, axes=(1, 2))
    upright = upright[:, :, ::-1] if mirror else upright
    torch.testing.assert_close(open_clip(path).read(), as_clip(upright.copy()), atol=0.03, rtol=0)


def test_pictures_turned_by_exif_come_out_upright(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned clockwise by 90 degrees for display
    Image.fromarray(GREY[0]).save(tmp_path / "a.jpg", exif=exif, quality=99)
    torch.testing.assert_close(
        open_clip(tmp_path / "a.jpg").read(), as_clip(np.rot90(GREY[:1], -1, (1, 2)).copy()), atol=0.02, rtol=0
    )


# ------------------------------------------------------------------------------------------------ kinds of pictures


def alpha(picture):
    return Image.merge("RGBA", (*Image.fromarray(picture).split(), Image.fromarray(picture[..., 0])))


PIXELS = np.array([[0, 80], [160, 255]], np.uint8)
RGB = np.stack([PIXELS, PIXELS[::-1], PIXELS.T], -1)
DEEP = PIXELS.astype(np.uint16) * 201 + 7
PICTURES = {  # name: (picture, suffix, grey levels (C, H, W), scale)
    "L": (Image.fromarray(PIXELS), ".png", PIXELS[None] / 255, 255),
    "1": (Image.fromarray(PIXELS > 100), ".png", (PIXELS > 100)[None] * 1.0, 255),
    "LA": (Image.merge("LA", [Image.fromarray(PIXELS)] * 2), ".png", PIXELS[None] / 255, 255),
    "RGB": (Image.fromarray(RGB), ".bmp", RGB.transpose(2, 0, 1) / 255, 255),
    "RGBA": (alpha(RGB), ".webp", None, 255),
    "RGBA png": (alpha(RGB), ".png", RGB.transpose(2, 0, 1) / 255, 255),
    "P": (Image.fromarray(RGB).quantize(4), ".png", RGB.transpose(2, 0, 1) / 255, 255),
    "I;16": (Image.fromarray(DEEP), ".png", DEEP[None] / 65535, 65535),
    "I;16 tif": (Image.fromarray(DEEP), ".tif", DEEP[None] / 65535, 65535),
}


@pytest.mark.parametrize("name", PICTURES)
def test_pictures_of_every_mode(tmp_path, name):
    picture, suffix, levels, scale = PICTURES[name]
    options = {"lossless": True, "exact": True} if suffix == ".webp" else {}
    picture.save(tmp_path / f"a{suffix}", **options)
    clip = open_clip(tmp_path / f"a{suffix}")
    wanted = RGB.transpose(2, 0, 1) / 255 if levels is None else levels
    torch.testing.assert_close(clip.read()[0], torch.tensor(wanted, dtype=torch.float32))
    assert (clip.scale, clip.offset, clip.rate) == (scale, 0, 25)


def test_png_of_16_bit_colour_keeps_its_bits(tmp_path):
    levels = (RGB.astype(np.uint16) * 255 + 3)[None]
    context = av.CodecContext.create("png", "w")
    context.height, context.width, context.pix_fmt, context.time_base = 2, 2, "rgb48be", Fraction(1, 25)
    frame = av.VideoFrame.from_ndarray(levels[0], format="rgb48le").reformat(format="rgb48be")
    packets = context.encode(frame) + context.encode()
    (tmp_path / "a.png").write_bytes(b"".join(bytes(packet) for packet in packets))
    clip = open_clip(tmp_path / "a.png")
    assert torch.equal(clip.read()[0], torch.from_numpy(levels[0].astype(np.float32).transpose(2, 0, 1) / 65535))


def test_a_folder_of_frames_of_a_scanned_film_is_told_what_to_make_of_it(tmp_path):
    for k in range(3):
        (tmp_path / f"{k}.DPX").write_bytes(b"SDPX")
    with pytest.raises(
        InputError, match=r"holds no pictures but 3 of \.DPX.*ffmpeg .*-i \S+/'\*\.DPX' -c:v ffv1 new\.mkv"
    ):
        open_clip(tmp_path)


def test_a_folder_of_grey_and_colour_is_colour_in_natural_order(tmp_path):
    for name, level in {"f2.png": 20, "f10.png": 100, "f1.png": 10}.items():
        Image.new("RGB" if level == 20 else "L", (2, 2), (level,) * 3 if level == 20 else level).save(tmp_path / name)
    found = open_clip(tmp_path).read()
    torch.testing.assert_close(found * 255, torch.tensor([10.0, 20, 100]).view(3, 1, 1, 1).expand(3, 3, 2, 2))


def test_a_stack_of_pages_is_a_clip(tmp_path):
    pages = [Image.fromarray(picture) for picture in GREY]
    pages[0].save(tmp_path / "a.tif", save_all=True, append_images=pages[1:])
    assert torch.equal(open_clip(tmp_path / "a.tif").read(), as_clip(GREY))


# ----------------------------------------------------------------------------------------------------------- arrays

ARRAYS = {  # name: (stored, its clip, scale, offset)
    "one picture": (PIXELS, PIXELS[None, None] / 255, 255, 0),
    "grey": (np.stack([PIXELS, PIXELS.T]), np.stack([PIXELS, PIXELS.T])[:, None] / 255, 255, 0),
    "channels last": (RGB[None], RGB[None].transpose(0, 3, 1, 2) / 255, 255, 0),
    "channels first wins": (np.ones((1, 3, 2, 3), bool), np.ones((1, 3, 2, 3)), 1, 0),
    "big-endian": (DEEP.astype(">u2"), DEEP[None, None] / 65535, 65535, 0),
    "signed": (np.array([[-128, 127]], np.int8), np.array([[[[0, 1]]]]), 255, -128),
    "12 bits": (np.array([[0, 4095]], np.uint16), np.array([[[[0, 1]]]]), 4095, 0),
    "0 to 255 in int64": (np.array([[0, 51, 255]]), np.array([[[[0, 0.2, 1]]]]), 255, 0),
    "unit": (np.array([[0, 0.3]]), np.array([[[[0, 0.3]]]]), 1, 0),
    "dark 12 bits": (np.array([[0, 1025]], np.uint16), np.array([[[[0, 1025 / 4095]]]]), 4095, 0),
    "12 bits moved up": (np.array([[16, 65520]], np.uint16), np.array([[[[16 / 65520, 1]]]]), 65520, 0),
    "whole floats": (np.array([[0, 500.0]]), np.array([[[[0, 500 / 1023]]]]), 1023, 0),
    "large": (np.array([[0.5, 500.0]]), np.array([[[[0.001, 1.0]]]]), 500, 0),
    "beyond 16 bits": (np.array([[0, 70000]]), np.array([[[[0, 1.0]]]]), 70000, 0),
    "both signs": (np.array([[-1, 3.0]]), np.array([[[[0, 1.0]]]]), 4, -1),
    "constant": (np.full((2, 2), -5.0), np.zeros((1, 1, 2, 2)), 1, -5),
    "constant large": (np.full((2, 2), 7.5), np.ones((1, 1, 2, 2)), 7.5, 0),
}


@pytest.mark.parametrize("name", ARRAYS)
def test_arrays_of_every_shape_and_type(tmp_path, name):
    stored, levels, scale, offset = ARRAYS[name]
    clip = open_clip(saved(tmp_path / "a.npy", stored))
    assert (clip.scale, clip.offset) == (scale, offset)
    torch.testing.assert_close(clip.read(), torch.tensor(levels, dtype=torch.float32))


def test_npy_round_trip_is_exact_by_slices_and_in_stored_units(tmp_path):
    clip = torch.rand(5, 3, 4, 6, generator=torch.Generator().manual_seed(0))
    write_npy(tmp_path / "a.npy", clip.split(2), clip.shape)
    assert torch.equal(open_clip(tmp_path / "a.npy").read(), clip)
    assert np.load(tmp_path / "a.npy").dtype == np.float32
    write_npy(tmp_path / "b.npy", as_clip(GREY), (T, 1, H, W), scale=255.0)
    assert np.array_equal(np.load(tmp_path / "b.npy")[:, 0], GREY)
    write_npy(tmp_path / "c.npy", torch.zeros(1, 1, 1, 1), (1, 1, 1, 1), scale=4, offset=-1)
    assert np.load(tmp_path / "c.npy").item() == -1
    for frames, shape in [(clip, (6, 3, 4, 6)), (clip, (5, 3, 4, 5))]:
        with pytest.raises(ValueError, match="shape"):
            write_npy(tmp_path / "d.npy", frames, shape)
    assert not list(tmp_path.glob("*d*"))


def test_a_full_disk_is_an_error_not_the_end_of_the_program():
    if not Path("/dev/full").exists():
        pytest.skip("no /dev/full here")
    from lowreel.io.video import array_clips

    patch = pytest.MonkeyPatch()
    with patch.context() as context:
        context.setattr(
            array_clips, "atomic_write", lambda path: __import__("contextlib").nullcontext(Path("/dev/full"))
        )
        with pytest.raises(OSError, match="space"):
            write_npy("x.npy", torch.zeros(2, 1, 256, 256), (2, 1, 256, 256))


# ---------------------------------------------------------------------------------------------------------- writing


@pytest.mark.parametrize("suffix", [".mp4", ".mov", ".mkv"])
@pytest.mark.parametrize(("height", "width"), [(H, W), (23, 31), (2, 2), (1, 5)])
def test_video_round_trip(tmp_path, suffix, height, width):
    truth = as_clip(drawn(6, height, width)).mean(1, keepdim=True)  # halved colour would count as an error
    assert write_video(tmp_path / f"a{suffix}", truth.split(4), rate=Fraction(30000, 1001)) == []
    clip = open_clip(tmp_path / f"a{suffix}")
    assert clip.shape == (6, 3, height, width)
    assert float(clip.rate) == pytest.approx(30000 / 1001, rel=0.01)
    torch.testing.assert_close(clip.read(), truth.expand(-1, 3, -1, -1), atol=0.05, rtol=0)
    assert (clip.read() - truth).mean().abs() < 0.002  # no shift of brightness


def test_colour_survives_a_round_trip(tmp_path):
    truth = as_clip(
        np.tile(np.array([[255, 0, 0], [0, 200, 0], [20, 30, 250]], np.uint8)[:, None, None], (1, 16, 16, 1))
    )
    write_video(tmp_path / "a.mp4", truth)
    torch.testing.assert_close(open_clip(tmp_path / "a.mp4").read(), truth, atol=0.03, rtol=0)
    write_video(tmp_path / "a.gif", truth)
    assert torch.equal(open_clip(tmp_path / "a.gif").read(), truth)


def test_grey_levels_are_clipped_and_nan_is_black(tmp_path):
    wild = torch.tensor([-3.0, 9.0, float("nan")]).view(3, 1, 1, 1).expand(3, 1, 4, 4)
    write_video(tmp_path / "a.gif", wild, rate=10)
    assert torch.equal(open_clip(tmp_path / "a.gif").read().mean((1, 2, 3)), torch.tensor([0.0, 1, 0]))


@pytest.mark.parametrize(("suffix", "error"), [(".mp4", 1e-4), (".mkv", 1e-3), (".gif", 1e-2)])
def test_variable_frame_times_survive(tmp_path, suffix, error):
    times = [Fraction(2), Fraction(61, 30), 2.25, Fraction(7, 3), 3.0, 5.5]
    write_video(tmp_path / f"a{suffix}", as_clip(GREY[:6]), times=times)
    clip = open_clip(tmp_path / f"a{suffix}")
    assert [float(t) for t in clip.times] == pytest.approx([float(t) - 2 for t in times], abs=error)
    assert torch.equal(clip.read(2, 4), open_clip(tmp_path / f"a{suffix}").read()[2:4])


def packets_of(path):
    """Bytes and times of the audio packets, in seconds from the first frame of the video on."""
    with av.open(str(path)) as file:
        video = file.streams.video[0]
        origin = video.start_time * video.time_base
        packets = [p for p in file.demux(file.streams.audio[0]) if p.size]
        return [(bytes(p), float(p.pts * p.time_base - origin)) for p in packets]


def spoken(path, codec="aac", seconds=2):
    """A video of 25 frames per second with a tone that rises, so that no two packets are alike."""
    with av.open(str(path), "w") as out:
        video, audio = out.add_stream("libx264", rate=25), out.add_stream(codec, rate=16000, layout="mono")
        video.width, video.height, video.pix_fmt = 16, 16, "yuv420p"
        for picture in drawn(25 * seconds, 16, 16):
            out.mux(video.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        t = np.arange(16000 * seconds) / 16000
        frame = av.AudioFrame.from_ndarray(np.sin(900 * t * (1 + t)).astype(np.float32)[None], "fltp", "mono")
        frame.sample_rate = 16000
        resampled = av.AudioResampler(audio.format, "mono", 16000, audio.frame_size or 1024).resample(frame)
        for part in [*resampled, None]:
            out.mux(audio.encode(part))
        out.mux(video.encode())
    return path


@pytest.mark.parametrize("suffix", [".mp4", ".mkv"])
@pytest.mark.parametrize("cut", [slice(None), slice(15, 35)])
def test_audio_is_copied_in_sync(tmp_path, suffix, cut):
    clip = open_clip(spoken(tmp_path / "a.mp4"), frames=cut)
    assert clip.has_audio
    slices = (clip.read(i, i + 8) for i in range(0, len(clip), 8))
    assert write_video(tmp_path / f"b{suffix}", slices, times=clip.times, rate=clip.rate, audio=clip.source) == []
    assert open_clip(tmp_path / f"b{suffix}").has_audio
    start, end = float(clip.times[0]), float(clip.times[-1] + 1 / clip.rate)
    wanted = [(data, t - start) for data, t in packets_of(clip.source) if start - 0.064 < t < end]
    found = packets_of(tmp_path / f"b{suffix}")
    assert [data for data, _ in found] == [data for data, _ in wanted]
    assert [t for _, t in found] == pytest.approx([t for _, t in wanted], abs=0.0021)


def test_audio_span_and_its_absence(tmp_path):
    source, clip = spoken(tmp_path / "a.mp4"), as_clip(GREY)
    write_video(tmp_path / "b.mp4", clip, audio=source, audio_span=(0.5, 0.75))
    wanted = [data for data, t in packets_of(source) if 0.5 - 0.064 < t < 0.75]
    assert [data for data, _ in packets_of(tmp_path / "b.mp4")] == wanted
    silent = encoded(tmp_path / "c.mp4", GREY, "libx264", "yuv420p")
    pcm = spoken(tmp_path / "d.mkv", codec="pcm_s16le")
    for path, sound, words in [
        ("e.gif", source, "does not take aac"),
        ("f.mp4", silent, "has none"),
        ("g.mp4", tmp_path / "absent.mp4", "cannot be opened"),
    ]:
        (note,) = write_video(tmp_path / path, clip, audio=sound)
        assert words in note
        assert not open_clip(tmp_path / path).has_audio
    write_video(tmp_path / "h.mp4", clip, audio=pcm)
    assert open_clip(tmp_path / "h.mp4").shape[0] == T


FILM = as_clip(GREY[:3])
BAD_WRITES = {
    "suffix": (lambda d: write_video(d / "a.wmv", FILM), r"cannot write \.wmv; use \.mp4"),
    "folder": (lambda d: write_video(d / "no" / "a.mp4", FILM), "no folder .*make it"),
    "no frames": (lambda d: write_video(d / "a.mp4", iter(())), "no frames"),
    "shape": (lambda d: write_video(d / "a.mp4", FILM[0]), r"expected frames \(n, C, H, W\)"),
    "sizes": (lambda d: write_video(d / "a.mp4", [FILM, FILM[..., 1:]]), "write one size"),
    "times stand still": (lambda d: write_video(d / "a.mp4", FILM, times=[0, 1, 1]), "must grow .*after frame 1"),
    "few times": (lambda d: write_video(d / "a.mp4", FILM, times=[0, 1]), "more frames than frame times"),
    "many times": (lambda d: write_video(d / "a.mp4", FILM, times=[0, 1, 2, 3]), "more frame times than frames"),
}


@pytest.mark.parametrize("name", BAD_WRITES)
def test_bad_writes_leave_nothing_behind(tmp_path, name):
    write, words = BAD_WRITES[name]
    with pytest.raises(InputError, match=words):
        write(tmp_path)
    assert not list(tmp_path.iterdir())


# ------------------------------------------------------------------------------------------------------- bad inputs


def cut(path, share):
    whole = path.read_bytes()
    path.write_bytes(whole[: int(len(whole) * share)])
    return path


def long_mp4(path, **container):
    return encoded(path, drawn(40, 64, 64), "libx264", "yuv420p", options={"crf": "5"}, gap=10, container=container)


def lying(path, data):
    path.write_bytes(data)
    return path


def pickled(path):
    np.save(path, np.array([{}, None]), allow_pickle=True)
    return path


def audio_only(path):
    with av.open(str(path), "w") as out:
        stream = out.add_stream("aac", rate=16000, layout="mono")
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 1024), np.float32), "fltp", "mono")
        frame.sample_rate = 16000
        out.mux(stream.encode(frame))
        out.mux(stream.encode())
    return path


def with_cover(path, film):
    """An attached picture beside a film, or beside sound alone."""
    with av.open(str(path), "w") as out:
        cover = out.add_stream("mjpeg", rate=25)
        cover.width, cover.height, cover.pix_fmt = 8, 8, "yuvj420p"
        cover.disposition = av.stream.Disposition.attached_pic
        other = out.add_stream("aac", rate=16000, layout="mono") if film is None else out.add_stream("ffv1", rate=25)
        if film is None:
            parts = [av.AudioFrame.from_ndarray(np.zeros((1, 1024), np.float32), "fltp", "mono")]
            parts[0].sample_rate = 16000
        else:
            other.width, other.height, other.pix_fmt = W, H, "gray"
            parts = [av.VideoFrame.from_ndarray(frame, format="gray") for frame in film]
        out.mux(cover.encode(av.VideoFrame.from_ndarray(drawn(1, 8, 8)[0], format="rgb24")))
        for part in [*parts, None]:
            out.mux(other.encode(part))
        out.mux(cover.encode())
    return path


def two_sizes(path):
    folder(path, GREY[:3], ".png")
    Image.new("L", (5, 6)).save(path / "frame2.png")
    return path


def broken_frame(path):
    folder(path, GREY[:3], ".png")
    cut(path / "frame1.png", 0.5)
    return path


def damaged(path, header=0.35, length=400):
    data = bytearray(path.read_bytes())
    place = int(len(data) * header)
    data[place : place + length] = bytes(length)
    return lying(path, bytes(data))


def many(path, **arrays):
    np.savez(path, **arrays)
    return path


def not_finite():
    clip = np.zeros((5, 1, 3, 3))
    clip[3, 0, 1, 1:], clip[4] = np.nan, np.inf
    return clip


BAD = {
    "missing": (lambda d: d / "absent.mp4", "no such file"),
    "text": (lambda d: lying(d / "a.mp4", b"hello\n" * 99), "cannot be opened .*expected a video"),
    "text drawn as a terminal": (lambda d: lying(d / "a.nfo", b"\x1b[0m hello\n" * 99), "expected a video|no video"),
    "empty": (lambda d: lying(d / "a.mp4", b""), "cannot be opened"),
    "no index": (lambda d: cut(long_mp4(d / "a.mp4"), 0.8), "cannot be opened .*cut short"),
    "cut mp4": (
        lambda d: cut(long_mp4(d / "a.mp4", movflags="faststart"), 0.6),
        r"cut short: \d+ of its 40 frames .*--frames :\d+, or .*again",
    ),
    "cut avi": (lambda d: cut(encoded(d / "a.avi", drawn(40, 64, 64), "mjpeg", "yuvj420p"), 0.6), "of its 40 frames"),
    "cut mkv": (lambda d: cut(encoded(d / "a.mkv", drawn(40, 64, 64, 1), "ffv1", "gray"), 0.6), "of its 40 frames"),
    "cut before the first frame": (lambda d: cut(long_mp4(d / "a.mp4", movflags="faststart"), 0.1), "cut short"),
    "audio only": (lambda d: audio_only(d / "a.mp4"), "no video .*audio"),
    "music with a cover": (lambda d: with_cover(d / "a.mp4", None), "no video .*audio"),
    "empty folder": (lambda d: folder(d / "a", [], ".png"), "no pictures"),
    "two sizes": (lambda d: two_sizes(d / "a"), "frame2.png is 6x5 .*frame0.png is 24x32"),
    "broken picture": (lambda d: broken_frame(d / "a"), "frame1.png: cannot be read"),
    "text as picture": (lambda d: lying(d / "a.png", b"hello"), "a.png: cannot be read as a picture"),
    "bits at neither end": (
        lambda d: saved(d / "a.npy", np.array([[0, 4000]], np.uint16) // 16 * 16),
        r"which number is white.*--white 4095.*--white 65520",
    ),
    "pickle": (lambda d: pickled(d / "a.npy"), "no array of numbers.*a pickle"),
    "text as array": (lambda d: lying(d / "a.npy", b"hello"), "cannot be read as a NumPy array"),
    "cut array": (lambda d: cut(saved(d / "a.npy", COLOUR), 0.5), "cannot be read as a NumPy array"),
    "text as zip": (lambda d: lying(d / "a.npz", b"PK\x03\x04 no"), "cannot be read as a NumPy array"),
    "complex": (lambda d: saved(d / "a.npy", np.ones((2, 2)) * 1j), "real numbers.*complex128"),
    "strings": (lambda d: saved(d / "a.npy", np.array([["a"]])), "no array of numbers"),
    "no frames": (lambda d: saved(d / "a.npy", np.ones((0, 2, 2))), "not empty"),
    "channels": (lambda d: saved(d / "a.npy", np.ones((2, 4, 5, 6))), r"C = 1 or 3; got \(2, 4, 5, 6\)"),
    "one axis": (lambda d: saved(d / "a.npy", np.ones(4)), r"expected an array .*got \(4,\)"),
    "not finite": (lambda d: saved(d / "a.npy", not_finite()), "11 numbers are NaN or infinite, first in frame 3"),
    "several": (
        lambda d: many(d / "a.npz", a=GREY, b=GREY),
        r"holds the arrays a \(14, 24, 32\) uint8, b .*; say which, such as .*a\.npz:a",
    ),
    "none": (lambda d: many(d / "a.npz"), "none"),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_inputs_are_named_in_one_line(tmp_path, name):
    make, words = BAD[name]
    path = make(tmp_path)
    with pytest.raises(InputError, match=words) as caught:
        open_clip(path).read()
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", ["cut mp4", "cut avi", "cut mkv"])
def test_the_whole_frames_of_a_cut_file_can_be_used(tmp_path, name):
    path = BAD[name][0](tmp_path)
    with pytest.raises(InputError) as caught:
        open_clip(path)
    there = int(re.search(r"--frames :(\d+)", str(caught.value)).group(1))
    assert 10 < there < 30
    found = open_clip(path, frames=slice(there)).read()
    truth = as_clip(drawn(40, 64, 64, 1))[:there]
    if name == "cut mkv":
        assert torch.equal(found, truth)
    assert [(found[i : i + 1].mean(1) - found[i - 1 : i].mean(1)).abs().max() > 0 for i in range(1, there)].count(
        0
    ) == 0
    with pytest.raises(InputError, match="cut short"):
        open_clip(path, frames=slice(there + 1))


def test_a_damaged_frame_is_named(tmp_path):
    path = damaged(encoded(tmp_path / "a.mov", drawn(20, 64, 64), "png", "rgb24"), length=60)
    with pytest.raises(InputError, match=r"frame \d+ cannot be decoded.*--frames :\d+") as caught:
        open_clip(path).read()
    there = int(re.search(r"--frames :(\d+)", str(caught.value)).group(1))
    assert open_clip(path, frames=slice(there)).read().shape[0] == there > 5


def test_wishes_that_cannot_be_met(files):
    path = files["mp4"]
    for wish, words in [
        ({"frames": slice(50, None)}, f"--frames 50: selects none of its {T} frames"),
        ({"frames": slice(None, None, -1)}, "step"),
        ({"size": (0, 5)}, "at least 1"),
        ({"fit": "stretch"}, "squash or crop"),
        ({"channels": 2}, "1 .grey. or 3"),
    ]:
        with pytest.raises(InputError, match=words):
            open_clip(path, **wish)


def test_a_picture_that_would_fill_the_memory_is_refused(tmp_path, monkeypatch):
    Image.fromarray(GREY[0]).save(tmp_path / "a.png")
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 10)
    with pytest.raises(InputError, match="bomb"):
        open_clip(tmp_path / "a.png")


def test_named_arrays_of_an_npz(tmp_path):
    path = many(tmp_path / "a.npz", x=GREY, other=COLOUR)
    assert torch.equal(open_clip(path).read(), as_clip(GREY))
    with zipfile.ZipFile(tmp_path / "b.npz", "w") as file:
        buffer = io.BytesIO()
        np.save(buffer, np.array([{}]), allow_pickle=True)
        file.writestr("x.npy", buffer.getvalue())
    for name in ("b.npz", "b.npz:x"):
        with pytest.raises(InputError, match="a pickle"):
            open_clip(tmp_path / name)


def test_cover_art_is_not_the_video(tmp_path):
    clip = with_cover(tmp_path / "a.mp4", GREY)
    with av.open(str(clip)) as file:
        assert [bool(s.disposition & av.stream.Disposition.attached_pic) for s in file.streams.video].count(True) == 1
    assert torch.equal(open_clip(clip).read(), as_clip(GREY))


# ------------------------------------------------------------------------------------------------------------ masks

HALF = np.zeros((H, W), np.uint8)
HALF[:, 5:], HALF[0, 0] = 255, 100
KEEP = torch.from_numpy(HALF > 128)
MASKS = {
    "picture": lambda d: (Image.fromarray(HALF).save(d / "m.png"), d / "m.png")[1],
    "folder": lambda d: folder(d / "m", [HALF] * 3, ".png"),
    "video": lambda d: encoded(d / "m.mkv", np.stack([HALF] * 3), "ffv1", "gray"),
    "array": lambda d: saved(d / "m.npy", HALF),
    "bool": lambda d: saved(d / "m.npy", HALF > 128),
    "zeros and ones": lambda d: saved(d / "m.npy", np.stack([HALF // 255] * 3)),
    "floats": lambda d: saved(d / "m.npy", (HALF / 255)[None, None]),
    "colour": lambda d: folder(d / "m", [np.stack([HALF] * 3, -1)] * 3, ".png"),
}


@pytest.mark.parametrize("name", MASKS)
def test_masks(tmp_path, name):
    mask = read_mask(MASKS[name](tmp_path), (3, 3, H, W))
    assert (mask.dtype, mask.shape) == (torch.bool, (3, 1, H, W))
    assert torch.equal(mask, KEEP.expand(3, 1, H, W))


BOX = np.zeros((H, W), bool)
BOX[4:12, 6:20] = True


def paletted(path, picture, colours):
    image = Image.fromarray(picture.astype(np.uint8), "P")
    image.putpalette([*np.ravel(colours), *[0] * (768 - np.size(colours))])
    image.save(path)
    return path


def with_alpha(path, alpha, colour=0):
    layers = np.full((H, W, 4), colour, np.uint8)
    layers[..., 3] = alpha
    Image.fromarray(layers).save(path)
    return path


def picture(path, values):
    Image.fromarray(values).save(path)
    return path


def written(path, values, **how):
    """By tifffile, for which True of an array of bool is black."""
    tifffile.imwrite(path, values, **how)
    return path


def noisy():
    """A mask as JPEG leaves it."""
    rng = np.random.default_rng(0)
    return np.where(BOX, rng.integers(0, 6, BOX.shape), rng.integers(250, 256, BOX.shape)).astype(np.uint8)


DRESSES = {  # name: (maker, what is said, True where kept)
    "zeros and ones": (lambda d: picture(d / "m.png", (~BOX).astype(np.uint8)), None, ~BOX),
    "12 bits": (lambda d: picture(d / "m.png", np.where(BOX, 0, 4095).astype(np.uint16)), None, ~BOX),
    "12 bits, TIFF": (lambda d: picture(d / "m.tif", np.where(BOX, 0, 4095).astype(np.uint16)), None, ~BOX),
    "half white": (lambda d: picture(d / "m.png", np.where(BOX, 0, 128).astype(np.uint8)), None, ~BOX),
    "of JPEG": (lambda d: picture(d / "m.png", noisy()), None, ~BOX),
    "limited range": (lambda d: picture(d / "m.png", np.where(BOX, 16, 235).astype(np.uint8)), None, ~BOX),
    "white where it is filled in": (lambda d: picture(d / "m.png", 255 * BOX.astype(np.uint8)), "black", ~BOX),
    "label 2 is kept": (lambda d: picture(d / "m.png", np.where(BOX, 2, 1).astype(np.uint8)), "2", BOX),
    "grey palette": (lambda d: paletted(d / "m.png", BOX, [255, 255, 255, 0, 0, 0]), None, ~BOX),
    "red palette": (lambda d: paletted(d / "m.png", BOX, [0, 0, 0, 128, 0, 0]), "#000000", ~BOX),
    "its other colour": (lambda d: paletted(d / "m.png", BOX, [0, 0, 0, 128, 0, 0]), "#800000", BOX),
    "alpha": (lambda d: with_alpha(d / "m.png", 255 * ~BOX), "opaque", ~BOX),
    "alpha turned round": (lambda d: with_alpha(d / "m.png", 255 * BOX), "transparent", ~BOX),
    "signed": (lambda d: saved(d / "m.npy", np.where(BOX, 0, 1).astype(np.int8)), None, ~BOX),
    "truth in TIFF, 8 bits": (lambda d: written(d / "m.tif", 255 * BOX.astype(np.uint8)), None, BOX),
    "truth in TIFF, its True": (lambda d: written(d / "m.tif", BOX), "black", BOX),
    "truth in TIFF, its False": (lambda d: written(d / "m.tif", BOX), "white", ~BOX),
    "truth in TIFF, white is one": (lambda d: written(d / "m.tif", BOX, photometric="minisblack"), None, BOX),
}


@pytest.mark.parametrize("name", DRESSES)
def test_masks_in_every_dress(name, tmp_path):
    make, keep, kept = DRESSES[name]
    path = make(tmp_path)
    mask, sentence = mask_and_sentence(path, (2, 1, H, W), keep)
    assert torch.equal(mask, torch.from_numpy(kept).expand(2, 1, H, W))
    assert f"keeps {kept.mean():.1%}" in sentence


def greys():
    return np.linspace(0, 255, H * W).reshape(H, W).astype(np.uint8)


@pytest.mark.parametrize(
    ("make", "keep", "words"),
    [
        (lambda d: saved(d / "m.npy", HALF[1:]), None, "the mask is 23x32 .*the clip 24x32 .*resize"),
        (lambda d: saved(d / "m.npy", np.stack([HALF] * 2)), None, "the mask has 2 frames, the clip 3"),
        (lambda d: saved(d / "m.npy", 0 * HALF), None, r"hides every pixel: it holds 0 \(100.0%\)"),
        (lambda d: saved(d / "m.npy", np.ones((H, W), bool)), None, r"hides no pixel.*it holds 1 \(100.0%\)"),
        (lambda d: paletted(d / "m.png", BOX, [0, 0, 0, 128, 0, 0]), None, r"#000000 \(85.4%\), #800000 \(14.6%\)"),
        (lambda d: with_alpha(d / "m.png", 255 * ~BOX), None, r"alpha 255 \(85.4%\), 0 \(14.6%\).*--keep opaque"),
        (lambda d: picture(d / "m.png", greys()), None, "which pixels are kept.*other values.*--keep"),
        (lambda d: picture(d / "m.png", np.where(BOX, 100, 200).astype(np.uint8)), None, r"200 \(85.4%\), 100 "),
        (lambda d: picture(d / "m.png", np.arange(H * W).reshape(H, W).astype(np.uint8) % 3), None, "which pixels"),
        (lambda d: written(d / "m.tif", BOX), None, "True is black, as tifffile writes.*--keep black for those that"),
        (lambda d: written(d / "m.tif", np.stack([BOX] * 3)), None, "True is black"),
        (lambda d: max(written(d / f"{k}.tif", BOX) for k in range(3)).parent, None, "True is black"),
        (lambda d: picture(d / "m.png", HALF), "7", "--keep 7: the mask holds .*expected one of these"),
        (lambda d: picture(d / "m.png", HALF), "opaque", "--keep opaque: the mask holds"),
    ],
)
def test_bad_masks(tmp_path, make, keep, words):
    with pytest.raises(InputError, match=words) as caught:
        read_mask(make(tmp_path), (3, 1, H, W), keep)
    assert "invert" not in str(caught.value)


def test_truth_values_of_which_true_is_black_say_not_what_is_held_out(tmp_path):
    with pytest.raises(InputError, match=r"which pixels are held out.*True is black"):
        read_holdout(written(tmp_path / "m.tif", BOX), (3, 1, H, W))
    held = read_holdout(written(tmp_path / "n.tif", 255 * BOX.astype(np.uint8)), (1, 1, H, W))
    assert torch.equal(held[0, 0], torch.from_numpy(BOX))


def test_a_mask_the_wrong_way_round_is_seen_in_the_clip(tmp_path):
    damaged = GREY[:3].copy()
    damaged[:, BOX] = 0
    clip = open_clip(saved(tmp_path / "a.npy", damaged))
    wrong = torch.from_numpy(BOX).expand(3, 1, H, W)
    check_way_round(clip, ~wrong, "m.png")
    with pytest.raises(InputError, match="wrong way round"):
        check_way_round(clip, wrong, "m.png")


# --------------------------------------------------------------------------------------- video of more than 8 bits

MATRICES = {"BT.601": (5, 0.299, 0.114), "BT.709": (1, 0.2126, 0.0722), "BT.2020": (9, 0.2627, 0.0593)}


def deep(path, name, planes, matrix=2, limited=True):
    """FFV1 of planes as they stand."""
    with av.open(str(path), "w") as out:
        stream = out.add_stream("ffv1", rate=25)
        stream.height, stream.width, stream.pix_fmt = *planes[0].shape, name
        stream.codec_context.colorspace, stream.codec_context.color_range = matrix, 1 if limited else 2
        frame = av.VideoFrame(planes[0].shape[1], planes[0].shape[0], name)
        frame.colorspace, frame.color_range = matrix, 1 if limited else 2
        for plane, values in zip(frame.planes, planes, strict=True):
            rows = np.zeros((plane.height, plane.line_size // 2), "<u2")
            rows[:, : values.shape[1]] = values
            plane.update(rows.tobytes())
        out.mux(stream.encode(frame))
        out.mux(stream.encode(None))
    return path


@pytest.mark.parametrize("limited", [True, False])
@pytest.mark.parametrize("matrix", MATRICES)
@pytest.mark.parametrize("bits", [10, 12])
def test_deep_video_is_what_the_standard_says_of_its_planes(bits, matrix, limited, tmp_path):
    """White is 235 * 2^(bits - 8) in limited range: 940, 3760; ITU-R BT.601, 709 and 2020, computed from the planes."""
    number, red, blue = MATRICES[matrix]
    rng, step, top = np.random.default_rng(bits), 2.0 ** (bits - 8), 2.0**bits - 1
    planes = [rng.integers(round(90 * step), round(160 * step), (16, 32)) for _ in range(3)]
    path = deep(tmp_path / "a.mkv", f"yuv444p{bits}le", planes, number, limited)
    luma = (planes[0] - 16 * step) / (219 * step) if limited else planes[0] / top
    cb, cr = ((p - 128 * step) / (224 * step if limited else top) for p in planes[1:])
    r, b = luma + 2 * (1 - red) * cr, luma + 2 * (1 - blue) * cb
    wanted = np.stack([r, (luma - red * r - blue * b) / (1 - red - blue), b])
    found = open_clip(path).read()[0]
    torch.testing.assert_close(found, torch.tensor(wanted.clip(0, 1), dtype=torch.float32), atol=1e-6, rtol=0)


@pytest.mark.parametrize("name", ["gray10le", "gray12le", "gray16le", "gbrp10le", "gbrp12le"])
def test_deep_grey_and_rgb_are_numbers_over_their_largest(name, tmp_path):
    bits = int(re.search(r"\d+", name)[0])
    count = 3 if name.startswith("gbr") else 1
    planes = [np.random.default_rng(k).integers(0, 2**bits, (16, 32)) for k in range(count)]
    found = open_clip(deep(tmp_path / "a.mkv", name, planes, limited=False)).read()[0]
    wanted = np.stack(planes if count == 1 else [planes[2], planes[0], planes[1]]) / (2**bits - 1)
    torch.testing.assert_close(found, torch.tensor(wanted, dtype=torch.float32), atol=1e-6, rtol=0)


@pytest.mark.parametrize("bits", [10, 12])
def test_white_of_raw_video_is_white(bits, tmp_path):
    ramp = np.linspace(16, 235, 32).round().astype("<u2") * 2 ** (bits - 8)
    luma, chroma = np.broadcast_to(ramp, (16, 32)), np.full((2, 8, 16), 128 * 2 ** (bits - 8), "<u2")
    header = f"YUV4MPEG2 W32 H16 F25:1 Ip A1:1 C420p{bits} XYSCSS=420P{bits}\n".encode()
    (tmp_path / "a.y4m").write_bytes(header + b"FRAME\n" + luma.tobytes() + chroma.tobytes())
    wanted = torch.linspace(16, 235, 32).round().sub(16).div(219).expand(3, 16, 32)
    torch.testing.assert_close(open_clip(tmp_path / "a.y4m").read()[0], wanted, atol=1e-6, rtol=0)


# ------------------------------------------------------------------------------------------------------- real files


def real(path):
    if not (DATA / path).exists():
        pytest.skip(f"{DATA / path} is not here")
    return DATA / path


def test_the_default_one_of_two_video_streams():
    clip = open_clip(real("clips/nasa_13013.mp4"), size=(18, 32))
    assert (clip.shape, clip.rate, clip.has_audio) == ((325, 3, 18, 32), 25, True)
    assert clip.times[-1] == Fraction(324, 25)
    with av.open(str(clip.source)) as file:
        frames = [f.to_ndarray(format="rgb24") for f in itertools.islice(file.decode(video=0), 200, 203)]
    wanted = torch.nn.functional.interpolate(as_clip(np.stack(frames)), (18, 32), mode="bilinear", antialias=True)
    torch.testing.assert_close(clip.read(200, 203), wanted, atol=0.03, rtol=0)


def test_the_walking_folder():
    clip = open_clip(real("paper_clips/walking/seq1"), size=(64, 64))
    assert clip.shape == (80, 3, 64, 64)
    first = clip.read(0, 1)
    assert 0.1 < first.mean() < 0.9
    torch.testing.assert_close(first[:, 0], first[:, 1], atol=0.02, rtol=0)  # grey, stored as colour
