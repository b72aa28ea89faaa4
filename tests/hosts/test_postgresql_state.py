"""PostgreSQL runs and yet does not serve: its shared memory was removed, or it has no transaction ids left."""

from __future__ import annotations

import pytest
from ansible_collections.rescue502.django.plugins.plugin_utils.catalogue.catalogue import load

from lab import look
from lab.site import Site, named

pytestmark = pytest.mark.nightly

CATALOGUE = load()
REMOVED, WRAPAROUND = "database/shared-memory-removed", "database/wraparound"
ASKED = "runuser -u postgres -- psql -qXAtc 'SELECT 1'"
# Its account is that of a person, and a job of it has ended: systemd-logind itself removes what it had.
SESSION_ENDED = """
stop_app
systemctl stop "$DATABASE_UNIT" "$DATABASE_UNIT@*"
old="$(id -u postgres)"
usermod -u 1500 postgres
find / -xdev -user "$old" -exec chown -h 1500 {} +
chown -R 1500 /run/postgresql
systemctl start "$DATABASE_UNIT"
until_true "runuser -u postgres -- psql -qXc '' 2> /dev/null"
restart_app
until_true "ls /dev/shm/PostgreSQL.*"
loginctl enable-linger postgres
until_true "loginctl user-status postgres > /dev/null 2>&1"
loginctl disable-linger postgres
timeout 60 bash -c 'while ls /dev/shm/PostgreSQL.* 2> /dev/null; do sleep 0.5; done'
restart_app
"""
WAYS = {
    "somebody tidies /dev/shm": ("find /dev/shm -name 'PostgreSQL.*' -delete\nrestart_app\n", "is a system account"),
    "a session has ended": (SESSION_ENDED, "RemoveIPC of systemd-logind is on, and postgres is not a system account"),
}


@pytest.mark.parametrize("way", WAYS)
def test_removed_shared_memory_is_named(site: Site, way: str) -> None:
    """With the segment, and whether logind would remove it; PostgreSQL is not merely restarted, and nothing is done."""
    fault, words = WAYS[way]
    site.host.break_with("", fault)
    assert site.host.ask(site.shape.api_path)[0] == 500, "the fault"
    assert "shared memory segment" in site.host.run(ASKED, check=False).stderr
    code, incident, output = site.play("recover")
    assert (code, incident["outcome"], incident["actions"]) == (2, "needs-human", []), output
    assert named(incident) == [REMOVED], output
    assert words in " ".join(incident["root_causes"][0]["because"].split())
    assert "/dev/shm/PostgreSQL." in incident["root_causes"][0]["because"]


def test_a_restarted_server_has_its_memory_again(site: Site) -> None:
    """What the page says to do by hand brings the site back, and nothing is found then."""
    site.host.break_with(REMOVED)
    site.host.run("systemctl restart postgresql && systemctl restart $UNIT")
    code, incident, output = site.play("recover", rescue502_level="full")
    assert (code, incident["outcome"], incident["findings"]) == (0, "healthy", []), output


# What holds the vacuum back: a prepared transaction in the failure mode's own reproduction, here a slot of a copy that
# is long gone.
SLOT = (
    CATALOGUE.modes[WRAPAROUND]
    .reproduce.replace(
        "sql -d \"$DATABASE_NAME\" -c BEGIN -c 'CREATE TABLE left_behind ()' -c \"PREPARE TRANSACTION 'import-2019'\"",
        "sql -c \"SELECT pg_create_logical_replication_slot('copy_2019', 'test_decoding')\" > /dev/null",
    )
    .replace("max_prepared_transactions = 5", "wal_level = logical")
)


@pytest.mark.parametrize(
    ("fault", "words"),
    [(CATALOGUE.modes[WRAPAROUND].reproduce, "the prepared transaction import-2019"), (SLOT, "slot copy_2019")],
)
def test_what_holds_the_vacuum_back_is_named(site: Site, fault: str, words: str) -> None:
    """The cause is that no id is left, and what to end first stands in its sentence; migrations and code do not."""
    site.host.break_with("", fault)
    refused = site.host.run("runuser -u postgres -- psql -qXc 'CREATE TABLE t ()'", check=False)
    assert "to avoid wraparound data loss" in refused.stderr, "the fault"
    found = look.diagnosed(site.host, CATALOGUE)
    assert [item.id for item in found.root_causes] == [WRAPAROUND]
    assert words in found.root_causes[0].because, found.root_causes[0].because
