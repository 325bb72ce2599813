"""Notes of every format become passages: their text, headings, page, language and validity; what cannot be read says why."""

from __future__ import annotations

import zipfile
from datetime import date

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.knowledge.passages import Passage
from core.knowledge.sources.cut import cut, width
from core.knowledge.sources.document import Unreadable
from core.knowledge.sources.encoding import decode
from core.knowledge.sources.html import text_of_html
from core.knowledge.sources.notes import Notes, read_notes
from tests.core.made_files import make_docx, make_pdf, make_zip

BODY = "We deliver to Norway within five working days, and to Iceland within seven days."


def read(name: str, data: bytes | str, longest: int = 1200) -> Notes:
    return read_notes(f"notes/{name}", data.encode() if isinstance(data, str) else data, ["en", "zh"], longest)


def passages(name: str, data: bytes | str, longest: int = 1200) -> list[Passage]:
    found = read(name, data, longest)
    assert not found.problems, found.problems
    return list(found.passages)


def told(name: str, data: bytes | str) -> list[tuple[tuple[str, ...], str]]:
    return [(passage.path, passage.text) for passage in passages(name, data)]


def why(name: str, data: bytes | str) -> str:
    found = read(name, data)
    assert not found.passages
    (problem,) = found.problems
    return f"{problem.member} {problem.wrong}. {problem.right}".strip()


# ── Markdown ─────────────────────────────────────────────────────────────────────────────────────────────


def test_markdown_keeps_its_headings_and_its_front_matter_counts() -> None:
    note = "---\nvalid_from: 2026-12-01\nvalid_until: 2026-12-24\nlanguage: en\nauthor: Lin\n---\n# Gifts\n\n## 礼盒\n\n一盒。\n"
    (passage,) = passages("gifts.md", note)
    assert (passage.path, passage.title, passage.language) == (("Gifts", "礼盒"), "Gifts › 礼盒", "en")
    assert passage.source == "notes/gifts.md"
    assert [passage.valid(date(2026, 12, day)) for day in (1, 24, 25)] == [True, True, False]
    assert not passage.valid(date(2026, 11, 30))


@pytest.mark.parametrize(
    ("matter", "wrong"),
    [
        ("valid_until: soon", "valid_until 'soon' is no day. Write for example valid_until: 2026-12-31"),
        ("language: Chinese", "language 'Chinese' is no language tag"),
        ("valid_from: 2026-12-24\nvalid_until: 2026-12-01", "valid_until lies before its valid_from"),
        ("valid_from: [", "no proper YAML"),
    ],
)
def test_front_matter_that_cannot_count_says_so(matter: str, wrong: str) -> None:
    assert wrong in why("gifts.md", f"---\n{matter}\n---\n# Gifts\n\nA box.\n")


def test_a_note_in_another_language_than_the_bots_is_left_out() -> None:
    assert "is in fr. The bot answers in en, zh" in why("retours.md", "---\nlanguage: fr\n---\nTrente jours.\n")


def test_a_note_in_two_languages_is_told_apart_by_section() -> None:
    note = "# Returns\n\nYou may send it back to us for 30 days.\n\n# 退货\n\n三十天内可以退货。\n"
    assert [passage.language for passage in passages("returns.md", note)] == ["en", "zh"]
    in_zh = "# 配送\n\n我们用下面的快递公司寄送所有的包裹，运费都一样。\n\n# 快递\n\nDHL Express, UPS Standard\n"
    assert [passage.language for passage in passages("post.md", in_zh)] == ["zh", "zh"]


# ── HTML ─────────────────────────────────────────────────────────────────────────────────────────────────

PAGE = """<!doctype html><html lang="{lang}"><head><meta charset="{charset}"><title>{title}</title>
<style>p {{ color: red }}</style><script>var price = 1;</script></head><body>
<header><nav><a href="/">Home</a><a href="/cart">Cart</a></nav></header>
<div class="cookie-banner"><p>We use cookies.</p></div>
<main>{main}</main>
<aside>Newsletter</aside><footer><p>Imprint</p></footer></body></html>"""


def page(main: str, lang: str = "en", charset: str = "utf-8", title: str = "Mug Shop") -> bytes:
    return PAGE.format(main=main, lang=lang, charset=charset, title=title).encode(
        "gb18030" if "gb" in charset else charset
    )


def test_a_page_is_read_without_its_menus_and_scripts() -> None:
    found = told("returns.html", page("<h1>Returns</h1><p>Within <b>30&nbsp;days</b>.</p><h2>Costs</h2><p>Free.</p>"))
    assert found == [(("Returns",), "Within **30 days**."), (("Returns", "Costs"), "Free.")]


