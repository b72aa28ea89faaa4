"""What could not be read is unknown: it names nothing, rules nothing out, and is said."""

from __future__ import annotations

import copy
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.rescue502.django.plugins.module_utils.files import safe_files
from ansible_collections.rescue502.django.plugins.module_utils.run import commands
from ansible_collections.rescue502.django.plugins.module_utils.services import gunicorn_config, nginx_config
from ansible_collections.rescue502.django.plugins.module_utils.system import accounts, unread
from ansible_collections.rescue502.django.plugins.plugin_utils.catalogue import expressions
from ansible_collections.rescue502.django.plugins.plugin_utils.catalogue.catalogue import load
from ansible_collections.rescue502.django.plugins.plugin_utils.diagnosis.diagnosis import diagnose
from ansible_collections.rescue502.django.plugins.plugin_utils.report import report
from ansible_collections.rescue502.django.plugins.plugin_utils.report.checklist import checklist

from rescue502 import offline
from tools import recordings

CATALOGUE = load()
FROM_REHEARSAL = ("error", "answered", "hung")
NO_REHEARSAL = {
    "what": "the rehearsal",
    "why": "deploy may not become shop",
    "facts": ["rehearsal", *(f"database.{name}" for name in FROM_REHEARSAL)],
}


def recorded(name: str) -> dict[str, Any]:
    """The evidence of one broken host, as the probe gave it to root."""
    return copy.deepcopy(recordings.evidence(name))


def without_rehearsal(evidence: dict[str, Any]) -> dict[str, Any]:
    """The same as an account that may not run the app sees it."""
    left = copy.deepcopy(evidence)
    del left["rehearsal"]
    for name in FROM_REHEARSAL:
        del left["database"][name]
    left["probe"].update(unread=[NO_REHEARSAL], root=False)
    return left


def test_facts_are_taken_out_and_listed() -> None:
    """One line for each thing and reason, with where it would have stood; what was read stays."""
    key = unread.Unread("the key", "Permission denied for deploy")
    evidence = {
        "a": {"one": key, "two": 2},
        "b": [{"three": unread.Unread("the key", "Permission denied for deploy")}],
        "c": unread.Unread("all of it", "no"),
        "d": [unread.Unread("one of them", "no"), 4],
    }
    assert unread.take_out(evidence) == [
        {"what": "all of it", "why": "no", "facts": ["c"]},
        {"what": "the key", "why": "Permission denied for deploy", "facts": ["a.one", "b.three"]},
        {"what": "one of them", "why": "no", "facts": ["d"]},
    ]
    assert evidence == {"a": {"two": 2}, "b": [{}], "d": [4]}


def test_what_was_found_is_true_and_what_was_not_found_is_not() -> None:
    """A positive find needs no full view; a conclusion from absence does."""
    assert unread.reported([1], "x", "", "barred") == [1]
    assert isinstance(unread.reported([], "x", "", "barred"), unread.Unread)
    assert unread.reported([], "x", "") == []
    assert isinstance(unread.known(True, "x", "barred"), unread.Unread)
    assert unread.known(False, "x", "") is False


@pytest.fixture
def private() -> Iterator[Path]:
    """A folder that everybody may enter, with a file and a folder that only root may: the checks see it as nobody."""
    if os.geteuid() != 0:
        pytest.skip("only root can become somebody else")
    folder = Path(tempfile.mkdtemp())
    folder.chmod(0o755)
    (folder / "closed").mkdir(mode=0o700)
    for name in ("closed/file", "secret", "open"):
        (folder / name).write_text("include closed/*;\n", encoding="utf-8")
    (folder / "secret").chmod(0o600)
    os.seteuid(65534)
    yield folder
    os.seteuid(0)
    shutil.rmtree(folder)


def test_what_is_private_is_distinguished_from_what_is_missing(private: Path) -> None:
    """Whether it is there, what is in it, and what a walk had to leave out."""
    assert "Permission denied for" in unread.hidden(str(private / "closed/file"))
    assert unread.hidden(str(private / "secret")) == ""
    assert "Permission denied for" in unread.sealed(str(private / "secret"))
    assert unread.sealed(str(private / "none")) == unread.sealed(str(private / "open")) == ""
    refused: list[str] = []
    seen = [entry.path for entry in safe_files.walk(str(private), refused=refused)]
    assert refused == [str(private / "closed")]
    assert str(private / "secret") in seen


def test_what_nginx_includes_and_nobody_may_read(private: Path) -> None:
    """A folder that cannot be listed hides its files."""
    root, files = nginx_config.load(str(private / "open"))
    assert files == [str(private / "open")]
    assert list(nginx_config.barred_includes(root, str(private))) == [str(private / "closed")]


