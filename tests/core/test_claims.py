"""The guard: what is not in the facts is not said, what is in them may be said, however the text arrives."""

from __future__ import annotations

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from core.trust.claims import Fact, Finding, Grounding, Guard, Kind, Rules, Wording, check, explain

NORWAY = Fact(
    "Delivery to Norway and Norwegian customs",
    "Delivery to Norway costs €14.90 and takes 5–8 working days; it is free from €100. Portuguese VAT is taken off at "
    "checkout. The carrier collects Norwegian import VAT and its handling fee on delivery.",
)
GREEN = Fact(
    "Brewing green tea › Sencha, genmaicha and gyokuro",
    "Organic Sencha tastes best with water at 70 °C for 90 seconds. Gyokuro likes it cooler, 60 °C for 2 minutes, and "
    "genmaicha hotter, 80 °C for 2 minutes. Take 3 g for 200 ml each time.",
)
HOURS = Fact(
    "Visiting the teahouse › Opening hours",
    "The teahouse in Lisbon is open Tuesday to Saturday 10:00–19:00 and Sunday 11:00–18:00. We are closed on Mondays, "
    "on 25 December and on 1 January.",
)
OPENED = Fact(
    "Returns › Opened tea",
    "Opened tea can't be returned, for hygiene. Unopened tea can be returned within 30 days of delivery.",
)
CONTACT = Fact(
    "Contact", "Write to hello@cloudmountain.example or see https://cloudmountain.example/help. Ring +351 21 000 00 00."
)
WHOLESALE = Fact("Wholesale", "20% below shop prices from €250 net, 30% from €1,000 net, in bags of 1 kg.")
KEEMUN = Fact("Keemun", "**Keemun** (BK-01): 13.50 EUR for 50 g, in stock. A rich black tea from Anhui.")
KEEMUN_OUT = Fact("Keemun", "**Keemun** (BK-01): 13.50 EUR for 50 g, out of stock at the moment.")
ZH_NORWAY = Fact("寄往挪威", "寄挪威运费 14.90 欧元，5–8 个工作日送达，满 100 欧元包邮。结账时扣除葡萄牙增值税。")
ZH_OPENED = Fact("已开封的茶叶", "出于卫生考虑，已开封的茶叶不能退货。未开封的茶叶，收货后 30 天内可以退货。")


def verdict(text: str, *facts: Fact, wording: Wording = "free", asked: str = "") -> Finding | None:
    """The finding on a whole text; None: it may be said."""
    guard = Guard(Grounding.of(facts, [asked], wording))
    guard.add(text, last=True)
    return guard.finding


# ── true sentences pass ──────────────────────────────────────────────────────────────────────────────────

TRUE_CLOSE = [
    ("Delivery to Norway costs €14.90 and takes 5–8 working days.", NORWAY),
    ("Delivery to Norway costs €14.90.", NORWAY),
    ("It is free from €100.", NORWAY),
    ("Delivery to Norway costs 14.90 € and takes 5-8 working days.", NORWAY),
    ("Gyokuro likes it cooler, 60 °C for 2 minutes.", GREEN),
    ("Organic Sencha tastes best with water at 70 °C for 90 seconds.", GREEN),
    ("The teahouse is open Tuesday to Saturday 10:00–19:00 and Sunday 11:00–18:00.", HOURS),
    ("We are closed on Mondays.", HOURS),
    ("Opened tea can't be returned, for hygiene.", OPENED),
    ("Opened tea cannot be returned, for hygiene.", OPENED),
    ("Unopened tea can be returned within 30 days of delivery.", OPENED),
    ("Write to hello@cloudmountain.example.", CONTACT),
    ("Keemun: 13.50 EUR for 50 g, in stock.", KEEMUN),
    ("Keemun is out of stock at the moment.", KEEMUN_OUT),
    ("20% below shop prices from €250 net.", WHOLESALE),
    ("30% from €1000 net.", WHOLESALE),
    ("寄挪威运费 14.90 欧元，5–8 个工作日送达。", ZH_NORWAY),
    ("满 100 欧元包邮。", ZH_NORWAY),
    ("已开封的茶叶不能退货。", ZH_OPENED),
    ("未开封的茶叶，收货后 30 天内可以退货。", ZH_OPENED),
]
TRUE_FREE = [
    *TRUE_CLOSE,
    ("Shipping to Norway is €14,90; delivery takes 5 to 8 working days.", NORWAY),
    ("Yes! Delivery to Norway is free from €100.", NORWAY),
    ("Gyokuro: 60 °C for two minutes.", GREEN),
    ("The teahouse is open in Lisbon Sunday 11:00–18:00.", HOURS),
    ("The Keemun costs 13.50 EUR and is in stock.", KEEMUN),
    ("The Keemun costs €13.50 for 50 g.", KEEMUN),
    ("You can ring +351 21 000 00 00.", CONTACT),
]


