"""Settings that cannot be meant: reported by name before anything is changed, on a host that waits to be repaired.

Those of which the controller alone can tell are in tests/controller/test_refused_settings.py.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import names
import pytest
from tiers import each_change

import lab
from lab.site import Site, differences

# They share a host, so one worker takes them all.
pytestmark = pytest.mark.xdist_group("bad_settings")

BAD: dict[str, tuple[dict[str, Any], str]] = {
    "a-unit-that-is-not-there": ({"rescue502_unit": "no-such.service"}, "xamila.service"),
    "a-unit-that-is-a-path": ({"rescue502_unit": "../../etc/passwd"}, "xamila.service"),
    "a-unit-that-is-an-option": ({"rescue502_unit": "--version"}, "xamila.service"),
    "a-unit-with-a-command": ({"rescue502_unit": "xamila; touch /tmp/pwned"}, "xamila.service"),
    "an-address-that-is-a-file": ({"rescue502_edge": [{"url": "file:///etc/passwd"}]}, "file:///etc/passwd"),
    "an-address-without-a-url": ({"rescue502_edge": [{"host": "x"}]}, "url"),
    "an-option-that-a-check-does-not-have": ({"rescue502_edge": [{"url": "http://127.0.0.1/", "code": 1}]}, "code"),
    "no-become": ({"ansible_become": False}, "become"),
}


@pytest.fixture(scope="module")
def broken(worker_id: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """One host for all, whose app is stopped: nothing here may start it."""
    host = lab.Host(names.of(worker_id)).up()
    host.break_with("service/stopped")
    yield Site(host, tmp_path_factory.mktemp("settings"))
    host.down()


@pytest.mark.parametrize("name", each_change("a-unit-with-a-command", "an-address-that-is-a-file", "no-become", of=BAD))
def test_a_bad_setting_is_reported_and_changes_nothing(broken: Site, name: str) -> None:
    """The play fails, names what is wrong and says that nothing was changed; and nothing was."""
    variables, words = BAD[name]
    before = broken.host.snapshot()
    code, _incident, output = broken.play("recover", **variables)
    assert code == 2, output
    assert words in output
    assert "Nothing was changed" in output
    assert differences(before, broken.host.snapshot()) == set()
    assert broken.host.run("systemctl is-active xamila", check=False).stdout.strip() == "inactive"


def test_reports_that_cannot_be_written_are_an_error(broken: Site, tmp_path: Path) -> None:
    """A file where the folder for reports should be: the run ends before anything is changed."""
    (tmp_path / "file").write_text("")
    code, _incident, output = broken.play("recover", rescue502_reports=str(tmp_path / "file" / "reports"))
    assert code == 2, output
    assert "file/reports" in output
    assert broken.host.run("systemctl is-active xamila", check=False).stdout.strip() == "inactive"
