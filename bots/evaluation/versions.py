"""Another version of a bot's folder: a directory, or a revision of the git repository that the folder lies in."""

from __future__ import annotations

import io
import subprocess
import tarfile
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from core.errors import ConfigError, Problem

GIT_S = 60.0


@contextmanager
def other_version(folder: Path, wanted: str) -> Iterator[Path]:
    """The folder of another version of the bot in ``folder``. Raises ConfigError, with what would be right.

    ``wanted``: a directory, else a revision (branch, tag, commit, HEAD~1), which is laid out in a temporary directory.
    """
    if Path(wanted).is_dir():
        yield Path(wanted)
        return
    archive = _archived(folder.resolve(), wanted)
    with tempfile.TemporaryDirectory(prefix="kefu-eval-") as scratch:
        target = Path(scratch) / folder.resolve().name
        target.mkdir()
        with tarfile.open(fileobj=io.BytesIO(archive)) as packed:
            packed.extractall(target, filter="data")
        yield target


def _archived(folder: Path, revision: str) -> bytes:
    """The folder as it was in a revision, as a tar archive of its files."""
    if revision.startswith("-"):  # never an option of git's
        raise _wrong(revision, "is neither a directory nor a revision")
    inside = _git(folder, "rev-parse", "--show-prefix")
    if inside.returncode != 0:
        raise _wrong(revision, f"there is no such directory, and {folder} lies in no git repository")
    known = _git(folder, "rev-parse", "--verify", "--quiet", f"{revision}^{{commit}}")
    if known.returncode != 0:
        raise _wrong(revision, "is neither a directory nor a revision of this repository")
    commit, prefix = known.stdout.decode().strip(), inside.stdout.decode("utf-8", "surrogateescape").strip()
    packed = _git(folder, "archive", "--format=tar", f"{commit}:{prefix.rstrip('/')}" if prefix else commit)
    if packed.returncode != 0:
        raise _wrong(
            revision, f"has no folder {prefix or folder.name}: {packed.stderr.decode(errors='replace').strip()}"
        )
    return packed.stdout


def _git(folder: Path, *arguments: str) -> subprocess.CompletedProcess[bytes]:
    command = ["git", *arguments]
    # `git archive` packs only what lies below the directory that it is called in.
    where = folder if arguments[0] != "archive" else _top(folder)
    try:
        return subprocess.run(command, cwd=where, capture_output=True, timeout=GIT_S, check=False)
    except (FileNotFoundError, subprocess.TimeoutExpired) as error:
        raise _wrong(arguments[-1], f"git could not be asked: {error}") from None


def _top(folder: Path) -> Path:
    found = subprocess.run(
        ["git", "rev-parse", "--show-toplevel"], cwd=folder, capture_output=True, timeout=GIT_S, check=True
    )
    return Path(found.stdout.decode("utf-8", "surrogateescape").strip())


def _wrong(revision: str, why: str) -> ConfigError:
    right = "Name a folder of a bot, or a revision such as HEAD~1, main or v1.2"
    return ConfigError((Problem("--against", 0, revision, why, right),))
