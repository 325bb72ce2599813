"""A thousand true and a thousand altered sentences in two languages, from facts of made-up shops.

An altered sentence differs from a true one in one thing: a number, a unit, what it is about, a denial or a promise. The
values are written as people write them: in digits or words, with the currency before or behind, by the 12 or 24 hour clock.
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from core.trust.claims import Fact
from tests.core.claims_topic import PROMISES, Topic
from tests.core.claims_topics import TOPICS

CHANGES = ("number", "unit", "product", "negation", "promise")
LANGUAGES = ("en", "zh")


@dataclass(frozen=True)
class Case:
    """``change``: what was altered; empty: it is true."""

    language: str
    topic: str
    change: str
    text: str
    facts: tuple[Fact, ...]
    asked: str = ""


# ── names ────────────────────────────────────────────────────────────────────────────────────────────────

PRODUCTS = (
    ("Alder Mug", "赤杨马克杯"), ("Harbour Lamp", "港湾台灯"), ("Juniper Bowl", "杜松碗"), ("Willow Basket", "柳条篮"),
    ("Fjord Blanket", "峡湾毛毯"), ("Comet Bell", "彗星车铃"), ("Saffron Soap", "藏红花皂"), ("Ember Kettle", "余烬水壶"),
    ("Tundra Bottle", "苔原水瓶"), ("Violet Notebook", "紫罗兰笔记本"), ("Marble Tray", "大理石托盘"), ("Otter Backpack", "水獭背包"),
    ("Linen Apron", "亚麻围裙"), ("Copper Pan", "紫铜锅"), ("Meadow Candle", "草甸蜡烛"), ("Pine Stool", "松木凳"),
)  # fmt: skip
STRANGERS = (
    ("Walrus Chair", "海象椅"), ("Zenith Clock", "天顶时钟"), ("Papaya Scarf", "木瓜围巾"), ("Quartz Vase", "石英花瓶"),
)  # fmt: skip
COUNTRIES = (
    ("Norway", "挪威"), ("Denmark", "丹麦"), ("Poland", "波兰"), ("Greece", "希腊"), ("Canada", "加拿大"), ("Japan", "日本"),
)  # fmt: skip
FAR = (("Chile", "智利"), ("Kenya", "肯尼亚"))
BLURBS = {
    "en": ("Made by hand in a small workshop.", "A quiet companion for every day.", "Soft, light and easy to clean."),
    "zh": ("小作坊手工制作。", "日常的好伙伴。", "轻巧柔软，容易打理。"),
}
MONTHS = "January February March April May June July August September October November December".split()
DAYS = "Monday Tuesday Wednesday Thursday Friday Saturday Sunday".split()
HAN = "零一二三四五六七八九"
ONES = (
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen "
    "eighteen nineteen"
).split()
TENS = "_ _ twenty thirty forty fifty sixty seventy eighty ninety".split()


def han(number: int) -> str:
    if number >= 1000:
        return str(number)
    if number >= 100:
        rest = number % 100
        return f"{HAN[number // 100]}百{'零' if 0 < rest < 10 else ''}{han(rest) if rest else ''}".replace(
            "百十", "百一十"
        )
    tens, ones = divmod(number, 10)
    return f"{(HAN[tens] if tens > 1 else '') + '十' if tens else ''}{HAN[ones] if ones or not tens else ''}"


def words(number: int) -> str:
    if number < 20:
        return ONES[number]
    if number < 100:
        return f"{TENS[number // 10]}{'-' + ONES[number % 10] if number % 10 else ''}"
    return str(number)


# ── values: drawn, changed, written ──────────────────────────────────────────────────────────────────────


@dataclass(frozen=True)
class Drawn:
    """``numbers``: of a range two; ``unit``: in which they are; ``kind``: how they are written."""

    kind: str
    numbers: tuple[float, ...]
    unit: str


_UNITS = {
    "day": ("days", "天"), "workday": ("working days", "个工作日"), "hour": ("hours", "小时"), "minute": ("minutes", "分钟"),
    "week": ("weeks", "周"), "month": ("months", "个月"), "year": ("years", "年"), "second": ("seconds", "秒"),
    "g": ("g", "克"), "kg": ("kg", "公斤"), "ml": ("ml", "毫升"), "l": ("litres", "升"), "cm": ("cm", "厘米"), "mm": ("mm", "毫米"),
    "m": ("m", "米"), "c": ("°C", "°C"), "f": ("°F", "°F"), "person": ("people", "人"), "point": ("points", "积分"), "letter": ("letters", "个字"),
}  # fmt: skip
_OTHER_UNIT = {
    "eur": ("usd", "gbp", "cny"), "cny": ("eur", "usd"), "day": ("hour", "week", "month"), "workday": ("hour", "week"), "hour": ("day", "minute"),
    "minute": ("second", "hour"), "year": ("month", "week"), "g": ("kg", "ml"), "ml": ("l", "g"), "cm": ("mm", "m"), "c": ("f",), "pct": ("eur", "cny"),
    "pm": ("am",), "am": ("pm",),
}  # fmt: skip


def draw(kind: str, rng: random.Random, currency: str) -> Drawn:
    def span(low: int, high: int) -> tuple[float, float]:
        first = rng.randint(low, high)
        return float(first), float(first + rng.randint(1, 4))

    make: dict[str, Callable[[], Drawn]] = {
        "money": lambda: Drawn(
            "money", (rng.choice([rng.randint(6, 95), rng.randint(12, 190) / 2, rng.randint(50, 950) / 10]),), currency
        ),
        "money2": lambda: Drawn("money", (float(rng.randint(2, 9)),), currency),
        "money3": lambda: Drawn("money", (rng.randint(3, 18) / 2 + 0.5,), currency),
        "threshold": lambda: Drawn("money", (float(rng.randint(100, 250)),), currency),
        "basket": lambda: Drawn("money", (float(rng.randint(20, 80)),), currency),
        "workdays": lambda: Drawn("span", span(2, 9), "workday"),
        "days": lambda: Drawn("span", (float(rng.randint(10, 45)),), "day"),
        "hours": lambda: Drawn("span", (float(rng.randint(2, 5)),), "hour"),
        "hours2": lambda: Drawn("span", (float(rng.choice([12, 24, 36, 48])),), "hour"),
        "minutes": lambda: Drawn("span", (float(rng.randint(5, 45)),), "minute"),
        "years": lambda: Drawn("span", (float(rng.randint(2, 7)),), "year"),
        "celsius": lambda: Drawn("span", (float(rng.choice([30, 40, 45, 50, 60, 70])),), "c"),
        "grams": lambda: Drawn("span", (float(rng.randint(12, 90) * 10),), "g"),
        "size": lambda: Drawn("span", (float(rng.randint(3, 40) * 10),), "g"),
        "millilitres": lambda: Drawn("span", (float(rng.randint(12, 90) * 10),), "ml"),
        "centimetres": lambda: Drawn("span", (float(rng.randint(7, 48)),), "cm"),
        "people": lambda: Drawn("span", (float(rng.randint(6, 24)),), "person"),
        "points": lambda: Drawn("span", (float(rng.randint(2, 9) * 50),), "point"),
        "points2": lambda: Drawn("span", (float(rng.randint(10, 40)),), "point"),
        "letters": lambda: Drawn("span", (float(rng.randint(30, 99)),), "letter"),
        "percent": lambda: Drawn("percent", (float(rng.choice([10, 15, 20, 25, 30, 40])),), "pct"),
        "morning": lambda: Drawn("clock", (float(rng.choice([540, 570, 600, 630])),), "am"),
        "evening": lambda: Drawn("clock", (float(rng.choice([1020, 1050, 1080, 1110, 1140, 1200])),), "pm"),
        "date": lambda: Drawn("date", (float(rng.randint(1, 12)), float(rng.randint(1, 28))), "date"),
        "date2": lambda: Drawn("date", (float(rng.randint(1, 12)), float(rng.randint(1, 28))), "date"),
        "weekdays": lambda: Drawn("week", (float(rng.randint(0, 1)), float(rng.randint(3, 4))), "week"),
        "shutday": lambda: Drawn("week", (float(rng.randint(5, 6)),), "week"),
        "order": lambda: Drawn("code", (float(rng.randint(10_000, 99_999)),), "order"),
        "phone": lambda: Drawn("phone", (float(rng.randint(10_000_000, 99_999_999)),), "phone"),
        "mail": lambda: Drawn("mail", (float(rng.randint(0, 5)),), "mail"),
        "url": lambda: Drawn("url", (float(rng.randint(0, 5)),), "url"),
    }
    return make[kind]()


def changed(value: Drawn, rng: random.Random, taken: set[Drawn]) -> Drawn:
    """Another number; never one that the same facts have for the same thing."""
    for _ in range(200):
        first = value.numbers[0]
        if value.kind == "date":
            new: tuple[float, ...] = (
                (first, float(rng.randint(1, 28)))
                if rng.random() < 0.7
                else (float(rng.randint(1, 12)), value.numbers[1])
            )
        elif value.kind == "clock":
            new = (first + rng.choice([-120, -60, -30, 30, 60, 90]),)
        elif value.kind == "week":
            days = [float(rng.randint(0, 6)) for _ in value.numbers]
            new = tuple(sorted(days))
        elif value.kind in ("mail", "url"):
            new = (float(rng.randint(0, 5)),)
        elif value.kind in ("phone", "code"):
            new = (first + rng.choice([1, 10, -100, 3000]),)
        else:
            step = rng.choice([1, 2, 3, 5, 10, -1, -2, 0.5 if value.kind == "money" else 4])
            moved = [max(1.0, number + step) for number in value.numbers]
            new = (
                tuple(moved)
                if rng.random() < 0.7
                else tuple(round(number * rng.choice([2, 10, 1.5]), 1) for number in value.numbers)
            )
            if value.kind == "span":
                new = tuple(float(int(number)) for number in new)
        made = Drawn(value.kind, new, value.unit)
        inside = (
            value.kind == "week" and len(new) == 1 and any(one.kind == "week" and _within(new[0], one) for one in taken)
        )
        if (
            made not in taken
            and new != value.numbers
            and not inside
            and (len(new) < 2 or new[0] < new[1] or value.kind == "date")
        ):
            return made
    raise AssertionError(f"nothing else than {value}")


def _within(day: float, value: Drawn) -> bool:
    return value.numbers[0] <= day <= value.numbers[-1]


def written(value: Drawn, language: str, rng: random.Random, note: bool = False) -> str:
    """``note``: as a shop's note writes it, which is less varied."""
    chinese = language == "zh"
    if value.kind == "money":
        return rng.choice(_money(value, chinese)[: 2 if note else None])
    if value.kind == "percent":
        return rng.choice(_percent(int(value.numbers[0]), chinese)[: 1 if note else None])
    if value.kind == "span":
        return rng.choice(_span(value, chinese)[: 2 if note else None])
    if value.kind == "clock":
        return rng.choice(_clock(int(value.numbers[0]), chinese)[: 2 if note else None])
    if value.kind == "date":
        return rng.choice(_date(value, chinese)[: 2 if note else None])
    if value.kind == "week":
        return rng.choice(_week(value, chinese)[: 1 if note else None])
    return rng.choice(_contact(value)[: 1 if note else None])


