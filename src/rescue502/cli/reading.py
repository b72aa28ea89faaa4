"""The commands that print something and change nothing."""

from __future__ import annotations

import json
import webbrowser
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

import typer
from ansible_collections.rescue502.django.plugins.plugin_utils.catalogue import catalogue
from ansible_collections.rescue502.django.plugins.plugin_utils.report import report

from rescue502 import explain as explaining
from rescue502 import sudoers as sudo
from rescue502.cli.application import app, as_text, fail, out
from rescue502.cli.options import AskBecome, Extra, Failures, Inventory, Reports, Verbose, known_modes, own_failures
from rescue502.cli.playbooks import start
from rescue502.run import load_incidents
from rescue502.sudoers import Wanted

RENDERERS: dict[str, Callable[[Mapping[str, Any]], str]] = {
    "text": report.render_text,
    "html": report.render_html,
    "markdown": report.render_markdown,
    "json": as_text,
}


@app.command("report")
def show_report(
    which: Annotated[str, typer.Argument(help="An incident's id, or a file; the newest unless given.")] = "",
    form: Annotated[str, typer.Option("--format", help="text, html, markdown or json.")] = "text",
    output: Annotated[Path | None, typer.Option(help="Write it there instead of printing it.")] = None,
    browse: Annotated[bool, typer.Option("--open", help="Open the page in a browser.")] = False,
    reports: Reports = Path("reports"),
    source: Annotated[str, typer.Option("--from", help="Fetch it from this host of the inventory first.")] = "",
    inventory: Inventory = None,
    extra: Extra = None,
    verbose: Verbose = 0,
    ask_become_pass: AskBecome = False,
) -> None:
    """Show what a run found and did; with --from, one that was steered from elsewhere.

    Example: rescue502 report --format markdown
    """
    if form not in RENDERERS:
        raise fail(f"--format {form}: choose {', '.join(RENDERERS)}")
    if source:
        wanted = {"rescue502_report_of": which}
        finished = start("reports", inventory, source, extra, reports, False, verbose, ask_become_pass, wanted)
        if not finished.returned:
            raise typer.Exit(finished.exit_code())
        which = Path(finished.returned[0]["path"]).parent.name
    folder = newest(reports) if not which else reports / which
    incidents: Sequence[Mapping[str, Any]] = load_incidents(folder) if folder and folder.is_dir() else []
    if which and Path(which).is_file():
        incidents = [read(Path(which))]
    if not incidents:
        raise fail(f"no incident was found in {folder or reports}: run `rescue502 diagnose` first, or give --reports")
    try:
        text = "\n".join(RENDERERS[form](incident) for incident in incidents)
    except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as error:
        # A file may come from anywhere.
        raise fail(f"{which or folder} is not a valid incident record: {type(error).__name__}: {error}") from error
    if output:
        output.write_text(text + "\n", encoding="utf-8")
    elif not browse:
        print(text)
    if browse and folder:
        for page in folder.glob("*.html"):
            webbrowser.open(page.resolve().as_uri())


def read(path: Path) -> dict[str, Any]:
    """An incident's record, from a file."""
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise fail(f"{path} cannot be read: {error}") from error
    if not isinstance(found, dict):
        raise fail(f"{path} is not a valid incident record")
    return found


def newest(reports: Path) -> Path | None:
    """The folder of the newest incident: their names sort by time."""
    folders = [path for path in reports.glob("*Z-*") if path.is_dir()] if reports.is_dir() else []
    return max(folders, default=None)


@app.command()
def explain(
    failure_mode: Annotated[str, typer.Argument(help="Such as database/stopped; all of them unless given.")] = "",
    failures: Failures = None,
) -> None:
    """Say what a failure mode is, how it is recognised, what repairs it and what that risks.

    Example: rescue502 explain database/stopped
    """
    known = known_modes(own_failures(failures, None))
    if not failure_mode:
        explaining.listing(out, known)
        return
    if failure_mode not in known.modes:
        near = explaining.nearest(known, failure_mode)
        raise fail(f"no failure mode {failure_mode}" + (f"; did you mean {', '.join(near)}?" if near else ""))
    # Our own files are read without a look at each sentence, for speed: of the one that is asked for all is said.
    catalogue.load_file(Path(known.modes[failure_mode].source))
    explaining.explain(out, known.modes[failure_mode], known)


@app.command()
def sudoers(
    user: Annotated[str, typer.Option(help="The account that logs in.")],
    purpose: Annotated[str, typer.Option("--for", help="recover, by-hand or diagnose.")] = "recover",
    unit: Annotated[str, typer.Option(help="The app's unit, for commands by hand.")] = "",
    database_unit: Annotated[str, typer.Option(help="PostgreSQL's unit, where it is on the host.")] = "",
    host: Annotated[list[str] | None, typer.Option(help="A host that the rule holds on; may be given again.")] = None,
    nopasswd: Annotated[bool, typer.Option("--nopasswd", help="Let sudo ask for no password.")] = False,
) -> None:
    """Print a sudoers file for an account of its own, and say what it gives away. Changes nothing.

    Example: rescue502 sudoers --user deploy --nopasswd > rescue502.sudoers
    """
    try:
        wanted = Wanted(user, tuple(host or ()), not nopasswd)
        texts = {
            "recover": lambda: sudo.for_recovery(wanted),
            "by-hand": lambda: sudo.for_repair_by_hand(wanted, unit, database_unit),
            "diagnose": lambda: sudo.for_looking(user),
        }
        if purpose not in texts:
            raise fail(f"--for {purpose}: choose {', '.join(texts)}")
        if purpose == "by-hand" and not unit:
            raise fail("--for by-hand: name the app's unit with --unit")
        print(texts[purpose](), end="")
    except sudo.SudoersError as error:
        raise fail(str(error)) from error
