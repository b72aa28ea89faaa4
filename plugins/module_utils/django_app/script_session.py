# Copyright: rescue502 maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Runs inside the app's own Python, as a part of script_rehearsal.py: why PostgreSQL refuses a statement of the app's.

The app's own session is asked, as its role and with its settings: which limits of time and space it has and who set
them, whether a sequence would give out numbers that the table has, where a function or type is that was not found.
"""

from __future__ import annotations

import re

from ansible_collections.rescue502.django.plugins.module_utils.django_app.script_errors import (
    own_sqlstate,
    short,
    sqlstate_of,
)

UNIQUE_VIOLATION = "23505"
UNDEFINED = {"42883": "function", "42704": "type"}
LIMITS = """
SELECT name, setting || coalesce(unit, ''), source FROM pg_settings
WHERE name IN ('statement_timeout', 'lock_timeout', 'idle_in_transaction_session_timeout', 'transaction_timeout',
  'temp_file_limit') AND setting NOT IN ('0', '-1')
ORDER BY 1
"""
# The sequences that a table's columns take their numbers from.
SEQUENCES = """
SELECT a.attname, s.oid::regclass::text, format('%%I.%%I', n.nspname, t.relname)
FROM pg_class t JOIN pg_namespace n ON n.oid = t.relnamespace
JOIN pg_depend d ON d.refobjid = t.oid AND d.refclassid = 'pg_class'::regclass AND d.deptype IN ('a', 'i')
JOIN pg_class s ON s.oid = d.objid AND d.classid = 'pg_class'::regclass AND s.relkind = 'S'
JOIN pg_attribute a ON a.attrelid = t.oid AND a.attnum = d.refobjsubid
WHERE t.relname = %s AND n.nspname = %s
"""
WHERE_IS = {
    "function": "SELECT n.nspname, coalesce(e.extname, ''), n.nspname = ANY (current_schemas(true)) FROM pg_proc o"
    " JOIN pg_namespace n ON n.oid = o.pronamespace"
    " LEFT JOIN pg_depend d ON d.objid = o.oid AND d.classid = 'pg_proc'::regclass AND d.deptype = 'e'"
    " LEFT JOIN pg_extension e ON e.oid = d.refobjid WHERE o.proname = %s LIMIT 20",
    "type": "SELECT n.nspname, coalesce(e.extname, ''), n.nspname = ANY (current_schemas(true)) FROM pg_type o"
    " JOIN pg_namespace n ON n.oid = o.typnamespace"
    " LEFT JOIN pg_depend d ON d.objid = o.oid AND d.classid = 'pg_type'::regclass AND d.deptype = 'e'"
    " LEFT JOIN pg_extension e ON e.oid = d.refobjid WHERE o.typname = %s LIMIT 20",
}
# A server may say it in any language: a function has its arguments behind it, a type's name is quoted.
NAMED = {
    "function": re.compile(r"(?:^|\s)(?:[\w\"]+\.)?\"?(\w+)\"?\("),
    # Quotation marks of other languages, as escapes: the script is a word of a command line, in any locale.
    "type": re.compile(r"[\"\u00ab\u00bb\u201c\u201e]\s?(?:\w+\.)?(\w+)\s?[\"\u00bb\u00ab\u201c\u201d]"),
}
# What else is quoted so, such as a collation, has this SQLSTATE too.
CERTAINLY = {"function": NAMED["function"], "type": re.compile(r"^type \"")}


def ask_session(plan):
    """{limits, behind, undefined}, where PostgreSQL has refused a statement; without one, nothing.

    limits: [{name, setting, source}]. behind: [{table, column, sequence, next, highest}]. undefined: {kind, name,
    places: [{schema, extension, in_path}]}, there only where a function or type was not found.
    """
    from django.db import connection

    refused = next((item for item in (plan.get("page_error"), plan.get("error")) if sqlstate_of(item)), None)
    if refused is None or connection.vendor != "postgresql":
        return {}
    # A request that failed may have left it in a transaction.
    connection.close()
    state = sqlstate_of(refused)
    with connection.cursor() as cursor:
        cursor.execute(LIMITS)
        limits = [{"name": name, "setting": setting, "source": source} for name, setting, source in cursor.fetchall()]
        found = {"limits": limits, "behind": []}
        if state == UNIQUE_VIOLATION:
            found["behind"] = sequences_behind(cursor, *table_of(refused))
        kind = UNDEFINED.get(state)
        said = str(driver_error(refused).args[0]).partition("\n")[0] if kind and driver_error(refused).args else ""
        named = NAMED[kind].search(said) if said else None
        if named:
            cursor.execute(WHERE_IS[kind], [named.group(1)])
            places = [{"schema": row[0], "extension": row[1], "in_path": bool(row[2])} for row in cursor.fetchall()]
            if places or CERTAINLY[kind].search(said):
                found["undefined"] = {"kind": kind, "name": short(named.group(1)), "places": places}
    return found


def driver_error(error):
    """The driver's own exception in a chain, which has a SQLSTATE."""
    while error is not None and not own_sqlstate(error):
        error = error.__cause__ or error.__context__
    return error


def table_of(error):
    """(table, schema) that the server names in its answer; empty texts where it names none."""
    answer = getattr(driver_error(error), "diag", None)
    return getattr(answer, "table_name", None) or "", getattr(answer, "schema_name", None) or ""


def sequences_behind(cursor, table, schema):
    """[{table, column, sequence, next, highest}] of a table's sequences whose next number the table already has."""
    if not table:
        return []
    cursor.execute(SEQUENCES, [table, schema])
    found = []
    for column, sequence, qualified in cursor.fetchall():
        cursor.execute("SELECT last_value + CASE WHEN is_called THEN 1 ELSE 0 END FROM " + sequence)
        following = cursor.fetchone()[0]
        quoted = '"' + column.replace('"', '""') + '"'
        cursor.execute("SELECT max(" + quoted + ") FROM " + qualified)
        highest = cursor.fetchone()[0]
        if highest is not None and following <= highest:
            place = {"table": schema + "." + table, "column": column, "sequence": sequence}
            found.append(dict(place, next=following, highest=highest))
    return found
