# SPDX-License-Identifier: Apache-2.0
"""What `meson install` puts there is enough: the programs of examples/ build by pkg-config alone and run, in C and in C++."""
import glob
import os
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "cli"))
import harness  # noqa: E402  pylint: disable=wrong-import-position
from harness import BANK, ROOT, URL, case, clean_environment, equal  # noqa: E402  pylint: disable=wrong-import-position

BUILD = os.environ.get("CDBC_BUILD", os.path.join(ROOT, "build"))
PROGRAMS = os.path.join(ROOT, "examples", "programs")


class Installed:
    """One installation for all cases, under a DESTDIR; pkg-config is told so."""
    made = None

    def __init__(self, folder):
        self.folder = folder
        self.run(["meson", "install", "-C", BUILD, "--no-rebuild", "--quiet", "--destdir", folder], {})
        self.pc = self.find("cdbc.pc")
        self.lib = os.path.dirname(self.find("libcdbc.so"))
        self.command = self.find("bin/cdbc")

    @staticmethod
    def get():
        if Installed.made is None:
            import tempfile
            Installed.made = Installed(tempfile.mkdtemp(prefix="cdbc-install-"))
        return Installed.made

    def find(self, name):
        found = [p for p in glob.glob(f"{self.folder}/**/{name}", recursive=True)]
        assert len(found) == 1, f"{name}: {found}"
        return found[0]

    def environment(self):
        return {"PKG_CONFIG_PATH": os.path.dirname(self.pc), "PKG_CONFIG_SYSROOT_DIR": self.folder, "LD_LIBRARY_PATH": self.lib}

    def run(self, words, extra, **options):
        done = subprocess.run(words, env=clean_environment(extra), stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=120,
                              check=False, **options)
        assert done.returncode == 0, f"{words}: exit {done.returncode}\n{done.stdout.decode()}\n{done.stderr.decode()}"
        return done.stdout.decode()

    def flags(self, *what):
        return self.run(["pkg-config", *what, "cdbc"], self.environment()).split()


def build(t, source, static=False):
    """cc FILE $(pkg-config --cflags --libs cdbc), as the programs' comments say."""
    installed = Installed.get()
    is_cxx = source.endswith(".cc")
    out = t.path(os.path.basename(source) + ".out")
    compiler = [os.environ.get("CXX", "c++"), "-std=c++17"] if is_cxx else [os.environ.get("CC", "cc"), "-std=c11"]
    libs = installed.flags("--cflags", "--libs")
    if static:  # of ours only: what it stands on comes as the system has it
        under = installed.run(["pkg-config", "--libs", "libpq", "libfyaml", "sqlite3"], {}).split()
        libs = [installed.find("libcdbc.a") if w == "-lcdbc" else w for w in libs] + under + ["-pthread", "-lm", "-ldl"]
    installed.run([*compiler, "-Wall", "-Wextra", "-Werror", os.path.join(PROGRAMS, source), *libs, "-o", out],
                  installed.environment(), cwd=t.folder)
    return out


def bank(t, url):
    for words in (["drop_schema"], ["create_schema"], ["fill_users", "-p", "count=20"], ["fill_accounts", "-p", "count=20"],
                  ["fill_transactions", "-p", "count=900", "-p", "users=20"]):
        t.good("run", "-q", "-d", url, "-Q", BANK, *words)


def run_programs(t, url):
    installed = Installed.get()
    bank(t, url)
    named = installed.run([build(t, "named_query.c"), url, BANK, "7"], installed.environment())
    wanted = t.json("run", "-d", url, "-Q", BANK, "get_user_transactions", "-p", "user_id=7")
    equal([line.split()[0] for line in named.splitlines()], [str(r["id"]) for r in wanted])
    total = t.json("query", "-d", url, "select count(*) as n, cast(sum(balance) as int8) as cents from accounts")[0]
    equal(installed.run([build(t, "arrow_stream.c"), url], installed.environment()),
          f"{total['n']} accounts hold {total['cents']} cents\n")
    rich = t.json("run", "-d", url, "-Q", BANK, "richest", "-p", "count=3")
    equal(installed.run([build(t, "query.cc"), url, "3"], installed.environment()).splitlines(),
          [f"{r['id']} {r['kind']} {r['balance']}" for r in rich])


