"""What the cells in Python share: the files, and the measuring."""

import json
import os
import resource
import sys
import time

SIZE = 224
BATCH = 32


def cpu_seconds():
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


def measure(work):
    """Runs work(paths), which returns how many images it made: first on a few files to warm up, then on all."""
    folder = sys.argv[1]
    paths = sorted(os.path.join(folder, name) for name in os.listdir(folder))
    work(paths[:128])
    started_at, cpu = time.perf_counter(), cpu_seconds()
    images = work(paths)
    seconds, cpu = time.perf_counter() - started_at, cpu_seconds() - cpu
    with open("/proc/self/status") as status:  # getrusage also counts what this process was forked from
        rss = next(int(line.split()[1]) for line in status if line.startswith("VmHWM")) / 1024
    print(json.dumps({"images": images, "seconds": seconds, "cpuSeconds": cpu, "rssMb": rss}))


def batches(paths):
    return [paths[i : i + BATCH] for i in range(0, len(paths), BATCH)]
