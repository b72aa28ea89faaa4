"""The certificate that a database shows, next to the one in its file; and what is concluded from both."""

from __future__ import annotations

import copy
import datetime
import ssl
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.rescue502.django.plugins.module_utils.collectors import database_certificate
from ansible_collections.rescue502.django.plugins.module_utils.services import postgresql
from ansible_collections.rescue502.django.plugins.plugin_utils.catalogue.catalogue import load
from ansible_collections.rescue502.django.plugins.plugin_utils.diagnosis.diagnosis import diagnose
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from tools import recordings

CATALOGUE = load()
NOT_RELOADED, REFUSED = "database/certificate-not-reloaded", "database/tls-refused"
DATABASE = {
    "used": True,
    "host": "db.internal",
    "port": 5432,
    "error": {"message": "SSL error: certificate verify failed"},
}
VERIFY = "connection failed: SSL error: certificate verify failed"


def shown(days: float, file_days: float | None = None, on_disk: bool | None = None) -> dict[str, Any]:
    """The facts of a certificate that has so many days left, and of the one in the server's file."""
    file = "" if file_days is None else "/etc/postgresql/server.crt"
    return {"days_left": days, "names": ["db"], "file": file, "file_days_left": file_days, "on_disk": on_disk}


# What is shown and what is in the file, whether the server is here; the cause, and what its sentence must hold.
WAYS = {
    "renewed, not reloaded": (shown(-3.0, 88.0, False), True, NOT_RELOADED, "expired 3.0 days ago; the renewed one in"),
    "expired, and nothing renewed it": (shown(-3.0, -3.0, True), True, REFUSED, "expired 3.0 days ago"),
    "replaced by one that has expired too": (shown(-3.0, -1.0, False), True, REFUSED, "holds another one"),
    "expired, on another host": (shown(-3.0), False, REFUSED, "expired 3.0 days ago"),
    "another authority's, not reloaded": (shown(40.0, 88.0, False), True, REFUSED, "which a reload would load"),
    "well in itself": (shown(40.0, 40.0, True), True, REFUSED, "is for db, and good for 40.0 days"),
}


@pytest.mark.parametrize("way", WAYS)
def test_what_is_concluded(way: str) -> None:
    """Only where the shown one has expired and the file's has not does a reload help; else both are described."""
    facts, here, cause, words = WAYS[way]
    evidence = copy.deepcopy(recordings.evidence(REFUSED))
    evidence["database"] |= {"certificate": facts, "local": here}
    evidence["database"]["error"] = {**evidence["database"]["error"], "message": VERIFY, "chain": []}
    found = diagnose(evidence, CATALOGUE)
    assert [item.id for item in found.root_causes] == [cause]
    assert words in found.root_causes[0].because, found.root_causes[0].because


@pytest.mark.parametrize(
    "database",
    [
        {**DATABASE, "used": False},
        {**DATABASE, "host": "/run/postgresql"},
        {**DATABASE, "host": ""},
        {**DATABASE, "error": None},
        {**DATABASE, "error": {"message": "password authentication failed"}},
    ],
)
def test_when_nobody_is_asked(monkeypatch: pytest.MonkeyPatch, database: dict[str, Any]) -> None:
    """No connection is made where TLS is not the matter."""
    monkeypatch.setattr(postgresql, "shown_certificate", lambda *_words: pytest.fail("asked"))
    assert database_certificate.collect(database, {}) is None


def signed() -> str:
    """A certificate of its own key, as PEM."""
    key, now = ec.generate_private_key(ec.SECP256R1()), datetime.datetime.now(datetime.UTC)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "db.internal")])
    ends = now + datetime.timedelta(days=30)
    builder = x509.CertificateBuilder(name, name, key.public_key(), 2**150, now, ends)
    return builder.sign(key, hashes.SHA256()).public_bytes(Encoding.PEM).decode()


def test_the_file_is_compared(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The very one, another one, and a file that cannot be read."""
    first, second = signed(), signed()
    monkeypatch.setattr(postgresql, "shown_certificate", lambda *_words: ssl.PEM_cert_to_DER_cert(first))
    file = tmp_path / "server.crt"
    for text, on_disk in ((first, True), (second, False), ("nothing", None)):
        file.write_text(text, encoding="utf-8")
        facts = database_certificate.collect(DATABASE, {"certificate_file": str(file)})
        assert facts is not None
        assert (facts["on_disk"], facts["file"]) == (on_disk, str(file))
    remote = database_certificate.collect(DATABASE, None)
    assert remote is not None
    assert (remote["on_disk"], remote["file"], remote["file_days_left"]) == (None, "", None)


def test_a_server_without_tls(monkeypatch: pytest.MonkeyPatch) -> None:
    """It shows nothing, and nothing is said of it."""
    monkeypatch.setattr(postgresql, "shown_certificate", lambda *_words: b"")
    assert database_certificate.collect(DATABASE, {}) is None
