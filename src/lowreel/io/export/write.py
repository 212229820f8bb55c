"""Which writer a name asks for."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from ...errors import InputError
from ...system.files import atomic_folder, atomic_write
from .array_files import write_hdf5, write_mat, write_npy, write_npz
from .clip import Delivered
from .dicom import write_dicom
from .netcdf import write_netcdf
from .nifti import write_nifti
from .tiff import write_tiff
from .zarr_folders import write_zarr

KINDS: dict[str, Callable[[Path, Delivered], list[str]]] = {
    ".tif": write_tiff,
    ".tiff": write_tiff,
    ".nii": write_nifti,
    ".nii.gz": write_nifti,
    ".nc": write_netcdf,
    ".dcm": write_dicom,
    ".zarr": write_zarr,
    ".npy": write_npy,
    ".npz": write_npz,
    ".mat": write_mat,
    ".h5": write_hdf5,
    ".hdf5": write_hdf5,
}
"""By the end of the name; each writes a file and returns sentences about what it left out."""


def export_clip(path: str | Path, clip: Delivered) -> list[str]:
    """Write a recovered clip in the kind that the name asks for, atomically, and as its source is where they are alike.

    Returns sentences for the user: what could not be kept. Raises InputError for a kind that is not written, and where
    a library for it is not installed.
    """
    path = Path(path)
    writer = next((write for end, write in KINDS.items() if path.name.lower().endswith(end)), None)
    if writer is None:
        kinds = ", ".join(KINDS)
        raise InputError(f"{path}: clips are exported as {kinds}; the run holds recovered.mp4, a video to look at")
    if not path.parent.is_dir():
        raise InputError(f"{path}: there is no folder {path.parent}; make it first")
    if path.exists():
        raise InputError(f"{path}: exists already; give another name with -o")
    with (atomic_folder if writer is write_zarr else atomic_write)(path) as temporary:
        return writer(temporary, clip)
