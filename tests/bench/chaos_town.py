"""Two platforms and a model for the chaos benchmark, in this process: they survive, so that they can judge."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

from tests.bench.chaos_judge import Seen, Written, answered_words
from tests.bench.chaos_places import Place, discord_sends, settle, telegram_sends
from tests.bench.chaos_plan import FAULTS, Moment, Move, Trouble
from tests.bench.chaos_words import answer, asked, word, write_shop
from tests.platforms import discord_faults, telegram_faults
from tests.platforms.discord_rest import Call as DiscordCall
from tests.platforms.discord_server import EDIT, HISTORY, SEND, DiscordServer
from tests.platforms.openai_server import Manners, OpenAIServer
from tests.platforms.telegram_limits import Flood
from tests.platforms.telegram_server import TelegramServer
from tests.platforms.telegram_values import Call as TelegramCall

# Of the model: an answer to one message takes a third of a second, to ten messages about one.
_PACE_S = 0.05
# Discord's own limits.
_DISCORD_WRITES = (5, 5.0)
_DISCORD_ALL = (50, 1.0)
_LONGEST_429_S = 3.0
_SHOWS = ("sendMessage", "editMessageText")


@dataclass(slots=True)
class Town:
    telegram: TelegramServer
    discord: DiscordServer
    model: OpenAIServer
    places: Sequence[Place]
    written: dict[int, list[Written]] = field(default_factory=dict)
    """By the number of the conversation, in the order of writing."""
    _of: dict[int, str] = field(default_factory=dict)
    _awaited: dict[Moment, tuple[Callable[[], bool], asyncio.Future[None]]] = field(default_factory=dict)

    @property
    def secrets(self) -> Mapping[str, str]:
        return {"TELEGRAM_BOT_TOKEN": self.telegram.token, "DISCORD_BOT_TOKEN": self.discord.token}

    def shop(self, folder: Path) -> Path:
        return write_shop(folder, model=self.model.url, telegram=self.telegram.url, discord=self.discord.api_url)

    def connected(self) -> bool:
        """Whether both platforms have the gateway."""
        return bool(self.telegram.calls_of("getUpdates")) and self.discord.gateway.connected() > 0

    # ── what shoppers do ─────────────────────────────────────────────────────────────────────────────────

    async def make(self, move: Move) -> None:
        place, said = self.places[move.conversation], word(move.number)
        if move.act == "says":
            self._of[move.message] = said
            self._write(move.conversation, Written(place.conversation, said, time.monotonic()))
            await place.says(move.message, asked(said))
            if place.exactly_once:  # Discord has told the gateway; from Telegram it is still to be fetched
                self._it_is("discord handed over")
        elif move.act == "deletes":
            if await place.deletes(move.message):
                self._excuse(move, placed=True)
        elif await place.edits(move.message, asked(said)):
            self._excuse(move, placed=False)
            # Discord tells of a change once, and to nobody if nobody listens: the history has but the newest text.
            must = not place.exactly_once
            self._write(move.conversation, Written(place.conversation, said, time.monotonic(), must, placed=False))

    def _write(self, conversation: int, written: Written) -> None:
        self.written.setdefault(conversation, []).append(written)

    def _excuse(self, move: Move, placed: bool) -> None:
        """What was changed or deleted may be answered, or not."""
        lines = self.written[move.conversation]
        at = next(index for index, line in enumerate(lines) if line.word == self._of[move.message])
        lines[at] = replace(lines[at], must=False, placed=placed)

    # ── what shoppers see ────────────────────────────────────────────────────────────────────────────────

    def open(self) -> set[str]:
        """The words that wait for an answer."""
        wanted = {line.word for lines in self.written.values() for line in lines if line.must}
        return wanted - set().union(*(answered_words(place.texts()) for place in self.places))

    def seen(self) -> dict[str, Seen]:
        sends = [*telegram_sends(self.telegram), *discord_sends(self.discord)]
        return {
            place.conversation: Seen(
                written=tuple(self.written.get(number, ())),
                texts=tuple(place.texts()),
                sends=tuple(send for send in sends if send.place == place.conversation),
                record=(),
                exactly_once=place.exactly_once,
            )
            for number, place in enumerate(self.places)
        }

    # ── the worst moments ────────────────────────────────────────────────────────────────────────────────

    async def at_moment(self, moment: Moment, strike: Callable[[], bool]) -> None:
        """Wait for the next such moment, and ``strike`` just then; returns when it could."""
        if moment == "any":
            if strike():
                return
            await asyncio.Event().wait()
        struck = asyncio.get_running_loop().create_future()
        self._awaited[moment] = (strike, struck)
        try:
            await struck
        finally:
            del self._awaited[moment]

    def watch(self) -> None:
        def telegram(call: TelegramCall) -> None:
            if call.method in _SHOWS:
                self._it_is("telegram acted")
            elif call.method == "getUpdates":
                self._it_is("telegram handed over")

        def discord(call: DiscordCall) -> None:
            if call.route in (SEND, EDIT):
                self._it_is("discord acted")

        self.telegram.when_acted = telegram
        self.discord.when_acted(discord)
        self.model.when_asked = lambda chat: self._it_is("asked")

    def _it_is(self, moment: Moment) -> None:
        if moment in self._awaited:
            strike, struck = self._awaited[moment]
            if not struck.done() and strike():
                struck.set_result(None)

    # ── what goes wrong ──────────────────────────────────────────────────────────────────────────────────

    async def trouble(self, trouble: Trouble) -> None:
        await self._troubles(trouble.size)[trouble.fault]()

    def heal(self) -> None:
        self.telegram.heal()
        self.discord.heal()

    def _troubles(self, size: float) -> Mapping[str, Callable[[], Awaitable[None]]]:
        """How each fault of the plan is done; while nobody is there to meet them, they do not pile up."""
        telegram, discord, gateway = self.telegram, self.discord, self.discord.gateway
        seconds, times = 1 + round(size * (_LONGEST_429_S - 1)), 1 + round(2 * size)
        code, fails = (500, 502, 503)[round(size * 2)], telegram_faults.server_error

        def on_telegram(method: str, fault: telegram_faults.Fault, often: int = 1) -> Callable[[], Awaitable[None]]:
            return _now(lambda: None if telegram.failing(method) else telegram.fail(method, fault, often))

        def on_discord(route: str, fault: discord_faults.Fault, often: int = 1) -> Callable[[], Awaitable[None]]:
            return _now(lambda: None if discord.failing(route) else discord.fail(route, fault, often))

        async def refuse_resume() -> None:
            gateway.refuse_resume = True
            gateway.abort()

        async def away() -> None:
            gateway.refuse_connections = times
            gateway.abort()

        made: Mapping[str, Callable[[], Awaitable[None]]] = {
            "telegram: 429 on send": on_telegram("sendMessage", telegram_faults.rate_limit(seconds)),
            "telegram: 429 on edit": on_telegram("editMessageText", telegram_faults.rate_limit(seconds)),
            "telegram: 5xx on send": on_telegram("sendMessage", fails(code), times),
            "telegram: 5xx on edit": on_telegram("editMessageText", fails(code), times),
            "telegram: cut before send": on_telegram("sendMessage", telegram_faults.DROP_BEFORE),
            "telegram: answer to send lost": on_telegram("sendMessage", telegram_faults.DROP_AFTER),
            "telegram: cut before edit": on_telegram("editMessageText", telegram_faults.DROP_BEFORE),
            "telegram: answer to edit lost": on_telegram("editMessageText", telegram_faults.DROP_AFTER),
            "telegram: 5xx on poll": on_telegram("getUpdates", fails(code), times),
            "telegram: answer to poll lost": on_telegram("getUpdates", telegram_faults.DROP_AFTER),
            "telegram: updates repeated": _now(lambda: telegram.duplicate_updates(times)),
            "telegram: updates out of order": _now(lambda: telegram.reorder_updates(times)),
            "discord: 429 on send": on_discord(SEND, discord_faults.too_many(seconds)),
            "discord: 429 on edit": on_discord(EDIT, discord_faults.too_many(seconds)),
            "discord: 429 for all": on_discord(SEND, discord_faults.too_many(seconds, everywhere=True)),
            "discord: 5xx on send": on_discord(SEND, discord_faults.broken(code), times),
            "discord: 5xx on edit": on_discord(EDIT, discord_faults.broken(code), times),
            "discord: sent but 5xx": on_discord(SEND, discord_faults.broken(code, "first")),
            "discord: cut before send": on_discord(SEND, discord_faults.dropped("never")),
            "discord: answer to send lost": on_discord(SEND, discord_faults.dropped(), times),
            "discord: answer to edit lost": on_discord(EDIT, discord_faults.dropped(), times),
            "discord: 5xx on history": on_discord(HISTORY, discord_faults.broken(code), times),
            "discord: event repeated": _now(lambda: discord.duplicate_next(times)),
            "discord: connection cut": _now(gateway.abort),
            "discord: asked to reconnect": gateway.ask_to_reconnect,
            "discord: session lost": gateway.invalidate,
            "discord: session doubted": lambda: gateway.invalidate(resumable=True),
            "discord: closed": lambda: gateway.close(4000),
            "discord: resume refused": refuse_resume,
            "discord: gateway away": away,
        }
        assert made.keys() == set(FAULTS)
        return made


def _now(do: Callable[[], None]) -> Callable[[], Awaitable[None]]:
    async def done() -> None:
        do()

    return done


@asynccontextmanager
async def town(conversations: int) -> AsyncIterator[Town]:
    telegram = TelegramServer(flood=Flood())
    model = OpenAIServer("openai", answer=answer, context=8192, manners=Manners(pace_s=_PACE_S))
    async with telegram, DiscordServer() as discord, model:
        discord.limit_sending(*_DISCORD_WRITES)
        discord.limit_all(*_DISCORD_ALL)
        made = Town(telegram, discord, model, settle(telegram, discord, conversations))
        made.watch()
        yield made


async def until(true: Callable[[], bool], seconds: float) -> None:
    async with asyncio.timeout(seconds):
        while not true():
            await asyncio.sleep(0.05)
