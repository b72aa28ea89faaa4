# Copyright: rescue502 maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Objects as AWX has them now, in the form in which they are described."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import yaml
from ansible_collections.rescue502.django.plugins.plugin_utils.awx import comparison, kinds
from ansible_collections.rescue502.django.plugins.plugin_utils.awx.api import Api, Json
from ansible_collections.rescue502.django.plugins.plugin_utils.awx.kinds import EDGES, MARK, Object


def export(api: Api, items: Sequence[Object]) -> list[dict[str, Any]]:
    """Those of the described objects that are there, ids replaced by names; of each, what its description names.

    A secret is what AWX answers for it.
    """
    return [_one(api, item, found) for item in items for found in kinds.found(api.all, item)[:1]]


class _Dumper(yaml.SafeDumper):
    """Marks text that Ansible would take for a template: it is AWX's, and comes from there."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


def _text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    tag = "!unsafe" if any(mark in text for mark in ("{{", "{%", "{#")) else "tag:yaml.org,2002:str"
    return dumper.represent_scalar(tag, text)


_Dumper.add_representer(str, _text)


def as_yaml(objects: list[dict[str, Any]]) -> str:
    """A file that gives these objects to awx/setup.yml in the place of its own."""
    # Of plain types: Ansible's own are classes that no YAML knows.
    plain = json.loads(json.dumps({"awx_objects": objects}))
    return str(yaml.dump(plain, Dumper=_Dumper, sort_keys=False, width=120, explicit_start=True))


def _one(api: Api, item: Object, found: Json) -> dict[str, Any]:
    path = f"{item['kind']}/{found['id']}/"
    own = kinds.fields(item)
    exported = {"kind": item["kind"], **{key: _value(item, key, found) for key in own if key in found}}
    exported["description"] = str(found.get("description", "")).replace(MARK, "").strip()
    if "survey" in item:
        exported["survey"] = api.get(f"{path}survey_spec/")
    if "linked" in item:
        exported["linked"] = {link: [it["name"] for it in api.all(f"{path}{link}/")] for link in item["linked"]}
    if "nodes" in item:
        nodes = {int(node["id"]): node for node in api.all(f"{path}workflow_nodes/")}
        exported["nodes"] = [_node(api, node, nodes) for node in nodes.values()]
    if "roles" in item:
        exported["roles"] = [_role(api, role) for role in api.all(f"{path}roles/")]
    return exported


def _value(item: Object, key: str, found: Json) -> Any:
    """A field, with a name in the place of an id; variables as a mapping."""
    kind = kinds.kind_of(item)
    if key not in kind.names or found[key] is None:
        return comparison.as_variables(key, found[key])
    name = kinds.name_in(found, key)
    return {next(iter(item[key])): name} if isinstance(item[key], Mapping) else name


def _node(api: Api, node: Json, nodes: Mapping[int, Json]) -> dict[str, Any]:
    exported: dict[str, Any] = {"identifier": node["identifier"]}
    template = node.get("summary_fields", {}).get("unified_job_template", {})
    if template.get("unified_job_type") == "workflow_approval":
        has = api.get(f"workflow_approval_templates/{template['id']}/")
        exported["approval"] = {key: has[key] for key in ("name", "description", "timeout")}
    else:
        exported["template"] = template.get("name", "")
    following = {edge: [nodes[number]["identifier"] for number in node.get(edge, ())] for edge in EDGES}
    return {**exported, **{edge: names for edge, names in following.items() if names}}


def _role(api: Api, role: Json) -> dict[str, Any]:
    """AWX answers a role's name for people, such as Approve; its name for programs is at the object that it is of."""
    of = role["summary_fields"]
    kind = kinds.list_of(str(of["resource_type"]))
    roles = api.get(f"{kind}/{of['resource_id']}/")["summary_fields"]["object_roles"]
    name = next((key for key, item in roles.items() if item["id"] == role["id"]), role.get("name", ""))
    return {"role": name, "of": {kind: of["resource_name"]}}
