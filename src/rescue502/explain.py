"""Show failure modes from the catalogue to people."""

from __future__ import annotations

import difflib

from ansible_collections.rescue502.django.plugins.plugin_utils.catalogue import Catalogue, FailureMode
from rich.console import Console
from rich.table import Table
from rich.text import Text

RISKS = {
    "safe": "mended unasked",
    "ask": "mended where approved: rescue502 recover --approve {id}",
    "never": "never mended by a program: a person decides",
}


def listing(console: Console, catalogue: Catalogue) -> None:
    """All failure modes, a line each, from the ground up."""
    table = Table(box=None, padding=(0, 2, 0, 0))
    for heading in ("failure mode", "risk", "remedy", "what it is"):
        table.add_column(heading, no_wrap=heading != "what it is")
    for mode in catalogue.modes.values():
        table.add_row(mode.id, mode.risk, mode.remedy or "-", mode.title)
    console.print(table)


def explain(console: Console, mode: FailureMode) -> None:
    """One failure mode: what it means, how it is recognised, what mends it, how to do that by hand."""
    console.print(Text(f"{mode.id}: {mode.title}", style="bold"))
    console.print(Text(mode.means))
    console.print(Text(f"\nRisk: {mode.risk}, {RISKS[mode.risk].format(id=mode.id)}"))
    if mode.remedy:
        console.print(Text(f"Remedy: {', then '.join([mode.remedy, *mode.then])}"))
    console.print(Text("\nKnown by evidence in which all of this holds:"))
    for condition in mode.when:
        console.print(Text(f"  {condition}"))
    if mode.explained_by:
        console.print(Text(f"Not a root cause where one of these is found: {', '.join(mode.explained_by)}"))
    console.print(Text(f"\nBy hand ({{{{ }}}} stands for what is found on the host):\n{mode.by_hand.rstrip()}"))


def nearest(catalogue: Catalogue, wanted: str) -> list[str]:
    """Ids that look like what was asked for."""
    ids = list(catalogue.modes)
    same_name = [item for item in ids if item.rpartition("/")[2] == wanted.rpartition("/")[2]]
    return same_name or difflib.get_close_matches(wanted, ids, n=3, cutoff=0.4)
