from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from models.cells import Cells
from models.spill import WORTH, Spill

TALK = list(range(100))


def test_the_longest_common_beginning_is_found_if_it_is_worth_it() -> None:
    spill = Spill(1000)
    spill.put("", TALK[:60], 0, b"short")
    spill.put("", [*TALK[:60], *[7] * 20], 0, b"branch")
    spill.put("x", TALK, 0, b"other adapter")
    found = spill.find("", [*TALK[:60], 7, 7, 7, 9], 0)
    assert found is not None
    assert (found[0].data, found[1]) == (b"branch", 63)
    assert spill.find("", TALK, 60 - WORTH) is not None
    assert spill.find("", TALK, 61 - WORTH) is None, "too little would be saved"
    assert spill.find("", TALK[:20], 0) is None
    assert spill.find("y", TALK, 0) is None


def test_a_tail_is_of_no_use_without_its_head() -> None:
    spill = Spill(1000)
    spill.put("", TALK, 50, b"tail")
    assert spill.find("", [*TALK, 1], 49) is None
    found = spill.find("", [*TALK, 1], 50)
    assert found is not None
    assert found[1] == 100


def test_the_budget_is_kept_and_what_was_used_longest_ago_goes() -> None:
    spill = Spill(100)
    for number in range(3):
        assert spill.put("", [number] * 50, 0, b"x" * 40)
    assert spill.bytes == 80
    assert spill.find("", [0] * 60, 0) is None
    assert spill.find("", [1] * 60, 0) is not None
    assert spill.put("", [3] * 50, 0, b"x" * 40)
    assert spill.find("", [1] * 60, 0) is not None
    assert spill.find("", [2] * 60, 0) is None
    assert not spill.put("", TALK, 0, b"x" * 101)
    assert not spill.wants(200)
    assert not spill.wants(WORTH - 1)


def test_a_longer_form_replaces_the_shorter() -> None:
    spill = Spill(1000)
    spill.put("", TALK[:60], 10, b"old")
    spill.put("", TALK, 20, b"needs more of the head")
    assert len(spill) == 2
    spill.put("", TALK, 0, b"has it all")
    assert len(spill) == 1


@given(
    st.lists(st.tuples(st.sampled_from(["extend", "share", "cut"]), st.integers(0, 4), st.integers(0, 9)), max_size=60)
)
def test_the_books_of_cells(actions: list[tuple[str, int, int]]) -> None:
    """Against books that name every single cell."""
    books, fresh = Cells(5), 0
    held: list[list[int]] = [[] for _ in range(5)]
    for action, one, size in actions:
        if action == "extend":
            books.extend(one, size)
            held[one] += range(fresh, fresh + size)
            fresh += size
        elif action == "cut":
            books.cut(one, min(size, len(held[one])))
            del held[one][size:]
        else:
            target = next((number for number in range(5) if not held[number] and number != one), None)
            if target is not None:
                length = min(size, len(held[one]))
                books.share(one, target, length)
                held[target] = held[one][:length]
        assert books.used == len({cell for cells in held for cell in cells})
        for number in range(5):
            others = {cell for other in range(5) if other != number for cell in held[other]}
            assert books.shared_head(number) == sum(cell in others for cell in held[number])
            busy = [(number + 1) % 5, (number + 2) % 5]
            kept = {cell for other in busy for cell in held[other]}
            assert books.held_by(busy) == len(kept)
            assert books.not_held_by(busy, number, size) == sum(cell not in kept for cell in held[number][:size])


def test_what_is_here_already_is_not_copied_again() -> None:
    spill = Spill(1000)
    spill.put("", TALK[:60], 0, b"persona and a talk")
    spill.put("", TALK, 60, b"needs the first")
    assert spill.covered("", [*TALK[:50], 7, 7]) == 50
    assert spill.covered("", TALK) == 60
    assert spill.covered("x", TALK) == 0
    assert spill.covered("", TALK[: WORTH - 1]) == 0
