"""The threads that OpenMP keeps to help each thread that has computed."""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from functools import cache

from models.llama.library import FOLDER

_SOFT = 1  # omp_pause_soft


@cache
def _found() -> Callable[[], None]:
    """OpenMP as llama.cpp's CPU backend is linked with it: another copy would know nothing of its threads."""
    for path in sorted(FOLDER.glob("libggml-cpu*")):
        try:
            library = ctypes.CDLL(str(path))
            device, pause = library.omp_get_initial_device, library.omp_pause_resource
        except (OSError, AttributeError):  # built without OpenMP
            continue
        device.argtypes, pause.argtypes = (), (ctypes.c_int, ctypes.c_int)
        device.restype = pause.restype = ctypes.c_int
        return lambda: pause(_SOFT, device())
    return lambda: None


def let_go() -> None:
    """The helpers of the calling thread end; its next computation gets new ones, within a tenth of a millisecond.

    OpenMP counts the helpers of all threads. If they are more than the CPUs, as with two models, none of them waits at
    work any more: they fall asleep at every operation, 800 times in a step, though the other model has nothing to do.
    """
    _found()()
