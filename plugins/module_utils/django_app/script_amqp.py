# Copyright: rescue502 maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Runs inside the app's own Python, as a part of script_rehearsal.py: whether an AMQP broker lets the app in.

The first methods of a connection, up to its virtual host, and its end; nothing is declared or sent.
Source: AMQP 0-9-1, 4.2.3 (frames) and 1.4 of its methods; rabbitmq.com/docs/auth-notification.
"""

from __future__ import annotations

import struct

AMQP_HEADER = b"AMQP\x00\x00\x09\x01"
METHOD, FRAME_END, MOST_FRAME = 1, b"\xce", 131072
START, START_OK, TUNE, TUNE_OK, OPEN, OPEN_OK, CLOSE, CLOSE_OK = [(10, n) for n in (10, 11, 30, 31, 40, 41, 50, 51)]


def amqp_refusal(connection, answers, user, password, host):
    """Why a broker does not let that user into that virtual host, in its own words; empty where it does.

    Raises OSError, and ValueError where what listens there does not speak AMQP.
    """
    connection.sendall(AMQP_HEADER)
    method, rest = amqp_method(answers)
    if method != START:
        raise ValueError(method)
    mechanisms = after_table(rest[2:])
    if b"PLAIN" not in mechanisms[4 : 4 + struct.unpack("!I", mechanisms[:4])[0]].split(b" "):
        return ""  # how to log in there is for its client to say
    # Without this the broker closes the connection, and says nothing.
    capable = short_string("capabilities") + b"F" + long_string(short_string("authentication_failure_close") + b"t\x01")
    secret = ("\0" + user + "\0" + password).encode()
    answer = long_string(capable) + short_string("PLAIN") + long_string(secret) + short_string("en_US")
    connection.sendall(amqp_frame(START_OK, answer))
    method, rest = amqp_method(answers)
    if method == TUNE:
        connection.sendall(amqp_frame(TUNE_OK, rest[:8]) + amqp_frame(OPEN, short_string(host) + b"\0\0"))
        method, rest = amqp_method(answers)
        if method == OPEN_OK:
            connection.sendall(amqp_frame(CLOSE, struct.pack("!H", 200) + short_string("") + b"\0\0\0\0"))
            return ""
        refuses = "it refuses the virtual host " + host
    else:
        refuses = "it refuses the user and password of the settings"
    if method is None:
        return refuses + ": it closes the connection at that point"
    if method != CLOSE or len(rest) < 3:
        raise ValueError(method)
    connection.sendall(amqp_frame(CLOSE_OK, b""))
    text = rest[3 : 3 + rest[2]].decode("utf-8", "replace")
    return "{}: {} {}".format(refuses, struct.unpack("!H", rest[:2])[0], text[:200])


def amqp_frame(method, arguments):
    """A method on channel 0, which is the connection's own."""
    payload = struct.pack("!HH", *method) + arguments
    return struct.pack("!BHI", METHOD, 0, len(payload)) + payload + FRAME_END


def amqp_method(answers):
    """(method, arguments) of the next frame that is a method; (None, b"") where the connection ends before one.

    Raises OSError, and ValueError where that is no frame.
    """
    while True:
        try:
            head = answers.read(7)
        except ConnectionResetError:
            head = b""
        if not head:
            return None, b""
        if len(head) < 7:
            raise ValueError(head)
        kind, _channel, size = struct.unpack("!BHI", head)
        if kind > 8 or size > MOST_FRAME:
            raise ValueError(head)
        payload = answers.read(size + 1)
        if len(payload) != size + 1 or payload[-1:] != FRAME_END:
            raise ValueError(head)
        if kind == METHOD and size >= 4:
            return struct.unpack("!HH", payload[:4]), payload[4:-1]


def after_table(data):
    """What follows a table, or a long string, at the beginning of these bytes. Raises ValueError where it is cut."""
    if len(data) < 8:
        raise ValueError(data)
    rest = data[4 + struct.unpack("!I", data[:4])[0] :]
    if len(rest) < 4:
        raise ValueError(data)
    return rest


def short_string(text):
    """A text of at most 255 bytes, as AMQP writes it: its length in one byte before it."""
    data = text.encode()[:255]
    return bytes((len(data),)) + data


def long_string(data):
    """Bytes, as AMQP writes them: their length in four bytes before them."""
    return struct.pack("!I", len(data)) + data