def _plain(number: float) -> str:
    return str(int(number)) if number == int(number) else f"{number:.2f}"


def _money(value: Drawn, chinese: bool) -> list[str]:
    number = value.numbers[0]
    sign = {"eur": "€", "usd": "$", "gbp": "£", "cny": "¥"}[value.unit]
    code = value.unit.upper()
    name = {"eur": "欧元", "usd": "美元", "gbp": "英镑", "cny": "元"}[value.unit] if chinese else None
    amount = _plain(number)
    if chinese:
        forms = [f"{amount} {name}", f"{sign}{amount}", f"{amount}{name}", f"{number:.2f}{name}"]
        if number == int(number):
            forms.append(f"{han(int(number))}{name}")
        return [*forms, f"{amount}块"] if value.unit == "cny" else forms
    spoken = {"eur": "euros", "usd": "dollars", "gbp": "pounds", "cny": "yuan"}[value.unit]
    forms = [f"{sign}{number:.2f}", f"{amount} {code}", f"{amount} {sign}", f"{sign}{amount}", f"{amount} {spoken}"]
    return [*forms, f"{words(int(number))} {spoken}"] if number == int(number) and number < 100 else forms


def _percent(number: int, chinese: bool) -> list[str]:
    if chinese:
        return [f"{number}%", f"百分之{han(number)}", f"{number} %"]
    return [f"{number}%", f"{number} %", f"{number} percent", f"{words(number)} percent"]


