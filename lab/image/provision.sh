#!/usr/bin/env bash
# Makes a bare Debian into a lab host of one shape. Runs once, inside a running container, while the image is built.
# Next to this file lie facts.sh (the shape's facts), app/ and rendered/ (the code and the configuration, under the shape's
# names), and authorized_key; wheels are in /var/cache/wheels.
set -euo pipefail
here=$(dirname "$(readlink -f "$0")")
. "$here/facts.sh"
secret() { openssl rand -hex 24; }
as_app() { runuser -u "$APP_USER" -- "$@"; }
folder_of_app() { install -d -m "${2:-755}" -o "$APP_USER" -g "$APP_GROUP" "$1"; }

# pip and uv inside the host really install, from the wheels alone.
printf '[global]\nno-index = true\nfind-links = /var/cache/wheels\ndisable-pip-version-check = true\n' > /etc/pip.conf
install -d /etc/uv
printf 'no-index = true\nfind-links = ["/var/cache/wheels"]\n' > /etc/uv/uv.toml

# systemd hands credentials over through a mount that must be seen outside the namespace it was made in.
cat > /etc/systemd/system/shared-mounts.service <<'UNIT'
[Unit]
DefaultDependencies=no
Before=sysinit.target
[Service]
Type=oneshot
ExecStart=/usr/bin/mount --make-rshared /
[Install]
WantedBy=sysinit.target
UNIT
mount --make-rshared /

# An admin who logs in with a key and uses sudo, as on most servers.
useradd --create-home --shell /bin/bash admin
install -d -m 700 -o admin -g admin /home/admin/.ssh
install -m 600 -o admin -g admin "$here/authorized_key" /home/admin/.ssh/authorized_keys
echo 'admin ALL=(ALL) NOPASSWD: ALL' > /etc/sudoers.d/admin
chmod 440 /etc/sudoers.d/admin
echo 'PermitRootLogin no' > /etc/ssh/sshd_config.d/lab.conf
echo "127.0.0.1 $SERVER_NAME $DATABASE_HOST_NAME" >> /etc/hosts

# The app's own user, and the code: a checkout with an origin and a little history.
getent passwd "$APP_USER" > /dev/null || useradd --system --user-group --home-dir "$(dirname "$ROOT")" --shell /usr/sbin/nologin "$APP_USER"
install -d -m 755 "$ROOT" "$(dirname "$VENV")"
cp -r "$here/app/." "$ROOT"
mv "$ROOT/gitignore" "$ROOT/.gitignore"
chown -R "$APP_USER:$APP_GROUP" "$ROOT"
as_app git init -q -b main "$ROOT"
git() { as_app /usr/bin/git -C "$ROOT" -c user.name=developer -c user.email=developer@example.org "$@"; }
git add . && git reset -q "$APP_LABEL/migrations/0002_${MODEL}_city.py" && git commit -qm 'The API'
git add . && git commit -qm 'They have a city'
folder_of_app /srv/git
as_app git clone -q --bare "$ROOT" "/srv/git/$PACKAGE.git"
git remote add origin "/srv/git/$PACKAGE.git"
git fetch -q && git branch -q --set-upstream-to=origin/main main

# The virtual environment.
install -m 644 "$here/requirements.txt" /tmp/requirements.txt
folder_of_app "$VENV"
if [ "$INSTALLER" = uv ]; then
  python3 -m zipfile -e /var/cache/wheels/uv-*.whl /tmp/uv
  install -m 755 /tmp/uv/uv-*.data/scripts/uv /usr/local/bin/uv
  rm -r /tmp/uv
  as_app env HOME=/tmp uv venv --quiet --no-cache --clear --python /usr/bin/python3 "$VENV"
  as_app env HOME=/tmp uv pip install --quiet --no-cache --python "$VENV" -r /tmp/requirements.txt
else
  as_app python3 -m venv "$VENV"
  as_app "$VENV/bin/pip" install --quiet --no-cache-dir -r /tmp/requirements.txt
fi

rm /tmp/requirements.txt

