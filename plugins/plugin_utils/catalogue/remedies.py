# Copyright: rescue502 maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The remedies: what each role says of itself in `roles/<role>/meta/argument_specs.yml`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from ansible_collections.rescue502.django.plugins.plugin_utils.catalogue.catalogue import own_path

COLLECTION = "rescue502.django"
RISK = "Risk: "
ROOT = "Root: "


@dataclass(frozen=True)
class Remedy:
    """A role: the state that it brings about, how, what running it risks, and what it needs root for."""

    name: str
    short: str
    does: str
    risk: str
    root: str


def roles_path() -> Path:
    """The folder of the collection's own roles."""
    return own_path().parent / "roles"


def load(folder: Path | None = None) -> dict[str, Remedy]:
    """All roles of a folder by name; ours where none is given."""
    specs = sorted((folder or roles_path()).glob("*/meta/argument_specs.yml"))
    return {remedy.name: remedy for remedy in (_load_role(path) for path in specs)}


def _load_role(path: Path) -> Remedy:
    spec: dict[str, Any] = yaml.safe_load(path.read_text(encoding="utf-8"))["argument_specs"]["main"]
    described = spec.get("description") or []
    lines = [described] if isinstance(described, str) else described
    return Remedy(
        name=path.parents[1].name,
        short=spec.get("short_description", ""),
        does=" ".join(line for line in lines if not line.startswith((RISK, ROOT))),
        risk=_line(lines, RISK),
        root=_line(lines, ROOT),
    )


def _line(lines: list[str], label: str) -> str:
    """What a description says after a label; empty where it says nothing."""
    return next((line.removeprefix(label) for line in lines if line.startswith(label)), "")


def role_name(remedy: str) -> str:
    """The role's full name: a remedy without dots is one of ours, one with dots is the user's own."""
    return remedy if "." in remedy else f"{COLLECTION}.{remedy}"
