# SPDX-License-Identifier: Apache-2.0
"""What people get wrong, and servers: one clear message with the place, within the deadline, and the right exit code."""
import os
import re
import struct

import harness
from harness import URL, case, equal

MEMORY = ("-d", "sqlite::memory:")


def one_message(done):
    """No more than a message, its place in the text and a hint."""
    assert done.errors.count("cdbc") <= 2 and done.errors.count("\n") <= 5, str(done)


# ---- the command line -----------------------------------------------------------------------------------------------

@case("an unknown command, with the nearest")
def unknown_command(t):
    t.fails(2, "qeury", says="unknown command qeury; did you mean query?")
    t.fails(2, "-d", "sqlite::memory:", "query", "select 1", says="-d: say first which command: cdbc COMMAND -d")
    done = t.fails(2, "xyzzy", says="unknown command xyzzy\n")
    assert "did you mean" not in done.errors


@case("an unknown option, with the nearest; one that lacks its value; one of another command")
def unknown_option(t):
    t.fails(2, "query", *MEMORY, "--fromat", "json", "select 1", says="unknown option --fromat; did you mean --format?")
    t.fails(2, "query", *MEMORY, "--fromat=json", "select 1", says="unknown option --fromat; did you mean --format?")
    t.fails(2, "query", *MEMORY, "-x", "select 1", says="unknown option -x")
    t.fails(2, "query", *MEMORY, "select 1", "-o", says="-o needs a value: FORMAT")
    t.fails(2, "query", *MEMORY, "select 1", "--quiet=yes", says="--quiet takes no value")
    t.fails(2, "health", *MEMORY, "-o", "json", says="unknown option -o")


@case("values that options do not take")
def option_values(t):
    t.fails(2, "query", *MEMORY, "select 1", "-o", "jsno", says="-o jsno: .*did you mean json?")
    t.fails(2, "query", *MEMORY, "select 1", "-o", "excel", says="formats are table, json, ndjson, csv, tsv, markdown, arrow")
    t.fails(2, "query", *MEMORY, "select 1", "-t", "soon", says="--timeout soon: not a number of seconds")
    t.fails(2, "query", *MEMORY, "select 1", "-t", "-1", says="--timeout -1")
    for value in ("x", "0", "-3", "1.5", "99999999999999999999"):
        t.fails(2, "query", *MEMORY, "select 1", f"--max-rows={value}", says=f"--max-rows {value}: not a whole number")
    t.fails(2, "query", *MEMORY, "select 1", "-p", "a", says="-p a: a parameter is NAME=VALUE")
    t.fails(2, "query", *MEMORY, "select 1", "-s", "pool.max_size", says="-s pool.max_size: a setting is KEY=VALUE")
    t.fails(2, "query", *MEMORY, "select 1", "-s", "pool.mx_size=3", says="pool.mx_size.*\n.*pool.max_size")
    t.fails(2, "query", *MEMORY, "select 1", "-s", "pool.max_size=many", says="pool.max_size")
    t.fails(2, "query", *MEMORY, "select 1", "--output", t.path("no/such/x"), says="--output .*No such file")


@case("a wrong URL, and no database at all")
def urls(t):
    t.fails(2, "query", "-d", "oracle://h/d", "select 1", says='no driver for "oracle:"\nhint: known are postgresql:')
    t.fails(2, "query", "-d", "postgresql://h:99999/d", "select 1", says="--url: .*port")
    t.fails(2, "query", "-d", "postgresql://h/d?colour=red", "select 1", says="colour")
    t.fails(2, "query", "-d", "bank", "select 1", says="--url|-d")
    t.fails(2, "query", "-d", "", "select 1", says="no database|--url")
    t.fails(2, "query", "select 1", says="no database was named\nhint: give -d URL")


@case("a password on the command line is refused, wherever it stands, and not repeated")
def passwords(t):
    secret = "g3heim"
    for words in (["-d", f"postgresql://u:{secret}@h/d"], ["-d", f"postgresql://h/d?password={secret}"],
                  ["-d", f"postgresql://u:{secret}@h:99999/d"], [f"--url=cockroachdb://u:{secret}@h/d"],
                  ["-s", f"database.url=postgresql://u:{secret}@h/d"], ["-d", "sqlite::memory:", "-s", f"database.password={secret}"]):
        done = t.fails(2, "query", *words, "select 1", says=["can be seen by others", "hint: put it in"])
        assert secret not in done.errors, str(done)
    done = t.run("config", "show", env={"CDBC_URL": f"postgresql://u:{secret}@127.0.0.1/d"})
    assert done.code == 0 and secret not in done.text + done.errors, str(done)


# ---- files ----------------------------------------------------------------------------------------------------------

