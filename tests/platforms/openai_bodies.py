"""The bodies that each kind of model server takes, strictly: a field that it does not know is an error."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field


class Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class Message(Strict):
    role: Literal["system", "user", "assistant"]
    content: str


class StreamOptions(Strict):
    include_usage: bool


class JsonSchema(Strict):
    name: str
    schema_: dict[str, object] = Field(alias="schema")
    strict: bool


class ResponseFormat(Strict):
    type: Literal["json_schema"]
    json_schema: JsonSchema


class Thinking(Strict):
    enable_thinking: bool


class ChatBody(Strict):
    """OpenAI's own fields."""

    model: str
    messages: list[Message] = Field(min_length=1)
    max_tokens: int = Field(gt=0)
    temperature: float = Field(ge=0, le=2)
    top_p: float = Field(gt=0, le=1)
    seed: int = Field(ge=0)
    stream: Literal[True]
    stream_options: StreamOptions
    frequency_penalty: float = 0
    presence_penalty: float = 0
    stop: list[str] = Field(default=[], max_length=4)
    response_format: ResponseFormat | None = None
    logprobs: bool = False
    top_logprobs: int | None = Field(default=None, ge=0, le=20)
    logit_bias: dict[str, float] | None = None


class LlamaLora(Strict):
    id: int
    scale: float


class LlamaBody(ChatBody):
    top_k: int
    min_p: float
    repeat_penalty: float
    stop: list[str] = []
    chat_template_kwargs: Thinking
    grammar: str = ""
    lora: list[LlamaLora] = []
    logit_bias: list[tuple[int, float]] | None = Field(default=None, strict=False)  # type: ignore[assignment]


class StructuredOutputs(Strict):
    grammar: str


class VllmBody(ChatBody):
    top_k: int = Field(ge=-1)
    min_p: float
    repetition_penalty: float
    stop: list[str] = []
    chat_template_kwargs: Thinking
    structured_outputs: StructuredOutputs | None = None
    guided_grammar: str = ""


class OllamaBody(ChatBody):
    stop: list[str] = []
    reasoning_effort: Literal["none", "low", "medium", "high"] | None = None


BODIES: dict[str, type[ChatBody]] = {"llama": LlamaBody, "vllm": VllmBody, "ollama": OllamaBody, "openai": ChatBody}
