"""`lowreel interpolate` and `lowreel embed`, and the pictures they make."""

import json
import re
from dataclasses import replace

import numpy as np
import pytest
import torch
from cases import noise
from conftest import moving, snapshot
from PIL import Image

from lowreel import Decoder, Functions, Measured, RecoverSettings, Representation, open_clip
from lowreel.analysis.embedding import draw_paths, path_of, write_page
from lowreel.model.latents import Codes, factorise
from lowreel.runs.folder import Run, execute

FAST = RecoverSettings(steps=2, quality="draft", baselines="none")
FEW = ("--steps", "2", "--quality", "draft", "--baselines", "none")


@pytest.fixture
def dropped(here, command):
    """A run of 9 frames, of which 3 to 5 were left out, in here/dropped."""
    np.save(here / "clip.npy", moving(9))
    done = command("simulate frames clip.npy --drop 3:6 --steps 3 --quality draft --baselines none -o dropped")
    assert done.code == 0, done.err
    return here / "dropped"


def test_frames_are_drawn_evenly_in_time(finished, command):
    """--frames N: N frames from the first to the last, as fast as the clip where that can be shown."""
    done = command("interpolate", finished, "--frames", "11")
    assert (done.code, done.err) == (0, "")
    video = open_clip(finished / "interpolated.mp4")
    assert len(video.times) == 11
    assert float(video.times[-1]) == pytest.approx(5 / 25, abs=1e-3)
    found = Representation.load(finished / "representation.safetensors")
    close_to = found.frames(torch.linspace(0, 0.2, 11, dtype=torch.float64))
    assert float((video.read() - close_to).abs().mean()) < 0.02
    assert "50 a second, as fast as the clip" in done.out
    assert "The path of the codes keeps the order" in done.out


def test_no_order_is_told_of_noise(here, command):
    """Frames of random codes, each as unlike the next as any other: what is drawn claims no order."""
    generator = Decoder((1, 16, 16), seed=0).eval()
    codes = Codes(noise(24, generator.code_dim).float(), torch.arange(24, dtype=torch.float64) / 25)
    Representation(generator, codes).save(here / "random.safetensors")
    done = command("interpolate", "random.safetensors", "--frames", "30", "-o", "between.npy")
    assert (done.code, done.err) == (0, "")
    assert "as in noise" in done.out
    assert "keeps the order" not in done.out


def test_a_part_in_slow_motion(finished, command):
    """--between A B: ten frames a step, as many a second as the clip has; --slow S: S times as long."""
    for flags, slow in (([], 10), (["--slow", "0.5"], 0.5), (["--slow", "20"], 20)):
        file = finished / f"slow{slow}.mp4"
        done = command("interpolate", finished, "--between", "1", "3", *flags, "-o", file)
        assert (done.code, done.err) == (0, "")
        times = open_clip(file).times
        assert len(times) == 21
        assert float(times[-1]) == pytest.approx(slow * 2 / 25, abs=1e-3)
        assert f"from frame 1 to frame 3, {250 / slow:g} a second" in done.out
        assert ("2 times faster" if slow < 1 else f"{slow} times slower") in done.out


def test_frames_as_an_array(finished, command):
    """.npy has the drawn frames as they are."""
    assert command("interpolate", finished, "--frames", "9", "-o", finished / "x.npy").code == 0
    found = Representation.load(finished / "representation.safetensors")
    wanted = found.frames(torch.linspace(0, 0.2, 9, dtype=torch.float64))
    torch.testing.assert_close(torch.from_numpy(np.load(finished / "x.npy")), wanted)


