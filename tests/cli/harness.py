# SPDX-License-Identifier: Apache-2.0
"""What the tests of the command share: running it, a server that may be killed, a socket that misbehaves, and TAP.

A test file declares its cases with @case("what is true") and ends with main(). A case fails by an exception; it gets `t`, a folder
of its own and the ways to run the command. CDBC is the command, CDBC_TEST_URL the server (absent: those cases that want it are
skipped, and say so).
"""
import functools
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import traceback

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
COMMAND = os.path.abspath(os.environ.get("CDBC", os.path.join(ROOT, "build", "cdbc")))
URL = os.environ.get("CDBC_TEST_URL", "")
PGBIN = os.environ.get("PGBIN", "/usr/lib/postgresql/15/bin")
BANK = os.path.join(ROOT, "examples", "bank", "sql")
WAIT_S = 30
SOON_S = 25  # that a limit was kept, never how fast: what would be waited for without it takes 30 seconds and more
NO_SERVER = "CDBC_TEST_URL is not set: run by scripts/with-postgres"

cases = []


def case(title, server=False, skip="", not_cockroach=""):
    """server: wants CDBC_TEST_URL. skip: why it cannot run here. not_cockroach: why not when CDBC_TEST_URL is CockroachDB."""
    def declare(fn):
        if not_cockroach and not skip and is_cockroach():
            cases.append((title, fn, "on CockroachDB: " + not_cockroach))
            return fn
        cases.append((title, fn, skip or (server and not URL and NO_SERVER)))
        return fn
    return declare


class Done:
    """How a run of the command ended."""

    def __init__(self, code, out, err, seconds):
        self.code, self.out, self.err, self.seconds = code, out, err, seconds

    @property
    def text(self):
        return self.out.decode()

    @property
    def errors(self):
        return self.err.decode(errors="backslashreplace")

    def __str__(self):
        return f"exit {self.code} after {self.seconds:.2f} s\n--- stdout\n{self.out[:2000]!r}\n--- stderr\n{self.errors[:2000]}"


def clean_environment(extra=None):
    env = {k: v for k, v in os.environ.items() if not k.startswith(("PG", "CDBC_"))}
    env.update({"XDG_CONFIG_HOME": "/nonexistent", "LC_ALL": "C.UTF-8"})
    env.update(extra or {})
    return env


class Case:
    def __init__(self, folder):
        self.folder = folder

    def path(self, name):
        return os.path.join(self.folder, name)

    def write(self, name, text):
        path = self.path(name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "wb") as f:
            f.write(text if isinstance(text, bytes) else text.encode())
        return path

    def start(self, *args, env=None, **popen):
        options = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "cwd": self.folder}
        options.update(popen)
        return subprocess.Popen([COMMAND, *args], env=clean_environment(env), **options)

    def end(self, process, began=None, wait_s=WAIT_S):
        try:
            out, err = process.communicate(timeout=wait_s)
        except subprocess.TimeoutExpired:
            process.kill()
            out, err = process.communicate()
            raise AssertionError(f"still running after {wait_s} s\n{out[:500]!r}\n{err[:500]!r}") from None
        assert b"runtime error:" not in (err or b"") and b"Sanitizer" not in (err or b""), err.decode(errors="replace")
        return Done(process.returncode, out or b"", err or b"", time.monotonic() - (began or time.monotonic()))

    def run(self, *args, stdin=None, env=None, wait_s=WAIT_S, **popen):
        began = time.monotonic()
        if stdin is not None:
            popen["stdin"] = subprocess.PIPE
        process = self.start(*args, env=env, **popen)
        if stdin is not None:
            try:
                process.stdin.write(stdin)
                process.stdin.close()
            except BrokenPipeError:
                pass
            process.stdin = None
        return self.end(process, began, wait_s)

    def fails(self, code, *args, says=(), **options):
        """Runs the command, which must end with this code, say these things (regular expressions) and print no result."""
        done = self.run(*args, **options)
        assert done.code == code, f"wanted exit {code}: {done}"
        for pattern in [says] if isinstance(says, str) else says:
            assert re.search(pattern, done.errors), f"no {pattern!r} in: {done}"
        assert done.out == b"", f"printed something: {done}"
        return done

    def good(self, *args, **options):
        done = self.run(*args, **options)
        assert done.code == 0, str(done)
        return done

    def json(self, *args, **options):
        return json.loads(self.good(*args, "-o", "json", **options).text)


def equal(found, wanted, what=""):
    assert found == wanted, f"{what}\nfound:  {found!r}\nwanted: {wanted!r}"


def until(condition, what, wait_s=WAIT_S):
    """Waits for another process to get somewhere; what it waits for decides, not the time."""
    deadline = time.monotonic() + wait_s
    while True:
        value = condition()
        if value:
            return value
        assert time.monotonic() < deadline, f"never came: {what}"
        time.sleep(0.01)


