# Copyright: rescue502 maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The contract of the evidence: each fact's path, type, meaning and collector. Pure.

A section of the evidence is a table, `evidence/<section>.yml`: `stage: {path: "type | meaning"}`. A stage is
`quick` (collected at each look), `deep` (where the quick look found something), `settings` (once Django's settings are
known) or `derived` (by the controller). `types.yml` has the kinds of records that stand in several places.

In a path, `name[]` is each element of a list, `*` any key, and `name?` a fact that may be missing. A type is bool, int,
number, text, or records joined by `and`; `?` after a record says that all its facts may be missing.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from ansible_collections.rescue502.django.plugins.plugin_utils.catalogue import yaml_text

# In the order in which a person would ask.
SECTIONS = (
    "stack", "edge", "outside", "hold", "other_managers", "service", "app", "rehearsal", "shadow_start", "log",
    "database", "database_startup", "database_activity", "database_pooler", "environment", "files", "dependencies",
    "code", "changes", "trials", "proxy", "host", "probe",
)  # fmt: skip
STAGES = ("quick", "deep", "settings", "derived")
SCALARS: dict[str, tuple[type, ...]] = {"bool": (bool,), "int": (int,), "number": (int, float), "text": (str,)}
# A collector that ended early says so in place of its facts.
FAILED = "failed"
FOLDER = Path(__file__).parent / "evidence"
_TYPES = "types"


@dataclass
class Fact:
    """A fact, or what holds others: kind is bool, int, number, text, record, list or map."""

    kind: str = "record"
    nullable: bool = False
    optional: bool = False
    stage: str = ""
    # Of a record, by name.
    parts: dict[str, Fact] = field(default_factory=dict)
    # Of a list or a map: each element.
    each: Fact | None = None


@dataclass(frozen=True)
class Row:
    """A line of a table, as it stands there."""

    path: str
    type: str
    means: str


@dataclass(frozen=True)
class Section:
    """A section of the evidence. `by` names the collectors by stage; `only` says when it is there, empty for always."""

    name: str
    means: str
    only: str
    by: dict[str, str]
    rows: dict[str, list[Row]]
    fact: Fact

    def deepest(self) -> bool:
        """Whether the section is there only where the quick look found something."""
        return "quick" not in self.rows


@dataclass(frozen=True)
class Schema:
    """All sections by name, and the rows of the records that they share."""

    sections: dict[str, Section]
    types: dict[str, tuple[str, list[Row]]]

    def root(self) -> Fact:
        """The evidence itself, as a record of its sections."""
        return Fact(parts={name: section.fact for name, section in self.sections.items()})

    def digest(self, section: str) -> str:
        """Eight digits that change when what is always collected of a section changes, in name or type.

        What may be missing is left out, and what stands in lists: that is proved by the recordings which have it.
        """
        lines = sorted(" ".join(line) for line in _always(self.sections[section].fact, section))
        return hashlib.sha256("\n".join(lines).encode()).hexdigest()[:8]

    def problems(self, evidence: Mapping[str, Any]) -> list[str]:
        """Facts of the evidence that are not in the schema, or of another type, each in a line."""
        sections = {name: part for name, part in evidence.items() if not (isinstance(part, dict) and FAILED in part)}
        return list(_problems(self.root(), sections, ""))

    def missing(self, evidence: Mapping[str, Any]) -> list[str]:
        """Dotted names of facts that are always collected at such a look, and are neither there nor listed as unread.

        A section that is there only sometimes is not missed; nor are derived facts, nor what hangs on a unit where
        no unit runs the app.
        """
        deep, without_unit = "rehearsal" in evidence, "other_managers" in evidence
        unread = {name for item in evidence.get("probe", {}).get("unread", []) for name in item.get("facts", [])}
        found = []
        for name, section in self.sections.items():
            part = evidence.get(name)
            if part is None:
                expected = not section.only and "derived" not in section.by and (deep or not section.deepest())
                found += [name] if expected and not without_unit else []
            elif FAILED not in part:
                found += list(_missing(section.fact, part, name, deep))
        return [name for name in found if not any(f"{name}.".startswith(f"{fact}.") for fact in unread)]


