"""Makes the archives of this folder, and expected.json: what Python's tarfile reads in them.

    python3 make.py        needs GNU tar, bsdtar, gzip, zstd, bzip2, xz; Python >= 3.11
"""

import hashlib
import io
import json
import os
import subprocess
import tarfile
import tempfile
import zipfile

HERE = os.path.dirname(os.path.abspath(__file__))
TIME = 1700000000


def run(*args, cwd=None):
    subprocess.run(args, check=True, cwd=cwd, env={**os.environ, "LC_ALL": "C.UTF-8", "TZ": "UTC"})


def here(name):
    return os.path.join(HERE, name)


def folder(files):
    root = tempfile.mkdtemp()
    for name, data in files.items():
        path = os.path.join(root, name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "wb") as file:
            file.write(data)
        os.chmod(path, 0o640)
        os.utime(path, (TIME, TIME))
    for path, names, _ in os.walk(root):
        os.chmod(path, 0o755)
        os.utime(path, (TIME, TIME))
    return root


PAX = ["--format=posix", "--pax-option=exthdr.name=%d/PaxHeaders/%f,delete=atime,delete=ctime"]
GNU = ["tar", "--sort=name", "--owner=0", "--group=0", "--numeric-owner", "-b1"]
PETS = {"pets/cat.txt": b"meow", "pets/dog.txt": b"woof!"}
LONG = "d" * 60 + "/" + "e" * 60 + "/" + "f" * 90 + ".bin"
SPLIT = "a" * 80 + "/" + "b" * 80 + ".bin"  # fits into ustar's prefix and name
ODD = {
    "empty.bin": b"",
    "one.bin": b"1",
    "exactly-a-block.bin": bytes(range(256)) * 2,
    "a-block-and-one.bin": bytes(range(256)) * 2 + b"!",
    "with space and ünïcödé 猫.txt": "猫".encode(),
    "no-extension": b"x" * 2000,
}

root = folder(PETS)
run(*GNU, "--format=ustar", "-cf", here("pets.tar"), "pets/cat.txt", "pets/dog.txt", cwd=root)
for tool, ending in (("gzip -n", "gz"), ("zstd -q", "zst"), ("bzip2", "bz2"), ("xz", "xz")):
    with open(here("pets.tar." + ending), "wb") as file:
        subprocess.run([*tool.split(), "-c", here("pets.tar")], check=True, stdout=file)
run("tar", "--sort=name", "--owner=0", "--group=0", "-cf", here("padded.tar"), "pets", cwd=root)  # 20 blocks, as by default

root = folder({**ODD, SPLIT: b"split", LONG: b"long"})
os.symlink("one.bin", os.path.join(root, "soft"))
os.symlink("x" * 150, os.path.join(root, "soft-far"))
os.link(os.path.join(root, "one.bin"), os.path.join(root, "two.bin"))
os.mkfifo(os.path.join(root, "pipe"), 0o600)
for path in ("soft", "soft-far", "pipe"):
    os.utime(os.path.join(root, path), (TIME, TIME), follow_symlinks=False)
os.utime(os.path.join(root, "one.bin"), ns=(TIME * 10**9 + 123456789,) * 2)
os.utime(root, (TIME, TIME))
run(*GNU, "--format=gnu", "-cf", here("gnu.tar"), ".", cwd=root)
run(*GNU, *PAX, "-cf", here("pax.tar"), ".", cwd=root)
run("bsdtar", "-b1", "--uid=0", "--gid=0", "--numeric-owner", "--format=pax", "-cf", here("bsdtar-pax.tar"), ".", cwd=root)
run("bsdtar", "-b1", "--uid=0", "--gid=0", "--format=gnutar", "-cf", here("bsdtar-gnu.tar"), ".", cwd=root)
os.remove(os.path.join(root, LONG))
os.remove(os.path.join(root, "soft-far"))
os.utime(root, (TIME, TIME))
run(*GNU, "--format=ustar", "-cf", here("ustar.tar"), ".", cwd=root)
root = folder(ODD)
run(*GNU, "--format=v7", "-cf", here("v7.tar"), ".", cwd=root)
run("bsdtar", "-b1", "--uid=0", "--gid=0", "--format=v7tar", "-cf", here("bsdtar-v7.tar"), ".", cwd=root)
run(*GNU, "-cf", here("empty.tar"), "-T", "/dev/null")


def header(name, **fields):
    info = tarfile.TarInfo(name)
    info.mtime = TIME
    for field, value in fields.items():
        setattr(info, field, value)
    return info


with tarfile.open(here("python-gnu.tar"), "w", format=tarfile.GNU_FORMAT) as tar:
    tar.addfile(header("before-1970", mtime=-86400, size=3), io.BytesIO(b"old"))
    tar.addfile(header("far-future", mtime=10**11, uid=3 * 10**8, size=6), io.BytesIO(b"future"))
    tar.addfile(header("l" * 300, type=tarfile.LNKTYPE, linkname="m" * 300))
