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
    """[{app, name, has, lacks}] of each pending migration of which the database has a part: what of it, what not.

    Empty where that could not be asked. What is needed of it is the catalogue alone.
    """
    catalogue, found = Catalogue(connection), {}
    try:
        with connection.cursor() as cursor:
            for item in wanted.items:
                entry = found.setdefault((item["app"], item["migration"]), {"has": [], "lacks": [], "ends": False})
                there = catalogue.has(cursor, item)
                label = " ".join((item["kind"], ".".join(part for part in (item["table"], item["name"]) if part)))
                entry["has" if there else "lacks"].append(label)
                entry["ends"] = entry["ends"] or (there and item["counts"])
    except Exception:
        return []
    return [
        {"app": app, "name": name, "has": entry["has"][:MOST_PRESENT], "lacks": entry["lacks"][:MOST_PRESENT]}
        for (app, name), entry in found.items()
        if entry["ends"]
    ][:MOST_PRESENT]


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
