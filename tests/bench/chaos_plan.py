"""What happens when in a run of the chaos benchmark: all of it is drawn from the seed before anything begins."""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import cycle
from typing import Literal

from core.keys import LEASE_MS

Act = Literal["says", "edits", "deletes"]
# Just when: any time; a platform has done what it was asked for, and has not said so yet; a platform has handed over
# what is not stored yet; the model is asked.
Moment = Literal["any", "telegram acted", "discord acted", "telegram handed over", "discord handed over", "asked"]

GATEWAY, STORE = "gateway", "store"
WORKERS = ("worker-1", "worker-2")
VICTIMS = (GATEWAY, *WORKERS, STORE)
STALLING = (GATEWAY, *WORKERS)

# What is drawn for each message: how it follows the last one of its conversation.
_IN_A_BURST = 0.35
_BURST_S = 0.5
_EDITED = 0.03
_DELETED = 0.03
_AFTERWARDS_S = 2.0
_EARLY = 0.25
_AWAY_S = 2.0
_UP_S = 3.0
_MOMENTS: Mapping[str, Sequence[Moment]] = {
    GATEWAY: (
        "any",
        "telegram acted",
        "telegram acted",
        "discord acted",
        "telegram handed over",
        "discord handed over",
    ),
    STORE: (
        "any",
        "telegram acted",
        "discord acted",
        "telegram handed over",
        "telegram handed over",
        "discord handed over",
    ),
    **dict.fromkeys(WORKERS, ("any", "asked")),
}
_KILLS_FOR_A_STALL = 5


