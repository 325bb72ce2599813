"""Makes .venv and installs the locked dependencies into it. Run by make, before anything is installed.

Only the standard library is used here. llama.cpp is compiled for this CPU on the way, which takes minutes: the terminal
shows what is done and what is left, the whole output goes to .venv/install.log.
"""

from __future__ import annotations

import hashlib
import os
import platform
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
LOG = VENV / "install.log"
STEP = re.compile(r"\[(\d+)/(\d+)\]")
COLLECT = re.compile(
    r"^(Collecting|Downloading|Processing|Building wheel for|Installing collected packages|Using cached)\b[: ]*(\S*)"
)
QUIET_EVERY_S = 15.0
HINTS = """Kefu needs Python 3.11 or newer with venv, a C/C++ compiler and make:
  Debian, Ubuntu:  sudo apt-get install python3 python3-venv python3-dev build-essential
  Fedora:          sudo dnf install python3 python3-devel gcc gcc-c++ make
  macOS:           xcode-select --install && brew install python"""


def main() -> int:
    problem = missing()
    if problem:
        print(f"{problem}\n\n{HINTS}", file=sys.stderr)
        return 1
    if not (VENV / "bin" / "python").exists():
        say("Making .venv …")
        made = subprocess.run([sys.executable, "-m", "venv", str(VENV)], capture_output=True, text=True, check=False)
        if made.returncode != 0:
            shutil.rmtree(VENV, ignore_errors=True)
            print(f"{made.stdout}{made.stderr}\n{HINTS}", file=sys.stderr)
            return 1
    say("Installing what requirements.lock names. The first time llama.cpp is compiled for this CPU:")
    say(f"about {minutes()} minutes on this machine; later starts take seconds.")
    started = time.monotonic()
    code = install()
    if code != 0:
        print("\n".join(["", *LOG.read_text(errors="replace").splitlines()[-30:]]), file=sys.stderr)
        print(f"\nThe installation failed; the whole log: {LOG}\n\n{HINTS}", file=sys.stderr)
        return 1
    (VENV / ".installed").touch()
    say(f"Installed in {clock(time.monotonic() - started)}.")
    return 0


def missing() -> str:
    """What this machine lacks, in one sentence; empty if nothing."""
    if sys.version_info < (3, 11):
        return f"This is Python {sys.version.split()[0]}; name a newer one: make PYTHON=python3.11 …"
    if not (shutil.which(os.environ.get("CXX", "c++")) or shutil.which("g++") or shutil.which("clang++")):
        return "There is no C++ compiler."
    return ""


def minutes() -> int:
    """How long the compilation takes: about 11 minutes of CPU time, seen on a 2023 server core."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(1, round(11 / cores) + 1)


# GCC miscompiles llama.cpp's set-up of the AMX tiles, and the process dies at the first prompt (ggml-org/llama.cpp
# issue 20824, seen with GCC 12.2). Without them the same CPUs use AVX-512.
WITHOUT_AMX = "-mno-amx-tile -mno-amx-int8 -mno-amx-bf16"


def cmake_args() -> str:
    # The image and audio parts of llama.cpp are not used. What the user gives (-DGGML_CUDA=on …) is kept.
    args = ["-DLLAVA_BUILD=OFF"]
    if accepted(WITHOUT_AMX):
        args += [f"-DCMAKE_C_FLAGS='{WITHOUT_AMX}'", f"-DCMAKE_CXX_FLAGS='{WITHOUT_AMX}'"]
    return " ".join([*args, os.environ.get("CMAKE_ARGS", "")]).strip()


def cache_dir() -> Path:
    """pip's cache for this CPU and these options: pip would hand out a llama.cpp that was compiled for others."""
    base = os.environ.get("PIP_CACHE_DIR") or Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "pip"
    made_for = f"{cmake_args()} {platform.platform()} {cpu()}"
    return Path(base) / f"kefu-{hashlib.sha256(made_for.encode()).hexdigest()[:12]}"


def cpu() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor()
    return " ".join(sorted({line for line in lines if line.startswith(("flags", "Features", "model name"))}))


def accepted(flags: str) -> bool:
    """Whether the compiler knows ``flags``: only those for x86 do."""
    compiler = shutil.which(os.environ.get("CC", "cc")) or shutil.which("gcc") or shutil.which("clang")
    if compiler is None:
        return False
    command = [compiler, "-Werror", *flags.split(), "-x", "c", "-E", "/dev/null"]
    return subprocess.run(command, capture_output=True, check=False).returncode == 0


def install() -> int:
    environment = {
        **os.environ,
        "CMAKE_ARGS": cmake_args(),
        "PIP_CACHE_DIR": str(cache_dir()),
        "PIP_DISABLE_PIP_VERSION_CHECK": "1",
    }
    # The lock is complete, so pip need not look for dependencies; it checks the hash of each file.
    command = [
        *(str(VENV / "bin" / "python"), "-m", "pip", "install", "--no-deps", "--require-hashes", "--verbose"),
        *("-r", str(ROOT / "requirements.lock")),
    ]
    with (
        LOG.open("w") as log,
        subprocess.Popen(
            command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace"
        ) as pip,
    ):
        assert pip.stdout is not None
        progress = Progress()
        for line in pip.stdout:
            log.write(line)
            progress.read(line)
        progress.end()
        return pip.wait()


class Progress:
    """One line that moves on a terminal; elsewhere a line every 15 seconds."""

    def __init__(self) -> None:
        self._started = self._shown_at = time.monotonic()
        self._live = sys.stdout.isatty()

    def read(self, line: str) -> None:
        text = self._text(line.strip())
        now = time.monotonic()
        if text and now - self._shown_at >= (0.1 if self._live else QUIET_EVERY_S):
            self._shown_at = now
            shown = f"  {clock(now - self._started)}  {text}"
            print(f"\r\033[K{shown}" if self._live else shown, end="" if self._live else "\n", flush=True)

    def _text(self, line: str) -> str:
        if step := STEP.search(line):
            return f"compiling llama.cpp: {step[1]} of {step[2]}"
        if found := COLLECT.match(line):
            return f"{found[1].lower()} {Path(found[2]).name or 'packages'}"
        return ""

    def end(self) -> None:
        if self._live:
            print("\r\033[K", end="", flush=True)


def clock(seconds: float) -> str:
    return f"{int(seconds) // 60}:{int(seconds) % 60:02}"


def say(text: str) -> None:
    print(text, flush=True)


if __name__ == "__main__":
    sys.exit(main())
