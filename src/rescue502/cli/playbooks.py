"""The commands that run a playbook."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import typer
from ansible_collections.rescue502.django.plugins.plugin_utils.report import report
from ansible_collections.rescue502.django.plugins.plugin_utils.text.host_text import file_name
from rich.text import Text

from rescue502 import offline
from rescue502.cli.application import EPILOG, app, as_text, err, fail, out
from rescue502.cli.options import (
    Approve,
    AskBecome,
    Extra,
    Failures,
    Inventory,
    Json,
    Limit,
    NoBecome,
    Reports,
    Verbose,
    known_modes,
    own_failures,
    own_settings,
    variables,
    without_root,
)
from rescue502.live import View
from rescue502.run import OK, WRONG_USE, Finished, Request, RunError, outcome_code, run


def start(
    playbook: str,
    inventory: list[str] | None,
    limit: str,
    extra: list[str] | None,
    reports: Path,
    as_json: bool,
    verbose: int,
    ask_become: bool,
    settings: dict[str, Any] | None = None,
    check: bool = False,
) -> Finished:
    """Run a playbook with the live view, and print what it found."""
    password = typer.prompt("BECOME password", hide_input=True, err=True) if ask_become else None
    request = Request(
        playbook=playbook,
        inventory=tuple(inventory or ()),
        limit=limit,
        check=check,
        ask_become_pass=password,
        variables=variables(extra) | (settings or {}),
        reports=reports,
        verbosity=max(0, verbose - 1),
    )
    try:
        with View(err, verbose > 0) as view:
            finished = run(request, view.watch)
    except RunError as error:
        raise fail(str(error)) from error
    if as_json:
        print(as_text(finished.incidents))
    else:
        show(finished)
    return finished


def show(finished: Finished) -> None:
    """The incidents as text; where a playbook writes none, what Ansible complained of."""
    for incident in finished.incidents:
        written = [path for path in finished.folder.glob("*.html") if path.stem == file_name(str(incident["host"]))]
        page = written[0] if written else finished.folder
        out.print(Text(report.render_text(incident, str(page))))
    if not finished.incidents and finished.complaint:
        err.print(Text(finished.complaint))


@app.command(epilog=EPILOG)
def diagnose(
    inventory: Inventory = None,
    limit: Limit = "",
    full: Annotated[bool, typer.Option(help="Look at everything, even where the edge is well.")] = False,
    evidence: Annotated[
        Path | None, typer.Option(help="Diagnose a saved incident, evidence file or bundle, offline.")
    ] = None,
    approve: Approve = None,
    failures: Failures = None,
    extra: Extra = None,
    reports: Reports = Path("reports"),
    as_json: Json = False,
    verbose: Verbose = 0,
    ask_become_pass: AskBecome = False,
    no_become: NoBecome = False,
) -> None:
    """Name the cause and print the plan. Reads only.

    Example: rescue502 diagnose -i api.example.com, -e rescue502_unit=shop.service
    """
    own = own_failures(failures, extra)
    settings = own_settings(own, approve)
    if evidence:
        raise typer.Exit(diagnose_file(evidence, own, approve, as_json))
    settings |= ({"rescue502_level": "full"} if full else {}) | without_root(no_become)
    finished = start("diagnose", inventory, limit, extra, reports, as_json, verbose, ask_become_pass, settings)
    raise typer.Exit(finished.exit_code())


def diagnose_file(path: Path, own: list[str], approve: list[str] | None, as_json: bool) -> int:
    """Print the findings of a saved file; the exit code that a diagnosis of its host would have had."""
    try:
        recorded = offline.read(path)
    except offline.EvidenceError as error:
        raise fail(str(error)) from error
    incident = offline.diagnose(recorded, known_modes(own), approve or ())
    if as_json:
        print(as_text(incident))
    else:
        out.print(Text(report.render_text(incident)))
    return outcome_code(incident)


@app.command(epilog=EPILOG)
def recover(
    inventory: Inventory = None,
    limit: Limit = "",
    check: Annotated[bool, typer.Option("--check", help="Change nothing; print the plan.")] = False,
    approve: Approve = None,
    failures: Failures = None,
    extra: Extra = None,
    reports: Reports = Path("reports"),
    as_json: Json = False,
    verbose: Verbose = 0,
    ask_become_pass: AskBecome = False,
) -> None:
    """Repair the true cause, from the ground up, until the site answers and keeps answering.

    Example: rescue502 recover -i inventory/xamila --approve code/syntax-error
    """
    settings = own_settings(own_failures(failures, extra), approve)
    finished = start("recover", inventory, limit, extra, reports, as_json, verbose, ask_become_pass, settings, check)
    raise typer.Exit(finished.exit_code())


@app.command(epilog=EPILOG)
def verify(
    inventory: Inventory = None,
    limit: Limit = "",
    failures: Failures = None,
    extra: Extra = None,
    reports: Reports = Path("reports"),
    as_json: Json = False,
    verbose: Verbose = 0,
    ask_become_pass: AskBecome = False,
    no_become: NoBecome = False,
) -> None:
    """Prove that the site answers and keeps answering, CORS included. Reads only.

    Example: rescue502 verify -i inventory/xamila
    """
    settings = own_settings(own_failures(failures, extra), None) | without_root(no_become)
    finished = start("verify", inventory, limit, extra, reports, as_json, verbose, ask_become_pass, settings)
    raise typer.Exit(finished.exit_code())


@app.command(epilog=EPILOG)
def redeploy(
    inventory: Inventory = None,
    limit: Limit = "",
    failures: Failures = None,
    extra: Extra = None,
    reports: Reports = Path("reports"),
    verbose: Verbose = 0,
    ask_become_pass: AskBecome = False,
) -> None:
    """Pull, check, migrate, collect static files, restart, verify; stops before it harms.

    Example: rescue502 redeploy -i inventory/xamila
    """
    settings = own_settings(own_failures(failures, extra), None)
    finished = start("redeploy", inventory, limit, extra, reports, False, verbose, ask_become_pass, settings)
    raise typer.Exit(finished.exit_code())


@app.command(epilog=EPILOG)
def bundle(
    inventory: Inventory = None,
    limit: Limit = "",
    extra: Extra = None,
    reports: Reports = Path("reports"),
    verbose: Verbose = 0,
    ask_become_pass: AskBecome = False,
) -> None:
    """Fetch what an expert will ask for, secrets masked, as one .tar.gz a host.

    Example: rescue502 bundle -i inventory/xamila
    """
    finished = start("bundle", inventory, limit, extra, reports, False, verbose, ask_become_pass)
    if finished.exit_code() == OK:
        out.print(Text(f"The bundles are in {reports}."))
    raise typer.Exit(finished.exit_code())


@app.command(epilog=EPILOG)
def undo(
    incident: Annotated[str, typer.Argument(help="The incident's id, as in its report.")],
    inventory: Inventory = None,
    limit: Limit = "",
    check: Annotated[bool, typer.Option("--check", help="Change nothing; say what would be taken back.")] = False,
    extra: Extra = None,
    reports: Reports = Path("reports"),
    as_json: Json = False,
    verbose: Verbose = 0,
    ask_become_pass: AskBecome = False,
) -> None:
    """Take back what an incident changed; say what cannot be, and what to do about it by hand.

    Example: rescue502 undo 20260131T120000Z-ab12cd -i inventory/xamila
    """
    settings = {"rescue502_undo": incident}
    finished = start("undo", inventory, limit, extra, reports, False, verbose, ask_become_pass, settings, check)
    if as_json:
        print(json.dumps(finished.returned, indent=1, ensure_ascii=False))
    else:
        out.print(Text("\n".join(line for host in finished.returned for line in host["report"])))
    unknown = bool(finished.returned) and not any(host["found"] for host in finished.returned)
    raise typer.Exit(WRONG_USE if unknown else finished.exit_code())