@dataclass(frozen=True, slots=True)
class Chaos:
    """``seconds``: how long the shoppers write; 0: as long as so many messages and kills need."""

    messages: int = 2000
    conversations: int = 100
    kills: int = 50
    seed: int = 0
    faults: int = -1
    seconds: float = 0.0

    @property
    def lasts_s(self) -> float:
        return self.seconds or max(self.messages / 8, self.kills * 2.5)

    @property
    def troubles(self) -> int:
        """How many faults of platforms there are."""
        return self.faults if self.faults >= 0 else max(self.messages // 6, len(FAULTS))


@dataclass(frozen=True, slots=True)
class Move:
    """A shopper writes in a conversation; or changes or takes back what was written as number ``message``.

    ``number``: which word is meant, also in the order in which all of them are written.
    """

    at_s: float
    act: Act
    conversation: int
    number: int
    message: int


@dataclass(frozen=True, slots=True)
class Kill:
    """``early``: also while it is still starting, and together with others; else it comes up first and then lives for
    ``up_s``, if it had to be waited for. ``away_s``: until it is started again. ``moment``: the next one from then on.
    """

    at_s: float
    victim: str
    moment: Moment
    early: bool
    up_s: float
    away_s: float


@dataclass(frozen=True, slots=True)
class Stall:
    """It is stopped for longer than a lease, and then goes on as if nothing had been."""

    at_s: float
    victim: str
    lasts_s: float


@dataclass(frozen=True, slots=True)
class Trouble:
    """A fault of a platform; ``size`` from 0 to 1 is how bad it is."""

    at_s: float
    fault: str
    size: float


# What tests/bench/chaos_town.py knows to do.
FAULTS = (
    *("telegram: 429 on send", "telegram: 429 on edit", "telegram: 5xx on send", "telegram: 5xx on edit"),
    *("telegram: cut before send", "telegram: answer to send lost", "telegram: cut before edit"),
    *("telegram: answer to edit lost", "telegram: 5xx on poll", "telegram: answer to poll lost"),
    *("telegram: updates repeated", "telegram: updates out of order"),
    *("discord: 429 on send", "discord: 429 on edit", "discord: 429 for all", "discord: 5xx on send"),
    *("discord: 5xx on edit", "discord: sent but 5xx", "discord: cut before send", "discord: answer to send lost"),
    *("discord: answer to edit lost", "discord: 5xx on history", "discord: event repeated", "discord: connection cut"),
    *("discord: asked to reconnect", "discord: session lost", "discord: session doubted", "discord: closed"),
    *("discord: resume refused", "discord: gateway away"),
)


@dataclass(frozen=True, slots=True)
class Plan:
    """``openings``: the first message of each conversation, before anything goes wrong: Discord lists no direct chats, so
    what is written in a new one while nobody listens cannot be found by anybody.
    """

    openings: Sequence[Move]
    moves: Sequence[Move]
    kills: Sequence[Kill]
    stalls: Sequence[Stall]
    troubles: Sequence[Trouble]


def plan(chaos: Chaos) -> Plan:
    moves = tuple(_moves(chaos))
    opening = [move for move in moves if move.message < chaos.conversations and move.act == "says"]
    later = [move for move in moves if move not in opening]
    return Plan(tuple(opening), tuple(later), tuple(_kills(chaos)), tuple(_stalls(chaos)), tuple(_troubles(chaos)))


def _moves(chaos: Chaos) -> Iterator[Move]:
    draw = random.Random(f"{chaos.seed} moves")
    more: list[tuple[float, Act, int, int]] = []
    for message, (at_s, conversation) in enumerate(sorted(_said(chaos, draw))):
        more.append((at_s, "says", conversation, message))
        what = draw.random() if message >= chaos.conversations else 1.0
        if what < _EDITED + _DELETED:
            after = at_s + draw.uniform(0, _AFTERWARDS_S)
            more.append((after, "edits" if what < _EDITED else "deletes", conversation, message))
    for number, (at_s, act, conversation, message) in enumerate(sorted(more, key=lambda move: move[0])):
        yield Move(at_s, act, conversation, number, message)


def _said(chaos: Chaos, draw: random.Random) -> Iterator[tuple[float, int]]:
    """When which conversation gets a message: the first at once, the others at random, some soon after another one."""
    moments: dict[int, list[float]] = {}
    for number in range(chaos.messages):
        conversation = number % chaos.conversations
        before = moments.setdefault(conversation, [])
        burst = bool(before) and draw.random() < _IN_A_BURST
        at_s = draw.choice(before) + draw.uniform(0, _BURST_S) if burst else draw.uniform(0, chaos.lasts_s)
        before.append(at_s)
        yield (0.0 if len(before) == 1 else at_s), conversation


def _kills(chaos: Chaos) -> Iterator[Kill]:
    """Everybody in turn, in an order that changes from round to round."""
    draw = random.Random(f"{chaos.seed} kills")
    moments = sorted(draw.uniform(0.05, 1) * chaos.lasts_s for _ in range(chaos.kills))
    victims: list[str] = []
    for at_s in moments:
        victims = victims or draw.sample(VICTIMS, len(VICTIMS))
        victim = victims.pop()
        yield Kill(
            at_s,
            victim,
            draw.choice(_MOMENTS[victim]),
            draw.random() < _EARLY,
            draw.uniform(0, _UP_S),
            draw.uniform(0, _AWAY_S),
        )


def _stalls(chaos: Chaos) -> Iterator[Stall]:
    draw = random.Random(f"{chaos.seed} stalls")
    victims = cycle(draw.sample(STALLING, len(STALLING)))
    moments = sorted(draw.uniform(0, chaos.lasts_s) for _ in range(chaos.kills // _KILLS_FOR_A_STALL))
    for at_s, victim in zip(moments, victims, strict=False):
        yield Stall(at_s, victim, draw.uniform(1.1, 1.4) * LEASE_MS / 1000)


def _troubles(chaos: Chaos) -> Iterator[Trouble]:
    draw = random.Random(f"{chaos.seed} troubles")
    kinds = cycle(draw.sample(FAULTS, len(FAULTS)))
    moments = sorted(draw.uniform(0, chaos.lasts_s) for _ in range(chaos.troubles))
    for at_s, fault in zip(moments, kinds, strict=False):
        yield Trouble(at_s, fault, draw.random())