def _span(value: Drawn, chinese: bool) -> list[str]:
    unit = _UNITS[value.unit][chinese]
    low, high = _plain(value.numbers[0]), _plain(value.numbers[-1])
    if len(value.numbers) > 1:
        if chinese:
            return [
                f"{low}–{high} {unit}",
                f"{low}到{high}{unit}",
                f"{low}至{high}{unit}",
                f"{han(int(low))}到{han(int(high))}{unit}",
            ]
        forms = [
            f"{low}–{high} {unit}",
            f"{low} to {high} {unit}",
            f"{low}-{high} {unit}",
            f"{words(int(low))} to {words(int(high))} {unit}",
        ]
        return [*forms, f"{low} to {high} business days"] if value.unit == "workday" else forms
    if chinese:
        spoken = [] if int(low) > 99 or value.unit in ("c", "f") else [f"{'两' if low == '2' else han(int(low))}{unit}"]
        return [f"{low} {unit}", f"{low}{unit}", *spoken]
    spoken = (
        [f"{words(int(low))} {unit}"]
        if value.unit not in ("g", "ml", "cm", "mm", "c", "f", "m") and int(low) > 1
        else []
    )
    long = {"g": ["grams"], "ml": ["millilitres"], "cm": ["centimetres"], "c": ["degrees"], "kg": ["kilos"]}.get(
        value.unit, []
    )
    return [f"{low} {unit}", f"{low} {unit}", *spoken, *(f"{low} {name}" for name in long)]


