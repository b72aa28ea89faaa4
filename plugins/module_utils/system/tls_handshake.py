# Copyright: rescue502 maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Ask a listener for a TLS handshake: whether it speaks TLS, which certificate it shows, whether that is trusted.

Nothing is sent but the handshake, and no certificate of a client's is shown.
"""

from __future__ import annotations

import socket
import ssl
from typing import Any, NamedTuple

from ansible_collections.rescue502.django.plugins.module_utils.system import sockets

# What OpenSSL says where the other end does not answer in TLS (openssl/sslerr.h).
_NOT_TLS = ("WRONG_VERSION_NUMBER", "HTTP_REQUEST", "HTTPS_PROXY_REQUEST", "PACKET_LENGTH_TOO_LONG")
# In seconds: TLS 1.3 refuses a client after a handshake that was finished.
ALERT_SECONDS = 1.0


class Handshake(NamedTuple):
    """certificate: what the listener shows, in DER; empty where it came to none. failure: why there was no handshake,
    or what ended it, in OpenSSL's or the kernel's words. is_tls: None where that is not known.
    """

    certificate: bytes
    failure: str
    is_tls: bool | None


def ask(bind: dict[str, Any], name: str, timeout: float, for_alert: bool = False) -> Handshake:
    """One handshake, in which any certificate will do. Never raises.

    bind: an address as gunicorn_config.parse_bind() gives it. name: is sent as the server's name (SNI) unless it is
    empty. timeout: in seconds, for each wait. for_alert: whether to wait for what the listener does to a client
    without a certificate.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    shown = b""
    try:
        with (
            sockets.connected(bind, timeout) as plain,
            context.wrap_socket(plain, server_hostname=name or None) as opened,
        ):
            shown = opened.getpeercert(binary_form=True) or b""
            if for_alert:
                opened.settimeout(ALERT_SECONDS)
                if not opened.recv(1):
                    return Handshake(shown, "closed after the handshake", True)
    except socket.timeout:
        return Handshake(shown, "" if shown else "timed out", True if shown else None)
    except ssl.SSLError as error:
        plain_text = error.reason in _NOT_TLS
        is_tls = True if shown or "ALERT" in (error.reason or "") else False if plain_text else None
        return Handshake(shown, (error.reason or str(error)).replace("_", " ").lower(), is_tls)
    except (OSError, ValueError) as error:
        return Handshake(shown, getattr(error, "strerror", None) or str(error), True if shown else None)
    return Handshake(shown, "", True)


def distrust(bind: dict[str, Any], name: str, authorities: str, timeout: float) -> str:
    """Why a certificate is not trusted, as nginx logs it: `10:certificate has expired`; empty where it is.

    authorities: those that are trusted, in PEM. Names are not compared. Raises OSError, of which ssl.SSLError is one,
    where that could not be asked, and ValueError where the authorities cannot be read.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.load_verify_locations(cadata=authorities)
    try:
        with sockets.connected(bind, timeout) as plain, context.wrap_socket(plain, server_hostname=name or None):
            return ""
    except ssl.SSLCertVerificationError as error:
        return f"{error.verify_code}:{error.verify_message}"
