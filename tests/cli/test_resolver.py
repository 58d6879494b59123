# SPDX-License-Identifier: Apache-2.0
"""The commit resolver's table and its question, by the command."""
import time

import harness
from harness import case, equal


def token():
    return "0fd1ea43-9d8f-8c3b-9a57-%012x" % int(time.time() * 1000)


@case("the table is made by what schema prints, and then it can be asked")
def ask(t):
    url = "sqlite:" + t.path("db")
    t.fails(1, "resolver", "ask", token(), "-d", url, says="cdbc resolver schema")
    made = t.write("made.sql", t.good("resolver", "schema", "-d", url).text)
    t.good("query", "-d", url, "-f", made)
    first = token()
    equal(t.good("resolver", "ask", first, "-d", url).text, "rolled-back\n")
    equal(t.good("resolver", "ask", first, "-d", url).text, "rolled-back\n")
    second = token()
    t.good("query", "-d", url, f"insert into cdbc_commits (token, writer) values ('{second}', 'transaction')")
    equal(t.good("resolver", "ask", second, "-d", url).text, "committed\n")


@case("what is no token, or too old a one")
def bad(t):
    t.fails(2, "resolver", "ask", "x", "-d", "sqlite::memory:", says='"x" is no token')
    t.fails(2, "resolver", says="say schema, or ask TOKEN")
    assert t.run("resolver", "ask", "0fd1ea43-9d8f-8c3b-9a57-000000000001", "-d", "sqlite::memory:").code != 0


@case("the schema by dialect, with the table's own name")
def schema(t):
    out = t.good("resolver", "schema", "--dialect", "cockroachdb", "-s", 'resolver.table=bank.public.odd"one').text
    assert 'CREATE TABLE IF NOT EXISTS "bank"."public"."odd""one"' in out and "uuid" in out, out
    t.fails(2, "resolver", "schema", "-s", "resolver.table=a..b", says="is no table's name")


if __name__ == "__main__":
    harness.main()
