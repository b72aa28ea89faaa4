# Copyright: rescue502 maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What a line of nginx's error log says: a limit or a failure known by name, what a visitor did, or nothing known.

The words are those of nginx's own source (src/event, src/http/ngx_http_upstream.c, src/http/modules).
"""

from __future__ import annotations

import re

# Of a visitor's doing, or an effect that something else in the log or in the answers explains: nothing to report.
ORDINARY = "ordinary"
# The first that matches counts.
_KNOWN = [
    ("worker-connections", r"worker_connections are not enough"),
    ("open-files", r"\(24: Too many open files\)"),
    # It names them by ten digits, in folders of one or two (ngx_create_temp_file()).
    ("temporary-file", r"(?:open|mkdir|pwrite|write)\(\) \"[^\"]*/(?:\d{1,2}|\d{10})\" failed \((?:13|28|30):"),
    ("header-too-big", r"upstream sent too big header"),
    ("body-too-big", r"client intended to send too large (?:chunked )?body"),
    ("request-rate", r"limiting requests?, excess"),
    ("connection-count", r"limiting connections by zone"),
    ("no-live-upstreams", r"no live upstreams"),
    ("connect-refused", r"connect\(\) (?:to \S+ )?failed \(111:"),
    ("connect-unreachable", r"connect\(\) (?:to \S+ )?failed \((?:101|113|110):"),
    ("connect-denied", r"connect\(\) (?:to \S+ )?failed \((?:13|1):"),
    ("connect-missing", r"connect\(\) (?:to \S+ )?failed \(2:"),
    ("connect-queue-full", r"connect\(\) (?:to \S+ )?failed \(11:"),
    ("local-ports", r"(?:connect|bind)\(\S*\) (?:to \S+ )?failed \((?:99|98):.*while connecting to upstream"),
    ("connect-timeout", r"upstream timed out \(110: .*while connecting to upstream"),
    ("answer-timeout", r"upstream timed out \(110: .*while (?:reading|sending)"),
    (
        "closed-early",
        r"upstream prematurely closed|recv\(\) failed \(104: .*reading (?:response header from )?upstream",
    ),
    ("upstream-certificate", r"upstream SSL certificate (?:verify error|does not match)"),
    (
        "upstream-alert",
        r"SSL alert number \d+\) while (?:SSL handshaking to|reading response header from|sending .*to) up",
    ),
    ("not-http", r"upstream sent (?:invalid|no valid|unsupported)|SSL_do_handshake\(\) failed.*to upstream"),
    ("upstream-handshake", r"while SSL handshaking to upstream"),
    ("resolver", r"no resolver defined to resolve|could not be resolved"),
    ("file-denied", r"(?:open|stat)\(\) \"[^\"]*\" failed \(13:|\" is forbidden \(13:"),
    ("authorization-service", r"auth request unexpected status"),
    ("proxy-protocol", r"broken header: \""),
    ("internal-cycle", r"rewrite or internal redirection cycle"),
    (ORDINARY, r"\(2: No such file or directory\)|is not found \(2|\(20: Not a directory\)|access forbidden by rule"),
    (ORDINARY, r"directory index of |user \"[^\"]*\".*(?:was not found|password mismatch)|no user/password"),
    (ORDINARY, r"SSL_do_handshake\(\) failed|SSL_read\(\) failed|SSL_shutdown\(\) failed|while SSL handshaking"),
    (ORDINARY, r"client (?:prematurely )?(?:closed|sent)|\(104: .*client|\(32: Broken pipe\)"),
]
_PATTERNS = [(name, re.compile(pattern)) for name, pattern in _KNOWN]
# Lower ones are of what nginx did, not of what it could not do (nginx.org/en/docs/ngx_core_module.html#error_log).
SEVERE = ("error", "crit", "alert", "emerg")
_DENIED_FILE = re.compile(r"(?:open|stat|mkdir|pwrite)\(\) \"([^\"]*)\" failed \(\d+:|\"([^\"]*)\" is forbidden \(13:")
_REQUEST = re.compile(r'request: "([A-Z]+) (/[^ ?"]*)')


def name_of(text: str) -> str:
    """The name of what a line says; empty where it is not known."""
    return next((name for name, pattern in _PATTERNS if pattern.search(text)), "")


def denied_file(text: str) -> str:
    """The file or folder that nginx's workers were refused, by its path; empty where the line names none."""
    match = _DENIED_FILE.search(text)
    return (match[1] or match[2]) if match else ""


def request(text: str) -> tuple[str, str]:
    """(method, path without its query) of the request that a line is about; both empty where it names none."""
    match = _REQUEST.search(text)
    return (match[1], match[2]) if match else ("", "")
