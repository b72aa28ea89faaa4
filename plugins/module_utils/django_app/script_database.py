# Copyright: rescue502 maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Runs inside the app's own Python, as a part of script_rehearsal.py: does the database answer, what may be used."""

from __future__ import annotations

from ansible_collections.rescue502.django.plugins.module_utils.django_app.script_errors import short


def ask_database(plan):
    """Open each database of the settings and ask it one thing: {versions: {alias: version or vendor}}.

    Raises what the database's driver raises; the plan's `alias` is the one that was asked then.
    """
    from django.db import connections

    versions = {}
    for alias in connections:
        plan["alias"] = alias
        connection = connections[alias]
        with connection.cursor() as cursor:
            if connection.vendor == "postgresql":
                cursor.execute("SELECT version()")
                versions[alias] = short(cursor.fetchone()[0])
            else:
                # SQLite opens its log and journal when it first reads.
                cursor.execute("PRAGMA schema_version" if connection.vendor == "sqlite" else "SELECT 1")
                versions[alias] = connection.vendor
    return {"versions": versions}


# Schemas, tables and their sequences that the app may not use. Those of identity columns need no right of their own.
PRIVILEGES = """
SELECT n.nspname, c.relname, c.relkind, pg_get_userbyid(c.relowner), has_schema_privilege(n.oid, 'USAGE')
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE n.nspname = ANY(%s) AND (
  c.relkind IN ('r', 'p') AND c.relname = ANY(%s) AND NOT (
    has_schema_privilege(n.oid, 'USAGE') AND has_table_privilege(c.oid, 'SELECT'))
  OR CASE WHEN c.relkind = 'S' THEN NOT has_sequence_privilege(c.oid, 'USAGE') END AND EXISTS (
    SELECT 1 FROM pg_depend d JOIN pg_class t ON t.oid = d.refobjid
    WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.refclassid = 'pg_class'::regclass
      AND d.deptype = 'a' AND t.relname = ANY(%s) AND has_table_privilege(t.oid, 'INSERT')))
ORDER BY c.relkind = 'S', 1, 2 LIMIT 100
"""


# Tables that the role may read and not write, and what it lacks.
UNWRITABLE = """
SELECT n.nspname, c.relname, pg_get_userbyid(c.relowner), concat_ws(', ',
  CASE WHEN NOT has_table_privilege(c.oid, 'INSERT') THEN 'INSERT' END,
  CASE WHEN NOT has_table_privilege(c.oid, 'UPDATE') THEN 'UPDATE' END,
  CASE WHEN NOT has_table_privilege(c.oid, 'DELETE') THEN 'DELETE' END)
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE n.nspname = ANY(%s) AND c.relkind IN ('r', 'p') AND c.relname = ANY(%s) AND has_table_privilege(c.oid, 'SELECT')
  AND NOT (has_table_privilege(c.oid, 'INSERT') AND has_table_privilege(c.oid, 'UPDATE')
    AND has_table_privilege(c.oid, 'DELETE'))
ORDER BY 1, 2 LIMIT 100
"""
# Tables of which policies show the role some rows, or none (Row Security Policies).
ROW_SECURITY = """
SELECT n.nspname || '.' || c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE n.nspname = ANY(%s) AND c.relname = ANY(%s) AND c.relrowsecurity AND row_security_active(c.oid)
ORDER BY 1 LIMIT 100
"""
# How many of the app's tables each schema has. Everybody may read the catalogue, of schemas closed to them too.
PLACES = """
SELECT n.nspname, count(*) FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind IN ('r', 'p') AND c.relname = ANY(%s) GROUP BY 1 ORDER BY 2 DESC, 1 LIMIT 100
"""


def ask_privileges(_plan):
    """The app's own tables: those that its role may not use, as after a dump was restored by somebody else, and the
    schemas that hold them, as seen from its search_path.
    """
    from django.apps import apps
    from django.db import connection

    if connection.vendor != "postgresql":
        return {"checked": False, "denied": []}
    models = [m for m in apps.get_models(include_auto_created=True) if m._meta.managed and not m._meta.proxy]
    tables = sorted({m._meta.db_table.strip('"') for m in models} | {"django_migrations"})
    with connection.cursor() as cursor:
        cursor.execute("SELECT setting, source, current_user FROM pg_settings WHERE name = 'search_path'")
        path, source, role = cursor.fetchone()
        schemas = [name.strip().strip('"').replace("$user", role) for name in path.split(",")]
        cursor.execute(PRIVILEGES, [schemas, tables, tables])
        rows = cursor.fetchall()
        cursor.execute(UNWRITABLE, [schemas, tables])
        unwritable = cursor.fetchall()
        cursor.execute(ROW_SECURITY, [schemas, tables])
        secured = [row[0] for row in cursor.fetchall()]
        cursor.execute(PLACES, [tables])
        places = cursor.fetchall()
    kinds = {"S": "sequence"}
    denied = [
        {
            "kind": kinds.get(kind, "table") if usable else "schema",
            "name": schema if not usable else schema + "." + name,
            "owner": owner,
        }
        for schema, name, kind, owner, usable in rows
    ]
    unique = [item for index, item in enumerate(denied) if item["name"] not in [d["name"] for d in denied[:index]]]
    return {
        "checked": True,
        "role": role,
        "tables": len(tables),
        "denied": unique,
        "unwritable": [
            {"name": schema + "." + name, "owner": owner, "lacks": lacks} for schema, name, owner, lacks in unwritable
        ],
        "row_security": secured,
        "search_path": path,
        "search_path_source": source,
        "found": sum(count for schema, count in places if schema in schemas),
        "elsewhere": [{"schema": schema, "tables": count} for schema, count in places if schema not in schemas],
    }
