"""The chat on the web: a page of its own, and a script of one line that shows it inside the shop's own site.

Everything below is relative to ``/{bot}/``. No cookies; nothing is loaded from another host but the pictures of the shop's
products, from where its catalogue says that they are, without a referrer.

**In the shop's own site.** ``<script src="https://…/{bot}/widget.js" async></script>``, optionally with
``data-language="zh"`` and ``data-position="left"``. A site with a content security policy has to allow this server
under ``script-src`` and ``frame-src``. Which sites may do it is ``ChatPage.frame_ancestors``.

**Session.** ``POST api/sessions`` → 201 ``{"token": …}``. The token is the only credential: the browser keeps it
and sends it as ``Authorization: Bearer …``, never in an address. The server stores no sessions; the conversation's
name is made from the token's SHA-256, so neither logs nor the store hold what would open the conversation.

**Writing.** ``POST api/messages`` with ``{"id": uuid, "text": …, "language": tag}``, as UTF-8 JSON.

====  ==========================================================================================================
202   stored (the same ``id`` again is not stored twice and answers 202 as well)
400   not UTF-8, not JSON, or the wrong fields
401   no token, or something that is none: ask for a new session
413   the body is larger than 256 KiB (not read to its end), or the text is longer than ``message_chars``
415   not ``application/json``
422   nothing that can be read: empty, only white space, only invisible characters
429   too many messages or sessions from this session or network address; ``Retry-After`` says when
503   not stored, because the store or the bot is not there yet; ``Retry-After`` says when to try again
====  ==========================================================================================================

Every refusal is ``{"error": {"code": …, "message": a sentence in the language of Accept-Language}}``.
Control characters (NUL too) are taken out of the text, halves of surrogate pairs become U+FFFD, and line ends
become ``\\n``; everything else is kept as it was written. ``/new``, ``/human``, ``/help`` and ``/language zh`` are
commands; any other word after a slash is text.

**Reading.** ``GET api/events`` is a ``text/event-stream``, read with ``fetch`` so that it can carry the token:

=========  ====================================================================================================
history    once, first: ``{lines, draft, typing, shop}``: the conversation, and the page's texts as they are now
line       a line that this session wrote (in this tab or another one)
typing     the bot is writing; true for about ten seconds
draft      ``{id, html, language}``: an answer so far; each is the whole text, so one may be missed
message    a finished line (bot or person), with its ``cards`` and ``buttons``; replaces the draft with the same id
cleared    a new conversation was begun
=========  ====================================================================================================

A comment line comes every 15 seconds as a heartbeat. A tab that reads too slowly loses its stream, connects again
and gets ``history``. ``html`` is made here from Markdown, with no raw HTML; the page inserts nothing else as HTML.
"""

from adapters.webchat.app import health_app, web_app
from adapters.webchat.channel import WebChannel
from adapters.webchat.chatpage import ChatPage
from adapters.webchat.ratelimit import Allowance, Allowances

__all__ = ["Allowance", "Allowances", "ChatPage", "WebChannel", "health_app", "web_app"]
