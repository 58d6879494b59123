# SPDX-License-Identifier: Apache-2.0
"""cdbc copy in: the rows that go in come out the same, on both databases; a failure says what is in."""
import os
import signal
import subprocess
import time

import harness
from harness import URL, case, equal, psql

ROWS = 'id,s,n\n1,"a ""q"", x",1.50\n2,"",\n3,"two\nlines \\N",2.00\n'


def both(t, url, prepare):
    prepare()
    with open(t.path("in.csv"), "w") as f:
        f.write(ROWS)
    done = t.good("copy", "in", "-d", url, "copy_cli", t.path("in.csv"))
    assert "COPY 3" in done.errors, done
    out = t.good("query", "-d", url, "select id, s, n from copy_cli order by id", "-o", "csv")
    equal(out.text, ROWS)
    with open(t.path("more.csv"), "w") as f:
        f.write("id\n" + "".join(f"{i}\n" for i in [10, 11, 12, 13, 3, 14]))
    failed = t.run("copy", "in", "-d", url, "--chunk-rows", "2", "copy_cli", t.path("more.csv"))
    equal(failed.code, 5)
    assert "--skip 4" in failed.errors, failed
    equal(t.good("query", "-d", url, "select count(*) as n from copy_cli", "-o", "json").text.count("7"), 1)


@case("copy in on the embedded database")
def embedded(t):
    url = "sqlite:" + t.path("copy.db")
    both(t, url, lambda: t.good("query", "-d", url, "create table copy_cli(id integer primary key, s text, n numeric(10,2))"))


@case("copy in on PostgreSQL", server=True)
def server(t):
    both(t, URL, lambda: psql("drop table if exists copy_cli; create table copy_cli(id int8 primary key, s text, n numeric(10,2))"))
    psql("drop table copy_cli")


def out(t, url, prepare):
    prepare()
    with open(t.path("in.csv"), "w") as f:
        f.write(ROWS)
    t.good("copy", "in", "-d", url, "copy_out", t.path("in.csv"))
    done = t.good("copy", "out", "-d", url, "copy_out", t.path("out.csv"))
    equal((done.text, done.errors), ("", "COPY 3\n"))
    with open(t.path("out.csv")) as f:
        equal(f.read(), ROWS)
    done = t.good("copy", "out", "-d", url, "--columns", "n,id", "copy_out", "-")
    equal(done.text, "n,id\n1.50,1\n,2\n2.00,3\n")
    done = t.good("copy", "out", "-d", url, "--query", "select id from copy_out where id > :low order by id", "-p", "low=1",
                  t.path("q.ndjson"))
    with open(t.path("q.ndjson")) as f:
        equal(f.read(), '{"id":2}\n{"id":3}\n')
    t.good("copy", "out", "-d", url, "-q", "copy_out", t.path("out.arrow"))
    # a failure leaves nothing behind, and what was there stays
    before = sorted(os.listdir(t.folder))
    failed = t.run("copy", "out", "-d", url, "copy_out_not_there", t.path("out.csv"))
    equal((failed.code, sorted(os.listdir(t.folder))), (1, before))
    with open(t.path("out.csv")) as f:
        equal(f.read(), ROWS)
    equal(t.run("copy", "out", "-d", url, "--columns", "a,,b", "copy_out").code, 2)
    equal(t.run("copy", "out", "-d", url, '"copy_out', "-").code, 2)
    for of_in in [("--on-error", "reject"), ("--rejects", "r"), ("--method", "rows"), ("--skip", "1")]:
        equal(t.run("copy", "out", "-d", url, *of_in, "copy_out", "-").code, 2)
    # a write that gives no rows is not run
    refused = t.run("copy", "out", "-d", url, "--query", "delete from copy_out", "-")
    assert refused.code == 2 and "it was not run" in refused.errors, refused
    equal(t.good("query", "-d", url, "select count(*) from copy_out", "-o", "tsv", "--no-header").text, "3\n")