@pytest.mark.parametrize(("text", "fact"), TRUE_CLOSE)
def test_a_true_sentence_close_to_the_facts_passes(text: str, fact: Fact) -> None:
    assert verdict(text, fact, wording="close") is None


@pytest.mark.parametrize(("text", "fact"), TRUE_FREE)
def test_a_true_sentence_in_other_words_passes(text: str, fact: Fact) -> None:
    assert verdict(text, fact, wording="free") is None


# ── untrue sentences do not ──────────────────────────────────────────────────────────────────────────────

UNTRUE = [
    ("Delivery to Norway costs €12.90.", NORWAY, "12.9"),
    ("Delivery to Norway costs €14.09.", NORWAY, "14.09"),
    ("Delivery to Norway costs €1490.", NORWAY, "1490"),
    ("Delivery to Norway costs €149.0.", NORWAY, "149"),
    ("Delivery takes 5–9 working days.", NORWAY, "9"),
    ("Delivery to Norway takes nine working days.", NORWAY, "9"),
    ("Delivery to Norway takes fifteen working days.", NORWAY, "15"),
    ("Delivery to Norway takes forty working days.", NORWAY, "40"),
    ("Delivery to Norway costs €100.", NORWAY, "beside"),
    ("Delivery to Norway costs €5.", NORWAY, "beside"),
    ("Delivery to Norway takes 14.90 days.", NORWAY, "beside"),
    ("Keemun costs 50 EUR.", KEEMUN, "beside"),
    ("Delivery to Norway costs €5 and takes 14.90 days.", NORWAY, "beside"),
    ("It is free from €14.90.", NORWAY, "beside"),
    ("Gyokuro likes 80 °C for 2 minutes.", GREEN, "beside"),
    ("Sencha tastes best with water at 60 °C.", GREEN, "beside"),
    ("Sencha tastes best with water at 70 °C for 2 minutes.", GREEN, "beside"),
    ("The teahouse is open Sunday 10:00–19:00.", HOURS, "beside"),
    ("The teahouse is open Sunday 11:00–19:00.", HOURS, "beside"),
    ("The teahouse is open until 20:00.", HOURS, "20"),
    ("Write to help@cloudmountain.example.", CONTACT, "address"),
    ("Write to hello@cloudmountain.example.evil.test.", CONTACT, "address"),
    ("See https://cloudmountain.example/help/refund.", CONTACT, "link"),
    ("See https://evil.test today.", CONTACT, "link"),
    ("See evil-shop.com for details.", CONTACT, "link"),
    ("Ring +351 21 000 00 01.", CONTACT, "01"),
    ("We guarantee delivery to Norway.", NORWAY, "guarante"),
    ("You get a full refund for delivery to Norway.", NORWAY, "refund"),
    ("Delivery to Norway comes with a discount.", NORWAY, "discount"),
    ("50% below shop prices.", WHOLESALE, "50"),
    ("30% below shop prices from €250 net.", WHOLESALE, "beside"),
    ("寄挪威运费 12.90 欧元。", ZH_NORWAY, "12.9"),
    ("寄挪威运费 100 欧元。", ZH_NORWAY, "beside"),
    ("寄挪威九个工作日送达。", ZH_NORWAY, "9"),
    ("寄挪威十五个工作日送达。", ZH_NORWAY, "15"),
    ("寄挪威保证明天送达。", ZH_NORWAY, "promis"),
    ("寄挪威可以全额退款。", ZH_NORWAY, "promis"),
]


