# SPDX-License-Identifier: Apache-2.0
"""Every row of the type table, in every format, equal to what libpq reads: the server itself prints the values (format('%s')), and
nothing of ours is asked. Once in binary, and once in text, which a column of a type that is none of ours makes of the whole result.
"""
import html
import json
import os
import re
import subprocess
import sys

import harness
from harness import URL, case, equal, psql

WHY = "the values are PostgreSQL's; CockroachDB's are in tests/integration/test_recorded_types.c"

# column: SQL type, values as PostgreSQL reads them. The columns' names are those that the Arrow readers know.
TYPES = {
    "bool": ("bool", ["t", "f"]),
    "int2": ("int2", ["0", "-32768", "32767"]),
    "int4": ("int4", ["0", "-2147483648", "2147483647"]),
    "int8": ("int8", ["0", "-9223372036854775808", "9223372036854775807"]),
    "float4": ("float4", ["0", "-0", "0.1", "3.4028235e38", "1e-45", "16777216", "1e20", "NaN", "Infinity", "-Infinity"]),
    "float8": ("float8", ["0", "-0", "0.1", "1.7976931348623157e308", "5e-324", "123456789.123456789", "1e15", "1e16", "1e-5", "NaN",
                          "Infinity", "-Infinity"]),
    "text": ("text", ["", "a", "\\N", "null", "NULL", "it's", 'a "quoted" one', "comma, semicolon;", "tab\there", "line\nend\r\n", "a|b",
                      "back\\slash", " spaces ", "caf\u00e9 \u6f22\u5b57 \U0001f600 e\u0301", "\x01\x1b[31m\x7f", "<b>&amp;", "x" * 3000]),
    "json": ("json", ['{"a": 1, "b": [true, null, "x"]}', "null", '"text"', "12345678901234567890.5", "[]"]),
    "bytea": ("bytea", ["\\x", "\\x00ff", "\\xdeadbeef0a22"]),
    "decimal": ("numeric(38,2)", ["0", "-0.01", "123456789012345678901234567890123456.78", "-99.9"]),
    "numeric": ("numeric", ["0", "0.00000000000000000000000000001", "-1234567890123456789012345678901234567890.5", "1e10", "NaN", "0.10"]),
    "date": ("date", ["1970-01-01", "2024-02-29", "0001-01-01", "1969-12-31", "9999-12-31"]),
    "time": ("time", ["00:00:00", "23:59:59.999999", "12:30:00.5"]),
    "timestamp": ("timestamp", ["1970-01-01 00:00:00", "2024-02-29 23:59:59.999999", "1969-12-31 23:59:59.5", "0001-01-01 00:00:00"]),
    "timestamptz": ("timestamptz", ["1970-01-01 00:00:00+00", "2024-02-29 23:59:59.999999+05:30", "2024-07-01 12:00:00.1-08"]),
    "interval": ("interval", ["0", "1 year 2 mons 3 days 04:05:06.789", "-1 mons +2 days -03:00:00", "1 day", "00:00:00.000001"]),
    "uuid": ("uuid", ["00000000-0000-0000-0000-000000000000", "f81d4fae-7dec-11d0-a765-00a0c91e6bf6"]),
    "ints": ("int4[]", ["{}", "{1,2,NULL}", "{-2147483648}"]),
    "texts": ("text[]", ["{}", '{a,"b c",NULL,"NULL","",",","\\"q\\"","\\\\"}', "{caf\u00e9}"]),
    "bools": ("bool[]", ["{t,f,NULL}"]),
    "uuids": ("uuid[]", ["{f81d4fae-7dec-11d0-a765-00a0c91e6bf6,NULL}"]),
    # not known to the readers by name
    "varchar": ("varchar(5)", ["abc", ""]),
    "char": ("char(5)", ["abc", ""]),
    "name": ("name", ["abc"]),
    "jsonb": ("jsonb", ['{"b": 1, "a": [2]}', "1.50"]),
    "int8s": ("int8[]", ["{9223372036854775807}"]),
    "float8s": ("float8[]", ["{0.1,NULL,-0}"]),
    "dates": ("date[]", ["{2024-02-29,NULL}"]),
    "stamps": ("timestamptz[]", ["{\"2024-02-29 23:59:59.5+00\",NULL}"]),
}
# What Arrow cannot hold or its readers cannot read, and what is none of ours.
ODD = {
    "date": ("date", ["infinity", "-infinity", "0044-03-15 BC", "10000-01-01"]),
    "time": ("time", ["24:00:00"]),
    "timestamp": ("timestamp", ["infinity", "-infinity", "0044-03-15 01:02:03 BC", "12345-01-01 00:00:00"]),
    "timestamptz": ("timestamptz", ["infinity", "-infinity", "0044-03-15 01:02:03+00 BC"]),
    "wide": ("numeric(50,3)", ["12345678901234567890123456789012345678901234567.891"]),
    "mood": ("cli_mood", ["happy", "so so"]),
    "other": ("inet", ["10.0.0.1/8", "::1"]),
    "timetz": ("timetz", ["12:00:00+02"]),
    "point": ("point", ["(1,2.5)"]),
    "money": ("money", ["$1,234.50"]),
    "range": ("int4range", ["[1,5)", "empty"]),
    "bit": ("bit varying(8)", ["10110"]),
    "xml": ("xml", ["<a>b</a>"]),
    "oid": ("oid", ["4294967295"]),
    "tsvector": ("tsvector", ["'a':1 'b':2"]),
    "moods": ("cli_mood[]", ['{happy,"so so"}']),
}


