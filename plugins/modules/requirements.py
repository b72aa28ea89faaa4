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
    or is cut off, no half-made environment is ever in use. The old one stays in the folder that root alone
    enters, or, where that is another file system, as C(VENV.rescue502-old-TIME), of which
    the newest two are kept, and older ones where they may hold somebody's only copy of a file. An environment that is a
    mount point is changed in place; so is one that holds more than an environment does, which is never made anew.
  - Where O(unit) is given, the app is first tried in the staging copy; nothing is changed where it does not come as far
    as it comes now.
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
  unit:
    description: The app's systemd unit, as which it is tried before its environment is replaced; not tried without it.
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
import re
import sys
from typing import Any

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.rescue502.django.plugins.module_utils.files import virtual_env
from ansible_collections.rescue502.django.plugins.module_utils.files.virtual_env import objection, objection_to_rebuild
from ansible_collections.rescue502.django.plugins.module_utils.remedies import environment_trial
from ansible_collections.rescue502.django.plugins.module_utils.remedies.environment_owner import Owner
from ansible_collections.rescue502.django.plugins.module_utils.remedies.package_install import (
    fill,
    install,
    require_unchanged,
    would_be,
)
from ansible_collections.rescue502.django.plugins.module_utils.remedies.venv_swap import RENAME, StagedVenv
from ansible_collections.rescue502.django.plugins.module_utils.run import undo_log
from ansible_collections.rescue502.django.plugins.module_utils.services import (
    installed_packages,
    requirements,
    requirements_files,
)
from ansible_collections.rescue502.django.plugins.module_utils.stack import others_at_work
from ansible_collections.rescue502.django.plugins.module_utils.stack.app_units import StackError
from ansible_collections.rescue502.django.plugins.module_utils.stack.discovery import discover
from ansible_collections.rescue502.django.plugins.module_utils.system.systemd import SystemdError

MODE = 0o755
# What is to be reinstalled stands in a command's arguments: a name and a version, and never an option.
_PINNED = re.compile(r"^[A-Za-z0-9][\w.-]*==[\w.!+-]+$")
ARGUMENTS = {
    "root": {"type": "path", "required": True},
    "venv": {"type": "path", "required": True},
    "user": {"type": "str", "default": ""},
    "unit": {"type": "str", "default": ""},
    "requirements": {"type": "str", "default": ""},
    "reinstall": {"type": "list", "elements": "str", "default": []},
    "packages": {"type": "list", "elements": "str", "default": []},
    "rebuild": {"type": "bool", "default": False},
    "timeout": {"type": "float", "default": 900},
}


def require_alone(owner: Owner, venv: str) -> None:
    """End the module where somebody else is at work on the app, as an installation of the operator's own."""
    found = others_at_work.find(others_at_work.App(owner.module.params["root"], venv))
    if found:
        who = f"{found[0]['what']} (process {found[0]['pid']}, of {found[0]['account']})"
        owner.module.fail_json(msg=f"{who} is at work on {found[0]['where']}. Nothing was changed.")


def require_no_worse(owner: Owner, staged: StagedVenv) -> None:
    """End the module where the app comes less far in the staged environment than it comes now."""
    given = owner.module.params
    if not given["unit"]:
        return
    try:
        stack = discover({name: given[name] for name in ("unit", "root", "venv")})
    except (StackError, SystemdError) as error:
        owner.module.warn(f"the app was not tried in the new environment: {error}")
        return
    if why := environment_trial.objection(stack, staged.path):
        owner.module.fail_json(msg=f"the new environment was not put in place: {why}. Nothing was changed.")


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
        require_no_worse(owner, staged)
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
