# Copyright: rescue502 maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The catalogue of failure modes: `failures/<layer>/<name>.yml`, one file each, checked when it is loaded."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from fnmatch import fnmatchcase
from functools import cache
from pathlib import Path
from typing import Any

import yaml
from ansible_collections.rescue502.django.plugins.plugin_utils.catalogue import expressions, failure_checks, yaml_text

LAYERS = (
    "host", "database", "files", "environment", "dependencies", "code", "schema", "service", "proxy", "edge",
)  # fmt: skip
RISKS = ("safe", "ask", "never")
# What is repaired where somebody asks for it; what is safe is so too on a site that serves.
APPROVABLE = ("safe", "ask")
SEVERITIES = ("outage", "degraded", "advice")
# The sections of the evidence that a healthy host has too.
ALWAYS_LOOKED_AT = ("edge", "service", "database", "environment", "files", "host", "app", "probe")
# key: (types, required)
Schema = dict[str, tuple[type | tuple[type, ...], bool]]
KEYS: Schema = {
    "title": (str, True),
    "means": (str, True),
    "risk": (str, True),
    "safe_when": (list, False),
    "repair_when": (list, False),
    "blocks_when": (list, False),
    "severity": (str, True),
    "lesser_when": (list, False),
    "edge": (str, True),
    "when": (list, True),
    "because": (str, True),
    "explained_by": (list, False),
    "explains": (list, False),
    "symptom": (bool, False),
    "remedy": (str, False),
    "then": (list, False),
    "vars": (dict, False),
    "by_hand": (str, True),
    "reproduce": (str, True),
    "where": (list, False),
}


class CatalogueError(Exception):
    """A failure file breaks the schema; the text names file, line and key."""


@dataclass(frozen=True)
class FailureMode:
    """One failure mode, ready to be asked of evidence. `source` is its file."""

    id: str
    layer: str
    title: str
    means: str
    risk: str
    severity: str
    # What the edge shows, in a few words: a status such as "502", "refused", or "200, uploads fail".
    edge: str
    because: str
    by_hand: str
    reproduce: str
    source: str
    when: tuple[str, ...]
    # Where all of these hold, a repair that else asks is safe.
    safe_when: tuple[str, ...] = ()
    # Where all of these hold, it does not take this site down: it is of severity `degraded`.
    lesser_when: tuple[str, ...] = ()
    # Where not all of these hold, the remedy may be the wrong one: it is never applied, approved or not.
    repair_when: tuple[str, ...] = ()
    # Where not all of these are known to hold, a start of the app need not wait until it is repaired.
    blocks_when: tuple[str, ...] = ()
    explained_by: tuple[str, ...] = ()
    # Effects that are named here and not in their own files; an effect may name this one too.
    explains: tuple[str, ...] = ()
    symptom: bool = False
    remedy: str = ""
    then: tuple[str, ...] = ()
    vars: dict[str, str] = field(default_factory=dict)
    # Features that a lab host must have for `reproduce` to work on it, such as `tcp` or `postgresql_here`.
    where: tuple[str, ...] = ()

    def matches(self, evidence: dict[str, Any]) -> bool:
        """Whether all conditions hold; one that is unknown does not."""
        return all(expressions.holds(source, evidence) for source in self.when)

    def on(self, evidence: dict[str, Any]) -> FailureMode:
        """The failure mode as it is on this host: of severity `degraded` where all of lesser_when is known to hold."""
        lesser = self.lesser_when and all(expressions.holds(source, evidence) for source in self.lesser_when)
        return replace(self, severity="degraded") if lesser else self

    def blocks_on(self, evidence: dict[str, Any]) -> bool:
        """Whether, while it waits for a person, an app that is down stays down: not where blocks_when may not hold."""
        return all(expressions.holds(source, evidence) for source in self.blocks_when)

    def risk_on(self, evidence: dict[str, Any]) -> str:
        """The risk on this host: `never` where not all of repair_when is known to hold, and `safe` instead of `ask`
        where all of safe_when is."""
        if not all(expressions.holds(source, evidence) for source in self.repair_when):
            return "never"
        safe = self.safe_when and all(expressions.holds(source, evidence) for source in self.safe_when)
        return "safe" if safe else self.risk


@dataclass(frozen=True)
class Catalogue:
    """Failure modes by id, in the order of the layers."""

    modes: dict[str, FailureMode]

    def approvable(self) -> set[str]:
        """The names that an approval may give: failure modes that have a remedy, and those remedies."""
        asking = [mode for mode in self.modes.values() if mode.risk in APPROVABLE and mode.remedy]
        return {mode.id for mode in asking} | {mode.remedy for mode in asking}


def is_above(layer: str, other: str) -> bool:
    """Whether a layer lies above another one, so that a pattern in `explained_by` does not reach it from there."""
    return LAYERS.index(layer) > LAYERS.index(other)


def own_path() -> Path:
    """The folder of the collection's own failure modes."""
    return Path(__file__).resolve().parents[3] / "failures"


