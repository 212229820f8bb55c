"""Training images from published files and folders, and clips drawn from a name."""

import gzip
import hashlib
import io
import struct
import tarfile
from pathlib import Path

import numpy as np
import pytest
import torch
from conftest import encode, moving
from PIL import Image

from lowreel import InputError, open_clip
from lowreel.io.datasets import open_images
from lowreel.io.datasets.clips import color_wheel, moving_mnist, rotating_mnist
from lowreel.io.datasets.official import SAMPLE, sample_digits

close = torch.testing.assert_close


@pytest.fixture(autouse=True)
def _no_data_of_the_users(monkeypatch):
    monkeypatch.delenv("LOWREEL_DATA", raising=False)


def seeded_levels(*shape):
    return np.random.default_rng(3).integers(0, 256, shape, dtype=np.uint8)


def idx(images):
    return struct.pack(">4I", 0x803, *images.shape) + images.tobytes()


def records(images):
    return np.concatenate([np.zeros((len(images), 1), np.uint8), images.reshape(len(images), -1)], 1).tobytes()


# ------------------------------------------------------------------------------------- published files

MNIST_FILES = {
    "train-images-idx3-ubyte": lambda images: idx(images),
    "train-images-idx3-ubyte.gz": lambda images: gzip.compress(idx(images)),
    "train-images.idx3-ubyte": lambda images: idx(images),
}


@pytest.mark.parametrize("place", ["given", "data", "data/MNIST/raw", "."])
@pytest.mark.parametrize("name", MNIST_FILES)
def test_mnist_is_found_and_read(name, place, tmp_path, monkeypatch):
    """The published file, packed or not, gives its pixels from wherever it may lie, by name and by folder."""
    images = seeded_levels(5, 28, 28)
    folder = tmp_path / place
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_bytes(MNIST_FILES[name](images))
    monkeypatch.chdir(tmp_path)
    if place == "given":
        monkeypatch.setenv("LOWREEL_DATA", str(folder))
    for found in (open_images("mnist"), open_images(folder)):
        assert (found.name, found.channels, found.size) == ("mnist", 1, (64, 64))
        assert np.array_equal(found.pixels[:, 0].numpy(), images)


def cifar_batches(folder, images):
    for k, part in enumerate(np.split(images, 5), 1):
        (folder / f"data_batch_{k}.bin").write_bytes(records(part))


def cifar_archive(folder, images):
    with tarfile.open(folder / "cifar-10-binary.tar.gz", "w:gz") as tar:
        for k, part in reversed(list(enumerate(np.split(images, 5), 1))):
            member = tarfile.TarInfo(f"cifar-10-batches-bin/data_batch_{k}.bin")
            member.size = len(content := records(part))
            tar.addfile(member, io.BytesIO(content))


def cifar_sheets(folder, images):
    for k, part in enumerate(np.split(images, 2)):
        sheet = part.reshape(1, 5, 3, 32, 32).transpose(0, 3, 1, 4, 2).reshape(32, 160, 3)
        Image.fromarray(sheet).save(folder / f"train_{k:02d}.webp", lossless=True)


def test_a_missing_sheet_is_named(tmp_path):
    """CIFAR-10 with a gap is not CIFAR-10."""
    cifar_sheets(tmp_path, seeded_levels(10, 3, 32, 32))
    (tmp_path / "train_01.webp").rename(tmp_path / "train_02.webp")
    with pytest.raises(InputError, match=r"train_01\.webp is missing"):
        open_images(tmp_path)


def test_links_in_an_archive_lead_nowhere(tmp_path):
    """A batch that is a link to something not there is refused."""
    with tarfile.open(tmp_path / "cifar-10-binary.tar.gz", "w:gz") as tar:
        member = tarfile.TarInfo("data_batch_1.bin")
        member.type, member.linkname = tarfile.SYMTYPE, "nowhere"
        tar.addfile(member)
    with pytest.raises(InputError, match="cannot be read"):
        open_images(tmp_path)


@pytest.mark.parametrize("write", [cifar_batches, cifar_archive, cifar_sheets])
def test_cifar10_is_read(write, tmp_path, monkeypatch):
    """Binary batches, their archive and sheets of tiles give the same images in the same order."""
    images = seeded_levels(10, 3, 32, 32)
    (tmp_path / "data").mkdir()
    write(tmp_path / "data", images)
    monkeypatch.chdir(tmp_path)
    assert np.array_equal(open_images("cifar10").pixels.numpy(), images)
    assert np.array_equal(open_images("data").pixels.numpy(), images)


