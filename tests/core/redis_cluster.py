"""A real cluster, and a master that a sentinel watches over: put together without any tool but the server itself."""

from __future__ import annotations

import signal
import socket
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import redis
from redis.crc import key_slot

from bots.valkey import find_carried_server

SLOTS = 16384
START_S = 60.0
# A node is taken for dead after this; shorter, and a busy machine makes them elect for no reason.
NODE_TIMEOUT_MS = 2000


def free_ports(count: int) -> list[int]:
    """All at once, so that no two are the same."""
    found = [socket.socket() for _ in range(count)]
    for one in found:
        one.bind(("127.0.0.1", 0))
    ports = [int(one.getsockname()[1]) for one in found]
    for one in found:
        one.close()
    return ports


def until(true: Callable[[], object], what: str) -> None:
    ends = time.monotonic() + START_S
    while True:
        try:
            if true():
                return
            trouble: object = "not yet"
        except (redis.RedisError, OSError) as error:
            trouble = error
        assert time.monotonic() < ends, f"{what}: {trouble}"
        time.sleep(0.02)


@dataclass(slots=True)
class Process:
    """One server program with its own folder; ``options`` as on its command line. A sentinel has a ``config`` to write to."""

    folder: Path
    port: int
    options: tuple[str, ...] = ()
    config: str = ""
    running: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        program = find_carried_server()
        assert program is not None
        self.folder.mkdir(parents=True, exist_ok=True)
        own = ["--port", str(self.port), "--dir", str(self.folder), "--logfile", f"{self.folder}/log"]
        if self.config:
            file = self.folder / "sentinel.conf"
            file.write_text(self.config)
            own = [str(file), "--sentinel", *own]
        self.running = subprocess.Popen([str(program), *own, "--bind", "127.0.0.1", *self.options])
        until(self.client.ping, f"the server on port {self.port} does not answer")

    @property
    def client(self) -> redis.Redis:
        return redis.Redis(port=self.port, decode_responses=True, socket_timeout=5)

    def ask(self, *command: str | int) -> Any:
        with self.client as client:
            return client.execute_command(*command)

    def freeze(self) -> None:
        """It answers nobody and refuses nobody any more."""
        assert self.running is not None
        self.running.send_signal(signal.SIGSTOP)

    def kill(self) -> None:
        if self.running is not None:
            self.running.kill()
            self.running.wait()
            self.running = None


