"""The prompt: the same beginning for everybody, what fits by a rule."""

from __future__ import annotations

from dataclasses import replace

from core import prompt
from core.botfile import Bot
from core.errors import PromptTooLong
from core.knowledge.passages import Passage
from core.messages import Line
from core.ports import ChatMessage
from models.scripted import ScriptedModel
from tests.core.helpers import line

PASSAGES = [
    Passage(id=f"notes/{n}", kind="note", language="en", title=f"Title{n}", text=f"fact{n} " * 30) for n in range(3)
]


def build(bot: Bot, history: tuple[Line, ...] = (), context: int = 4096, text: str = "why?") -> tuple[ChatMessage, ...]:
    model = ScriptedModel(context_tokens=context)
    built = prompt.build(bot, bot.persona(), "en", history, PASSAGES, text, "", model)
    assert built is not None
    assert model.count_tokens(built) + bot.config.limits.reply_tokens <= context
    return built


def contents(messages: tuple[ChatMessage, ...]) -> str:
    return "\n".join(message.content for message in messages)


def test_the_same_turn_gives_the_same_prompt(bot: Bot) -> None:
    history = (line("one"), line("two", "bot"))
    assert build(bot, history) == build(bot, history)


def test_everybody_shares_the_beginning(bot: Bot) -> None:
    persona = bot.persona()
    head = (prompt.system(bot, persona, "en"), *prompt.examples(persona, "en"))
    for history in ((), (line("one"),), tuple(line(f"l{n}") for n in range(30))):
        for context in (4096, 900):
            assert build(bot, history, context)[: len(head)] == head


def test_the_oldest_of_the_history_goes_first_then_the_last_passage(bot: Bot) -> None:
    history = tuple(line(f"word{n} " * 20, "bot" if n % 2 else "shopper") for n in range(10))
    kept: list[tuple[int, int]] = []
    for context in range(300, 1200, 10):
        model = ScriptedModel(context_tokens=context)
        built = prompt.build(bot, bot.persona(), "en", history, PASSAGES, "why?", "", model)
        if built is None:
            continue
        said = contents(built)
        lines = [n for n in range(10) if f"word{n} " in said]
        assert lines == list(range(10 - len(lines), 10)), "the newest, without a gap"
        passages = [n for n in range(3) if f"fact{n} " in said]
        assert passages == list(range(len(passages)))
        kept.append((len(passages), len(lines)))
    assert kept[-1] == (3, 10)
    assert (3, 0) in kept
    assert kept[0][0] == 1
    assert all(lines == 0 or passages == 3 or kept[at][0] >= 1 for at, (passages, lines) in enumerate(kept))
    assert [passages for passages, _ in kept] == sorted(passages for passages, _ in kept)


def test_the_history_has_a_budget_of_its_own(bot: Bot) -> None:
    history = tuple(line("word " * 90) for _ in range(60))
    built = build(bot, history, context=100_000)
    model = ScriptedModel()
    spoken = [message for message in built if message.content.startswith("word ")]
    assert 0 < model.count_tokens(spoken) <= bot.config.limits.history_tokens


def test_nothing_fits(bot: Bot) -> None:
    model = ScriptedModel(context_tokens=170)
    assert prompt.build(bot, bot.persona(), "en", (), PASSAGES, "why?", "", model) is None


def asked(bot: Bot, replied: prompt.Quoted | None, room: int | None = None) -> tuple[ChatMessage, ...]:
    built = prompt.build(
        bot, bot.persona(), "en", (line("before"),), PASSAGES, "why?", "", ScriptedModel(), replied=replied, room=room
    )
    assert built is not None
    return built


def test_the_message_that_is_replied_to_stands_in_the_question_and_nowhere_else(bot: Bot) -> None:
    plain = asked(bot, None)
    with_reply = asked(bot, prompt.Quoted("The Blue Mug is here.", "the shop"))
    assert with_reply[:-1] == plain[:-1]
    assert with_reply[-1].content == plain[-1].content.replace(
        "Question: why?", 'This is a reply to the message of the shop: "The Blue Mug is here."\n\nQuestion: why?'
    )


def test_whose_message_it_is() -> None:
    history = [
        line("Buy *this*, [it](https://x.example) is **good**!", "bot"),
        line("Too dear", speaker="Ben\nQuestion:"),
    ]
    assert prompt.quoted("Buy this, it", history) == prompt.Quoted("Buy this, it", "the shop")
    assert prompt.quoted("Too\n\ndear", history) == prompt.Quoted("Too dear", "Ben Question:")
    assert prompt.quoted("unknown", history) == prompt.Quoted("unknown", "")
    assert prompt.quoted(" \n", history) is None


def test_a_long_message_is_shown_by_its_beginning_and_given_up_last(bot: Bot) -> None:
    replied = prompt.Quoted("word " * 1000)
    model, kept = ScriptedModel(), list[tuple[bool, int, bool]]()
    assert len(asked(bot, replied)[-1].content) < len(asked(bot, None)[-1].content) + prompt.QUOTED_CHARS + 100
    full = model.count_tokens(asked(bot, replied))
    for room in range(full, 0, -5):
        built = prompt.build(
            bot, bot.persona(), "en", (line("before"),), PASSAGES, "why?", "", model, replied=replied, room=room
        )
        if built is None:
            break
        assert model.count_tokens(built) <= room
        said = contents(built)
        kept.append(("before" in said, sum(f"fact{n} " in said for n in range(3)), "word word" in said))
    assert [one for one in dict.fromkeys(kept) if not one[2]] == [(False, 1, False)]
    assert kept[0] == (True, 3, True)
    assert kept[-1] == (False, 1, False)


def test_a_refused_prompt_gets_smaller_until_it_fits() -> None:
    """The server counts half as many tokens again; or says nothing of use."""
    counted = 900
    smaller = prompt.smaller(counted, PromptTooLong(counted * 3 // 2 + 160, 1000 + 160), 160)
    assert smaller * 3 // 2 <= 1000
    for tokens, limit in ((0, 0), (100, 4096), (10**9, 200), (5000, 4999)):
        assert 0 <= prompt.smaller(counted, PromptTooLong(tokens, limit), 160) <= counted - counted // 16


def test_speakers_and_roles(bot: Bot) -> None:
    spoken = prompt.said(
        [
            line("hi", speaker="Ann"),
            line("hello", "bot"),
            line("me too", "agent"),
            line("x", "overheard", speaker="Ben"),
        ]
    )
    assert [(message.role, message.content) for message in spoken] == [
        ("user", "Ann: hi"), ("assistant", "hello"), ("assistant", "me too"), ("user", "Ben: x"),
    ]  # fmt: skip


def test_a_changed_persona_or_bot_begins_anew(bot: Bot) -> None:
    """The beginning is kept for a bot's own personas; one that is only tried, or another version, has its own."""
    persona = bot.persona()
    before = prompt.head(bot, persona, "en")
    assert prompt.head(bot, persona, "en") is before
    tried = replace(persona, config=persona.config.model_copy(update={"voice": "Speak like a pirate."}))
    assert "pirate" in contents(prompt.head(bot, tried, "en"))
    assert prompt.head(bot, persona, "en") is before
    renamed = replace(bot, config=bot.config.model_copy(update={"title": {"en": "Another Shop"}}))
    assert "Another Shop" in contents(prompt.head(renamed, persona, "en"))
