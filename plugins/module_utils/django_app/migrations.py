# Copyright: rescue502 maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""An app's migrations: which are to be applied, which a run has applied, and how those are taken back."""

from __future__ import annotations

import json
from typing import Any

from ansible_collections.rescue502.django.plugins.module_utils.django_app import (
    script_migrations,
    script_present_schema,
    script_schema_wanted,
    source_text,
)
from ansible_collections.rescue502.django.plugins.module_utils.django_app.manage_command import App

TIMEOUT = 60.0
# In the name space of its own that `manage.py shell` does not give. What it prints comes last, after a mark.
_TELL = """
import json, sys
sys.stdout.write("\\n\\0" + json.dumps(compare_migrations({})))
"""
Migration = dict[str, Any]


class MigrationsError(Exception):
    """The app's migrations could not be compared; the text says why, secrets masked."""


def look(app: App) -> dict[str, Any]:
    """The result of compare_migrations, asked by way of manage.py, which may set things up.

    Raises MigrationsError.
    """
    text = source_text.join((script_schema_wanted, script_present_schema, script_migrations)) + _TELL
    done = app.manage(["shell", "-c", f"exec({text!r}, {{'__name__': 'rescue502'}})"], TIMEOUT)
    try:
        result: dict[str, Any] = json.loads(done.stdout.rpartition("\0")[2])
    except ValueError as error:
        raise MigrationsError(app.reason(done, TIMEOUT)) from error
    return result


def key(migration: Migration) -> str:
    """A migration's name as people write it: app.name."""
    return f"{migration['app']}.{migration['name']}"


def no_longer_pending(before: list[Migration], after: list[Migration]) -> list[Migration]:
    """Those that were applied between two looks, in their order."""
    left = {key(migration) for migration in after}
    return [migration for migration in before if key(migration) not in left]


def way_back(applied: list[Migration]) -> list[list[str]]:
    """The words for manage.py that take back what was applied, the last app first.

    An app goes back to what its first new migration follows, or to nothing. Django takes back what depends on it too.
    """
    names = {key(migration) for migration in applied}
    targets: dict[str, str] = {}
    for migration in applied:
        before = [name for name in migration["after"] if f"{migration['app']}.{name}" not in names]
        targets.setdefault(migration["app"], before[-1] if before else "zero")
    return [["migrate", app, target] for app, target in reversed(list(targets.items()))]


def can_go_back(applied: list[Migration]) -> bool:
    """Whether taking them back loses nothing but what they themselves made, a moment ago."""
    return all(migration["reversible"] and not migration["risks"] for migration in applied)


def leaves_nothing(failed: Migration, transactional: bool) -> bool:
    """Whether a migration that failed has left the tables as they were."""
    return bool(transactional and failed["atomic"])
