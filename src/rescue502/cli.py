"""The command line of rescue502."""

from __future__ import annotations

import json
import os
import sys
import webbrowser
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import typer
import yaml
from ansible_collections.rescue502.django.plugins.plugin_utils import approvals, catalogue, report
from ansible_collections.rescue502.django.plugins.plugin_utils.text import DEPTH, clean_tree, file_name
from rich.console import Console
from rich.text import Text

from rescue502 import __version__, offline
from rescue502 import demo as demonstration
from rescue502 import explain as explaining
from rescue502 import sudoers as sudo
from rescue502.live import View
from rescue502.run import OK, WRONG_USE, Finished, Request, RunError, load_incidents, outcome_code, run
from rescue502.sudoers import Wanted

EPILOG = (
    "Exit codes: 0 well, 1 wrong use, 2 still broken, 3 waits for approval, 4 unreachable, 5 locked by another run."
)
app = typer.Typer(
    help="Find the true cause of a 502 in front of Django, mend only that, and prove that the site answers again.",
    epilog=EPILOG,
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)
out = Console(highlight=False, soft_wrap=True)
err = Console(stderr=True, highlight=False, soft_wrap=True)

# The variable of the same name in lower case; folders in the environment's are separated as those of PATH.
OWN_FAILURES = "rescue502_failures_path"

Inventory = Annotated[
    list[str] | None, typer.Option("--inventory", "-i", help="Inventory file or folder, or `host,` (as in Ansible).")
]
Limit = Annotated[str, typer.Option("--limit", "-l", help="Only these hosts of the inventory.")]
Extra = Annotated[list[str] | None, typer.Option("--extra-vars", "-e", help="A variable, as name=value or JSON.")]
Reports = Annotated[Path, typer.Option(help="Folder for the incident reports.")]
Json = Annotated[bool, typer.Option("--json", help="Print the incidents as JSON, and nothing else.")]
Verbose = Annotated[int, typer.Option("--verbose", "-v", count=True, help="Show what Ansible prints; -vv for more.")]
Approve = Annotated[
    list[str] | None,
    typer.Option(help="Approve a failure mode or remedy for this run; `id@host` on one host of several."),
]
Failures = Annotated[
    list[Path] | None,
    typer.Option(envvar=OWN_FAILURES.upper(), help="Folder of your own failure modes; may be given again."),
]
NoBecome = Annotated[
    bool,
    typer.Option("--no-become", help="Look as the account that logs in, without root; says what it could not read."),
]
AskBecome = Annotated[bool, typer.Option("--ask-become-pass", "-K", help="Ask for the sudo password.")]


def fail(message: str) -> typer.Exit:
    """Say what went wrong, for people; the caller raises what this returns."""
    err.print(Text(f"rescue502: {message}", style="red"))
    return typer.Exit(WRONG_USE)


def variables(extra: list[str] | None) -> dict[str, Any]:
    """-e options as a dict; a value is read as YAML, as in an inventory."""
    found: dict[str, Any] = {}
    for text in extra or []:
        if text.lstrip().startswith("{"):
            try:
                found.update(json.loads(text))
            except ValueError as error:
                raise fail(f"-e {text}: not valid JSON: {error}") from error
            continue
        name, equals, value = text.partition("=")
        if not equals:
            raise fail(f"-e {text}: write it as name=value")
        found[name] = yaml.safe_load(value)
    return found


def own_failures(failures: list[Path] | None, extra: list[str] | None) -> list[str]:
    """Folders of the user's own failure modes, from where the user is: --failures, else -e rescue502_failures_path."""
    given = failures or variables(extra).get(OWN_FAILURES) or []
    folders = given if isinstance(given, list) else [given]
    return [os.path.abspath(os.path.expanduser(str(folder))) for folder in folders]


def known_modes(own: list[str]) -> catalogue.Catalogue:
    """Our failure modes and the user's own; a file that breaks the schema ends the command."""
    try:
        return catalogue.load([catalogue.own_path(), *own])
    except catalogue.CatalogueError as error:
        raise fail(str(error)) from error


def own_settings(own: list[str], approve: list[str] | None) -> dict[str, Any]:
    """What a play has to know of the user's own failure modes and approvals. A typing error in one ends here."""
    known = known_modes(own).approvable()
    unknown = [approval.name for approval in approvals.parse(approve) if approval.name not in known]
    if unknown:
        hint = "" if own else ". One of your own is known with --failures"
        raise fail(
            f"--approve {unknown[0]}: nothing of that name waits for approval. Known: {', '.join(sorted(known))}{hint}"
        )
    settings = {"rescue502_approve": approve, OWN_FAILURES: own}
    return {name: value for name, value in settings.items() if value}


def without_root(wanted: bool) -> dict[str, Any]:
    """What keeps Ansible from becoming root, whatever the play and the inventory say."""
    return {"ansible_become": False} if wanted else {}


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


