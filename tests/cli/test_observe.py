#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The log, read by a parser of JSON and by one of logfmt, and --stats."""
import json
import os
import re
import stat

from harness import case, equal, main, URL


def log_of(t, name="log", fmt="json", values="false", level="debug"):
    return ("-s", "log.target=file", "-s", "log.path=" + t.path(name), "-s", "log.format=" + fmt, "-s", "log.level=" + level,
            "-s", "log.values=" + values)


def lines(t, name="log"):
    with open(t.path(name), "rb") as f:
        data = f.read()
    assert data.endswith(b"\n"), data[-200:]
    return data[:-1].split(b"\n")


def parsed(t, name="log"):
    def no_twice(pairs):
        keys = [k for k, _ in pairs]
        assert len(keys) == len(set(keys)), f"a key comes twice: {keys}"
        return dict(pairs)
    return [json.loads(line.decode("utf-8"), object_pairs_hook=no_twice) for line in lines(t, name)]


LOGFMT = re.compile(r'([a-z]+)=("(?:[^"\\]|\\.)*"|[^ "=\\]+)(?: |$)')


def logfmt(line):
    at, found = 0, {}
    while at < len(line):
        m = LOGFMT.match(line, at)
        assert m, f"not logfmt at {at}: {line!r}"
        assert m[1] not in found, f"{m[1]} comes twice: {line!r}"
        found[m[1]] = json.loads(m[2]) if m[2].startswith('"') else m[2]
        at = m.end()
    return found


HOSTILE = 'a\n{"level":"error"}\r\t\x1b[31m "quoted\\" level=error é \u2028 \U0001f600'


@case("a log in JSON: a line a request, with its fields, for its owner alone")
def _(t):
    t.good("query", "-d", "sqlite::memory:", *log_of(t), "select 1 as a union all select 2")
    found = parsed(t)
    request = [x for x in found if x["event"] == "request"]
    equal(len(request), 1)
    r = request[0]
    equal((r["status"], r["rows"], r["bytes"], r["level"], r["attempt"]), ("ok", 2, 16, "debug", 1))
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z", r["time"]), r
    assert re.fullmatch(r"[0-9a-f]{16}", r["fingerprint"]) and r["ms"] > 0, r
    start = [x for x in found if x["event"] == "request_start"][0]
    equal((start["id"], start["fingerprint"]), (r["id"], r["fingerprint"]))
    equal(stat.S_IMODE(os.stat(t.path("log")).st_mode), 0o600)


@case("the same in logfmt, appended")
def _(t):
    for _ in range(2):
        t.good("query", "-d", "sqlite::memory:", *log_of(t, fmt="logfmt"), "select 'x'")
    found = [logfmt(line.decode()) for line in lines(t)]
    equal([x["rows"] for x in found if x["event"] == "request"], ["1", "1"])


@case("hostile text breaks no line and makes no field")
def _(t):
    for fmt in ("json", "logfmt"):
        t.run("query", "-d", "sqlite::memory:", *log_of(t, fmt, fmt, values="true"), "select * from \"" + HOSTILE.replace('"', "") + "\" where :a = 1",
              "-p", "a=" + HOSTILE)
        found = parsed(t, fmt) if fmt == "json" else [logfmt(line.decode()) for line in lines(t, fmt)]
        for raw in lines(t, fmt):
            assert not re.search(rb"[\x00-\x1f\x7f]", raw), raw
        request = [x for x in found if x["event"] == "request"][0]
        equal(request["status"], "sql")
        assert "no such table" in request["message"], request
        assert HOSTILE in [x for x in found if x["event"] == "request_start"][0]["values"], found
        assert {x["level"] for x in found} <= {"info", "debug", "warning", "error"}, found