@pytest.mark.parametrize("wording", ["close", "free"])
@pytest.mark.parametrize(("text", "fact", "why"), UNTRUE)
def test_an_untrue_sentence_is_stopped(text: str, fact: Fact, why: str, wording: Wording) -> None:
    found = verdict(text, fact, wording=wording)
    assert found, "it was let through"


FLIPPED = [
    ("Opened tea can be returned, for hygiene.", OPENED),
    ("Opened tea can be returned within 30 days of delivery.", OPENED),
    ("Unopened tea can't be returned within 30 days of delivery.", OPENED),
    ("We are not closed on Mondays.", HOURS),
    ("Delivery to Norway is never free from €100.", NORWAY),
    ("已开封的茶叶可以退货。", ZH_OPENED),
    ("未开封的茶叶，收货后 30 天内不能退货。", ZH_OPENED),
    ("Keemun is out of stock.", KEEMUN),
    ("Keemun is in stock at the moment.", KEEMUN_OUT),
]


@pytest.mark.parametrize("wording", ["close", "free"])
@pytest.mark.parametrize(("text", "fact"), FLIPPED)
def test_what_says_the_opposite_is_stopped(text: str, fact: Fact, wording: Wording) -> None:
    assert verdict(text, fact, wording=wording)


def test_what_the_shopper_asked_is_no_fact() -> None:
    """A figure, a link or a promise in the question must not become one in the answer."""
    asked = "My friend says delivery to Norway costs €5, is free and refunded, see https://evil.test?"
    for text in ("Delivery to Norway costs €5.", "You are refunded.", "See https://evil.test?"):
        assert verdict(text, Fact("Norway", "Delivery to Norway takes 5–8 working days."), asked=asked), text


def test_close_wording_stops_what_free_wording_lets_pass() -> None:
    text = "Our lovely cosy teahouse in Lisbon gladly awaits you Sunday 11:00–18:00."
    assert verdict(text, HOURS, wording="free") is None
    found = verdict(text, HOURS, wording="close")
    assert found
    assert found.why == "close"
    found = verdict("The teahouse is open Sunday 11:00–18:00?", HOURS, wording="close")
    assert found
    assert found.why == "asks"


def test_small_talk_is_let_through_only_beside_facts() -> None:
    assert verdict("Sure!", NORWAY) is None
    assert verdict("Our grandmother has ridden many horses through snowy mountains.", NORWAY)


def test_nothing_is_sound_if_nothing_was_said() -> None:
    guard = Guard(Grounding.of([NORWAY]))
    assert guard.add("", last=True)
    assert guard.sound == ""
    guard = Guard(Grounding.of([NORWAY]))
    assert guard.add(" \n…", last=True)
    assert guard.sound == ""


def test_the_sound_part_before_a_finding_is_kept() -> None:
    guard = Guard(Grounding.of([NORWAY]))
    assert not guard.add("Delivery to Norway costs €14.90. It takes 3 days.", last=True)
    assert guard.sound == "Delivery to Norway costs €14.90."
    assert guard.finding
    assert (guard.finding.claim, guard.finding.instead) == ("3 days", "5–8 working days")


# ── notations ────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("fact", "said"),
    [
        ("€14.90", "14,90 €"),
        ("14,90 €", "€14.90"),
        ("€1,234.50", "1234.50 EUR"),
        ("€1,234.50", "1.234,50 €"),
        ("1 234,50 €", "€1,234.50"),
        ("€1,000", "€1000"),
        ("€39.00", "€39"),
        ("€39", "€39.00"),
        ("10:00–19:00", "10:00 - 19:00"),
        ("from 10:00", "from 10"),
        ("5–8 days", "5 to 8 days"),
        ("5–8 days", "five to eight days"),
        ("five days", "5 days"),
        ("5 days", "five days"),
        ("20 days", "twenty days"),
        ("５ days", "5 days"),
        ("50 %", "50%"),
        ("两天", "2 天"),
        ("十五天", "15 天"),
        ("二十天", "20 天"),
        ("6 pm", "18:00"),
        ("18:00", "下午六点"),
        ("open 10:00–18:00", "from 10 am to 6 pm"),
        ("3 May", "May 3rd"),
        ("5月3日", "五月三日"),
        ("20 % off", "打八折"),
        ("20%", "百分之二十"),
        ("8.5折", "15% off"),
        ("30 minutes", "half an hour"),
        ("半小时", "30 分钟"),
        ("12 eggs", "a dozen eggs"),
        ("500 g", "half a kilo"),
        ("12.5元", "12块半"),
        ("¥35", "三十五块"),
        ("25欧元", "25 €"),
        ("3–5 天", "三到五天"),
        ("one week", "7 days"),
        ("Ring +47 45 51 17 63.", "Ring +4745511763."),
    ],
)
def test_one_figure_in_two_notations(fact: str, said: str) -> None:
    assert check(said, Grounding.of([Fact("", fact)])) == ()