@case("copy out of the embedded database")
def out_embedded(t):
    url = "sqlite:" + t.path("copy.db")
    out(t, url, lambda: t.good("query", "-d", url, "create table copy_out(id integer primary key, s text, n numeric(10,2))"))


@case("copy out of PostgreSQL", server=True)
def out_server(t):
    out(t, URL, lambda: psql("drop table if exists copy_out; create table copy_out(id int8 primary key, s text, n numeric(10,2))"))
    psql("drop table copy_out")


def rejects(t, url, *more):
    """Refused rows are left out and kept as they stood; stopping names the one that was refused."""
    t.write("bad.csv", 'id,s\n1,a\n2,"b\nb"\nx,c\n1,d\n3,e"e\n4,f,g\n5,h\n')
    t.write("stop.csv", 'id,s\n1,a\n2,"b\nb"\nx,c\n1,d\n')
    failed = t.run("copy", "in", "-d", url, *more, "copy_bad", t.path("stop.csv"))
    assert failed.code in (1, 2), failed
    assert "stop.csv:5: row 3" in failed.errors, failed
    equal(t.good("query", "-d", url, "select count(*) as n from copy_bad", "-o", "tsv", "--no-header").text, "0\n")
    done = t.good("copy", "in", "-d", url, *more, "--on-error", "reject", "--rejects", t.path("left.csv"), "copy_bad", t.path("bad.csv"))
    assert "COPY 3\n4 rows left out\n" in done.errors, done
    assert "bad.csv:7:4: row 5: a quote inside" in done.errors, done
    with open(t.path("left.csv")) as f:
        equal(f.read(), 'id,s\nx,c\n1,d\n3,e"e\n4,f,g\n')
    equal(t.good("query", "-d", url, "select id from copy_bad order by id", "-o", "tsv", "--no-header").text, "1\n2\n5\n")


@case("rows are left out on the embedded database")
def rejects_embedded(t):
    url = "sqlite:" + t.path("copy.db")
    t.good("query", "-d", url, "create table copy_bad(id int8 primary key, s text)")
    rejects(t, url)


@case("rows are left out on PostgreSQL", server=True)
def rejects_server(t):
    for method in ["copy", "rows", "insert"]:
        psql("drop table if exists copy_bad; create table copy_bad(id int8 primary key, s text)")
        rejects(t, URL, "--method", method)
    psql("drop table copy_bad")


TYPES = """drop table if exists copy_a, copy_b; drop type if exists copy_mood; create type copy_mood as enum('ok', 'not "ok"'); create table copy_a(b bool, i2 int2, i4 int4, i8 int8, f4 float4, f8 float8, t text,
    vc varchar(5), y bytea, n numeric(10,2), nu numeric, d date, tm time, ts timestamp, tz timestamptz, iv interval, u uuid, j jsonb,
    l int8[], lt text[], lj jsonb[], ip inet, bt bit(3), m copy_mood, c char(4)); create table copy_b(like copy_a)"""
VALUES = r"""insert into copy_a values
    (true,1,2,3,0.1,0.1,E'a\t\\"x,\ny','abc','\x00ff5c',1.50,123456789012345678901234567890.5,'2024-02-29','12:34:56.789',
     '2024-02-29 12:00:00.123456','2024-02-29 12:00:00+02','1 year 2 mons 3 days 04:05:06.7','acde070d-8c4c-4f0d-9d8a-162843c10333',
     '{"a": [1, "x\""]}','{1,NULL,-3}','{"a\"b",NULL,"","NULL","c,d"}',array['{"k":"v"}'::jsonb,'"s"'::jsonb,null],'10.0.0.1/8','101','ok','ab'),
    (false,null,null,null,'NaN','-Infinity','','','',0,'NaN','infinity','23:00','-infinity','infinity','-1 days',null,'"s"','{}','{}','{}',
     '::1','000','not "ok"',''),
    (null,-32768,-2147483648,-9223372036854775808,1e-30,1e300,'x','y',null,-99999999.99,1e-20,'0044-03-15 BC','00:00',
     '0044-03-15 00:00:00 BC','1970-01-01 00:00:00Z','1 mon -1 days',null,null,null,null,null,null,null,null,null)"""


