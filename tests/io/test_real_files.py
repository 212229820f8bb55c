"""Files that others made, as they ship in packages: the numbers of an independent reader, or one sentence."""

import shutil
from pathlib import Path

import netCDF4
import nibabel
import numpy as np
import pydicom
import pytest
import scipy.io
import skimage
import tifffile
from pydicom.pixels import apply_color_lut, apply_rescale, pixel_array
from scipy.io import loadmat

from lowreel.errors import InputError
from lowreel.io import containers
from lowreel.io.export import Delivered, export_clip
from lowreel.io.video import open_clip

DICOM = Path(pydicom.__file__).parent / "data"
VOLUMES = Path(nibabel.__file__).parent / "tests" / "data"
SHARED = Path(__file__).parents[3] / "shared" / "data"
GAPS, CACTI = SHARED / "gaps" / "alboranSST_small.nc", SHARED / "sci" / "drop40_cacti.mat"
REFUSED = {  # the sentence has to have these words; pydicom and its handlers here cannot read the pixels of the first
    **dict.fromkeys(("JPEG-lossy", "JPGExtended", "JPEG2000-embedded-sequence-delimiter"), "Unable to decode"),
    **dict.fromkeys(("MR_truncated", "SC_rgb_jpeg", "badVR"), "cannot be read as DICOM"),
    **dict.fromkeys(("no_meta", "ExplVR_BigEndNoMeta", "ExplVR_LitEndNoMeta", "rtstruct"), "header is missing|missing"),
    **dict.fromkeys(("rtplan", "rtplan_truncated", "test-SR", "reportsi", "waveform_ecg"), "no picture but"),
    **dict.fromkeys(("reportsi_with_empty_number_tags", "UN_sequence", "priv_SQ", "nested_priv_SQ"), "no picture but"),
    **dict.fromkeys(("empty_charset_LEI", "meta_missing_tsyntax", "no_meta_group_length"), "no picture but"),
    **dict.fromkeys(("rtdose", "rtdose_expb", "rtdose_rle"), "take one place on frame"),
    "image_dfl": "no pixel data",
}


def numbers(clip):
    """What a clip is in the numbers of its file."""
    return clip.read().double().numpy() * clip.scale + clip.offset


def pixels(path):
    """(T, C, H, W) by pydicom: modality values, colours in RGB."""
    header = pydicom.dcmread(path)
    if header.PhotometricInterpretation == "PALETTE COLOR":
        found = apply_color_lut(header.pixel_array, header)
        found = found >> 8 if header.RedPaletteColorLookupTableDescriptor[2] > 8 else found
    else:
        found = apply_rescale(pixel_array(path), header) if header.SamplesPerPixel == 1 else pixel_array(path)
    found = found if int(header.get("NumberOfFrames", 1)) > 1 else found[None]
    return found[..., :3].transpose(0, 3, 1, 2) if found.ndim == 4 else found[:, None]


@pytest.mark.parametrize("path", sorted((DICOM / "test_files").glob("*.dcm")), ids=lambda path: path.stem)
@pytest.mark.filterwarnings("ignore::UserWarning")
def test_pydicom_s_own_files(path):
    """Grey, colour and palettes, raw and compressed: modality values. What is no picture says so."""
    if path.stem in REFUSED:
        with pytest.raises(InputError, match=REFUSED[path.stem]) as caught:
            open_clip(path).read()
        assert "\n" not in str(caught.value)
        return
    wanted = pixels(path)
    found = numbers(open_clip(path))
    assert found.shape == wanted.shape
    np.testing.assert_allclose(found, wanted, rtol=0, atol=1e-6 * np.abs(wanted).max())


def test_a_folder_of_dicom_without_endings_is_told_to_have_them():
    with pytest.raises(InputError, match=r"holds DICOM; give its files names that end with \.dcm"):
        open_clip(DICOM / "test_files" / "dicomdirtests" / "98892001" / "CT5N")


def test_ultrasound_goes_back_as_it_came(tmp_path):
    """30 frames of colour; the times and the study of the source."""
    source = DICOM / "test_files" / "examples_ybr_color.dcm"
    clip = open_clip(source)
    assert clip.shape == (30, 3, 240, 320)
    times = tuple(float(t) for t in clip.times)
    assert export_clip(tmp_path / "a.dcm", Delivered(numbers(clip), times, clip.rate, source)) == []
    found, before = pydicom.dcmread(tmp_path / "a.dcm"), pydicom.dcmread(source)
    np.testing.assert_array_equal(found.pixel_array, pixel_array(source))
    assert found.StudyInstanceUID == before.StudyInstanceUID
    assert found.SOPInstanceUID != before.SOPInstanceUID
    assert float(found.FrameTime) == pytest.approx(float(before.FrameTime), rel=1e-6)
    assert len(found.SequenceOfUltrasoundRegions) == len(before.SequenceOfUltrasoundRegions)


SLICES = [
    *(("functional.nii", z) for z in range(3)),
    *(("example4d.nii.gz", z) for z in (0, 23)),
    *(("example_nifti2.nii.gz", z) for z in (0, 11)),
]


