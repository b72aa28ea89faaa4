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
  - Of C(migrate) it reports what was applied, what that could lose, and how it is taken back. Where the database has a
    part already of what a migration would make, none is applied.
extends_documentation_fragment: [rescue502.django.app, rescue502.django.attributes]
author:
  - rescue502 maintainers (@rescue502)
attributes:
  check_mode:
    description: Says what would be applied, or copied, which C(collectstatic --dry-run) lists.
    support: full
options:
  command:
    description: The management command.
    type: str
    required: true
    choices: [migrate, collectstatic, check]
  take_back:
    description:
      - Whether a C(migrate) that fails takes back the migrations that it had applied before that, where this loses
        nothing but what they made.
      - Only where the code that serves now does not know them, or rows that it wrote meanwhile would be lost.
    type: bool
    default: false
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
pending:
  description:
    - The migrations that were not applied before, in Django's order, each with C(app), C(name), C(after) (what it
      follows in its app), C(risks) (operations that may lose data, or run free code), C(reversible) and C(atomic).
  returned: for C(migrate)
  type: list
  elements: dict
applied:
  description: Those of them that are applied now, by C(app) and C(name); also where the command failed.
  returned: for C(migrate), but in check mode
  type: list
  elements: dict
reverse:
  description: The commands that take those back again, in their order, for a person.
  returned: for C(migrate), but in check mode
  type: list
  elements: str
database_unchanged:
  description: Whether the database is known to be as it was before.
  returned: where C(migrate) failed
  type: bool
note:
  description: What was applied and how it is taken back, in a sentence.
  returned: where C(migrate) applied anything
  type: str
