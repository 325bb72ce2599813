"""The index of a bot: only what changed is read and embedded, the old one serves until the new one is whole."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from core.botfile import Bot, load_bot
from core.errors import ConfigError
from core.knowledge.index import Index
from core.knowledge.ingest import Indexed, in_any_case, index_of, indexed, read_bot
from tests.core.letters import Letters
from tests.core.made_files import make_docx, make_pdf
from tests.core.shop import make_shop

ROOT = Path(__file__).parents[2]


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    return make_shop(tmp_path)


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return tmp_path / "data"


async def ingest(shop: Path, data: Path, embedder: Letters | None = None) -> Indexed:
    return await indexed(read_bot(shop, data), index_of(shop.name, data), embedder)


def ids(bot: Bot) -> set[str]:
    return {passage.id for passage in bot.knowledge.passages}


# ── only what changed ────────────────────────────────────────────────────────────────────────────────────


async def test_the_second_time_nothing_is_read_and_nothing_embedded(shop: Path, data: Path) -> None:
    embedder = Letters()
    first = await ingest(shop, data, embedder)
    assert set(first.bot.sources.read) == {"notes/care.en.md", "notes/care.zh.md"}
    assert first.embedded == len(embedder.given) == len({*first.bot.knowledge.wanted})
    again = await ingest(shop, data, other := Letters())
    assert (again.bot.sources.read, again.embedded, other.given, again.written) == ((), 0, [], False)
    assert ids(again.bot) == ids(first.bot) == ids(load_bot(shop))
    assert again.bot.version == first.bot.version == load_bot(shop).version


async def test_only_a_changed_file_is_read_and_only_its_new_texts_are_embedded(shop: Path, data: Path) -> None:
    await ingest(shop, data, Letters())
    note = shop / "notes" / "care.en.md"
    note.write_text(note.read_text().replace("within 10 days", "within 12 days"))
    after = await ingest(shop, data, embedder := Letters())
    assert after.bot.sources.read == ("notes/care.en.md",)
    assert embedder.given == ["Care › Repairs\nWe repair broken handles within 12 days."]
    vectors = after.bot.knowledge.vectors
    assert vectors is not None
    expected = np.concatenate([await Letters().embed([one.text], kind=one.kind) for one in after.bot.knowledge.wanted])
    assert np.allclose(vectors.rows, expected)


async def test_a_file_that_only_moved_is_not_embedded_again(shop: Path, data: Path) -> None:
    await ingest(shop, data, Letters())
    (shop / "notes" / "care.en.md").rename(shop / "notes" / "mugs.en.md")
    after = await ingest(shop, data, embedder := Letters())
    assert (after.bot.sources.read, embedder.given) == (("notes/mugs.en.md",), [])
    assert "notes/mugs.en#2" in ids(after.bot)


async def test_the_passages_of_a_deleted_file_go(shop: Path, data: Path) -> None:
    before = await ingest(shop, data, Letters())
    (shop / "notes" / "care.zh.md").unlink()
    after = await ingest(shop, data, Letters())
    assert ids(before.bot) - ids(after.bot) == {"notes/care.zh#2"}
    assert after.bot.sources.read == ()
    assert after.bot.knowledge.search("洗碗机", "zh") == []


async def test_another_way_to_cut_reads_everything_again(shop: Path, data: Path) -> None:
    await ingest(shop, data)
    config = shop / "bot.yaml"
    config.write_text(config.read_text() + "sources: {passage_chars: 300}\n")
    assert len((await ingest(shop, data)).bot.sources.read) == 2


async def test_another_embedder_embeds_everything_again_and_none_needs_no_vectors(shop: Path, data: Path) -> None:
    one = await ingest(shop, data, Letters("one"))
    other = await ingest(shop, data, Letters("other"))
    assert other.embedded == one.embedded
    assert other.bot.sources.read == ()
    none = await ingest(shop, data)
    assert none.written
    assert none.bot.knowledge.vectors is None
    assert not (await ingest(shop, data)).written


async def test_two_thousand_files(shop: Path, data: Path) -> None:
    for number in range(2000):
        (shop / "notes" / f"{number}.en.md").write_text(f"# Mug {number}\n\nMug {number} holds {number} ml of tea.\n")
    first = await ingest(shop, data, Letters())
    assert len(first.bot.sources.read) == 2002
    (shop / "notes" / "77.en.md").write_text("# Mug 77\n\nMug 77 is broken.\n")
    after = await ingest(shop, data, embedder := Letters())
    assert (after.bot.sources.read, len(embedder.given)) == (("notes/77.en.md",), 1)
    assert after.bot.knowledge.search("Mug 77", "en", 1)[0].passage.text == "Mug 77 is broken."


async def test_vectors_are_mapped_from_the_file(shop: Path, data: Path) -> None:
    vectors = (await ingest(shop, data, Letters())).bot.knowledge.vectors
    assert vectors is not None
    assert not vectors.rows.flags.owndata
    assert not vectors.rows.flags.writeable


async def test_a_text_that_is_too_long_for_the_embedder_is_read_to_its_beginning(shop: Path, data: Path) -> None:
    (shop / "notes" / "long.en.md").write_text("# Long\n\n" + "Some words about mugs. " * 40)
    after = await ingest(shop, data, embedder := Letters(longest=400))
    assert after.embedded == len({*after.bot.knowledge.wanted})
    assert max(map(len, embedder.given)) <= 400


# ── what cannot be read ──────────────────────────────────────────────────────────────────────────────────


async def test_what_cannot_be_read_is_named_and_the_rest_serves(shop: Path, data: Path) -> None:
    (shop / "notes" / "scan.pdf").write_bytes(make_pdf([[]], picture=True))
    (shop / "notes" / "prices.xlsx").write_bytes(b"x")
    bot = (await ingest(shop, data)).bot
    assert {(one.file, one.wrong) for one in bot.sources.unread} == {
        ("notes/scan.pdf", "has no text, only pictures"),
        ("notes/prices.xlsx", "is of a kind that is not read"),
    }
    assert bot.knowledge.search("dishwasher", "en")
    with pytest.raises(ConfigError, match="only pictures"):  # who checks wants to know
        load_bot(shop)


async def test_a_file_that_breaks_says_what_it_said_before_until_it_is_right_again(shop: Path, data: Path) -> None:
    file = shop / "notes" / "handbook.docx"
    file.write_bytes(make_docx(("Heading 1", "Warranty"), ("Normal", "Two years on every mug.")))
    await ingest(shop, data)
    good = file.read_bytes()
    file.write_bytes(good[:500])
    for _ in range(2):  # also the second time, when it is not tried again
        broken = (await ingest(shop, data)).bot
        assert "notes/handbook.docx#0" in ids(broken)
        assert [source.file for source in broken.sources.files if source.stale] == ["notes/handbook.docx"]
        assert "is damaged" in broken.sources.unread[0].wrong
    file.write_bytes(make_docx(("Heading 1", "Warranty"), ("Normal", "Three years on every mug.")))
    after = (await ingest(shop, data)).bot
    assert not after.sources.unread
    assert after.knowledge.search("warranty", "en")[0].passage.text == "Three years on every mug."


# ── whole or not at all ──────────────────────────────────────────────────────────────────────────────────

KILLED = """
import asyncio, os, signal, sys
from pathlib import Path
sys.path.insert(0, {root!r})
from core.knowledge.ingest import index_of, indexed, read_bot
from tests.core.letters import Letters

