# Copyright: rescue502 maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Take secrets out of text before it leaves the host. Names of variables stay, values go."""

from __future__ import annotations

import contextlib
import json
import re
from collections.abc import Iterable
from typing import Any
from urllib.parse import unquote, urlsplit

from ansible_collections.rescue502.django.plugins.module_utils.secrets import secret_encodings
from ansible_collections.rescue502.django.plugins.module_utils.secrets.printable import printable

MASK = "********"
_SECRET_NAME = re.compile(
    r"(?i)pass|pwd|secret|token|api_?key|_key$|^key$|private|credential|salt|signature|auth|dsn|webhook|cookie|session"
)
# What many variables hold that are called like a secret: masking it would garble every text, and hide nothing.
_NO_SECRET = re.compile(r"(?i)true|false|none|null|yes|off|default|localhost|required|optional|\d{1,5}|[\d.]+[smhd]")
# Of a secret that a limit cut through, so much gives it away.
CUT = 8
# How much of a text's beginning and end is looked at for that, in characters.
CUT_AT = 4096
# What one way or another of quoting puts a backslash before.
_ESCAPABLE = re.compile(r"[\\\n'\"`$]")
# What a terminal would obey, as a traceback or JSON spells it: it may stand within a secret.
_SPELLED_COLOUR = re.compile(r"\\{1,32}(?:u001b|x1b|033|e)\[[0-9;]{0,20}m")
# Names whose values are public by nature and needed to explain a failure.
_PLAIN_NAME = re.compile(
    r"(?i)^(path|home|user|logname|shell|lang|lc_.*|tz|pythonpath|django_settings_module|debug|.*_?hosts?|.*_port"
    r"|.*_name|.*_user(name)?|.*origins?|.*_engine|.*_root|.*_dir|.*_path|.*_level|.*_enabled|virtual_env)$"
)
# libpq's connection strings: host=db password=x, or password='a b'.
_DSN_PASSWORD = re.compile(r"(?i)\bpassword\s*=\s*(?:'((?:\\.|[^'\\])*)'|([^\s';]+))")
# Each repetition has an end: a log that was made to be slow to read must not be.
_PATTERNS = (
    # user:password@ in any URL; the user stays. A long user without a password is a token.
    (re.compile(r"(?i)\b([a-z][a-z0-9+.-]{0,30}://[^\s:/@'\"]{0,200}):[^\s@'\"]{1,500}@"), r"\1:" + MASK + "@"),
    (re.compile(r"(?i)\b([a-z][a-z0-9+.-]{0,30}://)[^\s:/@'\"]{16,500}@"), r"\1" + MASK + "@"),
    # A header or a variable that nginx sets to a fixed text.
    (
        re.compile(
            r"(?im)^([ \t]*(?:proxy_set_header|add_header|fastcgi_param|uwsgi_param|set)[ \t]+\$?[\w-]{0,40}"
            r"(?:pass|secret|token|key|auth|cookie)[\w-]{0,40}[ \t]+)(?![\"']?\$)[^;\n]+;"
        ),
        r"\1" + MASK + ";",
    ),
    # name=value, "name": "value", --name value, where the name sounds secret.
    (
        re.compile(
            r"(?i)((?:password|passwd|passphrase|pwd|secret|token|api[_-]?key|secret[_-]?key|private[_-]?key"
            r"|access[_-]?key|sessionid)"
            r"\\?['\"]?\s*(?:=|:(?!//))\s*)(?!\s)"
            r"(?:'(?:\\.|[^'\\\n])*'|\"(?:\\.|[^\"\\\n])*\"|[^\s'\",;&)}\]]+)"
        ),
        r"\1" + MASK,
    ),
    # --password value, as on a command line.
    (
        re.compile(r"(?i)(\s--?[\w-]{0,40}(?:password|passwd|secret|token|api-?key)[\w-]{0,40}\s+)(?!-)\S+"),
        r"\1" + MASK,
    ),
    (re.compile(r"(?i)\b(bearer|basic)\s+[a-z0-9._~+/=-]{8,}"), r"\1 " + MASK),
    (
        re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(?:-----END [A-Z ]*PRIVATE KEY-----|\Z)", re.S),
        "-----PRIVATE KEY " + MASK + "-----",
    ),
    (re.compile(r"\beyJ[\w-]{8,}\.[\w-]{8,}\.[\w-]{4,}"), MASK),
    # The end of what was signed, as Django quotes it where it does not match.
    (re.compile(r"(?i)(\bsignature \\?[\"'])[\w+/=-]{8,200}"), r"\1" + MASK),
)


def is_secret(name: str, value: str) -> bool:
    """Whether a variable's value must not be shown: by its name, or because the value looks random."""
    if len(value) < 4 or _NO_SECRET.fullmatch(value):
        return False
    if _SECRET_NAME.search(name):
        return True
    return not _PLAIN_NAME.match(name) and _looks_random(value)


def _looks_random(value: str) -> bool:
    """Long, of several classes of characters, and neither a path, a URL without a password nor plain words."""
    if len(value) < 10 or value.startswith("/") or "://" in value:
        return False
    classes = sum(bool(re.search(kind, value)) for kind in ("[a-z]", "[A-Z]", "[0-9]", r"[^\w.,:/ @-]"))
    return classes >= 3 or (classes >= 2 and bool(re.search("[0-9]", value)) and not re.search(r"[./, ]", value))


