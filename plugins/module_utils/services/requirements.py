# Copyright: rescue502 maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""An app's requirements: where they stand, and with what they can be installed into its virtual environment."""

from __future__ import annotations

import glob
import json
import os
import shutil

from ansible_collections.rescue502.django.plugins.module_utils.run import commands

PATH = "/usr/local/bin:/usr/bin:/bin"
ASK_SECONDS = 20.0
# Run in the environment's own Python: older ones than 3.11 have a TOML reader only in pip.
_READ_TOML = """
import json, sys
try:
    import tomllib
except ImportError:
    from pip._vendor import tomli as tomllib
with open(sys.argv[1], "rb") as file:
    print(json.dumps(tomllib.load(file).get("project", {}).get("dependencies", [])))
"""


def of_pyproject(path: str, python: str) -> list[str]:
    """The dependencies of a pyproject.toml, read by that interpreter, or by the system's where it cannot.

    Raises ValueError where neither can read it.
    """
    for interpreter in (python, "/usr/bin/python3"):
        done = commands.run_as("root", None, [interpreter, "-c", _READ_TOML, path], {"PATH": PATH}, "/", ASK_SECONDS)
        if done.returncode == 0:
            return [str(line) for line in json.loads(done.stdout)]
    raise ValueError(f"{path} could not be read: {done.stderr.strip().splitlines()[-1:]}")


def installer(venv: str, owner: str, home: str) -> tuple[str, list[str]]:
    """(kind, command) that installs into `venv`: its own pip, else uv, else a pip from elsewhere; `kind` is pip or uv.

    Raises ValueError where this host has none.
    """
    python = os.path.join(venv, "bin", "python")
    if _runs(owner, [python, "-m", "pip", "--version"]):
        return "pip", [python, "-m", "pip"]
    uv = find_uv(home)
    if uv:
        return "uv", [uv]
    for other in ("/usr/bin/python3", *bundled_pips()):
        command = [other, "-m", "pip"] if other.endswith("python3") else ["/usr/bin/python3", f"{other}/pip"]
        if _runs(owner, [*command, "--python", python, "--version"]):
            return "pip", [*command, "--python", python]
    raise ValueError(f"neither pip in {venv}, nor uv, nor a pip of the system's is on this host to install with")


def find_uv(home: str) -> str:
    """The path of uv, looked for where its installers put it, `home` being the environment's owner's; empty without."""
    return shutil.which("uv", path=f"{PATH}:{home}/.local/bin:/root/.local/bin:/opt/uv") or ""


def bundled_pips() -> list[str]:
    """The wheels from which Python itself would put pip into a new environment (ensurepip); runnable as they are."""
    places = (
        "/usr/share/python-wheels",
        "/usr/lib/python3*/ensurepip/_bundled",
        "/usr/lib64/python3*/ensurepip/_bundled",
    )
    return sorted((wheel for place in places for wheel in glob.glob(f"{place}/pip-*.whl")), reverse=True)


def _runs(user: str, argv: list[str]) -> bool:
    return commands.run_as(user, None, argv, {"PATH": PATH}, "/", ASK_SECONDS).returncode == 0


def packages_argument(kind: str, path: str, venv: str) -> list[str]:
    """The requirements to install, as arguments of pip or uv."""
    if kind == "pip" and path.endswith(".toml"):
        return of_pyproject(path, os.path.join(venv, "bin", "python"))
    return ["-r", path]
