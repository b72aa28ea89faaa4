"""The live view: a line for each host while a run lasts. Text from hosts is cleaned before it is shown."""

from __future__ import annotations

import time
from typing import Any

from ansible_collections.rescue502.django.plugins.plugin_utils.text.host_text import clean
from rich.console import Console
from rich.live import Live
from rich.spinner import Spinner
from rich.table import Table
from rich.text import Text

NAME_LIMIT = 100
# What Ansible does before each role by itself; it says nothing to who waits for a site.
HOUSEKEEPING = "Validating arguments against arg spec"


class View:
    """Watches ansible-runner's events. On a terminal each host has one line that changes; elsewhere lines follow."""

    def __init__(self, console: Console, verbose: bool = False) -> None:
        """console: where to show it. verbose: pass on all that Ansible prints instead."""
        self._console = console
        self._verbose = verbose
        self._begun = time.monotonic()
        self._doing: dict[str, str] = {}
        self._spinner = Spinner("dots")
        self._live = Live(console=console, get_renderable=self._table, refresh_per_second=8, transient=True)

    def __enter__(self) -> View:
        if self._console.is_terminal and not self._verbose:
            self._live.start()
        return self

    def __exit__(self, *_error: object) -> None:
        if self._live.is_started:
            self._live.stop()

    def _table(self) -> Table:
        table = Table.grid(padding=(0, 1))
        for host, task in sorted(self._doing.items()):
            seconds = f"{time.monotonic() - self._begun:4.0f} s"
            table.add_row(self._spinner, Text(host, style="bold"), Text(seconds, style="dim"), Text(task))
        return table

    def watch(self, event: dict[str, Any]) -> None:
        """Take in one event; ansible-runner leaves event_data out of some."""
        if self._verbose:
            if event.get("stdout"):
                self._console.print(Text(clean(str(event["stdout"]), 20000)), highlight=False, soft_wrap=True)
            return
        data = event.get("event_data") or {}
        host = clean(str(data.get("host") or ""), NAME_LIMIT)
        if event.get("event") != "runner_on_start" or not host:
            return
        task = clean(str(data.get("task") or ""), NAME_LIMIT)
        if self._doing.get(host) == task or task.startswith(HOUSEKEEPING):
            return
        self._doing[host] = task
        if not self._live.is_started:
            line = f"{time.monotonic() - self._begun:5.1f} s  {host}: {task}"
            self._console.print(Text(line), highlight=False, soft_wrap=True)