def test_missing_files_are_named_with_the_places(tmp_path, monkeypatch):
    """The message says which files are wanted, where they were looked for, and how to say where they are."""
    (tmp_path / "deep" / "er").mkdir(parents=True)
    monkeypatch.chdir(tmp_path / "deep" / "er")
    for name, file in (("mnist", "train-images-idx3-ubyte"), ("cifar10", "cifar-10-binary.tar.gz")):
        with pytest.raises(InputError) as refused:
            open_images(name)
        assert [word for word in (name, file, "data", "LOWREEL_DATA") if word not in str(refused.value)] == []
    with pytest.raises(InputError, match=f"0 to {SAMPLE - 1} come with the package.*t10k-images-idx3-ubyte"):
        open_clip(f"rotating-mnist:{SAMPLE}")


DAMAGED = {
    "cut idx": ("train-images-idx3-ubyte", lambda: idx(seeded_levels(3, 28, 28))[:-7], "expected IDX images"),
    "labels": ("train-images-idx3-ubyte", lambda: struct.pack(">2I", 0x801, 9) + bytes(9), "IDX"),
    "not packed": ("train-images-idx3-ubyte.gz", lambda: b"plain", "cannot be read as an IDX file"),
    "cut packing": ("train-images-idx3-ubyte.gz", lambda: gzip.compress(idx(seeded_levels(9, 28, 28)))[:-900], "IDX"),
    "odd batch": ("data_batch_1.bin", lambda: bytes(3000), "data_batch_2.bin"),
    "no archive": ("cifar-10-binary.tar.gz", lambda: b"nothing", "download it again"),
    "empty idx": ("train-images-idx3-ubyte", lambda: idx(seeded_levels(0, 28, 28)), "expected IDX images"),
    "no sheet": ("train_00.webp", lambda: b"nothing", "cannot be read as a picture"),
}


@pytest.mark.parametrize(("name", "content", "message"), DAMAGED.values(), ids=DAMAGED)
def test_damaged_published_files_are_refused(name, content, message, tmp_path):
    """By name and with what to do."""
    (tmp_path / name).write_bytes(content())
    with pytest.raises(InputError, match=message):
        open_images(tmp_path)


# --------------------------------------------------------------------------------------------- folders