def test_a_pages_lists_and_tables_can_be_read_aloud() -> None:
    main = (
        "<h1>Post</h1><ul><li>Parcel<ul><li>small</li></ul></li><li>Letter</li></ul><ol><li>Pack</li><li>Send</li></ol>"
        "<table><thead><tr><th>Country</th><th>Standard</th><th>Express</th></tr></thead>"
        "<tr><td>Norway</td><td>9.90 €</td><td></td></tr><tr><td>Iceland</td><td>12.90 €</td><td>24.90 €</td></tr></table>"
        "<dl><dt>Weight</dt><dd>up to 5 kg</dd></dl><pre>CODE 1</pre>"
    )
    ((_, text),) = told("post.html", page(main))
    assert "- Parcel\n  - small\n- Letter" in text
    assert "1. Pack\n2. Send" in text
    assert "- Norway: Standard: 9.90 €\n- Iceland: Standard: 12.90 €; Express: 24.90 €" in text
    assert "- Weight: up to 5 kg" in text
    assert "```\nCODE 1\n```" in text


def test_a_pages_questions_that_open_are_headings_and_links_stay() -> None:
    main = '<h1>FAQ</h1><details><summary>May I swap?</summary><p>Yes, <a href="https://mugs.example/swap">here</a>.</p></details>'
    assert told("faq.html", page(main)) == [(("FAQ", "May I swap?"), "Yes, [here](https://mugs.example/swap).")]


def test_a_page_in_the_encoding_that_it_names_and_the_language_that_it_is_written_in() -> None:
    (passage,) = passages("tuihuo.htm", page("<h1>退货</h1><p>三十天内可以退货。</p>", "zh-CN", "gb2312", "杯子店"))
    assert (passage.language, passage.text) == ("zh", "三十天内可以退货。")
    # A template's lang is not always that of the text.
    (passage,) = passages("tuihuo.html", page("<h1>退货</h1><p>三十天内可以退货。</p>", "en"))
    assert passage.language == "zh"
    assert "is in de" in why("retoure.html", page("<p>Innerhalb von dreißig Tagen.</p>", "de"))


def test_a_page_saved_into_one_file() -> None:
    letter = (
        b'From: <Saved by Blink>\r\nSubject: Returns\r\nMIME-Version: 1.0\r\nContent-Type: multipart/related; boundary="x"\r\n'
        b"\r\n--x\r\nContent-Type: text/html\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n"
        b"<html><body><h1>Returns</h1><p>Caf=C3=A9 mugs, too.</p></body></html>\r\n--x\r\nContent-Type: image/png\r\n\r\nx\r\n--x--\r\n"
    )
    assert told("returns.mhtml", letter) == [(("Returns",), "Café mugs, too.")]
    assert "no page" in why("x.mht", b"Subject: x\r\n\r\ntext")


def test_a_page_without_text_says_what_to_do() -> None:
    assert "saved from the browser" in why(
        "shop.html", '<html><body><div id="app"></div><script>run()</script></body></html>'
    )


def test_deeply_nested_pages_are_read() -> None:
    assert told("deep.html", "<div>" * 3000 + "Deep down." + "</div>" * 3000)[0][1] == "Deep down."


def test_a_description_with_tags_is_text() -> None:
    assert text_of_html("<p>Stoneware &amp; cork.</p><ul><li>350 ml</li></ul>") == "Stoneware & cork.\n\n- 350 ml"
    assert text_of_html("5 < 6") == "5 < 6"


# ── PDF ──────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_pdf_by_the_size_of_its_letters() -> None:
    head = (8.0, "Mug Shop handbook")
    pdf = make_pdf([
        [head, (20, "Handbook"), (14, "Delivery"), (10, BODY), (10, "It costs 9.90 EUR, unless it is a pal-"), (10, "let."), (8, "1")],
        [head, (14, "Returns"), (10, "Send it back within 30 days."), (8, "2")],
        [head, (14, "退货"), (10, "三十天内可以退货，请先联系我们的客服人员，告诉他们您的订单号，"), (10, "我们会寄给您一张退货单。"), (8, "3")],
    ])  # fmt: skip
    found = passages("handbook.pdf", pdf)
    assert [one.path for one in found] == [("Handbook", "Delivery"), ("Handbook", "Returns"), ("Handbook", "退货")]
    assert [one.source for one in found] == [f"notes/handbook.pdf, page {page}" for page in (1, 2, 3)]
    assert [one.language for one in found] == ["en", "en", "zh"]
    assert found[0].text == f"{BODY} It costs 9.90 EUR, unless it is a pallet."
    assert found[2].text.endswith("告诉他们您的订单号，我们会寄给您一张退货单。")


def test_a_pdf_by_its_outline() -> None:
    pdf = make_pdf(
        [[(10, "Delivery"), (10, "It costs 9.90 EUR.")], [(10, "Returns"), (10, "Within 30 days.")]],
        outline=[("Delivery", 0), ("Returns", 1)],
    )
    assert told("plain.pdf", pdf) == [(("Delivery",), "It costs 9.90 EUR."), (("Returns",), "Within 30 days.")]


