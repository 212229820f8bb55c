"""Files of the field, written and read by the libraries that their own people keep: witnesses of the product's readers.

A writer takes a clip (T, C, H, W) as NumPy has it, and gives the path; None where the kind has no place for such
numbers. What it stores, a witness reads as (T, C, H, W) after the scaling that the kind documents.
"""

import h5py
import netCDF4
import nibabel
import numpy as np
import pydicom
import zarr
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian, MultiFrameTrueColorSecondaryCaptureImageStorage

PACKED = ("f4", 0.25, 10.0)


def netcdf(path, clip, kind="NETCDF4", packed=False, name="sst"):
    """time, channel (where there is more than one), lat, lon, with coordinates; packed in int16 on request."""
    if clip.dtype.kind == "c" or (kind != "NETCDF4" and clip.dtype.kind == "u"):
        return None
    with netCDF4.Dataset(path, "w", format=kind) as file:
        sizes = {"time": clip.shape[0], "channel": clip.shape[1], "lat": clip.shape[2], "lon": clip.shape[3]}
        names = [n for n in sizes if n != "channel" or sizes[n] > 1]
        for dimension in names:
            file.createDimension(dimension, sizes[dimension])
        for dimension, units, first in (("time", "days since 2017-01-01", 0.5), ("lat", "degrees_north", 30)):
            axis = file.createVariable(dimension, "f8", (dimension,))
            axis.units = units
            axis[:] = first + np.arange(sizes[dimension])
        stored = "i2" if packed else clip.dtype.str[1:]
        variable = file.createVariable(name, stored, names, fill_value=-999 if packed else False)
        variable.set_auto_maskandscale(False)
        variable.units, file.title = "degree_Celsius", "a test"
        if packed:
            variable.scale_factor, variable.add_offset = 0.25, 10.0
            clip = np.rint((clip.astype(float) - 10) / 0.25)
        variable[:] = clip.reshape([sizes[n] for n in names]).astype(stored)
    return path


def netcdf_read(path, name="sst"):
    with netCDF4.Dataset(path) as file:
        found = file[name][:]
        assert not np.ma.getmaskarray(found).any() or found.dtype == np.uint8
        values = np.ma.getdata(found)
    return values if values.ndim == 4 else values[:, None]


def hdf5_read(path):
    with h5py.File(path) as file:
        values = file["x"][()]
    return values if values.ndim == 4 else values[:, None]


def hdf5(path, clip):
    with h5py.File(path, "w") as file:
        file["x"] = clip[:, 0] if clip.shape[1] == 1 else clip
    return path


def nifti(path, clip, slope=None):
    """x, y, one slice, t; colour as RGB24, two channels along the fifth axis."""
    volume = clip.transpose(3, 2, 0, 1)[:, :, None]
    if clip.shape[1] == 3:
        if clip.dtype != np.uint8:
            return None
        volume = np.ascontiguousarray(volume).view([("R", "u1"), ("G", "u1"), ("B", "u1")])
    volume = volume[..., 0] if volume.shape[-1] == 1 else volume
    image = nibabel.Nifti1Image(volume, np.array([[0, 2, 0, 5], [3, 0, 0, 6], [0, 0, 4, 7], [0, 0, 0, 1.0]]))
    image.header.set_xyzt_units("mm", "msec")
    if volume.dtype.names is None:
        image.header.set_zooms((3, 2, 4, 40, *(1,) * (volume.ndim - 4)))
    if slope:
        image.header.set_data_dtype(np.int16)
        image.header.set_slope_inter(*slope)
    nibabel.save(image, path)
    return path


def nifti_read(path):
    image = nibabel.load(path)
    if image.get_data_dtype().names:
        values = np.asarray(image.dataobj)
        return np.stack([values[n] for n in "RGB"], -1)[:, :, 0].transpose(2, 3, 1, 0)
    return image.get_fdata()[:, :, 0].transpose(2, 1, 0)[:, None]


