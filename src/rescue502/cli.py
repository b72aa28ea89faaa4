"""The command line of rescue502."""

from __future__ import annotations

import json
import sys
import webbrowser
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import typer
import yaml
from ansible_collections.rescue502.django.plugins.plugin_utils import catalogue, diagnosis, plan, report
from ansible_collections.rescue502.django.plugins.plugin_utils.checklist import checklist
from ansible_collections.rescue502.django.plugins.plugin_utils.text import file_name
from rich.console import Console
from rich.text import Text

from rescue502 import __version__
from rescue502 import demo as demonstration
from rescue502 import explain as explaining
from rescue502.live import View
from rescue502.run import OK, WRONG_USE, Finished, Request, RunError, load_incidents, run

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

Inventory = Annotated[
    list[str] | None, typer.Option("--inventory", "-i", help="Inventory file or folder, or `host,` (as in Ansible).")
]
Limit = Annotated[str, typer.Option("--limit", "-l", help="Only these hosts of the inventory.")]
Extra = Annotated[list[str] | None, typer.Option("--extra-vars", "-e", help="A variable, as name=value or JSON.")]
Reports = Annotated[Path, typer.Option(help="Folder for the incident reports.")]
Json = Annotated[bool, typer.Option("--json", help="Print the incidents as JSON, and nothing else.")]
Verbose = Annotated[int, typer.Option("--verbose", "-v", count=True, help="Show what Ansible prints; -vv for more.")]
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
            found.update(json.loads(text))
            continue
        name, equals, value = text.partition("=")
        if not equals:
            raise fail(f"-e {text}: write it as name=value")
        found[name] = yaml.safe_load(value)
    return found


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
        print(json.dumps(finished.incidents, indent=1, ensure_ascii=False))
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
    evidence: Annotated[Path | None, typer.Option(help="Diagnose a saved incident or evidence file, offline.")] = None,
    extra: Extra = None,
    reports: Reports = Path("reports"),
    as_json: Json = False,
    verbose: Verbose = 0,
    ask_become_pass: AskBecome = False,
) -> None:
    """Name the cause and print the plan. Reads only.

    Example: rescue502 diagnose -i api.example.com, -e rescue502_unit=shop.service
    """
    if evidence:
        raise typer.Exit(offline(evidence, as_json))
    settings = {"rescue502_level": "full"} if full else {}
    finished = start("diagnose", inventory, limit, extra, reports, as_json, verbose, ask_become_pass, settings)
    raise typer.Exit(finished.exit_code())


def offline(path: Path, as_json: bool) -> int:
    """Findings from a file: an incident, or the evidence alone."""
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise fail(f"{path}: {error}") from error
    facts = data.get("evidence", data) if isinstance(data, dict) else {}
    found = diagnosis.diagnose(facts, catalogue.load())
    todo = plan.make(found)
    causes = [finding.public() for finding in found.root_causes]
    well = bool((found.evidence.get("edge") or {}).get("well"))
    incident: dict[str, Any] = {
        "host": str(data.get("host", path.name)) if isinstance(data, dict) else path.name,
        "outcome": "healthy" if well and not causes else "planned",
        "message": f"read from {path}",
        "edge": {"before": None, "after": {"well": well, "summary": "as recorded"}, "checks": []},
        "checklist": checklist(found.evidence),
        "root_causes": causes,
        "findings": [finding.public() for finding in found.findings],
        "plan": [action.public() for action in todo.actions],
        "held_back": todo.held_back,
        "awaiting": todo.awaiting,
    }
    if as_json:
        print(json.dumps(incident, indent=1, ensure_ascii=False))
    else:
        out.print(Text(report.render_text(incident)))
    return OK if well else 2


@app.command(epilog=EPILOG)
def recover(
    inventory: Inventory = None,
    limit: Limit = "",
    check: Annotated[bool, typer.Option("--check", help="Change nothing; print the plan.")] = False,
    approve: Annotated[list[str] | None, typer.Option(help="Approve a failure mode or remedy for this run.")] = None,
    extra: Extra = None,
    reports: Reports = Path("reports"),
    as_json: Json = False,
    verbose: Verbose = 0,
    ask_become_pass: AskBecome = False,
) -> None:
    """Mend the true cause, from the ground up, until the site answers and keeps answering.

    Example: rescue502 recover -i inventory/xamila --approve code/syntax-error
    """
    known = catalogue.load().approvable()
    unknown = [name for name in approve or [] if name not in known]
    # With the user's own failure modes only the playbook knows all names; without, a typing error ends here.
    if unknown and "rescue502_failures_path" not in " ".join(extra or []):
        raise fail(
            f"--approve {unknown[0]}: nothing of that name waits for approval. Known: {', '.join(sorted(known))}"
        )
    settings = {"rescue502_approve": approve} if approve else {}
    finished = start("recover", inventory, limit, extra, reports, as_json, verbose, ask_become_pass, settings, check)
    raise typer.Exit(finished.exit_code())


@app.command(epilog=EPILOG)
def verify(
    inventory: Inventory = None,
    limit: Limit = "",
    extra: Extra = None,
    reports: Reports = Path("reports"),
    as_json: Json = False,
    verbose: Verbose = 0,
    ask_become_pass: AskBecome = False,
) -> None:
    """Prove that the site answers and keeps answering, CORS included. Reads only.

    Example: rescue502 verify -i inventory/xamila
    """
    finished = start("verify", inventory, limit, extra, reports, as_json, verbose, ask_become_pass)
    raise typer.Exit(finished.exit_code())


@app.command(epilog=EPILOG)
def redeploy(
    inventory: Inventory = None,
    limit: Limit = "",
    extra: Extra = None,
    reports: Reports = Path("reports"),
    verbose: Verbose = 0,
    ask_become_pass: AskBecome = False,
) -> None:
    """Pull, check, migrate, collect static files, restart, verify; stops before it harms.

    Example: rescue502 redeploy -i inventory/xamila
    """
    finished = start("redeploy", inventory, limit, extra, reports, False, verbose, ask_become_pass)
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
        "json": lambda incident: json.dumps(incident, indent=1, ensure_ascii=False),
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
) -> None:
    """Say what a failure mode is, how it is recognised, and what mends it.

    Example: rescue502 explain database/stopped
    """
    known = catalogue.load()
    if not failure_mode:
        explaining.listing(out, known)
        return
    if failure_mode not in known.modes:
        near = explaining.nearest(known, failure_mode)
        raise fail(f"no failure mode {failure_mode}" + (f"; did you mean {', '.join(near)}?" if near else ""))
    explaining.explain(out, known.modes[failure_mode])


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
