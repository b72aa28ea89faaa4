# Copyright: rescue502 maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Runs inside the app's own Python, as the app's user: import what gunicorn would import, and say what happens.

Started by rehearsal.py; it is sent as text to the venv's interpreter, so it keeps to what old Pythons understand, and
what it imports of ours is sent along. Each step's result is one JSON line on the descriptor given as first argument,
written when the step is done: where a step hangs, what came before it is known.
"""

from __future__ import annotations

import faulthandler
import importlib
import json
import os
import resource
import sys
import time

from ansible_collections.rescue502.django.plugins.module_utils.django_app.script_application import load_application
from ansible_collections.rescue502.django.plugins.module_utils.django_app.script_asked_variables import (
    watch_environment,
)
from ansible_collections.rescue502.django.plugins.module_utils.django_app.script_brokers import ask_brokers
from ansible_collections.rescue502.django.plugins.module_utils.django_app.script_code import compile_code
from ansible_collections.rescue502.django.plugins.module_utils.django_app.script_collected import find_uncollected
from ansible_collections.rescue502.django.plugins.module_utils.django_app.script_cookies import cookies_set
from ansible_collections.rescue502.django.plugins.module_utils.django_app.script_database import (
    ask_database,
    ask_privileges,
)
from ansible_collections.rescue502.django.plugins.module_utils.django_app.script_errors import (
    MASKED,
    describe,
    inside_app,
    short,
)
from ansible_collections.rescue502.django.plugins.module_utils.django_app.script_file_folders import file_folders
from ansible_collections.rescue502.django.plugins.module_utils.django_app.script_host_needs import watch_lookups
from ansible_collections.rescue502.django.plugins.module_utils.django_app.script_hosts import refused_hosts
from ansible_collections.rescue502.django.plugins.module_utils.django_app.script_migrations import compare_migrations
from ansible_collections.rescue502.django.plugins.module_utils.django_app.script_origins import judge_origins
from ansible_collections.rescue502.django.plugins.module_utils.django_app.script_packages import look_at_packages
from ansible_collections.rescue502.django.plugins.module_utils.django_app.script_programs import watch_programs
from ansible_collections.rescue502.django.plugins.module_utils.django_app.script_read_files import watch_reads
from ansible_collections.rescue502.django.plugins.module_utils.django_app.script_requests import ask_for_pages
from ansible_collections.rescue502.django.plugins.module_utils.django_app.script_requirements import (
    compare_requirements,
)
from ansible_collections.rescue502.django.plugins.module_utils.django_app.script_schema import compare_schema
from ansible_collections.rescue502.django.plugins.module_utils.django_app.script_server_binds import (
    ask_app,
    ask_binds,
    load_worker,
)
from ansible_collections.rescue502.django.plugins.module_utils.django_app.script_session import ask_session
from ansible_collections.rescue502.django.plugins.module_utils.django_app.script_shadowing import (
    PutAside,
    look_for_shadows,
)
from ansible_collections.rescue502.django.plugins.module_utils.django_app.script_static_files import (
    find_missing_entry,
    find_static_files,
)
from ansible_collections.rescue502.django.plugins.module_utils.django_app.script_translations import find_uncompiled
from ansible_collections.rescue502.django.plugins.module_utils.django_app.script_two_processes import (
    Twin,
    compare_processes,
    digest,
)
from ansible_collections.rescue502.django.plugins.module_utils.django_app.script_unset_variables import unset_for
from ansible_collections.rescue502.django.plugins.module_utils.django_app.script_upkeep import ask_upkeep

# What the server's program has imported before it looks into the app's folder.
PROGRAMS = {"gunicorn": "gunicorn.app.wsgiapp", "uvicorn": "uvicorn.main"}


def load_server(plan):
    """Import the app server's program, with the app's folders on the path only afterwards, as the program itself does.

    {app} of a gunicorn whose configuration computes it. Raises what the import raises.
    """
    try:
        # uWSGI is no package of Python's: its module is there only in what it runs.
        if plan["server"] != "uwsgi":
            importlib.import_module(PROGRAMS.get(plan["server"], plan["server"]))
    finally:
        sys.path.insert(0, os.getcwd())
        if plan["root"] not in sys.path:
            sys.path.insert(1, plan["root"])
    load_worker(plan)
    if plan["app"]:
        return {}
    plan["app"] = ask_app(plan)
    return {"app": short(plan["app"])}


def load_django(_plan):
    """{version} of the Django that is installed. Raises ImportError where there is none."""
    import django

    return {"version": django.get_version()}


def load_settings(plan):
    """Load Django's settings, and say what of them others need to know: nothing that is a secret.

    Raises what the settings raise.
    """
    if plan["settings_module"]:
        os.environ.setdefault("DJANGO_SETTINGS_MODULE", plan["settings_module"])
    from django.conf import settings

    handlers = (getattr(settings, "LOGGING", None) or {}).get("handlers", {})
    return {
        "module": os.environ.get("DJANGO_SETTINGS_MODULE", ""),
        "debug": bool(settings.DEBUG),
        "allowed_hosts": [short(host) for host in settings.ALLOWED_HOSTS],
        **refused_hosts(plan.get("hosts", ())),
        "databases": {alias: database_facts(values) for alias, values in settings.DATABASES.items()},
        "static_root": str(settings.STATIC_ROOT or ""),
        "media_root": str(settings.MEDIA_ROOT or ""),
        "log_files": [str(h["filename"]) for h in handlers.values() if isinstance(h, dict) and h.get("filename")],
        "file_folders": file_folders(settings),
        "cors_origins": [short(o) for o in getattr(settings, "CORS_ALLOWED_ORIGINS", []) or []],
        "cors_all": bool(getattr(settings, "CORS_ALLOW_ALL_ORIGINS", False)),
        "ssl_redirect": bool(getattr(settings, "SECURE_SSL_REDIRECT", False)),
        "cors_middleware": any("cors" in name.lower() for name in settings.MIDDLEWARE),
        "database_unset": unset_for("DATABASES"),
    }


def database_facts(values):
    """Where a database is; never its password, and of a URL-like name or host only the last part.

    A password with an @ that was not encoded in a URL leaves its end in the host.
    """
    left = str(values.get("HOST", "") or "").rpartition("@")[0]
    if left and left not in MASKED:
        MASKED.append(left)
    return {
        "engine": str(values.get("ENGINE", "")).rpartition(".")[2],
        "name": str(values.get("NAME", "")).rpartition("@")[2],
        "host": short(values.get("HOST", "") or ""),
        "port": str(values.get("PORT", "") or ""),
        "user": str(values.get("USER", "") or ""),
    }


def set_up_apps(_plan):
    """Load the apps with their models (django.setup). Raises what they raise."""
    import django

    django.setup()
    return {}


def run_checks(_plan):
    """Run Django's own checks: {errors: [{id, message}]}, at most 20; of warnings none."""
    from django.core import checks

    messages = checks.run_checks()
    errors = [m for m in messages if m.level >= checks.ERROR and not m.is_silenced()]
    return {"errors": [{"id": short(m.id), "message": short(m.msg)} for m in errors[:20]]}


