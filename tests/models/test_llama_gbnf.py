"""Grammars: what is in them, what is refused, and that nothing brings the process down or keeps it busy for long."""

from __future__ import annotations

import json
import re
from contextlib import suppress

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from models.llama.automaton import MOST_READINGS, Automaton, code_points
from models.llama.gbnf import GrammarError, characters, read_grammar
from models.llama.schema import SchemaError, grammar_of_schema


def accepts(grammar: str, text: str) -> bool:
    automaton = Automaton(read_grammar(grammar))
    state = automaton.follow(automaton.start, text.encode())
    return state is not None and state.ends


def begins(grammar: str, data: bytes) -> bool:
    automaton = Automaton(read_grammar(grammar))
    return automaton.follow(automaton.start, data) is not None


@pytest.mark.parametrize(
    ("grammar", "right", "wrong"),
    [
        ('root ::= "yes" | "no"', ["yes", "no"], ["", "y", "yesno", "Yes"]),
        ("root ::= [a-c]+", ["a", "abc"], ["", "d", "abd"]),
        ("root ::= [^a-c]*", ["", "xyz", "龙"], ["a", "xa"]),
        ('root ::= "a"? "b"{2} "c"{1,2} "d"{1,}', ["bbcd", "abbccddd"], ["bcd", "bbcccd", "bbc"]),
        ('root ::= "a"{0,0} "b"', ["b"], ["ab"]),
        ('root ::= ("a" | "b" ("c" |\n "d"))* # a comment', ["", "abcbd"], ["b"]),
        ('root ::= item ("," item)*\nitem ::=\n  [0-9]+\n\n', ["1", "12,3"], [",", "1,"]),
        ('root ::= "\\"\\\\\\n\\x41\\u9F99\\U0001F375"', ['"\\\nA龙🍵'], ["A"]),
        ("root ::= [\\-\\]\\[a-]+", ["-][a"], ["b"]),
        ("root ::= .", ["x", "龙", "🍵", "\n", "\0"], ["", "xx"]),
        ('root ::= "(" root ")" | ""', ["", "(())"], ["(", ")"]),
        ('root ::= ("a"?)* "b"', ["b", "aab"], ["a"]),
        ('root ::= (("a"*)*)+', ["", "aaa"], ["b"]),
        ('root ::= a\na ::= ""', [""], ["a"]),
        ("root ::= [一-龥]{2}", ["龙井"], ["龙", "龙a", "🍵茶"]),
    ],
)
def test_what_is_in_a_grammar(grammar: str, right: list[str], wrong: list[str]) -> None:
    assert [text for text in right if not accepts(grammar, text)] == []
    assert [text for text in wrong if accepts(grammar, text)] == []


@pytest.mark.parametrize(
    ("grammar", "says"),
    [
        ("", "no rule named root"),
        ('start ::= "a"', "no rule named root"),
        ("root ::= other", "line 1, column 10: the rule 'other' is used but not defined"),
        ("a ::= root", "'root' is used but not defined"),
        ('root ::= "a', 'has no closing "'),
        ("root ::= [a", "has no closing ]"),
        ("root ::= []", "no character is in"),
        ("root ::= [z-a]", "end comes before"),
        ('root ::= ("a"', "not closed"),
        ('root ::= "a")', "a new line or the end"),
        ("root ::= *", "nothing is before '\\*'"),
        ('root ::= ""*', "nothing is before"),
        ('root ::= "a"{3,1}', "at least 3 and at most 1"),
        ('root ::= "a"{99999999999999999999}', "more than 2000 repetitions"),
        ('root ::= "a"{2', "not closed"),
        ('root ::= "a"{,2}', "a number is expected"),
        ('root ::= "\\q"', "is no escape"),
        ('root ::= "\\uD83C"', "a surrogate is no character"),
        ('root ::= "\\UFFFFFFFF"', "8 hexadecimal digits"),
        ('root = "a"', "::= is expected"),
        ('root ::= "a"\nroot ::= "b"', "line 2, column 1: the rule 'root' is defined twice"),
        ("root ::= <think>", "tokens"),
        ('root ::= root "a" | "b"', "'root' begins with itself; write"),
        ('root ::= a "x" | "y"\na ::= b root\nb ::= c\nc ::= ""', "begins with itself"),
        ("root ::= " + '("(" ' * 200 + ")" * 200, "nested more than"),
        ("root ::= " + "((((" * 50_000, "characters|nested"),
        ('root ::= "' + "a" * 150_000 + '"', "more than 100000 parts"),
        (
            'root ::= ("a"{2000} "b"{2000}){1000} ("c"{0,2000}){0,2000} ' + '("d"{0,2000})' * 100,
            "more than 100000 parts",
        ),
    ],
)
def test_what_is_wrong_is_said(grammar: str, says: str) -> None:
    with pytest.raises(GrammarError, match=says):
        read_grammar(grammar)


