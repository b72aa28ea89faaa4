#!/usr/bin/python
# Copyright: rescue502 maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Run one of Django's management commands as the app would be run."""

from __future__ import annotations

DOCUMENTATION = r"""
---
module: manage
short_description: Run a Django management command with the app's own user and environment
version_added: 0.1.0
description:
  - Runs C(migrate), C(collectstatic) or C(check) as the user of the app's unit, in the environment that systemd would
    give it. The environment is read on the target, so no secret crosses to the controller or shows in a command line.
  - This is why C(community.general.django_command) is not used, which takes the environment from the controller.
author:
  - rescue502 maintainers (@rescue502)
attributes:
  check_mode:
    description: Says what would be applied or copied, with C(migrate --plan) and C(collectstatic --dry-run).
    support: full
  diff_mode:
    description: There is nothing to compare.
    support: none
options:
  command:
    description: The management command.
    type: str
    required: true
    choices: [migrate, collectstatic, check]
  unit:
    description: The app's systemd unit, whose environment is used.
    type: str
    required: true
  root:
    description: Folder of C(manage.py).
    type: path
    required: true
  venv:
    description: The virtual environment; empty for the system's own Python.
    type: str
    default: ''
  user:
    description: Whom to run as.
    type: str
    required: true
  group:
    description: The group to run as. The user's own unless given.
    type: str
    default: ''
  settings_module:
    description: Value for C(DJANGO_SETTINGS_MODULE) where the environment does not have it.
    type: str
    default: ''
  timeout:
    description: How many seconds the command may take.
    type: float
    default: 600
"""

EXAMPLES = r"""
- name: Migrations are applied
  rescue502.django.manage:
    command: migrate
    unit: shop.service
    root: /srv/shop
    venv: /srv/shop/venv
    user: shop
  become: true
"""

RETURN = r"""
output:
  description: The last lines that the command printed, secrets masked.
  returned: always
  type: list
  elements: str
"""

import os
import re
import shlex
from collections.abc import Callable

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.rescue502.django.plugins.module_utils import credentials, own_secrets, systemd, undo
from ansible_collections.rescue502.django.plugins.module_utils.app_process import Finished, run_as
from ansible_collections.rescue502.django.plugins.module_utils.redaction import Redactor

OUTPUT_LINES = 40
# What each command is given, for real and in check mode, and what it prints where it changes something.
COMMANDS = {
    "migrate": (["migrate", "--noinput"], ["migrate", "--plan"]),
    "collectstatic": (["collectstatic", "--noinput"], ["collectstatic", "--noinput", "--dry-run"]),
    "check": (["check"], ["check"]),
}
_CHANGED = {
    "migrate": re.compile(r"^\s*Applying \S+|^Planned operations:\s*\n(?!\s*No planned)", re.M),
    "collectstatic": re.compile(r"^([1-9]\d*) static files? copied", re.M),
}
ARGUMENTS = {
    "command": {"type": "str", "required": True, "choices": ["migrate", "collectstatic", "check"]},
    "unit": {"type": "str", "required": True},
    "root": {"type": "path", "required": True},
    "venv": {"type": "str", "default": ""},
    "user": {"type": "str", "required": True},
    "group": {"type": "str", "default": ""},
    "settings_module": {"type": "str", "default": ""},
    "timeout": {"type": "float", "default": 600},
}


def last_error(text: str) -> str:
    """The line that names an exception: the last one that is not indented."""
    lines = [line for line in text.splitlines() if line.strip() and not line.startswith((" ", "\t"))]
    return lines[-1] if lines else "no message"


def reverse(plan: str) -> list:
    """(app, migration) to go back to, the last app first, from what C(showmigrations --plan) prints."""
    before: dict = {}
    targets: dict = {}
    for applied, app, name in re.findall(r"^\[([X ])\]\s+(\w+)\.(\w+)", plan, re.M):
        if applied == "X":
            before[app] = name
        else:
            targets.setdefault(app, before.get(app, "zero"))
    return list(reversed(list(targets.items())))


def note(command: str, given: dict, manage: list, run: Callable) -> None:
    """Record what cannot be taken back: migrations, with the commands that reverse them, and static files."""
    if command == "collectstatic" and undo.recording():
        undo.note_irreversible("static files were copied over older ones")
    if command == "migrate" and undo.recording():
        lines = [
            shlex.join(["runuser", "-u", given["user"], "--", *manage, "migrate", app, name])
            for app, name in reverse(run(["showmigrations", "--plan"]).stdout)
        ]
        if lines:
            by_hand = "\n".join([shlex.join(["cd", given["root"]]), *lines])
            undo.note_irreversible("migrations were applied; what their reversal drops is lost", by_hand)


def main() -> None:
    """Run the module."""
    module = AnsibleModule(argument_spec=ARGUMENTS, supports_check_mode=True)
    given = module.params
    properties = systemd.show(given["unit"])
    environment, problems = systemd.unit_environment(properties)
    secrets, _missing = credentials.read(properties)
    own = own_secrets.of_app(given["root"], given["root"], given["settings_module"])
    redactor = Redactor(environment, (given["unit"], given["root"], given["venv"], given["user"]), secrets, own)
    if given["settings_module"]:
        environment.setdefault("DJANGO_SETTINGS_MODULE", given["settings_module"])
    # Root-owned or stray bytecode is one of the things that break a site: leave none.
    environment["PYTHONDONTWRITEBYTECODE"] = "1"
    python = os.path.join(given["venv"], "bin", "python") if given["venv"] else "/usr/bin/python3"
    manage, limit = [python, os.path.join(given["root"], "manage.py")], given["timeout"]
    words = COMMANDS[given["command"]][1 if module.check_mode else 0]
    try:
        with credentials.folder(secrets, given["user"], given["group"] or None) as variables:

            def run(arguments: list) -> Finished:
                account = (given["user"], given["group"] or None)
                variables_of_app, to_the_end = {**environment, **variables}, given["command"] == "migrate"
                # A migration that is cut off may have to begin again each time, and not all can be taken back.
                return run_as(
                    *account, [*manage, *arguments], variables_of_app, given["root"], limit, to_the_end=to_the_end
                )

            if not module.check_mode:
                note(given["command"], given, manage, run)
            done = run(words)
    except KeyError as error:
        module.fail_json(msg=f"no such account: {error.args[0]}. Nothing was changed.")
    output = [redactor.text(line) for line in (done.stdout + done.stderr).splitlines()[-OUTPUT_LINES:]]
    if done.timed_out:
        module.fail_json(msg=f"manage.py {words[0]} did not end within {given['timeout']:g} s", output=output)
    if done.returncode != 0:
        reason = redactor.text(last_error(done.stderr))
        hint = f" ({'; '.join(problems)})" if problems else ""
        module.fail_json(msg=f"manage.py {words[0]} failed: {reason}{hint}", output=output)
    pattern = _CHANGED.get(given["command"])
    module.exit_json(changed=bool(pattern and pattern.search(done.stdout)), output=output)


if __name__ == "__main__":
    main()