@case("files that are not there")
def missing(t):
    t.fails(2, "query", *MEMORY, "-f", "nowhere.sql", says="nowhere.sql: No such file")
    t.fails(2, "query", *MEMORY, "-c", "nowhere.yaml", "select 1", says="nowhere.yaml: No such file")
    t.fails(2, "run", *MEMORY, "-Q", "nowhere", "x", says="nowhere: No such file")
    t.fails(2, "query", *MEMORY, "-f", ".", says=r"\.: Is a directory")
    t.fails(2, "query", "-d", "postgresql://h/d", "-s", "database.password_file=nowhere", "select 1", says="nowhere")


@case("bad YAML, an unknown key, a wrong value: file:line:column")
def yaml(t):
    t.write("a.yaml", "database:\n  url: [sqlite\n")
    t.fails(2, "query", "-c", "a.yaml", "select 1", says=r"a\.yaml:\d+:\d+: ")
    t.write("b.yaml", "database:\n  url: \"sqlite::memory:\"\npool:\n  max_sise: 3\n")
    t.fails(2, "query", "-c", "b.yaml", "select 1", says=[r"b\.yaml:4:3: .*max_sise", "max_size"])
    t.write("c.yaml", "database:\n  url: \"sqlite::memory:\"\npool:\n  max_size: lots\n")
    t.fails(2, "query", "-c", "c.yaml", "select 1", says=r"c\.yaml:4:13: pool\.max_size")
    done = t.run("config", "check", "-c", "c.yaml")
    assert done.code == 2 and re.search(r"c\.yaml:4:13: error: ", done.errors), str(done)
    done = t.run("config", "check", "-s", "pool.max_size=x")
    assert done.code == 2 and done.errors.startswith("command line: error: pool.max_size"), str(done)
    t.write("e.yaml", "database:\n  url: sqlite::memory:\n")
    t.fails(2, "query", "-c", "e.yaml", "select 1", says=r"e\.yaml:2:\d+: .*put the value in quotes")
    t.write("d.yaml", b"database:\n  path: bank\xff\n")
    t.fails(2, "query", "-c", "d.yaml", "select 1", says=r"d\.yaml:\d+:\d+: ")
    t.fails(2, "query", "-c", "b.yaml", "-e", "prod", "select 1", says="prod|max_sise")


@case("an SQL file with an unclosed quote: file:line:column")
def unclosed(t):
    t.write("q/a.sql", "-- name: a\nselect 1;\n\n-- name: b\nselect 'it''s;\n")
    t.fails(2, "run", *MEMORY, "-Q", "q", "a", says=r"q/a\.sql:5:8: .*quote")
    t.write("x.sql", "select 1,\n  'oh")
    t.fails(2, "query", *MEMORY, "-f", "x.sql", says=r"2:3: .*quote")
    t.fails(2, "query", *MEMORY, 'select "a', says=r"1:8: .*\n.*select \"a\n +\^")
    t.fails(2, "query", *MEMORY, "select /* 1", says=r"1:8: ")


@case("what the database finds wrong is shown where it was written: parameters, optional parts, other alphabets")
def place(t):
    t.fails(1, "query", *MEMORY, "select :a_long_name,\n 'é',\tfrom x", "-p", "a_long_name=1", says=r"line 2:  'é',\tfrom x\n {15}\t\^\n")
    path = "q/a.sql"
    t.write(path, "-- name: a\r\n-- doc\r\n\tselect :b, /*? c */ :c, /*?*/\r\n\t'é', from x;\r\n")
    for given in (), ("-p", "c=1"):
        t.fails(1, "run", *MEMORY, "-Q", "q", "a", "-p", "b=1", *given, says=rf'query "a": .*\n  {path}:4:7: \t\'é\', from x;\n {{{len(path) + 8}}}\t {{5}}\^\n')
    t.write("r/a.sql", "select 1, 'é',\t(;")
    done = t.run("queries", "check", "r")
    assert "\n  select 1, 'é',\t(;\n" + " " * 16 + "\t^\n" in done.text, str(done)


@case("settings by name, and where they come from")
def origins(t):
    path = t.write("o.yaml", "pool:\n  max_size: 3\n")
    show = ("config", "show", "-c", path, "-s", "pool.min_size=1", "pool.max_size", "pool.min_size")
    equal(t.good(*show).text, "3\n1\n")
    shown = [line.split(None, 2) for line in t.good(*show, "--origin").text.splitlines()]
    equal(sorted(line[:2] for line in shown), [["pool.max_size", "3"], ["pool.min_size", "1"]])
    assert all(where in line[2] for where, line in zip(("command line", "o.yaml:2"), sorted(shown, key=lambda l: l[1]))), shown
    t.fails(2, *show, "--origin", "pool.x", says='no setting is called "pool.x"')


