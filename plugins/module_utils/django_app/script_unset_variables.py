# Copyright: rescue502 maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Runs inside the app's own Python, as a part of script_rehearsal.py: on which unset variables a setting depends.

Settings may fall back to a value of their own, such as another database; nothing is missing then, and nothing raised.
"""

from __future__ import annotations

import ast
import os

from ansible_collections.rescue502.django.plugins.module_utils.django_app.script_asked_variables import (
    ASKED,
    DEFAULTED,
    assigned,
    is_at,
    last_line,
    syntax_tree,
)


def unset_for(setting):
    """Names of the variables that are not set and on which a setting depends, each once.

    They were asked for in its statement, in the condition around it, or for what is named in either.
    """
    found = []
    for asked in (*ASKED, *DEFAULTED):
        lines = {(file, line) for file, line, _frame in asked.places}
        files = {file for file, _line in lines}
        if asked.name not in os.environ and any(lines & leading_to(setting, file) for file in files):
            found.append(asked.name)
    return list(dict.fromkeys(found))[:20]


def leading_to(setting, file):
    """(file, line) of the statements that a setting's value comes from, where this file sets it."""
    tree = syntax_tree(file)
    own = assigned(tree, {setting}, file)
    if not own:
        return set()
    numbers = {line for _file, line in own}
    tests = [
        node.test for node in ast.walk(tree) if isinstance(node, ast.If) and any(is_at(node, line) for line in numbers)
    ]
    spans = [node for node in ast.walk(tree) if isinstance(node, ast.stmt) and node.lineno in numbers] + tests
    names = {node.id for span in spans for node in ast.walk(span) if isinstance(node, ast.Name)}
    around = {(file, line) for test in tests for line in range(test.lineno, last_line(test) + 1)}
    return set(own) | around | set(assigned(tree, names, file))
