"""A shop for the tests: the real channel and web application behind a real uvicorn, with a store in memory."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field

import uvicorn

from adapters.webchat import Allowance, Allowances, ChatPage, WebChannel, web_app
from core.errors import StoreUnavailable
from core.messages import Address, Button, Card, Command, Incoming, Line, Outgoing, Rung

PAGE = ChatPage(
    titles={"en": "Cloud Mountain Tea House", "zh": "云山茶馆"},
    languages=("en", "zh"),
    names={"en": "Mei", "zh": "小梅"},
    greetings={
        "en": "Hello, I am Mei. What would you like to know about our teas?",
        "zh": "您好，我是小梅。关于我们的茶，您想了解什么？",
    },
    disclosures={
        "en": "I am an automatic assistant. I answer from the shop’s own notes and may be wrong.",
        "zh": "我是自动回复的智能助手，根据店铺资料回答，可能会出错。",
    },
    contacts={
        "en": "Mon–Sat 9–18 h, +49 30 1234567, hello@teahouse.example",
        "zh": "周一至周六 9–18 点，+49 30 1234567，hello@teahouse.example",
    },
    suggestions={
        "en": ("How much is delivery to Norway?", "Which tea is good in the evening?", "Can I return an opened bag?"),
        "zh": ("寄到挪威的运费是多少？", "晚上适合喝什么茶？", "拆封的茶可以退吗？"),
    },
    message_chars=400,
)

GENEROUS = Allowances(
    session_messages=Allowance(burst=1000, every_s=0.01),
    address_messages=Allowance(burst=1000, every_s=0.01),
    address_sessions=Allowance(burst=1000, every_s=0.01),
)


@dataclass
class Store:
    """An Inbox and a Transcript in memory; ``down`` makes it unavailable."""

    down: bool = False
    incoming: list[Incoming] = field(default_factory=list)
    lines: dict[str, list[Line]] = field(default_factory=dict)
    arrived: asyncio.Event = field(default_factory=asyncio.Event)

    async def put(self, incoming: Incoming) -> bool:
        self._must_be_up()
        if any(other.update == incoming.update for other in self.incoming):
            return False
        self.incoming.append(incoming)
        if incoming.command is Command.NEW:
            self.lines[incoming.address.id] = []
        else:
            line = Line(
                id=f"in-{incoming.update}",
                role="shopper",
                text=incoming.text,
                kind=incoming.kind,
                message=incoming.message,
                at=incoming.at,
            )
            self.lines.setdefault(incoming.address.id, []).append(line)
        self.arrived.set()
        return True

    async def read(self, address: Address, limit: int = 100) -> Sequence[Line]:
        self._must_be_up()
        return self.lines.get(address.id, [])[-limit:]

    def clear(self) -> None:
        self.down = False
        self.incoming.clear()
        self.lines.clear()
        self.arrived.clear()

    async def next(self) -> Incoming:
        """The newest message, once there is one that came after the last call."""
        async with asyncio.timeout(60):
            await self.arrived.wait()
        self.arrived.clear()
        return self.incoming[-1]

    def _must_be_up(self) -> None:
        if self.down:
            raise StoreUnavailable("down for the test")


@dataclass
class Shop:
    """The bot's side of the conversation; ``url`` is the page's address."""

    channel: WebChannel
    store: Store
    url: str

    async def draft(self, address: Address, text: str, reply: str = "r1") -> None:
        await self.channel.send(Outgoing(address=address, reply=reply, text=text, final=False))

    async def answer(
        self,
        address: Address,
        text: str,
        reply: str = "r1",
        rung: Rung | None = None,
        agent: str = "",
        cards: tuple[Card, ...] = (),
        buttons: tuple[Button, ...] = (),
    ) -> None:
        """As the core does it: first the history, then the platform."""
        line = Line(
            id=reply,
            role="agent" if agent else "bot",
            text=text,
            speaker=agent,
            rung=rung,
            cards=cards,
            buttons=buttons,
        )
        self.store.lines.setdefault(address.id, []).append(line)
        await self.channel.send(Outgoing(address=address, reply=reply, text=text, cards=cards, buttons=buttons))


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@asynccontextmanager
async def serve(
    store: Store | None = None,
    page: ChatPage = PAGE,
    port: int = 0,
    bots: Sequence[str] = ("teahouse",),
    allowances: Allowances = GENEROUS,
    listening: bool = True,
    heartbeat_s: float = 15.0,
) -> AsyncIterator[Shop]:
    store = store or Store()
    channels = [WebChannel(bot, store, lambda: page, allowances) for bot in bots]
    app = web_app(channels, heartbeat_s=heartbeat_s)
    server = uvicorn.Server(uvicorn.Config(app, host="127.0.0.1", port=port, log_level="warning", lifespan="off"))
    listeners = [asyncio.create_task(channel.listen(store)) for channel in channels] if listening else []
    serving = asyncio.create_task(server.serve())
    try:
        while not server.started:
            await asyncio.sleep(0.01)
        bound = server.servers[0].sockets[0].getsockname()[1]
        yield Shop(channels[0], store, f"http://127.0.0.1:{bound}/{bots[0]}/")
    finally:
        for task in listeners:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task
        server.should_exit = True
        await serving
