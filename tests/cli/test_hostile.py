# SPDX-License-Identifier: Apache-2.0
"""SQL files that nobody should have written, and folders: every one ends soon, in little memory, with places and messages, and not too many."""
import os
import re
import resource

import harness
from harness import case

MEMORY = 600 << 20  # of address space; a file has at most 16 MiB
IS_SANITIZED = os.environ.get("CDBC_SANITIZE", "none") not in ("none", "")
CPU_S = 600 if IS_SANITIZED else 60  # of what ends at all; a tenth of a second is usual
PLACE = re.compile(r"^\S+:\d+:\d+: error: .", re.M)


def limit():
    resource.setrlimit(resource.RLIMIT_CPU, (CPU_S, CPU_S))
    if not IS_SANITIZED:  # which reserves more than there is
        resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))


def check(t, path, *says, code=1, most=1000):
    """Checks a file: so many errors at most, each with its place, and these things said. Other commands that read it end too."""
    done = t.run("queries", "check", path, preexec_fn=limit)
    assert code is None or done.code == code, str(done)
    errors = PLACE.findall(done.out.decode(errors="replace") + done.errors)
    assert len(errors) <= most and (errors or done.code == 0), f"{len(errors)} errors: {done}"
    assert len(done.out) + len(done.err) < 1 << 20, f"{len(done.out) + len(done.err)} bytes of messages"
    for pattern in says:
        assert re.search(pattern, done.out.decode(errors="replace") + done.errors), f"no {pattern!r} in: {done}"
    return done


def file(t, text, *says, **options):
    return check(t, t.write("x.sql", text), *says, **options)


@case("deep nesting: brackets, comments, blocks of optional parts")
def nesting(t):
    file(t, "-- name: a\nselect " + "(" * 5000 + "1" + ")" * 5000, r":2:4104: error: ")
    file(t, "-- name: a\nselect " + "(" * 4000 + "1" + ")" * 4000, code=0)
    file(t, "-- name: a\nselect " + "[" * 1000000, r":2:\d+: error: ")
    file(t, "-- name: a\nselect 1 " + "/*" * 1000000, r":2:\d+: error: ")
    file(t, "-- name: a\nselect 1 " + "/*?{ a */, 2 " * 2000 + "/*?}*/" * 2000, "more than 1000 optional parts")
    file(t, "-- name: a\nselect 1 " + "/*?{ a */, 2 " * 1000 + "/*?}*/" * 1000, code=0)
    file(t, "-- name: a\nselect 1 " + "/*?{ a */, 2 " * 900, "a block without its end")


@case("too many possible statements, too many parts, too much text of them")
def variants(t):
    parts = "".join(f"/*? p{i} */, {i} " for i in range(13))
    file(t, f"-- name: a\nselect 1 {parts}/*?*/", "more than 4096 possible statements", most=2)
    parts = "".join(f"/*? p{i} */, {i} " for i in range(70))
    file(t, f"-- name: a\nselect 1 {parts}/*?*/", r"x\.sql:2:\d+: error: ")
    big = "x" * 10000
    parts = "".join(f"/*? p{i} */, '{big}' " for i in range(12))
    file(t, f"-- name: a\nselect 1 {parts}/*?*/", "have more than 16777216 bytes", most=2)
    many = "".join(f"-- name: a{n}\nselect 1 {parts}/*?*/;\n" for n in range(60))
    file(t, many, "have more than", most=200)
    file(t, "-- name: a\nselect 1 /*? p */, 2 /*?*/ " + "x" * (1 << 20), "at most 1048576 bytes")