def as_text(incidents: Any) -> str:
    """Incidents as JSON, without what a terminal would obey: a file may come from anywhere."""
    return json.dumps(clean_tree(incidents, depth=DEPTH + 2), indent=1, ensure_ascii=False)


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
    """Mend the true cause, from the ground up, until the site answers and keeps answering.

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
    incident: Annotated[str, typer.Argument(help="The incident's id, as its report tells it.")],
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
        print(json.dumps(finished.undone, indent=1, ensure_ascii=False))
    else:
        out.print(Text("\n".join(line for host in finished.undone for line in host["told"])))
    unknown = bool(finished.undone) and not any(host["found"] for host in finished.undone)
    raise typer.Exit(WRONG_USE if unknown else finished.exit_code())


@app.command("report")
def show_report(
    which: Annotated[str, typer.Argument(help="An incident's id, or a file; the newest unless given.")] = "",
    form: Annotated[str, typer.Option("--format", help="text, html, markdown or json.")] = "text",
    output: Annotated[Path | None, typer.Option(help="Write it there instead of printing it.")] = None,
    browse: Annotated[bool, typer.Option("--open", help="Open the page in a browser.")] = False,
    reports: Reports = Path("reports"),
) -> None:
    """Show what a run found and did.

    Example: rescue502 report --format markdown
    """
    folder = newest(reports) if not which else reports / which
    incidents = load_incidents(folder) if folder and folder.is_dir() else []
    if which and Path(which).is_file():
        incidents = [json.loads(Path(which).read_text(encoding="utf-8"))]
    if not incidents:
        raise fail(f"no incident was found in {folder or reports}: run `rescue502 diagnose` first, or give --reports")
    renderers: dict[str, Callable[[dict[str, Any]], str]] = {
        "text": report.render_text,
        "html": report.render_html,
        "markdown": report.render_markdown,
        "json": as_text,
    }
    if form not in renderers:
        raise fail(f"--format {form}: choose text, html, markdown or json")
    text = "\n".join(renderers[form](incident) for incident in incidents)
    if output:
        output.write_text(text + "\n", encoding="utf-8")
    elif not browse:
        print(text)
    if browse and folder:
        for page in folder.glob("*.html"):
            webbrowser.open(page.resolve().as_uri())


def newest(reports: Path) -> Path | None:
    """The folder of the newest incident: their names sort by time."""
    folders = [path for path in reports.glob("*Z-*") if path.is_dir()] if reports.is_dir() else []
    return max(folders, default=None)


@app.command()
def explain(
    failure_mode: Annotated[str, typer.Argument(help="Such as database/stopped; all of them unless given.")] = "",
    failures: Failures = None,
) -> None:
    """Say what a failure mode is, how it is recognised, what mends it and what that risks.

    Example: rescue502 explain database/stopped
    """
    known = known_modes(own_failures(failures, None))
    if not failure_mode:
        explaining.listing(out, known)
        return
    if failure_mode not in known.modes:
        near = explaining.nearest(known, failure_mode)
        raise fail(f"no failure mode {failure_mode}" + (f"; did you mean {', '.join(near)}?" if near else ""))
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
            "by-hand": lambda: sudo.for_hands(wanted, unit, database_unit),
            "diagnose": lambda: sudo.for_looking(user),
        }
        if purpose not in texts:
            raise fail(f"--for {purpose}: choose {', '.join(texts)}")
        if purpose == "by-hand" and not unit:
            raise fail("--for by-hand: name the app's unit with --unit")
        print(texts[purpose](), end="")
    except sudo.SudoersError as error:
        raise fail(str(error)) from error


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
    approve = [name for name in fault or [] if known[name].risk == "ask"]
    settings = {"rescue502_approve": approve} if approve else {}

    def recover_host(inventory: Path) -> int:
        finished = start("recover", [str(inventory)], "", None, reports, False, 0, False, settings)
        return finished.exit_code()

    try:
        raise typer.Exit(demonstration.demo(out, fault or (), keep, recover_host))
    except RunError as error:
        raise fail(str(error)) from error


def version(wanted: bool) -> None:
    """Print the version and end."""
    if wanted:
        print(f"rescue502 {__version__}")
        raise typer.Exit


@app.callback()
def options(
    _version: Annotated[bool, typer.Option("--version", callback=version, is_eager=True, help="Show it.")] = False,
) -> None:
    """Find the true cause of a 502 in front of Django, mend only that, and prove that the site answers again."""


def main() -> None:
    """Start; a broken catalogue is the user's to mend, so it is told in one line."""
    try:
        app()
    except catalogue.CatalogueError as error:
        err.print(Text(f"rescue502: {error}", style="red"))
        sys.exit(WRONG_USE)
    except KeyboardInterrupt:
        sys.exit(130)


if __name__ == "__main__":
    main()
