"""An app that uses a broker: its client, and a middleware by which each request meets it."""

from __future__ import annotations

from lab.image import CACHE, wheels
from lab.site import Site

FOLDER = "/var/tmp/wheels"
# The client in the app's environment and requirements; {imports} and {visit} are the middleware's own lines.
APP = """
"$VENV/bin/python" -m pip install -q --no-index --find-links {folder} {client}
echo {client} >> "$ROOT/requirements.txt"
cat > "$ROOT/$PACKAGE/visits.py" <<'PY'
{imports}


class Middleware:
    def __init__(self, get_response):
        self.get_response = get_response

    def __call__(self, request):
{visit}
PY
printf '\\nMIDDLEWARE = ["%s.visits.Middleware", *MIDDLEWARE]\\n' "$PACKAGE" >> "$ROOT/$PACKAGE/settings.py"
cat >> "$ROOT/$PACKAGE/settings.py" <<'PY'
{settings}
PY
app_git add -A
app_git commit -qm 'Count visits'
"""


def app(client: str, imports: str, visit: str, settings: str) -> str:
    """Bash that makes the app use the broker. visit: the body of a request, indented; settings: Django's, of Python."""
    return APP.format(folder=FOLDER, client=client, imports=imports, visit=visit, settings=settings)


def put_client(site: Site, client: str) -> None:
    """Put the client, and what it needs, onto the host as wheels. client: as pip takes it, NAME==VERSION."""
    site.host.run(f"mkdir -p {FOLDER}")
    kept = CACHE / f"wheels-{client.partition('==')[0]}"
    for path in sorted(wheels(kept, site.shape.python, [client]).glob("*.whl")):
        site.host.put(f"{FOLDER}/{path.name}", path.read_bytes())
