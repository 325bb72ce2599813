"""The command line: python -m bots run | chat | check | new | tune | embed | dead | bench."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Coroutine
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar

import typer
from rich.console import Console

from bots import bench
from bots.logs import configure_logs
from bots.settings import Role, Settings, export_hub_settings, read_settings
from core.errors import ConfigError, KefuError

app = typer.Typer(
    help="Kefu 客服: customer-service bots on a local model, for the web, Telegram, Discord and the terminal.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
)
app.add_typer(bench.app, name="bench")
dead = typer.Typer(help="Replies that could not be delivered: see, read, send again, forget.", no_args_is_help=True)
app.add_typer(dead, name="dead")
training = typer.Typer(help="Train what a bot learns from its owner's examples.", no_args_is_help=True)
app.add_typer(training, name="train")
out = Console()
err = Console(stderr=True)
Result = TypeVar("Result")

BotDir = Annotated[Path, typer.Argument(metavar="BOT_DIR", help="A bot's folder, such as bots/teahouse.")]
RedisUrl = Annotated[
    str | None,
    typer.Option(
        help="A Redis or Valkey: redis://host:6379/0, redis+cluster://… or redis+sentinel://…. Without it an embedded one "
        "is started in the data folder."
    ),
]


@app.command()
def run(
    bots: Annotated[
        list[Path] | None, typer.Argument(metavar="[BOT_DIR]...", help="Folders of bots; without any, bots/teahouse.")
    ] = None,
    host: Annotated[
        str | None,
        typer.Option(help="The address the web chat listens on; 0.0.0.0 for all. [dim]\\[default: 127.0.0.1][/]"),
    ] = None,
    port: Annotated[
        int | None, typer.Option(help="The port of the web chat; 0 for any free one. [dim]\\[default: 8080][/]")
    ] = None,
    redis_url: RedisUrl = None,
    role: Annotated[
        Role | None,
        typer.Option(
            help="What this process does: 'gateway' only connects the platforms, 'worker' only answers with the model, "
            "both over one store. [dim]\\[default: both][/]",
        ),
    ] = None,
) -> None:
    """Start bots and connect them to their platforms. Ctrl-C stops them; conversations are kept."""
    from bots import commands

    settings = _settings(host=host, port=port, redis_url=redis_url, role=role)
    # A worker listens only where it is told to: on one machine the port of .env is its gateway's.
    web = settings.role != "worker" or port is not None
    _go(commands.run(bots or [Path("bots/teahouse")], settings, out, web=web))


@app.command()
def chat(
    bot: BotDir,
    ask: Annotated[
        list[str] | None, typer.Option(help="Ask this, print the reply and exit. Several are one conversation.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="With --ask: one JSON object for each reply.")] = False,
    session: Annotated[
        str,
        typer.Option(
            help="The name of the conversation to go on with. [dim]\\[default: yours; with --ask a new one][/]"
        ),
    ] = "",
    redis_url: RedisUrl = None,
) -> None:
    """Talk to a bot in this terminal."""
    from bots import commands

    if as_json and not ask:
        raise typer.BadParameter("--json needs --ask 'a question'")
    if session and not session.replace("-", "").replace("_", "").isalnum():
        raise typer.BadParameter("--session is made of letters, digits, '-' and '_'")
    # A chat is read by a person or a program: only trouble is logged beside it.
    settings = _settings(redis_url=redis_url, log_level="error")
    _go(commands.chat(bot, settings, list(ask or []), as_json, session, out, err))


@app.command()
def check(bot: BotDir) -> None:
    """Read a bot's folder and name every mistake: file, line, key, what is wrong and what would be right."""
    from bots.evaluation.command import check_tests
    from core.botfile import load_bot

    try:
        read = load_bot(bot)
        tests = check_tests(read)
    except ConfigError as error:
        _print_problems(error)
        raise typer.Exit(1) from None
    out.print(
        f"[green]✓[/] {read.name} is right: {len(read.personas)} persona{'s' * (len(read.personas) != 1)}, "
        f"{read.answers} approved answers, {read.notes} notes, {read.products} products{tests} · version {read.version}"
    )


