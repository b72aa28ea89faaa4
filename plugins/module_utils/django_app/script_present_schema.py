# Copyright: rescue502 maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Runs inside the app's own Python, as a part of script_migrations.py: what the database has of migrations to come.

A table, column, index or constraint that a migration would make, and that is there already, ends `migrate` each time:
made by hand, by a migration that died half way, by a restored dump, or by what a squashed migration replaces. The
database's catalogue says what there is; nothing is executed, nothing is locked.
"""

from __future__ import annotations

MOST_PRESENT = 20


def find_present(connection, wanted):
    """[{app, name, has, lacks, invalid}] of each pending migration of which the database has a part, and what not.

    invalid: [{name, table, schema, pid}] of the indexes among them that PostgreSQL has begun and not finished; not
    there without one. pid: a session that works on the table now, and may be at it; 0 without one.
    Empty where that could not be asked. What is needed of it is the catalogue alone.
    """
    catalogue, found = Catalogue(connection), {}
    try:
        with connection.cursor() as cursor:
            for item in wanted.items:
                key = (item["app"], item["migration"])
                entry = found.setdefault(key, {"has": [], "lacks": [], "ends": False})
                there = catalogue.has(cursor, item)
                label = " ".join((item["kind"], ".".join(part for part in (item["table"], item["name"]) if part)))
                entry["has" if there else "lacks"].append(label)
                invalid = catalogue.invalid(cursor, item["table"], item["name"]) if there else []
                if invalid:
                    entry["invalid"] = entry.get("invalid", []) + invalid
                entry["ends"] = entry["ends"] or bool(invalid) or (there and item["counts"])
    except Exception:
        return []
    parts = ("has", "lacks", "invalid")
    return [
        dict({part: entry[part][:MOST_PRESENT] for part in parts if part in entry}, app=app, name=name)
        for (app, name), entry in found.items()
        if entry["ends"]
    ][:MOST_PRESENT]


# pg_locks is shown to all. What makes an index concurrently holds this lock on its table until it is done or has
# failed; so does a vacuum, and which of them it is, others are not told.
INVALID = """
SELECT n.nspname, coalesce((SELECT min(l.pid) FROM pg_locks l WHERE l.relation = x.indrelid AND l.granted
  AND l.mode = 'ShareUpdateExclusiveLock'
  AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())), 0)
FROM pg_index x JOIN pg_class i ON i.oid = x.indexrelid JOIN pg_class t ON t.oid = x.indrelid
JOIN pg_namespace n ON n.oid = t.relnamespace
WHERE NOT x.indisvalid AND i.relkind = 'i' AND i.relname = %s AND t.relname = %s AND n.nspname = current_schema()
"""


class Catalogue:
    """What there is in the database, asked once for each table."""

    def __init__(self, connection):
        self.connection = connection
        self.tables = None
        self.names = {}

    def has(self, cursor, item):
        """Whether an item is there already."""
        if self.tables is None:
            self.tables = self.all_tables(cursor)
        if item["kind"] == "table":
            return item["table"] in self.tables
        key = (item["kind"] == "column", item["table"])
        if key not in self.names:
            asked = self.columns if key[0] else self.constraints
            self.names[key] = asked(cursor, item["table"]) if item["table"] in self.tables else set()
        return item["name"] in self.names[key]

    def all_tables(self, cursor):
        """The names that a new table may not have; in PostgreSQL, those of all relations in its schema."""
        if self.connection.vendor != "postgresql":
            return set(self.connection.introspection.table_names(cursor, include_views=True))
        cursor.execute(
            "SELECT c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace"
            " WHERE n.nspname = current_schema()"
        )
        return {name for (name,) in cursor.fetchall()}

    def columns(self, cursor, table):
        """A table's columns. PostgreSQL's catalogue is read without a lock on the table."""
        if self.connection.vendor != "postgresql":
            return {column.name for column in self.connection.introspection.get_table_description(cursor, table)}
        cursor.execute(
            "SELECT a.attname FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid"
            " JOIN pg_namespace n ON n.oid = c.relnamespace"
            " WHERE c.relname = %s AND n.nspname = current_schema() AND a.attnum > 0 AND NOT a.attisdropped",
            [table],
        )
        return {name for (name,) in cursor.fetchall()}

    def constraints(self, cursor, table):
        """The names of a table's indexes and constraints."""
        return set(self.connection.introspection.get_constraints(cursor, table))

    def invalid(self, cursor, table, name):
        """[{name, table, schema, pid}] of the index of that name, where it is there and not valid (pg_index)."""
        if self.connection.vendor != "postgresql" or not name:
            return []
        cursor.execute(INVALID, [name, table])
        return [{"name": name, "table": table, "schema": schema, "pid": pid} for schema, pid in cursor.fetchall()]
