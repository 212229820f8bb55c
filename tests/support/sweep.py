"""Kinds of files x types of numbers x channels x one file, a folder, a folder of stacks: right, or refused.

    python tests/support/sweep.py [KIND ...]

writes each with the library that its own people keep, reads it with an independent witness, opens it with the product
and gives it to `lowreel measure`. Right: the numbers are the witness's to 1e-6 after the documented scaling, and the
exit code is 0. Refused: one sentence, and exit code 2. Prints the count of each by kind, and what is neither; the exit
code is 1 where there is such.
"""

import contextlib
import io
import os
import sys
import tempfile
from collections import Counter
from pathlib import Path

sys.path.append(str(Path(__file__).parents[1]))

import av
import formats
import h5py
import imagecodecs
import ismrmrd
import numpy as np
import pydicom
import scipy.io
import tifffile
from conftest import moving
from foreign import frames_last, mat5, mat7, mat73

TYPES = {
    "8 bits": lambda x: (x * 255).astype("u1"),
    "12 in 16 bits": lambda x: (x * 4095).astype("u2"),
    "16 bits": lambda x: (x * 65535).astype("u2"),
    "float": lambda x: (x * 3 - 1).astype("f4"),
    "signed": lambda x: (x * 4095 - 2000).astype("i2"),
    "complex": lambda x: (x * np.exp(1j * x)).astype("c8"),
}
CHANNELS = {"grey": 1, "colour": 3, "two channels": 2}
ARRANGEMENTS = ("one file", "folder", "folder of stacks")


def _frames_first(values):
    return values if values.ndim == 4 else values[:, None]


def tiff(path, clip, **options):
    """A page a frame; two channels by their own axis, where the dialect knows one."""
    colour, two = clip.shape[1] == 3, clip.shape[1] == 2
    pages = clip.transpose(0, 2, 3, 1) if colour else clip if two else clip[:, 0]
    if options.get("imagej") and (clip.dtype.kind in "ic" or (colour and clip.dtype != np.uint8)):
        return None  # ImageJ knows no such type
    axes = {"metadata": {"axes": "TYXS" if colour else "TCYX" if two else "TYX"}} if len(options) else {}
    tifffile.imwrite(path, pages, photometric="rgb" if colour else "minisblack", **axes, **options)
    return path


def tiff_read(path):
    with tifffile.TiffFile(path) as file:
        axes, values = file.series[0].axes, file.series[0].asarray()
    values = np.moveaxis(values, -1, -3) if axes.endswith("S") else values
    return values.reshape(-1, 3 if axes.endswith("S") else 1, *values.shape[-2:])


def npy(path, clip):
    np.save(path, clip[:, 0] if clip.shape[1] == 1 else clip)
    return path


def ismrmrd_images(path, clip):
    """A series of images; colours and channels as coils."""
    if clip.dtype == np.uint8:
        return None
    with ismrmrd.Dataset(str(path)) as file:
        for frame in clip:
            file.append_image("image_0", ismrmrd.Image.from_array(frame[:, None], transpose=False))
    return path


def ismrmrd_read(path):
    with h5py.File(path) as file:
        return file["dataset/image_0/data"][()][:, :, 0]


def kspace(path, clip):
    """fastMRI's names."""
    if clip.dtype.kind != "c":
        return None
    with h5py.File(path, "w") as file:
        file["kspace"], file["mask"] = clip, np.ones(clip.shape[-1], "f4")
    return path


def picture(encode, decode, deep=False):
    """Writer and witness of one picture a file."""

    def write(path, clip):
        kinds = ("u1", "u2") if deep else ("u1",)
        if len(clip) > 1 or clip.dtype not in kinds or clip.shape[1] == 2:
            return None
        path.write_bytes(encode(np.ascontiguousarray(clip[0].transpose(1, 2, 0).squeeze())))
        return path

    def read(path):
        values = decode(path.read_bytes())
        return (values[None] if values.ndim == 2 else values.transpose(2, 0, 1))[None]

    return write, read


def _coloured(picture):
    """WebP knows no grey."""
    return picture if picture.ndim == 3 else np.repeat(picture[..., None], 3, -1)


PIXELS = {("u1", 1): "gray", ("u1", 3): "bgr0", ("u2", 1): "gray16le", ("u2", 3): "gbrp16le"}
TWELVE = {1: "gray12le", 3: "gbrp12le"}


