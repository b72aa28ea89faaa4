"""A whole run that notifies: what arrives, that it arrives once, and that no token is printed or written anywhere."""

from __future__ import annotations

import json
from pathlib import Path

from fake_hosts import FakeHost, Recovery, play
from web_server import WebServer, serving

from tools import recordings

SECRET = "xoxb-s3cret"


def recover(server: WebServer, folder: Path, host: FakeHost, last_news: str) -> Recovery:
    """A recovery of a host that waits for a person, with all that could be printed."""
    evidence = recordings.evidence("database/wrong-password")
    answer = {"evidence": evidence, "held": True, "holder": {}, "exhausted": [], "waited": 0, "last_news": last_news}
    (host.folder / "answer").write_text(json.dumps(answer), encoding="utf-8")
    variables = {
        "rescue502_notify": [
            f"{server.url}/hook/{SECRET}",
            f"{server.url}/status/500/{SECRET}",
            f"http://user:{SECRET}@127.0.0.1:1/{SECRET}",
        ],
        "rescue502_report_to": {"url": server.url + "/{incident}/{host}", "method": "PUT", "headers": {"X-T": SECRET}},
    }
    return play("recover", {"web1": host}, folder, {"web1": variables}, ("-vvv",))


def test_who_is_to_know_does_and_no_token_is_shown(tmp_path: Path) -> None:
    """Nobody's server fails the run; what is news to nobody is sent on as a report all the same."""
    host = FakeHost("web1", tmp_path / "web1").up("")
    with serving() as server:
        done = recover(server, tmp_path, host, "")
        posted = [request for request in server.requests if request.path == f"/hook/{SECRET}"]
        (put,) = [request for request in server.requests if request.method == "PUT"]
        fingerprint = next((tmp_path / "reports/notified").iterdir()).read_text(encoding="ascii")
        again = recover(server, tmp_path, host, fingerprint)
        assert len([request for request in server.requests if request.path == f"/hook/{SECRET}"]) == 1
        assert len([request for request in server.requests if request.method == "PUT"]) == 2
    sent, report = json.loads(posted[0].body), json.loads(put.body)
    assert (len(posted), sent["outcome"], sent["root_causes"][0]["id"]) == (1, "needs-human", "database/wrong-password")
    assert (report["host"], put.path, put.headers["X-T"]) == ("web1", f"/{report['incident']}/web1", SECRET)
    assert "not delivered: http://127.0.0.1: HTTP 500" in done.output
    assert "Connection refused" in done.output
    assert (done.returncode, again.returncode) == (2, 2), "as without anybody who is notified"
    assert "kept_reports" in host.asked()
    written = [path.read_text(encoding="utf-8") for path in (tmp_path / "reports").rglob("*") if path.is_file()]
    assert len(written) > 3
    assert not [text[:200] for text in (done.output, again.output, *written) if SECRET in text]
