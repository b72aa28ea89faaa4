# Copyright: rescue502 maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What an exception of the app's says: as one text, and whether it is for want of a table, by its SQLSTATE. Pure."""

from __future__ import annotations

import re
from typing import Any

# More causes of an error than anybody reads.
CHAIN = 10
# undefined_table, undefined_column, invalid_schema_name, undefined_object (such as a type), undefined_function: all of
# them a migration may make. Source: postgresql.org/docs/current/errcodes-appendix.html.
_UNDEFINED = ("42P01", "42703", "3F000", "42704", "42883")
# The words of PostgreSQL, SQLite, MySQL and MariaDB.
_WORDS = re.compile(r"does not exist|no such (?:table|column)|has no column|[Uu]nknown column|doesn.t exist")


def of(error: Any) -> str:
    """An exception and its causes as one text to search in."""
    if not isinstance(error, dict):
        return ""
    chain = error.get("chain")
    causes = chain[:CHAIN] if isinstance(chain, list) else []
    parts = [error, *[cause for cause in causes if isinstance(cause, dict)]]
    return "\n".join(f"{part.get('type', '')}: {part.get('message', '')} {part.get('filename', '')}" for part in parts)


def lacks_table(error: Any) -> bool:
    """Whether what it asked for is not in the database: a table, a column, or what else a migration makes.

    PostgreSQL says it in the language of its server; its SQLSTATE is the same in all of them, and what counts.
    """
    state = error.get("sqlstate") if isinstance(error, dict) else ""
    return state in _UNDEFINED if isinstance(state, str) and state else bool(_WORDS.search(of(error)))
