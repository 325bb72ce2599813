"""Telegram as a Channel: one bot account, by long polling or by webhook."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import structlog
from starlette.routing import BaseRoute
from telegram import Bot, User
from telegram.error import BadRequest

from adapters.telegram.cards import MAX_BUTTONS
from adapters.telegram.commands import DESCRIPTIONS, menu
from adapters.telegram.events import ALLOWED_UPDATES, PLATFORM, Events
from adapters.telegram.intake import Backoff, Intake, Poller, Timing, patiently
from adapters.telegram.moves import Moves, MoveStore
from adapters.telegram.pacing import EDIT_INTERVAL_S, Pacing, Rates
from adapters.telegram.rendering import MAX_UNITS
from adapters.telegram.sender import Sender
from adapters.telegram.splitting import split
from adapters.telegram.threads import Places
from adapters.telegram.webhook import Webhook, WebhookRoute
from adapters.telegram.wire import connect
from core.errors import ChannelNotReady, StoreUnavailable
from core.messages import Address, Outgoing
from core.ports import Inbox, Traits, Transcript

_log = structlog.get_logger(__name__)


class TelegramChannel:
    """A bot on Telegram. ``token`` is the secret itself; without ``webhook`` it polls.

    The constructor raises ChannelNotReady if the token or the webhook's secret cannot be one; it connects to nothing.
    With a webhook, mount ``routes`` at the server that ``webhook.url`` leads to. ``close`` it in the end.
    ``moves`` keeps which groups became supergroups; ``rates``: how often the bot may write; ``transcript`` knows what
    a button asks whose text is too long for Telegram to give back.
    """

    def __init__(
        self,
        *,
        bot: str,
        token: str,
        api_url: str = "https://api.telegram.org",
        webhook: Webhook | None = None,
        stream: bool = True,
        timing: Timing | None = None,
        moves: MoveStore | None = None,
        rates: Rates | None = None,
        transcript: Transcript | None = None,
    ) -> None:
        self.bot = bot
        self.platform = PLATFORM
        # The Bot API has no id of ours for a message, and no way to read what stands in a chat: a repetition is shown.
        self.traits = Traits(
            max_chars=MAX_UNITS,
            streams=stream,
            edit_interval_s=EDIT_INTERVAL_S,
            typing=True,
            sole=webhook is None,  # a second one that polls ends the first one's poll (409)
            repeat_window_s=0.0,
            cards=1,  # an album has one caption for all, and no buttons
            buttons=MAX_BUTTONS,
        )
        self.connected = asyncio.Event()
        self._timing = timing or Timing()
        self._wire = connect(token, api_url)
        self._telegram: Bot = self._wire.bot
        self._moves = Moves(moves)
        self._transcript = transcript
        self._sender = Sender(self._telegram, Pacing(rates), self._moves)
        self._hook = WebhookRoute(bot, webhook) if webhook else None
        self._secret = webhook.secret if webhook else ""

    @property
    def routes(self) -> Sequence[BaseRoute]:
        """``POST /telegram/<bot>`` with a webhook, else nothing."""
        return [self._hook.route] if self._hook else []

    async def listen(self, inbox: Inbox) -> None:
        try:
            await self._listen(inbox)
        except BadRequest as error:
            raise ChannelNotReady(f"Telegram refuses the bot: {error.message}") from None
        finally:
            self.connected.clear()

    async def _listen(self, inbox: Inbox) -> None:
        me = await self._introduce()
        await self._load_moves()
        events = Events(self.bot, me, Places(self._telegram), self._moves, self._transcript)
        intake = Intake(self.bot, events, inbox)
        self.connected.set()
        _log.info("telegram.listening", bot=self.bot, username=me.username, by="webhook" if self._hook else "polling")
        try:
            await self._take_updates(intake)
        finally:
            await intake.close()

    async def _take_updates(self, intake: Intake) -> None:
        if self._hook:
            await self._serve(self._hook, intake)
        else:
            await patiently(self._telegram.delete_webhook, Backoff(self._timing), "delete the webhook")
            await Poller(self._telegram, intake, self._timing).run()

    def split(self, text: str) -> list[str]:
        return split(text)

    async def send(self, message: Outgoing) -> str:
        return await self._sender.send(message)

    async def edit(self, sent: str, message: Outgoing) -> None:
        await self._sender.edit(sent, message)

    async def typing(self, address: Address) -> None:
        await self._sender.typing(address)

    async def close(self) -> None:
        """Closes the connections; what is sent afterwards fails."""
        await self._wire.close()

    async def _introduce(self) -> User:
        """Who we are, and the menu of commands."""
        backoff = Backoff(self._timing)
        me: User = await patiently(self._telegram.get_me, backoff, "ask who we are")
        for language in DESCRIPTIONS:
            await self._set_menu(language, backoff)
        return me

    async def _load_moves(self) -> None:
        """Before the first update: a moved group's messages belong to the conversation that it had."""
        backoff = Backoff(self._timing)
        while True:
            try:
                return await self._moves.load()
            except StoreUnavailable as error:
                _log.warning("telegram.moves_not_read", bot=self.bot, reason=str(error))
                await backoff.wait()

    async def _set_menu(self, language: str, backoff: Backoff) -> None:
        try:
            await patiently(
                lambda: self._telegram.set_my_commands(menu(language), language_code=language or None),
                backoff,
                "set the commands",
            )
        except BadRequest as error:  # the commands work without their menu
            _log.warning("telegram.menu_refused", language=language, said=error.message)

    async def _serve(self, hook: WebhookRoute, intake: Intake) -> None:
        hook.open(self._telegram, intake)
        try:
            await patiently(
                lambda: self._telegram.set_webhook(
                    hook.url, secret_token=self._secret, allowed_updates=ALLOWED_UPDATES
                ),
                Backoff(self._timing),
                "set the webhook",
            )
            await asyncio.Event().wait()
        except BadRequest as error:
            raise ChannelNotReady(
                f"Telegram refuses the webhook {hook.url}: {error.message}. It must be a public https address "
                "(platforms.telegram.webhook_url in bot.yaml)"
            ) from None
        finally:
            hook.close()
