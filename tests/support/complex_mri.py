"""A small MRI operator of complex clips, in twenty lines: what baselines and coil maps are tried with."""

import numpy as np
import torch

from lowreel.operators import LinearOperator
from lowreel.operators.arrangement import Lines


class SmallMRI(LinearOperator):
    """y_tc = mask_t F (s_c x_t), F centred and unitary; mask (T, H, W), maps (coils, H, W)."""

    kind = "small-mri"
    takes_complex_clips = True
    is_complex = True

    def __init__(self, mask, maps):
        frames, height, width = mask.shape
        super().__init__((frames, 1, height, width), (frames, len(maps), height, width), part_frames=1)
        self.mask, self.maps = mask[:, None], maps

    def _measure(self, x):
        return self.mask * centred_fft(self.maps * x)

    def _adjoint(self, y):
        return (self.maps.conj() * centred_fft(self.mask * y, inverse=True)).sum(1, keepdim=True)

    def observed_mask(self):
        return self.mask.expand(self.data_shape).clone()

    def arrangements(self):
        height = self.mask.shape[-2]
        numbers = torch.where(self.mask, torch.arange(height)[:, None], -1)
        numbers[:, :, height // 2 - 2 : height // 2 + 2] = -1
        return (Lines(numbers),)

    def _subset(self, parts):
        return SmallMRI(self.mask[list(parts), 0], self.maps)

    def parameters_spec(self):
        return {}


def centred_fft(x, inverse=False):
    """Unitary, of the last two axes, frequency zero and the image's origin in the middle."""
    turn = torch.fft.ifft2 if inverse else torch.fft.fft2
    return torch.fft.fftshift(turn(torch.fft.ifftshift(x, (-2, -1)), norm="ortho"), (-2, -1))


def smooth_maps(coils, height, width, noise=0):
    """Maps of coils around the picture: Gaussian, each with a linear phase, of sum of squares 1."""
    y, x = torch.meshgrid(torch.linspace(-1, 1, height), torch.linspace(-1, 1, width), indexing="ij")
    angles = 2 * np.pi * torch.arange(coils)[:, None, None] / coils
    distance = (y - 1.2 * angles.sin()) ** 2 + (x - 1.2 * angles.cos()) ** 2
    phase = 1.5 * (y * angles.cos() - x * angles.sin()) + angles
    maps = torch.polar((-distance / 1.5).exp(), phase)
    return maps / maps.abs().square().sum(0).sqrt()


def rows_mask(frames, height, width, rows, seed=0):
    """Of each frame the four rows in the middle and others at random, whole ones; booleans (T, H, W)."""
    draw = np.random.default_rng(seed)
    mask = torch.zeros(frames, height, width, dtype=torch.bool)
    mask[:, height // 2 - 2 : height // 2 + 2] = True
    for own in mask:
        own[torch.from_numpy(draw.choice(height, rows - 4, replace=False))] = True
    return mask


def beating(frames, height, width):
    """A bright disc that beats on a grey one, with a smooth phase; complex (T, 1, H, W)."""
    y, x = torch.meshgrid(torch.linspace(-1, 1, height), torch.linspace(-1, 1, width), indexing="ij")
    t = torch.arange(frames)[:, None, None] / frames
    radius = (y**2 + x**2).sqrt()
    grey = 0.4 * torch.sigmoid(20 * (0.8 - radius)).expand(frames, -1, -1)
    heart = 0.5 * torch.sigmoid(20 * (0.3 + 0.1 * torch.sin(2 * np.pi * t) - ((y - 0.1) ** 2 + (x + 0.1) ** 2).sqrt()))
    return torch.polar(grey + heart, (0.8 * x + 0.5 * y**2).expand(frames, -1, -1))[:, None]


def noisy(y, sigma, seed=0):
    """y with complex noise of standard deviation sigma, where y is measured."""
    draw = torch.Generator().manual_seed(seed)
    return y + sigma * torch.randn(y.shape, dtype=y.dtype, generator=draw) * (y != 0)
