#!/usr/bin/python
# Copyright: rescue502 maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Install an app's requirements into its virtual environment, with whatever tool this host has for it."""

from __future__ import annotations

DOCUMENTATION = r"""
---
module: requirements
short_description: Install an app's requirements into its virtual environment
version_added: 0.2.0
description:
  - Installs what C(requirements.txt) or C(pyproject.toml) asks for, as the owner of the virtual environment.
  - Where that is not O(user), such as root, nothing is installed unless nobody else can write the environment, the
    requirements, and what these name. A package runs code of its own when it is built, in check mode too.
  - Does so in a staging copy, made of hard links, which then replaces the environment atomically; so whatever fails
    or is cut off, no half-made environment is ever in use. The old one stays as C(VENV.rescue502-old-TIME), of which
    the newest two are kept, and older ones where they may hold somebody's only copy of a file. An environment that is a
    mount point is changed in place; so is one that holds more than an environment does, which is never made anew.
  - Refuses while somebody else is at work on the app, such as an installation of an operator's own.
  - Refuses a folder that is not a virtual environment (it has neither C(pyvenv.cfg) nor C(lib/python*/site-packages)),
    and one that is or holds the app's own folder.
  - Uses the environment's own pip; where it has none, uv, or a pip of the system's. C(ansible.builtin.pip) is not used,
    because it needs setuptools or packaging in the target's own Python, and knows neither uv nor pyproject.toml.
extends_documentation_fragment: [rescue502.django.attributes]
author:
  - rescue502 maintainers (@rescue502)
attributes:
  check_mode:
    description: Says what would be installed.
    support: full
options:
  root:
    description: The app's folder, in which the requirements are looked for.
    type: path
    required: true
  venv:
    description: The virtual environment.
    type: path
    required: true
  user:
    description: The user that the app runs as.
    type: str
    default: ''
  requirements:
    description: The file that names the requirements. The one that fits what is installed best unless given.
    type: str
    default: ''
  reinstall:
    description: Packages to install once more though they are there, each as C(name==version).
    type: list
    elements: str
    default: []
  packages:
    description:
      - Names of the packages that may change, as in a repair. All others that are installed keep their version, else
        nothing is installed at all. Where none is named, all may change.
    type: list
    elements: str
    default: []
  rebuild:
    description: Whether to make a new environment rather than a copy, unless the present one runs.
    type: bool
    default: false
  timeout:
    description: How many seconds the installation may take.
    type: float
    default: 900
"""

EXAMPLES = r"""
- name: The requirements are installed
  rescue502.django.requirements:
    root: /srv/shop
    venv: /srv/shop/venv
  become: true
"""

RETURN = r"""
installer:
  description: The command that was used; empty where nothing was to be done.
  returned: success
  type: list
  elements: str
output:
  description: The last lines that it printed, secrets masked.
  returned: success
  type: list
  elements: str
kept:
  description: Where the old environment is now; empty where there was none, or it was changed in place.
  returned: success
  type: str
"""

import os
import pwd
import re
import sys
import tempfile
from typing import Any

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.rescue502.django.plugins.module_utils.files import safe_files, virtual_env
from ansible_collections.rescue502.django.plugins.module_utils.files.virtual_env import objection, objection_to_rebuild
from ansible_collections.rescue502.django.plugins.module_utils.remedies.venv_swap import RENAME, StagedVenv
from ansible_collections.rescue502.django.plugins.module_utils.run import leftovers, undo_log
from ansible_collections.rescue502.django.plugins.module_utils.run.commands import run_as
from ansible_collections.rescue502.django.plugins.module_utils.secrets import app_secrets
from ansible_collections.rescue502.django.plugins.module_utils.secrets.redaction import Redactor
from ansible_collections.rescue502.django.plugins.module_utils.services import (
    installed_packages,
    requirements,
    requirements_files,
)
from ansible_collections.rescue502.django.plugins.module_utils.stack import others_at_work

