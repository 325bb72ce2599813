"""The shape of a bot's files, strictly: an unknown key is a mistake. Reading them is core/botfile.py's part.

Every field's description stands in the README's configuration reference; a test holds the two together.
"""

from __future__ import annotations

import re
from datetime import date
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, ConfigDict, Field, NonNegativeFloat, field_validator, model_validator

from core.knowledge.sources.config import Catalogues, SourcesConfig
from core.lookups.config import LookUpConfig
from core.ports import Sampling
from core.recommend.config import RecommendConfig
from core.sections import LANGUAGE_TAG as LANGUAGE_TAG
from core.sections import SLUG as SLUG
from core.sections import Language, Secret, Section, Slug, Text, TextList, Texts
from core.testbench.config import EvalConfig
from core.trust.config import ClaimsConfig

# ── bot.yaml ─────────────────────────────────────────────────────────────────────────────────────────────


class LoraConfig(Section):
    """A LoRA adapter of the model, as a GGUF file; a persona names it in ``lora``."""

    path: Text = Field(description="the adapter's GGUF file; a relative path starts at the bot's folder")
    scale: float = Field(default=1.0, ge=-10, le=10, description="how strongly it is applied")


class ServerConfig(Section):
    """An OpenAI-compatible server (llama-server, vLLM, Ollama) instead of a model in this process."""

    urls: TextList = Field(
        min_length=1,
        description="its base URL, e.g. http://10.0.0.5:8000/v1; of several the healthy ones share the work",
    )
    model: str = Field(default="", description="the model's name there; empty: the first one that it lists")
    api_key: Secret | None = Field(default=None, description="the environment variable with its API key")
    connect_timeout_s: float = Field(default=5.0, gt=0, le=60, description="to wait for a connection")
    read_timeout_s: float = Field(default=120.0, gt=0, le=3600, description="to wait for the next part of an answer")
    retries: int = Field(default=3, ge=0, le=20, description="other tries before a request fails that had no text yet")

    @field_validator("urls")
    @classmethod
    def _http(cls, urls: list[str]) -> list[str]:
        for url in urls:
            if not re.fullmatch(r"https?://[^/?#\s@]+(/[^?#\s]*)?", url):
                raise ValueError(
                    f"{url!r} is no base URL; write for example http://127.0.0.1:8000/v1 (a key goes into .env)"
                )
        return [url.rstrip("/") for url in urls]


