# SPDX-License-Identifier: Apache-2.0
"""cdbc queries check: planted mistakes found at their place, for people and for programs."""
import json
import re

import harness
from harness import URL, case, equal, psql

GOOD = """-- name: good :many
-- param: user_id int8
-- param: since timestamptz?
-- param: kinds text[]?
-- param: sort ident in(id, price) = id
select id, kind,
       price
  from things
 where id = :user_id
/*? since */   and made >= :since
/*? kinds */   and kind in (:kinds)
/*?*/
 order by :sort;
"""
TABLE = "create table things (id int8 primary key, kind text, price int8, made timestamptz)"

TWELVE = """-- name: ok
select 1;
-- name: one
select 'open;
-- name: two
-- readonly
-- param: x itn8
select :x;
-- name: three :sometimes
select (1;
-- name: ok
select 2;
-- name: four
-- param: a int8
-- param: b int8
select :a, :c;
-- name: five
select 1; select 2;
-- name: six
delete from t where /*? id */ id = :id /*?*/;
-- name: seven
select $x$ body $y$;
-- name: eight
"""
FOUND = [
    (4, 8, None, "one", "string without its closing quote"),
    (6, 4, 12, "two", "`readonly` is nearly the header `read-only`"),
    (7, 13, 17, "two", 'unknown type "itn8"'),
    (9, 16, 26, "three", '":sometimes" is no mark'),
    (10, 8, 9, "three", "`(` is never closed"),
    (11, 10, 12, "ok", r'query "ok" is also in SELF:1'),
    (15, 11, 12, "four", 'parameter "b" is declared, but not used'),
    (16, 12, 14, "four", 'parameter "c" is used, but not declared'),
    (18, 11, 17, "five", "a second statement in one query"),
    (20, 15, 20, "six", 'an UPDATE or DELETE loses its condition, when "id" is absent'),
    (22, 8, None, "seven", "dollar-quoted string without its closing tag"),
    (23, 10, 15, "eight", "the query has no SQL"),
]


@case("twelve planted mistakes, each named with its line and column")
def twelve(t):
    path = t.write("q.sql", TWELVE)
    done = t.run("queries", "check", path)
    equal(done.code, 1)
    lines = [line for line in done.text.split("\n") if line.startswith(path)]
    equal(lines, [f"{path}:{line}:{column}: error: {text.replace('SELF', path)}" for line, column, _, _, text in FOUND])
    assert done.errors.endswith("12 errors\n"), str(done)
    carets = re.findall(r"^  (.*)\n  (\s*)\^$", done.text, re.M)
    equal(len(carets), 12)
    equal(carets[2], ("-- param: x itn8", " " * 12))


@case("the caret stands below a character behind wide ones and such as take no place")
def wide(t):
    path = t.write("q.sql", "-- name: a\nselect '日本', 'e\u0301', $$")
    done = t.run("queries", "check", path)
    assert f"{path}:2:20: error: " in done.text and "\n  " + " " * len("select 'aabb', 'e', ") + "^\n" in done.text, str(done)


@case("the same as JSON and as NDJSON")
def as_json(t):
    path = t.write("q.sql", TWELVE)
    done = t.run("queries", "check", path, "--format", "json")
    equal(done.code, 1)
    found = json.loads(done.text)
    equal([(d["line"], d["column"], d["end_column"], d["query"], d["message"].replace(path, "SELF")) for d in found], FOUND)
    equal({(d["file"], d["severity"], d["rung"], d["code"]) for d in found}, {(path, "error", "lexical", None)})
    equal([d["end_line"] for d in found], [d["line"] if d["end_column"] else None for d in found])
    equal(found[8]["hint"], "begin each query with a `-- name:` line, or mark the query with # to run it as a script")
    equal(found[11]["hint"], None)
    lines = t.run("queries", "check", path, "-q", "-o", "ndjson")
    equal((lines.code, lines.errors), (1, ""))
    equal([json.loads(line) for line in lines.text.splitlines()], found)