@app.command()
def ingest(
    bot: BotDir,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Read a bot's notes and catalogue and bring its index up to date: only what changed is read and embedded again.

    Names what could not be read, and why. Exit code 1: the folder has mistakes, or there is nothing to answer from.
    """
    from bots import ingest as ingesting

    _go(ingesting.ingest(bot, _settings(log_level="error"), as_json=as_json, out=out, err=err))


@app.command("eval")
def evaluate(
    bot: BotDir,
    json: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write everything as JSON; '-' is the standard output.")
    ] = None,
    html: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write a report to read: one HTML file, or into a folder.")
    ] = None,
    against: Annotated[
        str | None,
        typer.Option(metavar="REV-or-DIR", help="Name each answer that differs from another version of the bot."),
    ] = None,
    repeat: Annotated[
        int,
        typer.Option(min=1, max=100, metavar="K", help="Run each conversation so often, each time with another seed."),
    ] = 1,
    only: Annotated[
        list[str] | None, typer.Option(metavar="NAME", help="Only this conversation, or those with this tag.")
    ] = None,
    workers: Annotated[
        int | None,
        typer.Option(min=1, max=256, metavar="N", help="How many at once. [dim]\\[default: model.parallel][/]"),
    ] = None,
) -> None:
    """Run the conversations of a bot's tests.yaml and hold its answers against what is expected.

    Exit code 0: all thresholds of eval in bot.yaml hold; 1: one does not; 2: a file is wrong or the model cannot be
    opened, so nothing was measured.
    """
    from bots.evaluation import command

    options = command.Options(json, html, against, repeat, tuple(only or ()), workers)
    found = _go(command.evaluate(bot, options, _settings(log_level="error"), out, err), failed=2)
    raise typer.Exit(0 if found.holds else 1)


@app.command()
def new(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="The folder to make; its name is the bot's name.")],
) -> None:
    """Make a commented starter bot, ready to be changed."""
    from bots.starter import make_starter

    try:
        files = make_starter(folder)
    except ConfigError as error:
        _print_problems(error)
        raise typer.Exit(1) from None
    out.print(f"[green]✓[/] Made {folder} with {', '.join(map(str, files))}.\n")
    start = f"{_python()} -m bots"
    out.print(
        f"Next:  {start} check {folder}\n       {start} chat {folder}\n       {start} run {folder}", soft_wrap=True
    )


@app.command()
def tune(
    bot: Annotated[
        Path | None, typer.Argument(metavar="[BOT_DIR]", help="A bot's folder; without it, bots/teahouse.")
    ] = None,
    again: Annotated[bool, typer.Option("--again", help="Measure again, even if this machine is known.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
    repack: Annotated[
        str | None,
        typer.Option(metavar="TYPE", help="Write the model in another type: q4_0, q8_0, iq4_nl or q4_k_m."),
    ] = None,
) -> None:
    """Show which options make a bot's model fastest on this machine, and what a repacked quantisation would bring."""
    from bots import tune as tuning
    from models.tuning.orders import REPACK_TYPES

    kind = next((one for one in REPACK_TYPES if repack is not None and one == repack.lower()), None)
    if repack is not None and kind is None:
        raise typer.BadParameter(f"--repack is one of {', '.join(REPACK_TYPES)}, not {repack!r}")
    work = tuning.tune(
        bot or Path("bots/teahouse"),
        _settings(log_level="error"),
        again=again,
        as_json=as_json,
        kind=kind,
        out=out,
        err=err,
    )
    _go(work)


@app.command()
def embed(
    bot: BotDir,
    text: Annotated[list[str], typer.Option(help="A text; several are compared with each other.")],
    query: Annotated[bool, typer.Option("--query", help="The texts are questions, not passages.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object, with the vectors.")] = False,
) -> None:
    """Show what the bot's embedding model makes of a few texts: how alike it finds them."""
    from bots import embed as embedding

    settings = _settings(log_level="error")
    kind: Literal["query", "passage"] = "query" if query else "passage"
    _go(embedding.embed(bot, settings, text, kind=kind, as_json=as_json, out=out, err=err))


Ids = Annotated[list[str], typer.Argument(metavar="ID...", help="Ids as the list shows them, or their beginnings.")]


@dead.command("list")
def dead_list(
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object for each.")] = False,
    redis_url: RedisUrl = None,
) -> None:
    """What could not be delivered, and why."""
    from bots import dead as letters

    _go(letters.show(_settings(redis_url=redis_url, log_level="error"), (), as_json=as_json, out=out))


@dead.command("show")
def dead_show(
    ids: Ids,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object for each.")] = False,
    redis_url: RedisUrl = None,
) -> None:
    """Read them whole."""
    from bots import dead as letters

    _go(letters.show(_settings(redis_url=redis_url, log_level="error"), ids, as_json=as_json, out=out))


@dead.command("requeue")
def dead_requeue(
    ids: Annotated[
        list[str] | None, typer.Argument(metavar="[ID]...", help="Ids as the list shows them, or their beginnings.")
    ] = None,
    every: Annotated[bool, typer.Option("--all", help="All of them.")] = False,
    redis_url: RedisUrl = None,
) -> None:
    """Send them again, from where they broke off."""
    from bots import dead as letters

    if bool(ids) == every:
        raise typer.BadParameter("name the letters, or write --all")
    _go(letters.requeue(_settings(redis_url=redis_url, log_level="error"), ids or (), every=every, out=out))


@dead.command("drop")
def dead_drop(ids: Ids, redis_url: RedisUrl = None) -> None:
    """Forget them."""
    from bots import dead as letters

    _go(letters.drop(_settings(redis_url=redis_url, log_level="error"), ids, out=out))


@app.command()
def record(
    conversation: Annotated[
        str, typer.Argument(metavar="CONVERSATION", help="As <bot>/<platform>/<chat>; without it, the latest.")
    ] = "",
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object for each line, or conversation.")] = False,
    redis_url: RedisUrl = None,
) -> None:
    """What was said in a conversation, and what became of each reply; or which conversations there are."""
    from bots import record as records

    settings = _settings(redis_url=redis_url, log_level="error")
    if conversation:
        _go(records.show(settings, conversation, as_json=as_json, out=out))
    else:
        _go(records.show_latest(settings, as_json=as_json, out=out))


@training.command("intents")
def train_intents(
    bot: BotDir,
    data: Annotated[
        Path | None,
        typer.Option(
            metavar="CSV",
            help="Learn from this file (columns text and category) instead of the bot's examples; then nothing is saved.",
        ),
    ] = None,
    test: Annotated[
        Path | None,
        typer.Option(metavar="CSV", help="Evaluate on this file; without it, on examples kept apart in turn."),
    ] = None,
    json: Annotated[Path | None, typer.Option(metavar="FILE", help="Write all figures as JSON.")] = None,
    report: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Write the figures and pictures of the confusion matrix there.")
    ] = None,
) -> None:
    """Train the classifier of what shoppers want on a bot's intents.yaml, and show how good it is."""
    from bots import train

    wanted = train.Wanted(data, test, json, report)
    _go(train.train_intents(bot, _settings(log_level="error"), wanted, out, err))


