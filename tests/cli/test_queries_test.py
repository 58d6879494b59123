# SPDX-License-Identifier: Apache-2.0
"""cdbc queries test: test files, what they may say, how a failure reads, and that nothing stays."""
import json
import os
import re

import harness
from harness import BANK, URL, case, equal, psql

QUERIES = """-- name: add !
insert into t (id, name) values (:id, :name);
-- name: all_rows :many
select id, name from t order by id;
-- name: echo :one
select cast(:a as text) as a;
-- name: names_of :many
-- param: ids int8[]
select name from t where id in (:ids) order by id;
"""
SETUP = "-- setup:\ncreate table t (id int primary key, name text);\n"
MEMORY = "sqlite::memory:"


def suite(t, tests, setup=SETUP, url=MEMORY, words=(), env=None):
    t.write("sql/q.sql", QUERIES)
    t.write("sql/q.test.sql", setup + tests)
    return t.run("queries", "test", "-d", url, "sql", *words, env=env)


def passes(t, tests, **more):
    done = suite(t, tests, **more)
    assert done.code == 0 and " 0 failed" in done.errors, str(done)
    return done


def wrong(t, tests, *says, **more):
    """The file is wrong: exit 2, nothing is run, and these are said."""
    done = suite(t, tests, **more)
    equal((done.code, done.text), (2, ""), str(done))
    for pattern in says:
        assert re.search(pattern, done.errors), f"no {pattern!r}: {done}"
    return done


def differs(t, tests, *says, **more):
    """A test fails: exit 1, and these are said."""
    done = suite(t, tests, **more)
    equal(done.code, 1, str(done))
    for pattern in says:
        assert re.search(pattern, done.text), f"no {pattern!r}: {done}"
    return done


def line_of(tests, text, setup=SETUP):
    """Line and column of a text in the file."""
    before = (setup + tests).split(text)[0]
    return f"{before.count(chr(10)) + 1}:{len(before) - before.rfind(chr(10))}"


@case("the bank's tests pass on the embedded database")
def bank(t):
    done = t.good("queries", "test", "-d", MEMORY, BANK, "--coverage")
    assert re.search(r"9 tests: 8 passed, 0 failed, 1 skipped; 12 of 15 queries called", done.errors), str(done)
    assert re.search(r"schema.sql:\d+: no test calls drop_schema", done.text), str(done)


@case("the bank's tests pass on PostgreSQL, and nothing stays", server=True)
def bank_server(t):
    psql("drop schema if exists cli_qtest cascade; create schema cli_qtest")
    try:
        t.good("queries", "test", "-d", URL + "&options=-csearch_path%3Dcli_qtest", BANK)
        equal(psql("select count(*) from pg_class where relnamespace = 'cli_qtest'::regnamespace"), "0")
    finally:
        psql("drop schema cli_qtest cascade")


@case("every expectation is met by what it says")
def expectations(t):
    passes(t, """-- test: all of them
-- call: add id=1 name='ada ''x'' b'
-- expect: affected 1
-- call: add id=2 name=NULL
-- call: add id=3 name=''
-- call: all_rows
-- expect: 3 rows
-- expect:
-- | name      | id |
-- | :-------- | ---: |
-- | ada 'x' b | 1  |
-- |           | 2  |
-- | ""        | 3  |
-- call: all_rows
-- expect: unordered
-- | id | name |
-- | 3 | "" |
-- | 1 | ada 'x' b |
-- | 2 | NULL |
-- call: names_of ids={1,3}
-- expect: 2 rows
-- call: names_of ids='{7, 8}'
-- expect: nothing
-- call: add id=1 name=x
-- expect: error 23505
-- call: add id=1 name=x
-- expect: error 23505 UNIQUE
-- call: add id=7
-- expect: error
-- call: add id=7
-- expect: error param
-- call: nowhere
-- expect: error not-found
delete from t where id = 99;
-- expect: nothing
select count(*) as n from t;
-- expect:
-- | n |
-- |---|
-- | 3 |
""")


@case("values with bars, line ends, blanks at the edges, and the word NULL")
def values(t):
    for given, cell in (("a|b", r"a\|b"), ("E'a\\nb'", "a<br>b"), ("E'a\\tb'", r"a\tb"), ("' x '", r"\ x\ "), ("'NULL'", r"\NULL"),
                        ("<br>", r"\<br>"), ("a\\b", r"a\\b"), ("a\\", r"a\\"), ('\'""\'', r'\""'), ("'ü €'", "ü €"), ("a=b", "a=b"), ("''", '""'),
                        ("':--:'", r"\:--:")):
        test = f"-- test: it is\n-- call: echo a={given}\n-- expect:\n-- | a |\n-- |---|\n-- | {cell} |\n"
        passes(t, test)
        failed = differs(t, test.replace(f"| {cell} |", "| other |"))
        assert f"+ | {cell} " in failed.text, f"what came is shown as it would be written: {cell} {failed}"


