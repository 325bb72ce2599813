"""Sources edited on the disk while the bots run: just that file is read and embedded, a broken one leaves the old."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from itertools import count
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from core.botfile import Bot, load_bot
from core.knowledge.ingest import index_of, indexed, read_bot, refreshed
from core.shelf import Shelf
from tests.core.channel import PATIENCE_S
from tests.core.letters import Letters
from tests.core.made_files import make_docx, make_zip
from tests.core.service import stop
from tests.core.shop import make_shop

OUTSIDE = """
sources: {notes: [notes, ../handbook]}
catalogue: {file: ../waren.jsonl, currency: EUR, columns: {sku: id, name: n, price: p}}
"""


@dataclass
class Live:
    folder: Path
    embedder: Letters
    shelf: Shelf

    @property
    def bot(self) -> Bot:
        return self.shelf.bot("mugs")

    @property
    def ids(self) -> set[str]:
        return {passage.id for passage in self.bot.knowledge.passages}

    async def until(self, true: Callable[[], bool]) -> None:
        async with asyncio.timeout(PATIENCE_S):
            while not true():
                await asyncio.sleep(0.02)

    async def settled(self) -> None:
        """Until the watch sees what is written, and everything is served; then the counting begins."""
        note, before, numbers = self.folder / "notes" / "watched.en.md", self.bot.version, count()
        async with asyncio.timeout(PATIENCE_S):
            while self.bot.version == before:
                note.write_text(f"# Seen\n\nWritten {next(numbers)} times.\n")
                await asyncio.sleep(0.2)
        await self.until(lambda: self.bot.version == load_bot(self.folder, strict=False).version)
        await asyncio.sleep(0.5)  # what the watch still has of the writing above says the same
        self.embedder.given.clear()


@pytest.fixture
async def live(tmp_path: Path) -> AsyncIterator[Live]:
    """A shelf over an index, with sources outside of the bot's folder, that is being watched."""
    folder, data, embedder = make_shop(tmp_path), tmp_path / "data", Letters()
    (tmp_path / "handbook").mkdir()
    (tmp_path / "handbook" / "staff.en.md").write_text("# Staff\n\nOur potter is called Ada.\n")
    (tmp_path / "waren.jsonl").write_text('{"id": "M-1", "n": "Blue mug", "p": 12.5}\n')
    config = folder / "bot.yaml"
    config.write_text(config.read_text() + OUTSIDE)
    (folder / "notes" / "warranty.docx").write_bytes(make_docx(("Heading 1", "Warranty"), ("Normal", "Two years.")))
    index = index_of("mugs", data)
    first = await indexed(read_bot(folder, data), index, embedder)

    async def refresh(before: Bot) -> Bot:
        return await refreshed(before, index, embedder)

    served = Live(folder, embedder, Shelf([first.bot], refresh))
    watching = asyncio.create_task(served.shelf.watch())
    await served.settled()
    yield served
    assert not watching.done()
    await stop(watching)


async def test_just_the_saved_file_is_read_and_embedded(live: Live) -> None:
    (live.folder / "notes" / "lids.en.md").write_text("# Lids\n\nWe sell spare lids.\n")
    await live.until(lambda: "notes/lids.en#1" in live.ids)
    assert live.bot.sources.read == ("notes/lids.en.md",)
    assert live.embedder.given == ["Lids\nWe sell spare lids."]
    vectors = live.bot.knowledge.vectors
    assert vectors is not None
    assert len(vectors) == len(live.bot.knowledge.wanted)


async def test_a_restart_finds_what_was_done_while_it_ran(live: Live) -> None:
    (live.folder / "notes" / "lids.en.md").write_text("# Lids\n\nWe sell spare lids.\n")
    await live.until(lambda: "notes/lids.en#1" in live.ids)
    data = live.folder.parent / "data"
    again = await indexed(read_bot(live.folder, data), index_of("mugs", data), embedder := Letters())
    assert (again.bot.sources.read, embedder.given) == ((), [])


async def test_a_broken_file_leaves_the_old_one_serving_and_says_so(live: Live) -> None:
    file = live.folder / "notes" / "warranty.docx"
    with capture_logs() as logs:
        file.write_bytes(file.read_bytes()[:300])
        await live.until(lambda: any(entry["event"] == "source not read" for entry in logs))
    told = next(entry for entry in logs if entry["event"] == "source not read")
    assert "notes/warranty.docx: is damaged" in told["problem"]
    assert told["before_still_serves"]
    assert live.bot.knowledge.search("warranty", "en")[0].passage.text == "Two years."
    file.write_bytes(make_docx(("Heading 1", "Warranty"), ("Normal", "Three years.")))
    await live.until(lambda: live.bot.knowledge.search("warranty", "en")[0].passage.text == "Three years.")
    assert not live.bot.sources.unread


async def test_a_broken_catalogue_leaves_the_old_version_serving(live: Live) -> None:
    with capture_logs() as logs:
        (live.folder.parent / "waren.jsonl").write_text('{"id": "M-1", "n": "Blue mug", "p": \n')
        await live.until(lambda: any(entry["event"] == "bot not reloaded" for entry in logs))
    assert "waren.jsonl: is no proper JSON in line 1" in str(logs)
    assert [product.price for product in live.bot.catalogue] == ["12.50"]


async def test_a_deleted_file_goes_and_a_new_archive_comes(live: Live) -> None:
    (live.folder / "notes" / "warranty.docx").unlink()
    await live.until(lambda: "notes/warranty.docx#0" not in live.ids)
    assert live.embedder.given == []
    (live.folder / "notes" / "more.zip").write_bytes(make_zip({"a/cups.en.md": b"# Cups\n\nWe sell cups.\n"}))
    await live.until(lambda: "notes/more.zip/a/cups.en#1" in live.ids)


async def test_what_lies_outside_of_the_folder_is_watched_too(live: Live) -> None:
    prices = live.folder.parent / "waren.jsonl"
    for price in ("13.50", "14.50"):  # the second time it is another file of that name
        beside = prices.with_suffix(".new")
        beside.write_text(f'{{"id": "M-1", "n": "Blue mug", "p": {price}}}\n')
        beside.replace(prices)
        await live.until(lambda price=price: live.bot.catalogue[0].price == price)  # type: ignore[misc]
        assert live.bot.sources.read == ("waren.jsonl",)
    (live.folder.parent / "handbook" / "staff.en.md").write_text("# Staff\n\nOur potter is called Eve.\n")
    await live.until(lambda: live.bot.knowledge.search("potter", "en")[0].passage.text.endswith("Eve."))
    assert live.bot.sources.read == ("handbook/staff.en.md",)
