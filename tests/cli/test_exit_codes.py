# SPDX-License-Identifier: Apache-2.0
"""Every exit code of the command, and that no output that is not complete passes for complete."""
import json
import os
import re
import signal
import subprocess
import time

import harness
from harness import COMMAND, URL, case, clean_environment, equal, psql, until

MANY = "select i, 'row number ' || i::text as words from generate_series(1, 3000000) i"
own = None


def server():
    """The server of this file, up again after whatever the last case did."""
    global own
    if own is None:
        own = harness.Server()
    if not own.is_up:
        own.restart()
    return own


def running(sql, url):
    """The process of the backend that runs a statement that begins so."""
    quoted = sql.replace("'", "''")
    if url == URL and harness.is_cockroach():
        return psql(f"select query_id from [show cluster queries] where query ilike '{quoted}%'")
    return psql(f"select pid from pg_stat_activity where state = 'active' and pid <> pg_backend_pid() and query like '{quoted}%'", url)


@case("0: done and complete", server=True)
def ok(t):
    equal(t.good("query", "-d", URL, "select 1 as a", "-o", "json").text, '[\n{"a":1}\n]\n')
    equal(t.good("query", "-d", "sqlite::memory:", "select 1 as a").text, "a\n1\n")
    t.good("--version")
    t.good("--help")
    t.good("help", "run")


@case("1: the database refuses the statement, with place and SQLSTATE", server=True)
def refused(t):
    place = [] if harness.is_cockroach() else [r"line 2:  from nowhere\n +\^"]  # it shows places of syntax errors only
    t.fails(1, "query", "-d", URL, "select 1\n from nowhere", says=[r'relation "nowhere" does not exist \(SQLSTATE 42P01\)', *place])
    t.fails(1, "query", "-d", URL, "select 1\n frm nowhere", says=[r"syntax error .*SQLSTATE 42601", r"line 2:  frm nowhere\n +\^"])
    t.fails(1, "query", "-d", "sqlite::memory:", "select * from nowhere", says="no such table: nowhere")
    t.fails(1, "query", "-d", URL, "select 1/0", says="division by zero")


@case("1: a statement's timeout, of ours and of the server's", server=True)
def timeout(t):
    done = harness.with_limit(lambda limit: t.run("query", "-d", URL, "select pg_sleep(60)", "-t", str(limit)),
                              lambda done: done.code != 3)  # 3: it passed while connecting
    equal((done.code, done.out), (1, b""), str(done))
    assert "deadline" in done.errors and done.seconds < harness.SOON_S, str(done)
    t.fails(1, "query", "-d", URL, "-s", "database.settings=statement_timeout=1s", "select pg_sleep(60)", says="statement timeout")
    t.fails(1, "query", "-d", URL, "-s", "database.statement_timeout=1s", "select pg_sleep(60)", says="statement timeout")
    until(lambda: running("select pg_sleep(60)", URL) == "", "the end of the statement on the server")


@case("1: queries check found errors")
def check(t):
    t.write("q/bad.sql", "-- name: a\nselect 'x;\n")
    done = t.run("queries", "check", t.path("q"))
    equal(done.code, 1, str(done))
    assert re.search(r"bad\.sql:2:8: error: .*\n  select 'x;\n         \^", done.text), str(done)


@case("2: usage")
def usage(t):
    t.fails(2, says="usage: cdbc COMMAND")
    t.fails(2, "query", "-d", "sqlite::memory:", says="give one SQL text")
    t.fails(2, "query", "-d", "sqlite::memory:", " ; ", says="there is no SQL")
    t.fails(2, "run", says="give the name of one query")


@case("3: nobody listens")
def refused_connection(t):
    t.fails(3, "query", "-d", f"postgresql://127.0.0.1:{harness.unused_port()}/d?sslmode=disable", "select 1", says="refused")
    t.fails(3, "query", "-d", f"sqlite:{t.path('no/such/folder/x.db')}", "select 1", says="unable to open")


@case("3: the server is killed before the first row", server=True)
def killed_before(t):
    url = server().url
    process = t.start("query", "-d", url, "select pg_sleep(60)", "-o", "json")
    until(lambda: running("select pg_sleep(60)", url), "the statement on the server")
    own.kill()
    done = t.end(process)
    equal((done.code, done.out), (3, b""), str(done))


@case("5: the server is killed after the first rows, in every format", server=True)
def killed_after(t):
    url = server().url
    started = {}
    for name in ("json", "ndjson", "csv", "tsv", "table", "markdown", "arrow"):
        process = t.start("query", "-d", url, MANY, "-o", name)
        first = process.stdout.read(1)  # the rest waits in the pipe
        assert len(first) == 1
        started[name] = process
    own.kill()
    for name, process in started.items():
        done = t.end(process)
        equal(done.code, 5, f"{name}: {done.errors} {done.out[-50:]}")
        assert "the output is incomplete" in done.errors, name
        whole = done.out.decode(errors="replace").rstrip()
        assert not (name == "json" and whole.endswith("]")), whole[-20:]
        assert not (name == "table" and re.search(r"\(\d+ rows?\)$", whole)), whole[-20:]
        assert not (name == "arrow" and done.out.endswith(b"\xff\xff\xff\xff\0\0\0\0")), "end of stream"


