# Copyright: rescue502 maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The account that a virtual environment belongs to, as which all that fills it is run."""

from __future__ import annotations

import os
import pwd

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.rescue502.django.plugins.module_utils.files import posix_acl
from ansible_collections.rescue502.django.plugins.module_utils.run.commands import run_as
from ansible_collections.rescue502.django.plugins.module_utils.secrets import app_secrets
from ansible_collections.rescue502.django.plugins.module_utils.secrets.redaction import Redactor
from ansible_collections.rescue502.django.plugins.module_utils.services import requirements, requirements_files

OUTPUT_LINES = 15
RUNS_SECONDS = 20.0
_RUNS = "import os, sysconfig; os.listdir(sysconfig.get_path('purelib'))"


class Owner:
    """The account that the environment belongs to, or the app where there is none: everything is done as it."""

    def __init__(self, module: AnsibleModule, venv: str, path: str) -> None:
        """Ends the module where there is neither an environment nor an app, or where others could command the account.

        path: of the requirements.
        """
        self.module = module
        try:
            place = venv if os.path.exists(venv) else module.params["root"]
            self.status = os.stat(place)
            self.account = pwd.getpwuid(self.status.st_uid)
            by_list = bool(posix_acl.read(os.path.realpath(place)))
        except (OSError, KeyError) as error:
            module.fail_json(msg=f"{venv}: {error}. Nothing was changed.")
        if why := requirements.objection_to_account(self.account.pw_name, module.params["user"], venv, path):
            module.fail_json(msg=f"{why}. Nothing was changed.")
        # The login's umask, or sudo's, is nothing to go by: what is new is for those who may use what is there. For all
        # where they may by an access control list, or by a group that the account's own new files do not have.
        others = 0o055 if by_list or self.status.st_gid != self.account.pw_gid else 0
        self.umask = ["sh", "-c", f'umask {0o777 & ~(self.status.st_mode | others) | 0o022:03o}; exec "$@"', "sh"]
        # No cache: the owner's home may not be writable, and nothing is left behind.
        quiet = {"PIP_NO_CACHE_DIR": "1", "PIP_DISABLE_PIP_VERSION_CHECK": "1", "PIP_NO_INPUT": "1", "UV_NO_CACHE": "1"}
        home = {"PATH": requirements.PATH, "HOME": self.account.pw_dir, "LC_ALL": "C.UTF-8", "UV_NO_PROGRESS": "1"}
        self.environment = {**home, **quiet, "PIP_PROGRESS_BAR": "off"}

    def run(self, argv: list[str], folder: str, must: bool = True) -> str | None:
        """What a command prints; where it fails None, or the module ends where it must not."""
        limit = self.module.params["timeout"]
        done = run_as(self.account.pw_name, None, [*self.umask, *argv], self.environment, folder, limit)
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
