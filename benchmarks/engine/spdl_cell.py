"""One measurement of SPDL, in a process of its own. Same arguments and same line of JSON as cell.mjs:

    python spdl_cell.py <configuration> <shape> <order> <concurrency> <items>

Configurations: `best` (async source, plain AsyncQueue, no task hooks, aggregate before the sink), `best-hooks` (the same with
the task statistics that SPDL has by default) and `default` (sync source, statistics on, items one by one).
"""

import asyncio
import json
import os
import resource
import sys
import time

from spdl.pipeline import AsyncQueue, PipelineBuilder

FILES = os.path.join(os.path.dirname(__file__), "..", ".cache", "files")
FILE_COUNT = 64


async def async_first(x):
    return x


async def async_second(x):
    return x


async def async_third(x):
    return x


def sync_first(x):
    return x


def sync_second(x):
    return x


def sync_third(x):
    return x


async def wait(x):
    await asyncio.sleep(0.001)
    return x


def read_file(i):
    with open(os.path.join(FILES, f"{i % FILE_COUNT}.bin"), "rb") as file:
        return file.read()


OPERATIONS = {
    "async": [async_first, async_second, async_third],
    "sync": [sync_first, sync_second, sync_third],
    "timers": [wait, wait, wait],
    "files": [read_file],
}


async def count_async(n):
    for i in range(n):
        yield i


def run_once(configuration, shape, order, concurrency, n):
    is_best = configuration != "default"
    builder = PipelineBuilder().add_source(count_async(n) if is_best else range(n))
    for operation in OPERATIONS[shape]:
        builder = builder.pipe(operation, concurrency=concurrency, output_order=order)
    options = {}
    if is_best:
        builder = builder.aggregate(1000)
        options["queue_class"] = AsyncQueue
    if configuration == "best":
        options["task_hook_factory"] = lambda info: []
    threads = 1 if shape in ("async", "timers") else concurrency * len(OPERATIONS[shape])
    pipeline = builder.add_sink(16).build(num_threads=threads, **options)
    received = 0
    with pipeline.auto_stop():
        # The end of the stream and stopping take SPDL about 0.1 s of polling, which is not what is compared: the clock stops at
        # the last item.
        started = time.perf_counter()
        for item in pipeline:
            received += len(item) if is_best else 1
            elapsed = time.perf_counter() - started
    if received != n:
        raise RuntimeError(f"items lost: {received} of {n}")
    return elapsed


def cpu_seconds():
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


def main():
    configuration, shape, order, concurrency, items = sys.argv[1:]
    n = int(items)
    run_once(configuration, shape, order, int(concurrency), max(100, n // 4))
    cpu_before = cpu_seconds()
    elapsed = run_once(configuration, shape, order, int(concurrency), n)
    print(
        json.dumps(
            {
                "nsPerItem": elapsed * 1e9 / n,
                "cpuNsPerItem": (cpu_seconds() - cpu_before) * 1e9 / n,
                "maxRssMb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
                "cpuMs": cpu_seconds() * 1e3,
            }
        )
    )


main()
