"""SPDL's whole pipeline in a subprocess, small items: microseconds an item, as one line of JSON.

    python remote_spdl.py <items> <aggregate: 0 or items a message> <buffer size>
"""

import json
import sys
import time

from spdl.pipeline import AsyncQueue, PipelineBuilder, run_pipeline_in_subprocess

COUNT = int(sys.argv[1])


class Source:
    def __iter__(self):
        yield from range(COUNT)


async def same(x):
    return x


async def make(n):
    return {"id": n, "path": "train/n01440764/a.jpg", "label": n % 1000}


def main():
    batch, buffer_size = int(sys.argv[2]), int(sys.argv[3])
    builder = PipelineBuilder().add_source(Source())
    builder = builder.pipe(same, concurrency=16).pipe(same, concurrency=16).pipe(make, concurrency=16)
    if batch:
        builder = builder.aggregate(batch)
    config = builder.add_sink(64).get_config()
    loader = run_pipeline_in_subprocess(
        config, num_threads=1, buffer_size=buffer_size, queue_class=AsyncQueue
    )
    times = []
    for _ in range(3):
        start = time.monotonic()
        count = 0
        for item in loader:
            count += len(item) if batch else 1
        assert count == COUNT, count
        times.append((time.monotonic() - start) * 1e6 / COUNT)
    print(json.dumps({"usPerItem": min(times)}))


if __name__ == "__main__":
    main()
