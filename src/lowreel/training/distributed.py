"""Several processes that train one generator together, as `torchrun` starts them; nothing of it where there is one."""

from __future__ import annotations

import gc
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta

import torch
import torch.distributed as dist
from torch import Tensor, nn

from ..errors import InputError

TORCHRUN_VARIABLES = ("RANK", "MASTER_ADDR", "MASTER_PORT")
"""What `torchrun` sets in the environment of each process, beside WORLD_SIZE."""

PEER_TIMEOUT = timedelta(minutes=30)
"""How long a process waits for the others, which may still read images."""


@dataclass(frozen=True)
class Group:
    """This process among those at work: its number, counted from 0, and how many there are."""

    rank: int = 0
    size: int = 1

    @property
    def is_first(self) -> bool:
        """Whether it is the one that writes files and speaks."""
        return self.rank == 0

    def total(self, tensor: Tensor) -> Tensor:
        """The sum of a tensor of any shape over all processes, in place; in every process to the same bits."""
        if self.size > 1:
            dist.all_reduce(tensor)
        return tensor

    def wait(self) -> None:
        """Wait until all processes are here.

        Raises SystemExit where the first process has ended with an error, which it has told; RuntimeError in the first
        process when another one is gone.
        """
        if self.size == 1:
            return
        try:
            dist.barrier()
        except RuntimeError as error:
            if self.is_first or not is_peer_gone(error):
                raise
            raise SystemExit(1) from None

    def share(self, module: nn.Module, device: torch.device) -> nn.Module:
        """The module with gradients that are averaged over the processes (DistributedDataParallel)."""
        if self.size == 1:
            return module
        ids = [device.index] if device.type == "cuda" else None
        return nn.parallel.DistributedDataParallel(module, device_ids=ids)


def is_peer_gone(error: RuntimeError) -> bool:
    """Whether an error says that another process has left, by Ctrl-C or an error of its own."""
    return isinstance(error, dist.DistBackendError) or "by peer" in str(error)


def group() -> Group:
    """The processes that work with this one: those of `joined`, or it alone."""
    return Group(dist.get_rank(), dist.get_world_size()) if dist.is_initialized() else Group()


def device() -> torch.device:
    """The graphics card of this process, where there is one for each on its machine, else the CPU."""
    if not torch.cuda.is_available() or torch.cuda.device_count() < _told("LOCAL_WORLD_SIZE", 1):
        return torch.device("cpu")
    return torch.device("cuda", _told("LOCAL_RANK", 0))


def _told(name: str, default: int) -> int:
    """A number that `torchrun` has left in the environment."""
    text = os.environ.get(name, str(default))
    if not text.isdigit():
        raise InputError(f"{name}: expected a whole number, as torchrun sets it, got {text!r}; unset it")
    return int(text)


@contextmanager
def joined() -> Iterator[Group]:
    """Join the processes that `torchrun` has started beside this one, if it has; leave them in the end.

    Raises InputError when the environment holds only a part of what `torchrun` sets, or what is no number.
    """
    if _told("WORLD_SIZE", 1) == 1:
        yield Group()
        return
    if lacking := [name for name in TORCHRUN_VARIABLES if name not in os.environ]:
        raise InputError(f"WORLD_SIZE is set, but not {lacking[0]}; start with torchrun, or unset it")
    here = device()
    if here.type == "cuda":
        torch.cuda.set_device(here)
    dist.init_process_group("nccl" if here.type == "cuda" else "gloo", timeout=PEER_TIMEOUT)
    try:
        yield group()
        group().wait()  # the others stay until the first has written its files
    finally:
        gc.collect()  # what is left of DistributedDataParallel makes PyTorch abort when its group is gone
        dist.destroy_process_group()