@case("megabytes of one token, one name, one line")
def tokens(t):
    size = 1 << 20
    file(t, f"-- name: a\nselect '{'x' * size}'", code=0)
    file(t, f"-- name: a\nselect {'x' * size}", code=0)
    file(t, f"-- name: a\nselect {'9' * size}", code=0)
    file(t, f"-- name: a\nselect :{'x' * size}", code=0)
    file(t, f"-- name: {'a' * size}\nselect 1", r"x\.sql:1:\d+: error: ")
    file(t, f"-- name: a\n-- param: {'p' * size} int8\nselect 1", r"x\.sql:2:\d+: error: ")
    file(t, f"-- name: a\n-- param: p {'t' * size}\nselect :p", r"x\.sql:2:\d+: error: ")
    file(t, f"-- name: a\n-- param: p text in({chr(39)}{'t' * size}{chr(39)})\nselect :p", code=0)
    file(t, "-- name: a\n-- param: s ident in(" + ",".join(f"n{i}" for i in range(100000)) + ")\nselect :s", r"x\.sql:2:\d+: error: ")
    file(t, f"-- name: a\nselect ${'t' * size}$ x", r":2:8: error: ")


@case("megabytes that a parser would take forever for, or much memory")
def grammar(t):
    size = 1 << 20
    has_parser = "libpg_query is not there" not in file(t, "-- name: a\nselect 1", code=0).errors
    note = r"x\.sql:2:1: note: PostgreSQL's parser was not asked"
    for run in ("+", "/**/"):
        file(t, "-- name: a\nselect " + run * (size // len(run)) + "1", *([note] if has_parser else []), code=0)
    file(t, "-- name: a\nselect " + "1," * size + "1", *([note] if has_parser else []), code=0)
    for word in ("- ", "not ", "case ", "case when ", "array[", "~", "(", "-- \n", "/*/*", "select ", "union ", "1;", "1 union select ", "1 and ", "a.", "a::int"):
        done = check(t, t.write("x.sql", "-- name: a\nselect " + word * (size // len(word)) + "1"), code=None)
        assert done.code in (0, 1), str(done)
    file(t, "-- name: a\nselect 1\n--" + "-" * 200 + "\n, 2 /" + "*" * 200 + "/ from\n", r":4:\d+: error: syntax error" if has_parser else "", code=1 if has_parser else 0)


@case("bytes that are no text: binary, NUL, byte order marks, other encodings and line ends")
def encodings(t):
    file(t, bytes(range(256)) * 1000, r"x\.sql:\d+:\d+: error: ")
    file(t, b"-- name: a\nselect '\0'", r":2:9: error: ")
    file(t, b"-- name: a\nselect 'Gr\xfc\xdfe'", r":2:11: error: .*UTF-8")
    file(t, b"-- name: Gr\xfc\nselect 1", r"x\.sql:1:\d+: error: ")
    file(t, b"\xef\xbb\xbf-- name: a\r\nselect 1\r\n", code=0)
    file(t, b"\xff\xfe-\0-\0 \0n\0", r"x\.sql:1:1: error: ")
    file(t, b"-- name: a\r\rselect 'x", r"x\.sql:\d+:\d+: error: ")
    file(t, b"\xed\xa0\x80", r"x\.sql:1:1: error: ")
    file(t, b"", r"x\.sql:1:1: error: the query has no SQL")
    file(t, b"\n" * 1000000 + b"select '", r":1000001:8: error: ")


@case("what is never closed")
def unterminated(t):
    for text, column in (("'", 8), ('"', 8), ("E'\\'", 8), ("$$", 8), ("$x$ $y$", 8), ("/* /* */", 8), ("(", 8), ("a[1", 9), ("U&'", 8), ("/*? a", 8)):
        file(t, "-- name: a\nselect " + text, rf"x\.sql:2:{column}: error: ")
    file(t, "-- name: a\nselect '\n-- name: b\nselect '\n" * 20000, r"x\.sql:\d+:\d+: error: ")
    file(t, "-- name: a\nselect 1 /*? a */ , 2\n-- name: b\nselect 1 /*? a */", r":2:10: error: ", r":4:10: error: ")
    file(t, "-- name: a\n" + "select $a$ $b$ $a$ $b$ '" * 50000, r"x\.sql:2:\d+: error: ")


@case("parameters: ten thousand, one a thousand times, all the forms that are wrong")
def parameters(t):
    file(t, "-- name: a\nselect " + ", ".join(f":p{i}" for i in range(10000)), code=0)
    file(t, "-- name: a\nselect " + ", ".join(f":p{i}" for i in range(70000)), "more than 65535 parameters")
    names = [f"param{i}" for i in range(50000)]
    file(t, "-- name: a\nselect " + ", ".join(f":{name}" for name in names), code=0)
    file(t, "-- name: a\n-- param: x int8\nselect :x, " + ", ".join(f":{name}" for name in names), "is used, but not declared", most=20)
    file(t, "-- name: a\nselect " + ", ".join(f":_{name}" for name in names), "`_` begins those", most=20)
    file(t, "-- name: a\n" + "-- param: p int8\n" * 50000 + "select :p", "49999 errors")
    file(t, "-- name: a\n" + "-- param: p int8\n" * 1000 + "select :p", r"x\.sql:3:\d+: error: ")
    file(t, "-- name: a\n" + "".join(f"-- param: p{i} int8\n" for i in range(5000)) + "select 1", r"x\.sql:\d+:\d+: error: ")


@case("expressions for which the C library would need gigabytes, or forever")
def patterns(t):
    def pattern(text, says):
        column = 25 + len(text)
        done = file(t, f"-- name: a\n-- param: p text match='{text}'\nselect :p", *([rf":2:\d+: error: the expression is not taken: {says}"] if says else []), code=1 if says else 0)
        assert not says or int(re.search(r":2:(\d+): error", done.out.decode()).group(1)) < column, str(done)

    pattern("(" * 100000, "more than 1000 bytes")
    pattern("(" * 400 + "a" + ")" * 400, "brackets more than 20 deep")
    pattern("((a{1,255}){1,255}){1,255}", "its repetitions multiply")
    pattern("a{32767}", "its repetitions multiply")
    pattern("(" * 15 + "a" + ")+" * 15, "its repetitions multiply")
    pattern("(a*)*" * 100, "an endless repetition of what may be empty")
    pattern("(a|b*){1,100}" * 10, "a part that may be empty")
    pattern("((a?){0,250})", "a part that may be empty")
    pattern("([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\\.)+[a-z]{2,63}", None)
    pattern("a{0,255}" * 10, None)


@case("100,000 queries in one file; more than may be; every one of them wrong")
def many(t):
    file(t, "".join(f"-- name: q{i}\nselect {i};\n" for i in range(100000)), code=0)
    file(t, "".join(f"-- name: q{i}\nselect {i};\n" for i in range(100001)), "more than 100000 queries")
    file(t, "".join(f"-- name: q{i}\nselect (;\n" for i in range(100000)), r"x\.sql:2:8: error: ", "100000 errors")
    file(t, "-- name: a\nselect 1;\n" * 50000, r"x\.sql:3:\d+: error: ", "49999 errors")


@case("a file of 16 MiB, and one byte more")
def large(t):
    head = "-- name: a\nselect 1\n"
    file(t, head + " " * ((16 << 20) - len(head)), code=0)
    file(t, head + " " * ((16 << 20) - len(head) + 1), r"x\.sql:1:1: error: the file is longer than 16777216 bytes", most=1)


@case("folders: links in a circle, a pipe, a socket's and a folder's name, 20,000 files")
def folders(t):
    os.makedirs(t.path("f/deep"))
    t.write("f/good.sql", "select 1")
    os.symlink(t.path("f"), t.path("f/deep/again"))
    os.symlink(t.path("f/self.sql"), t.path("f/self.sql"))
    os.mkfifo(t.path("f/pipe.sql"))
    os.makedirs(t.path("f/folder.sql"))
    done = t.run("queries", "check", t.path("f"), preexec_fn=limit)
    assert done.code in (1, 2, 3, 5), str(done)
    assert "again" in done.errors or "self.sql" in done.errors or "pipe.sql" in done.errors, str(done)
    os.makedirs(t.path("many"))
    for i in range(20000):
        with open(t.path(f"many/q{i}.sql"), "w", encoding="ascii") as f:
            f.write("select 1")
    check(t, t.path("many"), code=0)


if __name__ == "__main__":
    harness.main()
