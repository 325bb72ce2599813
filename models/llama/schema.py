"""A JSON schema as a grammar: by the binding's own converter, which is strict only with what is checked here first.

It leaves out without a word what it does not know, fetches what a ``$ref`` names, and fails in many ways on a schema
that is none. So what an answer would not be held to is refused, with the place.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from llama_cpp.llama_grammar import PRIMITIVE_RULES, SchemaConverter

from models.llama.gbnf import MOST_REPETITIONS

_MOST_CHARACTERS = 50_000
_DEEPEST = 30
_TYPES = {"object", "array", "string", "number", "integer", "boolean", "null"}
_FORMATS = {"date", "time", "date-time", "uuid"}
_LENGTHS = {"minLength", "maxLength"}
_COUNTS = _LENGTHS | {"minItems", "maxItems"}
_SAYS_NOTHING = {
    "$schema", "$id", "$comment", "$defs", "definitions", "title", "description", "default", "examples", "deprecated",
    "readOnly", "writeOnly",
}  # fmt: skip
_KEPT_TO = {
    "$ref", "type", "enum", "const", "oneOf", "anyOf", "properties", "required", "additionalProperties", "items",
    "prefixItems", "pattern", "format", *_COUNTS,
}  # fmt: skip
# The converter copies a pattern into the grammar, where these would let through what is no JSON string, or mean another.
_PLAIN_PATTERN = re.compile(r"\^([^.\\\"^$]|\[[^^\\\"\]]+\])*\$")
_CHARACTER = r'[^"\\\x7F\x00-\x1F] | "\\" (["\\/bfnrt] | "u" [0-9a-fA-F]{4})'  # its own takes new lines, too

Schema = Mapping[str, Any]


class SchemaError(Exception):
    """What is wrong with the schema, and where."""


def grammar_of_schema(text: str) -> str:
    """Raises SchemaError."""
    if len(text) > _MOST_CHARACTERS:
        raise SchemaError(f"it has {len(text)} characters; at most {_MOST_CHARACTERS} are allowed")
    try:
        schema = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise SchemaError(f"it is no JSON ({error})") from error
    _check(schema, "$", schema, 0)
    try:
        return _Converter().convert(schema)
    except (AssertionError, AttributeError, KeyError, IndexError, TypeError, ValueError, RecursionError) as error:
        raise SchemaError(f"it cannot be converted ({type(error).__name__}: {error})") from error


class _Converter(SchemaConverter):
    def __init__(self) -> None:
        super().__init__(prop_order={}, allow_fetch=False, dotall=False, raw_pattern=False)  # type: ignore[no-untyped-call]

    def convert(self, schema: dict[str, Any]) -> str:
        self.visit(self.resolve_refs(schema, ""), "")
        if "char" in self._rules:
            self._rules["char"] = _CHARACTER
        return str(self.format_grammar())  # type: ignore[no-untyped-call]

    def visit(self, schema: Any, name: str) -> str:
        """Counted repetitions as such: the converter nests them in parentheses, one for each time."""
        if schema.get("type") == "string" and _LENGTHS & schema.keys() and not {"pattern", "format"} & schema.keys():
            self._add_primitive("char", PRIMITIVE_RULES["char"])
            least, most = schema.get("minLength", 0), schema.get("maxLength", "")
            rule = f'"\\"" char{{{least},{most}}} "\\"" space'
            return str(self._add_rule(name or "root", rule))  # type: ignore[no-untyped-call]
        return str(super().visit(schema, name))  # type: ignore[no-untyped-call]

    def _format_literal(self, literal: str) -> str:
        """``literal`` is JSON: characters as themselves, and a backslash stays one."""
        plain = json.dumps(json.loads(literal), ensure_ascii=False)
        return '"' + plain.replace("\\", "\\\\").replace('"', '\\"') + '"'


# ── checks ───────────────────────────────────────────────────────────────────────────────────────────────


def _check(schema: object, at: str, root: object, depth: int) -> None:
    if depth > _DEEPEST:
        raise SchemaError(f"{at[:100]}…: it is nested more than {_DEEPEST} deep")
    if not isinstance(schema, dict):
        raise SchemaError(f'{at}: a schema is a JSON object, such as {{"type": "string"}}')
    for key in schema:
        if key not in _KEPT_TO | _SAYS_NOTHING:
            raise SchemaError(f"{at}: an answer cannot be held to {key!r}; leave it out, and check the answer for it")
    _check_type(schema, at)
    _check_values(schema, at, root)
    for name, part in _parts(schema, at):
        _check(part, name, root, depth + 1)


def _check_type(schema: Schema, at: str) -> None:
    kinds = schema.get("type", [])
    for kind in kinds if isinstance(kinds, list) else [kinds]:
        if not isinstance(kind, str) or kind not in _TYPES:
            raise SchemaError(f"{at}.type: {kind!r} is no type; there are {', '.join(sorted(_TYPES))}")
    if isinstance(kinds, list) and kinds and len(schema.keys() - _SAYS_NOTHING) > 1:
        raise SchemaError(f"{at}.type: with several types nothing else is kept to; write them as anyOf")
    if not isinstance(schema.get("format", ""), str) or schema.get("format", "date") not in _FORMATS:
        raise SchemaError(f"{at}.format: {schema['format']!r} is not known; there are {', '.join(sorted(_FORMATS))}")


def _check_values(schema: Schema, at: str, root: object) -> None:
    for key in _COUNTS & schema.keys():
        value = schema[key]
        if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= MOST_REPETITIONS:
            raise SchemaError(f"{at}.{key}: {value!r} is no whole number from 0 to {MOST_REPETITIONS}")
    for least, most in (("minItems", "maxItems"), ("minLength", "maxLength")):
        if schema.get(least, 0) > schema.get(most, MOST_REPETITIONS):
            raise SchemaError(f"{at}: {least} is more than {most}")
    if "enum" in schema and not (isinstance(schema["enum"], list) and schema["enum"]):
        raise SchemaError(f"{at}.enum: it is a list with at least one value")
    pattern = schema.get("pattern")
    if pattern is not None and not (isinstance(pattern, str) and _PLAIN_PATTERN.fullmatch(pattern)):
        raise SchemaError(
            f'{at}.pattern: {pattern!r} is not plain enough; it begins with ^, ends with $, and has none of . \\ " [^'
        )
    if "$ref" in schema:
        _check_reference(schema, at, root)
    required = schema.get("required", [])
    if not isinstance(required, list) or not all(isinstance(name, str) for name in required):
        raise SchemaError(f"{at}.required: it is a list of names")
    properties = schema.get("properties", {})
    if unknown := set(required) - (properties.keys() if isinstance(properties, dict) else set()):
        raise SchemaError(f"{at}.required: {sorted(unknown)[0]!r} is not among its properties")


def _check_reference(schema: Schema, at: str, root: object) -> None:
    path = schema["$ref"]
    if not isinstance(path, str) or not path.startswith("#/"):
        raise SchemaError(f"{at}.$ref: {path!r} must name a part of this schema, such as #/$defs/tea")
    target = root
    for name in path.split("/")[1:]:
        if not isinstance(target, dict) or name not in target:
            raise SchemaError(f"{at}.$ref: {path!r} is not in this schema")
        target = target[name]


def _parts(schema: Schema, at: str) -> Iterator[tuple[str, object]]:
    """The schemas in a schema, and where they are."""
    for key in ("properties", "$defs", "definitions"):
        parts = schema.get(key, {})
        if not isinstance(parts, dict):
            raise SchemaError(f"{at}.{key}: it is a JSON object of schemas by their names")
        if "*" in parts:
            raise SchemaError(f"{at}.{key}: the name '*' means any other name here; take another")
        yield from ((f"{at}.{key}.{name}", part) for name, part in parts.items())
    for key in ("oneOf", "anyOf", "prefixItems"):
        if key in schema:
            if not isinstance(schema[key], list) or not schema[key]:
                raise SchemaError(f"{at}.{key}: it is a list of schemas")
            yield from ((f"{at}.{key}[{place}]", part) for place, part in enumerate(schema[key]))
    if "items" in schema and not isinstance(schema["items"], bool):
        yield f"{at}.items", schema["items"]
    if isinstance(schema.get("additionalProperties", False), bool):
        return
    yield f"{at}.additionalProperties", schema["additionalProperties"]