@case("parameters are not in the log, nor what may quote them", server=True)
def _(t):
    for level in ("debug", "info"):
        t.run("query", "-d", URL, *log_of(t, level, level=level), "select (:secret || 'x')::int8", "-p", "secret=hunter2")
        with open(t.path(level), encoding="utf-8") as f:
            text = f.read()
        assert "hunter2" not in text, text
        r = [x for x in parsed(t, level) if x["event"] == "request"][0]
        equal((r["sqlstate"], r["outcome"], r["replay"]), ("22P02", "rolled-back", "no"))
    t.run("query", "-d", URL, *log_of(t, "open", values="true"), "select (:secret || 'x')::int8", "-p", "secret=hunter2")
    assert any("hunter2" in x.get("values", "") for x in parsed(t, "open"))


@case("slow requests are warnings, others are not there at info")
def _(t):
    t.good("query", "-d", "sqlite::memory:", *log_of(t, level="info"), "-s", "log.slow=1h", "select 1")
    assert not [x for x in parsed(t) if x["event"] == "request"]
    slow = "with recursive c(n) as (select 1 union all select n + 1 from c where n < 300000) select count(*) from c"
    t.good("query", "-d", "sqlite::memory:", *log_of(t, "slow", level="info"), "-s", "log.slow=1ms", slow)
    r = [x for x in parsed(t, "slow") if x["event"] == "request"]
    equal([(x["level"], x["slow"]) for x in r], [("warning", True)])


@case("a log that cannot be opened is said; one that takes nothing stops nobody")
def _(t):
    t.fails(2, "query", "-d", "sqlite::memory:", "-s", "log.target=file", "-s", "log.path=/nonexistent/log", "select 1", says="/nonexistent/log")
    t.fails(2, "query", "-d", "sqlite::memory:", "-s", "log.target=file", "select 1", says="log.path")
    if os.path.exists("/dev/full"):
        done = t.good("query", "-d", "sqlite::memory:", "--stats", "-s", "log.target=file", "-s", "log.path=/dev/full", "select 1")
        assert re.search(r"log_dropped +[1-9]", done.errors), done


@case("what the cache did stands in the log and in --stats")
def _(t):
    t.write("q.sql", "-- name: kept\n-- cache: 30s\nselect 1 as a;\n-- name: other\nselect 2 as a;\n")
    for name, word in ("kept", "miss"), ("other", None):
        done = t.good("run", "-d", "sqlite::memory:", "-Q", t.path("q.sql"), *log_of(t, name), "--stats", name)
        equal([x.get("cache") for x in parsed(t, name) if x["event"] == "request"], [word])
        assert bool(re.search(r'cache_requests\{answer="miss"\} +1\n', done.errors)) == (word == "miss"), done


@case("--stats: numbers at the end, on stderr")
def _(t):
    done = t.good("query", "-d", "sqlite::memory:", "--stats", "-o", "csv", "select 1 as a")
    equal(done.text, "a\n1\n")
    assert re.search(r'requests\{status="ok"\} +1\n', done.errors), done
    assert re.search(r"request_duration +1 +mean [\d.]+  p50 [\d.]+  p95 [\d.]+  p99 [\d.]+  max [\d.]+ ms", done.errors), done
    t.write("q.sql", "-- name: one :one\nselect 1 as a;\n")
    done = t.good("run", "-d", "sqlite::memory:", "-Q", t.path("q.sql"), "--stats", "one")
    assert 'query_duration{query="one"}' in done.errors, done
    name = "a_query_whose_name_is_longer_than_the_column_was"
    t.write("q.sql", f"-- name: {name} :one\nselect 1 as a;\n")
    done = t.good("run", "-d", "sqlite::memory:", "-Q", t.path("q.sql"), "--stats", name)
    assert name in done.errors, done
    equal(len({re.match(r"\S+ +\d+", line).end() for line in done.errors.splitlines()}), 1, done)
    done = t.run("query", "-d", "sqlite::memory:", "--stats", "select nothing")
    assert done.code == 1 and re.search(r'requests\{status="sql"\} +1\n', done.errors), done


main()