def load(paths: Iterable[str | os.PathLike[str]] | None = None) -> Catalogue:
    """Load the catalogue. paths: folders, a later one overriding an earlier one's modes; ours where none are given.

    Raises CatalogueError for the first file that breaks the schema, or a folder that is not there.
    """
    modes: dict[str, FailureMode] = {}
    unproved: dict[str, FailureMode] = {}
    for folder in [Path(path) for path in paths] if paths is not None else [own_path()]:
        if not folder.is_dir():
            raise CatalogueError(f"{folder}: no such folder of failure modes")
        if folder.resolve() == own_path():
            modes.update(_own())
            continue
        found = {mode.id: mode for path in sorted(folder.glob("*/*.yml")) for mode in [load_file(path)]}
        modes.update(found)
        unproved.update(found)
    for mode in unproved.values():
        check_names(mode, modes)
    ordered = sorted(modes.values(), key=lambda mode: (LAYERS.index(mode.layer), mode.id))
    return Catalogue({mode.id: mode for mode in ordered})


@cache
def _own() -> dict[str, FailureMode]:
    return {mode.id: mode for path in sorted(own_path().glob("*/*.yml")) for mode in [load_file(path, proved=True)]}


def prepare() -> None:
    """Load our own failure modes, and compile what a healthy host is asked of them, for all that this process forks."""
    first = {mode.when[0] for mode in _own().values()}
    expressions.compile_ahead(source for source in first if expressions.first_section(source) in ALWAYS_LOOKED_AT)


def load_file(path: Path, *, proved: bool = False) -> FailureMode:
    """One failure mode from its file; CatalogueError where the file breaks the schema.

    proved: its conditions and sentences are known to be sound, as those of our own files are, which a unit test reads:
    for a hundred of them that is 0.4 s at each look.
    """
    layer, name = path.parent.name, path.stem
    text = path.read_text(encoding="utf-8")
    try:
        data = yaml_text.load(text)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = mark.line + 1 if mark else 1
        raise CatalogueError(f"{path}:{line}: not valid YAML: {getattr(error, 'problem', error)}") from error
    if layer not in LAYERS:
        raise CatalogueError(f"{path}:1: folder '{layer}' is not one of: {', '.join(LAYERS)}")
    if not isinstance(data, dict):
        raise CatalogueError(f"{path}:1: a failure mode is a mapping of keys to values")
    for key, wrong in (*_problems(data, proved), *_explanation_problems(layer, data)):
        raise _error(path, key, wrong)
    values: dict[str, Any] = {key: tuple(value) if isinstance(value, list) else value for key, value in data.items()}
    return FailureMode(id=f"{layer}/{name}", layer=layer, source=str(path), **values)


def check_names(mode: FailureMode, modes: Iterable[str]) -> None:
    """CatalogueError where a name or pattern in `explained_by` or `explains` is of no failure mode. modes: all ids."""
    for key, patterns in (("explained_by", mode.explained_by), ("explains", mode.explains)):
        for pattern in patterns:
            if not any(fnmatchcase(other, pattern) for other in modes):
                raise _error(Path(mode.source), key, f"'{pattern}' matches no failure mode")


def _error(path: Path, key: str, wrong: str) -> CatalogueError:
    line = yaml_text.lines_of_keys(path.read_text(encoding="utf-8")).get(key, 1)
    return CatalogueError(f"{path}:{line}: key '{key}': {wrong}")


def key_problems(data: dict[str, Any], keys: Schema) -> Iterable[tuple[str, str]]:
    """(key, what is wrong) for each key that is unknown, missing, or of another type."""
    for key in data:
        if key not in keys:
            yield str(key), f"unknown; known keys are {', '.join(keys)}"
    for key, (kind, required) in keys.items():
        if key not in data:
            if required:
                yield key, "missing"
        elif not isinstance(data[key], kind):
            yield key, f"must be {getattr(kind, '__name__', kind)}, is {type(data[key]).__name__}"


def _problems(data: dict[str, Any], proved: bool) -> Iterable[tuple[str, str]]:
    """(key, what is wrong) for each breach of the schema."""
    yield from key_problems(data, KEYS)
    for key, choices in (("risk", RISKS), ("severity", SEVERITIES)):
        if isinstance(data.get(key), str) and data[key] not in choices:
            yield key, f"'{data[key]}' is not one of: {', '.join(choices)}"
    if not proved:
        yield from failure_checks.problems(data)
    if "safe_when" in data and data.get("risk") != "ask":
        yield "safe_when", "only a repair of risk 'ask' can be safe under conditions"
    if "lesser_when" in data and data.get("severity") != "outage":
        yield "lesser_when", "only what is an outage can be less under conditions"
    if "repair_when" in data and data.get("risk") == "never":
        yield "repair_when", "a repair of risk 'never' is never applied"
    if data.get("risk") != "never" and not data.get("symptom") and not data.get("remedy"):
        yield "remedy", f"risk '{data.get('risk')}' needs a remedy"


def _explanation_problems(layer: str, data: dict[str, Any]) -> Iterable[tuple[str, str]]:
    """Patterns that could never hold: those of explained_by reach only what lies below, those of explains what lies
    above. What lies on the other side is named by its id."""
    for key, side in (("explained_by", "above"), ("explains", "below")):
        for name in data.get(key) or []:
            other, rest = str(name).partition("/")[::2]
            pair = (other, layer) if side == "above" else (layer, other)
            if "*" in rest and other in LAYERS and is_above(*pair):
                yield key, f"'{name}' lies {side} {layer}, where patterns do not reach: name the failure modes"