def _clock(minutes: int, chinese: bool) -> list[str]:
    hour, minute = divmod(minutes % 1440, 60)
    digits = f"{hour}:{minute:02d}"
    half = hour % 12 or 12
    if chinese:
        part = "上午" if hour < 12 else "下午" if hour < 18 else "晚上"
        rest = "半" if minute == 30 else ""
        return [
            digits,
            f"{hour:02d}:{minute:02d}",
            f"{part}{half}点{rest}",
            f"{part}{'两' if half == 2 else han(half)}点{rest}",
            f"{hour}点{rest}",
        ]
    mark = "am" if hour < 12 else "pm"
    short = f"{half}:{minute:02d}" if minute else str(half)
    return [digits, f"{hour:02d}:{minute:02d}", f"{short} {mark}", f"{short}{mark}", f"{short} {mark[0]}.m."]


def _date(value: Drawn, chinese: bool) -> list[str]:
    month, day = map(int, value.numbers)
    if chinese:
        return [f"{month}月{day}日", f"{month} 月 {day} 日", f"{month}月{day}号", f"{han(month)}月{han(day)}日"]
    name = MONTHS[month - 1]
    ending = "th" if 10 < day < 20 else {1: "st", 2: "nd", 3: "rd"}.get(day % 10, "th")
    return [
        f"{day} {name}",
        f"{name} {day}",
        f"{day}{ending} {name}",
        f"the {day}{ending} of {name}",
        f"{name} {day}{ending}",
        f"{day} {name[:3]}",
    ]


def _week(value: Drawn, chinese: bool) -> list[str]:
    first, last = int(value.numbers[0]), int(value.numbers[-1])
    if chinese:
        names = ["一二三四五六日"[day] for day in (first, last)]
        if first == last:
            return [f"周{names[0]}", f"星期{names[0]}"]
        return [f"周{names[0]}至周{names[1]}", f"星期{names[0]}到星期{names[1]}", f"周{names[0]}到周{names[1]}"]
    if first == last:
        return [f"{DAYS[first]}s", DAYS[first]]
    return [f"{DAYS[first]} to {DAYS[last]}", f"{DAYS[first]}–{DAYS[last]}", f"{DAYS[first]} through {DAYS[last]}"]


