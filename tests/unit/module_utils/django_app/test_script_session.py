"""What PostgreSQL did not find, by its answer, in whatever language it gives it."""

from __future__ import annotations

import pytest
from ansible_collections.rescue502.django.plugins.module_utils.django_app.script_session import CERTAINLY, NAMED

FUNCTIONS = {
    "function similarity(unknown, unknown) does not exist": "similarity",
    'function public."Similarity"(unknown) does not exist': "Similarity",
    "la fonction similarity(unknown, unknown) n'existe pas": "similarity",
    "ERREUR:  la fonction own.similarity(text) n'existe pas": "similarity",
    "Funktion similarity(unknown, unknown) existiert nicht": "similarity",
    "operator does not exist: integer = character varying": "",
}
TYPES = {
    'type "hstore" does not exist': ("hstore", True),
    'type "public.hstore" does not exist': ("hstore", True),
    "le type « hstore » n'existe pas": ("hstore", False),
    "Typ »hstore« existiert nicht": ("hstore", False),
    "no existe el tipo «hstore»": ("hstore", False),
    'тип "hstore" не существует': ("hstore", False),
    'collation "de-x" for encoding "UTF8" does not exist': ("UTF8", False),
}


@pytest.mark.parametrize("said", FUNCTIONS)
def test_a_function_is_named(said: str) -> None:
    """It has its arguments behind it."""
    match = NAMED["function"].search(said)
    assert (match.group(1) if match else "") == FUNCTIONS[said]


@pytest.mark.parametrize("said", TYPES)
def test_a_type_is_named(said: str) -> None:
    """Certainly in English; else only where there is a type of that name."""
    match = NAMED["type"].search(said)
    assert match
    assert (match.group(1), bool(CERTAINLY["type"].search(said))) == TYPES[said]
