"""MariaDB refuses the app in several ways, one after the other: each is named by what the server says of itself."""

from __future__ import annotations

import pytest
from ansible_collections.rescue502.django.plugins.plugin_utils.catalogue.catalogue import load

from lab import look
from lab.site import Site

pytestmark = pytest.mark.nightly

REFUSES = "database/mysql-refuses"
CATALOGUE = load()
# Each with what takes it back, and what is said of it.
APP = "-h127.0.0.1 -usite -pbetween-7391"
HOLD = f"for n in $(seq 12); do (setsid mariadb {APP} -e 'SELECT SLEEP(200)' > /dev/null 2>&1 &); done; sleep 2"
# systemd starts a unit no more that was started too often.
AGAIN = 'systemctl reset-failed "$UNIT"; restart_app; sleep 1'
WAYS = {
    "another password": (
        "mariadb -e \"SET PASSWORD FOR site@localhost = PASSWORD('another')\"",
        "mariadb -e \"SET PASSWORD FOR site@localhost = PASSWORD('between-7391')\"",
        "with 1045, and it has site@localhost, with another password than the app's",
    ),
    "an account that was dropped": (
        "mariadb -e 'RENAME USER site@localhost TO old@localhost'",
        "mariadb -e 'RENAME USER old@localhost TO site@localhost'",
        "it has no account site",
    ),
    "a right that was taken": (
        "mariadb -e 'REVOKE ALL ON site.* FROM site@localhost'",
        "mariadb -e 'GRANT ALL ON site.* TO site@localhost'",
        "with 1044, and site@localhost has no right on the database site",
    ),
    "connections that somebody holds": (
        f"mariadb -e 'SET GLOBAL max_connections = 10'; {HOLD}",
        "mariadb -e 'SET GLOBAL max_connections = 100'",
        "all of its 10 connections are taken (max_connections); 10 by site from ",
    ),
}


def test_what_the_server_says_of_itself(site: Site) -> None:
    """It is the one cause each time; what a person did right again is not."""
    site.host.break_with("", "move_to_mariadb")
    for way, (fault, back, said) in WAYS.items():
        site.host.break_with("", f"{fault}\n{AGAIN}")
        assert site.host.ask(site.shape.api_path)[0] != 200, f"the fault, {way}"
        found = look.diagnosed(site.host, CATALOGUE)
        assert [item.id for item in found.root_causes] == [REFUSES], (way, [item.because for item in found.root_causes])
        assert said in " ".join(found.root_causes[0].because.split()), way
        site.host.break_with("", f"{back}\n{AGAIN}")
        assert site.host.ask(site.shape.api_path)[0] == 200, f"taken back, {way}"
