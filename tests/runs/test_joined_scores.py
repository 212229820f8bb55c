"""A joined clip is scored a few frames at a time as it would be whole."""

import numpy as np
import pytest
import torch

import lowreel
from lowreel.runs.joined_scores import scored


@pytest.mark.parametrize("lengths", [(7,), (3, 4), (1, 5, 1)], ids=str)
def test_scores_of_stretches_are_those_of_the_whole(tmp_path, lengths):
    """Whatever the stretches; with and without another clip that is recommended."""
    source = torch.Generator().manual_seed(0)
    clips = [torch.rand(7, 1, 12, 10, generator=source) for _ in range(3)]
    truth, recovered, better = clips[0], clips[1], (clips[0] + clips[2]) / 2
    np.save(tmp_path / "truth.npy", truth.numpy())
    opened = lowreel.open_clip(tmp_path / "truth.npy", levels=(1.0, 0.0))
    found = scored(opened, torch.split(recovered, list(lengths)), torch.split(better, list(lengths)))
    assert found.error == pytest.approx(10 ** (-lowreel.psnr(recovered, truth) / 10))
    assert found.recommended_error == pytest.approx(10 ** (-lowreel.psnr(better, truth) / 10))
    assert found.ssim == pytest.approx(lowreel.ssim(recovered, truth))
    assert (len(found.levels), found.range) == (7, pytest.approx(float(truth.max() - truth.min())))
    assert scored(opened, torch.split(recovered, list(lengths))).recommended_error is None
    with pytest.raises(ValueError, match="zip"):
        scored(opened, torch.split(recovered, list(lengths)), [*torch.split(better, list(lengths)), better])
