"""The table that `run` prints: where Kefu is reached, with what it answers, which platforms are connected."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Console
from rich.table import Table

from bots.app import Service, Standing
from bots.channels import Absent

NAMES = {"web": "Web", "telegram": "Telegram", "discord": "Discord"}
ROLES = {
    "gateway": "gateway: connects the platforms; workers over the same store answer",
    "worker": "worker: answers; gateways over the same store connect the platforms",
}


def show_table(
    console: Console,
    service: Service,
    server: str,
    address: str,
    standings: Sequence[Standing],
    absent: Sequence[Absent],
) -> None:
    table = Table(title="Kefu 客服", title_style="bold", show_header=False, box=None, padding=(0, 2, 0, 0))
    table.add_column(style="dim", no_wrap=True)
    table.add_column(overflow="fold")
    names = service.shelf.names
    if service.role != "both":
        table.add_row("Role", ROLES[service.role])
    if address:
        table.add_row("Address", f"[bold]{address}{'/health' if service.role == 'worker' else ''}[/]")
    for name in names:
        bot = service.shelf.bot(name)
        table.add_row(
            "Bot",
            f"{name} · {bot.answers} approved answers, {bot.notes} notes, {bot.products} products"
            f" · persona {bot.config.persona} · {', '.join(bot.languages)}",
        )
        if name not in service.models:
            continue
        model = service.models[name].info
        spoken = f"writes {', '.join(model.languages)}; other languages are answered from approved answers and notes"
        table.add_row("Model", f"{model.name} · {model.context_tokens} tokens of context · {spoken}")
    table.add_row("Store", f"{server} ({_kept(service)})")
    several = len(names) > 1
    for standing in standings:
        table.add_row(_label(standing.channel.platform, standing.channel.bot, several), _state(standing))
    for missing in absent:
        table.add_row(_label(missing.platform, missing.bot, several), f"[yellow]–[/] not connected: {missing.why}")
    console.print()
    console.print(table)
    console.print("\nCtrl-C stops it; conversations are kept.\n", style="dim")


def _kept(service: Service) -> str:
    if not service.embedded:
        return "yours"
    if service.role == "both":
        return "embedded, in the data folder"
    others = "workers" if service.role == "gateway" else "gateways"
    return f"embedded: {others} over the same data folder share it; for those on other machines set KEFU_REDIS_URL"


def _label(platform: str, bot: str, several: bool) -> str:
    name = NAMES.get(platform, platform)
    return f"{name} ({bot})" if several else name


def _state(standing: Standing) -> str:
    if standing.trouble:
        return f"[red]✗[/] not connected: {standing.trouble}"
    if standing.stands_by:
        return "[yellow]…[/] standing by: another gateway is connected"
    if not standing.decided.is_set():
        return "[yellow]…[/] no answer from the platform yet, trying on"
    return "[green]✓[/] connected"
