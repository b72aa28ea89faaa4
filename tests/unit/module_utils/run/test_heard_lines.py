"""What a program writes to a socket is heard, and only the last of it is kept."""

from __future__ import annotations

import socket
from pathlib import Path

from ansible_collections.rescue502.django.plugins.module_utils.run.heard_lines import KEPT_BYTES, HeardLines


def test_the_last_lines_are_kept(tmp_path: Path) -> None:
    """All of them are there when the program has ended; nobody but their owner may connect."""
    path = tmp_path / "heard"
    heard = HeardLines(str(path))
    assert path.stat().st_mode & 0o777 == 0o600
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as program:
        program.connect(str(path))
        program.sendall(b"first\n" + b"x" * KEPT_BYTES + b"\nlast \xff\n")
        assert heard.lines(0.0) != ["first"]
    lines = heard.lines(5.0)
    assert (lines[-1], "first" in lines, sum(map(len, lines)) <= KEPT_BYTES) == ("last \ufffd", False, True)
    heard.close()
    assert not path.exists()


def test_a_program_that_writes_nothing_ends_too(tmp_path: Path) -> None:
    """As does one that never came."""
    heard = HeardLines(str(tmp_path / "heard"))
    assert heard.lines(0.01) == []
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as program:
        program.connect(str(tmp_path / "heard"))
    assert heard.lines(5.0) == []
    heard.close()
