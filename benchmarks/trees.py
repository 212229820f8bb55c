"""The working tree and checkouts of other commits, and processes that use the package of one of them."""

from __future__ import annotations

import json
import os
import platform
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from .timed import Task

ROOT = Path(__file__).resolve().parents[1]

AVX2 = {
    "ATEN_CPU_CAPABILITY": "avx2",
    "ONEDNN_MAX_CPU_ISA": "AVX2",
    "MKL_ENABLE_INSTRUCTIONS": "AVX2",
}
"""What keeps torch, oneDNN and MKL to the instructions of a processor without AVX-512. What torch.cpu.get_capabilities
says of the processor they do not change."""

FLAGS = ("avx2", "avx512f", "avx512_bf16", "amx_bf16")


@dataclass(frozen=True)
class Tree:
    """root: the folder that holds src/lowreel; commit: its name. is_old: a checkout to compare with, whose choice of
    half precision goes by what the processor says of itself."""

    root: Path
    commit: str
    is_old: bool = False

    def command(self, module: str, task: Task) -> list[str]:
        """The command line of a process that does a task by `benchmarks.MODULE` of the working tree."""
        return [sys.executable, "-m", f"benchmarks.{module}", json.dumps(asdict(task))]

    def environment(self, task: Task) -> dict[str, str]:
        """Its environment, in which `import lowreel` finds this tree's package."""
        path = os.pathsep.join(filter(None, (str(self.root / "src"), os.environ.get("PYTHONPATH"))))
        own = {"PYTHONPATH": path, "OMP_NUM_THREADS": str(task.threads)}
        return os.environ | own | (AVX2 if task.avx2 else {})

    def task(self, **given: Any) -> Task:
        """A task for this tree's package."""
        return Task(package=str(self.root / "src" / "lowreel"), is_old=self.is_old, **given)

    def run(self, task: Task) -> dict[str, Any]:
        """Do a task in a process of its own, and wait for what it found."""
        command, environment = self.command("timed", task), self.environment(task)
        ended = subprocess.run(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True, check=False)
        if ended.returncode:
            sys.exit(f"{task.job}: the process with the package of {self.commit} ended with {ended.returncode}")
        return json.loads(ended.stdout.splitlines()[-1])


def here() -> Tree:
    """The working tree."""
    return Tree(ROOT, git("describe", "--always", "--dirty"))


@contextmanager
def checked_out(revision: str) -> Iterator[Tree]:
    """A commit in a temporary folder, which is removed in the end."""
    commit = git("rev-parse", "--verify", "--short", f"{revision}^{{commit}}")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))  # so that the folder is removed then too
    with tempfile.TemporaryDirectory(prefix="lowreel-") as folder:
        root = Path(folder) / "tree"
        git("worktree", "add", "--detach", "--quiet", str(root), commit)
        try:
            yield Tree(root, commit, is_old=True)
        finally:
            git("worktree", "remove", "--force", str(root))


def git(*words: str) -> str:
    """What a git command prints; ends the program where it fails."""
    try:
        ended = subprocess.run(["git", "-C", str(ROOT), *words], capture_output=True, text=True, check=False)
    except FileNotFoundError:
        sys.exit("git is not here: install it, or run this where it is")
    if ended.returncode:
        sys.exit(f"git {words[0]}: {ended.stderr.strip()}")
    return ended.stdout.strip()


def processor() -> str:
    """Its name, and which of the instruction sets that matter it has."""
    with suppress(OSError):
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
        told = {name.strip(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
        if "model name" in told:
            flags = told.get("flags", "").split()
            return f"{told['model name']} ({', '.join(flag for flag in FLAGS if flag in flags) or 'no AVX2'})"
    return platform.processor() or platform.machine()
