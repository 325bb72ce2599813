"""``python -m bots bench …``: the benchmarks of tests/bench, as commands. They need a checkout: nothing else has tests/."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Literal

import typer

app = typer.Typer(
    help="Measure Kefu, side by side with what one would use instead.",
    no_args_is_help=True,
    rich_markup_mode="rich",
)

_DEFAULTS = "[dim]\\[default: {}][/]"


@app.callback()
def _end_what_was_started(context: typer.Context) -> None:
    context.with_resource(_stoppable())


@contextmanager
def _stoppable() -> Iterator[None]:
    """A request to end (SIGTERM) is taken like Ctrl-C: servers and workers are ended, too; an engine's report is written."""
    # What a shell has put into the background ignores Ctrl-C, and with it what we turn the request into.
    interrupt = signal.signal(signal.SIGINT, signal.default_int_handler)
    terminate = signal.signal(signal.SIGTERM, lambda *_: signal.raise_signal(signal.SIGINT))
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, terminate)
        signal.signal(signal.SIGINT, interrupt)


def _numbers(option: str, text: str | None, most: int = 64) -> tuple[int, ...] | None:
    """``1,4,8``; each from 1 to ``most``."""
    if text is None:
        return None
    parts = text.split(",")
    if not all(part.strip().isdecimal() and 1 <= int(part) <= most for part in parts):
        raise typer.BadParameter(f"{text!r} is no list of numbers from 1 to {most}, such as 1,4,8", param_hint=option)
    return tuple(dict.fromkeys(map(int, parts)))


def _turns(text: str | None) -> tuple[int, ...] | None:
    found = _numbers("--turns", text)
    if found and not set(found) <= {1, 3}:
        raise typer.BadParameter("only turns 1 and 3 are measured: write 1, 3 or 1,3", param_hint="--turns")
    return found


def _systems(text: str | None) -> tuple[str, ...] | None:
    with _checkout():
        from tests.bench.systems import KNOWN
    found = tuple(dict.fromkeys(part.strip() for part in text.split(","))) if text is not None else None
    if found and (unknown := [name for name in found if name not in KNOWN]):
        there = ", ".join(KNOWN)
        raise typer.BadParameter(f"{', '.join(unknown)}: no such system; there are {there}", param_hint="--systems")
    return found


@contextmanager
def _checkout() -> Iterator[None]:
    """The benchmarks are imported late, and said to be missing where they are."""
    try:
        yield
    except ModuleNotFoundError as error:
        if error.name is None or not f"{error.name}.".startswith("tests."):
            raise
        typer.echo("✗ the benchmarks lie in the folder tests/ of a checkout; there is none here", err=True)
        raise typer.Exit(1) from None


def _paragraphs(text: str) -> str:
    """Typer keeps the line breaks of a help text; here only empty lines end a paragraph."""
    return "\n\n".join(" ".join(paragraph.split()) for paragraph in text.split("\n\n"))


_ENGINE_HELP = _paragraphs(
    """
Measure the engine beside what one would use instead: same run, same file, same personas, same questions.

[bold]Systems[/]: kefu · llama_cpp.server (pip install 'llama-cpp-python\\[server]') · xllamacpp (pip install
xllamacpp; a place for each shopper) · llama-server default · llama-server tuned (-fa off -kvu and the best -np
found by trying) · llama_cpp.server queued (the same, but it lets each answer end before the next begins). The
llama-servers are those of xllamacpp where no --llama-server is given. One that is missing is named, with how to
get it.

[bold]What is asked[/]: personas of 500 tokens by the model's own count; replies of up to 48 tokens at temperature 0.
In a round every system is asked the same, one after the other; the order changes from round to round. Rows are
medians of the rounds, ratios are of the same round. Memory is the peak of a system's own processes.

[bold]Cold[/]: the system has not seen the persona since it was started. [bold]Warm[/]: the persona was asked
before. A [bold]third turn[/] follows two that were played through the same system, with its own replies as
history; warm they have just been played, cold the conversation stands under a persona that was never seen, so that
none of it is in any cache.

[bold]Bound[/]: the same work through a bare loop of llama_decode, and our share of its speed.

Ctrl-C stops it at any time; what was measured is shown and written.
"""
)

Model = Annotated[
    Path | None,
    typer.Option(exists=True, dir_okay=False, metavar="GGUF", help="Another model than the bundled one."),
]
Json = Annotated[
    Path | None, typer.Option("--json", metavar="FILE", dir_okay=False, help="Write the figures there, too.")
]


