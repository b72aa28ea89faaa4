"""A variable is tried as it is written: what helps, what is a mere remark, and what is not tried at all."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from ansible_collections.rescue502.django.plugins.module_utils.django_app import unit_variables
from ansible_collections.rescue502.django.plugins.module_utils.probe import trials, written_trial

RIGHT = "Vq7%hR2m"
GIVEN = "Vq7/rootR2m"
ENGINES = {"default": {"engine": "postgresql"}}


@dataclass
class App:
    """What of a stack the trial looks at."""

    environment: dict[str, str]
    properties: dict[str, str]


class Host(NamedTuple):
    """A unit's file, an environment file, what systemd gives, and what it says when it is asked."""

    unit: str
    file: str = ""
    given: dict[str, str] | None = None
    asked: dict[str, str] | None = None


def tried(
    host: Host, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, right: dict[str, str], **changed: Any
) -> tuple[list[dict[str, Any]], list[dict[str, str]]]:
    """What comes of the trial, and the environments that were tried. right: the variables that the app needs."""
    unit, file = tmp_path / "shop.service", tmp_path / "shop.env"
    unit.write_text(f"[Service]\n{host.unit}\n")
    file.write_text(host.file)
    given, seen = host.given or {}, list[dict[str, str]]()
    databases = changed.pop("databases", ENGINES)
    properties = {"FragmentPath": str(unit), "EnvironmentFiles": f"{file} (ignore_errors=no)", **changed}
    monkeypatch.setattr(unit_variables, "ask", lambda _stack: host.asked)
    settings = {"ok": True, "databases": databases}

    def steps(environment: dict[str, str]) -> dict[str, Any]:
        well = all(environment.get(name) == value for name, value in right.items())
        before = {name: {"ok": True} for name in trials.ORDER[: trials.ORDER.index("database")]}
        return {**before, "settings": settings, "database": {"ok": well, "error": None if well else {"type": "X"}}}

    def rehearse(stack: Any) -> dict[str, Any]:
        seen.append(stack.environment)
        return steps(stack.environment)

    stack: Any = App(given, properties)
    found = written_trial.collect(stack, steps(given), rehearse, trials.progress, True)
    return found, seen


PERCENT = Host(f'Environment="DB_PASSWORD={RIGHT}"', given={"DB_PASSWORD": GIVEN}, asked={"DB_PASSWORD": GIVEN})


def test_what_is_written_helps(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Once with it, and once more without it: the fault has not ended by itself. No value is in what comes of it."""
    found, seen = tried(PERCENT, tmp_path, monkeypatch, {"DB_PASSWORD": RIGHT})
    assert [(item["name"], item["line"], item["specifiers"], item["helps"]) for item in found] == [
        ("DB_PASSWORD", 2, ["%h"], True)
    ]
    assert [item["DB_PASSWORD"] for item in seen] == [RIGHT, GIVEN]
    assert "R2m" not in str(found)


def test_what_is_refused_too_is_a_remark(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The variable is written otherwise than it is given, and that is not the fault."""
    found, _seen = tried(PERCENT, tmp_path, monkeypatch, {"DB_PASSWORD": "another"})
    assert [item["helps"] for item in found] == [False]


def test_what_ends_by_itself_was_not_helped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The database was starting, and lets the app in with either value: shown by the look without the change."""
    right: dict[str, str] = {"DB_PASSWORD": RIGHT}
    monkeypatch.setattr(trials, "progress", progress_that_grows())
    found, _seen = tried(PERCENT, tmp_path, monkeypatch, right)
    assert [item["helps"] for item in found] == [False]


def progress_that_grows() -> Any:
    """An app that gets further each time."""
    count = iter(range(100))
    return lambda _steps: next(count)


def test_two_variables_are_both_needed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """None helps alone here: nothing is claimed of one alone."""
    host = Host("Environment=A_KEY=a%hx B_KEY=b%hx", given={"A_KEY": "a/x", "B_KEY": "b/x"})
    found, _seen = tried(host, tmp_path, monkeypatch, {"A_KEY": "a%hx", "B_KEY": "b%hx"})
    assert [item["helps"] for item in found] == [False, False]


@pytest.mark.parametrize(("asked", "count"), [({"DB_PASSWORD": "ab # c"}, 1), ({"DB_PASSWORD": "ab"}, 0), (None, 0)])
def test_of_an_environment_file_systemd_is_asked(
    asked: dict[str, str] | None, count: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """How we read such a file is no proof: what systemd did not say, or says otherwise, is not claimed."""
    host = Host("User=shop", "DB_PASSWORD=ab # c\n", {"DB_PASSWORD": "ab # c"}, asked)
    found, _seen = tried(host, tmp_path, monkeypatch, {"DB_PASSWORD": "ab"})
    assert len(found) == count


NOT_TRIED = {
    "a path": (Host("Environment=STATE=%S/shop", given={"STATE": "/var/lib/shop"}), {}),
    "a file's name for SQLite": (
        Host("Environment=DATABASE=%p.sqlite3", given={"DATABASE": "shop.sqlite3"}),
        {"databases": {"default": {"engine": "sqlite3"}}},
    ),
    "a URL of SQLite's": (
        Host("Environment=DATABASE_URL=sqlite:///%p.db", given={"DATABASE_URL": "sqlite:///shop.db"}), {},
    ),
}  # fmt: skip


@pytest.mark.parametrize("what", NOT_TRIED)
def test_a_files_name_is_not_tried(what: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The app could make a file of that name."""
    host, changed = NOT_TRIED[what]
    found, seen = tried(host, tmp_path, monkeypatch, {"NOTHING": "helps"}, **changed)
    assert (len(found), seen) == (1, [])


NOTHING = {
    "it is set again later": (Host(f"Environment=A_KEY={RIGHT}\nEnvironment=A_KEY=x", given={"A_KEY": "x"}), {}),
    "a file sets it again": (Host(f"Environment=A_KEY={RIGHT}", "A_KEY=x\n", {"A_KEY": "x"}), {}),
    "all are unset": (Host(f"Environment=A_KEY={RIGHT}\nEnvironment=", given={}), {}),
    "systemd has not read the file": (PERCENT, {"NeedDaemonReload": "yes"}),
    "it is the same": (Host("Environment=A_KEY=Vq7%h", given={"A_KEY": "Vq7%h"}), {}),
}


@pytest.mark.parametrize("why", NOTHING)
def test_nothing_is_tried(why: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What does not count, or is not known yet, or is read alike."""
    host, changed = NOTHING[why]
    assert tried(host, tmp_path, monkeypatch, {"A_KEY": RIGHT}, **changed) == ([], [])