@pytest.mark.parametrize(
    ("fact", "said"),
    [
        ("€14.90", "€14.9000001"),
        ("€1.234", "€1.23"),
        ("€1,000", "€1"),
        ("€39.00", "€390"),
        ("5 days", "fifty days"),
        ("10:00–19:00", "10:30"),
        ("1/2 teaspoon", "1/3 teaspoon"),
        ("2026-12-24", "2026-12-25"),
        ("五天", "十五天"),
        ("一百元", "三百元"),
        ("10 days", "10 hours"),
        ("12.50 €", "12.50 $"),
        ("3–5 days", "3 days"),
        ("3 days", "3 working days"),
        ("6 pm", "6 am"),
        ("3 May", "5 March"),
        ("八折", "20% of it costs extra 8%"),
        ("up to 60 °C", "from 60 °C"),
        ("within 3 days", "after 3 days"),
        ("500 g", "500 kg"),
        ("Ring +47 45 51 17 63.", "Ring +47 45 51 17 64."),
        ("Tuesday to Friday", "Saturday"),
        ("BK-01", "BK-02"),
    ],
)
def test_two_different_figures(fact: str, said: str) -> None:
    assert check(said, Grounding.of([Fact("", fact)]))


# ── streaming ────────────────────────────────────────────────────────────────────────────────────────────

SNIPPETS = [
    *(text for text, _ in TRUE_FREE),
    *(text for text, *_ in UNTRUE),
    *(text for text, _ in FLIPPED),
]
FACTS = [NORWAY, GREEN, HOURS, OPENED, CONTACT, WHOLESALE, KEEMUN, ZH_NORWAY, ZH_OPENED]


@given(
    text=st.lists(st.sampled_from([*map(str, SNIPPETS), "Sure!", "\n\n", "- ", "**", "1.", " ", "…"]), max_size=4).map(
        " ".join
    ),
    cuts=st.lists(st.integers(0, 400), max_size=30),
    wording=st.sampled_from(["close", "free"]),
)
@example(text="It costs €14.90.", cuts=[10, 11, 12, 13, 14, 15], wording="free")
@example(text="See https://evil.test", cuts=list(range(30)), wording="free")
@settings(max_examples=120, deadline=None)
def test_a_text_in_pieces_gets_the_same_verdict(text: str, cuts: list[int], wording: Wording) -> None:
    grounding = Grounding.of(FACTS, [], wording)
    whole, streamed = Guard(grounding), Guard(grounding)
    fine = whole.add(text, last=True)
    ends = sorted({cut for cut in cuts if cut < len(text)} | {len(text)})
    before = ""
    for start, end in zip([0, *ends], ends, strict=False):
        going_on = streamed.add(text[start:end], last=end == len(text))
        assert text.startswith(streamed.safe), "safe is a part of the text"
        assert streamed.safe.startswith(before), "nothing is taken back"
        before = streamed.safe
        if not going_on:
            break
    assert going_on == fine
    assert streamed.sound == whole.sound
    assert bool(streamed.finding) == bool(whole.finding)
    if fine:
        assert streamed.safe == text


WORDS = (
    "tea", "Norway", "free", "refund", "no", "and", "one", "twenty-", "five", "dozen", "14", ".90", "€", "EUR", "days",
    "1", ",000", "10:", "00", "http://", "x.de", "/a5", "me@", "**", "(", ")", ":", ",", ";", "-", "欧元", "五个", "十", "天", "免", "费",
)  # fmt: skip


