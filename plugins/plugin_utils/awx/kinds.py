# Copyright: rescue502 maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The kinds of objects in AWX: under which path, by what one is found, and which of its fields name others. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

Object = Mapping[str, Any]
# In the description of each object that is made: what does not bear it is never changed nor removed.
MARK = "Kept by rescue502."
# Said of an object besides its fields: what hangs on it, each with requests of its own.
PARTS = ("kind", "wanted", "survey", "linked", "nodes", "roles")


class ObjectError(Exception):
    """An object is not described as it must be; the text says which and why."""


@dataclass(frozen=True)
class Kind:
    """A kind of objects.

    word: for people. within: the field whose object it is found in, besides by its name. names: which kind each
    field names an object of.
    """

    word: str
    names: Mapping[str, str]
    within: str = "organization"


KINDS = {
    "organizations": Kind("organization", {}, within=""),
    "credentials": Kind("credential", {"organization": "organizations"}, within=""),
    "execution_environments": Kind(
        "execution environment", {"organization": "organizations", "credential": "credentials"}
    ),
    "projects": Kind("project", {"organization": "organizations", "credential": "credentials"}),
    "inventories": Kind("inventory", {"organization": "organizations"}),
    "inventory_sources": Kind(
        "inventory source",
        {
            "inventory": "inventories",
            "source_project": "projects",
            "execution_environment": "execution_environments",
        },
        within="inventory",
    ),
    "notification_templates": Kind("notification template", {"organization": "organizations"}),
    # A job template takes its organization from its project, and cannot be given another.
    "job_templates": Kind(
        "job template",
        {"project": "projects", "inventory": "inventories", "execution_environment": "execution_environments"},
        within="project",
    ),
    "workflow_job_templates": Kind("workflow template", {"organization": "organizations", "inventory": "inventories"}),
    "schedules": Kind("schedule", {"unified_job_template": "job_templates"}, within="unified_job_template"),
    "teams": Kind("team", {"organization": "organizations"}),
}
# The kinds of what is linked to an object, by the names of AWX's lists, and whether the list is ours alone: else what
# others have added to it stays.
LINKS = {
    "credentials": ("credentials", True),
    "notification_templates_started": ("notification_templates", False),
    "notification_templates_success": ("notification_templates", False),
    "notification_templates_error": ("notification_templates", False),
    "notification_templates_approvals": ("notification_templates", False),
}
# From a node of a workflow to the nodes that follow it.
EDGES = ("success_nodes", "failure_nodes", "always_nodes")


def kind_of(item: Object) -> Kind:
    """The kind of a described object. ObjectError where there is no such kind, or no name."""
    if item.get("kind") not in KINDS or not item.get("name"):
        raise ObjectError(f"{dict(item)!r:.200}: an object has a name, and a kind that is one of: {', '.join(KINDS)}")
    return KINDS[item["kind"]]


def title(item: Object) -> str:
    """An object for people, such as `job template "rescue502 recover"`."""
    return f'{KINDS[item["kind"]].word} "{item["name"]}"'


def fields(item: Object) -> dict[str, Any]:
    """Its own fields, as AWX takes them, but for names in the place of ids; the mark is in the description."""
    own = {key: value for key, value in item.items() if key not in PARTS}
    return {**own, "description": f"{item.get('description', '')} {MARK}".strip()}


def is_ours(found: Object) -> bool:
    """Whether an object in AWX was made by us."""
    return MARK in str(found.get("description", ""))


def reference(kind: str, value: Any) -> tuple[str, str]:
    """(kind, name) of an object that a field names: a name alone, or {kind: name} where the field takes several."""
    if isinstance(value, Mapping):
        ((kind, value),) = value.items()
    if kind not in KINDS:
        raise ObjectError(f"'{kind}' is not one of: {', '.join(KINDS)}")
    return kind, str(value)


def require_order(items: Iterable[Object]) -> None:
    """Each object stands after those that it names. ObjectError where one does not, or a node is followed by none."""
    later = {(str(item["kind"]), str(item["name"])) for item in items if kind_of(item)}
    for item in items:
        if early := named([item]) & later:
            raise ObjectError(f"{title(item)} stands before what it names: {', '.join(name for _kind, name in early)}")
        later.discard((str(item["kind"]), str(item["name"])))
        nodes = {node.get("identifier") for node in item.get("nodes", ())}
        following = {name for node in item.get("nodes", ()) for edge in EDGES for name in node.get(edge, ())}
        if unknown := following - nodes:
            raise ObjectError(f"{title(item)} has no node {', '.join(map(str, unknown))}")


def name_in(found: Object, key: str) -> str:
    """The name of the object that a field of one in AWX refers to; empty where it refers to none."""
    return str(found.get("summary_fields", {}).get(key, {}).get("name", ""))


def list_of(resource_type: str) -> str:
    """The name of AWX's list of objects of a type, such as job_templates of job_template."""
    return "inventories" if resource_type == "inventory" else f"{resource_type}s"


def found(ask: Callable[..., Iterable[dict[str, Any]]], item: Object) -> list[dict[str, Any]]:
    """Objects in AWX with the name of a described one, in the same place as that. ask: all of a list, by a query."""
    kind = kind_of(item)
    there = [it for it in ask(f"{item['kind']}/", name=item["name"]) if not it.get("pending_deletion")]
    if kind.within not in item:
        return there
    _kind, name = reference(kind.names[kind.within], item[kind.within])
    return [it for it in there if name_in(it, kind.within) == name]


def named(items: Iterable[Object]) -> set[tuple[str, str]]:
    """(kind, name) of each object that the described ones name."""
    found = set()
    for item in items:
        own = kind_of(item)
        found |= {reference(own.names[key], item[key]) for key in own.names if item.get(key)}
        for link, names in item.get("linked", {}).items():
            if link not in LINKS:
                raise ObjectError(f"{title(item)}: '{link}' is not one of: {', '.join(LINKS)}")
            found |= {(LINKS[link][0], str(name)) for name in names}
        found |= {("job_templates", str(node["template"])) for node in item.get("nodes", ()) if node.get("template")}
        found |= {reference("", role["of"]) for role in item.get("roles", ())}
    return found