def _contact(value: Drawn) -> list[str]:
    number = int(value.numbers[0])
    if value.kind == "mail":
        return [f"{('hello', 'help', 'team', 'shop', 'service', 'info')[number]}@alderhouse.example"]
    if value.kind == "url":
        return [f"https://alderhouse.example/{('forms', 'help', 'service', 'downloads', 'faq', 'papers')[number]}"]
    if value.kind == "phone":
        digits = str(number)
        return [
            f"+47 {digits[:2]} {digits[2:4]} {digits[4:6]} {digits[6:]}",
            f"+47{digits}",
            f"+47 {digits[:4]} {digits[4:]}",
        ]
    return [str(number)]


# ── cases ────────────────────────────────────────────────────────────────────────────────────────────────


@dataclass
class _Scene:
    """Facts of one topic, each with what was drawn for it; the first one is told of."""

    topic: Topic
    language: str
    drawn: list[dict[str, Drawn | str]]

    def text(self, template: str, at: int, rng: random.Random, note: bool = False) -> str:
        slots = self.drawn[at]
        return re.sub(
            r"\{(\w+)\}",
            lambda match: (
                shown if isinstance(shown := slots[match.group(1)], str) else written(shown, self.language, rng, note)
            ),
            template,
        )

    def facts(self, rng: random.Random) -> tuple[Fact, ...]:
        topic, language = self.topic, self.language
        made = [
            Fact(
                self.text(topic.title[language], at, rng, True),
                self.text(rng.choice(topic.facts[language]), at, rng, True),
            )
            for at in range(len(self.drawn))
        ]
        rng.shuffle(made)
        return tuple(made)


def _scene(topic: Topic, language: str, rng: random.Random) -> _Scene:
    at = LANGUAGES.index(language)
    currency = rng.choice(["eur", "cny"])
    names = {
        "product": rng.sample(PRODUCTS, topic.several),
        "country": rng.sample(COUNTRIES, min(topic.several, len(COUNTRIES))),
    }
    drawn: list[dict[str, Drawn | str]] = []
    for number in range(topic.several):
        slots: dict[str, Drawn | str] = {
            "sku": f"{rng.choice('ABKT')}{rng.choice('NRXZ')}-{rng.randint(10, 99)}",
            "blurb": rng.choice(BLURBS[language]),
        }
        for slot in topic.slots.split():
            name, _, kind = slot.partition("=")
            if kind in names:
                slots[name] = names[kind][number][at]
            elif kind.startswith(("double:", "minus:")):
                slots[name] = _computed(kind, slots)
            else:
                used = {value for one in (*drawn, slots) for value in one.values() if isinstance(value, Drawn)}
                slots[name] = next(value for _ in range(500) if (value := draw(kind, rng, currency)) not in used)
        drawn.append(slots)
    return _Scene(topic, language, drawn)


def _computed(kind: str, slots: dict[str, Drawn | str]) -> Drawn:
    how, *names = kind.split(":")
    parts = [value for name in names if isinstance(value := slots[name], Drawn)]
    result = parts[0].numbers[0] * 2 if how == "double" else parts[0].numbers[0] - parts[1].numbers[0]
    return Drawn("money", (round(result, 2),), parts[0].unit)


def _asked(scene: _Scene, rng: random.Random) -> str:
    return scene.text(scene.topic.asked[scene.language], 0, rng) if scene.topic.asked else ""


def _true(scene: _Scene, rng: random.Random) -> str:
    templates = [*scene.topic.says[scene.language], *(true for true, _ in scene.topic.flips[scene.language])]
    return scene.text(rng.choice(templates), 0, rng)


