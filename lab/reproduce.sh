# Put before every reproduction: what a script that breaks a host may call, whatever the host's shape.

# Set a variable of the app's environment, wherever this host keeps it.
set_variable() {
  if [ -n "$CREDENTIALS" ] && [ -e "$CREDENTIALS/$1" ]; then
    printf '%s\n' "$2" > "$CREDENTIALS/$1"
    return
  fi
  unset_variable "$1"
  if [ "$ENVIRONMENT" = file ]; then
    printf '%s=%s\n' "$1" "$2" >> "$ENV_FILE"
  else
    sed -i "s|^WorkingDirectory=.*|&\nEnvironment=\"$1=$2\"|" "$UNIT_FILE"
    systemctl daemon-reload
  fi
}

# Take a variable out of the app's environment.
unset_variable() {
  if [ "$ENVIRONMENT" = file ]; then
    sed -i "/^$1=/d" "$ENV_FILE"
  else
    sed -i "/^Environment=\"$1=/d; /^LoadCredential=$1:/d" "$UNIT_FILE"
    systemctl daemon-reload
  fi
}

# Run manage.py as systemd would run the app: its user, its environment.
manage() {
  local properties=(-p "User=$APP_USER" -p "WorkingDirectory=$ROOT") line
  while read -r line; do properties+=(-p "$line"); done < <(grep -hE '^(Environment|EnvironmentFile|LoadCredential)=' "$UNIT_FILE")
  systemd-run --quiet --pipe --wait --collect "${properties[@]}" "$VENV/bin/python" -B manage.py "$@"
}

# git as the owner of the checkout.
app_git() {
  runuser -u "$(stat -c %U "$ROOT/.git")" -- git -C "$ROOT" -c user.name=dev -c user.email=dev@example.org "$@"
}

# SQL as PostgreSQL's own user; -d for another database than the first.
sql() {
  runuser -u postgres -- psql -qX "$@"
}

# Start the app anew; that it may fail is the point.
restart_app() {
  # shellcheck disable=SC2086
  systemctl restart $SOCKET_UNIT "$UNIT" || true
}

# Stop the app, and what would start it at the next request.
stop_app() {
  # shellcheck disable=SC2086
  systemctl stop $SOCKET_UNIT "$UNIT"
}

# Take a package out of the virtual environment, by its distribution's name and its module's.
uninstall() {
  local site try
  site="$("$VENV/bin/python" -c 'import sysconfig; print(sysconfig.get_path("purelib"))')"
  test -d "$site/$2"
  # A worker that is still starting writes its bytecode into the folder while it is emptied.
  for try in 1 2 3; do
    rm -rf "$site/$2" "$site/$(printf %s "$1" | tr - _)"-*.dist-info && return
  done
  return 1
}

# Add lines to the app's unit, below /run or /etc, under a name.
write_drop_in() {
  local folder="$1/systemd/system/$UNIT.d" name="$2"
  shift 2
  mkdir -p "$folder"
  printf '%s\n' "$@" > "$folder/$name.conf"
  systemctl daemon-reload
}

# Add lines to the app's unit; gone after a reboot, and not in a snapshot, which leaves out /run.
unit_drop_in() {
  write_drop_in /run reproduction "$@"
}

# The words of ExecStart= as they are now.
start_command() {
  systemctl show -P ExecStart "$UNIT" | sed -n 's/.*argv\[\]=\(.*\) ; ignore_errors=.*/\1/p'
}

# Make the app listen on a unix socket, with further words for gunicorn, and nginx ask it there.
serve_on_socket() {
  local socket="$1" command
  shift
  mkdir -p "$(dirname "$socket")"
  chown "$APP_USER:$APP_GROUP" "$(dirname "$socket")"
  command="$(start_command | sed -E "s#(unix:)?$BIND#unix:$socket#")"
  [[ $command == *"$socket"* ]] || command="$command --bind unix:$socket"
  # As lasting as nginx's own configuration: a reboot must not part them.
  write_drop_in /etc socket '[Service]' 'ExecStart=' "ExecStart=$command $*"
  sed -i -E "s#http://(unix:)?$BIND:?#http://unix:$socket:#; s#server +(unix:)?$BIND#server unix:$socket#" "$NGINX_SITE"
  restart_app
  timeout 10 bash -c "until [ -S '$socket' ]; do sleep 0.1; done"
  systemctl reload nginx
}

