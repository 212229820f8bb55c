"""A page's service without a server, and files that visitors send to it."""

import os
import re

import numpy as np
import torch
from conftest import moving

from lowreel import MissingPixels
from lowreel.data import Measured
from lowreel.settings import ServeSettings
from lowreel.web.queue import Queue
from lowreel.web.service import Service


def desk_of(folder, shared=(), **settings):
    """The service of a page in a folder, with a queue that works; to be closed: `.jobs.close()`."""
    chosen = ServeSettings(**settings)
    jobs = Queue(folder, chosen)
    jobs.start()
    for name in ("uploads", "held"):
        (folder / ".work" / name).mkdir(parents=True, exist_ok=True)
    return Service(chosen, jobs, tuple(shared), folder / ".work")


def sent(service, name, write):
    """A file of somebody's where uploads lie, and its name."""
    folder = service.work / "uploads" / os.urandom(8).hex()
    folder.mkdir()
    path = folder / re.sub(r"[\0/]", "_", name)[-200:]
    write(path)
    return [(path, name)]


def clip_file(path):
    np.save(path, moving())


def measured_file(path):
    clip = torch.from_numpy(moving())
    operator = MissingPixels(tuple(clip.shape), 0.5, seed=0)
    Measured(operator(clip), operator, torch.arange(len(clip)) / 25.0).save(path)