def test_missing_frames_are_drawn_and_scored(dropped, command):
    """--missing: the recovered clip, with the frames left out from the codes of the others; two others beside them."""
    done = command("interpolate", dropped, "--missing", "-o", dropped / "x.npy")
    assert (done.code, done.err) == (0, "")
    assert "9 frames, 3 of which were missing" in done.out
    for name in ("drawn from the codes", "cross-fading", "nearest frame"):
        assert re.search(rf"{name} +\d+\.\d\d dB, \d+\.\d\d dB", done.out)
    filled, recovered = np.load(dropped / "x.npy"), np.load(dropped / "recovered.npy")
    kept = [0, 1, 2, 6, 7, 8]
    np.testing.assert_array_equal(filled[kept], recovered[kept])
    found = Representation.load(dropped / "representation.safetensors")
    seen = replace(found, codes=found.codes.of(kept))
    np.testing.assert_allclose(filled[3:6], seen.frames(found.times[3:6]).numpy(), atol=1e-6)
    assert command("interpolate", dropped, "--missing", "--curve", "cubic").code == 0
    assert len(open_clip(dropped / "filled.mp4").times) == 9


def test_frames_missing_at_an_end_are_told(here, command):
    """Before the first measured frame there is nothing to draw between: it is repeated, and that is said."""
    assert command("simulate frames clip.npy --drop 0:2 --steps 2 --quality draft --baselines none -o run").code == 0
    done = command("interpolate run --missing")
    assert "Frames 0 to 1 lie before the first measured one and repeat it." in done.out
    assert "repeat it" not in command("interpolate run --between 3 5 -o part.mp4").out


def test_an_operator_of_ones_own_is_not_taken_for_a_full_one(tmp_path, command):
    """Where the operator is not here to ask, nothing is said of what it measured."""
    x = torch.from_numpy(moving())
    own = Functions(lambda v: 2 * v, lambda v: 2 * v, tuple(x.shape))
    run = Run.create(tmp_path / "run", Measured(own(x), own, torch.arange(6.0).double() / 25), FAST)
    measured = run.measured(own)
    execute(run, measured)
    assert "which frames its operator measured is not known" in command("interpolate", run.folder, "--missing").err
    assert command("embed", run.folder).code == 0


def test_a_representation_alone_is_enough(finished, command, tmp_path):
    """The file without its run folder; the video lies beside it."""
    file = tmp_path / "other" / "r.safetensors"
    file.parent.mkdir()
    (finished / "representation.safetensors").rename(file)
    assert command("interpolate", file, "--frames", "4").code == 0
    assert (file.parent / "interpolated.mp4").is_file()
    assert command("embed", file).code == 0
    assert (file.parent / "embedding.html").is_file()


REFUSED = {
    "interpolate run --between 4 2": "expected two frames of 0 to 5, the earlier one first, got 4 and 2",
    "interpolate run --between 0 6": "expected two frames of 0 to 5",
    "interpolate run --missing": "no frame is missing",
    "interpolate run --missing --frames 5": "leave out --frames and --between",
    "interpolate run --frames 1": "--frames: Input should be greater than or equal to 2, got '1'",
    "interpolate run -o run/recovered.mp4": "exists already; give another name",
    "interpolate run -o run/x.txt": "cannot write .txt",
    "interpolate run -o run/x.gif --slow 1": "more than the 100 that it can hold; use --slow 3 or more",
    "interpolate run --slow 1e9": "--slow: Input should be less than or equal to 10000",
    "interpolate run --frames 1000000000": "--frames: Input should be less than or equal to 100000",
    "embed run -o clip.npy": "is a file; give a folder",
    "interpolate nothing": "no such file or folder",
    "interpolate clip.npy": "clip.npy",
    "embed run run": "say with -o FOLDER",
    "embed": "at least one run",
}


@pytest.mark.parametrize("line", REFUSED)
def test_refused(line, finished, here, command):
    """Exit 2, one line that says what to do, and nothing is changed."""
    before = snapshot(here)
    done = command(line)
    assert done.code == 2
    assert done.err.count("\n") == 1
    assert REFUSED[line] in done.err
    assert snapshot(here) == before


def test_an_unfinished_run_is_named(finished, command):
    """Without its summary a run is unfinished: how to go on is said."""
    (finished / "summary.json").unlink()
    for name in ("interpolate", "embed"):
        assert f"lowreel recover {finished} --resume" in command(name, finished).err