class ModelConfig(Section):
    """``model:`` in bot.yaml: the word ``bundled``, a path to a GGUF, or a mapping with these keys."""

    bundled: bool = Field(
        default=False, description="use SmolLM2-135M-Instruct, which is installed with Kefu (English)"
    )
    path: str = Field(default="", description="a GGUF file; a relative path starts at the bot's folder")
    repo: str = Field(default="", description="a Hugging Face repository, e.g. Qwen/Qwen2.5-1.5B-Instruct-GGUF")
    file: str = Field(default="", description="the GGUF file in that repository; downloaded once, resumed, checked")
    revision: str = Field(default="main", description="branch, tag or commit of the repository")
    server: ServerConfig | None = Field(
        default=None, description="an OpenAI-compatible server instead of a file; a mapping, see below"
    )
    languages: list[Language] = Field(
        default=["en"],
        min_length=1,
        description="languages the model writes well; others are answered by approved answers and quoted notes",
    )
    context: int = Field(
        default=4096, ge=512, le=131072, description="the longest prompt and answer of one request, in tokens"
    )
    parallel: int = Field(default=8, ge=1, le=64, description="how many answers are generated at once")
    loras: dict[Slug, LoraConfig] = Field(default={}, description="LoRA adapters by name; mappings, see below")
    gpu_layers: int = Field(default=0, ge=-1, description="layers on the GPU; -1: all; 0: none")
    gpu_split: Literal["layer", "row", "none"] = Field(
        default="layer", description="how several GPUs share the model: by layers, by rows, or only main_gpu"
    )
    gpu_shares: list[NonNegativeFloat] = Field(
        default=[], description="each GPU's share, e.g. [3, 1]; empty: by memory"
    )
    main_gpu: int = Field(default=0, ge=0, description="the GPU for gpu_split none, and for small tensors of row")
    gpu_cache: bool = Field(default=True, description="keep the KV cache of offloaded layers on the GPU, too")
    threads: int = Field(
        default=0, ge=0, description="the most CPU threads; 0: what measuring finds, at most what this process may use"
    )
    flash_attention: Literal["auto", "on", "off"] = Field(default="auto", description="auto: what measuring finds")
    kv_type: Literal["auto", "f16", "q8_0"] = Field(
        default="auto", description="how the KV cache is stored; auto: what measuring finds to be faster"
    )
    batch: int = Field(default=0, ge=0, le=8192, description="tokens evaluated in one call; 0: what measuring finds")
    tune: bool = Field(
        default=True, description="measure at the first load on a machine; the result is kept in the data folder"
    )
    speculate: bool = Field(
        default=False,
        description="draft from the prompt where it pays; near ties of the next word may fall differently",
    )
    spill_mb: int = Field(
        default=256, ge=0, description="memory for idle conversations that left the KV cache, in MB; 0: none"
    )
    wording: Literal["close", "free", ""] = Field(
        default="",
        description="how a generated answer may be worded: close to a sentence of the facts, or free but supported by them; "
        "empty: close for the bundled model, free for others",
    )

    @model_validator(mode="before")
    @classmethod
    def _from_word(cls, value: Any) -> Any:
        if isinstance(value, str):
            return {"bundled": True} if value == "bundled" else {"path": value}
        return value

    @model_validator(mode="after")
    def _exactly_one_source(self) -> Self:
        if [self.bundled, bool(self.path), bool(self.repo), self.server is not None].count(True) != 1:
            raise ValueError("needs exactly one of: bundled, path, repo (with file), server")
        if self.server is not None and self.loras:
            raise ValueError("loras are for a model in this process; a server has its own")
        if bool(self.repo) != bool(self.file):
            raise ValueError("repo and file belong together: repo names the repository, file the .gguf in it")
        return self

    @property
    def how_worded(self) -> Literal["close", "free"]:
        return self.wording or ("close" if self.bundled else "free")


BUNDLED_EMBEDDERS = {"bundled": "small", "bundled-large": "large"}


class EmbedderConfig(Section):
    """``embedder:`` in bot.yaml: the word ``bundled`` or ``bundled-large``, a path to a GGUF, or a mapping with these keys."""

    bundled: Literal["small", "large", ""] = Field(
        default="",
        description="sentence encoders that are installed with Kefu (Chinese, English and more): small answers in 3 ms, "
        "large is surer and needs ten times as long; where large does not run (only x86-64 Linux has it), it is small",
    )
    path: str = Field(default="", description="a GGUF file; a relative path starts at the bot's folder")
    repo: str = Field(default="", description="a Hugging Face repository, e.g. CompendiumLabs/bge-small-en-v1.5-gguf")
    file: str = Field(default="", description="the GGUF file in that repository; downloaded once, resumed, checked")
    revision: str = Field(default="main", description="branch, tag or commit of the repository")
    pooling: Literal["auto", "mean", "cls", "last"] = Field(
        default="auto", description="how the tokens' vectors become one; auto: as the file says, else their mean"
    )
    query_prefix: str = Field(default="", description='written before a question, e.g. "query: " for E5')
    passage_prefix: str = Field(default="", description='written before a passage, e.g. "passage: " for E5')
    context: int = Field(
        default=512, ge=16, le=8192, description="the longest text, in tokens; at most what the model was trained for"
    )
    gpu_layers: int = Field(default=0, ge=-1, description="layers on the GPU; -1: all; 0: none")
    threads: int = Field(default=0, ge=0, description="CPU threads; 0: as many as this process may use")

    @model_validator(mode="before")
    @classmethod
    def _from_word(cls, value: Any) -> Any:
        if isinstance(value, str):
            size = BUNDLED_EMBEDDERS.get(value)
            return {"bundled": size} if size else {"path": value}
        return value

    @model_validator(mode="after")
    def _exactly_one_source(self) -> Self:
        if [bool(self.bundled), bool(self.path), bool(self.repo)].count(True) != 1:
            raise ValueError("needs exactly one of: bundled, path, repo (with file)")
        if bool(self.repo) != bool(self.file):
            raise ValueError("repo and file belong together: repo names the repository, file the .gguf in it")
        return self


