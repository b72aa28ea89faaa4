"""Strangers' cases: what their author calls right is held against what came out."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from lab.podman import LabError
from tools import trials

CASE = trials.Case(
    "a case", fault="true", took="true", check="true", outcomes=["recovered"], causes=["postgres|database"]
)
RECORD = {
    "outcome": "recovered",
    "root_causes": [{"id": "database/stopped", "title": "PostgreSQL is not running", "because": "it is inactive"}],
}


@pytest.mark.parametrize(
    ("case", "record", "wrong"),
    [
        ({}, {}, []),
        ({}, {"outcome": "failed"}, ["outcome failed instead of recovered"]),
        ({"causes": ["nginx"]}, {}, ["not named: nginx"]),
        ({"causes": ["inactive", "NOT RUNNING"]}, {}, []),
        ({"causes": []}, {}, ["called broken: database/stopped"]),
        ({"causes": []}, {"root_causes": []}, []),
    ],
)
def test_what_is_wrong(case: dict[str, Any], record: dict[str, Any], wrong: list[str]) -> None:
    """The outcome, a cause that is not named, and one that is where nothing is broken."""
    wanted, told = trials.Case(**{**vars(CASE), **case}), {**RECORD, **record}
    seen = trials.Seen("01-a-case", "a case")
    trials.note(seen, told)
    trials.judge(seen, wanted, told)
    assert seen.wrong == wrong


def test_a_host_that_cannot_be_broken_is_void(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is said of a case whose fault did not take, and it does not count as right."""

    class Host:
        """One that does not boot."""

        def __init__(self, name: str, shape: str) -> None:
            assert (name, shape) == ("t01acase", "tcp")

        def up(self) -> None:
            raise LabError("no image")

        def down(self) -> None:
            pass

    monkeypatch.setattr(trials.lab, "Host", Host)
    seen = trials.run("01-a-case", CASE)
    assert (seen.void, "VOID no image" in seen.line()) == ("no image", True)


def test_cases_are_read_and_counted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A line each, all that was seen in a file, and 1 at the end where one is wrong; 2 where there is none."""
    monkeypatch.setenv("CASES", str(tmp_path))
    assert trials.main() == 2
    for name in ("01-right", "02-wrong"):
        (tmp_path / f"{name}.yml").write_text(yaml.safe_dump(vars(CASE)), encoding="utf-8")

    def run(name: str, case: trials.Case) -> trials.Seen:
        return trials.Seen(name, case.title, "recovered", wrong=["check: edge 502"] if "wrong" in name else [])

    monkeypatch.setattr(trials, "run", run)
    assert trials.main() == 1
    printed = capsys.readouterr().out
    assert "01-right: recovered" in printed
    assert "1 of 2 right by what their author wrote" in printed
    assert sorted(path.name for path in (tmp_path / "results").iterdir()) == ["01-right.json", "02-wrong.json"]
    monkeypatch.setenv("ONLY", "01")
    assert trials.main() == 0
