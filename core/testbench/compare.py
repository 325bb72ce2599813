"""What another version of a bot answers otherwise, each answer by name."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from core.testbench.results import Change, Comparison, Row, TurnResult

ORDER = ("broken", "fixed", "changed")


def compare(name: str, version: str, before: Sequence[Row], after: Sequence[Row]) -> Comparison:
    """``before``: the rows of the other version, of the same conversations; ``name``: what it was asked for by.

    With repetitions the first run of each is compared: both drew with the same seed.
    """
    pairs = [(old, new, turn) for old, new in zip(before, after, strict=True) for turn in _turns(old, new)]
    changes = [change for old, new, turn in pairs if (change := _change(old, new, turn))]
    return Comparison(
        name=name,
        version=version,
        passed_before=sum(row.passed for row in before),
        wrong_facts_before=sum(row.wrong_facts for row in before),
        changes=tuple(sorted(changes, key=lambda change: ORDER.index(change.kind))),
        same=len(pairs) - len(changes),
    )


def _turns(old: Row, new: Row) -> Iterator[int]:
    yield from range(min(len(old.runs[0].turns), len(new.runs[0].turns)))


def _change(old: Row, new: Row, number: int) -> Change | None:
    before, after = old.runs[0].turns[number], new.runs[0].turns[number]
    if before.holds == after.holds and _shown(before) == _shown(after):
        return None
    kind = "changed" if before.holds == after.holds else "fixed" if after.holds else "broken"
    return Change(
        case=new.name,
        turn=number + 1,
        kind=kind,
        said=after.said,
        before=before.text or before.error,
        after=after.text or after.error,
        rung_before=before.rung,
        rung_after=after.rung,
        why=tuple(reasons(after if kind == "broken" else before)),
    )


def _shown(turn: TurnResult) -> tuple[object, ...]:
    """What a shopper sees of an answer."""
    return turn.text, turn.cards, turn.buttons, turn.error


def reasons(turn: TurnResult) -> list[str]:
    """Why a turn does not hold, in a few words each."""
    missed = [f"{mark.key} {mark.wanted}: {mark.why}" for mark in turn.marks if not mark.holds]
    return [*filter(None, [turn.error]), *(f"wrong fact: {finding}" for finding in turn.wrong), *missed]
