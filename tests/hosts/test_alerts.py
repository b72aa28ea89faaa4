"""From a fault to its repair by an alert, with nobody at the keyboard and each part as its makers ship it."""

from __future__ import annotations

import json
import socket
import threading
import time
import urllib.error
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from alert_chain import PORTS, ROOT, TOKEN, Chain, answers, begin, fetch, rulebook, wait_until
from web_server import serving

from lab.site import Site, put


@pytest.mark.nightly
@pytest.mark.xdist_group("alert-chain")
def test_an_alert_brings_the_site_back(site: Site, tmp_path: Path, record_property: pytest.RecordProperty) -> None:
    """Fault, scrape, alert, webhook, recovery; the seconds of each are recorded."""
    fetch()
    assert not any(answers(port) for port in PORTS.values()), "the samples' ports are free"
    folder = tmp_path / "chain"
    folder.mkdir()
    chain = Chain(site, folder)
    try:
        chain.up()
        # Prometheus has seen the site well.
        time.sleep(12)
        begun = time.time()
        site.host.break_with("service/stopped")
        assert site.host.ask(site.shape.api_path)[0] == 502
        wait_until(lambda: site.host.ask(site.shape.api_path)[0] == 200, 240)
        seconds = time.time() - begun
        wait_until(lambda: '"outcome": "recovered"' in "".join(map(Path.read_text, reports(folder))), 60)
        (report,) = reports(folder)
        incident = json.loads(report.read_text(encoding="utf-8"))
        assert [action["remedy"] for action in incident["actions"]] == ["restart"]
        record_property("seconds from the fault to 200", round(seconds, 1))
        print(f"seconds from the fault to 200: {seconds:.1f}; run began {incident['started']}, fault {begun:.1f}")
    finally:
        chain.down()
        print("\n".join(chain.log(path.stem)[-3000:] for path in folder.glob("*.log")))


def reports(folder: Path) -> list[Path]:
    """The records of all runs that alerts have started."""
    return list((folder / "reports").glob("*Z-*/*.json"))


@pytest.mark.nightly
def test_a_watch_brings_the_site_back(site: Site) -> None:
    """The controller asks the site itself; a host that is well is not connected to."""
    edge = [{"url": f"http://{site.host.address()}{site.shape.api_path}", "host": site.shape.server_name}]
    words = ("-e", json.dumps({"rescue502_edge": edge}))
    logins = "journalctl -u ssh -u sshd -o cat | grep -c Accepted"
    before = site.host.run(logins, check=False).stdout
    done = site.rescue502("watch", *words)
    assert (done.returncode, done.stdout) == (0, ""), done.stdout + done.stderr
    assert site.host.run(logins, check=False).stdout == before
    site.host.break_with("service/stopped")
    assert site.host.ask(site.shape.api_path)[0] == 502
    done = site.rescue502("watch", *words)
    assert (done.returncode, "status 502 instead of 200" in done.stdout) == (0, True), done.stdout + done.stderr
    assert "RECOVERED" in done.stdout
    assert site.host.ask(site.shape.api_path)[0] == 200