class WebConfig(Section):
    enabled: bool = Field(default=True, description="serve the chat page and the script for the shop's own site")
    suggestions: dict[Language, list[Text]] = Field(
        default={}, description="questions shown as buttons in an empty chat"
    )
    accent: str = Field(default="#0f766e", pattern=r"^#[0-9a-fA-F]{6}$", description="the colour of the page, #rrggbb")
    frame_ancestors: list[Text] = Field(
        default=["*"], description="sites that may show the chat in their pages, e.g. https://shop.example; '*': any"
    )


class TelegramConfig(Section):
    token: Secret = Field(
        default="TELEGRAM_BOT_TOKEN", description="the environment variable that holds the bot's token"
    )
    api_url: str = Field(default="https://api.telegram.org", pattern=r"^https?://", description="the Bot API server")
    webhook_url: str = Field(
        default="", description="the public https address of this server; empty: long polling (needs no public address)"
    )
    webhook_secret: Secret = Field(
        default="TELEGRAM_WEBHOOK_SECRET", description="the environment variable with the webhook's secret token"
    )
    stream: bool = Field(default=True, description="let the answer grow by edits as it is written")


class DiscordConfig(Section):
    token: Secret = Field(
        default="DISCORD_BOT_TOKEN", description="the environment variable that holds the bot's token"
    )
    api_url: str = Field(
        default="https://discord.com/api/v10", pattern=r"^https?://", description="the REST API's address"
    )
    threads: Literal["never", "busy", "always"] = Field(
        default="busy",
        description="open a thread for an answer in a channel: never, when others wrote in the last minute, or always",
    )
    stream: bool = Field(default=True, description="let the answer grow by edits as it is written")


class PlatformsConfig(Section):
    web: WebConfig = WebConfig()
    telegram: TelegramConfig | None = None
    discord: DiscordConfig | None = None


class LimitsConfig(Section):
    message_chars: int = Field(
        default=4000,
        ge=50,
        le=100_000,
        description="a longer message is not answered; the shopper is asked to shorten it",
    )
    reply_tokens: int = Field(default=160, ge=16, le=4096, description="the longest generated answer, in tokens")
    history_tokens: int = Field(
        default=1000, ge=0, description="how much of the conversation the model sees, newest first, in tokens"
    )
    passages: int = Field(
        default=2, ge=1, le=8, description="how many passages of the notes and catalogue the model is given"
    )
    history_lines: int = Field(default=500, ge=10, le=10_000, description="how many lines of a conversation are kept")
    retention_days: int = Field(
        default=90, ge=1, le=3650, description="a conversation is erased this long after its last message"
    )
    merge_ms: int = Field(
        default=600,
        ge=0,
        le=10_000,
        description="wait this long for more before answering, in milliseconds: a burst is one turn",
    )
    merges: int = Field(
        default=3,
        ge=0,
        le=20,
        description="how often an answer that is being made begins anew with what was added; what comes later is answered next",
    )
    concurrency: int = Field(
        default=16,
        ge=1,
        le=256,
        description="how many answers of this bot a process has generated at once; what needs none goes past the others",
    )
    tell_wait_s: float = Field(
        default=15.0, ge=0, le=3600, description="a shopper who has to wait longer for an answer is told so, in seconds"
    )
    busy_wait_s: float = Field(
        default=900.0,
        ge=0,
        le=86_400,
        description="who asks for the first time and would have to wait longer is sent to a person, in seconds",
    )


class PersonConfig(Section):
    """How a shopper reaches a person."""

    contact: Texts = Field(description="how to reach a person, for each language: hours, phone, e-mail")


