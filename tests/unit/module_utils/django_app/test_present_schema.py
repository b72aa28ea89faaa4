"""What a database has already of migrations that are not applied: by their operations, and by its catalogue."""

from __future__ import annotations

import sys
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest
from ansible_collections.rescue502.django.plugins.module_utils.django_app import script_present_schema
from ansible_collections.rescue502.django.plugins.module_utils.django_app.script_present_schema import find_present
from ansible_collections.rescue502.django.plugins.module_utils.django_app.script_schema_wanted import Wanted


class Field:
    """A field as Django's would look: of the models' state, without a name until it is given one."""

    def __init__(self, suffix: str = "", column: str = "", through: Any = "", many: bool = False) -> None:
        self.suffix, self.given, self.many_to_many = suffix, column, many
        self.db_table, self.remote_field, self.column = "", SimpleNamespace(through=through or None), ""

    def clone(self) -> Field:
        """As Django clones it."""
        return Field(self.suffix, self.given)

    def set_attributes_from_name(self, name: str) -> None:
        """As Django does."""
        self.column = self.given or name + self.suffix


PLAIN, KEY, MANY = Field(), Field("_id"), Field(many=True)


class Connection:
    """A database that has these tables: {name: its columns, indexes and constraints}. Not PostgreSQL's catalogue."""

    def __init__(
        self, tables: dict[str, set[str]], vendor: str = "mysql", invalid: dict[str, tuple[str, int]] | None = None
    ) -> None:
        self.tables, self.vendor, self.alias, self.unfinished = tables, vendor, "default", invalid or {}
        self.ops = SimpleNamespace(max_name_length=lambda: 63)
        self.introspection = self

    def cursor(self) -> Connection:
        """Itself."""
        return self

    def __enter__(self) -> Connection:
        return self

    def __exit__(self, *_given: object) -> None:
        pass

    def execute(self, sql: str, values: list[str] | None = None) -> None:
        """PostgreSQL's catalogue: names of relations, or the index of a name where it is not valid."""
        self.rows: list[tuple[Any, ...]] = [(name,) for name in self.tables]
        if "indisvalid" in sql:
            name = (values or [""])[0]
            self.rows = [self.unfinished[name]] if name in self.unfinished else []

    def fetchall(self) -> list[tuple[Any, ...]]:
        """What was asked for last."""
        return self.rows

    def table_names(self, _cursor: Any, include_views: bool) -> list[str]:
        """As Django's introspection."""
        assert include_views
        return list(self.tables)

    def get_table_description(self, _cursor: Any, table: str) -> list[Any]:
        """As Django's introspection."""
        return [SimpleNamespace(name=name) for name in self.tables[table]]

    def get_constraints(self, _cursor: Any, table: str) -> dict[str, Any]:
        """As Django's introspection."""
        return {name: {} for name in self.tables[table]}


@pytest.fixture(autouse=True)
def django(monkeypatch: pytest.MonkeyPatch) -> set[str]:
    """What of Django is asked for: the names of models that a router keeps out of this database."""
    elsewhere: set[str] = set()

    def allow_migrate(_alias: str, _app: str, model_name: str | None) -> bool:
        return model_name not in elsewhere

    names = ("django", "django.db", "django.db.backends", "django.db.backends.utils")
    modules = {name: ModuleType(name) for name in names}
    modules["django.db"].router = SimpleNamespace(allow_migrate=allow_migrate)  # type: ignore[attr-defined]
    modules["django.db.backends.utils"].truncate_name = lambda name, length: name[:length]  # type: ignore[attr-defined]
    for name, module in modules.items():
        monkeypatch.setitem(sys.modules, name, module)
    return elsewhere


def operation(kind: str, **values: Any) -> Any:
    """An operation as Django's would look."""
    return type(kind, (), {"noop": "", **values})()


def add(name: str, field: Field = PLAIN, model: str = "Order") -> Any:
    """A column for a model."""
    return operation("AddField", model_name=model, name=name, field=field)


def create(name: str, *fields: tuple[str, Field], **options: Any) -> Any:
    """A model with its table."""
    return operation("CreateModel", name=name, fields=list(fields), options=options, bases=())