def with_limit(run, got_there, limits_s=(1, 5, 20)):
    """What `run(limit)` gave with the first time limit that was long enough for this machine to get to what is tried."""
    for limit in limits_s:
        done = run(limit)
        if got_there(done):
            return done
    raise AssertionError(f"did not get there within {limits_s[-1]} s: {done}")


def interrupt(t, process):
    """Ctrl-C while it waits for a stdin that stays open."""
    process.send_signal(signal.SIGINT)
    stdin, process.stdin = process.stdin, None
    done = t.end(process)
    stdin.close()
    equal(done.code, 130, str(done))
    return done


def psql(sql, url=None):
    """What libpq reads: psql's unaligned output, a row a line."""
    done = subprocess.run([os.path.join(PGBIN, "psql"), "-XAtq", "-v", "ON_ERROR_STOP=1", "-d",
                           re.sub("^cockroachdb:", "postgresql:", url or URL), "-c", sql],
                          env=clean_environment({"PGTZ": "UTC"}), stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=WAIT_S,
                          check=False)
    assert done.returncode == 0, done.stderr.decode()
    return done.stdout.decode().rstrip("\n")


@functools.lru_cache(maxsize=None)
def is_cockroach():
    """Whether CDBC_TEST_URL is CockroachDB."""
    return bool(URL) and psql("select version()").startswith("CockroachDB")


class Server:
    """A PostgreSQL of one's own, which may be killed and comes up again."""

    def __init__(self):
        self.folder = tempfile.mkdtemp(prefix="cdbc-cli-pg-")
        self.script = os.path.join(ROOT, "scripts", "test-postgres")
        self.url = subprocess.run([self.script, "start", self.folder], check=True, stdout=subprocess.PIPE).stdout.decode().strip()
        self.port = re.search(r":(\d+)/", self.url)[1]
        self.is_up = True

    def pids(self):
        with open(os.path.join(self.folder, "data", "postmaster.pid"), encoding="ascii") as f:
            postmaster = int(f.readline())
        with open(f"/proc/{postmaster}/task/{postmaster}/children", encoding="ascii") as f:
            return [postmaster] + [int(p) for p in f.read().split()]

    def kill(self):
        """kill -9 of the server and all its backends."""
        pids = self.pids()
        self.is_up = False
        for pid in pids:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass

    def restart(self):
        """Comes up again. As long as a backend of the killed one is not gone, it refuses to."""
        as_user = ["setpriv", "--reuid=postgres", "--regid=postgres", "--init-groups"] if os.getuid() == 0 else []
        command = as_user + [os.path.join(PGBIN, "pg_ctl"), "start", "-D", os.path.join(self.folder, "data"), "-l",
                             os.path.join(self.folder, "log"), "-w", "-t", "60", "-s", "-o", f"-p {self.port}"]
        until(lambda: subprocess.run(command, check=False, cwd="/", stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                     stderr=subprocess.DEVNULL).returncode == 0, "the server's start")
        self.is_up = True

    def stop(self):
        subprocess.run([self.script, "stop", self.folder], check=False)


class Socket:
    """A server on 127.0.0.1 that does what `serve(connection)` does with each connection, on threads of its own."""

    def __init__(self, serve):
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.url = f"postgresql://u@127.0.0.1:{self.port}/d?sslmode=disable"
        self.serve = serve
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self.serve, args=(connection,), daemon=True).start()

    def close(self):
        self.listener.close()


def unused_port():
    with socket.create_server(("127.0.0.1", 0)) as s:
        return s.getsockname()[1]


def main():
    only = sys.argv[1:]
    chosen = [c for c in cases if not only or any(word in c[0] for word in only)]
    if all(skip == NO_SERVER for _, _, skip in chosen):
        print(NO_SERVER)
        sys.exit(77)
    bad = 0
    print(f"1..{len(chosen)}", flush=True)
    for i, (title, fn, skip) in enumerate(chosen, 1):
        if skip:
            print(f"ok {i} - {title} # SKIP {skip}", flush=True)
            continue
        folder = tempfile.mkdtemp(prefix="cdbc-cli-")
        began = time.monotonic()
        try:
            fn(Case(folder))
            print(f"ok {i} - {title}", flush=True)
        except Exception:  # pylint: disable=broad-except
            bad += 1
            print(f"not ok {i} - {title}")
            print(re.sub("^", "# ", traceback.format_exc().rstrip(), flags=re.M), flush=True)
        finally:
            shutil.rmtree(folder, ignore_errors=True)
        print(f"# {time.monotonic() - began:.2f} s", flush=True)
    sys.exit(1 if bad else 0)