class LadderConfig(Section):
    """How sure each rung of the answer ladder must be."""

    precision: float = Field(
        default=0.95,
        ge=0.5,
        lt=1,
        description="of what is found by meaning, the share that must be right, measured on the bot's own questions; "
        "0.8 answers more, 0.99 less",
    )


class BotConfig(Section):
    title: Texts = Field(description="the shop's name, for each language")
    languages: list[Language] = Field(
        min_length=1, description="languages the shop answers in; the first is the default"
    )
    persona: Slug = Field(description="the persona that answers: the name of a file in personas/ without .yaml")
    model: ModelConfig = Field(default=ModelConfig(bundled=True), description="bundled, a path to a GGUF, or a mapping")
    embedder: EmbedderConfig | None = Field(
        default=None,
        description="what finds by meaning beside the words: bundled, bundled-large, a path to a GGUF, a mapping (see below), "
        "or none: words alone",
    )
    claims: ClaimsConfig = Field(default=ClaimsConfig(), description="what a generated answer may say, see below")
    ladder: LadderConfig = Field(default=LadderConfig(), description="how sure an answer must be, see below")
    sources: SourcesConfig = Field(default=SourcesConfig(), description="where the notes are, and how they are cut")
    catalogue: Catalogues = Field(
        default=[], description="files with products, and what their fields mean; empty: catalog.csv, if it is there"
    )
    person: PersonConfig = Field(description="how a shopper reaches a person")
    lookups: dict[Slug, LookUpConfig] = Field(
        default={}, description="what is looked up in the shop's own API, by name; mappings, see below"
    )
    recommend: RecommendConfig = Field(default=RecommendConfig(), description="how products are recommended, see below")
    platforms: PlatformsConfig = Field(default=PlatformsConfig(), description="where the bot answers")
    limits: LimitsConfig = Field(default=LimitsConfig(), description="sizes and times")
    eval: EvalConfig = Field(default=EvalConfig(), description="what the test bench must find, see below")

    @field_validator("embedder", mode="before")
    @classmethod
    def _none(cls, value: Any) -> Any:
        return None if value == "none" else value


# ── personas/*.yaml ──────────────────────────────────────────────────────────────────────────────────────


class Example(Section):
    shopper: Text = Field(description="what a shopper writes")
    reply: Text = Field(description="what the persona answers")


