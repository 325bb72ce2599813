"""Which sets of choices are measured, in which order, and which one wins. Knows nothing of processes and files."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass

from models.threads import ladder
from models.tuning.values import Asked, Choices, Measured, default_choices

_BETTER = 0.97  # another choice must take less than this of the time
_GAIN_OF_Q8 = 0.95  # q8_0 rounds what the model remembers: only for a gain that is worth it
_PAYS = 1.03  # threads that save less than this do not pay
_FASTER = 1.03  # another batch must evaluate prompts so much faster

Measure = Callable[
    [Choices, int], Awaitable[Measured]
]  # choices, and how many prompt tokens; 0: as many as fit a second


@dataclass(frozen=True, slots=True)
class Found:
    """``choices`` None: nothing worked. ``stopped``: why not everything was measured."""

    choices: Choices | None
    measured: tuple[Measured, ...]
    stopped: str = ""


async def search(
    asked: Asked, usable: int, measure: Measure, *, seconds: Callable[[], float], budget_s: float
) -> Found:
    """Best first by what matters most; ends early when ``seconds()`` have reached ``budget_s``, with what it has."""
    return await _Search(asked, usable, measure, seconds, budget_s).run()


class _Search:
    def __init__(
        self, asked: Asked, usable: int, measure: Measure, seconds: Callable[[], float], budget_s: float
    ) -> None:
        self._asked = asked
        self._usable = usable
        self._measure = measure
        self._seconds = seconds
        self._budget_s = budget_s
        self._table: list[Measured] = []
        self._left_out: list[str] = []
        self._prompt = 0

    async def run(self) -> Found:
        start = default_choices(self._asked, self._usable)
        best = await self._try(start)
        best = await self._flash_attention(best)
        best = await self._threads(best)
        best = await self._kv_type(best)
        best = await self._batch(best)
        stopped = ""
        if self._left_out:
            stopped = f"{self._seconds():.0f} s had passed; not measured: {', '.join(self._left_out)}"
        return Found(None if best.failed else best.choices, tuple(self._table), stopped)

    async def _flash_attention(self, best: Measured) -> Measured:
        if self._asked.flash_attention is not None:
            return best
        others = {"off": ("on",), "auto": ("off",), "on": ()}[best.choices.flash_attention]
        if self._asked.kv_type == "q8_0":  # works only with flash attention
            others = ("on",)
        for other in others:
            tried = await self._next(best, "flash attention", flash_attention=other)
            best = _better(best, tried, _BETTER)
        return best

    async def _threads(self, best: Measured) -> Measured:
        if self._asked.threads or self._asked.gpu_layers == -1:
            return best
        tried = [best]
        for count in reversed(ladder(best.choices.threads)[:-1]):
            tried.append(await self._next(best, "threads", threads=count))
            if tried[-1].eight_answers_s > _PAYS * min(one.eight_answers_s for one in tried):
                break
        fastest = min(one.eight_answers_s for one in tried)
        return min(
            (one for one in tried if one.eight_answers_s <= _PAYS * fastest), key=lambda one: one.choices.threads
        )

    async def _kv_type(self, best: Measured) -> Measured:
        if self._asked.kv_type is not None or self._asked.flash_attention == "off":
            return best
        flash = best.choices.flash_attention
        tried = await self._next(best, "KV type", kv_type="q8_0", flash_attention="on" if flash == "off" else flash)
        return _better(best, tried, _GAIN_OF_Q8)

    async def _batch(self, best: Measured) -> Measured:
        if self._asked.batch is not None:
            return best
        for size in _batches(self._prompt):
            if size != best.choices.batch:
                tried = await self._next(best, "batch", batch=size)
                worth = tried.eight_answers_s < float("inf") and tried.step_8_ms <= best.step_8_ms * _FASTER
                if worth and tried.prompt_rate > best.prompt_rate * _FASTER:
                    best = tried
        return best

    async def _next(self, best: Measured, what: str, **changed: object) -> Measured:
        """Measure ``best`` with something changed, unless the time is up."""
        choices = best.choices.model_copy(update=changed)
        if self._seconds() >= self._budget_s:
            if what not in self._left_out:
                self._left_out.append(what)
            return Measured(choices=choices, failed="not measured")
        return await self._try(choices)

    async def _try(self, choices: Choices) -> Measured:
        measured = await self._measure(choices, self._prompt)
        self._prompt = self._prompt or measured.prompt_tokens
        self._table.append(measured)
        return measured


def _better(best: Measured, other: Measured, share: float) -> Measured:
    return other if other.eight_answers_s < share * best.eight_answers_s else best


def _batches(prompt: int) -> Iterable[int]:
    """Sizes between which a prompt of that length shows a difference."""
    return (size for size in (256, 512, 1024, 2048) if size <= prompt)
