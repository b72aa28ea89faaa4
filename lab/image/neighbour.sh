# Sourced by provision.sh: the other site on a host that has two.
useradd --system --user-group --home-dir /srv/billing --shell /usr/sbin/nologin billing
install -d -m 755 -o billing -g billing /srv/billing
install -m 644 -o billing -g billing "$here/neighbour/billing.py" /srv/billing/billing.py
cp -a "$VENV" /srv/billing/venv
printf 'SECRET_KEY=%s\n' "$(secret)" > /srv/billing/.env
chmod 640 /srv/billing/.env
chown -R billing:billing /srv/billing
install -m 644 "$here/neighbour/billing.service" /etc/systemd/system/billing.service
install -m 644 "$here/neighbour/nginx-site.conf" /etc/nginx/sites-available/billing
ln -s /etc/nginx/sites-available/billing /etc/nginx/sites-enabled/
systemctl enable -q billing
