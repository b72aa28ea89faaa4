"""Runs `ansible-test sanity` on the collection as it is released: built, unpacked in its place, and judged there.

    python -m tools.sanity          what each change must pass
    python -m tools.sanity --all    also what takes minutes, with every Python that is here

ansible-test makes environments of its own and refuses a checkout that holds a link to itself, so it gets a home below
.cache/ and the unpacked tarball.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from types import SimpleNamespace

from tools import pythons

ROOT = Path(__file__).parents[1]
BIN = Path(sys.executable).parent
HOME = ROOT / ".cache" / "ansible-test"
TARGETS_PYTHON = "3.9"  # the oldest, tests/config.yml
ALL_PYTHONS = ("3.9", "3.10", "3.11", "3.12", "3.13", "3.14")
# Of tests/ these alone are released: what ansible-test reads.
FOR_ANSIBLE_TEST = {"config.yml", "sanity"}
# pylint takes a minute or two; what the others look at, `make lint` has judged.
ONLY_NIGHTLY = ("pylint", "pep8", "yamllint", "changelog")


def main() -> int:
    """Build, unpack, judge; ansible-test's own return code."""
    everything = "--all" in sys.argv[1:]
    path = _home(ALL_PYTHONS if everything else (TARGETS_PYTHON,))
    skipped = [] if everything else [word for name in ONLY_NIGHTLY for word in ("--skip-test", name)]
    environment = {**os.environ, "HOME": str(HOME), "PATH": path}
    with tempfile.TemporaryDirectory(prefix="rescue502-sanity-") as folder:
        command = [str(BIN / "ansible-test"), "sanity", "--local", "--requirements", "--color", "no", *skipped]
        return subprocess.run(command, cwd=_unpacked(Path(folder)), env=environment, check=False).returncode


def _unpacked(folder: Path) -> Path:
    """Build the collection's tarball and unpack it below `folder`, where ansible-test takes it for a collection."""
    subprocess.run(
        [str(BIN / "ansible-galaxy"), "collection", "build", "--output-path", str(folder), str(ROOT)],
        check=True,
        stdout=subprocess.DEVNULL,
    )
    place = folder / "ansible_collections" / "rescue502" / "django"
    (built,) = folder.glob("*.tar.gz")
    shutil.unpack_archive(built, place)
    if left_over := sorted({path.name for path in (place / "tests").iterdir()} - FOR_ANSIBLE_TEST):
        raise SystemExit(f"galaxy.yml: build_ignore lacks {', '.join('tests/' + name for name in left_over)}")
    return place


def _home(versions: tuple[str, ...]) -> str:
    """Make ansible-test's home, and return its PATH, on which it finds these Pythons and this environment's."""
    programs = HOME / "bin"
    programs.mkdir(parents=True, exist_ok=True)
    for version in versions:
        link = programs / f"python{version}"
        link.unlink(missing_ok=True)
        if found := pythons.find(version):
            link.symlink_to(found)
        else:
            print(f"not run with Python {version}: it is not here", flush=True)
    _keep_pip_settings()
    _keep_get_pip()
    return os.pathsep.join([str(programs), str(BIN), "/usr/local/bin", "/usr/bin", "/bin"])


def _keep_pip_settings() -> None:
    """Where packages come from is the user's own choice: their pip.conf counts in this home too."""
    settings, ours = Path.home() / ".config" / "pip", HOME / ".config" / "pip"
    if settings.is_dir() and not ours.exists():
        ours.parent.mkdir(exist_ok=True)
        ours.symlink_to(settings)


def _keep_get_pip() -> None:
    """Have pip installed by Python itself: ansible-test would download a script, perhaps from out of reach."""
    # ansible-test exports no name for the version that it wants, by which it looks for the script.
    from ansible_test._internal.python_requirements import get_venv_packages

    version = get_venv_packages(SimpleNamespace(version=TARGETS_PYTHON))["pip"]
    script = HOME / ".ansible" / "test" / "cache" / f"get_pip_{version.replace('.', '_')}.py"
    script.parent.mkdir(parents=True, exist_ok=True)
    script.write_text("import ensurepip\n\nensurepip.bootstrap(upgrade=True)\n", encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())
