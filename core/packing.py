"""Commands as bytes, and how they are written.

redis-py's asyncio client packs them in Python; hiredis, which reads its answers, does it in C. And it writes each in a
task of its own, with asyncio.wait_for(): that costs as much as the packing, and before Python 3.12 loses a cancellation that comes
just when the task ends (python/cpython#86296), so that whoever was stopped while waiting for a bell waited on.
"""

from __future__ import annotations

import asyncio
import builtins
from collections.abc import Iterable

import hiredis
import redis.asyncio as redis
from redis.asyncio.connection import AbstractConnection
from redis.asyncio.sentinel import SentinelManagedConnection, SentinelManagedSSLConnection
from redis.exceptions import ConnectionError, TimeoutError
from redis.typing import EncodableT


class _Packing(AbstractConnection):
    def pack_command(self, *args: EncodableT) -> list[bytes]:
        if " " in str(args[0]):  # "CLIENT SETINFO" are two words
            return super().pack_command(*args)
        return [hiredis.pack_command(args)]  # type: ignore[arg-type]  # its stub says that a command is one word

    async def send_packed_command(self, command: bytes | str | Iterable[bytes], check_health: bool = True) -> None:
        if not self.is_connected:
            await self.connect_check_health(check_health=False)
        if check_health:
            await self.check_health()  # type: ignore[no-untyped-call]
        command = command.encode() if isinstance(command, str) else command
        try:
            await self._write([command] if isinstance(command, bytes) else command)
        except BaseException:  # what was written in part can be neither taken back nor completed
            await self.disconnect(nowait=True)
            raise

    async def _write(self, parts: Iterable[bytes]) -> None:
        writer = self._writer
        assert writer is not None, "it is connected"
        try:
            writer.writelines(parts)
            if writer.transport.get_write_buffer_size():
                async with asyncio.timeout(self.socket_timeout):
                    await writer.drain()
        except builtins.TimeoutError as error:
            raise TimeoutError("Timeout writing to socket") from error
        except OSError as error:
            raise ConnectionError(f"writing to the socket failed: {error}") from error


class _Tcp(_Packing, redis.Connection):
    pass


class _Tls(_Packing, redis.SSLConnection):
    pass


class _Socket(_Packing, redis.UnixDomainSocketConnection):
    pass


class _Master(_Packing, SentinelManagedConnection):
    pass


class _TlsMaster(_Packing, SentinelManagedSSLConnection):
    pass


_PACKING: dict[type[AbstractConnection], type[AbstractConnection]] = {
    redis.Connection: _Tcp,
    redis.SSLConnection: _Tls,
    redis.UnixDomainSocketConnection: _Socket,
    SentinelManagedConnection: _Master,
    SentinelManagedSSLConnection: _TlsMaster,
}


def packing(client: redis.Redis) -> redis.Redis:
    """``client``, whose connections from now on pack so."""
    pool = client.connection_pool
    pool.connection_class = _PACKING.get(pool.connection_class, pool.connection_class)
    return client
