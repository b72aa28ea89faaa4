#!/usr/bin/python
# Copyright: rescue502 maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Pack what an expert will ask for, secrets masked."""

from __future__ import annotations

DOCUMENTATION = r"""
---
module: bundle
short_description: Pack logs, units and configuration of an app for an expert
version_added: 0.1.0
description:
  - Gathers 500 journal lines of the app, nginx and PostgreSQL, the unit as systemd sees it, nginx's configuration and
    its test, listening sockets, processes, disks and the ends of the app's log files, with secrets masked; and what
    M(rescue502.django.probe) finds, from which C(rescue502 diagnose --evidence) names the cause anywhere.
  - Writes one C(.tar.gz) that only root may read, into a temporary folder of its own.
  - Used in a playbook it is an action that brings it to the controller where O(dest) is given, and takes it away from
    the target.
extends_documentation_fragment: [rescue502.django.attributes]
author:
  - rescue502 maintainers (@rescue502)
attributes:
  check_mode:
    description: Gathers and writes nothing.
    support: full
options:
  unit:
    description: The app's systemd unit.
    type: str
    required: true
  database_unit:
    description: The unit that runs PostgreSQL; empty where it is elsewhere.
    type: str
    default: ''
  logs:
    description: Log files of the app, read as the app can read them unless root's own files name them.
    type: list
    elements: str
    default: []
  probe:
    description: Options of M(rescue502.django.probe), for the evidence in the bundle.
    type: dict
    default: {}
  dest:
    description: A path on the controller for it, which nobody but its owner may read; empty leaves it on the target.
    type: path
    default: ''
"""

EXAMPLES = r"""
- name: A bundle is at hand
  rescue502.django.bundle:
    unit: shop.service
    logs: [/var/log/shop/error.log]
  become: true
  register: bundled
"""

RETURN = r"""
path:
  description: Where the bundle lies, on the controller if O(dest) was given, else on the target.
  returned: changed
  type: str
entries:
  description: What is in it.
  returned: success
  type: list
  elements: str
"""

import io
import json
import os
import subprocess
import tarfile
import tempfile
import time
from typing import Any

from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from ansible_collections.rescue502.django.plugins.module_utils.probe import probe
from ansible_collections.rescue502.django.plugins.module_utils.probe.options import OPTIONS
from ansible_collections.rescue502.django.plugins.module_utils.secrets.redaction import Redactor
from ansible_collections.rescue502.django.plugins.module_utils.services import (
    nginx_test,
    nginx_unit,
    systemd_credentials,
)
from ansible_collections.rescue502.django.plugins.module_utils.stack import app_files
from ansible_collections.rescue502.django.plugins.module_utils.stack.app_units import StackError
from ansible_collections.rescue502.django.plugins.module_utils.stack.discovery import discover
from ansible_collections.rescue502.django.plugins.module_utils.stack.stack import Stack
from ansible_collections.rescue502.django.plugins.module_utils.system import systemd

JOURNAL_LINES = 500
TAIL_BYTES = 256 * 1024
TIMEOUT = 20.0
EVIDENCE = "evidence.json"
ARGUMENTS = {
    "unit": {"type": "str", "required": True},
    "database_unit": {"type": "str", "default": ""},
    "logs": {"type": "list", "elements": "str", "default": []},
    "probe": {"type": "dict", "default": {}},
    # The action's, which does not hand it on.
    "dest": {"type": "path", "default": ""},
}


def commands(unit: str, database_unit: str, nginx: str = nginx_unit.USUAL) -> dict[str, list[str]]:
    """What to run, by the name of the file that takes its output."""
    journal = ["journalctl", "--no-pager", "--output=short-iso", f"--lines={JOURNAL_LINES}"]
    wanted = {
        "journal-app.txt": [*journal, f"--unit={unit}"],
        "journal-nginx.txt": [*journal, f"--unit={nginx}"],
        "unit-cat.txt": ["systemctl", "--no-pager", "cat", "--", unit],
        "unit-show.txt": ["systemctl", "--no-pager", "show", "--", unit],
        "unit-status.txt": ["systemctl", "--no-pager", "--full", "--lines=50", "status", "--", unit],
        "failed-units.txt": ["systemctl", "--no-pager", "--failed"],
        "sockets.txt": ["ss", "--listening", "--numeric", "--processes", "--tcp", "--unix"],
        "processes.txt": ["ps", "-eo", "pid,ppid,user,lstart,rss,stat,args"],
        "disks.txt": ["df", "--human-readable"],
        "inodes.txt": ["df", "--inodes"],
        "memory.txt": ["free", "--mebi"],
    }
    if database_unit:
        wanted["journal-database.txt"] = [*journal, f"--unit={database_unit.split('.')[0]}*"]
    return wanted