@case("a request's time is up: what gives it more")
def more_time(t):
    t.fails(1, "query", *MEMORY, "-t", "0.1", "with recursive n(i) as (select 1 union all select i + 1 from n) select count(*) from n",
            says="deadline.*57014.*\nhint: more time: .*--timeout.*database.timeout")


@case("a byte order mark before the SQL")
def mark(t):
    path = t.write("x.sql", b"\xef\xbb\xbfselect 7")
    equal(t.good("query", *MEMORY, "-f", path, "-o", "json").text, '[\n{"7":7}\n]\n')
    equal(t.good("queries", "split", path).text.split(":")[:2], ["1", "1"])
    t.write("q/a.sql", b"\xef\xbb\xbfselect (1")
    done = t.run("queries", "check", "q")
    assert "q/a.sql:1:8: error: " in done.text and "\n  select (1\n         ^\n" in done.text, str(done)
    t.write("q/a.sql", b"\xef\xbb\xbf/* \xc3\xa9 */ select nope")
    t.fails(1, "run", *MEMORY, "-Q", "q", "a", says=r"\n  q/a\.sql:1:16: /\* é \*/ select nope\n {31}\^")


@case("a word that `queries` does not know")
def queries_words(t):
    t.fails(2, "queries", says="say list, show NAME, .*embed FOLDER")
    t.fails(2, "queries", "chek", says="did you mean check[?]")
    t.fails(2, "queries", "xyzzy", says="xyzzy is none of list, ")


@case("an unknown query, with the nearest names")
def unknown_query(t):
    t.fails(2, "run", *MEMORY, "-Q", harness.BANK, "richets", says='there is no query "richets"\nhint: .*"richest"')
    t.fails(2, "queries", "show", "richets", harness.BANK, says='hint: .*"richest"')
    t.fails(2, "run", *MEMORY, "-Q", harness.BANK, "nothing_like_it", says="there is no query")


# ---- parameters -----------------------------------------------------------------------------------------------------

@case("parameters: missing, not there, given twice, not of their type", server=True)
def parameters(t):
    for url in (URL, "sqlite::memory:"):
        bank = ("run", "-d", url, "-Q", harness.BANK)
        t.fails(2, *bank, "account_by_id", says='query "account_by_id": parameter "id" is missing')
        t.fails(2, *bank, "account_by_id", "-p", "id=1", "-p", "ids=2", says='no parameter "ids".*\nhint: .*"id"')
        t.fails(2, *bank, "account_by_id", "-p", "id=1", "-p", "id=2", says='"id" is given twice')
        t.fails(2, *bank, "account_by_id", "-p", "id=seven", says='parameter "id": "seven" is not an int8')
        t.fails(2, *bank, "account_by_id", "-p", "id=9223372036854775808", says='parameter "id": .*(range|not an int8|fit)')
        t.fails(2, *bank, "account_by_id", "-p", "id=", says='parameter "id"')
        t.fails(2, *bank, "richest", "-p", "count=1001", says='parameter "count".*1000')
        t.fails(2, *bank, "transactions_since", "-p", "since=2024-01-01T00:00:00Z", "-p", "state=open", says='parameter "state"')
        t.fails(2, *bank, "transactions_since", "-p", "since=yesterday", says='parameter "since"')
        t.fails(2, *bank, "accounts_of_users", "-p", "user_ids=3", says='parameter "user_ids"')
        t.fails(2, "query", "-d", url, "select :a", says='parameter "a" is missing')
        t.fails(2, "query", "-d", url, "select 1", "-p", "a=1", says='no parameter.*"a"')


@case("NUL, 8-bit and invalid UTF-8 in SQL and in parameters", server=True)
def bytes_(t):
    bad = [b"\xff", b"\xc3", b"\xc0\xaf", b"\xed\xa0\x80", b"\xf5\x80\x80\x80", b"caf\xe9"]
    for url in (URL, "sqlite::memory:"):
        for i, text in enumerate(bad):
            t.fails(2, "query", "-d", url, b"select '" + text + b"'", says=r"1:\d+: .*UTF-8")
            t.write(f"x{i}.sql", b"select 1,\n '" + text + b"'")
            t.fails(2, "query", "-d", url, "-f", f"x{i}.sql", says=r"2:\d+: .*UTF-8")
            t.fails(2, "query", "-d", url, "select :a", "-p", b"a=" + text, says='parameter "a".*UTF-8')
        t.write("nul.sql", b"select 'a\0b'")
        t.fails(2, "query", "-d", url, "-f", "nul.sql", says="NUL")
        t.fails(2, "query", "-d", url, "-f", "-", says="NUL", stdin=b"select 1\0")
        t.write("q/nul.sql", b"-- name: a\nselect 'x\0'")
        t.fails(2, "run", "-d", url, "-Q", "q", "a", says=r"q/nul\.sql:2:\d+: ")
        equal(t.json("query", "-d", url, "select cast(:a as text) as a", "-p", "a=caf\u00e9 \U0001f600"), [{"a": "caf\u00e9 \U0001f600"}])


