"""A failure mode explained: what it rests on, what repairs it, and commands that read plainly."""

from __future__ import annotations

import pytest
from ansible_collections.rescue502.django.plugins.plugin_utils.catalogue import remedies
from ansible_collections.rescue502.django.plugins.plugin_utils.catalogue.catalogue import load
from ansible_collections.rescue502.django.plugins.plugin_utils.catalogue.expressions import names
from ansible_collections.rescue502.django.plugins.plugin_utils.report.explanation import (
    LIVE,
    LOG,
    REHEARSAL,
    markdown,
    rests_on,
    without_placeholders,
)

CATALOGUE = load()
ROLES = remedies.load()


@pytest.mark.parametrize("mode", CATALOGUE.modes.values(), ids=lambda mode: mode.id)
def test_every_failure_mode_is_explained(mode) -> None:  # type: ignore[no-untyped-def]
    """All of it, with no template left in what people read, and nothing empty."""
    text = markdown(mode, CATALOGUE, ROLES)
    by_hand = text.partition("## By hand")[2].partition("## ")[0]
    assert mode.edge in text
    assert rests_on(mode)
    assert "{{" not in by_hand
    assert "{%" not in by_hand
    assert "\n\n\n" not in text
    assert (f"--approve {mode.id}\n" in text) == (mode.risk == "ask")


def test_every_role_says_what_it_risks() -> None:
    """And what it needs root for, and what it does, apart from that."""
    for remedy in ROLES.values():
        assert remedy.short, remedy.name
        assert remedy.does, remedy.name
        assert remedy.risk.endswith("."), remedy.name
        assert remedy.root.endswith("."), remedy.name


@pytest.mark.parametrize(
    ("mode", "sources"),
    [
        ("database/stopped", [LIVE]),
        ("database/wrong-password", [REHEARSAL]),
        ("service/worker-boot-failed", [LIVE, LOG]),
        ("schema/unapplied-migrations", [REHEARSAL]),
    ],
)
def test_what_it_rests_on(mode: str, sources: list[str]) -> None:
    """Told from the pieces of evidence that the conditions name."""
    assert rests_on(CATALOGUE.modes[mode]) == sources


def test_names_of_evidence() -> None:
    """As far as they are spelled out, wherever they stand."""
    source = "not a.b and c.d[0].e | length > 0 or (f | first).g in h.i"
    assert names(source) == {"a.b", "c.d.e", "f", "h.i"}


@pytest.mark.parametrize(
    ("template", "plain"),
    [
        ("cd {{ stack.root }} && ls", "cd <stack.root> && ls"),
        ("{{ stack.env_files | first | default('x') }}", "<stack.env_files>"),
        ("{{ a.b or '127.0.0.1' }}/32", "<a.b>/32"),
        ("{{ (a.b | first).c }}", "<a.b>"),
        ("{{ app.error.file }}:{{ x[0].path }}", "<app.error.file>:<x[0].path>"),
        ("{% if a %}one{% else %}two{% endif %}{# note #}", "one or two"),
    ],
)
def test_placeholders_read_plainly(template: str, plain: str) -> None:
    """What is filled in on the host stands in angle brackets."""
    assert without_placeholders(template) == plain
