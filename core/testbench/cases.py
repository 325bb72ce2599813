"""``tests.yaml`` of a bot's folder: conversations with what is expected of each answer. Strict, as every file of it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Annotated, Self

from pydantic import BeforeValidator, Field, PositiveInt, ValidationError, field_validator, model_validator

from core.botfile import Bot
from core.language import base
from core.messages import Command, Kind, Rung
from core.sections import Language, Section, Slug, Text
from core.yamlfile import Reading, line_of, nearest, parse_yaml, what_is_right, what_is_wrong

FILE = "tests.yaml"
UNANSWERABLE = "unanswerable"
REGULAR = re.compile(r"/(.+)/", re.DOTALL)
SPOKEN_KINDS = frozenset({Kind.TEXT, Kind.PHOTO, Kind.STICKER, Kind.VOICE, Kind.VIDEO, Kind.DOCUMENT, Kind.LOCATION})


def _as_text(value: object) -> object:
    """YAML reads 14.90 as the number 14.9: what was meant is lost."""
    if isinstance(value, (bool, int, float)):
        raise ValueError(f'is read as the value {value}; put it into "quotation marks"')
    return value


def _readable(value: object) -> object:
    value = _as_text(value)
    if isinstance(value, str) and (written := REGULAR.fullmatch(value.strip())):
        try:
            re.compile(written[1])
        except re.error as error:
            raise ValueError(f"is no regular expression: {error}") from None
    return value


def _many(value: object) -> object:
    return value if isinstance(value, list) else [value]


def _alternatives(value: object) -> object:
    return value if isinstance(value, dict) else {"any_of": [value]}


Written = Annotated[Text, BeforeValidator(_as_text)]
Readable = Annotated[Text, BeforeValidator(_readable)]


class Wanted(Section):
    """A text, or several of which one is enough."""

    any_of: Annotated[list[Readable], BeforeValidator(_many)] = Field(
        min_length=1, description="one of these is enough"
    )

    def __str__(self) -> str:
        return " or ".join(text if REGULAR.fullmatch(text) else f"'{text}'" for text in self.any_of)


class Meaning(Section):
    """``means:`` with a threshold of its own."""

    text: Written = Field(description="what the reply should mean")
    at_least: float | None = Field(
        default=None, gt=0, le=1, description="the least likeness (cosine); without it, eval.means_at_least"
    )


Wants = Annotated[list[Annotated[Wanted, BeforeValidator(_alternatives)]], BeforeValidator(_many)]
Writtens = Annotated[list[Written], BeforeValidator(_many)]


class TurnConfig(Section):
    """What the shopper does in one turn, and what is expected of the answer to it."""

    say: Writtens = Field(
        default=[], description="what the shopper writes; a list is a burst of messages; a command such as /human"
    )
    press: Written | None = Field(
        default=None, description="instead of say: the label of a button of the answer before, which is pressed"
    )
    kind: Kind = Field(default=Kind.TEXT, description="of the last message: text, photo, voice, …; say is its caption")
    quoted: Written | None = Field(default=None, description="the text of the message that this one replies to")
    post: Written | None = Field(default=None, description="the text of the post under which this stands as a comment")

    says: Wants = Field(default=[], description="the reply or a card of it says each of these")
    says_not: Wants = Field(default=[], description="the reply and its cards say none of these")
    means: list[Meaning] = Field(default=[], description="some part of the reply means this; judged by vectors")
    cites: Wants = Field(
        default=[], description="each of these passages is in the answer's trace: an id or its beginning"
    )
    rung: list[Rung] = Field(default=[], description="the rung of the answer is one of these")
    products: Wants = Field(default=[], description="SKUs of products that the reply or a card names, each of them")
    products_not: Wants = Field(default=[], description="SKUs of products that neither the reply nor a card names")
    products_among: Writtens = Field(
        default=[], description="SKUs: the reply or its cards name at least one product, and only these"
    )
    buttons: Wants = Field(default=[], description="labels of buttons beside the answer, each of them")
    language: Language | None = Field(default=None, description="the language of the reply")
    hands_over: bool | None = Field(
        default=None,
        description="true: the bot says that it does not know, or sends the shopper to a person; false: not",
    )
    within: PositiveInt | None = Field(
        default=None, description="the reply has at most so many words; a Chinese character counts as one"
    )
    figures: Writtens | None = Field(
        default=None, description="no figure but these stands in the reply; []: none at all"
    )

    @field_validator("means", mode="before")
    @classmethod
    def _means(cls, value: object) -> object:
        return [{"text": one} if not isinstance(one, dict) else one for one in _as_list(value)]

    @field_validator("rung", mode="before")
    @classmethod
    def _rung(cls, value: object) -> object:
        return _many(value)

    @field_validator("kind")
    @classmethod
    def _spoken(cls, value: Kind) -> Kind:
        if value not in SPOKEN_KINDS:
            raise ValueError(f"must be one of: {', '.join(sorted(SPOKEN_KINDS))}")
        return value

    @field_validator("say")
    @classmethod
    def _known_command(cls, value: list[str]) -> list[str]:
        for text in value:
            if text.startswith("/") and (command_in(text) is None or len(value) > 1):
                known = ", ".join(f"/{command}" for command in Command)
                raise ValueError(f"{text!r} is no command that stands alone; there are: {known}")
        return value

    @model_validator(mode="after")
    def _does_one_thing(self) -> Self:
        if bool(self.say) == (self.press is not None) and (self.press or self.kind is Kind.TEXT):
            raise ValueError("needs exactly one of: say, press")
        return self

    @property
    def expects(self) -> bool:
        """Whether anything is expected of the answer."""
        return bool(self.model_fields_set - {"say", "press", "kind", "quoted", "post"})


def _as_list(value: object) -> list[object]:
    return value if isinstance(value, list) else [value]


class Case(Section):
    """One conversation of tests.yaml."""

    name: Slug = Field(description="the conversation's name, e.g. delivery-norway")
    about: str = Field(default="", description="what it is there for, for people")
    tags: Annotated[list[Slug], BeforeValidator(_many)] = Field(
        default=[],
        description="to count and choose by; 'unanswerable': the shop's facts have no answer to the last turn",
    )
    persona: Slug | None = Field(default=None, description="who answers; without it, the bot's persona")
    platform_language: Language | None = Field(
        default=None, description="the language that the platform says the shopper has"
    )
    facts: Writtens = Field(
        default=[], description="sentences that are true in this shop; no reply may contradict one of them"
    )
    turns: list[TurnConfig] = Field(min_length=1, description="what is said, turn by turn, and what is expected")

    @model_validator(mode="after")
    def _expects(self) -> Self:
        if UNANSWERABLE not in self.tags and not any(turn.expects for turn in self.turns):
            raise ValueError("expects nothing: write says, rung, hands_over or another expectation in a turn")
        return self

    @property
    def unanswerable(self) -> bool:
        return UNANSWERABLE in self.tags

    def expected(self, number: int) -> TurnConfig:
        """A turn with what is expected of it; the last one of an unanswerable conversation is to be handed over."""
        turn = self.turns[number]
        if self.unanswerable and number == len(self.turns) - 1 and turn.hands_over is None:
            return turn.model_copy(update={"hands_over": True})
        return turn


def command_in(text: str) -> tuple[Command, str] | None:
    """The command of a text such as "/language zh", and what follows it."""
    name, _, argument = text.removeprefix("/").partition(" ")
    if not text.startswith("/") or name not in set(Command):
        return None
    return Command(name), argument.strip()


# ── reading ──────────────────────────────────────────────────────────────────────────────────────────────


def read_cases(bot: Bot, problems: Reading | None = None, file: Path | None = None) -> list[Case]:
    """The conversations of a bot's tests.yaml; what is wrong is added to ``problems``, each with file, line and key."""
    file = file or bot.folder / FILE
    reading = problems or Reading(file.parent)
    right = "Write conversations, each with '- name: …' and 'turns:'; see README.md, Test bench"
    if not file.is_file():
        reading.wrong(file, 0, "", "is missing", right)
        return []
    data = parse_yaml(reading, file)
    if data is None:
        return []
    if not isinstance(data, list):
        reading.wrong(file, 1, "", "must be a list of conversations", right)
        return []
    _check_sending(reading, bot)
    cases: list[Case] = []
    seen: dict[str, int] = {}
    for index, item in enumerate(data):
        case = _validated(reading, file, item, data, index)
        if case is None:
            continue
        line = line_of(data, (index, "name"))
        if case.name in seen:
            reading.wrong(
                file, line, f"{index}.name", f"'{case.name}' is used twice", f"First in line {seen[case.name]}"
            )
        seen.setdefault(case.name, line)
        for path, wrong, say_right in _unknown_names(case, bot):
            at = (index, *path)
            reading.wrong(file, line_of(data, at), ".".join(map(str, at)), wrong, say_right)
        cases.append(case)
    return cases


