"""Reports: host text is data in every form."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from ansible_collections.rescue502.django.plugins.plugin_utils.report import awx_job
from ansible_collections.rescue502.django.plugins.plugin_utils.report.report import (
    render_html,
    render_markdown,
    render_text,
)
from ansible_collections.rescue502.django.plugins.plugin_utils.text.host_text import clean, file_name

HOSTILE = "<script>alert(1)</script>\x1b[31m{{ 7 * 7 }}\x1b]0;title\x07"
INCIDENT = {
    "host": HOSTILE,
    "outcome": "needs-human",
    "message": HOSTILE,
    "checklist": [{"name": "row", "state": "bad", "detail": HOSTILE}],
    "root_causes": [{"id": "code/x", "title": HOSTILE, "because": HOSTILE, "risk": "never"}],
    "actions": [
        {"remedy": "restart", "for": ["a/b"], "changed": True, "ok": False, "seconds": 1.5, "message": HOSTILE}
    ],
    "awaiting": [{"id": "code/x", "remedy": None, "approve_with": None, "by_hand": HOSTILE}],
    "evidence": {"log": HOSTILE},
    "edge": {"before": {"summary": HOSTILE}, "after": None},
}


def test_html_escapes_all_text() -> None:
    """No markup, no escape and no template of the host's becomes ours."""
    page = render_html(INCIDENT)
    assert "<script" not in page
    assert "\x1b" not in page
    assert "49" not in page
    assert "{{ 7 * 7 }}" in page


@pytest.mark.parametrize("render", [render_text, render_markdown, render_html])
def test_a_check_says_what_would_be_done(render: Callable[[dict[str, Any]], str]) -> None:
    """And of nothing that it was done."""
    action = {"remedy": "restart", "for": ["a/b"], "changed": True, "ok": True, "seconds": 1.5, "message": ""}
    done = {**INCIDENT, "outcome": "planned", "actions": [action]}
    page = render({**done, "check": True})
    assert "Would be done, nothing was changed" in page
    assert "would change, 1.5 s" in page
    assert "✓" not in page
    assert "Would be done" not in render(done)


def test_text_and_markdown_are_clean() -> None:
    """Nothing that a terminal would obey."""
    for text in (render_text(INCIDENT), render_markdown(INCIDENT)):
        assert "\x1b" not in text
        assert "\x07" not in text
        assert "{{ 7 * 7 }}" in text
    assert "| <script>" not in render_markdown(INCIDENT)


@pytest.mark.parametrize(
    ("causes", "well", "shown", "hidden"),
    [
        pytest.param(
            [], False, ["nginx: no live upstreams", "the app: Killed", "PostgreSQL: out of"], [], id="no-cause"
        ),
        pytest.param(["code/x"], False, ["nginx: no live upstreams"], ["Killed", "out of"], id="a-cause-elsewhere"),
        pytest.param(["proxy/x"], False, [], ["no live upstreams", "Killed"], id="a-cause-in-nginx"),
        pytest.param([], True, [], ["no live upstreams", "Killed", "out of"], id="the-edge-is-well"),
    ],
)
def test_what_programs_said_and_nobody_explains_is_shown(
    causes: list[str], well: bool, shown: list[str], hidden: list[str]
) -> None:
    """Where no cause is named, their words are the evidence; never those of a site that answers."""
    incident = {
        "host": "h",
        "root_causes": [{"id": name, "title": "t", "because": "b", "risk": "never"} for name in causes],
        "edge": {"before": {"well": well, "summary": "s"}, "after": {"well": well, "summary": "s"}},
        "evidence": {
            "proxy": {"reported": ["no live upstreams"]},
            "shadow_start": {"words": ["Booting", "Killed"]},
            "log": {"errors": 7},
            "database_startup": {"reason": "out of shared memory"},
        },
    }
    text = render_text(incident)
    for rendered in (text, render_markdown(incident), render_html(incident).partition("<h2>Evidence")[0]):
        assert all(words in rendered for words in shown)
        assert not any(words in rendered for words in hidden)


JOB = {"job": "17", "template": "rescue502 recover", "schedule": "every 5 minutes", "user": "admin"}
WAITS = {
    "host": "web1",
    "incident": "20260131T120000Z-ab12cd",
    "outcome": "needs-approval",
    "awaiting": [
        {"id": "code/x", "approval": "code/x", "remedy": "rollback_code", "approve_with": "x", "by_hand": "git log"},
        {"id": "code/y", "approval": "code/y@web1", "remedy": "migrate", "approve_with": "x", "by_hand": "look"},
    ],
    "actions": [
        {"remedy": "permissions", "for": ["files/z"], "changed": True, "ok": True, "seconds": 1.0, "message": ""}
    ],
}


@pytest.mark.parametrize("render", [render_text, render_markdown, render_html])
def test_a_job_of_awx_is_told_what_to_do_in_awx(render: Callable[[dict[str, Any]], str]) -> None:
    """No command line, for its container is gone; each approval names its host, for the template may have others."""
    text = " ".join(render({**WAITS, "awx": JOB}).replace("\\_", "_").split())
    assert "AWX job 17 (rescue502 recover), started by the schedule every 5 minutes" in text
    assert 'in AWX, launch the template "recover with approval", with this in its survey' in text
    assert "code/x@web1" in text
    assert "code/y@web1@" not in text
    assert "in AWX, launch the undo template with rescue502_undo=20260131T120000Z-ab12cd" in text
    assert "rescue502 recover --approve" not in text
    assert "rescue502 undo" not in text


@pytest.mark.parametrize(
    ("job", "words"),
    [
        ({}, ""),
        ({"job": "17"}, "AWX job 17"),
        ({"job": "17", "user": "ada"}, "AWX job 17, started by the user ada"),
        (
            {"job": "17", "template": "verify", "workflow": "repair", "user": "ada"},
            "AWX job 17 (verify), in the workflow repair, started by the user ada",
        ),
    ],
)
def test_a_job_in_words(job: dict[str, str], words: str) -> None:
    assert awx_job.words(job) == words


@pytest.mark.parametrize("render", [render_text, render_markdown, render_html])
def test_any_other_run_is_told_commands(render: Callable[[dict[str, Any]], str]) -> None:
    text = render(WAITS)
    assert "rescue502 recover --approve code/x" in text
    assert "rescue502 undo 20260131T120000Z-ab12cd" in text
    assert "AWX" not in text


def test_an_empty_incident_renders() -> None:
    """A run that was cut off leaves little, and still has a report."""
    assert "needs" not in render_text({"host": "h"})
    assert render_html({})
    assert render_markdown({})


def test_file_names_stay_in_their_folder() -> None:
    """A host's name cannot lead elsewhere, nor to another host's file."""
    names = [
        "../../etc/passwd",
        "/etc/passwd",
        "a\nb",
        "a_b",
        "a/b",
        "a\0b",
        "...",
        "",
        "ä",
        "x" * 500,
        "x" * 501,
        "\ud800",
    ]
    written = [file_name(name) for name in names]
    assert file_name("web-1.example.com") == "web-1.example.com"
    assert len(set(written)) == len(names)
    assert all(re.fullmatch(r"[A-Za-z0-9_-][A-Za-z0-9._-]{0,150}", name) for name in written), written


def test_long_text_is_cut() -> None:
    """Ten megabytes of one line end as four thousand characters."""
    assert len(clean("x" * 10_000_000)) == 4001
