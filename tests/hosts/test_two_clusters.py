"""The app's data lies in another PostgreSQL of this host: nothing is created on the one that answers in its place."""

from __future__ import annotations

import pytest
from test_traps import play
from unharmed import left_as_it_was

from lab.site import Site, differences, named

# The cluster with the data is another one by now; a new and empty one answers on the port that the app asks.
NEW_CLUSTER = """
stop_app
VERSION="$(ls /etc/postgresql)"
pg_renamecluster "$VERSION" main data
pg_ctlcluster "$VERSION" data stop || true
systemctl stop postgresql "postgresql@$VERSION-data" "postgresql@$VERSION-main"
pg_conftool "$VERSION" data set port 5433
pg_createcluster "$VERSION" main -p 5432
systemctl daemon-reload
systemctl start "postgresql@$VERSION-data" "postgresql@$VERSION-main"
until_true "pg_lsclusters -h | grep -c online | grep -q 2"
sql -p 5433 -d "$DATABASE_NAME" -tc "SELECT count(*) FROM $APP_TABLE" | grep -q 5
restart_app
"""
# Further ways in which the data is there and is not what answers, each after the one before.
WAYS = {
    "another cluster that runs": "",
    "another cluster that is stopped": 'systemctl stop "postgresql@$(ls /etc/postgresql)-data"',
    "the data of an older version": """
VERSION="$(ls /etc/postgresql)"
rm -r "/etc/postgresql/$VERSION/data"
install -d -o postgres -g postgres /var/lib/postgresql/9.6
mv "/var/lib/postgresql/$VERSION/data" /var/lib/postgresql/9.6/main
""",
    "a volume of a container's": """
mkdir -p /var/lib/docker/volumes/shop/_data
mv /var/lib/postgresql/9.6/main /var/lib/docker/volumes/shop/_data/pgdata
rmdir /var/lib/postgresql/9.6
""",
    "a server that is no service": """
VERSION="$(ls /etc/postgresql)"
install -d -o postgres -g postgres /data
mv /var/lib/docker/volumes/shop/_data/pgdata /data/shop
rm -r /var/lib/docker
touch /data/shop/postgresql.conf /data/shop/pg_ident.conf
printf 'local all all trust\\n' > /data/shop/pg_hba.conf
chown -R postgres: /data
systemd-run -q -p User=postgres "/usr/lib/postgresql/$VERSION/bin/postgres" -D /data/shop -p 5444 -k /data
until_true "[ -S /data/.s.PGSQL.5444 ]"
""",
}
# Where the other server answers, it is asked itself, and has the app's database.
ANSWERS = dict.fromkeys(("another cluster that runs", "a server that is no service"), "database/other-cluster")
WORDS = {"another cluster that runs": "the one on port 5433", "a server that is no service": "the one on port 5444"}
APPROVED = ["database/missing-role", "database/missing-database"]
# How many roles and databases of the app's name the cluster has that answers.
MADE = """
runuser -u postgres -- psql -qXAt -p 5432 -c "
SELECT (SELECT count(*) FROM pg_roles WHERE rolname = '$DATABASE_USER'),
  (SELECT count(*) FROM pg_database WHERE datname = '$DATABASE_NAME')"
"""