class SamplingConfig(Sampling):
    """``sampling:`` of a persona; see core.ports.Sampling."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class PersonaConfig(Section):
    name: Texts = Field(description="the persona's name, for each language")
    languages: list[Language] = Field(
        default=[], description="languages this persona answers in; empty: all of the bot's"
    )
    voice: Text = Field(description="how the persona speaks, in a sentence or two")
    instructions: Text = Field(description="what the persona is there for and how it behaves")
    greeting: Texts = Field(description="the first message, for each language")
    disclosure: Texts = Field(description="says that a bot answers (EU AI Act Art. 50), for each language")
    dos: TextList = Field(default=[], description="what the persona always does")
    donts: TextList = Field(default=[], description="what the persona never does")
    examples: list[Example] = Field(default=[], description="sample exchanges that show the voice")
    sampling: SamplingConfig = Field(default=SamplingConfig(), description="how the model draws its words")
    lora: Slug | None = Field(default=None, description="one of the adapters in model.loras of bot.yaml")
    triggers: TextList = Field(default=[], description="words that call the bot in a group, without a mention")


# ── answers.yaml, catalog.csv ────────────────────────────────────────────────────────────────────────────


class AnswerButtonConfig(Section):
    label: Texts = Field(description="what stands on it, for each language of the answer; at most 40 characters")
    text: dict[Language, Text] = Field(
        default={}, description="what pressing it asks, for each language; empty: its label. May be a command: /human"
    )
    url: str = Field(default="", description="what pressing it opens instead, e.g. https://shop.example/sizes")

    @field_validator("label")
    @classmethod
    def _short(cls, label: dict[str, str]) -> dict[str, str]:
        for text in label.values():
            if len(text) > 40 or "\n" in text:
                raise ValueError(f"{text[:60]!r} does not fit on a button: at most 40 characters in one line")
        return label

    @field_validator("url")
    @classmethod
    def _address(cls, url: str) -> str:
        return _web_address(url)

    @model_validator(mode="after")
    def _one_way_on(self) -> Self:
        if self.text and self.url:
            raise ValueError("asks a text or opens a url, not both")
        missing = sorted(set(self.label) - set(self.text)) if self.text else []
        if missing:
            raise ValueError(f"has a label but no text in: {', '.join(missing)}")
        return self


class ApprovedAnswerConfig(Section):
    id: Slug = Field(description="the answer's name, e.g. delivery-cost")
    questions: Annotated[dict[Language, TextList], Field(min_length=1)] = Field(
        description="how shoppers ask it, for each language"
    )
    answer: Texts = Field(description="the answer, for each language (Markdown)")
    only_asked: bool = Field(
        default=False, description="sent to its own questions alone, never quoted for one that is near: small talk"
    )
    valid_from: date | None = Field(default=None, description="not used before this day")
    valid_until: date | None = Field(default=None, description="not used after this day")
    buttons: Annotated[list[AnswerButtonConfig], Field(max_length=5)] = Field(
        default=[], description="ways on beside the answer, at most 5; mappings"
    )

    @model_validator(mode="after")
    def _same_languages(self) -> Self:
        missing = sorted(set(self.questions) - set(self.answer))
        if missing:
            raise ValueError(f"has questions but no answer in: {', '.join(missing)}")
        if self.valid_from and self.valid_until and self.valid_until < self.valid_from:
            raise ValueError("valid_until lies before valid_from")
        return self


def _web_address(value: str) -> str:
    value = value.strip()
    if value and not WEB_ADDRESS.fullmatch(value):
        raise ValueError(f"{value[:80]!r} is no address of the web; write for example https://shop.example/mug.jpg")
    return value


WEB_ADDRESS = re.compile(r"https?://[^/?#\s@]+([/?#]\S*)?")
WebAddress = Annotated[str, AfterValidator(_web_address)]
Price = Annotated[str, Field(pattern=r"^\d+(\.\d{1,2})?$")]


class VariantConfig(Section):
    """One way in which a product is sold: a size, a colour. ``options``: e.g. colour → blue."""

    sku: Text = Field(description="the shop's number of the variant")
    options: dict[Text, Text] = Field(default={}, description="what sets it apart, e.g. size: M")
    price: Price = Field(description="e.g. 12.50")
    stock: int | None = Field(ge=0, description="how many are there; none: there are some, nobody counts them")
    image: WebAddress = Field(default="", description="the address of its picture")

    @property
    def in_stock(self) -> bool:
        return self.stock is None or self.stock > 0


class ProductConfig(Section):
    """A product of the catalogue, as a row of catalog.csv or from another file by its mapping.

    ``name_*`` and ``description_*`` end in a language. A product with ``variants`` costs as little as its cheapest one
    in stock, and its ``stock`` is that of all.
    """

    sku: Text = Field(description="the shop's number of the product")
    names: Texts = Field(description="columns name_en, name_zh, …")
    descriptions: dict[Language, Text] = Field(default={}, description="columns description_en, description_zh, …")
    category: str = Field(default="", description="e.g. green tea")
    price: Price = Field(description="e.g. 12.50")
    currency: Annotated[str, Field(pattern=r"^[A-Z]{3}$")] = Field(description="ISO 4217, e.g. EUR")
    unit: str = Field(default="", description="what the price is for, e.g. 50 g")
    stock: int | None = Field(ge=0, description="how many are there; 0: it is sold out")
    tags: str = Field(default="", description="words to be found by, separated by ;")
    url: WebAddress = Field(default="", description="the address of its page in the shop")
    image: WebAddress = Field(default="", description="the address of its picture")
    variants: tuple[VariantConfig, ...] = Field(default=(), description="sizes, colours and the like")

    @property
    def in_stock(self) -> bool:
        return self.stock is None or self.stock > 0
