"""Texts to vectors by a GGUF model of one's own: an embedder (BERT, E5, BGE, …), or any text model, pooled."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Literal, ParamSpec, Protocol, Self, TypeVar

import numpy as np
from numpy.typing import NDArray

from core.config import EmbedderConfig, ModelConfig
from core.errors import GenerationFailed, ModelUnavailable, PromptTooLong, RequestInvalid
from core.ports import EmbedderInfo
from models.digest import file_digest
from models.gguf import check_embedder
from models.machine import usable_threads
from models.runner import DecodeFailed
from models.source import ModelFile, Purpose, find_model
from models.thread import in_own_thread

if TYPE_CHECKING:
    from models.download import Hub, Progress
    from models.llama.embedding import LlamaEmbedding

Kind = Literal["query", "passage"]
Vectors = NDArray[np.float32]
Params = ParamSpec("Params")
Result = TypeVar("Result")

EMBEDDER = Purpose("embedder", "an embedding model", check_embedder)


class Evaluator(Protocol):
    """What the embedder needs of the library; models/llama/embedding.py is the real one. One thread at a time."""

    dimensions: int
    max_tokens: int
    batch: int
    sequences: int

    def tokenize(self, text: str) -> list[int]: ...

    def is_empty(self, tokens: Sequence[int]) -> bool: ...

    def embed(self, texts: Sequence[Sequence[int]]) -> Vectors: ...

    def close(self) -> None: ...


async def load_embedder(
    config: EmbedderConfig,
    base_dir: Path,
    *,
    data_dir: Path | None = None,
    progress: Callable[[Progress], None] | None = None,
    hub: Hub | None = None,
) -> GgufEmbedder:
    """The opened embedder; close it with ``aclose()``, or use it in ``async with``.

    ``base_dir``: the bot's folder, where relative paths begin. ``data_dir`` keeps the digests of big files.
    ``progress``: told about a download, from another thread. Raises ModelUnavailable with one sentence to act on.
    """
    source = ModelConfig(path=config.path, repo=config.repo, file=config.file, revision=config.revision)
    file = await find_model(source, base_dir, progress=progress, hub=hub, purpose=EMBEDDER)
    digest = await asyncio.to_thread(file_digest, file.path, data_dir)
    opening = asyncio.create_task(in_own_thread(lambda: _open(file, config)))
    try:
        evaluator = await asyncio.shield(opening)
    except asyncio.CancelledError:
        opening.add_done_callback(_close_unused)
        raise
    info = EmbedderInfo(
        name=file.path.stem, digest=digest, dimensions=evaluator.dimensions, max_tokens=evaluator.max_tokens
    )
    return GgufEmbedder(info, evaluator, {"query": config.query_prefix, "passage": config.passage_prefix})


def _open(file: ModelFile, config: EmbedderConfig) -> LlamaEmbedding:
    from models.llama.embedding import EmbeddingOptions, open_embedding  # takes a second
    from models.llama.library import LlamaError

    options = EmbeddingOptions(
        context=config.context,
        threads=config.threads or usable_threads(),
        pooling=config.pooling,
        gpu_layers=config.gpu_layers,
    )
    try:
        return open_embedding(file.path, options)
    except LlamaError as error:
        raise ModelUnavailable(
            f"{file.named} cannot be used as an embedder ({error}): choose another GGUF model in embedder of bot.yaml"
        ) from error


def _close_unused(opening: asyncio.Task[LlamaEmbedding]) -> None:
    if not opening.cancelled() and opening.exception() is None:
        opening.result().close()


class GgufEmbedder:
    """The port Embedder. Evaluates on a thread of its own, one batch after the other, in turns for all callers.

    A cancelled call gives up its batches that have not begun.
    """

    def __init__(self, info: EmbedderInfo, evaluator: Evaluator, prefixes: Mapping[Kind, str]) -> None:
        self.info = info
        self._evaluator = evaluator
        self._prefixes = prefixes
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="kefu-embedder")
        self._closed = False
        self._freed = False

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()

    async def embed(self, texts: Sequence[str], *, kind: Kind = "passage") -> Vectors:
        """Vectors of length 1, shape (len(texts), dimensions), in order.

        Raises PromptTooLong with the tokens of the first text that is too long, prefix included (nothing is cut);
        RequestInvalid if a text is empty or blank, which has no direction; GenerationFailed if the library fails, or the
        embedder is closed meanwhile.
        """
        for number, text in enumerate(texts):
            if not text.strip():
                raise RequestInvalid(f"text {number + 1} of {len(texts)} is empty: leave it out, it has no meaning")
        vectors = np.empty((len(texts), self.info.dimensions), np.float32)
        prefix = self._prefixes[kind]
        done = 0
        tokenised = [await self._call(self._read, prefix, text, number) for number, text in enumerate(texts)]
        for batch in _batches(tokenised, self._evaluator.batch, self._evaluator.sequences):
            vectors[done : done + len(batch)] = await self._call(self._evaluator.embed, batch)
            done += len(batch)
        return vectors

    async def aclose(self) -> None:
        """Ends the batch that is running; who still waits gets GenerationFailed. Again does no harm."""
        self._closed = True
        await asyncio.to_thread(self._thread.shutdown)
        if not self._freed:
            self._freed = True
            self._evaluator.close()

    def _read(self, prefix: str, text: str, number: int) -> list[int]:
        tokens = self._evaluator.tokenize(prefix + text)
        if len(tokens) > self.info.max_tokens:
            raise PromptTooLong(len(tokens), self.info.max_tokens)
        if self._evaluator.is_empty(tokens):
            raise RequestInvalid(f"text {number + 1} has nothing that the model can read: {text[:40]!r}")
        return tokens

    async def _call(self, work: Callable[Params, Result], *args: Params.args, **kwargs: Params.kwargs) -> Result:
        """On the thread."""

        def run() -> Result:
            if self._closed:
                raise GenerationFailed("the embedder is closed")
            try:
                return work(*args, **kwargs)
            except DecodeFailed as error:
                raise GenerationFailed(f"the texts could not be embedded: {error}") from error

        if self._closed:
            raise GenerationFailed("the embedder is closed")
        return await asyncio.get_running_loop().run_in_executor(self._thread, run)


def _batches(texts: Sequence[list[int]], tokens: int, sequences: int) -> Iterator[list[list[int]]]:
    """In order, as many in each as ``tokens`` and ``sequences`` allow."""
    batch: list[list[int]] = []
    for text in texts:
        if batch and (len(batch) == sequences or sum(map(len, batch)) + len(text) > tokens):
            yield batch
            batch = []
        batch.append(text)
    if batch:
        yield batch
