"""Which step of a look-up a turn is: what is asked of the shopper, or that the shop's API is asked now.

Nothing here waits for anything: it reads the turn and the conversation's state, and decides.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cached_property

from core.answer import Asked
from core.lookups.declared import NAMED, LookUp
from core.lookups.replies import is_no, is_without, is_yes
from core.lookups.result import plain
from core.lookups.state import Looking, Stage
from core.lookups.values import Found
from core.messages import Button, Rung, now
from core.phrases import Phrase, in_language, say
from core.understanding.rules import Intent

# Who has named so many orders that are not theirs does not get to name another one.
MISSES = 3
TRIES = 2
# Of the earlier messages of the shopper so many are read for arguments.
EARLIER = 10
# What is tried as the answer to a question is short and has a figure or an @.
ATTEMPT = re.compile(r"(?=.*[\d@])(?s:.){1,60}")
OTHER = re.compile(r"\b(?:other|another|different|new)\b|别的|另外|另一|其他|其它|还有一", re.IGNORECASE)
# Who wants an order changed is not helped by its state.
CHANGING = re.compile(r"\b(?:cancel|change|modify|add|remove|return|refund)|取消|修改|改|退|加", re.IGNORECASE)
MOST_CHOICES = 4
QUESTION_CHARS = 300


@dataclass(frozen=True, slots=True)
class Spoken:
    """What is said to the shopper, and what is kept of the look-up."""

    text: str
    looking: Looking | None
    buttons: tuple[Button, ...] = ()
    rung: Rung = Rung.LOOKED_UP


@dataclass(frozen=True, slots=True)
class Fetch:
    """The API is asked, or its fresh result is said again; ``only``: the sentences of it that were asked for."""

    look_up: LookUp
    looking: Looking
    only: tuple[int, ...] = ()


Step = Spoken | Fetch


def next_step(asked: Asked, on: Mapping[str, LookUp]) -> Step | None:
    """``on``: the look-ups that can be made. None: the turn is about something else."""
    looking = asked.state.looking
    if looking and looking.name in on and looking.speaker == asked.heard.last.sender.id:
        turn = _Turn(asked, on[looking.name], looking)
        if step := turn.goes_on():
            return step
    return _begun(asked, on)


def _begun(asked: Asked, on: Mapping[str, LookUp]) -> Step | None:
    """The look-up that the turn asks for, if an approved answer does not fit better."""
    turns = [_Turn(asked, look_up, _misses_of(asked.state.looking, look_up.name)) for look_up in on.values()]
    turn = max(turns, key=lambda one: one.called, default=None)
    return turn.begins() if turn is not None and turn.is_called() else None


def next_meant(asked: Asked, on: Mapping[str, LookUp]) -> Step | None:
    """The look-up that a turn asks for in other words than any that the shop has written."""
    turns = (_Turn(asked, look_up, _misses_of(asked.state.looking, name)) for name, look_up in on.items())
    return next((turn.begins() for turn in turns if turn.is_meant()), None)


def _misses_of(looking: Looking | None, name: str) -> Looking:
    """A look-up that begins anew; how often nothing fitted is not forgotten, whoever asks."""
    return Looking(name=name, stage="asking", misses=looking.misses if looking else 0)


class _Turn:
    """A turn as one look-up reads it; what it is compared with only when that is first wanted."""

    def __init__(self, asked: Asked, look_up: LookUp, looking: Looking) -> None:
        self._asked = asked
        self._look_up = look_up
        self._config = look_up.config
        self._looking = looking
        self._text = asked.heard.text
        self._languages = tuple(dict.fromkeys((asked.heard.language, asked.heard.written)))
        self._found: Found = look_up.finder.find(self._text)
        self._other = OTHER.search(self._text) is not None
        # "Where is my other order" asks for the same as "where is my order".
        self._asking = replace(self._found, rest=OTHER.sub(" ", self._found.rest)) if self._other else self._found

    @cached_property
    def called(self) -> float:
        """How surely the turn asks for it, 0 to 1."""
        stands_in, _ = self._approved_scores
        return max(stands_in, self._look_up.called(self._asking, self._languages))

    @property
    def _approved(self) -> float:
        return self._approved_scores[1]

    def is_called(self) -> bool:
        """Whether the turn asks for it, and the shop has nothing that fits better."""
        if not self.called or self.called < self._approved:
            return False
        if self.called > NAMED:
            return True
        search, rest = self._asked.bot.knowledge.search, self._found.rest
        return not self._approved and not any(search(rest, language, 1) for language in self._languages)

    def is_meant(self) -> bool:
        """Whether what the shop says best about the turn is an answer that this stands in for, or it says nothing, and
        the turn is about an order."""
        asked, mine = self._asked, self._config.instead_of
        knowledge, written = asked.bot.knowledge, asked.heard.written
        if found := knowledge.approved(self._text, written, vector=asked.vector):
            return found.id in mine
        if CHANGING.search(self._text):
            return False
        if best := knowledge.search(self._found.rest, written, 1, vector=asked.vector):
            return best[0].passage.id.removeprefix("answers/") in mine
        return asked.understood.is_surely(Intent.ORDER_QUESTION) and self._config.identifies

    @cached_property
    def _approved_scores(self) -> tuple[float, float]:
        """How well approved answers fit the turn: those that it stands in for, and all others.

        An order number says nothing about that.
        """
        knowledge, texts = self._asked.bot.knowledge, dict.fromkeys((self._text, self._asking.rest))
        found = [knowledge.approved(text, language) for language in self._languages for text in texts]
        scores = [(one.id in self._config.instead_of, one.score) for one in found if one]
        mine = max((score for stands_in, score in scores if stands_in), default=0.0)
        return mine, max((score for stands_in, score in scores if not stands_in), default=0.0)

    # ── how it goes on ───────────────────────────────────────────────────────────────────────────────────

    def goes_on(self) -> Step | None:
        if self._config.identifies and self._is_public():
            return None
        if self._looking.stage == "made":
            return self._after()
        given = self._given()
        if given:
            return self._with(given)
        if self._looking.stage == "confirming":
            if is_yes(self._found.rest):
                return Fetch(self._look_up, self._keep(stage="made"))
            return self._stopped(Phrase.LOOK_UP_STOPPED) if is_no(self._found.rest) else None
        return self._not_given()

    def _given(self) -> dict[str, str]:
        """The arguments that this turn adds or changes."""
        known, wanted = self._looking.arguments, self._looking.wanted
        given = {name: value for name, value in self._found.last().items() if known.get(name) != value}
        if wanted and wanted not in given and not self._refuses() and not self._approved:
            free = self._look_up.finder.free(wanted, self._found.rest)
            given |= {wanted: free} if free else {}
        return given

    def _refuses(self) -> bool:
        return is_no(self._found.rest) or is_without(self._text)

    def _not_given(self) -> Step | None:
        if self._refuses():
            asked_nothing = not self._looking.wanted or not is_without(self._text)
            return self._stopped(Phrase.LOOK_UP_STOPPED if asked_nothing else Phrase.LOOK_UP_CANNOT)
        wanted = self._looking.wanted
        if not wanted or not ATTEMPT.fullmatch(self._text) or self._approved:
            return None
        if self._looking.tries >= TRIES:
            return self._stopped(Phrase.LOOK_UP_CANNOT)
        return self._asks(wanted, self._looking.arguments, again=True)

    def _after(self) -> Step | None:
        """It was made: more is asked of its result, or the same of another one."""
        if not self._looking.arguments and self._config.arguments:
            return None  # only kept for its misses
        given = self._given()
        if given:
            return self._with(given) if self.is_called() else None
        only, score = self._look_up.followed(self._asking, self._languages)
        best = max(score, self.called)
        if not best or best < self._approved:
            return None
        if self._other:
            return self._next({})
        if named := self._named_since():
            return self._with(named)
        looking = self._keep(question=self._text[:QUESTION_CHARS])
        return Fetch(self._look_up, looking, only if score > self.called else ())

    def _named_since(self) -> dict[str, str]:
        """Arguments that the shopper has named since it was made: "when does it arrive" may be about these."""
        known = self._looking.arguments
        return {name: value for name, value in self._earlier(self._looking.at).items() if known.get(name) != value}

    # ── how it begins ────────────────────────────────────────────────────────────────────────────────────

    def begins(self) -> Step:
        if self._config.identifies and self._is_public():
            contact = in_language(self._asked.bot.config.person.contact, self._asked.language)
            text = say(Phrase.LOOK_UP_PRIVATE, self._asked.language, contact=contact)
            return Spoken(text, self._asked.state.looking, rung=Rung.NOTICE)
        earlier = {} if self._other else self._earlier()
        several = self._found.several()
        if several is None:
            return self._next({**earlier, **self._found.last()})
        return self._asks_which(*several, {**earlier, **self._found.last()})

    def _is_public(self) -> bool:
        return any(message.group or message.post for message in self._asked.heard.meant)

    def _earlier(self, since: datetime | None = None) -> dict[str, str]:
        """Arguments that the shopper has written before, the newest of each."""
        speaker = self._asked.heard.last.sender.id
        said = [
            line
            for line in self._asked.turn.history
            if line.role == "shopper" and line.speaker in ("", speaker) and (since is None or line.at > since)
        ]
        earlier: dict[str, str] = {}
        for line in said[-EARLIER:]:
            earlier |= self._look_up.finder.certain(line.text)
        return earlier

    # ── the steps ────────────────────────────────────────────────────────────────────────────────────────

    def _with(self, given: Mapping[str, str]) -> Step:
        return self._next({**self._looking.arguments, **given})

    def _next(self, arguments: Mapping[str, str]) -> Step:
        """Ask for what is missing, one at a time; then confirm; then fetch."""
        if self._config.identifies and self._looking.misses >= MISSES:
            return self._stopped(Phrase.LOOK_UP_CANNOT)
        missing = next((name for name in self._config.arguments if name not in arguments), None)
        if missing:
            return self._asks(missing, arguments)
        if self._config.identifies:
            return self._confirms(arguments)
        return Fetch(self._look_up, self._anew("made", arguments))

    def _asks(self, name: str, arguments: Mapping[str, str], again: bool = False) -> Spoken:
        argument, language = self._config.arguments[name], self._asked.language
        question = in_language(argument.asks, language)
        text = question
        if again and argument.examples:
            what = in_language(argument.name, language)
            text = say(Phrase.LOOK_UP_AGAIN, language, what=what, example=argument.examples[0], question=question)
        tries = self._looking.tries + 1 if again else 0
        buttons = tuple(_button(label) for label in self._choices(name)) if argument.enum else ()
        return Spoken(text, self._anew("asking", arguments, wanted=name, tries=tries), buttons)

    def _choices(self, name: str) -> list[str]:
        """What the values are called in the shopper's language."""
        choices = self._config.arguments[name].enum[:MOST_CHOICES]
        return [
            in_language(
                {key: words[0] for key, words in one.words.items() if words} or {"": one.value}, self._asked.language
            )
            for one in choices
        ]

    def _asks_which(self, name: str, values: tuple[str, ...], arguments: Mapping[str, str]) -> Spoken:
        language = self._asked.language
        shown, what = values[:MOST_CHOICES], in_language(self._config.arguments[name].name, language)
        text = say(Phrase.LOOK_UP_WHICH, language, what=what, choices=", ".join(map(plain, shown)))
        known = {key: value for key, value in arguments.items() if key != name}
        return Spoken(text, self._anew("asking", known, wanted=name), tuple(map(_button, shown)))

    def _confirms(self, arguments: Mapping[str, str]) -> Spoken:
        language = self._asked.language
        text = say(Phrase.LOOK_UP_CONFIRM, language, what=listed(self._look_up, arguments, language))
        buttons = (_button(say(Phrase.YES, language)), _button(say(Phrase.NO, language)))
        return Spoken(text, self._anew("confirming", arguments), buttons)

    def _stopped(self, phrase: Phrase) -> Spoken:
        contact = in_language(self._asked.bot.config.person.contact, self._asked.language)
        kept = self._anew("made", {}) if self._looking.misses else None
        rung = Rung.UNKNOWN if phrase is Phrase.LOOK_UP_CANNOT else Rung.LOOKED_UP
        return Spoken(say(phrase, self._asked.language, contact=contact), kept, rung=rung)

    # ── what is kept ─────────────────────────────────────────────────────────────────────────────────────

    def _anew(self, stage: Stage, arguments: Mapping[str, str], wanted: str = "", tries: int = 0) -> Looking:
        return Looking(
            name=self._look_up.name,
            stage=stage,
            speaker=self._asked.heard.last.sender.id,
            arguments=dict(arguments),
            wanted=wanted,
            tries=tries,
            question=self._looking.question or self._text[:QUESTION_CHARS],
            misses=self._looking.misses,
        )

    def _keep(self, **changed: object) -> Looking:
        return self._looking.replace(at=now(), **changed)


def _button(label: str) -> Button:
    return Button(label=label, text=label)


def listed(look_up: LookUp, arguments: Mapping[str, str], language: str) -> str:
    """The arguments by their names, one a line."""
    colon = "：" if language.startswith("zh") else ": "
    return "\n".join(
        f"- {in_language(argument.name, language)}{colon}{plain(arguments.get(name, ''))}"
        for name, argument in look_up.config.arguments.items()
    )
