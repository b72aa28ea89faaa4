#!/usr/bin/env bash
# Makes a booted lab host into a generated one. The new host's facts are in its environment, and those of the image's host
# with OLD_ before them. In this folder: app/ and rendered/, wheels/, packages (a list), and secrets in rendered/ already.
set -euo pipefail
cd "$(dirname "$(readlink -f "$0")")"
here="$PWD"
as() { local user="$1"; shift; runuser -u "$user" -- "$@"; }

# What the image had.
systemctl disable -q --now "$OLD_UNIT"
systemctl stop nginx
rm -f "$OLD_UNIT_FILE" "$OLD_NGINX_SITE" /etc/nginx/sites-enabled/*
mv "$OLD_VENV" "$here/venv"
rm -rf "$OLD_ROOT" "$OLD_LOG_DIR" /srv/git /srv/notes "${OLD_ENV_FILE:-/nonexistent}"
[ "$(dirname "$OLD_ROOT")" = /var/www ] || rm -rf "$(dirname "$OLD_ROOT")"
[ "$OLD_APP_USER" = www-data ] || userdel "$OLD_APP_USER"
echo "127.0.0.1 $SERVER_NAME" >> /etc/hosts

# Who runs it and whose it is. A home folder is for its owner and group, as Ubuntu makes them; nginx is of the group.
if [ "$APP_USER" != www-data ]; then
  case "$ROOT" in
    /home/*) useradd --create-home --user-group --shell /bin/bash "$APP_USER"; chmod 750 "/home/$APP_USER" ;;
    *) useradd --system --user-group --home-dir "$(dirname "$ROOT")" --shell /usr/sbin/nologin "$APP_USER" ;;
  esac
  usermod -aG "$APP_USER" www-data
fi
getent passwd "$OWNER" > /dev/null || useradd --create-home --shell /bin/bash "$OWNER"

# The code, at its place: a folder, or a link to the release of today.
TARGET="$ROOT"
mkdir -p "$(dirname "$ROOT")"
if [ "$(basename "$ROOT")" = current ]; then
  TARGET="$(dirname "$ROOT")/releases/20261101120000"
  install -d "$(dirname "$ROOT")/releases/20261015090000" "$(dirname "$ROOT")/shared"
  ln -s releases/20261101120000 "$ROOT"
fi
install -d "$TARGET"
mv app/gitignore "$here/gitignore"
cp -r app/. "$TARGET"
if [ "$HAS_GIT" = yes ]; then
  if [ "$REPOSITORY" != "$ROOT" ]; then
    mkdir "$REPOSITORY/frontend"
    echo '<p>hello' > "$REPOSITORY/frontend/index.html"
    echo '.venv/' > "$REPOSITORY/.gitignore"
  fi
  cp gitignore "$ROOT/.gitignore"
  printf 'env/\nrun/\ndb/\nmyprojectenv/\n.venv/\n' >> "$ROOT/.gitignore"
  chown -R "$OWNER" "$REPOSITORY"
  git() { as "$OWNER" /usr/bin/git -C "$REPOSITORY" -c user.name=developer -c user.email=developer@example.org "$@"; }
  git init -q -b main .
  git add . && git commit -qm 'The site'
  echo '"""Things to count."""' > "$ROOT/$APP_LABEL/numbers.py"
  chown "$OWNER" "$ROOT/$APP_LABEL/numbers.py"
  git add . && git commit -qm 'Numbers'
fi

# The virtual environment, moved: its programs name its Python.
mkdir -p "$(dirname "$VENV")"
mv venv "$VENV"
grep -rlI "$OLD_VENV" "$VENV/bin" "$VENV/pyvenv.cfg" | xargs sed -i "s#$OLD_VENV#$VENV#g"
[ ! -s packages ] || PIP_CONFIG_FILE=/dev/null "$VENV/bin/python" -m pip install -q --no-index --no-cache-dir --find-links wheels \
  --root-user-action ignore -r packages
cp -n wheels/* /var/cache/wheels/ 2> /dev/null || true

# The database, and where the app writes.
if [ "$DATABASE" = sqlite ]; then
  install -d "$TARGET/db"
else
  runuser -u postgres -- psql -qX <<SQL
DROP DATABASE "$OLD_DATABASE_NAME";
DROP ROLE "$OLD_DATABASE_USER";
CREATE ROLE "$DATABASE_USER" LOGIN PASSWORD '$DB_PASSWORD';
CREATE DATABASE "$DATABASE_NAME" OWNER "$DATABASE_USER";
SQL
fi
install -d "$LOG_DIR"
mkdir -p "$STATIC_ROOT" "$TARGET/run"
if [ "$TARGET" != "$ROOT" ]; then
  mkdir -p "$(dirname "$ROOT")/shared/media"
  ln -s "$(dirname "$ROOT")/shared/media" "$TARGET/media"
else
  mkdir -p "$TARGET/media"
fi
[[ $BIND == */run/app.sock ]] || rmdir "$TARGET/run"

