# SPDX-License-Identifier: Apache-2.0
"""cdbc copy in: the rows that go in come out the same, on both databases; a failure says what is in."""
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


harness.main()
