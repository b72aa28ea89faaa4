#!/usr/bin/env bash
# Makes a bare Debian into the lab's host. Runs once, inside a running container, while the image is built.
# Wheels are in /opt/wheels, the app and the configuration beside this file, the SSH key in authorized_key.
set -euo pipefail
here=$(dirname "$(readlink -f "$0")")
site=/var/www/xamila
root=$site/xamila_backend
secret() { openssl rand -hex 24; }
as_app() { runuser -u www-data -- "$@"; }

# pip inside the host really installs, from the wheels alone.
printf '[global]\nno-index = true\nfind-links = /opt/wheels\ndisable-pip-version-check = true\n' > /etc/pip.conf

# An admin who logs in with a key and uses sudo, as on most servers.
useradd --create-home --shell /bin/bash admin
install -d -m 700 -o admin -g admin /home/admin/.ssh
install -m 600 -o admin -g admin "$here/authorized_key" /home/admin/.ssh/authorized_keys
echo 'admin ALL=(ALL) NOPASSWD: ALL' > /etc/sudoers.d/admin
chmod 440 /etc/sudoers.d/admin
echo 'PermitRootLogin no' > /etc/ssh/sshd_config.d/lab.conf
echo '127.0.0.1 api.xamila.example' >> /etc/hosts

# The code: a checkout with an origin and a little history.
install -d -m 755 $site
install -d -m 755 -o www-data -g www-data /srv/git
cp -r "$here/app" $root
mv $root/gitignore $root/.gitignore
chown -R www-data:www-data $site
as_app git init -q -b main $root
git() { runuser -u www-data -- /usr/bin/git -C $root -c user.name=developer -c user.email=developer@example.org "$@"; }
git add . && git reset -q sgis/migrations/0002_sgi_city.py && git commit -qm 'The API'
git add . && git commit -qm 'Savings groups have a city'
as_app git clone -q --bare $root /srv/git/xamila_backend.git
git remote add origin /srv/git/xamila_backend.git
git fetch -q && git branch -q --set-upstream-to=origin/main main

as_app python3 -m venv $root/venv
as_app $root/venv/bin/pip install --quiet --no-cache-dir -r $root/requirements.txt

# The database, and the secrets that only this image has.
systemctl start postgresql
password=$(secret)
runuser -u postgres -- psql -qv password="'$password'" <<'SQL'
CREATE ROLE xamila LOGIN PASSWORD :password;
CREATE DATABASE xamila OWNER xamila;
SQL
cat > $root/.env <<ENV
DJANGO_SETTINGS_MODULE=xamila.settings
SECRET_KEY=$(secret)
DEBUG=False
ALLOWED_HOSTS=api.xamila.example,localhost,127.0.0.1
CORS_ALLOWED_ORIGINS=https://xamila.example
DB_NAME=xamila
DB_USER=xamila
DB_PASSWORD=$password
DB_HOST=127.0.0.1
DB_PORT=5432
ENV
chown www-data:www-data $root/.env
chmod 640 $root/.env
install -d -o www-data -g www-data -m 775 $root/media
install -d -o www-data -g www-data -m 755 /var/log/xamila
manage() { (cd $root && set -a && . ./.env && set +a && runuser -u www-data -- venv/bin/python manage.py "$@"); }
manage migrate --noinput
manage collectstatic --noinput
manage shell -c "
from sgis.models import Sgi; from notifications.models import Notification
[Sgi(name=f'Group {n}', city='Abidjan').save() for n in range(1, 6)]
[Notification(text=f'Message {n}').save() for n in range(1, 8)]"

install -m 644 "$here/xamila.service" /etc/systemd/system/xamila.service
install -d -m 755 /etc/nginx/tls
openssl req -x509 -newkey rsa:2048 -nodes -days 3650 -subj /CN=api.xamila.example \
  -addext subjectAltName=DNS:api.xamila.example -keyout /etc/nginx/tls/site.key -out /etc/nginx/tls/site.crt 2>/dev/null
install -m 644 "$here/nginx-site.conf" /etc/nginx/sites-available/xamila
ln -s /etc/nginx/sites-available/xamila /etc/nginx/sites-enabled/xamila
rm -f /etc/nginx/sites-enabled/default
systemctl daemon-reload
systemctl enable -q xamila nginx postgresql ssh

# A session that hangs on may not hold a reboot for a minute and a half.
install -d /etc/systemd/system.conf.d
printf '[Manager]\nDefaultTimeoutStopSec=10s\n' > /etc/systemd/system.conf.d/lab.conf

# A host that boots asks nothing of time servers or mail; what is left running here is stopped before the commit.
systemctl mask -q apt-daily.timer apt-daily-upgrade.timer dpkg-db-backup.timer e2scrub_all.timer fstrim.timer
# Only the score's monit contender starts it.
systemctl disable -q monit
systemctl stop nginx postgresql xamila monit 2>/dev/null || true
rm -rf /var/lib/apt/lists/* /var/cache/apt/* "$here"
