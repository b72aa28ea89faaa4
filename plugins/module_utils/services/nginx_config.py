# Copyright: rescue502 maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Read nginx's configuration from its files: servers, locations, upstreams.

The files are read rather than `nginx -T` because they can still be read when the configuration is invalid, which is
one of the failures to name. Syntax: nginx.org/en/docs/beginners_guide.html#conf_structure.
"""

from __future__ import annotations

import glob
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from ansible_collections.rescue502.django.plugins.module_utils.services import nginx_syntax, nginx_unit, nginx_variables
from ansible_collections.rescue502.django.plugins.module_utils.system import systemd, unread

DEFAULT_CONFIG = "/etc/nginx/nginx.conf"
MAX_DEPTH = 20
READ_TIMEOUT = 60.0


@dataclass
class Directive:
    """One directive: its words, the directives in its block, and the file and line that it stands in."""

    words: list[str]
    file: str
    line: int = 0
    block: list[Directive] = field(default_factory=list)

    @property
    def name(self) -> str:
        return self.words[0]

    @property
    def value(self) -> str:
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


def upstreams(root: Directive, backup: bool | None = None) -> dict[str, list[str]]:
    """Addresses of each `upstream` block, by its name; servers that are marked down are left out.

    backup: True for the backup servers only, False for the others only.
    """
    return {
        item.value: [
            with_port(server.value)
            for server in item.all("server")
            if "down" not in server.words[2:] and backup in (None, "backup" in server.words[2:])
        ]
        for item in root.walk()
        if item.name == "upstream"
    }


def with_port(server: str) -> str:
    """A server of an `upstream` block as nginx dials it: on port 80 where it names none."""
    return server if re.match(r"^unix:|.*:\d+$", server) else server + ":80"


def proxied_locations(root: Directive) -> list[dict[str, Any]]:
    """Every location that hands requests on.

    {server_names, listen, tls, certificate, path, target, protocol, addresses, file}: protocol is what nginx speaks
    there, http, https, uwsgi or grpc; addresses are upstream addresses as nginx would dial them, `host:port` or
    `unix:/path`; backups are those of them that it dials only when no other answers. read_timeout
    is in seconds, buffer_size in bytes and 0 where nothing sets it; buffer_size_file is the file that does.
    """
    groups, spare = upstreams(root), upstreams(root, backup=True)
    found = []
    for server in (item for item in root.walk() if item.name == "server" and item.block):
        listens = [item.words[1:] for item in server.all("listen")] or [["80"]]
        for location, targets, protocol, contexts in _proxies(server, root):
            target = targets[0]
            buffers = inherited(contexts, "proxy_buffer_size")
            timeout = inherited(contexts, "proxy_read_timeout")
            found.append(
                {
                    "server_names": [name for item in server.all("server_name") for name in item.words[1:]],
                    "listen": [words[0] for words in listens if words],
                    "tls": [words[0] for words in listens if "ssl" in words or words[0].endswith(":443")],
                    "certificate": server.first("ssl_certificate") or root_value(root, "ssl_certificate"),
                    "path": location,
                    "target": target,
                    "protocol": protocol,
                    "addresses": all_addresses(targets, groups),
                    "backups": all_addresses([item for item in targets if target_host(item) in spare], spare),
                    "access_log": server.first("access_log") or root_value(root, "access_log"),
                    "error_log": server.first("error_log") or root_value(root, "error_log"),
                    "read_timeout": seconds(timeout.value) if timeout else READ_TIMEOUT,
                    "buffer_size": size(buffers.value) if buffers else 0,
                    "buffer_size_file": buffers.file if buffers else "",
                    "file": server.file,
                }
            )
    return found


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


Proxy = tuple[str, list[str], str, list[Directive]]


def _proxies(server: Directive, root: Directive) -> Iterator[Proxy]:
    """(path, targets, protocol, contexts) for each proxy_pass and the like of a server, with its location.

    There are several targets where variables choose between them.
    """
    values = nginx_variables.known(root, server)

    def below(block: Directive, path: str, around: list[Directive]) -> Iterator[Proxy]:
        for item in block.block:
            if item.name == "location":
                yield from below(item, item.words[-1], [*around, item])
            elif item.name in ("proxy_pass", "uwsgi_pass", "grpc_pass"):
                targets, own = nginx_variables.expand(item.value, values), item.name.replace("_pass", "")
                # The scheme of a proxy_pass; the others have none.
                protocol = own if own != "proxy" else "https" if targets[0].startswith("https:") else "http"
                yield path, targets, protocol, around
            elif item.name in ("if", "limit_except"):
                yield from below(item, path, around)

    yield from below(server, "/", [root, *root.all("http"), server])


# Variables that begin with a slash or a question mark, so that the host ends before them.
_URI_VARIABLE = re.compile(r"\$\{?(?:request_uri|uri|document_uri|is_args)\b.*$")


def target_host(target: str) -> str:
    """The host, or the name of the upstream group, in a proxy_pass target."""
    return re.split(r"[/?]", _URI_VARIABLE.sub("", re.sub(r"^[a-z]+://", "", target)))[0]


def all_addresses(targets: list[str], groups: dict[str, list[str]]) -> list[str]:
    """The addresses of all these targets, each once."""
    return list(dict.fromkeys(address for target in targets for address in addresses(target, groups)))


def addresses(target: str, groups: dict[str, list[str]]) -> list[str]:
    """The addresses that a proxy_pass target stands for; none where a variable of the request decides."""
    rest = _URI_VARIABLE.sub("", re.sub(r"^[a-z]+://", "", target))
    if "$" in (rest.split(":/")[0] if rest.startswith("unix:") else target_host(target)):
        return []
    if rest.startswith("unix:"):
        return [re.sub(r"^(unix:[^:]+):.*$", r"\1", rest)]
    host = target_host(target)
    if host in groups:
        return groups[host]
    return [host if re.search(r":\d+$", host) else host + (":443" if target.startswith("https") else ":80")]


def static_locations(root: Directive) -> list[dict[str, str]]:
    """Locations served from disk: {path, folder, file}."""
    found = []
    for server in (item for item in root.walk() if item.name == "server" and item.block):
        for location in server.all("location"):
            alias, folder = location.first("alias"), location.first("root")
            if alias or folder:
                path = location.words[-1]
                place = alias or os.path.join(folder, path.lstrip("/"))
                found.append({"path": path, "folder": place, "file": server.file})
    return found


def included_folders(root: Directive, base: str) -> list[str]:
    """Folders whose *.conf files, or all files, the http context includes."""
    found = []
    for http in root.all("http"):
        for item in http.all("include"):
            folder, pattern = os.path.split(os.path.join(base, item.value))
            if pattern in ("*.conf", "*") and os.path.isdir(folder):
                found.append(folder)
    return found