# Owners and modes, and nothing that only root may enter on the way.
chown -R "$OWNER:$APP_GROUP" "$TARGET" "$VENV"
case "$ROOT" in /home/*) chown -R "$APP_USER:$APP_GROUP" "/home/$APP_USER" ;; esac
[[ $ROOT != /home/* ]] || chown -R "$OWNER:$APP_GROUP" "$TARGET"
case "$OWNING" in
  app) chmod -R u=rwX,go=rX "$TARGET" ;;
  root) chmod -R u=rwX,go=rX "$TARGET" "$VENV" ;;
  deploy) chmod -R u=rwX,g=rX,o= "$TARGET" "$VENV" ;;
  acl)
    chown -R "$OWNER:$OWNER" "$TARGET"
    chmod -R u=rwX,go= "$TARGET"
    python3 "$here/grant.py" "$TARGET" "$APP_USER" www-data
    ;;
esac
for folder in "$TARGET/media" "$STATIC_ROOT" "$TARGET/db" "$TARGET/run"; do
  [ ! -e "$folder" ] || { chown -R "$APP_USER:$APP_GROUP" "$folder/"; chmod -R u=rwX,go=rX "$folder/"; }
done
chown "$APP_USER:$APP_GROUP" "$LOG_DIR" "$(readlink -f "$TARGET/media")"

# Its variables.
if [ -n "$ENV_FILE" ]; then install -D -m 640 -o "$OWNER" -g "$APP_GROUP" rendered/environment "$ENV_FILE"; fi
if [ -n "$CREDENTIALS" ]; then
  install -d -m 700 "$CREDENTIALS"
  for name in SECRET_KEY DB_PASSWORD; do
    ! grep -q "^$name=" rendered/environment || install -m 600 <(sed -n "s/^$name=//p" rendered/environment) "$CREDENTIALS/$name"
  done
fi
manage() { (cd "$ROOT" && set -a && . "$here/rendered/environment" && set +a && as "$APP_USER" "$VENV/bin/python" -B manage.py "$@"); }
manage migrate --noinput -v 0
[ "$STATIC" = none ] || manage collectstatic --noinput -v 0
manage shell -c "
from $APP_LABEL.models import Item; from notifications.models import Notification
[Item(name=f'Item {n}', city='Abidjan').save() for n in range(1, 6)]
[Notification(text=f'Message {n}').save() for n in range(1, 8)]"
find "$TARGET" -name __pycache__ -prune -path "$TARGET/*" -not -path "$VENV/*" -exec rm -rf {} +

# systemd and nginx.
install -m 644 rendered/app.service "$UNIT_FILE"
[ -z "$SOCKET_UNIT" ] || install -m 644 rendered/app.socket "/etc/systemd/system/$SOCKET_UNIT"
[ "$ENVIRONMENT" != unit ] || chmod 600 "$UNIT_FILE"
openssl req -x509 -newkey rsa:2048 -nodes -days 3650 -subj "/CN=$SERVER_NAME" \
  -addext "subjectAltName=DNS:$SERVER_NAME" -keyout /etc/nginx/tls/site.key -out /etc/nginx/tls/site.crt 2> /dev/null
install -m 644 rendered/nginx-site.conf "$NGINX_SITE"
ln -s "$NGINX_SITE" /etc/nginx/sites-enabled/
nginx -qt
systemctl daemon-reload
# A socket starts its service, which need not be enabled.
systemctl enable -q "${SOCKET_UNIT:-$UNIT}"
systemctl start "${SOCKET_UNIT:-$UNIT}" nginx
cd /
rm -rf "$here"
