"""discord.py's HTTP client, pointed at the configured API address."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any
from urllib.request import getproxies, proxy_bypass

import aiohttp
import discord
import yarl
from discord.gateway import DiscordWebSocket
from discord.http import HTTPClient, Ratelimit, Route

from adapters.discord.pacing import Heard, Pacing
from core.errors import RateLimited

if TYPE_CHECKING:  # these modules cannot be imported alone: they import each other in a circle
    from discord.types import user as wire

# What Discord wants us to wait is raised at once and waited for by the outbox, which survives a restart.
_RAISED_FROM_S = 1e-9
BAN_WAIT_S = 60.0


class NotDiscord(discord.ClientException):
    """The server at the API address answers, but not as Discord does."""


class NoLimit(Ratelimit):
    """In the place of discord.py's own limits, see ``adapters.discord.pacing``: lets everything through."""

    def __init__(self) -> None:
        super().__init__(None)

    def update(self, response: aiohttp.ClientResponse, *, use_clock: bool = False) -> None:
        pass

    async def acquire(self) -> None:
        pass

    async def __aexit__(self, type: object, value: object, traceback: object) -> None:
        pass


class Rest(HTTPClient):
    """One client's HTTP, with an API address and a gateway of its own, in the turns that ``pacing`` gives.

    ``patient``: waits as long as Discord wants, instead of raising RateLimited (discord.py's, or core.errors').

    discord.py keeps the address in ``Route.BASE``, a class attribute: setting it would move every client of
    the process, so two bots with different servers could not live together. All REST calls pass ``request``
    and all gateway connections ``ws_connect``, both public methods of a public class, so those two are
    overridden. (A connector or a session that rewrites addresses would depend on the insides of aiohttp.)
    Interaction callbacks go past ``request`` in discord.py; adapters.discord.commands sends them through it.
    """

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        api_url: str,
        timeout_s: float,
        pacing: Pacing,
        *,
        patient: bool = False,
    ) -> None:
        super().__init__(loop, proxy=_proxy(api_url), http_trace=_trace())
        self.max_ratelimit_timeout = _RAISED_FROM_S
        self._pacing = pacing
        self._patient = patient
        self._no_limit = NoLimit()
        self._api_url = api_url.rstrip("/")
        # aiohttp's own limit is five minutes: far too long to keep a shopper's reply waiting.
        self._timeout = aiohttp.ClientTimeout(total=timeout_s, sock_connect=min(10.0, timeout_s))

    def get_ratelimit(self, key: str) -> Ratelimit:
        return self._no_limit

    async def request(
        self,
        route: Route,
        *,
        files: Sequence[discord.File] | None = None,
        form: Iterable[dict[str, Any]] | None = None,
        draft: bool = False,
        **kwargs: Any,
    ) -> Any:
        """``draft``: raises RateLimited at once if it cannot go now."""
        if route.url.startswith(Route.BASE):
            route.url = self._api_url + route.url.removeprefix(Route.BASE)
        kwargs.setdefault("timeout", self._timeout)
        while True:
            try:
                async with self._pacing.turn(route, draft=draft) as heard:
                    return await self._ask(route, heard, files=files, form=form, **kwargs)
            except (discord.RateLimited, RateLimited) as error:
                if not self._patient:
                    raise
                wait = error.retry_after
            await asyncio.sleep(wait)

    async def _ask(self, route: Route, heard: Heard, **kwargs: Any) -> Any:
        try:
            return await super().request(route, trace_request_ctx=heard, **kwargs)
        except discord.RateLimited as error:
            self._pacing.hold(route, error.retry_after, everywhere=heard.everywhere)
            raise
        except discord.HTTPException as error:
            if error.status == 429:  # from Cloudflare, which bans the whole machine
                self._pacing.hold(route, ban_wait(error), everywhere=True)
            raise

    async def create_message(self, channel: str, payload: Mapping[str, Any], *, draft: bool) -> Mapping[str, Any]:
        route = Route("POST", "/channels/{channel_id}/messages", channel_id=channel)
        made: Mapping[str, Any] = await self.request(route, json=payload, draft=draft)
        return made

    async def change_message(self, channel: str, message: str, payload: Mapping[str, Any], *, draft: bool) -> None:
        path = "/channels/{channel_id}/messages/{message_id}"
        route = Route("PATCH", path, channel_id=channel, message_id=message)
        await self.request(route, json=payload, draft=draft)

    async def show_typing(self, channel: str) -> None:
        await self.request(Route("POST", "/channels/{channel_id}/typing", channel_id=channel), draft=True)

    async def static_login(self, token: str) -> wire.User:
        me = await super().static_login(token)
        if not isinstance(me, dict) or "id" not in me:
            raise NotDiscord(f"{self._api_url} does not answer like Discord's API")
        return me

    async def ws_connect(self, url: str, *, compress: int = 0) -> aiohttp.ClientWebSocketResponse:
        """discord.py names wss://gateway.discord.gg unless it resumes; the right address is what the API says."""
        wanted = yarl.URL(url)
        if wanted.host == DiscordWebSocket.DEFAULT_GATEWAY.host:
            wanted = yarl.URL(await self._gateway()).with_query(wanted.query)
        return await super().ws_connect(str(wanted), compress=compress)

    async def _gateway(self) -> str:
        try:
            _, url, _ = await self.get_bot_gateway()
        except discord.GatewayNotFound as error:
            if isinstance(error.__cause__, discord.HTTPException) and error.__cause__.status == 401:
                # GatewayNotFound is tried again for ever; a token that was reset will not come back.
                raise discord.LoginFailure("the token was refused") from None
            raise discord.GatewayNotFound from None
        return url


def _proxy(api_url: str) -> str | None:
    """The HTTP proxy that the environment names (HTTPS_PROXY, NO_PROXY): discord.py looks at its own option only.

    In some countries Discord can be reached in no other way.
    """
    url = yarl.URL(api_url)
    if not url.host or url.host in ("localhost", "127.0.0.1", "::1") or proxy_bypass(url.host):
        return None
    return getproxies().get(url.scheme)


def ban_wait(error: discord.HTTPException) -> float:
    """Seconds that a 429 asks for."""
    try:
        return float(error.response.headers["Retry-After"])
    except (KeyError, ValueError):
        return BAN_WAIT_S


def _trace() -> aiohttp.TraceConfig:
    """Tells each request's ``Heard`` about its answers: discord.py keeps their headers to itself."""

    async def answered(
        session: aiohttp.ClientSession, context: SimpleNamespace, params: aiohttp.TraceRequestEndParams
    ) -> None:
        heard = context.trace_request_ctx
        if isinstance(heard, Heard):
            heard.answer(params.response.status, params.response.headers)

    trace = aiohttp.TraceConfig()
    trace.on_request_end.append(answered)
    return trace


async def open_rest(token: str, api_url: str, timeout_s: float, pacing: Pacing) -> Rest:
    """A logged-in client for sending alone. Raises what discord.py and aiohttp raise."""
    rest = Rest(asyncio.get_running_loop(), api_url, timeout_s, pacing)
    try:
        await rest.static_login(token)
    except BaseException:
        await rest.close()
        raise
    return rest
