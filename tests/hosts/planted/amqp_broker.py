"""A broker of AMQP 0-9-1 that lets one user into one virtual host, and says what RabbitMQ says to others.

Started as `python3 amqp_broker.py PORT USER PASSWORD VHOST`; served by serve(), one connection after another.
"""

from __future__ import annotations

import socket
import struct
import sys

REFUSED = "ACCESS_REFUSED - Login was refused using authentication mechanism PLAIN. For details see the broker logfile."

# A client asks to hear why it is refused only where it hears that the broker says so.
CAPABLE = b"\x0ccapabilitiesF" + struct.pack("!I", 31) + b"\x1cauthentication_failure_closet\x01"


def long(data: bytes) -> bytes:
    """A long string, or a table."""
    return struct.pack("!I", len(data)) + data


def method(number: int, arguments: bytes = b"") -> bytes:
    """A method of class 10, in its frame."""
    payload = struct.pack("!HH", 10, number) + arguments
    return struct.pack("!BHI", 1, 0, len(payload)) + payload + b"\xce"


def close(code: int, text: str) -> bytes:
    """Connection.Close."""
    return method(50, struct.pack("!HB", code, len(text)) + text.encode() + b"\0\0\0\0")


def received(stream: object) -> tuple[int, bytes]:
    """The number and arguments of the next method."""
    _kind, _channel, size = struct.unpack("!BHI", stream.read(7))
    payload = stream.read(size + 1)
    return struct.unpack("!HH", payload[:4])[1], payload[4:-1]


def answer(connection: socket.socket, user: str, password: str, vhost: str, says_why: bool) -> None:
    """One connection, up to its end."""
    with connection, connection.makefile("rb") as stream:
        if stream.read(8) != b"AMQP\0\0\x09\x01":
            return
        connection.sendall(method(10, b"\0\x09" + long(CAPABLE) + long(b"PLAIN") + long(b"en_US")))
        _number, said = received(stream)
        # RabbitMQ waits a moment before it refuses, and says why only to who has asked for it.
        if b"\0%s\0%s" % (user.encode(), password.encode()) not in said:
            if says_why and b"authentication_failure_closet\x01" in said:
                connection.sendall(close(403, REFUSED))
                stream.read(1)
            return
        connection.sendall(method(30, struct.pack("!HIH", 2047, 131072, 60)))
        number = 0
        while number != 40:
            number, said = received(stream)
        asked = said[1 : 1 + said[0]].decode()
        if asked != vhost:
            connection.sendall(close(530, f"NOT_ALLOWED - vhost {asked} not found"))
            stream.read(1)
            return
        connection.sendall(b"\x08\0\0\0\0\0\0\xce" + method(41, b"\0"))
        number, _said = received(stream)
        if number == 50:
            connection.sendall(method(51))


def serve(server: socket.socket, user: str, password: str, vhost: str, says_why: bool = True) -> None:
    """Answer who connects, until the server is closed. says_why: of a refused login; an old broker does not."""
    while True:
        try:
            connection, _address = server.accept()
        except OSError:
            return
        try:
            answer(connection, user, password, vhost, says_why)
        except (OSError, struct.error):
            continue


if __name__ == "__main__":
    listening = socket.create_server(("127.0.0.1", int(sys.argv[1])))
    serve(listening, *sys.argv[2:5])
