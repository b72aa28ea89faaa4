# Copyright: rescue502 maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Runs inside the app's own Python: which migrations are not applied, and what applying them could cost.

It is sent there as text, by the rehearsal and by migrations.py, so it keeps to what old Pythons understand, and what it
imports of ours is sent along. It reads the migrations and the database's record of them; it runs none of them.
"""

from __future__ import annotations

from ansible_collections.rescue502.django.plugins.module_utils.django_app.script_present_schema import find_present
from ansible_collections.rescue502.django.plugins.module_utils.django_app.script_schema_wanted import Wanted

# What Django itself brings: of anything else nobody but its author knows what it does.
OWN_OPERATIONS = ("django.db.migrations.operations", "django.contrib.postgres.operations")
TEXTS = ("CharField", "SlugField", "FileField", "FilePathField")
# Types that take every value of another one.
WIDER = {
    "CharField": ("TextField",),
    "SmallIntegerField": ("IntegerField", "BigIntegerField"),
    "IntegerField": ("BigIntegerField",),
    "PositiveSmallIntegerField": ("PositiveIntegerField", "PositiveBigIntegerField", "IntegerField", "BigIntegerField"),
    "PositiveIntegerField": ("PositiveBigIntegerField", "BigIntegerField"),
    "AutoField": ("BigAutoField",),
    "ForeignKey": ("OneToOneField",),
    "OneToOneField": ("ForeignKey",),
}


def compare_migrations(_plan):
    """Migrations on disk compared with those recorded in the database (django.db.migrations.loader).

    pending: those that are not applied, in the order in which Django would apply them (see describe_pending).
    present: of which of these the database has a part (see find_present).
    transactional: whether a migration that fails leaves nothing behind, unless it says itself that it is not atomic.
    """
    from django.db import connection
    from django.db.migrations.loader import MigrationLoader

    loader = MigrationLoader(connection, ignore_no_migrations=True)
    applied, on_disk = set(loader.applied_migrations), set(loader.disk_migrations)
    replaced = {key for key, migration in loader.disk_migrations.items() if getattr(migration, "replaces", None)}
    known = on_disk | {tuple(old) for key in replaced for old in loader.disk_migrations[key].replaces}
    migrated = {app for app, _name in on_disk}
    conflicts = loader.detect_conflicts()
    unapplied = set(loader.graph.nodes) - applied
    wants, wanted = {"creates": False, "changes": set(), "extensions": set()}, Wanted(connection)
    # Of conflicting ones Django applies none.
    pending = describe_pending(loader, applied, wants, wanted) if unapplied and not conflicts else []
    return {
        "conflicts": {app: sorted(names) for app, names in conflicts.items()},
        "unapplied": sorted(".".join(key) for key in unapplied),
        "applied": len(applied),
        "unknown": sorted(".".join(key) for key in applied - known if key[0] in migrated),
        "pending": pending,
        "barred": what_is_barred(connection, wants),
        "present": find_present(connection, wanted),
        "transactional": bool(connection.features.can_rollback_ddl),
    }


def describe_pending(loader, applied, wants, wanted):
    """[{app, name, after, risks, known, reversible, atomic}]. after: what it follows in its own app; risks: what could
    be lost for good, or is not known, an operation each; none where no migration was ever applied: there is nothing
    to lose. known: whether that is known, as where the app's models load. wants: takes what they need of the database,
    {creates: whether anything is to be made in a schema, changes: tables that are there and are changed, extensions}.
    wanted: takes what they make.
    """
    from django.db.migrations.state import ProjectState

    order = []
    for leaf in loader.graph.leaf_nodes():
        order += [key for key in loader.graph.forwards_plan(leaf) if key not in order]
    state, made, pending, broken = ProjectState(real_apps=loader.unmigrated_apps), set(), [], ""
    for key in order:
        migration, risks = loader.graph.nodes[key], []
        try:
            for operation in migration.operations:
                if key not in applied:
                    note_wants(operation, key[0], state, made, wants)
                    note_wanted(operation, key, state, wanted)
                    risks += risks_of(operation, key[0], state, made)
                operation.state_forwards(key[0], state)
        except Exception as error:  # what follows builds on it
            broken = broken or "not known, for {} raises {}".format(".".join(key), type(error).__name__)
        risks += [broken] if broken else []
        if key not in applied:
            pending.append(described(loader, key, risks if applied else [], not (broken and applied)))
    return pending


# Operations that make a table or an index, and those that change a table; Django's own alone are known.
CREATING = ("CreateModel", "AddIndex", "AddConstraint")
CHANGING = ("AddField", "RemoveField", "AlterField", "RenameField", "AlterModelTable", "DeleteModel", "RenameModel")


def note_wants(operation, app, state, made, wants):
    """What an operation needs of the database, added to `wants`. made: what this run has made, of which it is owner."""
    kind = type(operation).__name__
    if any(base.__name__ == "CreateExtension" for base in type(operation).__mro__):
        wants.setdefault("extensions", set()).add(operation.name)
    if kind == "CreateModel":
        wants["creates"] = wants["creates"] or has_table(operation)
    if kind in ("AddIndex", "AddConstraint"):
        wants["creates"] = True
    if kind not in CREATING[1:] + CHANGING:
        return
    name = getattr(operation, "model_name", None) or getattr(operation, "old_name", None) or operation.name
    place = (app, str(name).lower())
    model = state.models.get(place)
    if model is not None and place not in made and has_table(model):
        wants["changes"].add(str(model.options.get("db_table") or "_".join(place)).strip('"'))


def note_wanted(operation, key, state, wanted):
    """What an operation makes; of one that is odd, and of all that follows it, nothing is known."""
    try:
        wanted.note(operation, key[0], key[1], state)
    except Exception:
        wanted.is_known = False


# Those that are not there: whether the server's installation has each, and whether the role may make it.
EXTENSIONS = """
SELECT x.name, EXISTS (SELECT 1 FROM pg_available_extensions a WHERE a.name = x.name),
  (SELECT rolsuper FROM pg_roles WHERE rolname = current_user) OR EXISTS (
    SELECT 1 FROM pg_available_extension_versions v WHERE v.name = x.name
      AND (NOT v.superuser OR coalesce((to_jsonb(v) ->> 'trusted')::bool, false))
      AND has_database_privilege(current_database(), 'CREATE'))