OUTPUT_LINES = 15
MODE = 0o755
RUNS_SECONDS = 20.0
_CHANGED = re.compile(r"^(Successfully installed|Would install|Installed \d+|Uninstalled \d+)", re.M)
# What is to be reinstalled stands in a command's arguments: a name and a version, and never an option.
_PINNED = re.compile(r"^[A-Za-z0-9][\w.-]*==[\w.!+-]+$")
_RUNS = "import os, sysconfig; os.listdir(sysconfig.get_path('purelib'))"
ARGUMENTS = {
    "root": {"type": "path", "required": True},
    "venv": {"type": "path", "required": True},
    "user": {"type": "str", "default": ""},
    "requirements": {"type": "str", "default": ""},
    "reinstall": {"type": "list", "elements": "str", "default": []},
    "packages": {"type": "list", "elements": "str", "default": []},
    "rebuild": {"type": "bool", "default": False},
    "timeout": {"type": "float", "default": 900},
}


class Owner:
    """The account that the environment belongs to, or the app where there is none: everything is done as it."""

    def __init__(self, module: AnsibleModule, venv: str, path: str) -> None:
        """Ends the module where there is neither an environment nor an app, or where others could command the account.

        path: of the requirements.
        """
        self.module = module
        try:
            self.status = os.stat(venv if os.path.exists(venv) else module.params["root"])
            self.account = pwd.getpwuid(self.status.st_uid)
        except (OSError, KeyError) as error:
            module.fail_json(msg=f"{venv}: {error}. Nothing was changed.")
        if why := requirements.objection_to_account(self.account.pw_name, module.params["user"], venv, path):
            module.fail_json(msg=f"{why}. Nothing was changed.")
        # No cache: the owner's home may not be writable, and nothing is left behind.
        quiet = {"PIP_NO_CACHE_DIR": "1", "PIP_DISABLE_PIP_VERSION_CHECK": "1", "PIP_NO_INPUT": "1", "UV_NO_CACHE": "1"}
        home = {"PATH": requirements.PATH, "HOME": self.account.pw_dir, "LC_ALL": "C.UTF-8", "UV_NO_PROGRESS": "1"}
        self.environment = {**home, **quiet, "PIP_PROGRESS_BAR": "off"}

    def run(self, argv: list[str], folder: str, must: bool = True) -> str | None:
        """What a command prints; where it fails None, or the module ends where it must not."""
        limit = self.module.params["timeout"]
        done = run_as(self.account.pw_name, None, argv, self.environment, folder, limit)
        own = app_secrets.of_app(self.module.params["root"], folder, "")
        text = Redactor(more=own).text(done.stdout + done.stderr)
        if done.returncode and not must:
            return None
        if done.returncode:
            why = f"did not end within {limit:g} s" if done.timed_out else "failed"
            words = " ".join(argv[:4])
            self.module.fail_json(msg=f"{words} {why}: {text.strip()[-600:]}", output=text.splitlines()[-OUTPUT_LINES:])
        return text

    def only_reinstalls(self) -> bool:
        """Whether nothing may change but what is installed once more in its own version."""
        given = self.module.params
        again = {requirements_files.canonical(item.partition("==")[0]) for item in given["reinstall"]}
        return bool(given["packages"]) and {*map(requirements_files.canonical, given["packages"])} <= again

    def can_run(self, venv: str) -> bool:
        """Whether the environment's Python runs and has a place for packages."""
        words = [os.path.join(venv, "bin", "python"), requirements.ISOLATED, "-c", _RUNS]
        return run_as(self.account.pw_name, None, words, self.environment, "/", RUNS_SECONDS).returncode == 0


def make(owner: Owner, folder: str, like: str) -> None:
    """A new environment in a folder, made as the one before was."""
    settings = settings_of(like)
    python = os.path.join(settings.get("home", ""), "python3")
    python = python if os.access(python, os.X_OK) else "/usr/bin/python3"
    uv = requirements.find_uv(owner.account.pw_dir)
    with_uv = [uv, "venv", "--clear", "--python", python, folder]
    owner.run(
        with_uv if uv and "uv" in settings else [python, requirements.ISOLATED, "-m", "venv", "--clear", folder], "/"
    )


