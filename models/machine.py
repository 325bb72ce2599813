"""What this process may use of the machine: CPU affinity and control groups count, not what the machine has."""

from __future__ import annotations

import math
import os
import platform
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

_UNLIMITED = 1 << 60  # version 1 of control groups writes "no limit" as a number near 2 ** 63


@dataclass(frozen=True, slots=True)
class System:
    """Where the kernel tells about itself. Elsewhere than on Linux nothing is there, and nothing is limited."""

    cgroup: Path = Path("/sys/fs/cgroup")
    proc: Path = Path("/proc")
    pci: Path = Path("/sys/bus/pci/devices")


SYSTEM = System()


def usable_threads(system: System = SYSTEM) -> int:
    allowed = len(usable_cpus())
    quota = cpu_quota(system)
    return max(1, min(allowed, math.ceil(quota))) if quota else max(1, allowed)


def usable_cpus() -> Sequence[int]:
    if hasattr(os, "sched_getaffinity"):
        return sorted(os.sched_getaffinity(0))
    return range(os.cpu_count() or 1)


def cpu_quota(system: System = SYSTEM) -> float | None:
    """The least quota in CPUs of our control group and those above it, version 2 or 1; None: there is none."""
    quotas = [_ratio(*_two(_read(folder / "cpu.max"))) for folder in _groups(system, "")]
    quotas += [
        _ratio(_read(folder / "cpu.cfs_quota_us"), _read(folder / "cpu.cfs_period_us"))
        for folder in _groups(system, "cpu")
    ]
    return min((quota for quota in quotas if quota), default=None)


def cpu_seconds(system: System = SYSTEM) -> float | None:
    """What all programs together have used of our CPUs since the machine started; None: the system does not say it.

    Differences count. What a hypervisor gave to other machines is not in it: fewer threads do not bring that back. On the
    contrary, a virtual CPU that rests is waited for when it is wanted again (two threads that slept half of the time were
    stolen 20-50 % of it, two that did not 0-2 %). A control group's share of one CPU is not seen.
    """
    ours = {f"cpu{number}" for number in usable_cpus()}
    found = [line.split() for line in _read(system.proc / "stat").splitlines() if line.startswith("cpu")]
    rows = [[_number(value) for value in fields[1:8]] for fields in found if fields[0] in ours]
    if not rows or not hasattr(os, "sysconf"):
        return None
    idle, waiting = 3, 4  # columns of /proc/stat, see proc(5)
    ticks = sum(sum(row) - sum(row[idle : waiting + 1]) for row in rows)
    return ticks / os.sysconf("SC_CLK_TCK")


class Others:
    """How many CPUs other programs keep busy."""

    def __init__(self, system: System = SYSTEM) -> None:
        self._system = system
        self._before = self._now()

    def cpus(self) -> float | None:
        """On average since the last call; None: it is not known, or the time was too short to tell."""
        before, now = self._before, self._now()
        if before is None or now is None or now[0] - before[0] < 0.05:
            return None
        self._before = now
        return max(0.0, (now[1] - before[1]) / (now[0] - before[0]))

    def _now(self) -> tuple[float, float] | None:
        """The time, and what others have used since the machine started, in seconds."""
        used = cpu_seconds(self._system)
        mine = os.times()
        return None if used is None else (time.monotonic(), used - mine.user - mine.system)


# ── memory ───────────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class Memory:
    """Bytes. ``limit``: what this process and those that share its limit may have together; ``free`` of that now."""

    limit: int
    free: int


def usable_memory(system: System = SYSTEM) -> Memory | None:
    """None: the system does not say it."""
    lines = dict(line.split(":", 1) for line in _read(system.proc / "meminfo").splitlines() if ":" in line)
    total, free = _kilobytes(lines.get("MemTotal", "")), _kilobytes(lines.get("MemAvailable", ""))
    if not total or not free:
        return None
    for folder in _groups(system, ""):
        found = _number(_read(folder / "memory.max"))
        used = _number(_read(folder / "memory.current")) - _cached(folder, "inactive_file")
        total, free = _less(total, free, found, used)
    for folder in _groups(system, "memory"):
        found = _number(_read(folder / "memory.limit_in_bytes"))
        used = _number(_read(folder / "memory.usage_in_bytes")) - _cached(folder, "total_inactive_file")
        total, free = _less(total, free, found, used)
    return Memory(total, free)


def _less(total: int, free: int, limit: int, used: int) -> tuple[int, int]:
    return (min(total, limit), min(free, max(0, limit - used))) if 0 < limit < _UNLIMITED else (total, free)


def _cached(folder: Path, name: str) -> int:
    """What the kernel takes back by itself when memory is wanted."""
    for line in _read(folder / "memory.stat").splitlines():
        key, _, value = line.partition(" ")
        if key == name:
            return _number(value)
    return 0


# ── what kind of machine ─────────────────────────────────────────────────────────────────────────────────


def processor(system: System = SYSTEM) -> tuple[str, str]:
    """The name of the CPU, and what it can do (the kernel's flags): two machines of one name may differ in these."""
    fields: dict[str, str] = {}
    for line in _read(system.proc / "cpuinfo").splitlines():
        key, _, value = line.partition(":")
        fields.setdefault(key.strip().lower(), value.strip())
    name = fields.get("model name") or fields.get("cpu model") or platform.processor() or platform.machine()
    return name, fields.get("flags") or fields.get("features", "")


def graphics(system: System = SYSTEM) -> tuple[str, ...]:
    """PCI display and 3D controllers as vendor:device, e.g. 10de:2335; the NVIDIA driver's version if there is one."""
    found = []
    for device in sorted(_folders(system.pci)):
        if _read(device / "class").startswith("0x03"):
            found.append(f"{_read(device / 'vendor')[2:]}:{_read(device / 'device')[2:]}")
    driver = _read(system.proc / "driver/nvidia/version").splitlines()
    return (*found, *driver[:1])


# ── reading ──────────────────────────────────────────────────────────────────────────────────────────────


def _groups(system: System, controller: str) -> Iterator[Path]:
    """Our control group's folder and those above it. ``controller``: of version 1; empty: version 2.

    In a container the path may be the host's: then only the root is there, and it is the container's own.
    """
    for line in [*_read(system.proc / "self/cgroup").splitlines(), f"0:{controller}:/"]:
        _, controllers, path = [*line.split(":", 2), "", ""][:3]
        if controller in controllers.split(","):
            for root in (system.cgroup / controller,) if controller else (system.cgroup, system.cgroup / "unified"):
                here = root / path.strip("/")
                yield from (folder for folder in (here, *here.parents) if folder.is_relative_to(root))


def _folders(path: Path) -> list[Path]:
    try:
        return list(path.iterdir())
    except OSError:
        return []


def _read(path: Path) -> str:
    try:
        return path.read_text(errors="replace").strip()
    except OSError:
        return ""


def _two(line: str) -> tuple[str, str]:
    first, _, second = line.partition(" ")
    return first, second.strip()


def _ratio(quota: str, period: str) -> float | None:
    if not quota.isdecimal() or not period.isdecimal() or not int(quota) or not int(period):
        return None  # "max" and -1 mean: no quota
    return int(quota) / int(period)


def _number(text: str) -> int:
    return int(text) if text.isdecimal() else 0


def _kilobytes(text: str) -> int:
    return _number(text.replace("kB", "").strip()) * 1024
