"""Options that several commands share, and what they come to."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Annotated, Any

import typer
import yaml
from ansible_collections.rescue502.django.plugins.plugin_utils.catalogue import catalogue
from ansible_collections.rescue502.django.plugins.plugin_utils.diagnosis import approvals

from rescue502.cli.application import fail

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
    """The variables for the user's own failure modes and approvals. A typing error in one ends here."""
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
    """The arguments that keep Ansible from becoming root, whatever the play and the inventory say."""
    return {"ansible_become": False} if wanted else {}
