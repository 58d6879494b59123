#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Runs the workloads of this library and of raw libpq in turn, and prints medians and ratios: compare.py FOLDER [ROUNDS]

Both run in the same minute on the same server, A B A B, and the ratio is taken round by round: machines are noisy, and a ratio of neighbours
holds when the machine's speed drifts. Rounds in which others used a fifth of the machine or more are left out where three calm ones are left
("n" says how many rounds counted). In W1.1pin the server's processes and the client share one processor: no wake-up crosses processors,
so it repeats to a few percent and is the cost of the path."""
import json
import os
import resource
import statistics
import subprocess
import sys
import time

POINTS = [
    ("W1.1pin", "W1", dict(workers=1, conns=1), "point select, client and server on one processor"),
    ("W1.1", "W1", dict(workers=1, conns=1), "point select, 1 worker"),
    ("W1.8", "W1", dict(workers=8, conns=8), "point select, 8 workers"),
    ("W2.1", "W2", dict(workers=1, conns=4), "acquire and release, 1 worker, 4 connections"),
    ("W2.8", "W2", dict(workers=8, conns=4), "acquire and release, 8 workers, 4 connections"),
    ("W3.4pin", "W3", dict(workers=1, conns=1), "transfer, statement by statement, on one processor"),
    ("W3.1pin", "W3", dict(workers=1, conns=1, variant="pipeline"), "transfer in one pipeline, on one processor"),
    ("W3.4", "W3", dict(workers=1, conns=1), "transfer, statement by statement"),
    ("W3.1", "W3", dict(workers=1, conns=1, variant="pipeline"), "transfer in one pipeline"),
    ("W4.batch", "W4", dict(workers=1, conns=1, batch=1000), "1,000 rows as arrays, batches"),
    ("W4.fold", "W4", dict(workers=1, conns=1, batch=1000, variant="fold"), "1,000 INSERTs that a batch makes arrays of; libpq: arrays"),
    ("W4.rows", "W4", dict(workers=1, conns=1, batch=1000, variant="single"), "1,000 INSERTs row by row; libpq: arrays"),
    ("W4.copy", "W4", dict(workers=1, conns=1, variant="copy"), "500,000 rows of CSV into a table, one transaction"),
    ("W5", "W5", {}, "stream rows, every value read"),
    ("W6", "W6", {}, "the same rows into columns"),
]


def server_pids():
    """The server's postmaster and its children, when it is ours."""
    data = os.environ.get("CDBC_TEST_PGDATA")
    if not data:
        return []
    with open(os.path.join(data, "postmaster.pid")) as f:
        first = int(f.readline())
    pids = [first]
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            try:
                with open(f"/proc/{entry}/stat") as f:
                    if int(f.read().rsplit(")", 1)[1].split()[1]) == first:
                        pids.append(int(entry))
            except OSError:
                pass
    return pids


def pin(pids, cpus):
    for pid in pids:
        try:
            os.sched_setaffinity(pid, cpus)
        except OSError:
            pass


def busy_s():
    """Processor seconds that everybody has used, and those of our clients and our server."""
    tick = os.sysconf("SC_CLK_TCK")
    with open("/proc/stat") as f:
        now = [int(x) for x in f.readline().split()[1:9]]
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    ours = children.ru_utime + children.ru_stime
    for i, pid in enumerate(server_pids()):
        try:
            with open(f"/proc/{pid}/stat") as f:
                fields = f.read().rsplit(")", 1)[1].split()
            ours += sum(int(x) for x in fields[11:15 if i == 0 else 13]) / tick  # with the children that have ended
        except OSError:
            pass
    return (sum(now) - now[3] - now[4]) / tick, ours


def run(exe, workload, options, is_pinned):
    argv = [exe, workload] + [f"{k}={v}" for k, v in options.items()] + ["seconds=1.5", "warmup=0.4", "accounts=100000"]
    everything = os.sched_getaffinity(0)
    one = {max(everything)}
    if is_pinned:
        pin(server_pids(), one)
    try:
        done = subprocess.run(argv, capture_output=True, text=True, timeout=300,
                              preexec_fn=(lambda: os.sched_setaffinity(0, one)) if is_pinned else None)
    finally:
        if is_pinned:
            pin(server_pids(), everything)
    lines = [line for line in done.stdout.splitlines() if line.startswith("{")]
    if done.returncode or not lines:
        sys.exit(f"{exe} {workload}: {done.stderr.strip() or 'printed nothing'}")
    return json.loads(lines[-1])


def main():
    folder, rounds = sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else 5
    wanted = os.environ.get("POINTS", "").split()
    print(f"{'':9} {'connect':>14} {'libpq':>14} {'ratio':>6} {'min..max':>12} {'n':>3}  {'RSS MB':>6}  what")
    for label, workload, options, what in POINTS:
        if wanted and label not in wanted:
            continue
        pairs, sums, rss = [], set(), 0
        for _ in range(rounds):
            pair = {}
            began, (all_before, ours_before) = time.monotonic(), busy_s()
            for name in ("connect", "libpq"):
                d = run(os.path.join(folder, "bench_" + name), workload, options, "pin" in label)
                pair[name] = d.get("ops_per_s") or d.get("rows_per_s")
                if "checksum" in d:
                    sums.add((d["rows"], d["checksum"]))
                if name == "connect":
                    rss = max(rss, d["rss_kb"] / 1024)
            all_after, ours_after = busy_s()
            others = (all_after - all_before) - (ours_after - ours_before)
            pairs.append((others / (time.monotonic() - began) / os.cpu_count(), pair))
        calm = [pair for noise, pair in pairs if noise < 0.2] if server_pids() else []
        if len(calm) < 3:
            calm = [pair for _, pair in pairs]
        rates = {name: [pair[name] for pair in calm] for name in ("connect", "libpq")}
        ratios = [pair["connect"] / pair["libpq"] for pair in calm]
        extra = f"; {1e9 / statistics.median(rates['connect']):.1f} ns" if label == "W2.1" else ""
        print(f"{label:9} {statistics.median(rates['connect']):14,.0f} {statistics.median(rates['libpq']):14,.0f} "
              f"{statistics.median(ratios):6.2f} {min(ratios):5.2f}..{max(ratios):4.2f} {len(calm):3}  {rss:6.0f}  {what}{extra}", flush=True)
        if len(sums) > 1:
            sys.exit(f"{label}: the checksums differ: {sums}")


main()