@case("nothing wrong: exit 0, an empty array; a path that is not there: exit 2")
def good(t):
    path = t.write("q.sql", "-- name: a\nselect 1\n")
    equal(t.good("queries", "check", path, "-o", "json").text, "[]\n")
    equal(t.good("queries", "check", path, "-o", "ndjson").text, "")
    equal(t.good("queries", "check", path).text, "")
    t.fails(2, "queries", "check", path, "-o", "csv", says="-o json, -o ndjson")
    t.fails(2, "queries", "check", t.path("no.sql"), says="no.sql")


@case("folders written for sqlc, named and configured")
def sqlc(t):
    path = t.write("sqlc/q.sql", "-- name: X :many\nselect sqlc.arg(id)::int8, @b where 1 in (sqlc.slice(ids))\n"
                              "-- name: Y :one\nselect sqlc.narg(id), @b as b\n")
    own = t.write("own/q.sql", "-- name: own_x :many\nselect 1 from t@idx where a = :a\n")
    equal("sqlc.arg(id)::int8, @b" in t.good("queries", "show", "X", path, "--style", "sqlc").text, True)
    equal("(id, b, ids)" in t.good("queries", "list", path, "--style", "sqlc").text, True)
    equal("(id, b, ids)" in t.good("queries", "list", path).text, False)
    t.fails(2, "queries", "list", path, "--style", "sqlx", says="there are cdbc and sqlc")
    config = t.write("cdbc.yaml", "queries:\n  folders: [own]\n  sqlc_folders: [sqlc]\n")
    both = t.good("queries", "list", "-c", config).text
    equal(("(id, b, ids)" in both, "(a)" in both), (True, True))
    config = t.write("cdbc.yaml", "queries:\n  folders: [sqlc]\n  style: sqlc\n")
    equal("(id, b, ids)" in t.good("queries", "list", "-c", config).text, True)
    done = t.good("run", "-c", config, "-d", "sqlite:" + t.path("x.db"), "-o", "tsv", "Y", "-p", "b=y")
    equal(done.text.splitlines()[-1].split("\t")[1], "y")
    t.good("queries", "check", "-c", config)
    equal(own != path, True)


@case("bytes that are no UTF-8 do not break the JSON")
def bytes_(t):
    path = t.write("q.sql", b"-- name: a\nselect 1;\n-- name: a\xff\xc3\xa9\nselect 2\n")
    found = json.loads(t.run("queries", "check", path, "-o", "json").text)
    equal([(d["line"], d["severity"]) for d in found][:1], [(3, "error")])


def positions(found):
    return [(d["line"], d["column"], d["severity"], d["code"], d["query"]) for d in found]


def with_table(fn):
    """In a schema of its own, whose URL fn gets."""
    psql("drop schema if exists cli_check cascade; create schema cli_check; set search_path = cli_check; " + TABLE)
    try:
        fn(URL + "&options=-csearch_path%3Dcli_check")
    finally:
        psql("drop schema cli_check cascade")


PLANTED = """-- name: unknown_column :many
-- param: a int8
-- param: b text?
select id, :a::int8 as "é", :a, kindd
  from things
 where id = :a
/*? b */ and kind = :b /*?*/;

-- name: only_when_given :many
-- param: a int8?
select id from things
 where made is null
/*? a */ and nope = :a /*?*/;

-- name: wrong_type :many
-- param: nm int8
select id from things
 where kind = :nm;

-- name: converted :exec
-- param: nm int8
insert into things (kind) values (:nm);

-- name: exec_rows :exec
select 1;

-- name: many_none :many
-- param: a int8
delete from things where id = :a;

"""


@case("PostgreSQL: what the server refuses, and what does not fit the headers, each at its place", server=True,
      not_cockroach="its messages and places are others")