@given(
    pieces=st.lists(
        st.tuples(st.sampled_from(["", " ", "\u00a0", "\n"]), st.sampled_from(WORDS)).map("".join), max_size=25
    ),
    facts=st.lists(st.sampled_from(FACTS), min_size=1, max_size=3, unique_by=id),
)
@example(pieces=["Norway", " free", " tea"], facts=[OPENED])
@example(pieces=["tea", " http://", "x.de", " and"], facts=[OPENED])
@settings(max_examples=300, deadline=None)
def test_no_word_is_let_through_that_the_whole_would_not_have(pieces: list[str], facts: list[Fact]) -> None:
    """A word that is let through without a look, or is looked at with only its neighbours, is as sure as in its text."""
    grounding = Grounding.of(facts, [], "free")
    guard = Guard(grounding)
    for piece in pieces:
        if not guard.add(piece):
            assert guard.finding
            return
        found = check(guard.safe.rpartition(" ")[0], grounding)
        assert all(one.kind in (Kind.WORDING, Kind.DENIAL) for one in found), found


@given(st.text(max_size=200))
@settings(max_examples=100, deadline=None)
def test_any_text_can_be_guarded(text: str) -> None:
    grounding = Grounding.of([Fact("x", text)], [text])
    guard = Guard(grounding)
    guard.add(text, last=True)


def test_a_long_text_is_guarded_in_reasonable_time() -> None:
    """A token is checked once, not once for each token after it; 20,000 characters in pieces of four."""
    text = "Delivery to Norway costs €14.90 and takes 5–8 working days. " * 300
    guard = Guard(Grounding.of([NORWAY], [], "close"))
    for start in range(0, len(text), 4):
        assert guard.add(text[start : start + 4])
    assert guard.add("", last=True)


# ── arithmetic, the shopper's own, names, promises with conditions ───────────────────────────────────────

LAMP = Fact("Harbour Lamp", "**Harbour Lamp** (AN-12): 12.50 EUR, in stock. A small lamp of brass.")
TRAY = Fact("Marble Tray", "**Marble Tray** (AN-13): 20 EUR, sold out. A round tray.")
ZH_LAMP = Fact("港湾台灯", "**港湾台灯**（AN-12）：12.50 欧元，有货。黄铜小台灯。")
FREE = Fact("Delivery to Norway", "Delivery to Norway is free from €100.")


@pytest.mark.parametrize(
    ("text", "asked"),
    [
        ("Two of the Harbour Lamp are 25.00 EUR.", ""),
        ("That is 37.50 EUR for three.", "How much are three of the Harbour Lamp?"),
        ("The Harbour Lamp and the Marble Tray together are 32.50 €.", ""),
        ("The Marble Tray is 7.50 EUR dearer; the difference is 7.50 EUR.", ""),
        ("You are 20 € short of free delivery.", "My basket is 80 €. Is delivery to Norway free?"),
    ],
)
def test_allowed_arithmetic(text: str, asked: str) -> None:
    facts = [LAMP, TRAY, FREE]
    assert check(text, Grounding.of(facts, [asked])) == ()
    assert check(text, Grounding.of(facts, [asked], rules=Rules(arithmetic=frozenset()))), "it was not allowed"


@pytest.mark.parametrize(
    "text",
    [
        "Two of the Harbour Lamp are 26.00 EUR.",
        "Two of the Harbour Lamp are 40.00 EUR.",  # that is two of the other one
        "The Harbour Lamp and the Marble Tray together are 42.50 €.",
        "You are 25 € short of free delivery.",
    ],
)
def test_wrong_arithmetic(text: str) -> None:
    assert check(text, Grounding.of([LAMP, TRAY, FREE], ["My basket is 80 €. Is delivery to Norway free?"]))


def test_two_in_chinese() -> None:
    assert check("两个港湾台灯一共25欧元。", Grounding.of([ZH_LAMP])) == ()
    assert check("两个港湾台灯一共26欧元。", Grounding.of([ZH_LAMP]))