@case("what -o markdown prints is an expectation")
def markdown(t):
    rows = "insert into t values (1, 'a|b'), (2, null), (3, ''), (4, 'x<y\\z'), (5, 'two' || char(10) || 'lines');\n"
    t.write("sql/q.sql", QUERIES)
    t.write("script.sql", SETUP + rows)
    t.good("query", "-d", "sqlite:" + t.path("m.db"), "-f", "script.sql")
    printed = t.good("run", "-d", "sqlite:" + t.path("m.db"), "-Q", "sql", "all_rows", "-o", "markdown").text
    passes(t, f"-- test: pasted\n{rows}-- call: all_rows\n-- expect:\n" + re.sub("^", "-- ", printed.rstrip("\n"), flags=re.M) + "\n")


@case("each failure names its place, what was expected and what came")
def failures(t):
    head = "-- test: one\ninsert into t values (1, 'a'), (2, 'b'), (3, 'c');\n"
    for rest, at, says in (
            ("-- call: all_rows\n-- expect: 2 rows\n", "2 rows", "expected 2 rows, got 3"),
            ("-- call: all_rows\n-- expect: nothing\n", "nothing", "expected nothing, got 3 rows"),
            ("-- call: add id=4 name=d\n-- expect: nothing\n", "nothing", "expected nothing, got 1 affected row"),
            ("-- call: add id=4 name=d\n-- expect: affected 2\n", "affected 2", "expected 2 affected rows, got 1"),
            ("-- call: add id=4 name=d\n-- expect: error\n", "error", "expected error, got success"),
            ("-- call: add id=1 name=d\n-- expect: error 23503\n", "error 23503", "expected error 23503, got error 23505: .*UNIQUE"),
            ("-- call: add id=1 name=d\n", "add id=1", "error 23505"),
            ("select * from nothing_there;\n", "select * from nothing_there", "error 42P01"),
            ("-- call: add id=4\n", "add id=4", 'error .*"name" is missing'),
            ("-- call: all_rows\n-- expect:\n-- | nr |\n-- | 1 |\n", "\n-- | nr", 'expected a column "nr", got id, name'),
            ("-- call: all_rows\n-- expect:\n-- | id |\n-- | 1 |\n-- | 7 |\n-- | 3 |\n", "| 7 |", "the rows are others than expected"),
            ("-- call: all_rows\n-- expect:\n-- | id |\n-- | 1 |\n", "\n-- | id |", "expected 1 row, got 3"),
            ("-- call: all_rows\n-- expect:\n", None, "expected 0 rows, got 3")):
        done = differs(t, head + rest, r"failed: one\n  " + says)
        if at and not at.startswith("\n"):
            assert f"sql/q.test.sql:{line_of(head + rest, at)}: " in done.text, f"{at}: {done}"


@case("a difference is a small table, and a row that is missing shifts none")
def difference(t):
    rows = ", ".join(f"({i}, 'n{i}')" for i in range(1, 60))
    wanted = "".join(f"-- | {i} | n{i} |\n" for i in range(1, 61) if i != 30)
    test = f"-- test: many\ninsert into t values {rows};\n-- call: all_rows\n-- expect:\n-- | id | name |\n{wanted}"
    done = differs(t, test, r"the rows are others than expected")
    assert "  +" in done.text
    equal(re.findall(r"^  ([-+] .*)", done.text, re.M), ["+ | 30 | n30  |", "- | 60 | n60  |"], str(done))
    assert "    | 28 | n28  |\n    | 29 | n29  |\n" in done.text, str(done)
    assert f"q.test.sql:{line_of(test, '| 31 |')}: " in done.text, str(done)
    many = differs(t, re.sub(r"\| n(\d)", r"| m\1", test))
    assert len(many.text.splitlines()) < 30 and re.search(r"\.\.\. \d+ more that differ", many.text), str(many)


