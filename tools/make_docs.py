"""Write the pages in docs/ that are made from the catalogue, the roles and the evidence's schema.

No fact stands in two places.
"""

from __future__ import annotations

from pathlib import Path

from ansible_collections.rescue502.django.plugins.plugin_utils.catalogue import evidence_schema, remedies
from ansible_collections.rescue502.django.plugins.plugin_utils.catalogue.catalogue import (
    LAYERS,
    Catalogue,
    FailureMode,
    load,
)
from ansible_collections.rescue502.django.plugins.plugin_utils.report.explanation import markdown

ROOT = Path(__file__).parents[1]

DOCS = ROOT / "docs"
INDEX = "failure-modes.md"
FOLDER = "failure-modes"
PRIVILEGES = "privileges.md"
EVIDENCE = "evidence.md"
HEAD = """# Failure modes

Made by `make docs` from [failures/](../failures); `rescue502 explain <id>` prints the same pages. Risk: *safe* is
repaired unasked where the site is down, *ask* where approved by name, *never* is explained for a person. Each is proved
on a real host by `tests/hosts/test_failure_modes.py`. [Your own](own-failure-modes.md) can be added, and can take the
place of these.

The layers stand from the ground up: what is found lower down explains what is found above it.
"""
PRIVILEGES_HEAD = """# Privileges

Made by `make docs` from the roles' `meta/remedy.yml`.

**To look, no root is needed.** `rescue502 diagnose --no-become` (or `ansible_become: false`) looks as the account
that logs in. What that account may not read is listed in the report and is *unknown*: no cause is named, and none is
ruled out, because something could not be read. A finding that such a cause might explain is reported, and not called
the cause. The groups `systemd-journal` and `adm` let it read more: the logs of the app, of nginx, of PostgreSQL and
of the kernel. The rehearsal, which finds most causes in the app's code and variables, runs as the app's own user or
not at all.

**To repair, root is needed**, for what the table says. Ansible becomes root through sudo by starting a shell whose
Python gets each task on its standard input: a rule that lets it do so lets it do anything, and cannot be narrowed to a
module or a role. `rescue502 sudoers --user deploy` prints the narrowest rule that works, for an account of its own, and
says that. To grant less, repair by hand, with the commands of the report:
`rescue502 sudoers --user deploy --for by-hand --unit shop` allows the usual ones, word by word.

| remedy | needs root for | used for |
| --- | --- | --- |
"""
EVIDENCE_HEAD = """# The evidence

Made by `make docs` from [its schema](../plugins/plugin_utils/catalogue/evidence). What the probe
finds on a host, as `rescue502 diagnose --json` prints it and as conditions of [failure modes](own-failure-modes.md) see
it. It holds no secret: those are masked before it leaves the host.

It is written in stages. *Quick* facts are collected at each look; where they show anything, *deep* ones are too, and
then what Django's *settings* change of them; the controller adds what is *derived*.

- `name[]` is each element of a list, and `*` any key.
- A fact that "may be missing" is there only where it applies. Every other one is there wherever its section is, unless
  `probe.unread` lists it. A condition on a fact that is not there does not hold.
- A section whose collector ended early is not there either.
- *text* from a host is data: it is never a template, and never run.
"""
EVIDENCE_TABLE = "| fact | type | meaning |\n| --- | --- | --- |\n"
TABLE = "| failure mode | what it is | the edge shows | risk | remedy |\n| --- | --- | --- | --- | --- |\n"


def pages() -> dict[str, str]:
    """All pages as they should be, by their path below docs/."""
    known, roles = load(), remedies.load()
    written = {INDEX: index(known), PRIVILEGES: privileges(known, roles), EVIDENCE: evidence(evidence_schema.load())}
    for mode in known.modes.values():
        text = markdown(mode, known, roles, link=_link, role_link=_role_link)
        written[f"{FOLDER}/{mode.id}.md"] = f"{text}\n[All failure modes](../../{INDEX})\n"
    return written