@app.command(help=_ENGINE_HELP)
def engine(
    json: Json = None,
    quick: Annotated[
        bool, typer.Option("--quick", help="8 shoppers, one persona, first turns, one round: less than 4 minutes.")
    ] = False,
    shoppers: Annotated[
        str | None,
        typer.Option(metavar="N,N…", help=f"At once. {_DEFAULTS.format('1,4,8,16,32')}"),
    ] = None,
    personas: Annotated[
        str | None,
        typer.Option(metavar="N,N…", help=f"The shoppers talk to so many. {_DEFAULTS.format('1,4')}"),
    ] = None,
    turns: Annotated[
        str | None,
        typer.Option(metavar="N,N", help=f"Of conversations. {_DEFAULTS.format('1,3')}"),
    ] = None,
    systems: Annotated[
        str | None,
        typer.Option(metavar="NAME,NAME…", help=f"Only these. {_DEFAULTS.format('all but the last')}"),
    ] = None,
    rounds: Annotated[
        int | None, typer.Option(min=1, help=f"How often everything is measured, at most. {_DEFAULTS.format(3)}")
    ] = None,
    minutes: Annotated[
        float,
        typer.Option(min=0, help="What would end later is left out of the grid, and named; 0: no limit."),
    ] = 35.0,
    llama_server: Annotated[
        Path | None,
        typer.Option(
            exists=True, dir_okay=False, metavar="PATH", help="This llama-server, instead of the one in xllamacpp."
        ),
    ] = None,
    np: Annotated[
        int, typer.Option(min=0, max=64, help="Places of the tuned llama-server; 0: the best are found by trying.")
    ] = 0,
    model: Model = None,
    grid: Annotated[bool, typer.Option(help="Measure the systems side by side, and the bound.")] = True,
    long: Annotated[
        bool | None,
        typer.Option(
            "--long/--no-long",
            help=f"A prompt of 3,000 tokens arrives while 7 others write. {_DEFAULTS.format('long; with --quick no-long')}",
        ),
    ] = None,
    speculation: Annotated[
        bool, typer.Option("--speculation", help="Also: what drafts bring to grounded replies, at 1, 4 and 8 shoppers.")
    ] = False,
    neighbour: Annotated[
        bool,
        typer.Option("--neighbour", help="Also: a busy program beside, our choice of threads against fixed ones."),
    ] = False,
    markdown: Annotated[
        Path | None,
        typer.Option(exists=True, dir_okay=False, metavar="FILE", help="Measure nothing; print this JSON as Markdown."),
    ] = None,
) -> None:
    """See _ENGINE_HELP."""
    with _checkout():
        from tests.bench import command

    given = command.EngineArguments(
        json=json,
        quick=quick,
        shoppers=_numbers("--shoppers", shoppers),
        personas=_numbers("--personas", personas),
        turns=_turns(turns),
        systems=_systems(systems),
        rounds=rounds,
        minutes=minutes,
        llama_server=llama_server,
        np=np,
        model=model,
        grid=grid,
        long=long,
        speculation=speculation,
        neighbour=neighbour,
    )
    raise typer.Exit(command.print_markdown(markdown) if markdown else command.engine(given))


@app.command()
def turns(
    json: Json = None,
    count: Annotated[int, typer.Option("--turns", min=1, help="How many turns are measured.")] = 5000,
    stored: Annotated[
        str | None,
        typer.Option(
            metavar="N,N…", help="Measured with so many conversations stored.", show_default="10,10000,1000000"
        ),
    ] = None,
) -> None:
    """Measure turns per second through everything but the model: store, worker, answer, outbox, platform."""
    with _checkout():
        from tests.bench import command

    raise typer.Exit(command.turns(count, _numbers("--stored", stored, 10_000_000), json))


_CHAOS_HELP = _paragraphs(
    """
Kill everything at random moments while shoppers write, and count what they see: nothing may be lost, answered twice
or out of order.

A gateway and two workers run over a store of their own, each in a process. They and the store are killed with SIGKILL
and started again, or stopped for longer than a lease and let go on, while the platforms (Telegram's and Discord's wire, in this process) answer 429 and 5xx, lose
answers, cut connections, repeat and mix up what they hand over. Each message carries a word of its own, and the platforms
judge in the end: every word must have been answered once, in the order of its conversation.

[bold]ambiguous[/]: messages that Telegram shows twice because its answer was lost or the gateway was killed before
it could be recorded; each must be on record in its conversation, or it counts as duplicated.

What is random comes from the seed, except for what the machine does meanwhile. Exit code 1 if anything was lost,
duplicated or reordered, or if something does not fit together in the store at the end; then the logs are kept.
"""
)


@app.command(help=_CHAOS_HELP)
def chaos(
    messages: Annotated[int, typer.Option(min=1, max=200_000, help="How many the shoppers write.")] = 2000,
    conversations: Annotated[
        int, typer.Option(min=1, max=2000, help="In how many conversations, half of them on Telegram.")
    ] = 100,
    kills: Annotated[int, typer.Option(min=0, help="How often one of the processes is killed.")] = 50,
    seed: Annotated[int, typer.Option(help="What is random comes from it.")] = 0,
    json: Json = None,
) -> None:
    """See _CHAOS_HELP."""
    if messages < conversations:
        raise typer.BadParameter("each conversation needs a message", param_hint="--messages")
    with _checkout():
        from tests.bench import chaos_command
        from tests.bench.chaos_plan import Chaos

    raise typer.Exit(chaos_command.chaos(Chaos(messages, conversations, kills, seed), json))


