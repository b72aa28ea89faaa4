"""What PostgreSQL does not let the app's role do is named apart, and none of it is repaired unasked."""

from __future__ import annotations

import pytest

from lab.site import Site, named

pytestmark = pytest.mark.nightly

DENIED, ELSEWHERE, NO_ENTRY = "database/permission-denied", "database/tables-elsewhere", "database/connect-denied"
NEW_SERVER = """
sql -d "$DATABASE_NAME" -c "ALTER SCHEMA public OWNER TO postgres" \\
  -c "REVOKE CREATE ON SCHEMA public FROM PUBLIC, $DATABASE_USER"
sql -c "ALTER DATABASE $DATABASE_NAME OWNER TO postgres"
"""
# Bash that breaks a site, the one cause, and what its sentence must hold.
WAYS = {
    "the role's search path leads nowhere": (
        'sql -c "ALTER ROLE $DATABASE_USER SET search_path = nowhere"',
        ELSEWHERE,
        "is nowhere (set by: user)",
    ),
    "the database's leads to an empty schema": (
        'sql -d "$DATABASE_NAME" -c "CREATE SCHEMA tenant AUTHORIZATION $DATABASE_USER" '
        '-c "ALTER DATABASE $DATABASE_NAME SET search_path = tenant"',
        ELSEWHERE,
        "is tenant (set by: database)",
    ),
    "the schema was renamed": (
        'sql -d "$DATABASE_NAME" -c "ALTER SCHEMA public RENAME TO old"',
        ELSEWHERE,
        "the schema old has",
    ),
    "no USAGE of the schema": (
        'sql -d "$DATABASE_NAME" -c "REVOKE ALL ON SCHEMA public FROM PUBLIC, $DATABASE_USER" '
        '-c "ALTER SCHEMA public OWNER TO postgres"',
        DENIED,
        "may not use schema public",
    ),
    "a table that may only be read": (
        'sql -d "$DATABASE_NAME" -c "ALTER TABLE django_migrations OWNER TO postgres" '
        '-c "GRANT SELECT ON django_migrations TO $DATABASE_USER"\nwrite_with_each_request',
        DENIED,
        "permission denied for table django_migrations",
    ),
    "migrations that may make no table": (
        f'manage migrate --noinput "$APP_LABEL" zero\n{NEW_SERVER}',
        DENIED,
        "create tables in schema public (owner postgres)",
    ),
    "migrations that may not change a table": (
        'manage migrate --noinput "$APP_LABEL" "$PREVIOUS_MIGRATION"\n'
        'sql -d "$DATABASE_NAME" -c "ALTER TABLE $APP_TABLE OWNER TO postgres" '
        '-c "GRANT ALL ON $APP_TABLE TO $DATABASE_USER" '
        '-c "GRANT ALL ON ALL SEQUENCES IN SCHEMA public TO $DATABASE_USER"',
        DENIED,
        "(owner postgres)",
    ),
    "no CONNECT": (
        'sql -c "ALTER DATABASE $DATABASE_NAME OWNER TO postgres" '
        '-c "REVOKE CONNECT ON DATABASE $DATABASE_NAME FROM PUBLIC, $DATABASE_USER"',
        NO_ENTRY,
        "has no CONNECT right on the database",
    ),
    "no LOGIN": ('sql -c "ALTER ROLE $DATABASE_USER NOLOGIN"', NO_ENTRY, "may not log in (NOLOGIN)"),
    "a database that takes no connections": (
        'sql -c "ALTER DATABASE $DATABASE_NAME ALLOW_CONNECTIONS false"',
        NO_ENTRY,
        "(ALLOW_CONNECTIONS false)",
    ),
}
# What could be taken for the cause, and would make the tables anew or change rights.
APPROVED = ["schema/unapplied-migrations", "database/missing-database", "database/missing-role"]


@pytest.mark.parametrize("way", WAYS)
def test_a_right_that_lacks_is_named(site: Site, way: str) -> None:
    """That is the one cause, its sentence names what is refused and whose it is, and approving others does nothing."""
    fault, cause, words = WAYS[way]
    site.host.break_with("", f"{fault}\nrestart_app\n")
    assert site.host.ask(site.shape.api_path)[0] == 500, "the fault"
    code, incident, output = site.play("recover", rescue502_approve=APPROVED)
    assert (code, incident["outcome"], incident["actions"]) == (2, "needs-human", []), output
    assert named(incident) == [cause], output
    assert words in incident["root_causes"][0]["because"], incident["root_causes"][0]["because"]
