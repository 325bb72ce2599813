"""One URL: plain requests to it, its failures in our words."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TypeVar

import httpx
from pydantic import BaseModel, ValidationError

from models.server.faults import Asked, TryFailed, broken, refused
from models.server.wire import read_error

_MOST = 64 * 1024  # bytes of an error's body that are read
_LOOK_S = 10.0  # to wait for what needs no generation

Answer = TypeVar("Answer", bound=BaseModel)
Body = Mapping[str, object]


@dataclass(frozen=True, slots=True)
class Host:
    """``url``: its base URL, usually with /v1 at the end; ``key_name``: the environment variable of its key, for errors."""

    url: str
    client: httpx.AsyncClient
    key_name: str | None

    @property
    def root(self) -> str:
        """Where a server's own (not OpenAI's) paths begin."""
        return self.url.removesuffix("/v1")

    def asked(self, model: str = "") -> Asked:
        return Asked(self.url, key=self.key_name, model=model)

    async def status(self, path: str) -> int:
        """The status of GET ``root + path``. Raises TryFailed if there is no answer."""
        return (await self._ask("GET", self.root + path, None)).status_code

    async def find(
        self, path: str, shape: type[Answer], body: Body | None = None, *, patient: bool = False
    ) -> Answer | None:
        """``root + path`` by GET, or by POST with ``body``; None if this server has nothing like that.

        ``patient``: it may take as long as an answer. Raises TryFailed if there is no answer.
        """
        response = await self._ask("GET" if body is None else "POST", self.root + path, body, patient=patient)
        if response.status_code != 200:
            return None
        try:
            return shape.model_validate_json(response.content)
        except ValidationError:
            return None

    async def get(self, path: str, shape: type[Answer]) -> Answer:
        """GET ``url + path``. Raises TryFailed."""
        response = await self._ask("GET", self.url + path, None)
        if response.status_code != 200:
            fault = refused(response.status_code, response.headers, read_error(response.text), self.asked())
            raise fault if isinstance(fault, TryFailed) else TryFailed(str(fault), down=True, final=fault)
        try:
            return shape.model_validate_json(response.content)
        except ValidationError as error:
            message = f"answered GET {path} with something else than a model server does"
            raise TryFailed(message, down=True) from error

    async def _ask(self, method: str, url: str, body: Body | None, *, patient: bool = False) -> httpx.Response:
        usual = self.client.timeout
        timeout = usual if patient else httpx.Timeout(min(_LOOK_S, usual.read or _LOOK_S), connect=usual.connect)
        try:
            return await self.client.request(method, url, json=body, timeout=timeout)
        except httpx.RequestError as error:
            raise broken(error, timeout) from error

    @asynccontextmanager
    async def stream(self, path: str, body: Body, asked: Asked) -> AsyncGenerator[httpx.Response, None]:
        """POST ``url + path``; its answer is an event stream. Leaving it early closes the connection.

        Raises TryFailed, PromptTooLong or RequestInvalid.
        """
        try:
            async with self.client.stream("POST", self.url + path, json=body) as response:
                if response.status_code != 200:
                    raise refused(response.status_code, response.headers, read_error(await _text(response)), asked)
                kind = response.headers.get("content-type", "").partition(";")[0].strip().lower()
                if kind != "text/event-stream":
                    raise TryFailed(f"answered with {kind or 'something'} instead of an event stream", down=True)
                yield response
        except httpx.RequestError as error:
            raise broken(error, self.client.timeout) from error


async def _text(response: httpx.Response) -> str:
    body = b""
    async for chunk in response.aiter_bytes():
        body += chunk
        if len(body) >= _MOST:
            break
    return body[:_MOST].decode("utf-8", "replace")