def dicom(path, clip, bits=None, **more):
    """A multi-frame secondary capture, at 20 frames a second."""
    if clip.dtype.kind not in "iu" or clip.shape[1] == 2:
        return None
    size = 8 * clip.dtype.itemsize
    header, coloured = Dataset(), clip.shape[1] == 3
    header.file_meta = FileMetaDataset()
    header.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    header.SOPClassUID = header.file_meta.MediaStorageSOPClassUID = MultiFrameTrueColorSecondaryCaptureImageStorage
    header.SOPInstanceUID = header.file_meta.MediaStorageSOPInstanceUID = "1.2.3.4"
    header.NumberOfFrames, header.Rows, header.Columns = clip.shape[0], clip.shape[2], clip.shape[3]
    header.SamplesPerPixel, header.PhotometricInterpretation = (3, "RGB") if coloured else (1, "MONOCHROME2")
    if coloured:
        header.PlanarConfiguration = 0
    header.BitsAllocated, header.BitsStored = size, bits or size
    header.HighBit, header.PixelRepresentation = (bits or size) - 1, int(clip.dtype.kind == "i")
    header.FrameTime = "50"
    header.PixelData = np.ascontiguousarray(clip.transpose(0, 2, 3, 1)).tobytes()
    for name, value in more.items():
        setattr(header, name, value)
    header.save_as(path, enforce_file_format=True)
    return path


def dicom_read(path):
    header = pydicom.dcmread(path)
    values = pydicom.pixels.apply_rescale(header.pixel_array, header)
    return values.transpose(0, 3, 1, 2) if int(header.SamplesPerPixel) == 3 else values[:, None]


def zarr_folder(path, clip, version=3):
    """An array alone, its dimensions named where the version can."""
    named = {"dimension_names": ["t", "c", "y", "x"]} if version == 3 else {}
    array = zarr.create_array(str(path), shape=clip.shape, chunks=(1, *clip.shape[1:]), dtype=clip.dtype,
                              zarr_format=version, **named)  # fmt: skip
    array[:] = clip
    return path


def ome_zarr(path, clip):
    """Two levels, axes t, c, z, y, x."""
    group = zarr.open_group(str(path), mode="w", zarr_format=2)
    for level in (0, 1):
        values = clip[:, :, None, :: level + 1, :: level + 1]
        group.create_array(str(level), shape=values.shape, dtype=values.dtype)[:] = values
    kinds = {"t": "time", "c": "channel", "z": "space", "y": "space", "x": "space"}
    axes = [{"name": name, "type": kind} for name, kind in kinds.items()]
    levels = [{"path": str(level)} for level in (0, 1)]
    group.attrs["multiscales"] = [{"version": "0.4", "axes": axes, "datasets": levels}]
    return path


def zarr_read(path):
    found = zarr.open(str(path), mode="r")
    return found["0"][:][:, :, 0] if hasattr(found, "members") else found[:]


def bart(path, clip):
    """As BART's writecfl: complex numbers, the first axis fastest; time is the eleventh axis."""
    if clip.shape[1] > 1:
        return None
    columns, rows, frames = clip.shape[3], clip.shape[2], clip.shape[0]
    clip[:, 0].transpose(2, 1, 0).astype("c8").ravel(order="F").tofile(path)
    dimensions = [columns, rows, *[1] * 8, frames, *[1] * 5]
    path.with_suffix(".hdr").write_text("# Dimensions\n" + " ".join(str(n) for n in dimensions) + "\n")
    return path


def bart_read(path):
    dimensions = [int(n) for n in path.with_suffix(".hdr").read_text().splitlines()[1].split()]
    values = np.fromfile(path, "c8").reshape(dimensions, order="F").squeeze().transpose(2, 1, 0)
    return values.real[:, None] if not values.imag.any() else values[:, None]


FORMATS = {
    "netcdf": ("a.nc", netcdf, netcdf_read),
    "netcdf classic": ("a.nc", lambda p, x: netcdf(p, x, "NETCDF3_CLASSIC"), netcdf_read),
    "netcdf packed": ("a.nc", lambda p, x: None if x.dtype.kind == "c" else netcdf(p, x, packed=True), netcdf_read),
    "netcdf under another name": ("a.h5", netcdf, netcdf_read),
    "hdf5": ("a.h5", hdf5, hdf5_read),
    "nifti": ("a.nii", nifti, nifti_read),
    "nifti packed": ("a.nii.gz", nifti, nifti_read),
    "dicom": ("a.dcm", dicom, dicom_read),
    "zarr 2": ("a.zarr", lambda p, x: zarr_folder(p, x, 2), zarr_read),
    "zarr 3": ("a.zarr", zarr_folder, zarr_read),
    "ome-zarr": ("a.zarr", ome_zarr, zarr_read),
    "bart": ("a.cfl", bart, bart_read),
}
