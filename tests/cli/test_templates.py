# SPDX-License-Identifier: Apache-2.0
"""Queries with optional parts from their file to their rows, on the embedded database and on a server; what they may become, printed;
scripts split."""
import itertools
import json
import re

import harness
from harness import URL, case, equal, psql

SQL = """
-- name: make #
create table things (id int8 primary key, kind text, price int8, made text);
insert into things values (1, 'a', 10, '2024-01-01'), (2, 'b', 20, '2024-01-02'), (3, 'a', 30, '2024-01-03'),
  (4, 'c', 40, '2024-01-04'), (5, null, 50, '2024-01-05'), (6, 'b', 60, '2024-01-06');

-- name: find
-- param: kind text?
-- param: low int8?
-- param: made text?
-- param: ids int8[]?
-- param: sort ident in(id, price, "made") = id
-- param: down bool?
select id, kind
  from things
 where /*? kind */ kind = :kind /*?*/
   and /*? low */ price >= :low
/*? made */ and made < :made
/*? ids */ and id in (:ids)
/*?*/
 order by :sort /*? down = true */ desc /*?*/;
"""
FILTERS = {
    "kind": ("b", "kind = 'b'"), "low": ("20", "price >= 20"), "made": ("2024-01-05", "made < '2024-01-05'"),
    "ids": ("{2,3,4,6}", "id in (2, 3, 4, 6)"),
}


def all_combinations(t, url):
    t.good("run", "-d", url, "-Q", t.path("q.sql"), "make")
    for given in itertools.product([False, True], repeat=len(FILTERS)):
        chosen = [name for name, is_given in zip(FILTERS, given) if is_given]
        for sort, down in ("id", "true"), ("price", "false"), ("made", "true"), (None, None):
            words = [w for name in chosen for w in ("-p", f"{name}={FILTERS[name][0]}")]
            words += ["-p", f"sort={sort}", "-p", f"down={down}"] if sort else []
            where = " and ".join(FILTERS[name][1] for name in chosen)
            by_hand = (f"select id, kind from things {'where ' + where if where else ''} "
                       f"order by {sort or 'id'} {'desc' if down == 'true' else ''}")
            found = t.good("run", "-d", url, "-Q", t.path("q.sql"), "find", *words, "-o", "json")
            equal(found.text, t.good("query", "-d", url, by_hand, "-o", "json").text, f"{chosen} {sort} {down}")
    equal(t.good("run", "-d", url, "-Q", t.path("q.sql"), "find", "-p", "ids={}", "-o", "csv").text, "id,kind\n")
    t.fails(2, "run", "-d", url, "-Q", t.path("q.sql"), "find", "-p", "sort=kind; drop table things", says="is not in")


@case("sqlite: the same rows as SQL by hand, for all combinations")
def sqlite(t):
    t.write("q.sql", SQL)
    all_combinations(t, "sqlite:" + t.path("x.db"))


@case("PostgreSQL: the same rows as SQL by hand, for all combinations", server=True)
def server(t):
    t.write("q.sql", SQL)
    psql("drop schema if exists cli_templates cascade; create schema cli_templates")
    try:
        all_combinations(t, re.sub(r"$", "&options=-csearch_path%3Dcli_templates", URL))
    finally:
        psql("drop schema cli_templates cascade")


@case("what a server fills in: nobody, now, a new id each time; a caller cannot")
def filled(t):
    t.write("q.sql", "-- name: who\nselect :_user as u, :_roles as r, :_now as n, :_request_id as i\n")
    url = "sqlite::memory:"
    one, two = (json.loads(t.good("run", "-d", url, "-Q", t.path("q.sql"), "who", "-o", "json").text)[0] for _ in range(2))
    assert one["u"] is None and one["r"] is None and re.match(r"20\d\d-", one["n"]), one
    assert one["i"] != two["i"] and re.fullmatch(r"[0-9a-f-]{36}", one["i"]), one
    t.fails(2, "run", "-d", url, "-Q", t.path("q.sql"), "who", "-p", "_user=eve", says="a caller cannot set it")
    assert re.fullmatch(r"id\n[0-9a-f-]{36}\n", t.good("query", "-d", url, "select :_request_id as id", "-o", "csv").text)
    t.fails(2, "query", "-d", url, "select :_user", "-p", "_user=eve", says="a caller cannot set it")
    t.fails(2, "query", "-d", url, "select :_usr", says='parameter "_usr" is missing')


SHOWN = """-- name: take_all :many
-- What it does.
-- param: a int8 min=1   max=5 = 2 -- how many
-- param: b text? in('x', 'y') length=1..3
-- param: s ident in(c, d)
-- column: c numeric(10, 2)  -- in euros
-- column: d timestamp with time zone
-- dialect: sqlite, postgresql
-- read-only
-- idempotent
-- roles: teller
-- timeout: 2s
select c, d from t where a = :a /*? b */ and b = :b /*?*/ order by :s
-- name: all_gone
-- allow-all-rows
delete from t where /*? a */ a = :a /*?*/
"""


