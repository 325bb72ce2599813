"""The kinds of servers that are known, and what one of them said about itself."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum


class Kind(StrEnum):
    LLAMA = "llama-server"
    VLLM = "vLLM"
    OLLAMA = "Ollama"
    OTHER = "OpenAI-compatible"

    @property
    def counts(self) -> bool:
        """It tokenises for us."""
        return self in (Kind.LLAMA, Kind.VLLM)


@dataclass(frozen=True, slots=True)
class Lora:
    """llama-server: ``id`` and ``scale``; vLLM: ``model``, the name to ask for."""

    id: int = 0
    scale: float = 1.0
    model: str = ""


@dataclass(frozen=True, slots=True)
class Served:
    """``model``: what to ask for; ``name``: for people; ``identity``: equal where the same model is served, wherever
    its file lies; ``context``: tokens of one request, 0 if it does not say; ``vocabulary``: its size, 0 if unknown.
    """

    kind: Kind
    model: str
    name: str
    identity: str
    context: int = 0
    vocabulary: int = 0
    version: tuple[int, ...] = ()
    loras: Mapping[str, Lora] = field(default_factory=dict)

    @property
    def digest(self) -> str:
        """64 hexadecimal digits, like that of a model file: Ollama's own digest, or SHA-256 of the identity."""
        own = self.identity.removeprefix("sha256:")
        if len(own) == 64 and all(digit in "0123456789abcdef" for digit in own):
            return own
        return hashlib.sha256(self.identity.encode()).hexdigest()