def a_folder(path):
    """Two pictures (one grey, in a subfolder), a video of 6 frames, a text, a hidden picture, three damaged files."""
    (path / "more").mkdir(parents=True)
    Image.fromarray(seeded_levels(20, 30, 3)).save(path / "a.png")
    Image.fromarray(seeded_levels(9, 9)).save(path / "more" / "b.png")
    encode(path / "c.mp4", moving(channels=3))
    (path / "notes.txt").write_text("no picture")
    Image.fromarray(seeded_levels(9, 9)).save(path / ".hidden.png")
    (path / "d.png").write_bytes(b"no picture")
    whole = (path / "a.png").read_bytes()
    (path / "e.png").write_bytes(whole[: len(whole) // 2])
    (path / "f.mp4").write_bytes((path / "c.mp4").read_bytes()[:300])
    return path


def test_a_folder_of_pictures_and_videos(tmp_path):
    """Every frame at the size asked for; files that cannot be read are left out and named, others ignored."""
    images = open_images(a_folder(tmp_path / "set"), (8, 12))
    assert (images.name, len(images), images.size, images.channels) == ("set", 8, (8, 12), 3)
    assert sorted(Path(sentence.split(":")[0]).name for sentence in images.skipped) == ["d.png", "e.png", "f.mp4"]
    first = open_clip(tmp_path / "set" / "a.png", size=(8, 12)).read()
    close(images.batch(slice(0, 1)), first, atol=0.5 / 255 + 1e-6, rtol=0)
    assert images.batch(torch.tensor([3, 1])).shape == (2, 3, 8, 12)


def test_limit_and_channels(tmp_path):
    """`limit` takes images evenly spaced over all; grey is the luma of colour."""
    folder = a_folder(tmp_path / "set")
    every, four = open_images(folder, (8, 8)), open_images(folder, (8, 8), limit=4)
    assert torch.equal(four.pixels, every.pixels[[0, 2, 4, 6]])
    grey = open_images(folder, (8, 8), channels=1)
    luma = (every.pixels * torch.tensor([0.299, 0.587, 0.114]).view(1, 3, 1, 1)).sum(1, keepdim=True)
    close(grey.pixels.float(), luma, atol=1.01, rtol=0)


def test_the_hash_knows_every_pixel(tmp_path):
    """Equal sets have equal hashes; one level of one pixel makes another."""
    images = open_images(a_folder(tmp_path / "set"), (8, 8))
    before = images.hash()
    assert open_images(tmp_path / "set", (8, 8)).hash() == before
    images.pixels[5, 1, 2, 3] += 1
    assert images.hash() != before


# ----------------------------------------------------------------------------------------- named clips

NAMED = {
    "rotating-mnist:7": (32, 1, 64, 64),
    "moving-mnist:3": (20, 1, 64, 64),
    "color-wheel:2": (64, 3, 64, 64),
    "beating-heart:4": (24, 1, 128, 128),
}


@pytest.mark.parametrize("name", NAMED)
def test_named_clips(name):
    """Shape and range; the same name the same clip, another number another; the wishes of `open_clip` hold."""
    clip = open_clip(name)
    frames = clip.read()
    assert (clip.shape, str(clip.source)) == (NAMED[name], name)
    assert (float(frames.min()), float(frames.max()) > 0.9, float(frames.max()) <= 1) == (0, True, True)
    assert torch.equal(open_clip(name).read(), frames)
    assert not torch.equal(open_clip(name.split(":")[0]).read(), frames)
    part = open_clip(name, frames=slice(2, 8, 3), channels=3)
    close(part.read(), frames[2:8:3].expand(-1, 3, -1, -1))
    assert open_clip(name, size=(16, 24)).shape[2:] == (16, 24)


def test_rotating_mnist_turns():
    """45 frames of 2 degrees are a quarter turn, counterclockwise, of the digit at 64x64; 180 are a full one."""
    turned = rotating_mnist(5, frames=181)
    close(turned[45], torch.rot90(turned[0], 1, (1, 2)), atol=2e-4, rtol=0)
    close(turned[180], turned[0], atol=2e-3, rtol=0)
    still = torch.nn.functional.interpolate(sample_digits()[5:6].float() / 255, (64, 64), mode="bilinear")
    close(turned[:1], still, atol=1e-4, rtol=0)


def test_moving_mnist_moves_two_whole_sample_digits():
    """In every frame both digits are whole: where they do not overlap, the sum of all pixels is theirs."""
    singles = sample_digits().float().sum((1, 2, 3)) / 255
    for seed in range(4):
        sums = moving_mnist(seed, frames=100).sum((1, 2, 3))
        pairs = singles[:, None] + singles[None]
        assert float((sums.max() - pairs).abs().min()) < 1e-2
        apart = (sums - sums.max()).abs() < 1e-2
        assert int(apart.sum()) >= 20, "often apart, and always the same two digits"
        assert float(sums.min()) > float(sums.max()) / 2 - 1e-2, "never less than the fuller digit"
    assert (moving_mnist(1, frames=200).flatten(1).diff(dim=0).abs().sum(1) > 0).all(), "it never stands still"


DRAWN = {
    "moving-mnist:0": "f1e0ec4864ad8e9e",
    "moving-mnist:5": "16e86e12593bcd88",
    "color-wheel:5": "24591fd7d3f660c0",
    "beating-heart:5": "1261079a692f1a59",
}


@pytest.mark.parametrize("name", DRAWN)
def test_named_clips_stay_what_they_are(name):
    """A name is a clip for good: runs read their truth by it."""
    levels = open_clip(name).read().mul(255).round().byte()
    assert hashlib.sha256(levels.numpy().tobytes()).hexdigest()[:16] == DRAWN[name]


def test_color_wheel_turns():
    """12 colours; 30 frames are one slice further: a full turn comes back, and hues move on by a slice."""
    wheel = color_wheel(0, frames=361)
    close(wheel[360], wheel[0])
    close(wheel[90], torch.rot90(wheel[0], 1, (1, 2)), atol=1e-6, rtol=0)
    inside = wheel[0, :, 32 + 8 :: 3, 32].T.tolist() + wheel[0].flatten(1).T.tolist()
    pure = {tuple(round(level, 3) for level in colour) for colour in inside if max(colour) == 1 and min(colour) == 0}
    assert len({colour for colour in pure if all(level in (0, 0.5, 1) for level in colour)}) == 12


def test_a_file_of_that_name_comes_first(tmp_path, monkeypatch):
    """A folder called color-wheel is read, not drawn."""
    monkeypatch.chdir(tmp_path)
    Path("color-wheel").mkdir()
    Image.fromarray(seeded_levels(6, 5)).save("color-wheel/1.png")
    assert open_clip("color-wheel").shape == (1, 1, 6, 5)


@pytest.mark.parametrize("name", ["rotating-mnist:x", "moving-mnist:-1", "color-wheel:1:2", f"moving-mnist:{2**32}"])
def test_wrong_numbers_are_refused(name):
    """In words, not as a missing file."""
    with pytest.raises(InputError, match=r"expected NAME:NUMBER|below"):
        open_clip(name)
