#!/usr/bin/python
# Copyright: rescue502 maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Create the role or the database that the app's own settings name, on this host's PostgreSQL."""

from __future__ import annotations

DOCUMENTATION = r"""
---
module: app_database
short_description: Create the database role or the database that a Django app's settings name
version_added: 0.2.0
description:
  - Reads name, role and password from the app's own settings, on the target, as the app's user. The password goes to
    PostgreSQL as a SCRAM verifier only, so that it shows in no process list, no log and no output.
  - Creates what is missing and changes nothing that is there.
  - Refuses where another server, the data of another cluster or a container on this host could be the app's.
  - Asks the server on this host as the account that it runs as, over its socket.
extends_documentation_fragment: [rescue502.django.app, rescue502.django.attributes]
author:
  - rescue502 maintainers (@rescue502)
attributes:
  check_mode:
    description: Says whether it would create anything.
    support: full
options:
  ensure:
    description: What is to be there. A database is owned by the app's role, which must be there.
    type: str
    required: true
    choices: [role, database]
"""

EXAMPLES = r"""
- name: The app's role is there
  rescue502.django.app_database:
    ensure: role
    unit: shop.service
    root: /srv/shop
    venv: /srv/shop/venv
    user: shop
  become: true
"""

RETURN = r"""
name:
  description: The role or the database.
  returned: success
  type: str
"""

import base64
import hashlib
import hmac
import secrets
import shlex
import unicodedata

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.rescue502.django.plugins.module_utils.collectors.database import is_local
from ansible_collections.rescue502.django.plugins.module_utils.django_app import app_settings
from ansible_collections.rescue502.django.plugins.module_utils.django_app.manage_command import ARGUMENTS, App
from ansible_collections.rescue502.django.plugins.module_utils.run import undo_log
from ansible_collections.rescue502.django.plugins.module_utils.services import postgresql, postgresql_others
from ansible_collections.rescue502.django.plugins.module_utils.system import sockets

ITERATIONS = 4096
OPTIONS = {
    "ensure": {"type": "str", "required": True, "choices": ["role", "database"]},
}
_HAS = {
    "role": "SELECT count(*) FROM pg_roles WHERE rolname = {}",
    "database": "SELECT count(*) FROM pg_database WHERE datname = {}",
}


def verifier(password: str, salt: bytes) -> str:
    """What PostgreSQL keeps in place of a password (RFC 5803): from it nobody can log in."""
    words = unicodedata.normalize("NFKC", password).encode()
    salted = hashlib.pbkdf2_hmac("sha256", words, salt, ITERATIONS)
    client = hashlib.sha256(hmac.digest(salted, b"Client Key", "sha256")).digest()
    server = hmac.digest(salted, b"Server Key", "sha256")
    shown = [base64.b64encode(part).decode() for part in (salt, client, server)]
    return f"SCRAM-SHA-256${ITERATIONS}:{shown[0]}${shown[1]}:{shown[2]}"


def statement(ensure: str, settings: dict[str, str]) -> str:
    """The SQL that creates what is missing."""
    role = postgresql.identifier(settings["user"])
    if ensure == "database":
        return f"CREATE DATABASE {postgresql.identifier(settings['name'])} OWNER {role};"
    login = f"CREATE ROLE {role} LOGIN"
    if not settings["password"]:
        return login + ";"
    return f"{login} PASSWORD {postgresql.literal(verifier(settings['password'], secrets.token_bytes(16)))};"


def main() -> None:
    """Run the module."""
    module = AnsibleModule(argument_spec={**ARGUMENTS, **OPTIONS}, supports_check_mode=True)
    ensure = module.params["ensure"]
    try:
        settings = app_settings.database(App(module.params))
    except KeyError as error:
        module.fail_json(msg=f"no such account: {error.args[0]}. Nothing was changed.")
    except app_settings.SettingsError as error:
        module.fail_json(msg=f"{error}. Nothing was changed.")
    name = settings["user" if ensure == "role" else "name"]
    if "postg" not in settings["engine"] or not name or not is_local(settings["host"]):
        module.fail_json(msg=f"the app's settings name no {ensure} of a PostgreSQL on this host. Nothing was changed.")
    listeners, port = sockets.listeners(), int(settings["port"] or postgresql.DEFAULT_PORT)
    server = postgresql.find(listeners, port)
    if server is None:
        module.fail_json(msg="no PostgreSQL server listens on a socket of this host. Nothing was changed.")
        return
    others = list(postgresql_others.others(server, port, listeners))
    if server.port != port:
        others.append(f"a server on port {server.port}, and the app asks port {port}")
    try:
        there = postgresql.ask(server, _HAS[ensure].format(postgresql.literal(name))).strip() != "0"
        if not there and others:
            module.fail_json(
                msg=f"this host has other PostgreSQL servers or data, any of which could be the app's: "
                f"{'; '.join(others)}. Nothing was changed."
            )
        if not there and not module.check_mode:
            drop = shlex.quote(f"DROP {ensure.upper()} {postgresql.identifier(name)}")
            undo_log.note_irreversible(
                f"the {ensure} {name} was created, and may have been used since",
                f"runuser -u {server.account} -- psql -p {server.port} -c {drop}",
            )
            postgresql.ask(server, statement(ensure, settings), timeout=60.0, statement_seconds=50.0)
    except postgresql.PostgresError as error:
        module.fail_json(msg=f"the {ensure} {name} was not created: {error}")
    module.exit_json(changed=not there, name=name)


if __name__ == "__main__":
    main()