def test_an_ambiguous_grammar_stays_small() -> None:
    grammar = 'root ::= "a" root "b" | "a" root "c" | "d"'
    automaton = Automaton(read_grammar(grammar))
    state = automaton.follow(automaton.start, b"a" * 40)
    assert state is not None
    assert len(state.readings) <= MOST_READINGS + 1
    assert automaton.work < 2_000_000
    end = automaton.follow(state, b"d")
    assert end is not None
    assert any(automaton.follow(end, char) for char in (b"b", b"c"))


def test_a_character_that_comes_in_parts() -> None:
    tea = "茶".encode()
    assert begins('root ::= "茶"', tea[:1])
    assert begins('root ::= "茶"', tea[:2])
    assert not begins('root ::= "a"', tea[:1])
    assert not begins("root ::= .", b"\xff")
    assert not begins("root ::= .", b"\xc0\x80")
    assert not begins("root ::= .", b"\xed\xa0")  # a surrogate
    assert not begins("root ::= .", tea[:1] + b"a")


@given(st.characters(exclude_categories=["Cs"]))
def test_every_character_is_followed_byte_by_byte(char: str) -> None:
    data = char.encode()
    for length in range(1, len(data) + 1):
        found = code_points(data[:length])
        assert found is not None
        assert found[0] <= ord(char) <= found[1]
        assert found[2] == (length == len(data))


@given(st.lists(st.tuples(st.integers(0, 0x10FFFF), st.integers(0, 0x10FFFF)).map(lambda pair: (min(pair), max(pair)))))
@example([(0xD000, 0xE000)])
def test_a_set_and_its_opposite(ranges: list[tuple[int, int]]) -> None:
    inside, outside = characters(ranges), characters(ranges, negated=True)
    probes = {0, 0x10FFFF, 0xD7FF, 0xE000, *(edge + step for pair in ranges for edge in pair for step in (-1, 0, 1))}
    for code in probes:
        if 0 <= code <= 0x10FFFF and not 0xD800 <= code <= 0xDFFF:
            expected = any(low <= code <= high for low, high in ranges)
            assert inside.meets(code, code) == expected
            assert outside.meets(code, code) != expected


SEEDS = [
    'root ::= ("a" | [b-z]{2,3})* item\nitem ::= "x"? root2\nroot2 ::= .+ "\\n"',
    'root ::= "(" root ")" | item{0,3}\nitem ::= [^"\\\\] | "\\\\" ["u]',
    "root ::= ws [0-9]+ ws\nws ::= [ \\t]*",
]
PARTS = [*'()[]{}|*+?".\\<>!:=#-^,09ax\n \0龙', "root"]
MUTATION = st.tuples(st.floats(0, 1), st.integers(0, 3), st.sampled_from([*PARTS]))


@settings(max_examples=300, deadline=None)
@given(st.sampled_from(SEEDS), st.lists(MUTATION, max_size=8), st.text("ab(x01 \n龙", max_size=12))
def test_rubbish_is_refused_or_works(grammar: str, mutations: list[tuple[float, int, str]], text: str) -> None:
    for where, drop, add in mutations:
        at = int(where * len(grammar))
        grammar = grammar[:at] + add + grammar[at + drop :]
    try:
        automaton = Automaton(read_grammar(grammar))
    except GrammarError:
        return
    automaton.follow(automaton.start, text.encode())
    assert automaton.work < 2_000_000


# ── JSON schemas ─────────────────────────────────────────────────────────────────────────────────────────

TEA = {
    "type": "object",
    "description": "one tea",
    "properties": {
        "name": {"type": "string", "minLength": 1, "maxLength": 300},
        "kind": {"enum": ["绿茶", 'a "b\\c', "🍵", None, 3]},
        "price": {"$ref": "#/$defs/price"},
        "tags": {"type": "array", "items": {"type": "string"}, "maxItems": 2},
        "when": {"type": "string", "format": "date"},
    },
    "required": ["name", "kind"],
    "$defs": {"price": {"type": "number"}},
}


