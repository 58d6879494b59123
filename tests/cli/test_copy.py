# SPDX-License-Identifier: Apache-2.0
"""cdbc copy in: the rows that go in come out the same, on both databases; a failure says what is in."""
import os

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


@case("copy out of the embedded database")
def out_embedded(t):
    url = "sqlite:" + t.path("copy.db")
    out(t, url, lambda: t.good("query", "-d", url, "create table copy_out(id integer primary key, s text, n numeric(10,2))"))


@case("copy out of PostgreSQL", server=True)
def out_server(t):
    out(t, URL, lambda: psql("drop table if exists copy_out; create table copy_out(id int8 primary key, s text, n numeric(10,2))"))
    psql("drop table copy_out")


harness.main()
