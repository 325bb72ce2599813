"""Which servers the store is on: one (its address, or a master that sentinels name), or the masters of a cluster."""

from __future__ import annotations

import random
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any, Protocol

import redis.asyncio as redis
from redis.asyncio.retry import Retry
from redis.asyncio.sentinel import MasterNotFoundError, Sentinel
from redis.backoff import ExponentialWithJitterBackoff
from redis.exceptions import AskError, ConnectionError, ResponseError, TimeoutError

from core.cluster import Cluster
from core.errors import StoreError, StoreUnavailable
from core.server import ANSWER_S, Server
from core.store_url import StoreUrl, read_store_url
from core.translate import is_elsewhere, translated

CONNECT_S = 5.0
SENTINEL_S = 1.0


class Servers(Protocol):
    """``partitions``: into how many a new store is divided."""

    partitions: int

    def of(self, key: str) -> Server:
        """The one that has a key. Raises redis-py's ClusterDownError if nobody has."""
        ...

    def some(self) -> Server:
        """Any of them, for what concerns no key."""
        ...

    @property
    def masters(self) -> Sequence[Server]: ...

    async def named(self, error: AskError) -> Server:
        """The one that a server has named for a key; MovedError: from now on."""
        ...

    async def doubt(self, error: StoreUnavailable) -> None:
        """One was not there for us: see whether another one is by now."""
        ...

    async def close(self) -> None: ...


class One:
    """A single server, or whichever answers at its address by now."""

    partitions = 1

    def __init__(self, client: redis.Redis, sentinel: Sentinel | None = None) -> None:
        self._server = Server(client)
        self._sentinel = sentinel

    def of(self, key: str) -> Server:
        return self._server

    def some(self) -> Server:
        return self._server

    @property
    def masters(self) -> Sequence[Server]:
        return (self._server,)

    async def named(self, error: AskError) -> Server:
        raise error

    async def doubt(self, error: StoreUnavailable) -> None:
        if is_elsewhere(error):  # a fail-over that left our connections open
            await self._server.client.connection_pool.disconnect(inuse_connections=True)

    async def close(self) -> None:
        await self._server.end()
        await self._server.client.aclose()
        if self._sentinel is not None:
            await self._sentinel.aclose()


@asynccontextmanager
async def open_servers(url: str) -> AsyncIterator[Servers]:
    """Raises ValueError if ``url`` is no address, StoreError if what is there is of another kind, StoreUnavailable."""
    where = read_store_url(url)
    match where.kind:
        case "cluster":
            servers: Servers = Cluster(where.hosts, lambda host, port: _connect(where, host=host, port=port))
        case "sentinel":
            servers = _sentinel(where)
        case "one":
            servers = One(redis.Redis.from_url(where.url, **_manners()))
    try:
        with translated():
            await _check(servers)
        yield servers
    finally:
        await servers.close()


async def _check(servers: Servers) -> None:
    if isinstance(servers, Cluster):
        await servers.open()
        return
    try:
        info = await servers.some().client.info("cluster")
    except ResponseError as error:
        if "'SENTINEL'" in str(error):
            raise StoreError(
                "what answers there is no sentinel: write the sentinels' ports in redis+sentinel://host:26379/service/0, "
                "or redis://host:6379/0 for a server (KEFU_REDIS_URL)"
            ) from error
        raise
    if info.get("cluster_enabled"):
        raise StoreError("this server is a node of a cluster: write redis+cluster://host:6379 (KEFU_REDIS_URL)")


class _Sentinels(Sentinel):
    def __init__(self, hosts: Sequence[tuple[str, int]], options: dict[str, Any]) -> None:
        super().__init__(hosts, sentinel_kwargs=options)  # type: ignore[no-untyped-call]
        self._asked = ", ".join(f"{host}:{port}" for host, port in hosts)

    async def discover_master(self, service_name: str) -> tuple[str, int]:
        """Its own sentence is long and names no sentinel."""
        try:
            host, port = await super().discover_master(service_name)
        except MasterNotFoundError:
            raise MasterNotFoundError(f"none of {self._asked} names a master {service_name!r} that is up") from None
        return host, port


def _sentinel(where: StoreUrl) -> One:
    hosts = list(where.hosts)
    random.shuffle(hosts)
    of_sentinels: dict[str, Any] = {
        "decode_responses": True,
        "socket_connect_timeout": SENTINEL_S,
        "socket_timeout": SENTINEL_S,
        "retry": None,
        "ssl": where.tls,
    }
    certificates = {key: value for key, value in where.options.items() if key.startswith("ssl_")}
    sentinel = _Sentinels(hosts, of_sentinels | certificates | where.sentinel_options)
    of_master: dict[str, Any] = _manners() | where.options | {"ssl": where.tls}
    return One(sentinel.master_for(where.service, **of_master), sentinel)


def _connect(where: StoreUrl, *, host: str, port: int) -> redis.Redis:
    of_node: dict[str, Any] = _manners() | where.options | {"host": host, "port": port, "ssl": where.tls}
    return redis.Redis(**of_node)


def _manners() -> dict[str, Any]:
    """How we talk to each server."""
    return {
        "decode_responses": True,
        "socket_connect_timeout": CONNECT_S,
        "socket_timeout": ANSWER_S,
        "health_check_interval": 30,
        "retry": Retry(ExponentialWithJitterBackoff(base=0.02, cap=0.3), 3),
        "retry_on_error": [ConnectionError, TimeoutError],
    }
