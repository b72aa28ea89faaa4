"""The primary message of what a program printed: never the line that merely comes last."""

from __future__ import annotations

import pytest
from ansible_collections.rescue502.django.plugins.module_utils.run import primary_message

TRACEBACK = """\
Traceback (most recent call last):
  File "/srv/shop/venv/lib/python3.11/site-packages/django/db/backends/utils.py", line 103, in _execute
    return self.cursor.execute(sql)
"""


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            f"{TRACEBACK}psycopg.errors.InsufficientPrivilege: permission denied for schema public\n"
            'LINE 1: CREATE TABLE "django_migrations" ("id" bigint NOT NULL PRIMA...\n                     ^\n\n'
            "The above exception was the direct cause of the following exception:\n\n"
            f"{TRACEBACK}django.db.utils.ProgrammingError: permission denied for schema public\n"
            'LINE 1: CREATE TABLE "django_migrations" ("id" bigint NOT NULL PRIMA...\n                     ^\n',
            "django.db.utils.ProgrammingError: permission denied for schema public",
        ),
        (
            f"{TRACEBACK}django.db.utils.IntegrityError: duplicate key value violates unique constraint\n"
            "DETAIL:  Key (id)=(1) already exists.\nCONTEXT:  PL/pgSQL function f() line 3 at SQL statement\n",
            "django.db.utils.IntegrityError: duplicate key value violates unique constraint; "
            "DETAIL:  Key (id)=(1) already exists.; CONTEXT:  PL/pgSQL function f() line 3 at SQL statement",
        ),
        ("CommandError: Conflicting migrations detected\nTo fix them run 'makemigrations --merge'\n",
         "CommandError: Conflicting migrations detected"),
        ("Operations to perform:\n  Apply all migrations\nkilled\n", "killed"),
        (f"{TRACEBACK}KeyError\n", "KeyError"),
        ("", ""),
    ],
)  # fmt: skip
def test_the_primary_message_comes_first(text: str, message: str) -> None:
    """PostgreSQL's LINE 1 hides nothing."""
    assert primary_message.of(text) == message
