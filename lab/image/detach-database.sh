#!/usr/bin/env bash
# Runs in a provisioned host whose database is to be elsewhere: with `server` it becomes the database's host, with
# `client` it keeps the app alone.
set -euo pipefail
if [ "$1" = server ]; then
  systemctl disable -q nginx "$UNIT"
  for folder in /etc/postgresql/*/main; do
    printf "listen_addresses = '*'\n" >> "$folder/postgresql.conf"
    printf 'host all all all scram-sha-256\n' >> "$folder/pg_hba.conf"
  done
else
  systemctl disable -q postgresql
  DEBIAN_FRONTEND=noninteractive apt-get -qq purge -y 'postgresql*' > /dev/null 2>&1
  rm -rf /var/lib/postgresql /etc/postgresql
fi
