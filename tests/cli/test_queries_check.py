# SPDX-License-Identifier: Apache-2.0
"""cdbc queries check: planted mistakes found at their place, for people and for programs."""
import json
import re

import harness
from harness import case, equal

TWELVE = """-- name: ok
select 1;
-- name: one
select 'open;
-- name: two
-- readonly
-- param: x itn8
select :x;
-- name: three :sometimes
select (1;
-- name: ok
select 2;
-- name: four
-- param: a int8
-- param: b int8
select :a, :c;
-- name: five
select 1; select 2;
-- name: six
delete from t where /*? id */ id = :id /*?*/;
-- name: seven
select $x$ body $y$;
-- name: eight
"""
FOUND = [
    (4, 8, None, "one", "string without its closing quote"),
    (6, 4, 12, "two", "`readonly` is nearly the header `read-only`"),
    (7, 13, 17, "two", 'unknown type "itn8"'),
    (9, 16, 26, "three", '":sometimes" is no mark'),
    (10, 8, 9, "three", "`(` is never closed"),
    (11, 10, 12, "ok", r'query "ok" is also in SELF:1'),
    (15, 11, 12, "four", 'parameter "b" is declared, but not used'),
    (16, 12, 14, "four", 'parameter "c" is used, but not declared'),
    (18, 11, 17, "five", "a second statement in one query"),
    (20, 15, 20, "six", 'an UPDATE or DELETE loses its condition, when "id" is absent'),
    (22, 8, None, "seven", "dollar-quoted string without its closing tag"),
    (23, 10, 15, "eight", "the query has no SQL"),
]


@case("twelve planted mistakes, each named with its line and column")
def twelve(t):
    path = t.write("q.sql", TWELVE)
    done = t.run("queries", "check", path)
    equal(done.code, 1)
    lines = [line for line in done.text.split("\n") if line.startswith(path)]
    equal(lines, [f"{path}:{line}:{column}: error: {text.replace('SELF', path)}" for line, column, _, _, text in FOUND])
    assert done.errors.endswith("12 errors\n"), str(done)
    carets = re.findall(r"^  (.*)\n  (\s*)\^$", done.text, re.M)
    equal(len(carets), 12)
    equal(carets[2], ("-- param: x itn8", " " * 12))


@case("the same as JSON and as NDJSON")
def as_json(t):
    path = t.write("q.sql", TWELVE)
    done = t.run("queries", "check", path, "--format", "json")
    equal(done.code, 1)
    found = json.loads(done.text)
    equal([(d["line"], d["column"], d["end_column"], d["query"], d["message"].replace(path, "SELF")) for d in found], FOUND)
    equal({(d["file"], d["severity"], d["rung"], d["code"]) for d in found}, {(path, "error", "lexical", None)})
    equal([d["end_line"] for d in found], [d["line"] if d["end_column"] else None for d in found])
    equal(found[8]["hint"], "begin each query with a `-- name:` line, or mark the query with # to run it as a script")
    equal(found[11]["hint"], None)
    lines = t.run("queries", "check", path, "-q", "-o", "ndjson")
    equal((lines.code, lines.errors), (1, ""))
    equal([json.loads(line) for line in lines.text.splitlines()], found)


@case("nothing wrong: exit 0, an empty array; a path that is not there: exit 2")
def good(t):
    path = t.write("q.sql", "-- name: a\nselect 1\n")
    equal(t.good("queries", "check", path, "-o", "json").text, "[]\n")
    equal(t.good("queries", "check", path, "-o", "ndjson").text, "")
    equal(t.good("queries", "check", path).text, "")
    t.fails(2, "queries", "check", path, "-o", "csv", says="-o json, -o ndjson")
    t.fails(2, "queries", "check", t.path("no.sql"), says="no.sql")


@case("bytes that are no UTF-8 do not break the JSON")
def bytes_(t):
    path = t.write("q.sql", b"-- name: a\nselect 1;\n-- name: a\xff\xc3\xa9\nselect 2\n")
    found = json.loads(t.run("queries", "check", path, "-o", "json").text)
    equal([(d["line"], d["severity"]) for d in found][:1], [(3, "error")])


if __name__ == "__main__":
    harness.main()
