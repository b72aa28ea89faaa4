# Copyright: rescue502 maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A unit of ours for a few seconds: systemd starts it and, whether we still run or not, ends it after its time.

Its file is in a folder that root alone can write, and goes as soon as systemd has read it.
"""

from __future__ import annotations

import contextlib
import glob
import os
import re
from collections.abc import Iterator

from ansible_collections.rescue502.django.plugins.module_utils.run import heard_lines
from ansible_collections.rescue502.django.plugins.module_utils.system import journal, systemd

UNITS = "/run/systemd/system"
PREFIX = "rescue502-trial-"
SECONDS = 5.0
END_SECONDS = 1.0
MOST_LINES = 100
# "Unit … was skipped" (systemd, sd-messages.h, SD_MESSAGE_UNIT_SKIPPED).
_SKIPPED = "MESSAGE_ID=0e4284a0caca4bfc81c0bb6786972673"
ACL = "system.posix_acl_access"
_SHOWN = ["ActiveState", "SubState", "Result", "MainPID", "ExecMainCode", "ExecMainStatus"]


class TrialUnit:
    """A unit that was started. name: the unit's; folder: its own folder below /run, which systemd makes and removes.

    problem: why systemd did not start it, in its words; empty where it did.
    """

    def __init__(self, name: str, folder: str, problem: str, heard: heard_lines.HeardLines) -> None:
        self.name = name
        self._heard = heard
        self.folder = folder
        self.problem = problem

    def state(self) -> dict[str, str]:
        """Its state in systemd's words. Raises SystemdError."""
        return systemd.show_many([self.name], _SHOWN)[0]

    def was_skipped(self) -> bool:
        """Whether an ExecCondition= kept it from starting. systemd may have forgotten it, the journal has not."""
        return bool(journal.entries(_SKIPPED, f"UNIT={self.name}", lines=1))

    def said(self) -> list[str]:
        """What its processes have written, the newest last; where they have ended, all of it."""
        ended = self.state().get("ActiveState") in ("failed", "inactive")
        return self._heard.lines(END_SECONDS if ended else 0.0)[-MOST_LINES:]


def output(name: str) -> str:
    """The path of the socket on which a unit of that name is heard."""
    return f"/run/{name}.heard"


def configuration(name: str) -> str:
    """The path at which a changed copy of a configuration file is put for a unit of that name."""
    return f"/run/{name}.ini"


def is_one(name: str) -> bool:
    """Whether a unit is one of ours, of whichever run."""
    return name.startswith(PREFIX)


def free_name(purpose: str = "") -> str:
    """A name for the unit and its folder, by which is seen whose it is. purpose: a word, where several run together."""
    return f"{PREFIX}{os.getpid()}" + (f"-{purpose}" if purpose else "")


@contextlib.contextmanager
def started(name: str, text: str, mode: int) -> Iterator[TrialUnit]:
    """A unit of this name and text, started; ended and forgotten afterwards. Raises OSError and SystemdError.

    mode: the file's, for the moment that it is there.
    """
    forget_left()
    path = os.path.join(UNITS, f"{name}.service")
    os.makedirs(UNITS, exist_ok=True)
    heard = heard_lines.HeardLines(output(name))
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, mode)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
        try:
            problem = systemd.change("start", "--no-ask-password", f"{name}.service", timeout=SECONDS)
        finally:
            os.unlink(path)
        yield TrialUnit(f"{name}.service", os.path.join("/run", name), problem, heard)
    finally:
        _forget(f"{name}.service")
        heard.close()


@contextlib.contextmanager
def configured(name: str, text: str, like: os.stat_result | None, acl: bytes) -> Iterator[None]:
    """A file with this text at configuration(name), for those alone who may read one like it; none without `like`.

    Raises OSError.
    """
    if like is None:
        yield
        return
    path = configuration(name)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8", errors="surrogateescape") as file:
            file.write(text)
            os.fchown(descriptor, like.st_uid, like.st_gid)
            os.fchmod(descriptor, like.st_mode & 0o444)
            if acl:
                os.setxattr(descriptor, ACL, acl)
        yield
    finally:
        os.unlink(path)


def forget_left() -> None:
    """End the units of runs that are gone, and remove their files."""
    names = {os.path.basename(path) for path in glob.glob(f"{UNITS}/{PREFIX}*.service")}
    names.update(item.get("Id", "") for item in systemd.show_many([f"{PREFIX}*"], ["Id"]))
    for name in names:
        match = re.fullmatch(rf"{PREFIX}(\d+)(?:-[a-z]+)?\.service", name)
        if match and not os.path.exists(f"/proc/{match.group(1)}"):
            own = name.rpartition(".")[0]
            for left in (os.path.join(UNITS, name), output(own), configuration(own)):
                with contextlib.suppress(OSError):
                    os.unlink(left)
            _forget(name)


def _forget(name: str) -> None:
    with contextlib.suppress(systemd.SystemdError):
        systemd.change("stop", name, timeout=SECONDS)
    with contextlib.suppress(systemd.SystemdError):
        systemd.change("reset-failed", name, timeout=SECONDS)