"""

import re
import shlex
from typing import Any

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.rescue502.django.plugins.module_utils.django_app import migrations
from ansible_collections.rescue502.django.plugins.module_utils.django_app.manage_command import ARGUMENTS, App
from ansible_collections.rescue502.django.plugins.module_utils.run import undo_log

OUTPUT_LINES = 40
# What each command is given, for real and in check mode.
COMMANDS = {
    "collectstatic": (["collectstatic", "--noinput"], ["collectstatic", "--noinput", "--dry-run"]),
    "check": (["check"], ["check"]),
}
_COPIED = re.compile(r"^([1-9]\d*) static files? copied", re.M)
OPTIONS = {
    "command": {"type": "str", "required": True, "choices": ["migrate", "collectstatic", "check"]},
    "take_back": {"type": "bool", "default": False},
    "timeout": {"type": "float", "default": 600},
}


class Command:
    """One management command, run and reported."""

    def __init__(self, module: AnsibleModule) -> None:
        self.module = module
        self.given = module.params
        self.app = App(self.given)

    def run(self, words: list[str], to_the_end: bool = False) -> tuple[list[str], str]:
        """(what was printed, why it failed); the reason is empty where it did not."""
        done = self.app.manage(words, self.given["timeout"], to_the_end)
        lines = (done.stdout + done.stderr).splitlines()[-OUTPUT_LINES:]
        why = self.app.reason(done, self.given["timeout"]) if done.returncode else ""
        return [self.app.redactor.text(line) for line in lines], why

    def plain(self) -> None:
        """Any command but migrate."""
        words = COMMANDS[self.given["command"]][1 if self.module.check_mode else 0]
        if self.given["command"] == "collectstatic" and not self.module.check_mode:
            undo_log.note_irreversible("static files were copied over older ones")
        output, why = self.run(words)
        if why:
            self.module.fail_json(msg=f"manage.py {words[0]} {why}", output=output)
        self.module.exit_json(changed=any(_COPIED.match(line) for line in output), output=output)

    def migrate(self) -> None:
        """The migrations, with what they were before and are after."""
        before = self.look()
        pending = before["pending"]
        if before["present"]:
            item = before["present"][0]
            has = f"The database has {', '.join(item['has'])} already, which {migrations.key(item)} would make"
            if item.get("invalid"):
                has += f"; {item['invalid'][0]['name']} was begun and not finished, and is to be dropped first"
            self.module.fail_json(
                msg=f"{has}. Nothing was changed.", output=[], pending=pending, database_unchanged=True
            )
        if self.module.check_mode:
            if before["conflicts"]:
                self.module.fail_json(msg=f"conflicting migrations in {', '.join(before['conflicts'])}", output=[])
            names = [migrations.key(item) for item in pending]
            self.module.exit_json(changed=bool(pending), pending=pending, output=names)
        if pending:
            undo_log.note_irreversible(
                "migrations were applied; what their reversal drops is lost", "\n".join(self.report(pending)["reverse"])
            )
        # A migration that is cut off may have to begin again each time, and not all can be taken back.
        output, why = self.run(["migrate", "--noinput"], to_the_end=True)
        if why:
            self.module.fail_json(output=output, pending=pending, **self.aftermath(before, why))
        self.module.exit_json(changed=bool(pending), output=output, pending=pending, **self.report(pending))

    def look(self) -> dict[str, Any]:
        """The migrations as they are; ends the module where that is not known."""
        try:
            return migrations.look(self.app)
        except migrations.MigrationsError as error:
            self.module.fail_json(msg=f"manage.py migrate {error}. Nothing was changed.", database_unchanged=True)
            raise

    def aftermath(self, before: dict[str, Any], why: str) -> dict[str, Any]:
        """What a migrate that failed has left behind, after taking back what may be; with the message for it."""
        message, taken_back = f"manage.py migrate {why}.", ""
        try:
            after = migrations.look(self.app)
            applied = migrations.no_longer_pending(before["pending"], after["pending"])
            clean = not after["pending"] or migrations.leaves_nothing(after["pending"][0], before["transactional"])
            if clean and applied and self.given["take_back"] and migrations.can_go_back(applied):
                taken_back = f" {', '.join(map(migrations.key, applied))} had been applied and was taken back."
                for words in migrations.way_back(applied):
                    self.run([*words, "--noinput"], to_the_end=True)
                after = migrations.look(self.app)
                applied = migrations.no_longer_pending(before["pending"], after["pending"])
        except migrations.MigrationsError as error:
            unknown = f"The migrations could not be looked at afterwards ({error}): what it has left is not known."
            return {"msg": f"{message} {unknown}", "database_unchanged": False}
        report = self.report(applied)
        if not clean:
            message += f" {migrations.key(after['pending'][0])} is not atomic and may have left its work half done."
        message += f" {report['note']}." if applied else f"{taken_back} The database is as it was." if clean else ""
        return {"msg": message, "changed": bool(applied), "database_unchanged": clean and not applied, **report}

    def report(self, applied: list[dict[str, Any]]) -> dict[str, Any]:
        """What was applied, and the commands that take it back."""
        words = migrations.way_back(applied)
        python = f"{self.given['venv']}/bin/python" if self.given["venv"] else "python3"
        start = f"cd {shlex.quote(self.given['root'])} && runuser -u {shlex.quote(self.given['user'])} -- {python}"
        reverse = [f"{start} manage.py {shlex.join(item)}" for item in words]
        report = {"applied": [{name: item[name] for name in ("app", "name")} for item in applied], "reverse": reverse}
        if applied:
            names = ", ".join(migrations.key(item) for item in applied)
            report["note"] = f"Applied: {names}; taken back by: {'; '.join(' '.join(item) for item in words)}"
        return report


def main() -> None:
    """Run the module."""
    module = AnsibleModule(argument_spec={**ARGUMENTS, **OPTIONS}, supports_check_mode=True)
    try:
        command = Command(module)
    except KeyError as error:
        module.fail_json(msg=f"no such account: {error.args[0]}. Nothing was changed.")
    command.migrate() if module.params["command"] == "migrate" else command.plain()


if __name__ == "__main__":
    main()
