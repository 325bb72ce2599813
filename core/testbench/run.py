"""A conversation of tests.yaml, turn by turn through the real respond(), as a worker would."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from core.answer import Means
from core.botfile import Bot
from core.errors import ModelBusy, ModelError
from core.language import base, detect
from core.messages import Address, Button, Incoming, Kind, Line, Person
from core.respond import respond
from core.state import Outcome, State, Turn
from core.testbench.cases import Case, TurnConfig, command_in
from core.testbench.expectations import Answered, judge
from core.testbench.meaning import Meanings
from core.testbench.results import CaseRun, Row, TurnResult
from core.testbench.shopfacts import Said, ShopFacts, looked_up

# A model that failed is asked once more, and then the ladder goes on without it, as the worker does.
TRIES = 2
BUSY_S = 0.05


@dataclass(frozen=True, slots=True)
class Bench:
    """A bot with all that its answers are made with and judged by."""

    bot: Bot
    means: Means
    facts: ShopFacts
    meanings: Meanings | None = None


async def run_cases(
    bench: Bench, cases: Sequence[Case], repeat: int, at_once: int, done: Callable[[], None]
) -> list[Row]:
    """Every conversation ``repeat`` times, ``at_once`` of them at the same time; ``done`` is called after each run."""
    seats = asyncio.Semaphore(at_once)
    bots = [seeded(bench.bot, number) for number in range(repeat)]

    async def run(case: Case, number: int) -> CaseRun:
        async with seats:
            ran = await run_case(replace(bench, bot=bots[number]), case, number)
        done()
        return ran

    async with asyncio.TaskGroup() as group:
        running = [[group.create_task(run(case, number)) for number in range(repeat)] for case in cases]
    found = [[task.result() for task in tasks] for tasks in running]
    return [row(case, runs, bench.bot) for case, runs in zip(cases, found, strict=True)]


def seeded(bot: Bot, number: int) -> Bot:
    """The bot as it is for one repetition: each draws its words with a seed of its own, always the same one."""
    personas = {}
    for name, persona in bot.personas.items():
        sampling = persona.config.sampling
        drawn = sampling.model_copy(update={"seed": (sampling.seed or 0) + number})
        personas[name] = replace(persona, config=persona.config.model_copy(update={"sampling": drawn}))
    return replace(bot, personas=personas)


def row(case: Case, runs: Sequence[CaseRun], bot: Bot) -> Row:
    said = "\n".join(text for turn in case.turns for text in turn.say if not text.startswith("/"))
    return Row(
        name=case.name,
        about=case.about,
        tags=tuple(case.tags),
        language=base(detect(said, bot.languages, hint=case.platform_language or "")),
        unanswerable=case.unanswerable,
        passed=all(run.passed for run in runs),
        correct_or_handed_over=all(run.correct_or_handed_over for run in runs),
        wrong_facts=sum(run.wrong_facts for run in runs),
        refused=case.unanswerable and all(run.refused for run in runs),
        passes=sum(run.passed for run in runs),
        runs=tuple(runs),
    )


# ── one conversation ─────────────────────────────────────────────────────────────────────────────────────


@dataclass(slots=True)
class _Talk:
    """Where a conversation stands between its turns."""

    case: Case
    address: Address
    state: State
    history: tuple[Line, ...] = ()
    buttons: tuple[Button, ...] = ()
    messages: int = 0
    asked: tuple[str, ...] = ()

    def messages_of(self, turn: TurnConfig, texts: Sequence[str]) -> tuple[Incoming, ...]:
        last = len(texts) - 1
        return tuple(self._message(turn, text, turn.kind if at == last else Kind.TEXT) for at, text in enumerate(texts))

    def _message(self, turn: TurnConfig, text: str, kind: Kind) -> Incoming:
        self.messages += 1
        command = command_in(text)
        return Incoming(
            address=self.address,
            update=f"u{self.messages}",
            message=f"m{self.messages}",
            sender=Person(id="shopper", language=self.case.platform_language or ""),
            kind=Kind.COMMAND if command else kind,
            text="" if command else text,
            command=command[0] if command else None,
            argument=command[1] if command else "",
            quoted=turn.quoted or "",
            post=turn.post or "",
            # The page or the profile has said so; else every first reply would be longer by that.
            disclosed=True,
        )

    def went_on(self, outcome: Outcome, limit: int) -> None:
        self.state = outcome.state
        self.history = outcome.lines if outcome.erase else (*self.history, *outcome.lines)[-limit:]
        self.buttons = outcome.reply.buttons if outcome.reply else ()


async def run_case(bench: Bench, case: Case, number: int) -> CaseRun:
    """A conversation from its beginning, whatever comes of a turn."""
    chat = f"{case.name}-{number}"
    talk = _Talk(case, Address(bot=bench.bot.name, platform="eval", chat=chat), State(persona=case.persona or ""))
    turns = [await _turn(bench, talk, case.expected(at)) for at in range(len(case.turns))]
    sampling = bench.bot.persona(case.persona or "").config.sampling
    return CaseRun(seed=sampling.seed or 0, turns=tuple(turns))


async def _turn(bench: Bench, talk: _Talk, turn: TurnConfig) -> TurnResult:
    texts, wrong = _said(turn, talk.buttons)
    if wrong:
        return TurnResult(said=texts, error=wrong)
    before, started = talk.state, time.monotonic()
    talk.asked = (*talk.asked, "\n".join(texts))
    messages = talk.messages_of(turn, texts)
    asked = Turn(
        conversation=talk.address.id,
        fence=1,
        attempts=0,
        state=before,
        history=talk.history,
        messages=messages,
    )
    try:
        outcome = await _answer(asked, bench)
    except ModelError as error:
        return TurnResult(said=texts, error=f"{type(error).__name__}: {error}")
    seconds = round(time.monotonic() - started, 4)
    talk.went_on(outcome, bench.bot.config.limits.history_lines)
    found = Answered.of(outcome, before, bench.bot, bench.facts)
    if found is None:
        return TurnResult(said=texts, error="nothing was answered", seconds=seconds)
    reply = found.reply
    return TurnResult(
        said=texts,
        text=reply.text,
        rung=reply.rung,
        language=reply.language,
        cards=reply.cards,
        buttons=reply.buttons,
        marks=await judge(turn, found, bench.bot, bench.meanings),
        wrong=bench.facts.wrong(
            reply, talk.case.facts, Said(talk.asked, found.passages, looked_up(outcome.state, bench.bot))
        ),
        handed_over=found.handed_over,
        seconds=seconds,
        trace=outcome.trace,
    )


def _said(turn: TurnConfig, buttons: Sequence[Button]) -> tuple[tuple[str, ...], str]:
    """What the shopper says, and why that is not possible."""
    if turn.press is None:
        return tuple(turn.say) or ("",), ""
    pressed = next((one for one in buttons if one.label.casefold() == turn.press.casefold()), None)
    if pressed is None:
        labels = ", ".join(repr(one.label) for one in buttons) or "none"
        return (turn.press,), f"there is no button {turn.press!r}; the answer before has: {labels}"
    return (pressed.text or pressed.label,), "" if pressed.text else f"the button {turn.press!r} opens {pressed.url}"


async def _answer(turn: Turn, bench: Bench) -> Outcome:
    for tried in range(TRIES):
        while True:
            try:
                return await respond(turn, bench.bot, bench.means, _unseen, last_try=tried == TRIES - 1)
            except ModelBusy:
                await asyncio.sleep(BUSY_S)
            except ModelError:
                if tried == TRIES - 1:
                    raise
                break
    raise AssertionError("unreachable")


async def _unseen(text: str) -> None:
    """Nobody watches the answer grow."""
