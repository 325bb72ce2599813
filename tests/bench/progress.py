"""What is being measured, and for how long yet: by what each system has taken for a reply so far."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.live import Live
from rich.spinner import Spinner

from tests.bench.systems import KEFU

Work = tuple[str, int]  # a system and so many replies

_START_S = 3.0  # of a system, for each block of work
_FIRST_GUESS_S = {KEFU: 0.25}
_GUESS_S = 0.8  # for a reply of a system that was not asked yet
_LINE_S = 30.0  # where there is no terminal, a line so often


class Lines:
    """Where there is no terminal, a line now and then."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._shown_at = time.monotonic()

    def say(self, line: str) -> None:
        if not self._console.is_terminal and time.monotonic() - self._shown_at > _LINE_S:
            self._shown_at = time.monotonic()
            self._console.print(line, highlight=False, style="dim")


class Progress:
    """A line that moves on a terminal; elsewhere a line now and then."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._spinner = Spinner("dots")
        self._live = Live(self._spinner, console=console, transient=True, refresh_per_second=4)
        self._took: dict[str, list[float]] = {}  # seconds and replies
        self._left: dict[str, int] = {}
        self._starts = 0
        self._lines = Lines(console)

    def __enter__(self) -> Self:
        if self._console.is_terminal:
            self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._live.stop()

    def plan(self, work: Sequence[Work]) -> None:
        """What is going to be asked, in addition to what was planned before."""
        for name, replies in work:
            self._left[name] = self._left.get(name, 0) + replies
            self._starts += 1

    def skip(self, work: Sequence[Work]) -> None:
        for name, replies in work:
            self._left[name] = max(0, self._left.get(name, 0) - replies)
            self._starts -= 1

    def estimate(self, work: Sequence[Work]) -> float:
        """Seconds."""
        return sum(_START_S + replies * self._reply_s(name) for name, replies in work)

    @property
    def left_s(self) -> float:
        return max(0, self._starts) * _START_S + sum(
            replies * self._reply_s(name) for name, replies in self._left.items()
        )

    def say(self, what: str) -> None:
        minutes = self.left_s / 60
        left = f"about {minutes:.0f} min left" if minutes >= 1.5 else "about a minute left"
        line = f"{what} · {left}" if self._left else what
        if self._console.is_terminal:
            self._spinner.update(text=line)
        self._lines.say(line)

    @contextmanager
    def asking(self, system: str, replies: int, what: str) -> Iterator[None]:
        self.say(f"{what} · {system}")
        started = time.monotonic()
        yield
        took = self._took.setdefault(system, [0.0, 0.0])
        took[0] += time.monotonic() - started
        took[1] += replies
        self._left[system] = max(0, self._left.get(system, 0) - replies)

    def started(self) -> None:
        """A system runs: its start is no longer ahead."""
        self._starts -= 1

    def _reply_s(self, system: str) -> float:
        seconds, replies = self._took.get(system, (0.0, 0.0))
        return seconds / replies if replies else _FIRST_GUESS_S.get(system, _GUESS_S)
