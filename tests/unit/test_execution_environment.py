"""The image for AWX's jobs can be described by ansible-builder, from our files, and needs what they say and no more."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import yaml

ROOT = Path(__file__).parents[2]
COLLECTION = Path("ansible_collections", "rescue502", "django")


def builder(*words: str, folder: Path) -> str:
    """Run ansible-builder; what it prints."""
    command = [sys.executable, "-m", "ansible_builder", *words]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_the_image_can_be_described(tmp_path: Path) -> None:
    """`ansible-builder create` refuses what its schema does not know."""
    builder("create", "--file", str(ROOT / "execution-environment.yml"), "--context", "context", folder=tmp_path)
    lines = (tmp_path / "context" / "Containerfile").read_text(encoding="utf-8")
    assert 'EE_BASE_IMAGE="fedora:42"' in lines
    assert "ansible-core>=2.21,<2.22 ansible-runner>=2.4" in lines
    packages = (tmp_path / "context" / "_build" / "bindep.txt").read_text(encoding="utf-8")
    assert packages == (ROOT / "bindep.txt").read_text(encoding="utf-8")


def test_the_collection_says_what_it_needs(tmp_path: Path) -> None:
    """`ansible-builder introspect`, as an image that has the collection in it is built."""
    (tmp_path / COLLECTION / "meta").mkdir(parents=True)
    for name in ("galaxy.yml", "bindep.txt", "meta/execution-environment.yml"):
        shutil.copy(ROOT / name, tmp_path / COLLECTION / name)
    found = yaml.safe_load(builder("introspect", str(tmp_path), folder=tmp_path).split("---\n")[-1])
    assert found["python"] == []
    assert [line.split()[0] for line in found["system"]] == ["openssh-clients", "openssh-client"]


def test_the_image_is_new_enough() -> None:
    """It has an ansible-core that `make versions` tries each night."""
    image = yaml.safe_load((ROOT / "execution-environment.yml").read_text(encoding="utf-8"))
    oldest = image["dependencies"]["ansible_core"]["package_pip"].split(">=")[1].split(",")[0]
    assert f"| {oldest}" in (ROOT / "docs" / "versions.md").read_text(encoding="utf-8")