def _check_sending(reading: Reading, bot: Bot) -> None:
    """The answers that are said to hand over are there."""
    known = [id.removeprefix("answers/") for id in _ids(bot) if id.startswith("answers/")]
    config = bot.folder / "bot.yaml"
    for id in bot.config.eval.hand_over_answers:
        if id not in known and config.is_relative_to(reading.folder):
            line = line_of(parse_yaml(reading, config, quiet=True), ("eval", "hand_over_answers"))
            reading.wrong(config, line, "eval.hand_over_answers", f"there is no answer '{id}'", _near(id, known))


def _validated(reading: Reading, file: Path, item: object, data: list[object], index: int) -> Case | None:
    try:
        return Case.model_validate(item)
    except ValidationError as error:
        for details in error.errors():
            path = (index, *_written(item, details["loc"]))
            key = ".".join(map(str, path))
            if details["type"] in ("extra_forbidden", "missing"):
                key = ".".join(map(str, (*path, details["loc"][-1]))) if str(path[-1]) != details["loc"][-1] else key
            right = what_is_right(details, Case)
            if details["type"] == "enum" and details["loc"][-2:-1] == ("rung",):
                right = nearest(str(details["input"]), list(Rung))
            reading.wrong(file, line_of(data, path), key, what_is_wrong(details), right)
        return None