class Mortal(Letters):
    async def embed(self, texts, *, kind="passage"):
        if self.given:
            os.kill(os.getpid(), signal.SIGKILL)
        return await super().embed(texts, kind=kind)

shop, data = Path(sys.argv[1]), Path(sys.argv[2])
asyncio.run(indexed(read_bot(shop, data), index_of(shop.name, data), Mortal()))
"""


def test_killed_while_it_embeds_leaves_the_old_index(shop: Path, data: Path) -> None:
    before = asyncio.run(ingest(shop, data, Letters()))
    for number in range(100):
        (shop / "notes" / f"{number}.en.md").write_text(f"# Mug {number}\n\nIt holds {number} ml.\n")
    done = subprocess.run([sys.executable, "-c", KILLED.format(root=str(ROOT)), str(shop), str(data)], check=False)
    assert done.returncode == -signal.SIGKILL
    current = index_of(shop.name, data).current()
    assert current is not None
    assert current.sources == before.bot.sources.files
    assert current.vectors is not None
    after = asyncio.run(ingest(shop, data, Letters()))  # nobody holds the lock
    assert len(after.bot.sources.read) == 100


WRITING = """
import sys
from itertools import count
from pathlib import Path
sys.path.insert(0, {root!r})
import numpy as np
from core.knowledge.index import Index
from core.knowledge.meaning import Wanted
from core.knowledge.sources.gather import SourceFile

