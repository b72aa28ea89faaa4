"""Real hosts for tests: each test gets a fresh one, and playbooks run as a user would run them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import lab
import pytest
import yaml

ROOT = Path(__file__).parents[2]
# Long enough to catch a crash loop, short enough for fifty hosts; the default of 5 has a test of its own.
HOLD_SECONDS = 2


@dataclass
class Site:
    """A lab host with an inventory, and a way to run our playbooks on it."""

    host: lab.Host
    folder: Path
    full: bool = True
    # What else the user has set.
    extra: dict[str, Any] = field(default_factory=dict)

    def play(self, name: str, *words: str, **variables: Any) -> tuple[int, dict[str, Any], str]:
        """Run a playbook: (return code, the incident that it wrote, its output)."""
        inventory = self.folder / "hosts.yml"
        hosts = {"django": {"hosts": {self.host.name: self.host.inventory(self.full)}}}
        inventory.write_text(yaml.safe_dump(hosts), encoding="utf-8")
        reports = self.folder / f"reports-{len(list(self.folder.iterdir()))}"
        extra = {"rescue502_reports": str(reports), "rescue502_hold_seconds": HOLD_SECONDS, **self.extra, **variables}
        command = [
            str(Path(sys.executable).with_name("ansible-playbook")),
            "-i",
            str(inventory),
            f"playbooks/{name}.yml",
        ]
        done = subprocess.run(
            [*command, "-e", json.dumps(extra), *words],
            cwd=ROOT,
            env=os.environ | {"ANSIBLE_CONFIG": str(ROOT / "ansible.cfg"), "NO_COLOR": "1"},
            capture_output=True,
            text=True,
            check=False,
        )
        written = list(reports.glob(f"*/{self.host.name}.json"))
        incident = json.loads(written[0].read_text(encoding="utf-8")) if written else {}
        return done.returncode, incident, done.stdout + done.stderr


@pytest.fixture
def site(worker_id: str, request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Site]:
    """A fresh host whose site answers."""
    host = lab.Host(f"{os.environ.get('RESCUE502_TEST_HOST', 'test')}-{worker_id}").up()
    yield Site(host, tmp_path)
    host.down()
