"""How many tokens a prompt has, without the tokeniser: an estimate that is rather too high than too low.

A word is one token at least; what is above that (long words, figures, signs, and every character of scripts that are written
without spaces) is weighed. The weights start cautiously (a Hanzi counts 2), are measured once where the server tokenises
for us (``Weights.measured``), and are corrected by what answers say that their prompts had: of the last 64 answers
in a script, nine in ten had no more than the estimate.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from math import ceil

from core.ports import ChatMessage

_WORD = re.compile(r"[A-Za-zÀ-ɏ]+")
_WIDE = re.compile(r"[\u2e80-\u9fff\uac00-\ud7ff\uf900-\ufaff\uff01-\uff60\U00020000-\U0003ffff]")
_REST = re.compile(r"[^\sA-Za-zÀ-ɏ\u2e80-\u9fff\uac00-\ud7ff\uf900-\ufaff\uff01-\uff60\U00020000-\U0003ffff]")
_RARE = re.compile(r"[\u0250-\u2dff\U00010000-\U0001ffff]")  # other scripts and emoji: often several tokens each
_BREAK = re.compile(r"\n+|[ \t]{2,}")

_REMEMBERED = 64
_ENOUGH = 16  # weighed tokens: below that the frame of a prompt says more than its text
_LOWEST, _HIGHEST = 0.2, 5.0

LATIN_SAMPLE = (
    "Good evening! Your delivery to Norway is already on its way, and the temperature-controlled packaging should arrive "
    "tomorrow afternoon. Unfortunately we cannot guarantee international refunds without the original receipt, sorry."
)
WIDE_SAMPLE = "您好！我们的茶叶都来自云南的古树茶园，下单后两天之内发货，运费由本店承担。如果收到的包装有破损，请拍照联系客服，我们会马上补发。"
REST_SAMPLE = "12.50 € + 3,90 € = 16,40 € (20 %); +47 22 33 44 55; 18:30–21:00; #4711/88-AB; https://t.me/x?a=1&b=2"


@dataclass(frozen=True, slots=True)
class Content:
    """What a text is made of. ``words`` are tokens at least; ``tails``: further parts of long words."""

    words: int = 0
    tails: int = 0
    wide: int = 0
    rest: int = 0

    @classmethod
    @lru_cache(maxsize=1024)  # a prompt is counted again with every line of the history that is tried
    def of(cls, text: str) -> Content:
        words = _WORD.findall(text)
        tails = sum((len(word) - 1) // (2 if word.isupper() else 6) for word in words)
        rest = len(_REST.findall(text)) + 2 * len(_RARE.findall(text)) + len(_BREAK.findall(text))
        return cls(len(words), tails, len(_WIDE.findall(text)), rest)


@dataclass(frozen=True, slots=True)
class Weights:
    """Tokens of each part; ``frame`` of every prompt, ``message`` around each message."""

    frame: float = 8.0
    message: float = 5.0
    tail: float = 1.0
    wide: float = 2.0
    rest: float = 1.0

    def weighed(self, content: Content) -> float:
        return self.tail * content.tails + self.wide * content.wide + self.rest * content.rest

    @classmethod
    def measured(cls, one: int, three: int, latin: int, wide: int, rest: int) -> Weights:
        """From a server's counts of these chats: "a"; "a", "a", "a"; and each of the samples."""
        message = max(1.0, (three - one) / 2 - 1)
        frame = max(0.0, one - message - 1)
        around = frame + message

        def each(count: int, text: str, units: int) -> float:
            return max(0.05, (count - around - Content.of(text).words) / units)

        tail = each(latin, LATIN_SAMPLE, Content.of(LATIN_SAMPLE).tails + Content.of(LATIN_SAMPLE).rest)
        return cls(
            frame=frame,
            message=message,
            tail=tail,
            wide=each(wide, WIDE_SAMPLE, Content.of(WIDE_SAMPLE).wide),
            rest=max(1.0, each(rest, REST_SAMPLE, Content.of(REST_SAMPLE).rest)),
        )


@dataclass(slots=True)
class _Learned:
    """How much more, or less, than weighed the prompts of one script had."""

    ratios: deque[float] = field(default_factory=lambda: deque(maxlen=_REMEMBERED))

    @property
    def scale(self) -> float:
        if not self.ratios:
            return 1.0
        ordered = sorted(self.ratios)
        likely = ordered[ceil(0.9 * (len(ordered) - 1))]
        return likely * (1.03 + 0.15 / len(ordered))


class Estimate:
    """Counts, and learns. Not for several threads."""

    def __init__(self) -> None:
        self._weights = Weights()
        self._learned = {"latin": _Learned(), "wide": _Learned()}

    def measured(self, weights: Weights) -> None:
        self._weights = weights

    def count(self, messages: Sequence[ChatMessage]) -> int:
        sure, weighed, script = self._parts(messages)
        return ceil(sure + weighed * self._learned[script].scale)

    def text(self, text: str) -> int:
        """Of a text alone."""
        content = Content.of(text)
        return ceil(content.words + self._weights.weighed(content))

    def observe(self, messages: Sequence[ChatMessage], tokens: int) -> None:
        """A server says that this prompt had so many tokens."""
        sure, weighed, script = self._parts(messages)
        if weighed >= _ENOUGH:
            ratio = (tokens - sure) / weighed
            self._learned[script].ratios.append(min(_HIGHEST, max(_LOWEST, ratio)))

    def _parts(self, messages: Sequence[ChatMessage]) -> tuple[float, float, str]:
        contents = [Content.of(message.content) for message in messages]
        words, weights = sum(content.words for content in contents), self._weights
        weighed = sum(weights.weighed(content) for content in contents)
        wide = weights.wide * sum(content.wide for content in contents)
        sure = weights.frame + weights.message * len(contents) + words
        return sure, weighed, "wide" if wide > (words + weighed) / 2 else "latin"
