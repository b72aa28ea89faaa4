"""The application itself: its help, where it prints, how it ends."""

from __future__ import annotations

import json
import sys
from typing import Annotated, Any

import typer
from ansible_collections.rescue502.django.plugins.plugin_utils.catalogue import catalogue
from ansible_collections.rescue502.django.plugins.plugin_utils.text.host_text import DEPTH, clean_tree
from rich.console import Console
from rich.text import Text

from rescue502 import __version__
from rescue502.run import WRONG_USE

EPILOG = (
    "Exit codes: 0 well, 1 wrong use, 2 still broken, 3 waits for approval, 4 unreachable, 5 locked by another run, "
    "6 degraded: the site answers, and a finding or a failed remedy remains."
)
app = typer.Typer(
    help="Find the true cause of a 502 in front of Django, repair only that, and prove that the site answers again.",
    epilog=EPILOG,
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)
out = Console(highlight=False, soft_wrap=True)
err = Console(stderr=True, highlight=False, soft_wrap=True)


def fail(message: str) -> typer.Exit:
    """Say what went wrong, for people; the caller raises what this returns."""
    err.print(Text(f"rescue502: {message}", style="red"))
    return typer.Exit(WRONG_USE)


def as_text(incidents: Any) -> str:
    """Incidents as JSON, without what a terminal would obey: a file may come from anywhere."""
    return json.dumps(clean_tree(incidents, depth=DEPTH + 2), indent=1, ensure_ascii=False)


def version(wanted: bool) -> None:
    """Print the version and end."""
    if wanted:
        print(f"rescue502 {__version__}")
        raise typer.Exit


@app.callback()
def options(
    _version: Annotated[bool, typer.Option("--version", callback=version, is_eager=True, help="Show it.")] = False,
) -> None:
    """Find the true cause of a 502 in front of Django, repair only that, and prove that the site answers again."""


def main() -> None:
    """Start; a broken catalogue is the user's to repair, so it is reported in one line."""
    try:
        app()
    except catalogue.CatalogueError as error:
        err.print(Text(f"rescue502: {error}", style="red"))
        sys.exit(WRONG_USE)
    except KeyboardInterrupt:
        sys.exit(130)
