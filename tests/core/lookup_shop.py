"""The mug shop with look-ups of its orders and its stock."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from adapters.lookup import HttpLookUps
from core.answer import Means
from core.botfile import Bot
from core.messages import Incoming, Line, Reply
from core.respond import line_of_reply, respond
from core.state import Outcome, State
from models.scripted import ScriptedModel
from tests.core.helpers import line, message, turn
from tests.core.lookup_config import ORDER, STOCK, bot_yaml
from tests.core.shop import Shown, open_shop
from tests.platforms.shop_server import TOKEN, ShopServer

SECRETS = {"MUGS_TOKEN": TOKEN}


def open_lookup_shop(folder: Path, url: str, lookups: str = ORDER + STOCK, **changed: str) -> Bot:
    return open_shop(folder, bot_yaml=bot_yaml(url, lookups), **changed)


@dataclass
class Talk:
    """A conversation with the shop, turn by turn, with its state and its history."""

    bot: Bot
    server: ShopServer
    means: Means
    state: State = field(default_factory=lambda: State(greeted=True))
    history: list[Line] = field(default_factory=list)
    outcome: Outcome | None = None

    async def say(self, text: str, **fields: object) -> str:
        return (await self.hear(message(text, **fields))).text  # type: ignore[arg-type]

    async def hear(self, *said: Incoming) -> Reply:
        outcome = await respond(
            turn(*said, history=tuple(self.history), state=self.state), self.bot, self.means, Shown()
        )
        # As it comes back from the store.
        self.state = State.from_json(outcome.state.to_json())
        assert outcome.reply is not None
        self.history += [line(one.text, speaker=one.sender.id) for one in said]
        self.history.append(line_of_reply(outcome.reply))
        self.outcome = outcome
        return outcome.reply

    @property
    def reply(self) -> Reply:
        assert self.outcome is not None
        assert self.outcome.reply is not None
        return self.outcome.reply


@asynccontextmanager
async def open_talk(
    folder: Path, *, lookups: str = ORDER + STOCK, checks_owner: bool = True, **changed: str
) -> AsyncIterator[Talk]:
    async with ShopServer(checks_owner=checks_owner) as server:
        api = HttpLookUps(SECRETS)
        try:
            bot = open_lookup_shop(folder, server.url, lookups, **changed)
            yield Talk(bot, server, Means(ScriptedModel(), lookups=api))
        finally:
            await api.aclose()
