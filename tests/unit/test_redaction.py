"""Secrets go, names stay."""

from __future__ import annotations

import pytest
from ansible_collections.rescue502.django.plugins.module_utils.redaction import MASK, Redactor

ENVIRONMENT = {
    "SECRET_KEY": "s3cr3t-Value-42",
    "DB_PASSWORD": "xamila",
    "DATABASE_URL": "postgres://app:p%40ss-word@db/x",
    "CANARY": "Zk93hGq2Lm5p",
    "DJANGO_SETTINGS_MODULE": "shop.settings",
    "ALLOWED_HOSTS": "api.example.com",
}


@pytest.mark.parametrize("secret", ["s3cr3t-Value-42", "p%40ss-word", "p@ss-word", "Zk93hGq2Lm5p"])
def test_known_values_are_masked_anywhere(secret: str) -> None:
    """By the variable's name, inside a URL as written and decoded, and by their look."""
    assert secret not in Redactor(ENVIRONMENT).text(f"Traceback: {secret}! and x={secret}")


@pytest.mark.parametrize(
    "text",
    [
        "postgresql://me:hunter2secret@host/db",
        "password=hunter2secret host=db",
        "{'PASSWORD': 'hunter2secret'}",
        "Authorization: Bearer hunter2secretx",
        "gunicorn --env SECRET_KEY=hunter2secret",
        "api_key: hunter2secret",
    ],
)
def test_what_looks_like_a_secret_is_masked(text: str) -> None:
    """Without knowing the value."""
    masked = Redactor().text(text)
    assert "hunter2secret" not in masked
    assert MASK in masked


def test_names_stay() -> None:
    """Variables' names, plain values, and names that everybody sees."""
    redactor = Redactor(ENVIRONMENT, public=("/srv/xamila", "xamila.service"))
    text = "KeyError: 'SECRET_KEY' in shop.settings for api.example.com of xamila.service"
    assert redactor.text(text) == text


def test_tree() -> None:
    """Nested evidence is masked throughout; keys stay."""
    masked = Redactor(ENVIRONMENT).tree({"SECRET_KEY": ["s3cr3t-Value-42", 3, None]})
    assert masked == {"SECRET_KEY": [MASK, 3, None]}