STEPS = (
    ("server", load_server),
    ("django", load_django),
    ("application", load_application),
    ("settings", load_settings),
    ("apps", set_up_apps),
    ("database", ask_database),
    ("privileges", ask_privileges),
    ("upkeep", ask_upkeep),
    ("migrations", compare_migrations),
    ("checks", run_checks),
    ("static", find_static_files),
    ("origins", judge_origins),
    ("cookies", cookies_set),
    ("requirements", compare_requirements),
    ("code", compile_code),
    ("requests", ask_for_pages),
    ("manifest", find_missing_entry),
    ("session", ask_session),
    ("schema", compare_schema),
    ("packages", look_at_packages),
    ("shadows", look_for_shadows),
    ("brokers", ask_brokers),
    ("collected", find_uncollected),
    ("translations", find_uncompiled),
    ("processes", compare_processes),
    ("binds", ask_binds),
)


def another_key(plan, salt):
    """A digest of the SECRET_KEY that another process of the app reads."""
    load_server(plan)
    load_application(plan)
    load_settings(plan)
    return digest(salt)


def main():
    """Take the steps of the plan in argv[2], and write a line of JSON for each to the descriptor in argv[1]."""
    out = os.fdopen(int(sys.argv[1]), "w")
    plan = json.loads(sys.argv[2])
    # Where it is when native code kills it, and where it waits: reported twice, because it may only be slow.
    faulthandler.enable(out, all_threads=False)
    faulthandler.dump_traceback_later(plan["look_after"], repeat=True, file=out)
    for name, value in plan["limits"].items():
        limit = getattr(resource, name)
        resource.setrlimit(limit, (value, resource.getrlimit(limit)[1]))
    sys.argv[1:] = []
    # Before anything is loaded, so that it shares nothing with this process; it loads only what it is asked to.
    if not plan.get("unwell", True):
        plan.update(given=set(os.environ.values()), twin=Twin(lambda salt: another_key(plan, salt), [out]))
    if plan["aside"]:
        sys.meta_path.insert(0, PutAside(plan["aside"], lambda path: inside_app(path, plan)))
    watch_lookups()
    watch_programs()
    watch_reads(lambda path: inside_app(path, plan))
    watch_environment(lambda path: inside_app(path, plan))
    for name, function in STEPS:
        if name not in plan["steps"]:
            continue
        begun = time.time()
        result = {"step": name, "ok": True, "error": None}
        try:
            result.update(function(plan))
        except BaseException as error:  # settings may well call sys.exit
            result.update(ok=False, error=describe(error, plan))
            if name == "database" and "alias" in plan:
                result["alias"] = short(plan["alias"])
            plan.setdefault("error", error)
        plan["failed"] = plan.get("failed") or not result["ok"]
        result["seconds"] = round(time.time() - begun, 3)
        out.write(json.dumps(result) + "\n")
        out.flush()
        # Nothing further is known of what would be loaded.
        if not plan["app"]:
            break
    # The app may have started threads; they must not keep the rehearsal alive.
    os._exit(0)


if __name__ == "__main__":
    main()
