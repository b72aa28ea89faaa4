# Copyright: rescue502 maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""gunicorn's own options, with what each takes, and what its parser makes of a command line. Nothing of it is run.

Source: the settings of gunicorn 19.0 to 27.0 (gunicorn.config); a unit test compares this with the library itself.
"""

from __future__ import annotations

import argparse
import re
from dataclasses import dataclass
from functools import cache
from typing import Any, NoReturn

# The name of a setting, as in a configuration file: the options that set it, of which each takes a value.
WITH_VALUE = {
    "access_log_format": "--access-logformat",
    "accesslog": "--access-logfile",
    "asgi_disconnect_grace_period": "--asgi-disconnect-grace-period",
    "asgi_lifespan": "--asgi-lifespan",
    "asgi_loop": "--asgi-loop",
    "backlog": "--backlog",
    "ca_certs": "--ca-certs",
    "cert_reqs": "--cert-reqs",
    "certfile": "--certfile",
    "chdir": "--chdir",
    "ciphers": "--ciphers",
    "config": "-c --config",
    "control_socket": "--control-socket",
    "control_socket_mode": "--control-socket-mode",
    "dirty_graceful_timeout": "--dirty-graceful-timeout",
    "dirty_threads": "--dirty-threads",
    "dirty_timeout": "--dirty-timeout",
    "dirty_workers": "--dirty-workers",
    "django_settings": "--settings",
    "dogstatsd_tags": "--dogstatsd-tags",
    "errorlog": "--log-file --error-logfile",
    "forwarded_allow_ips": "--forwarded-allow-ips",
    "forwarder_headers": "--forwarder-headers",
    "graceful_timeout": "--graceful-timeout",
    "group": "-g --group",
    "header_map": "--header-map",
    "http2_cleartext": "--http2-cleartext",
    "http2_initial_window_size": "--http2-initial-window-size",
    "http2_max_concurrent_streams": "--http2-max-concurrent-streams",
    "http2_max_frame_size": "--http2-max-frame-size",
    "http2_max_header_list_size": "--http2-max-header-list-size",
    "http_parser": "--http-parser",
    "http_protocols": "--http-protocols",
    "keepalive": "--keep-alive",
    "keyfile": "--keyfile",
    "limit_request_field_size": "--limit-request-field_size",
    "limit_request_fields": "--limit-request-fields",
    "limit_request_line": "--limit-request-line",
    "logconfig": "--log-config",
    "logconfig_dict": "--log-config-dict",
    "logconfig_json": "--log-config-json",
    "logger_class": "--logger-class",
    "loglevel": "--log-level",
    "max_requests": "--max-requests",
    "max_requests_jitter": "--max-requests-jitter",
    "paste": "--paster --paste",
    "pidfile": "-p --pid",
    "proc_name": "-n --name",
    "protocol": "--protocol",
    "proxy_allow_ips": "--proxy-allow-from",
    "pythonpath": "--pythonpath",
    "reload_engine": "--reload-engine",
    "root_path": "--root-path",
    "ssl_version": "--ssl-version",
    "statsd_host": "--statsd-host",
    "statsd_prefix": "--statsd-prefix",
    "syslog_addr": "--log-syslog-to",
    "syslog_facility": "--log-syslog-facility",
    "syslog_prefix": "--log-syslog-prefix",
    "threads": "--threads",
    "timeout": "-t --timeout",
    "umask": "-m --umask",
    "user": "-u --user",
    "uwsgi_allow_ips": "--uwsgi-allow-from",
    "websocket_max_message_size": "--websocket-max-message-size",
    "worker_class": "-k --worker-class",
    "worker_connections": "--worker-connections",
    "worker_tmp_dir": "--worker-tmp-dir",
    "workers": "-w --workers",
}
# The same, of options that may be given more than once.
REPEATED = {
    "bind": "-b --bind",
    "dirty_apps": "--dirty-app",
    "raw_env": "-e --env",
    "raw_paste_global_conf": "--paste-global",
    "reload_extra_files": "--reload-extra-file",
}
# The same, of options that take no value.
FLAGS = {
    "capture_output": "--capture-output",
    "casefold_http_method": "--casefold-http-method",
    "check_config": "--check-config",
    "control_socket_disable": "--no-control-socket",
    "daemon": "-D --daemon",
    "debug": "--debug",
    "disable_redirect_access_to_syslog": "--disable-redirect-access-to-syslog",
    "do_handshake_on_connect": "--do-handshake-on-connect",
    "enable_backlog_metric": "--enable-backlog-metric",
    "enable_stdio_inheritance": "-R --enable-stdio-inheritance",
    "help": "-h --help",
    "initgroups": "--initgroups",
    "permit_obsolete_folding": "--permit-obsolete-folding",
    "permit_unconventional_http_method": "--permit-unconventional-http-method",
    "permit_unconventional_http_version": "--permit-unconventional-http-version",
    "preload_app": "--preload",
    "print_config": "--print-config",
    "reload": "--reload",
    "reuse_port": "--reuse-port",
    "sendfile": "--no-sendfile",
    "spew": "--spew",
    "strip_header_spaces": "--strip-header-spaces",
    "suppress_ragged_eofs": "--suppress-ragged-eofs",
    "syslog": "--log-syslog",
    "tolerate_dangerous_framing": "--tolerate-dangerous-framing",
    "version": "-v --version",
}
# A flag until gunicorn 23; since 24 it may take one of these words.
_PROXY_PROTOCOL, _PROXY_PROTOCOLS = "--proxy-protocol", ("auto", "off", "v1", "v2")
# `module`, or `module:` and what to take from it.
_APP = re.compile(r"[\w.-]+(:.+)?")


@dataclass
class Reading:
    """A command line as gunicorn reads it.

    `options` has the given ones by their setting's name: text, True for a flag, a list for one that may be repeated.
    `app` is the first word that belongs to no option, which is what gunicorn loads; empty where there is none.
    `doubtful` where it may name another app than this reading found, or where gunicorn itself would refuse it.
    """

    options: dict[str, Any]
    app: str
    doubtful: bool


class Parser(argparse.ArgumentParser):
    """Raises ValueError where argparse would print and exit."""

    def error(self, message: str) -> NoReturn:
        """ValueError with argparse's message."""
        raise ValueError(message)