def index(known: Catalogue) -> str:
    """The failure modes by layer, a line each."""
    parts = [HEAD]
    for layer in LAYERS:
        rows = [_row(mode) for mode in known.modes.values() if mode.layer == layer]
        if rows:
            parts.append(f"## {layer}\n\n{TABLE}" + "".join(rows))
    return "\n".join(parts)


def privileges(known: Catalogue, roles: dict[str, remedies.Remedy]) -> str:
    """The table of what each remedy needs root for, and of the failure modes it is used for."""
    rows = []
    for remedy in roles.values():
        users = [mode.id for mode in known.modes.values() if remedy.name in (mode.remedy, *mode.then)]
        links = ", ".join(f"[{mode}]({FOLDER}/{mode}.md)" for mode in users) or "by itself only"
        rows.append(f"| [{remedy.name}](../roles/{remedy.name}/README.md) | {remedy.root} | {links} |\n")
    return PRIVILEGES_HEAD + "".join(rows)


def evidence(schema: evidence_schema.Schema) -> str:
    """The sections of the evidence, a table for each stage, and the records that several of them share."""
    parts = [EVIDENCE_HEAD]
    for section in schema.sections.values():
        only = f" Only {section.only}." if section.only else ""
        parts.append(f"## {section.name}\n\n{section.means}{only}\n")
        for stage, rows in section.rows.items():
            title = f"{stage.capitalize()}, by {section.by[stage]}:\n\n"
            parts.append(title + _facts(rows, f"{section.name}.", schema))
    parts.append("## Records that several facts share\n")
    for name, (means, rows) in schema.types.items():
        parts.append(f"### {name}\n\n{means}\n\n{_facts(rows, '', schema)}")
    return "\n".join(parts)


def _facts(rows: list[evidence_schema.Row], before: str, schema: evidence_schema.Schema) -> str:
    lines = []
    for row in rows:
        kind = " ".join(f"[{word}](#{word})" if word in schema.types else word for word in row.type.rstrip("?").split())
        some = ", whose facts may be missing" if row.type.endswith("?") else ""
        missing = ", may be missing" if "?" in row.path else ""
        lines.append(f"| `{before}{row.path.replace('?', '')}` | {kind}{some}{missing} | {row.means} |\n")
    return EVIDENCE_TABLE + "".join(lines)


def _row(mode: FailureMode) -> str:
    remedy = ", then ".join(filter(None, (mode.remedy, *mode.then))) or "-"
    note = " (a symptom, never a cause)" if mode.symptom else ""
    risk = f"{mode.risk}, or safe" if mode.safe_when else mode.risk
    link = f"[{mode.id.partition('/')[2]}]({FOLDER}/{mode.id}.md)"
    return f"| {link} | {mode.title}{note} | {mode.edge} | {risk} | {remedy} |\n"


def _link(name: str) -> str:
    """From one page to another."""
    return f"[{name}](../{name}.md)"


def _role_link(name: str) -> str:
    return f"[{name}](../../../roles/{name}/README.md)"


def stale() -> list[str]:
    """Pages that are missing, left over, or not what they should be, by their path below docs/."""
    wanted = pages()
    there = {INDEX, PRIVILEGES, EVIDENCE, *(str(path.relative_to(DOCS)) for path in (DOCS / FOLDER).rglob("*.md"))}
    return sorted(name for name in wanted.keys() | there if wanted.get(name) != _read(name))


def _read(name: str) -> str | None:
    path = DOCS / name
    return path.read_text(encoding="utf-8") if path.is_file() else None


def main() -> None:
    """Write what is stale, and remove what is left over."""
    wanted = pages()
    for name in stale():
        path = DOCS / name
        if name in wanted:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(wanted[name], encoding="utf-8")
        else:
            path.unlink()


if __name__ == "__main__":
    main()
