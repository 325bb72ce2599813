"""One request of a look-up: its address, headers and body, with the arguments filled in so that they stay arguments."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import quote, unquote

import httpx

from core.errors import LookUpFailed
from core.lookups.config import HeaderConfig, LookUpConfig

_PLACEHOLDER = re.compile(r"\{([^{}]*)\}")
_SERVER = re.compile(r"https?://[^\s/?#@\\]+(?:/[^\s?#]*)?")


@dataclass(frozen=True, slots=True)
class Request:
    method: str
    url: httpx.URL
    headers: Mapping[str, str]
    content: bytes | None


def request_of(name: str, config: LookUpConfig, arguments: Mapping[str, str], secrets: Mapping[str, str]) -> Request:
    """Raises LookUpFailed."""
    server = server_of(config, secrets)
    if not server:
        raise LookUpFailed(f"the look-up '{name}' has no address: {config.server_from} is empty")
    headers = {key: _header(name, header, secrets) for key, header in config.headers.items()}
    content = _body(config.body, arguments).encode() if config.method == "POST" and config.body else None
    if content is not None:
        headers.setdefault("Content-Type", "application/json")
    return Request(config.method, httpx.URL(server + _path(name, config.path, arguments)), headers, content)


def server_of(config: LookUpConfig, secrets: Mapping[str, str]) -> str:
    """The API's address without the last '/'; empty: there is none."""
    found = config.server or secrets.get(config.server_from or "", "")
    return found.rstrip("/") if _SERVER.fullmatch(found) else ""


def missing(config: LookUpConfig, secrets: Mapping[str, str]) -> str:
    """The environment variable that it lacks, or that cannot be used; empty: it is complete."""
    if not server_of(config, secrets):
        return config.server_from or ""
    return next((h.secret for h in config.headers.values() if h.secret and not _usable(secrets.get(h.secret, ""))), "")


def _usable(secret: str) -> bool:
    return bool(secret) and secret.isascii() and secret.isprintable()


def _header(name: str, header: HeaderConfig, secrets: Mapping[str, str]) -> str:
    if header.secret is None:
        return header.value
    if not _usable(secrets.get(header.secret, "")):
        raise LookUpFailed(f"the look-up '{name}' needs {header.secret} in .env or the environment")
    return header.value.replace("{secret}", secrets[header.secret])


def _path(name: str, template: str, arguments: Mapping[str, str]) -> str:
    """Every sign of an argument that could end its place in the path or the query is encoded."""
    path = _PLACEHOLDER.sub(lambda match: quote(_argument(name, match[1], arguments), safe=""), template)
    # A server may decode before it splits, so an encoded slash counts as one here.
    parts = re.split(r"[/\\]", unquote(path.partition("?")[0]))
    if any(part in (".", "..") for part in parts):
        raise LookUpFailed(f"the look-up '{name}' was given an argument that leads to another path")
    return path


def _argument(name: str, key: str, arguments: Mapping[str, str]) -> str:
    value = arguments.get(key, "")
    if not value:
        raise LookUpFailed(f"the look-up '{name}' was asked without '{key}'")
    return value


def _body(template: str, arguments: Mapping[str, str]) -> str:
    return json.dumps(_filled(json.loads(template), arguments), ensure_ascii=False)


def _filled(value: object, arguments: Mapping[str, str]) -> object:
    if isinstance(value, str):
        return _PLACEHOLDER.sub(lambda match: arguments.get(match[1], ""), value)
    if isinstance(value, dict):
        return {key: _filled(one, arguments) for key, one in value.items()}
    if isinstance(value, list):
        return [_filled(one, arguments) for one in value]
    return value