def of_nginx() -> dict[str, str]:
    """What nginx says of its configuration, by the name of the file that takes it."""
    asked = {"nginx-test.txt": ["-t"], "nginx-config.txt": ["-T", "-q"]}
    try:
        who = nginx_test.account()
        found = {name: nginx_test.run(who, *options) for name, options in asked.items()}
    except (OSError, subprocess.SubprocessError, systemd.SystemdError) as error:
        return dict.fromkeys(asked, f"nginx: {error}\n")
    return {name: done.stdout + done.stderr for name, done in found.items()}


def output(command: list[str]) -> str:
    """What a command prints; where it cannot run, why."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, errors="replace", timeout=TIMEOUT, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        return f"{command[0]}: {error}\n"
    return done.stdout + done.stderr


def validated(options: dict[str, Any]) -> dict[str, Any]:
    """The probe's options. StackError where they are none."""
    checked = ArgumentSpecValidator(OPTIONS).validate({**options, "level": "full"})
    if checked.error_messages:
        raise StackError("; ".join(checked.error_messages))
    return dict(checked.validated_parameters)


def stack_of(options: dict[str, Any]) -> Stack | None:
    """The app; None where it cannot be discovered."""
    try:
        return discover(validated(options))
    except (StackError, systemd.SystemdError):
        return None


def redactor(stack: Stack | None, unit: str) -> Redactor:
    """What knows the app's secrets; where the app cannot be discovered, those of its unit."""
    if stack:
        return probe.redactor(stack)
    properties = systemd.show(unit)
    environment, _problems = systemd.unit_environment(properties)
    return Redactor(environment, (unit,), systemd_credentials.read(properties)[0])


def evidence(options: dict[str, Any]) -> str:
    """All that the probe finds, as JSON; where there is nothing to look at, why. Redacted by the probe itself."""
    try:
        return json.dumps(probe.probe(validated(options)), indent=1)
    except (StackError, systemd.SystemdError) as error:
        return json.dumps({"failed": str(error)})


def write(texts: dict[str, str]) -> str:
    """One archive in a folder that only root may enter; its path."""
    folder = tempfile.mkdtemp(prefix="rescue502-")
    path = os.path.join(folder, "bundle.tar.gz")
    with tarfile.open(path, "w:gz") as archive:
        for name, text in sorted(texts.items()):
            data = text.encode("utf-8", "replace")
            member = tarfile.TarInfo("bundle/" + name)
            member.size, member.mtime, member.mode = len(data), int(time.time()), 0o600
            archive.addfile(member, io.BytesIO(data))
    return path


def main() -> None:
    """Run the module."""
    module = AnsibleModule(argument_spec=ARGUMENTS, supports_check_mode=True)
    given = module.params
    options = {**given["probe"], "unit": given["unit"]}
    nginx = nginx_unit.name()
    texts = {name: output(command) for name, command in commands(given["unit"], given["database_unit"], nginx).items()}
    texts.update(of_nginx())
    stack = stack_of(options)
    if stack:
        names = {"log-" + path.strip("/").replace("/", "-") + ".txt": path for path in given["logs"]}
        texts.update({name: app_files.tail(stack, path, TAIL_BYTES) for name, path in names.items()})
    masked = redactor(stack, given["unit"])
    texts = {name: masked.text(text) for name, text in texts.items()}
    if module.check_mode:
        module.exit_json(changed=False, entries=sorted([*texts, EVIDENCE]))
    texts[EVIDENCE] = evidence(options)
    module.exit_json(changed=True, path=write(texts), entries=sorted(texts))


if __name__ == "__main__":
    main()
