# SPDX-License-Identifier: Apache-2.0
"""cdbc batch: what stands before a failure is done, what stands after it is not; or all are tried; or none is done."""
import fcntl
import json
import subprocess
import termios

import harness
from harness import URL, case, equal, psql

GOOD = "insert into batch_cli values (1, 'a;b');\n\n  insert into batch_cli\n  values (2, '-- no');\n"
BAD = GOOD + "  insert into batch_cli values (1, 'again');\ninsert into batch_cli values (3, 'c');\n"


def write(t, name, text):
    with open(t.path(name), "w") as f:
        f.write(text)
    return t.path(name)


def ids(t, url):
    return t.good("query", "-d", url, "-o", "csv", "--no-header", "select id from batch_cli order by id").text.split()


def both(t, url):
    def empty():
        t.good("query", "-d", url, "delete from batch_cli")
    good, bad = write(t, "good.sql", GOOD), write(t, "bad.sql", BAD)
    equal((t.good("batch", "-d", url, good).errors, ids(t, url)), ("BATCH 2; 2 rows changed\n", ["1", "2"]))
    empty()
    # stop
    failed = t.run("batch", "-d", url, bad)
    equal((failed.code, ids(t, url)), (1, ["1", "2"]))
    assert f"{bad}:5:3: " in failed.errors and "23505" in failed.errors, failed
    assert "BATCH 2, 1 failed, 1 not sent; 2 rows changed" in failed.errors, failed
    empty()
    # all or nothing
    failed = t.run("batch", "-d", url, "--atomic", bad)
    equal((failed.code, ids(t, url)), (1, []))
    assert "BATCH 0, 1 failed, 3 rolled back" in failed.errors, failed
    # the place within a statement; a query's is in its own file
    where = write(t, "where.sql", "select 1;\nselect 'é', id\n  , 'ü', nope from batch_cli;\n")
    for how in [], ["--atomic"], ["--on-error", "continue"]:
        failed = t.run("batch", "-d", url, *how, where)
        assert f"{where}:3:10: " in failed.errors, failed
        failed = t.run("batch", "-d", url, *how, write(t, "one.sql", "select 1; select 'é', nope from batch_cli"))
        assert "one.sql:1:23: " in failed.errors, failed
        queries = write(t, "queries.sql", "-- name: wrong\nselect :a,\n  nope from batch_cli\n")
        lines = '{"sql": "select 1"}\n{"query": "wrong", "params": {"a": 1}}\n'
        failed = t.run("batch", "-d", url, "-Q", queries, *how, "-", stdin=lines.encode())
        assert "stdin:2: " in failed.errors and f"  {queries}:3:3:   nope from batch_cli\n" in failed.errors, failed
        failed = t.run("batch", "-d", url, *how, "-", stdin=b'{"sql": "select nope from batch_cli"}')
        assert "stdin:1: " in failed.errors, failed
    # go on
    failed = t.run("batch", "-d", url, "--on-error", "continue", bad)
    equal((failed.code, ids(t, url)), (1, ["1", "2", "3"]))
    equal(failed.errors.count("23505"), 1)
    assert "BATCH 3, 1 failed; 3 rows changed" in failed.errors, failed
    # lines of JSON, from stdin, with results
    lines = ('{"sql": "insert into batch_cli values (:id, :s)", "params": {"id": 7, "s": "\\u00e4\\n\\"q\\""}}\n\n'
             '{"sql": "select id, s from batch_cli where id in ($1, $2) order by id", "params": [3, 7]}\n'
             '{"sql": "select id from batch_cli where id = 99"}\n'
             '{"sql": "insert into batch_cli values (7, null)"}\n')
    failed = t.run("batch", "-d", url, "-o", "ndjson", "-q", "--on-error", "continue", "-", stdin=lines.encode())
    equal(failed.code, 1)
    told = [json.loads(line) for line in failed.text.splitlines()]
    equal([line["statement"] for line in told], [1, 2, 3, 4])
    equal(told[0]["affected"], 1)
    equal(told[1]["rows"], [{"id": 3, "s": "c"}, {"id": 7, "s": "ä\n\"q\""}])
    equal(told[2]["rows"], [])
    equal((told[3]["error"]["sqlstate"], told[3]["error"]["outcome"]), ("23505", "rolled-back"))
    # more than goes in one round trip
    many = write(t, "many.sql", "".join(f"insert into batch_cli values ({i}, 'x');\n" for i in range(1000, 10000)))
    last = write(t, "last.sql", "insert into batch_cli values (1000, 'twice');\n")
    failed = t.run("batch", "-d", url, "--atomic", many, last)
    equal((failed.code, len(ids(t, url))), (1, 4))
    equal(t.good("batch", "-d", url, "--atomic", many).errors, "BATCH 9000; 9000 rows changed\n")
    done = t.good("batch", "-d", url, "-o", "csv", "--stats", write(t, "read.sql", "select id from batch_cli where id < 3 order by 1"))
    equal(done.text, "id\n1\n2\n")
    assert "requests" in done.errors, done


