"""python -m bots embed: what a bot's embedding model makes of a few texts, so that its owner can see whether it is any good."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, Field
from rich.console import Console
from rich.table import Table
from rich.text import Text

from bots.engines import open_embedder
from bots.progress import opening
from bots.settings import Settings
from core.botfile import load_bot
from core.errors import ConfigError, Problem
from core.ports import EmbedderInfo


class EmbeddingsJson(BaseModel):
    """What --json prints. ``similarity``: cosine of each text with each, in the order of ``texts``."""

    model: str
    digest: str
    dimensions: int
    max_tokens: int
    kind: str
    texts: list[str]
    similarity: list[list[float]]
    vectors: list[list[float]] = Field(description="one for each text, of length 1")


async def embed(
    folder: Path,
    settings: Settings,
    texts: Sequence[str],
    *,
    kind: Literal["query", "passage"],
    as_json: bool,
    out: Console,
    err: Console,
) -> None:
    """Raises ConfigError: the bot has mistakes, or no embedder; ModelError: the model or a text cannot be used."""
    bot = load_bot(folder)
    config = bot.config.embedder
    if config is None:
        raise ConfigError((Problem("bot.yaml", 0, "embedder", "is missing", _RIGHT),))
    with opening(err) as progress, progress.step("Loading the embedding model"):
        embedder = await open_embedder(config, bot.folder, data_dir=settings.data_dir, progress=progress)
    async with embedder:
        vectors = await embedder.embed(texts, kind=kind)
    if as_json:
        print(_as_json(embedder.info, kind, texts, vectors).model_dump_json(), flush=True)
    else:
        _show(out, embedder.info, texts, vectors)


_RIGHT = "Write for example embedder: bundled, or a path to a GGUF, see README.md, Configuration reference"


def _as_json(info: EmbedderInfo, kind: str, texts: Sequence[str], vectors: NDArray[np.float32]) -> EmbeddingsJson:
    return EmbeddingsJson(
        model=info.name,
        digest=info.digest,
        dimensions=info.dimensions,
        max_tokens=info.max_tokens,
        kind=kind,
        texts=list(texts),
        similarity=np.round((vectors @ vectors.T).astype(float), 4).tolist(),
        vectors=vectors.astype(float).tolist(),
    )


def _show(out: Console, info: EmbedderInfo, texts: Sequence[str], vectors: NDArray[np.float32]) -> None:
    out.print(
        Text.assemble((info.name, "bold"), f" · {info.dimensions} dimensions · texts up to {info.max_tokens} tokens")
    )
    if len(texts) == 1:
        return
    table = Table("", "text", *(str(number + 1) for number in range(len(texts))))
    for number, (text, row) in enumerate(zip(texts, vectors @ vectors.T, strict=True)):
        table.add_row(str(number + 1), Text(text), *(f"{value:.2f}" for value in row))
    out.print(table)
