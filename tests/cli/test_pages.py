# SPDX-License-Identifier: Apache-2.0
"""The help, the manual and the completion say the same as the command does."""
import os
import re
import subprocess

import harness
from harness import BANK, ROOT, case, clean_environment, equal

COMPLETION = os.environ.get("CDBC_COMPLETION", os.path.join(ROOT, "build", "tools", "cdbc"))


def commands(t):
    return re.findall(r"^  (\w+) ", t.good("--help").text, re.M)


def options(t, command):
    return re.findall(r"^  (?:-\w, |    )--([\w-]+)", t.good(command, "--help").text, re.M)


@case("every command has a help that names its options")
def helps(t):
    assert {"query", "run", "queries", "config", "health", "demo"} <= set(commands(t))
    for command in commands(t):
        equal(t.good(command, "--help").text, t.good("help", command).text)
        assert "help" not in options(t, command)[:-1] and len(options(t, command)) > 3, command


@case("the manual names every option, subcommand and exit code")
def manual(t):
    with open(os.path.join(ROOT, "docs", "man", "cdbc.1"), encoding="utf-8") as f:
        page = f.read().replace("\\-", "-")
    for command in commands(t):
        assert f".SS cdbc {command} " in page, command
        for option in options(t, command):
            assert f"\\fB--{option}\\fR" in page, f"{command} --{option}"
    described = re.search(r"\.SH OPTIONS\n(.*?)\.SH", page, re.S)[1]
    for option in {o for c in commands(t) for o in options(t, c)}:
        assert f"--{option}\\fR" in described, option
    listed = re.search(r"\.SH EXIT STATUS\n(.*?)\.SH", page, re.S)[1]
    equal(re.findall(r"^\.B (\d+)$", listed, re.M), "0 1 2 3 4 5 6 70 130 143".split())


def complete(t, *words):
    """What bash offers for the last word."""
    script = ('source "$1"; shift; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _cdbc; printf "%s\\n" "${COMPREPLY[@]}"')
    done = subprocess.run(["bash", "-c", script, "-", COMPLETION, harness.COMMAND, *words], env=clean_environment(), cwd=t.folder,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=harness.WAIT_S, check=False)
    equal(done.stderr.decode(), "")
    return done.stdout.decode().split()


@case("completion in bash: commands, options, formats, queries, files")
def completion(t):
    for command in commands(t):
        assert command in complete(t, "")
        equal(sorted(complete(t, command, "--")), sorted(f"--{o}" for o in options(t, command)))
    equal(complete(t, "que"), ["query", "queries"])
    equal(complete(t, "query", "-o", "m"), ["markdown"])
    equal(complete(t, "query", "--format", "j"), ["json"])
    equal(complete(t, "query", "-o", "zz"), [])
    assert {"list", "show", "check", "test", "split"} <= set(complete(t, "queries", ""))
    equal(complete(t, "run", "-Q", BANK, "ri"), ["richest"])
    equal(complete(t, "run", "-c", os.path.join(BANK, "..", "cdbc.yaml"), "reports.in"), ["reports.inactive"])
    t.write("some.sql", "")
    equal(complete(t, "query", "-f", "so"), ["some.sql"])


if __name__ == "__main__":
    harness.main()
