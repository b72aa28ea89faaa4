"""Which numbers are not accounts of this host: a name service that does not answer is no answer."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from ansible_collections.rescue502.django.plugins.module_utils.system import absent_ids

# Nobody has it on a machine where tests run.
NOBODYS = 53_171


def test_known_and_absent() -> None:
    """Of users and groups alike."""
    for database in ("passwd", "group"):
        assert absent_ids.look_up(database, 0) == absent_ids.KNOWN
        assert absent_ids._ask(database, NOBODYS) == absent_ids.ABSENT


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (absent_ids.ABSENT, absent_ids.ABSENT_HERE),
        (absent_ids.KNOWN, absent_ids.KNOWN),
        (absent_ids.UNKNOWN, absent_ids.UNKNOWN),
    ],
)
def test_a_service_that_keeps_accounts_elsewhere_is_asked_alone(
    answer: str, expected: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """That it failed cannot be seen of the name service as a whole, which goes on to the next one."""
    monkeypatch.setattr(absent_ids, "_remote_services", lambda _database: ["ldap"])
    monkeypatch.setattr(absent_ids, "_ask_one", lambda *_asked: answer)
    assert absent_ids.look_up("passwd", NOBODYS) == expected


def test_one_service_says_what_it_knows() -> None:
    """Its own library is asked; where that is not installed there is no answer."""
    assert absent_ids._ask_one("passwd", "files", 0) == absent_ids.KNOWN
    assert absent_ids._ask_one("passwd", "files", NOBODYS) == absent_ids.ABSENT
    assert absent_ids._ask_one("group", "files", NOBODYS) == absent_ids.ABSENT
    assert absent_ids._ask_one("passwd", "not-installed", NOBODYS) == absent_ids.UNKNOWN


@pytest.mark.parametrize(
    ("line", "remote"),
    [
        ("passwd: files systemd", []),
        ("passwd:\tfiles ldap [NOTFOUND=return] systemd # as ever", ["ldap"]),
        ("#passwd: ldap\npasswd: files winbind nis", ["winbind", "nis"]),
        ("shadow: ldap", []),
    ],
)
def test_services_that_keep_accounts_elsewhere(
    line: str, remote: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By nsswitch.conf(5), without comments and actions."""
    file = tmp_path / "nsswitch.conf"
    file.write_text(f"{line}\n", encoding="utf-8")
    monkeypatch.setattr("builtins.open", lambda _path, **options: os.fdopen(os.open(file, os.O_RDONLY), **options))
    assert absent_ids._remote_services("passwd") == remote


@pytest.mark.parametrize(
    ("number", "expected"),
    [(0, False), (33, False), (999, True), (1007, True), (59_999, True), (60_000, False), (61_184, False),
     (65_534, False), (100_000, False), (524_288, False)],
)  # fmt: skip
def test_numbers_that_accounts_are_given(number: int, expected: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """No distribution's own, none of homed's, DynamicUser='s, containers' or user namespaces'."""
    monkeypatch.setattr(absent_ids, "_subordinate", lambda: [(100_000, 65_536)])
    assert absent_ids.is_of_an_account(number) is expected


def test_a_number_of_a_user_namespace_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    """Wherever subuid(5) has them begin."""
    monkeypatch.setattr(absent_ids, "_subordinate", lambda: [(1000, 100)])
    assert not absent_ids.is_of_an_account(1007)


def test_a_process_runs_by_its_number() -> None:
    """This one does."""
    assert absent_ids.is_in_use(os.geteuid())
    assert not absent_ids.is_in_use(NOBODYS)
