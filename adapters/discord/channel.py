"""``DiscordChannel``: the port ``core.ports.Channel`` for one Discord bot."""

from __future__ import annotations

import asyncio
import logging

import aiohttp
import discord

from adapters.discord.cards import MAX_BUTTONS, MAX_EMBEDS
from adapters.discord.catchup import CatchUp, Seen, load
from adapters.discord.client import Client, Memory, Server
from adapters.discord.errors import INTENT_HELP, PORTAL, RAISED, TOKEN_HELP, translate
from adapters.discord.intake import Intake, Withdrawals
from adapters.discord.pacing import Pacing, Rates
from adapters.discord.read import PLATFORM
from adapters.discord.sender import NONCE_WINDOW_S, Sender
from adapters.discord.split import LIMIT, split
from adapters.discord.threads import Policy, Threads
from core.errors import ChannelNotReady, ChatClosed, SendRejected
from core.messages import Address, Outgoing
from core.ports import Inbox, Traits, Transcript

_log = logging.getLogger(__name__)

FIRST_WAIT_S = 1.0
LONGEST_WAIT_S = 60.0


class DiscordChannel:
    """One Discord bot.

    ``threads``: whether an answer in a server's channel opens a thread: never, when somebody else wrote there
    in the last minute, or always. ``timeout_s``: how long one request to Discord may take. ``seen``: what was
    stored before this process, so that what was said meanwhile is read. ``withdrawals`` is told of deleted messages.
    ``rates``: how often the bot may write. ``transcript`` knows what a button asks whose text is too long for Discord to
    give back.
    """

    platform = PLATFORM

    def __init__(
        self,
        *,
        bot: str,
        token: str,
        api_url: str = "https://discord.com/api/v10",
        threads: Policy = "busy",
        stream: bool = True,
        timeout_s: float = 30.0,
        seen: Seen | None = None,
        withdrawals: Withdrawals | None = None,
        rates: Rates | None = None,
        transcript: Transcript | None = None,
    ) -> None:
        self.bot = bot
        self.traits = Traits(
            max_chars=LIMIT,
            streams=stream,
            edit_interval_s=1.2,
            typing=True,
            sole=True,  # Discord would send every event to each
            repeat_window_s=NONCE_WINDOW_S,
            cards=MAX_EMBEDS,
            buttons=MAX_BUTTONS,
        )
        self.connected = asyncio.Event()
        self._token = token.strip()
        pacing = Pacing(rates)
        self._server = Server(api_url, timeout_s, pacing)
        self._seen = seen
        self._withdrawals = withdrawals
        self._transcript = transcript
        self._memory = Memory(Threads(threads), CatchUp())
        self._sender = Sender(self._token, api_url, timeout_s, pacing)

    # ── receiving ────────────────────────────────────────────────────────────────────────────────────────

    async def listen(self, inbox: Inbox) -> None:
        self._check_token()
        intake = Intake(inbox, self._withdrawals)
        await self._sender.keep(True)
        try:
            await self._recall()
            await self._stay_connected(intake)
        finally:
            await intake.close()
            await self._sender.keep(False)

    async def _recall(self) -> None:
        if self._seen is not None:
            for channel, message in (await load(self._seen)).items():
                self._memory.saw(channel, message)

    async def _stay_connected(self, intake: Intake) -> None:
        wait = FIRST_WAIT_S
        while True:
            began = asyncio.get_running_loop().time()
            trouble = await self._connect(intake)
            if asyncio.get_running_loop().time() - began > LONGEST_WAIT_S:
                wait = FIRST_WAIT_S  # it was connected for a while
            _log.warning("discord: %s is not connected (%s); next try in %.0f s", self.bot, trouble, wait)
            await asyncio.sleep(wait)
            wait = min(wait * 2, LONGEST_WAIT_S)

    async def _connect(self, intake: Intake) -> str:
        """Listen until the connection is lost for good; says why. Raises ChannelNotReady.

        Once connected, discord.py reconnects and resumes by itself; it does not survive a failing start.
        """
        client = Client(self.bot, self._server, intake, self._memory, self.connected, self._transcript)
        try:
            async with client:
                await client.start(self._token)
        except discord.PrivilegedIntentsRequired:
            raise ChannelNotReady(INTENT_HELP) from None
        except discord.ConnectionClosed as error:
            raise ChannelNotReady(_closed_for_good(error.code)) from None
        except AttributeError as error:
            # discord.py reads the state of a connection that never was when the first one fails:
            # https://github.com/Rapptz/discord.py/issues/10520
            if client.ws is not None or error.name != "sequence":
                raise
            return "the gateway cannot be reached"
        except RAISED as error:
            return self._trouble(error)
        return "the connection was closed"

    def _trouble(self, error: Exception) -> str:
        """Why there is no connection, if waiting may help; else ChannelNotReady."""
        translated = translate(error)
        if isinstance(translated, ChannelNotReady):
            raise translated from None
        if isinstance(translated, SendRejected | ChatClosed):
            # Neither a refused token nor trouble on Discord's side: this is no Discord API.
            raise ChannelNotReady(f"{self._server.api_url} is not Discord's API: {translated}") from None
        if isinstance(error, aiohttp.ClientConnectorCertificateError):
            raise ChannelNotReady(f"{self._server.api_url}: {error}") from None
        return str(translated)

    def _check_token(self) -> None:
        if not self._token:
            raise ChannelNotReady(
                f"Discord has no token: create an application at {PORTAL}, then Bot → Reset Token, "
                "and put the token into .env"
            )
        if not self._token.isascii() or any(
            not character.isprintable() or character == " " for character in self._token
        ):
            raise ChannelNotReady(TOKEN_HELP)

    # ── sending ──────────────────────────────────────────────────────────────────────────────────────────

    def split(self, text: str) -> list[str]:
        return split(text)

    async def send(self, message: Outgoing) -> str:
        """A try whose answer was lost is made once more: the nonce keeps Discord from showing it twice.

        The nonce holds for a few minutes, in every process: sending the same part again returns the same id.
        """
        return await self._sender.send(message)

    async def edit(self, sent: str, message: Outgoing) -> None:
        """Raises SendRejected if ``sent`` was deleted."""
        await self._sender.edit(sent, message)

    async def typing(self, address: Address) -> None:
        await self._sender.typing(address)

    async def direct(self, person: str) -> Address:
        """Where to write to a person (a ``Person.id``) directly; Discord makes the channel if there is none."""
        return Address(bot=self.bot, platform=PLATFORM, chat=await self._sender.open_direct(person))


def _closed_for_good(code: int) -> str:
    if code == 4004:
        return TOKEN_HELP
    if code == 4011:
        return "Discord wants this bot to be sharded: it is in more than 2500 servers, which is not supported"
    return f"Discord closed the connection for good (code {code}). See {PORTAL}"