@case("5: the server is killed after the first rows: the file of --output never appears", server=True)
def killed_output(t):
    url = server().url
    target = t.write("out.json", "what was there before")
    slow = "select i, pg_sleep(0.002) from generate_series(1, 1000000) i"
    process = t.start("query", "-d", url, slow, "-o", "json", "--output", target, "-s", "results.batch_rows=10")
    part = until(lambda: [n for n in os.listdir(t.folder) if n.startswith("out.json.")], "the file beside")[0]
    until(lambda: os.path.getsize(t.path(part)) > 0, "the first rows in it")
    own.kill()
    done = t.end(process)
    equal(done.code, 5, str(done))
    equal(os.listdir(t.folder), ["out.json"])
    equal(open(target, encoding="ascii").read(), "what was there before")


@case("5: a statement that fails after rows were written", server=True)
def fails_late(t):
    done = t.run("query", "-d", URL, "select 1 / (1000000 - i) as a from generate_series(1, 2000000) i", "-o", "json")
    equal(done.code, 5, done.errors)
    assert "division by zero" in done.errors and not done.text.rstrip().endswith("]")


@case("5: the deadline passes after rows were written", server=True)
def late(t):
    sql = "select i, case when i = 200000 then pg_sleep(60) end from generate_series(1, 200000) i"
    done = harness.with_limit(lambda limit: t.run("query", "-d", URL, sql, "-t", str(limit), "-o", "json"), lambda done: done.out != b"",
                              (1.5, 5, 20))
    equal(done.code, 5, done.errors)
    assert "deadline" in done.errors and not done.text.rstrip().endswith("]"), done.errors
    assert done.seconds < harness.SOON_S, done.seconds


@case("0: the deadline is for the server: a reader may be slow", server=True)
def slow_reader(t):
    def read(limit):
        process = t.start("query", "-d", URL, "select i from generate_series(1, 300000) i", "-t", str(limit))
        first = process.stdout.read(1)
        time.sleep(limit + 0.5)  # the reader's slowness is what is tried here
        done = t.end(process)
        done.out = first + done.out
        return done
    done = harness.with_limit(read, lambda done: done.code == 0, (1, 4, 12))
    equal((done.out[:1], done.out[-7:]), (b"i", b"300000\n"), done.errors)


@case("5: more rows than --max-rows, or than max-rows of the query", server=True)
def max_rows(t):
    t.write("q/a.sql", "-- name: few\n-- max-rows: 3\nselect 1 as a union all select 2 union all select 3 union all select 4\n")
    for url in (URL, "sqlite::memory:"):
        done = t.run("query", "-d", url, "select 1 as a union all select 2 union all select 3", "--max-rows", "2", "-o", "json")
        equal(done.code, 5, str(done))
        assert "max-rows = 2" in done.errors and not done.text.rstrip().endswith("]"), str(done)
        done = t.run("run", "-d", url, "-Q", t.path("q"), "few", "-o", "json")
        equal(done.code, 5, str(done))
        assert "max-rows = 3" in done.errors and not done.text.rstrip().endswith("]"), str(done)
        equal(t.good("query", "-d", url, "select 1 as a union all select 2", "--max-rows", "2").text, "a\n1\n2\n")
    done = t.run("query", "-d", URL, "select generate_series(1, 1000000)", "--max-rows", "999999", "-o", "json")
    equal(done.code, 5, done.errors)
    assert not done.text.rstrip().endswith("]")


@case("5: the sink fails: a full device, a reader that leaves", server=True)
def sink(t):
    with open("/dev/full", "wb") as full:
        done = t.run("query", "-d", URL, "select 1", stdout=full)
        equal(done.code, 5, str(done))
        assert "No space left" in done.errors, str(done)
        for words in (["--version"], ["queries", "list", harness.BANK], ["query", "--help"]):
            equal(t.run(*words, stdout=full).code, 5, str(words))
    process = t.start("query", "-d", URL, MANY)
    process.stdout.read(1)
    process.stdout.close()
    process.stdout = None
    done = t.end(process)
    equal(done.code, 5, str(done))
    assert "Broken pipe" in done.errors


@case("4: not allowed", server=True)
def denied(t):
    psql("drop role if exists cdbc_cli_nobody; create role cdbc_cli_nobody login")
    try:
        url = re.sub("//[^@/]*@", "//cdbc_cli_nobody@", URL)
        secret = "system.users" if harness.is_cockroach() else "pg_authid"
        t.fails(4, "query", "-d", url, f"select * from {secret}", says="SQLSTATE 42501")
    finally:
        psql("drop role cdbc_cli_nobody")


def start_insert(t, url):
    psql("create table if not exists t (i int); truncate t", url)
    process = t.start("query", "-d", url, "insert into t select 1 from pg_sleep(60)")
    return process, until(lambda: running("insert into t", url), "the statement on the server")


