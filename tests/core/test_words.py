"""Cutting a text to its terms."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import product

import pytest
import snowballstemmer

from core.knowledge.words import terms

_BEGINNINGS = ("comfort", "nation", "relat", "hope", "vari", "sens", "decis", "electr", "commun", "operat")
_ENDINGS = ("able", "ational", "iveness", "fully", "ing", "ization", "ities", "ousness", "ement", "ically")


@pytest.fixture
def hasty_threads() -> Iterator[None]:
    """Python changes from one thread to the next all the time."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(before)


@pytest.mark.usefixtures("hasty_threads")
def test_texts_that_are_read_in_several_threads_have_the_terms_that_they_have_in_one() -> None:
    """The folder of a bot is read in a thread while its shoppers are answered."""

    words = [f"un{first}{last}" for first, last in product(_BEGINNINGS, _ENDINGS)]
    with ThreadPoolExecutor(4) as threads:
        together = list(threads.map(terms, words))
    alone = snowballstemmer.stemmer("english")
    assert together == [[alone.stemWord(word)] for word in words]