def present(
    tables: dict[str, set[str]],
    *operations: Any,
    vendor: str = "mysql",
    invalid: dict[str, tuple[str, int]] | None = None,
) -> list[dict[str, Any]]:
    """What the database has of one migration of the app `shop`, whose model Order has a name and a city."""
    model = SimpleNamespace(options={}, fields={"name": PLAIN, "city": PLAIN})
    old = SimpleNamespace(options={"db_table": "old_things"}, fields={"name": PLAIN})
    state = SimpleNamespace(models={("shop", "order"): model, ("shop", "thing"): old, ("shop", "bill"): model})
    state.clone = lambda: state
    connection = Connection(tables, vendor, invalid)
    wanted = Wanted(connection)
    for item in operations:
        wanted.note(item, "shop", "0002", state)
    return find_present(connection, wanted)


ORDER = {"shop_order": {"name", "city"}}


@pytest.mark.parametrize(
    ("operations", "has", "lacks"),
    [
        ([add("city")], ["column shop_order.city"], []),
        ([add("city"), add("street")], ["column shop_order.city"], ["column shop_order.street"]),
        ([add("town", Field(column="city"))], ["column shop_order.city"], []),
        (
            [create("Order", ("name", PLAIN), ("buyer", KEY))],
            ["table shop_order", "column shop_order.name"],
            ["column shop_order.buyer_id"],
        ),
        (
            [operation("RenameField", model_name="Order", old_name="name", new_name="city")],
            ["column shop_order.city"],
            [],
        ),
        (
            [operation("AlterField", model_name="Order", name="name", field=Field(column="city"))],
            ["column shop_order.city"],
            [],
        ),
        ([operation("RenameModel", old_name="Bill", new_name="Order")], ["table shop_order"], []),
        ([operation("AlterModelTable", name="Thing", table="shop_order")], ["table shop_order"], []),
        (
            [operation("AddIndex", model_name="Order", index=SimpleNamespace(name="city"))],
            ["index shop_order.city"],
            [],
        ),
        (
            [operation("AddConstraint", model_name="Order", constraint=SimpleNamespace(name="city"))],
            ["constraint shop_order.city"],
            [],
        ),
        ([operation("RunSQL", sql=""), add("city")], ["column shop_order.city"], []),
        ([operation("AlterModelOptions", name="Order"), add("city")], ["column shop_order.city"], []),
    ],
    ids=lambda item: "+".join(type(each).__name__ for each in item) if item and not isinstance(item[0], str) else "",
)
def test_what_is_there_already(operations: list[Any], has: list[str], lacks: list[str]) -> None:
    """Of a migration that would end at it."""
    assert present(ORDER, *operations) == [{"app": "shop", "name": "0002", "has": has, "lacks": lacks}]


@pytest.mark.parametrize(
    "operations",
    [
        [add("street")],
        [create("Basket", ("city", PLAIN))],
        [create("Order", ("city", PLAIN), proxy=True)],
        [create("Order", ("city", PLAIN), managed=False)],
        [create("Order", ("city", PLAIN), swappable="AUTH_USER_MODEL")],
        [create("Order", ("city", PLAIN), db_table='"crm"."shop_order"')],
        # What a migration itself takes away before.
        [operation("RemoveField", model_name="Order", name="city"), add("city")],
        [operation("RenameField", model_name="Order", old_name="city", new_name="town"), add("city")],
        [operation("DeleteModel", name="Order"), create("Order", ("city", PLAIN)), add("city")],
        [operation("RenameModel", old_name="Order", new_name="Sale"), create("Order"), add("city")],
        [
            operation("RemoveIndex", model_name="Order", name="city"),
            operation("AddIndex", model_name="Order", index=SimpleNamespace(name="city")),
        ],
        # Of which only their author knows what they do, and so of what follows.
        [operation("RunPython", code=len), add("city")],
        [operation("RunSQL", sql="ALTER TABLE shop_order DROP city"), add("city")],
        [operation("SeparateDatabaseAndState", database_operations=[len]), add("city")],
        [operation("Purge"), add("city")],
        [add("both", Field(many=True, through="shop.Both"))],
    ],
    ids=lambda item: "+".join(type(each).__name__ for each in item),
)
def test_what_ends_no_migration(operations: list[Any]) -> None:
    """Nothing is said where nothing is in the way, or where that is not known."""
    assert present(ORDER, *operations) == []


def test_what_joins_two_models_is_a_table() -> None:
    """Django makes it with the field, unless the field names a model of its own for it."""
    joined = {**ORDER, "shop_order_tags": set[str]()}
    assert present(joined, add("tags", MANY))[0]["has"] == ["table shop_order_tags"]
    assert present(ORDER, add("tags", MANY), add("city"))[0]["lacks"] == ["table shop_order_tags"]


