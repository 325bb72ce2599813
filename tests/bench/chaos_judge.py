"""The verdict of the chaos benchmark: for each word that was written, how often and in which order it was answered."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from tests.bench.chaos_words import BEGIN, END, words_in


@dataclass(frozen=True, slots=True)
class Written:
    """A word that a shopper wrote, in the order of writing.

    ``must``: it has to be answered; not so for what was taken back or changed, and for a change that the platform
    does not tell of a second time. ``placed``: it has a place in the order.
    """

    place: str
    word: str
    at: float
    must: bool = True
    placed: bool = True


@dataclass(frozen=True, slots=True)
class Text:
    """A message of the bot as it stands at the end."""

    id: str
    text: str


@dataclass(frozen=True, slots=True)
class Send:
    """A text that the platform took. ``made``: as a new message. ``answered``: the bot was told so, if it still lived."""

    place: str
    message: str
    at: float
    made: bool
    answered: bool
    text: str


@dataclass(frozen=True, slots=True)
class Recorded:
    """A line of the bot in a conversation's record."""

    text: str
    ambiguous: bool


@dataclass(frozen=True, slots=True)
class Seen:
    """Everything that there is to judge of one conversation. ``exactly_once``: of the platform, no excuse holds."""

    written: Sequence[Written]
    texts: Sequence[Text]
    sends: Sequence[Send]
    record: Sequence[Recorded]
    exactly_once: bool


@dataclass(slots=True)
class Verdict:
    """Words; ``problems`` names each of those that are lost, duplicated or reordered."""

    lost: int = 0
    duplicated: int = 0
    reordered: int = 0
    ambiguous: int = 0
    answered: int = 0
    merged: int = 0
    longest_silence_s: float = 0.0
    slowest: str = ""
    problems: list[str] = field(default_factory=list)
    notices: Counter[str] = field(default_factory=Counter)


def judge(seen: Mapping[str, Seen], gateway_killed: Sequence[float]) -> Verdict:
    """``seen``: by the conversation's name; ``gateway_killed``: when it was killed or went on after a stall, by the clock
    of all else.
    """
    verdict = Verdict()
    for place, one in seen.items():
        _judge_place(place, one, gateway_killed, verdict)
    return verdict


def answered_words(texts: Iterable[Text]) -> set[str]:
    """The words that finished texts name."""
    return {word for text in texts if END in text.text for word in words_in(text.text)}


def _judge_place(place: str, seen: Seen, killed: Sequence[float], verdict: Verdict) -> None:
    where: defaultdict[str, list[Text]] = defaultdict(list)
    spot: dict[str, tuple[int, int]] = {}
    for number, text in enumerate(seen.texts):
        said = list(dict.fromkeys(words_in(text.text)))
        verdict.merged += max(0, len(said) - 1) if END in text.text else 0
        if _is_fragment(text.text):
            _judge_fragment(place, text, seen, killed, verdict)
        elif not said:
            verdict.notices[text.text.strip()[:48]] += 1
        for at, word in enumerate(said):
            where[word].append(text)
            spot.setdefault(word, (number, at))
    known = {written.word for written in seen.written}
    for stranger in where.keys() - known:
        verdict.problems.append(f"{place}: {stranger} was never written there")
        verdict.duplicated += 1
    furthest, after = (-1, -1), ""
    for written in seen.written:
        word, texts = written.word, where[written.word]
        finished = any(END in text.text for text in texts)
        if finished:
            verdict.answered += 1
        elif written.must:
            verdict.lost += 1
            unfinished = f"only in an unfinished text, {texts[0].id}" if texts else "nowhere"
            verdict.problems.append(f"{place}: {word} lost ({unfinished}), written at {written.at:.1f}")
        _judge_copies(place, word, texts, seen, killed, verdict)
        if word in spot and written.placed:
            if spot[word] < furthest:
                verdict.reordered += 1
                verdict.problems.append(f"{place}: {word} stands before {after}, which was written earlier")
            else:
                furthest, after = spot[word], word
        first = next((send.at for send in seen.sends if word in send.text), None)
        if first is not None and written.must and first - written.at > verdict.longest_silence_s:
            verdict.longest_silence_s, verdict.slowest = first - written.at, f"{place}: {word} at {written.at:.1f}"


def _judge_copies(
    place: str, word: str, texts: Sequence[Text], seen: Seen, killed: Sequence[float], verdict: Verdict
) -> None:
    """A word in several messages is excused if the bot could not know of the earlier ones, and says so in the record."""
    if len(texts) < 2:
        return
    made = {send.message: send for send in seen.sends if send.made}
    unknowable = not seen.exactly_once and all(
        _unknowable(made[one.id], made[two.id], killed) for one, two in pairwise(texts)
    )
    on_record = any(line.ambiguous and word in line.text for line in seen.record)
    if unknowable and on_record:
        verdict.ambiguous += 1
        return
    verdict.duplicated += 1
    why = "and that is not on record" if unknowable else "and the bot could know it"
    verdict.problems.append(f"{place}: {word} stands in {', '.join(text.id for text in texts)}, {why}")


def _is_fragment(text: str) -> bool:
    """The beginning of an answer, without a word in it."""
    return (text.startswith(BEGIN) and not words_in(text)) or BEGIN.startswith(text.strip())


def _judge_fragment(place: str, text: Text, seen: Seen, killed: Sequence[float], verdict: Verdict) -> None:
    """It stands there beside the answer that it became: as a word in two messages it must be excused."""
    made = [send for send in seen.sends if send.made]
    at = next(number for number, send in enumerate(made) if send.message == text.id)
    following = made[at + 1 : at + 2]
    words = [word for send in following for word in words_in(_as_it_stands(send.message, seen))]
    on_record = any(line.ambiguous and set(words) & set(words_in(line.text)) for line in seen.record)
    if on_record and not seen.exactly_once and all(_unknowable(made[at], two, killed) for two in following):
        verdict.ambiguous += 1
        return
    verdict.duplicated += 1
    verdict.problems.append(f"{place}: a beginning without an end, {text.id} ({text.text.strip()!r}), is not excused")


def _as_it_stands(message: str, seen: Seen) -> str:
    return next((text.text for text in seen.texts if text.id == message), "")


def _unknowable(one: Send, two: Send, killed: Sequence[float]) -> bool:
    """The answer to the first was lost, or the sender was killed between the two and may not have recorded it."""
    return not one.answered or any(one.at <= moment <= two.at for moment in killed)
