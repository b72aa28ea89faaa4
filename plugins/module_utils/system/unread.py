# Copyright: rescue502 maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Facts that the account that looks may not read: marked in their place, so that none is taken for false."""

from __future__ import annotations

import os
import pwd
import stat
from typing import Any


class Unread:
    """Stands in the evidence in place of a fact that could not be read, until take_out() lists it.

    It counts as false and as empty, so that a collector may go on with it; in the evidence that leaves the host the
    fact is absent, and a condition on it is unknown.
    """

    def __init__(self, what: str, why: str) -> None:
        """what: a few words for people, such as `the environment file /srv/shop/.env`. why: the reason."""
        self.what = what
        self.why = why

    def __bool__(self) -> bool:
        return False

    def __len__(self) -> int:
        return 0

    def __iter__(self) -> Any:
        return iter(())


def account() -> str:
    """The name of the account that looks."""
    try:
        return pwd.getpwuid(os.geteuid()).pw_name
    except KeyError:
        return str(os.geteuid())


def only_root(what: str, does: str) -> Unread:
    """A fact that only root could find. does: such as `become www-data`."""
    return Unread(what, f"{account()} may not {does}")


def hidden(path: str) -> str:
    """Why it is not even known whether a path is there, links followed; empty where it can."""
    try:
        os.stat(path)
    except PermissionError as error:
        return reason(error)
    except (OSError, ValueError):
        pass
    return ""


def sealed(path: str) -> str:
    """Why a file's or folder's content cannot be read, or its being there not be known; empty where there is no bar."""
    try:
        # Opening some devices does something.
        if stat.S_ISREG(mode := os.stat(path).st_mode) or stat.S_ISDIR(mode):
            os.close(os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC))
    except PermissionError as error:
        return reason(error)
    except (OSError, ValueError):
        pass
    return ""


def reported(value: Any, what: str, *bars: str) -> Any:
    """The fact itself where it was found, or where nothing barred the way to it; else the first bar in its place.

    What was found is true however little could be seen; that nothing was found is not.
    """
    why = next((each for each in bars if each), "")
    return value if value or not why else Unread(what, why)


def known(value: Any, what: str, *bars: str) -> Any:
    """The fact itself where nothing barred the way to it; else the first bar in its place.

    For what is concluded from something's not being there.
    """
    why = next((each for each in bars if each), "")
    return Unread(what, why) if why else value


def take_out(evidence: dict[str, Any]) -> list[dict[str, Any]]:
    """Take every Unread out of the evidence, in place: {what, why, facts}, facts being where each would have stood."""
    found: dict[tuple[str, str], list[str]] = {}

    def visit(node: Any, path: str) -> None:
        if isinstance(node, dict):
            for name in [name for name, part in node.items() if isinstance(part, Unread)]:
                note(node.pop(name), f"{path}.{name}")
            for name, part in node.items():
                visit(part, f"{path}.{name}")
        elif isinstance(node, list):
            for part in node:
                visit(part, path)
            for part in [part for part in node if isinstance(part, Unread)]:
                node.remove(part)
                note(part, path)

    def note(part: Unread, path: str) -> None:
        facts = found.setdefault((part.what, part.why), [])
        if path.lstrip(".") not in facts:
            facts.append(path.lstrip("."))

    visit(evidence, "")
    return [{"what": what, "why": why, "facts": facts} for (what, why), facts in found.items()]


def reason(error: OSError) -> str:
    """An error of the kernel's, with the account that it was for."""
    return f"{error.strerror or error} for {account()}"
