"""A shop that we did not write: its catalogue is ingested, and the bot is asked for prices, stock and variants.

The data is one JSON file of an online shop (``products`` by id, each with variants of its own options, price and
availability). Of each answer it is judged whether it says what the data says, and whether it says anything else.
"""

from __future__ import annotations

import json
import random
import re
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from bots.engines import open_embedders, open_models
from bots.ingest import bring_up_to_date
from bots.progress import Opening
from core.answer import Means
from core.botfile import Bot
from core.errors import ConfigError, Problem
from core.knowledge.ingest import read_bot
from core.messages import Address, Incoming, Person, Rung
from core.respond import respond
from core.state import State, Turn

Kind = Literal["price", "stock", "variants"]
KINDS: tuple[tuple[Kind, int], ...] = (("price", 40), ("stock", 30), ("variants", 30))
PLATFORM = "bench"

BOT = """
title: {en: Corner Store}
languages: [en]
persona: sam
model: bundled
embedder: bundled
person:
  contact: {en: "write to help@corner.example"}
platforms:
  web: {enabled: false}
catalogue:
  file: products.json
  form: mapped
  currency: USD
  columns: {sku: product_id, name: name}
  variants: variants
  variant_columns: {sku: item_id, price: price, stock: available, options: options}
"""
PERSONA = """
name: {en: Sam}
voice: Friendly and short.
instructions: You help customers with our products.
greeting: {en: Hello!}
disclosure: {en: I am a bot.}
"""

ASKING: dict[Kind, tuple[str, ...]] = {
    "price": (
        "How much is the {name} with {options}?",
        "what does the {name} cost in {options}",
        "Price of the {name}, {options}?",
        "hi, I'd like the {name} ({options}), how much would that be?",
    ),
    "stock": (
        "Is the {name} with {options} in stock?",
        "do you have the {name} in {options} right now?",
        "Can I get the {name}, {options}? Is it available?",
    ),
    "variants": (
        "Which {option} can I choose for the {name}?",
        "what {option} options are there for the {name}",
        "{name}: in which {option} do you sell it?",
    ),
}


@dataclass(frozen=True, slots=True)
class Variant:
    sku: str
    options: Mapping[str, str]
    price: str
    in_stock: bool


@dataclass(frozen=True, slots=True)
class Product:
    name: str
    variants: tuple[Variant, ...]

    def values(self, option: str) -> set[str]:
        return {variant.options[option] for variant in self.variants if option in variant.options}


@dataclass(frozen=True, slots=True)
class Question:
    """``variant`` is asked for, or all values of ``option``."""

    kind: Kind
    text: str
    product: Product
    variant: Variant | None = None
    option: str = ""


Verdict = Literal["right", "wrong", "incomplete", "handed over"]


@dataclass(frozen=True, slots=True)
class Answered:
    question: Question
    rung: str
    reply: str
    verdict: Verdict
    seconds: float


# ── the data ─────────────────────────────────────────────────────────────────────────────────────────────


def read(file: Path) -> tuple[dict[str, object], list[Product]]:
    """The products as they stand in the file, and as values. Raises ConfigError."""
    try:
        rows = json.loads(file.read_text("utf-8"))["products"]
        products = [
            Product(
                row["name"],
                tuple(
                    Variant(one["item_id"], one["options"], f"{one['price']:.2f}", bool(one["available"]))
                    for one in row["variants"].values()
                ),
            )
            for row in rows.values()
        ]
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        right = "Name a JSON file whose products have a name and variants with item_id, options, price and available"
        problem = Problem(str(file), 0, "--data", f"cannot be used ({type(error).__name__}: {error})", right)
        raise ConfigError((problem,)) from error
    return rows, products


def write_bot(folder: Path, rows: Mapping[str, object]) -> Path:
    (folder / "personas").mkdir(parents=True)
    (folder / "bot.yaml").write_text(BOT.lstrip(), "utf-8")
    (folder / "personas" / "sam.yaml").write_text(PERSONA.lstrip(), "utf-8")
    (folder / "products.json").write_text(json.dumps(list(rows.values())), "utf-8")
    return folder


