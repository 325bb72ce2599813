"""A request in the words of each kind of server. Fields outside of OpenAI's own go only to servers that are known to take them."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

from core.errors import RequestInvalid
from core.ports import GenerationRequest, Sampling
from models.server.kinds import Kind, Served

_FEW_STOPS = 4  # more are refused by strict servers; the answer is cut at all of them here anyway
_NEWER_GRAMMAR = (0, 11)  # of vLLM: structured_outputs in place of guided_grammar
_KNOWS_NO_THINKING = (0, 12)  # of Ollama: reasoning_effort may be none


def chat_body(request: GenerationRequest, served: Served, seed: int, bias: Mapping[int, float]) -> dict[str, object]:
    """``bias``: of the request, by token. Raises RequestInvalid: this server cannot do what is asked."""
    sampling = request.sampling
    body: dict[str, object] = {
        "model": _model(request, served),
        **messages(request, served),
        "max_tokens": request.max_tokens,
        "temperature": sampling.temperature,
        "top_p": sampling.top_p,
        "seed": seed,
        "stream": True,
        "stream_options": {"include_usage": True},
        **_penalties(sampling),
        **_own_sampling(sampling, served.kind),
        **_shape(request, served),
        **_bias(bias, served),
        **_lora(request, served),
    }
    if request.stop:
        body["stop"] = list(request.stop if served.kind is not Kind.OTHER else request.stop[:_FEW_STOPS])
    if request.logprobs is not None:
        body |= {"logprobs": True, "top_logprobs": max(1, request.logprobs)}  # llama-server gives none for 0
    return body


def messages(request: GenerationRequest, served: Served) -> dict[str, object]:
    """The chat, and that the model shall answer at once: a shopper does not wait for it to think aloud."""
    body: dict[str, object] = {
        "messages": [{"role": message.role, "content": message.content} for message in request.messages]
    }
    if served.kind in (Kind.LLAMA, Kind.VLLM):
        body["chat_template_kwargs"] = {"enable_thinking": False}
    elif served.kind is Kind.OLLAMA and served.version >= _KNOWS_NO_THINKING:
        body["reasoning_effort"] = "none"
    return body


def _model(request: GenerationRequest, served: Served) -> str:
    return served.loras[request.lora].model or served.model if request.lora in served.loras else served.model


def _penalties(sampling: Sampling) -> dict[str, object]:
    values = {"frequency_penalty": sampling.frequency_penalty, "presence_penalty": sampling.presence_penalty}
    return {name: value for name, value in values.items() if value}


def _own_sampling(sampling: Sampling, kind: Kind) -> dict[str, object]:
    if kind is Kind.LLAMA:
        return {"top_k": sampling.top_k, "min_p": sampling.min_p, "repeat_penalty": sampling.repeat_penalty}
    if kind is Kind.VLLM:  # older ones know only -1 for "off"
        return {
            "top_k": sampling.top_k or -1,
            "min_p": sampling.min_p,
            "repetition_penalty": sampling.repeat_penalty,
        }
    return {}


def _shape(request: GenerationRequest, served: Served) -> dict[str, object]:
    if request.json_schema:
        try:
            schema = json.loads(request.json_schema)
        except ValueError as error:
            raise RequestInvalid(f"json_schema is no JSON: {error}") from error
        named = {"name": "answer", "schema": schema, "strict": True}
        return {"response_format": {"type": "json_schema", "json_schema": named}}
    if not request.grammar:
        return {}
    if served.kind is Kind.LLAMA:
        return {"grammar": request.grammar}
    if served.kind is Kind.VLLM:
        newer = not served.version or served.version >= _NEWER_GRAMMAR
        return {"structured_outputs": {"grammar": request.grammar}} if newer else {"guided_grammar": request.grammar}
    raise RequestInvalid(f"{_this(served)} takes no grammar; it may take a json_schema")


def _bias(bias: Mapping[int, float], served: Served) -> dict[str, object]:
    if not bias:
        return {}
    if served.kind is Kind.OLLAMA:
        raise RequestInvalid(f"{_this(served)} takes no logit_bias")
    wrong = [token for token in bias if token < 0 or (served.vocabulary and token >= served.vocabulary)]
    if wrong:
        most = f"0 to {served.vocabulary - 1}" if served.vocabulary else "0 and above"
        raise RequestInvalid(f"logit_bias: the model {served.name} has no token {wrong[0]}; it has {most}")
    if served.kind is Kind.LLAMA:
        return {"logit_bias": [[token, value] for token, value in bias.items()]}
    return {"logit_bias": {str(token): value for token, value in bias.items()}}


def _lora(request: GenerationRequest, served: Served) -> dict[str, object]:
    if not request.lora:
        return {}
    if request.lora not in served.loras:
        raise RequestInvalid(f"{_this(served)} has no LoRA adapter {request.lora!r}; {_adapters(served)}")
    adapter = served.loras[request.lora]
    return {"lora": [{"id": adapter.id, "scale": adapter.scale}]} if served.kind is Kind.LLAMA else {}


def _adapters(served: Served) -> str:
    if served.loras:
        return f"it has: {', '.join(served.loras)}"
    return {
        Kind.LLAMA: "start it with --lora FILE.gguf",
        Kind.VLLM: "start it with --enable-lora --lora-modules NAME=PATH",
    }.get(served.kind, "use llama-server or vLLM for adapters")


def texts_of_bias(request: GenerationRequest, served: Served) -> Sequence[str]:
    """The texts that the server must turn into tokens first. Raises RequestInvalid if it cannot."""
    texts = [one.token for one in request.logit_bias if isinstance(one.token, str)]
    if texts and not served.kind.counts:
        raise RequestInvalid(f"{_this(served)} does not tokenise for us: logit_bias needs token ids, not {texts[0]!r}")
    return texts


def _this(served: Served) -> str:
    return f"the model server ({served.kind})" if served.kind is not Kind.OTHER else "a plain OpenAI-compatible server"