@cache
def _parser() -> Parser:
    """A parser as gunicorn builds its own (gunicorn.config.Config.parser): abbreviated options are taken too."""
    parser = Parser(add_help=False)
    parser.add_argument("args", nargs="*")
    for action, table in (("store", WITH_VALUE), ("append", REPEATED), ("store_true", FLAGS)):
        for name, options in table.items():
            parser.add_argument(*options.split(), dest=name, action=action, default=None)
    parser.add_argument(_PROXY_PROTOCOL, nargs="?", const="auto")
    return parser


def read(words: list[str]) -> Reading:
    """gunicorn's reading of the words after its own name. Never raises."""
    try:
        known, rest = _parser().parse_known_args(words)
    except ValueError:
        return Reading({}, "", doubtful=True)
    options = {name: value for name, value in vars(known).items() if name != "args" and value is not None}
    app = _before_the_unknown(words, rest) if rest else "".join(known.args[:1])
    # Where `--proxy-protocol` is a flag, the word after it may be the app. PasteDeploy's app is in a file of its own.
    flag_or_value = not app and options.get("proxy_protocol", "auto") not in _PROXY_PROTOCOLS
    doubtful = bool(rest and not app) or bool(app and not _APP.fullmatch(app)) or flag_or_value or "paste" in options
    return Reading(options, "" if doubtful else app, doubtful)


def _before_the_unknown(words: list[str], rest: list[str]) -> str:
    """The app where it stands before the first option that is not known; what stands behind may be that one's value."""
    unknown = next((word for word in rest if word.startswith("-")), "")
    return read(words[: words.index(unknown)]).app if unknown in words else ""