@case("tests do not see each other, and a failure before does not matter")
def isolation(t):
    done = differs(t, """-- test: first
-- call: add id=1 name=a
-- test: second
-- call: add id=1 name=a
-- call: add id=1 name=a
-- test: third
-- call: all_rows
-- expect: nothing
""", "failed: second")
    assert "3 tests: 2 passed, 1 failed" in done.errors, str(done)
    passes(t, "-- test: after an error the transaction goes on\n-- call: add id=1 name=a\n-- call: add id=1 name=a\n-- expect: error\n"
              "-- call: all_rows\n-- expect: 1 row\n")


@case("after an expected error the transaction goes on, on PostgreSQL too", server=True)
def isolation_server(t):
    psql("drop table if exists t")
    passes(t, "-- test: goes on\n-- call: add id=1 name=a\n-- call: add id=1 name=a\n-- expect: error 23505 t_pkey\n"
              "-- call: all_rows\n-- expect: 1 row\n", url=URL)
    equal(psql("select count(*) from pg_class where relname = 't'"), "0")
    differs(t, "-- test: vacuum\nvacuum;\n", "error 25001", "hint: .*no-transaction", url=URL)
    passes(t, "-- test: vacuum\n-- no-transaction\nvacuum;\n", setup="", url=URL)


@case("no-transaction keeps what a test does")
def no_transaction(t):
    url = "sqlite:" + t.path("kept.db")
    passes(t, "-- test: kept\n-- no-transaction\ncreate table kept (i int);\nbegin;\ninsert into kept values (1);\ncommit;\n", setup="", url=url)
    equal(t.json("query", "-d", url, "select i from kept"), [{"i": 1}])
    passes(t, "-- test: for all\ninsert into kept values (2);\n", setup="-- no-transaction\n", url=url)
    equal(len(t.json("query", "-d", url, "select i from kept")), 2)
    passes(t, "-- test: gone\ninsert into kept values (3);\n", setup="", url=url)
    equal(len(t.json("query", "-d", url, "select i from kept")), 2)


@case("a test for another database is skipped, and said to be")
def dialects(t):
    done = passes(t, "-- test: not here\n-- dialect: cockroachdb, postgresql\nselect no_such;\n-- test: here\n-- dialect: sqlite\nselect 1;\n")
    assert "2 tests: 1 passed, 0 failed, 1 skipped" in done.errors, str(done)
    done = suite(t, "-- test: not here # and\n-- dialect: postgresql\nselect 1;\n", words=["-o", "tap"])
    equal(done.text, "TAP version 13\n1..1\nok 1 - sql/q.test.sql: not here \\# and # SKIP for another database\n")


@case("TAP and JSON for programs")
def forms(t):
    tests = "-- test: good\nselect 1;\n-- test: bad \"x\"\nselect 2 as a;\n-- expect:\n-- | a |\n-- | 3 |\n"
    done = differs(t, tests, words=["-o", "tap"])
    equal(done.text, "TAP version 13\n1..2\nok 1 - sql/q.test.sql: good\nnot ok 2 - sql/q.test.sql: bad \"x\"\n"
                     "# sql/q.test.sql:9:4:\n# the rows are others than expected\n#   | a |\n# - | 3 |\n# + | 2 |\n")
    found = json.loads(differs(t, tests, words=["-o", "json", "--coverage"]).text)
    equal([(x["test"], x["result"], x["line"]) for x in found["tests"]], [("good", "passed", 3), ('bad "x"', "failed", 5)])
    equal((found["passed"], found["failed"], found["skipped"]), (1, 1, 0))
    equal(found["tests"][1]["failed_line"], 9)
    equal(found["tests"][1]["details"], "  | a |\n- | 3 |\n+ | 2 |\n")
    equal(found["not_called"], ["add", "all_rows", "echo", "names_of"])
    equal(json.loads(differs(t, tests, words=["-o", "json"]).text).keys(), {"tests", "passed", "failed", "skipped"})
    assert "text, tap or json" in suite(t, tests, words=["-o", "csv"]).errors