def literal(text):
    return "null" if text is None else "'" + text.replace("'", "''") + "'"


def query(types, names=None):
    """All values of the types in one result: row i has value i of each, or NULL."""
    names = list(names or types)
    rows = max(len(types[n][1]) for n in names) + 1
    lines = []
    for i in range(rows):
        cells = [f"{literal((types[n][1] + [None] * rows)[i])}::{types[n][0]}" for n in names]
        lines.append(f"({i}, {', '.join(cells)})")
    columns = ", ".join(f'"{n}"' for n in names)
    return f'select {columns} from (values {", ".join(lines)}) v(i, {columns}) order by i', names


def printed(sql, names, expression="format('%s', \"{0}\")", settings=""):
    """What the server prints for each column: {name: [text or None]}."""
    parts = ", ".join(f"'{n}', json_agg(case when \"{n}\" is null then null else {expression.format(n)} end order by r)" for n in names)
    text = psql(f"set bytea_output = hex; {settings} select json_build_object({parts}) from (select *, row_number() over () r from ({sql}) q) s")
    return json.loads(text)


def iso(sql_type, text):
    """Dates and times have the T and the Z of ISO 8601."""
    if text is None or "infinity" in text:
        return text
    if sql_type == "timestamptz":
        text = re.sub(r"\+00(?= BC|$)", "Z", text)
    if sql_type == "timestamptz[]":
        text = re.sub(r'"([^" ]+) ([^"]+)\+00"', r"\1T\2Z", text)
    return re.sub(r"^(\d+-\d\d-\d\d) (?=\d)", r"\1T", text) if sql_type in ("timestamp", "timestamptz") else text


def texts_of(types, names, values):
    """As csv, tsv and table have it."""
    return {n: [iso(types[n][0], v) for v in values[n]] for n in names}


class Number(str):
    """A number of JSON, with the digits that it was written with."""


