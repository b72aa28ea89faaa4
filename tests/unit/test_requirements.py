"""Nothing has to be fetched before a run: AWX and people may install requirements.yml without a Galaxy server."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_installs_offline(tmp_path: Path) -> None:
    """ansible-galaxy has nothing to do, and asks no server."""
    nowhere = {**os.environ, "ANSIBLE_GALAXY_SERVER": "http://127.0.0.1:9/", "ANSIBLE_HOME": str(tmp_path)}
    program = Path(sys.executable).parent / "ansible-galaxy"
    command = [str(program), "install", "-r", str(ROOT / "requirements.yml")]
    done = subprocess.run(command, env=nowhere, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert "no requirements found" in done.stdout