@case("queries show tells all that the headers say, to people and to programs")
def show_all(t):
    path = t.write("q.sql", SHOWN)
    text = t.good("queries", "show", "take_all", path).text
    for line in ("dialect: sqlite, postgresql", "roles: teller", "read-only", "timeout: 2000ms", "idempotent", "What it does.",
                 "  a                int8 min=1   max=5 = 2  -- how many", "  b                text? in('x', 'y') length=1..3",
                 "  s                ident in(c, d)", "Columns:", "  c                numeric(10, 2)", "  d                timestamp with time zone"):
        assert line in text.split("\n"), (line, text)
    gone = t.good("queries", "show", "all_gone", path).text
    assert "allow-all-rows" in gone.split("\n") and "read-only" not in gone and "dialect" not in gone, gone
    equal(t.json("queries", "show", "take_all", path), {
        "name": "take_all", "file": path, "line": 1, "mark": ":many", "kind": "select", "read_only": True, "declared_read_only": True, "idempotent": True,
        "allow_all_rows": False, "dialects": ["sqlite", "postgresql"], "roles": ["teller"], "timeout_ms": 2000, "max_rows": None, "cache_ms": None,
        "retry": None, "isolation": None, "priority": None, "as_of": None, "deprecated": None, "documentation": "What it does.",
        "parameters": [{"name": "a", "type": "int8", "optional": False, "default": "2", "checks": "min=1   max=5", "help": "how many"},
                       {"name": "b", "type": "text", "optional": True, "default": None, "checks": "in('x', 'y') length=1..3", "help": None},
                       {"name": "s", "type": "ident", "optional": False, "default": None, "checks": "in(c, d)", "help": None}],
        "columns": [{"name": "c", "type": "numeric(10, 2)"}, {"name": "d", "type": "timestamp with time zone"}],
        "sql": SHOWN.split("\n")[12]})
    gone = t.json("queries", "show", "all_gone", path)
    equal((gone["allow_all_rows"], gone["declared_read_only"], gone["dialects"], gone["columns"]), (True, False, [], []))
    equal(t.json("queries", "show", "all_gone", "--expand", path), [
        {"when": '"a" is given', "sql": "delete from t where a = $1", "parameters": ["a"]},
        {"when": '"a" is absent', "sql": "delete from t", "parameters": []}])
    t.fails(2, "queries", "show", "all_gone", "-o", "csv", path, says="-o json, or nothing")


@case("queries show --expand")
def expand(t):
    t.write("q.sql", SQL)
    shown = t.good("queries", "show", "find", "--expand", t.path("q.sql")).text
    equal(len(re.findall(r"^-- \d+ of 96:", shown, re.M)), 96)
    assert '"kind" is absent, "low" is absent, "made" is absent, "ids" is absent' in shown
    for statement in shown.split(";\n"):
        assert not re.search(r"(where|and)\s+(and|order)", statement), statement
    t.write("plain.sql", "select :a\n")
    equal(t.good("queries", "show", "plain", "--expand", t.path("plain.sql")).text, "-- 1 of 1\nselect $1;\n")
    equal(t.good("queries", "show", "plain", "--expand", "--dialect", "sqlite", t.path("plain.sql")).text, "-- 1 of 1\nselect ?1;\n")
    assert "unknown dialect" in t.run("queries", "show", "plain", "--expand", "--dialect", "mysql", t.path("plain.sql")).errors
    assert "wants --expand" in t.run("queries", "show", "plain", "--dialect", "sqlite", t.path("plain.sql")).errors


@case("what a file says does not steer the terminal")
def plain(t):
    t.write("q.sql", "-- name: a\n-- rolez: \x1b[2J\x07\tx\nselect 1\n")
    done = t.run("queries", "check", t.path("q.sql"))
    assert "  -- rolez: ?[2J?\tx\n     ^\n" in done.text, str(done)


@case("a DELETE that may lose its condition is not loaded")
def lost(t):
    t.write("q.sql", "-- name: a\ndelete from t where /*? id */ id = :id /*?*/\n")
    done = t.run("queries", "check", t.path("q.sql"))
    equal(done.code, 1)
    assert re.search(r"q\.sql:2:15: error: an UPDATE or DELETE loses its condition, when \"id\" is absent", done.text), str(done)


@case("queries split")
def split(t):
    t.write("s.sql", "select 1;\n /* x */ insert into t values (1, 'é\"'), (2, '');\nbegin")
    found = json.loads(t.good("queries", "split", t.path("s.sql"), "--format", "json").text)
    equal([(p["line"], p["column"], p["byte"], p["kind"]) for p in found],
          [(1, 1, 0, "select"), (2, 10, 19, "dml"), (3, 1, 61, "transaction")])
    equal(found[1]["fingerprint"], "insert into t values (?)")
    equal(found[1]["sql"], "insert into t values (1, 'é\"'), (2, '')")
    assert "2:10: byte 19" in t.good("queries", "split", t.path("s.sql")).text
    equal(t.good("queries", "split", "-", "--format", "json", stdin=b"").text, "[]\n")
    t.fails(1, "queries", "split", "-", stdin=b"\n 'x", says="stdin:2:2: error: string without its closing quote")
    t.fails(2, "queries", "split", says="give one file")


if __name__ == "__main__":
    harness.main()