def _altered(scene: _Scene, change: str, rng: random.Random) -> str | None:
    """None: this topic has nothing to change in this way."""
    topic, language = scene.topic, scene.language
    if change == "negation":
        return scene.text(rng.choice(topic.flips[language])[1], 0, rng) if topic.flips[language] else None
    if change == "promise":
        promise = rng.choice([one for one in PROMISES[language] if not _promised(one, topic)])
        return f"{_true(scene, rng)}{' ' if language == 'en' else ''}{promise}"
    template = rng.choice(topic.says[language])
    if change == "product":
        return _of_another(scene, template, rng)
    return _with_other_value(scene, template, change, rng)


def _promised(promise: str, topic: Topic) -> bool:
    """Whether the topic itself is about such a promise."""
    own = {
        "delivery": "free 免费 赠", "difference": "free 免费 赠", "returns": "refund 退款 money back", "wrapping": "free 免费 赠",
        "discount": "discount 折扣", "warranty": "保修 guarantee", "points": "送", "order": "arrives 送达",
    }  # fmt: skip
    return any(word in promise.casefold() for word in own.get(topic.name, "").split())


def _of_another(scene: _Scene, template: str, rng: random.Random) -> str | None:
    """The same said of something else: of what stands in the facts with other values, or of what no fact names."""
    topic, at = scene.topic, LANGUAGES.index(scene.language)
    if not topic.subject or f"{{{topic.subject}}}" not in template or template.count("{") < 2:
        return None
    strangers = FAR if topic.name == "delivery" else STRANGERS
    others = [one[topic.subject] for one in scene.drawn[1:]] if rng.random() < 0.6 else []
    name = rng.choice(others) if others else rng.choice(strangers)[at]
    told = _Scene(topic, scene.language, [{**scene.drawn[0], topic.subject: name}])
    return told.text(template, 0, rng)


def _with_other_value(scene: _Scene, template: str, change: str, rng: random.Random) -> str | None:
    slots = scene.drawn[0]
    named = [name for name in re.findall(r"\{(\w+)\}", template) if isinstance(slots.get(name), Drawn)]
    if change == "unit":
        named = [name for name in named if slots[name].unit in _OTHER_UNIT]  # type: ignore[union-attr]
    if not named:
        return None
    name = rng.choice(named)
    value = slots[name]
    assert isinstance(value, Drawn)
    taken = {one for each in scene.drawn for one in each.values() if isinstance(one, Drawn)}
    about_it = f"{{{scene.topic.subject}}}" in template
    if change == "unit":
        other = _other_unit(value, rng)
    elif about_it and len(scene.drawn) > 1 and rng.random() < 0.4:
        other = scene.drawn[rng.randrange(1, len(scene.drawn))][name]  # type: ignore[assignment]
    else:
        other = changed(value, rng, taken)
    return _Scene(scene.topic, scene.language, [{**slots, name: other}]).text(template, 0, rng)


def _other_unit(value: Drawn, rng: random.Random) -> Drawn:
    unit = rng.choice([one for one in _OTHER_UNIT[value.unit]])
    if value.kind == "clock":
        return Drawn("clock", (value.numbers[0] + (720 if unit == "pm" else -720),), unit)
    if value.kind == "percent":
        return Drawn("money", value.numbers, unit)
    return Drawn(value.kind, value.numbers, unit)


def true_cases(count: int, seed: int) -> Iterator[Case]:
    rng = random.Random(seed)
    for number in range(count):
        language, topic = LANGUAGES[number % 2], TOPICS[(number // 2) % len(TOPICS)]
        scene = _scene(topic, language, rng)
        facts = scene.facts(rng)
        yield Case(language, topic.name, "", _true(scene, rng), facts, _asked(scene, rng))


def altered_cases(count: int, seed: int) -> Iterator[Case]:
    rng = random.Random(seed)
    made = 0
    while made < count:
        language, change = LANGUAGES[made % 2], CHANGES[(made // 2) % len(CHANGES)]
        topic = rng.choice(TOPICS)
        scene = _scene(topic, language, rng)
        facts = scene.facts(rng)
        text = _altered(scene, change, rng)
        if text is not None:
            made += 1
            yield Case(language, topic.name, change, text, facts, _asked(scene, rng))