@pytest.mark.parametrize(("name", "z"), SLICES)
def test_nibabel_s_own_series(name, z, tmp_path):
    """Slices of volumes in time, scaled or not, NIfTI 1 and 2: x is the width. They go back with their affine."""
    path = VOLUMES / name
    with pytest.raises(InputError, match=rf"a clip has time.*{name}:z=0"):
        open_clip(path)
    clip = open_clip(f"{path}:z={z}")
    before = nibabel.load(path)
    wanted = before.get_fdata()[:, :, z].transpose(2, 1, 0)[:, None]
    np.testing.assert_allclose(numbers(clip), wanted, rtol=0, atol=1e-6 * np.abs(wanted).max())
    times = tuple(float(t) for t in clip.times)
    export_clip(tmp_path / "a.nii.gz", Delivered(wanted, times, clip.rate, Path(f"{path}:z={z}")))
    after = nibabel.load(tmp_path / "a.nii.gz")
    step = before.dataobj.slope
    np.testing.assert_allclose(after.get_fdata()[:, :, 0].transpose(2, 1, 0), wanted[:, 0], atol=0.51 * step)
    np.testing.assert_allclose(after.affine @ [0, 0, 0, 1], before.affine @ [0, 0, z, 1], atol=1e-4)


def test_a_volume_is_a_clip_where_its_depth_is_said_to_be_time():
    path = VOLUMES / "anatomical.nii"
    wanted = nibabel.load(path).get_fdata().transpose(2, 1, 0)[:, None]
    np.testing.assert_allclose(numbers(open_clip(f"{path}:T=z")), wanted, rtol=0, atol=1e-6 * np.abs(wanted).max())


OTHERS = {
    "test.mgz": "volume of FreeSurfer.*make it NIfTI",
    "NA.PAR": "volume of Philips",
    "scaled+tlrc.BRIK": "volume of AFNI",
    "example4d+orig.BRIK.gz": "volume of AFNI",
    "nifti1.hdr": "NIfTI in two files",
    "tiny.mnc": "volume of MINC",
    "small.mnc": "volume of MINC",
    "row_major.dconn.nii": "is CIFTI",
}


@pytest.mark.parametrize("name", OTHERS)
def test_volumes_of_other_kinds_are_told_how_to_be_converted(name):
    with pytest.raises(InputError, match=OTHERS[name]):
        open_clip(VOLUMES / name)


@pytest.mark.parametrize("name", ["tiny.mnc.nc", "minc1_4d.mnc.nc", "small.mnc.h5", "small.mnc.nc", "minc2_4d.mnc.h5"])
def test_minc_under_another_name_is_not_read_without_its_scales(name, tmp_path):
    """Each slice has a scale of its own, which no reader of HDF5 or NetCDF knows."""
    shutil.copy(VOLUMES / Path(name).stem, tmp_path / name)
    with pytest.raises(InputError, match="MINC, whose slices have scales"):
        open_clip(tmp_path / name)


MATLAB = Path(scipy.io.__file__).parent / "matlab" / "tests" / "data"
DAMAGED = ("bad_miuint32", "corrupted_zlib_checksum", "corrupted_zlib_data", "debigged_m4", "malformed1")


def loaded(path):
    return [containers.load(path, entry.name) for entry in containers.entries_of(path) if not entry.problem]


@pytest.mark.parametrize("path", sorted(MATLAB.glob("*.mat")), ids=lambda path: path.stem)
def test_scipy_s_own_matlab_files(path):
    """Of versions 4 to 7, from three systems: the numbers are SciPy's. What is damaged says so."""
    if path.stem in DAMAGED:
        with pytest.raises(InputError, match=r"cannot be read as a MATLAB file|cannot hold"):
            loaded(path)
        return
    found = [entry for entry in containers.entries_of(path) if not entry.problem]
    if not found or path.stem.startswith(("testhdf5", "bad_miutf8")):
        return  # texts, cells, objects; names that SciPy does not read
    wanted = loadmat(path, struct_as_record=True)
    for entry in found:
        name, *fields = entry.name.split("/")
        value = wanted[name]
        for field in fields:
            value = value[field][0, 0]
        np.testing.assert_array_equal(containers.load(path, entry.name).values, value)


STACKS = Path(skimage.__file__).parent / "data"


@pytest.mark.parametrize("name", ["multipage.tif", "multipage_rgb.tif"])
def test_scikit_image_s_own_stacks(name):
    wanted = tifffile.imread(STACKS / name)
    clip = open_clip(STACKS / name)
    np.testing.assert_allclose(numbers(clip), wanted.reshape(clip.shape), rtol=0, atol=1e-6 * np.abs(wanted).max())


@pytest.mark.skipif(not GAPS.exists(), reason="the record with gaps is not here")
def test_the_record_with_gaps():
    with pytest.raises(InputError, match=r"80\.0% of all.*--y SST --operator mask"):
        open_clip(GAPS).read()
    with netCDF4.Dataset(GAPS) as file:
        wanted = np.ma.filled(file["SST"][:].astype("f8"), np.nan)
    np.testing.assert_allclose(containers.load(GAPS, "SST").values, wanted)


@pytest.mark.skipif(not CACTI.exists(), reason="the data of a snapshot camera is not here")
def test_the_data_of_a_snapshot_camera():
    """Pictures, codes and the true clip, as SciPy reads them."""
    wanted = loadmat(CACTI)
    for name in ("meas", "mask", "orig"):
        np.testing.assert_array_equal(containers.load(CACTI, name).values, wanted[name])
    clip = open_clip(f"{CACTI}:orig")
    np.testing.assert_allclose(numbers(clip)[:, 0], np.moveaxis(wanted["orig"], -1, 0), atol=1e-4)