def _written(item: object, path: Iterable[str | int]) -> Iterator[str | int]:
    """As much of a path as stands in the file: 'says: x' is read as a list, but was written without one."""
    for part in path:
        if isinstance(part, int) and isinstance(item, dict):
            continue
        listed = isinstance(item, list) and isinstance(part, int) and part < len(item)
        if not listed and not (isinstance(item, dict) and part in item):
            return
        item = item[part]  # type: ignore[index]  # a list with that place, or a mapping with that key
        yield part


def _unknown_names(case: Case, bot: Bot) -> Iterator[tuple[tuple[str | int, ...], str, str]]:
    """What is named but is not there: personas, languages, products, passages."""
    if case.persona is not None and case.persona not in bot.personas:
        yield ("persona",), f"there is no persona '{case.persona}'", nearest(case.persona, list(bot.personas))
    skus = [product.sku for product in bot.catalogue]
    for number, turn in enumerate(case.turns):
        at = ("turns", number)
        if turn.language and base(turn.language) not in map(base, bot.languages):
            yield (*at, "language"), f"the bot does not speak {turn.language}", f"It speaks: {', '.join(bot.languages)}"
        for key, wants in (("products", turn.products), ("products_not", turn.products_not)):
            for sku in (text for want in wants for text in want.any_of):
                if sku not in skus:
                    yield (*at, key), f"the catalogue has no product '{sku}'", _near(sku, skus)
        for sku in turn.products_among:
            if sku not in skus:
                yield (*at, "products_among"), f"the catalogue has no product '{sku}'", _near(sku, skus)
        for cited in (text for want in turn.cites for text in want.any_of):
            if not _may_be_cited(cited, bot):
                yield (*at, "cites"), f"no passage's id begins with '{cited}'", _near(cited, _ids(bot))


# What is cited beside the shop's files is made while the bot answers.
MADE_LATER = ("lookup", "recommend")


def _may_be_cited(cited: str, bot: Bot) -> bool:
    regular = REGULAR.fullmatch(cited) is not None
    return regular or cited.startswith(MADE_LATER) or any(begins(one, cited) for one in _ids(bot))


def _ids(bot: Bot) -> list[str]:
    return [passage.id for passage in bot.knowledge.passages]


def _near(name: str, known: Sequence[str]) -> str:
    """The name that was perhaps meant; all of them where they are few."""
    return nearest(name, known) if 0 < len(known) < 20 else nearest(name, known).partition("Known are")[0]


def begins(id: str, beginning: str) -> bool:
    """Whether a passage's id is that or begins with it, at the end of a part: catalog/GR-1 is not catalog/GR-10."""
    rest = id[len(beginning) :]
    return id.startswith(beginning) and (not rest or not rest[0].isalnum() or not beginning[-1:].isalnum())
