"""What Pillow, soundfile, NumPy, tarfile, zipfile and pyarrow read: as reader.mjs, line by line, with the same sketches."""

import hashlib
import json
import sys
import tarfile
import warnings
import zipfile

import numpy as np

warnings.simplefilter("ignore")
GRID = 8
PARTS = 64
DTYPES = "bool uint8 int8 uint16 int16 uint32 int32 uint64 int64 float16 float32 float64".split()


def sha1(data):
    return hashlib.sha1(data).hexdigest()


def part(number, count, size):
    return number * size // count, (number + 1) * size // count


def image(path):
    from PIL import Image, ImageOps

    with Image.open(path) as picture:
        turned = ImageOps.exif_transpose(picture)
        # Pillow's own conversion of 16 bits cuts them off at 255.
        is_wide = turned.mode.startswith("I;16")
        eight = Image.fromarray((np.asarray(turned) >> 8).astype(np.uint8)) if is_wide else turned
        pixels = np.asarray(eight.convert("RGB"), np.float64)
    means = []
    for row in range(GRID):
        for column in range(GRID):
            top, bottom = part(row, GRID, pixels.shape[0])
            left, right = part(column, GRID, pixels.shape[1])
            block = pixels[top:bottom, left:right].reshape(-1, 3)
            means += block.mean(0).tolist() if len(block) else [0, 0, 0]
    return {"shape": list(pixels.shape), "means": means}


def sound(path):
    import soundfile

    data, rate = soundfile.read(path, dtype="float32", always_2d=True)
    samples = data.astype(np.float64)
    means = []
    for i in range(PARTS):
        start, end = part(i, PARTS, len(samples))
        block = samples[start:end]
        count = max(1, block.size)
        means += [float(block.sum()) / count, float((block**2).sum() / count) ** 0.5]
    return {"shape": [data.shape[1], data.shape[0]], "sampleRate": rate, "means": means}


def one_array(value):
    """Complex numbers are pairs there."""
    if value.dtype.kind == "c" and value.dtype.itemsize <= 16:
        value = np.ascontiguousarray(value)
        part_type = value.dtype.newbyteorder("=").type(0).real.dtype
        order = value.dtype.byteorder
        value = value.view(part_type.newbyteorder(order)).reshape(*value.shape, 2)
    name = value.dtype.newbyteorder("=").name
    if name not in DTYPES:
        raise ValueError(f"dtype {value.dtype} has no counterpart")
    native = np.ascontiguousarray(value).astype(value.dtype.newbyteorder("<"))
    return {"dtype": name, "shape": list(value.shape), "sha1": sha1(native.tobytes())}


def array(path):
    loaded = np.load(path, allow_pickle=False)
    if isinstance(loaded, np.ndarray):
        return {"": one_array(loaded)}
    arrays = {}
    for name in loaded.files:
        try:
            arrays[name] = one_array(loaded[name])
        except Exception as error:
            arrays[name] = {"code": type(error).__name__, "message": str(error)}
    return arrays


def tar(path):
    with tarfile.open(path) as archive:
        files = [(member, archive.extractfile(member).read()) for member in archive if member.isreg()]
    return [[member.name, member.size, sha1(data)] for member, data in files]


def zip_(path):
    with zipfile.ZipFile(path) as archive:
        members = [member for member in archive.infolist() if not member.is_dir()]
        return [[member.filename, member.file_size, sha1(archive.read(member))] for member in members]


def parquet(path):
    import pyarrow.parquet

    table = pyarrow.parquet.ParquetFile(path).read()
    return {"rows": table.num_rows, "first": [
        {name: plain(value) for name, value in row.items()} for row in table.slice(0, 50).to_pylist()
    ]}


def plain(value):
    if isinstance(value, float):
        return value if np.isfinite(value) else None
    return value if value is None or isinstance(value, (bool, int, str)) else "…"


JUDGES = {"image": image, "sharp": image, "sound": sound, "array": array, "tar": tar, "zip": zip_, "parquet": parquet}
for line in sys.stdin:
    asked = json.loads(line)
    try:
        answer = {"value": JUDGES[asked["kind"]](asked["path"])}
    except Exception as error:
        answer = {"fault": {"code": type(error).__name__, "message": str(error)[:300]}}
    print(json.dumps(answer), flush=True)
