# Copyright: rescue502 maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What AWX has, compared with what it should have. Pure."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import yaml
from ansible.module_utils.parsing.convert_bool import boolean

# What AWX answers in the place of a secret. That one was changed cannot be seen.
ENCRYPTED = "$encrypted$"
# Fields that hold Ansible's variables.
VARIABLES = ("extra_vars", "variables", "source_vars")


def differing(wanted: Mapping[str, Any], found: Mapping[str, Any]) -> dict[str, Any]:
    """The wanted fields that AWX has otherwise."""
    return {key: value for key, value in wanted.items() if not _field_same(key, value, found.get(key))}


def _field_same(key: str, wanted: Any, found: Any) -> bool:
    return bool(_variables(wanted) == _variables(found)) if key in VARIABLES else same(wanted, found)


def same(wanted: Any, found: Any) -> bool:
    """Whether a value is as wanted. AWX adds keys of its own to mappings, and answers no secret."""
    if found == ENCRYPTED:
        return True
    if isinstance(wanted, Mapping):
        return isinstance(found, Mapping) and all(same(value, found.get(key)) for key, value in wanted.items())
    if isinstance(wanted, list) and isinstance(found, list):
        return len(wanted) == len(found) and all(same(*pair) for pair in zip(wanted, found, strict=True))
    return bool(wanted == found) or (wanted in (None, "") and found in (None, ""))


def typed(fields: Mapping[str, Any], described: Mapping[str, Any]) -> dict[str, Any]:
    """Fields in the types that AWX has for them; of a template an Ansible before 2.19 makes text. ValueError."""
    return {key: _typed(value, described.get(key, {}).get("type")) for key, value in fields.items()}


def _typed(value: Any, kind: Any) -> Any:
    if not isinstance(value, str):
        return value
    return int(value) if kind == "integer" else boolean(value) if kind == "boolean" else value


def as_text(fields: Mapping[str, Any]) -> dict[str, Any]:
    """Fields as AWX takes them: it keeps variables as a text."""
    return {
        key: json.dumps(value, sort_keys=True) if key in VARIABLES and isinstance(value, Mapping) else value
        for key, value in fields.items()
    }


def as_variables(key: str, value: Any) -> Any:
    """A field's value, variables as a mapping."""
    return _variables(value) if key in VARIABLES else value


def _variables(value: Any) -> Any:
    """Variables, which AWX keeps as a text in JSON or YAML."""
    if not isinstance(value, str):
        return value or {}
    try:
        return yaml.safe_load(value) or {}
    except yaml.YAMLError:
        return value
