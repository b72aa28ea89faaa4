"""A real queue before a real gunicorn runs over: that is named, and a restart is not its repair."""

from __future__ import annotations

import pytest
from ansible_collections.rescue502.django.plugins.plugin_utils.catalogue.catalogue import load

from lab import look
from lab.site import Site

pytestmark = pytest.mark.nightly
CATALOGUE = load()
FULL = "service/queue-full"


@pytest.mark.parametrize("site", ["unix"], indirect=True)
def test_a_queue_that_runs_over(site: Site) -> None:
    """Named with the kernel's own numbers, by a look that may restart; after a restart it is over."""
    site.host.break_with(FULL)
    found = look.diagnosed(site.host, CATALOGUE)
    assert [item.id for item in found.also_found] == [FULL]
    assert "the queue takes 8 connections" in found.also_found[0].because
    started = site.host.run("systemctl show -P ExecMainStartTimestampMonotonic $UNIT").stdout
    _code, incident, output = site.play("recover")
    assert incident["actions"] == [], output
    assert site.host.run("systemctl show -P ExecMainStartTimestampMonotonic $UNIT").stdout == started
    site.host.break_with(
        "", "sleep 1; restart_app; until_true 'curl -sf -o /dev/null -H Host:$SERVER_NAME http://127.0.0.1/slow/'"
    )
    assert [item.id for item in look.diagnosed(site.host, CATALOGUE).findings] == []
