"""What `run` and `chat` do, once the command line is read. Imported late: --help need not wait for llama.cpp."""

from __future__ import annotations

import asyncio
import getpass
import socket
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

from rich.console import Console

from adapters.terminal import shown
from bots import chat as terminal
from bots.app import (
    Service,
    Standing,
    bound_socket,
    decided,
    load_bots,
    open_service,
    run_service,
    until_signalled,
)
from bots.channels import NO_CHANNELS, Channels, make_channels
from bots.memory import settle
from bots.progress import opening
from bots.settings import Settings, read_secrets
from bots.table import show_table
from core.botfile import Bot
from core.errors import ChannelNotReady


async def run(folders: Sequence[Path], settings: Settings, console: Console, *, web: bool = True) -> None:
    """``web``: listen on the port of the settings; a worker needs it only to be asked how it is."""
    bots = load_bots(folders, settings.data_dir)
    listening = bound_socket(settings.host, settings.port) if web else None
    async with until_signalled() as stop, _opened(bots, settings, console) as service:
        channels = open_channels(service)
        closing = AsyncExitStack()
        for channel in channels.telegram:
            closing.push_async_callback(channel.close)
        standings = [Standing(channel) for channel in channels.all]
        settle()
        async with closing:
            running = asyncio.create_task(run_service(service, channels, listening, stop, standings))
            announcing = asyncio.create_task(decided(standings))
            await asyncio.wait({running, announcing}, return_when=asyncio.FIRST_COMPLETED)
            if not running.done():
                address = _address(settings.host, listening) if listening else ""
                show_table(console, service, await service.store.server(), address, standings, channels.absent)
            await running
    console.print("Stopped.", style="dim")


def open_channels(service: Service) -> Channels:
    """Raises ChannelNotReady: a gateway that has nothing to connect."""
    if service.role == "worker":
        return NO_CHANNELS
    channels = make_channels(service.shelf, service.store, read_secrets())
    if service.role == "gateway" and not channels.all:
        why = "\n".join(f"  {absent.bot} on {absent.platform}: {absent.why}" for absent in channels.absent)
        raise ChannelNotReady(f"this gateway has nothing to connect:\n{why}")
    return channels


def _address(host: str, listening: socket.socket) -> str:
    shown = host if host not in ("0.0.0.0", "::") else "127.0.0.1"
    return f"http://{shown}:{listening.getsockname()[1]}"


async def chat(
    folder: Path, settings: Settings, questions: Sequence[str], as_json: bool, session: str, out: Console, err: Console
) -> None:
    bots = load_bots([folder], settings.data_dir)
    alone = settings.model_copy(update={"role": "both"})  # whatever this machine is, here we ask and answer
    async with _opened(bots, alone, err) as service:
        name = bots[0].name
        if not questions:
            await terminal.chat(service, name, session or getpass.getuser(), out)
            return

        def answered(answer: terminal.AnswerJson) -> None:
            if as_json:
                print(answer.model_dump_json(), flush=True)
            else:
                out.print(f"[bold]› {answer.question}[/]", highlight=False)
                out.print(shown(answer.text, answer.cards, answer.buttons))
                out.print()

        await terminal.ask(service, name, session, questions, answered)


@asynccontextmanager
async def _opened(bots: Sequence[Bot], settings: Settings, console: Console) -> AsyncIterator[Service]:
    """Everything open; while that takes long, the console shows what is being done."""
    async with AsyncExitStack() as stack:
        with opening(console) as progress:
            service = await stack.enter_async_context(open_service(bots, settings, progress))
        yield service