def settings_of(venv: str) -> dict[str, str]:
    """The lines of an environment's pyvenv.cfg; none where it has no such file."""
    try:
        lines = safe_files.text(os.path.join(venv, "pyvenv.cfg")).splitlines()
        pairs = [line.partition("=")[::2] for line in lines]
    except OSError:
        return {}
    return {name.strip(): value.strip() for name, value in pairs}


def install(owner: Owner, path: str, venv: str, dry: bool = False, kept: str = "") -> dict[str, Any] | None:
    """Install what is damaged once more, and what the file at `path` asks for. Returns {installer, output, changed}.

    kept: a file with the versions that packages are to keep; where they cannot, None is returned.
    """
    try:
        kind, command = requirements.installer(venv, owner.account.pw_name, owner.account.pw_dir)
        wanted = requirements.packages_argument(kind, path, venv, owner.account.pw_name)
    except ValueError as error:
        owner.module.fail_json(msg=f"{error}. Nothing was installed.")
    words = [*command, "install"] if kind == "pip" else [*command, "pip", "install", "--python", venv]
    words += ["--dry-run"] if dry else []
    again = owner.module.params["reinstall"]
    anew = "--force-reinstall" if kind == "pip" else "--reinstall"
    folder = os.path.dirname(path)
    text = owner.run([*words, anew, "--no-deps", *again], folder) or "" if again else ""
    if again and owner.only_reinstalls():
        return {"installer": command, "output": text.splitlines()[-OUTPUT_LINES:], "changed": True}
    installed = owner.run([*words, *wanted, *(["-c", kept] if kept else [])], folder, must=not kept)
    if installed is None:
        return None
    lines = (text + installed).splitlines()
    return {"installer": command, "output": lines[-OUTPUT_LINES:], "changed": bool(_CHANGED.search(text + installed))}


def rebuild_like(owner: Owner, path: str, folder: str, before: dict[str, str]) -> dict[str, Any]:
    """Install into a new environment, in the versions that the old one had; where those are not to be had, others."""
    if not before:
        return install(owner, path, folder) or {}
    with tempfile.NamedTemporaryFile("w", suffix=".txt", encoding="utf-8", dir=leftovers.FOR_OTHERS) as file:
        file.writelines(f"{name}=={version}\n" for name, version in before.items())
        file.flush()
        # Its owner reads it: names and versions are no secret.
        os.fchmod(file.fileno(), 0o644)
        done = install(owner, path, folder, kept=file.name)
    if done is None:
        owner.module.warn("the versions that were installed cannot all be had for this Python: others were chosen")
    return done or install(owner, path, folder) or {}


def fill(owner: Owner, path: str, venv: str, folder: str, rebuild: bool) -> dict[str, Any]:
    """Make or complete the environment in `folder`, which is `venv` itself or its staging folder."""
    before = installed_packages.versions(venv)
    if rebuild:
        make(owner, folder, venv)
        result = rebuild_like(owner, path, folder, before)
    else:
        result = install(owner, path, folder) or {}
        require_unchanged(owner, before, installed_packages.versions(folder))
    return {**result, "changed": rebuild or result["changed"], "kept": ""}


def require_unchanged(owner: Owner, before: dict[str, str], after: dict[str, str]) -> None:
    """End the module where a package has another version, or is gone, that has nothing to do with the repair."""
    allowed = {requirements_files.canonical(name) for name in owner.module.params["packages"]}
    moved = [name for name, version in before.items() if after.get(name) != version and name not in allowed]
    if allowed and moved:
        what = ", ".join(f"{name} {before[name]} to {after.get(name, 'none')}" for name in moved[:5])
        owner.module.fail_json(
            msg=f"the requirements would change what has nothing to do with the fault: {what}. Nothing was changed."
        )


def would_be(owner: Owner, path: str, venv: str) -> dict[str, str]:
    """The versions that would be installed, of what is installed now; asked of the installer, in a dry run."""
    text = "\n".join((install(owner, path, venv, dry=True) or {}).get("output", []))
    words = [word for line in re.findall(r"^Would install (.*)$", text, re.M) for word in line.split()]
    words += re.findall(r"^ \+ (\S+==\S+)$", text, re.M)
    pairs = [re.split(r"==|-(?=[^-]*$)", word, maxsplit=1) for word in words]
    return {requirements_files.canonical(pair[0]): pair[1] for pair in pairs if len(pair) == 2}