FROM unnest(%s::text[]) x(name) WHERE NOT EXISTS (SELECT 1 FROM pg_extension e WHERE e.extname = x.name)
"""


def what_is_barred(connection, wants):
    """[{need, name, owner}] of what PostgreSQL would not let the app's role do, of what the migrations need."""
    extensions = sorted(wants.get("extensions", ()))
    if connection.vendor != "postgresql" or not (wants["creates"] or wants["changes"] or extensions):
        return []
    barred = []
    with connection.cursor() as cursor:
        cursor.execute(EXTENSIONS, [extensions])
        for name, available, may in cursor.fetchall():
            need = "make the extension" if available else "make the extension, which the server does not have,"
            if not (available and may):
                barred.append({"need": need, "name": name, "owner": "postgres"})
        cursor.execute(
            "SELECT nspname, pg_get_userbyid(nspowner), has_schema_privilege(oid, 'CREATE') FROM pg_namespace"
            " WHERE nspname = current_schema()"
        )
        for name, owner, may in cursor.fetchall():
            if wants["creates"] and not may:
                barred.append({"need": "create tables in schema", "name": name, "owner": owner})
        cursor.execute(
            "SELECT c.oid::regclass::text, pg_get_userbyid(c.relowner) FROM pg_class c WHERE c.relname = ANY(%s)"
            " AND c.relkind IN ('r', 'p') AND pg_table_is_visible(c.oid) AND NOT pg_has_role(c.relowner, 'USAGE')",
            [sorted(wants["changes"])],
        )
        barred += [{"need": "change table", "name": name, "owner": owner} for name, owner in cursor.fetchall()]
    return barred[:20]


def described(loader, key, risks, known):
    """One migration that is not applied."""
    migration = loader.graph.nodes[key]
    parents = [tuple(node) for node in loader.graph.node_map[key].parents]
    return {
        "app": key[0],
        "name": key[1],
        "after": sorted(name for app, name in parents if app == key[0]),
        "risks": risks[:20],
        "known": known,
        "reversible": all(operation.reversible for operation in migration.operations),
        "atomic": bool(migration.atomic),
    }


def risks_of(operation, app, state, made):
    """Risks of an operation, in a few words each. state: the models before it; made: what this run has made."""
    kind = type(operation).__name__
    if kind == "SeparateDatabaseAndState":
        return [risk for inner in operation.database_operations for risk in risks_of(inner, app, state, made)]
    if kind in ("RunPython", "RunSQL"):
        does_nothing = getattr(operation, "code", None) == operation.noop or getattr(operation, "sql", None) == ""
        return [] if does_nothing else [kind + " in " + app]
    if not type(operation).__module__.startswith(OWN_OPERATIONS):
        return [kind + " in " + app + ", which is not one of Django's own"]
    model = getattr(operation, "model_name", None) or getattr(operation, "name", None) or ""
    place = (app, str(model).lower())
    field = place + (str(operation.name).lower(),) if kind in ("AddField", "RemoveField", "AlterField") else ()
    if kind in ("CreateModel", "AddField"):
        made.add(field or place)
    if place in made or field in made:
        return []
    loses = (
        kind == "RemoveField"
        or (kind == "DeleteModel" and has_table(state.models.get(place)))
        or (kind == "AlterField" and narrows(old_field(state, place, operation.name), operation.field))
    )
    if loses:
        return [kind + " " + ".".join(field or place)]
    return [] if operation.reversible else [kind + " in " + app + ", which cannot be reversed"]


def has_table(model):
    """Whether Django keeps a table for a model as it was; so it is taken to be where the model is not known."""
    options = model.options if model is not None else {}
    return not options.get("proxy") and options.get("managed", True)


def old_field(state, place, name):
    """The field before it is altered; None where the models do not have it."""
    fields = state.models[place].fields if place in state.models else {}
    # A list of pairs before Django 3.1.
    return dict(fields).get(name)


def narrows(old, new):
    """Whether a value that the old field held may not fit into the new one."""
    if old is None or (old.null and not new.null):
        return True
    before, after = text_kind(old), text_kind(new)
    if before != after:
        return after not in WIDER.get(before, ())
    if shorter(getattr(old, "max_length", None), getattr(new, "max_length", None)):
        return True
    if before != "DecimalField":
        return False
    whole = [field.max_digits - field.decimal_places for field in (old, new)]
    return whole[1] < whole[0] or new.decimal_places < old.decimal_places


def text_kind(field):
    """The field's type, with one name for all that are short texts in the database."""
    kind = field.get_internal_type()
    return "CharField" if kind in TEXTS else kind


def shorter(old, new):
    """Whether a limit was lowered; None is no limit."""
    return new is not None and (old is None or new < old)
