"""Bad inputs by name: what a hostile or odd host, its app's user or an inventory may hold.

Data alone; each is tested on a real host, the answers on hosts that are scripts. A count of them is
`sum(map(len, ALL.values()))`.
"""

from __future__ import annotations

from typing import Any

from harmless import CANARY

# On the target, where a command that a host's own text smuggles into ours would leave its mark.
PWNED = "/tmp/rescue502-pwned"

# Text that the app's user or a passer-by writes: in a log, a commit, a file's name, an exception, a unit's description.
TEXTS = {
    "jinja-that-runs-a-command": f"{{{{ lookup('ansible.builtin.pipe', 'touch {CANARY}') }}}} {{{{ 7919 * 7927 }}}}",
    "jinja-that-escapes-its-sandbox": f"{{{{ cycler.__init__.__globals__.os.popen('touch {CANARY}').read() }}}}",
    "jinja-statements": f"{{% set x = 7919 * 7927 %}}{{{{ x }}}}{{% include '{CANARY}' %}}{{# comment #}}",
    "yaml-tags": f"!unsafe x\n- !!python/object/apply:os.system ['touch {CANARY}']",
    "marks-of-ansible": '{"__ansible_unsafe": "{{ 7919 * 7927 }}", "ansible_facts": {"ansible_connection": "local"}}',
    "shell-commands": f"$(touch {PWNED}) `touch {PWNED}`; touch {PWNED} | touch {PWNED} && touch {PWNED}",
    "terminal-colours-and-title": "\x1b]0;owned\x07\x1b[2J\x1b[1;1H\x1b[32mhealthy\x1b[0m",
    "terminal-links-and-clipboard": "\x1b]8;;http://203.0.113.1/\x1b\\click\x1b]8;;\x1b\\ \x1b]52;c;cm0gLXJmIC8=\x07",
    "control-codes-of-eight-bits": "\x9b2J\x9b31m \x90data\x9c \x9d0;owned\x9c",
    "carriage-returns-and-backspaces": "ERROR\r\x1b[KHEALTHY\x08\x08\x08\x08 \x7f",
    "text-that-runs-backwards": "\u202etxt.exe\u2066 \u200b\u2028 \u061c",
    "lines-that-look-like-ours": "x\n\nhost: RECOVERED - the edge answers again: 200\nRoot causes:\n  none (safe): x",
    "html-scripts": "<script>alert(1)</script><img src=x onerror=alert(1)><iframe src=//203.0.113.1>",
    "html-that-ends-what-it-is-in": "'\"><svg onload=alert(1)></pre></details></td></table><!-- ]]>",
    "markdown-links": "[click](javascript:alert(1)) ![x](http://203.0.113.1/x) <http://203.0.113.1>",
    "markdown-structure": "| a | b\n# heading\n```\n- [ ] x\n---\n",
    "format-strings": "{0.__class__} %(x)s %n %s ${HOME} {{{{}}}} %%",
    "a-very-long-line": "x" * 60_000,
}  # fmt: skip

# What a host answers instead of a module's result, as text; {outside} is a folder on the controller.
ANSWERS: dict[str, str] = {
    "nothing": "",
    "no-json": "Segmentation fault\n",
    "half-an-answer": '{"changed": false, "evidence": {"stack": {"unit": ',
    "two-answers": '{"changed": false}\n{"changed": true, "evidence": {}}\n',
    "a-list": "[1, 2, 3]",
    "text-for-evidence": '{"changed": false, "evidence": "all is well"}',
    "a-list-for-evidence": '{"changed": false, "evidence": [[]]}',
    "numbers-that-are-none": '{"changed": false, "evidence": {"stack": {"unit": NaN}, "edge": {"well": Infinity}}}',
    "bytes-that-are-no-text": '{"changed": false, "evidence": {"stack": {"unit": "\udcff\udcfe\udc80"}}}',
    "ten-thousand-levels": '{"evidence": ' + '{"a":' * 10_000 + "1" + "}" * 10_000 + "}",
    "a-number-of-ten-thousand-digits": '{"evidence": {"stack": {"unit": ' + "9" * 10_000 + "}}}",
}

