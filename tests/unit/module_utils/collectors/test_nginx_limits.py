"""What the kernel says of a queue that nginx met full, and of a file that its workers are refused."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from ansible_collections.rescue502.django.plugins.module_utils.collectors import nginx_limits
from ansible_collections.rescue502.django.plugins.module_utils.files.access import Account

# nginx 1.22 of an app whose workers do not come to the next request.
FULL = (
    "connect() to unix:/run/xamila/app.sock failed (11: Resource temporarily unavailable) while connecting to upstream"
)
DENIED = 'open() "{}" failed (13: Permission denied), client: 127.0.0.1, request: "GET /static/a.css HTTP/1.1"'
TEMPORARY = 'open() "{}/0000000001" failed (13: Permission denied), client: 127.0.0.1, request: "POST /up HTTP/1.1"'


def line(when: float, text: str) -> dict[str, Any]:
    """A line of nginx's error log, as it is collected."""
    return {"when": when, "level": "error", "text": text, "path": ""}


@pytest.mark.parametrize(
    ("text", "since", "queues", "expected"),
    [
        (FULL, 4.0, {"/run/xamila/app.sock": (2, 4)}, {"refused": 2, "waiting": 2, "most": 4}),
        (FULL, 6.0, {"/run/xamila/app.sock": (2, 4)}, {"refused": 1, "waiting": 2, "most": 4}),
        (FULL, 9.0, {"/run/xamila/app.sock": (2, 4)}, None),
        (FULL, 4.0, {"/run/xamila/other.sock": (2, 4)}, None),
        (FULL.replace("to unix:/run/xamila/app.sock ", ""), 4.0, {"/run/xamila/app.sock": (2, 4)}, None),
    ],
)
def test_a_full_queue(text: str, since: float, queues: dict[str, tuple[int, int]], expected: Any) -> None:
    """Of the line's own socket, and since the app that has it now was started."""
    errors = [line(5.0, FULL), line(8.0, FULL), line(8.0, DENIED.format("/srv/a.css"))]
    assert nginx_limits.parse_queue(text, errors, since, queues).get("queue") == expected


@pytest.fixture
def place() -> Iterator[Path]:
    """A folder that everybody may enter; those above tmp_path are closed by pytest."""
    with tempfile.TemporaryDirectory(dir="/var/tmp") as folder:
        Path(folder).chmod(0o755)
        yield Path(folder)


def denied(text: str, who: Account | None) -> Any:
    """What refuses the account the file of a line; None where nothing is known of the account."""
    stack: Any = SimpleNamespace(nginx_root=None, properties={})
    (item,) = nginx_limits.collect(stack, {}, [line(5.0, text)], who)["known"]
    assert (item["words"], item["file"], item["line"]) == ("", "", 0)
    return [(bar["path"], bar["folder"], bar["mode"]) for bar in item["denied"]]


@pytest.mark.skipif(os.geteuid() != 0, reason="only root becomes another account")
def test_a_file_that_is_refused(place: Path) -> None:
    """The folder on the way, or the file itself; nothing where that has been repaired meanwhile."""
    file, who = place / "static" / "a.css", Account("nobody", None)
    file.parent.mkdir(mode=0o700)
    file.touch(mode=0o600)
    said = DENIED.format(file)
    assert denied(said, who) == [(str(file.parent), True, "0700"), (str(file), False, "0600")]
    assert denied(said, None) == []
    file.parent.chmod(0o755)
    assert denied(said, who) == [(str(file), False, "0600")]
    file.chmod(0o644)
    assert denied(said, who) == []


@pytest.mark.skipif(os.geteuid() != 0, reason="only root becomes another account")
def test_a_file_that_cannot_be_made(place: Path) -> None:
    """Its folder may be entered, and nothing can be made in it."""
    folder, who = place / "body", Account("nobody", None)
    folder.mkdir(mode=0o755)
    assert denied(TEMPORARY.format(folder), who) == [(str(folder), True, "0755")]
    folder.chmod(0o777)
    assert denied(TEMPORARY.format(folder), who) == []
