"""What AWX offers to choose from, where this repository is a project: our playbooks, and our inventory, and no more.

The rules are AWX's own (awx/main/utils/ansible.py, 24.6): it looks at names and lines, and parses nothing.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
# Files below these are no playbooks and no inventories to AWX; nor are those below a folder that begins with a dot.
PASSED_OVER = {"roles", "tasks", "group_vars", "host_vars"}
_PLAY = re.compile(r"^\s*?-?\s*?(?:hosts|include|import_playbook):\s*?.*?$")
_INVENTORY = re.compile(r"^[a-zA-Z0-9_.=\[\]]")


def files() -> list[Path]:
    """What git has, as AWX's checkout does; it follows no links."""
    done = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip("not a checkout")
    paths = [Path(name) for name in done.stdout.splitlines()]
    return [
        path
        for path in paths
        if not any(part in PASSED_OVER or part.startswith(".") for part in path.parent.parts)
        and not (ROOT / path).is_symlink()
        and (ROOT / path).exists()
    ]


def lines(path: Path) -> list[str]:
    return (ROOT / path).read_text(encoding="utf-8", errors="ignore").splitlines()


def is_offered_as_playbook(path: Path) -> bool:
    return path.suffix in (".yml", ".yaml") and any(_PLAY.match(line) for line in lines(path))


def is_offered_as_inventory(path: Path) -> bool:
    if path.name in ("inventory", "hosts") or path.suffix == ".ini" or os.access(ROOT / path, os.X_OK):
        return True
    return not path.suffix and all(_INVENTORY.match(line) for line in lines(path)[:10])


def test_only_what_a_job_is_to_run_is_offered_as_a_playbook() -> None:
    """Elsewhere a play's `hosts` stands in quotes, which means the same to Ansible."""
    offered = {path.as_posix() for path in files() if is_offered_as_playbook(path)}
    run = set(re.findall(r"(?m)^    playbook: (\S+)$", (ROOT / "awx" / "objects.yml").read_text(encoding="utf-8")))
    assert {path for path in offered if not path.startswith("playbooks/")} == set()
    assert len(run) > 5
    assert run <= offered


def test_the_inventory_is_offered_and_no_program() -> None:
    """An inventory in YAML has no suffix then: AWX offers none with `.yml`."""
    assert {path.as_posix() for path in files() if is_offered_as_inventory(path)} == {"inventory/xamila/hosts"}


def test_ansible_reads_that_inventory() -> None:
    """As YAML, whatever its name; with the variables next to it."""
    command = [
        str(Path(sys.executable).with_name("ansible-inventory")),
        "-i",
        "inventory/xamila/hosts",
        "--host",
        "api.xamila.example",
    ]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert '"ansible_user": "deploy"' in done.stdout
    assert "rescue502_" in done.stdout
