"""Commands as bytes. redis-py's asyncio client packs them in Python; hiredis, which reads its answers, does it in C."""

from __future__ import annotations

import hiredis
import redis.asyncio as redis
from redis.asyncio.connection import AbstractConnection
from redis.asyncio.sentinel import SentinelManagedConnection, SentinelManagedSSLConnection
from redis.typing import EncodableT


class _Packing(AbstractConnection):
    def pack_command(self, *args: EncodableT) -> list[bytes]:
        if " " in str(args[0]):  # "CLIENT SETINFO" are two words
            return super().pack_command(*args)
        return [hiredis.pack_command(args)]  # type: ignore[arg-type]  # its stub says that a command is one word


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
