# Copyright: rescue502 maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Runs inside the app's own Python, as a part of script_migrations.py: what migrations that are not applied would make.

The operations say so themselves, with Django's own rules for the names of tables and columns. What follows an operation
of which only its author knows what it does is left out.
"""

from __future__ import annotations

import re

# Django's own operations that make or take away nothing of a name of its own.
WITHOUT_NAMES = (
    "AlterModelOptions", "AlterModelManagers", "AlterModelTableComment", "AlterUniqueTogether", "AlterIndexTogether",
    "ValidateConstraint",
)  # fmt: skip


# CREATE INDEX CONCURRENTLY name ON table (...), that statement alone, and without a schema's name.
INDEX_MADE = re.compile(
    r"""(?is)^\s*CREATE\s+(?:UNIQUE\s+)?INDEX\s+CONCURRENTLY\s+(?:IF\s+NOT\s+EXISTS\s+)?(\w+|"[^"]+")"""
    r"""\s+ON\s+(\w+|"[^"]+")\s*(?:\(|USING\b)[^;]*;?\s*$"""
)


class Wanted:
    """What pending migrations make, in their order: items {app, migration, kind, table, name, counts}.

    kind: table, column, index or constraint. table: its name in the database as it is now. counts: whether it is enough
    to end the migration that it is there; a column of a table that is to be made is not.
    """

    def __init__(self, connection):
        self.connection = connection
        self.items = []
        self.is_known = True  # until an operation may have done anything
        self.renamed = {}  # what a table is called now, by the name that a migration will have given it
        self.gone = set()  # names of tables that a migration takes away, so that what bears them later is new
        self.freed = set()  # (table, name) of columns, indexes and constraints that a migration takes away

    def note(self, operation, app, migration, state):
        """Add what one operation makes. state: the models before it. Raises what an odd operation raises."""
        kind = type(operation).__name__
        does_nothing = kind in ("RunPython", "RunSQL", "SeparateDatabaseAndState") and is_empty(operation)
        if not self.is_known or does_nothing or kind in WITHOUT_NAMES or not self.is_migrated(operation, app, state):
            return
        handle = getattr(self, "on_" + kind, None)
        if handle is None:
            self.is_known = False
            return
        self.place = {"app": app, "migration": migration}
        handle(operation, app, state)

    def is_migrated(self, operation, app, state):
        """Whether Django would do it in this database at all (Operation.allow_migrate_model)."""
        from django.db import router

        name = getattr(operation, "model_name", None) or getattr(operation, "name", None)
        model = operation if hasattr(operation, "bases") else state.models.get((app, str(name).lower()))
        options = model.options if model is not None else {}
        if options.get("proxy") or not options.get("managed", True) or options.get("swappable"):
            return False
        return bool(router.allow_migrate(self.connection.alias, app, model_name=str(name).lower() if name else None))

    def want(self, kind, table, name="", counts=True):
        """Note one item, unless a migration before it takes away what bears that name now."""
        now = self.renamed.get(table, table)
        # A name in quotes may be that of a table in another schema.
        if '"' not in table and table not in self.gone and (now, name) not in self.freed:
            self.items.append(dict(self.place, kind=kind, table=now, name=name, counts=counts))

    def table_of(self, options, app, name):
        """A model's table, as Django names it (django.db.models.options)."""
        return options.get("db_table") or self.shortened("{}_{}".format(app, name.lower()))

    def shortened(self, name):
        """A name as long as the database takes it."""
        from django.db.backends.utils import truncate_name

        return truncate_name(name, self.connection.ops.max_name_length())

    def table_in(self, state, app, name):
        """The table of a model as it is before an operation."""
        return self.table_of(state.models[app, name.lower()].options, app, name)

    def want_field(self, table, name, field, counts):
        """Note a field's column, or the table that joins two models where Django makes it."""
        if field.many_to_many:
            if field.remote_field.through is None:
                self.want("table", field.db_table or self.shortened("{}_{}".format(table, name)), counts=True)
        elif column_of(field, name):
            self.want("column", table, column_of(field, name), counts)

    def on_CreateModel(self, operation, app, _state):  # noqa: N802  # Django's own name
        """A table with its columns."""
        table = self.table_of(operation.options, app, operation.name)
        self.want("table", table)
        for name, field in operation.fields:
            self.want_field(table, name, field, counts=False)

    def on_DeleteModel(self, operation, app, state):  # noqa: N802
        """Its table's name is free then."""
        self.gone.add(self.table_in(state, app, operation.name))

    def on_RenameModel(self, operation, app, state):  # noqa: N802
        """Its table gets another name, unless it was given one of its own."""
        options = state.models[app, operation.old_name.lower()].options
        self.rename(self.table_of(options, app, operation.old_name), self.table_of(options, app, operation.new_name))

    def on_AlterModelTable(self, operation, app, state):  # noqa: N802
        """Its table gets another name."""
        new = operation.table or self.table_of({}, app, operation.name)
        self.rename(self.table_in(state, app, operation.name), new)

    def on_AddField(self, operation, app, state):  # noqa: N802
        """A column."""
        self.want_field(self.table_in(state, app, operation.model_name), operation.name, operation.field, counts=True)

    def on_RemoveField(self, operation, app, state):  # noqa: N802
        """Its column's name is free then."""
        self.free(self.table_in(state, app, operation.model_name), self.old_column(operation, app, state))

    def on_AlterField(self, operation, app, state):  # noqa: N802
        """Where the column gets another name, that one is wanted."""
        self.move(operation, app, state, column_of(operation.field, operation.name))

    def on_RenameField(self, operation, app, state):  # noqa: N802
        """Likewise."""
        field = field_in(state, app, operation.model_name, operation.old_name)
        self.move(operation, app, state, column_of(field, operation.new_name), operation.old_name)

    def on_AddIndex(self, operation, app, state):  # noqa: N802
        """An index with a name of its own."""
        self.want("index", self.table_in(state, app, operation.model_name), operation.index.name)

    # django.contrib.postgres has its own; PostgreSQL keeps what such a one has begun when it is interrupted.
    on_AddIndexConcurrently = on_AddIndex  # noqa: N815

    def on_RemoveIndex(self, operation, app, state):  # noqa: N802
        """Its name is free then."""
        self.free(self.table_in(state, app, operation.model_name), operation.name)

    on_RemoveIndexConcurrently = on_RemoveIndex  # noqa: N815

    def on_AddConstraint(self, operation, app, state):  # noqa: N802
        """A constraint with a name of its own. SQLite makes the table anew, so that none is in the way."""
        if self.connection.vendor != "sqlite":
            self.want("constraint", self.table_in(state, app, operation.model_name), operation.constraint.name)

    on_AddConstraintNotValid = on_AddConstraint  # noqa: N815

    def on_RemoveConstraint(self, operation, app, state):  # noqa: N802
        """Its name is free then."""
        self.free(self.table_in(state, app, operation.model_name), operation.name)

    def on_RunSQL(self, operation, _app, _state):  # noqa: N802
        """One statement that makes an index concurrently says which; of any other nothing is known."""
        made = INDEX_MADE.match(operation.sql if isinstance(operation.sql, str) else "")
        if made is None:
            self.is_known = False
        else:
            name, table = (part.strip('"') if '"' in part else part.lower() for part in made.groups())
            # Where IF NOT EXISTS is said, an index that is not valid is taken for made.
            self.want("index", table, name, counts="if not exists" not in operation.sql.lower())

    def on_SeparateDatabaseAndState(self, operation, app, state):  # noqa: N802
        """What is done in the database."""
        state, migration = state.clone(), self.place["migration"]
        for inner in operation.database_operations:
            self.note(inner, app, migration, state)
            if not self.is_known:
                return
            inner.state_forwards(app, state)

    def free(self, table, name):
        """The column, index or constraint that bears this name now is gone when later operations come."""
        self.freed.add((self.renamed.get(table, table), name))

    def rename(self, old, new):
        """A table is called otherwise when later operations come."""
        if new != old:
            self.want("table", new)
            self.renamed[new] = self.renamed.get(old, old)
            self.gone = (self.gone | {old}) - {new}

    def move(self, operation, app, state, new, old_name=None):
        """A column is called otherwise when later operations come."""
        table, old = self.table_in(state, app, operation.model_name), self.old_column(operation, app, state, old_name)
        if old and new and new != old:
            self.want("column", table, new)
            self.free(table, old)

    def old_column(self, operation, app, state, name=None):
        """The column of a field before an operation; empty of one that has none."""
        name = name or operation.name
        return column_of(field_in(state, app, operation.model_name, name), name)


def field_in(state, app, model, name):
    """A field of a model before an operation. It is a list of pairs before Django 3.1."""
    return dict(state.models[app, model.lower()].fields)[name]


def column_of(field, name):
    """A field's column, as the field itself names it; empty where it has none."""
    if field.many_to_many or type(field).__name__ == "CompositePrimaryKey":
        return ""
    own = field.clone()
    own.set_attributes_from_name(name)
    return own.column or ""


def is_empty(operation):
    """Whether an operation of free code, or of parts, changes nothing in the database."""
    if hasattr(operation, "database_operations"):
        return not operation.database_operations
    return getattr(operation, "code", None) == operation.noop or getattr(operation, "sql", None) == ""