def ffv1(path, clip):
    """Lossless, in the format of its bits: grey, or planes of green, blue and red."""
    if clip.dtype.kind != "u" or clip.shape[1] == 2:
        return None
    twelve = clip.dtype == np.uint16 and clip.max() < 4096
    form = TWELVE[clip.shape[1]] if twelve else PIXELS[clip.dtype.str[1:], clip.shape[1]]
    with av.open(str(path), "w") as out:
        stream = out.add_stream("ffv1", rate=25)
        stream.height, stream.width, stream.pix_fmt = *clip.shape[2:], form
        for frame in clip:
            planes = frame if len(frame) == 1 else frame[[1, 2, 0]]
            if form == "bgr0":  # blue, green, red and nothing, pixel by pixel
                planes = [np.stack([*frame[::-1], 0 * frame[0]], -1).reshape(clip.shape[2], -1)]
            made = av.VideoFrame(clip.shape[3], clip.shape[2], form)
            for plane, values in zip(made.planes, planes, strict=True):
                rows = np.zeros((plane.height, plane.line_size), "u1")
                rows[:, : values.shape[1] * values.itemsize] = np.ascontiguousarray(values).view("u1")
                plane.update(rows)
            out.mux(stream.encode(made))
        out.mux(stream.encode())
    return path


def ffv1_read(path):
    """The planes as FFmpeg decodes them, over the white of their format: grey levels."""
    found = []
    with av.open(str(path)) as file:
        for frame in file.decode(video=0):
            bits = frame.format.components[0].bits
            kind = "u1" if bits == 8 else "<u2"
            step = 4 if frame.format.name == "bgr0" else 1
            planes = [np.frombuffer(p, kind).reshape(p.height, -1)[:, : step * p.width] for p in frame.planes]
            if step > 1:
                planes = [planes[0][:, k::4] for k in (1, 0, 2)]
            found.append(np.stack(planes if len(planes) == 1 else [planes[2], planes[0], planes[1]]) / (2**bits - 1))
    return np.stack(found)


def y4m(path, clip):
    """Limited range of 8, 10 and 12 bits, grey in the luma; 4:4:4 chroma at zero."""
    if clip.dtype.kind != "u" or clip.shape[1] > 1:
        return None
    bits = {"u1": 8, "u2": 12 if clip.max() < 4096 else 10}[clip.dtype.str[1:]]
    step, kind = 2 ** (bits - 8), "u1" if bits == 8 else "<u2"
    luma = np.rint(16 * step + 219 * step * (clip[:, 0] / float(clip.max()))).astype(kind)
    chroma = np.full((2, *luma.shape[1:]), 128 * step, kind).tobytes()
    tag = "C444" if bits == 8 else f"C444p{bits} XYSCSS=444P{bits}"
    header = f"YUV4MPEG2 W{clip.shape[3]} H{clip.shape[2]} F25:1 Ip A1:1 {tag}\n".encode()
    path.write_bytes(header + b"".join(b"FRAME\n" + frame.tobytes() + chroma for frame in luma))
    return path


def y4m_read(path):
    """By ITU-R BT.601 and BT.2020: black at 16, white at 235 of 8 bits. Of 8 bits FFmpeg gives bytes."""
    header, _, content = path.read_bytes().partition(b"\n")
    words = {word[:1]: word[1:].decode() for word in header.split()[1:] if word[:1] in (b"W", b"H", b"C")}
    bits = int(words[b"C"][4:] or 8)
    width, height, kind = int(words[b"W"]), int(words[b"H"]), "u1" if bits == 8 else "<u2"
    size = 3 * width * height * np.dtype(kind).itemsize + 6
    frames = [content[k + 6 : k + size] for k in range(0, len(content), size)]
    luma = np.stack([np.frombuffer(f, kind)[: width * height].reshape(1, height, width) for f in frames])
    step = 2 ** (bits - 8)
    grey = np.clip((luma - 16.0 * step) / (219 * step), 0, 1)
    return np.repeat(np.rint(255 * grey) / 255 if bits == 8 else grey, 3, 1)