def json_of(types, names, sql):
    plain, words = printed(sql, names), printed(sql, names, settings="set intervalstyle = iso_8601;")
    out = {}
    for n in names:
        sql_type = types[n][0]
        out[n] = []
        for text, iso_words in zip(plain[n], words[n]):
            if text is None:
                out[n].append(None)
            elif sql_type == "bool":
                out[n].append(text == "t")
            elif re.match(r"int\d$|float|numeric", sql_type) and not sql_type.endswith("]"):
                out[n].append(text if re.search("NaN|Inf", text) else Number(text))
            elif sql_type in ("json", "jsonb"):
                out[n].append(json.loads(text, parse_float=Number, parse_int=Number))
            elif sql_type == "interval":
                out[n].append(iso_words)
            else:
                out[n].append(iso(sql_type, text))
        if sql_type.endswith("[]") and not sql_type.startswith("cli_"):
            items = json.loads(psql(f'select json_agg(array_to_json("{n}")) from ({sql}) q'), parse_float=Number, parse_int=Number)
            out[n] = json.loads(json.dumps(items).replace("+00:00", "Z")) if sql_type == "timestamptz[]" else items
    return out


def read_csv(text):
    """A parser of our own, because quoted and not quoted is a difference here: NULL and ''."""
    rows, cells, i = [], [], 0
    while i < len(text):
        if text[i] == '"':
            end = i + 1
            while text[end] != '"' or text[end + 1] == '"':
                end += 2 if text[end] == '"' else 1
            cells.append(text[i + 1:end].replace('""', '"'))
            i = end + 1
        else:
            end = i + re.match(r"[^,\r\n]*", text[i:]).end()
            cells.append(text[i:end] or None)
            i = end
        if text[i] == ",":
            i += 1
            if text[i] in "\r\n":
                cells.append(None)
        if text[i] in "\r\n":
            i += 2 if text[i:i + 2] == "\r\n" else 1
            rows.append(cells)
            cells = []
    return rows


def read_tsv(text):
    marks = {"t": "\t", "n": "\n", "r": "\r", "\\": "\\"}
    return [[None if c == "\\N" else re.sub(r"\\(.)", lambda m: marks[m[1]], c) for c in line.split("\t")]
            for line in text.split("\n")[:-1]]


def columns_of(rows, names):
    equal(rows[0], names, "names")
    assert all(len(r) == len(names) for r in rows), [len(r) for r in rows]
    return {n: [r[i] for r in rows[1:]] for i, n in enumerate(names)}


def same(found, wanted, what):
    for n, values in wanted.items():
        for i, (a, b) in enumerate(zip(found[n], values)):
            assert type(a) is type(b) and a == b or a == b and not isinstance(b, (Number, bool)), f"{what}: {n}, row {i}: {a!r}, not {b!r}"
        equal(len(found[n]), len(values), f"{what}: {n}: rows")


def text_and_binary(types):
    """The query as it is, and with a column that makes the server send text."""
    sql, names = query(types)
    return [("binary", sql, names), ("text", f"select q.*, '1.2.3.4'::inet as forced from ({sql}) q", names + ["forced"])]


def check_delimited(t, types):
    for how, sql, names in text_and_binary(types):
        types = {**types, "forced": ("inet", [])}
        wanted = texts_of(types, names, printed(sql, names))
        same(columns_of(read_csv(t.good("query", "-d", URL, sql, "-o", "csv").text), names), wanted, f"csv, {how}")
        same(columns_of(read_tsv(t.good("query", "-d", URL, sql, "-o", "tsv").text), names), wanted, f"tsv, {how}")


def check_json(t, types):
    for how, sql, names in text_and_binary(types):
        types = {**types, "forced": ("inet", [])}
        wanted = json_of(types, names, sql)
        text = t.good("query", "-d", URL, sql, "-o", "json").text
        lines = t.good("query", "-d", URL, sql, "-o", "ndjson").text.splitlines()
        for form, rows in (("json", json.loads(text, parse_float=Number, parse_int=Number)),
                           ("ndjson", [json.loads(line, parse_float=Number, parse_int=Number) for line in lines])):
            same({n: [r[n] for r in rows] for n in names}, wanted, f"{form}, {how}")


@case("csv and tsv have what libpq reads", server=True, not_cockroach=WHY)
def delimited(t):
    check_delimited(t, TYPES)


@case("csv and tsv: infinity, BC, types of the user and others", server=True, not_cockroach=WHY)
def delimited_odd(t):
    check_delimited(t, ODD)


