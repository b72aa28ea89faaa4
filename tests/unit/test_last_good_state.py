"""The last good state: what is compared, what is kept and read again, and the words for it, whatever a host sends."""

from __future__ import annotations

import copy
import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.rescue502.django.plugins.module_utils.baseline import baseline, changes, state
from ansible_collections.rescue502.django.plugins.module_utils.collectors import code
from ansible_collections.rescue502.django.plugins.module_utils.run import state_directory
from ansible_collections.rescue502.django.plugins.module_utils.services import installed_packages
from ansible_collections.rescue502.django.plugins.plugin_utils.catalogue.catalogue import load
from ansible_collections.rescue502.django.plugins.plugin_utils.diagnosis import recent_changes
from ansible_collections.rescue502.django.plugins.plugin_utils.diagnosis.diagnosis import diagnose
from ansible_collections.rescue502.django.plugins.plugin_utils.report import report
from hypothesis import given
from passable import make_passable
from test_hostile import ACTIVE, ESCAPES, MARKUP, check_clean, thorough, values, whole_run

from tools import recordings

CATALOGUE = load()
EMPTY: dict[str, Any] = {"count": 0, "list": []}
SAME: dict[str, Any] = {
    "since": "2026-11-24T10:00:00Z",
    "taken": "2026-11-24T10:00:00Z",
    "incident": "20261124T095900Z-ab12cd",
    "commits": {},
    **dict.fromkeys(state.SECTIONS, EMPTY),
}
MOVED = {
    "before": "0a1b2c3d4e5f",
    "after": "a0b1c2d3e4f5",
    "known": True,
    "count": 7,
    "gone": 1,
    "list": [{"commit": f"c{n}", "date": "", "subject": f"Change {n}"} for n in range(7)],
}


def changed(name: str, how: str, before: str = "", after: str = "") -> dict[str, Any]:
    """A section in which one thing differs."""
    return {"count": 1, "list": [{"name": name, "how": how, "before": before, "after": after}]}


