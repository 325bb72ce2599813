"""`ingest`, and that `chat` and `run` use its index: each in a process of its own."""

from __future__ import annotations

import json
from pathlib import Path

from tests.bots.running import command, edit, shop
from tests.core.made_files import make_docx, make_pdf


async def ingest(at: Path, *options: str) -> tuple[int, dict[str, object]]:
    code, out, err = await command(at, "ingest", "shop", "--json", *options)
    return code, json.loads(out) if out else {"err": err}


async def test_what_was_done_and_what_could_not_be_read(tmp_path: Path) -> None:
    folder = shop(tmp_path)
    edit(folder / "bot.yaml", "# embedder: bundled", "embedder: bundled")
    (folder / "notes" / "scan.pdf").write_bytes(make_pdf([[]], picture=True))
    (folder / "notes" / "warranty.docx").write_bytes(make_docx(("Heading 1", "Warranty"), ("Normal", "Two years.")))
    code, out, err = await command(tmp_path, "ingest", "shop")
    assert code == 0, err
    assert "5 files read, 0 unchanged" in out
    assert "texts embedded" in out
    assert "1 could not be read:" in out
    assert "notes/scan.pdf has no text, only pictures. It is a scan: run text recognition (OCR) over it first." in out
    edit(folder / "notes" / "returns.en.md", "14 days", "15 days")
    (folder / "notes" / "warranty.docx").unlink()
    code, told = await ingest(tmp_path)
    assert code == 0
    assert (told["read"], told["kept"], told["gone"]) == (["notes/returns.en.md"], 3, ["notes/warranty.docx"])
    assert told["unread"] == [
        {
            "file": "notes/scan.pdf", "line": 0, "key": "", "wrong": "has no text, only pictures",
            "right": "It is a scan: run text recognition (OCR) over it first",
        }
    ]  # fmt: skip


async def test_nothing_to_answer_from_is_exit_code_1(tmp_path: Path) -> None:
    folder = shop(tmp_path)
    for name in ("answers.yaml", "catalog.csv", "notes/returns.en.md", "notes/returns.zh.md"):
        (folder / name).unlink()
    (folder / "notes" / "scan.pdf").write_bytes(make_pdf([[]], picture=True))
    code, told = await ingest(tmp_path)
    assert (code, told["passages"]) == (1, 0)
    code, _, err = await command(tmp_path, "ingest", "shop")
    assert (code, "nothing that this bot could answer from" in err) == (1, True)


async def test_a_mistake_is_exit_code_1_and_leaves_the_index(tmp_path: Path) -> None:
    folder = shop(tmp_path)
    assert (await ingest(tmp_path))[0] == 0
    edit(folder / "catalog.csv", "12.50,EUR", "cheap,EUR")
    code, told = await ingest(tmp_path)
    assert code == 1
    assert "catalog.csv:2 price: 'cheap' does not fit" in str(told["err"])
    edit(folder / "catalog.csv", "cheap,EUR", "12.50,EUR")
    assert (await ingest(tmp_path))[1]["read"] == []


async def test_chat_answers_from_a_document_and_brings_the_index_up_to_date(tmp_path: Path) -> None:
    folder = shop(tmp_path)
    (folder / "notes" / "scan.pdf").write_bytes(b"no PDF")  # what cannot be read stops nobody
    (folder / "notes" / "garantie.zh.docx").write_bytes(make_docx(("Heading 1", "保修"), ("Normal", "杯子保修两年。")))
    code, out, err = await command(tmp_path, "chat", "shop", "--ask", "保修多久？", "--json")
    assert code == 0, err
    told = json.loads(out)
    assert "杯子保修两年" in told["text"]
    assert told["passages"] == ["notes/garantie.zh.docx#0"]
    assert (await ingest(tmp_path))[1]["read"] == []
    code, _, err = await command(tmp_path, "check", "shop")
    assert (code, "notes/scan.pdf" in err) == (1, True)
