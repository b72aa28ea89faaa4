"""What a program that is started as the app's unit says of names and of the resolver's files."""

from __future__ import annotations

import os
import socket
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.rescue502.django.plugins.module_utils.django_app import script_resolver, unit_resolver


def said(**refused: Any) -> dict[str, Any]:
    """The script's answer, of one name that it cannot resolve and of /etc/hosts."""
    bar = {"path": "/etc/hosts", "problem": "Permission denied", "component": "/etc/hosts", **refused}
    return {"names": {"db.internal": "Name or service not known"}, "files": [bar]}


def test_the_hosts_own_file_is_named_with_its_mode() -> None:
    """The unit met the very file that root sees: its owner and mode are what bars it."""
    status = os.stat("/etc/hosts")
    answer = unit_resolver.judged(said(device=status.st_dev, inode=status.st_ino), ["db.internal"])["db.internal"]
    assert (answer["ok"], answer["error"]) == (False, "Name or service not known")
    assert not answer["refused"][0]["in_unit"]
    assert answer["refused"][0]["component"].startswith("/etc/hosts (-rw")


def test_another_file_in_its_place_is_the_units_doing() -> None:
    """Of a file that is another one there, or none, root's own says nothing."""
    for answer in (said(device=1, inode=1), said(problem="No such file or directory")):
        found = unit_resolver.judged(answer, ["db.internal"])["db.internal"]["refused"]
        assert [(item["component"], item["in_unit"]) for item in found] == [("/etc/hosts", True)]


@pytest.mark.parametrize(
    "answer",
    [None, [], {"names": {}}, {"names": [], "files": []}, {"names": {"x": ""}, "files": [3, {"path": "/etc/shadow"}]}],
)
def test_an_answer_that_the_app_forged_names_nothing(answer: Any) -> None:
    """The app's account could have written it: no other file than the resolver's is looked at."""
    found = unit_resolver.judged(answer, ["db.internal"])
    assert all(item["refused"] == [] for item in found.values())
    forged = said(path="/etc/shadow", component="/etc/shadow")
    assert unit_resolver.judged(forged, ["db.internal"])["db.internal"]["refused"] == []


def test_a_file_that_is_there_and_one_that_is_not(tmp_path: Path) -> None:
    """The script opens each, and names what is in the way."""
    there = tmp_path / "hosts"
    there.touch()
    assert script_resolver.look(str(there))["problem"] == ""
    missing = script_resolver.look(str(tmp_path / "folder" / "hosts"))
    assert missing["problem"] == "No such file or directory"
    assert missing["component"] == str(tmp_path / "folder")


def test_a_name_is_asked_of_the_system(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its own words are kept where it does not know the name."""

    def refuse(*_words: Any, **_more: Any) -> Any:
        raise socket.gaierror(-2, "Name or service not known")

    assert script_resolver.resolved("localhost") == ""
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    assert script_resolver.resolved("db.internal") == "Name or service not known"
