# Put before every reproduction: what a script that breaks a host may call, whatever the host's shape.

# Set a variable of the app's environment, wherever this host keeps it.
set_variable() {
  unset_variable "$1"
  printf '%s=%s\n' "$1" "$2" >> "$ENV_FILE"
}

# Take a variable out of the app's environment.
unset_variable() {
  sed -i "/^$1=/d" "$ENV_FILE"
}

# Run manage.py as systemd would run the app: its user, its environment.
manage() {
  systemd-run --quiet --pipe --wait --collect -p "User=$APP_USER" -p "WorkingDirectory=$ROOT" \
    -p "EnvironmentFile=$ENV_FILE" "$VENV/bin/python" -B manage.py "$@"
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
  systemctl restart "$UNIT" || true
}