def unit_record(**state_now: Any) -> dict[str, Any]:
    """A baseline as it lies on a host."""
    sections = {name: {} for name in state.SECTIONS}
    head = {"schema": baseline.SCHEMA, "unit": "shop.service", "taken": "2026-11-24T10:00:00Z", "incident": "i"}
    return {**head, "state": {"commit": "", **sections, **state_now}}


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A state folder of our own."""
    monkeypatch.setattr(state_directory, "STATE", str(tmp_path / "state"))
    return Path(state_directory.made(baseline.FOLDER))


def test_versions_are_shown_and_marks_are_not() -> None:
    """Of packages the versions, of variables the names alone."""
    old, new = {"django": "4.2", "gone": "1", "same": "2"}, {"django": "5.0", "new": "3", "same": "2"}
    reported = changes.compare("packages", old, new)
    assert [tuple(item.values()) for item in reported["list"]] == [
        ("django", "changed", "4.2", "5.0"),
        ("gone", "gone", "1", ""),
        ("new", "new", "", "3"),
    ]
    hidden = changes.compare("variables", old, new)
    assert [(item["how"], item["before"], item["after"]) for item in hidden["list"]] == [
        ("changed", "", ""),
        ("gone", "", ""),
        ("new", "", ""),
    ]


def test_files_that_come_and_go_have_no_other_mode() -> None:
    """A walk takes in the first files only: what is missing from one of them says nothing."""
    reported = changes.compare("modes", {"a": "0:0 0644", "b": "0:0 0644"}, {"a": "0:0 0600", "c": "0:0 0600"})
    assert [(item["name"], item["before"], item["after"]) for item in reported["list"]] == [
        ("a", "root:root 0644", "root:root 0600")
    ]


def test_a_long_list_is_cut_and_counted() -> None:
    """A deployment as another user changes every file."""
    before, now = ({str(n): f"{uid}:0 0644" for n in range(200)} for uid in (0, 1))
    reported = changes.compare("modes", before, now)
    assert (reported["count"], len(reported["list"])) == (200, changes.LIMIT)
    assert recent_changes.summary({"changes": {**SAME, "modes": reported}})["lines"][0].endswith("195 more")  # type: ignore[index]


def test_packages_are_known_by_their_folders(tmp_path: Path) -> None:
    """Names as pip normalises them; what pip has half removed is not there."""
    place = tmp_path / "venv" / "lib" / "python3.12" / "site-packages"
    for name in ("Django-4.2.16.dist-info", "typing_extensions-4.1.dist-info", "~ld-1.0.dist-info", "django"):
        (place / name).mkdir(parents=True)
    assert installed_packages.versions(str(tmp_path / "venv")) == {"django": "4.2.16", "typing-extensions": "4.1"}
    assert installed_packages.versions("") == installed_packages.versions(str(tmp_path / "none")) == {}


def test_marks_say_nothing_without_the_key() -> None:
    """The same for the same, another for another key, and another for the same value under another name."""
    one = state._mark(b"k" * 32, "A", b"value")
    assert one == state._mark(b"k" * 32, "A", b"value")
    assert len({one, state._mark(b"l" * 32, "A", b"value"), state._mark(b"k" * 32, "B", b"value")}) == 3


def test_a_baseline_is_read_again(folder: Path) -> None:
    """With the time at which it was last seen to be good, and only with the key that it was made with."""
    record = {**unit_record(packages={"django": "4.2"}), "key": baseline._key_id(baseline._made_key())}
    path = folder / "shop.service.json"
    path.write_text(json.dumps(record), encoding="utf-8")
    os.utime(path, (1_700_000_000, 1_700_000_000))
    assert baseline.last("shop.service")["since"] == "2023-11-14T22:13:20Z"
    assert baseline.last("other.service") == {}
    (folder / baseline.KEY).unlink()
    assert baseline.last("shop.service") == {}
    baseline._made_key()
    assert baseline.last("shop.service") == {}, "another key"


@pytest.mark.parametrize("text", ["", "{", "[]", "null", '{"schema": 1}', '{"schema": 99, "unit": "shop.service"}'])
def test_a_damaged_baseline_is_none(folder: Path, text: str) -> None:
    """What a crash or another version has left is as good as nothing."""
    baseline._made_key()
    (folder / "shop.service.json").write_text(text, encoding="utf-8")
    assert baseline.last("shop.service") == {}


def test_a_unit_named_to_lead_elsewhere_stays_in_the_folder(folder: Path) -> None:
    """The name is the user's, and still only a name."""
    assert Path(baseline._path("../../../etc/cron.d/x")).parent == folder


def test_commits_between(tmp_path: Path) -> None:
    """What came, what is gone after a rollback, and that a commit is not known."""

    def git(*words: str) -> str:
        command = ["git", "-c", "user.name=dev", "-c", "user.email=dev@example.org", "-C", str(tmp_path), *words]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()

    # git is asked as the owner of the checkout, who must be able to get there.
    make_passable(tmp_path)
    git("init", "-q")
    ids = []
    for subject in ("First", "Second\twith a tab", "Third"):
        git("commit", "-q", "--allow-empty", "-m", subject)
        ids.append(git("rev-parse", "HEAD"))
    assert code.head(str(tmp_path)) == ids[2]
    came = code.between(str(tmp_path), ids[0], ids[2])
    assert (came["count"], came["gone"], came["before"]) == (2, 0, ids[0][:12])
    assert [item["subject"] for item in came["list"]] == ["Third", "Second\twith a tab"]
    back = code.between(str(tmp_path), ids[2], ids[1])
    assert (back["count"], back["gone"], back["list"]) == (0, 1, [])
    lost = code.between(str(tmp_path), "0" * 40, ids[2])
    assert (lost["known"], lost["list"]) == (False, [])
    assert code.head(str(tmp_path.parent)) == ""