def online(t):
    path = t.write("q.sql", PLANTED + """-- name: two $
select 1, 2;

-- name: col :many
-- column: idd int8
-- column: id text
select id from things;

-- name: undeclared :one
select :x as a, kond from things;

-- name: script #
create table made_here (a int);
insert into made_here values (1);
insert into things (id, kind) values (1);

-- name: script_2 #
select 1;
insert into things
   (nope) values (1);
""")

    def check(url):
        done = t.run("queries", "check", "--online", "-d", url, path, "-o", "json")
        equal(done.code, 1, done)
        found = json.loads(done.text)
        equal(positions(found), [
            (4, 33, "error", "42703", "unknown_column"),
            (13, 14, "error", "42703", "only_when_given"),
            (18, 13, "error", "42883", "wrong_type"),
            (21, 11, "warning", "type-differs", "converted"),
            (24, 10, "warning", "mark", "exec_rows"),
            (27, 10, "error", "mark", "many_none"),
            (31, 10, "warning", "mark", "two"),
            (35, 12, "error", "column", "col"),
            (36, 12, "warning", "type-differs", "col"),
            (40, 17, "error", "42703", "undeclared"),
            (44, 13, "note", "42P01", "script"),
            (45, 25, "error", "42601", "script"),
            (50, 5, "error", "42703", "script_2"),
        ])
        equal({d["rung"] for d in found}, {"server"})
        equal(found[0]["message"], 'column "kindd" does not exist')
        equal(found[0]["end_column"], 38)
        equal(found[1]["message"], 'column "nope" does not exist, when "a" is given')
        equal(found[2]["hint"], 'parameter "nm" is declared int8; the server would take it to be text')
        text = t.run("queries", "check", "--online", "-d", url, path)
        assert f'{path}:4:33: error: column "kindd" does not exist\n' in text.text, text
        assert '\n                                  ^\n' in text.text, text
        equal(text.errors, "8 errors, 4 warnings\n")
        equal(psql("select count(*) from cli_check.things"), "0")
        equal(psql("select to_regclass('cli_check.made_here') is null"), "t")
    with_table(check)


@case("a place in a file written for sqlc, behind its parameters", server=True, not_cockroach="its messages are others")
def sqlc_places(t):
    path = t.write("q.sql", "-- name: Get :many\nselect @a::int8 as a, sqlc.arg(b)::int8 as b, nope from (select 1) as t;\n")
    done = t.run("queries", "check", "--online", "--style", "sqlc", "-d", URL, path)
    equal(done.code, 1)
    assert f'{path}:2:47: error: column "nope" does not exist' in done.text, done


@case("warnings alone are exit 0, and 1 with --strict", server=True)
def strict(t):
    path = t.write("q.sql", "-- name: a :exec\nselect 1\n")
    assert "q.sql:1:10: warning: marked :exec" in t.good("queries", "check", "--online", "-d", URL, path).text
    done = t.run("queries", "check", "--online", "--strict", "-d", URL, path)
    equal(done.code, 1)
    assert "q.sql:1:10: error: marked :exec" in done.text, done


@case("SQLite: the same, by preparing", not_cockroach="no server is asked")
def embedded(t):
    url = "sqlite:" + t.path("x.db")
    t.good("query", "-d", url, TABLE)
    path = t.write("q.sql", GOOD + """
-- name: unknown :many
-- param: a int8
select id,
       :a as "é", kindd
  from things;

-- name: bad_column :many
-- column: sum int8
select sum(price) as total from things;

-- name: other_dialect
-- dialect: postgresql
select 1 from nowhere;

-- name: none :one
delete from things where id = 1;
""")
    done = t.run("queries", "check", "--online", "-d", url, path, "-o", "json")
    equal(done.code, 1)
    equal(positions(json.loads(done.text)), [(18, 19, "error", "42703", "unknown"), (22, 12, "error", "column", "bad_column"),
                                             (29, 10, "error", "mark", "none")])


