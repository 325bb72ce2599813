"""One answer that is being written: what was drawn, and what of it was delivered."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import Literal

from core.ports import GenerationRequest, Piece, TokenLogprob, Usage
from models.job import Job
from models.mailbox import Mailbox
from models.runner import Sampler, Vocabulary
from models.text import TextStream

Finish = Literal["stop", "length"]


@dataclass(slots=True, eq=False)
class Answer:
    """What the decode thread knows of one request. Times are of ``time.monotonic()``."""

    job: Job
    request: GenerationRequest
    seed: int
    mailbox: Mailbox
    text: TextStream
    started: float
    admitted: float | None = None
    first: float | None = None
    sampler: Sampler | None = None
    drawn: int = 0
    _shown: str = ""
    _logprobs: list[TokenLogprob] = field(default_factory=list)

    def draw(self, row: int, vocabulary: Vocabulary) -> tuple[int, Finish | None]:
        """The token that follows ``row`` of the last decode, and whether the answer ends with it."""
        assert self.sampler is not None
        token = self.sampler.draw(row)
        self.first = self.first or time.monotonic()
        self.drawn += 1
        if vocabulary.is_end(token):
            return token, "stop"
        if self.request.logprobs is not None:
            self._logprobs.append(self.sampler.logprob(row, token, self.request.logprobs))
        self._shown += self.text.feed(vocabulary.text(token))
        if self.text.stopped:
            return token, "stop"
        return token, "length" if self.drawn == self.request.max_tokens else None

    def take(self) -> tuple[str, tuple[TokenLogprob, ...]]:
        """The text that can be shown since the last call, with the log-probabilities of all tokens since then.

        While there is no text the log-probabilities wait, too.
        """
        if not self._shown:
            return "", ()
        text, self._shown = self._shown, ""
        logprobs, self._logprobs = tuple(self._logprobs), []
        return text, logprobs

    def last_piece(self, finish: Finish) -> Piece:
        now, first, admitted = time.monotonic(), self.first or self.started, self.admitted or self.started
        usage = Usage(
            prompt_tokens=len(self.job.prompt),
            cached_tokens=self.job.cached,
            completion_tokens=self.drawn,
            queued_s=admitted - self.started,
            first_token_s=first - self.started,
            total_s=now - self.started,
            seed=self.seed,
        )
        text, self._shown = self._shown + self.text.end(), ""
        logprobs, self._logprobs = tuple(self._logprobs), []
        return Piece(text=text, logprobs=logprobs, finish=finish, usage=usage)

    def close(self) -> None:
        if self.sampler is not None:
            self.sampler.close()
            self.sampler = None
