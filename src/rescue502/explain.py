"""Show failure modes from the catalogue to people."""

from __future__ import annotations

import difflib

from ansible_collections.rescue502.django.plugins.plugin_utils.catalogue import remedies
from ansible_collections.rescue502.django.plugins.plugin_utils.catalogue.catalogue import Catalogue, FailureMode
from ansible_collections.rescue502.django.plugins.plugin_utils.report import explanation
from rich.console import Console
from rich.markdown import Markdown
from rich.table import Table

PIPE_WIDTH = 200


def listing(console: Console, catalogue: Catalogue) -> None:
    """All failure modes, a line each, from the ground up."""
    table = Table(box=None, padding=(0, 2, 0, 0))
    for heading in ("failure mode", "risk", "remedy", "what it is"):
        table.add_column(heading, no_wrap=heading != "what it is")
    for mode in catalogue.modes.values():
        table.add_row(mode.id, mode.risk, mode.remedy or "-", mode.title)
    if not console.is_terminal:
        # Each stays on one line, for grep.
        console.width = PIPE_WIDTH
    console.print(table)


def explain(console: Console, mode: FailureMode, catalogue: Catalogue) -> None:
    """One failure mode, as on its page in docs/: laid out on a terminal, as Markdown elsewhere."""
    text = explanation.markdown(mode, catalogue, remedies.named_by(catalogue))
    if console.is_terminal:
        console.print(Markdown(text), soft_wrap=False)
    else:
        console.print(text, markup=False, end="")


def nearest(catalogue: Catalogue, wanted: str) -> list[str]:
    """Ids that look like what was asked for."""
    ids = list(catalogue.modes)
    same_name = [item for item in ids if item.rpartition("/")[2] == wanted.rpartition("/")[2]]
    return same_name or difflib.get_close_matches(wanted, ids, n=3, cutoff=0.4)
