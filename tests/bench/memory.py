"""The memory of other processes and what they started: of a system's own, not of the one that asks it."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

_PROC = Path("/proc")


def forget_peak(pid: int) -> None:
    """The peak is counted from now on; where the kernel does not let us, since the process began."""
    for one in _tree(pid):
        with suppress(OSError):
            (_PROC / str(one) / "clear_refs").write_text("5")


def peak_mb(pid: int) -> float:
    """The most that the process and its children have held; elsewhere than on Linux what they hold now. 0: unknown."""
    if sys.platform == "linux":
        return round(sum(_field_kb(one, "VmHWM") for one in _tree(pid)) / 1024, 1)
    shown = subprocess.run(["ps", "-o", "rss=", "-p", str(pid)], capture_output=True, text=True, check=False).stdout
    return round(int(shown.strip() or 0) / 1024, 1)


def resident_mb(pid: int) -> float:
    """What the process holds now, without what it shares with files (a model that is mapped). 0: unknown."""
    if sys.platform == "linux":
        return round(_field_kb(pid, "RssAnon") / 1024, 1)
    return peak_mb(pid)


def _tree(pid: int) -> Iterator[int]:
    yield pid
    for task in (_PROC / str(pid)).glob("task/*/children"):
        with suppress(OSError):
            for child in task.read_text().split():
                yield from _tree(int(child))


def _field_kb(pid: int, name: str) -> int:
    try:
        status = (_PROC / str(pid) / "status").read_text()
    except OSError:
        return 0  # it has ended
    found = next((line for line in status.splitlines() if line.startswith(f"{name}:")), "")
    return int(found.split()[1]) if found else 0