index = Index(Path(sys.argv[1]))
for number in count(1):
    sources = [SourceFile(file=f"{{number}}-{{part}}.md", digest=str(number)) for part in range(300)]
    wanted = [Wanted(f"{{number}} {{part}}", "passage") for part in range(300)]
    with index.alone():
        index.write(sources, wanted, np.eye(300, 64, dtype=np.float32) * 0 + 0.125, "letters")
    print(number, flush=True)
"""


def test_killed_while_it_writes_leaves_a_whole_index(tmp_path: Path) -> None:
    index = Index(tmp_path / "index")
    for wait in (0.001, 0.004, 0.013):
        writing = subprocess.Popen(
            [sys.executable, "-c", WRITING.format(root=str(ROOT)), str(index.folder)], stdout=subprocess.PIPE
        )
        assert writing.stdout is not None
        for _ in range(3):
            assert writing.stdout.readline()
        time.sleep(wait)
        writing.kill()
        writing.wait()
        writing.stdout.close()
        current = index.current()
        assert current is not None
        assert {source.digest for source in current.sources} == {current.sources[0].digest}
        assert len(current.sources) == len(current.texts) == 300
    with index.alone():
        index.write([], [], None, "")
    left = sorted(path.name for path in index.folder.iterdir() if path.is_dir())
    assert len(left) == 2  # the current one and the one before; nothing half
    assert all(name.isdigit() for name in left)


async def test_several_at_once_do_the_work_once(shop: Path, data: Path) -> None:
    one, other = Letters(), Letters()
    bot = read_bot(shop, data)
    index = index_of(shop.name, data)
    await asyncio.gather(indexed(bot, index, one), indexed(bot, index, other))
    assert sorted([len(one.given), len(other.given)])[0] == 0
    assert len({*bot.knowledge.wanted}) == len(one.given) + len(other.given)


async def test_who_opened_the_old_index_keeps_it(shop: Path, data: Path) -> None:
    first = (await ingest(shop, data, Letters())).bot
    vectors = first.knowledge.vectors
    assert vectors is not None
    rows = vectors.rows.copy()
    for number in range(4):
        (shop / "notes" / "care.en.md").write_text(f"# Care\n\nVersion {number}.\n")
        await ingest(shop, data, Letters())
    assert (vectors.rows == rows).all()


@pytest.mark.parametrize("file", ["sources.jsonl", "vectors", "texts", "whole"])
@pytest.mark.parametrize("content", [b"", b"{not what it was"])
async def test_a_damaged_index_is_made_again(shop: Path, data: Path, file: str, content: bytes) -> None:
    await ingest(shop, data, Letters())
    index = index_of(shop.name, data)
    (current,) = [path for path in index.folder.iterdir() if path.is_dir()]
    (current / file).write_bytes(content)
    after = await ingest(shop, data, Letters())
    assert after.written
    assert after.bot.knowledge.vectors is not None
    assert index.current() is not None


async def test_giving_up_waiting_for_the_lock_gives_it_up(shop: Path, data: Path) -> None:
    index = index_of(shop.name, data)
    bot = read_bot(shop, data)
    with index.alone():
        waiting = asyncio.create_task(indexed(bot, index, None))
        await asyncio.sleep(0.1)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
    assert (await asyncio.wait_for(indexed(bot, index, None), 30)).written


async def test_without_an_index_everything_is_in_memory(shop: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    bot, index = load_bot(shop), index_of(shop.name, tmp_path / "file")
    served = await in_any_case(bot, index, Letters())
    vectors = served.bot.knowledge.vectors
    assert vectors is not None
    assert (served.embedded, served.written) == (len({*bot.knowledge.wanted}), False)
    assert (await in_any_case(bot, index, None)).bot.knowledge.vectors is None


def test_a_folder_that_cannot_be_written(shop: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(OSError, match=r"directory|exists"):
        asyncio.run(ingest(shop, tmp_path / "file", None))
    assert os.path.isfile(tmp_path / "file")
