"""The files of this folder, by pyarrow: the table of ../parquet/make_columns.py, whose values are
in ../parquet/columns.json.   pip install pyarrow && python3 make.py"""

import pathlib
import sys

import pyarrow as pa

here = pathlib.Path(__file__).parent
sys.path.insert(0, str(here.parent / "parquet"))
from make_columns import table, utc  # noqa: E402, F401

table = table.slice(0, 50)
table = table.append_column("category", table["text"].combine_chunks().dictionary_encode())
table = table.append_column("large_text", table["word"].cast(pa.large_string()))


def write(name, new, **options):
    with new(here / name, table.schema, **({"options": pa.ipc.IpcWriteOptions(**options)} if options else {})) as writer:
        writer.write_table(table, max_chunksize=20)


write("types.arrow", pa.ipc.new_file)
write("types.arrows", pa.ipc.new_stream)
write("lz4.arrow", pa.ipc.new_file, compression="lz4")
write("zstd.arrow", pa.ipc.new_file, compression="zstd")
