"""PgBouncer's configuration, its console's answers and its log, in the words of 1.18."""

from __future__ import annotations

from pathlib import Path

import pytest
from ansible_collections.rescue502.django.plugins.module_utils.collectors import database_pooler
from ansible_collections.rescue502.django.plugins.module_utils.services import pgbouncer
from ansible_collections.rescue502.django.plugins.module_utils.services.pgbouncer import Bouncer
from ansible_collections.rescue502.django.plugins.module_utils.services.postgresql import PostgresError

INI = """
;; a comment = no setting
[databases]
shop = host=10.0.0.5 port=5433 dbname=shop_live
"with space" = host=/run/postgresql password='it''s = odd'
* = host=db.example
[pgbouncer]
listen_port = 6433
# listen_port = 1
auth_file = /etc/pgbouncer/userlist.txt
"""


def test_its_configuration() -> None:
    """Sections, comments, quoted names, and the fallback for a database that is not listed."""
    settings, databases = pgbouncer.parse(INI)
    bouncer = Bouncer("pgbouncer.service", "active", 1, "/x.ini", settings, databases)
    assert (bouncer.port, settings["auth_file"]) == (6433, "/etc/pgbouncer/userlist.txt")
    assert bouncer.destination("shop") == {"host": "10.0.0.5", "port": "5433", "dbname": "shop_live"}
    assert bouncer.destination("with space") == {"host": "/run/postgresql", "password": "it's = odd"}
    assert bouncer.destination("another") == {"host": "db.example"}
    assert Bouncer("", "", 0, "").destination("shop") is None
    assert Bouncer("", "", 0, "").port == pgbouncer.DEFAULT_PORT


def test_files_that_it_includes(tmp_path: Path) -> None:
    """They count where they are included, and one that includes itself ends."""
    (tmp_path / "pgbouncer.ini").write_text(f"[pgbouncer]\n%include {tmp_path}/more.ini\n")
    (tmp_path / "more.ini").write_text(f"listen_port = 7000\n%include {tmp_path}/more.ini\n")
    assert pgbouncer.parse(pgbouncer.read(str(tmp_path / "pgbouncer.ini")))[0] == {"listen_port": "7000"}
    assert pgbouncer.read(str(tmp_path / "gone.ini")) == ""


def test_its_consoles_answers() -> None:
    """Two answers with a head each, as psql prints them one after the other."""
    text = "key\tvalue\nauth_type\tmd5\nauth_user\t\nname\tpool_mode\nshop\t\nname\tsession\n"
    config, users = pgbouncer.tables(text, ("SHOW CONFIG", "SHOW USERS"))
    assert config == [{"key": "auth_type", "value": "md5"}, {"key": "auth_user", "value": ""}]
    assert [row["name"] for row in users] == ["shop", "name"]
    with pytest.raises(PostgresError):
        pgbouncer.tables("key\tvalue\n", ("SHOW CONFIG", "SHOW USERS"))


BEGIN = "2026-11-28 04:01:48.217 UTC [464]"
CLIENT = f"{BEGIN} WARNING C-0x56: shop/shop@127.0.0.1:46 pooler error:"
WRONG = 'password authentication failed for user "shop"'
# Lines of its log, what it said to the app, and what its server said.
LOGS = {
    "nothing": ([], "", ""),
    "its own": ([f"{CLIENT} SASL authentication failed"], "SASL authentication failed", ""),
    "before the database is known": (
        [f"{BEGIN} WARNING C-0x56: (nodb)/shop@127.0.0.1:46 pooler error: no such database: shop"],
        "no such database: shop",
        "",
    ),
    "the server's": ([f"{BEGIN} WARNING server login failed: FATAL {WRONG}", f"{CLIENT} {WRONG}"], WRONG, WRONG),
    "the server's, a while ago": (
        [f"{BEGIN} WARNING server login failed: FATAL {WRONG}", f"{CLIENT} server login has been failing, try again"],
        "server login has been failing, try again",
        WRONG,
    ),
    "the server's to another": (
        [
            f"{BEGIN} WARNING server login failed: FATAL {WRONG}",
            f"{BEGIN} WARNING C-0x57: crm/crm@127.0.0.1:46 pooler error: {WRONG}",
        ],
        "",
        "",
    ),
    "no server": (
        [f"{BEGIN} LOG S-0x56: shop/shop@127.0.0.1:5432 closing because: connect failed (age=0s)"],
        "",
        "connect failed",
    ),
}


@pytest.mark.parametrize("way", LOGS)
def test_its_log(way: str) -> None:
    """Its own refusals are distinguished from those of the server, which it passes on; another app's do not count."""
    lines, refused, server_refused = LOGS[way]
    assert database_pooler.refusals(lines, "shop", "shop") == (refused, server_refused)