@case("SQL from a file, from stdin, and too long", server=True)
def sql_files(t):
    equal(t.good("query", *MEMORY, "-f", "-", stdin=b"select 1 as a").text, "a\n1\n")
    equal(t.good("query", *MEMORY, "-f", t.write("x.sql", "select 2 as a;\n")).text, "a\n2\n")
    with open(t.path("long.sql"), "wb") as f:
        f.truncate((64 << 20) + 1)
    t.fails(2, "query", *MEMORY, "-f", "long.sql", says="long.sql is longer than|NUL")
    long = "select 'x" + "y" * (8 << 20) + "', nowhere"
    done = t.fails(1, "query", "-d", URL, "-f", t.write("l.sql", long), says='column "nowhere" does not exist')
    assert len(done.err) < 1000, len(done.err)


# ---- servers --------------------------------------------------------------------------------------------------------

def message(kind, body=b""):
    return kind + struct.pack("!I", len(body) + 4) + body


def start_up(connection):
    """What PostgreSQL says to one who comes in, without a password."""
    connection.recv(1 << 16)
    parameters = [("server_version", "15.0"), ("client_encoding", "UTF8"), ("TimeZone", "UTC"), ("integer_datetimes", "on"),
                  ("DateStyle", "ISO, MDY"), ("IntervalStyle", "postgres"), ("standard_conforming_strings", "on")]
    connection.sendall(message(b"R", struct.pack("!I", 0)) +
                       b"".join(message(b"S", f"{k}\0{v}\0".encode()) for k, v in parameters) +
                       message(b"K", struct.pack("!II", 1, 2)) + message(b"Z", b"I"))


def hang(connection):
    try:
        while connection.recv(1 << 16):
            pass
    except ConnectionResetError:
        pass


def never_read(connection):
    start_up(connection)
    harness.until(lambda: connection.fileno() < 0 or False, "never", 600)


@case("a server that accepts and then says nothing: the deadline holds")
def hangs(t):
    hung = harness.Socket(hang)
    for options in (["-t", "0.5"], ["-s", "database.connect_timeout=500ms"], ["-s", "pool.acquire_timeout=500ms"]):
        done = t.fails(3, "query", "-d", hung.url, "select 1", *options, says=f"127.0.0.1:{hung.port}|deadline|acquire")
        assert 0.4 < done.seconds < harness.SOON_S, str(done)  # not before the limit, on any machine
        one_message(done)
    done = t.run("health", "-d", hung.url, "-t", "0.5")
    assert done.code == 3 and "FAIL" in done.text and done.seconds < harness.SOON_S, str(done)
    hung.close()


@case("a server that closes at once, or speaks another language")
def strange(t):
    closes = harness.Socket(lambda connection: connection.close())
    done = t.fails(3, "query", "-d", closes.url, "select 1", "-t", "20", says=f"connect 127.0.0.1:{closes.port}: ")
    closes.close()
    web = harness.Socket(lambda connection: (connection.recv(100), connection.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n"), connection.close()))
    done = t.fails(3, "query", "-d", web.url, "select 1", "-t", "20", says=f"connect 127.0.0.1:{web.port}: ")
    assert done.seconds < harness.SOON_S
    web.close()


@case("a server that answers nothing to the statement: the deadline holds")
def answers_nothing(t):
    mute = harness.Socket(lambda connection: (start_up(connection), hang(connection)))
    done = t.run("query", "-d", mute.url, "select 1", "-t", "0.5")
    assert done.code in (1, 3) and not done.out, str(done)
    assert "deadline" in done.errors and done.seconds < harness.SOON_S, str(done)
    done = t.run("query", "-d", mute.url, "insert into t values (1)", "-t", "0.5")
    assert done.code in (3, 6) and done.seconds < harness.SOON_S, str(done)  # 3: it was only prepared
    mute.close()


@case("a server that stops reading: the deadline holds")
def stops_reading(t):
    deaf = harness.Socket(never_read)
    text = t.write("long.sql", "select '" + "x" * (32 << 20) + "'")
    done = t.run("query", "-d", deaf.url, "-f", text, "-t", "1", "-o", "json")
    assert done.code in (1, 3) and not done.out and done.seconds < harness.SOON_S, str(done)
    deaf.close()


@case("no such database: exit 2; no such user: exit 3", server=True,
      not_cockroach="it misses a database at the first statement, and says of users what its version says")
def refused(t):
    t.fails(2, "query", "-d", re.sub(r"/cdbc\?", "/nowhere?", URL), "select 1", says='database "nowhere" does not exist')
    t.fails(3, "query", "-d", URL.replace("//cdbc@", "//nobody@"), "select 1", says='role "nobody" does not exist')


if __name__ == "__main__":
    harness.main()
