"""AWX's API over real HTTP, as far as awx/setup.yml asks: lists, objects and OPTIONS in AWX's own forms (24.6).

What AWX refuses is refused here in its words: a field that is required, a name that is taken, a playbook of a project
whose first update has not ended, an account that is not known. Secrets are answered as `$encrypted$`.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from fake_awx_fields import CASCADES, DEFAULTS, FIELDS, REFERENCES, ROLES, TYPES, UNIQUE_WITHIN

TOKEN = "an-oauth-token"
Json = dict[str, Any]
# A project's status as it is asked again and again after it was made.
UPDATE = ["pending", "running", "successful"]


@dataclass
class FakeAwx:
    """Its objects by kind and id, and the requests that were made. may_make: kinds that the account may make."""

    url: str = ""
    objects: dict[str, dict[int, Json]] = field(default_factory=lambda: {kind: {} for kind in FIELDS})
    surveys: dict[str, Json] = field(default_factory=dict)
    # (path of the list, id) of what is linked to an object.
    links: set[tuple[str, int]] = field(default_factory=set)
    requests: list[tuple[str, str]] = field(default_factory=list)
    forbidden: set[str] = field(default_factory=set)
    largest_page: int = 200
    # Another address, to which all requests are sent on.
    moved_to: str = ""
    _last_id: int = 0

    def writes(self) -> list[tuple[str, str]]:
        """The requests that change something."""
        return [(method, path) for method, path in self.requests if method not in ("GET", "OPTIONS")]

    def named(self, kind: str, name: str) -> Json:
        """The only object of that name."""
        (found,) = (item for item in self.objects[kind].values() if item["name"] == name)
        return found

    def names(self, kind: str) -> set[str]:
        """The names of all objects of a kind."""
        return {item["name"] for item in self.objects[kind].values()}

    def add(self, kind: str, **given: Any) -> Json:
        """An object, as it is in AWX from then on."""
        self._last_id += 1
        now = "2026-01-31T12:00:00.000000Z"
        defaults = {key: DEFAULTS.get(what, "") for key, (what, _required) in FIELDS[kind].items()}
        item = {"id": self._last_id, "type": TYPES[kind], "created": now, "modified": now, **defaults, **given}
        item["url"] = f"/api/v2/{kind}/{self._last_id}/"
        if kind == "projects":
            item["updates"] = list(UPDATE)
        if kind == "inventory_sources":
            item["status"] = "never updated"
        roles = {}
        for role in ROLES.get(kind, ()):
            self._last_id += 1
            roles[role] = {"id": self._last_id, "name": role}
        item["roles"] = roles
        self.objects[kind][item["id"]] = item
        return item

    def remove(self, kind: str, number: int) -> None:
        """An object, and what hangs on it."""
        del self.objects[kind][number]
        for other, key in CASCADES.get(kind, ()):
            for item in [item for item in self.objects[other].values() if item[key] == number]:
                self.remove(other, item["id"])

    def shown(self, kind: str, item: Json) -> Json:
        """An object as GET answers it."""
        shown = {key: value for key, value in item.items() if key not in ("updates", "roles")}
        if updates := item.get("updates"):
            shown["status"] = updates.pop(0) if len(updates) > 1 else updates[0]
        if configuration := shown.get("notification_configuration"):
            shown["notification_configuration"] = configuration | {
                key: "$encrypted$" for key in ("token", "password") if configuration.get(key)
            }
        summary: Json = {"object_roles": item["roles"]}
        for key in FIELDS[kind]:
            for other in REFERENCES.get(key, ()):
                if item.get(key) in self.objects[other]:
                    found = self.objects[other][item[key]]
                    summary[key] = {"id": found["id"], "name": found.get("name", "")}
                    if key == "unified_job_template":
                        summary[key]["unified_job_type"] = "workflow_approval" if "approval" in other else "job"
        return shown | {"related": {}, "summary_fields": summary}


@contextmanager
def running() -> Iterator[FakeAwx]:
    """It listens on a free port of this machine for as long as the block lasts."""
    awx = FakeAwx()
    handler = type("OfThisAwx", (_Handler,), {"awx": awx})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    awx.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield awx
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class _RefusedError(Exception):
    def __init__(self, status: int, body: Json) -> None:
        self.status, self.body = status, body


class _Handler(BaseHTTPRequestHandler):
    awx: FakeAwx

    def log_message(self, *_args: Any) -> None:
        """Nothing is printed."""

    def _do(self) -> None:
        size = int(self.headers.get("Content-Length") or 0)
        text = self.rfile.read(size)
        path = urlsplit(self.path)
        self.awx.requests.append((self.command, path.path))
        try:
            status, body = self._answer(path.path, dict(parse_qsl(path.query)), json.loads(text or b"{}"))
        except _RefusedError as refused:
            status, body = refused.status, refused.body
        if self.awx.moved_to:
            status, body = 301, {}
        data = b"" if status == 204 else json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        if self.awx.moved_to:
            self.send_header("Location", self.awx.moved_to + self.path)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    do_GET = do_POST = do_PATCH = do_DELETE = do_OPTIONS = _do  # noqa: N815 - http.server's names

    def _answer(self, path: str, query: dict[str, str], body: Json) -> tuple[int, Json]:
        if path == "/api/":
            versions = {"v2": "/api/v2/"}
            return 200, {"description": "AWX REST API", "current_version": "/api/v2/", "available_versions": versions}
        if self.headers.get("Authorization") != f"Bearer {TOKEN}":
            words = "Authentication credentials were not provided. To establish a login session, visit /api/login/."
            raise _RefusedError(401, {"detail": words})
        match path.removeprefix("/api/v2/").strip("/").split("/"):
            case [kind] if kind in FIELDS:
                return self._list(kind, query, body)
            case [kind, number] if kind in FIELDS and int(number) in self.awx.objects[kind]:
                return self._detail(kind, int(number), body)
            case [kind, number, part] if kind in FIELDS and int(number) in self.awx.objects[kind]:
                return self._part(kind, int(number), part, query, body)
        raise _RefusedError(404, {"detail": "Not found."})

    def _list(self, kind: str, query: dict[str, str], body: Json) -> tuple[int, Json]:
        if self.command == "OPTIONS":
            described = {
                key: {"type": what, "required": required, "label": key.replace("_", " ").title()}
                for key, (what, required) in FIELDS[kind].items()
            }
            may = {} if kind in self.awx.forbidden else {"POST": described}
            return 200, {
                "name": kind,
                "parses": ["application/json"],
                "actions": {"GET": {}, **may},
                "max_page_size": 200,
            }
        if self.command == "POST":
            return 201, self.awx.shown(kind, self._made(kind, body))
        found = [
            item
            for item in self.awx.objects[kind].values()
            if all(str(item.get(key)) == value for key, value in query.items() if not key.startswith("page"))
        ]
        return 200, self._page(kind, found, query)

    def _page(self, kind: str, found: list[Json], query: dict[str, str]) -> Json:
        size = min(int(query.get("page_size", 25)), self.awx.largest_page)
        number = int(query.get("page", 1))
        shown = [self.awx.shown(kind, item) for item in found[(number - 1) * size : number * size]]
        again = "&".join(f"{key}={value}" for key, value in {**query, "page": str(number + 1)}.items())
        following = f"{urlsplit(self.path).path}?{again}" if number * size < len(found) else None
        return {"count": len(found), "next": following, "previous": None, "results": shown}

    def _made(self, kind: str, body: Json) -> Json:
        if kind in self.awx.forbidden:
            raise _RefusedError(403, {"detail": "You do not have permission to perform this action."})
        given = {key: value for key, value in body.items() if key in FIELDS[kind]}
        missing = [key for key, (_what, required) in FIELDS[kind].items() if required and given.get(key) in (None, "")]
        if missing:
            raise _RefusedError(400, {key: ["This field is required."] for key in missing})
        self._require_valid(kind, given)
        within = UNIQUE_WITHIN.get(kind, "organization")
        same = [it for it in self.awx.objects[kind].values() if it.get("name") == given.get("name")]
        if given.get("name") and any(it.get(within) == given.get(within) for it in same):
            words = f"{TYPES[kind].replace('_', ' ').capitalize()} with this Name and {within.title()} already exists."
            raise _RefusedError(400, {"__all__": [words]})
        return self.awx.add(kind, **given)

    def _require_valid(self, kind: str, given: Json) -> None:
        for key, kinds in REFERENCES.items():
            if given.get(key) is not None and not any(given[key] in self.awx.objects[other] for other in kinds):
                raise _RefusedError(400, {key: [f'Invalid pk "{given[key]}" - object does not exist.']})
        for key, value in given.items():
            wanted = {"integer": int, "boolean": bool, "string": str}.get(FIELDS[kind][key][0])
            if wanted and not isinstance(value, wanted):
                raise _RefusedError(400, {key: [f"A valid {wanted.__name__} is required."]})
        if kind == "job_templates" and "playbook" in given:
            project = self.awx.objects["projects"][given["project"]]
            if project["updates"] != UPDATE[-1:]:
                raise _RefusedError(400, {"playbook": ["Playbook not found for project."]})

    def _detail(self, kind: str, number: int, body: Json) -> tuple[int, Json]:
        item = self.awx.objects[kind][number]
        if self.command == "DELETE":
            # An inventory is removed by a job of AWX's own.
            if kind == "inventories":
                item["pending_deletion"] = True
                return 202, {}
            self.awx.remove(kind, number)
            return 204, {}
        if self.command == "PATCH":
            given = {key: value for key, value in body.items() if key in FIELDS[kind]}
            self._require_valid(kind, {"project": item.get("project"), **given} if kind == "job_templates" else given)
            item.update(given)
        return 200, self.awx.shown(kind, item)

    def _part(self, kind: str, number: int, part: str, query: dict[str, str], body: Json) -> tuple[int, Json]:
        path = f"{kind}/{number}/{part}"
        if part == "survey_spec":
            if self.command == "POST":
                if missing := {"name", "description", "spec"} - set(body):
                    raise _RefusedError(400, {"error": f"'{missing.pop()}' missing from survey spec."})
                self.awx.surveys[path] = body
                return 200, {}
            return 200, self.awx.surveys.get(path, {})
        if part == "update":
            self.awx.objects[kind][number]["status"] = "pending"
            return 202, {"inventory_update": 1}
        if part == "workflow_nodes":
            return self._list("workflow_job_template_nodes", {**query, "workflow_job_template": str(number)}, {
                **body, "workflow_job_template": number,
            })  # fmt: skip
        if part == "create_approval_template":
            made = self.awx.add("workflow_approval_templates", **body)
            self.awx.objects[kind][number]["unified_job_template"] = made["id"]
            return 201, self.awx.shown("workflow_approval_templates", made)
        if part.endswith("_nodes"):
            self.awx.objects[kind][number].setdefault(part, []).append(body["id"])
            return 204, {}
        return self._links(path, part, query, body)

    def _role(self, number: int) -> Json:
        """A role in AWX's form: its name is for people."""
        return next(
            {
                "id": number,
                "name": {"approval_role": "Approve"}.get(name, name.removesuffix("_role").title()),
                "summary_fields": {
                    "resource_name": item["name"],
                    "resource_type": TYPES[kind],
                    "resource_id": item["id"],
                },
            }
            for kind in ROLES
            for item in self.awx.objects[kind].values()
            for name, role in item["roles"].items()
            if role["id"] == number
        )

    def _links(self, path: str, part: str, query: dict[str, str], body: Json) -> tuple[int, Json]:
        if self.command == "POST":
            change = self.awx.links.discard if body.get("disassociate") else self.awx.links.add
            change((path, body["id"]))
            return 204, {}
        numbers = [number for linked, number in sorted(self.awx.links) if linked == path]
        if part == "roles":
            return 200, {"count": len(numbers), "next": None, "results": [self._role(number) for number in numbers]}
        kind = "credentials" if part == "credentials" else "notification_templates"
        return 200, self._page(kind, [self.awx.objects[kind][number] for number in numbers], query)
