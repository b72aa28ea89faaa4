# Copyright: rescue502 maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Checks of a failure file: conditions on facts that the evidence never has, unknown roles and features.

It takes too long for a hundred files at each look at a host: our own are checked by a unit test, a user's when loaded.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from ansible_collections.rescue502.django.plugins.plugin_utils.catalogue import expressions, fact_check
from jinja2 import TemplateSyntaxError

# What `where` may ask of a lab host.
FEATURES = (
    "asgi", "credentials", "env_file", "neighbour", "pip", "plain_service", "postgresql", "postgresql_here",
    "postgresql_remote", "pyproject", "requirements_txt", "runtime_directory", "socket_activation", "sqlite", "tcp",
    "tls", "unix_socket", "uv", "wsgi",
)  # fmt: skip
_ROLES = Path(__file__).resolve().parents[3] / "roles"
_FULL_ROLE_NAME = re.compile(r"[a-z_]\w*(\.[a-z_]\w*){2,}")


def problems(data: dict[str, Any]) -> Iterable[tuple[str, str]]:
    """(key, what is wrong) for each; data: the file's content, of which any key may be missing or of another type."""
    yield from _source_problems(data)
    yield from _name_problems(data)


def _name_problems(data: dict[str, Any]) -> Iterable[tuple[str, str]]:
    """Remedies that are not a role, and features that no lab host has."""
    roles = [("remedy", data.get("remedy") or ""), *(("then", role) for role in data.get("then") or [])]
    for key, role in roles:
        if role and not _FULL_ROLE_NAME.fullmatch(str(role)) and not _is_our_role(str(role)):
            yield key, f"'{role}' is not one of our roles; one of your own has a full name, such as acme.ops.{role}"
    for feature in data.get("where") or []:
        if feature not in FEATURES:
            yield "where", f"'{feature}' is not one of: {', '.join(FEATURES)}"


def _is_our_role(name: str) -> bool:
    return bool(re.fullmatch(r"\w+", name)) and (_ROLES / name).is_dir()


def _source_problems(data: dict[str, Any]) -> Iterable[tuple[str, str]]:
    """Conditions, sentences and variables that are not valid Jinja, or that ask for what the evidence never has."""
    if not data.get("when"):
        yield "when", "needs at least one condition"
    keys = ("when", "lesser_when", "safe_when", "repair_when", "blocks_when")
    expected = [(key, item) for key in keys for item in data.get(key) or []]
    expected += [("vars", item) for item in (data.get("vars") or {}).values()]
    for key, item in expected:
        yield from _wrong(key, str(item), expressions.check_expression, fact_check.in_expression)
    for key in ("because", "by_hand"):
        yield from _wrong(key, str(data.get(key, "")), expressions.check_sentence, fact_check.in_sentence)


def _wrong(
    key: str, source: str, check: Callable[[str], None], unknown: Callable[[str], list[str]]
) -> Iterable[tuple[str, str]]:
    try:
        check(source)
    except TemplateSyntaxError as error:
        yield key, str(error)
    else:
        yield from ((key, problem) for problem in unknown(source))