def questions(products: Sequence[Product], count: int, seed: int) -> list[Question]:
    """``count`` questions, of each kind as many as its share."""
    rng = random.Random(seed)
    whole = sum(share for _, share in KINDS)
    kinds = [kind for kind, share in KINDS for _ in range(round(count * share / whole))]
    kinds = (kinds + ["price"] * count)[:count]
    return [_question(kind, rng.choice(products), rng) for kind in kinds]


def _question(kind: Kind, product: Product, rng: random.Random) -> Question:
    asking = rng.choice(ASKING[kind])
    if kind == "variants":
        option = rng.choice(sorted({option for variant in product.variants for option in variant.options}))
        return Question(kind, asking.format(option=option, name=product.name.lower()), product, option=option)
    variant = rng.choice(product.variants)
    options = ", ".join(_named(product, variant, rng))
    return Question(kind, asking.format(name=product.name.lower(), options=options), product, variant)


def _named(product: Product, variant: Variant, rng: random.Random) -> list[str]:
    """Options that tell the variant from the others of its product, in any order; as people say them: "blue", "size M"."""
    options = list(variant.options.items())
    rng.shuffle(options)
    chosen: list[tuple[str, str]] = []
    for option in options:
        chosen.append(option)
        if sum(all(one.options.get(k) == v for k, v in chosen) for one in product.variants) == 1:
            break
    return [value if len(value) > 3 and not value[0].isdigit() else f"{option} {value}" for option, value in chosen]


# ── the judge ────────────────────────────────────────────────────────────────────────────────────────────

PRICE = re.compile(r"(?<![\d.])\d[\d,]*\.\d{2}(?!\d)")
SKU = re.compile(r"(?<!\d)\d{10}(?!\d)")


def judge(question: Question, rung: str, reply: str, values: Mapping[str, set[str]]) -> Verdict:
    """``values``: of each option all values that any product has."""
    if rung == Rung.UNKNOWN:
        return "handed over"
    prices = {price.replace(",", "") for price in PRICE.findall(reply)}
    if prices - {variant.price for variant in question.product.variants}:
        return "wrong"
    if question.kind == "variants":
        return _judge_values(question, reply, values[question.option])
    assert question.variant is not None
    return _judge_variant(question.kind, question.variant, question.product, reply, prices)


def _judge_variant(kind: Kind, asked: Variant, product: Product, reply: str, prices: set[str]) -> Verdict:
    """Each line is about one variant if it names its number; a line without a number is about the one that is asked for."""
    by_sku = {variant.sku: variant for variant in product.variants}
    said_of_asked = False
    for line in re.split(r"\n+", reply):
        skus = SKU.findall(line)
        about = [by_sku.get(sku) for sku in skus] or [asked]
        for variant in about:
            if variant is None or len(about) > 1:
                continue  # the number of the product itself, or several in a line
            if kind == "price":
                found = {price.replace(",", "") for price in PRICE.findall(line)}
                if found and variant.price not in found:
                    return "wrong"
                said_of_asked |= variant is asked and asked.price in found
            else:
                stock = _stock(line)
                if stock is not None and stock is not variant.in_stock:
                    return "wrong"
                said_of_asked |= variant is asked and stock is asked.in_stock
    return "right" if said_of_asked else "incomplete"


def _stock(line: str) -> bool | None:
    said = line.casefold()
    if re.search(r"out of stock|not (?:currently )?(?:in stock|available)|sold out|unavailable", said):
        return False
    return True if re.search(r"in stock|available", said) else None


def _judge_values(question: Question, reply: str, every: set[str]) -> Verdict:
    own = question.product.values(question.option)
    listed = _listed(question.option, reply)
    if listed is not None and {value for value in every - own if value.casefold() in listed}:
        return "wrong"
    said = reply.casefold()
    return "right" if all(value.casefold() in said for value in own) else "incomplete"


