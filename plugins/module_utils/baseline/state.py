# Copyright: rescue502 maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The state that a change could break: commit, packages, unit and nginx files, owners and modes, variables.

It is taken twice, when the app is known to be well and when it is not, to find what has changed in between. So it is
small, quick, and the same for the same host. Content is kept as keyed marks only: they show whether two are the same.
"""

from __future__ import annotations

import hmac
import os
from typing import Any

from ansible_collections.rescue502.django.plugins.module_utils.collectors import code, files
from ansible_collections.rescue502.django.plugins.module_utils.files import access, safe_files
from ansible_collections.rescue502.django.plugins.module_utils.services import installed_packages, nginx_unit
from ansible_collections.rescue502.django.plugins.module_utils.stack.stack import Stack
from ansible_collections.rescue502.django.plugins.module_utils.system import environment_file, systemd

# Each is a dict of texts by name.
SECTIONS = ("packages", "python", "units", "nginx", "modes", "variables")
MOST_BYTES = 2**20


def take(stack: Stack, key: bytes) -> dict[str, Any]:
    """{commit, and each of SECTIONS}. key: what the marks are made with, so that nobody without it can try values.

    Raises systemd.SystemdError where systemd gives no answer.
    """
    return {
        "commit": code.head(stack.root),
        "packages": installed_packages.versions(stack.venv),
        "python": _python(stack.venv),
        "units": _marks(key, _unit_files(stack)),
        "nginx": _marks(key, stack.nginx_files),
        "modes": _modes(stack),
        "variables": {name: _mark(key, name, value) for name, value in sorted(_variables(stack).items())},
    }


def _mark(key: bytes, name: str, content: bytes) -> str:
    """The same for the same content under the same name; says nothing to anybody without the key."""
    return hmac.new(key, name.encode("utf-8", "surrogateescape") + b"\0" + content, "sha256").hexdigest()[:32]


def _marks(key: bytes, paths: list[str]) -> dict[str, str]:
    return {path: _mark(key, path, _content(path)) for path in sorted(set(paths))}


def _content(path: str) -> bytes:
    """A file's content; empty where it cannot be read safely, as a masked unit, which leads to /dev/null."""
    try:
        return safe_files.read_bytes(safe_files.resolve(path), MOST_BYTES)
    except OSError:
        return b""


def _python(venv: str) -> dict[str, str]:
    """The interpreter that a virtual environment leads to, with its size and time: an upgrade changes both."""
    if not venv:
        return {}
    path = os.path.realpath(os.path.join(venv, "bin", "python3"))
    try:
        status = os.stat(path)
    except OSError:
        return {}
    return {path: f"{status.st_size} {int(status.st_mtime)}"}


def _unit_files(stack: Stack) -> list[str]:
    """The files and drop-ins, as systemd has loaded them, of the units that a request goes through."""
    sockets = [name for name in systemd.words(stack.properties.get("TriggeredBy", "")) if name.endswith(".socket")]
    names = [stack.unit, *sockets, nginx_unit.name(), *filter(None, [stack.database_unit])]
    shown = systemd.show_many(names, ["FragmentPath", "DropInPaths"])
    return [
        path for unit in shown for path in (unit.get("FragmentPath", "") + " " + unit.get("DropInPaths", "")).split()
    ]


def _modes(stack: Stack) -> dict[str, str]:
    """`uid:gid mode` of the app's first files and folders, and of what it needs outside its own folder.

    Paths below the app's folder are relative to it: a release of the same name is the same file.
    """
    try:
        root = safe_files.resolve(stack.root)
    except OSError:
        return {}
    apart = [os.path.realpath(path) for path in (stack.venv, *files.media_and_static(stack, None)) if path]
    walked = safe_files.walk(root, skip_names=access.SKIP_NAMES, skip=frozenset(apart), many=access.GLANCE)
    found = {_within(root, entry.path): _mode(entry.st) for entry in walked}
    sockets = [bind["path"] for bind in stack.bind if bind["kind"] == "unix"]
    above = [folder for path in (root, *apart, *stack.env_files, *sockets) for folder in _above(path)]
    for path in {*apart, *stack.env_files, *files.log_files(stack, None), *above}:
        try:
            found.setdefault(_within(root, path), _mode(os.stat(path)))
        except OSError:
            continue
    return dict(sorted(found.items()))


def _within(root: str, path: str) -> str:
    return os.path.relpath(path, root) if path == root or path.startswith(root + os.path.sep) else path


def _above(path: str) -> list[str]:
    """The folders above a path, without the topmost, which nobody changes."""
    found = []
    folder = os.path.dirname(path)
    while folder not in ("", "/"):
        found.append(folder)
        folder = os.path.dirname(folder)
    return found


def _mode(status: os.stat_result) -> str:
    return f"{status.st_uid}:{status.st_gid} {status.st_mode & 0o7777:04o}"


def _variables(stack: Stack) -> dict[str, bytes]:
    """The app's variables and credentials, those included that only its settings read, from a .env."""
    found: dict[str, str] = {}
    for path in stack.env_files:
        found.update(environment_file.parse(_content(path).decode("utf-8", "replace")))
    found.update(stack.unit_environment)
    variables = {name: value.encode("utf-8", "surrogateescape") for name, value in found.items()}
    return {**variables, **stack.credentials}
