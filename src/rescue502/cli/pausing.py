"""The commands that pause a host, and that end its pause."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer
from rich.text import Text

from rescue502.cli.application import EPILOG, app, fail, out
from rescue502.cli.options import AskBecome, Extra, Inventory, Verbose
from rescue502.cli.playbooks import start

Host = Annotated[str, typer.Argument(help="A host of the inventory, or a pattern of several, as in --limit.")]


def _play(
    host: str,
    inventory: list[str] | None,
    extra: list[str] | None,
    verbose: int,
    ask_become_pass: bool,
    settings: dict[str, Any],
) -> typer.Exit:
    finished = start("pause", inventory, host, extra, Path("reports"), False, verbose, ask_become_pass, settings)
    out.print(Text("\n".join(line for result in finished.returned for line in result["report"])))
    return typer.Exit(finished.exit_code())


@app.command(epilog=EPILOG)
def pause(
    host: Host,
    until: Annotated[str, typer.Option(help="2026-01-31T22:00:00Z, or for how long: 90m, 2h, 3d; 7 days at most.")],
    reason: Annotated[str, typer.Option(help="Why; it is shown with the pause.")] = "",
    inventory: Inventory = None,
    extra: Extra = None,
    verbose: Verbose = 0,
    ask_become_pass: AskBecome = False,
) -> None:
    """Have no run change a host for a while. It ends by itself; diagnose and verify are as always.

    Example: rescue502 pause web1 -i inventory/xamila --until 2h --reason "the database is moved"
    """
    if not host.strip():
        raise fail("name the host to pause")
    settings = {"rescue502_pause_until": until, "rescue502_pause_reason": reason}
    raise _play(host, inventory, extra, verbose, ask_become_pass, settings)


@app.command(epilog=EPILOG)
def resume(
    host: Host,
    inventory: Inventory = None,
    extra: Extra = None,
    verbose: Verbose = 0,
    ask_become_pass: AskBecome = False,
) -> None:
    """End a host's pause.

    Example: rescue502 resume web1 -i inventory/xamila
    """
    raise _play(host, inventory, extra, verbose, ask_become_pass, {"rescue502_resume": True})
