"""A controller that is too old gets one sentence."""

from __future__ import annotations

import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import yaml
from ansible_collections.rescue502.django.plugins.plugin_utils.run import ansible_version, settings

from rescue502 import run

ROOT = Path(__file__).parents[3]


@pytest.mark.parametrize("version", ["2.16.0", "2.16.0rc1", "2.19.14", "2.21.5", "2.22.0.dev0", "3.0"])
def test_new_enough(version: str) -> None:
    assert ansible_version.complaint(version) == ""


@pytest.mark.parametrize("version", ["2.15.13", "2.9.27", "2.10.0"])
def test_too_old(version: str) -> None:
    """The sentence says what is there and what is needed."""
    said = f"ansible-core {version} on this controller is too old: rescue502 needs 2.16 or newer"
    assert ansible_version.complaint(version) == said


def test_one_oldest_version() -> None:
    """Ansible's metadata, pip's and our own check name the same version."""
    oldest = ".".join(str(number) for number in ansible_version.OLDEST_CORE)
    reported = yaml.safe_load((ROOT / "meta" / "runtime.yml").read_text(encoding="utf-8"))
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert reported["requires_ansible"] == f">={oldest}.0"
    assert f"ansible-core>={oldest}" in project["dependencies"]


def test_a_play_and_the_runner_begin_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Both ask before they do anything else."""
    monkeypatch.setattr(ansible_version, "complaint", lambda: "ansible-core is too old")
    with pytest.raises(settings.SettingsError, match="too old"):
        settings.read({}, None)
    with pytest.raises(run.RunError, match="too old"):
        run.run(run.Request("diagnose"), lambda event: None)


def test_an_old_python_gets_a_sentence() -> None:
    """The runner's own, before anything is imported that would fail; `make versions` asks older Pythons themselves."""
    begin = "import sys; sys.version_info = (3, 10, 13); import rescue502.cli"
    done = subprocess.run([sys.executable, "-c", begin], capture_output=True, text=True, check=False)
    said = f"rescue502 needs Python 3.11 or newer on the controller; this is Python 3.10 at {sys.executable}\n"
    assert (done.returncode, done.stdout, done.stderr) == (1, "", said)


def test_a_python_that_is_too_old_for_the_collection_gets_a_sentence() -> None:
    """Ansible prints an error of its own kind in one line, whatever it was importing."""
    begin = "import sys; sys.version_info = (3, 9, 18); import ansible_collections.rescue502.django.plugins.{}"
    for name in ("plugin_utils.run.settings", "action.diagnose", "action.incident"):
        done = subprocess.run([sys.executable, "-c", begin.format(name)], capture_output=True, text=True, check=False)
        last = done.stderr.splitlines()[-1]
        assert last.startswith("ansible.errors.AnsibleError: ansible-core ")
        assert "controller's Python 3.9 is too old: rescue502 needs ansible-core 2.16 or newer" in last
