"""Files that are not read: what they are, and how to make of them one that is."""

from __future__ import annotations

from pathlib import Path

TO_NIFTI = "nibabel.Nifti1Image.from_image(nibabel.load(FILE)).to_filename('new.nii.gz')"

WITH_ITK = "SimpleITK.WriteImage(SimpleITK.ReadImage(FILE), 'new.nii.gz')"

MINC = f"a part of MINC, whose slices have scales of their own; make it NIfTI: {TO_NIFTI}"

VOLUMES = {
    **dict.fromkeys((".mgz", ".mgh"), "FreeSurfer"),
    **dict.fromkeys((".par", ".rec"), "Philips"),
    **dict.fromkeys((".brik", ".brik.gz", ".head"), "AFNI"),
    **dict.fromkeys((".mnc",), "MINC"),
    **dict.fromkeys((".img", ".img.gz", ".hdr"), "ANALYZE or NIfTI in two files"),
}
"""Volumes that nibabel reads, by the ends of their names."""

FITS = "FITS, which is not read; make it .npy: numpy.save('new.npy', astropy.io.fits.getdata(FILE, uint=False))"
"""Without uint=False what is missing (BLANK) among unsigned numbers is a number like any other."""

HDF_4 = b"\x0e\x03\x13\x01"

ENVI = (
    "ENVI, which is not read; make it .npy, bands as frames: "
    "numpy.save('new.npy', numpy.moveaxis(spectral.open_image('{header}').load(), 2, 0))"
)
ENVI_MARK = b"ENVI"
"""What the header of an ENVI file begins with; its numbers stand in a file beside it, of the same name."""

GRIB = "GRIB, which is not read; make it NetCDF: xarray.open_dataset(FILE, engine='cfgrib').to_netcdf('new.nc')"

EVENTS = (
    "events of a camera, and no frames; count them into frames and save these as .npy: numpy.histogramdd((t, y, x), "
    "(T, H, W), ((0, t.max() + 1), (0, H), (0, W)))[0] of the events that aedat, event_stream or evt3 reads"
)

RAW_PICTURES = (".dng", ".cr2", ".nef", ".arw")
"""Pictures of cameras, before colours are filled in; they are TIFF inside."""

RAW_MOSAIC = (
    "a mosaic of a colour sensor, each pixel of one colour; make it .npy: numpy.save('new.npy', "
    "rawpy.imread(FILE).raw_image_visible), which times the mask of lowreel.operators.Bayer is data to recover from"
)

DAVIS = (
    "of LaVision's DaVis; make it .npy: numpy.save('new.npy', "
    "[frame.as_masked_array().filled(numpy.nan) for frame in lvpyio.read_buffer(FILE)])"
)

BARE_NUMBERS = (
    "numbers that do not say what they are; make them .npy: "
    "numpy.save('new.npy', numpy.fromfile(FILE, dtype).reshape(T, H, W))"
)

TWIX = "; raw data of a Siemens scanner becomes ISMRMRD: siemens_to_ismrmrd -f FILE -o new.h5"

MICROSCOPES = (".czi", ".nd2", ".lif", ".oib", ".oif", ".vsi", ".ims", ".dv")
"""Files of microscopes that Bio-Formats reads."""


OTHERS = {
    **dict.fromkeys((".nrrd", ".nhdr"), f"NRRD; make it NIfTI: {WITH_ITK}; a list of pictures is new.nii.gz:T=u"),
    **dict.fromkeys((".mha", ".mhd"), f"MetaImage; make it NIfTI: {WITH_ITK}, which leaves out slope and offset of the "
                    "header (ElementToIntensityFunctionSlope, -Offset)"),
    **dict.fromkeys((".mrc", ".mrcs", ".map"), "MRC; make it .npy: numpy.save('new.npy', mrcfile.read(FILE))"),
    **dict.fromkeys((".fits", ".fit", ".fts"), FITS),
    **dict.fromkeys((".pt", ".pth"), "a tensor of torch; make it .npy: numpy.save('new.npy', tensor.numpy())"),
    **dict.fromkeys((".pkl", ".pickle", ".joblib"), "a pickle, which may run any program; numpy.save its array"),
    ".safetensors": "of tensors, and no clip; make it .npy: numpy.save('new.npy', "
                    "safetensors.numpy.load_file(FILE)['NAME'])",
    **dict.fromkeys((".csv", ".txt"), "text; make it .npy: numpy.save('new.npy', numpy.loadtxt(FILE))"),
    **dict.fromkeys((".raw", ".bin"), BARE_NUMBERS),
    ".dat": BARE_NUMBERS + TWIX,
    ".mraw": "of a Photron camera; make it .npy: numpy.save('new.npy', pyMRAW.load_video('NAME.cihx')[0])",
    **dict.fromkeys((".grib", ".grib2", ".grb", ".grb2"), GRIB),
    **dict.fromkeys((".aedat4", ".aedat", ".es"), EVENTS),
    **dict.fromkeys(RAW_PICTURES, RAW_MOSAIC),
    ".im7": DAVIS,
    **dict.fromkeys((".pdf", ".html", ".json", ".jsonl", ".toml", ".md"),
                    "a page or text, and no clip; to look at a run give its folder"),
    **dict.fromkeys((".zip", ".tar", ".gz", ".tgz"), "packed; unpack it first"),
}  # fmt: skip
"""Files of other kinds, and what to make of them."""


STARTS = {b"SIMPLE  =": FITS, b"GRIB": GRIB, b"#!AER-DAT": EVENTS, b"Event Stream": EVENTS}
"""What others begin with."""

EVENT_LINES = (b"% evt ", b"% format EVT", b"% Data file containing CD events")
"""One of these stands in the header of events by Prophesee's cameras, whose lines all begin with a percent sign."""


def advice(path: Path) -> str | None:
    """What a file of another kind is by its name, and what to do with it; None where its name tells nothing."""
    if header := _envi_header(path):
        return f"is the data of {ENVI.format(header=header)}"
    name = path.name.lower()
    for end, kind in VOLUMES.items():
        if name.endswith(end):
            return f"by its name it is a volume of {kind}, which is not read; make it NIfTI: {TO_NIFTI}"
    for end, told in OTHERS.items():
        if name.endswith(end):
            return f"by its name it is {told}"
    if name.endswith(MICROSCOPES):
        return "by its name it is of a microscope, which is not read; make it OME-TIFF: bfconvert FILE new.ome.tif"
    return None


def _envi_header(path: Path) -> str | None:
    """The name of the ENVI header of a file of numbers, NAME.hdr beside NAME or NAME.img; None where it has none."""
    for header in (path.with_suffix(".hdr"), path.with_name(path.name + ".hdr")):
        if header.is_file():
            with open(header, "rb") as file:
                if file.read(len(ENVI_MARK)) == ENVI_MARK:
                    return header.name
    return None


def advice_by_content(path: Path, start: bytes) -> str | None:
    """What a file is by its first bytes, where a reader of videos would take it for a picture with other numbers in it,
    or would not know it; None for all others."""
    if start.startswith(HDF_4):
        return "is HDF 4, which is not read; make it HDF5: h4toh5convert FILE new.h5"
    if start.startswith(ENVI_MARK):
        return f"is the header of {ENVI.format(header=path.name)}"
    if start.startswith(b"% ") and any(line in start for line in EVENT_LINES):
        return f"is {EVENTS}"
    return next((f"is {kind}" for mark, kind in STARTS.items() if start.startswith(mark)), None)
