"""python -m bots train: what a bot learns from its owner's examples, and how well."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from pydantic import BaseModel, ConfigDict, Field
from rich.console import Console

from bots.engines import open_embedder
from bots.intents import learn, vectors_of
from bots.progress import opening
from bots.settings import Settings
from bots.train_report import print_evaluation, write_report
from core.botfile import Bot, load_bot
from core.errors import ConfigError, Problem
from core.ports import Embedder
from core.understanding.classifier import Classifier, Floats, probabilities
from core.understanding.evaluation import Evaluation, evaluate
from core.understanding.examples import Example
from core.understanding.kept import file_of, write_classifier
from core.understanding.labelled import read_labelled
from core.understanding.training import Held, Trained


class TrainedJson(BaseModel):
    """What --json writes. ``held_out``: how the evaluated examples were kept apart from those that were learnt from."""

    model_config = ConfigDict(frozen=True)

    bot: str
    examples: int = Field(description="that were learnt from")
    labels: int
    embedder: str = Field(description="the embedder's name; empty: from words alone")
    held_out: str
    embedding_s: float
    training_s: float
    microseconds_a_text: float = Field(description="of classifying, without its vector")
    saved: str = Field(description="the file of the classifier; empty: it was only measured")
    evaluation: Evaluation


@dataclass(frozen=True, slots=True)
class Wanted:
    """The options of `train intents`."""

    data: Path | None
    test: Path | None
    json: Path | None
    report: Path | None


async def train_intents(folder: Path, settings: Settings, wanted: Wanted, out: Console, err: Console) -> None:
    """Raises ConfigError: the bot or a file has mistakes; ModelError: the embedder fails."""
    bot = load_bot(folder)
    examples = _examples(bot, wanted)
    tests = read_labelled(wanted.test, bot.languages) if wanted.test else []
    _check_labels(wanted, examples, tests)
    with opening(err) as progress:
        embedder = None
        if bot.config.embedder:
            with progress.step(f"Loading the embedder of {bot.name}"):
                embedder = await open_embedder(
                    bot.config.embedder, bot.folder, data_dir=settings.data_dir, progress=progress
                )
        try:
            with progress.step(f"Learning from {len(examples)} examples"):
                found = await _measured(bot, examples, tests, embedder)
        finally:
            if embedder is not None:
                await embedder.aclose()
    saved = ""
    if not wanted.data:  # what other data brings is only measured: the bot's own examples are what it runs with
        saved = str(file_of(settings.data_dir, bot.name))
        write_classifier(Path(saved), found.classifier)
    told = found.told.model_copy(update={"saved": saved})
    _show(told, wanted, out)


@dataclass(frozen=True, slots=True)
class _Found:
    classifier: Classifier
    told: TrainedJson


async def _measured(
    bot: Bot, examples: Sequence[Example], tests: Sequence[Example], embedder: Embedder | None
) -> _Found:
    started = time.perf_counter()
    vectors = await vectors_of(examples, embedder)
    embedded = time.perf_counter()
    trained = await learn(examples, vectors, embedder)
    learnt = time.perf_counter()
    if tests:
        held_out = f"{len(tests)} examples of the test file"
        evaluated, held = tests, _tested(trained.classifier, tests, await vectors_of(tests, embedder))
    else:
        evaluated, held = [examples[row] for row in trained.held.rows], trained.held
        held_out = "each example once, by a classifier that had not learnt from it (5 folds)"
        if len(held.rows) < len(examples):
            held_out = f"{len(held.rows)} examples, every fifth of each label"
    told = TrainedJson(
        bot=bot.name,
        examples=len(examples),
        labels=len(trained.classifier.labels),
        embedder=embedder.info.name if embedder else "",
        held_out=held_out,
        embedding_s=round(embedded - started, 2),
        training_s=round(learnt - embedded, 2),
        microseconds_a_text=_speed(trained.classifier, evaluated, vectors),
        saved="",
        evaluation=_evaluated(trained, held, evaluated),
    )
    return _Found(trained.classifier, told)


def _tested(classifier: Classifier, tests: Sequence[Example], vectors: Floats | None) -> Held:
    rows = np.arange(len(tests), dtype=np.intp)
    scores = [classifier.scores(one.text, None if vectors is None else vectors[row]) for row, one in enumerate(tests)]
    return Held(rows, np.array(scores, np.float32))


def _evaluated(trained: Trained, held: Held, evaluated: Sequence[Example]) -> Evaluation:
    classifier = trained.classifier
    labels = list(classifier.labels)
    likely = probabilities(held.scores, classifier.sharpness)
    said = likely.argmax(axis=1)
    sure = likely.max(axis=1) >= classifier.thresholds[said]
    truth = np.array([labels.index(one.label) for one in evaluated], np.intp)
    return evaluate(labels, truth, said, sure, [one.language for one in evaluated])


def _speed(classifier: Classifier, examples: Sequence[Example], vectors: Floats | None) -> float:
    """The mean of a few hundred texts, in microseconds."""
    texts, vector = [one.text for one in examples[:300]], None if vectors is None else vectors[0]
    started = time.perf_counter()
    for text in texts:
        classifier.classify(text, vector)
    return round((time.perf_counter() - started) / len(texts) * 1e6, 1)


# ── what is read ─────────────────────────────────────────────────────────────────────────────────────────


def _examples(bot: Bot, wanted: Wanted) -> Sequence[Example]:
    if wanted.data:
        return read_labelled(wanted.data, bot.languages)
    if not bot.intents:
        right = "Write examples of each intent, as in bots/teahouse/intents.yaml, or name a CSV file with --data"
        raise ConfigError((Problem(str(bot.folder / "intents.yaml"), 0, "", "is missing", right),))
    return bot.intents


def _check_labels(wanted: Wanted, examples: Sequence[Example], tests: Sequence[Example]) -> None:
    """Each label can be learnt, and nothing else is asked for in the test."""
    counted = {label: sum(one.label == label for one in examples) for label in {one.label for one in examples}}
    file = str(wanted.data or "intents.yaml")
    few = sorted(label for label, count in counted.items() if count < 2)
    if few:
        raise ConfigError(tuple(Problem(file, 0, label, "has one example", "Write two or more") for label in few))
    if len(counted) < 2:
        raise ConfigError((Problem(file, 0, "", "has a single label", "Write examples of two or more"),))
    foreign = sorted({one.label for one in tests} - counted.keys())
    if foreign:
        right = "Test only what is learnt, or add it to the examples"
        raise ConfigError(tuple(Problem(str(wanted.test), 0, label, "is in no example", right) for label in foreign))


# ── what is shown ────────────────────────────────────────────────────────────────────────────────────────


def _show(told: TrainedJson, wanted: Wanted, out: Console) -> None:
    print_evaluation(out, told.evaluation)
    by = f"words and the vectors of {told.embedder}" if told.embedder else "words alone"
    out.print(
        f"\nLearnt {told.labels} labels from {told.examples} examples by {by} in {told.embedding_s + told.training_s:.1f} s; "
        f"evaluated on {told.held_out}. Classifying takes {told.microseconds_a_text:.0f} µs a text.",
        highlight=False,
    )
    if wanted.json:
        _written(wanted.json, lambda file: file.write_text(told.model_dump_json(indent=1), encoding="utf-8"))
    if wanted.report:
        _written(wanted.report, lambda folder: write_report(folder, told.evaluation, told.model_dump_json(indent=1)))
        out.print(f"Report: {wanted.report}", highlight=False)
    out.print(
        f"[green]✓[/] Saved as {told.saved}; `run` uses it from its next start." if told.saved else "Nothing is saved."
    )


def _written(path: Path, write: Callable[[Path], object]) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write(path)
    except OSError as error:
        right = "Name a place that you may write to"
        raise ConfigError((Problem(str(path), 0, "", f"cannot be written: {error.strerror}", right),)) from error
