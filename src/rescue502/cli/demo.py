"""The command that shows a recovery on a host of its own."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from ansible_collections.rescue502.django.plugins.plugin_utils.catalogue import catalogue

from rescue502 import demo as demonstration
from rescue502.cli.application import EPILOG, app, fail, out
from rescue502.cli.options import Reports
from rescue502.cli.playbooks import start
from rescue502.run import RunError


@app.command(epilog=EPILOG)
def demo(
    fault: Annotated[list[str] | None, typer.Option(help="A failure mode to reproduce; may be given again.")] = None,
    keep: Annotated[bool, typer.Option(help="Leave the host up at the end.")] = False,
    reports: Reports = Path("reports"),
) -> None:
    """Boot a real host, break it, and recover it before your eyes. Needs a checkout, podman and root.

    Example: rescue502 demo --fault database/stopped
    """
    known = catalogue.load().modes
    unknown = [name for name in fault or [] if name not in known]
    if unknown:
        raise fail(f"no failure mode {unknown[0]}: `rescue502 explain` lists them")
    # A fault that leaves the site answering is repaired only where that was asked for.
    approve = [name for name in fault or [] if known[name].risk in catalogue.APPROVABLE and known[name].remedy]
    settings = {"rescue502_approve": approve} if approve else {}

    def recover_host(inventory: Path) -> int:
        finished = start("recover", [str(inventory)], "", None, reports, False, 0, False, settings)
        return finished.exit_code()

    try:
        raise typer.Exit(demonstration.demo(out, fault or (), keep, recover_host))
    except RunError as error:
        raise fail(str(error)) from error
