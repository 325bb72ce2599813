"""Where a text says of the same thing another figure than a true sentence, or its opposite."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from core.knowledge.words import stemmed
from core.trust.sentences import Sentence, denials, read, sentences
from core.trust.values import Kind, Value

QUANTITIES = frozenset(
    (
        *(Kind.MONEY, Kind.PERCENT, Kind.DURATION, Kind.TIME, Kind.DATE, Kind.WEEKDAY),
        *(Kind.AMOUNT, Kind.COUNT, Kind.NUMBER),
    )
)
# Words of a fact that say how it is said, not what it is about.
SAYING = stemmed(
    "cost costs price takes take need needs about only around exactly total has have within get gets pay is are can"
    " 价格 需要 大约 大概 费用 可以 可 能 能够 不能 不可 不可以 不会 没有 无法".split()
)


def contradictions(text: str, facts: Sequence[str], asked: str = "") -> list[str]:
    """``facts``: true sentences; ``asked``: the question, which tells what a short reply is about."""
    said, question = [read(one) for one in sentences(text)], read(asked)
    found = []
    for fact in facts:
        true = read(fact, known=True)
        wrong = next((one for one in said if _differs(one, true, said, question) or _opposite(one, true)), None)
        if wrong:
            found.append(f"{wrong.text.strip()[:100]!r} contradicts {fact!r}")
    return found


def _subject(sentence: Sentence) -> frozenset[str]:
    """What a sentence is about: its telling words without figures."""
    return frozenset(sentence.terms) - SAYING


def _quantities(of: Iterable[Sentence]) -> list[Value]:
    return [value for sentence in of for value in sentence.values if value.kind in QUANTITIES]


def _differs(sentence: Sentence, fact: Sentence, reply: Sequence[Sentence], question: Sentence) -> bool:
    """Whether it names another figure of the same kind for the same thing, and the reply never the right one."""
    about, here = _subject(fact), _subject(sentence)
    if (here and not about & here) or not about <= here | _subject(question):
        return False
    everywhere, said = _quantities(reply), _quantities([sentence])
    return any(
        not any(_within(value, true) for value in everywhere)
        and any(value.kind is true.kind and value.unit == true.unit for value in said)
        for true in _quantities([fact])
    )


def _within(value: Value, true: Value) -> bool:
    return value.kind is true.kind and value.unit == true.unit and true.low <= value.low and value.high <= true.high


def _opposite(sentence: Sentence, fact: Sentence) -> bool:
    about = _subject(fact)
    if not about or not about <= _subject(sentence):
        return False
    if not all(any(_within(value, true) for value in sentence.values) for true in _quantities([fact])):
        return False
    return denials(sentence.plain) % 2 != denials(fact.plain) % 2
