"""Reading a certificate's dates and names, compared with what the cryptography package wrote into it."""

from __future__ import annotations

import base64
import datetime
import ipaddress
from functools import cache
from pathlib import Path

import pytest
from ansible_collections.rescue502.django.plugins.module_utils.collectors import edge
from ansible_collections.rescue502.django.plugins.module_utils.services import certificate
from ansible_collections.rescue502.django.plugins.module_utils.system import unread
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

UTC = datetime.UTC
BEGINS = datetime.datetime(2026, 2, 28, 23, 59, 59, tzinfo=UTC)
ENDS = datetime.datetime(2028, 2, 29, 1, 2, 3, tzinfo=UTC)
NAMES = [
    x509.DNSName("shop.example"),
    x509.DNSName("*.shop.example"),
    x509.RFC822Name("a@shop.example"),
    x509.IPAddress(ipaddress.ip_address("192.0.2.7")),
    x509.IPAddress(ipaddress.ip_address("2001:db8::7")),
]


@cache
def key(kind: str) -> rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey:
    return rsa.generate_private_key(65537, 2048) if kind == "rsa" else ec.generate_private_key(ec.SECP256R1())


def written(
    names: list[x509.GeneralName] = NAMES,
    begins: datetime.datetime = BEGINS,
    ends: datetime.datetime = ENDS,
    kind: str = "ec",
) -> str:
    """A certificate that signs itself, as PEM."""
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "shop.example")])
    builder = x509.CertificateBuilder(name, name, key(kind).public_key(), 2**150, begins, ends)
    builder = builder.add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
    if names:
        builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
    return builder.sign(key(kind), hashes.SHA256()).public_bytes(Encoding.PEM).decode()


@pytest.mark.parametrize("kind", ["ec", "rsa"])
def test_dates_and_names(kind: str) -> None:
    """Seconds since the epoch; DNS names and addresses, and no other kind of name."""
    found = certificate.parse(written(kind=kind))
    assert (found.not_before, found.not_after) == (BEGINS.timestamp(), ENDS.timestamp())
    assert found.names == ["shop.example", "*.shop.example", "192.0.2.7", "2001:db8::7"]


@pytest.mark.parametrize("year", [1950, 1968, 1999, 2049, 2050, 9999])
def test_years(year: int) -> None:
    """Two digits up to 2049, four from 2050."""
    ends = datetime.datetime(year, 12, 31, 23, 59, 59, tzinfo=UTC)
    begins = datetime.datetime(1950, 1, 1, tzinfo=UTC)
    assert certificate.parse(written(begins=begins, ends=ends)).not_after == ends.timestamp()


def test_no_names() -> None:
    """A certificate from before names were an extension."""
    assert certificate.parse(written(names=[])).names == []


def test_the_first_of_a_chain_counts(tmp_path: Path) -> None:
    """A file of several, with words before and between."""
    text = "subject=shop\n" + written() + "issuer\n" + written(names=[x509.DNSName("issuer.example")])
    file = tmp_path / "chain.pem"
    file.write_text(text, encoding="utf-8")
    assert certificate.read(str(file)).names[0] == "shop.example"


def pem(der: bytes, kind: str = "") -> str:
    """DER as PEM. kind: such as `TRUSTED `."""
    lines = base64.encodebytes(der).decode()
    return f"-----BEGIN {kind}CERTIFICATE-----\n{lines}-----END {kind}CERTIFICATE-----\n"


def test_openssl_s_own_kind() -> None:
    """A "trusted" certificate of OpenSSL's, which nginx takes too, has settings behind the certificate."""
    assert certificate.parse(pem(der() + b"\x30\x02\x0c\x00", "TRUSTED ")).names[0] == "shop.example"


def der() -> bytes:
    """A certificate as DER."""
    return x509.load_pem_x509_certificate(written().encode()).public_bytes(Encoding.DER)


def refusal(content: bytes) -> str:
    """What is said of a certificate that is not valid; empty where it can be read."""
    try:
        certificate.parse(pem(content))
    except ValueError as error:
        return str(error)
    return ""


def test_what_is_damaged_is_not_valid() -> None:
    """Cut short at any place it is refused; with any byte changed it is read or refused, and nothing else."""
    said = "it does not hold a valid certificate in PEM format"
    content = der()
    assert {refusal(content[:at]) for at in range(len(content))} == {said}
    changed = {
        refusal(content[:at] + bytes((byte,)) + content[at + 1 :])
        for at in range(len(content))
        for byte in (0, 0x30, 0x80, 0x84, 0xFF)
    }
    assert changed == {said, ""}


def test_what_cannot_be_read_is_unknown(tmp_path: Path) -> None:
    """A damaged file is unknown with its reason; that there is none is known; days are counted from now."""
    good, damaged = tmp_path / "good.pem", tmp_path / "damaged.pem"
    now = datetime.datetime.now(UTC)
    good.write_text(written(begins=now, ends=now + datetime.timedelta(days=30)), encoding="utf-8")
    damaged.write_text("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", encoding="utf-8")
    facts = edge.certificate_facts(str(good))
    assert isinstance(facts, dict)
    assert facts["days_left"] == pytest.approx(30, abs=0.2)
    assert facts["days_until_valid"] == pytest.approx(0, abs=0.2)
    absent = edge.certificate_facts(str(tmp_path / "absent.pem"))
    assert isinstance(absent, dict)
    assert absent["days_left"] is None
    unknown = edge.certificate_facts(str(damaged))
    assert isinstance(unknown, unread.Unread)
    assert unknown.why == "it does not hold a valid certificate in PEM format"
