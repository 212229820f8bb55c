"""Files that strangers send to a page, each harmless to the libraries that read it, none of them a clip to recover."""

import io
import json
import os
import struct
import tempfile
import zipfile
import zlib
from pathlib import Path

import numpy as np
from conftest import encode, moving
from desk import measured_file
from PIL import Image


def png_header(width, height):
    """A PNG of a few bytes that says it is of this size."""
    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)

    def chunk(kind, body):
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(b"\0" * 99)) + chunk(b"IEND", b"")


def npy_header(shape, descr="'<f4'"):
    text = f"{{'descr': {descr}, 'fortran_order': False, 'shape': {shape}, }}"
    text += " " * (-(len(text) + 11) % 64) + "\n"
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(text)) + text.encode()


def many_frames(path):
    """An animation of 5000 frames in a few kilobytes."""
    frames = [Image.new("L", (8, 8), k % 251) for k in range(5000)]
    frames[0].save(path, save_all=True, append_images=frames[1:])


def zip_of(path):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as out:
        for k in range(50):
            out.writestr(f"{k}.png", b"\0" * 100_000)


def pickled(path):
    np.save(path, np.array([{"a": 1}], dtype=object), allow_pickle=True)


def cut_video(path):
    encode(path, np.tile(moving(30, 3, 32, 48), 1))
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def large_video(path):
    encode(path, np.zeros((2, 3, 2200, 1200), np.float32))


def broken_video(path):
    """A whole container whose pictures are noise."""
    encode(path, moving(30, 3, 64, 96))
    content = bytearray(path.read_bytes())
    start = content.index(b"mdat") + 60
    content[start : start + 2000] = os.urandom(min(2000, len(content) - start))
    path.write_bytes(content[: path.stat().st_size])


def data_of(shape):
    def write(path):
        measured_file(path)
        content = path.read_bytes()
        path.write_bytes(content.replace(b"[6, 1, 12, 16]", shape))

    return write


def huge_safetensors(path):
    """A header that promises a terabyte."""
    path.write_bytes(struct.pack("<Q", 2**40) + b"{}")


def written(content):
    return lambda path: path.write_bytes(content)


def link(path):
    path.symlink_to("/etc/passwd")


def list_in_other_letters(path):
    """A list of files that does not look like text."""
    path.write_bytes("ffconcat version 1.0\n#é\nfile b.mp4\n".encode())


def nan(path):
    clip = moving()
    clip[2, 0, 3] = np.nan
    np.save(path, clip)


def black_picture(path):
    """A picture of 10^8 black pixels in a hundred kilobytes."""
    Image.new("L", (10_000, 10_000)).save(path)


def picture_of(kind):
    """A picture of some kind under another name."""

    def write(path):
        Image.new("L", (8, 6), 20).save(path, format=kind)

    return write


def archive_in_archives(path):
    """Ten archives inside each other, the innermost of megabytes of zeros."""
    content = b"\0" * 2**22
    for _ in range(10):
        held = io.BytesIO()
        with zipfile.ZipFile(held, "w", zipfile.ZIP_DEFLATED) as out:
            out.writestr("a.npy", content)
        content = held.getvalue()
    path.write_bytes(content)


def film_in_film(path):
    """A film with another one in place of its pictures."""
    encode_as_mp4(path)
    content = path.read_bytes()
    start = content.index(b"mdat") + 4
    path.write_bytes(content[:start] + content)


def encode_as_mp4(path):
    """A film under another name than .mp4."""
    with tempfile.TemporaryDirectory() as folder:
        inner = Path(folder) / "inner.mp4"
        encode(inner, moving(9, 3, 32, 48))
        path.write_bytes(inner.read_bytes())


def gif_header(width, height):
    return b"GIF89a" + struct.pack("<HH", width, height) + b"\xf0\0\0" + b"\0" * 6


def npy_of(**kind):
    return lambda path: np.save(path, np.zeros(**kind))


def infinite(path):
    clip = moving()
    clip[1, 0, 2, 3] = np.inf
    np.save(path, clip)


def safetensors_of(header):
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text


def data_with(old, new):
    """A data file in whose header a word is another one of the same length."""

    def write(path):
        measured_file(path)
        content = path.read_bytes()
        assert old in content
        assert len(old) == len(new)
        path.write_bytes(content.replace(old, new))

    return write


BEYOND = {"y": {"dtype": "F32", "shape": [10**6], "data_offsets": [0, 4 * 10**6]}}
"""A header whose numbers lie behind the end of the file."""

LARGE = r"at most 2,073,600 pixels|decompression bomb|more memory"
NO_FILM, NOT_TAKEN, NO_DATA = r"is no \.\w+ file|damaged", r"not taken", r"expected (a lowreel|its) data file|damaged"
UNREADABLE = r"cannot be read|damaged|is no|cannot read"