# The same as values, put into an answer with well-formed evidence of a stopped unit.
_RUN = f"touch {CANARY}"
FORGED: dict[str, dict[str, Any]] = {
    "facts-that-move-the-reports": {
        "ansible_facts": {"rescue502_reports": "{outside}", "rescue502_incident": "../../moved"}
    },
    "facts-that-approve": {"ansible_facts": {"rescue502_approve": ["host/disk-full", "code/syntax-error"]}},
    "facts-that-name-other-failure-modes": {"ansible_facts": {"rescue502_failures_path": ["{outside}"]}},
    "facts-that-change-the-connection": {
        "ansible_facts": {
            "ansible_connection": "local",
            "ansible_host": "127.0.0.1",
            "ansible_python_interpreter": f"/bin/sh -c '{_RUN}'",
            "ansible_ssh_common_args": f"-o ProxyCommand='{_RUN}'",
            "ansible_ssh_executable": f"/bin/sh -c '{_RUN}'",
            "ansible_become_exe": f"{_RUN};",
            "ansible_shell_executable": f"/bin/sh -c '{_RUN}'",
            "discovered_interpreter_python": f"/bin/sh -c '{_RUN}'",
        }
    },
    "facts-that-are-templates": {
        "ansible_facts": {
            "rescue502_unit_name": f"{{{{ lookup('ansible.builtin.pipe', '{_RUN}') }}}}",
            "inventory_hostname": "../../moved",
            "playbook_dir": "{outside}",
            "role_path": "{outside}",
        }
    },
    "keys-of-ansible-itself": {
        "_ansible_parsed": True,
        "_ansible_no_log": False,
        "_ansible_delegated_vars": {"ansible_host": "127.0.0.1", "ansible_connection": "local"},
        "_ansible_item_label": "{{ 7919 * 7927 }}",
        "add_host": {"host_name": "evil", "groups": ["django"], "host_vars": {"ansible_connection": "local"}},
        "add_group": "django",
        "invocation": {"module_args": {"_raw_params": _RUN}},
        "ansible_included_var_files": ["/etc/passwd"],
        "include_variables": {"rescue502_reports": "{outside}"},
    },
    "tags-of-trust": {
        "stack": {
            "unit": {
                "__ansible_type": "_AnsibleTaggedStr",
                "value": f"{{{{ lookup('ansible.builtin.pipe', '{_RUN}') }}}}",
                "tags": [{"__ansible_type": "TrustedAsTemplate"}],
            }
        }
    },
    "values-marked-unsafe": {"stack": {"unit": {"__ansible_unsafe": f"{{{{ lookup('pipe', '{_RUN}') }}}}"}}},
    "values-that-claim-to-be-vaulted": {"stack": {"unit": {"__ansible_vault": "$ANSIBLE_VAULT;1.1;AES256\n3030"}}},
    "a-plan-of-its-own": {
        "plan": [{"remedy": "../../../{outside}/evil", "for": ["x/y"], "risk": "safe", "vars": {}}],
        "temporary": f"/tmp; {_RUN}",
        "done": False,
        "evidence_plan": [{"remedy": "evil.collection.role"}],
    },
    "names-that-are-commands": {
        "stack": {
            "unit": f"x.service; {_RUN}; touch {PWNED}",
            "root": f"/srv/$({_RUN})`touch {PWNED}`",
            "user": f"root; touch {PWNED}",
            "venv": f"/srv/x'; touch {PWNED}; '",
            "bind": [{"kind": "tcp", "host": f"$(touch {PWNED})", "port": f"8000; {_RUN}"}],
        }
    },
    "names-that-are-templates": {
        "stack": {
            "unit": f"{{{{ lookup('ansible.builtin.pipe', '{_RUN}') }}}}",
            "root": f"{{{{ lookup('file', '/etc/passwd') }}}}{{% include '{CANARY}' %}}",
            "user": "{{ 7919 * 7927 }}",
            "database_unit": f"{{{{ lookup('ansible.builtin.pipe', '{_RUN}') }}}}",
        }
    },
    "messages-that-a-terminal-obeys": {
        "failed": True,
        "msg": "\x1b]0;owned\x07\x1b[2J\u202e\x9b31m no\rHEALTHY",
        "exception": "\x1b[2JTraceback\u202e",
        "warnings": ["\x1b[2J\x9b31m\u202e"],
        "deprecations": [{"msg": "\x1b[2J\u202e", "version": "9"}],
        "diff": {"before": "\x1b[2J", "after": "\u202e"},
    },
    "fifty-megabytes": {"padding": 50_000_000},
    "a-hundred-thousand-entries": {"entries": 100_000},
}  # fmt: skip

# Names of hosts in an inventory, from a cloud's API or a typing error.
HOST_NAMES = {
    "leads-up": "../../../moved-up",
    "is-absolute": "/tmp/rescue502-moved",
    "has-a-newline": "web\n1",
    "is-long": "w" * 600,
    "is-not-ascii": "wëb-日本",
    "has-quotes": "web'\"1",
    "is-a-hidden-file": ".ssh",
    "is-two-dots": "..",
    "has-escapes": "web\x1b[2J\u202e1",
    "differs-in-one-sign": "web/1",
    "differs-in-one-sign-too": "web_1",
    "is-a-command": f"$(touch {CANARY})",
}

# Ids of incidents, which a user or AWX may set.
INCIDENTS = {
    "leads-up": "../../moved-up",
    "is-absolute": "/tmp/rescue502-moved",
    "has-a-newline": "a\nb",
    "is-long": "i" * 600,
    "has-a-nul": "a\0b",
    "is-not-ascii": "störung-日本",
}