@case("json and ndjson have what libpq reads", server=True, not_cockroach=WHY)
def json_(t):
    check_json(t, TYPES)


@case("json and ndjson: infinity, BC, types of the user and others", server=True, not_cockroach=WHY)
def json_odd(t):
    check_json(t, ODD)


@case("table and markdown have what libpq reads", server=True, not_cockroach=WHY)
def table(t):
    for types in (TYPES, ODD):
        for name in types:
            sql, names = query(types, [name])
            wanted = ["" if v is None else v or '""' for v in texts_of(types, names, printed(sql, names))[name]]
            if name == "text":
                continue  # a table changes what would spoil it; tests/unit/format says how
            lines = t.good("query", "-d", URL, sql, "-o", "markdown").text.split("\n")
            equal([html.unescape(re.sub(r"\\(.)", r"\1", c[2:-2])) for c in lines[2:-1]], wanted, f"markdown: {name}")
            lines = t.good("query", "-d", URL, sql, "-o", "table").text.split("\n")
            equal([c.strip() for c in lines[2:2 + len(wanted)]], [w.strip() for w in wanted], f"table: {name}")


@case("what a type cannot hold is an error with row, column and option", server=True, not_cockroach=WHY)
def refused(t):
    t.fails(1, "query", "-d", URL, "select '{{1,2},{3,4}}'::int4[] as a", says=["a", "row 1", "arrays"])
    t.fails(1, "query", "-d", URL, "select '[0:1]={1,2}'::int4[] as a", says=["row 1", "arrays"])
    equal(t.json("query", "-d", URL, "select '{{1,2},{3,4}}'::int4[] as a", "-s", "results.arrays=text"), [{"a": "{{1,2},{3,4}}"}])
    t.fails(1, "query", "-d", URL, "select 'NaN'::numeric(10,2) as a", says=["row 1", "numeric"])
    equal(t.json("query", "-d", URL, "select 'NaN'::numeric(10,2) as a", "-s", "results.numeric=text"), [{"a": "NaN"}])


# ---- Arrow ----------------------------------------------------------------------------------------------------------

ARROW = {  # what a reader finds, asked of the server in plain numbers
    "date": "(\"{0}\" - date '1970-01-01')::text",
    "time": '(extract(epoch from "{0}") * 1000000)::int8::text',
    "timestamp": '(extract(epoch from "{0}") * 1000000)::int8::text',
    "timestamptz": '(extract(epoch from "{0}") * 1000000)::int8::text',
    "interval": "(extract(year from \"{0}\") * 12 + extract(month from \"{0}\")) || ' ' || extract(day from \"{0}\") || ' ' || "
                '((extract(hour from "{0}") * 3600 + extract(minute from "{0}") * 60 + extract(second from "{0}")) * 1000000000)::int8',
}
KNOWN = ["bool", "int2", "int4", "int8", "float4", "float8", "text", "json", "bytea", "decimal", "numeric", "date", "time", "timestamp",
         "timestamptz", "interval", "uuid", "ints", "texts", "bools", "uuids"]


def arrow_values(sql, names):
    out = {}
    for n in names:
        out[n] = printed(sql, [n], ARROW.get(n, "format('%s', \"{0}\")"))[n]
        if n in ("ints", "texts", "bools", "uuids"):
            items = json.loads(psql(f'select json_agg(array_to_json("{n}"::text[])) from ({sql}) q'))
            out[n] = [v and [{"true": "t", "false": "f"}.get(x, x) if n == "bools" else x for x in v] if v else v for v in items]
    return out


def read_back(t, reader, folder):
    here = os.path.join(harness.ROOT, "tests", "integration", "arrow_readers")
    modules = os.environ.get("CDBC_ARROW_READERS", os.path.join(harness.ROOT, "build", "tests", "integration", "arrow_readers", "readers"))
    give = t.write("give", f'#!/bin/sh\ncp {folder}/* "$1"\n')
    os.chmod(give, 0o755)
    done = subprocess.run([os.path.join(here, "run"), reader, give, modules], stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, timeout=300, check=False)
    text = done.stdout.decode()
    assert done.returncode == 0 and "not ok" not in text, text
    return text


