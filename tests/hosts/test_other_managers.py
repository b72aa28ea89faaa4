"""An app that something else than systemd starts: what its manager says of it is named, and nothing is done."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from lab import Host
from lab.site import Site, named

pytestmark = pytest.mark.nightly

CAUSE = "service/other-manager"
SUPERVISOR = "supervisor==4.3.0"
# systemd's own unit is gone, and supervisor runs the app.
TAKEN_OVER = """
systemctl disable -q --now "$UNIT"
rm "$UNIT_FILE" && systemctl daemon-reload
python3 -m zipfile -e /root/supervisor.whl /usr/lib/python3/dist-packages
for name in supervisord supervisorctl; do
  printf '#!/usr/bin/python3\\nfrom supervisor.%s import main\\nmain()\\n' "$name" > "/usr/bin/$name"
  chmod 755 "/usr/bin/$name"
done
mkdir -p /etc/supervisor/conf.d
cat > /etc/supervisor/supervisord.conf <<END
[unix_http_server]
file=/run/supervisor.sock
[supervisord]
logfile=/var/log/supervisord.log
pidfile=/run/supervisord.pid
[rpcinterface:supervisor]
supervisor.rpcinterface_factory = supervisor.rpcinterface:make_main_rpcinterface
[supervisorctl]
serverurl=unix:///run/supervisor.sock
[include]
files = conf.d/*.conf
END
cat > /etc/supervisor/conf.d/shop.conf <<END
[program:shop]
command=$VENV/bin/gunicorn $PACKAGE.wsgi:application --bind $BIND
directory=$ROOT
user=$APP_USER
stopasgroup=true
environment=$(grep -E '^[A-Z_]+=' "$ENV_FILE" | sed 's/=\\(.*\\)/="\\1"/' | paste -sd,)
END
cat > /etc/systemd/system/supervisor.service <<END
[Service]
ExecStart=/usr/bin/supervisord -n -c /etc/supervisor/supervisord.conf
END
systemctl start supervisor
until_true "supervisorctl status | grep -q RUNNING"
until_true "curl -sf -o /dev/null -H 'Host: $SERVER_NAME' http://127.0.0.1$API_PATH"
"""
PROCESSES = "pgrep supervisord; pgrep gunicorn || true"
# What breaks it, and what the report must say.
WAYS = {
    "stopped": ("supervisorctl stop shop", "supervisor shop: STOPPED"),
    "cannot load its app": (
        'printf "startsecs=20\nstartretries=0\n" >> /etc/supervisor/conf.d/shop.conf; '
        'sed -i "s/$PACKAGE.wsgi/nothing.wsgi/" /etc/supervisor/conf.d/shop.conf; supervisorctl update; '
        'timeout 40 bash -c "until supervisorctl status | grep -q FATAL; do sleep 0.5; done"',
        "supervisor shop: FATAL Exited too quickly",
    ),
    "listens elsewhere": (
        'sed -i "/^start/d; s/nothing.wsgi/$PACKAGE.wsgi/; s/$BIND/127.0.0.1:8017/" /etc/supervisor/conf.d/shop.conf; '
        'supervisorctl update; until_true "ss -lnt | grep -q :8017"',
        "listens on 127.0.0.1:8017",
    ),
}
# A unit of a user's own systemd, which ends with the login that started it.
OF_A_USER = """
systemctl stop supervisor && rm -r /etc/supervisor
useradd -m deploy
install -d -o deploy /home/deploy/.config /home/deploy/.config/systemd /home/deploy/.config/systemd/user
printf '[Service]\\nExecStart=%s\\n' "$VENV/bin/gunicorn $PACKAGE.wsgi" > /home/deploy/.config/systemd/user/shop.service
"""


def supervisor_on(host: Host, folder: Path) -> None:
    """Put supervisor's own wheel on a host: the lab's image has none."""
    words = [sys.executable, "-m", "pip", "download", "-q", "--no-deps", "-d", str(folder), SUPERVISOR]
    subprocess.run(words, check=True, capture_output=True, timeout=120)
    host.put("/root/supervisor.whl", next(folder.glob("supervisor-*.whl")).read_bytes())


def test_supervisor_runs_it(site: Site, tmp_path_factory: pytest.TempPathFactory) -> None:
    """Healthy it is called healthy; down, its program's state is supervisor's own word, and a person decides."""
    supervisor_on(site.host, tmp_path_factory.mktemp("wheel"))
    site.host.break_with("", TAKEN_OVER)
    code, incident, output = site.play("recover", rescue502_unit="")
    assert (code, incident["outcome"], incident["actions"]) == (0, "healthy", []), output
    for way, (script, words) in WAYS.items():
        site.host.break_with("", script)
        before = site.host.run(PROCESSES).stdout
        code, incident, output = site.play("recover", rescue502_unit="")
        assert (code, incident["outcome"], incident["actions"]) == (2, "needs-human", []), f"{way}: {output}"
        assert named(incident) == [CAUSE], way
        assert words in incident["root_causes"][0]["because"], way
        assert "restart shop" in incident["awaiting"][0]["by_hand"]
        assert site.host.run(PROCESSES).stdout == before, "nothing was started or ended"
    site.host.break_with("", OF_A_USER)
    code, incident, output = site.play("diagnose", rescue502_unit="")
    assert named(incident) == [CAUSE], output
    assert "systemd-user shop.service: does not run, and ends with its user" in incident["root_causes"][0]["because"]
    assert "loginctl enable-linger deploy" in incident["awaiting"][0]["by_hand"]
