"""A cluster's masters: which has which slot, learned from the cluster itself and again whenever it turns out to be wrong."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import redis.asyncio as redis
import structlog
from redis.crc import key_slot
from redis.exceptions import AskError, ClusterDownError, ConnectionError, MovedError, RedisError, ResponseError

from core.errors import StoreError, StoreUnavailable
from core.keys import CLUSTER_TAGS
from core.server import Server

log = structlog.get_logger(__name__)

Address = tuple[str, int]

SLOTS = 16384
# A node that does not answer is noticed after this long; others are asked then.
LOOK_S = 2.0
# After a look that changed nothing: a fail-over takes its time.
PAUSE_S = 0.1
# A master that is frozen answers nobody and refuses nobody: what waits for it is freed when the others replace it.
LOOK_EVERY_S = 5.0


class Cluster:
    """``seeds``: nodes to ask first; the others are learned from them. ``connect`` makes a client, unconnected."""

    partitions = len(CLUSTER_TAGS)

    def __init__(self, seeds: Sequence[Address], connect: Callable[[str, int], redis.Redis]) -> None:
        self._seeds = seeds
        self._connect = connect
        self._nodes: dict[Address, Server] = {}
        self._owners: dict[int, Address] = {}
        self._looking: asyncio.Task[None] | None = None
        self._watching: asyncio.Task[None] | None = None

    async def open(self) -> None:
        """Raises redis-py's errors if no node answers, StoreError if it is no cluster."""
        await self._look()
        self._watching = asyncio.create_task(self._watch())

    def of(self, key: str) -> Server:
        slot = key_slot(key.encode())
        owner = self._owners.get(slot)
        if owner is None:
            raise ClusterDownError(f"CLUSTERDOWN no master has slot {slot}")
        return self._node(owner)

    def some(self) -> Server:
        return self._node(random.choice(sorted(set(self._owners.values())) or list(self._seeds)))

    @property
    def masters(self) -> Sequence[Server]:
        return [self._node(address) for address in sorted(set(self._owners.values()))]

    async def named(self, error: AskError) -> Server:
        address = error.host or self._seeds[0][0], error.port  # none: all are behind one name
        if isinstance(error, MovedError):
            self._owners[error.slot_id] = address
        return self._node(address)

    async def doubt(self, error: StoreUnavailable) -> None:
        """Look again, together with all others who doubt just now."""
        if self._looking is None or self._looking.done():
            self._looking = asyncio.create_task(self._look_again())
        await asyncio.shield(self._looking)

    async def close(self) -> None:
        for task in (self._watching, self._looking):
            if task is not None:
                task.cancel()
                await asyncio.gather(task, return_exceptions=True)
        for node in self._nodes.values():
            await node.end()
            await node.client.aclose()

    async def _watch(self) -> None:
        while True:
            await asyncio.sleep(LOOK_EVERY_S)
            await self._look_again()

    async def _look(self) -> None:
        """Ask the nodes, until one says who has which slot. Raises the last one's error, StoreError if it is no cluster."""
        trouble: Exception = ConnectionError("no node of the cluster is known")
        for address in self._to_ask():
            try:
                async with asyncio.timeout(LOOK_S):
                    said = await self._node(address).ask(("CLUSTER", "SLOTS"))
            except ResponseError as error:
                if "cluster support disabled" in str(error):
                    raise StoreError(
                        f"{address[0]}:{address[1]} is no node of a cluster: write redis://host:6379/0 (KEFU_REDIS_URL)"
                    ) from error
                trouble = error
            except (RedisError, OSError) as error:
                trouble = error
            else:
                if owners := dict(_owners(said, address[0])):
                    return await self._take(owners, set(_addresses(said, address[0])))
                trouble = ClusterDownError(f"CLUSTERDOWN {address[0]}:{address[1]} knows of no slots")
        raise trouble

    async def _look_again(self) -> None:
        before = self._owners
        try:
            await self._look()
        except (RedisError, OSError, StoreError) as error:
            log.debug("the cluster does not say who has what", reason=str(error))
        if self._owners == before:
            await asyncio.sleep(PAUSE_S)

    def _to_ask(self) -> list[Address]:
        """In another order each time: one may be cut off and know only what was."""
        known = list(dict.fromkeys((*self._nodes, *self._seeds)))
        random.shuffle(known)
        return known

    async def _take(self, owners: dict[int, Address], alive: set[Address]) -> None:
        moved = sum(owners.get(slot) != address for slot, address in self._owners.items())
        if moved:
            log.info("the cluster has moved", slots=moved, masters=len(set(owners.values())))
        self._owners = owners
        for address in [one for one in self._nodes if one not in alive]:
            gone = self._nodes.pop(address)
            await gone.end(ConnectionError(f"{address[0]}:{address[1]} belongs to the cluster no more"))
            await gone.client.aclose()

    def _node(self, address: Address) -> Server:
        node = self._nodes.get(address)
        if node is None:
            node = self._nodes[address] = Server(self._connect(*address))
        return node


def _owners(said: Any, asked: str) -> Iterator[tuple[int, Address]]:
    """Slot → its master, from the answer to CLUSTER SLOTS; a node that does not know its own name is the one asked."""
    for first, last, master, *_ in said:
        address = _address(master, asked)
        for slot in range(int(first), int(last) + 1):
            yield slot, address


def _addresses(said: Any, asked: str) -> Iterator[Address]:
    for _first, _last, *nodes in said:
        for node in nodes:
            yield _address(node, asked)


def _address(node: Any, asked: str) -> Address:
    return node[0] or asked, int(node[1])
