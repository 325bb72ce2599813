"""What a check found: what is said, and what the facts say instead; in one sentence for the agent."""

from __future__ import annotations

from dataclasses import dataclass

from core.language import base
from core.trust.values import Kind


@dataclass(frozen=True, slots=True)
class Finding:
    """``claim``: the words that are wrong; ``sentence``: where they stand; ``instead``: what the facts say there, in the
    note ``source``; both empty if they say nothing about it. ``why``: which check it failed.
    """

    kind: Kind
    claim: str
    sentence: str = ""
    instead: str = ""
    source: str = ""
    why: str = "unknown"

    def __str__(self) -> str:
        return explain(self, "en")


_SHOWN = 90
_NOUNS = {
    Kind.LINK: ("the link or address", "链接或邮箱"),
    Kind.PHONE: ("the telephone number", "电话号码"),
    Kind.CODE: ("the code", "编号"),
    Kind.NAME: ("the name", "名称"),
    Kind.ORDER_STATE: ("the state of the order", "订单状态"),
}


def explain(finding: Finding, language: str) -> str:
    """One sentence for an agent: what was claimed, and what the facts say instead."""
    chinese = base(language) == "zh"
    claim = _short(finding.claim)
    noun = _NOUNS.get(finding.kind, ("", ""))[1 if chinese else 0]
    if chinese:
        said = f"回答里{noun}写的是“{claim}”"
        if finding.instead:
            return f"{said}，而“{_short(finding.source)}”里是“{_short(finding.instead)}”。"
        return f"{said}，{_WHY_ZH[finding.why]}。"
    said = f"says {noun} '{claim}'".replace("  ", " ")
    if finding.instead:
        return f"{said}; the note {_short(finding.source)} says '{_short(finding.instead)}'"
    return f"{said}; {_WHY_EN[finding.why]}"


_WHY_EN = {
    "unknown": "the shop's facts do not say that",
    "beside": "in the shop's facts it stands beside other words",
    "promise": "the shop's facts promise that nowhere",
    "condition": "the shop's facts tie that to a condition",
    "opposite": "the shop's facts say the opposite",
    "support": "too few of its telling words stand in the shop's facts",
    "asks": "it asks instead of answering",
    "close": "it follows no sentence of the shop's facts",
}
_WHY_ZH = {
    "unknown": "本店资料里没有这样的说法",
    "beside": "本店资料里它说的是另一件事",
    "promise": "本店资料里没有这样的承诺",
    "condition": "本店资料里这有附加条件",
    "opposite": "本店资料里说的正相反",
    "support": "其中多数内容在本店资料里找不到",
    "asks": "它在反问而不是回答",
    "close": "它与本店资料里的任何一句都不一致",
}


def _short(text: str) -> str:
    text = " ".join(text.split())
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"
