# Copyright: rescue502 maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Which unit is the app's: the one that the user names, or the only one on this host that runs a Python app server."""

from __future__ import annotations

import os
import re
from typing import Any

from ansible_collections.rescue502.django.plugins.module_utils.files import write_access
from ansible_collections.rescue502.django.plugins.module_utils.run import trial_unit
from ansible_collections.rescue502.django.plugins.module_utils.services import (
    gunicorn_config,
    nginx_config,
    nginx_locations,
    uwsgi_emperor,
)
from ansible_collections.rescue502.django.plugins.module_utils.services.server_config import ServerConfig
from ansible_collections.rescue502.django.plugins.module_utils.system import sockets, systemd

_SHELLS = ("sh", "bash", "dash", "ash", "zsh", "ksh")
# `sh -c LINE`, also as in `bash -lc`.
_GIVES_LINE = re.compile(r"-\w*c$")
_SHELLS_WORDS = 3


class StackError(Exception):
    """The app cannot be found on this host; the text says what was looked for and what to set."""


def names() -> list[str]:
    """The service units whose ExecStart runs a Python app server; uWSGI's Emperor runs those of others, and is none."""
    found = commands().items()
    return sorted(
        unit
        for unit, words in found
        if gunicorn_config.server_name(_last(words)) and not uwsgi_emperor.is_emperor(words)
    )


def _last(words: list[str]) -> list[str]:
    """The last command of a line that is given to a shell, which is the one that stays; all words of another one."""
    if len(words) < _SHELLS_WORDS or os.path.basename(words[0]) not in _SHELLS or not _GIVES_LINE.match(words[1]):
        return words
    line = gunicorn_config.split_words(" ".join(words[2:]))
    ends = [index for index, word in enumerate(line) if word in ("exec", "&&", "||") or word.endswith(";")]
    return line[ends[-1] + 1 :] if ends else line


def commands() -> dict[str, list[str]]:
    """The words of ExecStart= of each service unit that systemd has a file of, or has loaded."""
    text = systemd.systemctl("list-unit-files", "--type=service", "--no-legend", "--plain")
    known = [line.split()[0] for line in text.splitlines() if line.strip()]
    loaded = systemd.systemctl("list-units", "--type=service", "--all", "--no-legend", "--plain")
    known += [line.split()[0] for line in loaded.splitlines() if line.strip()]
    known = sorted({name for name in known if not name.endswith("@.service") and not trial_unit.is_one(name)})
    shown = systemd.show_many(known, ["Id", "ExecStart"])
    return {unit.get("Id", ""): systemd.exec_argv(unit.get("ExecStart", "")) for unit in shown}


def only() -> str:
    """The one app unit of this host; StackError where there is none, or more than one."""
    units = names()
    if len(units) == 1:
        return units[0]
    if not units:
        raise StackError(
            "nothing on this host was found to run a Python app server, neither a unit of systemd's nor supervisor, a "
            "container, uWSGI's Emperor or a user's own systemd: set rescue502_unit. Nothing was changed."
        )
    raise StackError(f"several app units on this host ({', '.join(units)}): set rescue502_unit. Nothing was changed.")


def refuse_misspelt(unit: str) -> None:
    """StackError where systemd's not knowing this unit is a sign of a wrong setting rather than of a unit that is gone.

    A unit that is gone leaves an address behind to which nginx sends requests, and at which neither anybody listens nor
    any other unit is set to.
    """
    others = names()
    if others and not _nginx_misses_one(others):
        raise StackError(
            f"systemd on this host knows no unit {unit}; units that run a Python app server: {', '.join(others)}. "
            "Set rescue502_unit to the right one. Nothing was changed."
        )


def _nginx_misses_one(others: list[str]) -> bool:
    """Whether nginx sends requests to an address on this host that nobody listens at, and that is not the others'."""
    try:
        sent_to = dialled()
        taken = [*sockets.listeners(), *(bind for other in others for bind in _binds(other))]
    except (OSError, LookupError):
        return False
    dialled_binds = [gunicorn_config.parse_bind(address) for address in sent_to]
    here = [
        bind for bind in dialled_binds if bind["kind"] == "unix" or bind["host"] in ("127.0.0.1", "localhost", "::1")
    ]
    return any(not sockets.matching(bind, taken) for bind in here)


def dialled() -> set[str]:
    """The addresses that nginx sends requests to. OSError where its configuration cannot be read, or there is none."""
    root, _files = nginx_config.load(nginx_config.main_file())
    return {address for location in nginx_locations.proxied_locations(root) for address in location["addresses"]}


def _binds(unit: str) -> list[dict[str, Any]]:
    """Where a unit is set to listen. LookupError where its files do not say that."""
    properties = systemd.show(unit)
    environment, _problems = systemd.unit_environment(properties)
    server = server_of(properties, environment, working_directory(properties, environment))
    binds = [gunicorn_config.parse_bind(text) for text in server.bind]
    if not binds or properties.get("TriggeredBy") or any(bind["kind"] == "fd" for bind in binds):
        raise LookupError(unit)
    return binds


def working_directory(properties: dict[str, str], environment: dict[str, str]) -> str:
    """Where systemd starts a unit's process."""
    return properties.get("WorkingDirectory", "").lstrip("-!").replace("~", environment.get("HOME", "~")) or "/"


def server_of(properties: dict[str, str], environment: dict[str, str], cwd: str) -> ServerConfig:
    """How a unit's app server is configured to run."""
    words = systemd.exec_words(properties)
    # A shell that starts the server has all of the server's command line as one word of its own.
    argv = words if gunicorn_config.server_name(words) else systemd.exec_argv(properties.get("ExecStart", ""))
    return gunicorn_config.parse(argv, environment, cwd)


def roots_environment(properties: dict[str, str]) -> dict[str, str]:
    """A unit's environment without what stands in files that others than root can write."""
    lines = properties.get("EnvironmentFiles", "").splitlines()
    own = [
        line
        for line in lines
        if not any(write_access.on_the_way(path, 0) for path, _optional in systemd.environment_file_paths(line))
    ]
    return systemd.unit_environment({**properties, "EnvironmentFiles": "\n".join(own)})[0]
