"""How a person reads an assignment that systemd may read otherwise, and which part of it is why."""

from __future__ import annotations

import pytest
from ansible_collections.rescue502.django.plugins.module_utils.system import written_assignments
from ansible_collections.rescue502.django.plugins.module_utils.system.written_assignments import Reading

KNOWN = {"HOST": "db", "PASS": "x"}


def odd(readings: list[Reading]) -> list[tuple[str, str, str]]:
    """(name, value, kind) of those in which something is read otherwise."""
    return [(item.name, item.value, item.kind) for item in readings if item.kind]


# A line of a unit, the value as a person reads it, and what is in the way.
IN_UNITS = {
    'Environment="A=Vq7%hR2m%tL9x"': [("A", "Vq7%hR2m%tL9x", "specifier")],
    "Environment=A=a%40b B=2": [("A", "a%40b", "specifier")],
    "Environment='A=a%%b'": [("A", "a%%b", "percent")],
    "Environment=A=ab cd": [("A", "ab cd", "blank")],
    "Environment=A=it's": [("A", "it's", "quote")],
    'Environment="A=a"b"': [("A", 'a"b', "quote")],
    'Environment=A="a b"': [("A", "a b", "blank")],
    "Environment=A=a\\x41b": [("A", "a\\x41b", "backslash")],
    "Environment=A=x # %h": [],
    "Environment=A=1 B=2 'C=3'": [],
    "Environment=A=$HOST:${HOST}": [("A", "db:db", "reference")],
    "Environment=A=$NOBODY": [],
    "ExecStart=/v/bin/gunicorn --env A=a${HOST}b --env=B=%h x.wsgi": [
        ("A", "a${HOST}b", "dollar"), ("B", "%h", "specifier"),
    ],
    "ExecStart=/v/bin/gunicorn --bind=%t/a.sock x.wsgi": [],
    "PassEnvironment=A": [],
    "# Environment=A=%h": [],
}  # fmt: skip


@pytest.mark.parametrize("line", IN_UNITS)
def test_in_a_unit(line: str) -> None:
    """Only in [Service], with its line."""
    found = list(written_assignments.in_unit(f"[Unit]\n{line}\n[Service]\n{line}\n", KNOWN))
    assert odd(found) == IN_UNITS[line]
    assert {item.line for item in found} <= {4}


def test_whether_a_line_sets_nothing_else() -> None:
    """Then it may be changed as a whole."""
    text = "[Service]\nEnvironment=A=%h\nEnvironment=B=%h C=%h\nEnvironment=\\\n  D=%h\n"
    assert [item.alone for item in written_assignments.in_unit(text, {})] == [True, False, False, False]


def test_a_line_that_goes_on_has_the_number_of_its_beginning() -> None:
    """A comment may stand within it (systemd.syntax(7))."""
    found = list(written_assignments.in_unit("[Service]\nEnvironment=A=1 \\\n# note\n  B=%h\nEnvironment=\n", {}))
    assert [(item.name, item.line, item.specifiers) for item in found] == [("A", 2, ()), ("B", 2, ("%h",)), ("", 5, ())]


IN_FILES = {
    "A=x   # rotated in May": [("A", "x", "comment")],
    'A="x y" # note': [("A", "x y", "comment")],
    "A=a\\b": [("A", "a\\b", "backslash")],
    "A='a\\b'": [("A", "a\\b", "backslash")],
    'A=a"b"': [("A", 'a"b"', "quote"), ("A", "ab", "quote")],
    "A=${HOST}/x": [("A", "db/x", "reference")],
    "A='${HOST}'": [],
    "A=a%%b$$c": [("A", "a%b$$c", "percent"), ("A", "a%%b$c", "dollar")],
    "A=a%hb": [],
    "A=x#y": [],
    "export A=1 # x": [],
}


@pytest.mark.parametrize("line", IN_FILES)
def test_in_an_environment_file(line: str) -> None:
    """As other programs read it; what systemd makes of it is compared later."""
    assert odd(list(written_assignments.in_environment_file(f"# note\n{line}\n", KNOWN))) == IN_FILES[line]


def test_a_hostile_file_takes_no_time() -> None:
    """The app's user may write it."""
    for part in ("\\", '"', "'", " #", "a", " ", "$", "a=\\\n", "%%", "${A}"):
        for begin in ("A=", "[Service]\nEnvironment=A=", "[Service]\nEnvironment="):
            assert len(list(written_assignments.in_environment_file(begin + part * 50_000, KNOWN))) < 10**6
            assert len(list(written_assignments.in_unit(begin + part * 50_000, KNOWN))) < 10**6