@pytest.mark.parametrize(
    ("command", "rests_on"),
    [
        ("gunicorn --bind 127.0.0.1:8000 shop.wsgi", (False, "")),
        ("gunicorn --bind $ADDRESS shop.wsgi", (True, "")),
        ("gunicorn shop.wsgi", (True, "/srv/shop/gunicorn.conf.py")),
        ("gunicorn -c /etc/shop.py shop.wsgi", (True, "/etc/shop.py")),
        ("uvicorn --uds /run/shop.sock shop.asgi", (False, "")),
        ("uvicorn shop.asgi", (True, "")),
    ],
)
def test_what_says_where_the_app_listens(command: str, rests_on: tuple[bool, str]) -> None:
    """The command line wins; else a file or a variable may say it, and neither is guessed where it cannot be read."""
    words = ["/srv/shop/venv/bin/" + command.split()[0], *command.split()[1:]]
    assert gunicorn_config.bind_rests_on(words, {}, "/srv/shop") == rests_on


def test_root_is_barred_from_nothing_that_is_not_there(tmp_path: Path) -> None:
    """What is missing is missing."""
    assert unread.hidden(str(tmp_path / "none")) == ""
    assert unread.sealed(str(tmp_path / "none")) == ""


def test_nobody_else_is_become(monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither root nor the account itself: the command is not run at all."""
    monkeypatch.setattr("os.geteuid", lambda: 12345)
    assert not accounts.may_become("root")
    done = commands.run_as("root", None, ["/bin/true"], {}, "/", 5)
    assert (done.returncode, "only root can become root" in done.stderr) == (-1, True)


@pytest.mark.parametrize("test", ["true", "false", "none", "not true", "not false", "not none"])
def test_identity_of_the_undefined_is_unknown(test: str) -> None:
    """Jinja's own tests would call what is absent `not false`."""
    assert expressions.verdict(f"a.b is {test}", {"a": {}}) is None
    assert expressions.verdict(f"a.b is {test}", {"a": {"b": True}}) in (True, False)
    assert not expressions.holds(f"a.b is {test}", {"a": {}})


@pytest.mark.parametrize("fault", ["dependencies/missing", "environment/key-missing", "code/syntax-error"])
def test_a_symptom_is_not_called_the_cause(fault: str) -> None:
    """With root the cause is named; without the rehearsal nothing is, and what was seen is reported with its doubt."""
    evidence = recorded(fault)
    assert fault in [finding.id for finding in diagnose(evidence, CATALOGUE).root_causes]
    diagnosis = diagnose(without_rehearsal(evidence), CATALOGUE)
    assert diagnosis.root_causes == ()
    assert any(fault in finding.perhaps for finding in diagnosis.findings)


def test_a_cause_that_nothing_could_explain_is_still_named() -> None:
    """A stopped unit is no code's fault."""
    diagnosis = diagnose(without_rehearsal(recorded("service/stopped")), CATALOGUE)
    assert [finding.id for finding in diagnosis.root_causes] == ["service/stopped"]


def rehearsed() -> list[str]:
    """The failure modes of whose evidence a rehearsal is part: all but those without a unit."""
    return [name for name in recordings.names() if "rehearsal" in recorded(name)]


@pytest.mark.parametrize("fault", rehearsed())
def test_no_new_cause_without_the_rehearsal(fault: str) -> None:
    """Of every failure mode: less is called a cause, never anything else."""
    evidence = recorded(fault)
    with_it = {finding.id for finding in diagnose(evidence, CATALOGUE).root_causes}
    without = {finding.id for finding in diagnose(without_rehearsal(evidence), CATALOGUE).root_causes}
    assert without <= with_it


def test_what_is_unread_is_reported_to_people() -> None:
    """In all three reports and in the checklist."""
    diagnosis = diagnose(without_rehearsal(recorded("dependencies/version-conflict")), CATALOGUE)
    rows = {row["name"]: row for row in checklist(diagnosis.evidence)}
    assert rows["dependencies installed"]["detail"] == "could not be read without root"
    findings = [finding.public() for finding in diagnosis.findings]
    incident = {"findings": findings, "unread": [NO_REHEARSAL], "evidence": diagnosis.evidence}
    for text in (report.render_text(incident), report.render_markdown(incident), report.render_html(incident)):
        assert "deploy may not become shop" in text
        assert "among what could not be read" in text


def test_a_saved_look_says_so_too() -> None:
    """Diagnosed again without the host: the same doubt, and how to know more."""
    incident = offline.diagnose(
        offline.Recorded("shop", without_rehearsal(recorded("dependencies/missing"))), CATALOGUE
    )
    assert (incident["outcome"], incident["plan"]) == ("needs-human", [])
    assert "look again as root" in incident["message"]
    assert "deploy may not become shop" in report.render_text(incident)
