# Copyright: rescue502 maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Runs inside the app's own Python, as a part of script_rehearsal.py: do the database's tables fit the app's models?

Django's record of migrations says what was recorded, not what is there: a migration may have been faked, its file never
committed, a table changed by hand. So the models' tables and columns are looked for in the database itself.
"""

from __future__ import annotations

import time

from ansible_collections.rescue502.django.plugins.module_utils.django_app.script_errors import short

MOST_TABLES = 1000
MOST_SHOWN = 30
# For asking table by table: a database that is far away must not take the time of what comes later.
COLUMN_SECONDS = 1.5
# All that the session sees, in one answer.
COLUMNS = """
SELECT c.relname, a.attname FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid
WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f') AND pg_table_is_visible(c.oid) AND a.attnum > 0 AND NOT a.attisdropped
  AND c.relname = ANY(%s)
"""


def compare_schema(plan):
    """{lacking, cache_tables, inconsistent}, where a step has failed or the site is not well.

    lacking: tables and columns of the models that the database does not have, with the migration that makes each.
    cache_tables: those of Django's cache that lack. inconsistent: Django's own complaint of the order in which
    migrations were recorded; it then applies none.
    """
    from django.db import connection
    from django.db.migrations.loader import MigrationLoader

    name = str(connection.settings_dict.get("NAME") or "")
    if not (plan.get("failed") or plan.get("unwell")) or ":memory:" in name:
        return {}
    # A request that failed may have left it in a transaction.
    connection.close()
    loader = MigrationLoader(connection, ignore_no_migrations=True)
    tables = tables_there(connection)
    return {
        "lacking": parts_lacking(connection, tables, loader),
        "cache_tables": cache_tables_lacking(),
        "inconsistent": inconsistent(loader, connection),
    }


def tables_there(connection):
    """The names of the tables and views that the app's session sees, in its own database."""
    with connection.cursor() as cursor:
        return {info.name for info in connection.introspection.get_table_list(cursor)}


def columns_of(connection, tables):
    """{table: its columns} of these tables; without those for which there was no time."""
    begun, found = time.time(), {}
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute(COLUMNS, [tables])
            for table, column in cursor.fetchall():
                found.setdefault(table, set()).add(column)
            return found
        for table in tables:
            if time.time() - begun < COLUMN_SECONDS:
                found[table] = {info.name for info in connection.introspection.get_table_description(cursor, table)}
    return found


def inconsistent(loader, connection):
    """Django's complaint where a migration is recorded and one that it depends on is not; else empty."""
    try:
        loader.check_consistent_history(connection)
    except Exception as error:
        return short(error)
    return ""


def parts_lacking(connection, tables, loader):
    """[{table, column, model, migration, applied}] of the models; column is empty where the table itself lacks.

    migration: the one that makes it, of those on disk; empty where none does. applied: whether that is recorded.
    """
    models = own_models(connection)
    columns = columns_of(connection, sorted({table for _model, table in models} & tables))
    found = []
    for model, table in models:
        if table not in tables:
            found.append((model, table, None))
        elif table in columns:
            fields = [field for field in model._meta.local_fields if field.column]
            found += [(model, table, field) for field in fields if field.column not in columns[table]]
    history = history_of(loader) if found else {}
    return [described_part(*part, history=history, loader=loader) for part in found[:MOST_SHOWN]]


def own_models(connection):
    """(model, table) of those that Django makes in this database."""
    from django.apps import apps
    from django.db import router

    found = []
    for model in apps.get_models(include_auto_created=True):
        meta = model._meta
        table = meta.db_table.strip('"')
        is_here = meta.managed and not meta.proxy and not meta.swapped
        # Some name a schema within the name of a table.
        if is_here and '"' not in table and router.allow_migrate_model(connection.alias, model):
            found.append((model, table))
    return found[:MOST_TABLES]


def described_part(model, table, field, history, loader):
    """A table, or a column of one, that lacks."""
    key = history.get(place_of(model, field))
    return {
        "table": table,
        "column": field.column if field is not None else "",
        "model": model._meta.label,
        "migration": ".".join(key) if key else "",
        "applied": key in loader.applied_migrations if key else False,
    }


def place_of(model, field):
    """(app, model, field) as history_of() knows it: a table of a many-to-many field is that field's."""
    meta = model._meta
    if not meta.auto_created:
        return meta.app_label, meta.model_name, field.name if field is not None else ""
    owner = meta.auto_created
    own = [item.name for item in owner._meta.local_many_to_many if item.remote_field.through is model]
    return owner._meta.app_label, owner._meta.model_name, own[0] if own else ""


def history_of(loader):
    """{(app, model, field): migration} that made each model (its field is empty) and each field, of those on disk."""
    from django.db.migrations.state import ProjectState

    made = {}
    state = ProjectState(real_apps=loader.unmigrated_apps)
    for key in in_order(loader):
        try:
            state = loader.graph.nodes[key].mutate_state(state, preserve=False)
        except Exception:
            break  # what follows builds on it
        there = set()
        for (app, model), held in state.models.items():
            # Before Django 3.1 they are pairs.
            names = [item if isinstance(item, str) else item[0] for item in held.fields]
            there |= {(app, model, name) for name in ["", *names]}
        made = {place: made.get(place, key) for place in there}
    return made


def in_order(loader):
    """The migrations on disk, each after those that it depends on."""
    order = []
    for leaf in loader.graph.leaf_nodes():
        order += [key for key in loader.graph.forwards_plan(leaf) if key not in order]
    return order


def cache_tables_lacking():
    """[{alias, table}] of Django's database caches whose tables are not there: no migration makes these."""
    from django.conf import settings
    from django.core.cache import caches
    from django.core.cache.backends.db import BaseDatabaseCache
    from django.db import connections, router

    found = []
    for alias in settings.CACHES:
        try:
            cache = caches[alias]
        except Exception:
            continue  # its backend cannot be loaded, which is another fault
        if not isinstance(cache, BaseDatabaseCache):
            continue
        table = cache._table
        if table.strip('"') not in tables_there(connections[router.db_for_read(cache.cache_model_class)]):
            found.append({"alias": alias, "table": table})
    return found
