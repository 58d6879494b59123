# SPDX-License-Identifier: Apache-2.0
"""The bank of examples/: every query gives the same rows on the embedded database and on a server; the tour leaves nothing behind."""
import os
import re
import signal

import harness
from harness import BANK, URL, case, equal, psql, until

COUNT, MANY = 40, 3000

# The queries in the order they are run, with their parameters. Each must be here.
RUNS = [
    ("drop_schema", {}), ("create_schema", {}), ("fill_users", {"count": COUNT}), ("fill_accounts", {"count": COUNT}),
    ("fill_transactions", {"count": MANY, "users": COUNT}),
    ("account_by_id", {"id": 7}), ("account_by_id", {"id": 8}), ("find_account", {"id": 7}), ("find_account", {"id": 7777}),
    ("accounts_of_users", {"user_ids": "{1,2,39}"}), ("accounts_of_users", {"user_ids": "{}"}),
    ("richest", {}), ("richest", {"count": 1}), ("account_count", {}),
    ("get_user_transactions", {"user_id": 7}), ("get_user_transactions", {"user_id": 7, "count": 1000}),
    ("transactions_since", {"since": "2024-01-20T00:00:00Z"}),
    ("transactions_since", {"since": "2024-01-20 01:02:03.5+01", "state": "failed"}),
    ("reports.totals", {}), ("reports.inactive", {}),
    ("withdraw", {"id": 2, "amount": 5}), ("account_by_id", {"id": 2}),
]
NO_ROWS = {"drop_schema", "create_schema", "fill_users", "fill_accounts", "fill_transactions", "withdraw"}


def names(t):
    return [line.split()[0] for line in t.good("queries", "list", BANK).text.splitlines()]


@case("every query of the bank prints the same rows on sqlite and on PostgreSQL, in every format", server=True)
def same(t):
    equal({name for name, _ in RUNS}, set(names(t)), "each query of examples/bank is run here")
    psql("drop schema if exists cli_bank cascade; create schema cli_bank")
    server = re.sub(r"$", "&options=-csearch_path%3Dcli_bank", URL)
    embedded = "sqlite:" + t.path("bank.db")
    try:
        for name, params in RUNS:
            options = [word for k, v in params.items() for word in ("-p", f"{k}={v}")]
            for form in ["json"] if name in NO_ROWS else ["json", "csv", "tsv", "table", "markdown", "arrow"]:
                words = ["-Q", BANK, name, *options, "-o", form]
                a, b = t.good("run", "-d", embedded, *words), t.good("run", "-d", server, *words)
                if form == "arrow":
                    continue  # the types are named as the database names them; test_types reads them
                equal(a.text, b.text, f"{name} {params} {form}")
                assert (name in NO_ROWS) == (a.text == ""), f"{name}: {a}"
            if name in NO_ROWS and name.startswith("fill"):
                equal(re.findall(r"\d+$", a.errors.strip()), re.findall(r"\d+$", b.errors.strip()), f"{name}: {a} {b}")
    finally:
        psql("drop schema cli_bank cascade")


@case("queries list, show and check of the bank")
def queries(t):
    assert {"richest", "reports.totals"} <= set(names(t))
    shown = t.good("queries", "show", "richest", BANK).text
    assert "limit :count" in shown and re.search(r"count +int8 min=1 max=1000 = 5  -- how many", shown), shown
    done = t.good("queries", "check", BANK)
    assert "0 errors" in done.errors
    equal(t.good("queries", "show", "reports.inactive", "-c", os.path.join(BANK, "..", "cdbc.yaml")).code, 0)


@case("the bank's configuration is good, with its environments")
def configuration(t):
    path = os.path.join(BANK, "..", "cdbc.yaml")
    for extra in ([], ["-e", "server"], ["-e", "cluster"]):
        t.good("config", "check", "-c", path, *extra)
    equal(t.good("config", "show", "pool.max_size", "-c", path, "-e", "cluster").text, "20\n")


def own_schema():
    """A server's URL in whose schema nobody else makes tables: other tests come and go in public."""
    psql("drop schema if exists cli_tour cascade; create schema cli_tour")
    return re.sub(r"$", "&options=-csearch_path%3Dcli_tour", URL)


def drop_empty_schema():
    psql("drop schema cli_tour")  # refused when something is left in it


def tour(t, *options, **more):
    temporary = t.path("tmp")
    os.makedirs(temporary, exist_ok=True)
    done = t.good("demo", *options, env={"TMPDIR": temporary}, **more)
    for word in ("richest", "(4 rows)", "hint: did you mean", "The tour took"):
        assert word in done.text, f"no {word}: {done}"
    return re.sub(r"took .*? s", "took T s", done.text), os.listdir(temporary)


@case("the tour on the embedded database, under 10 s, leaves nothing behind")
def demo(t):
    equal(tour(t)[1], [])
    equal(os.listdir(t.folder), ["tmp"])


@case("the tour on a server, under 10 s, leaves nothing behind", server=True)
def demo_server(t):
    text, left = tour(t, "-d", own_schema())
    equal(left, [])
    drop_empty_schema()
    differing = [(a, b) for a, b in zip(text.splitlines(), tour(t)[0].splitlines()) if a != b]
    for a, b in differing:  # what the databases say themselves
        assert "check constraint" in a.lower() or "sqlstate" in a.lower(), f"{a}\n{b}"


@case("an interrupted tour leaves nothing behind either", server="any")
def demo_interrupted(t):
    os.makedirs(t.path("tmp"))
    server = own_schema()
    for i in range(10):
        process = t.start("demo", *(["-d", server] if i % 2 else []), env={"TMPDIR": t.path("tmp")})
        until(lambda: os.listdir(t.path("tmp")) or process.poll() is not None, "its folder")
        for _ in range(i):
            os.sched_yield()
        process.send_signal(signal.SIGINT)
        done = t.end(process)
        assert done.code in (0, 130), str(done)
        equal(os.listdir(t.path("tmp")), [], str(done))
    drop_empty_schema()


@case("the tour does not touch tables that are there", server=True)
def demo_refuses(t):
    psql("create table accounts (i int); insert into accounts values (77)")
    try:
        done = t.run("demo", "-d", URL)
        equal(done.code, 2, str(done))
        assert 'has a table "accounts" already' in done.errors, str(done)
        equal(psql("select i from accounts"), "77")
    finally:
        psql("drop table accounts")


@case("the tour keeps what it made when asked to")
def demo_keeps(t):
    _, left = tour(t, "--keep")
    equal(len(left), 1)
    folder = os.path.join(t.path("tmp"), left[0])
    rows = t.json("run", "-d", f"sqlite:{folder}/bank.db", "-Q", folder, "account_count")
    equal(rows, [{"accounts": 100}])


if __name__ == "__main__":
    harness.main()