def prores(path, clip):
    """4:2:2 of 10 bits, limited range, grey; lossy, so that the witness starts from its planes."""
    if clip.dtype != np.uint16 or clip.shape[1] > 1:
        return None
    luma = np.rint(64 + 876 * (clip[:, 0] / float(clip.max()))).astype("<u2")
    with av.open(str(path), "w") as out:
        stream = out.add_stream("prores_ks", rate=25)
        stream.height, stream.width, stream.pix_fmt = *clip.shape[2:], "yuv422p10le"
        for values in luma:
            made = av.VideoFrame(clip.shape[3], clip.shape[2], "yuv422p10le")
            for plane, filled in zip(made.planes, (values, *2 * [np.full_like(values[:, ::2], 512)]), strict=True):
                rows = np.zeros((plane.height, plane.line_size), "u1")
                rows[:, : 2 * filled.shape[1]] = np.ascontiguousarray(filled).view("u1")
                plane.update(rows)
            out.mux(stream.encode(made))
        out.mux(stream.encode())
    return path


def prores_read(path):
    found = []
    with av.open(str(path)) as file:
        for frame in file.decode(video=0):
            planes = [np.frombuffer(p, "<u2").reshape(p.height, -1)[:, : p.width] for p in frame.planes]
            assert all((p == 512).all() for p in planes[1:])
            found.append(np.clip((planes[0] - 64.0) / 876, 0, 1))
    return np.repeat(np.stack(found)[:, None], 3, 1)


def _mat_read(path):
    values = scipy.io.loadmat(path)["x"]
    return _frames_first(np.moveaxis(values, -1, 0) if values.ndim == 3 else values.transpose(3, 2, 0, 1))


def _mat73_read(path):
    with h5py.File(path) as file:
        values = file["x"][()]
    return values.transpose(0, 1, 3, 2) if values.ndim == 4 else values.transpose(0, 2, 1)[:, None]


def _mat(write):
    return lambda path, clip: write(path, x=frames_last(clip) if clip.shape[1] != 2 else clip.transpose(2, 3, 1, 0))


SWEPT = {
    **formats.FORMATS,
    "tiff": ("a.tif", tiff, tiff_read),
    "BigTIFF": ("a.btf", lambda p, x: tiff(p, x, bigtiff=True), tiff_read),
    "tiff, deflate": ("a.tif", lambda p, x: tiff(p, x, compression="zlib"), tiff_read),
    "ImageJ": ("a.tif", lambda p, x: tiff(p, x, imagej=True), tiff_read),
    "OME-TIFF": ("a.ome.tif", lambda p, x: tiff(p, x, ome=True), tiff_read),
    "npy": ("a.npy", npy, lambda p: _frames_first(np.load(p))),
    "npz": ("a.npz", lambda p, x: (np.savez(p, x=x), p)[1], lambda p: np.load(p)["x"]),
    "MATLAB 6": ("a.mat", _mat(mat5), _mat_read),
    "MATLAB 7": ("a.mat", _mat(mat7), _mat_read),
    "MATLAB 7.3": ("a.mat", _mat(mat73), _mat73_read),
    "ISMRMRD images": ("a.h5", ismrmrd_images, ismrmrd_read),
    "fastMRI": ("a.h5", kspace, None),
    "PNG": ("a.png", *picture(imagecodecs.png_encode, imagecodecs.png_decode, deep=True)),
    "JPEG": ("a.jpg", *picture(lambda x: imagecodecs.jpeg8_encode(x, level=95), imagecodecs.jpeg8_decode)),
    "WebP": (
        "a.webp",
        *picture(lambda x: imagecodecs.webp_encode(_coloured(x), lossless=True), imagecodecs.webp_decode),
    ),
    "BMP": ("a.bmp", *picture(imagecodecs.bmp_encode, imagecodecs.bmp_decode)),
    "FFV1": ("a.mkv", ffv1, ffv1_read),
    "ProRes": ("a.mov", prores, prores_read),
    "y4m": ("a.y4m", y4m, y4m_read),
}
STILLS = ("PNG", "JPEG", "WebP", "BMP")
"""Kinds with one picture in a file."""

GREY_LEVELS = ("FFV1", "ProRes", "y4m")
"""Kinds whose witness gives grey levels, not numbers of the file."""