@case("every type goes out and in again", server=True)
def types(t):
    for method in ["copy", "rows"]:
        for name in ["csv", "tsv", "ndjson", "arrow"]:
            psql(TYPES)
            psql(VALUES)
            t.good("copy", "out", "-d", URL, "copy_a", t.path("a." + name))
            t.good("copy", "in", "-d", URL, "--method", method, "copy_b", t.path("a." + name))
            equal(psql("select count(*) from (select copy_a::text from copy_a except all select copy_b::text from copy_b) x").strip(), "0")
            equal(psql("select count(*) from copy_b").strip(), "3")
    psql("drop table copy_a, copy_b; drop type copy_mood")


def in_the_middle(t, stop):
    """A copy whose rows have begun to arrive, and what then happens to it: nothing of it stays."""
    psql("drop table if exists copy_cut; create table copy_cut(id int8, s text)")
    copy = t.start("copy", "in", "-d", URL, "copy_cut", "-", stdin=subprocess.PIPE)
    rows = "".join(f"{i},{'x' * 100}\n" for i in range(5000)).encode()
    copy.stdin.write(b"id,s\n" + rows)
    copy.stdin.flush()
    while psql("select count(*) from pg_stat_progress_copy where tuples_processed > 0") != "1":
        time.sleep(0.01)
    stop(copy)
    try:
        for _ in range(20):
            copy.stdin.write(rows)
        copy.stdin.close()
    except BrokenPipeError:
        pass
    copy.stdin = None
    done = t.end(copy)
    equal(psql("select count(*) from copy_cut"), "0")
    psql("drop table copy_cut")
    return done


POSTGRESQL = "it has no pg_stat_progress_copy"


@case("the server ends the copy's session", server=True, not_cockroach=POSTGRESQL)
def killed(t):
    done = in_the_middle(t, lambda _: psql("select pg_terminate_backend(pid) from pg_stat_progress_copy"))
    equal(done.code, 3)
    assert "copy into copy_cut: stdin: rows 1 to " in done.errors, done


@case("a copy is interrupted", server=True, not_cockroach=POSTGRESQL)
def interrupted(t):
    done = in_the_middle(t, lambda copy: copy.send_signal(signal.SIGINT))
    equal(done.code, 130)


@case("a copy that waits for its input is interrupted: what is in is said")
def interrupted_reading(t):
    url = "sqlite:" + t.path("copy.db")
    count = ["query", "-d", url, "select count(*) as n from copy_wait", "--no-header"]
    t.good("query", "-d", url, "create table copy_wait(id integer primary key)")
    copy = t.start("copy", "in", "-d", url, "--chunk-rows", "2", "copy_wait", "-", stdin=subprocess.PIPE)
    copy.stdin.write(b"id\n1\n2\n3\n4\n5\n")
    copy.stdin.flush()
    harness.until(lambda: t.good(*count).text == "4\n", "two chunks")
    done = harness.interrupt(t, copy)
    for words in "COPY 4", "cdbc: interrupted", "go on with --skip 4":
        assert words in done.errors, done
    equal(t.good(*count).text, "4\n")


