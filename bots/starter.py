"""`new DIR`: a commented bot to begin with, which passes `check` and answers."""

from __future__ import annotations

import shutil
from pathlib import Path

from core.botfile import RESERVED
from core.config import SLUG
from core.errors import ConfigError, Problem

STARTER = Path(__file__).parent / "starter"


def make_starter(folder: Path) -> list[Path]:
    """Copy the starter bot to ``folder``; returns its files. Raises ConfigError, and then has written nothing."""
    name = folder.resolve().name
    if not SLUG.fullmatch(name) or name in RESERVED:
        raise _refused(folder, "is no name for a bot", "Use small letters, digits, '-' and '_', such as my-shop")
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise _refused(folder, "is there already and not empty", "Name a new folder")
    try:
        shutil.copytree(STARTER, folder, dirs_exist_ok=True)
    except OSError as error:
        raise _refused(folder, f"cannot be written: {error.strerror}", "Name a folder that you may write to") from error
    return sorted(path.relative_to(folder) for path in folder.rglob("*") if path.is_file())


def _refused(folder: Path, wrong: str, right: str) -> ConfigError:
    return ConfigError((Problem(str(folder), 0, "", wrong, right),))
