"""Scans written as their own people write them: ISMRMRD by its package, fastMRI by h5py, BART's pairs of files."""

import h5py
import ismrmrd
import numpy as np
from ismrmrd import xsd


def header(encoded, recon, views, trajectory="cartesian", center=None, noise_bandwidth=None):
    """The XML of a scan of one encoding. encoded, recon: (x, y); views: the same in millimetres."""
    spaces = []
    for (x, y), (across, down) in zip((encoded, recon), views, strict=True):
        matrix = xsd.matrixSizeType(x=x, y=y, z=1)
        view = xsd.fieldOfViewMm(x=across, y=down, z=5)
        spaces.append(xsd.encodingSpaceType(matrixSize=matrix, fieldOfView_mm=view))
    step = xsd.limitType(minimum=0, maximum=encoded[1] - 1, center=encoded[1] // 2 if center is None else center)
    encoding = xsd.encodingType(
        encodedSpace=spaces[0],
        reconSpace=spaces[1],
        encodingLimits=xsd.encodingLimitsType(kspace_encoding_step_1=step),
        trajectory=xsd.trajectoryType(trajectory),
    )
    conditions = xsd.experimentalConditionsType(H1resonanceFrequency_Hz=63500000)
    system = xsd.acquisitionSystemInformationType(relativeReceiverNoiseBandwidth=noise_bandwidth)
    return xsd.ToXML(
        xsd.ismrmrdHeader(
            experimentalConditions=conditions,
            encoding=[encoding],
            acquisitionSystemInformation=None if noise_bandwidth is None else system,
        )
    )


def readout(samples, *, flags=(), path=None, center=None, **counters):
    """One acquisition of (coils, samples) complex, with a trajectory (samples, 2) or without."""
    acquisition = ismrmrd.Acquisition.from_array(
        np.ascontiguousarray(samples, np.complex64), None if path is None else np.ascontiguousarray(path, np.float32)
    )
    acquisition.center_sample = samples.shape[1] // 2 if center is None else center
    for name, value in counters.items():
        setattr(acquisition.idx, name, value)
    for flag in flags:
        acquisition.set_flag(flag)
    return acquisition


def write(path, xml, acquisitions, group="dataset"):
    with ismrmrd.Dataset(str(path), group) as file:
        file.write_xml_header(xml.encode() if isinstance(xml, str) else xml)
        for acquisition in acquisitions:
            file.append_acquisition(acquisition)
    return path


def fastmri(path, kspace, xml, mask=None):
    """kspace (slices, coils, rows, columns)."""
    with h5py.File(path, "w") as file:
        file["kspace"] = np.asarray(kspace, np.complex64)
        file["ismrmrd_header"] = xml
        if mask is not None:
            file["mask"] = np.asarray(mask, np.float32)
    return path


def bart(path, array):
    """An array whose axes are BART's, the first one fastest."""
    shape = " ".join(str(n) for n in array.shape)
    path.with_suffix(".hdr").write_text(f"# Dimensions\n{shape} \n")
    array.astype(np.complex64).ravel(order="F").tofile(path.with_suffix(".cfl"))
    return path.with_suffix(".cfl")