def _listed(option: str, reply: str) -> set[str] | None:
    """What stands behind the option's name: "color: blue, red"; None: it is not listed so."""
    found = re.search(rf"{re.escape(option)}s?: ([^;.\n]+)", reply, re.IGNORECASE)
    return {value.strip().casefold() for value in found[1].split(",")} if found else None


# ── running ──────────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class Retail:
    data: Path
    questions: int = 100
    seed: int = 0


async def run(wanted: Retail, folder: Path, progress: Opening) -> list[Answered]:
    rows, products = read(wanted.data)
    made = write_bot(folder / "corner", rows)
    data_dir = folder / "data"
    values = {
        option: {value for product in products for value in product.values(option)}
        for product in products
        for variant in product.variants
        for option in variant.options
    }
    async with AsyncExitStack() as stack:
        read_once = read_bot(made, data_dir)
        models = await stack.enter_async_context(open_models([read_once], data_dir, progress, tune=False))
        embedders = await stack.enter_async_context(open_embedders([read_once], data_dir, progress))
        bot = (await bring_up_to_date(read_once, data_dir, embedders.get(read_once.name), progress)).bot
        means = Means(models[bot.name], embedders.get(bot.name))
        answered: list[Answered] = []
        asked = stack.enter_context(progress.counted("Asking"))
        for number, question in enumerate(questions(products, wanted.questions, wanted.seed)):
            asked(number, wanted.questions)
            started = time.monotonic()
            rung, reply = await _said(bot, means, question.text, number)
            seconds = time.monotonic() - started
            answered.append(Answered(question, rung, reply, judge(question, rung, reply, values), seconds))
    return answered


async def _said(bot: Bot, means: Means, text: str, number: int) -> tuple[str, str]:
    address = Address(bot=bot.name, platform=PLATFORM, chat=str(number))
    message = Incoming(address=address, update="0", message="0", sender=Person(id=str(number)), text=text)
    turn = Turn(
        conversation=address.id, fence=1, attempts=0, state=State(greeted=True), history=(), messages=(message,)
    )
    outcome = await respond(turn, bot, means, _ignore)
    assert outcome.reply is not None
    return outcome.reply.rung.value, outcome.reply.text


async def _ignore(_: str) -> None:
    pass


# ── telling ──────────────────────────────────────────────────────────────────────────────────────────────


def as_json(answered: Sequence[Answered]) -> dict[str, object]:
    """``answered``: the share that got the right answer."""
    return {
        "questions": len(answered),
        "answered": round(sum(one.verdict == "right" for one in answered) / max(1, len(answered)), 4),
        "wrong_facts": sum(one.verdict == "wrong" for one in answered),
        "handed_over": sum(one.verdict == "handed over" for one in answered),
        "incomplete": sum(one.verdict == "incomplete" for one in answered),
        "rows": [
            {
                "kind": one.question.kind,
                "question": one.question.text,
                "rung": one.rung,
                "reply": one.reply,
                "verdict": one.verdict,
                "seconds": round(one.seconds, 3),
            }
            for one in answered
        ],
    }


def show(answered: Sequence[Answered], console: Console) -> None:
    table = Table(title="A shop of others: what the catalogue says, asked for", title_justify="left")
    for name in ("asked for", "questions", "right", "wrong", "incomplete", "handed over"):
        table.add_column(name, justify="left" if name == "asked for" else "right")
    for kind in (*(kind for kind, _ in KINDS), "all"):
        of = [one for one in answered if kind in (one.question.kind, "all")]
        counts = [str(sum(one.verdict == verdict for one in of)) for verdict in _VERDICTS]
        table.add_row(kind, str(len(of)), *counts)
    console.print(table)
    for line in _others(answered):
        console.print(line, highlight=False)


_VERDICTS: tuple[Verdict, ...] = ("right", "wrong", "incomplete", "handed over")


def _others(answered: Sequence[Answered]) -> Iterator[str]:
    for one in answered:
        if one.verdict != "right":
            yield f"[bold]{one.verdict}[/] {escape(one.question.text)}\n    [dim]{escape(one.rung)}: {escape(one.reply[:300])}[/]"
