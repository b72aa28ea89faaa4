"""Secrets to be planted on a host, each with a part by which it is recognised however it is quoted or encoded."""

from __future__ import annotations

import base64
from dataclasses import dataclass

PEM = (
    "-----BEGIN PRIVATE KEY-----\n"
    "MIICdgIBADANCanaryPemFirst7qWz3\n"
    "kLmNop0CanaryPemSecond9xYv81tR+/\n"
    "-----END PRIVATE KEY-----"
)


@dataclass(frozen=True)
class Canary:
    """A secret and the texts that would give it away."""

    value: str
    needles: tuple[str, ...]


def core(value: str, *needles: str) -> Canary:
    """A canary that is recognised by these parts of it, plain or in base64 wherever it begins there."""
    parts = needles or (value,)
    encoded = [
        base64.b64encode(bytes(before) + part.encode())[4:-4].decode()
        for part in parts
        for before in range(3)
        if len(part) > 12
    ]
    return Canary(value, (*parts, *encoded))


# What each is called is where it is planted; the script that plants them is in test_secrets.py.
CANARIES = {
    # The unit's environment file.
    "a-random-key": core("Zk93CanaryRandomhGq2Lm5pXw71"),
    "a-short-word-for-a-password": core("kumquat"),
    "an-encoded-password-in-a-url": core("p%40ss%2FCanaryUrlT7e2%3A", "CanaryUrlT7e2"),
    "a-key-of-several-lines": core(PEM, "CanaryPemFirst7qWz3", "CanaryPemSecond9xYv81tR"),
    "a-secret-in-json": core("CanaryJson4Rt6Yh8Kd0"),
    "a-secret-that-is-a-pattern": core("CanaryRegex5.*+?[(]|^$\\d{2}", "CanaryRegex5"),
    "a-password-in-a-connection-string": core("CanaryDsn8Uj3Bv6"),
    "a-quoted-password-in-a-connection-string": core("Canary Dsn Quoted 2Wd", "Dsn Quoted 2Wd"),
    "a-secret-that-a-limit-cuts": core("CanaryCutX" + "y7Qp" * 30, "CanaryCut"),
    # The unit.
    "quotes-spaces-and-backslashes": core('Canary\'Mix "q" \\b %d $x 7Tz', 'Mix "q"', "Canary'Mix", "$x 7Tz"),
    "a-variable-of-the-unit": core("CanaryInline3Gh9Ns1Lq"),
    "a-word-of-the-unit": core("persimmon"),
    "a-credential-in-a-file": core("CanaryCredFile6Xc2Mb"),
    "a-credential-in-the-unit": core("CanaryCredSet1Pf8Ws"),
    "the-servers-own-option": core("CanaryOption9Dk4Hy7"),
    # The app's own files.
    "the-apps-own-dotenv": core("CanaryDotenv2Sz5Je8"),
    "a-word-in-the-apps-own-dotenv": core("rutabaga"),
    "a-literal-in-settings": core("CanaryLiteral7Va3Ot"),
    "a-word-in-settings": core("clavichord"),
    "a-token-in-the-checkouts-remote": core("CanaryRemoteToken4Fb9Qe2"),
    # nginx, logs, other processes: only the text itself shows.
    "a-header-of-nginx": core("CanaryBearer8Il1Cu5"),
    "a-key-in-a-header-of-nginx": core("CanaryHeader3Oy6Zn"),
    "a-password-in-the-journal": core("two words CanaryJournal5Rm", "CanaryJournal5Rm"),
    "a-token-in-an-address": core("CanaryQuery0Tg7Lw"),
    "an-option-of-another-process": core("CanaryArgs6Hn2Xe"),
    "the-password-for-sudo": core("CanarySudo1Yb8Vd"),
}
