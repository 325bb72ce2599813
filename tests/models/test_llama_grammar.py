"""Answers that are held to a grammar, by the real model; without an engine, so that every draw is seen."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from core.errors import RequestInvalid
from core.ports import GenerationRequest, LogitBias, Sampling
from models.llama import LoadOptions, Opened, open_model
from models.runner import Slice

GREEDY = Sampling(temperature=0, repeat_penalty=1)
HOT = Sampling(temperature=1.5, top_k=0, top_p=1, min_p=0, repeat_penalty=1.1)
TEA = {
    "type": "object",
    "properties": {
        "name": {"type": "string", "maxLength": 12},
        "kind": {"enum": ["绿茶", "红茶 🍵"]},
        "price": {"type": "integer"},
        "hot": {"type": "boolean"},
    },
    "required": ["name", "kind", "price", "hot"],
}


@pytest.fixture(scope="module")
def opened(gguf: Path) -> Iterator[Opened]:
    opened = open_model(gguf, LoadOptions(context=256, cells=256, parallel=1, threads=1))
    yield opened
    opened.runner.close()


def write(opened: Opened, request: GenerationRequest, seed: int = 1, most: int = 60) -> tuple[str, bool]:
    """The answer's text, and whether the model ended it."""
    runner, vocabulary = opened.runner, opened.vocabulary
    sampler = runner.sampler(request, seed)
    prompt = "<|im_start|>user\nDescribe a tea.<|im_end|>\n<|im_start|>assistant\n"
    tokens = vocabulary.tokenize(prompt, special=True)
    runner.clear()
    runner.decode([Slice(0, 0, tokens, 1)])
    data = b""
    for place in range(len(tokens), len(tokens) + most):
        token = sampler.draw(0)
        if vocabulary.is_end(token):
            return data.decode(), True
        data += vocabulary.text(token)
        runner.decode([Slice(0, place, [token], 1)])
    return data.decode("utf-8", "ignore"), False


def asked(sampling: Sampling = GREEDY, **options: object) -> GenerationRequest:
    return GenerationRequest.model_validate({"messages": (), "sampling": sampling, **options})


@pytest.mark.parametrize(
    ("grammar", "pattern"),
    [
        ('root ::= "yes" | "no"', "yes|no"),
        ('root ::= "是" | "不是"', "是|不是"),
        ("root ::= [一-龥]{3}", "[一-龥]{3}"),
        ('root ::= line line\nline ::= "- " [a-z]{1,6} "\\n"', "(- [a-z]{1,6}\n){2}"),
        ('root ::= "🍵"{2} [^a-z]?', "🍵🍵[^a-z]?"),
    ],
)
@pytest.mark.parametrize(
    "sampling", [GREEDY, HOT, HOT.model_copy(update={"top_k": 40})], ids=["greedy", "all", "top-k"]
)
def test_the_text_is_in_the_grammar(opened: Opened, grammar: str, pattern: str, sampling: Sampling) -> None:
    text, ended = write(opened, asked(sampling, grammar=grammar))
    assert ended
    assert re.fullmatch(pattern, text)


@pytest.mark.parametrize("sampling", [GREEDY, HOT], ids=["greedy", "hot"])
def test_json(opened: Opened, sampling: Sampling) -> None:
    text, ended = write(opened, asked(sampling, json_schema=json.dumps(TEA)), most=120)
    assert ended
    value = json.loads(text)
    assert value.keys() == {"name", "kind", "price", "hot"}
    assert value["kind"] in {"绿茶", "红茶 🍵"}
    assert isinstance(value["price"], int)
    assert isinstance(value["hot"], bool)


def test_the_same_seed_gives_the_same_text_whatever_was_worked_out_before(opened: Opened) -> None:
    request = asked(HOT, json_schema=json.dumps(TEA))
    texts = [write(opened, request, seed)[0] for seed in (7, 8, 7)]
    assert texts[0] == texts[2] != texts[1]


def test_a_grammar_and_a_bias_that_leave_nothing(opened: Opened) -> None:
    request = asked(grammar='root ::= "y"', logit_bias=(LogitBias(token="y", bias=-100),))
    with pytest.raises(RequestInvalid, match="logit_bias forbids all that the grammar allows"):
        write(opened, request)


def test_the_grammar_wins_over_any_bias(opened: Opened) -> None:
    end = opened.vocabulary.eos
    request = asked(grammar='root ::= "yes"', logit_bias=(LogitBias(token=end or 0, bias=100),))
    assert write(opened, request) == ("yes", True)


def test_a_text_that_the_grammar_does_not_end(opened: Opened) -> None:
    text, ended = write(opened, asked(grammar='root ::= ("a" | "b")+ root2\nroot2 ::= "c" root2'), most=8)
    assert not ended
    assert re.fullmatch("[abc]+", text)


def test_an_ambiguous_grammar_is_no_trouble(opened: Opened) -> None:
    text, _ = write(opened, asked(HOT, grammar='root ::= "a" root "b" | "a" root "c" | "d"'), most=12)
    assert re.fullmatch("a+|a*d[bc]*", text)


PARTS = [*'()[]{}|*+?".\\^-,#09ax\n龙', "root", " ::= "]


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(st.integers(0, 60), st.integers(0, 2), st.sampled_from(PARTS)), max_size=4), st.booleans())
def test_rubbish_is_refused_or_kept_to(opened: Opened, mutations: list[tuple[int, int, str]], hot: bool) -> None:
    grammar = 'root ::= ("a" | [b-z]{2,3} | item)+ "\\n"\nitem ::= .{1,2} "x"?'
    for at, drop, add in mutations:
        grammar = grammar[:at] + add + grammar[at + drop :]
    try:
        text, _ = write(opened, asked(HOT if hot else GREEDY, grammar=grammar), most=4)
    except RequestInvalid:
        return
    assert isinstance(text, str)
