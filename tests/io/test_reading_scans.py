"""Scans of a clip that is known, written as others write them: what is read is what the operator makes of the clip."""

import shutil
import subprocess

import numpy as np
import pytest
import scans
import torch
from complex_mri import beating, noise_of, rows_mask, smooth_maps
from ismrmrd import ACQ_IS_NOISE_MEASUREMENT
from scipy.io import savemat

from lowreel.data.scans import problem_of
from lowreel.errors import InputError
from lowreel.io.scans import Scan, facts_of, gated, scan_of
from lowreel.operators import MRI
from lowreel.operators.trajectories import radial

T, SIDE, COILS = 5, 16, 3
CLIP, MAPS = beating(T, SIDE, SIDE), smooth_maps(COILS, SIDE, SIDE)
MASK = rows_mask(T, SIDE, SIDE, 8)
PATH = radial(4, SIDE, T, oversampling=2)
VIEW = (300.0, 300.0)
PLAIN = scans.header((SIDE, SIDE), (SIDE, SIDE), (VIEW, VIEW))
RADIAL = scans.header((2 * SIDE, SIDE), (SIDE, SIDE), ((600, 300), VIEW), "radial")
ROWS_Y = MRI(CLIP.shape, mask=MASK, coil_maps=MAPS)(CLIP).numpy()
SPOKES_Y = MRI(CLIP.shape, trajectory=PATH, coil_maps=MAPS)(CLIP).numpy()


def check(scan, maps=MAPS, clip=CLIP, share=1e-5):
    """The scan is that of the clip with these maps: its numbers are those of its operator, to a share of the most."""
    operator = MRI(
        scan.clip_shape,
        mask=None if scan.mask is None else torch.from_numpy(scan.mask),
        trajectory=None if scan.trajectory is None else torch.from_numpy(scan.trajectory),
        coil_maps=maps,
        units="cycles/pixel",
        centred=scan.centred,
    )
    assert scan.kspace.dtype == np.complex64
    assert np.abs(operator(clip).numpy() - scan.kspace).max() <= share * np.abs(scan.kspace).max()


def rows(y=ROWS_Y, counter="phase", shuffle=True, **fixed):
    """A readout for each measured row of each frame, in any order."""
    where = [(t, r) for t in range(len(y)) for r in range(y.shape[2]) if y[t, :, r].any()]
    if shuffle:
        np.random.default_rng(0).shuffle(where)
    return [scans.readout(y[t, :, r], kspace_encode_step_1=r, **{counter: t}, **fixed) for t, r in where]


def spokes(counter="repetition"):
    """A readout for each spoke, x first, in cycles per pixel."""
    path = (PATH / (2 * np.pi)).numpy()[..., ::-1]
    return [
        scans.readout(SPOKES_Y[t, :, k], path=path[t, k], **({counter: t} if counter else {}))
        for t in range(T)
        for k in range(4)
    ]


def ismrmrd(tmp_path, acquisitions, xml=PLAIN, group="dataset"):
    return scans.write(tmp_path / "scan.h5", xml, acquisitions, group)


@pytest.mark.parametrize("counter", ["phase", "repetition"])
def test_rows_by_their_counters(counter, tmp_path):
    scan = scan_of(ismrmrd(tmp_path, rows(counter=counter)))
    check(scan)
    assert (scan.mask == MASK.numpy()).all()
    assert any(f"{T} frames by the counter {counter}" in said for said in scan.told)


