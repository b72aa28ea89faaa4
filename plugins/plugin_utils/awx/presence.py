# Copyright: rescue502 maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Objects in AWX are made and kept as they are described: asked first, and only what differs is sent."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import Any

from ansible_collections.rescue502.django.plugins.plugin_utils.awx import comparison, kinds
from ansible_collections.rescue502.django.plugins.plugin_utils.awx.api import Api, Json
from ansible_collections.rescue502.django.plugins.plugin_utils.awx.kinds import LINKS, Object, ObjectError, title
from ansible_collections.rescue502.django.plugins.plugin_utils.awx.workflow import Workflow

# Of a project's update, until it has ended. The first begins by itself.
UNDER_WAY = ("never updated", "new", "pending", "waiting", "running")
PAUSE = 2.0
# An id that check mode cannot know.
NOT_YET = 0


class Presence:
    """What is described is there.

    changes: what was, or in check mode would be, made and changed, in words. Values do not stand there: one may be a
    secret.
    """

    def __init__(self, api: Api, items: Sequence[Object], sync_seconds: float = 300.0) -> None:
        """Items: in an order in which each names only what stands before it, or is in AWX already.

        sync_seconds: how long a project's first update may take.
        """
        self.api, self.items, self.sync_seconds = api, items, sync_seconds
        self.changes: list[str] = []
        self._found: dict[tuple[str, str], Json] = {}

    def make(self) -> None:
        """All of it. ObjectError and ApiError: before anything was sent wherever that can be known."""
        kinds.require_order(self.items)
        self._require_others()
        self._require_fields()
        for item in self.items:
            self._make_one(item)

    def id_of(self, kind: str, name: str) -> int:
        """The id of an object that is there by now; NOT_YET in check mode where it is not."""
        return int(self._found[kind, name].get("id", NOT_YET))

    def existing(self, item: Object, fields: Mapping[str, Any]) -> Json:
        """The object in AWX, empty where it is not there. fields: with ids. ObjectError where it is somebody else's."""
        kind = kinds.kind_of(item)
        query = {"name": item["name"]} | ({kind.within: fields[kind.within]} if kind.within in fields else {})
        if kind.within in fields and fields[kind.within] == NOT_YET:
            return {}
        found = [it for it in self.api.all(f"{item['kind']}/", **query) if not it.get("pending_deletion")]
        if found and not kinds.is_ours(found[0]):
            raise ObjectError(
                f"AWX has a {title(item)} that rescue502 has not made: choose another awx_prefix, or put "
                f"'{kinds.MARK}' into its description, so that it is taken over"
            )
        return found[0] if found else {}

    def _require_others(self) -> None:
        """What is named and not described is in AWX already."""
        own = {(str(item["kind"]), str(item["name"])) for item in self.items}
        for kind, name in sorted(kinds.named(self.items) - own):
            found, word = list(self.api.all(f"{kind}/", name=name)), kinds.KINDS[kind].word
            if not found:
                raise ObjectError(f"AWX has no {word} '{name}', or this account may not see it. Nothing was changed.")
            if len(found) > 1:
                raise ObjectError(f"AWX has {len(found)} of the {word} '{name}': rename one. Nothing was changed.")
            self._found[kind, name] = found[0]

    def _require_fields(self) -> None:
        """This AWX has these fields, and this account may set them."""
        for item in self.items:
            known = self.api.fields(f"{item['kind']}/")
            if not known:
                raise ObjectError(
                    f"this account may not make a {kinds.kind_of(item).word} in AWX. Nothing was changed."
                )
            unknown = sorted(set(kinds.fields(item)) - set(known))
            if unknown:
                raise ObjectError(f"{title(item)}: this AWX has no field {', '.join(unknown)}. Nothing was changed.")

    def _make_one(self, item: Object) -> None:
        fields = self.with_ids(item)
        found = self.existing(item, fields)
        differing = comparison.differing(fields, found)
        if not found:
            made = self._send("POST", f"{item['kind']}/", comparison.as_text(fields), f"made the {title(item)}")
            found = {**made, "is_new": True}
        elif differing:
            self._change(item, found, differing)
        self._found[str(item["kind"]), str(item["name"])] = found
        if item["kind"] == "projects":
            self._await_files(item, found)
        if item["kind"] == "inventory_sources" and found.get("status", "never updated") == "never updated":
            path = f"inventory_sources/{found.get('id', NOT_YET)}/update/"
            self._send("POST", path, {}, f"started the first update of the {title(item)}")
        self._parts(item, found)

    def _change(self, item: Object, found: Json, differing: Mapping[str, Any]) -> None:
        path = f"{item['kind']}/{found['id']}/"
        what = f"changed {', '.join(sorted(differing))} of the {title(item)}"
        found.update(self._send("PATCH", path, comparison.as_text(differing), what))

    def with_ids(self, item: Object) -> dict[str, Any]:
        """An object's fields with ids in the place of names."""
        fields = kinds.fields(item)
        for key, kind in kinds.kind_of(item).names.items():
            if key in fields:
                fields[key] = self.id_of(*kinds.reference(kind, fields[key])) if fields[key] else None
        try:
            return comparison.typed(fields, self.api.fields(f"{item['kind']}/"))
        except (TypeError, ValueError) as error:
            raise ObjectError(f"{title(item)}: {error}") from error

    def _parts(self, item: Object, found: Json) -> None:
        """What hangs on an object: its survey, what is linked to it, a workflow's nodes."""
        path = f"{item['kind']}/{found.get('id', NOT_YET)}/"
        is_new = bool(found.get("is_new"))
        if survey := item.get("survey"):
            has = {} if is_new else self.api.get(f"{path}survey_spec/")
            if not comparison.same(survey, has):
                self._send("POST", f"{path}survey_spec/", survey, f"set the survey of the {title(item)}")
        for link, names in item.get("linked", {}).items():
            self._link(item, f"{path}{link}/", link, [str(name) for name in names], is_new)
        if "nodes" in item:
            Workflow(self.api, self._send, self.id_of).make(item, path, is_new)
        if "roles" in item:
            self._roles(item, path, is_new)

    def _link(self, item: Object, path: str, link: str, names: list[str], is_new: bool) -> None:
        kind, is_ours_alone = LINKS[link]
        linked = {} if is_new else {str(other["name"]): int(other["id"]) for other in self.api.all(path)}
        for name in sorted(set(linked) - set(names)) if is_ours_alone else ():
            self._send(
                "POST", path, {"id": linked[name], "disassociate": True}, f'unlinked "{name}" from the {title(item)}'
            )
        for name in names:
            if name not in linked:
                self._send(
                    "POST", path, {"id": self.id_of(kind, name)}, f'linked "{name}" to the {title(item)} ({link})'
                )

    def _roles(self, item: Object, path: str, is_new: bool) -> None:
        """What a team may do with other objects: each of these has roles, with ids of their own."""
        has = set() if is_new else {int(role["id"]) for role in self.api.all(f"{path}roles/")}
        for wanted in item["roles"]:
            kind, name = kinds.reference("", wanted["of"])
            roles = self._found[kind, name].get("summary_fields", {}).get("object_roles", {})
            role = int(roles.get(wanted["role"], {}).get("id", NOT_YET))
            if role == NOT_YET and not self.api.check_mode:
                raise ObjectError(f"{title(item)}: a {kinds.KINDS[kind].word} has no role {wanted['role']}")
            if role not in has:
                what = f'allowed the {title(item)} the {wanted["role"]} of the {kinds.KINDS[kind].word} "{name}"'
                self._send("POST", f"{path}roles/", {"id": role}, what)

    def _await_files(self, item: Object, found: Json) -> None:
        """AWX accepts a playbook in a template only when the project's files are there."""
        if self.api.check_mode or (found.get("status") not in UNDER_WAY and not found.get("is_new")):
            return
        ends = time.monotonic() + self.sync_seconds
        status = found.get("status", "new")
        while status in UNDER_WAY and time.monotonic() < ends:
            time.sleep(min(PAUSE, self.sync_seconds / 10))
            status = self.api.get(f"projects/{found['id']}/").get("status")
        if status != "successful":
            raise ObjectError(f"{title(item)}: its update is '{status}'; its last job in AWX says why")

    def _send(self, method: str, path: str, body: Mapping[str, Any], what: str) -> Json:
        self.changes.append(what)
        return self.api.send(method, path, body)
