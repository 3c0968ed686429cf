"""One cell of arrays.mjs: python arrays_cell.py <contestant> <case> <folder> <milliseconds>"""

import io
import pathlib
import sys

import numpy as np
from repeat import repeat

contestant, name, folder, ms = sys.argv[1:]
folder = pathlib.Path(folder)


def parsing(data):
    if contestant == "NumPy":
        return lambda: np.load(io.BytesIO(data))
    import spdl.io

    return lambda: spdl.io.load_npy(data)


def loading(path, rows=None):
    path = str(path)
    if contestant == "NumPy":
        if rows:
            return lambda: np.array(np.load(path, mmap_mode="r")[rows])
        return lambda: np.load(path)
    import spdl.io

    def load():
        with open(path, "rb") as file:
            array = spdl.io.load_npy(file.read())
        return array[rows] if rows else array

    return load


def unzipping(data, keys):
    if contestant == "NumPy":

        def load():
            with np.load(io.BytesIO(data)) as npz:
                return [npz[key] for key in keys]

        return load
    import spdl.io

    def load():
        npz = spdl.io.load_npz(data)
        return [npz[key] for key in keys]

    return load


WORK = {
    "npy in memory, uint8 3x640x480": lambda: parsing((folder / "image.npy").read_bytes()),
    "npy in memory, float32 64x64": lambda: parsing((folder / "floats.npy").read_bytes()),
    "npy file, uint8 3x640x480": lambda: loading(folder / "image.npy"),
    "16 rows of a 64 MB npy file": lambda: loading(folder / "large.npy", slice(8000, 8016)),
    "npz in memory, stored": lambda: unzipping((folder / "stored.npz").read_bytes(), ["image", "label"]),
    "npz in memory, deflated": lambda: unzipping((folder / "deflated.npz").read_bytes(), ["image", "label"]),
    "npz in memory, stored, one of 100": lambda: unzipping((folder / "many.npz").read_bytes(), ["array50"]),
}
repeat(WORK[name](), float(ms))
