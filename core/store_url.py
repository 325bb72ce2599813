"""The address of the store: one server, a cluster, or a master that sentinels know.

    redis://user:password@host:6379/0                                 one server (rediss: with TLS)
    unix:///run/valkey.sock?db=0                                      one server on this machine
    redis+cluster://user:password@host:6379,host:6379                 a cluster; any of its nodes, best several
    redis+sentinel://user:password@host:26379,host:26379/mymaster/0   the master "mymaster", as these sentinels say

User and password are the servers', not the sentinels': those have ``?sentinel_username=…&sentinel_password=…``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal
from urllib.parse import parse_qs, unquote, urlsplit

from redis.asyncio.connection import parse_url

Kind = Literal["one", "cluster", "sentinel"]

CLUSTER_PORT = 6379
SENTINEL_PORT = 26379
FORMS = (
    "redis://host:6379/0, redis+cluster://host:6379,host:6379 or redis+sentinel://host:26379,host:26379/service/0 "
    "(rediss… with TLS)"
)
_KINDS: dict[str, Kind] = {
    "redis": "one",
    "rediss": "one",
    "unix": "one",
    "redis+cluster": "cluster",
    "rediss+cluster": "cluster",
    "redis+sentinel": "sentinel",
    "rediss+sentinel": "sentinel",
}
_OF_SENTINELS = "sentinel_"


@dataclass(frozen=True, slots=True)
class StoreUrl:
    """``hosts``: of a cluster's nodes or of the sentinels. ``options``: redis-py's, for a connection to a server."""

    kind: Kind
    url: str
    tls: bool
    hosts: tuple[tuple[str, int], ...]
    service: str
    options: dict[str, Any]
    sentinel_options: dict[str, Any]


def read_store_url(url: str) -> StoreUrl:
    """Raises ValueError with what is wrong; without the password."""
    scheme, found, rest = url.partition("://")
    if not found or scheme not in _KINDS:
        raise ValueError(f"it must begin with {', '.join(f'{known}://' for known in _KINDS)}")
    kind, tls = _KINDS[scheme], scheme.startswith("rediss")
    if kind == "one":
        return StoreUrl(kind, url, tls, (), "", _options(url), {})
    place, _, query = rest.partition("?")
    authority, _, path = place.partition("/")
    user, at, hosts = authority.rpartition("@")
    known = _hosts(hosts, CLUSTER_PORT if kind == "cluster" else SENTINEL_PORT)
    asked = {name: values[-1] for name, values in parse_qs(query).items()}
    service, db = _cluster_path(path) if kind == "cluster" else _sentinel_path(path)
    if kind == "cluster" and "db" in asked:
        raise ValueError("a cluster has only database 0: remove db=…")
    own = "&".join(part for part in query.split("&") if part and not part.startswith(_OF_SENTINELS))
    options = _options(f"{'rediss' if tls else 'redis'}://{user}{at}host/{db}{'?' + own if own else ''}")
    for ours in ("host", "connection_class"):
        options.pop(ours, None)
    of_sentinels = {name.removeprefix(_OF_SENTINELS): asked[name] for name in asked if name.startswith(_OF_SENTINELS)}
    if wrong := set(of_sentinels) - ({"username", "password"} if kind == "sentinel" else set()):
        raise ValueError(
            f"it has {', '.join(f'{_OF_SENTINELS}{name}=' for name in sorted(wrong))}, which means nothing"
        )
    return StoreUrl(kind, url, tls, known, service, options, of_sentinels)


def _options(url: str) -> dict[str, Any]:
    try:
        return dict(parse_url(url))
    except ValueError as error:
        raise ValueError(f"it cannot be read ({error})") from None


def _hosts(text: str, port: int) -> tuple[tuple[str, int], ...]:
    found: list[tuple[str, int]] = []
    for part in text.split(","):
        try:
            one = urlsplit(f"//{part.strip()}")
            host, given = one.hostname, one.port
        except ValueError:
            host, given = None, None
        if not host:
            raise ValueError(f"{part.strip()!r} is no host:port" if part.strip() else "a host is missing")
        found.append((host, port if given is None else given))
    return tuple(found)


def _cluster_path(path: str) -> tuple[str, int]:
    if path.strip("/") not in ("", "0"):
        raise ValueError(f"a cluster has only database 0: remove /{path}")
    return "", 0


def _sentinel_path(path: str) -> tuple[str, int]:
    service, _, db = path.strip("/").partition("/")
    if not service:
        raise ValueError("the name of the service is missing, as in redis+sentinel://host:26379/mymaster/0")
    if db and not db.isdecimal():
        raise ValueError(f"/{db} is no number of a database")
    return unquote(service), int(db or 0)