def run_guide(t, url):
    """Of an empty database."""
    installed = Installed.get()
    guide = os.path.join("..", "guide")
    for name, program, words in (("smallest", "smallest.c", []), ("guide", "guide.c", [BANK]), ("guide_cc", "guide.cc", [])):
        with open(os.path.join(PROGRAMS, guide, f"expected_{name}.txt"), encoding="ascii") as f:
            wanted = f.read()
        equal(installed.run([build(t, os.path.join(guide, program)), url, *words], installed.environment()), wanted)


@case("everything is there: command, libraries, headers, pkg-config file, manual, completion")
def all_there(t):
    installed = Installed.get()
    for name in ("libcdbc.a", "share/man/man1/cdbc.1", "share/bash-completion/completions/cdbc", "include/cdbc/cdbc.h"):
        installed.find(name)
    headers = {os.path.basename(p) for p in glob.glob(os.path.join(ROOT, "include", "cdbc", "*.h"))}
    equal({os.path.basename(p) for p in glob.glob(f"{os.path.dirname(installed.find('include/cdbc/cdbc.h'))}/*")}, headers)
    equal(installed.flags("--modversion"), [t.good("--version").text.split()[1]])
    others = [p for p in glob.glob(f"{installed.folder}/**/*", recursive=True) if os.path.isfile(p)]
    strange = [p for p in others if not any(w in p for w in ("/cdbc/", "libcdbc", "bin/cdbc", "cdbc.pc", "man1/cdbc.1", "completions/cdbc"))]
    equal(strange, [])


@case("the installed command runs")
def command(t):
    installed = Installed.get()
    equal(installed.run([installed.command, "query", "-d", "sqlite::memory:", "select 1 as a"], installed.environment()), "a\n1\n")


@case("the programs of examples/ build by pkg-config and run on the embedded database")
def programs_sqlite(t):
    run_programs(t, "sqlite:" + t.path("bank.db"))
    run_guide(t, "sqlite:" + t.path("guide.db"))


@case("the programs of examples/ run on PostgreSQL", server=True)
def programs_server(t):
    harness.psql("drop schema if exists cli_install cascade; create schema cli_install")
    try:
        run_guide(t, URL + "&options=-csearch_path%3Dcli_install")
        run_programs(t, URL + "&options=-csearch_path%3Dcli_install")
    finally:
        harness.psql("drop schema cli_install cascade")


@case("a program links with the static library")
def static(t):
    url = "sqlite:" + t.path("bank.db")
    bank(t, url)
    out = build(t, "arrow_stream.c", static=True)
    done = subprocess.run([out, url], stdout=subprocess.PIPE, env=clean_environment(), timeout=60, check=False)
    equal((done.returncode, done.stdout[:3]), (0, b"40 "))


@case("a program with its queries in it: embedded by the installed command, built by pkg-config in C and in C++, run without files")
def embedded(t):
    installed = Installed.get()
    source = os.path.join(ROOT, "examples", "embedded", "embedded.c")
    installed.run([installed.command, "queries", "embed", BANK, "--name", "bank_queries", "--output", t.path("bank_queries.c"),
                   "--header", t.path("bank_queries.h")], installed.environment())
    with open(os.path.join(ROOT, "examples", "embedded", "expected.txt"), encoding="ascii") as f:
        wanted = f.read()
    cc, cxx = [os.environ.get("CC", "cc"), "-std=c11"], [os.environ.get("CXX", "c++"), "-std=c++17", "-x", "c++"]
    flags = ["-Wall", "-Wextra", "-Wpedantic", "-Werror", "-I", t.folder, *installed.flags("--cflags")]
    for compiler in (cc, cxx):
        installed.run([*cc, *flags, "-c", source, "-o", t.path("main.o")], installed.environment())
        installed.run([*compiler, *flags, "-c", t.path("bank_queries.c"), "-o", t.path("queries.o")], installed.environment())
        installed.run([cc[0], t.path("main.o"), t.path("queries.o"), *installed.flags("--libs"), "-o", t.path("embedded")],
                      installed.environment())
        equal(installed.run([t.path("embedded"), "sqlite::memory:"], installed.environment(), cwd="/"), wanted)


@case("each program of examples/programs is run here")
def every_program(t):
    with open(os.path.abspath(__file__), encoding="utf-8") as f:
        text = f.read()
    for name in os.listdir(PROGRAMS):
        assert f'"{name}"' in text or not name.endswith((".c", ".cc")), name


if __name__ == "__main__":
    try:
        harness.main()
    finally:
        if Installed.made:
            import shutil
            shutil.rmtree(Installed.made.folder, ignore_errors=True)
