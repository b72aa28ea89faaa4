# Copyright: rescue502 maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The remedies: what each role says of itself in `meta/remedy.yml` and `meta/argument_specs.yml`, ours or a user's."""

from __future__ import annotations

import importlib.util
import os
import re
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import yaml
from ansible_collections.rescue502.django.plugins.plugin_utils.catalogue import yaml_text
from ansible_collections.rescue502.django.plugins.plugin_utils.catalogue.catalogue import (
    LAYERS,
    Catalogue,
    CatalogueError,
    Schema,
    key_problems,
    own_path,
)

COLLECTION = "rescue502.django"
STARTS = ("app", "database", "proxy")
# What `rescue502 undo` makes of it: there is nothing to take back; it is taken back exactly; it is, until the app uses
# it; a part of it is; nothing is, and where a person can do something, the commands are printed.
UNDO = ("nothing", "exact", "until_used", "partly", "irreversible")
# What the app is loaded from.
BELOW_THE_APP = LAYERS[: LAYERS.index("service")]
# key: (types, required)
KEYS: Schema = {
    "touches": (str, True),
    "risk": (str, True),
    "root": (str, True),
    "undo": (str, True),
    "starts": (list, True),
    "runs_app": (bool, True),
    "works_on_code": (bool, True),
    "needs": (list, False),
    "before_restart": (bool, False),
    "also_changes": (list, False),
}
_NAME = re.compile(r"[a-z0-9_]+(\.[a-z0-9_]+\.[a-z0-9_]+)?")


@dataclass(frozen=True)
class Remedy:
    """A role's remedy.yml; the values here are those of a role that has none."""

    name: str
    # From argument_specs.yml: the state that it brings about, and how.
    short: str = ""
    does: str = ""
    # From remedy.yml. What it changes or ends, what that may cost, and what it needs root for.
    touches: str = ""
    risk: str = ""
    root: str = ""
    # One of UNDO; empty where that is not known.
    undo: str = ""
    # Of STARTS, what it starts. That is done too where something is down because of a cause that is repaired.
    starts: tuple[str, ...] = ()
    # It starts the app or runs its commands: with a broken app below it would end what may still serve.
    runs_app: bool = False
    # The layers that must be whole for it, as it starts or loads the app: what repairs these comes before it, and where
    # that fails, it waits.
    needs: tuple[str, ...] = ()
    # It is done right before a restart, and neither without the other: migrations alone leave old code on new tables.
    before_restart: bool = False
    # It changes the code's tree or works with it: a tree in conflict is first made whole, by a person.
    works_on_code: bool = False
    # Patterns of paths that it may change besides those that were broken; {root}, {venv} and {unit} are the app's.
    also_changes: tuple[str, ...] = ()


def roles_path() -> Path:
    """The folder of the collection's own roles."""
    return own_path().parent / "roles"


def load() -> dict[str, Remedy]:
    """All of our own remedies by name."""
    return {path.name: _load_role(path.name, path) for path in sorted(roles_path().iterdir())}


def get(name: str) -> Remedy:
    """A remedy by the name that a failure mode gives it. Of a role that cannot be found nothing is known.

    Raises CatalogueError where the role's remedy.yml breaks the schema.
    """
    folder = _folder(name) if _NAME.fullmatch(name) else None
    return _load_role(name, folder) if folder else Remedy(name)


def named_by(catalogue: Catalogue) -> dict[str, Remedy]:
    """The remedies that these failure modes name. Raises CatalogueError as get() does."""
    names = {name for mode in catalogue.modes.values() for name in (mode.remedy, *mode.then) if name}
    return {name: get(name) for name in sorted(names)}


def require_sound(catalogue: Catalogue) -> None:
    """Raise CatalogueError where a user's own role says something wrong of itself. Ours are read by a unit test."""
    for mode in catalogue.modes.values():
        for name in (mode.remedy, *mode.then):
            if "." in name:
                get(name)


def role_name(remedy: str) -> str:
    """The role's full name: a remedy without dots is one of ours, one with dots is the user's own."""
    return remedy if "." in remedy else f"{COLLECTION}.{remedy}"


def _folder(name: str) -> Path | None:
    """The role's folder; of a collection, where Ansible finds it, or would."""
    if "." not in name:
        return roles_path() / name if (roles_path() / name).is_dir() else None
    namespace, collection, role = name.split(".")
    folders = (Path(place) / "roles" / role for place in _collection(namespace, collection))
    return next((folder for folder in folders if folder.is_dir()), None)


def _collection(namespace: str, collection: str) -> Iterable[str]:
    """Where a collection may lie. Within Ansible its own importer knows; elsewhere its configuration says."""
    try:
        spec = importlib.util.find_spec(f"ansible_collections.{namespace}.{collection}")
    except (ImportError, ValueError):
        spec = None
    yield from (spec.submodule_search_locations or ()) if spec else ()
    from ansible import constants  # 0.1 s, and only for a role of the user's own

    for path in (*constants.COLLECTIONS_PATHS, *sys.path):
        yield os.path.join(path, "ansible_collections", namespace, collection)


@cache
def _load_role(name: str, folder: Path) -> Remedy:
    specs: dict[str, Any] = (_read(folder / "meta" / "argument_specs.yml").get("argument_specs") or {}).get("main", {})
    described = specs.get("description") or []
    does = described if isinstance(described, str) else " ".join(described)
    known = _known(folder / "meta" / "remedy.yml")
    if known.get("runs_app"):
        known = {"needs": BELOW_THE_APP, **known}
    return Remedy(name=name, short=specs.get("short_description", ""), does=does, **known)


def _known(path: Path) -> dict[str, Any]:
    """The content of remedy.yml, checked; empty where there is none. Raises CatalogueError with file, line and key."""
    if not path.is_file():
        return {}
    data = _read(path)
    for key, wrong in _problems(data):
        line = yaml_text.lines_of_keys(path.read_text(encoding="utf-8")).get(key, 1)
        raise CatalogueError(f"{path}:{line}: key '{key}': {wrong}")
    return {key: tuple(value) if isinstance(value, list) else value for key, value in data.items()}


def _problems(data: dict[str, Any]) -> Iterable[tuple[str, str]]:
    """(key, what is wrong) for each breach of the schema."""
    yield from key_problems(data, KEYS)
    for key, values, choices in (
        ("undo", [data.get("undo")], UNDO),
        ("starts", data.get("starts"), STARTS),
        ("needs", data.get("needs"), LAYERS),
    ):
        for value in values if isinstance(values, list) else []:
            if value not in choices:
                yield key, f"'{value}' is not one of: {', '.join(choices)}"
    patterns = data.get("also_changes")
    if isinstance(patterns, list) and not all(isinstance(item, str) for item in patterns):
        yield "also_changes", "must be a list of patterns"


def _read(path: Path) -> dict[str, Any]:
    """A file's mapping; empty where there is no file. Raises CatalogueError where it is not a mapping in YAML."""
    if not path.is_file():
        return {}
    try:
        data = yaml_text.load(path.read_text(encoding="utf-8"))
    except yaml.YAMLError as error:
        raise CatalogueError(f"{path}: not valid YAML: {getattr(error, 'problem', error)}") from error
    if not isinstance(data, dict):
        raise CatalogueError(f"{path}:1: not a mapping of keys to values")
    return data
