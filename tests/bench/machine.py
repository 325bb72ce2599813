"""What the figures were measured on."""

from __future__ import annotations

import os
import platform
from dataclasses import asdict, dataclass
from pathlib import Path

from models.machine import usable_threads


@dataclass(frozen=True, slots=True)
class Machine:
    """``load``: how many others wanted to run when the measurement began (the 1-minute load average)."""

    processor: str
    threads: int
    system: str
    python: str
    load: float

    def as_json(self) -> dict[str, object]:
        return asdict(self)

    def __str__(self) -> str:
        return f"{self.processor}, {self.threads} threads, {self.system}, Python {self.python}, load {self.load:.2f}"


def this_machine() -> Machine:
    return Machine(
        processor=_processor(),
        threads=usable_threads(),
        system=f"{platform.system()} {platform.release()}",
        python=platform.python_version(),
        load=os.getloadavg()[0],
    )


def stolen_s() -> float | None:
    """Seconds of CPU time that this machine has wanted since it began, and that went to others on the same hardware (of all
    its CPUs together); None: its system does not say."""
    try:
        first = Path("/proc/stat").read_text().split("\n", 1)[0].split()
    except OSError:
        return None
    # cpu user nice system idle iowait irq softirq steal …: proc_stat(5)
    return int(first[8]) / os.sysconf("SC_CLK_TCK") if len(first) > 8 else None


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        lines = []
    found = next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), "")
    return found or platform.processor() or platform.machine()
