"""What removes a socket's folder: read of what `systemd-tmpfiles --cat-config` prints."""

from __future__ import annotations

import pytest
from ansible_collections.rescue502.django.plugins.module_utils.system import removed_paths

HEADER = "# /usr/lib/tmpfiles.d/tmp.conf\n# Clear tmp directories\n"


@pytest.mark.parametrize(
    ("line", "found"),
    [
        ("R /run/app", True),
        ("D /tmp 1777 root root 10d", True),
        ("q /tmp 1777 root root 10d", True),
        ("d /run/app 0755 app app -", False),
        ("d /run/app 0755 app app", False),
        ("R /run/application", False),
        ("L /run/app - - - - /x", False),
    ],
)
def test_a_line_that_removes(line: str, found: bool) -> None:
    """At boot, or by age; one that only makes a folder does not."""
    path = "/tmp/app.sock" if "/tmp" in line else "/run/app/app.sock"
    said = [f"/usr/lib/tmpfiles.d/tmp.conf: {line}"] if found else []
    assert removed_paths.rules(path, HEADER + line) == said


def test_a_line_that_keeps_it_wins() -> None:
    """x excepts a path."""
    assert removed_paths.rules("/tmp/app.sock", HEADER + "D /tmp 1777 root root 10d\nx /tmp/app.sock\n") == []