def save_and_compare(t, url, server):
    path, lock = t.write("q.sql", GOOD), t.path("queries.lock.json")
    t.write("sub/other.sql", "-- name: gone\nselect 1 as one;\n-- name: conv :exec\n-- param: p text\n"
                             "insert into things (kind) values (:p)")
    files = (path, t.path("sub"))
    t.good("queries", "check", "--online", "-d", url, *files, "--save", lock)
    with open(lock, encoding="utf-8") as f:
        text = f.read()
    saved = json.loads(text)
    equal(saved["format"], "cdbc-descriptions-1")
    assert saved["server"].startswith(server), saved["server"]
    equal([q["name"] for q in saved["queries"]], ["conv", "gone", "good"])
    equal(saved["queries"][2]["variants"], 8)
    equal([c["name"] for c in saved["queries"][2]["results"][0]["columns"]], ["id", "kind", "price"])
    t.good("queries", "check", "--online", "-d", url, *files, "--save", lock)
    with open(lock, encoding="utf-8") as f:
        equal(f.read(), text, "written again")
    equal(t.good("queries", "check", *files, "--against", lock).text, "")
    t.write("q.sql", GOOD.replace("\n", "\r\n"))
    equal(t.good("queries", "check", *files, "--against", lock).text, "")
    t.write("q.sql", "\n" + GOOD.replace("price\n", "made\n") + "-- name: new\nselect 2;\n")
    t.write("sub/other.sql", "-- name: conv :many\n-- param: p text\ninsert into things (kind) values (:p)")
    done = t.run("queries", "check", *files, "--against", lock, "-o", "json")
    equal(done.code, 1)
    found = json.loads(done.text)
    equal([(d["file"], d["line"], d["column"], d["code"]) for d in found],
          [(path, 2, 10, "description-stale"), (path, 15, 10, "description-missing"),
           (t.path("sub/other.sql"), 1, 10, "mark"),
           (lock, text[:text.index('"gone"')].count("\n") + 1, 15, None)])
    equal(found[3]["message"], 'query "gone" is no longer there')
    return saved


@case("SQLite: what was said is saved, and queries are checked against it without a database")
def saved_sqlite(t):
    url = "sqlite:" + t.path("x.db")
    t.good("query", "-d", url, TABLE)
    saved = save_and_compare(t, url, "SQLite 3.")
    equal(saved["dialect"], "sqlite")


@case("PostgreSQL: the same, with the types of parameters", server=True)
def saved_server(t):
    def check(url):
        saved = save_and_compare(t, url, "")
        equal(saved["queries"][2]["parameters"], [{"name": "user_id", "type": "int8"}, {"name": "since", "type": "timestamptz"},
                                                  {"name": "kinds", "type": "text[]"}])
        path, lock = t.write("p.sql", "-- name: p :exec\n-- param: p text\ninsert into things (kind) values (:p)"), t.path("p.json")
        t.good("queries", "check", "--online", "-d", url, path, "--save", lock)
        with open(lock, encoding="utf-8") as f:
            text = f.read()
        t.write("p.json", text.replace('"type": "text"', '"type": "int8"'))
        done = t.run("queries", "check", path, "--against", lock)
        equal(done.code, 0, done)
        assert f'{path}:2:11: warning: parameter "p" is declared text, but the server takes it to be int8' in done.text, done
    with_table(check)


@case("a file of descriptions that is none: exit 2, with its place")
def bad_file(t):
    path = t.write("q.sql", "select 1\n")
    for text, says in (
            ("", r"d\.json:1:1: the file is empty"),
            ('{"format": "cdbc-descriptions-1"', r"d\.json:\d+:\d+: "),
            ("[]", r"d\.json:1:1: not an object"),
            ('{"format": "other",\n "dialect": "sqlite", "server": "", "queries": []}', r"d\.json:1:12: not a form"),
            ('{"format": "cdbc-descriptions-1",\n "dialect": "sqlite", "server": "", "querys": []}',
             r'd\.json:2:37: unknown member "querys"')):
        t.write("d.json", text)
        t.fails(2, "queries", "check", path, "--against", t.path("d.json"), says=says)
    t.fails(2, "queries", "check", path, "--against", t.path("none.json"), says="none.json: No such file")