HOSTILE = {
    # sizes
    "a picture of 100000x100000": ("a.png", written(png_header(100_000, 100_000)), LARGE),
    "a picture of 2^31 pixels a side": ("a.png", written(png_header(2**31 - 1, 2**31 - 1)), LARGE),
    "a picture of 10^8 black pixels": ("a.png", black_picture, LARGE),
    "a picture of no width": ("a.png", written(png_header(0, 8)), UNREADABLE),
    "an animation of 5000 frames": ("a.gif", many_frames, r"5000 frames; at most 1000"),
    "an animation of 65535x65535": ("a.gif", written(gif_header(65535, 65535)), rf"{LARGE}|{UNREADABLE}|no frames"),
    "a video of large frames": ("a.mp4", large_video, r"2200x1200"),
    "an array of 10^15 numbers": ("a.npy", written(npy_header((10**6, 3, 10**5, 10**4))), r"frames|short|read"),
    "an array of too many frames": ("a.npy", npy_of(shape=(1001, 2, 2), dtype=np.float32), r"1001 frames"),
    "an array of large frames": ("a.npy", npy_of(shape=(1, 2000, 2000), dtype=np.uint8), r"2000x2000"),
    "an array of a negative size": ("a.npy", written(npy_header((-3, 4, 4))), UNREADABLE),
    "an array without numbers": ("a.npy", npy_of(shape=(0, 4, 4)), r"expected|empty|no frames"),
    "an array of seven axes": ("a.npy", npy_of(shape=(2,) * 7), r"axes|expected|shape"),
    "an array whose numbers are missing": ("a.npy", written(npy_header((6, 16, 16))), UNREADABLE),
    "an array whose header is 4 GB long": ("a.npy", written(b"\x93NUMPY\2\0\xff\xff\xff\xff{"), r"more memory"),
    "data of a clip of 10^12 frames": ("a.safetensors", data_of(b"[9999999999,1,12,16]"), r"frames|damaged|header"),
    "a file that promises a terabyte": ("a.safetensors", huge_safetensors, NO_DATA),
    "data behind its own end": ("a.safetensors", written(safetensors_of(BEYOND)), NO_DATA),
    "an empty file": ("a.mp4", written(b""), r"empty"),
    # containers inside containers, and other kinds than the name says
    "an archive": ("a.zip", zip_of, NOT_TAKEN),
    "an archive of arrays": ("a.npz", lambda path: np.savez(path, moving()), NOT_TAKEN),
    "an archive that says it is a video": ("a.mp4", zip_of, NO_FILM),
    "an archive that says it is a picture": ("a.png", zip_of, UNREADABLE),
    "archives in archives that say they are an array": ("a.npy", archive_in_archives, UNREADABLE),
    "a film in a film": ("a.mp4", film_in_film, rf"{NO_FILM}|cut short|cannot|decode"),
    "a picture that says it is a video": ("a.mp4", picture_of("PNG"), NO_FILM),
    "a page of pictures that says it is a video": ("a.avi", picture_of("TIFF"), NO_FILM),
    "a video that says it is a picture": ("a.png", encode_as_mp4, UNREADABLE),
    "a video that says it is another kind": ("a.webm", encode_as_mp4, NO_FILM),
    "a playlist that names files": ("a.mp4", written(b"#EXTM3U\n#EXTINF:1,\n/etc/passwd\n"), r"is a text"),
    "a list of files for the decoder": ("a.mp4", written(b"ffconcat version 1.0\nfile /etc/passwd\n"), r"is a text"),
    "a list that is not plain text": ("a.mp4", list_in_other_letters, NO_FILM),
    "a list of addresses": ("a.mkv", written(b"#EXTM3U\nhttp://127.0.0.1:1/a\n"), r"is a text"),
    # programs
    "a script": ("a.py", written(b"import os"), NOT_TAKEN),
    "a page": ("a.html", written(b"<script>alert(1)</script>"), NOT_TAKEN),
    "a drawing with a script": ("a.svg", written(b"<svg onload='alert(1)'/>"), NOT_TAKEN),
    "a pickled array": ("a.npy", pickled, r"object|pickle|numbers"),
    "an array of texts": ("a.npy", npy_of(shape=(2, 4, 4), dtype="<U5"), r"numbers|type|texts"),
    "an array of times": ("a.npy", npy_of(shape=(2, 4, 4), dtype="<M8[s]"), r"numbers|type|times|datetime"),
    "an array with a program in its header": ("a.npy", written(npy_header((2, 2), "__import__('os')")), r"read|array"),
    "an array of a later version": ("a.npy", written(b"\x93NUMPY\x09\0" + b"\0" * 99), r"holds no array"),
    "weights that are a pickle": ("a.pth", written(b"\x80\x04."), NOT_TAKEN),
    "a program": ("a.exe", written(b"MZ"), NOT_TAKEN),
    "data of an operator of somebody": (
        "a.safetensors",
        data_with(b"missing", b"os:exec"),
        r"operator|unknown|kind",
    ),
    "a header of a hundred thousand brackets": ("a.safetensors", written(safetensors_of(b"[" * 10**5)), NO_DATA),
    # damage
    "an array with holes": ("a.npy", nan, r"NaN"),
    "an array that is infinite": ("a.npy", infinite, r"NaN|inf"),
    "a video cut short": ("a.mp4", cut_video, r"is no .mp4 file|cut short"),
    "a video of noise": ("a.mp4", broken_video, r"damaged|decode|cut short|cannot"),
    "data that is not of its shape": ("a.safetensors", data_of(b"[6, 1, 16, 12]"), r"expected|shape|mask|operator"),
    "data without a header": ("a.safetensors", written(safetensors_of({})), NO_DATA),
    # names
    "a link": ("a.png", link, r"That is no file"),
    "a name of a script": ("<img src=x onerror=alert(1)>.mp4", written(b"\0" * 99), NO_FILM),
    "a name that is a flag": ("--resume.exe", written(b"MZ"), NOT_TAKEN),
    "a name that leads elsewhere": ("../../../etc/passwd.mp4", written(b"\0" * 99), NO_FILM),
    "a name of 5000 letters": ("a" * 5000 + ".mp4", written(b"\0" * 99), NO_FILM),
    "a name with a zero byte": ("a.py\0.mp4", written(b"\0" * 99), NO_FILM),
    "a name of lines and colours": ("\x1b[31m\r\n.mp4", written(b"\0" * 99), NO_FILM),
    "a name that reads backwards": ("gnp.\u202eexe", written(b"MZ"), NOT_TAKEN),
    "a name without an end": ("clip", written(b"\0" * 99), NOT_TAKEN),
}
"""What it is: its name, how it is written, and words of the sentence that refuses it."""
