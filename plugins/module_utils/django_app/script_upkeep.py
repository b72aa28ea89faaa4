# Copyright: rescue502 maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Runs inside the app's own Python, as a part of script_rehearsal.py: in what condition PostgreSQL has its tables.

Its catalogue is read, in the app's own database and as its own role: no table is, and no lock is waited for.
"""

from __future__ import annotations

MOST_UPKEEP = 20
# What is made concurrently is not valid either until it is made, and holds this lock on its table meanwhile.
INVALID_INDEXES = """
SELECT i.relname, t.relname, n.nspname
FROM pg_index x JOIN pg_class i ON i.oid = x.indexrelid JOIN pg_class t ON t.oid = x.indrelid
JOIN pg_namespace n ON n.oid = t.relnamespace
WHERE NOT x.indisvalid AND i.relkind = 'i' AND n.nspname = ANY (current_schemas(false)) AND NOT EXISTS (
  SELECT FROM pg_locks l WHERE l.relation = x.indrelid AND l.granted AND l.mode = 'ShareUpdateExclusiveLock'
    AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database()))
ORDER BY 1
"""
# Tables of 1000 pages and more of which PostgreSQL has never counted anything; -1 since version 14, else 0. OFFSET 0
# keeps the inner query apart, for to ask for a size waits for who has locked a table.
UNCOUNTED = """
SELECT relname, pg_relation_size(oid) / 1048576 FROM (
  SELECT c.oid, c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
  LEFT JOIN pg_stat_all_tables s ON s.relid = c.oid
  WHERE c.relkind = 'r' AND c.relpersistence = 'p' AND c.reltuples <= 0 AND n.nspname = ANY (current_schemas(false))
    AND s.last_analyze IS NULL AND s.last_autoanalyze IS NULL AND s.last_vacuum IS NULL AND s.last_autovacuum IS NULL
    AND NOT EXISTS (SELECT FROM pg_locks l WHERE l.relation = c.oid AND l.mode = 'AccessExclusiveLock')
  OFFSET 0) never
WHERE pg_relation_size(oid) >= 1000 * current_setting('block_size')::int
ORDER BY 2 DESC
"""
# Sequences that have given out nine tenths of the numbers that they or their column can hold.
NEARLY_USED_UP = """
SELECT * FROM (
  SELECT t.relname, a.attname, s.oid::regclass::text,
    CASE WHEN has_sequence_privilege(s.oid, 'USAGE, SELECT') THEN pg_sequence_last_value(s.oid) END AS last,
    least(q.seqmax, CASE a.atttypid WHEN 'int2'::regtype THEN 32767 WHEN 'int4'::regtype THEN 2147483647
      ELSE 9223372036854775807 END) AS most,
    q.seqincrement AS step, format_type(a.atttypid, NULL)
  FROM pg_sequence q JOIN pg_class s ON s.oid = q.seqrelid
  JOIN pg_depend d ON d.objid = s.oid AND d.classid = 'pg_class'::regclass AND d.deptype IN ('a', 'i')
    AND d.refclassid = 'pg_class'::regclass
  JOIN pg_class t ON t.oid = d.refobjid JOIN pg_namespace n ON n.oid = t.relnamespace
  JOIN pg_attribute a ON a.attrelid = t.oid AND a.attnum = d.refobjsubid
  WHERE q.seqincrement > 0 AND NOT q.seqcycle AND n.nspname = ANY (current_schemas(false))) found
WHERE last > most / 10 * 9 ORDER BY most - last
"""


def ask_upkeep(_plan):
    """{invalid, uncounted, numbers} of the app's database, where that is PostgreSQL; else nothing.

    invalid: [{name, table, schema}] of indexes that were begun and not finished, and that nobody is making now.
    uncounted: [{table, mib}] of large tables without any statistics. numbers: [{table, column, type, sequence, last,
    most, used_up}] of sequences that have given out most of what they, or their column, can hold.
    """
    from django.db import connection

    if connection.vendor != "postgresql":
        return {}
    try:
        with connection.cursor() as cursor:
            invalid, uncounted, numbers = (rows(cursor, *query) for query in QUERIES)
    except Exception:
        return {}  # as where it is of a version that lacks a catalogue
    for item in numbers:
        item["used_up"] = item["last"] + item.pop("step") > item["most"]
    return {"invalid": invalid, "uncounted": uncounted, "numbers": numbers}


QUERIES = (
    (INVALID_INDEXES, ("name", "table", "schema")),
    (UNCOUNTED, ("table", "mib")),
    (NEARLY_USED_UP, ("table", "column", "sequence", "last", "most", "step", "type")),
)


def rows(cursor, sql, names):
    """The rows of a query, each by the names of its columns."""
    cursor.execute(sql)
    return [dict(zip(names, row)) for row in cursor.fetchall()[:MOST_UPKEEP]]