_CROWD_HELP = _paragraphs(
    """
Many shoppers at once and a slow model: everybody must be answered, and whoever waits must be told so, once.

All of them ask at the same moment a question that needs the model, which takes its time and answers only some at once;
others ask meanwhile what the shop has an approved answer for, which must go out at once. One question is asked before,
so that it is known how long an answer takes.

[bold]Error of the told wait[/]: between the time that the shopper was told ("about 40 seconds") and the time until the
model began with the answer, on the average.

Exit code 1 if anybody was not answered, or waited and was not told, or was told twice. In full it takes 13 minutes,
most of them without any work for the machine.
"""
)


@app.command(help=_CROWD_HELP)
def crowd(
    chats: Annotated[int, typer.Option(min=1, max=10_000, help="How many shoppers ask at once.")] = 150,
    at_once: Annotated[int, typer.Option(min=1, max=256, help="How many the model answers at once.")] = 8,
    answer_s: Annotated[
        float, typer.Option(min=0.01, max=3600, help="How long the model takes for an answer, in seconds.")
    ] = 40.0,
    json: Json = None,
) -> None:
    """See _CROWD_HELP."""
    with _checkout():
        from tests.bench import crowd_command
        from tests.bench.crowd import Crowd

    raise typer.Exit(crowd_command.crowd(Crowd(chats, at_once, answer_s), json))


_RETRIEVAL_HELP = _paragraphs(
    """
Measure what is found, and how fast: generated passages of a shop, asked in other words, in Chinese and English and
across them; beside it bm25s alone and numpy that compares all vectors.

[bold]recall@k[/]: the passage that a question was made for is among the first k. With --data, a folder with train.csv and
test.csv (text, category): the training questions are the index, the test questions are asked, and a hit is their category
among the first k different ones of what is nearest. [bold]ms[/]: one search on one core, the vector of the question given;
what that takes is the last column.

In full it takes some minutes, most of them to embed 100,000 passages.
"""
)


@app.command(help=_RETRIEVAL_HELP)
def retrieval(
    json: Json = None,
    data: Annotated[
        Path | None,
        typer.Option(exists=True, file_okay=False, metavar="DIR", help="Match the questions of this folder, too."),
    ] = None,
    sizes: Annotated[
        str | None,
        typer.Option(metavar="N,N…", help="Generated passages; 0: none.", show_default="1000,10000,100000"),
    ] = None,
    large: Annotated[
        bool, typer.Option("--large", help="With the larger of the bundled embedders; takes ten times as long.")
    ] = False,
) -> None:
    """See _RETRIEVAL_HELP."""
    with _checkout():
        from tests.bench import retrieval_command
        from tests.bench.retrieval import SIZES

    wanted = () if sizes == "0" else _numbers("--sizes", sizes, 100_000) or SIZES
    size: Literal["small", "large"] = "large" if large else "small"
    raise typer.Exit(retrieval_command.retrieval(retrieval_command.Arguments(wanted, data, json, size)))


@app.command()
def soak(
    requests: Annotated[int, typer.Option(min=1, help="How many.")] = 2000,
    seed: Annotated[int, typer.Option(help="What is random comes from it.")] = 0,
    allow_mb: Annotated[float, typer.Option(min=0, help="Memory may grow by so much after the warm-up.")] = 32.0,
    json: Json = None,
    model: Model = None,
) -> None:
    """Requests of random lengths and kinds, many of them cancelled: memory must be flat, every place free at the end.

    Exit code 1 if anything leaked or failed.
    """
    with _checkout():
        from tests.bench import command
        from tests.bench.soak import Soak

    raise typer.Exit(command.soak(Soak(requests, seed), allow_mb, json, model))


@app.command()
def retail(
    data: Annotated[
        Path,
        typer.Option(
            metavar="FILE", help="A JSON file of a shop's products with variants.", exists=True, dir_okay=False
        ),
    ],
    questions: Annotated[int, typer.Option(min=1, max=10_000, help="How many are asked.")] = 100,
    seed: Annotated[int, typer.Option(help="What is random comes from it.")] = 0,
    json: Json = None,
) -> None:
    """Make a bot of a shop's data and ask it for prices, stock and variants: nothing that it says may be wrong.

    Exit code 1 if an answer says something that the data does not, or if less than 90 % are answered.
    """
    with _checkout():
        from tests.bench import retail_command
        from tests.bench.retail import Retail

    raise typer.Exit(retail_command.retail(Retail(data, questions, seed), json))