def require_alone(owner: Owner, venv: str) -> None:
    """End the module where somebody else is at work on the app, as an installation of the operator's own."""
    found = others_at_work.find(others_at_work.App(owner.module.params["root"], venv))
    if found:
        who = f"{found[0]['what']} (process {found[0]['pid']}, of {found[0]['account']})"
        owner.module.fail_json(msg=f"{who} is at work on {found[0]['where']}. Nothing was changed.")


def put_in_place(owner: Owner, path: str, staged: StagedVenv, rebuild: bool) -> dict[str, Any]:
    """Fill the staging folder, then replace the environment; fill that itself where it cannot be replaced."""
    reason = staged.why_in_place()
    if reason and rebuild and (more := virtual_env.other_content(staged.venv)):
        owner.module.fail_json(
            msg=f"{os.path.join(staged.venv, more)} is no part of a virtual environment, and would be lost. "
            "Nothing was changed."
        )
    if reason:
        before = installed_packages.versions(staged.venv)
        if owner.module.params["packages"]:
            require_unchanged(owner, before, {**before, **would_be(owner, path, staged.venv)})
        owner.module.warn(f"{reason}: it is changed in place")
        undo_log.note_irreversible(f"{staged.venv} was changed in place, because {reason}")
        return fill(owner, path, staged.venv, staged.venv, rebuild)
    staged.begin(owner.status, MODE if rebuild else owner.status.st_mode & 0o7777, filled=not rebuild)
    result = fill(owner, path, staged.venv, staged.path, rebuild)
    if result["changed"]:
        require_alone(owner, staged.venv)
        owner.run(
            [sys.executable, requirements.ISOLATED, "-c", RENAME, staged.path, staged.staged_name, staged.name], "/"
        )
        result["kept"] = staged.old_name()
        kept = staged.real(result["kept"]) if result["kept"] else ""
        undo_log.note(
            {"kind": "environment", "path": staged.real(staged.name), "kept_at": kept, "after": staged.stamp()}
        )
        staged.replace(result["kept"])
    return result


def main() -> None:
    """Run the module."""
    module = AnsibleModule(argument_spec=ARGUMENTS, supports_check_mode=True)
    given = module.params
    wrong = objection_to_rebuild if given["rebuild"] else objection
    if why := wrong(given["venv"], given["root"]):
        module.fail_json(msg=f"{why}. Nothing was changed.")
    installed = installed_packages.versions(given["venv"])
    choice = requirements_files.choose(given["root"], installed)
    path = given["requirements"] or choice.path
    if not path:
        module.fail_json(msg=f"no requirements.txt and no pyproject.toml for {given['root']}. Nothing was changed.")
    odd = [item for item in given["reinstall"] if not _PINNED.match(item)]
    if odd:
        module.fail_json(msg=f"{odd[0]!r} is not a valid package and version, such as name==1.0. Nothing was changed.")
    if given["rebuild"] and path == choice.path and choice.conflicts:
        module.fail_json(
            msg=f"{path} pins {', '.join(choice.conflicts)} in another version than was installed: "
            "set rescue502_requirements to the file in use. Nothing was changed."
        )
    nothing = {"changed": False, "installer": [], "output": []}
    try:
        if module.check_mode:
            owner = Owner(module, given["venv"], path)
            if given["rebuild"]:
                module.exit_json(**{**nothing, "changed": not owner.can_run(given["venv"])}, kept="")
            module.exit_json(**(install(owner, path, given["venv"], dry=True) or nothing), kept="")
        with StagedVenv(given["venv"]) as staged:
            settled = staged.settle()
            owner = Owner(module, staged.venv, path)
            require_alone(owner, staged.venv)
            runs = given["rebuild"] and owner.can_run(staged.venv)
            result = {**nothing, "kept": ""} if runs else put_in_place(owner, path, staged, given["rebuild"])
    except OSError as error:
        module.fail_json(msg=f"{error.filename or given['venv']}: {error.strerror or error}. Nothing was changed.")
    module.exit_json(**{**result, "changed": settled or result["changed"]})


if __name__ == "__main__":
    main()
