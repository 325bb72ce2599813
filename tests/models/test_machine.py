"""What the process may use of the machine, as the kernel's files say it."""

from __future__ import annotations

from pathlib import Path

import pytest

from models.gguf import Header
from models.machine import Memory, Others, System, cpu_quota, graphics, processor, usable_memory, usable_threads
from models.memory import Needed, needed_memory, too_much


def system(folder: Path, files: dict[str, str]) -> System:
    for name, content in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(content)
    return System(cgroup=folder / "cgroup", proc=folder / "proc", pci=folder / "pci")


@pytest.mark.parametrize(
    ("files", "quota"),
    [
        ({"cgroup/cpu.max": "150000 100000\n"}, 1.5),
        ({"cgroup/cpu.max": "max 100000\n"}, None),
        ({"cgroup/cpu/cpu.cfs_quota_us": "50000", "cgroup/cpu/cpu.cfs_period_us": "100000"}, 0.5),
        ({"cgroup/cpu/cpu.cfs_quota_us": "-1", "cgroup/cpu/cpu.cfs_period_us": "100000"}, None),
        ({}, None),
        (
            {
                "proc/self/cgroup": "0::/shop/bot\n",
                "cgroup/cpu.max": "max 100000",
                "cgroup/shop/cpu.max": "100000 100000",
                "cgroup/shop/bot/cpu.max": "300000 100000",
            },
            1.0,
        ),
        (
            {
                "proc/self/cgroup": "3:cpuset:/\n4:cpu,cpuacct:/docker/1\n",
                "cgroup/cpu/cpu.cfs_quota_us": "70000",
                "cgroup/cpu/cpu.cfs_period_us": "100000",
            },
            0.7,
        ),
        ({"proc/self/cgroup": "nonsense\n\n:::", "cgroup/cpu.max": "what is this"}, None),
    ],
)
def test_threads(tmp_path: Path, files: dict[str, str], quota: float | None) -> None:
    machine = system(tmp_path, files)
    assert cpu_quota(machine) == quota
    assert usable_threads(machine) >= 1
    if quota and quota <= 1:
        assert usable_threads(machine) == 1


MEMINFO = "MemTotal:  1000 kB\nMemFree: 10 kB\nMemAvailable:  600 kB\n"


@pytest.mark.parametrize(
    ("files", "memory"),
    [
        ({}, None),
        ({"proc/meminfo": "nonsense"}, None),
        ({"proc/meminfo": MEMINFO}, Memory(1_024_000, 614_400)),
        (
            {
                "proc/meminfo": MEMINFO,
                "proc/self/cgroup": "0::/a\n",
                "cgroup/a/memory.max": "500000\n",
                "cgroup/a/memory.current": "400000\n",
                "cgroup/a/memory.stat": "anon 7\ninactive_file 300000\n",
            },
            Memory(500_000, 400_000),
        ),
        (
            {
                "proc/meminfo": MEMINFO,
                "cgroup/memory/memory.limit_in_bytes": "9223372036854771712",
                "cgroup/memory/memory.usage_in_bytes": "1",
            },
            Memory(1_024_000, 614_400),
        ),
        ({"proc/meminfo": MEMINFO, "cgroup/memory.max": "max"}, Memory(1_024_000, 614_400)),
    ],
)
def test_memory(tmp_path: Path, files: dict[str, str], memory: Memory | None) -> None:
    assert usable_memory(system(tmp_path, files)) == memory


def test_what_kind_of_machine(tmp_path: Path) -> None:
    machine = system(
        tmp_path,
        {
            "proc/cpuinfo": "processor : 0\nmodel name\t: A CPU\nflags : sse avx\n\nprocessor : 1\nmodel name : B\n",
            "pci/0000:01:00.0/class": "0x030200",
            "pci/0000:01:00.0/vendor": "0x10de",
            "pci/0000:01:00.0/device": "0x2335",
            "pci/0000:02:00.0/class": "0x020000",
            "proc/driver/nvidia/version": "NVRM version: 1.2\nmore",
        },
    )
    assert processor(machine) == ("A CPU", "sse avx")
    assert graphics(machine) == ("10de:2335", "NVRM version: 1.2")
    nothing = system(tmp_path / "empty", {})
    assert processor(nothing)[0] is not None
    assert graphics(nothing) == ()
    assert Others(nothing).cpus() is None


# ── what a model needs ───────────────────────────────────────────────────────────────────────────────────

NUMBERS = {
    "llama.block_count": 30,
    "llama.embedding_length": 576,
    "llama.attention.head_count": 9,
    "llama.attention.head_count_kv": 3,
}


def test_the_memory_of_the_cache() -> None:
    header = Header("llama", 1, 1, NUMBERS)
    assert needed_memory(header, 7, 1000, "f16") == Needed(7, 1000 * 30 * 3 * 128 * 2)
    assert needed_memory(header, 7, 1000, "q8_0") == Needed(7, int(1000 * 30 * 3 * 128 * 34 / 32))
    assert needed_memory(Header("llama", 1, 1, {}), 7, 1000, "f16") is None
    assert needed_memory(Header("mamba", 1, 1, {**NUMBERS, "mamba.ssm.state_size": 4}), 7, 1000, "f16") is None


def test_what_does_not_fit_is_told_in_figures() -> None:
    assert not too_much(Needed(100, 50), Memory(limit=200, free=60))
    assert not too_much(Needed(100, 50), Memory(limit=150, free=50))
    told = too_much(Needed(8_000_000_000, 4_000_000_000), Memory(limit=8_000_000_000, free=5_000_000_000))
    assert "12.0 GB" in told
    assert "8.0 GB, of which 5.0 GB" in told
    assert too_much(Needed(100, 70), Memory(limit=1000, free=60))
