"""What is being done while Kefu starts: a line that moves, and a bar while a model is downloaded."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, SpinnerColumn, TaskID, TextColumn, TimeRemainingColumn
from rich.progress import Progress as Bars

from models.download import Progress


class Opening:
    """Shows the steps of opening a service on the console."""

    def __init__(self, bars: Bars) -> None:
        self._bars = bars
        self._downloads: dict[str, TaskID] = {}

    @contextmanager
    def step(self, what: str) -> Iterator[None]:
        task = self._bars.add_task(what, total=None)
        try:
            yield
        finally:
            self._bars.remove_task(task)

    @contextmanager
    def counted(self, what: str) -> Iterator[Callable[[int, int], None]]:
        """A bar for work of which the number of parts is known: it is told how many are done, of how many."""
        task: TaskID | None = None

        def told(done: int, total: int) -> None:
            nonlocal task
            if task is None:
                task = self._bars.add_task(what)
            self._bars.update(task, description=f"{what} ({done} of {total})", completed=done, total=total)

        try:
            yield told
        finally:
            if task is not None:
                self._bars.remove_task(task)

    def downloaded(self, progress: Progress) -> None:
        """Called from the thread that downloads."""
        if progress.file not in self._downloads:
            self._downloads[progress.file] = self._bars.add_task(f"Downloading {progress.file}")
        self._bars.update(self._downloads[progress.file], completed=progress.done, total=progress.total or None)


@contextmanager
def opening(console: Console) -> Iterator[Opening]:
    columns = (SpinnerColumn(), TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TimeRemainingColumn())
    with Bars(*columns, console=console, transient=True, disable=not console.is_terminal) as bars:
        yield Opening(bars)
