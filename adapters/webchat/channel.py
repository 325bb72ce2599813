"""One bot on the web, as the core sees it."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable

from adapters.webchat import events
from adapters.webchat.chatpage import ChatPage
from adapters.webchat.events import Event, ShownLine
from adapters.webchat.others import Notice, Others
from adapters.webchat.ratelimit import Allowances
from adapters.webchat.refusals import Code, Refused
from adapters.webchat.tabs import Desk, Tab, Tabs
from core.errors import ChannelNotReady, StoreUnavailable
from core.messages import Address, Command, Incoming, Outgoing
from core.ports import Inbox, Relay, Traits, Transcript

MAX_CHARS = 100_000
MAX_BESIDE = 100
HISTORY_LINES = 200
# A finished reply stands among the newest lines; others may have been written while it was on its way.
NEWEST_LINES = 20
RETRY_S = 3.0


class WebChannel:
    """``page`` is called for each request, so an edited persona shows at once. Implements core.ports.Channel.

    A conversation may have tabs at several gateways: over the ``relay`` each hears what the others were told to show.

    Cancel ``listen`` before the web server is stopped: that ends the event streams, for which it would wait.
    """

    platform = "web"
    # A message is named after its reply: whatever is shown again takes its own place.
    traits = Traits(
        max_chars=MAX_CHARS,
        streams=True,
        edit_interval_s=0.05,
        typing=True,
        repeat_window_s=math.inf,
        cards=MAX_BESIDE,
        cards_with_text=True,
        buttons=MAX_BESIDE,
    )

    def __init__(
        self,
        bot: str,
        transcript: Transcript,
        page: Callable[[], ChatPage],
        allowances: Allowances | None = None,
        relay: Relay | None = None,
    ) -> None:
        self.bot = bot
        self.page = page
        self.allowances = allowances or Allowances()
        self.connected = asyncio.Event()
        self._transcript = transcript
        self._inbox: Inbox | None = None
        self._tabs = Tabs()
        self._desk = Desk()
        self._others = Others(relay, self._heard) if relay else None

    # ── for the core ─────────────────────────────────────────────────────────────────────────────────────

    async def listen(self, inbox: Inbox) -> None:
        if self._inbox is not None:
            raise ChannelNotReady(f"{self.bot} listens on the web already")
        self._inbox = inbox
        self.connected.set()
        try:
            await (self._others.listen() if self._others else asyncio.Event().wait())
        finally:
            self._inbox = None
            self.connected.clear()
            self._tabs.close_all()

    def split(self, text: str) -> list[str]:
        """The page has no limit of its own; MAX_CHARS only keeps one event from becoming absurd."""
        parts: list[str] = []
        while len(text) > MAX_CHARS:
            cut = text.rfind("\n\n", MAX_CHARS // 2, MAX_CHARS)
            cut = cut + 2 if cut > 0 else MAX_CHARS
            parts.append(text[:cut])
            text = text[cut:]
        return [*parts, text]

    async def send(self, message: Outgoing) -> str:
        """Nobody there is a success: whoever opens the page gets the history."""
        name = f"{message.reply}.{message.part}" if message.part else message.reply
        await self.edit(name, message)
        return name

    async def edit(self, sent: str, message: Outgoing) -> None:
        await self._show(sent, message)
        if self._others and message.final:  # drafts are heard by every gateway
            self._others.tell(Notice(name=sent, reply=message))

    async def typing(self, address: Address) -> None:
        self._desk.typing(address.chat)
        self._tabs.put(address.chat, events.TYPING)

    # ── for the routes ───────────────────────────────────────────────────────────────────────────────────

    @property
    def listening(self) -> bool:
        return self._inbox is not None

    def address(self, chat: str) -> Address:
        return Address(bot=self.bot, platform=self.platform, chat=chat)

    async def take(self, incoming: Incoming) -> None:
        """Returns when the message is stored; a message that was stored before is taken as well."""
        if self._inbox is None:
            raise Refused(Code.NOT_READY, retry_after=RETRY_S)
        try:
            new = await self._inbox.put(incoming)
        except StoreUnavailable as error:
            raise Refused(Code.NOT_STORED, retry_after=RETRY_S) from error
        if not new:
            return
        self._show_written(incoming)
        if self._others:
            self._others.tell(Notice(written=incoming))

    def _show_written(self, incoming: Incoming) -> None:
        if incoming.command is Command.NEW:
            self._desk.done(incoming.address.chat)
            self._tabs.put(incoming.address.chat, events.CLEARED)
        else:
            self._tabs.put(incoming.address.chat, events.line_event(_written(incoming)))

    def open_tab(self, chat: str) -> Tab:
        """Open it before the history is read, so that nothing falls between the two."""
        if not self.listening:
            raise Refused(Code.NOT_READY, retry_after=RETRY_S)
        if self._tabs.count(chat) >= self.allowances.session_streams:
            raise Refused(Code.TOO_MANY_TABS, retry_after=30)
        return self._tabs.open(chat)

    def leave_tab(self, chat: str, tab: Tab) -> None:
        self._tabs.leave(chat, tab)

    async def history(self, chat: str, shop: str) -> Event:
        try:
            lines = await self._transcript.read(self.address(chat), limit=HISTORY_LINES)
        except StoreUnavailable as error:
            raise Refused(Code.NOT_READY, retry_after=RETRY_S) from error
        shown = tuple(events.shown_line(line) for line in lines)
        draft = self._desk.draft(chat)
        # A draft whose reply is in the history already is only waiting to be sent.
        if draft is not None and any(line.id == draft.reply for line in lines):
            draft = None
        shown_draft = events.shown_draft(draft.reply, draft) if draft else None
        return events.history_event(shown, shown_draft, self._desk.is_typing(chat), shop)

    async def _heard(self, notice: Notice) -> None:
        if notice.written is not None:
            self._show_written(notice.written)
        if notice.reply is not None:
            await self._show(notice.name, notice.reply)

    async def _show(self, name: str, message: Outgoing) -> None:
        chat = message.address.chat
        if not message.final:
            self._desk.write(chat, message)
            if self._tabs.count(chat):
                self._tabs.put(chat, events.draft_event(events.shown_draft(name, message)))
            return
        self._desk.done(chat)
        if self._tabs.count(chat):
            self._tabs.put(chat, events.message_event(await self._finished(name, message)))

    async def _finished(self, name: str, message: Outgoing) -> ShownLine:
        """The history knows more of a reply than what is sent: who wrote it, when, on which rung of the ladder."""
        reply = events.shown_reply(name, message)
        try:
            newest = await self._transcript.read(message.address, limit=NEWEST_LINES)
        except StoreUnavailable:
            return reply
        for line in newest:
            if line.role != "shopper" and message.reply in (line.id, line.message):
                shown = {"id": name, "html": reply.html, "cards": reply.cards, "buttons": reply.buttons}
                return events.shown_line(line).model_copy(update=shown)
        return reply


def _written(incoming: Incoming) -> ShownLine:
    return ShownLine(
        id=incoming.message,
        role="shopper",
        text=incoming.text,
        kind=incoming.kind,
        language=incoming.sender.language,
        at=incoming.at,
    )
