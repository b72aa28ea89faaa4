# Copyright: rescue502 maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Django's management commands, run as the app would be run: its user, its environment, its Python."""

from __future__ import annotations

import os
from typing import Any

from ansible_collections.rescue502.django.plugins.module_utils.run import primary_message
from ansible_collections.rescue502.django.plugins.module_utils.run.commands import Finished, run_as
from ansible_collections.rescue502.django.plugins.module_utils.secrets import app_secrets
from ansible_collections.rescue502.django.plugins.module_utils.secrets.redaction import Redactor
from ansible_collections.rescue502.django.plugins.module_utils.services import systemd_credentials
from ansible_collections.rescue502.django.plugins.module_utils.stack import app_layout, running_server
from ansible_collections.rescue502.django.plugins.module_utils.system import systemd
from ansible_collections.rescue502.django.plugins.module_utils.system.accounts import account_ids, supplementary_groups

# Options of every module that runs the app's code, and what says who and where the app is.
ARGUMENTS: dict[str, dict[str, Any]] = {
    "unit": {"type": "str", "required": True},
    "root": {"type": "path", "required": True},
    "venv": {"type": "str", "default": ""},
    "user": {"type": "str", "required": True},
    "group": {"type": "str", "default": ""},
    "settings_module": {"type": "str", "default": ""},
}


class App:
    """An app's manage.py. problems: what could not be read of the unit's environment."""

    def __init__(self, given: dict[str, Any]) -> None:
        """given: the module's parameters, of which those in ARGUMENTS are used. KeyError where nobody has that name."""
        self.given = given
        account_ids(given["user"], given["group"] or None)
        properties = systemd.show(given["unit"])
        self.more_groups = supplementary_groups(properties)
        self.interpreter = app_layout.python(properties, given["venv"])
        self.environment, self.problems = systemd.unit_environment(properties)
        if running := running_server.of_script(properties):
            self.environment.update(running.environment)
        files = systemd.environment_file_paths(properties.get("EnvironmentFiles", ""))
        self.inputs = [given["root"], *(path for path, _optional in files)]
        self.secrets, _missing = systemd_credentials.read(properties)
        public = (given["unit"], given["root"], given["venv"], given["user"])
        own = app_secrets.of_app(given["root"], given["root"], given["settings_module"])
        self.redactor = Redactor(self.environment, public, self.secrets, own)
        if given["settings_module"]:
            self.environment.setdefault("DJANGO_SETTINGS_MODULE", given["settings_module"])
        # Root-owned or stray bytecode is one of the things that break a site: leave none.
        self.environment["PYTHONDONTWRITEBYTECODE"] = "1"

    def manage(self, words: list[str], timeout: float, to_the_end: bool = False) -> Finished:
        """Run manage.py with these words for at most `timeout` seconds; to_the_end as for run_as()."""
        return self.python([os.path.join(self.given["root"], "manage.py"), *words], timeout, to_the_end)

    def python(self, words: list[str], timeout: float, to_the_end: bool = False) -> Finished:
        """Run the app's own Python with these words, in the app's folder. timeout: in seconds."""
        root, user, group = self.given["root"], self.given["user"], self.given["group"] or None
        with systemd_credentials.folder(self.secrets, user, group) as variables:
            environment = {**self.environment, **variables}
            return run_as(
                user, group, [self.interpreter, *words], environment, root, timeout,
                to_the_end=to_the_end, inputs=self.inputs, more_groups=self.more_groups,
            )  # fmt: skip

    def reason(self, done: Finished, timeout: float) -> str:
        """Why a command failed, secrets masked: the exception's primary message, with what the database adds to it.

        timeout: in seconds.
        """
        if done.timed_out:
            return f"did not end within {timeout:g} s"
        hint = f" ({'; '.join(self.problems)})" if self.problems else ""
        return f"failed: {self.redactor.text(primary_message.of(done.words) or 'no message')}{hint}"
