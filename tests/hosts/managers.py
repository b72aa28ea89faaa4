"""Hosts on which another program than systemd keeps the app: real Docker, podman, uWSGI's Emperor, a user's systemd.

All come from the distribution. Docker and podman run inside of a lab host, which is a container itself: their files lie
in memory, where overlays can be mounted, and podman asks for no limits that the lab does not have.
"""

from __future__ import annotations

# Nothing is started by its installation.
INSTALL = """
export DEBIAN_FRONTEND=noninteractive
printf '#!/bin/sh\\nexit 101\\n' > /usr/sbin/policy-rc.d; chmod 755 /usr/sbin/policy-rc.d
apt-get update -qq
apt-get install -y -qq --no-install-recommends PACKAGES > /dev/null
rm /usr/sbin/policy-rc.d
"""
# The app's own unit is gone.
NO_UNIT = """
systemctl disable -q --now "$UNIT"
rm -rf "$UNIT_FILE" "/etc/systemd/system/$UNIT.d"
systemctl daemon-reload
"""
SERVES = "until_true \"curl -sf -o /dev/null -H 'Host: $SERVER_NAME' http://127.0.0.1$API_PATH\"\n"

CONTAINERS = INSTALL.replace("PACKAGES", "docker.io podman runc iptables") + (
    """
mkdir -p /var/lib/docker /var/lib/containers /etc/containers
mount -t tmpfs tmpfs /var/lib/docker
mount -t tmpfs tmpfs /var/lib/containers
cat > /etc/containers/containers.conf <<END
[containers]
pids_limit = 0
default_ulimits = ["nofile=1024:1024", "nproc=$(ulimit -Hu):$(ulimit -Hu)"]
[engine]
runtime = "runc"
END
systemctl start docker
root() {
  (cd / && tar -c bin lib lib64 usr/bin usr/lib/x86_64-linux-gnu usr/lib64 usr/lib/python3* etc/passwd etc/group \\
    etc/ld.so.cache "${VENV#/}")
}
root | docker import - shop:latest > /dev/null
root | podman import -q - shop:latest > /dev/null
"""
    + NO_UNIT
)
# run ENGINE OPTIONS MODULE BIND: the app in a container called shop, a new one each time.
RUN = """
run() {
  docker rm -f shop > /dev/null 2>&1 || true
  podman rm -f shop > /dev/null 2>&1 || true
  # shellcheck disable=SC2086
  "$1" run -d --name shop $2 --user "$(id -u "$APP_USER")" --env-file "$ENV_FILE" \\
    -v "$ROOT:$ROOT" -v /var/log:/var/log -w "$ROOT" shop:latest "$VENV/bin/gunicorn" "$3" --bind "$4" > /dev/null
}
"""

EMPEROR = (
    INSTALL.replace("PACKAGES", "uwsgi-emperor uwsgi-plugin-python3")
    + NO_UNIT
    + """
cat > /etc/uwsgi-emperor/vassals/shop.ini <<END
[uwsgi]
plugins = python3
chdir = $ROOT
virtualenv = $VENV
module = $PACKAGE.wsgi:application
http-socket = $BIND
master = true
need-app = true
for-readline = $ENV_FILE
  env = %(_)
endfor =
END
systemctl enable -q --now uwsgi-emperor
"""
    + SERVES
)
# set_vassal NAME VALUE: an option of the vassal's, which its Emperor then loads.
SET_VASSAL = """
set_vassal() {
  sed -i "s#^$1 = .*#$1 = $2#" /etc/uwsgi-emperor/vassals/shop.ini
  systemctl restart uwsgi-emperor
}
"""

OF_A_USER = (
    INSTALL.replace("PACKAGES", "libpam-systemd dbus-user-session")
    + NO_UNIT
    + """
systemctl start systemd-logind
useradd -m -G "$APP_GROUP" deploy
install -d -o deploy /home/deploy/.config /home/deploy/.config/systemd /home/deploy/.config/systemd/user
install -o deploy -m 600 "$ENV_FILE" /home/deploy/env
chmod -R g+rX "$ROOT"; chmod -R g+w /var/log/"$PACKAGE" || true
cat > /home/deploy/.config/systemd/user/shop.service <<END
[Service]
WorkingDirectory=$ROOT
EnvironmentFile=/home/deploy/env
ExecStart=$VENV/bin/gunicorn $PACKAGE.wsgi:application --bind $BIND
[Install]
WantedBy=default.target
END
loginctl enable-linger deploy
until_true "systemctl is-active -q user@$(id -u deploy)"
systemctl --user -M deploy@ enable -q --now shop
"""
    + SERVES
)
# set_unit FROM TO: other words in the user's unit, which is then started anew.
SET_UNIT = """
set_unit() {
  sed -i "s#$1#$2#" /home/deploy/.config/systemd/user/shop.service
  systemctl --user -M deploy@ daemon-reload
  systemctl --user -M deploy@ restart shop
}
"""
