"""The table of docs/chaos.md: who belongs to which kind, and what is counted."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tools import chaos

TESTS = Path(__file__).parents[2]


@pytest.mark.parametrize("name", [name for names in chaos.TESTS.values() for name in names] + chaos.LEFT_OUT)
def test_each_is_there(name: str) -> None:
    """A file of tests, or one test of it, that has another name by now would be left out in silence."""
    file, _, test = name.partition("::")
    text = (TESTS / file).read_text(encoding="utf-8")
    assert not test or re.search(rf"^def {test}\(", text, re.M)


def test_no_file_is_of_two_kinds() -> None:
    """Nor is one left out that is of none."""
    names = [name.partition("::")[0] for names in chaos.TESTS.values() for name in names]
    assert len(names) == len(set(names))
    assert {name.partition("::")[0] for name in chaos.LEFT_OUT} <= set(names)


def test_what_was_counted_is_added_up() -> None:
    """By kind; a kind that counts nothing shows nothing, and not that there was none."""
    results = [
        chaos.Result("odd host that is well", "t::a", chaos.SURVIVED, counts={"changed": 0, "restarted": 0, "root": 0}),
        chaos.Result("odd host that is well", "t::b", chaos.HARMED, "it", {"changed": 2, "restarted": 1, "root": 0}),
        chaos.Result("bad input", "t::c", chaos.SURVIVED),
    ]
    lines = chaos.table(results).splitlines()
    assert lines[0] == "| | survived | lost | harmed | changed | restarted | root |"
    assert "| odd host that is well | 1 | 0 | 1 | 2 | 1 | 0 |" in lines
    assert "| bad input | 1 | 0 | 0 |  |  |  |" in lines
    assert lines[-1] == "harmed: odd host that is well `b`: it"