@case("tests are chosen by file, folder and query")
def chosen(t):
    t.write("sql/q.sql", QUERIES)
    t.write("sql/a.test.sql", SETUP + "-- test: a1\n-- call: all_rows\n-- test: a2\n-- call: names-of ids={}\n")
    t.write("sql/sub/b.test.sql", SETUP + "-- test: b\n-- call: all_rows\n")
    t.write("cdbc.yaml", "queries:\n  folders: [sql]\n")

    def ran(*words):
        return re.findall(r"^ok \d+ - (.*)$", t.good("queries", "test", "-d", MEMORY, "-o", "tap", *words).text, re.M)
    equal(ran(), ["sql/a.test.sql: a1", "sql/a.test.sql: a2", "sql/sub/b.test.sql: b"])
    equal(ran("sql/sub"), ["sql/sub/b.test.sql: b"])
    equal(ran("sql/a.test.sql", "names_of"), ["sql/a.test.sql: a2"])
    equal(ran("all-rows"), ["sql/a.test.sql: a1", "sql/sub/b.test.sql: b"])
    t.fails(2, "queries", "test", "-d", MEMORY, "all_row", says="all_rows")
    t.fails(2, "queries", "test", "-d", MEMORY, "add", says="no test calls that")
    t.fails(2, "queries", "test", "-d", MEMORY, "sql/none.test.sql", says="No such file")
    t.fails(2, "queries", "test", "-d", MEMORY, "sql/q.sql", says=r"is named NAME\.test\.sql")
    os.remove(t.path("cdbc.yaml"))
    equal(ran("sql/a.test.sql"), ["sql/a.test.sql: a1", "sql/a.test.sql: a2"])
    t.fails(2, "queries", "test", "-d", MEMORY, says="no folder of queries")
    t.fails(2, "queries", "test", "sql", says="no database was named")
    os.mkdir(t.path("empty"))
    t.fails(2, "queries", "test", "-d", MEMORY, "empty", says=r"there are no \*\.test\.sql files")


@case("no tests in production, unless forced")
def production(t):
    t.write("sql/q.sql", QUERIES)
    t.write("sql/q.test.sql", SETUP + "-- test: a\nselect 1;\n")
    t.write("cdbc.yaml", "database:\n  url: 'sqlite::memory:'\nqueries:\n  folders: [sql]\ndefault_environment: dev\n"
                         "environments:\n  dev: {}\n  production: {}\n  Live: {}\n")
    t.good("queries", "test")
    for name in ("production", "Live"):
        t.fails(2, "queries", "test", "-e", name, says="the environment is \"" + name)
        t.fails(2, "queries", "test", env={"CDBC_ENVIRONMENT": name}, says="--force")
    t.good("queries", "test", "-e", "production", "--force")


@case("a wrong test file is told with its place, all of it, and nothing is run")
def wrong_files(t):
    for tests, at, says in (
            ("-- test: a\n-- call: al_rows\n", "al_rows", 'all_rows'),
            ("-- test: a\n-- call:\n", None, "which query"),
            ("-- test: a\n-- call: echo a\n", "a\n", "is no parameter"),
            ("-- test: a\n-- call: echo a=1 b c=2\n", "b c=2", "is no parameter"),
            ("-- test: a\n-- call: echo a=1 a=2\n", "a=2", "given twice"),
            ("-- test: a\n-- call: echo a='x\n", "'x", "not closed"),
            ("-- test: a\n-- call: echo a='x'y\n", "'x'y", "not closed"),
            ("-- test: a\n-- param: a=1\n", "a=1", "belongs below a -- call:"),
            ("-- test: a\n-- expect: 1 row\n", "1 row", "of what"),
            ("-- test: a\nselect 1;\n-- expect: 1 rose\n", "1 rose", "this cannot be expected"),
            ("-- test: a\nselect 1;\n-- expect: -1 rows\n", "-1 rows", "this cannot be expected"),
            ("-- test: a\nselect 1;\n-- expect: affected many\n", "affected many", "this cannot be expected"),
            ("-- test: a\nselect 1;\n-- expect 1 row\n", "1 row", "write -- expect: with its colon"),
            ("-- test: a\nselect 1;\n-- expects: 1 row\n", None, "unknown mark \"expects\"; did you mean expect"),
            ("-- test: a\nselect 1;\n-- expect: 1 row\n-- expect: error\n", "error", "contradicts the expectation in line 5"),
            ("-- test: a\nselect 1;\n-- expect: 1 row\n-- | a |\n", "| a |", "belongs to nothing"),
            ("-- test: a\nselect 1;\n-- expect:\n-- | a |\n-- | 1 | 2 |\n", None, "2 cells, but there are 1"),
            ("-- test: a\nselect 1;\n-- expect:\n-- | a\n", "| a", "ends with a bar"),
            ("-- test: a\nselect 1;\n-- expect:\n-- | a | |\n", None, "a column without a name"),
            ("-- test: a\nselect 1; -- expect: 1 row\n", None, "begins a line of its own"),
            ("-- test: a\nselect 1\n-- expect: 1 row\nselect 2;\n", "-- expect", "a mark inside of a statement"),
            ("-- test: a\nbegin;\n", "begin", "in a transaction of its own"),
            ("-- test: a\nselect 1;\n-- no-transaction\n", None, "stands before"),
            ("-- test: a\nselect 1;\n-- dialect: oracle\n", "oracle", "dialects are"),
            ("-- test: a\nselect 1;\n-- setup:\n", None, "before the first test"),
            ("-- test: a\n-- test: b\nselect 1;\n", "a\n", "does nothing"),
            ("-- test: a\nselect 1;\n-- test: a\nselect 1;\n", None, "in line 3 already"),
            ("-- test:\nselect 1;\n", None, "what is true"),
            ("select 1;\n", None, "there is no test"),
            ("-- test: a\nselect 'x;\n", "'x", "quote|string"),
            ("-- test: a\ncopy t from stdin;\n1\t2\n\\.\n", None, "use insert for rows")):
        try:
            done = wrong(t, tests, says)
        except AssertionError as e:
            raise AssertionError(f"{tests!r}: {e}") from None
        if at:
            before = (SETUP + tests).rsplit(at, 1)[0] if at != "a\n" or "echo" in tests else (SETUP + tests).split(at)[0]
            place = f"{before.count(chr(10)) + 1}:{len(before) - before.rfind(chr(10))}"
            assert f"q.test.sql:{place}: error" in done.errors, f"{place}: {done}"
    done = wrong(t, "-- test: a\n-- call: echo a\n-- call:\nselect 1;\n-- expect: x\n", "is no parameter", "which query", "cannot be expected")
    equal(done.errors.count(": error: "), 3)


