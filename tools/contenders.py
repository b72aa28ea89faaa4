"""The contenders: what people do today about a 502, a restart, the runbook by hand, monit."""

from __future__ import annotations

import time
from collections.abc import Callable

from lab import Host, breaking

MONIT_SECONDS = 25.0
COMMAND_SECONDS = 90
POLL_SECONDS = 1.0
# The runbook's whole procedure but for its last line, the reboot: all that it says, in its order, whatever is wrong.
RUNBOOK = """
set +e
find "$ROOT" -name '*.pyc' -not -path "$VENV/*" -delete
[ -z "$DATABASE_UNIT" ] || systemctl start "$DATABASE_UNIT"
chown -R "$APP_USER:$APP_GROUP" "$ROOT"
chmod -R 755 "$ROOT"
chmod -R 775 "$MEDIA_ROOT"
cd "$ROOT"
[ ! -f requirements.txt ] || runuser -u "$APP_USER" -- "$VENV/bin/python" -m pip install -q -r requirements.txt
manage check
manage migrate --noinput
manage collectstatic --noinput
systemctl daemon-reload
systemctl reset-failed "$UNIT"
systemctl restart "$UNIT"
systemctl restart nginx
true
"""
MONIT = """
cat > /etc/monit/conf.d/site <<CONF
set daemon 3
check process app matching "gunicorn.*$PACKAGE"
  start program = "/usr/bin/systemctl start $UNIT"
  stop program = "/usr/bin/systemctl stop $UNIT"
check host site with address 127.0.0.1
  if failed port 80 protocol http with http headers [Host: $SERVER_NAME] request "$API_PATH" status = 200
    timeout 5 seconds for 2 cycles then exec "/usr/bin/systemctl restart $UNIT"
CONF
systemctl start monit
"""
Contender = Callable[[Host], None]


def restart(host: Host) -> None:
    """`systemctl restart`, as the first reflex."""
    host.run(_bounded('systemctl restart "$UNIT"'), check=False)


def runbook(host: Host) -> None:
    """The runbook, line by line."""
    host.run(_bounded(breaking.prelude() + RUNBOOK), check=False)


def monit(host: Host) -> None:
    """Debian's monit, configured to restart the app on a failed HTTP check, and left alone for a while."""
    host.run(MONIT)
    deadline = time.monotonic() + MONIT_SECONDS
    while time.monotonic() < deadline and not is_well(host):
        time.sleep(POLL_SECONDS)
    host.run("systemctl stop monit")


def _bounded(script: str) -> str:
    return f"timeout {COMMAND_SECONDS} bash -s <<'SCRIPT'\n{script}\nSCRIPT\n"


def is_well(host: Host) -> bool:
    """Whether the edge answers as it should from outside, the front end's origin allowed."""
    for path in ("/health/", host.shape.api_path, "/api/notifications/user/count/"):
        status, headers, _body = host.ask(path)
        if status != 200 or headers.get("access-control-allow-origin") != host.shape.origin:
            return False
    return True


def stays_well(host: Host, seconds: float = 3.0) -> bool:
    """Whether it is well soon, and a few seconds later still: a crash loop answers in between."""
    deadline = time.monotonic() + 10.0
    while not is_well(host):
        if time.monotonic() > deadline:
            return False
        time.sleep(POLL_SECONDS / 4)
    time.sleep(seconds)
    return is_well(host)


CONTENDERS: dict[str, Contender] = {"systemctl restart": restart, "monit": monit, "runbook": runbook}
