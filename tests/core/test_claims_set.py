"""The guard on a thousand true and a thousand altered sentences, see claims_set.py."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable

from core.trust.claims import Grounding, check
from tests.core.claims_set import Case, altered_cases, true_cases

SEED = 20_260
COUNT = 1000


def test_true_sentences_pass() -> None:
    found = _found(true_cases(COUNT, SEED))
    passed = 1 - sum(found.values()) / COUNT
    assert passed >= 0.97, found


def test_altered_sentences_are_caught() -> None:
    found = _found(altered_cases(COUNT, SEED))
    caught = sum(found.values()) / COUNT
    assert caught >= 0.98, found


def test_the_set_is_the_same_each_time_and_varied() -> None:
    cases = list(true_cases(200, 5))
    assert cases == list(true_cases(200, 5))
    assert len({case.text for case in cases}) > 190
    altered = list(altered_cases(200, 5))
    assert set(Counter(case.change for case in altered).values()) == {40}
    assert Counter(case.language for case in altered) == {"en": 100, "zh": 100}


def _found(cases: Iterable[Case]) -> Counter[tuple[str, str]]:
    """How many texts have a finding, by what was changed (or the topic) and by language; printed as a table."""
    found: Counter[tuple[str, str]] = Counter()
    all_of: defaultdict[tuple[str, str], int] = defaultdict(int)
    for case in cases:
        key = (case.change or case.topic, case.language)
        all_of[key] += 1
        if check(case.text, Grounding.of(case.facts, [case.asked])):
            found[key] += 1
    for key, count in sorted(all_of.items()):
        print(f"{key[0]:12} {key[1]}  {found[key]:4} of {count:4} found wrong")
    return found