def save(t, name, sql, names, values):
    os.makedirs(t.path("cases"), exist_ok=True)
    t.good("query", "-d", URL, sql, "-o", "arrow", "--output", t.path(f"cases/{name}.arrow"))
    rows = [list(row) for row in zip(*(values[n] for n in names))]
    t.write(f"cases/{name}.json", json.dumps({"columns": names, "rows": rows}))


def check_arrow(t, reader):
    sql, names = query(TYPES, KNOWN)
    values = arrow_values(sql, names)
    save(t, "binary", sql, names, values)
    save(t, "text", f"select q.*, '1.2.3.4'::inet as other from ({sql}) q", names + ["other"],
         {**values, "other": ["1.2.3.4"] * len(values["bool"])})
    many = "select i as int8, 'row ' || i as text from generate_series(1::int8, 200000) i"  # several batches
    save(t, "many", many, ["int8", "text"], {"int8": [str(i) for i in range(1, 200001)], "text": [f"row {i}" for i in range(1, 200001)]})
    text = read_back(t, reader, t.path("cases"))
    assert text.count("\nok") == 3 or "SKIP" in text, text


@case("arrow: apache-arrow reads what libpq reads", server=True, not_cockroach=WHY)
def arrow_apache(t):
    check_arrow(t, "apache-arrow")


@case("arrow: DuckDB reads what libpq reads", server=True, not_cockroach=WHY)
def arrow_duckdb(t):
    check_arrow(t, "duckdb")


# ---- SQLite ---------------------------------------------------------------------------------------------------------

# What SQLite stores as something else by its own rules, before anything of ours sees it: NaN and -0; numbers of more digits than a
# double, in columns of numeric affinity.
SQLITE = {
    **{n: v for n, v in TYPES.items() if not v[0].endswith("[]") and n != "interval"},
    "float4": ("float4", [v for v in TYPES["float4"][1] if v not in ("NaN", "-0", "16777216")]),  # a double there
    "float8": ("float8", [v for v in TYPES["float8"][1] if v not in ("NaN", "-0")]),
    "decimal": ("numeric(38,2)", ["0", "12.25", "-3"]),
    "numeric": ("numeric", ["0", "12.25", "-3"]),
    "json": ("json", ['{"a": 1, "b": [true, null, "x"]}', "null", '"text"', "[]"]),
    "jsonb": ("jsonb", ['{"a": [2], "b": 1}']),
    "char": ("char(5)", ["abcde"]),
}


@case("sqlite: the types that it has come out as PostgreSQL's do", server=True, not_cockroach=WHY)
def sqlite(t):
    url = "sqlite:" + t.path("types.db")
    for name, (sql_type, values) in SQLITE.items():
        sql, names = query(SQLITE, [name])
        rows = ", ".join("(%s)" % ("x" + literal(v[2:]) if name == "bytea" else literal(v)) for v in values) + ", (null)"
        t.good("query", "-q", "-d", url, f'create table "t_{name}" (i integer primary key, "{name}" {sql_type});'
                                         f'insert into "t_{name}" ("{name}") values {rows}')
        select = f'select "{name}" from "t_{name}" order by i'
        found = json.loads(t.good("query", "-d", url, select, "-o", "json").text, parse_float=Number, parse_int=Number)
        same({name: [r[name] for r in found]}, json_of(SQLITE, names, sql), "json")
        same(columns_of(read_csv(t.good("query", "-d", url, select, "-o", "csv").text), names),
             texts_of(SQLITE, names, printed(sql, names)), "csv")


if __name__ == "__main__":
    if URL:
        psql("set client_min_messages = error; drop type if exists cli_mood cascade; create type cli_mood as enum ('happy', 'so so')")
    harness.main()
