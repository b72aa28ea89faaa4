# Copyright: rescue502 maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Runs inside the app's own Python, as the app's user: import what gunicorn would import, and say what happens.

Started by rehearsal.py; it is sent as text to the venv's interpreter, so it keeps to what old Pythons understand, and
the one file of ours that it imports is sent along. Each step's result is one JSON line on the descriptor given as first
argument, written when the step is done: where a step hangs, what came before it is known.
"""

from __future__ import annotations

import faulthandler
import importlib
import json
import linecache
import os
import re
import sys
import time
import traceback

from ansible_collections.rescue502.django.plugins.module_utils.migrations_script import compare_migrations

TEXT_LIMIT = 2000
COMPILE_SECONDS = 3.0
SKIP_FOLDERS = {".git", "node_modules", "__pycache__", ".venv", "venv", "site-packages"}


def short(value):
    return str(value)[:TEXT_LIMIT]


def inside_app(path, plan):
    if path.startswith("<"):  # code without a file, such as this script
        return False
    path = os.path.realpath(path)
    venv = os.path.realpath(plan["venv"]) + os.sep if plan["venv"] else "\0"
    return path.startswith(os.path.realpath(plan["root"]) + os.sep) and not path.startswith(venv)


def describe(error, plan):
    """What an exception says of its cause: never a source line or a local variable, which could hold a secret.

    Of a line that reads the environment the variable's name is taken.
    """
    frames = [(f.filename, f.lineno, f.name) for f in traceback.extract_tb(error.__traceback__)]
    own = [frame for frame in frames if inside_app(frame[0], plan)]
    place = own[-1] if own else (frames[-1] if frames else ("", 0, ""))
    variable, key = env_variable(error, own), env_key(error, frames, plan)
    chain, cause = [], error.__cause__ or error.__context__
    while cause is not None and len(chain) < 5:
        chain.append({"type": type(cause).__name__, "message": short(cause), "filename": short(path_of(cause))})
        cause = cause.__cause__ or cause.__context__
    described = {
        "type": type(error).__name__,
        "message": short(error),
        "file": place[0],
        "line": place[1],
        "in_app": bool(own),
        "module": module_of(error),
        "module_in_app": provided_by_app(module_of(error), plan),
        "path": short(path_of(error)),
        "env_key": key,
        "env_value": "",
        "chain": chain,
    }
    if variable and not key:
        # What such an error says holds the value that it is about.
        hidden = "not shown, because it may hold the value"
        described.update(message=hidden, chain=[dict(item, message=hidden) for item in chain])
        described["env_key" if is_unset(error, variable) else "env_value"] = variable
    if isinstance(error, SyntaxError):
        described.update(file=error.filename or "", line=error.lineno or 0, message=short(error.msg))
        described["in_app"] = inside_app(error.filename or "", plan)
    return described


def module_of(error):
    """The module that could not be imported, or that lacks a name."""
    return short(getattr(error, "name", None) or "") if isinstance(error, ImportError) else ""


def provided_by_app(module, plan):
    """Whether the module's first part is a package or module of the app's own."""
    top = module.partition(".")[0]
    places = [os.path.join(folder, top) for folder in (plan["root"], os.getcwd()) if top]
    return any(os.path.isdir(place) or os.path.isfile(place + ".py") for place in places)


def path_of(error):
    return getattr(error, "filename", None) or getattr(error, "path", None) or ""


def env_key(error, frames, plan):
    """The variable that os.environ[...] did not have, or that settings asked a mapping of their own for."""
    if not isinstance(error, KeyError) or not frames or not error.args:
        return ""
    name, (file, _line, function) = short(error.args[0]), frames[-1]
    if function == "__getitem__" and (file.endswith("os.py") or file == "<frozen os>"):
        return name
    settings = plan.get("settings_module", "").replace(".", os.sep) or "\0"
    in_settings = any(frame[0].endswith((settings + ".py", os.path.join(settings, "__init__.py"))) for frame in frames)
    is_own = inside_app(file, plan) and in_settings and name not in os.environ
    return name if is_own and re.match(r"^[A-Z][A-Z0-9_]{2,}$", name) else ""


# os.environ["X"], os.environ.get("X"), os.getenv("X"); env("X"), env.int("X"), config("X").
READS_ENVIRONMENT = re.compile(
    r"""(?:\benviron(?:\.get)?\s*[\[(]|\bgetenv\s*\(|\b(?:env|config)(?:\.\w+)?\s*\()\s*["'](\w+)["']"""
)
# Parsers that read a variable without naming it.
READS_URL = re.compile(r"\bdj_database_url\.config\s*\(|\benv\.db(?:_url)?\s*\(\s*\)")
# What conversions raise: int(), json.loads(), b64decode(), a lookup in a table of choices.
VALUE_ERRORS = (ValueError, KeyError, IndexError, TypeError, AttributeError, ArithmeticError)


def env_variable(error, own):
    """The variable that the failing line reads, where it reads one and fails on what it holds: its name, no more."""
    if not own or not isinstance(error, VALUE_ERRORS) or isinstance(error, ImportError):
        return ""
    line = linecache.getline(own[-1][0], own[-1][1])
    names = sorted(set(READS_ENVIRONMENT.findall(line)))
    if not names and READS_URL.search(line):
        names = ["DATABASE_URL"]
    return names[0] if len(names) == 1 else ""


def is_unset(error, variable):
    """Whether the line failed because there is nothing where it wanted a value, as in int(os.environ.get("X"))."""
    return isinstance(error, (TypeError, AttributeError)) and variable not in os.environ


def load_server(plan):
    importlib.import_module(plan["server"])
    return {}


def load_django(_plan):
    import django

    return {"version": django.get_version()}


def load_application(plan):
    """What `gunicorn package.module:object` does (gunicorn.util.import_app)."""
    module_name, _colon, name = plan["app"].partition(":")
    module = importlib.import_module(module_name)
    name = (name or "application").split("(")[0]
    if not hasattr(module, name):
        raise AttributeError("module {} has no object {}".format(module_name, name))
    return {"module_file": getattr(module, "__file__", "")}


def load_settings(plan):
    if plan["settings_module"]:
        os.environ.setdefault("DJANGO_SETTINGS_MODULE", plan["settings_module"])
    from django.conf import settings

    handlers = (getattr(settings, "LOGGING", None) or {}).get("handlers", {})
    return {
        "module": os.environ.get("DJANGO_SETTINGS_MODULE", ""),
        "debug": bool(settings.DEBUG),
        "allowed_hosts": [short(host) for host in settings.ALLOWED_HOSTS],
        "databases": {alias: database_facts(values) for alias, values in settings.DATABASES.items()},
        "static_root": str(settings.STATIC_ROOT or ""),
        "media_root": str(settings.MEDIA_ROOT or ""),
        "staticfiles": "django.contrib.staticfiles" in settings.INSTALLED_APPS,
        "log_files": [str(h["filename"]) for h in handlers.values() if isinstance(h, dict) and h.get("filename")],
        "cors_origins": [short(o) for o in getattr(settings, "CORS_ALLOWED_ORIGINS", []) or []],
        "cors_all": bool(getattr(settings, "CORS_ALLOW_ALL_ORIGINS", False)),
        "cors_middleware": any("cors" in name.lower() for name in settings.MIDDLEWARE),
    }


def database_facts(values):
    """Where a database is; never its password, and of a URL-like name only the last part."""
    return {
        "engine": str(values.get("ENGINE", "")).rpartition(".")[2],
        "name": str(values.get("NAME", "")).rpartition("@")[2],
        "host": str(values.get("HOST", "") or ""),
        "port": str(values.get("PORT", "") or ""),
        "user": str(values.get("USER", "") or ""),
    }


def set_up_apps(_plan):
    import django

    django.setup()
    return {}


def ask_database(_plan):
    from django.db import connections

    versions = {}
    for alias in connections:
        connection = connections[alias]
        with connection.cursor() as cursor:
            if connection.vendor == "postgresql":
                cursor.execute("SELECT version()")
                versions[alias] = short(cursor.fetchone()[0])
            else:
                cursor.execute("SELECT 1")
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


def ask_privileges(_plan):
    """What of its own tables the app's role may not use, as after a dump was restored by somebody else."""
    from django.apps import apps
    from django.db import connection

    if connection.vendor != "postgresql":
        return {"checked": False, "denied": []}
    models = [m for m in apps.get_models(include_auto_created=True) if m._meta.managed and not m._meta.proxy]
    tables = sorted({m._meta.db_table.strip('"') for m in models} | {"django_migrations"})
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_setting('search_path'), current_user")
        path, role = cursor.fetchone()
        schemas = [name.strip().strip('"').replace("$user", role) for name in path.split(",")]
        cursor.execute(PRIVILEGES, [schemas, tables, tables])
        rows = cursor.fetchall()
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
    return {"checked": True, "role": role, "tables": len(tables), "denied": unique}


def run_checks(_plan):
    from django.core import checks

    messages = checks.run_checks()
    errors = [m for m in messages if m.level >= checks.ERROR and not m.is_silenced()]
    return {"errors": [{"id": short(m.id), "message": short(m.msg)} for m in errors[:20]]}


def ask_for_pages(plan):
    """The requests that were answered with 500, made once more where the error shows: what anybody may ask for."""
    for page in plan["pages"]:
        from django.test import Client

        try:
            Client(HTTP_HOST=page["host"]).get(page["path"], secure=page["secure"])
        except Exception as error:
            return {"ok": False, "path": page["path"], "error": describe(error, plan)}
    return {}


def compile_code(plan):
    """Compile every module of the app, so that all broken files are named and not just the first."""
    begun, broken, count = time.time(), [], 0
    for folder, names, files in os.walk(plan["root"]):
        names[:] = [n for n in names if n not in SKIP_FOLDERS and os.path.join(folder, n) != plan["venv"]]
        for name in files:
            if not name.endswith(".py"):
                continue
            if time.time() - begun > COMPILE_SECONDS:
                return {"files": count, "complete": False, "broken": broken}
            path = os.path.join(folder, name)
            count += 1
            try:
                with open(path, "rb") as file:
                    compile(file.read(), path, "exec", dont_inherit=True)
            except (SyntaxError, ValueError) as error:
                broken.append({"file": path, "line": getattr(error, "lineno", 0) or 0, "message": short(error)})
            except (OSError, RecursionError):
                continue
    return {"files": count, "complete": True, "broken": broken[:20]}


def packaging_library(plan):
    """packaging: as installed, in the venv's pip, or in the pip that Python brings along; None without any."""
    for name, place in (("packaging", []), ("pip._vendor.packaging", []), ("pip._vendor.packaging", plan["pips"][:1])):
        sys.path += place
        try:
            return importlib.import_module(name + ".requirements")
        except Exception:
            importlib.invalidate_caches()
    return None


def installed_distributions():
    from importlib import metadata

    found = {}
    for distribution in metadata.distributions():
        name = distribution.metadata["Name"]
        if name:
            found.setdefault(canonical(name), distribution)
    return found


def canonical(name):
    """PEP 503."""
    return "-".join(part for part in name.lower().replace("_", "-").replace(".", "-").split("-") if part)


def compare_requirements(plan):
    """Requirements beside what is installed, and what those in turn require, as `pip check` does."""
    installed = installed_distributions()
    library = packaging_library(plan)
    if library is None or not plan["requirements"]:
        return {"checked": False, "installed": len(installed), "problems": []}
    problems, seen = [], set()
    queue = [(line, "requirements") for line in wanted_lines(plan["requirements"])]
    while queue:
        line, wanted_by = queue.pop()
        try:
            requirement = library.Requirement(line)
        except Exception:
            continue
        if requirement.marker and not requirement.marker.evaluate({"extra": ""}):
            continue
        name = canonical(requirement.name)
        distribution = installed.get(name)
        version = distribution.version if distribution else None
        if distribution is None or not requirement.specifier.contains(version, prereleases=True):
            problems.append({"name": name, "wanted": str(requirement.specifier), "installed": version, "by": wanted_by})
        elif (name, tuple(sorted(requirement.extras))) not in seen:
            seen.add((name, tuple(sorted(requirement.extras))))
            queue += [(text, name) for text in needs(library, distribution, requirement.extras)]
    return {"checked": True, "installed": len(installed), "problems": problems[:50]}


def needs(library, distribution, extras):
    """What a distribution requires, for the extras that were asked for."""
    for text in distribution.requires or []:
        requirement = library.Requirement(text)
        environments = [{"extra": extra} for extra in extras or [""]]
        if requirement.marker is None or any(requirement.marker.evaluate(e) for e in environments):
            requirement.marker = None
            yield str(requirement)


def wanted_lines(path):
    """What a requirements.txt or a pyproject.toml asks for."""
    if not path.endswith(".toml"):
        return list(requirement_lines(path, set()))
    try:
        import tomllib
    except ImportError:  # before Python 3.11
        from pip._vendor import tomli as tomllib
    with open(path, "rb") as file:
        return list(tomllib.load(file).get("project", {}).get("dependencies", []))


def requirement_lines(path, seen):
    """Requirement lines of a file and of those it includes with -r."""
    if path in seen:
        return
    seen.add(path)
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            text = file.read().replace("\\\n", " ")
    except OSError:
        return
    for line in text.splitlines():
        line = line.split(" #")[0].split(" --hash")[0].strip()
        if line.startswith(("-r ", "--requirement ")):
            for inner in requirement_lines(os.path.join(os.path.dirname(path), line.split(None, 1)[1]), seen):
                yield inner
        elif line and line[0] not in "#-":
            yield line


STEPS = (
    ("server", load_server),
    ("django", load_django),
    ("application", load_application),
    ("settings", load_settings),
    ("apps", set_up_apps),
    ("database", ask_database),
    ("privileges", ask_privileges),
    ("migrations", compare_migrations),
    ("checks", run_checks),
    ("requirements", compare_requirements),
    ("code", compile_code),
    ("requests", ask_for_pages),
)


def main():
    out = os.fdopen(int(sys.argv[1]), "w")
    plan = json.loads(sys.argv[2])
    # Where it is when native code kills it, and where it waits: told twice, because it may only be slow.
    faulthandler.enable(out, all_threads=False)
    faulthandler.dump_traceback_later(plan["look_after"], repeat=True, file=out)
    sys.argv[1:] = []
    sys.path.insert(0, os.getcwd())
    if plan["root"] not in sys.path:
        sys.path.insert(1, plan["root"])
    for name, function in STEPS:
        begun = time.time()
        result = {"step": name, "ok": True, "error": None}
        try:
            result.update(function(plan))
        except BaseException as error:  # settings may well call sys.exit
            result.update(ok=False, error=describe(error, plan))
        result["seconds"] = round(time.time() - begun, 3)
        out.write(json.dumps(result) + "\n")
        out.flush()
    # The app may have started threads; they must not keep the rehearsal alive.
    os._exit(0)


if __name__ == "__main__":
    main()
