"""Scans of the field, from file to run: what is told, in which units, and what is refused."""

import numpy as np
import pytest
import torch
from scans import header, readout, write

import lowreel
from lowreel.errors import InputError
from lowreel.operators import MRI, simulated_coil_maps, with_phase
from lowreel.operators.trajectories import radial
from lowreel.settings import ArraysSettings, RecoverSettings

FRAMES, SPOKES, COILS, SIZE = 4, 7, 3, 12
SHAPE = (FRAMES, 1, SIZE, SIZE)
GAIN = 250.0


@pytest.fixture(scope="module")
def scan(tmp_path_factory):
    """An ISMRMRD file of a radial scan of a moving blob, a repetition a frame, and the clip."""
    path = tmp_path_factory.mktemp("scan") / "scan.h5"
    across = torch.linspace(-2, 2, SIZE)
    blob = [torch.exp(-(across[:, None] ** 2) - (across - t / 4) ** 2)[None] for t in range(FRAMES)]
    clip = GAIN * with_phase(torch.stack(blob), 0)
    points = radial(SPOKES, SIZE, FRAMES, golden_angle=True)
    data = MRI(SHAPE, trajectory=points, coil_maps=simulated_coil_maps(COILS, (SIZE, SIZE)))(clip).numpy()
    cycles = points.numpy()[..., ::-1] / (2 * np.pi)
    acquisitions = [
        readout(data[t, :, k], path=cycles[t, k], repetition=t, kspace_encode_step_1=k)
        for t in range(FRAMES)
        for k in range(SPOKES)
    ]
    size = (SIZE, SIZE)
    write(path, header(size, size, ((300, 300), (300, 300)), trajectory="radial"), acquisitions)
    return path, clip


def recovered(path, output, steps=2, **arrays):
    request = lowreel.RunRequest(
        data=str(path),
        arrays=ArraysSettings(**arrays) if arrays else None,
        settings=RecoverSettings(steps=steps, baselines="none", quality="draft"),
        output=str(output),
    )
    return lowreel.run(request), np.load(output / "recovered.npy")


def test_a_raw_file_becomes_a_clip_in_its_units(scan, tmp_path):
    """With no flags an ISMRMRD file is recovered: frames by their counter, magnitudes like those of the clip."""
    path, clip = scan
    result, found = recovered(path, tmp_path / "run", steps=40)
    assert result.summary.operator["kind"] == "mri"
    assert found.dtype == np.complex64
    assert found.shape == SHAPE
    likeness = np.corrcoef(np.abs(found).ravel(), clip.abs().numpy().ravel())[0, 1]
    assert likeness > 0.98
    assert 0.5 < np.abs(found).max() / float(clip.abs().max()) < 2


def test_frames_and_readouts_are_chosen(scan, tmp_path):
    """--frames takes a part; --gating sorts readouts into other frames, a text file of one number for each."""
    path, _ = scan
    _, some = recovered(path, tmp_path / "some", frames="1:3")
    assert some.shape == (2, *SHAPE[1:])
    numbers = tmp_path / "gating.txt"
    numbers.write_text("\n".join(str(k % 2) for k in range(FRAMES * SPOKES)))
    _, gated = recovered(path, tmp_path / "gated", gating=str(numbers))
    assert gated.shape == (2, *SHAPE[1:])
    np.save(tmp_path / "doubles.npy", np.arange(FRAMES * SPOKES, dtype=float) % 2)  # as MATLAB has all numbers
    _, doubles = recovered(path, tmp_path / "doubles", gating=str(tmp_path / "doubles.npy"))
    assert np.array_equal(doubles, gated)


def test_what_does_not_fit_is_refused_before_anything_is_written(scan, tmp_path):
    """A true clip, flags of scans for other data, and frames that are not there, each in words."""
    path, clip = scan
    np.save(tmp_path / "truth.npy", clip.abs().numpy())
    np.save(tmp_path / "y.npy", np.zeros((4, 4, 4), np.float32))
    cases = {
        "gain of a scanner is not known": {"data": str(path), "truth": str(tmp_path / "truth.npy")},
        "--frames 9:12: expected some of the 4 frames": {"data": str(path), "arrays": ArraysSettings(frames="9:12")},
        "--frames 0:4:2: a scan is recovered": {"data": str(path), "arrays": ArraysSettings(frames="0:4:2")},
        "says already which array is meant": {"data": f"{path}:dataset", "arrays": ArraysSettings(y="dataset")},
        "--coils is for scans": {
            "data": str(tmp_path / "y.npy"),
            "arrays": ArraysSettings(operator="fourier", coils=2),
        },
        "no such file; give a text file": {
            "data": str(path),
            "arrays": ArraysSettings(operator="mri", gating=str(tmp_path / "no.txt")),
        },
    }
    for message, wish in cases.items():
        with pytest.raises(InputError, match=message):
            lowreel.run(lowreel.RunRequest(**wish, output=str(tmp_path / "run")))
    assert not (tmp_path / "run").exists()
