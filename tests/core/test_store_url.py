"""Addresses of the store: what they mean, and what is said of those that mean nothing."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from core.errors import StoreError, StoreUnavailable
from core.store import Store
from core.store_url import read_store_url
from tests.core.redis_cluster import SLOTS, Process, free_ports, until


def test_one_server_is_as_redis_py_reads_it() -> None:
    for url in ("redis://host:1/2", "rediss://u:p@host", "unix:///run/valkey.sock?db=1"):
        where = read_store_url(url)
        assert (where.kind, where.url) == ("one", url)


def test_a_cluster() -> None:
    where = read_store_url("redis+cluster://ann:se%40cret@a:1,b,[::1]:3/?socket_timeout=7")
    assert (where.kind, where.tls) == ("cluster", False)
    assert where.hosts == (("a", 1), ("b", 6379), ("::1", 3))
    assert where.options == {"username": "ann", "password": "se@cret", "socket_timeout": 7.0, "db": 0}
    assert read_store_url("rediss+cluster://a").tls


def test_sentinels() -> None:
    url = "rediss+sentinel://:secret@a:1,b/my%20shop/3?sentinel_username=s&sentinel_password=t&socket_timeout=7"
    where = read_store_url(url)
    assert (where.kind, where.tls, where.service) == ("sentinel", True, "my shop")
    assert where.hosts == (("a", 1), ("b", 26379))
    assert where.options == {"password": "secret", "db": 3, "socket_timeout": 7.0}
    assert where.sentinel_options == {"username": "s", "password": "t"}
    assert read_store_url("redis+sentinel://a/shop").options["db"] == 0


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("localhost:6379", "must begin with redis://"),
        ("http://host", "must begin with"),
        ("redis+cluster://", "a host is missing"),
        ("redis+cluster://u:secret@a:1,:2", "':2' is no host:port"),
        ("redis+cluster://a:x", "'a:x' is no host:port"),
        ("redis+cluster://a/3", "only database 0: remove /3"),
        ("redis+cluster://a?db=3", "only database 0"),
        ("redis+cluster://a?sentinel_password=secret", "sentinel_password="),
        ("redis+sentinel://a:26379", "name of the service is missing"),
        ("redis+sentinel://a/shop/x", "/x is no number"),
        ("redis+sentinel://a/shop?sentinel_db=1", "sentinel_db="),
        ("redis://host:6379/0?socket_timeout=secret", "cannot be read"),
    ],
)
def test_what_is_no_address(url: str, said: str) -> None:
    with pytest.raises(ValueError, match=re.escape(said)) as error:
        read_store_url(url)
    assert "secret" not in str(error.value)


@pytest.fixture
def alone(tmp_path: Path) -> Process:
    return Process(tmp_path / "server", free_ports(1)[0], ("--save", ""))


async def test_a_node_of_a_cluster_is_not_taken_for_the_whole(tmp_path: Path) -> None:
    port, bus = free_ports(2)
    node = Process(tmp_path / "node", port, ("--cluster-enabled", "yes", "--cluster-port", str(bus), "--save", ""))
    try:
        node.start()
        with pytest.raises(StoreError, match=r"node of a cluster: write redis\+cluster://"):
            async with Store.open(f"redis://127.0.0.1:{port}/0"):
                pass
        with pytest.raises(StoreUnavailable, match="no master"):  # a cluster that nobody has put together
            async with Store.open(f"redis+cluster://127.0.0.1:{port}"):
                pass
    finally:
        node.kill()


async def test_a_single_server_is_no_cluster_and_no_sentinel(alone: Process) -> None:
    try:
        alone.start()
        with pytest.raises(StoreError, match="no node of a cluster: write redis://"):
            async with Store.open(f"redis+cluster://127.0.0.1:{alone.port}"):
                pass
        with pytest.raises(StoreError, match="is no sentinel"):
            async with Store.open(f"redis+sentinel://127.0.0.1:{alone.port}/shop"):
                pass
    finally:
        alone.kill()


async def test_nobody_there(alone: Process) -> None:
    where = f"127.0.0.1:{alone.port}"
    said = {
        f"redis+cluster://{where}": f"connecting to {where}",
        f"redis+sentinel://{where},{where}/shop": f"none of {where}, {where} names a master 'shop'",
    }
    for url, sentence in said.items():
        with pytest.raises(StoreUnavailable, match=sentence):
            async with Store.open(url):
                pass


async def test_a_clusters_password(tmp_path: Path) -> None:
    port, bus = free_ports(2)
    node = Process(tmp_path / "node", port, ("--cluster-enabled", "yes", "--cluster-port", str(bus), "--save", ""))
    try:
        node.start()
        node.ask("CLUSTER", "ADDSLOTSRANGE", 0, SLOTS - 1)
        until(lambda: "cluster_state:ok" in str(node.ask("CLUSTER", "INFO")), "the cluster is not well")
        node.ask("CONFIG", "SET", "requirepass", "s@cret")
        async with Store.open(f"redis+cluster://:s%40cret@127.0.0.1:{port}") as store:
            await store.ping()
        for wrong in ("", ":wrong@"):
            with pytest.raises(StoreUnavailable, match="password"):
                async with Store.open(f"redis+cluster://{wrong}127.0.0.1:{port}"):
                    pass
    finally:
        node.kill()
