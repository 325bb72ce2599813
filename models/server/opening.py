"""Opens the servers that a configuration names: who is there, do they have the same model, how long is its context?"""

from __future__ import annotations

import asyncio
import ssl
import time
from collections.abc import Callable, Mapping, Sequence
from itertools import count

import httpx
import structlog

from core.config import ModelConfig, ServerConfig
from core.errors import ModelUnavailable
from core.ports import ModelInfo
from models.server.backoff import Pace
from models.server.estimate import Estimate
from models.server.faults import TryFailed
from models.server.host import Host
from models.server.kinds import Kind, Served
from models.server.model import ServerModel
from models.server.pool import Member, Pool
from models.server.probe import probe
from models.server.tokens import measure

log = structlog.get_logger("models.server")

_KEEP_ALIVE_S = (
    2.0  # below what servers keep an idle connection for (vLLM, llama-server: 5 s), or a request meets its end
)


async def open_server(config: ModelConfig, secrets: Mapping[str, str], *, pace: Pace | None = None) -> ServerModel:
    """The model at ``config.server``; close it with ``aclose()``, or use it in ``async with``.

    ``secrets``: by the names of environment variables. One server that can be used is enough; the others are waited for in
    the background. A server that is loading its model is waited for. Raises ModelUnavailable with what to do.
    """
    assert config.server is not None, "open_server is for model.server"
    server, pace = config.server, pace or Pace()
    client = _client(server, _key(server, secrets))
    try:
        hosts = [Host(url, client, server.api_key) for url in dict.fromkeys(server.urls)]
        looked = await _look_at(hosts, server, pace)
        return await _model(config, server, client, looked, pace)
    except BaseException:
        await client.aclose()
        raise


async def _model(
    config: ModelConfig, server: ServerConfig, client: httpx.AsyncClient, looked: Mapping[Host, Looked], pace: Pace
) -> ServerModel:
    first = next((found for found in looked.values() if isinstance(found, Served)), None)
    if first is None:
        raise ModelUnavailable(_none_usable(looked))
    same = [found for found in looked.values() if isinstance(found, Served) and found.identity == first.identity]
    context = min([config.context, *(served.context for served in same if served.context)])
    fit = _fitting(first, context)
    members = [_member(host, found, first, fit) for host, found in looked.items()]
    estimate = Estimate()
    await _measure(members, estimate)
    info = ModelInfo(
        name=first.name, digest=first.digest, context_tokens=context, languages=tuple(dict.fromkeys(config.languages))
    )
    _tell(members, info)

    async def again(host: Host) -> Served:
        return await probe(host, server.model)

    return ServerModel(info, Pool(members, again, fit, pace), client, server, estimate, pace)


# ── the client ───────────────────────────────────────────────────────────────────────────────────────────


def _key(server: ServerConfig, secrets: Mapping[str, str]) -> str | None:
    if server.api_key is None:
        return None
    key = secrets.get(server.api_key, "")
    if not key:
        raise ModelUnavailable(
            f"there is no {server.api_key} in .env or the environment: put the API key of {server.urls[0]} into .env as "
            f"{server.api_key}=…, or remove model.server.api_key if the server wants none"
        )
    if not (key.isascii() and key.isprintable()):
        raise ModelUnavailable(f"{server.api_key} holds characters that no API key has: copy the key into .env again")
    return key


def _client(server: ServerConfig, key: str | None) -> httpx.AsyncClient:
    headers = {"User-Agent": "kefu", "Accept-Encoding": "identity"} | (
        {"Authorization": f"Bearer {key}"} if key else {}
    )
    plain = all(url.startswith("http:") for url in server.urls)
    return httpx.AsyncClient(
        verify=ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        if plain
        else True,  # it trusts nobody; reading the CAs takes long
        headers=headers,
        timeout=httpx.Timeout(server.read_timeout_s, connect=server.connect_timeout_s, pool=None),
        limits=httpx.Limits(max_connections=None, max_keepalive_connections=64, keepalive_expiry=_KEEP_ALIVE_S),
    )


# ── the first look ───────────────────────────────────────────────────────────────────────────────────────

Looked = Served | TryFailed


async def _look_at(hosts: Sequence[Host], server: ServerConfig, pace: Pace) -> Mapping[Host, Looked]:
    """Until one can be used, or none will be. One that loads its model may take as long as an answer may."""
    looked: dict[Host, Looked] = {}
    patience = time.monotonic() + server.read_timeout_s
    for n in count():
        waiting = [host for host in hosts if host not in looked or _may_come(looked[host])]
        looked |= dict(
            zip(waiting, await asyncio.gather(*(_look(host, server.model) for host in waiting)), strict=True)
        )
        if any(isinstance(found, Served) for found in looked.values()) or not any(map(_may_come, looked.values())):
            break
        loading = any(isinstance(found, TryFailed) and found.status == 503 for found in looked.values())
        if n >= server.retries and not (loading and time.monotonic() < patience):
            break
        await asyncio.sleep(pace.delay(n))
    return {host: looked[host] for host in hosts}


async def _look(host: Host, model: str) -> Looked:
    try:
        return await probe(host, model)
    except TryFailed as failure:
        return failure


def _may_come(found: Looked) -> bool:
    return isinstance(found, TryFailed) and found.final is None


def _none_usable(looked: Mapping[Host, Looked]) -> str:
    failures = {host: found for host, found in looked.items() if isinstance(found, TryFailed)}
    told = [str(failure.final or f"{host.url} {failure}") for host, failure in failures.items()]
    hint = (
        ""
        if any(failure.final for failure in failures.values())
        else "; is it running, and is model.server.urls right?"
    )
    return f"no model server can be used: {'; '.join(told)}{hint}"


# ── who belongs together ─────────────────────────────────────────────────────────────────────────────────


def _fitting(first: Served, context: int) -> Callable[[Served], str]:
    def fit(served: Served) -> str:
        if served.identity != first.identity:
            return f"serves another model ({served.name}) than the one in use ({first.name})"
        if served.context and served.context < context:
            return f"has a context of {served.context} tokens, less than the {context} in use"
        return ""

    return fit


def _member(host: Host, found: Looked, first: Served, fit: Callable[[Served], str]) -> Member:
    if isinstance(found, TryFailed):
        return Member(host, first, trouble=str(found))
    wrong = fit(found)
    return Member(host, found, trouble=wrong, unfit=bool(wrong))


async def _measure(members: Sequence[Member], estimate: Estimate) -> None:
    """Once: the same model counts the same everywhere."""
    for member in members:
        if not member.trouble and member.served.kind.counts:
            try:
                weights = await measure(member.host, member.served)
            except TryFailed as failure:
                log.warning("the model server does not count tokens", url=member.host.url, reason=str(failure))
                continue
            if weights is not None:
                estimate.measured(weights)
                return


def _tell(members: Sequence[Member], info: ModelInfo) -> None:
    for member in members:
        if member.trouble:
            log.warning("model server down", url=member.host.url, reason=member.trouble)
            continue
        log.info("model server", url=member.host.url, kind=str(member.served.kind), model=info.name)
        if member.served.kind in (Kind.OLLAMA, Kind.OTHER):
            log.info("its own top_k, min_p and repeat_penalty apply", url=member.host.url)