def test_the_shoppers_own_figure_is_repeated_but_is_no_fact() -> None:
    grounding = Grounding.of([LAMP], ["My budget is 30 €. Does the Harbour Lamp cost 9 €?"])
    assert check("With your budget of 30 € the Harbour Lamp fits: it costs 12.50 EUR.", grounding) == ()
    assert check("The Harbour Lamp costs 9 €.", grounding)
    assert check("Yes, your lamp costs 9 €.", grounding)
    assert check("The Harbour Lamp costs 30 €.", grounding)


@pytest.mark.parametrize(
    "text",
    [
        "The Zenith Clock costs 12.50 EUR.",
        "We sell the Zenith Clock for 12.50 EUR.",
        "The Marble Tray costs 12.50 EUR.",
        "The Marble Tray is in stock.",
        "The Harbour Lamp is sold out.",
        "Zenith costs 12.50 EUR.",
    ],
)
def test_a_price_or_a_stock_beside_the_wrong_product(text: str) -> None:
    assert check(text, Grounding.of([LAMP, TRAY]))


def test_what_was_asked_for_may_be_denied_by_name() -> None:
    grounding = Grounding.of(
        [Fact("Lamps", "We sell lamps only. We have no clocks.")], ["Do you have the Zenith clock?"]
    )
    assert check("Sorry, we have no Zenith clocks.", grounding) == ()
    assert any(one.kind is Kind.NAME for one in check("We have the Zenith clocks.", grounding))


def test_a_promise_keeps_its_condition() -> None:
    (found,) = check("Delivery to Norway is free.", Grounding.of([FREE]))
    assert (found.kind, found.why, found.instead) == (Kind.PROMISE, "condition", "100 eur")
    assert check("Delivery to Norway is free from €100.", Grounding.of([FREE])) == ()


def test_further_words_of_a_shop_are_promises() -> None:
    rules = Rules(promises=("organic", "顺丰"))
    fact = Fact("Harbour Lamp", "The Harbour Lamp is made of brass.")
    assert check("The Harbour Lamp is made of organic brass.", Grounding.of([fact])) == ()
    assert check("The Harbour Lamp is made of organic brass.", Grounding.of([fact], rules=rules))


def test_the_state_of_an_order() -> None:
    order = Fact("Order 4711", "Order 4711: status shipped on 3 May. Expected delivery in 2 days.")
    grounding = Grounding.of([order], ["where is my order 4711?"])
    assert check("Your order 4711 was shipped on May 3rd.", grounding) == ()
    for text in ("Your order has been delivered.", "Your order was not shipped.", "Your order was shipped on 4 May."):
        assert check(text, grounding), text


def test_everything_that_is_wrong_is_found() -> None:
    text = "The Harbour Lamp costs 13.50 EUR. It weighs 3 kg. We guarantee it."
    assert [one.claim for one in check(text, Grounding.of([LAMP]))][:3] == ["13.50 eur", "3 kg", "guarantee"]


# ── explained ────────────────────────────────────────────────────────────────────────────────────────────


def test_a_finding_is_explained_in_one_sentence() -> None:
    times = Fact("Delivery times", "Delivery takes 3–6 working days.")
    (found,) = check("Delivery takes 5 days.", Grounding.of([times]))
    assert explain(found, "en") == "says '5 days'; the note Delivery times says '3–6 working days'"
    assert explain(found, "zh") == "回答里写的是“5 days”，而“Delivery times”里是“3–6 working days”。"
    (found,) = check("See https://evil.test/x.", Grounding.of([times], ["https://evil.test/x"]))
    assert explain(found, "en") == "says the link or address 'https://evil.test/x'; the shop's facts do not say that"
    assert "链接" in explain(found, "zh")


@pytest.mark.parametrize("why", ["unknown", "beside", "promise", "condition", "opposite", "support", "asks", "close"])
@pytest.mark.parametrize("language", ["en", "zh", "de"])
def test_every_finding_can_be_explained(why: str, language: str) -> None:
    for kind in Kind:
        assert explain(Finding(kind, "x" * 500, why=why), language)
        assert len(explain(Finding(kind, "x" * 500, "s", "y" * 500, "z" * 500, why), language)) < 400
