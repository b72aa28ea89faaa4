# Copyright: rescue502 maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Read nginx's configuration from its files as a tree of directives.

The files are read rather than `nginx -T` because they can still be read when the configuration is invalid, which is
one of the failures to name. Syntax: nginx.org/en/docs/beginners_guide.html#conf_structure.
"""

from __future__ import annotations

import glob
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from ansible_collections.rescue502.django.plugins.module_utils.services import nginx_syntax, nginx_unit
from ansible_collections.rescue502.django.plugins.module_utils.system import systemd, unread

DEFAULT_CONFIG = "/etc/nginx/nginx.conf"
MAX_DEPTH = 20


@dataclass
class Directive:
    """One directive: its words, the directives in its block, and the file and line that it stands in."""

    words: list[str]
    file: str
    line: int = 0
    block: list[Directive] = field(default_factory=list)

    @property
    def name(self) -> str:
        """Its first word."""
        return self.words[0]

    @property
    def value(self) -> str:
        """Its second word, or an empty string."""
        return self.words[1] if len(self.words) > 1 else ""

    def all(self, name: str) -> list[Directive]:
        """The directives of that name directly in this block."""
        return [item for item in self.block if item.name == name]

    def first(self, name: str) -> str:
        """The value of the first such directive, or an empty string."""
        return next((item.value for item in self.all(name)), "")

    def walk(self) -> Iterator[Directive]:
        """This directive and all below it."""
        yield self
        for item in self.block:
            yield from item.walk()


def main_file() -> str:
    """The main configuration file that nginx's unit names with -c, else the usual one; "" where there is none."""
    unit = systemd.show(nginx_unit.name())
    words = systemd.exec_argv(unit.get("ExecStart", ""))
    path = words[words.index("-c") + 1] if "-c" in words[:-1] else ""
    prefix = words[words.index("-p") + 1] if "-p" in words[:-1] else ""
    if not path and not nginx_unit.is_usual(unit):
        path = nginx_unit.built_in_configuration(unit)
    path = os.path.join(prefix, path) if path else DEFAULT_CONFIG
    return path if os.path.exists(path) or unread.hidden(path) else ""


def load(path: str = DEFAULT_CONFIG) -> tuple[Directive, list[str]]:
    """The whole configuration under one root directive, includes in place, and the files it was read from.

    Raises OSError when the main file cannot be read; an include that cannot be read is left out.
    """
    root = Directive(["main"], path)
    files: list[str] = []
    _read(path, os.path.dirname(path), root, files, 0)
    return root, files


def _read(path: str, base: str, parent: Directive, files: list[str], depth: int) -> None:
    with open(path, encoding="utf-8", errors="replace") as file:
        text = file.read()
    files.append(path)
    stack = [parent]
    for words, line, end in nginx_syntax.statements(text):
        if end == "}":
            if len(stack) > 1:
                stack.pop()
            continue
        directive = Directive(words, path, line)
        stack[-1].block.append(directive)
        if end == ";" and directive.name == "include" and depth < MAX_DEPTH:
            _include(directive.value, base, stack[-1], files, depth)
        if end == "{":
            stack.append(directive)


def _include(pattern: str, base: str, parent: Directive, files: list[str], depth: int) -> None:
    for path in sorted(glob.glob(os.path.join(base, pattern))):
        try:
            _read(path, base, parent, files, depth + 1)
        except OSError:
            continue


def barred_includes(root: Directive, base: str) -> dict[str, str]:
    """Files and folders that are included and that this account may not read, with the reason."""
    found: dict[str, str] = {}
    for item in root.walk():
        if item.name == "include":
            pattern = os.path.join(base, item.value)
            # Of a folder that cannot be listed no file is found.
            for path in (os.path.dirname(pattern), *sorted(glob.glob(pattern))):
                if why := unread.sealed(path):
                    found.setdefault(path, why)
    return found


def load_fragment(path: str) -> Directive:
    """One file below a root directive, as if it were included in the http context. Raises OSError."""
    root = Directive(["main"], path)
    _read(path, os.path.dirname(path), root, [], MAX_DEPTH)
    return root


def inherited(contexts: list[Directive], name: str) -> Directive | None:
    """The directive of that name in the innermost context that has one."""
    return next((found[-1] for context in reversed(contexts) if (found := context.all(name))), None)


def seconds(text: str) -> float:
    """A time as nginx writes it (`60`, `1m30s`, `500ms`), in seconds."""
    factors = {"ms": 0.001, "s": 1, "": 1, "m": 60, "h": 3600, "d": 86400}
    return float(sum(int(number) * factors[unit] for number, unit in re.findall(r"(\d+)(ms|[smhd]|)", text)))


def size(text: str) -> int:
    """A size as nginx writes it (`8k`, `1m`), in bytes; 0 where it is none."""
    match = re.match(r"^(\d+)([kKmM]?)$", text)
    return int(match.group(1)) * {"": 1, "k": 1024, "m": 1024**2}[match.group(2).lower()] if match else 0


def root_value(root: Directive, name: str) -> str:
    """A directive's value in the main or the http context."""
    return root.first(name) or next((http.first(name) for http in root.all("http") if http.first(name)), "")


def included_folders(root: Directive, base: str) -> list[str]:
    """Folders whose *.conf files, or all files, the http context includes."""
    found = []
    for http in root.all("http"):
        for item in http.all("include"):
            folder, pattern = os.path.split(os.path.join(base, item.value))
            if pattern in ("*.conf", "*") and os.path.isdir(folder):
                found.append(folder)
    return found