@pytest.mark.parametrize(
    ("value", "right"),
    [
        ({"name": "龙井", "kind": "绿茶"}, True),
        ({"name": "龙井", "kind": 'a "b\\c', "price": 12.5, "tags": ["a", "b"], "when": "2026-11-22"}, True),
        ({"name": "x" * 300, "kind": "🍵", "price": -1}, True),
        ({"name": "x" * 301, "kind": "🍵"}, False),
        ({"name": "", "kind": None}, False),
        ({"name": "x", "kind": "black"}, False),
        ({"name": "x"}, False),
        ({"name": "x", "kind": 3, "tags": ["a", "b", "c"]}, False),
        ({"name": "x", "kind": 3, "more": 1}, False),
    ],
)
def test_a_schema_holds_json_to_it(value: object, right: bool) -> None:
    assert accepts(grammar_of_schema(json.dumps(TEA)), json.dumps(value, ensure_ascii=False)) == right


@pytest.mark.parametrize("value", [{}, {"a": [1, None, {"b": "ü"}]}, [], "x", 3.5e-3, True, None])
def test_the_empty_schema_is_any_object(value: object) -> None:
    assert accepts(grammar_of_schema("{}"), json.dumps(value, ensure_ascii=False)) == isinstance(value, dict)


def test_a_string_has_no_bare_line_end() -> None:
    grammar = grammar_of_schema('{"type": "string"}')
    assert accepts(grammar, '"a\\n"')
    assert not begins(grammar, b'"a\n')


def test_a_pattern() -> None:
    grammar = grammar_of_schema('{"type": "string", "pattern": "^[A-Z]{2}-[0-9]+(龙|井)?$"}')
    assert accepts(grammar, '"AB-12龙"')
    assert not accepts(grammar, '"AB-"')


@pytest.mark.parametrize(
    ("schema", "says"),
    [
        ("", "no JSON"),
        ("[" * 20_000, "no JSON"),
        ("3", r"\$: a schema is a JSON object"),
        ('{"type": "strin"}', r"\$.type: 'strin' is no type"),
        ('{"type": {}}', "is no type"),
        ('{"type": "integer", "minimum": 3}', "cannot be held to 'minimum'"),
        ('{"type": "object", "properties": {"a": {"not": {}}}}', r"\$.properties.a: .*'not'"),
        ('{"type": "object", "properties": []}', "JSON object of schemas"),
        ('{"type": "object", "properties": {"a": {}}, "required": ["b"]}', "'b' is not among"),
        ('{"$ref": "https://example.com/x"}', "must name a part of this schema"),
        ('{"$ref": "#/$defs/x"}', "is not in this schema"),
        ('{"type": "string", "pattern": "a.c"}', "not plain enough"),
        ('{"type": "string", "format": "email"}', "'email' is not known"),
        ('{"type": "string", "maxLength": 1e9}', "no whole number"),
        ('{"type": "array", "items": {}, "minItems": 1000000}', "no whole number"),
        ('{"type": "array", "items": {}, "minItems": 3, "maxItems": 1}', "minItems is more"),
        ('{"enum": []}', "at least one value"),
        ('{"anyOf": []}', "list of schemas"),
        ('{"items": ' * 60 + "{}" + "}" * 60, "nested more than"),
        ('{"$ref": "#/$defs/a", "$defs": {"a": {"$ref": "#/$defs/a"}}}', "cannot be|begins with itself|not defined"),
    ],
)
def test_a_schema_that_cannot_be_kept_to(schema: str, says: str) -> None:
    with pytest.raises((SchemaError, GrammarError)) as caught:
        read_grammar(grammar_of_schema(schema))
    assert re.search(says, str(caught.value))


VALUES = st.recursive(
    st.sampled_from([None, True, 1, -5, "string", "object", "array", "#/$defs/a", "^a{2}$", "*", ""]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                "type properties required items prefixItems anyOf enum const $ref $defs additionalProperties pattern minItems "
                "maxItems maxLength format a".split()
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)


@settings(max_examples=300, deadline=None)
@given(VALUES)
def test_a_schema_of_rubbish_is_refused_or_works(schema: object) -> None:
    with suppress(SchemaError, GrammarError):
        Automaton(read_grammar(grammar_of_schema(json.dumps(schema))))
