"""The SHA-256 of a model file, remembered by its path, size and time of change: a big file is read once."""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path
from tempfile import NamedTemporaryFile

_REMEMBERED = 64


def file_digest(path: Path, remember_in: Path | None = None) -> str:
    """Hex. ``remember_in``: a folder for the notes; without it the file is read each time."""
    path = path.resolve()
    state = path.stat()
    key = f"{path}|{state.st_size}|{state.st_mtime_ns}"
    notes = remember_in / "model-digests.json" if remember_in else None
    known = _read(notes) if notes else {}
    if key in known:
        return known[key]
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    if notes:
        _write(notes, {**known, key: digest})
    return digest


def _read(notes: Path) -> dict[str, str]:
    try:
        known = json.loads(notes.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    if not isinstance(known, dict):
        return {}
    return {str(key): str(value) for key, value in known.items()}


def _write(notes: Path, known: dict[str, str]) -> None:
    """Best effort: it only saves time. Replaced in one step, so that a reader never sees half of it."""
    newest = dict(list(known.items())[-_REMEMBERED:])
    try:
        notes.parent.mkdir(parents=True, exist_ok=True)
        with NamedTemporaryFile("w", dir=notes.parent, delete=False, encoding="utf-8") as file:
            json.dump(newest, file)
        os.replace(file.name, notes)
    except OSError:
        return