@case("6: the backend is terminated while an INSERT runs: unknown or rolled back, never 0", server=True)
def terminated(t):
    url = server().url
    process, pid = start_insert(t, url)
    psql(f"select pg_terminate_backend({pid})", url)
    done = t.end(process)
    # 57P01 in a statement: the server says itself that it gave up, so the outcome is known or not by the link alone
    equal(done.code, 6, str(done))
    assert "outcome: unknown" in done.errors
    equal(done.out, b"")


@case("6: the server is killed while an INSERT runs", server=True)
def killed_insert(t):
    process, _ = start_insert(t, server().url)
    own.kill()
    done = t.end(process)
    equal(done.code, 6, str(done))
    assert "outcome: unknown" in done.errors


@case("70: out of memory is one line", skip="" if os.environ.get("CDBC_SANITIZE", "none") == "none" else "a sanitiser needs more")
def no_memory(t):
    limited = ["prlimit", "--as=1000000000", "--", COMMAND]
    done = subprocess.run(limited + ["query", "-d", "sqlite::memory:", "select length(hex(zeroblob(400000000)))"],
                          env=clean_environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=harness.WAIT_S, check=False)
    equal((done.returncode, done.stdout), (70, b""), done.stderr.decode())
    assert "memory" in done.stderr.decode() and done.stderr.count(b"\n") == 1, done.stderr.decode()


def interrupt(t, signal_number, code):
    process = t.start("query", "-d", URL, f"select pg_sleep(60), {signal_number}", "-o", "json")
    sql = f"select pg_sleep(60), {signal_number}"
    until(lambda: running(sql, URL), "the statement on the server")
    process.send_signal(signal_number)
    done = t.end(process)
    equal((done.code, done.out), (code, b""), str(done))
    assert done.seconds < harness.SOON_S
    until(lambda: running(sql, URL) == "", "the end of the statement on the server")


@case("130: Ctrl-C cancels on the server", server=True)
def ctrl_c(t):
    interrupt(t, signal.SIGINT, 130)


@case("143: so does SIGTERM", server=True)
def terminate(t):
    interrupt(t, signal.SIGTERM, 143)


@case("130: Ctrl-C while rows are written, and nobody reads them", server=True)
def ctrl_c_stream(t):
    process = t.start("query", "-d", URL, MANY + " /* unread */", "-o", "json")
    process.stdout.read(1)
    process.send_signal(signal.SIGINT)
    process.wait(harness.WAIT_S)  # we read nothing: it must end all the same
    done = t.end(process)
    equal(done.code, 130, done.errors)
    assert not done.text.rstrip().endswith("]")
    until(lambda: running(MANY[:20], URL) == "", "the end of the statement on the server")


@case("130: Ctrl-C removes what stands beside --output", server=True)
def ctrl_c_output(t):
    process = t.start("query", "-d", URL, "select pg_sleep(60), 'file'", "--output", t.path("x"))
    until(lambda: running("select pg_sleep(60), 'file'", URL), "the statement")
    process.send_signal(signal.SIGINT)
    equal(t.end(process).code, 130)
    equal(os.listdir(t.folder), [])


@case("130: Ctrl-C interrupts the embedded database")
def ctrl_c_sqlite(t):
    forever = "with recursive c(i) as (select 1 union all select i + 1 from c) select count(*) from c"
    process = t.start("query", "-d", "sqlite:" + t.path("x.db"), forever)
    stat = f"/proc/{process.pid}/stat"
    until(lambda: int(open(stat, encoding="ascii").read().rsplit(")", 1)[1].split()[11]) > 20, "its work: 0.2 s of the processor")
    process.send_signal(signal.SIGINT)
    done = t.end(process)
    equal((done.code, done.out), (130, b""), str(done))


@case("a signal that the caller ignores is ignored: nohup", server=True)
def nohup(t):
    def ignore():
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
    def run(seconds):
        process = t.start("query", "-d", URL, f"select 7 as a, pg_sleep({seconds}) is null as b", "--no-header", preexec_fn=ignore)
        until(lambda: running("select 7 as a", URL) or process.poll() is not None, "the statement on the server")
        is_there = process.poll() is None
        process.send_signal(signal.SIGHUP)
        return is_there, t.end(process)
    _, done = harness.with_limit(run, lambda ended: ended[0], (0.5, 3, 15))
    equal((done.code, done.text), (0, "7\tf\n"), str(done))


@case("130: Ctrl-C while connecting ends at once")
def ctrl_c_connect(t):
    hung = harness.Socket(lambda connection: connection.recv(1 << 16) and connection.recv(1))
    process = t.start("query", "-d", hung.url, "select 1")
    until(lambda: len(os.listdir(f"/proc/{process.pid}/task")) > 1, "its threads")
    process.send_signal(signal.SIGINT)
    done = t.end(process)
    equal(done.code, 130, str(done))
    hung.close()


if __name__ == "__main__":
    try:
        harness.main()
    finally:
        if own:
            own.stop()