@pytest.mark.nightly
def test_a_unit_that_fails_says_so_itself(site: Site) -> None:
    """The samples for OnFailure=: the controller gets the request of the rulebook `webhook`, with the token."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as way:
        way.connect((site.host.address(), 9))
        here = way.getsockname()[0]
    folder = ROOT / "docs" / "examples" / "watch"
    with serving(here) as server:
        unit = (folder / "rescue502-alert@.service").read_text(encoding="utf-8")
        assert "https://controller.example.com:5502/" in unit
        unit = unit.replace("https://controller.example.com:5502/", server.url)
        put(site.host, "/etc/systemd/system/rescue502-alert@.service", unit)
        dropin = (folder / "10-rescue502-alert.conf").read_text(encoding="utf-8")
        site.host.run("mkdir -p /etc/systemd/system/shop.service.d /etc/rescue502")
        put(site.host, "/etc/systemd/system/shop.service.d/10-rescue502-alert.conf", dropin)
        put(site.host, "/etc/systemd/system/shop.service", "[Service]\nExecStart=/bin/false\nRestart=always\n")
        put(site.host, "/etc/rescue502/alert.curl", 'header = "Authorization: Bearer s3cret"\n')
        site.host.run("chmod 600 /etc/rescue502/alert.curl; systemctl daemon-reload; systemctl start --no-block shop")
        wait_until(lambda: bool(server.requests), 60)
        (request,) = server.requests
        assert (request.method, request.headers["Authorization"]) == ("POST", "Bearer s3cret")
        assert json.loads(request.body) == {"host": "web1"}


class Awx(BaseHTTPRequestHandler):
    """The answers of AWX to who launches a job template and waits for the job; what was posted is kept."""

    posted: list[Any] = []
    _TEMPLATE = {
        "id": 1,
        "type": "job_template",
        "name": "rescue502 alert",
        "summary_fields": {"organization": {"name": "Default"}},
        "related": {"launch": "/api/v2/job_templates/1/launch/"},
        **{
            f"ask_{what}_on_launch": what in ("limit", "variables")
            for what in ("limit", "variables", "labels", "inventory")
        },
    }
    _JOB = {"id": 7, "url": "/api/v2/jobs/7/", "status": "successful", "created": "", "artifacts": {}}

    def _answer(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        content: dict[str, Any] = {"version": "24.6.1"}
        if self.command == "POST":
            self.posted.append(json.loads(body))
            content = self._JOB
        elif "templates" in self.path or "/jobs/" in self.path:
            found = self._TEMPLATE if "templates" in self.path else self._JOB
            content = {"count": 1, "next": None, "results": [found]}
        data = json.dumps(content).encode()
        self.send_response(201 if self.command == "POST" else 200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    do_GET = do_POST = _answer  # noqa: N815


def alert(host: str, token: str = TOKEN) -> int:
    """Post an alert as Alertmanager does; the status of the answer."""
    labels = {"alertname": "Rescue502SiteDown", "host": host}
    alerts = [{"status": "firing", "labels": labels, "annotations": {"summary": "{{ 7 * 7 }}"}}]
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
    url = f"http://127.0.0.1:{PORTS['rulebook']}/"
    try:
        with urllib.request.urlopen(
            urllib.request.Request(url, json.dumps({"alerts": alerts}).encode(), headers)
        ) as to:
            return int(to.status)
    except urllib.error.HTTPError as error:
        return error.code


@pytest.mark.nightly
@pytest.mark.xdist_group("alert-chain")
def test_an_alert_launches_a_job_template_for_one_host(tmp_path: Path) -> None:
    """With its limit, once, and nothing else of the alert; a pattern, a template or a wrong token launches none."""
    fetch()
    assert not answers(PORTS["rulebook"]), "the rulebook's port is free"
    awx = ThreadingHTTPServer(("127.0.0.1", 0), Awx)
    threading.Thread(target=awx.serve_forever, daemon=True).start()
    controller = ["--controller-url", f"http://127.0.0.1:{awx.server_port}", "--controller-token", "t"]
    part = begin("rulebook", [*rulebook("alertmanager_awx"), *controller], tmp_path)
    try:
        assert alert("web1", "wrong") == 401
        assert [alert(host) for host in ("all:web1", "web*", "{{ 7 * 7 }}", "@hosts", "web1", "web1", "web2")] == [
            200
        ] * 7
        wait_until(lambda: len(Awx.posted) > 1, 60)
        time.sleep(5)
        launched = [{"limit": host, "extra_vars": {"rescue502_alert_host": host}} for host in ("web1", "web2")]
        assert sorted(Awx.posted, key=str) == launched
    finally:
        part.terminate()
        part.wait(30)
        awx.shutdown()
