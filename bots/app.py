"""The composition root: opens store, models, channels and web server in one stack, runs all in one task group."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import socket
from collections.abc import AsyncIterator, Coroutine, Iterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import structlog
import uvicorn
from starlette.applications import Starlette

from adapters.lookup import open_look_ups
from adapters.webchat import health_app, web_app
from bots.channels import PLATFORMS, Channels
from bots.ingest import bring_up_to_date, refreshing, tell_unread
from bots.intents import ready
from bots.progress import Opening
from bots.settings import Role, Settings, read_secrets
from bots.valkey import open_store
from core.answer import Means
from core.botfile import Bot
from core.errors import ChannelNotReady, ConfigError, KefuError, LeaseLost, Problem, StoreError
from core.inbox import StoredInbox
from core.knowledge.ingest import read_bot
from core.outbox import Outbox
from core.ports import Channel, Embedder, LookUps, TextModel
from core.shelf import Refresh, Shelf
from core.sole import Sole
from core.store import Store
from core.unattended import watch_answers, watch_sending
from core.understanding.classifier import Classifier
from core.worker import Worker

log = structlog.get_logger(__name__)

CONNECT_S = 10.0
RESTART_S = 5.0


@dataclass(slots=True)
class Standing:
    """How a channel stands, for the table at the start."""

    channel: Channel
    decided: asyncio.Event = field(default_factory=asyncio.Event)
    trouble: str = ""
    stands_by: bool = False

    def stand_by(self) -> None:
        self.stands_by = True
        self.decided.set()


@dataclass(frozen=True, slots=True)
class Service:
    """Everything that is open, before it runs. ``models`` by the name of the bot; a gateway has none."""

    store: Store
    shelf: Shelf
    models: Mapping[str, TextModel]
    embedded: bool
    role: Role = "both"
    embedders: Mapping[str, Embedder] = field(default_factory=dict)
    lookups: LookUps | None = None
    intents: Mapping[str, Classifier] = field(default_factory=dict)

    def means(self, bot: str) -> Means:
        return Means(
            model=self.models[bot],
            embedder=self.embedders.get(bot),
            lookups=self.lookups,
            people=self.store.people,
            intents=self.intents.get(bot),
        )

    def workers(self) -> list[Worker]:
        return [Worker(self.store, self.shelf, name, self.means(name)) for name in self.models]


def load_bots(folders: Sequence[Path], data_dir: Path) -> list[Bot]:
    """Read every folder, with what its index in ``data_dir`` has of it. Raises ConfigError with the mistakes of all."""
    bots: dict[str, Bot] = {}
    problems: list[Problem] = []
    for folder in folders:
        try:
            bot = read_bot(folder, data_dir)
        except ConfigError as error:
            problems += [Problem(str(folder / p.file), p.line, p.key, p.wrong, p.right) for p in error.problems]
            continue
        if bot.name in bots and bots[bot.name].folder != bot.folder:
            problems.append(
                Problem(str(folder), 0, "", f"a second bot is named '{bot.name}'", "Rename one of the folders")
            )
        bots[bot.name] = bot
    if problems:
        raise ConfigError(tuple(problems))
    return list(bots.values())


@asynccontextmanager
async def open_service(bots: Sequence[Bot], settings: Settings, progress: Opening) -> AsyncIterator[Service]:
    """The store, and the models of ``bots`` unless this is a gateway. Raises StoreError or ModelUnavailable, in one
    sentence each.
    """
    async with AsyncExitStack() as stack:
        store = await stack.enter_async_context(open_store(settings.redis_url, settings.data_dir))
        models: Mapping[str, TextModel] = {}
        embedders: Mapping[str, Embedder] = {}
        lookups: LookUps | None = None
        refresh: Refresh | None = None
        intents: Mapping[str, Classifier] = {}
        for bot in bots:
            tell_unread(bot)
        if settings.role != "gateway":
            from bots.engines import (
                open_embedders,
                open_models,
            )  # a gateway runs where nothing of the engine is installed

            models = await stack.enter_async_context(open_models(bots, settings.data_dir, progress, tune=settings.tune))
            embedders = await stack.enter_async_context(open_embedders(bots, settings.data_dir, progress))
            bots = [
                (await bring_up_to_date(bot, settings.data_dir, embedders.get(bot.name), progress)).bot for bot in bots
            ]
            refresh = refreshing(settings.data_dir, embedders)
            declared = [(bot.name, name, config) for bot in bots for name, config in bot.config.lookups.items()]
            lookups = await stack.enter_async_context(open_look_ups(declared, read_secrets()))
            intents = await ready(bots, embedders, settings.data_dir, progress, train=settings.train)
        yield Service(
            store=store,
            shelf=Shelf(bots, refresh) if refresh else Shelf(bots),
            models=models,
            embedded=not settings.redis_url,
            role=settings.role,
            embedders=embedders,
            lookups=lookups,
            intents=intents,
        )


# ── running ──────────────────────────────────────────────────────────────────────────────────────────────


async def serve_channel(store: Store, inbox: StoredInbox, standing: Standing, until_done: bool = False) -> None:
    """Listen and send on one channel; trouble with one platform leaves the others alone.

    With ``until_done`` it ends when the channel has nothing more to listen to (a terminal whose input ended).
    """
    channel = standing.channel
    if not channel.traits.sole:
        await _serve(store, inbox, standing, until_done)
        return
    sole = Sole(store, channel.bot, channel.platform)
    while True:
        try:
            async with sole.alone(standing.stand_by):
                standing.stands_by = False
                await _serve(store, inbox, standing, until_done)
                return
        except LeaseLost as error:
            log.warning("connection given up", bot=channel.bot, platform=channel.platform, reason=str(error))


async def _serve(store: Store, inbox: StoredInbox, standing: Standing, until_done: bool) -> None:
    channel = standing.channel
    async with asyncio.TaskGroup() as group:
        sending = group.create_task(Outbox(store, channel).run())
        watching = group.create_task(_connected(standing))
        try:
            await _listen(channel, inbox)
        except ChannelNotReady as error:
            standing.trouble = str(error)
            log.error("not connected", bot=channel.bot, platform=channel.platform, reason=str(error))
            until_done = True
        if until_done:
            sending.cancel()
            watching.cancel()
            standing.decided.set()


async def _connected(standing: Standing) -> None:
    await standing.channel.connected.wait()
    standing.decided.set()


async def _listen(channel: Channel, inbox: StoredInbox) -> None:
    while True:
        try:
            return await channel.listen(inbox)
        except ChannelNotReady:
            raise
        except Exception:
            log.exception("the channel fell over, starting it again", bot=channel.bot, platform=channel.platform)
            await asyncio.sleep(RESTART_S)


async def decided(standings: Sequence[Standing]) -> None:
    """Wait until each channel is connected or has said why not, at most CONNECT_S."""
    waiting = [asyncio.ensure_future(standing.decided.wait()) for standing in standings]
    if waiting:
        await asyncio.wait(waiting, timeout=CONNECT_S)
    for task in waiting:
        task.cancel()


def bound_socket(host: str, port: int) -> socket.socket:
    """A listening socket. Raises ChannelNotReady with what to do if the port is in use or not allowed."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    bound = socket.socket(family, socket.SOCK_STREAM)
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        bound.bind((host, port))
        bound.listen(128)
    except OSError as error:
        bound.close()
        raise ChannelNotReady(
            f"cannot listen on {host}:{port}: {error.strerror or error}; "
            "stop what uses it, or name another: --port 8081 (or KEFU_PORT=8081 in .env)"
        ) from error
    return bound


