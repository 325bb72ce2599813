"""Which language is spoken, and how long a conversation lingers in it."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.language import base, detect

EN_ZH = ["en", "zh"]


@pytest.mark.parametrize(
    ("text", "allowed", "before", "hint", "wanted"),
    [
        ("How much is delivery?", EN_ZH, "", "", "en"),
        ("运费多少？", EN_ZH, "", "", "zh"),
        ("寄到 Norway 多少钱", EN_ZH, "", "", "zh"),
        ("Do you have 龙井?", EN_ZH, "en", "", "en"),
        ("有 Earl Grey 吗", EN_ZH, "en", "", "zh"),
        ("How much is delivery?", ["zh", "en"], "zh", "", "en"),
        ("送料はいくらですか", ["en", "zh", "ja"], "", "", "ja"),
        ("配送料について質問", ["en", "zh", "ja"], "", "", "ja"),
        ("배송비는 얼마예요?", ["en", "ko"], "", "", "ko"),
        ("Сколько стоит доставка?", ["en", "ru"], "", "", "ru"),
        ("كم تكلفة التوصيل؟", ["en", "ar"], "", "", "ar"),
        # nothing to go by: as before, else the hint, else the first
        ("ok", EN_ZH, "zh", "", "zh"),
        ("👍", EN_ZH, "zh", "en", "zh"),
        ("4711", EN_ZH, "zh", "", "zh"),
        ("", EN_ZH, "", "zh-CN", "zh"),
        ("", EN_ZH, "", "", "en"),
        ("…", EN_ZH, "", "xx", "en"),
        ("👍", ["zh", "en"], "", "", "zh"),
        ("ok", EN_ZH, "", "zh", "en"),
        ("DHL", EN_ZH, "zh", "", "zh"),
        # a hint decides between languages of one script, not against the script
        ("Wie teuer ist der Versand?", ["en", "de"], "", "de-AT", "de"),
        ("How much is delivery?", EN_ZH, "", "zh-CN", "en"),
        ("Hello there", ["en", "de"], "de", "en", "de"),
        # a language that the shop does not speak: as before, else the first
        ("送料はいくらですか", ["en"], "", "", "en"),
        ("Сколько стоит доставка?", EN_ZH, "zh", "", "zh"),
        # tags with region and script
        ("运费多少？", ["en", "zh-Hant-TW"], "", "", "zh-Hant-TW"),
        ("hello", ["pt-BR", "zh"], "", "", "pt-BR"),
    ],
)
def test_detect(text: str, allowed: list[str], before: str, hint: str, wanted: str) -> None:
    assert detect(text, allowed, before, hint) == wanted


def test_base() -> None:
    assert [base(tag) for tag in ("zh-Hans-CN", "en", "PT-br", "")] == ["zh", "en", "pt", ""]


@given(st.text(), st.sampled_from(["", "en", "zh", "xx"]), st.text(max_size=5))
@settings(max_examples=200, deadline=None)
def test_any_text_is_in_an_allowed_language(text: str, before: str, hint: str) -> None:
    assert detect(text, EN_ZH, before, hint) in EN_ZH
