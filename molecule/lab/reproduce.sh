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
  local site
  site="$("$VENV/bin/python" -c 'import sysconfig; print(sysconfig.get_path("purelib"))')"
  rm -r "$site/$2" "$site/$(printf %s "$1" | tr - _)"-*.dist-info
}