with tarfile.open(
    here("python-pax.tar"), "w", format=tarfile.PAX_FORMAT, pax_headers={"mtime": "1600000000.5", "comment": "all of them"}
) as tar:
    tar.addfile(header("global-mtime", size=1), io.BytesIO(b"g"))
    tar.addfile(header("own-mtime", size=1, pax_headers={"mtime": "1500000000.25"}), io.BytesIO(b"o"))
    tar.addfile(header("größe", size=4, pax_headers={"size": "4"}), io.BytesIO(b"size"))
with tarfile.open(here("latin1.tar"), "w", format=tarfile.USTAR_FORMAT, encoding="latin-1") as tar:
    tar.addfile(header("größe", size=4), io.BytesIO(b"size"))

root = folder({"dense": b"dense"})
with open(os.path.join(root, "holes.bin"), "wb") as file:
    file.write(b"begin")
    file.seek(200000)
    file.write(b"end")
os.utime(os.path.join(root, "holes.bin"), (TIME, TIME))
run(*GNU, "--sparse", "--format=gnu", "-cf", here("sparse-gnu.tar"), "dense", "holes.bin", cwd=root)
for version in ("0.0", "0.1", "1.0"):
    run(*GNU, "--sparse", f"--sparse-version={version}", *PAX, "-cf", here(f"sparse-pax-{version}.tar"), "dense", "holes.bin", cwd=root)

TYPES = {
    tarfile.REGTYPE: "file", tarfile.AREGTYPE: "file", tarfile.DIRTYPE: "directory", tarfile.LNKTYPE: "link",
    tarfile.SYMTYPE: "symlink", tarfile.FIFOTYPE: "fifo",
}
expected = {}
for name in sorted(os.listdir(HERE)):
    if not name.endswith(".tar") or name.startswith("sparse"):
        continue
    encoding = "latin-1" if name == "latin1.tar" else "utf-8"
    with tarfile.open(here(name), encoding=encoding) as tar:
        expected[name] = [
            {
                "path": info.name,
                "type": TYPES[info.type],
                "size": info.size if info.isreg() else 0,
                "offset": info.offset_data,
                "mode": info.mode,
                "mtimeMs": int(info.mtime * 1000 // 1),
                **({"linkPath": info.linkname} if info.issym() or info.islnk() else {}),
                **({"sha1": hashlib.sha1(tar.extractfile(info).read()).hexdigest()} if info.isreg() else {}),
            }
            for info in tar
        ]
# Zip


class Pipe(io.BytesIO):
    """Cannot seek, so that sizes are put behind the data."""

    def seekable(self):
        return False

    def seek(self, *_):
        raise io.UnsupportedOperation

    def tell(self):
        raise io.UnsupportedOperation


def zipped(name, files, target=None, prefix=b"", comment=b"", zip64=False):
    buffer = target or io.BytesIO()
    if target is None:
        buffer.write(prefix)
    with zipfile.ZipFile(buffer, "w" if prefix == b"" else "a", zipfile.ZIP_DEFLATED) as archive:
        archive.comment = comment
        for path, data in files.items():
            info = zipfile.ZipInfo(path, (2023, 11, 14, 22, 13, 20))
            info.compress_type = zipfile.ZIP_STORED if len(data) < 100 else zipfile.ZIP_DEFLATED
            if path.endswith("/"):
                archive.writestr(info, b"")
                continue
            with archive.open(info, "w", force_zip64=zip64) as member:
                member.write(data)
    with open(here(name), "wb") as file:
        file.write(buffer.getvalue())


zipped("pets.zip", PETS)
zipped("odd.zip", {"folder/": b"", **ODD, "folder/deep/text.txt": b"deflated, " * 500}, comment=b"a comment, " * 50)
zipped("streamed.zip", ODD, target=Pipe())
zipped("zip64.zip", ODD, zip64=True)
zipped("prefixed.zip", PETS, prefix=b"#!/bin/sh\nexit\n" * 40)
zipped("none.zip", {})
root = folder(ODD)
run("bsdtar", "--format=zip", "-cf", here("bsdtar.zip"), ".", cwd=root)
for name in sorted(os.listdir(HERE)):
    if name.endswith(".zip"):
        with zipfile.ZipFile(here(name)) as archive:
            expected[name] = [
                {"path": info.filename, "size": info.file_size, "compressedSize": info.compress_size,
                 "sha1": hashlib.sha1(archive.read(info)).hexdigest()}
                for info in archive.infolist() if not info.is_dir()
            ]
with open(here("expected.json"), "w") as file:
    file.write("{\n")
    for i, (name, members) in enumerate(expected.items()):
        rows = ",\n".join("    " + json.dumps(member, ensure_ascii=False) for member in members)
        file.write(f'  "{name}": [\n{rows}\n  ]' + (",\n" if i + 1 < len(expected) else "\n"))
    file.write("}\n")