# A gunicorn whose configuration file holds these lines too, as nobody would write them.
with_hooks() {
  local config
  config="$(start_command | sed -nE 's/.* (-c|--config)[ =](file:)?([^ ]+).*/\3/p')"
  config="$(cd "$(systemctl show -P WorkingDirectory "$UNIT")" && realpath -q "${config:-gunicorn.conf.py}" || true)"
  mkdir -p /run/reproduction
  { [ ! -f "$config" ] || cat "$config"; cat; } > /run/reproduction/hooks.py
  unit_drop_in '[Service]' "ExecStart=" "ExecStart=$(start_command) --config /run/reproduction/hooks.py"
}

# An app that writes with each request, as one does that counts visits or keeps sessions.
write_with_each_request() {
  cat > "$ROOT/$PACKAGE/visits.py" <<'END'
from django.db import connection


class Middleware:
    def __init__(self, get_response):
        self.get_response = get_response

    def __call__(self, request):
        with connection.cursor() as cursor:
            cursor.execute("DELETE FROM django_migrations WHERE id < 0")
        return self.get_response(request)
END
  printf '\nMIDDLEWARE = ["%s.visits.Middleware", *MIDDLEWARE]\n' "$PACKAGE" >> "$ROOT/$PACKAGE/settings.py"
  app_git add -A
  app_git commit -qm 'Count the visits'
}

# Until something is so, for at most ten seconds.
until_true() {
  timeout 10 bash -c "until $1; do sleep 0.1; done"
}

# The status of a form as a browser sends it, with its cookie and token: its path, the origin of its page, the site's name.
form_status() {
  local jar token name="${3:-$SERVER_NAME}"
  local url="https://$name/${1:-admin/login/}" here=(-sk -o /dev/null --resolve "$name:443:127.0.0.1")
  jar="$(mktemp)"
  curl "${here[@]}" -c "$jar" "$url"
  token="$(awk '$6 == "csrftoken" { print $7 }' "$jar")"
  curl "${here[@]}" -b "$jar" -w '%{http_code}' -H "Origin: ${2:-https://$name}" -e "$url" \
    -d "csrfmiddlewaretoken=$token&username=nobody&password=wrong" "$url"
  rm -f "$jar"
}
export -f form_status

# Have nginx's configuration on disk send the app's requests where nobody listens.
point_nginx_elsewhere() {
  sed -i -E "s#http://(unix:)?$BIND:?#http://127.0.0.1:18123#; s#server +(unix:)?$BIND#server 127.0.0.1:18123#" "$NGINX_SITE"
}

# PgBouncer between the app and its database, with further lines for its section [pgbouncer].
put_pgbouncer_between() {
  local ini=/etc/pgbouncer/pgbouncer.ini
  apt-get -qq update > /dev/null
  DEBIAN_FRONTEND=noninteractive apt-get -qq install -y --no-install-recommends pgbouncer > /dev/null 2>&1
  printf '%s\n' '[databases]' "$DATABASE_NAME = host=127.0.0.1 port=5432 dbname=$DATABASE_NAME" '[pgbouncer]' \
    'listen_addr = 127.0.0.1' 'listen_port = 6432' 'unix_socket_dir = /var/run/postgresql' \
    'auth_type = scram-sha-256' 'auth_file = /etc/pgbouncer/userlist.txt' \
    'logfile = /var/log/postgresql/pgbouncer.log' 'pidfile = /var/run/postgresql/pgbouncer.pid' \
    'ignore_startup_parameters = extra_float_digits' "$@" > "$ini"
  sql -c "ALTER ROLE $DATABASE_USER PASSWORD 'between-7391'"
  printf '"%s" "between-7391"\n' "$DATABASE_USER" > /etc/pgbouncer/userlist.txt
  chown postgres: "$ini" /etc/pgbouncer/userlist.txt
  systemctl restart pgbouncer
  set_variable DB_PASSWORD between-7391
  set_variable DB_HOST 127.0.0.1
  set_variable DB_PORT 6432
  restart_app
  until_true "curl -sf -o /dev/null -H 'Host: $SERVER_NAME' 'http://127.0.0.1$API_PATH'"
}

# Have gunicorn speak TLS with a certificate of its own, which nginx verifies; further words are for `openssl x509 -req`.
serve_by_tls() {
  local folder=/etc/ssl/app
  mkdir -p "$folder"
  authority_for_tls
  openssl req -newkey rsa:2048 -nodes -subj /CN=app.internal -keyout "$folder/key.pem" -out "$folder/request.pem" 2> /dev/null
  printf 'subjectAltName=DNS:%s\nauthorityKeyIdentifier=keyid\n' "${TLS_NAME:-app.internal}" > "$folder/names"
  sign_for_tls "$@"
  chown -R "$APP_USER:$APP_GROUP" "$folder"
  # As lasting as nginx's own configuration.
  write_drop_in /etc tls '[Service]' 'ExecStart=' \
    "ExecStart=$(start_command) --certfile $folder/certificate.pem --keyfile $folder/key.pem"
  sed -i "s#proxy_pass http://#proxy_ssl_verify on;\n        proxy_ssl_trusted_certificate /etc/ssl/app.pem;\n        proxy_ssl_name app.internal;\n        proxy_pass https://#" "$NGINX_SITE"
  restart_app
  nginx -t
  systemctl reload nginx
  until_true "curl -sko /dev/null https://$BIND/"
}

