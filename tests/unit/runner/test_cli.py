"""The command line: what it says when nothing has to run, and what it makes of wrong use."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

from rescue502.cli import app
from rescue502.run import Finished

runner = CliRunner()


def test_help_lists_the_commands() -> None:
    """All commands, and the exit codes."""
    text = runner.invoke(app, ["--help"]).output
    for name in (
        "diagnose",
        "recover",
        "verify",
        "report",
        "explain",
        "bundle",
        "demo",
        "redeploy",
        "sudoers",
        "pause",
        "resume",
    ):
        assert name in text
    assert "Exit codes" in text


def test_explain_knows_and_suggests() -> None:
    """One failure mode, all of them, and the nearest to a typing error."""
    assert "PostgreSQL is not running" in runner.invoke(app, ["explain", "database/stopped"]).output
    assert "service/hung" in runner.invoke(app, ["explain"]).output
    wrong = runner.invoke(app, ["explain", "database/stoped"])
    assert wrong.exit_code == 1
    assert "database/stopped" in wrong.output


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["recover", "--approve", "code/nothing"], "nothing of that name"),
        (["diagnose", "-i", "/no/such/inventory"], "there is no inventory"),
        (["report", "--reports", "/no/such/folder"], "no incident was found"),
        (["diagnose", "-e", "oops"], "name=value"),
        (["diagnose", "-e", "{oops"], "not valid JSON"),
        (["explain", "--failures", "/no/such/folder"], "no such folder of failure modes"),
    ],
)
def test_wrong_use_is_reported(words: list[str], said: str) -> None:
    """Exit code 1 and a line that says what to do."""
    done = runner.invoke(app, words)
    assert done.exit_code == 1
    assert said in done.output


def test_a_broken_inventory_is_reported(tmp_path: Path) -> None:
    """Ansible itself is asked; its complaint is passed on behind one clear line."""
    inventory = tmp_path / "hosts.yml"
    inventory.write_text("all: [broken", encoding="utf-8")
    done = runner.invoke(app, ["diagnose", "-i", str(inventory), "--reports", str(tmp_path)])
    assert done.exit_code == 1
    assert "the inventory could not be read. Nothing was changed." in done.output


def test_an_unreachable_host_is_reported(tmp_path: Path) -> None:
    """Exit code 4, and an incident that says so."""
    words = ["diagnose", "-i", "127.0.0.1,", "-e", "ansible_port=1", "--reports", str(tmp_path), "--json"]
    done = runner.invoke(app, words)
    assert done.exit_code == 4
    assert '"outcome": "unreachable"' in done.output


@pytest.mark.parametrize(
    ("outcomes", "code"),
    [
        (["healthy", "recovered"], 0),
        (["healthy", "recovered", "degraded"], 6),
        (["degraded", "needs-approval"], 3),
        (["healthy", "needs-approval"], 3),
        (["needs-approval", "locked"], 5),
        (["locked", "unreachable"], 4),
        (["unreachable", "needs-human"], 2),
        (["healthy", "harmed"], 2),
    ],
)
def test_the_host_that_needs_help_first_decides(outcomes: list[str], code: int) -> None:
    """Exit codes of several hosts."""
    finished = Finished("id", 2, "failed", [{"outcome": outcome} for outcome in outcomes], Path(), "")
    assert finished.exit_code() == code


@pytest.mark.parametrize(
    "content",
    ["", "[]", "{}", '{"outcome": 1}', '{"host": "h", "outcome": "recovered", "edge": [], "actions": {"a": 1}}',
     '{"host": {"\\u001b[2J": 1}, "outcome": "failed", "root_causes": 3, "findings": "abc"}', "[" * 100_000],
)  # fmt: skip
@pytest.mark.parametrize("form", ["text", "html", "markdown", "json"])
def test_a_file_that_is_not_a_record_is_reported_or_shown(tmp_path: Path, content: str, form: str) -> None:
    """It may come from anywhere: no traceback, and nothing that a terminal would obey."""
    path = tmp_path / "record.json"
    path.write_text(content, encoding="utf-8")
    done = runner.invoke(app, ["report", str(path), "--format", form])
    assert done.exit_code in (0, 1)
    assert done.exception is None or isinstance(done.exception, SystemExit), done.exception
    assert done.exit_code == 0 or str(path) in done.output.replace("\n", "")
    assert "\x1b" not in done.output


def test_a_pause_names_its_host_and_its_end() -> None:
    """Both are asked for: a pause of everything, or without an end, is nobody's wish."""
    assert runner.invoke(app, ["pause", "--until", "2h"]).exit_code == 2
    assert runner.invoke(app, ["pause", "web1"]).exit_code == 2
    done = runner.invoke(app, ["pause", " ", "--until", "2h"])
    assert (done.exit_code, "name the host to pause" in done.output) == (1, True)
