"""Which device trains, and on how many threads."""

import os
from collections.abc import Iterator
from contextlib import contextmanager

import torch

from nncli.errors import DeviceError
from nncli.settings import Device

_MOST_THREADS = 4


def choose_device(wanted: Device) -> torch.device:
    """The device for a request; ``auto`` takes a GPU if there is one.

    Raises:
        DeviceError: the device that was asked for is not there.
    """
    available = {"cpu": True, "cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available()}
    if wanted == "auto":
        return torch.device(next(name for name in ("cuda", "mps", "cpu") if available[name]))
    if not available[wanted]:
        found = ", ".join(name for name, there in available.items() if there)
        raise DeviceError(f"--device {wanted}: not available here; found {found}; 'nncli doctor' says more")
    return torch.device(wanted)


def choose_threads(wanted: int | None) -> int:
    """CPU threads: as asked for, else the cores this process may use, four at the most."""
    if wanted is not None:
        return wanted
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return min(cores, _MOST_THREADS)


@contextmanager
def use_threads(threads: int) -> Iterator[None]:
    """Torch runs on this many CPU threads inside the block."""
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        yield
    finally:
        torch.set_num_threads(before)