@case("batch on the embedded database")
def embedded(t):
    url = "sqlite:" + t.path("batch.db")
    t.good("query", "-d", url, "create table batch_cli(id integer primary key, s text)")
    both(t, url)


@case("batch on PostgreSQL", server=True)
def server(t):
    psql("drop table if exists batch_cli; create table batch_cli(id int8 primary key, s text)")
    both(t, URL)
    psql("drop table batch_cli")


@case("what cannot be read is told with its place")
def wrong_input(t):
    url = "sqlite:" + t.path("wrong.db")
    t.good("query", "-d", url, "create table batch_cli(id integer primary key, s text)")
    for text, place, what in [
            ('{"sql": "select 1"}\n{"sql": "select 1", }\n', "2:21", "name in quotes"),
            ('{"sql": "select 1", "params": {"a": tru}}', "1:37", "not a JSON value"),
            ('{"sql": "select 1", "query": "x"}', "1:30", "one \"query\" or \"sql\""),
            ('{"text": "x"}', "1:10", "\"query\" or \"sql\""),
            ('{}', "1:1", "\"query\" or \"sql\""),
            ('{"sql": "select \\ud800"}', "1:17", "surrogate"),
            ('{"query": "nowhere"}', "1:1", "nowhere"),
            ('{"sql": "select :a"}', "1:1", "a"),
            ('select 1;\nselect \'x', "2:8", "")]:
        path = write(t, "wrong.txt", text)
        failed = t.run("batch", "-d", url, path)
        equal(failed.code, 2)
        assert f"{path}:{place}: " in failed.errors and what in failed.errors, (text, str(failed))
        failed = t.run("batch", "-d", url, "-", stdin=text.encode())
        assert failed.code == 2 and f"stdin:{place}: " in failed.errors, (text, str(failed))
    assert t.run("queries", "split", "-", stdin=b"select 'x").errors.startswith("stdin:1:8: ")
    # what stands before it is done, but for an atomic batch
    path = write(t, "half.sql", "insert into batch_cli values (1, 'x');\nselect 'open")
    equal((t.run("batch", "-d", url, "--atomic", path).code, ids(t, url)), (2, []))
    equal((t.run("batch", "-d", url, path).code, ids(t, url)), (2, ["1"]))


@case("a script of any size is read window by window")
def windows(t):
    url = "sqlite:" + t.path("windows.db")
    long = "x" * 700000  # longer than a window
    text = "create table w(id integer primary key, s text);" + "".join(
        f"/* {i} */ insert into w values ({i}, '{i};\n'); " for i in range(20000)) + f"insert into w values (-1, '{long}');\n  bad;"
    path = write(t, "windows.sql", text)
    failed = t.run("batch", "-d", url, path)
    equal(failed.code, 1)
    line = text.count("\n") + 1
    assert f"{path}:{line}:3: " in failed.errors, failed.errors[:500]
    done = t.good("query", "-d", url, "-o", "csv", "--no-header", "select count(*), min(length(s)), max(length(s)) from w")
    equal(done.text, "20001,3,700000\n")


