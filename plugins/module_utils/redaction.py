# Copyright: rescue502 maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Take secrets out of text before it leaves the host. Names of variables stay, values go."""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import unquote, urlsplit

MASK = "********"
_SECRET_NAME = re.compile(
    r"(?i)pass|pwd|secret|token|api_?key|_key$|^key$|private|credential|salt|signature|auth|dsn|webhook|cookie|session"
)
# Names whose values are public by nature and needed to explain a failure.
_PLAIN_NAME = re.compile(
    r"(?i)^(path|home|user|logname|shell|lang|lc_.*|tz|pythonpath|django_settings_module|debug|.*_?hosts?|.*_port"
    r"|.*_name|.*_user(name)?|.*origins?|.*_engine|.*_root|.*_dir|.*_path|.*_level|.*_enabled|virtual_env)$"
)
_PATTERNS = (
    # user:password@ in any URL; the user stays.
    (re.compile(r"(?i)\b([a-z][a-z0-9+.-]*://[^\s:/@'\"]*):[^\s@'\"]+@"), r"\1:" + MASK + "@"),
    # name=value, "name": "value", --name value, where the name sounds secret.
    (
        re.compile(
            r"(?i)((?:\b|[_-])(?:password|passwd|pwd|secret|token|api[_-]?key|secret[_-]?key|private[_-]?key|access[_-]?key)"
            r"['\"]?\s*(?:=|:(?!//)|\s(?=--))\s*)(?!\s)(['\"]?)[^\s'\",;&)}\]]+\2"
        ),
        r"\1" + MASK,
    ),
    (re.compile(r"(?i)\b(bearer|basic)\s+[a-z0-9._~+/=-]{8,}"), r"\1 " + MASK),
    (
        re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(?:-----END [A-Z ]*PRIVATE KEY-----|\Z)", re.S),
        "-----PRIVATE KEY " + MASK + "-----",
    ),
    (re.compile(r"\beyJ[\w-]{8,}\.[\w-]{8,}\.[\w-]{4,}"), MASK),
)


def is_secret(name: str, value: str) -> bool:
    """Whether a variable's value must not be shown: by its name, or because the value looks random."""
    if len(value) < 4:
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
    ) -> None:
        """environment: the app's variables; those that are secret are masked wherever their value appears.

        credentials: what systemd hands the app in files; all of it is secret.

        public: names that anyone may see (unit, folders, user). A password that is part of one protects nothing,
        and masking it would garble every path in the evidence.
        """
        secrets = {content.decode("utf-8", "replace").strip() for content in (credentials or {}).values()}
        for name, value in (environment or {}).items():
            if is_secret(name, value):
                secrets.add(value)
            secrets.update(_url_passwords(value))
        # The longest first: a secret that contains another must not leave a tail.
        ordered = sorted(
            (s for s in secrets if len(s) >= 4 and not any(s in name for name in public)), key=len, reverse=True
        )
        self._known = re.compile("|".join(map(re.escape, ordered))) if ordered else None

    def text(self, text: str) -> str:
        """The text with secrets masked."""
        if self._known:
            text = self._known.sub(MASK, text)
        for pattern, replacement in _PATTERNS:
            text = pattern.sub(replacement, text)
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


def _url_passwords(value: str) -> set[str]:
    """The password inside a URL, as written and decoded."""
    if "://" not in value:
        return set()
    try:
        password = urlsplit(value).password or ""
    except ValueError:
        return set()
    return {password, unquote(password)}
