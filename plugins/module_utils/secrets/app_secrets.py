# Copyright: rescue502 maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The secrets of an app that stand in its own files: those that it reads by itself, and literals in its settings."""

from __future__ import annotations

import ast
import os
import re
from collections.abc import Iterable

from ansible_collections.rescue502.django.plugins.module_utils.files import safe_files
from ansible_collections.rescue502.django.plugins.module_utils.secrets.redaction import is_secret

MOST_FILES = 30
MOST_PAIRS = 500
MOST_TEXT = 2**18
Pair = tuple[str, str]
_DOTENV = re.compile(r"(?i)^\.env(\..+)?$|^[\w-]+\.env$|^\.?env\.(local|prod|production)$")
_VARIABLE = re.compile(
    r"""^[ \t]*(?:export[ \t]+)?([A-Za-z_]\w*)[ \t]*[=:][ \t]*"""
    r"""("(?:\\.|[^"\\]){0,9000}"|'(?:\\.|[^'\\]){0,9000}'|[^\n]*)""",
    re.M | re.S,
)
# PASSWORD = "x", "PASSWORD": "x", env("PASSWORD", "x"), also in code that does not compile.
_LITERAL = re.compile(
    r"""\b(\w{1,60})["']?\s*(?:=|:(?:\s*str\s*=)?|,(?:\s*default\s*=)?)\s*"""
    r"""([rRbBuU]?(?:\"{3}.{0,5000}?\"{3}|'{3}.{0,5000}?'{3}|"(?:\\.|[^"\\\n]){0,5000}"|'(?:\\.|[^'\\\n]){0,5000}'))""",
    re.S,
)
# What settings call a secret: the name ends so, or else it names a class, a cookie or a path.
_SECRET_LITERAL = re.compile(
    r"(?i)(pass(wd|word|phrase)?|pwd|secret|token|api_?key|(secret|private|access|signing|encryption|auth|account)_key|dsn"
    r"|_url|webhook|salt|credentials?)$"
)
_HEADER = re.compile(
    r"""^[ \t]*(?:proxy_set_header|add_header|fastcgi_param|uwsgi_param|set)\s+(\$?[\w-]+)\s+"""
    r"""("[^"]*"|'[^']*'|[^;\n]{1,2000}?)\s*;""",
    re.M,
)
_URL_PASSWORD = re.compile(r"://[^/\s:@]*:[^/\s@]+@")
_REMOTE = re.compile(r"^[ \t]*(?:push)?url[ \t]*=[ \t]*(\S+)", re.M | re.I)


def of_app(root: str, cwd: str, settings_module: str, others: Iterable[str] = ()) -> list[Pair]:
    """(name, value) of what the app's own files assign: dotenv files, its settings, and its checkout's remotes.

    others: further dotenv files. All that is read stays on this host; what of it is secret is for the caller to decide.
    """
    folders = list(dict.fromkeys(folder for folder in (root, cwd, os.path.dirname(root)) if folder.strip("/")))
    dotenv = [*others, *(os.path.join(folder, name) for folder in folders for name in _names(folder, _DOTENV))]
    pairs = [pair for path in dict.fromkeys(dotenv) for pair in _assignments(_text(path))]
    for path in _settings_files(folders, settings_module):
        pairs += _literals(_text(path))
    for folder in folders:
        pairs += [("url", url) for url in _REMOTE.findall(_text(os.path.join(folder, ".git", "config")))]
    return pairs[:MOST_PAIRS]


def holds_secret(path: str) -> bool:
    """Whether a dotenv file assigns something that must not be shown; also where it cannot be read."""
    try:
        pairs = _assignments(safe_files.text(path, MOST_TEXT))
    except OSError:
        return True
    return any(is_secret(name, value) or _URL_PASSWORD.search(value) for name, value in pairs)


def of_nginx(paths: Iterable[str]) -> list[Pair]:
    """(name, value) of the headers and variables that nginx's configuration sets to a fixed text."""
    found = [pair for path in paths for pair in _HEADER.findall(_text(path))]
    plain = [(name.strip("$").replace("-", "_"), value.strip("\"'")) for name, value in found]
    pairs = []
    for name, value in plain:
        if not value.startswith("$"):
            pairs += [(name, value), (name, value.partition(" ")[2])] if " " in value else [(name, value)]
    return pairs[:MOST_PAIRS]


def _names(folder: str, pattern: re.Pattern[str]) -> list[str]:
    try:
        return sorted(name for name in os.listdir(folder) if pattern.search(name))[:MOST_FILES]
    except OSError:
        return []


def _text(path: str) -> str:
    try:
        return safe_files.text(path, MOST_TEXT)
    except OSError:
        return ""


def _assignments(text: str) -> list[Pair]:
    """Of a dotenv file, whose rules differ from reader to reader: each value with and without what may be a comment."""
    pairs: list[Pair] = []
    for name, raw in _VARIABLE.findall(text):
        value = raw.strip()
        if value[:1] in "'\"" and value[-1:] == value[:1] and len(value) > 1:
            inner = value[1:-1]
            pairs += [(name, inner), (name, re.sub(r"\\(.)", r"\1", inner))]
        else:
            pairs += [(name, value), (name, value.partition(" #")[0].rstrip())]
    return pairs


def _settings_files(folders: list[str], module: str) -> list[str]:
    """The settings module's file, or those of its package, and what lies next to it under a name of that kind."""
    near = os.path.join(*module.split(".")) if module and ".." not in module and "/" not in module else ""
    found = []
    for folder in folders if near else []:
        place = os.path.join(folder, near)
        parent = os.path.dirname(place)
        names = _names(parent, re.compile(r"(?i)(settings|secret|local|conf|database|prod|base|env)\w*\.py$"))
        found += [os.path.join(parent, name) for name in names]
        found += [os.path.join(place, name) for name in _names(place, re.compile(r"\.py$"))]
    return found[: 2 * MOST_FILES]


def _literals(source: str) -> list[Pair]:
    pairs = []
    for name, literal in _LITERAL.findall(source):
        if not _SECRET_LITERAL.search(name):
            continue
        try:
            value = ast.literal_eval(literal)
        except (ValueError, SyntaxError):
            value = literal.strip("'\"")
        pairs.append((name, value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)))
    return pairs