def test_a_table_is_followed_through_its_names() -> None:
    """A column of a table that a migration before it will have renamed is looked for in the one of today."""
    renamed = operation("AlterModelTable", name="Order", table="sales")
    state = SimpleNamespace(models={("shop", "order"): SimpleNamespace(options={}, fields={})})
    connection = Connection(ORDER)
    wanted = Wanted(connection)
    wanted.note(renamed, "shop", "0002", state)
    state.models["shop", "order"].options["db_table"] = "sales"
    wanted.note(add("city"), "shop", "0003", state)
    assert find_present(connection, wanted) == [
        {"app": "shop", "name": "0003", "has": ["column shop_order.city"], "lacks": []}
    ]


def test_sqlite_makes_a_table_anew_for_a_constraint() -> None:
    """So that an old one of the same name is not in the way."""
    constraint = operation("AddConstraint", model_name="Order", constraint=SimpleNamespace(name="city"))
    assert present(ORDER, constraint, vendor="sqlite") == []


def test_what_goes_to_another_database_is_not_looked_for(django: set[str]) -> None:
    """A router says so."""
    django.add("order")
    assert present(ORDER, add("city")) == []


def test_where_the_catalogue_cannot_be_asked_nothing_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    """As where the connection is lost meanwhile."""
    monkeypatch.setattr(script_present_schema.Catalogue, "all_tables", lambda *_given: 1 / 0)
    assert present(ORDER, add("city")) == []


BY_NAME = SimpleNamespace(name="by_name")
CONCURRENTLY = "CREATE INDEX CONCURRENTLY {}by_name ON shop_order USING btree (name)"


def begun(*operations: Any, pid: int = 0, tables: Any = None) -> list[dict[str, Any]]:
    """What PostgreSQL has of a migration, where it has begun the index by_name and not finished it."""
    tables = tables or {"shop_order": {"name", "city", "by_name"}}
    return present(tables, *operations, vendor="postgresql", invalid={"by_name": ("public", pid)})


@pytest.mark.parametrize(
    "made",
    [
        operation("AddIndexConcurrently", model_name="Order", index=BY_NAME),
        operation("AddIndex", model_name="Order", index=BY_NAME),
        operation("RunSQL", sql=CONCURRENTLY.format("")),
        # It would not end there, and take it for made.
        operation("RunSQL", sql=CONCURRENTLY.format("IF NOT EXISTS ") + ";"),
        operation("RunSQL", sql='create unique index concurrently "by_name" on "shop_order" (name) where city > 1'),
        operation(
            "SeparateDatabaseAndState",
            database_operations=[operation("RunSQL", sql=CONCURRENTLY.format(""), state_forwards=lambda *_given: None)],
        ),
    ],
    ids=lambda item: type(item).__name__,
)
@pytest.mark.parametrize("pid", [0, 812])
def test_an_index_that_was_begun_and_not_finished(made: Any, pid: int) -> None:
    """It is known as such, however a migration would make it; and whether somebody may be making it now."""
    (found,) = begun(made, pid=pid)
    assert found["has"] == ["index shop_order.by_name"]
    assert found["invalid"] == [{"name": "by_name", "table": "shop_order", "schema": "public", "pid": pid}]


def test_an_index_that_is_taken_away_before_is_made_anew() -> None:
    """By a migration that does away with it itself."""
    away = operation("RemoveIndexConcurrently", model_name="Order", name="by_name")
    assert begun(away, operation("AddIndexConcurrently", model_name="Order", index=BY_NAME)) == []


@pytest.mark.parametrize(
    "sql",
    [
        CONCURRENTLY.format("") + "; DROP TABLE shop_order",
        "DROP INDEX by_name; " + CONCURRENTLY.format(""),
        "CREATE INDEX CONCURRENTLY by_name ON shop.shop_order (name)",
        "CREATE INDEX by_name ON shop_order (name)",
        ["DROP INDEX IF EXISTS by_name", CONCURRENTLY.format("")],
    ],
)
def test_of_other_sql_nothing_is_said(sql: Any) -> None:
    """Nor of what follows it."""
    assert begun(operation("RunSQL", sql=sql), add("city")) == []


def test_a_finished_index_ends_what_would_make_it() -> None:
    """But where IF NOT EXISTS is said."""
    there = {"shop_order": {"name", "city", "other"}}
    sql = "CREATE INDEX CONCURRENTLY {}other ON shop_order (name)"
    (found,) = begun(operation("RunSQL", sql=sql.format("")), tables=there)
    assert (found["has"], found.get("invalid")) == (["index shop_order.other"], None)
    assert begun(operation("RunSQL", sql=sql.format("IF NOT EXISTS ")), tables=there) == []