@app.command()
def unanswered(
    bot: BotDir,
    days: Annotated[int, typer.Option(min=1, max=365, help="How far back.")] = 30,
    limit: Annotated[int, typer.Option(min=1, max=500, help="At most so many themes.")] = 20,
    drafts: Annotated[
        bool, typer.Option("--drafts", help="Write a draft of an answer for each into drafts.yaml.")
    ] = False,
    publish: Annotated[bool, typer.Option("--publish", help="Put the finished drafts into answers.yaml.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object for each theme.")] = False,
    redis_url: RedisUrl = None,
) -> None:
    """What shoppers asked and the shop's facts had no answer for, gathered into themes, the most frequent first."""
    from bots import unanswered as questions

    if publish:
        return _go(questions.publish_drafts(bot, out))
    wanted = questions.Wanted(days, limit, as_json, drafts)
    _go(questions.unanswered(bot, _settings(redis_url=redis_url, log_level="error"), wanted, out, err))


# ── what every command does ──────────────────────────────────────────────────────────────────────────────


def _settings(**given: object) -> Settings:
    try:
        settings = read_settings(**given)
    except ConfigError as error:
        _print_problems(error)
        raise typer.Exit(1) from None
    configure_logs(settings.log, settings.log_level)
    export_hub_settings()
    return settings


def _go(work: Coroutine[Any, Any, Result], failed: int = 1) -> Result:
    """Run a command; what is wrong becomes one sentence and the exit code ``failed``."""
    try:
        return asyncio.run(work)
    except ConfigError as error:
        _print_problems(error)
        raise typer.Exit(failed) from None
    except KefuError as error:
        err.print(f"[red]✗[/] {error}", highlight=False)
        raise typer.Exit(failed) from None
    except KeyboardInterrupt:
        raise typer.Exit(130) from None


def _python() -> str:
    """How to call this Python from here: what was typed, shorter where it lies below."""
    program = Path(sys.executable)
    return str(program.relative_to(Path.cwd())) if program.is_relative_to(Path.cwd()) else str(program)


def _print_problems(error: ConfigError) -> None:
    for problem in error.problems:
        where = f"{problem.file}:{problem.line}" if problem.line else problem.file
        key = f" [cyan]{problem.key}[/]" if problem.key else ""
        right = f" [dim]{problem.right}[/]" if problem.right else ""
        err.print(f"[red]✗[/] [bold]{where}[/]{key}: {problem.wrong}.{right}", highlight=False, soft_wrap=True)
    count = len(error.problems)
    err.print(f"\n{count} mistake{'s' * (count != 1)}.", highlight=False)


if __name__ == "__main__":
    app()