def arranged(folder, kind, clip, arrangement):
    """The path to open, and the witness's numbers of it; None where the kind has no place for such numbers."""
    name, write, witness = SWEPT[kind]
    if arrangement == "one file":
        path = write(folder / name, clip[:1] if kind in STILLS else clip)
        return path and (path, witness and (lambda: witness(path)))
    parts = [clip[k : k + 1] for k in range(len(clip))] if arrangement == "folder" else [clip[:2], clip[2:]]
    inside = folder / "frames"
    inside.mkdir()
    paths = [write(inside / f"{k}{name[1:]}", part) for k, part in enumerate(parts)]
    if None in paths:
        return None
    if kind == "dicom":
        for k, path in enumerate(paths):
            header = pydicom.dcmread(path)
            header.InstanceNumber, header.SeriesInstanceUID = k + 1, "1.2.3"
            header.SOPInstanceUID = header.file_meta.MediaStorageSOPInstanceUID = f"1.2.3.4.{k}"
            if len(parts[k]) == 1:
                del header.NumberOfFrames
            header.save_as(path)
    return inside, witness and (
        lambda: np.concatenate([_dicom_frames(p) if kind == "dicom" else witness(p) for p in paths])
    )


def _dicom_frames(path):
    header = pydicom.dcmread(path)
    values = pydicom.pixels.apply_rescale(header.pixel_array, header)
    values = values if int(header.get("NumberOfFrames", 1)) > 1 else values[None]
    return values.transpose(0, 3, 1, 2) if values.ndim == 4 else values[:, None]


def outcome(folder, kind, number, channels, arrangement, commands=True):
    """One case: "right", "refused", "no such file", or what is wrong, in words; and what the product said.

    commands: whether `lowreel measure` is run too.
    """
    from lowreel.errors import InputError
    from lowreel.io.video import open_clip

    made = arranged(folder, kind, TYPES[number](moving(4, CHANNELS[channels])), arrangement)
    if made is None:
        return "no such file", ""
    path, witness = made
    code, said = (
        (None, "") if not commands else _exit_code(f"measure missing {path} --ratio 0.5 -o {folder / 'y.safetensors'}")
    )
    try:
        clip = open_clip(path)
        found = clip.read().double().numpy() * clip.scale + clip.offset
    except InputError as error:
        is_told = "\n" not in str(error) and (not commands or (code == 2 and len(said.strip().splitlines()) == 1))
        return ("refused" if is_told else f"exit code {code}, said {said!r}"), str(error)
    if commands and code != 0:
        return f"read, but exit code {code}", said
    wanted = None if witness is None else witness()
    if wanted is None:
        return "read, and there is no witness", ""
    found = found / clip.scale if kind in GREY_LEVELS else found
    if found.shape != wanted.shape:
        return f"wrong: {found.shape}, the witness {wanted.shape}", ""
    far = float(np.abs(found - wanted).max() / np.abs(wanted).max())
    return ("right" if far <= 1e-6 else f"wrong by {far:.3g}"), ""


def _exit_code(line):
    """Exit code and what is said on stderr of a command line, run in this process."""
    from lowreel.cli import main

    said = io.StringIO()
    with contextlib.redirect_stderr(said), contextlib.redirect_stdout(io.StringIO()):
        try:
            main(line.split())
        except SystemExit as ending:
            return ending.code, said.getvalue()
    return None, said.getvalue()


def swept(kinds=tuple(SWEPT), commands=True):
    """Every case of these kinds: (kind, number, channels, arrangement), its outcome, and what was said."""
    for kind in kinds:
        for arrangement in ARRANGEMENTS:
            for number in TYPES:
                for channels in CHANNELS:
                    with tempfile.TemporaryDirectory() as folder:
                        case = (kind, number, channels, arrangement)
                        yield case, *outcome(Path(folder), *case, commands)


def main():
    """Print the table, and what is neither right nor refused."""
    os.environ["COLUMNS"] = "1000"
    counts, others = {}, []
    for (kind, *case), result, said in swept(tuple(sys.argv[1:]) or tuple(SWEPT)):
        known = result if result in ("right", "refused", "no such file") else "neither"
        counts.setdefault(kind, Counter())[known] += 1
        if known == "neither":
            others.append(f"{kind}, {', '.join(case)}: {result} {said}")
    print(f"{'kind of file':<28}{'right':>8}{'refused':>9}{'neither':>9}{'no such file':>14}")
    for kind, count in [*counts.items(), ("all", sum(counts.values(), Counter()))]:
        print(f"{kind:<28}{count['right']:>8}{count['refused']:>9}{count['neither']:>9}{count['no such file']:>14}")
    print(*others, sep="\n")
    sys.exit(1 if others else 0)


if __name__ == "__main__":
    main()
