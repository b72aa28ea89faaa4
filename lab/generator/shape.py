"""A generated host in the words of a shape, so that all that works on a lab host works on it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from random import Random
from typing import Any

from lab import shape as shapes
from lab.generator.choices import ASGI, GUNICORN, PLAIN, PORTS, Choices, parse
from lab.shape import Shape

PREFIX = "seed:"
ROOTS = {
    "www": "/var/www/{name}",
    "srv": "/srv/{name}/app",
    "opt": "/opt/{name}",
    "home": "/home/{user}/{name}",
    "releases": "/srv/{name}/current",
    "monorepo": "/srv/{name}/backend",
}
VENVS = {
    "www": "{root}/venv", "srv": "/srv/{name}/venv", "opt": "/opt/{name}/.venv", "home": "{root}/env",
    "releases": "/srv/{name}/shared/venv", "monorepo": "/srv/{name}/.venv",
}  # fmt: skip
ENV_FILES = {"www": "{root}/.env", "srv": "/etc/{name}.env", "opt": "/etc/default/{name}", "home": "{root}/.env",
             "releases": "/srv/{name}/shared/env", "monorepo": "/etc/{name}/env"}  # fmt: skip
# The settings themselves read the file `.env` next to manage.py.
DOTENV = ("dotenv", "decouple", "environ", "pydantic")
# The gunicorn that is named after the tool, as the tutorials have it, and others.
UNITS = ("{name}.service", "gunicorn.service", "{name}-web.service", "django.service")


@dataclass(frozen=True)
class GeneratedShape(Shape):
    """The shape that choices make."""

    choices: Choices = PLAIN
    # The name of the lab's own shape that this is, not rewritten.
    usual: str = ""

    def facts(self) -> dict[str, str]:
        """What faults and rebuild.sh may refer to."""
        c = self.choices
        template = c.starter == "template"
        unit_file = f"/etc/systemd/system/{self.unit.partition('@')[0] + '@.service' if template else self.unit}"
        facts = super().facts() | {
            "UNIT_FILE": unit_file,
            "APP_GROUP": self.group,
            "OWNER": {"app": self.user, "root": "root"}.get(c.owner, "deploy"),
            "REPOSITORY": self.root.rpartition("/")[0] if c.layout == "monorepo" else self.root,
            "SETTINGS": f"{self.root}/{self.package}/settings.py",
            "SERVER": c.server,
            "SERVER_PROGRAM": "gunicorn" if c.server in GUNICORN else c.server.partition("-")[0],
            "STATIC": c.static,
        }
        if c.name == "myproject":
            facts["STATIC_ROOT"] = f"{self.root}/static"
        if c.database == "peer":
            facts |= {"DATABASE_HOST": "", "DATABASE_USER": self.user}
        return facts

    @property
    def group(self) -> str:
        """The group that the app runs with: nginx's, as in the tutorials, or its own."""
        return "www-data" if self.choices.name == "myproject" else self.user

    def features(self) -> set[str]:
        """The features of a usual shape, and every choice as `choice=option`."""
        c = self.choices
        taken = {f"{name}={value}" for name, value in vars(c).items()}
        if self.database == "elsewhere":
            taken.discard("database=password")
        if self.requirements == "pyproject":
            taken.discard("requirements=txt")
        return super().features() | taken | self._server_features()

    def _server_features(self) -> set[str]:
        c = self.choices
        known = {
            "gunicorn": c.server in GUNICORN,
            "uwsgi": c.server.startswith("uwsgi"),
            # Whether the command line names the app.
            "app_in_command": not (c.server.startswith("uwsgi") and c.written == "configured"),
            # Whether the address is in a file of the server's, or in variables.
            "address_in_file": not self.activation and c.written in ("file", "configured"),
        }
        return {name for name, has in known.items() if has}

    def careful_settings(self) -> dict[str, Any]:
        """What the operator has set; little more than the edge where the choice says so."""
        settings = super().careful_settings()
        if self.choices.server == "uwsgi":
            # It speaks no HTTP.
            settings = {name: value for name, value in settings.items() if not name.startswith("rescue502_health_")}
        if self.choices.told == "edge":
            # A preflight is asked by a front end, whose origin is not told either.
            settings = {"rescue502_edge": [item for item in settings["rescue502_edge"] if "preflight" not in item]}
        return settings


def is_seed(shape_name: str) -> bool:
    """Whether a shape's name is that of a generated one."""
    return shape_name.startswith(PREFIX)


@cache
def load(shape_name: str) -> GeneratedShape:
    """The shape of `seed:…`. LabError where that is not valid."""
    seed = shape_name.removeprefix(PREFIX)
    if seed in shapes.names():
        usual = shapes.load(seed)
        return GeneratedShape(**vars(usual) | {"name": shape_name, "choices": parse(seed), "usual": seed})
    return make(shape_name, parse(seed))


def base(shape: GeneratedShape) -> Shape:
    """The shape whose image the host is made from."""
    if shape.usual:
        return shapes.load(shape.usual)
    return shapes.load("sqlite" if shape.database == "sqlite" else shapes.DEFAULT)


def make(shape_name: str, c: Choices) -> GeneratedShape:
    """The shape of these choices."""
    random = Random(c.number)
    tutorial = c.name == "myproject"
    user = "sammy" if tutorial else "www-data" if c.user == "www-data" else c.name
    names = {"name": c.name, "user": "sammy" if tutorial else c.name}
    root = "/home/sammy/myprojectdir" if tutorial else ROOTS[c.layout].format(**names)
    unit = "gunicorn.service" if tutorial else random.choice(UNITS if c.number else UNITS[:1]).format(**names)
    port = random.choice(PORTS) if c.number else PORTS[0]
    if c.starter == "template":
        unit = f"{unit.removesuffix('.service')}@{c.name}.service"
    variables = "code" if c.variables == "settings" else "file" if c.variables in DOTENV else c.variables
    folders = {
        "tcp": f"127.0.0.1:{port}",
        "runtime": f"unix:/run/{c.name}/web.sock",
        "folder": f"unix:{root}/run/app.sock",
    }
    env_file = f"{root}/.env" if c.variables in DOTENV else ENV_FILES[c.layout].format(root=root, **names)
    return GeneratedShape(
        name=shape_name, about=f"generated: {c}", package=c.name, label="items", model="Item", unit=unit, user=user,
        root=root, venv=f"{root}/myprojectenv" if tutorial else VENVS[c.layout].format(root=root, **names),
        log_dir=f"/var/log/{c.name}", bind=f"unix:/run/{unit.partition('.')[0].partition('@')[0]}.sock"
        if c.starter == "socket" else folders[c.bind],
        server_name=f"{c.name}.example", origin=f"https://www.{c.name}.example", environment=variables,
        env_file=env_file if variables == "file" else "", requirements=c.requirements,
        worker="uvicorn" if c.server in ASGI else "sync",
        activation=c.starter == "socket", tls=c.tls == "yes", database="sqlite" if c.database == "sqlite" else "here",
        choices=c,
    )  # fmt: skip