def test_a_finding_says_what_has_changed_of_its_layer() -> None:
    """Code: the commits between. Nothing is added where nothing of it has changed, or nobody knows."""
    evidence = copy.deepcopy(recordings.evidence("code/syntax-error"))
    (plain,) = (item.because for item in diagnose(evidence, CATALOGUE).root_causes)
    for unchanged in ({"since": ""}, SAME, {**SAME, "packages": changed("django", "gone", "4.2")}, {"failed": "no"}, 3):
        (same,) = diagnose({**evidence, "changes": unchanged}, CATALOGUE).root_causes
        assert same.because == plain
    (found,) = diagnose({**evidence, "changes": {**SAME, "commits": MOVED}}, CATALOGUE).root_causes
    assert found.because == plain + (
        "; since the last good state (2026-11-24T10:00:00Z): commit 0a1b2c3d4e5f -> a0b1c2d3e4f5: "
        "7 new (Change 0; Change 1; Change 2; Change 3; Change 4; 2 more), 1 gone"
    )


def test_the_key_that_was_there_is_named() -> None:
    """environment/key-missing: it is gone since then, and others are not reported again."""
    evidence = recordings.evidence("environment/key-missing")
    gone = {**SAME, "variables": changed("SECRET_KEY", "gone"), "nginx": changed("/etc/nginx/nginx.conf", "changed")}
    (found,) = diagnose({**evidence, "changes": gone}, CATALOGUE).root_causes
    assert found.because.endswith("; since the last good state (2026-11-24T10:00:00Z): variables: SECRET_KEY gone")


def test_reports_say_first_what_has_changed() -> None:
    """Before the checklist and the causes, in each form; one line where nothing has; none where nobody knows."""
    reported = {**SAME, "since": "2026-11-25T08:00:00Z", "packages": changed("django", "changed", "4.2", "5.0")}
    incident: dict[str, Any] = {"host": "h", "checklist": [{"name": "row", "state": "ok", "detail": ""}]}
    for render in (report.render_text, report.render_markdown, report.render_html):
        page = render({**incident, "evidence": {"changes": reported}}).replace("\\_", "_").replace("&gt;", ">")
        assert page.index("Changed since the last good state") < page.index("packages: django 4.2 -> 5.0")
        assert page.index("2026-11-25T08:00:00Z, first seen in incident 20261124T095900Z-ab12cd") < page.index("row")
        assert "Nothing has changed since the last good state" in render({**incident, "evidence": {"changes": SAME}})
        assert "last good state" not in render({**incident, "evidence": {"changes": {"since": ""}}})


FULL = {**SAME, "commits": MOVED, **{name: changed("x", "changed", "1", "2") for name in state.SECTIONS}}


@thorough
@given(values, values)
def test_any_changes_are_survived(inner: Any, whole: Any) -> None:
    """Wrong kinds and hostile text in a section, in an item, and as the whole of it."""
    evidence = recordings.evidence("code/syntax-error")
    broken = {"count": inner, "list": [{"name": inner, "how": inner, "before": inner, "after": inner}, inner]}
    parts: list[Any] = [whole, {**SAME, "since": inner}, {**SAME, "incident": inner, "taken": inner}]
    parts += [{**SAME, name: part} for name in ("commits", "packages") for part in (inner, broken)]
    parts.append({**SAME, "commits": {**MOVED, "after": inner, "before": inner, "list": [{"subject": inner}]}})
    for part in parts:
        recent_changes.summary({"changes": part})
        diagnose({**evidence, "changes": part}, CATALOGUE)
    check_clean(whole_run({**evidence, "changes": parts[-2]}))


@pytest.mark.parametrize("text", ACTIVE + ESCAPES + MARKUP, ids=lambda text: repr(text[:20]))
def test_hostile_subjects_and_names_are_data(text: str) -> None:
    """Who may commit may write anything into a subject."""
    poisoned = json.loads(json.dumps(FULL).replace('"x"', json.dumps(text)).replace('"Change 0"', json.dumps(text)))
    assert json.dumps(poisoned).count(json.dumps(text)) > len(state.SECTIONS)
    check_clean(whole_run({**recordings.evidence("code/syntax-error"), "changes": poisoned}))
