"""The shapes that a lab host may have: one file in shapes/ each. Names, paths, users and ports differ throughout.

Those in shapes/old/ are no part of the matrix and are built where they are named only: old systems, of each night.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import yaml

FOLDER = Path(__file__).parent / "shapes"
OLD = FOLDER / "old"
DEFAULT = "tcp"
PYTHONS = {"bullseye": "3.9", "bookworm": "3.11", "trixie": "3.13"}
# The name under which a host with its PostgreSQL elsewhere reaches it.
DATABASE_HOST = "db.internal"


@dataclass(frozen=True)
class Shape:
    """How one kind of lab host is built. What a file does not say has the usual value."""

    name: str
    about: str
    package: str
    label: str
    model: str
    unit: str
    user: str
    root: str
    venv: str
    log_dir: str
    bind: str
    server_name: str
    origin: str
    suite: str = "bookworm"
    # Where the app's variables are: in a file, in Environment= lines, or there with the secrets in systemd credentials.
    environment: str = "file"
    env_file: str = ""
    requirements: str = "txt"
    installer: str = "pip"
    worker: str = "sync"
    activation: bool = False
    tls: bool = True
    # here, elsewhere (on another host) or sqlite
    database: str = "here"
    neighbour: bool = False
    django: str = "4.2.16"

    @property
    def python(self) -> str:
        """The minor version of the host's Python."""
        return PYTHONS[self.suite]

    @property
    def socket(self) -> str:
        """The path of the unix socket that the app listens on; empty on TCP."""
        return self.bind.removeprefix("unix:") if self.bind.startswith("unix:") else ""

    @property
    def runtime_directory(self) -> bool:
        """Whether the socket lies in a folder that systemd makes when the unit starts."""
        return bool(self.socket) and not self.activation

    @property
    def api_path(self) -> str:
        """A path whose answer needs the database."""
        return f"/api/{self.label}/"

    @property
    def paths(self) -> tuple[str, ...]:
        """Checks that a careful user makes through nginx; the first needs the database."""
        return (self.api_path, "/health/", "/api/notifications/user/count/")

    def features(self) -> set[str]:
        """The features that a failure mode's `where` may ask for."""
        known = {
            "tcp": not self.socket,
            "unix_socket": bool(self.socket),
            "runtime_directory": self.runtime_directory,
            "socket_activation": self.activation,
            "plain_service": not self.activation,
            "asgi": self.worker == "uvicorn",
            "wsgi": self.worker == "sync",
            "postgresql": self.database != "sqlite",
            "postgresql_here": self.database == "here",
            "postgresql_remote": self.database == "elsewhere",
            "sqlite": self.database == "sqlite",
            "env_file": self.environment == "file",
            "credentials": self.environment == "credentials",
            "tls": self.tls,
            "pip": self.installer == "pip",
            "uv": self.installer == "uv",
            "requirements_txt": self.requirements == "txt",
            "pyproject": self.requirements == "pyproject",
            "neighbour": self.neighbour,
        }
        return {name for name, has in known.items() if has}

    def facts(self) -> dict[str, str]:
        """The variables that a reproduction may refer to: it depends on no name of this lab."""
        here = self.database == "here"
        return {
            "UNIT": self.unit,
            "UNIT_FILE": f"/etc/systemd/system/{self.unit}",
            "SOCKET_UNIT": self.unit.replace(".service", ".socket") if self.activation else "",
            "ROOT": self.root,
            "VENV": self.venv,
            "PACKAGE": self.package,
            "APP_USER": self.user,
            "APP_GROUP": self.user,
            "APP_LABEL": self.label,
            "APP_TABLE": f"{self.label}_{self.model.lower()}",
            "PREVIOUS_MIGRATION": "0001_initial",
            "ENVIRONMENT": self.environment,
            "ENV_FILE": self.env_file,
            "CREDENTIALS": f"/etc/{self.package}/credentials" if self.environment == "credentials" else "",
            "STATIC_ROOT": f"{self.root}/staticfiles",
            "MEDIA_ROOT": f"{self.root}/media",
            "LOG_DIR": self.log_dir,
            "BIND": self.socket or self.bind,
            "UPSTREAM_PORT": "" if self.socket else self.bind.rpartition(":")[2],
            "DATABASE": self.database,
            "DATABASE_HOST": DATABASE_HOST if self.database == "elsewhere" else "127.0.0.1",
            "DATABASE_UNIT": "postgresql" if here else "",
            "DATABASE_NAME": self.package,
            "DATABASE_USER": self.package,
            "NGINX_SITE": f"/etc/nginx/sites-available/{self.package}",
            "SERVER_NAME": self.server_name,
            "API_PATH": self.api_path,
        }

    def careful_settings(self) -> dict[str, Any]:
        """The variables that a careful user would set in the inventory, as inventory/xamila does."""
        scheme = "https" if self.tls else "http"
        urls = [
            "http://127.0.0.1/health/",
            f"{scheme}://127.0.0.1{self.api_path}",
            f"{scheme}://127.0.0.1/api/notifications/user/count/",
        ]
        edge: list[dict[str, Any]] = [{"url": url, "host": self.server_name, "verify_tls": False} for url in urls]
        # The front end sends JSON, so its browser asks first.
        edge.append({**edge[1], "preflight": "POST", "preflight_headers": ["content-type"]})
        settings: dict[str, Any] = {
            "rescue502_edge": edge,
            "rescue502_cors_origin": self.origin,
            "rescue502_database_unit": "postgresql" if self.database == "here" else "",
        }
        if not self.socket:
            settings["rescue502_health_url"] = f"http://{self.bind}/health/"
            settings["rescue502_health_json"] = {"status": "healthy"}
        return settings

    def requirement_lines(self) -> list[str]:
        """The app's requirements, pinned."""
        text = (Path(__file__).parent / "image" / "app" / "requirements.txt").read_text(encoding="utf-8")
        lines = [f"Django=={self.django}" if line.startswith("Django==") else line for line in text.splitlines()]
        return [*lines, "uvicorn==0.30.6"] if self.worker == "uvicorn" else lines


@cache
def load(name: str) -> Shape:
    """The shape of that name. FileNotFoundError where there is none."""
    folder = OLD if name in old_names() else FOLDER
    data = yaml.safe_load((folder / f"{name}.yml").read_text(encoding="utf-8"))
    return Shape(name=name, **data)


def names() -> list[str]:
    """All shapes, the usual one first."""
    found = sorted(path.stem for path in FOLDER.glob("*.yml"))
    return [DEFAULT, *(name for name in found if name != DEFAULT)]


def old_names() -> list[str]:
    """The shapes of old systems."""
    return sorted(path.stem for path in OLD.glob("*.yml"))
