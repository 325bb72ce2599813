"""Commands and Lua functions to whichever server has their keys, wherever a cluster moves them meanwhile."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from redis.exceptions import AskError, ClusterDownError, MovedError, NoScriptError, TryAgainError

from core.backoff import delay_s
from core.exchange import Argument
from core.servers import Servers

LUA = Path(__file__).parent / "lua"
# A key may be moved again while we follow it, but not for ever.
REDIRECTS = 8
# A function over several keys waits until all of them have moved; longer than some tries its caller has to.
TRY_AGAIN_S, TRY_AGAIN_CAP_S = 0.01, 0.1


@dataclass(frozen=True, slots=True)
class _Script:
    text: str
    sha: str


class Calls:
    def __init__(self, servers: Servers) -> None:
        self._servers = servers
        self._scripts = {path.stem: _read(path) for path in sorted(LUA.glob("*.lua"))}

    def known(self, name: str, keys: Sequence[str], args: Sequence[Argument]) -> tuple[Argument, ...]:
        """The command that calls the function in core/lua/``name``.lua, if the server knows it (else NoScriptError)."""
        return ("EVALSHA", self._scripts[name].sha, len(keys), *keys, *args)

    async def lua(self, name: str, keys: Sequence[str], args: Sequence[Argument]) -> Any:
        """Call the function in core/lua/``name``.lua. Raises redis-py's errors."""
        script = self._scripts[name]
        try:
            return await self.command(*self.known(name, keys, args), key=keys[0])
        except NoScriptError:  # a new server, or one that was restarted; it knows the function from now on
            return await self.command("EVAL", script.text, len(keys), *keys, *args, key=keys[0])

    async def command(self, *command: Argument, key: str = "", **options: bool) -> Any:
        """``key``: the command's, one of them; empty: it has none. ``options`` as redis-py's for reading the answer."""
        server = self._servers.of(key) if key else self._servers.some()
        asking: tuple[tuple[Argument, ...], ...] = ()
        for tries in range(REDIRECTS):
            try:
                return await server.ask(*asking, command, **options)
            except MovedError as error:
                server, asking = await self._servers.named(error), ()
            except AskError as error:
                server, asking = await self._servers.named(error), (("ASKING",),)
            except TryAgainError:
                if tries == REDIRECTS - 1:
                    raise
                await asyncio.sleep(delay_s(tries, TRY_AGAIN_S, TRY_AGAIN_CAP_S))
        raise ClusterDownError(f"CLUSTERDOWN {key} was moved {REDIRECTS} times")


def _read(path: Path) -> _Script:
    text = path.read_text(encoding="utf-8")
    return _Script(text, hashlib.sha1(text.encode(), usedforsecurity=False).hexdigest())
