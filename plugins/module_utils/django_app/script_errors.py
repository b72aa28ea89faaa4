# Copyright: rescue502 maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Runs inside the app's own Python, as a part of script_rehearsal.py: what an exception says of its cause."""

from __future__ import annotations

import linecache
import os
import re
import sys
import traceback

from ansible_collections.rescue502.django.plugins.module_utils.django_app.script_asked_variables import (
    fields_wrong,
    missing_variables,
)
from ansible_collections.rescue502.django.plugins.module_utils.django_app.script_builds import missed_build
from ansible_collections.rescue502.django.plugins.module_utils.django_app.script_host_needs import lacking
from ansible_collections.rescue502.django.plugins.module_utils.django_app.script_linked_packages import broken_link
from ansible_collections.rescue502.django.plugins.module_utils.django_app.script_programs import failed_program
from ansible_collections.rescue502.django.plugins.module_utils.django_app.script_read_files import unusable_file

TEXT_LIMIT = 2000
# What may be a part of a password, and is in no text of ours.
MASKED = []


def short(value):
    """A value as text, cut to TEXT_LIMIT characters, without what is masked."""
    text = str(value)
    for part in MASKED:
        text = text.replace(part, "********")
    return text[:TEXT_LIMIT]


def inside_app(path, plan):
    """Whether a file is of the app's own code: below its root, links followed, and not in its virtual environment."""
    if path.startswith("<"):  # code without a file, such as this script
        return False
    path = os.path.realpath(path)
    venv = os.path.realpath(plan["venv"]) + os.sep if plan["venv"] else "\0"
    return path.startswith(os.path.realpath(plan["root"]) + os.sep) and not path.startswith(venv)


def is_within(path, folders):
    """Whether a path lies in one of these folders, links followed. A bare name is looked for in others."""
    if os.sep not in path:
        return False
    real = os.path.realpath(path) + os.sep
    return any(real.startswith(os.path.realpath(folder).rstrip(os.sep) + os.sep) for folder in folders if folder)


def describe(error, plan):
    """An exception's account of its cause: never a source line or a local variable, which could hold a secret.

    Of a line that reads the environment the variable's name is taken.
    """
    frames = [(f.filename, f.lineno, f.name) for f in traceback.extract_tb(error.__traceback__)]
    own = [frame for frame in frames if inside_app(frame[0], plan)]
    place = own[-1] if own else (frames[-1] if frames else ("", 0, ""))
    # Where no code of the app's was entered, it is what the server itself reads.
    variable, key = env_variable(error, own or frames[-1:]), env_key(error, frames, plan)
    missing, fields = [key] if key else missing_variables(error, own), fields_wrong(error)
    variable = variable or (fields[0][0] if fields else "")
    causes = [error]
    while len(causes) < 6 and (causes[-1].__cause__ or causes[-1].__context__) is not None:
        causes.append(causes[-1].__cause__ or causes[-1].__context__)
    chain = [
        {"type": type(cause).__name__, "message": short(cause), "filename": short(path_of(cause))}
        for cause in causes[1:]
    ]
    module = module_of(error)
    own_name = name_in_app(module, plan)
    described = {
        "type": type(error).__name__,
        # pydantic's own words have all values in them.
        "message": short("; ".join(name + ": " + message for name, message, _is in fields) or error),
        "file": place[0],
        "line": place[1],
        "in_app": bool(own),
        "module": module,
        "module_in_app": bool(own_name),
        "path": short(path_of(error)),
        "env_key": missing[0] if missing else "",
        "env_value": "",
        "chain": chain,
    }
    lacks = (
        None if missing else lacking(causes, lambda path: is_within(path, (plan["root"], plan["venv"], os.getcwd())))
    )
    if lacks:
        described["lacks"] = lacks
    program = failed_program(causes)
    if program:
        described["program"] = program
    build = missed_build(causes)
    if build:
        described["build"] = build
    unusable = unusable_file(error, own, lambda path: inside_app(path, plan))
    if unusable:
        described["unusable"] = unusable
    links = [link for link in map(broken_link, causes) if link and not inside_app(link["path"], plan)]
    if links:
        described["link"] = links[0]
    if sqlstate_of(error):
        described["sqlstate"] = sqlstate_of(error)
    if own_name and os.path.splitext(own_name)[0] != module.partition(".")[0]:
        described["other_case"] = short(own_name)
    if len(missing) > 1:
        described["env_keys"] = missing
    if missing and missing[0] in os.environ:
        described["env_empty"] = True
    if variable and not missing:
        # What such an error says holds the value that it is about.
        hidden = "not shown, because it may hold the value"
        described.update(message=hidden, chain=[dict(item, message=hidden) for item in chain])
        described["env_key" if is_unset(error, variable) else "env_value"] = variable
    if isinstance(error, SyntaxError):
        described.update(file=error.filename or "", line=error.lineno or 0, message=short(error.msg))
        described["in_app"] = inside_app(error.filename or "", plan)
    return described


def own_sqlstate(error):
    """The SQLSTATE in which PostgreSQL's drivers put its answer (psycopg 3, psycopg2); empty of other exceptions."""
    state = getattr(error, "sqlstate", None) or getattr(error, "pgcode", None)
    return state if isinstance(state, str) else ""


def sqlstate_of(error):
    """The SQLSTATE of an exception or of the next of its causes that has one; empty without."""
    for _turn in range(6):
        if error is None or own_sqlstate(error):
            break
        error = error.__cause__ or error.__context__
    return own_sqlstate(error)


# Python says it only in words before 3.12.
LACKS_NAME = re.compile(r"cannot import name '(\w+)' from '")


def module_of(error):
    """The module that could not be imported, or that lacks a name; of a package, that name could be a module of its."""
    name = short(getattr(error, "name", None) or "") if isinstance(error, ImportError) else ""
    lacks = LACKS_NAME.match(str(error)) if hasattr(sys.modules.get(name), "__path__") else None
    return "{}.{}".format(name, lacks.group(1)) if lacks else name


def name_in_app(module, plan):
    """The folder or file in the app's own folder that is the module's first part; empty where there is none.

    One whose name differs in upper and lower case alone is meant too: it was found on the developer's machine.
    """
    top = module.partition(".")[0]
    found = [name for folder in (plan["root"], os.getcwd()) if top for name in names_of_modules(folder)]
    alike = [name for name in found if os.path.splitext(name)[0].lower() == top.lower()]
    return min(alike, key=lambda name: os.path.splitext(name)[0] != top, default="")


def names_of_modules(folder):
    """The names of folders, and of files of Python's, in a folder."""
    try:
        with os.scandir(folder) as entries:
            return sorted(entry.name for entry in entries if entry.name.endswith(".py") or entry.is_dir())
    except OSError:
        return []


def path_of(error):
    """The path that an OSError or an ImportError names, or an empty text."""
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
