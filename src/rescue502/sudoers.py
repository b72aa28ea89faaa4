"""A sudoers file for an account of its own: what Ansible must be let start as root, or commands by hand. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

# What Ansible's sudo plugin starts: `/bin/sh -c 'echo BECOME-SUCCESS-<32 letters> ; <variables> <python>'`.
LETTERS = 32
PYTHONS = ("python3", "python3.[0-9]", "python3.[0-9][0-9]")
# There on every distribution; by /usr/bin, where that is the same file, sudo knows it too.
SYSTEMCTL = "/bin/systemctl"
UNIT_VERBS = ("start", "restart", "reset-failed")
NGINX_WORDS = ("start nginx.service", "reload nginx.service", "restart nginx.service")
# useradd(8) allows no more than this by default.
_ACCOUNT = re.compile(r"[a-z_][a-z0-9_-]{0,30}")
_HOST = re.compile(r"[A-Za-z0-9][A-Za-z0-9.-]*")
_UNIT = re.compile(r"[A-Za-z0-9_.@-]+")

GROUPS = """\
# To look, nothing is needed here: `rescue502 diagnose --no-become` runs as {user} and says what it could not read.
# Membership of two groups lets it read more (the journal; the logs of nginx and PostgreSQL):
#   usermod --append --groups systemd-journal,adm {user}
"""
EQUAL_TO_ROOT = """\
# WHAT THIS FILE GIVES AWAY: everything. Ansible becomes root by starting a shell whose Python gets each task on its
# standard input, which sudo cannot look into. Who may do that may do anything, whatever the rule looks like: guard the
# key of {user} as you would guard root's. What the narrow form gains: an account of its own that can be locked,
# a line in sudo's log for each task, and no sudo for whatever else runs as {user}. `reboot.yml` is not let in.
# Where the host's Python is not one of /usr/bin, set ansible_python_interpreter to one that is.
"""
BY_HAND = """\
# Single commands for a person who repairs by hand, with every word spelled out: these are not equal to root, as long as
# {user} may write neither the unit's files nor the app's. Ansible cannot use them. `systemctl status` and
# `journalctl` are left out on purpose: both start a pager, and a pager starts a shell. They need no root with the
# groups above.
"""


class SudoersError(ValueError):
    """A value that cannot stand in a sudoers file; the text says which and why."""


@dataclass(frozen=True)
class Wanted:
    """Whom the file is for. hosts: names by which sudo knows this host, where one file serves several; none for any."""

    user: str
    hosts: tuple[str, ...] = ()
    password: bool = True

    def __post_init__(self) -> None:
        """Nothing that has a meaning of its own in sudoers(5) may come in by a name."""
        _require(_ACCOUNT, "user", [self.user])
        _require(_HOST, "host", self.hosts)


def for_recovery(wanted: Wanted) -> str:
    """The rule that lets Ansible become root, and that becomes no wider than this."""
    commands = [f"/bin/sh -c {words}" for words in _module_runs()]
    return _file(wanted, EQUAL_TO_ROOT, _rule(wanted, commands), "recover", "/etc/sudoers.d/rescue502")


def for_repair_by_hand(wanted: Wanted, unit: str, database_unit: str = "") -> str:
    """Rules for single commands: to start, restart and reload what serves the site."""
    units = [_service(unit), *([_service(database_unit)] if database_unit else [])]
    _require(_UNIT, "unit", units)
    words = [f"{verb} {name}" for name in units for verb in UNIT_VERBS] + ["daemon-reload", *NGINX_WORDS]
    commands = [*(f"{SYSTEMCTL} {item}" for item in words), "/usr/sbin/nginx -t"]
    rule = _rule(wanted, commands, "_BY_HAND")
    return _file(wanted, BY_HAND, rule, "repair by hand", "/etc/sudoers.d/rescue502-by-hand")


def for_looking(user: str) -> str:
    """The rules for an account that only looks: none at all."""
    _require(_ACCOUNT, "user", [user])
    return GROUPS.format(user=user)


def _module_runs() -> Iterable[str]:
    """Patterns after `/bin/sh -c`, for each Python and with a task's variables or without, in sudoers' own patterns."""
    mark = "echo BECOME-SUCCESS-" + "[a-z]" * LETTERS
    for python in PYTHONS:
        yield f"{mark} ; /usr/bin/{python}"
        # Such as TMPDIR=/dev/shm where the disk is full. A pattern cannot say that no command stands there.
        yield f"{mark} ; [A-Z]* /usr/bin/{python}"


def _rule(wanted: Wanted, commands: Sequence[str], suffix: str = "") -> str:
    hosts = ", ".join(wanted.hosts) or "ALL"
    tag = "" if wanted.password else "NOPASSWD: "
    alias = "RESCUE502_" + re.sub(r"[^A-Z0-9]", "_", wanted.user.upper()) + suffix
    listed = ", \\\n    ".join(commands)
    return (
        f"Defaults:{wanted.user} use_pty, log_allowed, !requiretty\n"
        f"Cmnd_Alias {alias} = \\\n    {listed}\n"
        f"{wanted.user} {hosts} = (root) {tag}{alias}\n"
    )


def _file(wanted: Wanted, honest: str, rule: str, purpose: str, path: str) -> str:
    """The whole file: how to put it in place, what it gives away, the rule."""
    asked = "sudo asks for the password (-K)" if wanted.password else "sudo asks for no password"
    return (
        f"# Made by `rescue502 sudoers`, for the account {wanted.user}, to {purpose}; {asked}.\n"
        f"# Put it in place only where visudo takes it, since a bad file locks everybody out of sudo:\n"
        f"#   visudo --check --file=FILE && install --owner=root --group=root --mode=0440 FILE {path}\n"
        + ("" if wanted.hosts else "# `ALL` is this host: the file holds where it lies.\n")
        + "#\n"
        + GROUPS.format(user=wanted.user)
        + "#\n"
        + honest.format(user=wanted.user)
        + "\n"
        + rule
    )


def _service(unit: str) -> str:
    return unit if "." in unit else f"{unit}.service"


def _require(pattern: re.Pattern[str], what: str, names: Iterable[str]) -> None:
    for name in names:
        if not pattern.fullmatch(name):
            raise SudoersError(f"'{name}' is not a {what} that can be named in a sudoers file")