# Another team's cluster has the usual port, the app's own another one, and a third one is kept and stays down.
OWN_KILLED = """
stop_app
VERSION="$(ls /etc/postgresql)"
pg_renamecluster "$VERSION" main app
systemctl stop postgresql "postgresql@$VERSION-app" || true
pg_conftool "$VERSION" app set port 5433
pg_createcluster "$VERSION" main -p 5432
pg_createcluster "$VERSION" old -p 5434 --start-conf=manual
systemctl daemon-reload
systemctl start "postgresql@$VERSION-app" "postgresql@$VERSION-main"
sed -i '/^DB_PORT=/d' "$ENV_FILE"; echo DB_PORT=5433 >> "$ENV_FILE"
restart_app
until_true "curl -sf -o /dev/null -H 'Host: $SERVER_NAME' http://127.0.0.1$API_PATH"
systemctl kill --signal=KILL "postgresql@$VERSION-app"
until_true "systemctl is-failed -q postgresql@$VERSION-app"
"""
# The app's own alone was in use: systemd has loaded no other. It does not start before its database answers.
ONLY_OWN_WAS_UP = """
stop_app
VERSION="$(ls /etc/postgresql)"
pg_renamecluster "$VERSION" main live
systemctl stop postgresql "postgresql@$VERSION-live" || true
pg_conftool "$VERSION" live set port 5433
pg_createcluster "$VERSION" main -p 5432 --start-conf=manual
SCHEMA="/etc/systemd/system/$UNIT.d/schema.conf"
mkdir -p "$(dirname "$SCHEMA")"
printf '[Service]\\nExecStartPre=%s\\n' "$VENV/bin/python $ROOT/manage.py migrate --check" > "$SCHEMA"
systemctl daemon-reload
systemctl start postgresql "postgresql@$VERSION-live"
sed -i '/^DB_PORT=/d' "$ENV_FILE"; echo DB_PORT=5433 >> "$ENV_FILE"
restart_app
until_true "curl -sf -o /dev/null -H 'Host: $SERVER_NAME' http://127.0.0.1$API_PATH"
systemctl kill --signal=KILL "postgresql@$VERSION-live"
until_true "systemctl is-failed -q postgresql@$VERSION-live"
restart_app || true
until_true "systemctl is-failed -q $UNIT"
systemctl list-units --all --plain 'postgresql@*' | grep -c postgresql@ | grep -qx 1
"""
STATES = 'systemctl show -P MainPID "postgresql@$(ls /etc/postgresql)-main"; pg_lsclusters -h'


@pytest.mark.nightly
def test_the_apps_own_cluster_is_started_alone(site: Site) -> None:
    """Of three: the one that serves its port, whatever else runs; the other team's goes on, and the kept one stays."""
    site.host.break_with("", OWN_KILLED)
    before = site.host.run(STATES).stdout
    assert before.count(" online ") == 1
    code, incident, output = site.play("recover", rescue502_level="full")
    assert (code, incident["outcome"], named(incident)) == (0, "recovered", ["database/stopped"]), output
    after = site.host.run(STATES).stdout
    assert after.splitlines()[0] == before.splitlines()[0], "the other team's server was not restarted"
    assert [line.split()[1] for line in after.splitlines()[1:] if " online " in line] == ["app", "main"]


@pytest.mark.nightly
def test_the_apps_own_cluster_is_asked_and_not_the_usual_one(site: Site) -> None:
    """Whether it answers by now; the one that has the usual port stays down."""
    site.host.break_with("", ONLY_OWN_WAS_UP)
    code, incident, output = site.play("recover", rescue502_level="full")
    assert (code, incident["outcome"]) == (0, "recovered"), output
    states = site.host.run("pg_lsclusters -h").stdout
    assert [line.split()[1] for line in states.splitlines() if " online " in line] == ["live"]


@pytest.mark.nightly
def test_nothing_is_created_next_to_the_data(site: Site) -> None:
    """Approved or not: the report names the other server, the role or the data folder, and a person decides."""
    site.host.break_with("", NEW_CLUSTER)
    assert site.host.ask(site.shape.api_path)[0] in (500, 502)
    for way, script in WAYS.items():
        site.host.break_with("", script)
        with left_as_it_was(site):
            code, incident, output = site.play("recover", rescue502_approve=APPROVED)
        assert (code, incident["outcome"], incident["actions"]) == (2, "needs-human", []), f"{way}: {output}"
        assert named(incident) == [ANSWERS.get(way, "database/missing-role")], f"{way}: {output}"
        assert WORDS.get(way, "this host also has ") in incident["root_causes"][0]["because"], f"{way}: {output}"
        assert incident["awaiting"][0]["approve_with"] is None
        assert site.host.run(MADE).stdout.strip() == "0|0", way


@pytest.mark.nightly
def test_the_roles_refuse_too(site: Site) -> None:
    """Each alone, in anybody's playbook: nothing is created while another cluster could be the right one."""
    site.host.break_with("", NEW_CLUSTER)
    before = site.host.snapshot()
    for role in ("create_database_role", "create_database"):
        output = " ".join(apply(site, role).split())
        assert "this host has other PostgreSQL servers or data" in output, output
    assert differences(before, site.host.snapshot()) == set()


def apply(site: Site, role: str) -> str:
    """Run one of our roles alone; its output."""
    tasks = f"""
- name: The role refuses
  ansible.builtin.include_role:
    name: rescue502.django.{role}
    apply:
      ignore_errors: true
  vars:
    rescue502_unit: {site.shape.unit}
    rescue502_root: {site.shape.root}
    rescue502_venv: {site.shape.venv}
    rescue502_user: {site.shape.user}
"""
    return play(site, tasks)
