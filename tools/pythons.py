"""The Pythons of this machine: on PATH, or below ~/.pyenv/versions, where a command on PATH may be but a stand-in."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

_ASK = "import sys, venv, ensurepip; print(sys.executable if sys.version_info[:2] == ({}) else '')"


def find(version: str) -> Path | None:
    """Return the path of Python `version`, such as "3.12", that can make environments; None where there is none."""
    for candidate in _candidates(version):
        asked = [candidate, "-c", _ASK.format(version.replace(".", ", "))]
        answer = subprocess.run(asked, capture_output=True, text=True, check=False)
        if answer.returncode == 0 and answer.stdout.strip():
            return Path(answer.stdout.strip())
    return None


def _candidates(version: str) -> Iterator[str]:
    for name in (f"python{version}", "python3"):
        if path := shutil.which(name):
            yield path
    for folder in sorted((Path.home() / ".pyenv" / "versions").glob(f"{version}.*"), reverse=True):
        yield str(folder / "bin" / f"python{version}")
