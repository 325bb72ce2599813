"""The look-ups of one version of a bot, ready to be recognised in what a shopper writes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from core.config import ApprovedAnswerConfig
from core.knowledge.base import Knowledge
from core.knowledge.words import HAN, is_empty, meaning, terms
from core.lookups.config import LookUpConfig
from core.lookups.values import Finder, Found

# An argument beside a word that goes with it: less sure than a sentence that was written for it.
BESIDE = 0.5
# An argument beside other words: it is asked for only if the shop says nothing else about them.
NAMED = 0.25


class Examples:
    """Sentences by what they ask for, matched as the questions of approved answers are."""

    def __init__(self, languages: Sequence[str], sentences: Mapping[str, Mapping[str, Sequence[str]]]) -> None:
        answers = [
            ApprovedAnswerConfig.model_validate(
                {"id": name, "questions": dict(written), "answer": dict.fromkeys(written, name)}
            )
            for name, written in sentences.items()
        ]
        self._matching = Knowledge(languages, answers, []) if answers else None

    def best(self, text: str, languages: Iterable[str]) -> tuple[str, float]:
        """What ``text`` asks for most surely, 0 to 1; ("", 0.0): for nothing of all this."""
        best = ("", 0.0)
        for language in languages if self._matching else ():
            assert self._matching is not None
            found = self._matching.approved(text, language)
            if found is not None and found.score > best[1]:
                best = (found.id, found.score)
        return best


@dataclass(frozen=True, slots=True)
class LookUp:
    """``beside``: the terms that go with an argument, ``beside_han``: the Chinese words; ``naming``: the terms that say
    what an argument is.
    """

    name: str
    config: LookUpConfig
    finder: Finder
    calling: Examples
    following: Examples
    beside: frozenset[str]
    beside_han: tuple[str, ...]
    naming: frozenset[str]

    def called(self, found: Found, languages: Sequence[str]) -> float:
        """How surely a message asks for it, 0 to 1."""
        _, score = self.calling.best(found.rest, languages)
        if score or not any(self.config.arguments[name].pattern for name in found.values):
            return score
        return BESIDE if self._goes_with_it(found.rest.casefold()) else NAMED

    def _goes_with_it(self, rest: str) -> bool:
        said = frozenset(meaning(terms(rest)))
        if all(is_empty(term) or term in self.naming for term in said):
            return True
        return not self.beside.isdisjoint(said) or any(word in rest for word in self.beside_han)

    def followed(self, found: Found, languages: Sequence[str]) -> tuple[tuple[int, ...], float]:
        """Which sentences of the result a message asks for, and how surely; none and 0.0: not for just one."""
        name, score = self.following.best(found.rest, languages)
        return ((int(name.removeprefix("says-")),), score) if name else ((), 0.0)


def declared(config: Mapping[str, LookUpConfig], languages: Sequence[str]) -> dict[str, LookUp]:
    return {name: _look_up(name, one, languages) for name, one in config.items()}


def _look_up(name: str, config: LookUpConfig, languages: Sequence[str]) -> LookUp:
    follows = {f"says-{index}": said.asked for index, said in enumerate(config.result.says) if said.asked}
    keywords = [word for words in config.keywords.values() for word in words]
    names = [text for argument in config.arguments.values() for text in argument.name.values()]
    return LookUp(
        name=name,
        config=config,
        finder=Finder(config),
        calling=Examples(languages, {"called": config.when}),
        following=Examples(languages, follows),
        beside=_terms(keywords),
        # 没收到 is cut into 没收 and 到, so the words of a text do not tell.
        beside_han=tuple(word for word in keywords if HAN.search(word)),
        naming=_terms(names),
    )


def _terms(texts: Iterable[str]) -> frozenset[str]:
    return frozenset(term for text in texts for term in meaning(terms(text)) if not is_empty(term))
