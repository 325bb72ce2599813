"""Reading a bot's intents.yaml: every mistake with its line, its key and what would be right."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from core.config import ApprovedAnswerConfig, ProductConfig
from core.language import base
from core.understanding.config import FEWEST, IntentsConfig
from core.understanding.examples import Example, examples_of, same
from core.yamlfile import Reading, line_of, nearest, parse_yaml, read_yaml

FILE = "intents.yaml"


def read_intents(
    reading: Reading,
    languages: Sequence[str],
    answers: Sequence[ApprovedAnswerConfig],
    products: Sequence[ProductConfig],
) -> tuple[Example, ...]:
    """The examples to learn from; none: the bot has no intents.yaml, or it has mistakes, which ``reading`` then has."""
    file = reading.folder / FILE
    intents = read_yaml(reading, file, IntentsConfig, required=False)
    if intents is None:
        return ()
    _Check(reading, file, intents).all(languages, [answer.id for answer in answers])
    examples = examples_of(intents, answers, products)
    _check_enough(reading, file, intents, examples)
    return examples


class _Check:
    def __init__(self, reading: Reading, file: Path, intents: IntentsConfig) -> None:
        self._reading = reading
        self._file = file
        self._intents = intents
        self._data = parse_yaml(reading, file, quiet=True)

    def all(self, languages: Sequence[str], answers: Sequence[str]) -> None:
        self._languages(languages)
        self._answers(answers)
        self._examples()

    def _wrong(self, path: Sequence[str | int], wrong: str, right: str) -> None:
        self._reading.wrong(self._file, line_of(self._data, path), ".".join(map(str, path)), wrong, right)

    def _languages(self, languages: Sequence[str]) -> None:
        spoken = {base(language) for language in languages}
        for intent, config in self._intents.each():
            for language in config.examples:
                if base(language) not in spoken:
                    right = f"bot.yaml has: {', '.join(languages)}"
                    self._wrong((intent.value, "examples", language), "is no language of this bot", right)

    def _answers(self, known: Sequence[str]) -> None:
        named: dict[str, str] = {}
        for intent, config in self._intents.each():
            for index, answer in enumerate(config.answers):
                path = (intent.value, "answers", index)
                if answer not in known:
                    right = nearest(answer, known) if known else "answers.yaml has none"
                    self._wrong(path, f"there is no approved answer '{answer}'", right)
                elif answer in named:
                    self._wrong(path, f"'{answer}' is named twice", f"It stands under {named[answer]} already")
                named.setdefault(answer, intent.value)

    def _examples(self) -> None:
        seen: dict[str, tuple[str, int]] = {}
        for intent, config in self._intents.each():
            for language, texts in config.examples.items():
                for index, text in enumerate(texts):
                    path = (intent.value, "examples", language, index)
                    if (before := seen.get(same(text))) is not None:
                        right = f"It stands under {before[0]} already, in line {before[1]}; write each example once"
                        self._wrong(path, f"'{text[:60]}' is written twice", right)
                    seen.setdefault(same(text), (intent.value, line_of(self._data, path)))


def _check_enough(reading: Reading, file: Path, intents: IntentsConfig, examples: Sequence[Example]) -> None:
    counted = Counter(example.label for example in examples)
    data = parse_yaml(reading, file, quiet=True)
    for intent, _ in intents.each():
        if 0 < counted[intent.value] < FEWEST:
            right = f"Write {FEWEST} or more, or leave {intent.value} out"
            wrong = f"has {counted[intent.value]} examples, too few to learn from"
            reading.wrong(file, line_of(data, (intent.value,)), intent.value, wrong, right)
    if len(counted) < 2:
        reading.wrong(file, 1, "", "has fewer than two intents", "Write examples of at least two, such as out_of_scope")
