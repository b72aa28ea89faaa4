"""What a generated host may be like: each choice with its options, the plain one first, and what a seed draws."""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields, replace
from random import Random
from typing import Any

from lab import shape as shapes
from lab.podman import LabError
from lab.shape import Shape

OPTIONS: dict[str, tuple[str, ...]] = {
    "name": ("shop", "clinic", "tickets", "weather", "orchard", "payroll", "library", "fares"),
    "layout": ("www", "srv", "opt", "home", "releases", "monorepo"),
    # Whose the code is; the app's account reads it as the owner, by its group, as anybody, or by an ACL.
    "owner": ("app", "deploy", "root", "acl"),
    "user": ("own", "www-data"),
    "server": ("sync", "gthread", "gevent", "uvicorn-worker", "uvicorn", "hypercorn"),
    # How gunicorn's command line is written.
    "written": ("words", "short", "shuffled", "file", "args", "module"),
    "bind": ("tcp", "runtime", "folder"),
    "starter": ("service", "socket", "template"),
    "variables": ("file", "unit", "dotenv", "decouple", "credentials", "settings"),
    "database": ("password", "peer", "sqlite"),
    "static": ("nginx", "none", "whitenoise", "manifest"),
    "hardening": ("none", "some", "strict"),
    "proxy": ("plain", "upstream", "include", "variable", "named"),
    "code": ("git", "copied"),
    "requirements": ("txt", "none"),
    "logs": ("files", "journal"),
    "tls": ("yes", "no"),
    # What the operator has set for rescue502 in the inventory: all that a careful one would, or the edge alone.
    "told": ("all", "edge"),
}
# Options that came later. Numbers below SINCE draw hosts without them, so that a number that was kept stays its host.
LATER: dict[str, tuple[str, ...]] = {
    # uWSGI by its own protocol or by HTTP.
    "server": ("uwsgi", "uwsgi-http", "daphne"),
    # Not on the command line: hypercorn.toml, uwsgi.ini, gunicorn.conf.py, or UVICORN_HOST and its like.
    "written": ("configured",),
    "variables": ("environ", "pydantic"),
}
SINCE = 100_000
GUNICORN = ("sync", "gthread", "gevent", "uvicorn-worker")
ASGI = ("uvicorn-worker", "uvicorn", "hypercorn", "daphne")
PORTS = (8000, 8001, 8010, 8080, 8888, 9000)


@dataclass(frozen=True)
class Choices:
    """One generated host, as words of OPTIONS. `number` is what else is drawn: a port, an order of options."""

    number: int = 0
    name: str = "shop"
    layout: str = "www"
    owner: str = "app"
    user: str = "own"
    server: str = "sync"
    written: str = "words"
    bind: str = "tcp"
    starter: str = "service"
    variables: str = "file"
    database: str = "password"
    static: str = "nginx"
    hardening: str = "none"
    proxy: str = "plain"
    code: str = "git"
    requirements: str = "txt"
    logs: str = "files"
    tls: str = "yes"
    told: str = "all"

    def possible(self) -> Choices:
        """The nearest host that can be: what does not go together is made plain."""
        changes: dict[str, Any] = {}
        gunicorn = self.server in GUNICORN
        if self.starter == "socket":
            # Other servers take no socket from systemd.
            changes["server"] = self.server if gunicorn else "sync"
        elif not gunicorn and (self.written != "configured" or self.server == "daphne"):
            changes["written"] = "words"
        if self.written == "configured" and (gunicorn or self.starter == "socket"):
            changes["written"] = "file"
        if self.layout == "releases":
            changes["code"] = "copied"
        if self.user == "www-data" and (self.database == "peer" or self.layout == "home"):
            changes["user"] = "own"
        if self.owner == "app" and self.bind == "folder" and self.hardening == "strict":
            changes["hardening"] = "some"
        if self.layout == "home":
            # It is the app's own account's.
            changes["owner"] = "app"
        return replace(self, **changes)

    def unlike_plain(self) -> list[str]:
        """The names of the choices that are not plain."""
        return [name for name, value in asdict(self).items() if value != getattr(PLAIN, name)]

    def __str__(self) -> str:
        return " ".join(f"{name}={getattr(self, name)}" for name in self.unlike_plain()) or "plain"


PLAIN = Choices()
NAMED = {
    "plain": PLAIN,
    # As the popular tutorials leave it.
    "tutorial": Choices(
        name="myproject", layout="home", server="sync", starter="socket", variables="settings", code="copied",
        requirements="none", logs="journal", tls="no", proxy="include", told="edge",
    ),
}  # fmt: skip


def drawn(number: int) -> Choices:
    """The host that a number draws: half of its choices are plain, so that what is odd meets what is usual."""
    random = Random(number)
    found = {
        name: random.choice(options) if random.random() < 0.5 or name == "name" else options[0]
        for name, options in OPTIONS.items()
    }
    for name, options in LATER.items() if number >= SINCE else ():
        own = Random(f"{name} {number}")
        if own.random() < 0.3:
            found[name] = own.choice(options)
    return Choices(number=number, **found).possible()


def like(shape: Shape) -> Choices:
    """The choices that one of the lab's own shapes is nearest to."""
    return Choices(
        name=shape.package, layout="home" if shape.root.startswith("/home/") else "www",
        user="www-data" if shape.user == "www-data" else "own",
        server="uvicorn-worker" if shape.worker == "uvicorn" else "sync",
        written="file" if shape.runtime_directory else "words", bind="runtime" if shape.runtime_directory else "tcp",
        starter="socket" if shape.activation else "service", variables=shape.environment,
        database="sqlite" if shape.database == "sqlite" else "password", proxy="upstream" if shape.socket else "plain",
        tls="yes" if shape.tls else "no",
    )  # fmt: skip


def parse(text: str) -> Choices:
    """`17`, `tutorial`, a shape's name, or one with choices that differ: `17,bind=tcp`. LabError where not valid."""
    seed, *others = text.split(",")
    if not seed.isdigit() and seed not in (*NAMED, *shapes.names()):
        raise LabError(f"not a valid seed: {seed}; a number, or one of: {', '.join((*NAMED, *shapes.names()))}")
    found = drawn(int(seed)) if seed.isdigit() else NAMED.get(seed) or like(shapes.load(seed))
    return replace(found, **dict(map(_choice, others))).possible()


def _choice(text: str) -> tuple[str, Any]:
    name, _equals, value = text.partition("=")
    known = {field.name for field in fields(Choices)} - {"number"}
    options = (*OPTIONS.get(name, ()), *LATER.get(name, ()))
    if name not in known or (name != "name" and value not in options):
        raise LabError(f"not a valid choice: {text}; {name} is one of: {', '.join(options or sorted(known))}")
    return name, value