class Lock:
    """A lock on a table, held by another session for as long as the block runs."""

    def __enter__(self):
        psql("drop table if exists copy_held; create table copy_held(id int8, s text)")
        self.holder = subprocess.Popen(
            [os.path.join(harness.PGBIN, "psql"), "-XAtq", "-v", "ON_ERROR_STOP=1", "-d", URL], env=harness.clean_environment(),
            stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.holder.stdin.write(b"begin; lock table copy_held in access exclusive mode; select 'held';\n")
        self.holder.stdin.flush()
        equal(self.holder.stdout.readline(), b"held\n")
        return self

    def __exit__(self, *_):
        self.holder.communicate(b"rollback;\n", timeout=harness.WAIT_S)
        equal(psql("select count(*) from copy_held"), "0")
        psql("drop table copy_held")


WAITING = "select count(*) from pg_stat_activity where wait_event_type = 'Lock' and query ilike '%copy_held%' and pid <> pg_backend_pid()"


@case("a time limit that passes while another session holds the table", server=True, not_cockroach="it locks no tables")
def limits(t):
    with Lock():
        t.write("in.csv", "id,s\n1,a\n")
        for more in [["in", "--method", "copy", "copy_held", "in.csv"], ["in", "--method", "rows", "copy_held", "in.csv"],
                     ["in", "--method", "insert", "copy_held", "in.csv"], ["out", "copy_held", "-"]]:
            done = harness.with_limit(lambda limit, args=tuple(more): t.run("copy", args[0], "-d", URL, "-t", str(limit), *args[1:]),
                                      lambda done: "within the deadline" in done.errors)
            assert done.code not in (0, 130) and done.seconds < harness.SOON_S and done.out == b"", done
            harness.until(lambda: psql(WAITING) == "0", "the end of what was given up")


@case("a time limit is of each wait for the server, not of the whole copy", server=True)
def limit_of_each(t):
    def run(limit):  # each fills the server's buffer; all take half as long again
        return t.run("copy", "out", "-d", URL, "-t", str(limit), "--query",
                     f"select repeat('x', 9000) as s, pg_sleep({limit * 0.05})::text from generate_series(1, 30) i", "-", wait_s=60)
    equal(harness.with_limit(run, lambda done: done.code == 0).text.count("\n"), 31)


@case("a copy that waits for a lock is interrupted", server=True, not_cockroach="it locks no tables")
def interrupted_waiting(t):
    with Lock():
        t.write("in.csv", "id,s\n1,a\n")
        for more in [["in", "copy_held", "in.csv"], ["in", "--method", "insert", "copy_held", "in.csv"], ["out", "copy_held", "-"]]:
            copy = t.start("copy", more[0], "-d", URL, *more[1:])
            harness.until(lambda: psql(WAITING) == "1", "the wait for the lock")
            copy.send_signal(signal.SIGINT)
            equal(t.end(copy).code, 130)
            harness.until(lambda: psql(WAITING) == "0", "the end of what was given up")


@case("a header that is wrong has its place, with and without a line's end")
def header(t):
    url = "sqlite:" + t.path("copy.db")
    t.good("query", "-d", url, "create table t(a int)")
    for text in ('a"x,b\n1,2\n', 'a"x,b'):
        t.fails(1, "copy", "in", "-d", url, "t", t.write("bad.csv", text), says="bad.csv:1:2: a quote inside a value")


@case("a full disk: what was written is incomplete", skip="" if os.path.exists("/dev/full") else "there is no /dev/full")
def full(t):
    url = "sqlite:" + t.path("copy.db")
    t.good("query", "-d", url, "create table t as with recursive n(i) as (select 1 union all select i + 1 from n where i < 100000) select i from n")
    with open("/dev/full", "wb") as device:
        done = t.run("copy", "out", "-d", url, "t", "-", stdout=device)
    equal(done.code, 5, done.errors)
    assert "No space left" in done.errors and "incomplete" in done.errors, done.errors


@case("24:00 has no place in Arrow", server=True)
def midnight(t):
    query = ["--query", "select '24:00'::time as t"]
    equal(t.good("copy", "out", "-d", URL, *query, "-").text, "t\n24:00:00\n")
    t.fails(1, "copy", "out", "-d", URL, *query, t.path("t.arrow"), says='row 1, column "t": 24:00 has no place')
    equal(os.path.exists(t.path("t.arrow")), False)


@case("what cannot be asked for is refused", server=False)
def usage(t):
    url = "sqlite:" + t.path("copy.db")
    for wrong in [["--rejects", "x"], ["--on-error", "continue"], ["--method", "fast"], ["-o", "table"], ["--query", "select 1"],
                  ["--columns", ","]]:
        equal(t.run("copy", "in", "-d", url, *wrong, "t", t.write("in.csv", "a\n1\n")).code, 2)


harness.main()