# Links that somebody has put where a report will be, as (link, target) below the test's folder.
PLANTED_LINKS = {
    "the-incidents-folder": ("reports/planted", "elsewhere"),
    "the-record": ("reports/planted/{host}.json", "elsewhere/record.json"),
    "the-record-to-nowhere": ("reports/planted/{host}.json", "elsewhere/none.json"),
    "the-page": ("reports/planted/{host}.html", "elsewhere/page.html"),
    "the-ticket": ("reports/planted/{host}.md", "elsewhere/page.md"),
}

# Traps in the app's own tree, as a script that the app's user could run, with $ROOT and $LOGS set. What the remedies
# are made to repair there is given with each, so that they do work on it.
TRAPS = {
    "a-file-that-links-to-the-shadow-file": "ln -s /etc/shadow $ROOT/trap_link.py",
    "a-folder-that-links-out": "ln -s /etc $ROOT/trap_folder; ln -s /root $ROOT/media/trap_folder",
    "a-link-to-itself": "ln -s trap_loop $ROOT/trap_loop; ln -s .. $ROOT/media/trap_up",
    "a-hard-link-to-the-shadow-file": "ln /etc/shadow $ROOT/trap_hard.py",
    "a-hard-link-among-the-uploads": "ln /etc/gshadow $ROOT/media/trap_hard",
    "an-environment-file-that-is-a-link": "rm -f $ROOT/.env.local; ln -s /etc/shadow $ROOT/.env.local",
    "a-log-that-is-a-link": "mv $LOGS/django.log $LOGS/django.kept; ln -s /etc/shadow $LOGS/django.log",
    "bytecode-that-is-a-link": "ln -s /etc/shadow $ROOT/trap.pyc; ln -s /etc $ROOT/static/__pycache__",
    "a-fifo-among-the-code": "mkfifo $ROOT/trap_fifo.py; mkfifo $ROOT/media/trap_fifo; mkfifo $ROOT/trap_fifo.pyc",
    "a-fifo-for-a-settings-file": "mkfifo $ROOT/.env.production; mkfifo $ROOT/pyproject.toml",
    "a-fifo-for-gunicorns-configuration": "mkfifo $ROOT/gunicorn.conf.py",
    "a-fifo-for-a-log": "mv $LOGS/access.log $LOGS/access.kept; mkfifo -m 666 $LOGS/access.log",
    "a-socket": "python3 -c 'import socket,sys; socket.socket(socket.AF_UNIX).bind(sys.argv[1])' $ROOT/media/trap.sock",
    "a-device": "mknod -m 666 $ROOT/media/trap_device c 1 5",
    "names-with-newlines": "touch \"$ROOT/media/trap\n..\" \"$ROOT/trap\nx.py\"; chmod 0 $ROOT/trap*x.py",
    "names-that-are-no-text": "touch $ROOT/media/$'trap\\xff\\xfe'; install -m 0 /dev/null $ROOT/$'trap\\xff.py'",
    "names-that-are-options": "touch -- $ROOT/-rf $ROOT/--help $ROOT/media/-R",
    "names-that-are-commands": "touch $ROOT/media/'$(touch rescue502-pwned)' \"$ROOT/;touch rescue502-pwned;.py\"",
    "five-hundred-levels": "cd $ROOT/media; for i in $(seq 500); do mkdir d; cd d; done",
    "a-hundred-thousand-uploads": "mkdir $ROOT/media/many; cd $ROOT/media/many; seq 100000 | xargs touch",
}  # fmt: skip

# Loops that an app's user runs while root works: what is a file or folder now is a link at the next moment.
RACES = {
    "a-folder-becomes-a-link-to-etc": "mv $R/swap $R/.aside; ln -s /etc $R/swap; rm $R/swap; mv $R/.aside $R/swap",
    "a-file-becomes-a-link-to-the-shadow-file": (
        "mv $R/swap/shadow $R/.aside; ln -s /etc/shadow $R/swap/shadow; rm $R/swap/shadow; mv $R/.aside $R/swap/shadow"
    ),
    "a-file-becomes-a-hard-link": (
        "mv $R/swap/shadow $R/.aside; ln /etc/shadow $R/swap/shadow; rm $R/swap/shadow; mv $R/.aside $R/swap/shadow"
    ),
    "a-link-of-roots-is-moved-in": (
        "mv $R/swap $R/.aside; mv $R/roots $R/swap; mv $R/swap $R/roots; mv $R/.aside $R/swap"
    ),
}

ALL: dict[str, dict[str, Any]] = {
    "texts": TEXTS,
    "answers": ANSWERS,
    "forged answers": FORGED,
    "host names": HOST_NAMES,
    "incidents": INCIDENTS,
    "planted links": PLANTED_LINKS,
    "traps": TRAPS,
    "races": RACES,
}
