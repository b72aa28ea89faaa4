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
  - Uses the environment's own pip; where it has none, uv, or a pip of the system's. C(ansible.builtin.pip) is not used,
    because it needs setuptools or packaging in the target's own Python, and knows neither uv nor pyproject.toml.
author:
  - rescue502 maintainers (@rescue502)
attributes:
  check_mode:
    description: Says what would be installed.
    support: full
  diff_mode:
    description: There is nothing to compare.
    support: none
options:
  root:
    description: The app's folder, in which the requirements are looked for.
    type: path
    required: true
  venv:
    description: The virtual environment.
    type: path
    required: true
  requirements:
    description: The file that names the requirements. Found unless given.
    type: str
    default: ''
  create:
    description: Whether to make the environment first, in its folder, which must exist and be empty.
    type: bool
    default: false
  like:
    description: An environment whose interpreter and tool a new one is made with, where they are still there.
    type: str
    default: ''
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
  description: The command that was used.
  returned: success
  type: list
  elements: str
output:
  description: The last lines that it printed, secrets masked.
  returned: success
  type: list
  elements: str
"""

import os
import pwd
import re

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.rescue502.django.plugins.module_utils import own_secrets, requirements, tree
from ansible_collections.rescue502.django.plugins.module_utils.app_process import run_as
from ansible_collections.rescue502.django.plugins.module_utils.redaction import Redactor

OUTPUT_LINES = 15
_CHANGED = re.compile(r"^(Successfully installed|Would install|Installed \d+|Uninstalled \d+)", re.M)
ARGUMENTS = {
    "root": {"type": "path", "required": True},
    "venv": {"type": "path", "required": True},
    "requirements": {"type": "str", "default": ""},
    "create": {"type": "bool", "default": False},
    "like": {"type": "str", "default": ""},
    "timeout": {"type": "float", "default": 900},
}


class Owner:
    """The account that the environment belongs to: everything is done as it."""

    def __init__(self, module: AnsibleModule, venv: str) -> None:
        """Ends the module where there is no such environment."""
        self.module = module
        try:
            self.account = pwd.getpwuid(os.stat(venv).st_uid)
        except (OSError, KeyError) as error:
            module.fail_json(msg=f"{venv}: {error}. Nothing was changed.")
        # No cache: the owner's home may not be writable, and nothing is left behind.
        quiet = {"PIP_NO_CACHE_DIR": "1", "PIP_DISABLE_PIP_VERSION_CHECK": "1", "PIP_NO_INPUT": "1", "UV_NO_CACHE": "1"}
        home = {"PATH": requirements.PATH, "HOME": self.account.pw_dir, "LC_ALL": "C.UTF-8", "UV_NO_PROGRESS": "1"}
        self.environment = {**home, **quiet, "PIP_PROGRESS_BAR": "off"}

    def run(self, argv: list, folder: str) -> str:
        """What a command prints; ends the module where it fails."""
        limit = self.module.params["timeout"]
        done = run_as(self.account.pw_name, None, argv, self.environment, folder, limit)
        own = own_secrets.of_app(self.module.params["root"], folder, "")
        text = Redactor(more=own).text(done.stdout + done.stderr)
        if done.returncode:
            why = f"did not end within {limit:g} s" if done.timed_out else "failed"
            words = " ".join(argv[:4])
            self.module.fail_json(msg=f"{words} {why}: {text.strip()[-600:]}", output=text.splitlines()[-OUTPUT_LINES:])
        return text


def make(owner: Owner, venv: str, like: str) -> None:
    """A new environment in an empty folder, made as the one before was."""
    settings = settings_of(like)
    python = os.path.join(settings.get("home", ""), "python3")
    python = python if os.access(python, os.X_OK) else "/usr/bin/python3"
    uv = requirements.find_uv(owner.account.pw_dir)
    with_uv = [uv, "venv", "--clear", "--python", python, venv]
    owner.run(with_uv if uv and "uv" in settings else [python, "-m", "venv", venv], "/")


def settings_of(venv: str) -> dict:
    """The lines of an environment's pyvenv.cfg; none where it has no such file."""
    try:
        lines = tree.text(os.path.join(venv, "pyvenv.cfg")).splitlines()
        pairs = [line.partition("=")[::2] for line in lines]
    except OSError:
        return {}
    return {name.strip(): value.strip() for name, value in pairs}


def main() -> None:
    """Run the module."""
    module = AnsibleModule(argument_spec=ARGUMENTS, supports_check_mode=True)
    given = module.params
    path = given["requirements"] or requirements.find(given["root"])
    if not path:
        module.fail_json(msg=f"no requirements.txt and no pyproject.toml for {given['root']}. Nothing was changed.")
    if given["create"] and module.check_mode:
        module.exit_json(changed=True, installer=[], output=[])
    owner = Owner(module, given["venv"])
    if given["create"]:
        make(owner, given["venv"], given["like"])
    try:
        kind, command = requirements.installer(given["venv"], owner.account.pw_name, owner.account.pw_dir)
        wanted = requirements.packages_argument(kind, path, given["venv"])
    except ValueError as error:
        module.fail_json(msg=f"{error}. Nothing was installed.")
    words = [*command, "install"] if kind == "pip" else [*command, "pip", "install", "--python", given["venv"]]
    words += ["--dry-run"] if module.check_mode else []
    text = owner.run([*words, *wanted], os.path.dirname(path))
    module.exit_json(
        changed=given["create"] or bool(_CHANGED.search(text)),
        installer=command,
        output=text.splitlines()[-OUTPUT_LINES:],
    )


if __name__ == "__main__":
    main()
