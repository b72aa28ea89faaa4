# Copyright: rescue502 maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Objects in AWX that bear our mark: removed in the order opposite to that of making, or exported as they are."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ansible_collections.rescue502.django.plugins.plugin_utils.awx import comparison, kinds
from ansible_collections.rescue502.django.plugins.plugin_utils.awx.api import Api, Json
from ansible_collections.rescue502.django.plugins.plugin_utils.awx.kinds import Object, title


def remove(api: Api, items: Sequence[Object]) -> tuple[list[str], list[str]]:
    """Remove what is ours of the described objects. (what was removed, what was left because it is not ours).

    With an object go what hangs on it: a template's schedules, survey and jobs, a workflow's nodes.
    """
    removed, left = [], []
    for item in reversed(items):
        for found in _found(api, item):
            if kinds.is_ours(found):
                removed.append(f"removed the {title(item)}")
                api.send("DELETE", f"{item['kind']}/{found['id']}/")
            else:
                left.append(f"left the {title(item)}, which rescue502 has not made")
    return removed, left


def export(api: Api, items: Sequence[Object]) -> list[dict[str, Any]]:
    """The described objects as AWX has them now, ids replaced by names, in the form in which they are described.

    A secret is what AWX answers for it. What is not there is left out.
    """
    exported = []
    for item in items:
        for found in _found(api, item)[:1]:
            has = {key: _value(key, found) for key in kinds.fields(item) if key in found}
            exported.append({"kind": item["kind"], **has})
    return exported


def _found(api: Api, item: Object) -> list[Json]:
    """Objects of this name; of several, those in the same place as the described one."""
    kind = kinds.kind_of(item)
    found = [it for it in api.all(f"{item['kind']}/", name=item["name"]) if not it.get("pending_deletion")]
    if kind.within not in item:
        return found
    _kind, name = kinds.reference(kind.names[kind.within], item[kind.within])
    return [it for it in found if _name(kind.within, it) == name]


def _name(key: str, found: Json) -> str:
    """The name of the object that a field refers to."""
    return str(found.get("summary_fields", {}).get(key, {}).get("name", ""))


def _value(key: str, found: Json) -> Any:
    name = _name(key, found)
    return name if name and isinstance(found[key], int) else comparison.as_variables(key, found[key])
