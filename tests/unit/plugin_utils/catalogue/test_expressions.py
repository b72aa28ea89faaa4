"""The catalogue's conditions: what need not be compiled, and what is compiled before it is asked."""

from __future__ import annotations

import pytest
from ansible_collections.rescue502.django.plugins.plugin_utils.catalogue import catalogue, expressions
from jinja2 import UndefinedError

OURS = sorted({source for mode in catalogue.load().modes.values() for source in mode.when})


@pytest.mark.parametrize(
    ("source", "section"),
    [
        ("edge.well == false", "edge"),
        ("not database.running", "database"),
        ("not (service.a or edge.b)", "service"),
        ("(app.error and app.error.text) is search('x')", "app"),
        ("log.errors | length > 0", "log"),
        # The condition behind the `if` is looked at first.
        ("edge.well if service.active else database.running", ""),
        ("[edge.well] == [true]", ""),
        ("shadow_start is defined and shadow_start.tried", ""),
        ("true", ""),
    ],
)
def test_the_section_that_is_looked_at_first(source: str, section: str) -> None:
    """It is taken from the text where that is certain, and from nowhere else."""
    assert expressions.first_section(source) == section


@pytest.mark.parametrize("source", OURS)
def test_what_begins_with_a_missing_section_is_unknown(source: str) -> None:
    """Jinja itself comes to the same, for each of our own conditions: it raises before it looks at anything else."""
    section = expressions.first_section(source)
    others = {other: {} for other in map(expressions.first_section, OURS) if other not in ("", section)}
    assert expressions.verdict(source, others) is None if section else True
    if section:
        with pytest.raises(UndefinedError):
            expressions._expression(source)(**others)


def test_most_of_our_conditions_show_it() -> None:
    """Else nothing would be spared."""
    assert sum(bool(expressions.first_section(source)) for source in OURS) > 0.9 * len(OURS)


def test_a_worker_need_not_compile_what_was_compiled_ahead(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is compiled once is not compiled again."""
    expressions.compile_ahead(["edge.well"], ["{{ edge.well }}"])
    monkeypatch.delattr(expressions, "_ENVIRONMENT")
    assert expressions.holds("edge.well", {"edge": {"well": True}})
    assert expressions.sentence("{{ edge.well }}", {"edge": {"well": True}}) == "True"