@case("marks in quotes and comments are none")
def quoted(t):
    passes(t, "-- test: a\n/*\n-- test: b\n-- expect: error\n*/\nselect '\n-- expect: error\n' as a, \"id\n-- call: x\n\" from (select 1 as \"id\n-- call: x\n\") q;\n"
              "-- expect: 1 row\n-- prose with a colon: this, and a | bar\nselect 1; -- and more\n")
    passes(t, "-- test: crlf\nselect 1 as a;\n-- expect:\n-- | a |\n-- |---|\n-- | 1 |\n".replace("\n", "\r\n"))
    passes(t, "-- test: bom\nselect 1;\n", setup="\ufeff")


@case("hostile test files end soon, with a place")
def hostile(t):
    t.write("sql/q.sql", QUERIES)
    for text, says in ((b"\xff\xfe-- test: a\n", "not UTF-8"), (b"-- test: a\nselect 1;\n-- \x00", None), (b"", "no test in this file"),
                       (b"-- test: a\nselect '" + b"\n-- expect:" * 300000, None), (b"-- test: a\nselect $$" + b"\n-- call: x" * 300000 + b"$$;\n", "too many marks|longer"),
                       (b"-- test: x\nselect 1;\n" * 100000, "already"), (b"-- call: x " + b"a=1 " * 100000, "twice"),
                       (b"-- test: a\n-- call: echo " + b" ".join(b"a%d=1" % i for i in range(20000)) + b"\n", "more than 1000"),
                       (b"-- test: a\nselect 1;\n-- expect:\n-- " + b"| a " * 500000 + b"|\n", "too many columns"), (b"/*" * 1000000, None),
                       (b"-- expect: x\n" * 300000, "of what"), (b"-- test: " + b"a" * 3000000, "longer than 200"), (b"x" * 5000000, "longer than"),
                       (b"-- test: a\nselect 1;\n-- expect:\n-- | a |\n" + b"-- | 1 |\n" * 100000, None)):
        t.write("sql/q.test.sql", text)
        done = t.run("queries", "test", "-d", MEMORY, "sql", wait_s=60)
        assert done.code in (1, 2) and done.seconds < harness.SOON_S and len(done.errors) < 200000, str(done)
        if says:
            assert re.search(r"q\.test\.sql:\d+:\d+: error: ", done.errors) and re.search(says, done.errors), f"{says}: {done}"


@case("no connection ends it all with 3")
def unreachable(t):
    t.write("sql/q.sql", QUERIES)
    t.write("sql/q.test.sql", "-- test: a\nselect 1;\n-- test: b\n-- dialect: postgresql\nselect 1;\n")
    t.fails(3, "queries", "test", "-d", f"postgresql://u@127.0.0.1:{harness.unused_port()}/d?sslmode=disable", "sql")


if __name__ == "__main__":
    harness.main()