def test_missing_frames_of_a_chain(here, command):
    """Frames that a chain leaves out are found, as those of its own operator are."""
    np.save(here / "clip.npy", moving(9))
    made = ["simulate", "chain", "clip.npy", "--of", "blur", "--of", "frames --drop 3:6", *FEW, "-o", "run"]
    assert command(*made).code == 0
    done = command("interpolate", "run", "--missing")
    assert done.code == 0, done.err
    assert "3 of which were missing" in " ".join(done.out.split())


def test_dropped_frames_are_checked(here, command):
    """--drop that is no stretch, or leaves nothing, is refused before anything is made."""
    refused = {"5": "expected A:B", "3:9": "some of the frames 0 to 5", "0:6": "not all of them"}
    refused |= {"3:1000000000": "got 3 to 999999999", "1:2 --ratio 0.5": "one of them"}
    for wrong, told in refused.items():
        done = command(f"simulate frames clip.npy --drop {wrong} -o run")
        assert done.code == 2
        assert told in done.err
        assert not (here / "run").exists()


def test_paths_of_several_runs(finished, dropped, command, here):
    """A picture and a page; of a run with missing frames the path of the others, with their numbers."""
    done = command("embed", finished, dropped, "-o", here / "pictures")
    assert (done.code, done.err) == (0, "")
    with Image.open(here / "pictures" / "embedding.png") as picture:
        assert min(picture.size) > 600
    paths = page_data(here / "pictures" / "embedding.html")
    assert [path["numbers"] for path in paths] == [[0, 1, 2, 3, 4, 5], [0, 1, 2, 6, 7, 8]]
    assert all(len(path["coordinates"]) == 6 and len(path["thumbnails"]) == 6 for path in paths)


def page_data(file):
    return json.loads(re.search(r"const PATHS = (.*);", file.read_text()).group(1))


def test_the_page_asks_for_nothing_outside(finished, command):
    """No address, no script or style of another file."""
    assert command("embed", finished).code == 0
    text = (finished / "embedding.html").read_text()
    assert "{" + "title}" not in text
    assert not re.search(r"https?://|src=[\"']?[^\"'{ ]|@import|<link|fetch\(|XMLHttp", text)


def test_a_name_with_markup_stays_text(tmp_path):
    """A run's name cannot end the script or open a tag."""
    representation = Representation(
        Decoder((1, 16, 16), seed=0).eval(),
        Codes(noise(4, Decoder((1, 16, 16)).code_dim).float(), torch.arange(4.0).double()),
    )
    name = "</script><img src=x onerror=alert(1)>{paths}"
    write_page(tmp_path / "page.html", [path_of(name, representation)])
    text = (tmp_path / "page.html").read_text()
    assert "<img" not in text
    assert text.count("</script>") == 1
    assert page_data(tmp_path / "page.html")[0]["name"] == name


def test_still_codes_are_told(tmp_path):
    """Codes that are all the same keep no order and lie on no line."""
    generator = Decoder((1, 16, 16), seed=0).eval()
    codes = Codes(noise(1, generator.code_dim).float().expand(5, -1), torch.arange(5, dtype=torch.float64))
    path = path_of("still $_{ $", Representation(generator, codes))
    assert path.sentence == "All codes are the same: every frame is the same picture."
    draw_paths(tmp_path / "still.png", [path])
    assert (tmp_path / "still.png").is_file()


def test_codes_on_a_line_are_told(tmp_path):
    """On a line the sentence has Spearman's correlation."""
    generator = Decoder((1, 16, 16), seed=0).eval()
    times = torch.arange(7, dtype=torch.float64)
    codes = factorise(torch.arange(7.0)[:, None] * noise(1, generator.code_dim).float(), times, 2, affine=True)
    path = path_of("line", Representation(generator, codes))
    assert path.is_line
    assert path.sentence.endswith("with time is 1.000.")
