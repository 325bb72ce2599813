"""discord.py's HTTP client, pointed at the configured API address."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any
from urllib.request import getproxies, proxy_bypass

import aiohttp
import discord
import yarl
from discord.gateway import DiscordWebSocket
from discord.http import HTTPClient, Route

if TYPE_CHECKING:  # these modules cannot be imported alone: they import each other in a circle
    from discord.types import user as wire

# The least that discord.py accepts: what Discord wants us to wait longer than this is raised (RateLimited)
# and waited for by the outbox, which survives a restart; shorter waits are discord.py's own affair.
LONGEST_WAIT_S = 30.0


class NotDiscord(discord.ClientException):
    """The server at the API address answers, but not as Discord does."""


class Rest(HTTPClient):
    """One client's HTTP, with an API address and a gateway of its own.

    discord.py keeps the address in ``Route.BASE``, a class attribute: setting it would move every client of
    the process, so two bots with different servers could not live together. All REST calls pass ``request``
    and all gateway connections ``ws_connect``, both public methods of a public class, so those two are
    overridden. (A connector or a session that rewrites addresses would depend on the insides of aiohttp.)
    Interaction callbacks go past ``request`` in discord.py; adapters.discord.commands sends them through it.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop, api_url: str, timeout_s: float) -> None:
        super().__init__(loop, proxy=_proxy(api_url), max_ratelimit_timeout=LONGEST_WAIT_S)
        self._api_url = api_url.rstrip("/")
        # aiohttp's own limit is five minutes: far too long to keep a shopper's reply waiting.
        self._timeout = aiohttp.ClientTimeout(total=timeout_s, sock_connect=min(10.0, timeout_s))

    async def request(
        self,
        route: Route,
        *,
        files: Sequence[discord.File] | None = None,
        form: Iterable[dict[str, Any]] | None = None,
        **kwargs: Any,
    ) -> Any:
        if route.url.startswith(Route.BASE):
            route.url = self._api_url + route.url.removeprefix(Route.BASE)
        kwargs.setdefault("timeout", self._timeout)
        return await super().request(route, files=files, form=form, **kwargs)

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


async def open_rest(token: str, api_url: str, timeout_s: float) -> Rest:
    """A logged-in client for sending alone. Raises what discord.py and aiohttp raise."""
    rest = Rest(asyncio.get_running_loop(), api_url, timeout_s)
    try:
        await rest.static_login(token)
    except BaseException:
        await rest.close()
        raise
    return rest
