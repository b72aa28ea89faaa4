"""What operators do to hosts whose sites are well, or are to stay as they are: bash for a lab host."""

from __future__ import annotations

ANSWERS = "curl -s -o /dev/null -w '%{http_code}' -H 'Host: $SERVER_NAME' http://127.0.0.1$API_PATH | grep -q STATUS"
# How an operator keeps visitors from the app: what nginx answers then, and the lines of its site; PROXY is the usual.
MAINTENANCES = {
    "return": (503, "return 503;"),
    "file": (503, "if (-f /srv/maintenance/index.html) { return 503; } error_page 503 /sorry.html; PROXY"),
    "page": (200, "location / { root /srv/maintenance; try_files /index.html =404; }"),
    "deny": (403, "location / { allow 192.0.2.1; deny all; proxy_pass http://127.0.0.1:8000; }"),
    "drained": (502, "location / { proxy_pass http://drained; }"),
    "redirect": (302, "location / { return 302 https://status.example/; }"),
    "stand-in": (503, "location / { proxy_pass http://127.0.0.1:8099; }"),
}
PREPARE = r"""
mkdir -p /srv/maintenance
echo 'back at noon' > /srv/maintenance/index.html
cat > /srv/stand-in.py <<'END'
from http.server import BaseHTTPRequestHandler, HTTPServer
class Sorry(BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_error(503, "back at noon")
HTTPServer(("127.0.0.1", 8099), Sorry).serve_forever()
END
systemd-run -q --unit=stand-in python3 /srv/stand-in.py
echo 'upstream drained { server 127.0.0.1:8000 down; }' > /etc/nginx/conf.d/drained.conf
cp "$NGINX_SITE" /srv/site
"""
USUAL = (
    "location / { proxy_pass http://127.0.0.1:8000; proxy_set_header Host $host; "
    "proxy_set_header X-Forwarded-Proto $scheme; }"
)
MAINTAIN = r"""
sed '/location \/ {/,$d' /srv/site > "$NGINX_SITE"
cat >> "$NGINX_SITE" <<'END'
LINES
}
END
stop_app
systemctl reload nginx
"""
ENDED = 'cp /srv/site "$NGINX_SITE"; systemctl reload nginx'
# Another web server of the operator's, which serves static files and hands other requests to the app.
FRONT = r"""
cat > /srv/front.py <<'END'
import http.client, sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
class Front(BaseHTTPRequestHandler):
    def do_GET(self):
        if self.path.startswith("/static/"):
            with open(sys.argv[2] + self.path[len("/static"):].partition("?")[0], "rb") as file:
                self.send_response(200)
                self.end_headers()
                return self.wfile.write(file.read())
        app = http.client.HTTPConnection("127.0.0.1", 8000)
        app.request("GET", self.path, headers=dict(self.headers))
        answer = app.getresponse()
        body = answer.read()
        self.send_response(answer.status)
        for name, value in answer.getheaders():
            if name.lower() not in ("connection", "transfer-encoding", "server", "date"):
                self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)
ThreadingHTTPServer(("0.0.0.0", int(sys.argv[1])), Front).serve_forever()
END
systemctl disable -q --now nginx
systemd-run -q --unit=front python3 /srv/front.py PORT "$STATIC_ROOT"
until_true "curl -sf -o /dev/null -H 'Host: $SERVER_NAME' http://127.0.0.1:PORT$API_PATH"
"""
# A second copy of the app on this host, and nginx that asks both.
PEER = r"""
systemd-run -q --unit=peer -p User="$APP_USER" -p WorkingDirectory="$ROOT" -p EnvironmentFile="$ENV_FILE" \
  "$VENV/bin/gunicorn" "$PACKAGE.wsgi:application" --bind 127.0.0.1:8001
echo 'upstream both { server 127.0.0.1:8000MARK; server 127.0.0.1:8001; }' > /etc/nginx/conf.d/both.conf
sed -i 's#proxy_pass .*;#proxy_pass http://both;#' "$NGINX_SITE"
until_true "curl -sf -o /dev/null -H 'Host: $SERVER_NAME' http://127.0.0.1:8001$API_PATH"
systemctl reload nginx
stop_app
sleep 1
"""
# Pages that take their time: the app has threads enough for them.
STREAM = "StreamingHttpResponse((time.sleep(1) or 'tick ' for _ in range(3600)), content_type='text/plain')"
# A download that comes by the letter, of a length that is said before.
DRIPS = (
    "StreamingHttpResponse((time.sleep(1) or 'x' for _ in range(60)), headers={'Content-Length': '60'}, "
    "content_type='text/csv')"
)
SLOW = "time.sleep(9) or HttpResponse('ready')"
SLOW_PAGES = {"a stream": STREAM, "a download": DRIPS, "a slow page": SLOW}
PAGE = r"""
cd "$ROOT"
cat >> "$PACKAGE/urls.py" <<'END'

import time
from django.http import HttpResponse, StreamingHttpResponse
urlpatterns.append(path("", lambda request: ANSWER))
END
app_git commit -qam 'A page that takes its time'
unit_drop_in '[Service]' 'ExecStart=' "ExecStart=$(start_command) --threads 8 --timeout 120"
restart_app
until_true "curl -sf -o /dev/null -H 'Host: $SERVER_NAME' http://127.0.0.1$API_PATH"
"""
RENAMED = (
    "sed -i 's/city/town/' sgis/models.py sgis/urls.py\n"
    "cat > sgis/migrations/0003_town.py <<'MIGRATION'\n"
    "from django.db import migrations\nclass Migration(migrations.Migration):\n"
    "    dependencies = [('sgis', '0002_sgi_city')]\n"
    "    operations = [migrations.RenameField('sgi', 'city', 'town')]\nMIGRATION\ngit add ."
)
# The code before the last commit, on the tables as they are.
OLD_CODE_ON_NEW_TABLES = """
app_git checkout -q HEAD~1
restart_app
until_true "curl -s -o /dev/null -H 'Host: $SERVER_NAME' http://127.0.0.1:8000/health/"
"""

