# Copyright: rescue502 maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""An app's requirements: where they stand, and with what they can be installed into its virtual environment."""

from __future__ import annotations

import glob
import json
import os
import re
import shutil
from urllib.parse import unquote

from ansible_collections.rescue502.django.plugins.module_utils.files import safe_files, system_python, write_access
from ansible_collections.rescue502.django.plugins.module_utils.run import commands
from ansible_collections.rescue502.django.plugins.module_utils.system import accounts

PATH = "/usr/local/bin:/usr/bin:/bin"
ASK_SECONDS = 20.0
MOST_INPUTS = 1000
# A word of a file of requirements, of an option and of a URL.
_WORD = re.compile(r"""[^\s\0=,;'"\[\]<>]+""")
_COMMENT = re.compile(r"(?m)(^|\s)#.*$")
# Where uv looks for its own settings, in the folder that it is started in and above it.
UV_FILES = ("uv.toml", "pyproject.toml")
# uv makes it in an environment for everybody to write, locks it, and reads nothing of it.
_LOCK = ".lock"
# No folder that it starts in, no variable and no account's own packages say what Python imports (python(1)).
ISOLATED = "-I"
# Pythons older than 3.11 have a TOML reader only in pip.
_READ_TOML = """
import json, sys
try:
    import tomllib
except ImportError:
    from pip._vendor import tomli as tomllib
with open(sys.argv[1], "rb") as file:
    print(json.dumps(tomllib.load(file).get("project", {}).get("dependencies", [])))
"""


def of_pyproject(path: str, python: str, account: str) -> list[str]:
    """The dependencies of a pyproject.toml, read by the system's Python, or by the environment's where that cannot.

    Both run as the account, which is for the caller to choose by inputs(). Raises ValueError where neither can read it.
    """
    for interpreter in (system_python.path(), python):
        words = [interpreter, ISOLATED, "-c", _READ_TOML, path]
        done = commands.run_as(account, None, words, {"PATH": PATH}, "/", ASK_SECONDS)
        if done.returncode == 0:
            return [str(line) for line in json.loads(done.stdout)]
    raise ValueError(f"{path} could not be read: {done.words.splitlines()[-1:]}")


def inputs(path: str) -> list[str]:
    """The files and folders that an installation of the requirements at `path` obeys: itself, and all that it names.

    Whatever word of it is a path that exists counts, so that no option of pip needs to be known. Raises ValueError
    where there is too much to be judged, OSError where something cannot be read.
    """
    top = os.path.dirname(path)
    found: list[str] = []
    known: set[str] = set()
    waiting = [path, *(os.path.join(folder, name) for folder in _upwards(top) for name in UV_FILES)]
    while waiting:
        file = waiting.pop()
        real = os.path.realpath(file)
        if real in known or not os.path.lexists(file):
            continue
        known.add(real)
        found.append(file)
        if len(found) > MOST_INPUTS or (os.path.isfile(file) and os.path.getsize(file) > safe_files.MOST_TEXT):
            raise ValueError(f"{path} names too much to be judged")
        text = safe_files.text(file) if os.path.isfile(file) else ""
        words = {form for word in _WORD.findall(_COMMENT.sub("", text)) for form in _paths_in(word)}
        waiting += [os.path.join(folder, word) for folder in (top, os.path.dirname(file)) for word in sorted(words)]
    return found


def _paths_in(word: str) -> set[str]:
    """What of a word may be a path: itself, what follows a short option, what a file's URL says."""
    plain = unquote(word)
    return {word, plain.rpartition("file://")[2], plain[2:] if plain.startswith("-") else plain} - {""}


def _upwards(folder: str) -> list[str]:
    """A folder and those above it."""
    found = [folder]
    while folder not in ("", "/"):
        folder = os.path.dirname(folder)
        found.append(folder)
    return found


def objection_to_account(account: str, app_user: str, venv: str, path: str) -> str:
    """Why nothing is installed into the environment `venv` as its owner `account`; empty where it may be.

    What is installed runs code of its own. As the app's account, that is no more than the app does at each start; as
    root or anybody else it is for what nobody but root and that account can write. path: of the requirements.
    """
    uid = accounts.account_ids(account, None)[0]
    if uid and account == app_user:
        return ""
    try:
        found = write_access.first_open([venv, *inputs(path)], uid, os.path.join(os.path.realpath(venv), _LOCK))
    except (OSError, ValueError) as error:
        return str(error)
    return f"the environment is {account}'s, and others can write {found}: nothing is run as {account}" if found else ""


def installer(venv: str, owner: str, home: str) -> tuple[str, list[str]]:
    """(kind, command) that installs into `venv`: its own pip, else uv, else a pip from elsewhere; `kind` is pip or uv.

    Raises ValueError where this host has none.
    """
    python = os.path.join(venv, "bin", "python")
    if _runs(owner, [python, ISOLATED, "-m", "pip", "--version"]):
        return "pip", [python, ISOLATED, "-m", "pip"]
    uv = find_uv(home)
    if uv:
        return "uv", [uv]
    system = system_python.path()
    for words in (["-m", "pip"], *([f"{wheel}/pip"] for wheel in bundled_pips())):
        command = [system, ISOLATED, *words]
        if _runs(owner, [*command, "--python", python, "--version"]):
            return "pip", [*command, "--python", python]
    raise ValueError(f"neither pip in {venv}, nor uv, nor a pip of the system's is on this host to install with")


def find_uv(home: str) -> str:
    """The path of uv, looked for where its installers put it, `home` being the environment's owner's; empty without."""
    return shutil.which("uv", path=f"{PATH}:{home}/.local/bin:/root/.local/bin:/opt/uv") or ""


def bundled_pips() -> list[str]:
    """The wheels from which Python itself would put pip into a new environment (ensurepip); runnable as they are."""
    prefix = os.path.dirname(os.path.dirname(system_python.path()))
    places = (
        "/usr/share/python-wheels",
        f"{glob.escape(prefix)}/lib/python3*/ensurepip/_bundled",
        "/usr/lib64/python3*/ensurepip/_bundled",
    )
    return sorted((wheel for place in places for wheel in glob.glob(f"{place}/pip-*.whl")), reverse=True)


def _runs(user: str, argv: list[str]) -> bool:
    return commands.run_as(user, None, argv, {"PATH": PATH}, "/", ASK_SECONDS).returncode == 0


def packages_argument(kind: str, path: str, venv: str, account: str) -> list[str]:
    """The requirements to install, as arguments of pip or uv."""
    if kind == "pip" and path.endswith(".toml"):
        return of_pyproject(path, os.path.join(venv, "bin", "python"), account)
    return ["-r", path]