# The authority of serve_by_tls, anew.
authority_for_tls() {
  openssl req -x509 -newkey rsa:2048 -nodes -days 90 -subj /CN=Authority -addext keyUsage=critical,keyCertSign \
    -keyout /etc/ssl/app/authority.key -out /etc/ssl/app.pem 2> /dev/null
}

# The certificate of serve_by_tls, anew; a negative number of days may be given.
sign_for_tls() {
  local folder=/etc/ssl/app signed=("-CA" "/etc/ssl/app.pem" "-CAkey" "/etc/ssl/app/authority.key" "-CAcreateserial")
  # Until OpenSSL 3.4 by a negative number of days, since then by dates.
  openssl x509 -req -in "$folder/request.pem" "${signed[@]}" -extfile "$folder/names" -out "$folder/certificate.pem" "$@" 2> /dev/null ||
    openssl x509 -req -in "$folder/request.pem" "${signed[@]}" -extfile "$folder/names" -out "$folder/certificate.pem" \
      -not_before 20200101000000Z -not_after 20200102000000Z
}

# A package `rates` that the app imports, linked from a folder as an editable installation links it; further words are for
# its .pth file, in the place of that folder.
link_package() {
  local folder="$1" site
  site="$("$VENV/bin/python" -c 'import sysconfig; print(sysconfig.get_path("purelib"))')"
  mkdir -p "$folder/rates" "$site/rates-1.0.dist-info"
  printf 'TAX = 2\n' > "$folder/rates/__init__.py"
  printf '%s\n' "${2:-$folder}" > "$site/__editable__.rates-1.0.pth"
  printf 'Metadata-Version: 2.1\nName: rates\nVersion: 1.0\n' > "$site/rates-1.0.dist-info/METADATA"
  printf 'rates\n' > "$site/rates-1.0.dist-info/top_level.txt"
  printf '{"dir_info": {"editable": true}, "url": "file://%s"}' "$folder" > "$site/rates-1.0.dist-info/direct_url.json"
  printf '%s,,\n' __editable__.rates-1.0.pth rates-1.0.dist-info/{METADATA,RECORD,top_level.txt,direct_url.json} \
    > "$site/rates-1.0.dist-info/RECORD"
  printf 'import rates\n%s\n' "$(cat "$ROOT/$PACKAGE/urls.py")" > "$ROOT/$PACKAGE/urls.py.new"
  cat "$ROOT/$PACKAGE/urls.py.new" > "$ROOT/$PACKAGE/urls.py" && rm "$ROOT/$PACKAGE/urls.py.new"
  app_git commit -qam 'Rates'
}

# An app whose database is MariaDB, on this host; its driver is Debian's, put into the app's environment.
move_to_mariadb() {
  local site
  apt-get -qq update > /dev/null
  DEBIAN_FRONTEND=noninteractive apt-get -qq install -y --no-install-recommends mariadb-server python3-pymysql > /dev/null 2>&1
  systemctl start mariadb
  mariadb -e "CREATE DATABASE site; GRANT ALL ON site.* TO site@localhost IDENTIFIED BY 'between-7391'"
  site="$("$VENV/bin/python" -c 'import sysconfig; print(sysconfig.get_path("purelib"))')"
  cp -r /usr/lib/python3/dist-packages/pymysql /usr/lib/python3/dist-packages/PyMySQL* "$site/"
  cat > "$ROOT/$PACKAGE/database.py" <<'END'
import pymysql

pymysql.version_info = (2, 2, 1, "final", 0)
pymysql.install_as_MySQLdb()
DATABASES = {
    "default": {
        "ENGINE": "django.db.backends.mysql",
        "NAME": "site",
        "USER": "site",
        "PASSWORD": "between-7391",
        "HOST": "127.0.0.1",
    }
}
END
  app_git commit -qam 'MariaDB'
  manage migrate --noinput > /dev/null
  restart_app
  until_true "curl -sf -o /dev/null -H 'Host: $SERVER_NAME' 'http://127.0.0.1$API_PATH'"
}
