"""Logs that the app server is to open, and that its unit's own options take out of its sight."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from ansible_collections.rescue502.django.plugins.module_utils.collectors import service

ERRORS, ACCESS = "/var/log/shop/error.log", "/var/log/shop/access.log"


@pytest.mark.parametrize(
    ("shown", "hidden"),
    [
        ({"InaccessiblePaths": "/var/log"}, [ERRORS, ACCESS]),
        ({"InaccessiblePaths": "-/srv +/var/log/shop"}, [ERRORS, ACCESS]),
        ({"TemporaryFileSystem": "/var:ro"}, [ERRORS, ACCESS]),
        ({"InaccessiblePaths": ACCESS}, [ACCESS]),
        ({"InaccessiblePaths": "/var/log/shop-old /var/lo"}, []),
        ({"ReadOnlyPaths": "/var/log"}, []),
        ({}, []),
    ],
)
def test_logs_below_what_is_hidden(shown: dict[str, str], hidden: list[str]) -> None:
    """By whole names of folders, with systemd's prefixes and options (systemd.exec(5))."""
    stack: Any = SimpleNamespace(server=SimpleNamespace(errorlog=ERRORS, accesslog=ACCESS))
    assert service.hidden_logs(stack, shown) == hidden


def test_a_log_that_is_no_file_is_hidden_by_nothing() -> None:
    """`-` is the journal, and an empty name the default."""
    stack: Any = SimpleNamespace(server=SimpleNamespace(errorlog="-", accesslog=""))
    assert service.hidden_logs(stack, {"InaccessiblePaths": "/"}) == []
