"""One measurement of pyarrow, on one thread: python3 cell.py all|some FILE."""

import json
import sys
import time

import pyarrow as pa
import pyarrow.parquet as pq

pa.set_cpu_count(1)
columns = None if sys.argv[1] == "all" else ["id", "text"]
seconds = []
for _ in range(5):
    before = time.process_time()
    rows = pq.read_table(sys.argv[2], columns=columns, use_threads=False).num_rows
    seconds.append(time.process_time() - before)
print(json.dumps({"first": seconds[0], "best": min(seconds), "rows": rows}))
