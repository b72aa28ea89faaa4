"""What of the system's own the app's account may not use, on a host whose folders have other modes."""

from __future__ import annotations

import os
from types import SimpleNamespace
from typing import Any

import pytest
from ansible_collections.rescue502.django.plugins.module_utils.collectors import closed_paths

PYTHON = "/usr/bin/python3.11"
LIBRARY = "/usr/lib/python3.11"


def closed(monkeypatch: pytest.MonkeyPatch, modes: dict[str, int], python: str = PYTHON, **account: Any) -> Any:
    """What is closed where these paths of root's have other modes than usual; others are open to all."""

    def stat(path: str) -> os.stat_result:
        if path == "/lib64":
            raise FileNotFoundError(path)
        mode = modes.get(path, 0o666 if path.startswith("/dev/") else 0o755)
        return os.stat_result((mode, 0, 0, 1, account.get("owner", 0), 0, 0, 0, 0, 0))

    path: Any = SimpleNamespace(realpath=lambda path: path, join=os.path.join, dirname=os.path.dirname)
    monkeypatch.setattr(closed_paths, "os", SimpleNamespace(stat=stat, path=path))
    monkeypatch.setattr(closed_paths, "glob", SimpleNamespace(glob=lambda _pattern: ["/usr/lib/x86_64-linux-gnu"]))
    stack: Any = SimpleNamespace(user=account.get("user", "nobody"), group="", python=python)
    return [(item["path"], item["mode"]) for item in closed_paths.collect(stack)]


@pytest.mark.parametrize(
    ("modes", "expected"),
    [
        ({}, []),
        ({"/": 0o700, "/etc": 0o750}, [("/", "0700"), ("/etc", "0750")]),
        ({"/usr/lib/x86_64-linux-gnu": 0o700}, [("/usr/lib/x86_64-linux-gnu", "0700")]),
        # Of a folder that is passed through, to enter it is enough; of the library's it is not.
        ({"/usr": 0o711}, []),
        ({LIBRARY: 0o711}, [(LIBRARY, "0711")]),
        ({f"{LIBRARY}/encodings": 0o750}, [(f"{LIBRARY}/encodings", "0750")]),
        ({PYTHON: 0o744}, [(PYTHON, "0744")]),
        ({"/dev/null": 0o644}, [("/dev/null", "0644")]),
        ({"/dev/urandom": 0o644}, []),
        ({"/dev/urandom": 0o600}, [("/dev/urandom", "0600")]),
    ],
)
def test_what_is_closed(
    monkeypatch: pytest.MonkeyPatch, modes: dict[str, int], expected: list[tuple[str, str]]
) -> None:
    """Each by the right that a start needs of it."""
    assert closed(monkeypatch, modes) == expected


def test_what_is_not_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of root, of an account that does not exist, of what somebody else owns, of a Python that is not the system's."""
    modes = {"/etc": 0o700}
    assert closed(monkeypatch, modes, user="root") == []
    assert closed(monkeypatch, modes, user="no-such-account") == []
    assert closed(monkeypatch, modes, owner=1234) == []
    own = {"/opt/python/bin/python3.11": 0o700, "/opt/python/lib/python3.11": 0o700}
    assert closed(monkeypatch, own, python="/opt/python/bin/python3.11") == []