def test_readout_oversampling_is_cut_off(tmp_path):
    """Of a picture in a frame twice as wide, the half in the middle is left."""
    wide = torch.zeros(T, COILS, SIDE, 2 * SIDE, dtype=torch.complex64)
    wide[..., SIDE // 2 : SIDE // 2 + SIDE] = MAPS * CLIP
    plain = torch.stack(
        [
            MRI((T, 1, SIDE, 2 * SIDE), mask=MASK[:, :, :1].expand(-1, -1, 2 * SIDE))(c[:, None])[:, 0]
            for c in wide.unbind(1)
        ],
        1,
    )
    xml = scans.header((2 * SIDE, SIDE), (SIDE, SIDE), ((600, 300), VIEW))
    scan = scan_of(ismrmrd(tmp_path, rows(plain.numpy()), xml))
    assert scan.clip_shape == CLIP.shape
    check(scan)


def test_asymmetric_readouts(tmp_path):
    """Their last samples alone, with the middle where the header says it."""
    short = [
        scans.readout(
            np.array(a.data[:, 3:]),
            kspace_encode_step_1=a.idx.kspace_encode_step_1,
            phase=a.idx.phase,
            center=SIDE // 2 - 3,
        )
        for a in rows()
    ]
    scan = scan_of(ismrmrd(tmp_path, short))
    check(scan)
    assert not scan.mask[..., :3].any()


def test_rows_are_counted_from_the_center_of_the_header(tmp_path):
    """Partial Fourier: rows 0 to 11, of which number 4 is that of frequency zero."""
    y = ROWS_Y.copy()
    y[:, :, :4] = 0
    told = [
        scans.readout(y[t, :, r], kspace_encode_step_1=r - 4, phase=t)
        for t in range(T)
        for r in range(4, SIDE)
        if y[t, :, r].any()
    ]
    xml = scans.header((SIDE, SIDE), (SIDE, SIDE), (VIEW, VIEW), center=SIDE // 2 - 4)
    scan = scan_of(ismrmrd(tmp_path, told, xml))
    np.testing.assert_allclose(scan.kspace, y, atol=1e-6)


def test_noise_and_calibrations(tmp_path):
    """Readouts of noise give its covariance, those of calibration are left out; averages are averaged."""
    noise = noise_of(torch.empty(COILS, 64), 2.0).numpy()
    others = [scans.readout(noise, flags=[19]), scans.readout(noise, flags=[20], kspace_encode_step_1=3, phase=7)]
    twice = [
        scans.readout(
            f * np.array(a.data), kspace_encode_step_1=a.idx.kspace_encode_step_1, phase=a.idx.phase, average=k
        )
        for k, f in enumerate((0.5, 1.5))
        for a in rows()
    ]
    scan = scan_of(ismrmrd(tmp_path, others + twice))
    check(scan)
    np.testing.assert_allclose(scan.noise_covariance, np.cov(noise), rtol=1e-4)
    assert any("parallel calibration" in said for said in scan.told)
    assert any("several times" in said for said in scan.told)
    problem = problem_of(scan)
    assert any("made white" in said for said in problem.told)


def test_noise_of_other_coils(tmp_path):
    """Is not used, which is said."""
    noise = scans.readout(noise_of(torch.empty(COILS + 1, 64), 2.0).numpy(), flags=[19])
    scan = scan_of(ismrmrd(tmp_path, [noise, *rows()]))
    assert scan.noise_covariance is None
    assert any("is not used" in said for said in scan.told)


@pytest.mark.parametrize("unit", ["cycles per pixel", "radians per pixel", "cycles per field of view"])
def test_spokes_with_their_trajectory(unit, tmp_path):
    factor = {"cycles per pixel": 1, "radians per pixel": 2 * np.pi, "cycles per field of view": SIDE}[unit]
    made = spokes()
    for acquisition in made:
        acquisition.traj[:] *= factor
    scan = scan_of(ismrmrd(tmp_path, made, RADIAL))
    check(scan)
    assert any(unit in said for said in scan.told)


def test_frames_of_one_stream_of_spokes(tmp_path):
    """So many, one after the other, or by a number for each; some left out, others unevenly many."""
    path = ismrmrd(tmp_path, spokes(counter=None), RADIAL)
    check(scan_of(path, readouts_per_frame=4))
    assert scan_of(path, readouts_per_frame=6).clip_shape[0] == 3
    numbers = np.repeat(np.arange(T), 4)
    numbers[[0, 7]] = -1
    scan = scan_of(path, frame_numbers=numbers)
    check(scan)
    assert scan.mask.any(2).sum(1).tolist() == [3, 3, 4, 4, 4]
    again = gated(scan, [0, 0, 1, 1, 1])
    assert again.mask.any(2).sum(1).tolist() == [6, 12]


def test_cartesian_frames_are_gated():
    """Frames merged into one have the rows of both."""
    scan = Scan(ROWS_Y, (SIDE, SIDE), "a scan", MASK.numpy())
    merged = gated(scan, [0, 0, 0, 1, -1])
    assert (merged.mask[0] == MASK[:3].any(0).numpy()).all()
    np.testing.assert_allclose(merged.kspace[1], ROWS_Y[3], atol=1e-6)


def full(slices=1, wide=1):
    clip = beating(slices, SIDE, SIDE)
    tall = torch.zeros(slices, COILS, SIDE * wide, SIDE, dtype=torch.complex64)
    tall[..., (wide - 1) * SIDE // 2 : (wide - 1) * SIDE // 2 + SIDE, :] = MAPS * clip
    made = [MRI((slices, 1, SIDE * wide, SIDE))(c[:, None])[:, 0] for c in tall.unbind(1)]
    return clip, torch.stack(made, 1).numpy()


def test_fastmri(tmp_path):
    """Readout oversampling along the rows is cut off, columns by the mask, a slice is chosen."""
    clip, kspace = full(slices=3, wide=2)
    xml = scans.header((2 * SIDE, SIDE), (SIDE, SIDE), ((600, 300), VIEW))
    columns = np.arange(SIDE) % 3 != 0
    path = scans.fastmri(tmp_path / "file.h5", kspace, xml, columns)
    with pytest.raises(InputError, match=r"slice=1.*T=slice"):
        scan_of(path)
    scan = scan_of(f"{path}:slice=2")
    check(scan, clip=clip[2:])
    assert (scan.mask == columns).all()
    check(scan_of(f"{path}:kspace,T=slice"), clip=clip)


def test_what_a_kind_of_file_tells_itself_is_refused_beside_it(tmp_path):
    """Maps, masks, trajectories and sizes that would not be used are refused, not left out in silence."""
    _, kspace = full(slices=1, wide=1)
    path = scans.fastmri(tmp_path / "file.h5", kspace, PLAIN)
    for name in ("coil_maps", "mask", "trajectory", "frame_shape"):
        with pytest.raises(InputError, match="is given beside arrays; fastMRI tells it itself"):
            scan_of(f"{path}:kspace,T=slice", **{name: (3, 3) if name == "frame_shape" else "other.npy"})
    with pytest.raises(InputError, match="ISMRMRD tells it itself"):
        scan_of(ismrmrd(tmp_path, rows()), frame_shape=(3, 3))


def test_masked_spokes_are_not_fitted(tmp_path):
    """Along a trajectory a mask of samples holds, and readouts of zeros were not measured."""
    np.save(tmp_path / "y.npy", SPOKES_Y)
    np.save(tmp_path / "k.npy", PATH.numpy())
    there = np.ones(SPOKES_Y.shape[:1] + SPOKES_Y.shape[2:], bool)
    there[1, 2] = False
    np.save(tmp_path / "m.npy", there)
    known = {"trajectory": tmp_path / "k.npy", "frame_shape": (SIDE, SIDE)}
    assert (scan_of(tmp_path / "y.npy", mask=tmp_path / "m.npy", **known).mask == there).all()
    np.save(tmp_path / "padded.npy", SPOKES_Y * there[:, None])
    assert (scan_of(tmp_path / "padded.npy", **known).mask == there).all()
    np.save(tmp_path / "wrong.npy", there[:, :1])
    with pytest.raises(InputError, match="expected one of samples"):
        scan_of(tmp_path / "y.npy", mask=tmp_path / "wrong.npy", **known)


@pytest.mark.parametrize("told", [None, 0.5])
def test_noise_scans_by_bandwidth_and_averages(told, tmp_path):
    """The noise scan's covariance is brought to the readouts' bandwidth, and to what the receiver's filter took of it;
    that rows are means of several is known."""
    xml = scans.header((SIDE, SIDE), (SIDE, SIDE), (VIEW, VIEW), noise_bandwidth=told)
    draw = np.random.default_rng(1)
    white = draw.standard_normal((2, COILS, 4000)) / np.sqrt(2)
    noise = scans.readout(white[0] + 1j * white[1], flags=[ACQ_IS_NOISE_MEASUREMENT])
    noise.sample_time_us = 8.0
    readouts = rows()
    for one in readouts:
        one.sample_time_us = 2.0
    scan = scan_of(ismrmrd(tmp_path, [noise, *readouts], xml))
    assert np.abs(scan.noise_covariance * (told or 1) - 4 * np.eye(COILS)).max() < 0.4
    assert not scan.is_averaged
    (tmp_path / "scan.h5").unlink()
    assert scan_of(ismrmrd(tmp_path, [*readouts, *rows()])).is_averaged


def test_what_a_scan_holds_in_words(tmp_path):
    """`facts_of` counts readouts by what they are for, and tells the counters that count."""
    noise = scans.readout(noise_of(torch.empty(COILS, 64), 2.0).numpy(), flags=[ACQ_IS_NOISE_MEASUREMENT])
    one, two = rows(), rows(slice=1)
    facts = facts_of(ismrmrd(tmp_path, [noise, *one, *two]))
    assert facts["readouts"] == f"{2 * len(one)} of frames, 1 noise"
    assert facts["coils"] == str(COILS)
    assert facts["slice"] == "0 to 1, 2 values"
    assert facts["phase"] == f"0 to {T - 1}, {T} values"
    assert "repetition" not in facts
    assert facts["matrix"] == "16 x 16 x 1 in 300 x 300 x 5 mm"
    (tmp_path / "scan.h5").unlink()
    radially = facts_of(ismrmrd(tmp_path, spokes(), RADIAL))
    assert radially["trajectory"] == "radial, beside each readout"
    assert radially["recover it"] == f"lowreel recover {tmp_path / 'scan.h5'} -o RUN"
    (tmp_path / "scan.h5").unlink()
    assert "--readouts-per-frame N" in facts_of(ismrmrd(tmp_path, spokes(None), RADIAL))["recover it"]
    told = facts_of(scans.fastmri(tmp_path / "knee.h5", full(3)[1], PLAIN))
    assert (told["kind"], told["slices"], told["coils"]) == ("fastMRI", "3", str(COILS))


@pytest.mark.parametrize("time", ["time", "te"])
def test_bart(time, tmp_path):
    """Spectra with named axes; time is TIME, or what is called so; maps beside it."""
    axis = {"time": 10, "te": 5}[time]
    shape = [SIDE, SIDE, 1, COILS, *[1] * 12]
    shape[axis] = T
    path = scans.bart(tmp_path / "ksp", ROWS_Y.transpose(3, 2, 1, 0).reshape(shape))
    maps = scans.bart(tmp_path / "sens", MAPS.numpy().transpose(2, 1, 0)[:, :, None])
    text = f"{path}:T=te" if time == "te" else path
    if time == "te":
        with pytest.raises(InputError, match="T=te"):
            scan_of(path)
    scan = scan_of(text, coil_maps=maps)
    np.testing.assert_allclose(scan.coil_maps, MAPS)
    check(scan)


def test_bart_along_a_trajectory(tmp_path):
    """(3, samples, spokes), x first, in cycles per field of view."""
    y = SPOKES_Y.transpose(3, 2, 1, 0)[None]
    path = scans.bart(tmp_path / "ksp", y.reshape(1, 2 * SIDE, 4, COILS, *[1] * 6, T))
    points = (PATH * SIDE / (2 * np.pi)).numpy()[..., ::-1].transpose(3, 2, 1, 0)
    points = np.concatenate([points, np.zeros_like(points[:1])])
    trajectory = scans.bart(tmp_path / "traj", points.reshape(3, 2 * SIDE, 4, *[1] * 7, T))
    scan = scan_of(path, trajectory=trajectory)
    assert scan.frame_shape == (SIDE, SIDE)
    check(scan)
    with pytest.raises(InputError, match="trajectory"):
        scan_of(path)


@pytest.mark.skipif(shutil.which("bart") is None, reason="needs BART, such as apt-get install bart")
def test_what_bart_itself_makes(tmp_path):
    """Its own radial trajectory and non-uniform Fourier transform of our pictures."""
    pictures = scans.bart(tmp_path / "pictures", (MAPS * CLIP[0]).numpy().transpose(2, 1, 0)[:, :, None])

    def bart(*words):
        subprocess.run(["bart", *words], cwd=tmp_path, check=True, capture_output=True)

    bart("traj", "-x", str(2 * SIDE), "-y", "9", "-r", "raw")
    bart("scale", "0.5", "raw", "traj")
    bart("nufft", "traj", pictures.stem, "ksp")
    scan = scan_of(tmp_path / "ksp.cfl", trajectory=tmp_path / "traj.cfl", frame_shape=(SIDE, SIDE))
    check(scan, clip=CLIP[:1], share=5e-3)


def test_matlab(tmp_path):
    """Axes have to be said; complex trajectories, with real parts along the columns."""
    savemat(tmp_path / "a.mat", {"kdata": ROWS_Y.transpose(2, 3, 0, 1), "b1": MAPS.numpy().transpose(1, 2, 0)})
    with pytest.raises(InputError, match="H=0,W=1,C=2,T=3"):
        scan_of(f"{tmp_path}/a.mat:kdata")
    check(scan_of(f"{tmp_path}/a.mat:kdata,H=0,W=1,T=2,C=3", coil_maps=f"{tmp_path}/a.mat:b1"))
    turned = {"kdata": ROWS_Y.transpose(3, 2, 0, 1), "b1": MAPS.numpy().transpose(2, 1, 0), "m": MASK.numpy().T}
    savemat(tmp_path / "c.mat", turned)
    maps, mask = f"{tmp_path}/c.mat:b1", f"{tmp_path}/c.mat:m"
    check(scan_of(f"{tmp_path}/c.mat:kdata,W=0,H=1,T=2,C=3", coil_maps=maps, mask=mask))
    y = SPOKES_Y.transpose(3, 0, 2, 1).reshape(2 * SIDE, T * 4, COILS)
    k = (PATH / (2 * np.pi)).numpy()
    k = (k[..., 1] + 1j * k[..., 0]).transpose(2, 0, 1).reshape(2 * SIDE, T * 4)
    savemat(tmp_path / "b.mat", {"kdata": y, "k": k})
    scan = scan_of(
        f"{tmp_path}/b.mat:kdata,W=0,H=1,C=2",
        trajectory=f"{tmp_path}/b.mat:k",
        readouts_per_frame=4,
        frame_shape=(SIDE, SIDE),
    )
    check(scan)


@pytest.mark.parametrize("centred", [True, False])
def test_numpy(centred, tmp_path):
    """(T, coils, H, W); frequency zero in the middle or in the corner; what is not zero was measured, or a mask."""
    y = MRI(CLIP.shape, mask=MASK if centred else torch.fft.ifftshift(MASK, (1, 2)), coil_maps=MAPS, centred=centred)(
        CLIP
    )
    np.save(tmp_path / "y.npy", y.numpy())
    scan = scan_of(tmp_path / "y.npy")
    assert scan.centred == centred
    check(scan)


def ask(what, tmp_path):
    """A scan of which something has to be said, and what the error names."""
    y = [scans.readout(ROWS_Y[0, :, r], kspace_encode_step_1=r, **{what: r % 2}) for r in range(6, 10)]
    return ismrmrd(tmp_path, y)


@pytest.mark.parametrize("what", ["slice", "contrast", "set"])
def test_what_a_clip_has_one_of_is_asked_for(what, tmp_path):
    path = ask(what, tmp_path)
    with pytest.raises(InputError, match=f"dataset,{what}=0"):
        scan_of(path)
    assert np.flatnonzero(scan_of(f"{path}:{what}=1").mask[0].any(1)).tolist() == [7, 9]


REFUSED = {
    "a volume": ("partitions", lambda p: scan_of(ask("kspace_encode_step_2", p))),
    "two counters of time": (
        "T=phase,repetition=0",
        lambda p: scan_of(ismrmrd(p, [*rows(), scans.readout(ROWS_Y[0, :, 8], repetition=1)])),
    ),
    "no counter of time": ("how many", lambda p: scan_of(ismrmrd(p, rows(counter="segment")))),
    "backwards": ("backwards", lambda p: scan_of(ismrmrd(p, [scans.readout(ROWS_Y[0, :, 8], flags=[22])]))),
    "only noise": ("none of which", lambda p: scan_of(ismrmrd(p, [scans.readout(ROWS_Y[0, :, 8], flags=[19])]))),
    "a radial scan without a path": ("no trajectory", lambda p: scan_of(ismrmrd(p, rows(), RADIAL))),
    "a path far too long": (
        "no spectrum",
        lambda p: scan_of(ismrmrd(p, [scans.readout(SPOKES_Y[0, :, 0], path=1e3 * PATH[0, 0].numpy())], RADIAL)),
    ),
    "rows beyond the matrix": (
        "matrix has 16",
        lambda p: scan_of(ismrmrd(p, [scans.readout(ROWS_Y[0, :, 8], kspace_encode_step_1=40)])),
    ),
    "readouts of different lengths": (
        "samples",
        lambda p: scan_of(ismrmrd(p, [scans.readout(np.ones((2, n))) for n in (16, 8)])),
    ),
    "numbers of other readouts": (
        "expected a whole frame",
        lambda p: scan_of(ismrmrd(p, rows()), frame_numbers=[0, 1]),
    ),
    "a frame without a readout": (
        "none of frame 1",
        lambda p: scan_of(ismrmrd(p, spokes(), RADIAL), frame_numbers=[0, 2] * (2 * T)),
    ),
    "a header that is damaged": ("XML header", lambda p: scan_of(ismrmrd(p, rows(), "<ismrmrd"))),
    "another group": ("no acquisitions other", lambda p: scan_of(f"{ismrmrd(p, rows())}:other")),
    "no file": ("no such file", lambda p: scan_of(p / "scan.h5")),
}


@pytest.mark.parametrize("what", REFUSED)
def test_refused(what, tmp_path):
    """In a sentence that names what is wrong."""
    match, read = REFUSED[what]
    with pytest.raises(InputError, match=match):
        read(tmp_path)


def test_a_problem_of_a_scan(tmp_path):
    """Fewer coils, maps estimated; data and operator belong together, to what the maps leave out."""
    maps = smooth_maps(12, 32, 32)
    clip, mask = beating(6, 32, 32), rows_mask(6, 32, 32, 16)
    y = MRI(clip.shape, mask=mask, coil_maps=maps)(clip)
    np.save(tmp_path / "y.npy", y.numpy())
    problem = problem_of(scan_of(tmp_path / "y.npy"), coils=5)
    assert problem.data.shape[1] == 5
    assert any("12 coils become 5 combinations" in said for said in problem.told)
    found = problem.operator.gridded(problem.data)
    still = problem.operator(found)
    assert found.shape == clip.shape
    assert float((still - problem.data).norm()) < 0.5 * float(problem.data.norm())


@pytest.mark.parametrize("coils", [1, 6])
def test_white_noise_changes_neither_units_nor_shading(coils):
    """Of coils with noise that is correlated and unlike: the clip is that of the coils as they were."""
    maps, clip = (smooth_maps(coils, 32, 32) if coils > 1 else torch.ones(1, 32, 32)), 40 * beating(3, 32, 32)
    y = MRI(clip.shape, coil_maps=maps)(clip)
    mixing = torch.diag(torch.linspace(1, 3, coils)) + 0.3 * torch.ones(coils, coils)
    covariance = (mixing @ mixing.T).to(torch.complex64).numpy()
    problem = problem_of(Scan(y.numpy(), (32, 32), "a scan", noise_covariance=covariance))
    found = problem.operator.adjoint(problem.data).abs() / problem.operator.coil_maps.abs().square().sum(
        1, keepdim=True
    )
    inside = clip.abs() > 10
    ratio = found[inside] / clip.abs()[inside]
    assert float((ratio - 1).abs().max()) < 0.1
