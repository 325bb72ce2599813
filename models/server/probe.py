"""Asks a server what it is: which kind, which models, how long a context. No generation, unless Ollama must load its model."""

from __future__ import annotations

import re
from urllib.parse import quote

import structlog

from core.errors import ModelUnavailable
from models.server.faults import TryFailed
from models.server.host import Host
from models.server.kinds import Kind, Lora, Served
from models.server.wire import (
    Adapters,
    ListedModel,
    ModelList,
    OllamaProcesses,
    OllamaShow,
    OllamaTags,
    Props,
    Version,
    Wire,
)

log = structlog.get_logger("models.server")

_OLLAMA_CONTEXT = 4096  # its default on machines without a big GPU
_NUM_CTX = re.compile(r"^num_ctx\s+(\d+)", re.MULTILINE)


async def probe(host: Host, model: str) -> Served:
    """``model``: the name that the configuration gives; empty: the first one listed. Raises TryFailed."""
    health = await host.status("/health")
    if health >= 500 and health != 501:
        raise TryFailed(f"is not ready (GET /health: {health})", status=health, down=True)
    listed = await _models(host, model)
    if any(one.owned_by == "llamacpp" for one in listed):
        return await _llama(host, _chosen(host, listed, model))
    version, tags = await host.find("/api/version", Version), await host.find("/api/tags", OllamaTags)
    if version is not None and tags is not None:
        return await _ollama(host, _chosen(host, listed, model), version, tags)
    props = await host.find("/props", Props)
    if props is not None and props.default_generation_settings.n_ctx:
        return await _llama(host, _chosen(host, listed, model))
    version = await host.find("/version", Version)
    if any(one.owned_by == "vllm" for one in listed) or (version and _says_no_other(listed)):
        return _vllm(_chosen(host, listed, model), listed, version)
    return _other(_chosen(host, listed, model))


def _says_no_other(listed: tuple[ListedModel, ...]) -> bool:
    return any(one.max_model_len and not one.owned_by for one in listed)


async def _models(host: Host, model: str) -> tuple[ListedModel, ...]:
    try:
        listed = (await host.get("/models", ModelList)).data
    except TryFailed as failure:
        if failure.status != 404:
            raise
        if await host.find("/v1/models", ModelList) is not None and host.root == host.url:
            wrong = f"{host.url} has no /models, but {host.url}/v1 has: write {host.url}/v1 into model.server.urls"
            raise TryFailed(wrong, down=True, final=ModelUnavailable(wrong)) from failure
        if model:
            return (ListedModel(id=model),)
        wrong = f"{host.url} does not say which models it has: name one in model.server.model"
        raise TryFailed(wrong, down=True, final=ModelUnavailable(wrong)) from failure
    if not listed:
        wrong = f"{host.url} has no model: load one there (with Ollama: ollama pull qwen2.5:1.5b)"
        raise TryFailed("has no model", down=True, final=ModelUnavailable(wrong))
    return listed


def _chosen(host: Host, listed: tuple[ListedModel, ...], model: str) -> ListedModel:
    """The one that is named, by its whole name, an alias, its file's name, or Ollama's name without :latest."""
    if not model:
        return listed[0]
    for one in listed:
        names = {one.id, *(one.aliases or ()), one.id.removesuffix(":latest"), _stem(one.id), _stem(one.id) + ".gguf"}
        if model in names:
            return one
    has = ", ".join(one.id for one in listed)
    wrong = f"{host.url} has no model {model!r}; it has: {has}. Correct model.server.model"
    raise TryFailed(f"has no model {model!r}; it has: {has}", down=True, final=ModelUnavailable(wrong))


def _stem(name: str) -> str:
    """Of a file's path; other names stay as they are ("Qwen/Qwen2.5-1.5B")."""
    return re.split(r"[/\\]", name)[-1].removesuffix(".gguf") if name.endswith(".gguf") else name


# ── the kinds ────────────────────────────────────────────────────────────────────────────────────────────


async def _llama(host: Host, one: ListedModel) -> Served:
    props = await host.find(f"/props?model={quote(one.id)}", Props) or await host.find("/props", Props)
    meta = one.meta
    adapters = await host.find("/lora-adapters", Adapters)
    return Served(
        Kind.LLAMA,
        model=one.id,
        name=_stem(one.id),
        # Its name is a path, which may differ from machine to machine; these figures do not.
        identity=f"{_stem(one.id)} {meta.n_params} {meta.size} {meta.n_vocab}" if meta else _stem(one.id),
        context=(props and props.default_generation_settings.n_ctx) or 0,
        vocabulary=(meta and meta.n_vocab) or 0,
        loras={
            _stem(adapter.path): Lora(id=adapter.id, scale=adapter.scale or 1.0)
            for adapter in (adapters.root if adapters else ())
        },
    )


def _vllm(one: ListedModel, listed: tuple[ListedModel, ...], version: Version | None) -> Served:
    """A LoRA adapter is listed as a model, whose parent is the model that it changes."""
    parent = next((other for other in listed if other.id == one.parent), one)
    return Served(
        Kind.VLLM,
        model=one.id,
        name=one.id,
        identity=one.root or one.id,
        context=one.max_model_len or parent.max_model_len or 0,
        version=_numbers(version),
        loras={
            other.id: Lora(model=other.id) for other in listed if other.parent and other.parent in (one.id, one.root)
        },
    )


async def _ollama(host: Host, one: ListedModel, version: Version, tags: OllamaTags) -> Served:
    digest = next((tag.digest for tag in tags.models if tag.name == one.id), "")
    return Served(
        Kind.OLLAMA,
        model=one.id,
        name=one.id,
        identity=digest or one.id,
        context=await _ollama_context(host, one.id),
        version=_numbers(version),
    )


async def _ollama_context(host: Host, model: str) -> int:
    """What a loaded model really has. It cuts longer prompts in silence, so this must not be guessed too high."""
    running = await _ollama_running(host, model)
    if not running:  # an empty prompt loads the model, which the first shopper would have to wait for otherwise
        await host.find("/api/generate", Wire, {"model": model, "prompt": "", "stream": False}, patient=True)
        running = await _ollama_running(host, model)
    if running:
        return running
    show = await host.find("/api/show", OllamaShow, {"model": model})
    found = _NUM_CTX.search((show and show.parameters) or "")
    context = int(found.group(1)) if found else _OLLAMA_CONTEXT
    log.warning("the context of the model is assumed", url=host.url, model=model, context=context)
    return context


async def _ollama_running(host: Host, model: str) -> int:
    found = await host.find("/api/ps", OllamaProcesses) or OllamaProcesses()
    return next((one.context_length or 0 for one in found.models if model in (one.name, one.model)), 0)


def _other(one: ListedModel) -> Served:
    context = one.max_model_len or one.context_length or one.context_window or 0
    return Served(Kind.OTHER, model=one.id, name=one.id, identity=one.id, context=context)


def _numbers(version: Version | None) -> tuple[int, ...]:
    """Leading numbers: 0.11.0rc2 → (0, 11, 0)."""
    return tuple(int(part) for part in re.findall(r"\d+", version.version)[:3]) if version else ()
