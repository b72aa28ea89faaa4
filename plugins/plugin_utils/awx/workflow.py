# Copyright: rescue502 maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The nodes of a workflow in AWX: each a job template or an approval, found by its identifier, and what follows it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from ansible_collections.rescue502.django.plugins.plugin_utils.awx import comparison
from ansible_collections.rescue502.django.plugins.plugin_utils.awx.api import Api, Json
from ansible_collections.rescue502.django.plugins.plugin_utils.awx.kinds import EDGES, Object, title

# Sends a request, or in check mode notes what it would change: (method, path, body, what it is for people).
Send = Callable[[str, str, Mapping[str, Any], str], Json]


class Workflow:
    """Makes nodes and edges that are described, and leaves others that somebody has added."""

    def __init__(self, api: Api, send: Send, id_of: Callable[[str, str], int]) -> None:
        """Send: sends one request; id_of: the id of an object by its kind and name."""
        self.api, self.send, self.id_of = api, send, id_of

    def make(self, item: Object, path: str, is_new: bool) -> None:
        """The nodes first, then the edges between them. path: the workflow's own; is_new: it has none so far."""
        there = {} if is_new else {str(node["identifier"]): node for node in self.api.all(f"{path}workflow_nodes/")}
        for node in item["nodes"]:
            self._node(item, path, node, there)
        for node in item["nodes"]:
            self._edges(item, node, there)

    def _node(self, item: Object, path: str, node: Mapping[str, Any], there: dict[str, Json]) -> None:
        name = str(node["identifier"])
        template = node.get("template")
        fields = {"identifier": name} | (
            {"unified_job_template": self.id_of("job_templates", template)} if template else {}
        )
        found = there.get(name)
        if found is None:
            made = self.send("POST", f"{path}workflow_nodes/", fields, f'made the node "{name}" of the {title(item)}')
            found = there[name] = made
        elif differing := comparison.differing(fields, found):
            what = f'changed the node "{name}" of the {title(item)}'
            self.send("PATCH", f"workflow_job_template_nodes/{found['id']}/", differing, what)
        if "approval" in node:
            self._approval(item, node, found)

    def _approval(self, item: Object, node: Mapping[str, Any], found: Json) -> None:
        """A node of its own kind: AWX makes what it stands for at the node itself."""
        wanted = node["approval"]
        what = f'the approval "{wanted["name"]}" of the {title(item)}'
        template = found.get("unified_job_template")
        if not template:
            path = f"workflow_job_template_nodes/{found.get('id', 0)}/create_approval_template/"
            self.send("POST", path, wanted, f"made {what}")
            return
        has = self.api.get(f"workflow_approval_templates/{template}/")
        if differing := comparison.differing(wanted, has):
            self.send("PATCH", f"workflow_approval_templates/{template}/", differing, f"changed {what}")

    def _edges(self, item: Object, node: Mapping[str, Any], there: Mapping[str, Json]) -> None:
        found = there[str(node["identifier"])]
        for edge in EDGES:
            for name in node.get(edge, ()):
                following = int(there[name].get("id", 0))
                if following not in found.get(edge, ()) or not following:
                    path = f"workflow_job_template_nodes/{found.get('id', 0)}/{edge}/"
                    what = f'linked the node "{name}" to "{node["identifier"]}" ({edge}) of the {title(item)}'
                    self.send("POST", path, {"id": following}, what)
