"""The bound: the same work through the bare loop of the library, without scheduler, sampling, text or event loop.

Everything that Python does for a token (its place in a batch) is done before the clock runs: what is measured is a loop
of ``llama_decode``. The model is opened as the engine opens it, with the options that the engine chose. Nobody can be
faster with this library, this build and these options; how near one comes measures everything around it.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import TYPE_CHECKING, cast

from tests.bench.child import Child
from tests.bench.kefu import CONTEXT, Tuned
from tests.bench.work import Said

if TYPE_CHECKING:
    from llama_cpp import llama_cpp as lib

_PLACE_CELLS = 1024
# The engine begins from rest, with threads and cores asleep until the shoppers ask; so does the loop.
_REST_S = 0.5
_TOKEN = 1000  # any: what is computed does not depend on it

Row = tuple[int, int, bool]  # sequence, position, whether its logits are wanted


@dataclass(frozen=True, slots=True)
class Work:
    """``shared`` prompt tokens are evaluated once, or are there already; of them each reply takes its ``starts``, then
    evaluates its own prompt and draws its text.
    """

    shared: int
    shared_is_there: bool
    starts: tuple[int, ...]
    own: tuple[int, ...]
    drawn: tuple[int, ...]


def work_of(said: Sequence[Said], *, shared_is_there: bool) -> Work:
    """What these answers took at least: the beginning that all share is evaluated once, by the first of them. What was
    there before need not be the same for all: one may have found more of its prompt than the others.
    """
    common = sorted(one.cached for one in said)[min(1, len(said) - 1)] if len(said) > 1 or shared_is_there else 0
    starts = tuple(max(common, one.cached) if shared_is_there else common for one in said)
    return Work(
        max(starts),
        shared_is_there,
        starts,
        tuple(max(1, one.prompt - start) for one, start in zip(said, starts, strict=True)),
        tuple(max(1, one.tokens) for one in said),
    )


class Bound:
    """The bare loop in a process of its own, opened as the engine opens the model for so many ``places``."""

    def __init__(self, model: Path, places: int, tuned: Tuned) -> None:
        self._child = Child("the bare loop", _serve, model, places, tuned)

    def seconds(self, work: Work) -> float:
        """Raises ChildFailed."""
        return cast(float, self._child.call(work))

    def close(self) -> None:
        self._child.close()


def _serve(pipe: Connection, model: Path, places: int, tuned: Tuned) -> None:
    loop = _Loop(model, places, tuned)
    pipe.send(None)
    while (work := pipe.recv()) is not None:
        pipe.send(loop.seconds(cast(Work, work)))
    loop.close()


class _Loop:
    def __init__(self, model: Path, places: int, tuned: Tuned) -> None:
        from models.llama import LoadOptions, open_model  # first: it decides how the library's threads wait

        options = LoadOptions(
            context=CONTEXT,
            cells=CONTEXT + (places - 1) * _PLACE_CELLS,
            parallel=places,
            threads=tuned.threads,
            flash_attention=tuned.flash_attention,
            kv_type=tuned.kv_type,
            batch=tuned.batch,
        )
        self._runner = open_model(model, options).runner
        self._context = self._runner._context  # the bare handle is what this is about
        self._shared = self._runner.limits.sequences - 1

    def seconds(self, work: Work) -> float:
        from llama_cpp import llama_cpp as lib

        memory = lib.llama_get_memory(self._context)
        with _Batches(self._runner.limits.batch) as batches:
            shared = batches.of((self._shared, position, False) for position in range(work.shared))
            prompts = batches.of(_prompt_rows(work))
            steps = [batches.of(rows) for rows in _step_rows(work)]
            self._runner.clear()
            if work.shared_is_there:
                self._decode(shared)
            time.sleep(_REST_S)
            started = time.perf_counter()
            if not work.shared_is_there:
                self._decode(shared)
            for reply, start in enumerate(work.starts):
                lib.llama_memory_seq_cp(memory, self._shared, reply, 0, start)
            self._decode(prompts)
            for step in steps:
                self._decode(step)
            return time.perf_counter() - started

    def _decode(self, batches: Sequence[lib.llama_batch]) -> None:
        from llama_cpp import llama_cpp as lib

        for batch in batches:
            if status := lib.llama_decode(self._context, batch):
                raise RuntimeError(f"llama_decode returned {status}")
            lib.llama_synchronize(self._context)

    def close(self) -> None:
        self._runner.close()


def _prompt_rows(work: Work) -> Iterator[Row]:
    for reply, (start, own) in enumerate(zip(work.starts, work.own, strict=True)):
        for at in range(own):
            yield reply, start + at, at == own - 1


def _step_rows(work: Work) -> Iterator[list[Row]]:
    """The last token that is drawn is not evaluated any more."""
    for step in range(max(work.drawn) - 1):
        yield [
            (reply, work.starts[reply] + work.own[reply] + step, True)
            for reply in range(len(work.own))
            if step < work.drawn[reply] - 1
        ]


class _Batches:
    """Makes batches, and frees them at the end."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._made: list[lib.llama_batch] = []

    def __enter__(self) -> _Batches:
        return self

    def __exit__(self, *_: object) -> None:
        from llama_cpp import llama_cpp as lib

        for batch in self._made:
            lib.llama_batch_free(batch)

    def of(self, rows: Iterable[Row]) -> list[lib.llama_batch]:
        waiting = list(rows)
        return [self._filled(waiting[at : at + self._size]) for at in range(0, len(waiting), self._size)]

    def _filled(self, rows: Sequence[Row]) -> lib.llama_batch:
        from llama_cpp import llama_cpp as lib

        batch = lib.llama_batch_init(len(rows), 0, 1)
        self._made.append(batch)
        for index, (sequence, position, wanted) in enumerate(rows):
            batch.token[index] = _TOKEN
            batch.pos[index] = position
            batch.n_seq_id[index] = 1
            batch.seq_id[index][0] = sequence
            batch.logits[index] = int(wanted)
        batch.n_tokens = len(rows)
        return cast("lib.llama_batch", batch)
