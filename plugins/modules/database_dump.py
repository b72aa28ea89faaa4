#!/usr/bin/python
# Copyright: rescue502 maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Dump the database that the app's own settings name into root's own folder."""

from __future__ import annotations

DOCUMENTATION = r"""
---
module: database_dump
short_description: Dump a Django app's database on its host
version_added: 0.3.0
description:
  - Reads from the app's own settings, on the target, where the default database is, and dumps it to
    C(/var/lib/rescue502/backups), which root alone may enter. The password goes to C(pg_dump) in its environment, so
    that it shows in no process list, no log and no output.
  - PostgreSQL is dumped by C(pg_dump -Fc), of a version that is no older than the server's. Where the server is on
    this host it is asked as its own account, over its socket; elsewhere as the app reaches it. SQLite is copied by its
    own backup.
  - Fails, with nothing changed, where the dump might not fit or would leave less than 5 % of the disk free.
extends_documentation_fragment: [rescue502.django.app, rescue502.django.attributes]
author:
  - rescue502 maintainers (@rescue502)
attributes:
  check_mode:
    description: Looks for room, says what it would dump, and writes nothing.
    support: full
options:
  keep:
    description:
      - How many dumps of this database are kept, the newest; older ones are removed once a new one is there. Those with
        I(lossy) are not counted, and stay.
    type: int
    default: 3
  lossy:
    description:
      - Whether what comes after the dump may lose rows. The dump may then be the only copy of them, and stays until a
        person removes it.
    type: bool
    default: false
    version_added: 0.3.0
  timeout:
    description: How many seconds the dump may take.
    type: float
    default: 1800
"""

EXAMPLES = r"""
- name: The database is dumped
  rescue502.django.database_dump:
    unit: shop.service
    root: /srv/shop
    venv: /srv/shop/venv
    user: shop
  become: true
"""

RETURN = r"""
database:
  description: The database's name; of SQLite the path of its file.
  returned: success
  type: str
path:
  description: The dump.
  returned: success, but in check mode
  type: str
bytes:
  description: Size of the dump; in check mode of the database.
  returned: success
  type: int
seconds:
  description: How long it took.
  returned: success, but in check mode
  type: float
restore:
  description: The command with which a person brings the dump back. The app is stopped meanwhile.
  returned: success, but in check mode
  type: str
note:
  description: Where the dump is and how it is brought back, in a sentence.
  returned: success, but in check mode
  type: str
"""

from typing import Any

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.rescue502.django.plugins.module_utils.django_app import app_settings
from ansible_collections.rescue502.django.plugins.module_utils.django_app.manage_command import ARGUMENTS, App
from ansible_collections.rescue502.django.plugins.module_utils.remedies import database_dump
from ansible_collections.rescue502.django.plugins.module_utils.remedies.dump_postgresql import PostgreSQL
from ansible_collections.rescue502.django.plugins.module_utils.remedies.dump_sqlite import SQLite

OPTIONS = {
    "keep": {"type": "int", "default": 3},
    "lossy": {"type": "bool", "default": False},
    "timeout": {"type": "float", "default": 1800},
}


def source(given: dict[str, Any]) -> database_dump.Source:
    """The app's database. Raises DumpError where it cannot be dumped, and SettingsError where it is not known."""
    app = App(given)
    settings = app_settings.database(app)
    engine = settings["engine"].rpartition(".")[2]
    if engine in ("postgresql", "postgresql_psycopg2", "postgis") and settings["name"]:
        return PostgreSQL(app, settings)
    if engine in ("sqlite3", "spatialite") and settings["name"] and not settings["name"].startswith((":", "file:")):
        return SQLite(app, settings)
    raise database_dump.DumpError(f"cannot dump {engine or 'a database without an engine'}")


def main() -> None:
    """Run the module."""
    module = AnsibleModule(argument_spec={**ARGUMENTS, **OPTIONS}, supports_check_mode=True)
    try:
        database = source(module.params)
        size = database_dump.require_room(database)
        name = database.identity["name"]
        if module.check_mode:
            module.exit_json(changed=True, database=name, bytes=size, msg=f"{name} would be dumped")
        done = database_dump.take(database, module.params["keep"], module.params["timeout"], module.params["lossy"])
    except KeyError as error:
        module.fail_json(msg=f"no such account: {error.args[0]}. Nothing was changed.")
    except (app_settings.SettingsError, database_dump.DumpError) as error:
        module.fail_json(msg=f"no dump of the database was made: {error}. Nothing was changed.")
    note = f"{name} was dumped before to {done['path']}; brought back by: {done['restore']}"
    module.exit_json(changed=True, database=name, note=note, **done)


if __name__ == "__main__":
    main()
