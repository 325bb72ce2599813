"""What can go wrong with a server, in our words: is it the request, this server, or just this try?"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import httpx

from core.errors import ModelError, ModelUnavailable, PromptTooLong, RequestInvalid
from models.server.backoff import retry_after

if TYPE_CHECKING:
    from models.server.wire import ErrorBody

_LONG = 300  # characters of what a server says; some send whole tracebacks
_AGAIN = {408, 409, 425, 429, 500, 502, 503, 504, 529}
_BUSY = {429, 503, 529}
_STAYS_UP = {408, 409, 425, 429, 500}  # about one request, or only for a moment: the server is not to be left alone

_CONTEXT_WORDS = re.compile(
    r"context[ _]?(length|size|window)|maximum (model|context) length|(prompt|input)\b.{0,60}\b(too long|longer than)"
)
_TOO_MUCH_WORDS = re.compile(r"exceed|too (long|large)|longer than|maximum|reduce the length|only")
_LIMIT = re.compile(r"(?:context (?:length|size|window)|model length)[^\d]{0,40}(\d+)|\((\d+) tokens\), try")
_INPUT = re.compile(r"(\d+) (?:input tokens|in the messages)|\(length (\d+)\)|resulted in (\d+)|passed (\d+)")
_WHOLE = re.compile(r"requested (?:about )?(\d+) tokens|request \((\d+) tokens\)")


class TryFailed(Exception):
    """One try at one server failed; the message goes on after its URL ("http://… <message>").

    ``status``: what it answered, 0 for nothing. ``down``: it is not asked again before a check finds it well, if there is
    another. ``retry_after``: seconds that it asked for. ``final``: trying this server again is no use; if no other
    helps, this is what is wrong.
    """

    def __init__(
        self,
        message: str,
        *,
        status: int = 0,
        down: bool = False,
        retry_after: float = 0.0,
        final: ModelError | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.down = down
        self.retry_after = retry_after
        self.final = final


def broken(error: httpx.RequestError, timeouts: httpx.Timeout) -> TryFailed:
    """No answer, or only a part of one."""
    if isinstance(error, httpx.ConnectTimeout):
        return TryFailed(f"took no connection within {timeouts.connect:g} s", down=True)
    if isinstance(error, httpx.ReadTimeout):
        return TryFailed(f"was silent for {timeouts.read:g} s", down=True)
    if isinstance(error, httpx.ConnectError):
        return TryFailed(f"cannot be reached ({error})", down=True)
    return TryFailed(f"broke the connection off ({error or type(error).__name__})", down=True)


def refused(status: int, headers: Mapping[str, str], error: ErrorBody, asked: Asked) -> ModelError | TryFailed:
    """What a status other than 200, or an error within a stream, means. The error is to be raised."""
    said = " ".join((error.message or error.type or "no reason given").split())
    said = said if len(said) <= _LONG else said[:_LONG] + "…"
    if status in (401, 403, 404):
        wrong = asked.about_model(said) if status == 404 else asked.about_key(status, said)
        return TryFailed(f"answered {status}: {said}", status=status, down=True, final=ModelUnavailable(wrong))
    if status < 500 and _too_long(error):  # a 500 is about a full cache: that passes
        return _prompt_too_long(error, asked)
    if status in _AGAIN or (status > 500 and status != 501):
        wait = retry_after(headers) if status in _BUSY else 0.0
        return TryFailed(f"answered {status}: {said}", status=status, down=status not in _STAYS_UP, retry_after=wait)
    if 300 <= status < 400:
        where = headers.get("location", "elsewhere")
        wrong = f"{asked.url} redirects to {where}: write the address that it leads to into model.server.urls"
        return TryFailed(f"redirects to {where}", status=status, down=True, final=ModelUnavailable(wrong))
    return RequestInvalid(f"the model server {asked.url} refuses the request ({status}): {said}")


@dataclass(frozen=True, slots=True)
class Asked:
    """Whom and for what, for the wording of errors. ``key``: the environment variable of its API key.

    ``estimate``: tokens of the prompt, about; ``answer``: of the answer, at most; ``limit``: of the context.
    """

    url: str
    key: str | None
    model: str = ""
    estimate: int = 0
    answer: int = 0
    limit: int = 0

    def about_key(self, status: int, said: str) -> str:
        if self.key is None:
            do = "if it wants an API key, name its variable in model.server.api_key and put the key into .env"
        else:
            do = f"put the right key into .env as {self.key} (model.server.api_key)"
        return f"{self.url} does not let us in ({status}: {said}): {do}"

    def about_model(self, said: str) -> str:
        named = f"the model {self.model!r}" if self.model else "this"
        return f"{self.url} does not know {named} ({said}): correct model.server.model or model.server.urls"


def _too_long(error: ErrorBody) -> bool:
    if error.type == "exceed_context_size_error" or error.code == "context_length_exceeded":
        return True
    said = error.message.lower()
    return bool(_CONTEXT_WORDS.search(said) and _TOO_MUCH_WORDS.search(said))


def _prompt_too_long(error: ErrorBody, asked: Asked) -> PromptTooLong:
    """With the server's numbers where it gives some."""
    said = error.message.lower()
    limit = error.n_ctx or _number(_LIMIT, said) or asked.limit
    prompt = error.n_prompt_tokens or _number(_INPUT, said)
    tokens = prompt + asked.answer if prompt else _number(_WHOLE, said) or asked.estimate + asked.answer
    return PromptTooLong(max(tokens, limit + 1), limit)


def _number(pattern: re.Pattern[str], text: str) -> int:
    found = pattern.search(text)
    return next((int(group) for group in found.groups() if group), 0) if found else 0
