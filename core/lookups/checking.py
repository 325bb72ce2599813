"""What of a look-up can only be judged together: its placeholders, and that it is written in each of the bot's languages."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence

from core.lookups.config import LookUpConfig
from core.yamlfile import Reading, line_of, nearest, parse_yaml

PLACEHOLDER = re.compile(r"\{([^{}]*)\}")
Key = tuple[str | int, ...]
# A key below lookups.<name>, what is wrong with it, and what would be right.
Finding = tuple[Key, str, str]


def check_look_ups(
    reading: Reading, look_ups: Mapping[str, LookUpConfig], languages: Sequence[str], answers: Sequence[str]
) -> None:
    """Add every mistake with the line of its key in bot.yaml; ``answers``: the ids of the approved answers."""
    found = [
        (("lookups", name, *key), wrong, right)
        for name, config in look_ups.items()
        for key, wrong, right in (
            *_placeholders(config),
            *_languages(config, languages),
            *_answers(config, answers),
        )
    ]
    file = reading.folder / "bot.yaml"
    data = parse_yaml(reading, file, quiet=True) if found else None
    for path, wrong, right in found:
        reading.wrong(file, line_of(data, path), ".".join(map(str, path)), wrong, right)


def _placeholders(config: LookUpConfig) -> Iterator[Finding]:
    arguments, fields = list(config.arguments), list(config.result.fields)
    for key, text in (("path", config.path), ("body", _texts_of_json(config.body))):
        for name in PLACEHOLDER.findall(text):
            if name not in arguments:
                yield (key,), f"there is no argument '{name}'", _known(name, arguments)
    for both in sorted(set(arguments) & set(fields)):
        yield ("result", "fields", both), "is an argument's name, too", "Give the field another name"
    for index, said in enumerate(config.result.says):
        for language, text in said.text.items():
            for name in PLACEHOLDER.findall(text):
                if name not in (*fields, *arguments):
                    where = ("result", "says", index, "text", language)
                    yield where, f"there is no field or argument '{name}'", _known(name, [*fields, *arguments])
    used = {*PLACEHOLDER.findall(config.path), *PLACEHOLDER.findall(_texts_of_json(config.body))}
    for name, argument in config.arguments.items():
        if name not in used and not argument.matches:
            right = f"Write {{{name}}} in path, or name in matches where the result has it"
            yield ("arguments", name), "is asked for, but used nowhere", right


def _answers(config: LookUpConfig, answers: Sequence[str]) -> Iterator[Finding]:
    for index, id in enumerate(config.instead_of):
        if id not in answers:
            right = nearest(id, answers) if answers else "Leave it out"
            yield ("instead_of", index), f"there is no approved answer '{id}'", right


def _texts_of_json(body: str) -> str:
    """The texts in a JSON body; its own braces are none of ours."""
    return " ".join(re.findall(r'"(?:[^"\\]|\\.)*"', body))


def _known(name: str, known: Sequence[str]) -> str:
    return nearest(name, known) if known else "Declare it below arguments"


def _languages(config: LookUpConfig, languages: Sequence[str]) -> Iterator[Finding]:
    texts: list[tuple[Key, Mapping[str, object]]] = [(("description",), config.description), (("when",), config.when)]
    for name, argument in config.arguments.items():
        texts += [(("arguments", name, key), text) for key, text in (("name", argument.name), ("asks", argument.asks))]
    for name, field in config.result.fields.items():
        texts += [(("result", "fields", name, "words", value), words) for value, words in field.words.items()]
    for index, said in enumerate(config.result.says):
        texts.append((("result", "says", index, "text"), said.text))
        if said.asked:
            texts.append((("result", "says", index, "asked"), said.asked))
    if config.result.not_found:
        texts.append((("result", "not_found"), config.result.not_found))
    for key, written in texts:
        missing = [language for language in languages if language not in written]
        if missing:
            yield key, f"is missing in: {', '.join(missing)}", "Write it in each language"