# The database, and the secrets that only this image has.
password=$(secret)
if [ "$DATABASE" = sqlite ]; then
  folder_of_app "$ROOT/db"
else
  systemctl start postgresql
  runuser -u postgres -- psql -qv password="'$password'" -v name="$DATABASE_NAME" -v role="$DATABASE_USER" <<'SQL'
CREATE ROLE :role LOGIN PASSWORD :password;
CREATE DATABASE :name OWNER :role;
SQL
fi
sed -i "s/@DB_PASSWORD@/$password/; s/@SECRET_KEY@/$(secret)/" "$here"/rendered/*
private() { install -D -m 640 -o "$APP_USER" -g "$APP_GROUP" "$1" "$2"; }
[ -z "$ENV_FILE" ] || private "$here/rendered/environment" "$ENV_FILE"
if [ -n "$CREDENTIALS" ]; then
  install -d -m 700 "$CREDENTIALS"
  for name in SECRET_KEY DB_PASSWORD; do
    sed -n "s/^$name=//p" "$here/rendered/environment" > "$CREDENTIALS/$name"
    chmod 600 "$CREDENTIALS/$name"
  done
fi
folder_of_app "$MEDIA_ROOT" 775
folder_of_app "$LOG_DIR"
manage() { (cd "$ROOT" && set -a && . "$here/rendered/environment" && set +a && runuser -u "$APP_USER" -- "$VENV/bin/python" manage.py "$@"); }
manage migrate --noinput
manage collectstatic --noinput
manage shell -c "
from $APP_LABEL.models import $MODEL_CLASS; from notifications.models import Notification
[$MODEL_CLASS(name=f'Group {n}', city='Abidjan').save() for n in range(1, 6)]
[Notification(text=f'Message {n}').save() for n in range(1, 8)]"

# systemd and nginx.
install -m 644 "$here/rendered/app.service" "$UNIT_FILE"
[ -z "$SOCKET_UNIT" ] || install -m 644 "$here/rendered/app.socket" "/etc/systemd/system/$SOCKET_UNIT"
# What holds secrets in its lines is for root alone.
[ "$ENVIRONMENT" != unit ] || chmod 600 "$UNIT_FILE"
install -d -m 755 /etc/nginx/tls
openssl req -x509 -newkey rsa:2048 -nodes -days 3650 -subj "/CN=$SERVER_NAME" \
  -addext "subjectAltName=DNS:$SERVER_NAME" -keyout /etc/nginx/tls/site.key -out /etc/nginx/tls/site.crt 2>/dev/null
install -m 644 "$here/rendered/nginx-site.conf" "$NGINX_SITE"
ln -s "$NGINX_SITE" /etc/nginx/sites-enabled/
rm -f /etc/nginx/sites-enabled/default
[ -z "$NEIGHBOUR" ] || . "$here/neighbour.sh"
systemctl daemon-reload
# shellcheck disable=SC2086
systemctl enable -q $UNIT $SOCKET_UNIT nginx ssh shared-mounts

# A session that hangs on may not hold a reboot for a minute and a half.
install -d /etc/systemd/system.conf.d
printf '[Manager]\nDefaultTimeoutStopSec=10s\n' > /etc/systemd/system.conf.d/lab.conf

# A host that boots asks nothing of time servers or mail; what is left running here is stopped before the commit.
systemctl mask -q apt-daily.timer apt-daily-upgrade.timer dpkg-db-backup.timer e2scrub_all.timer fstrim.timer
# Only the score's monit contender starts it.
systemctl disable -q monit
# shellcheck disable=SC2086
systemctl stop nginx monit $UNIT $SOCKET_UNIT 2>/dev/null || true
if [ "$DATABASE" = sqlite ]; then
  systemctl disable -q postgresql
  DEBIAN_FRONTEND=noninteractive apt-get -qq purge -y 'postgresql*' > /dev/null 2>&1
  rm -rf /var/lib/postgresql /etc/postgresql
else
  systemctl enable -q postgresql
  systemctl stop postgresql
fi
rm -rf /var/lib/apt/lists/* /var/cache/apt/* "$here"
