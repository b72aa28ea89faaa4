# Copyright: rescue502 maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What a person reads in the files that set the app's variables, where it may not be what systemd makes of them.

The values are secrets, or may be: they stay on the host.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import NamedTuple

from ansible_collections.rescue502.django.plugins.module_utils.files import safe_files
from ansible_collections.rescue502.django.plugins.module_utils.stack.stack import Stack
from ansible_collections.rescue502.django.plugins.module_utils.system import systemd, written_assignments
from ansible_collections.rescue502.django.plugins.module_utils.system.written_assignments import Reading

MOST_PAIRS = 500


class Written(NamedTuple):
    """A reading and the file that it stands in. in_unit: whether that is the unit's, or a drop-in."""

    file: str
    in_unit: bool
    reading: Reading


def differing(stack: Stack, given: dict[str, str]) -> list[Written]:
    """The readings of the assignments that count, of each variable the last, which make another value than is given.

    given: the variables as systemd gives them. Of a unit whose files systemd has not read anew there are none.
    """
    if stack.properties.get("NeedDaemonReload") == "yes":
        return []
    last: dict[str, list[Written]] = {}
    for item in _all(stack):
        if not item.reading.name:
            last = {}
            continue
        found = last.setdefault(item.reading.name, [])
        if found and (found[0].file, found[0].reading.line) != (item.file, item.reading.line):
            found.clear()
        found.append(item)
    odd = [item for found in last.values() for item in found if item.reading.kind]
    return [item for item in odd if given.get(item.reading.name) != item.reading.value]


def pairs(stack: Stack) -> list[tuple[str, str]]:
    """(name, value) of each, for the redaction: systemd's log quotes what it does not accept."""
    return [(item.reading.name, item.reading.value) for item in itertools.islice(_all(stack), MOST_PAIRS)]


def _all(stack: Stack) -> Iterator[Written]:
    shown = stack.properties
    for path in (shown.get("FragmentPath", ""), *systemd.words(shown.get("DropInPaths", ""))):
        for reading in written_assignments.in_unit(_text(path), stack.environment):
            yield Written(path, True, reading)
    for path, _optional in systemd.environment_file_paths(shown.get("EnvironmentFiles", "")):
        for reading in written_assignments.in_environment_file(_text(path), stack.environment):
            yield Written(path, False, reading)


def _text(path: str) -> str:
    """A file's text; empty where it cannot be read, which the environment's own section says."""
    try:
        return safe_files.text(path) if path else ""
    except OSError:
        return ""