class Redactor:
    """Masks the values of one app's secrets, and whatever looks like a secret, in any text."""

    def __init__(
        self,
        environment: dict[str, str] | None = None,
        public: tuple[str, ...] = (),
        credentials: dict[str, bytes] | None = None,
        more: Iterable[tuple[str, str]] = (),
        names: Iterable[str] = (),
    ) -> None:
        """environment: the app's variables; those that are secret are masked wherever their value appears.

        credentials: what systemd hands the app in files; all of it is secret. more: further names with their values,
        of which a name may come more than once. names: of variables; they stay whole wherever they stand, though a
        secret is a part of one, or "missing token: API_TOKEN" looks as if it were the value.

        public: names that anyone may see (unit, folders, user). A password that is part of one protects nothing,
        and masking it would garble every path in the evidence.
        """
        secrets = {content.decode("utf-8", "replace").strip() for content in (credentials or {}).values()}
        for name, value in [*(environment or {}).items(), *more]:
            if is_secret(name, value):
                secrets.add(value)
            secrets.update(_parts(value))
        kept = {s for s in secrets if len(s) >= 4 and not any(s in name for name in public)}
        # The longest first: a secret that contains another must not leave a tail.
        self._known = sorted({form for secret in kept for form in secret_encodings.of(secret)}, key=len, reverse=True)
        self._names = {name for name in names if name and name not in kept}
        self._within = {known: [name for name in self._names if known in name] for known in self._known}
        self._escaped = [secret_encodings.escaped(secret) for secret in kept if _ESCAPABLE.search(secret)]
        self._cuttable = sorted(
            secret_encodings.bare(secret) for secret in kept if len(secret_encodings.bare(secret)) > CUT
        )

    def text(self, text: str) -> str:
        """The text with secrets masked, and without what a terminal would obey, which could stand within one."""
        text = _SPELLED_COLOUR.sub("", printable(text))
        for known in self._known:
            if known in text:
                text = self._masked(text, known)
        for anchor, pattern in self._escaped:
            if anchor in text:
                text = pattern.sub(MASK, text)
        text = self._without_ends(text)
        for pattern, replacement in _PATTERNS:
            text = pattern.sub(lambda match: self._unless_name(match, replacement), text)  # noqa: B023
        return text

    def _masked(self, text: str, known: str) -> str:
        """The text without this secret, but for where it is a part of a variable's name."""
        if not self._within[known]:
            return text.replace(known, MASK)
        names = "|".join(rf"(?<!\w){re.escape(name)}(?!\w)" for name in self._within[known])
        return re.sub(rf"({names})|{re.escape(known)}", lambda match: match.group(1) or MASK, text)

    def _unless_name(self, match: re.Match[str], replacement: str) -> str:
        """What takes the place of what looks like a secret; the name of a variable keeps its own."""
        is_name = match.re.groups and match.group()[len(match.group(1)) :].strip("'\". ") in self._names
        return match.group() if is_name else match.expand(replacement)

    def _without_ends(self, text: str) -> str:
        """Masks the beginning of a secret at the end of a text, and its end at the beginning: a limit may cut it."""
        tail, head = secret_encodings.bare(text[-CUT_AT:]), secret_encodings.bare(text[:CUT_AT])
        for secret in self._cuttable:
            begins = tail.rfind(secret[:CUT])
            if begins >= 0 and secret.startswith(tail[begins:]):
                text = text[: -secret_encodings.written_length(text[::-1], len(tail) - begins)] + MASK
                tail = secret_encodings.bare(text[-CUT_AT:])
            ends = head.find(secret[-CUT:])
            if ends >= 0 and secret.endswith(head[: ends + CUT]):
                text = MASK + text[secret_encodings.written_length(text, ends + CUT) :]
                head = secret_encodings.bare(text[:CUT_AT])
        return text

    def tree(self, value: Any) -> Any:
        """A copy of nested dicts and lists with every string masked; dict keys stay."""
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, dict):
            return {key: self.tree(item) for key, item in value.items()}
        if isinstance(value, (list, tuple)):
            return [self.tree(item) for item in value]
        return value


def _parts(value: str) -> set[str]:
    """The secrets inside a value: of a URL, of a connection string, of JSON."""
    found = _url_passwords(value) | {quoted or bare for quoted, bare in _DSN_PASSWORD.findall(value)}
    if value.lstrip()[:1] in ("{", "["):
        with contextlib.suppress(ValueError, RecursionError):
            found |= _json_secrets(json.loads(value))
    return found


def _json_secrets(value: Any, name: str = "", depth: int = 6) -> set[str]:
    if isinstance(value, str):
        return ({value} if is_secret(name, value) else set()) | _url_passwords(value)
    inner = (
        value.items()
        if isinstance(value, dict)
        else [(name, item) for item in value]
        if isinstance(value, list)
        else ()
    )
    return {secret for key, item in inner for secret in _json_secrets(item, key, depth - 1)} if depth else set()


def _url_passwords(value: str) -> set[str]:
    """The password inside a URL, as written and decoded."""
    if "://" not in value:
        return set()
    try:
        password = urlsplit(value).password or ""
    except ValueError:
        return set()
    return {password, unquote(password)}