# A job for which the app is to be down, as its unit says, or the app's.
_BACKUP = """
printf '%s\n' '[Unit]' {line} '[Service]' 'ExecStart=/bin/sleep infinity' > /run/systemd/system/cold-backup.service
systemctl daemon-reload
{stop}
systemctl start cold-backup.service
until_true "systemctl is-active -q cold-backup.service"
"""
CONFLICTS = {
    "its own": _BACKUP.format(line='"Conflicts=$UNIT"', stop=""),
    "the app's": "unit_drop_in '[Unit]' 'Conflicts=cold-backup.service'\n" + _BACKUP.format(line="", stop="stop_app"),
}
# A job for which another server is to be down: nginx, under whatever name, or the database, which the app may want.
_WHILE_DOWN = _BACKUP.format(line="Conflicts={unit}", stop="systemctl stop {unit}")
# By what Debian's generator wants, also where it is stopped.
_CLUSTERS = '"$(ls /run/systemd/generator/postgresql.service.wants)"'
_CLUSTER = f"cluster={_CLUSTERS}\n"
OTHER_NGINX = """
cp /lib/systemd/system/nginx.service /etc/systemd/system/edge-proxy.service
systemctl disable -q --now nginx; systemctl daemon-reload; systemctl enable -q --now edge-proxy
"""
# (bash, the failure mode that is found, the units that stay down)
OTHERS_CONFLICTS = {
    "nginx": (_WHILE_DOWN.format(unit="nginx.service"), "proxy/stopped", "nginx"),
    "another-nginx": (OTHER_NGINX + _WHILE_DOWN.format(unit="edge-proxy.service"), "proxy/stopped", "edge-proxy"),
    "the-cluster": (_CLUSTER + _WHILE_DOWN.format(unit='"$cluster"'), "database/stopped", _CLUSTERS),
    "what-the-app-wants": (
        "unit_drop_in '[Unit]' Wants=postgresql.service\n"
        + _CLUSTER
        + _WHILE_DOWN.format(unit='"$cluster"')
        + "systemctl stop postgresql; stop_app\n",
        "database/stopped",
        '"$UNIT"',
    ),
}
TOGETHER_AGAIN = """rm -f /run/systemd/system/cold-backup.service "$UNIT_FILE.d"/*.conf
systemctl daemon-reload
"""
