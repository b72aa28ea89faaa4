# Copyright: rescue502 maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The command of a shadow start: the unit's own on a socket of ours, where needed with a changed copy of a file."""

from __future__ import annotations

import glob
import os
from dataclasses import dataclass

from ansible_collections.rescue502.django.plugins.module_utils.files import safe_files
from ansible_collections.rescue502.django.plugins.module_utils.run import trial_unit
from ansible_collections.rescue502.django.plugins.module_utils.services import (
    gunicorn_config,
    server_command,
    uwsgi_command,
)
from ansible_collections.rescue502.django.plugins.module_utils.stack.stack import Stack
from ansible_collections.rescue502.django.plugins.module_utils.system import systemd


@dataclass(frozen=True)
class TrialCommand:
    """words: of the command. text: what its changed configuration file holds, which is at trial_unit.configuration().

    like: the status of the original, through the descriptor that it was read by; None where there is no such file.
    acl: its access control list as the kernel has it (acl(5)); empty without one.
    """

    words: list[str]
    text: str = ""
    like: os.stat_result | None = None
    acl: bytes = b""


def of(stack: Stack, name: str) -> TrialCommand:
    """That of a unit of this name, with its socket in the unit's own folder. Raises OSError.

    Raises ValueError where it is not known what would be started.
    """
    words = systemd.exec_words(stack.properties)
    if not words:
        raise ValueError("systemd did not say with which words it is started")
    words, socket = _expanded(words, stack.environment), f"/run/{name}/socket"
    at = server_command.position(words)
    if stack.server.server != "uwsgi" or at < 0:
        return TrialCommand(server_command.for_trial(words, socket, _version(stack.venv)))
    if given := [name for name in stack.environment if name.startswith("UWSGI_")]:
        raise ValueError(f"uWSGI reads an option in {given[0]}")
    copy, own = trial_unit.configuration(name), words[: at + 1]
    options, path = uwsgi_command.for_trial(words[at + 1 :], socket, copy, stack.server.speaks_uwsgi)
    if not path:
        return TrialCommand([*own, *options])
    path = safe_files.resolve(os.path.join(stack.cwd, path))
    with os.fdopen(safe_files.open_entry(path), encoding="utf-8", errors="surrogateescape") as file:
        text, like = file.read(safe_files.MOST_TEXT), os.fstat(file.fileno())
        acl = os.getxattr(file.fileno(), trial_unit.ACL) if trial_unit.ACL in os.listxattr(file.fileno()) else b""
    return TrialCommand([*own, *options], uwsgi_command.changed(text, path), like, acl)


def _expanded(words: list[str], environment: dict[str, str]) -> list[str]:
    """The words with those put in that systemd would make of `$NAME` alone; `${NAME}` is left to it."""
    found: list[str] = []
    for word in words:
        alone = word[1:] if word.startswith("$") and word[1:].isidentifier() else ""
        more = gunicorn_config.split_words(environment.get(alone, "")) if alone else [word]
        found += [item.replace("$", "$$") for item in more] if alone else more
    return found


def _version(venv: str) -> int:
    """gunicorn's major version in the virtual environment; 0 where it is not known."""
    for path in glob.glob(f"{glob.escape(venv)}/lib/python3*/site-packages/gunicorn-*.dist-info") if venv else ():
        number = os.path.basename(path).partition("-")[2].partition(".")[0]
        return int(number) if number.isdigit() else 0
    return 0
