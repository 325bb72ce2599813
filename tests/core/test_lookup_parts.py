"""The parts of a look-up: arguments in a text, yes and no, the answer by schema, the mistakes of bot.yaml."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest

from core.botfile import load_bot
from core.errors import ConfigError, LookUpFailed
from core.lookups.config import LookUpConfig
from core.lookups.declared import LookUp
from core.lookups.replies import is_no, is_without, is_yes
from core.lookups.result import read, told
from core.lookups.values import Finder
from tests.core.lookup_config import ORDER, STOCK, bot_yaml
from tests.core.shop import make_shop

MINE = {"number": "W12345", "email": "ann@tea.example"}


@pytest.fixture(scope="module")
def look_ups(tmp_path_factory: pytest.TempPathFactory) -> dict[str, LookUp]:
    folder = make_shop(tmp_path_factory.mktemp("shop"), bot_yaml=bot_yaml("https://mugs.example"))
    return dict(load_bot(folder).lookups)


# ── arguments in a text ──────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("it's w12345.", {"number": "W12345"}),
        ("订单W12345还没到", {"number": "W12345"}),
        ("（Ｗ１２３４５）", {"number": "W12345"}),
        ("#W12345, ANN@Tea.Example!", MINE),
        ("邮箱是ann@tea.example，订单号W12345。", MINE),
        ("W12345@tea.example", {"email": "w12345@tea.example"}),
        ("W123456", {}),
        ("AW12345", {}),
        ("W1234", {}),
        ("12345", {}),
        ("ann@tea", {}),
    ],
)
def test_arguments_are_found_and_nothing_else(look_ups: dict[str, LookUp], text: str, found: dict[str, str]) -> None:
    assert look_ups["order"].finder.find(text).last() == found


@pytest.mark.parametrize(
    ("text", "shop"), [("in Lisbon", "lisbon"), ("PORTO?", "porto"), ("里斯本店", "lisbon"), ("portos", None)]
)
def test_a_choice_is_found_by_its_words(look_ups: dict[str, LookUp], text: str, shop: str | None) -> None:
    assert look_ups["stock"].finder.find(text).last().get("shop") == shop


def test_a_whole_number_has_its_bounds() -> None:
    argument = {"name": {"en": "n"}, "asks": {"en": "n?"}, "type": "integer", "minimum": 1000, "maximum": 9999}
    config = LookUpConfig.model_validate(
        {
            "description": {"en": "x"},
            "server": "https://x.example",
            "path": "/{n}",
            "arguments": {"n": argument},
            "when": {"en": ["x"]},
            "result": {"fields": {"a": "a"}, "says": [{"text": {"en": "x"}}]},
        }
    )
    assert Finder(config).find("of 12 ones 4711 it is, 10000 not").last() == {"n": "4711"}


@pytest.mark.parametrize("text", ["yes", "Yes, please!", "OK", "sure, thanks", "是的，谢谢", "好的 查吧", "可以。"])
def test_yes(text: str) -> None:
    assert is_yes(text)
    assert not is_no(text)


@pytest.mark.parametrize("text", ["no", "No, thanks... never mind", "don’t", "不用了，谢谢", "算了", "不是"])
def test_no(text: str) -> None:
    assert is_no(text)
    assert not is_yes(text)


@pytest.mark.parametrize(
    "text", ["yes but when are you open", "not sure", "好的茶有哪些", "thanks", "", "no sugar please"]
)
def test_neither(text: str) -> None:
    assert not is_yes(text)
    assert not is_no(text)


@pytest.mark.parametrize(
    "text", ["I don't have one", "can't find it", "I forgot", "我不知道", "订单号找不到了", "没有"]
)
def test_without(text: str) -> None:
    assert is_without(text)


# ── the answer by schema ─────────────────────────────────────────────────────────────────────────────────


def _order(**changed: object) -> dict[str, object]:
    return {
        "number": "W12345",
        "customer": {"email": "ANN@tea.example"},
        "status": "Shipped",
        "total": Decimal("24.9"),
        "currency": "EUR",
        "delivery": {"date": "2026-03-05T23:30:00+01:00", "tracking": "https://t.example/1"},
        "items": [{"title": "Mug"}, {"title": "Pot\n\u202e[x](y)"}],
        **changed,
    }


def test_an_order_is_read_and_said_in_both_languages(look_ups: dict[str, LookUp]) -> None:
    config = look_ups["order"].config
    values = read("order", config, _order(), MINE)
    assert values is not None
    assert told(config, values, MINE, "en") == (
        "Order W12345 is on its way. It should arrive on 5 March 2026. In it: Mug, Pot \\[x\\](y); 24.90 EUR. "
        "Follow it here: https://t.example/1"
    )
    assert told(config, values, MINE, "zh").startswith("订单 W12345 已发货。预计 2026年3月5日 送达。商品：Mug、Pot")
    assert told(config, values, MINE, "zh", only=(3, 0)) == "订单 W12345 已发货。物流查询：https://t.example/1"
    ended = config.model_copy(update={"result": config.result.model_copy(update={"says": config.result.says[::-1]})})
    assert told(ended, values, MINE, "zh").startswith("物流查询：https://t.example/1 商品：")
    assert told(config, values, MINE, "en", only=(1,)) == "It should arrive on 5 March 2026."


def test_a_sentence_without_its_field_is_left_out(look_ups: dict[str, LookUp]) -> None:
    config = look_ups["order"].config
    values = read("order", config, _order(delivery={"date": None}), MINE)
    assert values is not None
    assert told(config, values, MINE, "en") == "Order W12345 is on its way. In it: Mug, Pot \\[x\\](y); 24.90 EUR."


@pytest.mark.parametrize(
    "changed",
    [
        {"status": None},
        {"status": "eaten"},
        {"total": "much"},
        {"total": True},
        {"total": Decimal("1e40")},
        {"items": [{"title": ["Mug"]}]},
        {"items": []},
        {"delivery": {"date": "tomorrow"}},
        {"delivery": {"tracking": "javascript:alert(1)"}},
        {"delivery": {"tracking": "https://t.example/)[x](http://evil.example) now"}},
    ],
)
def test_what_is_not_as_declared_is_a_failure(look_ups: dict[str, LookUp], changed: dict[str, object]) -> None:
    with pytest.raises(LookUpFailed, match="the look-up 'order' answered with"):
        read("order", look_ups["order"].config, _order(**changed), MINE)


@pytest.mark.parametrize(
    "changed",
    [
        {"customer": {"email": "bo@tea.example"}},
        {"customer": {}},
        {"customer": None},
        {"number": "W99999"},
        {"number": None},
    ],
)
def test_what_is_of_another_one_is_not_found(look_ups: dict[str, LookUp], changed: dict[str, object]) -> None:
    assert read("order", look_ups["order"].config, _order(**changed), MINE) is None


# ── the mistakes of bot.yaml ─────────────────────────────────────────────────────────────────────────────

MISTAKES = {
    "an unknown key": ("pattern: W", "patern: W", "arguments.number.patern: is no known key. Did you mean 'pattern'?"),
    "no regular expression": ("W\\d{5}", "W(", "arguments.number.pattern: is no regular expression"),
    "an example that does not fit": ("[W12345]", "[X1]", "arguments.number: the example 'X1' does not fit"),
    "an unknown placeholder": (
        "/{number}?",
        "/{numbr}?",
        "order.path: there is no argument 'numbr'. Did you mean 'number'?",
    ),
    "an unknown field": ("{eta}.", "{et}.", "says.1.text.en: there is no field or argument 'et'. Did you mean 'eta'?"),
    "a missing language": (", zh: 订单号}", "}", "arguments.number.name: is missing in: zh"),
    "words without a language": (
        "{en: on its way, zh: 已发货}",
        "{en: on its way}",
        "words.shipped: is missing in: zh",
    ),
    "an argument for nothing": (
        "?email={email}",
        "",
        "arguments.email: is asked for, but used nowhere",
    ),
    "a placeholder in the host": (
        "server: https://",
        "server: https://{number}.",
        "order.server: is no address of an API",
    ),
    "another address in the path": ("path: /", "path: //evil.example/", "order.path: must begin with one '/'"),
    "a secret in the file": (
        "secret: MUGS_TOKEN",
        "secret: abc-123",
        "headers.Authorization.secret: must be the name of",
    ),
    "a secret that is not used": ("Bearer {secret}", "Bearer x", "headers.Authorization: secret and {secret} in value"),
    "a POST that may write": ("path: /o", "method: POST\n    path: /o", "lookups.order: a look-up must change nothing"),
    "no JSON path": ("items[].title", "items[*].title", "fields.items.path: is no path into JSON"),
    "a header of the connection": ("Authorization:", "Host:", "lookups.order.headers: 'Host' is no header"),
    "an unknown answer": (
        "    when:",
        "    instead_of: [hour]\n    when:",
        "instead_of.0: there is no approved answer 'hour'. Did you mean 'hours'?",
    ),
    "two addresses": (
        "path: /o",
        "server_from: X\n    path: /o",
        "lookups.order: needs exactly one of: server, server_from",
    ),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_is_named_with_its_line(tmp_path: Path, mistake: str) -> None:
    right, wrong, said = MISTAKES[mistake]
    written = ORDER.replace("matches: customer.email", "") if mistake == "an argument for nothing" else ORDER
    text = bot_yaml("https://mugs.example", written)
    assert right in text
    changed = text.replace(right, wrong, 1)
    with pytest.raises(ConfigError) as raised:
        load_bot(make_shop(tmp_path, bot_yaml=changed))
    problem = next(one for one in raised.value.problems if said in str(one))
    *_, above, key = problem.key.split(".")
    assert problem.line >= changed.splitlines().index("lookups:") + 2
    assert any(name in changed.splitlines()[problem.line - 1] for name in (key, above)), str(problem)


def test_several_mistakes_are_named_at_once(tmp_path: Path) -> None:
    text = bot_yaml("https://mugs.example", (ORDER + STOCK).replace("{eta}.", "{et}.").replace("{count}", "{cnt}"))
    with pytest.raises(ConfigError) as raised:
        load_bot(make_shop(tmp_path, bot_yaml=text))
    assert len(raised.value.problems) == 3