def test_a_pdf_that_cannot_be_read_says_why() -> None:
    assert "is encrypted. Save it without a password" in why("x.pdf", make_pdf([[(10, BODY)]], password="secret"))
    assert "has no text, only pictures. It is a scan: run text recognition" in why(
        "x.pdf", make_pdf([[]], picture=True)
    )
    assert "is damaged" in why("x.pdf", make_pdf([[(10, BODY)]])[:200])
    assert "is damaged, or no PDF" in why("x.pdf", b"I am no PDF at all")


def test_the_scanned_pages_of_a_pdf_are_named_and_the_others_read() -> None:
    pdf = make_pdf([[(10, BODY)], []], picture=True)
    found = read("half.pdf", pdf)
    assert [one.text for one in found.passages] == [BODY]
    assert [one.wrong for one in found.problems] == ["has pictures without text on page 2"]


@settings(max_examples=15, deadline=None)
@given(st.data())
def test_a_damaged_pdf_is_read_or_unreadable_never_a_crash(data: st.DataObject) -> None:
    pdf = bytearray(make_pdf([[(14, "Delivery"), (10, BODY)], [(10, "三十天内可以退货。")]], outline=[("Delivery", 0)]))
    for _ in range(data.draw(st.integers(1, 12))):
        pdf[data.draw(st.integers(0, len(pdf) - 1))] = data.draw(st.integers(0, 255))
    found = read("x.pdf", bytes(pdf))
    assert found.passages or found.problems


# ── DOCX ─────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_word_document_by_its_styles() -> None:
    docx = make_docx(
        ("Title", "Handbook"),
        ("Heading 1", "Delivery"),
        ("Normal", BODY),
        ("List Bullet", "by post"),
        ("List Bullet", "by courier"),
        ("Heading 2", "Abroad"),
        ("table", [["Country", "Standard", "Express"], ["Norway", "9.90", "19.90"], ["冰岛", "12.90", "24.90"]]),
    )
    assert told("handbook.docx", docx) == [
        (("Delivery",), f"{BODY}\n\n- by post\n- by courier"),
        (("Delivery", "Abroad"), "- Norway: Standard: 9.90; Express: 19.90\n- 冰岛: Standard: 12.90; Express: 24.90"),
    ]


