"""The files of this folder, by another implementation.   pip install pyarrow && python3 make.py"""

import pathlib

import pyarrow as pa
import pyarrow.parquet as pq

here = pathlib.Path(__file__).parent
n = 100
table = pa.table(
    {
        "id": pa.array(range(n), pa.int32()),
        "text": [f"row {i}" for i in range(n)],
        "big": pa.array([2**53 + i for i in range(n)], pa.int64()),
        "maybe": [None if i % 3 == 0 else i / 2 for i in range(n)],
        "list": [[i] * (i % 4) for i in range(n)],
    }
)
for codec in ("none", "snappy", "gzip", "brotli", "zstd"):
    pq.write_table(table, here / f"{codec}.parquet", compression=codec, row_group_size=32)
pq.write_table(table.slice(0, 0), here / "empty.parquet")
