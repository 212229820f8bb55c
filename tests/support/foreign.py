"""Files as others write them: MATLAB's versions, HDF5, NumPy's."""

from pathlib import Path

import h5py
import numpy as np
from scipy.io import savemat

COMPLEX = np.dtype([("real", "f8"), ("imag", "f8")])


def mat5(path, **arrays):
    """As `save -v6` does."""
    savemat(path, arrays, do_compression=False)
    return path


def mat7(path, **arrays):
    """As `save -v7` does: each variable compressed."""
    savemat(path, arrays, do_compression=True)
    return path


def mat73(path, **arrays):
    """As `save -v7.3` does: HDF5 behind 512 bytes, axes reversed, complex numbers in pairs, the class beside each."""
    with h5py.File(path, "w", userblock_size=512) as file:
        for name, values in arrays.items():
            stored, kind = np.asarray(values).T, {"b": "logical", "c": "double"}.get(np.asarray(values).dtype.kind)
            if stored.dtype.kind == "b":
                stored = stored.astype(np.uint8)
            if stored.dtype.kind == "c":
                pairs = np.empty(stored.shape, COMPLEX)
                pairs["real"], pairs["imag"] = stored.real, stored.imag
                stored = pairs
            chunks = {"chunks": True, "compression": "gzip"} if stored.ndim else {}
            data = file.create_dataset(name, data=stored, **chunks)
            data.attrs["MATLAB_class"] = np.bytes_(kind or {"float64": "double"}.get(str(stored.dtype), "uint8"))
    with open(path, "r+b") as file:
        file.write(b"MATLAB 7.3 MAT-file, Platform: GLNXA64".ljust(124) + b"\x00\x02IM")
    return path


def hdf5(path, **arrays):
    """As h5py writes: NumPy's order of axes."""
    with h5py.File(path, "w") as file:
        for name, values in arrays.items():
            file[name] = values
    return path


def npz(path, **arrays):
    np.savez(path, **arrays)
    return path


MATLAB = {"v6": (mat5, "a.mat"), "v7": (mat7, "a.mat"), "v7.3": (mat73, "a.mat")}
NUMPY = {"hdf5": (hdf5, "a.h5"), "npz": (npz, "a.npz")}
KINDS_OF_CAMERA_FILES = MATLAB | NUMPY


def frames_last(clip):
    """MATLAB's order of axes, (H, W, T) or (H, W, 3, T), of (T, 1, H, W) or (T, 3, H, W)."""
    turned = np.asarray(clip).transpose(2, 3, 1, 0)
    return turned[:, :, 0] if turned.shape[2] == 1 else turned


def claims_petabytes(path):
    """A 7.3 header whose array says that it has 8e15 numbers, and holds none."""
    with h5py.File(path, "w") as file:
        file.create_dataset("x", (200_000,) * 3, "f8", chunks=(100,) * 3)
    return path


def holds_no_arrays(path):
    cell = np.array([1, "two"], object)
    several = np.array([(np.ones((3, 4)),), (np.ones(2),)], [("x", object)])
    savemat(path, {"names": cell, "text": "words", "s": several})
    return path


def cut(path, share=0.6):
    whole = Path(path).read_bytes()
    Path(path).write_bytes(whole[: int(len(whole) * share)])
    return path