def test_a_word_document_that_cannot_be_read_says_why() -> None:
    docx = make_docx(("Normal", BODY))
    assert "under a password, or a document of an old Word" in why(
        "x.docx", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 600
    )
    assert "is damaged, or no DOCX" in why("x.docx", docx[: len(docx) // 2])
    assert "is damaged, or no DOCX" in why("x.docx", make_zip({"hello.txt": b"hello"}))
    assert "has no text" in why("x.docx", make_docx())
    assert "Save it as .docx" in why("x.doc", b"old")


# ── plain text and encodings ─────────────────────────────────────────────────────────────────────────────


def test_plain_text_with_the_headings_that_people_write() -> None:
    assert told("a.txt", "Delivery\n========\nIn 3 days.\n\nReturns\n\nWithin 30 days,\nfree.\n") == [
        (("Delivery",), "In 3 days."),
        (("Returns",), "Within 30 days,\nfree."),
    ]
    assert told("b.txt", "【配送】\n三天内送达。\n\n【退货】\n三十天内可以退货。\n") == [
        (("配送",), "三天内送达。"),
        (("退货",), "三十天内可以退货。"),
    ]
    assert told("handbook.txt", "Just one sentence.") == [(("handbook",), "Just one sentence.")]


ZH = "三十天内可以退货，运费由本店承担。请先联系客服，告诉我们订单号。"
FR = "Les tasses déjà utilisées ne sont pas reprises, même si le café était très bon : c'est écrit à côté."


@pytest.mark.parametrize(
    ("text", "encoding"),
    [
        (ZH, "utf-8"), (ZH, "utf-8-sig"), (ZH, "gb18030"), (ZH, "gbk"), (ZH, "utf-16"), (ZH, "utf-32"),
        (f"Returns\n{ZH}\n" * 3, "utf-16-le"), (f"Returns\n{ZH}\n" * 3, "utf-16-be"),
        (f"DHL Express {ZH} 9.90 EUR", "gb18030"), (FR, "cp1252"), (FR, "utf-16"), ("Größe: 350 ml – 12,50 €", "cp1252"),
    ],
)  # fmt: skip
def test_text_in_the_encoding_of_any_computer(text: str, encoding: str) -> None:
    assert decode(text.encode(encoding)) == text


def test_what_is_no_text_is_none() -> None:
    with pytest.raises(Unreadable, match="is no text"):
        decode(bytes(range(256)) * 20)
    assert "is no text" in why("photo.txt", b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 8)


# ── zip archives ─────────────────────────────────────────────────────────────────────────────────────────


def test_the_files_of_an_archive_with_folders() -> None:
    data = make_zip({
        "shop/returns.en.md": b"# Returns\n\nWithin 30 days.\n",
        "shop/handbook.docx": make_docx(("Heading 1", "Delivery"), ("Normal", BODY)),
        "shop/": b"", "__MACOSX/shop/._returns.en.md": b"x", "shop/mug.png": b"x",
    })  # fmt: skip
    found = passages("all.zip", data)
    assert [(one.id, one.source) for one in found] == [
        ("notes/all.zip/shop/returns.en#0", "notes/all.zip/shop/returns.en.md"),
        ("notes/all.zip/shop/handbook.docx#0", "notes/all.zip/shop/handbook.docx"),
    ] or [one.path for one in found] == [("Returns",), ("Delivery",)]


def test_what_of_an_archive_cannot_be_read_is_named_and_the_rest_read() -> None:
    inner = make_zip({"a.md": b"# A\n\nText.\n"})
    data = make_zip(
        {"ok.md": b"# Fine\n\nText.\n", "../../etc/evil.md": b"# Evil\n\nText.\n", "inner.zip": inner, "x.pdf": b"x"}
    )
    found = read("all.zip", data)
    assert [one.path for one in found.passages] == [("Fine",)]
    assert {one.member: one.wrong.split(" (")[0] for one in found.problems} == {
        "../../etc/evil.md": "has a name that leads out of the archive",
        "inner.zip": "is an archive within an archive",
        "x.pdf": "is damaged, or no PDF",
    }


def test_a_zip_bomb_is_not_unpacked() -> None:
    found = read("bomb.zip", make_zip({"bomb.md": b"0" * 30_000_000, "ok.md": b"# Fine\n\nText.\n"}))
    assert [one.path for one in found.passages] == [("Fine",)]
    assert "times its size" in found.problems[0].wrong


def test_a_damaged_archive_is_told() -> None:
    data = make_zip({"a.md": b"# A\n\n" + b"Some text. " * 50}, level=zipfile.ZIP_STORED)
    assert "is no zip archive, or damaged" in why("x.zip", data[:100])
    broken = bytearray(data)
    broken[60] ^= 0xFF  # in the text: its checksum is wrong
    assert "a.md is damaged" in why("x.zip", bytes(broken))


def test_chinese_names_as_windows_packs_them() -> None:
    data = make_zip({"AAAA.md": "# 退货\n\n三十天内。\n".encode()}).replace(b"AAAA", "退货".encode("gb18030"))
    assert passages("all.zip", data)[0].source == "notes/all.zip/退货.md"


def test_what_is_no_note_says_what_would_be() -> None:
    assert "Products belong into the catalogue" in why("prices.xlsx", b"x")
    assert "Notes are .md" in why("thing.xyz", b"x")


# ── cutting ──────────────────────────────────────────────────────────────────────────────────────────────


def test_a_long_section_is_cut_at_its_sentences() -> None:
    sentences = [f"Sentence number {number} is about delivery to some country." for number in range(60)]
    found = passages("long.md", "# Long\n\n" + " ".join(sentences), longest=400)
    assert all(one.text.endswith(".") and width(one.text) <= 400 for one in found)
    assert " ".join(one.text for one in found) == " ".join(sentences)
    assert [one.id for one in found[:3]] == ["notes/long#1", "notes/long#1.1", "notes/long#1.2"]
    assert {one.path for one in found} == {("Long",)}
    zh = "".join(f"第{number}句话讲的是寄到某个国家的运费。" for number in range(60))
    pieces = cut(zh, 400)
    assert "".join(pieces) == zh
    assert all(piece.endswith("。") and width(piece) <= 400 for piece in pieces)


def test_a_cut_table_keeps_its_head() -> None:
    rows = "\n".join(f"| Country {number} | {number}.90 EUR |" for number in range(40))
    pieces = cut(f"Prices:\n\n| To | Price |\n|---|---|\n{rows}", 300)
    assert len(pieces) > 3
    assert all("| To | Price |\n|---|---|" in piece and width(piece) <= 300 for piece in pieces if "Country" in piece)


@given(st.text(alphabet=st.sampled_from("ab 。，.\n中文|-!"), max_size=600), st.integers(20, 200))
def test_nothing_is_lost_and_nothing_is_too_long(text: str, longest: int) -> None:
    pieces = cut(text, longest)
    assert all(0 < width(piece) <= longest for piece in pieces)
    if "|" not in text:
        assert "".join("".join(pieces).split()) == "".join(text.split())
