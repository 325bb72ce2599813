"""Where measurements are kept, what they hold for, and that only one process measures at a time."""

from __future__ import annotations

import asyncio
import hashlib
import os
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path
from tempfile import NamedTemporaryFile

import structlog
from pydantic import ValidationError

from models.machine import SYSTEM, System, cpu_quota, graphics, processor, usable_threads
from models.tuning.values import FORMAT, Asked, Facts, Tuning

try:
    import fcntl
except ImportError:  # Windows: two processes may measure at once there, and both figures are a little worse
    fcntl = None  # type: ignore[assignment]

log = structlog.get_logger("models.tuning")

_BINDING = "llama-cpp-python"
_WAITING = ("OMP_WAIT_POLICY", "GOMP_SPINCOUNT", "KMP_BLOCKTIME", "OMP_PROC_BIND", "CUDA_VISIBLE_DEVICES")


def facts(system: System = SYSTEM) -> Facts:
    """Of this machine and this build, as they are now."""
    name, features = processor(system)
    return Facts(
        processor=name,
        features=hashlib.sha256(features.encode()).hexdigest()[:16],
        threads=usable_threads(system),
        quota=cpu_quota(system),
        gpus=graphics(system),
        build=library_build(),
        waiting=" ".join(f"{key}={os.environ[key]}" for key in _WAITING if key in os.environ),
    )


def library_build() -> str:
    """The binding's version and its libraries, without loading them: a build for another CPU has other files."""
    try:
        found = version(_BINDING)
    except PackageNotFoundError:
        found = "unknown"
    spec = find_spec("llama_cpp")
    beside = Path(spec.origin).parent / "lib" if spec and spec.origin else Path()
    folder = Path(os.environ.get("LLAMA_CPP_LIB_PATH") or beside)
    with suppress(OSError):
        states = [(file.name, file.stat()) for file in sorted(folder.iterdir()) if not file.is_symlink()]
        listed = repr([(name, state.st_size, state.st_mtime_ns) for name, state in states])
        return f"{found} {hashlib.sha256(listed.encode()).hexdigest()[:16]}"
    return found


class Kept:
    """The file of one model, machine, build and configuration. ``folder`` None: nothing is kept."""

    def __init__(self, folder: Path | None, digest: str, facts: Facts, asked: Asked) -> None:
        self._digest, self._facts, self._asked = digest, facts, asked
        about = f"{FORMAT}|{facts.model_dump_json()}|{asked.model_dump_json()}"
        machine = hashlib.sha256(about.encode()).hexdigest()[:16]
        self.path = folder / f"{digest[:16]}-{machine}.json" if folder else None

    def read(self) -> Tuning | None:
        """None: there is none, or it is damaged or for something else."""
        if self.path is None:
            return None
        try:
            tuning = Tuning.model_validate_json(self.path.read_text(encoding="utf-8"))
        except FileNotFoundError:
            return None
        except (OSError, ValidationError, UnicodeDecodeError):
            log.warning("what was measured for this model cannot be read, it is measured again", file=str(self.path))
            return None
        wanted = (FORMAT, self._digest, self._facts, self._asked)
        return tuning if (tuning.format, tuning.digest, tuning.facts, tuning.asked) == wanted else None

    def write(self, tuning: Tuning) -> None:
        """Replaced in one step. Best effort: without it the next start measures again."""
        if self.path is None:
            return
        written = None
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            with NamedTemporaryFile("w", dir=self.path.parent, delete=False, encoding="utf-8", suffix=".tmp") as file:
                written = file.name
                file.write(tuning.model_dump_json(indent=1))
            os.replace(written, self.path)
        except OSError as error:
            log.warning("what was measured cannot be kept, so the next start measures again", reason=str(error))
            if written:
                with suppress(OSError):
                    os.unlink(written)


@asynccontextmanager
async def alone(folder: Path | None, waiting: Callable[[], None] = lambda: None) -> AsyncIterator[None]:
    """Only one process measures at a time; the others wait here. ``waiting`` is called if we have to.

    The lock goes with the process that holds it, however that ends. Where it cannot be had, nobody waits.
    """
    file = _open_lock(folder)
    if file is None:
        yield
        return
    try:
        if not _locked(file):
            waiting()
            while not _locked(file):
                await asyncio.sleep(0.1)
        yield
    finally:
        os.close(file)


def _open_lock(folder: Path | None) -> int | None:
    if folder is None or fcntl is None:
        return None
    with suppress(OSError):
        folder.mkdir(parents=True, exist_ok=True)
        return os.open(folder / "measuring.lock", os.O_RDWR | os.O_CREAT, 0o600)
    return None


def _locked(file: int) -> bool:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:  # a file system without locks
        return True
    return True