@cache
def load() -> Schema:
    """Read the tables."""
    kinds = {name: (kind["means"], _rows(kind["facts"])) for name, kind in _table(_TYPES).items()}
    return Schema({name: _section(name, _table(name), kinds) for name in SECTIONS}, kinds)


def _table(name: str) -> dict[str, Any]:
    read: dict[str, Any] = yaml_text.load((FOLDER / f"{name}.yml").read_text(encoding="utf-8"))
    return read


def _rows(facts: Mapping[str, str]) -> list[Row]:
    return [Row(path, *(cell.strip() for cell in text.split("|", 1))) for path, text in facts.items()]


Kinds = Mapping[str, tuple[str, list[Row]]]


def _section(name: str, table: Mapping[str, Any], kinds: Kinds) -> Section:
    rows = {stage: _rows(table[stage]) for stage in STAGES if stage in table}
    whole = Fact()
    for stage, lines in rows.items():
        _add_all(whole, lines, stage, kinds)
    return Section(name, table["means"], table.get("only", ""), table["by"], rows, whole)


def _add_all(record: Fact, rows: Iterable[Row], stage: str, kinds: Kinds, *, optional: bool = False) -> None:
    for row in rows:
        _add(record, row, stage, kinds, optional=optional)


def _add(record: Fact, row: Row, stage: str, kinds: Kinds, *, optional: bool) -> None:
    """Put the fact of one row into the record that it belongs to."""
    fact = record
    for number, step in enumerate(row.path.split(".")):
        lists = step.count("[]")
        name = step.replace("[]", "").removesuffix("?")
        if name == "*":
            fact.kind, fact.each = "map", fact.each or Fact(stage=stage)
            fact = fact.each
        else:
            fact = fact.parts.setdefault(name, Fact(stage=stage))
            fact.optional = fact.optional or "?" in step or (optional and number == 0)
        for _level in range(lists):
            fact.kind, fact.each = "list", fact.each or Fact(stage=stage)
            fact = fact.each
    text = row.type.removesuffix(" or null")
    fact.nullable = text != row.type
    if text in SCALARS:
        fact.kind = text
        return
    for kind in text.removesuffix("?").split(" and "):
        _add_all(fact, kinds[kind][1], stage, kinds, optional=text.endswith("?"))


def _always(fact: Fact, path: str) -> Iterator[tuple[str, ...]]:
    """(path, type, whether it may be null) of each fact that is there wherever its section is."""
    yield path, fact.kind, str(fact.nullable)
    for name, part in fact.parts.items():
        if not part.optional and not fact.nullable and part.stage != "derived":
            yield from _always(part, f"{path}.{name}")


def _problems(fact: Fact, value: Any, path: str) -> Iterator[str]:
    if value is None:
        if not fact.nullable:
            yield f"{path}: null, and must be {fact.kind}"
    elif fact.kind in SCALARS:
        if not isinstance(value, SCALARS[fact.kind]) or (isinstance(value, bool) and fact.kind != "bool"):
            yield f"{path}: {type(value).__name__}, and must be {fact.kind}"
    elif fact.kind == "list" and fact.each and isinstance(value, list):
        for number, part in enumerate(value):
            yield from _problems(fact.each, part, f"{path}[{number}]")
    elif fact.kind != "list" and isinstance(value, dict):
        for name, part in value.items():
            inner, known = f"{path}.{name}".lstrip("."), fact.each or fact.parts.get(name)
            if known:
                yield from _problems(known, part, inner)
            else:
                yield f"{inner}: not in the schema"
    else:
        yield f"{path}: {type(value).__name__}, and must be a {fact.kind}"


def _missing(fact: Fact, value: Any, path: str, deep: bool) -> Iterator[str]:
    if isinstance(value, dict) and fact.kind == "record":
        for name, part in fact.parts.items():
            if name in value:
                yield from _missing(part, value[name], f"{path}.{name}", deep)
            elif not part.optional and part.stage != "derived" and (deep or part.stage == "quick"):
                yield f"{path}.{name}"
    elif fact.each:
        elements = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
        for part in elements:
            yield from _missing(fact.each, part, path, deep)
