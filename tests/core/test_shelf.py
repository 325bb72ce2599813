"""Files edited on the disk while the bots run: a good version serves from the next message on, a broken one changes nothing."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from itertools import count
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from core.botfile import load_bot
from core.messages import Command
from core.shelf import Shelf
from core.state import State
from core.store import Store
from models.scripted import ScriptedModel
from tests.core.channel import PATIENCE_S
from tests.core.helpers import KEEP, command, message, turn
from tests.core.service import Desk, chat, desk, stop
from tests.core.shop import answer, make_shop


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return make_shop(tmp_path)


@pytest.fixture
async def shelf(folder: Path) -> AsyncIterator[Shelf]:
    """A shelf that is being watched."""
    shelf = Shelf([load_bot(folder)])
    watching = asyncio.create_task(shelf.watch())
    await watched(shelf, folder)
    yield shelf
    assert not watching.done()
    await stop(watching)


async def watched(shelf: Shelf, folder: Path) -> None:
    """Until the watcher sees what is written, and the newest version is on the shelf."""
    note, before, numbers = folder / "notes" / "watched.en.md", shelf.bot("mugs").version, count()
    async with asyncio.timeout(PATIENCE_S):
        while shelf.bot("mugs").version == before:
            note.write_text(f"# Seen\n\nWritten {next(numbers)} times.\n")
            await asyncio.sleep(0.15)
    await until(lambda: shelf.bot("mugs").version == load_bot(folder).version)


async def until(true: Callable[[], bool]) -> None:
    async with asyncio.timeout(PATIENCE_S):
        while not true():
            await asyncio.sleep(0.02)


def greeting(shelf: Shelf) -> str:
    return shelf.bot("mugs").persona().config.greeting["en"]


async def test_a_saved_persona_takes_effect_and_running_conversations_go_on(
    store: Store, folder: Path, shelf: Shelf
) -> None:
    at = Desk(store, shelf, desk(store, shelf.bot("mugs"), ScriptedModel()).channel, ScriptedModel())
    async with at.open():
        await at.put("When are you open?")
        await at.channel.until_finals(1)
        file = folder / "personas" / "mia.yaml"
        file.write_text(file.read_text().replace("Hello from the mug shop!", "New here!"))
        await until(lambda: greeting(shelf) == "New here!")
        await store.put(command(Command.START, where=chat()), 0, KEEP)
        assert (await at.channel.until_finals(2))[1].startswith("New here!")
    assert [role for role, _ in await at.history()] == ["shopper", "bot", "bot"]


async def test_an_editor_that_writes_beside_and_renames(folder: Path, shelf: Shelf) -> None:
    file = folder / "personas" / "mia.yaml"
    beside = file.with_suffix(".yaml.tmp")
    beside.write_text(file.read_text().replace("Hello from the mug shop!", "Renamed!"))
    beside.replace(file)
    await until(lambda: greeting(shelf) == "Renamed!")


async def test_a_broken_file_changes_nothing_and_is_told(folder: Path, shelf: Shelf) -> None:
    before = shelf.bot("mugs")
    with capture_logs() as logs:
        (folder / "personas" / "mia.yaml").write_text("name: {en: Mia\n")
        await until(lambda: any(entry["event"] == "bot not reloaded" for entry in logs))
    told = next(entry for entry in logs if entry["event"] == "bot not reloaded")
    assert "personas/mia.yaml" in told["problem"]
    assert told["still_serving"] == before.version
    assert shelf.bot("mugs") is before
    make_shop(folder.parent, personas_mia_yaml=(folder / "personas" / "grim.yaml").read_text())
    await until(lambda: greeting(shelf) == "What.")


async def test_a_new_note_and_a_new_folder_are_seen(folder: Path, shelf: Shelf) -> None:
    (folder / "notes" / "more").mkdir()
    (folder / "notes" / "more" / "lids.en.md").write_text("# Lids\n\nWe sell spare lids.\n")
    await until(lambda: bool(shelf.bot("mugs").knowledge.search("spare lids", "en")))


async def test_a_persona_in_use_is_deleted(folder: Path, shelf: Shelf) -> None:
    """A conversation that has this persona goes on with the bot's own."""
    (folder / "personas" / "grim.yaml").unlink()
    await until(lambda: "grim" not in shelf.bot("mugs").personas)
    outcome = await answer(
        turn(message("when are you open"), state=State(persona="grim")), shelf.bot("mugs"), ScriptedModel()
    )
    assert outcome.reply is not None
    assert outcome.reply.persona == "mia"


async def test_the_bots_own_persona_is_deleted_and_refused(folder: Path, shelf: Shelf) -> None:
    with capture_logs() as logs:
        (folder / "personas" / "mia.yaml").unlink()
        await until(lambda: any("no personas/mia" in str(entry.get("problem")) for entry in logs))
    assert greeting(shelf) == "Hello from the mug shop!"


async def test_the_whole_folder_is_moved_away_and_comes_back(folder: Path, shelf: Shelf) -> None:
    with capture_logs() as logs:
        folder.rename(folder.with_name("away"))
        await until(lambda: any(entry["event"] == "bot not reloaded" for entry in logs))
    assert greeting(shelf) == "Hello from the mug shop!"


async def test_a_file_that_cannot_be_loaded_for_another_reason_does_not_end_the_watch(
    folder: Path, shelf: Shelf
) -> None:
    (folder / "personas" / "mia.yaml").unlink()
    (folder / "personas" / "mia.yaml").mkdir()
    await asyncio.sleep(0.4)
    (folder / "personas" / "mia.yaml").rmdir()
    make_shop(folder.parent, personas_mia_yaml=(folder / "personas" / "grim.yaml").read_text())
    await until(lambda: greeting(shelf) == "What.")


async def test_what_needs_a_restart_is_said(folder: Path, shelf: Shelf) -> None:
    file = folder / "bot.yaml"
    with capture_logs() as logs:
        file.write_text(file.read_text().replace("none.gguf", "other.gguf"))
        await until(lambda: any("next start" in entry["event"] for entry in logs))
