"""Addresses on which nobody can listen, asked of this machine's own kernel."""

from __future__ import annotations

import socket
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.rescue502.django.plugins.module_utils.collectors import bind_bars


def of_path(path: Path | str) -> dict[str, Any]:
    """What keeps a socket from being made at a path."""
    return bind_bars.bar({"kind": "unix", "host": "", "port": 0, "path": str(path)}, {})


def of_host(host: str, **properties: str) -> dict[str, Any]:
    """What keeps a port of an address from being opened."""
    return bind_bars.bar({"kind": "tcp", "host": host, "port": 8000, "path": ""}, properties)


def test_the_longest_path_is_the_kernels(tmp_path: Path) -> None:
    """By bytes, not by letters; where we say no, the kernel does, and where we say yes, it does too."""
    room = bind_bars.LONGEST_PATH - len(str(tmp_path)) - 1
    for name, fits in (("s" * room, True), ("s" * (room + 1), False), ("é" * (room // 2 + 1), False)):
        path = tmp_path / name
        with socket.socket(socket.AF_UNIX) as own:
            if fits:
                own.bind(str(path))
            else:
                with pytest.raises(OSError, match="too long"):
                    own.bind(str(path))
        assert of_path(path).get("kind", "") == ("" if fits else "too-long")
    assert "108 bytes, of which 107 have room" in of_path("/" + "x" * 107)["said"]


def test_what_lies_in_the_way(tmp_path: Path) -> None:
    """A folder, a file, a link to one, a file where the folder should be; not a socket, and not a link to nowhere."""
    (tmp_path / "folder").mkdir()
    (tmp_path / "file").touch()
    (tmp_path / "link").symlink_to("file")
    (tmp_path / "dangling").symlink_to("nowhere")
    for name in ("folder", "file", "link"):
        found = of_path(tmp_path / name)
        assert (found["kind"], found["path"]) == ("not-a-socket", str(tmp_path / name))
    for name in ("file/app.sock", "file/run/app.sock"):
        found = of_path(tmp_path / name)
        assert (found["kind"], found["path"]) == ("not-a-folder", str(tmp_path / "file"))
    assert of_path(tmp_path / "none") == of_path(tmp_path / "none" / "app.sock") == of_path(tmp_path / "dangling") == {}
    with socket.socket(socket.AF_UNIX) as own:
        own.bind(str(tmp_path / "app.sock"))
    assert of_path(tmp_path / "app.sock") == {}
    assert of_path("run/app.sock") == {}, "it goes by the unit's working folder"


def test_addresses_of_other_hosts() -> None:
    """Documentation's networks are nobody's (RFC 5737, RFC 3849); loopback, all addresses and localhost are here."""
    assert of_host("192.0.2.7")["kind"] == "not-here"
    assert of_host("2001:db8::7")["kind"] == "not-here"
    for host in ("127.0.0.1", "127.0.1.1", "0.0.0.0", "localhost"):
        assert of_host(host) == {}
    assert of_host("192.0.2.7", PrivateNetwork="yes") == {}, "its network is another one"
    assert of_host("192.0.2.7", PrivateNetwork="no", NetworkNamespacePath="")["kind"] == "not-here"
    assert bind_bars.bar({"kind": "fd", "host": "", "port": 0, "path": ""}, {}) == {}


@pytest.mark.parametrize(("number", "kind"), [(socket.EAI_NONAME, "unresolved"), (socket.EAI_AGAIN, "")])
def test_names_that_nobody_resolves(monkeypatch: pytest.MonkeyPatch, number: int, kind: str) -> None:
    """A resolver that does not answer just now says nothing of the name."""

    def refused(*_given: Any, **_more: Any) -> None:
        raise socket.gaierror(number, "no")

    monkeypatch.setattr(socket, "getaddrinfo", refused)
    assert of_host("app.internal").get("kind", "") == kind


def test_a_port_in_use_is_another_matter() -> None:
    """Another port of the address would do: who holds this one is asked elsewhere."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        assert bind_bars.bar({"kind": "tcp", "host": "127.0.0.1", "port": port, "path": ""}, {}) == {}
