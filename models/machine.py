"""How many threads this process may really use: its CPU affinity and its control group's quota, not the machine's."""

from __future__ import annotations

import math
import os
from pathlib import Path

CGROUP_ROOT = Path("/sys/fs/cgroup")


def usable_threads(cgroup: Path = CGROUP_ROOT) -> int:
    allowed = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    quota = cpu_quota(cgroup)
    return max(1, min(allowed, math.ceil(quota))) if quota else max(1, allowed)


def cpu_quota(cgroup: Path = CGROUP_ROOT) -> float | None:
    """The quota in CPUs, of control groups version 2 or 1; None: there is none."""
    unified = _read(cgroup / "cpu.max").split()
    if len(unified) == 2:
        return _ratio(*unified)
    return _ratio(_read(cgroup / "cpu/cpu.cfs_quota_us"), _read(cgroup / "cpu/cpu.cfs_period_us"))


def _read(path: Path) -> str:
    try:
        return path.read_text().strip()
    except OSError:
        return ""


def _ratio(quota: str, period: str) -> float | None:
    if not quota.isdecimal() or not period.isdecimal() or not int(quota) or not int(period):
        return None  # "max" and -1 mean: no quota
    return int(quota) / int(period)
