"""Makes .venv and installs the locked dependencies into it, with ``--dev`` those of tests and benchmarks, too.

Run by make, before anything is installed; it returns at once when nothing is missing.

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
INSTALLED = VENV / ".installed"
RUN_LOCK = ROOT / "requirements.lock"
DEV_LOCK = ROOT / "requirements-dev.lock"  # holds the other's lines, too
TILES = ROOT / "bots" / "kefu_tiles.h"  # says itself why it is needed
STEP = re.compile(r"\[(\d+)/(\d+)\]")
COLLECT = re.compile(
    r"^(Collecting|Downloading|Processing|Building wheel for|Installing collected packages|Using cached)\b[: ]*(\S*)"
)
QUIET_EVERY_S = 15.0
HINTS = """Kefu needs Python 3.11 or newer with venv, a C/C++ compiler and make:
  Debian, Ubuntu:  sudo apt-get install python3 python3-venv python3-dev build-essential
  Fedora:          sudo dnf install python3 python3-devel gcc gcc-c++ make
  macOS:           xcode-select --install && brew install python"""


def main(lock: Path) -> int:
    if is_installed(lock):
        return 0
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
    say(f"Installing what {lock.name} names. The first time llama.cpp is compiled for this CPU:")
    say(f"about {minutes()} minutes on this machine; later starts take seconds.")
    started = time.monotonic()
    drop_other_build()
    code = install(lock)
    if code != 0:
        print("\n".join(["", *LOG.read_text(errors="replace").splitlines()[-30:]]), file=sys.stderr)
        print(f"\nThe installation failed; the whole log: {LOG}\n\n{HINTS}", file=sys.stderr)
        return 1
    (VENV / ".cmake-args").write_text(given_cmake_args())
    INSTALLED.write_text(state_of(lock))
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


def given_cmake_args() -> str:
    """What the user gives (-DGGML_CUDA=on …); it is remembered, so that a later call without it keeps the build."""
    given = os.environ.get("CMAKE_ARGS")
    if given is not None:
        return given.strip()
    try:
        return (VENV / ".cmake-args").read_text().strip()
    except OSError:
        return ""


def cmake_args() -> str:
    # The image and audio parts of llama.cpp are not used.
    args = ["-DLLAVA_BUILD=OFF"]
    if accepted(TILES):
        args.append(f"-DCMAKE_CXX_FLAGS='-include {TILES.name}'")
    return " ".join([*args, given_cmake_args()]).strip()


def build_key() -> str:
    """Equal for two builds of llama.cpp that are the same, as far as one can see without asking the compiler."""
    machine = f"{platform.system()} {platform.machine()} {platform.libc_ver()} {cpu()}"
    return hashlib.sha256(f"{given_cmake_args()} {TILES.read_text()} {machine}".encode()).hexdigest()[:12]


def state_of(lock: Path) -> str:
    """What .venv/.installed says when everything in ``lock`` is there."""
    return f"{hashlib.sha256(lock.read_bytes()).hexdigest()} {build_key()}\n"


def is_installed(lock: Path) -> bool:
    return installed() in (state_of(lock), state_of(DEV_LOCK))


def installed() -> str:
    try:
        return INSTALLED.read_text()
    except OSError:
        return ""


def cache_dir() -> Path:
    """pip's cache for this CPU and these options: pip would hand out a llama.cpp that was compiled for others."""
    base = os.environ.get("PIP_CACHE_DIR") or Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "pip"
    return Path(base) / f"kefu-{build_key()}"


def cpu() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor()
    return " ".join(sorted({line for line in lines if line.startswith(("flags", "Features", "model name"))}))


def accepted(header: Path) -> bool:
    """Whether the compiler takes ``header`` before a C++ file."""
    compiler = shutil.which(os.environ.get("CXX", "c++")) or shutil.which("g++") or shutil.which("clang++")
    if compiler is None:
        return False
    command = [compiler, "-include", header.name, "-x", "c++", "-fsyntax-only", "/dev/null"]
    return subprocess.run(command, env=with_header(), capture_output=True, check=False).returncode == 0


def with_header() -> dict[str, str]:
    """The environment in which compilers find our header: a flag with a path would break at a blank in it."""
    others = os.environ.get("CPLUS_INCLUDE_PATH")
    return {**os.environ, "CPLUS_INCLUDE_PATH": os.pathsep.join([str(TILES.parent), *([others] if others else [])])}


def drop_other_build() -> None:
    """pip would keep a llama.cpp of the right version, however it was built."""
    if INSTALLED.exists() and not installed().endswith(f" {build_key()}\n"):
        command = [str(VENV / "bin" / "python"), "-m", "pip", "uninstall", "--yes", "--quiet", "llama-cpp-python"]
        subprocess.run(command, capture_output=True, check=False)


def install(lock: Path) -> int:
    environment = {
        **with_header(),
        "CMAKE_ARGS": cmake_args(),
        "PIP_CACHE_DIR": str(cache_dir()),
        "PIP_DISABLE_PIP_VERSION_CHECK": "1",
    }
    # The lock is complete, so pip need not look for dependencies; it checks the hash of each file.
    command = [
        *(str(VENV / "bin" / "python"), "-m", "pip", "install", "--no-deps", "--require-hashes", "--verbose"),
        *("-r", str(lock)),
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
    sys.exit(main(DEV_LOCK if "--dev" in sys.argv[1:] else RUN_LOCK))