class _Server(uvicorn.Server):
    """uvicorn, except that Ctrl-C is ours: first the web, then the workers, the store last."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


async def serve_web(app: Starlette, listening: socket.socket) -> None:
    config = uvicorn.Config(app, log_config=None, lifespan="off", access_log=False, timeout_graceful_shutdown=1)
    server = _Server(config)
    running = asyncio.create_task(server.serve(sockets=[listening]))
    try:
        await asyncio.shield(running)
    except asyncio.CancelledError:
        server.should_exit = True
        with contextlib.suppress(asyncio.CancelledError):
            await running
        raise


def make_web_app(service: Service, channels: Channels) -> Starlette:
    if service.role == "worker":
        return health_app({"store": partial(_store_trouble, service.store)})
    hooks = [route for channel in channels.telegram for route in channel.routes]
    return web_app(channels.web, extra_routes=hooks, checks={"store": partial(_store_trouble, service.store)})


async def _store_trouble(store: Store) -> str:
    try:
        await store.ping()
    except StoreError as error:
        return str(error)
    return ""


def unattended(service: Service) -> Iterator[Coroutine[None, None, None]]:
    """What looks after the role that another process has."""
    for name in service.shelf.names:
        if service.role == "gateway":
            yield watch_answers(service.store, name)
        elif service.role == "worker":
            for platform in PLATFORMS:
                yield watch_sending(service.store, name, platform)


@asynccontextmanager
async def until_signalled() -> AsyncIterator[asyncio.Event]:
    """An event that Ctrl-C or SIGTERM sets; a second one ends the process at once."""
    loop = asyncio.get_running_loop()
    stop = asyncio.Event()

    def stopped() -> None:
        stop.set()
        for name in (signal.SIGINT, signal.SIGTERM):
            loop.remove_signal_handler(name)

    for name in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(name, stopped)
    try:
        yield stop
    finally:
        for name in (signal.SIGINT, signal.SIGTERM):
            loop.remove_signal_handler(name)


async def run_service(
    service: Service,
    channels: Channels,
    listening: socket.socket | None,
    stop: asyncio.Event,
    ready: Sequence[Standing],
) -> None:
    """Run everything until ``stop`` is set, with a web server if something is ``listening``. A part that dies takes the
    rest down, with its error.
    """
    inbox = StoredInbox(service.store, service.shelf)

    async def everything() -> None:
        async with asyncio.TaskGroup() as group:
            if listening is not None:
                group.create_task(serve_web(make_web_app(service, channels), listening))
            group.create_task(service.shelf.watch())
            for worker in service.workers():
                group.create_task(worker.run())
            for watching in unattended(service):
                group.create_task(watching)
            for standing in ready:
                group.create_task(serve_channel(service.store, inbox, standing))

    running = asyncio.create_task(everything())
    stopping = asyncio.create_task(stop.wait())
    await asyncio.wait({running, stopping}, return_when=asyncio.FIRST_COMPLETED)
    stopping.cancel()
    if running.done():
        running.result()
        raise KefuError("everything ended by itself")
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
