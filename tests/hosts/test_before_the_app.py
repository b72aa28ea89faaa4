"""What lies before the app, on real hosts: which server answers, who holds nginx's port, what lets nothing pass."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest
from ansible_collections.rescue502.django.plugins.module_utils.services import (
    nginx_config,
    nginx_headers,
    nginx_servers,
)
from ansible_collections.rescue502.django.plugins.plugin_utils.catalogue.catalogue import load
from ansible_collections.rescue502.django.plugins.plugin_utils.diagnosis.diagnosis import Diagnosis

from lab import look
from lab.podman import LabError
from lab.site import Site, named

pytestmark = pytest.mark.nightly
CATALOGUE = load()
# Each location says which one it is, and an echo of its own behind nginx says with which headers it was asked.
CONFIGURATION = r"""
events {}
http {
    access_log off;
    upstream my_app { server 127.0.0.1:8298; }
    server { listen 127.0.0.1:8298; return 200 "$http_host|$http_x_forwarded_proto|$http_x_a"; }
    server { listen 8299; server_name first.example; return 200 first; }
    server { listen 8299 default_server; server_name _; return 200 default; }
    server { listen 8299; server_name .both.example shop.*; return 200 both; }
    server { listen 8299; server_name *.eu.both.example; return 200 eu; }
    server { listen 8299; server_name ~^(?<who>\w+)\.people\.example$; return 200 regex; }
    server { listen 8299; server_name ~example$; return 200 late; }
    server { listen 127.0.0.1:8297; server_name a.example; return 200 loopback; }
    server { listen 8297; server_name b.example; return 200 every; }
    server {
        listen 8296;
        proxy_set_header X-A outer;
        location / { return 200 /; }
        location /api/ { return 200 /api/; }
        location ~ \.csv$ { return 200 csv; }
        location ^~ /static/ { return 200 static; }
        location = /exact { return 200 exact; }
        location /deep/ {
            return 200 deep;
            location ^~ /deep/in/ { return 200 in; }
            location ~ \.png$ { return 200 png; }
        }
        location /plain { proxy_pass http://my_app; }
        location /host { proxy_pass http://my_app; proxy_set_header Host $host; }
        location /http-host { proxy_pass http://my_app; proxy_set_header Host $http_host; }
        location /variable {
            set $up 127.0.0.1:8298;
            proxy_pass http://$up;
            proxy_set_header X-Forwarded-Proto $scheme;
        }
        location /a}b { return 200 "brace"; }
    }
}
"""
NAMES = [
    (8299, "first.example"), (8299, "both.example"), (8299, "a.b.both.example"), (8299, "x.eu.both.example"),
    (8299, "shop.org"), (8299, "ann.people.example"), (8299, "other.example"), (8299, "nowhere.test"),
    (8297, "b.example"), (8297, "a.example"),
]  # fmt: skip
PATHS = [
    "/", "/api/x", "/api/x.csv", "/static/x.csv", "/exact", "/exactly", "/deep/x", "/deep/in/x", "/deep/in/x.csv",
    "/deep/x.png", "/deep/x.csv", "/a}b",
]  # fmt: skip
HANDED = ["/plain", "/host", "/http-host", "/variable"]


def diagnosed(site: Site, **settings: object) -> Diagnosis:
    """The diagnosis of what the probe finds there."""
    return look.diagnosed(site.host, CATALOGUE, {f"rescue502_{name}": value for name, value in settings.items()})


def test_nginx_itself_agrees(site: Site, tmp_path: Path) -> None:
    """Which server takes a name, which location a path, which headers are sent: real answers and our reading."""
    site.host.run("mkdir -p /run/read")
    site.host.put("/run/read/nginx.conf", CONFIGURATION.encode())
    site.host.run("nginx -c /run/read/nginx.conf -g 'pid /run/read/pid; error_log /run/read/log;'")
    (tmp_path / "nginx.conf").write_text(CONFIGURATION)
    root = nginx_config.load(str(tmp_path / "nginx.conf"))[0]

    def ask(port: int, name: str, path: str) -> str:
        return site.host.run(f"curl -gs -H 'Host: {name}' 'http://127.0.0.1:{port}{path}'").stdout

    for port, name in NAMES:
        found = nginx_servers.answering(root, port, name, "127.0.0.1")
        assert found is not None
        assert ask(port, name, "/") == found.server.all("return")[0].words[2], name
    server = next(item for item in nginx_servers.servers(root) if item.first("listen") == "8296")
    for path in PATHS:
        assert ask(8296, "any", path) == nginx_servers.location(server, path)[-1].all("return")[0].words[2], path
    for path in HANDED:
        sent = nginx_headers.sent(root, server, nginx_headers.Request("http", "Any.example:81", path))
        assert sent is not None
        values = [sent[name].value if name in sent else "" for name in ("host", "x-forwarded-proto", "x-a")]
        assert ask(8296, "Any.example:81", path) == "|".join(values), path


TAKEN = {
    # A package's own unit, enabled when it was installed, that started first at the last boot.
    "a-unit-of-a-package": """
cp "$(readlink -f /usr/bin/python3)" /usr/sbin/apache2
printf '%s\\n' '[Unit]' 'Description=The Apache HTTP Server' '[Service]' \\
  'ExecStart=/usr/sbin/apache2 -m http.server --bind 0.0.0.0 80' 'Restart=on-abort' \\
  '[Install]' 'WantedBy=multi-user.target' > /etc/systemd/system/apache2.service
systemctl stop nginx
systemctl daemon-reload
systemctl enable --now apache2
until_true '(exec 3<>/dev/tcp/127.0.0.1/80)'
systemctl start nginx || true
""",
    # nginx by hand, as somebody did who forgot about systemd.
    "nginx-started-by-hand": """
systemctl stop nginx
printf 'events {} http { access_log off; server { listen 80; return 404; } }' > /root/nginx.conf
setsid nginx -c /root/nginx.conf -g 'pid /run/by-hand.pid;'
until_true '(exec 3<>/dev/tcp/127.0.0.1/80)'
systemctl start nginx || true
""",
}
SAID = {"a-unit-of-a-package": "Apache, process", "nginx-started-by-hand": "nginx, process"}


@pytest.mark.parametrize("way", TAKEN)
def test_who_holds_nginxs_port_is_named_and_ended_when_approved(site: Site, way: str) -> None:
    """Unasked nothing is done; then the holder ends, by its unit where it has one, and nginx serves the site."""
    site.host.break_with("", TAKEN[way])
    assert site.host.run("systemctl is-active nginx", check=False).stdout.strip() == "failed", "the fault"
    code, incident, output = site.play("recover")
    assert (code, incident["outcome"], incident["actions"]) == (2, "needs-approval", []), output
    assert named(incident) == ["proxy/port-taken"], output
    assert SAID[way] in incident["root_causes"][0]["because"]
    code, incident, output = site.play("recover", rescue502_approve=["proxy/port-taken"])
    assert [action["remedy"] for action in incident["actions"]] == ["end_process", "start_nginx"], output
    assert (code, incident["outcome"]) == (0, "recovered"), output
    assert site.host.ask(site.shape.api_path)[0] == 200


def packet_filter(site: Site, *words: str) -> None:
    """Add a rule with the controller's iptables, in the host's network namespace."""
    program = shutil.which("iptables") or "/usr/sbin/iptables"
    command = ["nsenter", f"--target={site.host._pid}", "--net", program, *words]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise LabError(done.stderr)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ((), "timed out"),
        (("--reject-with", "tcp-reset"), "Connection refused"),
        (("--reject-with", "icmp-host-prohibited"), "No route to host"),
    ],
    ids=["drop", "reset", "prohibited"],
)
def test_a_packet_filter_between_nginx_and_the_app(site: Site, words: tuple[str, ...], said: str) -> None:
    """The listener is seen, the connection is not made: it is the filter, and nothing is restarted."""
    target = ("REJECT", *words) if words else ("DROP",)
    port = site.shape.bind.rpartition(":")[2]
    packet_filter(site, "-I", "INPUT", "-i", "lo", "-p", "tcp", "--dport", port, "-j", *target)
    site.host.run(
        "sed -i 's/proxy_read_timeout.*/&\\n        proxy_connect_timeout 1s;/' $NGINX_SITE; systemctl restart nginx"
    )
    assert site.host.ask(site.shape.api_path)[0] in (502, 504), "the fault"
    found = diagnosed(site)
    assert [cause.id for cause in found.root_causes] == ["proxy/upstream-unreachable"]
    assert found.root_causes[0].because.count(said) == 1


def test_a_filter_that_lets_all_but_nginx_pass(site: Site) -> None:
    """A rule by the sender's account: root gets through, so that it is asked as nginx's own account."""
    port = site.shape.bind.rpartition(":")[2]
    site.host.run(
        "useradd -rM web-server; sed -i 's/^user .*/user web-server;/' /etc/nginx/nginx.conf; systemctl restart nginx"
    )
    uid = site.host.run("id -u web-server").stdout.strip()
    rule = ("-p", "tcp", "--dport", port, "-m", "owner", "--uid-owner", uid, "-j", "REJECT")
    packet_filter(site, "-I", "OUTPUT", *rule)
    assert site.host.ask(site.shape.api_path)[0] == 502, "the fault"
    assert site.host.run(f"curl -so /dev/null -w '%{{http_code}}' http://127.0.0.1:{port}/health/").stdout != "000"
    assert [cause.id for cause in diagnosed(site).root_causes] == ["proxy/upstream-unreachable"]


HOSTS = {
    # The upstream's name is sent, and an underscore is in no valid host name (RFC 1034).
    "the-name-of-a-group": 'sed -i "1i upstream my_app { server $BIND; }" $NGINX_SITE\n'
    'sed -i "/proxy_set_header Host/d; s#proxy_pass http://$BIND#proxy_pass http://my_app#" $NGINX_SITE\n',
    # One line in the location takes the place of all lines in the server.
    "a-line-that-replaces-all": "sed -i '/proxy_set_header/d' $NGINX_SITE\n"
    "sed -i '0,/server_name/s/^ *server_name .*/&\\n    proxy_set_header Host $host;/' $NGINX_SITE\n"
    "sed -i 's/^ *proxy_pass .*/&\\n        proxy_set_header X-Real-IP $remote_addr;/' $NGINX_SITE\n",
    "another-sites-name": "sed -i 's/proxy_set_header Host .*/proxy_set_header Host www.other.test;/' $NGINX_SITE\n",
}


@pytest.mark.parametrize("way", HOSTS)
def test_nginx_sends_another_host(site: Site, way: str) -> None:
    """Django accepts every name below the site's domain, so its settings are not at fault."""
    allowed = 'set_variable ALLOWED_HOSTS ".${SERVER_NAME#*.}"\nrestart_app\n'
    asked = "curl -so /dev/null -w '%{http_code}' -H 'Host: $SERVER_NAME' http://127.0.0.1$API_PATH"
    wait = f'nginx -t && systemctl reload nginx\nuntil_true "{asked} | grep -q 400"\n'
    site.host.break_with("", allowed + HOSTS[way] + wait)
    assert site.host.ask(site.shape.api_path)[0] == 400, "the fault"
    found = diagnosed(site)
    assert [cause.id for cause in found.root_causes] == ["proxy/host-not-passed"]
    assert site.host.run('basename "$NGINX_SITE"').stdout.strip() in found.root_causes[0].because


def test_a_host_without_nginx_is_asked_on_its_web_ports(site: Site) -> None:
    """Somebody else stands before the app and answers 502: it is named, though no check is set."""
    front = (
        "from http.server import *\\n"
        "class Bad(BaseHTTPRequestHandler):\\n"
        "    def do_GET(self):\\n"
        "        self.send_error(502)\\n"
        'HTTPServer(("", 80), Bad).serve_forever()\\n'
    )
    site.host.run(
        f"systemctl disable --now nginx; mv /etc/nginx /root/; printf '{front}' > /root/front.py\n"
        'cp "$(readlink -f /usr/bin/python3)" /usr/local/bin/haproxy\n'
        "systemd-run --quiet --unit=haproxy /usr/local/bin/haproxy /root/front.py\n"
        "timeout 9 bash -c 'until curl -so /dev/null http://127.0.0.1; do sleep 0.1; done'"
    )
    site.full = False
    assert site.host.ask(site.shape.api_path)[0] == 502, "the fault"
    _code, incident, output = site.play("diagnose")
    assert named(incident) == ["proxy/other-front"], output
    assert "HAProxy listens on 0.0.0.0:80" in incident["root_causes"][0]["because"]
    assert incident["evidence"]["edge"]["statuses"] == [502]


def test_outside_is_not_asked_where_it_is_not_wanted(site: Site) -> None:
    """A controller may be kept out on purpose."""
    site.host.break_with("edge/not-from-outside")
    checks = [{"url": "http://{{ ansible_host }}/health/", "host": site.shape.server_name}]
    _code, incident, output = site.play("diagnose", rescue502_edge=checks, rescue502_edge_from_controller=False)
    assert (named(incident), incident["outcome"]) == ([], "healthy"), output
    _code, incident, output = site.play("diagnose", rescue502_edge=checks)
    assert (named(incident), incident["outcome"]) == (["edge/not-from-outside"], "degraded"), output
