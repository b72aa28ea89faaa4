# Copyright: rescue502 maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Runs inside the app's own Python, as a part of script_rehearsal.py: which variables the app asked for in vain.

os.environ is watched, so whatever reads it is seen: os.getenv, decouple, environ, a check of the app's own. A variable
that was asked for in vain is the cause of an error only where the error names it, or where the code that raised it
depends on it: an app also asks for what it does well without. Names are kept, and no value.
"""

from __future__ import annotations

import ast
import linecache
import os
import re
import sys

ASKED = []
# With a value of the code's own in its place, so that nothing is missing.
DEFAULTED = []
MOST_ASKED = 1000
# Python's own complaints of code: a name in them is one of the code's, and not a variable's of the environment.
OF_CODE = (NameError, AttributeError, ImportError, SyntaxError, TypeError)
VARIABLE = re.compile(r"[A-Z][A-Z0-9_]{2,}")
# Django's complaints of a setting, such as "The SECRET_KEY setting must not be empty."
OF_A_SETTING = re.compile(r"\bsettings\.([A-Z][A-Z0-9_]+)|\b([A-Z][A-Z0-9_]+) setting\b")


class Asked:
    """A variable that was asked for, and the (file, line, frame) of the app's own that led there, innermost first."""

    def __init__(self, name, places):
        self.name, self.places = name, places

    def is_in_vain(self):
        """Whether it is not set, or empty; some files of variables are read only after the first question."""
        return not os.environ.get(self.name)

    def is_by(self, needed, frames):
        """Whether one of these lines asked: on the way to the error, or while a module was loaded."""
        return any(
            (file, line) in needed and (frame in frames or frame.f_code.co_name == "<module>")
            for file, line, frame in self.places
        )


def watch_environment(is_own):
    """From now on remember who asks os.environ for what is not there. is_own: whether a file is the app's own."""
    kind = type(os.environ)
    find = kind.__getitem__

    def note(key, found):
        frame, places = sys._getframe(2), []
        while frame is not None and is_passing_on(frame.f_code.co_filename):
            frame = frame.f_back
        if frame is None or is_of_python(frame.f_code.co_filename):
            return
        while frame is not None:
            if is_own(frame.f_code.co_filename):
                places.append((frame.f_code.co_filename, frame.f_lineno, frame))
            frame = frame.f_back
        if places and len(found) < MOST_ASKED:
            found.append(Asked(key if isinstance(key, str) else os.fsdecode(key), places))

    def watched_find(self, key):
        try:
            value = find(self, key)
        except KeyError:
            note(key, ASKED)
            raise
        if not value:
            note(key, ASKED)
        return value

    def watched_get(self, key, default=None):
        try:
            value = find(self, key)
        except KeyError:
            value = default
            if value:
                note(key, DEFAULTED)
        if not value:
            note(key, ASKED)
        return value

    kind.__getitem__, kind.get = watched_find, watched_get


def is_passing_on(file):
    """Whether a file is one that only hands a question on to os.environ."""
    return os.path.basename(file) in ("os.py", "_collections_abc.py") or file.startswith("<")


def is_of_python(file):
    """Whether a file is of Python's own library, which asks for what the app need not have."""
    return file.startswith(os.path.dirname(os.__file__) + os.sep) and "-packages" not in file


def missing_variables(error, own):
    """Names of the variables whose absence is the cause of an error, each once.

    own: the app's own (file, line, function) that it went through, the innermost last.
    """
    # What asks here is not the app.
    in_vain = [asked for asked in ASKED[:] if asked.is_in_vain()]
    chain = [error] + ([error.__cause__] if error.__cause__ else [])
    found = [asked.name for asked in in_vain if any(names_variable(item, asked.name) for item in chain)]
    found = found or [name for item in chain for name in fields_missing(item)]
    if not found:
        needed, frames = places_needed(error, own), frames_of(error)
        found = [asked.name for asked in in_vain if asked.is_by(needed, frames)]
    return list(dict.fromkeys(found))


def names_variable(error, name):
    """Whether an exception's message has the variable's name in it, as a word of its own."""
    if not VARIABLE.fullmatch(name) or isinstance(error, OF_CODE):
        return False
    if isinstance(error, LookupError) and VARIABLE.fullmatch(str(error.args[0] if error.args else "")):
        return False  # of any mapping
    return bool(re.search(r"(?<![A-Za-z0-9_]){}(?![A-Za-z0-9_])".format(name), str(error)))


