# SPDX-License-Identifier: Apache-2.0
"""cdbc queries embed: a C source that holds a folder byte by byte, the same each time, for C11 and C++17."""
import os
import re
import stat
import subprocess

import harness
from harness import BANK, ROOT, case, clean_environment, equal

WARNINGS = ["-Wall", "-Wextra", "-Wpedantic", "-Wshadow", "-Wconversion", "-Wcast-qual", "-Wwrite-strings", "-Wundef", "-Wformat=2", "-Werror"]
PRINTER = """#include <stdio.h>
#include "q.h"
int main(void) {
	size_t i;
	for (i = 0; i < queries.file_count; i++) {
		printf("%s\\n%zu\\n", queries.files[i].file, queries.files[i].length);
		fwrite(queries.files[i].text, 1, queries.files[i].length + 1, stdout);
	}
	return queries.struct_size != sizeof(cdbc_embedded_queries);
}
"""
C = [os.environ.get("CC", "cc"), "-std=c11", "-Wmissing-prototypes", "-Wstrict-prototypes"]
CXX = [os.environ.get("CXX", "c++"), "-std=c++17", "-x", "c++"]


def embed(t, *words):
    t.good("queries", "embed", "sql", "--output", "q.c", "--header", "q.h", *words)


def contents(t, compiler):
    """What the embedded files are to a program: (name, bytes)."""
    t.write("main.c", PRINTER)
    done = subprocess.run([*compiler, *WARNINGS, "-I", os.path.join(ROOT, "include"), "main.c", "q.c", "-o", "main"], cwd=t.folder,
                          env=clean_environment(), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=120, check=False)
    equal((done.returncode, done.stdout.decode()), (0, ""))
    out = subprocess.run([t.path("main")], stdout=subprocess.PIPE, check=True, timeout=30).stdout
    files = []
    while out:
        name, length, rest = out.split(b"\n", 2)
        files.append((name.decode(), rest[:int(length)]))
        equal(rest[int(length):int(length) + 1], b"\0")
        out = rest[int(length) + 1:]
    return files


HARD = [
    ("a.sql", b"-- name: a\nselect 'trigraphs: ?\?=?\?/ ??= ??/ ???> \"quoted\" back\\slash \\n %s %'".replace(b"?\\?", b"??")),
    ("b.sql", "-- name: b\r\nselect 'ü€𝄞',\r\n\t'\x01\x7f1'\r\n".encode()),
    ("long.sql", b"-- name: long\nselect '" + b"x?0" * 40000 + b"'"),
    ("reports/daily.sql", b"-- name: top\nselect '\\0' as \"a\"\"b\";\n\n\n"),
    ("reports/sub/z.sql", b"select 1"),
]


@case("the bytes are those of the files, in C11 and in C++17, without a warning")
def bytes_exact(t):
    for name, text in HARD:
        t.write("sql/" + name, text)
    t.write("sql/q.test.sql", "-- test: none of it\nselect 1;\n")
    t.write("sql/.hidden.sql", "select ;;; '")
    t.write("sql/readme.txt", "no SQL")
    embed(t)
    for compiler in (C, CXX):
        equal(contents(t, compiler), HARD)


@case("the same folder gives the same bytes, wherever it is and however it is named")
def deterministic(t):
    texts = set()
    for folder in ("x/sql", "other", "other/", "./other", t.path("other")):
        for name, text in reversed(HARD):
            t.write(f"{folder.rstrip('/') if not folder.startswith('/') else 'other'}/{name}", text)
        texts.add(t.good("queries", "embed", folder, "--name", "mine", env={"LC_ALL": "C" if "x" in folder else "C.UTF-8"}).out)
    equal(len(texts), 1)
    t.good("queries", "embed", "other", "--name", "mine", "--output", "out.c")
    with open(t.path("out.c"), "rb") as f:
        equal({f.read()}, texts)
    equal(stat.S_IMODE(os.stat(t.path("out.c")).st_mode) & 0o600, 0o600)
    equal(sorted(os.listdir(t.folder)), ["other", "out.c", "x"])


@case("a folder with mistakes is not embedded, and what was there before stays")
def mistakes(t):
    t.write("sql/a.sql", "-- name: a\nselect 'x\n")
    t.write("q.c", "old")
    t.fails(2, "queries", "embed", "sql", "--output", "q.c", "--header", "q.h", says=r"sql/a\.sql:2:8: error: ")
    with open(t.path("q.c"), encoding="ascii") as f:
        equal(f.read(), "old")
    equal(sorted(os.listdir(t.folder)), ["q.c", "sql"])
    t.fails(2, "queries", "embed", "none", says="No such file")
    t.fails(2, "queries", "embed", says="give one folder")
    os.mkdir(t.path("empty"))
    t.fails(2, "queries", "embed", "empty", says="there are no queries in empty")
    for name in ("1a", "a-b", "", "int", "class", "a b", "x" * 201):
        t.fails(2, "queries", "embed", BANK, "--name", name, says="not a name")
    t.write("sql/a.sql", "-- name: a\nselect 1\n")
    t.fails(2, "queries", "embed", "sql", "--output", "none/q.c", says="No such file")


@case("one file is embedded by its name")
def one_file(t):
    t.write("sql/reports/daily.sql", HARD[3][1])
    t.good("queries", "embed", "sql/reports/daily.sql", "--output", "q.c", "--header", "q.h")
    equal(contents(t, C), [("daily.sql", HARD[3][1])])


@case("10,000 queries: written and compiled")
def many(t):
    for i in range(100):
        t.write(f"sql/f{i}.sql", "".join(f"-- name: q{i}_{j} :many\n-- Number {j}.\n-- param: id int8\nselect a, b, c from t{j} where id = :id and b > {j};\n"
                                         for j in range(100)))
    done = t.good("queries", "embed", "sql", "--output", "q.c", "--header", "q.h")
    began = harness.time.monotonic()
    subprocess.run([*C, *WARNINGS, "-O2", "-I", os.path.join(ROOT, "include"), "-c", "q.c", "-o", "q.o"], cwd=t.folder, check=True, timeout=100)
    print(f"# embed {done.seconds:.2f} s, compile {harness.time.monotonic() - began:.2f} s, {os.path.getsize(t.path('q.c'))} bytes of source, "
          f"{os.path.getsize(t.path('q.o'))} of object")
    equal(len(re.findall(rb"-- name: ", open(t.path("q.o"), "rb").read())), 10000)


if __name__ == "__main__":
    harness.main()