@case("what batch does not take")
def usage(t):
    url = "sqlite:" + t.path("usage.db")
    for args in [[], ["--on-error", "maybe", "x"], ["--atomic", "--on-error", "continue", "x"], ["-o", "json", "x"]]:
        equal(t.run("batch", "-d", url, *args).code, 2)
    equal(t.run("batch", "-d", url, t.path("nowhere.sql")).code, 2)
    failed = t.run("batch", "-d", "postgresql://127.0.0.1:1/x", write(t, "one.sql", "select 1"))
    equal(failed.code, 3)


def waiting(t, url):
    return t.good("query", "-d", url, "select count(*) as n from batch_wait", "--no-header").text


@case("a batch that waits for its input is interrupted: what is done is said")
def interrupted(t):
    url = "sqlite:" + t.path("batch.db")
    t.good("query", "-d", url, "create table batch_wait(id integer primary key)")
    batch = t.start("batch", "-d", url, "-", stdin=subprocess.PIPE)
    batch.stdin.write(b"".join(b"insert into batch_wait values (%d);%s\n" % (i, b" " * 300) for i in range(6000)))
    batch.stdin.write(b"insert into batch_wait")
    batch.stdin.flush()
    harness.until(lambda: waiting(t, url) == "6000\n", "all that are whole")
    done = harness.interrupt(t, batch)
    assert "cdbc: interrupted" in done.errors and "BATCH 6000" in done.errors, done
    equal(waiting(t, url), "6000\n")


@case("what came is run, and its rows are told, when no more comes for now")
def as_it_comes(t):
    url = "sqlite:" + t.path("batch.db")
    said = 'say "once" /* ; */ -- ;'
    scripts = [[("select 'a;', 1; -- more; comes\n/* ; */", ["a;\t1"]), ("select 2 as /* ; ", []), ("*/ b -- ;", []),
                ("\n ; select 3; select 4;sel", ["2", "3", "4"]), ("ect 5\n", []), ("where true /* end */;\n", ["5"]), ("select 6", ["6"])],
               [(" \n", []), ('\n{"sql": "select 1"}\n{"sql": ', ["1"]), ('"select 2"}', []), ("\n", ["2"]), ('{"sql": "select 3"}', ["3"])],
               [(f"select '{said}';", [said])]]
    for script in scripts:
        batch = t.start("batch", "-d", url, "-q", "--no-header", "-o", "tsv", "-", stdin=subprocess.PIPE)
        for at, (text, rows) in enumerate(script):
            batch.stdin.write(text.encode())
            batch.stdin.flush()
            if at == len(script) - 1:
                batch.stdin.close()
            equal([batch.stdout.readline().decode().rstrip("\n") for _ in rows], rows, text)
        batch.stdin = None
        equal((t.end(batch).out, batch.returncode), (b"", 0))
    # but for what is one transaction
    t.good("query", "-d", url, "create table batch_wait(id integer primary key)")
    batch = t.start("batch", "-d", url, "--atomic", "-", stdin=subprocess.PIPE)
    batch.stdin.write(b"insert into batch_wait values (1);\n")
    batch.stdin.flush()
    harness.until(lambda: fcntl.ioctl(batch.stdin, termios.FIONREAD, b"1234") == bytes(4), "its reading")
    equal(waiting(t, url), "0\n")
    batch.stdin.write(b"bad;\n")
    batch.stdin.close()
    batch.stdin = None
    equal((t.end(batch).code, waiting(t, url)), (1, "0\n"))


harness.main()
