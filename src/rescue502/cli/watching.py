"""The command that watches sites from the controller, and recovers those that are down."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Annotated

import typer
from rich.text import Text

from rescue502.cli.application import EPILOG, app, out
from rescue502.cli.options import AskBecome, Extra, Inventory, Limit, Reports, Verbose
from rescue502.cli.playbooks import start


@app.command(epilog=EPILOG)
def watch(
    inventory: Inventory = None,
    limit: Limit = "",
    every: Annotated[float, typer.Option(help="Seconds between two rounds; 0 for one round, as a timer wants.")] = 0.0,
    extra: Extra = None,
    reports: Reports = Path("reports"),
    verbose: Verbose = 0,
    ask_become_pass: AskBecome = False,
) -> None:
    """Ask each site from here; where one is down, find the cause and repair what is safe, within budgets.

    Example: rescue502 watch -i inventory/xamila --every 60
    """
    while True:
        finished = start("watch", inventory, limit, extra, reports, False, verbose, ask_become_pass)
        if lines := [line for result in finished.returned for line in result["report"]]:
            out.print(Text("\n".join(lines)))
        if every <= 0:
            raise typer.Exit(finished.exit_code())
        time.sleep(every)