@case("no server: exit 3; options that do not go together: exit 2; nothing is saved when there are errors")
def refused(t):
    path, lock = t.write("q.sql", "select 1 from nowhere\n"), t.path("d.json")
    t.fails(3, "queries", "check", "--online", "-d", f"postgresql://u@127.0.0.1:{harness.unused_port()}/d?sslmode=disable", path)
    t.fails(2, "queries", "check", "--online", "--against", lock, "-d", "sqlite::memory:", path, says="one of them")
    t.fails(2, "queries", "check", "--save", lock, path, says="wants --online")
    t.fails(2, "queries", "check", "--plan", path, says="wants --online")
    t.fails(2, "queries", "check", "--online", "--large-rows", "5", path, says="wants --plan")
    t.fails(2, "queries", "check", "--online", path, says="no database was named")
    done = t.run("queries", "check", "--online", "-d", "sqlite::memory:", path, "--save", lock)
    equal(done.code, 1)
    assert "is left as it is" in done.errors, done
    t.fails(2, "queries", "check", path, "--against", lock, says="No such file")


PLANS = """-- name: by_key :many
-- param: a int8
select kind from things where id = :a;

-- name: by_kind :many
-- param: kind text?
select id
  from things
 where true /*? kind */ and kind = :kind /*?*/;

-- name: two :many
-- param: p int8
select t.id from things t join other o on o.id = t.price where t.price = :p;

-- name: change :exec
-- param: m timestamptz
delete from things where made < :m;

-- name: few :many
select id from things limit 10;

-- name: small :many
select id from other;
"""


@case("PostgreSQL: plans: large tables read whole, conditions without an index", server=True,
      not_cockroach="its plans are others")
def plans(t):
    path = t.write("q.sql", PLANS)

    def check(url):
        psql("insert into cli_check.things select n, 'k' || n % 7, n % 100, now() from generate_series(1, 20000) n;"
             "create table cli_check.other (id int8 primary key); analyze cli_check.things; analyze cli_check.other")
        done = t.good("queries", "check", "--online", "--plan", "-d", url, path, "-o", "json")
        found = json.loads(done.text)
        equal(positions(found), [(8, 8, "warning", "missing-index", "by_kind"), (8, 8, "warning", "full-scan", "by_kind"),
                                 (13, 18, "warning", "missing-index", "two"), (17, 13, "warning", "missing-index", "change")])
        equal({d["rung"] for d in found}, {"plan"})
        equal(found[0]["message"], "no index serves the condition on cli_check.things: all of it is read, about 20000 rows, "
                                   'for (things.kind = $1), when "kind" is given')
        equal(found[1]["message"], 'all of cli_check.things is read, about 20000 rows, when "kind" is absent')
        equal(psql("select count(*) from cli_check.things"), "20000")
        equal(t.run("queries", "check", "--online", "--plan", "--strict", "-d", url, path).code, 1)
        equal(t.good("queries", "check", "--online", "--plan", "--large-rows", "20001", "-d", url, path).text, "")
        every = json.loads(t.good("queries", "check", "--online", "--plan", "--large-rows", "0", "-d", url, path, "-o", "json").text)
        assert (23, 16, "warning", "full-scan", "small") in positions(every), every
        psql("create index on cli_check.things (kind); create index on cli_check.things (price);"
             "create index on cli_check.things (made); analyze cli_check.things")
        found = json.loads(t.good("queries", "check", "--online", "--plan", "-d", url, path, "-o", "json").text)
        equal({d["code"] for d in found}, {"full-scan"})
    with_table(check)


@case("SQLite: plans")
def plans_embedded(t):
    url = "sqlite:" + t.path("x.db")
    path = t.write("q.sql", PLANS)
    t.good("query", "-d", url, TABLE.replace("id int8", "id integer"))
    t.good("query", "-d", url, "create table other (id integer primary key)")
    equal(t.good("queries", "check", "--online", "--plan", "-d", url, path).text, "")
    t.good("query", "-d", url, "insert into things (id, kind) values (20000, 'x')")
    found = json.loads(t.good("queries", "check", "--online", "--plan", "-d", url, path, "-o", "json").text)
    assert (8, 8, "warning", "full-scan", "by_kind") in positions(found), found
    assert (17, 13, "warning", "full-scan", "change") in positions(found), found
    assert not [d for d in found if d["query"] in ("by_key", "small")], found
    equal(t.good("query", "-d", url, "select count(*) from things", "-o", "csv").text, "count(*)\n1\n")


if __name__ == "__main__":
    harness.main()
