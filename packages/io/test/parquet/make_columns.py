"""columns-*.parquet and columns.json: columns of all types in several encodings, and their values
as pyarrow reads them.   pip install pyarrow && python3 make_columns.py"""

import datetime as dt
import decimal
import json
import pathlib

import pyarrow as pa
import pyarrow.parquet as pq

here = pathlib.Path(__file__).parent
n = 70


def some(values):
    """Each fifth value is null."""
    return [None if i % 5 == 3 else value for i, value in enumerate(values)]


utc = dt.timezone.utc
times = [dt.datetime(2020, 1, 1, tzinfo=utc) + dt.timedelta(microseconds=i * 1_000_001) for i in range(n)]
columns = {
    "flag": pa.array([i % 3 == 0 for i in range(n)]),
    "flag_null": pa.array(some([i % 2 == 0 for i in range(n)])),
    "i8": pa.array([i - 35 for i in range(n)], pa.int8()),
    "u8": pa.array([i * 3 for i in range(n)], pa.uint8()),
    "i16": pa.array(some([i * -400 for i in range(n)]), pa.int16()),
    "u32": pa.array([4_000_000_000 + i for i in range(n)], pa.uint32()),
    "i32": pa.array(some([i**5 % 1000003 - 500000 for i in range(n)]), pa.int32()),
    "i64": pa.array([2**60 + i * 7 - (i % 3) * 2**40 for i in range(n)], pa.int64()),
    "u64": pa.array(some([2**64 - 1 - i for i in range(n)]), pa.uint64()),
    "half": pa.array([i / 4 for i in range(n)], pa.float16()),
    "f32": pa.array(some([i / 8 for i in range(n)]), pa.float32()),
    "f64": pa.array(some([i / 3 for i in range(n)]), pa.float64()),
    "text": pa.array(some([f"té {i % 7}" * (i % 4) for i in range(n)])),
    "word": pa.array([f"word {i}" for i in range(n)]),
    "bytes": pa.array(some([bytes(range(i % 6)) for i in range(n)]), pa.binary()),
    "fixed": pa.array(some([bytes([i, i + 1, i + 2]) for i in range(n)]), pa.binary(3)),
    "day": pa.array(some([dt.date(1969, 12, 1) + dt.timedelta(days=i) for i in range(n)])),
    "ms": pa.array(some([t.replace(microsecond=0) for t in times]), pa.timestamp("ms", tz="UTC")),
    "us": pa.array(times, pa.timestamp("us")),
    "ns": pa.array(some(times), pa.timestamp("ns")),
    "clock": pa.array([dt.time(1, 2, i % 60, i) for i in range(n)], pa.time64("us")),
    "money": pa.array(some([decimal.Decimal(i * 101 - 3000) / 100 for i in range(n)]), pa.decimal128(9, 2)),
    "large": pa.array([decimal.Decimal(-(10**24)) + i for i in range(n)], pa.decimal128(30, 0)),
    "vec": pa.array([[i + k / 4 for k in range(4)] for i in range(n)], pa.list_(pa.float32(), 4)),
    "list": pa.array([[i * k for k in range(i % 4)] for i in range(n)], pa.list_(pa.int32())),
    "list_null": pa.array(
        some([[None if k == 1 else i + k for k in range(i % 4)] for i in range(n)]), pa.list_(pa.int64())
    ),
    "words": pa.array([[f"w{k}" for k in range(i % 3)] for i in range(n)], pa.list_(pa.string())),
    "nested": pa.array([{"a": i, "b": [i] * (i % 2)} for i in range(n)]),
}
table = pa.table(columns)
pq.write_table(table, here / "columns-plain.parquet", compression="none", use_dictionary=False, row_group_size=32, data_page_size=64)
pq.write_table(table, here / "columns-dictionary.parquet", compression="snappy", data_page_version="2.0", row_group_size=32)
delta = {"i32", "i64", "i16", "u64", "us", "i8", "u32", "day", "ms", "clock"}
pq.write_table(
    table,
    here / "columns-delta.parquet",
    compression="gzip",
    use_dictionary=False,
    data_page_version="2.0",
    row_group_size=64,
    column_encoding={
        **{name: "DELTA_BINARY_PACKED" for name in delta},
        "f32": "BYTE_STREAM_SPLIT",
        "f64": "BYTE_STREAM_SPLIT",
        "fixed": "BYTE_STREAM_SPLIT",
        "text": "DELTA_BYTE_ARRAY",
        "word": "DELTA_BYTE_ARRAY",
        "bytes": "DELTA_LENGTH_BYTE_ARRAY",
        "flag": "RLE",
        "list.list.element": "DELTA_BINARY_PACKED",
        "words.list.element": "DELTA_LENGTH_BYTE_ARRAY",
    },
)
pq.write_table(
    table.select(["ns"]),
    here / "columns-int96.parquet",
    use_deprecated_int96_timestamps=True,
    use_dictionary=False,
)


def plain(array):
    """Values as JSON: integers as texts, times in their units, bytes as lists."""
    kind = array.type
    if pa.types.is_timestamp(kind):
        return [None if v.value is None else str(v.value) for v in array]
    if pa.types.is_date32(kind):
        return [None if v.as_py() is None else str((v.as_py() - dt.date(1970, 1, 1)).days) for v in array]
    if pa.types.is_time(kind):
        return [str(v.value) for v in array]
    if pa.types.is_decimal(kind):
        scale = kind.scale
        return [None if v.as_py() is None else str(int(v.as_py().scaleb(scale))) for v in array]

    def one(value):
        if isinstance(value, bytes):
            return list(value)
        if isinstance(value, bool) or value is None or isinstance(value, (str, float)):
            return value
        if isinstance(value, int):
            return str(value)
        if isinstance(value, list):
            return [one(v) for v in value]
        if isinstance(value, dict):
            return {k: one(v) for k, v in value.items()}
        return float(value)

    return [one(v.as_py()) for v in array]


values = {name: plain(table[name].combine_chunks()) for name in table.column_names}
(here / "columns.json").write_text(json.dumps(values, ensure_ascii=False, separators=(",", ":")) + "\n")
