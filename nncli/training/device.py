"""Which device trains, and on how many threads."""

import ctypes
import os
from collections.abc import Iterator
from contextlib import contextmanager

import torch
from threadpoolctl import threadpool_limits

from nncli.errors import DeviceError
from nncli.settings import Device

_TOLD = "OMP_NUM_THREADS"
_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD = -1, -3  # as in malloc.h


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


def device_name(device: torch.device) -> str:
    """Its type, and its model where two models round differently."""
    return f"{device.type} ({torch.cuda.get_device_name(device)})" if device.type == "cuda" else device.type


@contextmanager
def use_threads(threads: int) -> Iterator[None]:
    """Torch and scikit-learn run on this many CPU threads inside the block, however many cores there are.

    numpy's products take one: its library waits for others by spinning, which on a busy core takes forty times as long.
    Memory that is freed is kept from then on.
    """
    _keep_freed_memory()
    before, told = torch.get_num_threads(), os.environ.get(_TOLD)
    with threadpool_limits({"openmp": threads, "blas": 1}):
        torch.set_num_threads(threads)
        os.environ[_TOLD] = str(threads)  # else scikit-learn takes no more than there are cores
        try:
            yield
        finally:
            torch.set_num_threads(before)
            if told is None:
                del os.environ[_TOLD]
            else:
                os.environ[_TOLD] = told


def _keep_freed_memory() -> None:
    """Lets glibc keep freed blocks of up to 32 MB for the next step.

    By default it gives them back to the kernel, which clears every page anew at each use: a tenth of the training.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None) if os.name == "posix" else None
    if mallopt is not None:
        mallopt(_M_MMAP_THRESHOLD, 32 * 2**20)
        mallopt(_M_TRIM_THRESHOLD, 2**30)