def frames_of(error):
    """The frames that an exception went through."""
    found, trace = [], error.__traceback__
    while trace is not None:
        found.append(trace.tb_frame)
        trace = trace.tb_next
    return found


def fields_wrong(error):
    """(variable, message, whether it is missing) of pydantic-settings; it reads a copy of the environment."""
    try:
        wrong = [(item["loc"], item["msg"], item["type"]) for item in error.errors() if item["loc"]]
    except Exception:
        return []
    values = [value for frame in frames_of(error) for value in frame.f_locals.values()]
    model = next((type(value) for value in values if hasattr(type(value), "settings_customise_sources")), None)
    if model is None:
        return []
    return [
        (variable_of(model, str(loc[0])), msg, kind in ("missing", "value_error.missing")) for loc, msg, kind in wrong
    ]


def fields_missing(error):
    """The variables of required fields that had none."""
    return [name for name, _message, is_missing in fields_wrong(error) if is_missing and not os.environ.get(name)]


def variable_of(model, field):
    """The variable that pydantic-settings reads a field from, as it says itself; an alias is given in its place."""
    prefix = (getattr(model, "model_config", None) or {}).get("env_prefix", "")
    fields = getattr(model, "model_fields", {})
    return (prefix + field if field in fields else field).upper()


def places_needed(error, own):
    """(file, line) of the app's code on which an exception depends: what was asked for there was missing.

    Those are the condition of a `raise` or `assert`, the value of what turned out to be None, and that of a setting
    that Django complains of.
    """
    settings = {name for pair in OF_A_SETTING.findall(str(error)) for name in pair if name}
    if settings and type(error).__name__ == "ImproperlyConfigured":
        files = {place[0] for asked in ASKED for place in asked.places}
        return {place for file in files for place in assigned(syntax_tree(file), settings, file)}
    if not own:
        return set()
    file, line = own[-1][0], own[-1][1]
    tree = syntax_tree(file)
    if isinstance(error, (TypeError, AttributeError)):
        if "NoneType" not in str(error):
            return set()
        spans = [node for node in ast.walk(tree) if isinstance(node, ast.stmt) and is_at(node, line)][-1:]
    else:
        spans = conditions(tree, line)
    names = {node.id for span in spans for node in ast.walk(span) if isinstance(node, ast.Name)}
    lines = {number for span in spans for number in range(span.lineno, last_line(span) + 1)}
    return {(file, number) for number in lines} | set(assigned(tree, names, file))


def syntax_tree(file):
    """A file's syntax; empty where it cannot be had."""
    try:
        return ast.parse("".join(linecache.getlines(file)))
    except (SyntaxError, ValueError, RecursionError):
        return ast.Module(body=[], type_ignores=[])


def is_at(node, line):
    """Whether a line number is one of the node's, by its first and last line."""
    return node.lineno <= line <= last_line(node)


def last_line(node):
    """Before Python 3.8 only the first line is known."""
    return getattr(node, "end_lineno", None) or node.lineno


def conditions(tree, line):
    """What a `raise` or `assert` in that line depends on: the tests around it, or what was tried before it."""
    around = [node for node in ast.walk(tree) if isinstance(node, ast.stmt) and is_at(node, line)]
    if not around or not isinstance(around[-1], (ast.Raise, ast.Assert, ast.Expr)):
        return []
    found = []
    for node in around:
        if isinstance(node, (ast.FunctionDef, ast.ClassDef)):
            found = []
        elif isinstance(node, (ast.If, ast.While, ast.Assert)):
            found.append(node.test)
        elif isinstance(node, ast.Try) and any(is_at(handler, line) for handler in node.handlers):
            found += node.body
    return found


def assigned(tree, names, file):
    """(file, line) of the statements that give these names their values."""
    found = []
    for node in ast.walk(tree):
        targets = getattr(node, "targets", None) or [getattr(node, "target", None)]
        if not isinstance(node, (ast.Assign, ast.AnnAssign, getattr(ast, "NamedExpr", ast.Assign))):
            continue
        if names & {item.id for target in targets for item in ast.walk(target) if isinstance(item, ast.Name)}:
            found += [(file, number) for number in range(node.lineno, last_line(node) + 1)]
    return found
