"""The files of this folder, by another implementation.   pip install pyarrow && python3 make.py"""

import base64
import pathlib

import pyarrow as pa
import pyarrow.parquet as pq
import pyarrow.parquet.encryption as pe

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
pq.write_table(table.slice(0, 4), here / "lz4.parquet", compression="lz4", use_dictionary=False)


class Kms(pe.KmsClient):
    """Keys that protect nothing."""

    def __init__(self, config):
        super().__init__()

    def wrap_key(self, key_bytes, master_key_identifier):
        return base64.b64encode(key_bytes)

    def unwrap_key(self, wrapped_key, master_key_identifier):
        return base64.b64decode(wrapped_key)


def encrypted(name, **options):
    keys = pe.EncryptionConfiguration(
        footer_key="footer", column_keys={"column": ["text"]}, double_wrapping=False, **options
    )
    properties = pe.CryptoFactory(Kms).file_encryption_properties(pe.KmsConnectionConfig(), keys)
    with pq.ParquetWriter(here / f"{name}.parquet", table.schema, encryption_properties=properties) as writer:
        writer.write_table(table.slice(0, 4))


encrypted("encrypted-footer")
encrypted("encrypted-column", plaintext_footer=True)
