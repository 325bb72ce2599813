"""Chat messages to tokens, so that nothing a person wrote can ever become a control token.

The model's own template is rendered in a sandbox with a *marker* in the place of each message's text. Only what the
template itself wrote is read with control tokens; the texts are put in afterwards, as plain text. A template that
trims a text is noticed by the padding of its marker, and the text is trimmed in the same way.
"""

from __future__ import annotations

import json
import re
import threading
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import NoReturn

from jinja2 import TemplateError, nodes
from jinja2.ext import Extension, loopcontrols
from jinja2.parser import Parser
from jinja2.sandbox import ImmutableSandboxedEnvironment

from core.ports import ChatMessage
from models.runner import Vocabulary

CHATML = (
    "{% for message in messages %}<|im_start|>{{ message['role'] }}\n{{ message['content'] }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
PLAIN = (
    "{% for message in messages %}{% if message['role'] == 'system' %}{{ message['content'] }}\n\n"
    "{% elif message['role'] == 'user' %}User: {{ message['content'] }}\n"
    "{% else %}Assistant: {{ message['content'] }}\n{% endif %}{% endfor %}"
    "{% if add_generation_prompt %}Assistant:{% endif %}"
)
PLAIN_STOPS = ("\nUser:", "\nAssistant:")

_OPEN, _CLOSE, _WIDE = "\ue000", "\ue001", "\u2003"  # private-use brackets around the number; a wide space
_MARKER = re.compile(f"{_OPEN}([0-9]+){_CLOSE}")
# What of a marker's padding is left if the template trims nothing, only newlines, or all white space.
_LEFT: dict[str | None, str] = {None: f"\n{_WIDE}", "\n": _WIDE, "": ""}
_RIGHT: dict[str | None, str] = {None: f"{_WIDE}\n", "\n": _WIDE, "": ""}
_KEPT_PLANS = 256


class TemplateUnusable(Exception):
    """The template is broken or refuses an ordinary conversation; the message says why."""


@dataclass(frozen=True, slots=True)
class Slot:
    """The place of some messages' texts (joined by an empty line), and what the template trims from their ends."""

    messages: tuple[int, ...]
    left: str | None
    right: str | None

    def fill(self, contents: Sequence[str]) -> str:
        text = "\n\n".join(contents[index] for index in self.messages)
        text = text if self.left is None else text.lstrip(self.left or None)
        return text if self.right is None else text.rstrip(self.right or None)


@dataclass(frozen=True, slots=True)
class _Turn:
    role: str
    messages: tuple[int, ...]


@dataclass(slots=True)
class _Plans:
    """What the template does with a sequence of roles, remembered; shared by threads."""

    lock: threading.Lock = field(default_factory=threading.Lock)
    known: OrderedDict[tuple[date, tuple[str, ...]], list[str | Slot]] = field(default_factory=OrderedDict)


class ChatTemplate:
    """Raises TemplateUnusable if ``source`` cannot render an ordinary conversation.

    ``stops``: texts at which an answer ends although the model says nothing (only without a real template).
    """

    def __init__(self, source: str, vocabulary: Vocabulary, *, bos: str, eos: str, stops: tuple[str, ...] = ()) -> None:
        self.stops = stops
        self._vocabulary = vocabulary
        self._variables = {"bos_token": bos, "eos_token": eos}
        self._plans = _Plans()
        try:
            self._template = _environment().from_string(source)
        except TemplateError as error:
            raise TemplateUnusable(f"its chat template is broken: {error}") from error
        for roles in (("user",), ("system", "user"), ("system", "user", "assistant", "user")):
            self._plan(roles)

    def tokens(self, messages: Sequence[ChatMessage]) -> list[int]:
        """The prompt, up to where the answer begins. Equal messages at the beginning give equal tokens there."""
        contents = [message.content for message in messages]
        tokens: list[int] = []
        for part in self._plan(tuple(message.role for message in messages)):
            if isinstance(part, str):
                tokens += self._vocabulary.tokenize(part, special=True)
            else:
                tokens += self._vocabulary.tokenize(part.fill(contents), special=False)
        bos = self._vocabulary.bos
        if self._vocabulary.adds_bos and bos is not None and tokens[:1] != [bos]:
            tokens.insert(0, bos)
        return tokens

    # ── what the template does with these roles ──────────────────────────────────────────────────────────

    def _plan(self, roles: tuple[str, ...]) -> list[str | Slot]:
        key = date.today(), roles  # some templates write the date
        with self._plans.lock:
            if key in self._plans.known:
                self._plans.known.move_to_end(key)
                return self._plans.known[key]
        plan = self._first_accepted(roles)
        with self._plans.lock:
            self._plans.known[key] = plan
            if len(self._plans.known) > _KEPT_PLANS:
                self._plans.known.popitem(last=False)
        return plan

    def _first_accepted(self, roles: tuple[str, ...]) -> list[str | Slot]:
        """Some templates know no system role, or insist that user and assistant alternate: help them, gently."""
        as_they_are = [_Turn(role, (index,)) for index, role in enumerate(roles)]
        reason = "it leaves messages out"
        for turns in (as_they_are, _alternating(as_they_are), _without_system(as_they_are)):
            try:
                plan = self._render(turns)
            except Exception as error:  # a template is a program: it may fail in any way
                reason = str(error) or type(error).__name__
                continue
            if {index for part in plan if isinstance(part, Slot) for index in part.messages} == set(range(len(roles))):
                return plan
        raise TemplateUnusable(f"its chat template cannot be used: {reason}")

    def _render(self, turns: Sequence[_Turn]) -> list[str | Slot]:
        """Rendered twice, with bare and with padded markers: the difference is what the template trims."""
        texts, order = self._rendered(turns, [_marker(number) for number in range(len(turns))])
        padded, again = self._rendered(
            turns, [f"{_LEFT[None]}{_marker(number)}{_RIGHT[None]}" for number in range(len(turns))]
        )
        if again != order:
            raise TemplateUnusable("what it writes depends on the messages' white space")
        lefts, rights = _trims(texts, padded)
        plan: list[str | Slot] = [texts[0]]
        for number, text, left, right in zip(order, texts[1:], lefts, rights, strict=True):
            plan += [Slot(turns[number].messages, left, right), text]
        return [part for part in plan if part]

    def _rendered(self, turns: Sequence[_Turn], contents: Sequence[str]) -> tuple[list[str], list[int]]:
        """What the template wrote between the markers, and the order of the markers."""
        text = self._template.render(
            messages=[{"role": turn.role, "content": content} for turn, content in zip(turns, contents, strict=True)],
            add_generation_prompt=True,
            enable_thinking=False,
            raise_exception=_refuse,
            strftime_now=_strftime_now,
            **self._variables,
        )
        parts = _MARKER.split(text)
        return parts[::2], [int(number) for number in parts[1::2]]


def usable_template(
    source: str, vocabulary: Vocabulary, *, bos: str, eos: str, chatml: bool
) -> tuple[ChatTemplate, str]:
    """The model's template; else ChatML if its vocabulary has it; else plain text. And why it is not the model's own."""
    problem = "the model has no chat template"
    if source.strip():
        try:
            return ChatTemplate(source, vocabulary, bos=bos, eos=eos), ""
        except TemplateUnusable as error:
            problem = str(error)
    if chatml:
        return ChatTemplate(CHATML, vocabulary, bos=bos, eos=eos), problem
    return ChatTemplate(PLAIN, vocabulary, bos=bos, eos=eos, stops=PLAIN_STOPS), problem


def _marker(number: int) -> str:
    return f"{_OPEN}{number}{_CLOSE}"


def _trims(texts: Sequence[str], padded: Sequence[str]) -> tuple[list[str | None], list[str | None]]:
    """What is trimmed from the left and the right end of each marker's text.

    Between two markers stands what is left of the first one's padding, the template's text, and what is left of the
    second one's: try which.
    """
    lefts: list[str | None] = []
    rights: list[str | None] = []
    for index, (text, between) in enumerate(zip(texts, padded, strict=True)):
        before = _RIGHT if index else {None: ""}
        after = _LEFT if index < len(texts) - 1 else {None: ""}
        fits = [
            (one, other)
            for one, kept in before.items()
            for other, kept_too in after.items()
            if kept + text + kept_too == between
        ]
        right, left = fits[0] if fits else (None, None)
        rights += [right] if index else []
        lefts += [left] if index < len(texts) - 1 else []
    return lefts, rights


def _alternating(turns: Sequence[_Turn]) -> list[_Turn]:
    """Neighbours of one role become one message; what the assistant says first answers an empty message."""
    merged: list[_Turn] = []
    for turn in turns:
        if merged and merged[-1].role == turn.role:
            merged[-1] = _Turn(turn.role, merged[-1].messages + turn.messages)
        else:
            merged.append(turn)
    first = next((index for index, turn in enumerate(merged) if turn.role != "system"), len(merged))
    if first < len(merged) and merged[first].role == "assistant":
        merged.insert(first, _Turn("user", ()))
    return merged


def _without_system(turns: Sequence[_Turn]) -> list[_Turn]:
    """The system's text stands at the head of the next user's message."""
    return _alternating([_Turn("user" if turn.role == "system" else turn.role, turn.messages) for turn in turns])


# ── the sandbox ──────────────────────────────────────────────────────────────────────────────────────────


class _GenerationTag(Extension):
    """``{% generation %}…{% endgeneration %}`` marks text for training; for us it is just its content."""

    tags = {"generation"}  # noqa: RUF012 - jinja2 declares it so

    def parse(self, parser: Parser) -> list[nodes.Node]:
        next(parser.stream)
        return parser.parse_statements(("name:endgeneration",), drop_needle=True)


def _environment() -> ImmutableSandboxedEnvironment:
    """As the transformers library sets it up, for which these templates are written."""
    environment = ImmutableSandboxedEnvironment(
        trim_blocks=True, lstrip_blocks=True, extensions=[loopcontrols, _GenerationTag]
    )
    environment.filters["tojson"] = _to_json
    return environment


def _to_json(value: object, indent: int | None = None) -> str:
    return json.dumps(value, ensure_ascii=False, indent=indent)


def _refuse(message: str) -> NoReturn:
    raise TemplateError(message)


def _strftime_now(pattern: str) -> str:
    return datetime.now().strftime(pattern)