class RedisCluster:
    """``masters`` share the slots evenly; each of ``replicas`` follows the master of its place."""

    def __init__(self, folder: Path, replicas: int = 0) -> None:
        count = 3 + replicas
        ports = free_ports(2 * count)
        self._bus = dict(zip(ports[:count], ports[count:], strict=True))
        nodes = [self._node(folder, port) for port in ports[:count]]
        self.masters, self.replicas = nodes[:3], nodes[3:]

    def _node(self, folder: Path, port: int) -> Process:
        options = (
            *(
                "--cluster-enabled",
                "yes",
                "--cluster-config-file",
                "nodes.conf",
                "--cluster-port",
                str(self._bus[port]),
            ),
            *("--cluster-node-timeout", str(NODE_TIMEOUT_MS), "--repl-diskless-sync-delay", "0"),
            *("--cluster-replica-validity-factor", "0", "--appendonly", "yes", "--save", ""),
        )
        return Process(folder / str(port), port, options)

    @property
    def nodes(self) -> list[Process]:
        return [*self.masters, *self.replicas]

    @property
    def url(self) -> str:
        return f"redis+cluster://{','.join(f'127.0.0.1:{node.port}' for node in self.masters)}"

    def __enter__(self) -> Self:
        try:
            self._start()
        except BaseException:
            self._stop()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop()

    def _start(self) -> None:
        for node in self.nodes:
            node.start()
        for number, node in enumerate(self.masters):
            node.ask("CLUSTER", "SET-CONFIG-EPOCH", number + 1)
            node.ask("CLUSTER", "ADDSLOTSRANGE", SLOTS * number // 3, SLOTS * (number + 1) // 3 - 1)
        first = self.masters[0]
        for node in self.nodes[1:]:
            first.ask("CLUSTER", "MEET", "127.0.0.1", node.port, self._bus[node.port])
        until(lambda: all(self._well(node) for node in self.nodes), "the nodes do not find together")
        for master, replica in zip(self.masters, self.replicas, strict=False):
            replica.ask("CLUSTER", "REPLICATE", name_of(master))
            until(partial(linked, replica), "a replica does not follow")

    def _well(self, node: Process) -> bool:
        info = node.ask("CLUSTER", "INFO")
        found = info if isinstance(info, dict) else dict(line.split(":", 1) for line in info.split())
        return found["cluster_state"] == "ok" and int(found["cluster_known_nodes"]) == len(self.nodes)

    def _stop(self) -> None:
        for node in self.nodes:
            node.kill()

    def owner(self, key: str) -> Process:
        """The master that has a key now."""
        slot = key_slot(key.encode())
        (port,) = {master[1] for first, last, master, *_ in self._slots() if first <= slot <= last}
        return next(node for node in self.nodes if node.port == port)

    def _slots(self) -> Any:
        return next(node for node in self.nodes if node.running is not None).ask("CLUSTER", "SLOTS")

    def move(self, key: str, whole: bool = False) -> None:
        """Give a key's slot, with all keys in it, to the next master: key by key, or (``whole``) as Valkey 9 does it."""
        slot, source = key_slot(key.encode()), self.owner(key)
        target = self.masters[(self.masters.index(source) + 1) % len(self.masters)]
        if whole:
            source.ask("CLUSTER", "MIGRATESLOTS", "SLOTSRANGE", slot, slot, "NODE", name_of(target))
            until(lambda: self.owner(key) is target, f"slot {slot} does not move")
            return
        target.ask("CLUSTER", "SETSLOT", slot, "IMPORTING", name_of(source))
        source.ask("CLUSTER", "SETSLOT", slot, "MIGRATING", name_of(target))
        while keys := source.ask("CLUSTER", "GETKEYSINSLOT", slot, 10):
            source.ask("MIGRATE", "127.0.0.1", target.port, "", 0, 5000, "KEYS", *keys)
        for node in (target, source, *self.masters):
            node.ask("CLUSTER", "SETSLOT", slot, "NODE", name_of(target))


def name_of(node: Process) -> str:
    return str(node.ask("CLUSTER", "MYID"))


def linked(replica: Process) -> bool:
    return bool(replica.ask("INFO", "replication")["master_link_status"] == "up")


class Watched:
    """A master, its replica, and a sentinel that makes the replica the master when the master is gone."""

    def __init__(self, folder: Path) -> None:
        master, replica, sentinel, self._nobody = free_ports(4)
        options = ("--save", "", "--appendonly", "yes", "--repl-diskless-sync-delay", "0")
        self.master = Process(folder / "master", master, options)
        self.replica = Process(folder / "replica", replica, (*options, "--replicaof", "127.0.0.1", str(master)))
        config = (
            f"sentinel monitor shop 127.0.0.1 {master} 1\n"
            f"sentinel down-after-milliseconds shop {NODE_TIMEOUT_MS}\nsentinel failover-timeout shop 5000\n"
        )
        self.sentinel = Process(folder / "sentinel", sentinel, config=config)

    @property
    def url(self) -> str:
        """The first sentinel is down."""
        return f"redis+sentinel://127.0.0.1:{self._nobody},127.0.0.1:{self.sentinel.port}/shop/0"

    def __enter__(self) -> Self:
        try:
            for one in (self.master, self.replica):
                one.start()
            until(partial(linked, self.replica), "the replica does not follow")
            self.sentinel.start()
            until(self._knows_the_replica, "the sentinel does not find the replica")
        except BaseException:
            self._stop()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop()

    def _knows_the_replica(self) -> bool:
        return len(self.sentinel.ask("SENTINEL", "REPLICAS", "shop")) == 1

    def _stop(self) -> None:
        for one in (self.sentinel, self.replica, self.master):
            one.kill()
