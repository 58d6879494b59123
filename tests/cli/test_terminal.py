# SPDX-License-Identifier: Apache-2.0
"""What depends on a terminal: the default format, the width, progress; and --output."""
import fcntl
import os
import pty
import re
import select
import struct
import termios
import time

import harness
from harness import URL, case, equal, until

WIDE = "select 'x' || repeat('y', 300) as a, 1 as b"


def on_terminal(t, *words, columns=80, out=True, err=True, **popen):
    """Runs the command with stdout or stderr on a terminal; returns what the terminal got, and how the command ended."""
    master, slave = pty.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    attributes = termios.tcgetattr(slave)
    attributes[1] &= ~termios.OPOST
    termios.tcsetattr(slave, termios.TCSANOW, attributes)
    popen.update({"stdout": slave} if out else {}, **({"stderr": slave} if err else {}))
    began = time.monotonic()
    process = t.start(*words, **popen)
    os.close(slave)
    got = b""
    deadline = time.monotonic() + harness.WAIT_S
    while time.monotonic() < deadline:
        if not select.select([master], [], [], 1)[0]:
            continue
        try:
            part = os.read(master, 65536)
        except OSError:  # the other end is closed
            break
        if not part:
            break
        got += part
    os.close(master)
    return got.decode(), t.end(process, began)


@case("a table on a terminal, tsv when piped, and what -o says in both")
def default(t):
    words = ("query", "-d", "sqlite::memory:", "select 1 as a, 'x' as b")
    text, done = on_terminal(t, *words)
    equal((done.code, text.split("\n")[0].rstrip()), (0, " a | b"), text)
    assert "(1 row)" in text
    equal(t.good(*words).text, "a\tb\n1\tx\n")
    text, _ = on_terminal(t, *words, "-o", "csv")
    equal(text, "a,b\n1,x\n")
    assert "(1 row)" in t.good(*words, "-o", "table").text
    equal(t.good(*words, "--no-header").text, "1\tx\n")


@case("no bytes of Arrow on a terminal")
def binary(t):
    text, done = on_terminal(t, "query", "-d", "sqlite::memory:", "select 1", "-o", "arrow")
    equal(done.code, 2)
    assert "not for a terminal" in text and "--output" in text, text


@case("a table is laid out by display width and fits the terminal", server=True)
def width(t):
    sql = "select v as name, 1 as n from (values ('abc'), ('\u6f22\u5b57'), ('e\u0301e\u0301'), ('\U0001f600')) x(v)"
    lines = t.good("query", "-d", URL, sql, "-o", "table").text.split("\n")
    wide = {"\u6f22": 2, "\u5b57": 2, "\U0001f600": 2, "\u0301": 0}
    ends = {sum(wide.get(c, 1) for c in line[:line.index("|")]) for line in lines[:1] + lines[2:6]}
    equal(len(ends), 1, "\n".join(lines))
    for columns in (40, 80, 200):
        text, done = on_terminal(t, "query", "-d", URL, WIDE, columns=columns)
        equal(done.code, 0)
        assert max(len(line.rstrip()) for line in text.split("\n")) <= columns, text
    assert "y" * 300 in t.good("query", "-d", URL, WIDE, "-o", "table").text  # nothing is cut where there is no terminal


SLOW = "select i, case when i % 100 = 0 then pg_sleep(0.1) end from generate_series(1, 1400) i"


@case("progress on a terminal for work over a second, and none elsewhere", server=True,
      not_cockroach="it computes 1,024 rows before it sends one")
def progress(t):
    words = ("query", "-d", URL, SLOW, "-o", "csv", "--output", t.path("x"))
    text, done = on_terminal(t, *words, out=False)
    equal(done.code, 0, text)
    assert re.search(r"\r\d+ rows, \d+\.\d s", text), repr(text)
    assert text.endswith("\r\x1b[K"), repr(text[-40:])  # and it is taken away
    text, done = on_terminal(t, *words, "-q", out=False)
    equal((done.code, text), (0, ""))
    done = t.good(*words)
    equal(done.errors, "")
    text, done = on_terminal(t, "query", "-d", URL, "select 1", "-o", "csv", out=False)
    assert done.code == 0 and (text == "" or done.seconds > 1), f"short work shows none: {text!r} {done}"


@case("--output is written beside and renamed, with the rights of a new file")
def output(t):
    target = t.write("rows.json", "old")
    os.symlink("rows.json", t.path("link.json"))
    os.umask(0o027)
    done = t.good("query", "-d", "sqlite::memory:", "select 1 as a", "-o", "json", "--output", t.path("link.json"))
    assert os.path.islink(t.path("link.json"))
    equal((done.out, open(target, encoding="ascii").read()), (b"", '[\n{"a":1}\n]\n'))
    equal(oct(os.stat(target).st_mode & 0o777), "0o640")
    equal(t.run("query", "-d", "sqlite::memory:", "select nowhere", "--output", target).code, 1)
    equal(open(target, encoding="ascii").read(), '[\n{"a":1}\n]\n', "a failure leaves what was there")
    equal(sorted(os.listdir(t.folder)), ["link.json", "rows.json"])
    os.umask(0o022)


@case("--output to a device or a pipe is written straight there")
def output_device(t):
    t.good("query", "-d", "sqlite::memory:", "select 1", "--output", "/dev/null")
    assert not os.path.isfile("/dev/null")
    equal(t.good("query", "-d", "sqlite::memory:", "select 1 as a", "--output", "/dev/stdout").text, "a\n1\n")


@case("a script says that its rows are not shown", server=True)
def script(t):
    for url in (URL, "sqlite::memory:"):
        done = t.good("query", "-d", url, "select 1; select 2;")
        assert done.out == b"" and "rows are not shown" in done.errors, str(done)
        done = t.good("query", "-d", url, "select 1 as a;")
        equal((done.text, done.errors), ("a\n1\n", ""))
    assert "not shown" not in t.good("query", "-d", URL, "select").errors


@case("notes of the server go to stderr, -q keeps them", server=True, not_cockroach="it has no note here")
def notices(t):
    words = ("query", "-d", URL, "drop table if exists cli_no_such_table")
    done = t.good(*words)
    equal(done.out, b"")
    assert "NOTICE: table \"cli_no_such_table\" does not exist" in done.errors and "DROP TABLE" in done.errors, str(done)
    equal(t.good(*words, "-q").errors, "")


if __name__ == "__main__":
    harness.main()
