"""Which servers are up, and which of them answers next. Checks run in the background, and only while a server is down."""

from __future__ import annotations

import asyncio
import hashlib
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import count

import structlog

from models.server.backoff import Pace
from models.server.faults import TryFailed
from models.server.host import Host
from models.server.kinds import Served

log = structlog.get_logger("models.server")

_SLACK = 4  # a conversation stays where its prompt is cached until its server has so many more answers than another
_REMEMBERED = 10_000  # conversations

Prober = Callable[[Host], Awaitable[Served]]


@dataclass(slots=True, eq=False)
class Member:
    """``trouble``: why it is down; empty while it is up. ``unfit``: it is well, but not one of these servers.
    ``rests_until``: it asked not to be asked before (monotonic). ``served`` of one that never answered: as the others.
    """

    host: Host
    served: Served
    trouble: str = ""
    unfit: bool = False
    busy: int = 0
    failures: int = 0
    rests_until: float = 0.0
    check: asyncio.Task[None] | None = field(default=None, repr=False)

    @property
    def rest_s(self) -> float:
        return max(0.0, self.rests_until - time.monotonic())


class Pool:
    """``fit``: why a server that came back cannot be used (another model, a smaller context); empty if it can."""

    def __init__(self, members: Sequence[Member], probe: Prober, fit: Callable[[Served], str], pace: Pace) -> None:
        self.members = members
        self._probe = probe
        self._fit = fit
        self._pace = pace
        self._sticky: OrderedDict[str, Member] = OrderedDict()  # by owner, the last used last
        for member in members:
            if member.trouble:
                self._check(member)

    def choose(self, owner: str, tried: Sequence[Member] = (), never: Collection[Member] = ()) -> Member | None:
        """Where the conversation was, if that is up and not much busier than others; else the least busy.

        Of equally busy ones always the same one, so that a restart or another process of ours finds the cached prompt.
        ``tried`` failed for this request; they, those that rest and those that are down come last. None: all are ``never``.
        """

        def worth(member: Member) -> tuple[int, bool, float, int]:
            rest = member.rest_s
            return tried.count(member) + (rest > 0), bool(member.trouble), rest, member.busy

        possible = [member for member in self.members if member not in never]
        if not possible:
            return None
        best = min(possible, key=lambda member: (*worth(member), _rank(owner, member)))
        stays = self._sticky.get(owner) if owner else None
        if stays in possible and stays and worth(stays)[:3] <= worth(best)[:3] and stays.busy <= best.busy + _SLACK:
            return stays
        return best

    @contextmanager
    def used(self, member: Member, owner: str) -> Iterator[None]:
        """While it answers."""
        if owner:
            self._sticky[owner] = member
            self._sticky.move_to_end(owner)
            if len(self._sticky) > _REMEMBERED:
                self._sticky.popitem(last=False)
        member.busy += 1
        try:
            yield
        finally:
            member.busy -= 1

    def succeeded(self, member: Member) -> None:
        member.failures = 0
        if member.trouble and not member.unfit:
            self._up(member)

    def failed(self, member: Member, failure: TryFailed) -> None:
        member.failures += 1
        if failure.retry_after:
            member.rests_until = max(member.rests_until, time.monotonic() + failure.retry_after)
        if not failure.down:
            log.info("a try at a model server failed", url=member.host.url, reason=str(failure))
            return
        if not member.trouble:
            log.warning("model server down", url=member.host.url, reason=str(failure))
        member.trouble = str(failure)
        self._check(member)

    async def aclose(self) -> None:
        checks = [member.check for member in self.members if member.check]
        for check in checks:
            check.cancel()
        await asyncio.gather(*checks, return_exceptions=True)

    # ── checks ───────────────────────────────────────────────────────────────────────────────────────────

    def _check(self, member: Member) -> None:
        if member.check is None or member.check.done():
            member.check = asyncio.create_task(self._until_well(member), name=f"check {member.host.url}")

    async def _until_well(self, member: Member) -> None:
        """A server that answers checks but no requests is waited for longer each time."""
        for n in count(max(0, member.failures - 1)):
            await asyncio.sleep(self._pace.delay(n))
            try:
                member.served = await self._probe(member.host)
                wrong = self._fit(member.served)
                member.unfit = bool(wrong)
                if wrong:
                    raise TryFailed(wrong)
            except TryFailed as failure:
                member.trouble = str(failure)
            except Exception as error:  # never let a server that answers nonsense end its own checks
                member.trouble = f"could not be checked: {error!r}"
            else:
                self._up(member)
                return

    def _up(self, member: Member) -> None:
        member.trouble = ""
        log.info("model server up", url=member.host.url)
        if member.check and member.check is not asyncio.current_task():
            member.check.cancel()
            member.check = None


def _rank(owner: str, member: Member) -> bytes:
    return hashlib.blake2b(f"{owner}\0{member.host.url}".encode(), digest_size=8).digest()
