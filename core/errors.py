"""The tree of what can go wrong. Adapters, models and the store translate their libraries' errors into these at the edge.

KefuError
├── ConfigError            a bot's folder has mistakes: all of them, each with file, line and key
├── StoreError
│   ├── StoreUnavailable   Redis cannot be reached, is loading, read-only or full: try again
│   ├── StoreVersion       the data were written by another version
│   ├── LeaseLost          another worker holds the conversation: drop what you made
│   └── TurnChanged        something was added to what is being answered, or withdrawn: read it again
├── VectorsInvalid         an index of sentence vectors is missing, cut off or of another model: make it again
├── ModelBusy              every seat at the model is taken: the turn waits in line
├── ModelError
│   ├── ModelUnavailable   the file is missing, truncated or no model; the server cannot be reached
│   ├── PromptTooLong      the prompt does not fit the context: shorten it
│   ├── RequestInvalid     a grammar, schema, bias or adapter that this model cannot use: says what would be right
│   └── GenerationFailed   the model failed in the middle of an answer: try again
├── LookUpFailed           a look-up of the shop's API is down, slow or says something else: a person answers
└── ChannelError
    ├── ChannelNotReady    no token, a wrong token, a port in use: says what to do
    ├── RateLimited        wait ``retry_after`` seconds, then send again
    ├── SendFailed         the platform did not take it (5xx, refused connection): send again
    ├── SendAmbiguous      the platform may or may not have taken it (its answer was lost)
    ├── SendRejected       the platform will never take this text
    └── ChatClosed         blocked, left, deleted or forbidden: this chat cannot be written to
"""

from __future__ import annotations

from dataclasses import dataclass


class KefuError(Exception):
    """The root of every error that Kefu raises on purpose."""


@dataclass(frozen=True, slots=True, order=True)
class Problem:
    """One mistake in a bot's folder: where it is, what is wrong, and what would be right."""

    file: str
    line: int
    key: str
    wrong: str
    right: str = ""

    def __str__(self) -> str:
        where = f"{self.file}:{self.line}" if self.line else self.file
        key = f" · {self.key}" if self.key else ""
        right = f". {self.right}" if self.right else ""
        return f"{where}{key}: {self.wrong}{right}"


class ConfigError(KefuError):
    def __init__(self, problems: tuple[Problem, ...]) -> None:
        super().__init__("\n".join(str(problem) for problem in problems))
        self.problems = problems


class StoreError(KefuError):
    pass


class StoreUnavailable(StoreError):
    pass


class StoreVersion(StoreError):
    pass


class LeaseLost(StoreError):
    pass


class TurnChanged(StoreError):
    pass


class VectorsInvalid(KefuError):
    pass


class ModelBusy(KefuError):
    pass


class ModelError(KefuError):
    pass


class ModelUnavailable(ModelError):
    pass


class PromptTooLong(ModelError):
    """``tokens`` of prompt and answer do not fit into the ``limit`` of the context."""

    def __init__(self, tokens: int, limit: int) -> None:
        super().__init__(f"the prompt and its answer need {tokens} tokens, the context has {limit}")
        self.tokens = tokens
        self.limit = limit


class RequestInvalid(ModelError):
    pass


class GenerationFailed(ModelError):
    pass


class LookUpFailed(KefuError):
    """The message names the look-up and what was wrong, and nothing that was asked, answered or secret."""


class ChannelError(KefuError):
    pass


class ChannelNotReady(ChannelError):
    pass


class RateLimited(ChannelError):
    """``retry_after`` in seconds, as the platform said it."""

    def __init__(self, message: str, retry_after: float) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class SendFailed(ChannelError):
    pass


class SendAmbiguous(ChannelError):
    pass


class SendRejected(ChannelError):
    pass


class ChatClosed(ChannelError):
    pass
