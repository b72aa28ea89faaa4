"""The demonstration: boot a real host, break it, show the 502, recover, show the 200. Runs from a checkout only."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import yaml
from rich.console import Console
from rich.text import Text

from rescue502.run import RunError, collection_root

HOST = "demo"
DEFAULT_FAULTS = ("database/stopped", "dependencies/missing")
PATHS = ("/health/", "/api/sgis/")
Recover = Callable[[Path], int]


def load_lab() -> Any:
    """The lab's package, which a checkout has and a wheel has not."""
    if not (collection_root() / "lab").is_dir():
        raise RunError("the demonstration needs a checkout: its lab is not part of the installed package")
    import lab

    return lab


def shape_for(faults: list[str]) -> str:
    """The first shape of lab hosts on which all of these make sense. RunError where there is none."""
    load_lab()
    from ansible_collections.rescue502.django.plugins.plugin_utils.catalogue import catalogue

    from lab import matrix

    modes = catalogue.load().modes
    found = matrix.suitable_for_all([modes[fault] for fault in faults])
    if not found:
        raise RunError(f"no lab host has what {' and '.join(faults)} need together: show them one by one")
    return found[0]


def demo(console: Console, faults: Iterable[str], keep: bool, recover: Recover) -> int:
    """Show it all on a fresh host. recover: runs the recovery with the inventory given and returns its exit code."""
    lab = load_lab()
    from lab.podman import LabError, setup

    wanted = list(faults) or list(DEFAULT_FAULTS)
    shape = shape_for(wanted)
    try:
        setup()
        _say(console, "1. A real host boots: systemd, nginx, gunicorn, Django, PostgreSQL")
        host = lab.Host(HOST, shape).up()
        try:
            return _show(console, host, wanted, recover)
        finally:
            if keep:
                console.print(f"The host is still up. To remove it: .venv/bin/python -m lab down {HOST}")
            else:
                host.down()
    except LabError as error:
        raise RunError(str(error)) from error


def _show(console: Console, host: Any, faults: list[str], recover: Recover) -> int:
    _answers(console, host)
    _say(console, f"2. It is broken: {', '.join(faults)}")
    for fault in faults:
        host.break_with(fault)
    _answers(console, host)
    _say(console, "3. rescue502 recover")
    with tempfile.TemporaryDirectory(prefix="rescue502-demo-") as folder:
        inventory = Path(folder) / "hosts.yml"
        inventory.write_text(yaml.safe_dump({"django": {"hosts": {HOST: host.inventory(full=True)}}}), encoding="utf-8")
        code = recover(inventory)
    _say(console, "4. What nginx answers now")
    _answers(console, host)
    return code


def _say(console: Console, text: str) -> None:
    console.print(Text(f"\n{text}", style="bold"))


def _answers(console: Console, host: Any) -> None:
    """The answer that the outside sees: status, and the CORS header that a browser looks for."""
    for path in PATHS:
        status, headers, body = host.ask(path)
        cors = headers.get("access-control-allow-origin", "none")
        what = f"{status}" if status else f"no answer ({body})"
        console.print(Text(f"   GET {path:<12} {what}   Access-Control-Allow-Origin: {cors}"))
