"""Files that are not read: what they are, and how to make of them one that is."""

from __future__ import annotations

from pathlib import Path

TO_NIFTI = "nibabel.Nifti1Image.from_image(nibabel.load(FILE)).to_filename('new.nii.gz')"

MINC = f"a part of MINC, whose slices have scales of their own; make it NIfTI: {TO_NIFTI}"

VOLUMES = {
    **dict.fromkeys((".mgz", ".mgh"), "FreeSurfer"),
    **dict.fromkeys((".par", ".rec"), "Philips"),
    **dict.fromkeys((".brik", ".brik.gz", ".head"), "AFNI"),
    **dict.fromkeys((".mnc",), "MINC"),
    **dict.fromkeys((".img", ".img.gz", ".hdr"), "ANALYZE or NIfTI in two files"),
}
"""Volumes that nibabel reads, by the ends of their names."""

MICROSCOPES = (".czi", ".nd2", ".lif", ".oib", ".oif", ".vsi", ".ims", ".dv")
"""Files of microscopes that Bio-Formats reads."""


def advice(path: Path) -> str | None:
    """What a file of another kind is by its name, and what to do with it; None where its name tells nothing."""
    name = path.name.lower()
    for end, kind in VOLUMES.items():
        if name.endswith(end):
            return f"by its name it is a volume of {kind}, which is not read; make it NIfTI: {TO_NIFTI}"
    if name.endswith(MICROSCOPES):
        return "by its name it is of a microscope, which is not read; make it OME-TIFF: bfconvert FILE new.ome.tif"
    return None
