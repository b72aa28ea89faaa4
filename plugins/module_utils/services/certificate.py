# Copyright: rescue502 maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The certificate in a PEM file: its dates and the names it is for.

Python's ssl module reads certificates for a connection only, and the openssl command need not be there, so the few
fields that are wanted are read here. Format: X.509 (RFC 5280) in DER (ITU-T X.690).
"""

from __future__ import annotations

import base64
import calendar
import ipaddress
import re
import time
from collections.abc import Iterator
from typing import NamedTuple

from ansible_collections.rescue502.django.plugins.module_utils.files import safe_files

# What nginx takes, too: the first certificate of the file is the server's, those after it are its issuers'.
_PEM = re.compile(r"-----BEGIN (X509 |TRUSTED |)CERTIFICATE-----\s+([A-Za-z0-9+/=\s]+?)-----END \1CERTIFICATE-----")
_VERSION, _EXTENSIONS = 0xA0, 0xA3
_UTC_TIME = 0x17
_DATES = {_UTC_TIME: re.compile("([0-9]{2})([0-9]{10})Z"), 0x18: re.compile("([0-9]{4})([0-9]{10})Z")}
_SUBJECT_ALT_NAME = bytes((0x55, 0x1D, 0x11))  # 2.5.29.17
_DNS_NAME, _IP_ADDRESS = 0x82, 0x87


class Certificate(NamedTuple):
    """A certificate's dates and names."""

    not_before: float  # seconds since the epoch
    not_after: float  # seconds since the epoch
    names: list[str]  # DNS names and IP addresses of its subjectAltName
    self_signed: bool  # whether its issuer has its own name
    chain: int = 1  # certificates in the text that it was read from


def days_until(moment: float) -> float:
    """Days from now until a moment in seconds since the epoch; negative for one that has passed."""
    return round((moment - time.time()) / 86400, 1)


def read(path: str) -> Certificate:
    """Return the first certificate of a PEM file.

    Raises OSError where the file cannot be opened, or only through a link that cannot be trusted, and ValueError where
    it does not begin with a valid certificate.
    """
    return parse(safe_files.text(path))


def parse(pem: str) -> Certificate:
    """Return the first certificate of a PEM text. Raises ValueError where that is not a valid one."""
    return parse_der(first_der(pem))._replace(chain=len(_PEM.findall(pem)))


def first_der(pem: str) -> bytes:
    """The first certificate of a PEM text as a server shows it; empty where there is none."""
    match = _PEM.search(pem)
    try:
        return base64.b64decode(match.group(2) if match else "")
    except ValueError:
        return b""


def parse_der(der: bytes) -> Certificate:
    """Return a certificate as a server shows it. Raises ValueError where that is not a valid one."""
    try:
        return _certificate(der)
    except (ArithmeticError, LookupError, StopIteration, ValueError) as error:
        raise ValueError("it does not hold a valid certificate in PEM format") from error


def _certificate(der: bytes) -> Certificate:
    """The fields of a Certificate's TBSCertificate (RFC 5280, 4.1)."""
    fields = list(_elements(_first(_first(der))))
    if fields[0][0] == _VERSION:
        del fields[0]
    begins, ends = _elements(fields[3][1])
    extensions = next((content for tag, content in fields[6:] if tag == _EXTENSIONS), b"")
    # Fields: serial number, algorithm, issuer, validity, subject, key.
    return Certificate(_seconds(*begins), _seconds(*ends), _names(extensions), fields[2][1] == fields[4][1])


def _elements(der: bytes) -> Iterator[tuple[int, bytes]]:
    """Tag and content of each DER element in a row. Raises ValueError or IndexError where one is cut short."""
    at = 0
    while at < len(der):
        tag, size, at = der[at], der[at + 1], at + 2
        if size >= 0x80:
            octets, at = der[at : at + size - 0x80], at + size - 0x80
            size = int.from_bytes(octets, "big")
        if at + size > len(der):
            raise ValueError("cut short")
        yield tag, der[at : at + size]
        at += size


def _contents(der: bytes) -> list[bytes]:
    return [element[1] for element in _elements(der)]


def _first(der: bytes) -> bytes:
    """The content of the first element. What follows in the file is the signature, or OpenSSL's own trust settings."""
    return next(_elements(der))[1]


def _seconds(tag: int, content: bytes) -> float:
    """A Time in seconds since the epoch. Raises ValueError where it is not a valid time in UTC."""
    match = _DATES[tag].fullmatch(content.decode("ascii"))
    if not match:
        raise ValueError("not a date")
    year = int(match.group(1))
    if tag == _UTC_TIME:  # RFC 5280, 4.1.2.5.1: from 50 up it is of the twentieth century.
        year += 1900 if year >= 50 else 2000
    return calendar.timegm(time.strptime(f"{year:04}{match.group(2)}", "%Y%m%d%H%M%S"))


def _names(extensions: bytes) -> list[str]:
    """The DNS names and IP addresses of the subjectAltName; empty where there is none."""
    found: list[str] = []
    for extension in _contents(_first(extensions)) if extensions else ():
        # extnID, critical where it is not the default, extnValue: an OCTET STRING around the names.
        parts = _contents(extension)
        if parts[0] != _SUBJECT_ALT_NAME:
            continue
        for tag, content in _elements(_first(parts[-1])):
            if tag == _DNS_NAME:
                found.append(content.decode("ascii", "replace"))
            elif tag == _IP_ADDRESS:
                found.append(str(ipaddress.ip_address(content)))
    return found
