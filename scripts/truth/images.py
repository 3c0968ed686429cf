"""What Pillow and others make of image files: packages/io/test/truth/images.json.

  python3 scripts/truth/images.py            makes the inputs and what is compared with, anew
  python3 scripts/truth/images.py --check    asks Pillow again about the inputs that are checked in

Needs: pip install pillow==12.2.0 numpy tifffile imagecodecs pillow_heif (the check: Pillow and NumPy alone).
All inputs are made of one computed picture, 20x14. `npm run truth` runs this; PYTHON names the interpreter.
"""

import base64
import io
import json
import struct
import sys
import warnings
from pathlib import Path

import numpy as np
import PIL
from PIL import Image

warnings.simplefilter("ignore")
OUT = Path(__file__).parent / "../../packages/io/test/truth/images.json"
WIDTH, HEIGHT = 20, 14

y, x = np.mgrid[0:HEIGHT, 0:WIDTH]
RGB = np.stack([x * 12 + 9, y * 17 + 5, 255 - x * 6 - y * 8], axis=-1).astype("u1")
RGB[4:9, 6:13] = (230, 40, 90)
GREY = np.asarray(Image.fromarray(RGB).convert("L"))
ALPHA = ((x * 13 + y * 5) % 256).astype("u1")
SOURCE = Image.fromarray(RGB)
TOO_FAR = "refused"


def b64(data):
    return base64.b64encode(bytes(data)).decode()


def opened(data):
    """What Pillow reads, as RGB."""
    return np.asarray(Image.open(io.BytesIO(data)).convert("RGB"))


class Truth:
    def __init__(self):
        self.pictures = {}
        self.files = {}
        self.animations = {}

    def add(self, name, data, least, sharp=None, expected=None, ffmpeg=None, has_alpha=False):
        """least: dB for both backends, "inf" for equal; ffmpeg, sharp: another for one, or its error. expected: in place of Pillow's."""
        by = "pillow" if expected is None else "source"
        pixels = opened(data) if expected is None else expected
        if pixels.ndim == 2:
            pixels = np.stack([pixels] * 3, axis=-1)
        key = self.key(pixels)
        self.files[name] = {
            "file": b64(data),
            "shape": list(pixels.shape),
            "by": by,
            "picture": key,
            "ffmpeg": least if ffmpeg is None else ffmpeg,
            "sharp": least if sharp is None else sharp,
        }
        if has_alpha:
            alpha = Image.open(io.BytesIO(data)).getchannel("A")
            self.files[name]["alpha"] = b64(np.asarray(alpha).tobytes())

    def key(self, pixels):
        text = b64(np.ascontiguousarray(pixels).tobytes())
        for key, value in self.pictures.items():
            if value == text:
                return key
        key = f"p{len(self.pictures)}"
        self.pictures[key] = text
        return key

    def animate(self, name, data, spec=None):
        frames = animated(data) if spec is None else spec
        self.animations[name] = {
            "file": b64(data),
            "shape": list(frames.shape),
            "by": "pillow" if spec is None else "specification",
            "rgba": b64(frames.tobytes()),
        }


def animated(data):
    """The pictures of an animation as Pillow shows them, RGBA."""
    image = Image.open(io.BytesIO(data))
    frames = []
    for i in range(image.n_frames):
        image.seek(i)
        if i > 0 or not getattr(image, "default_image", False):
            frames.append(np.asarray(image.convert("RGBA")))
    return np.stack(frames)


def saved(image, format, **options):
    out = io.BytesIO()
    image.save(out, format, **options)
    return out.getvalue()


# ---------------------------------------------------------------------------------------------------------------- TIFF

UNSUPPORTED = "ERR_UNSUPPORTED"


def tiff(truth):
    import tifffile

    def write(array, **options):
        out = io.BytesIO()
        tifffile.imwrite(out, array, metadata=None, software=None, **options)
        return out.getvalue()

    wide = RGB.astype("u2") * 257
    planes = np.ascontiguousarray(RGB.transpose(2, 0, 1))
    inks = np.asarray(SOURCE.convert("CMYK"))
    for compression in [None, "lzw", "deflate", "packbits"]:
        kind = compression or "plain"
        truth.add(f"tiff {kind} strips", write(RGB, photometric="rgb", compression=compression, rowsperstrip=5), "inf")
        truth.add(f"tiff {kind} tiles", write(RGB, photometric="rgb", compression=compression, tile=(16, 16)), "inf")
        truth.add(
            f"tiff {kind} planes",
            write(planes, photometric="rgb", compression=compression, planarconfig="separate", rowsperstrip=5),
            "inf",
        )
        truth.add(
            f"tiff {kind} planes of tiles",
            write(planes, photometric="rgb", compression=compression, planarconfig="separate", tile=(16, 16)),
            "inf",
            sharp=UNSUPPORTED,
        )
    for order in "<>":
        end = "little" if order == "<" else "big"
        truth.add(f"tiff 16 bits {end} tiles", write(wide, photometric="rgb", byteorder=order, tile=(16, 16)), 50)
        truth.add(f"tiff 16 bits {end} strips", write(wide, photometric="rgb", byteorder=order), 50)
        truth.add(
            f"tiff 16 bits {end} lzw predictor tiles",
            write(wide, photometric="rgb", byteorder=order, tile=(16, 16), compression="lzw", predictor=True),
            50,
        )
        # Pillow reads BigTIFF of one order only.
        truth.add(f"bigtiff {end}", write(RGB, photometric="rgb", bigtiff=True, byteorder=order), "inf", expected=RGB)
    truth.add("tiff predictor tiles", write(RGB, photometric="rgb", tile=(16, 16), compression="deflate", predictor=True), "inf")
    wide_planes = np.ascontiguousarray(wide.transpose(2, 0, 1))
    truth.add(
        "tiff 16 bits planes",  # of which Pillow takes the wrong bytes
        write(wide_planes, photometric="rgb", planarconfig="separate"),
        50,
        expected=RGB,
    )
    grey = dict(photometric="minisblack")
    truth.add("tiff grey tiles", write(GREY, tile=(16, 16), **grey), "inf")
    truth.add("tiff grey inverted tiles", write(255 - GREY, tile=(16, 16), photometric="miniswhite"), "inf", expected=GREY)
    truth.add("tiff grey 16 bits tiles", write(GREY.astype("u2") * 257, tile=(16, 16), **grey), 50, expected=GREY)
    for bits in [2, 4]:
        small = GREY >> (8 - bits)
        shown = np.round(small * (255 / ((1 << bits) - 1))).astype("u1")
        for fill in [1, 2]:
            data = hand_made(packed(small, bits), bits=bits, fill=fill)
            truth.add(f"tiff grey {bits} bits, fill order {fill}", data, "inf", expected=shown, sharp="inf")
    for fill in [1, 2]:
        one = (GREY > 127).astype("u1")
        truth.add(f"tiff 1 bit, fill order {fill}", hand_made(packed(one, 1), bits=1, fill=fill), "inf", expected=one * 255)
        truth.add(f"tiff grey, fill order {fill}", hand_made(GREY.tobytes(), bits=8, fill=fill), "inf")
    for bits in [10, 12, 14]:
        deep = GREY.astype("u2") << (bits - 8)
        shown = np.round(deep * (255 / ((1 << bits) - 1))).astype("u1")
        data = hand_made(packed(deep, bits), bits=bits)
        truth.add(f"tiff grey {bits} bits", data, 45, expected=shown, sharp=UNSUPPORTED)
    truth.add("tiff cmyk", write(inks, photometric="separated"), 50)
    truth.add("tiff cmyk tiles", write(inks, photometric="separated", tile=(16, 16)), 50)
    truth.add("tiff cmyk planes", write(np.ascontiguousarray(inks.transpose(2, 0, 1)), photometric="separated", planarconfig="separate"), 50)
    truth.add(
        "tiff cmyk 16 bits",
        write(inks.astype("u2") * 257, photometric="separated"),
        50,
        expected=np.asarray(SOURCE.convert("CMYK").convert("RGB")),
        sharp=UNSUPPORTED,
    )
    rgba = np.dstack([RGB, ALPHA])
    multiplied = np.dstack([(RGB * (ALPHA[..., None] / 255)).astype("u1"), ALPHA])
    truth.add("tiff alpha tiles", write(rgba, photometric="rgb", extrasamples=["unassalpha"], tile=(16, 16)), "inf")
    truth.add("tiff alpha multiplied", write(multiplied, photometric="rgb", extrasamples=["assocalpha"]), 50, expected=divided(multiplied))
    truth.add("tiff a sample more", write(rgba, photometric="rgb", extrasamples=["unspecified"]), "inf")
    truth.add("tiff grey and alpha tiles", write(np.dstack([GREY, ALPHA]), extrasamples=["unassalpha"], tile=(16, 16), **grey), "inf")
    few = SOURCE.quantize(16)
    colours = np.zeros((3, 256), "u2")
    colours[:, :16] = np.array(few.getpalette()[:48]).reshape(16, 3).T * 257
    palette = dict(photometric="palette", colormap=colours)
    truth.add("tiff palette", write(np.asarray(few), **palette), "inf")
    truth.add("tiff palette tiles", write(np.asarray(few), tile=(16, 16), **palette), "inf")
    truth.add("tiff old lzw", hand_made(old_lzw(RGB.tobytes()), samples=3, compression=5), "inf", expected=RGB)
    for name, array in {
        "signed 8 bits": (GREY.astype("i2") - 128).astype("i1"),
        "signed 16 bits": (GREY.astype("i4") * 257 - 32768).astype("i2"),
        "signed 32 bits": GREY.astype("i4"),
        "float 16 bits": (GREY / 255).astype("f2"),
        "float 32 bits": (GREY / 255).astype("f4"),
        "float 64 bits": (GREY / 255).astype("f8"),
        "complex": (GREY / 255).astype("c8"),
        "32 bits": GREY.astype("u4") << 24,
    }.items():
        truth.add(f"tiff {name}", write(array, **grey), TOO_FAR, expected=GREY, ffmpeg=UNSUPPORTED, sharp="any")
    jpeg = write(RGB, photometric="ycbcr", compression="jpeg", tile=(16, 16))
    truth.add("tiff jpeg", jpeg, 50, ffmpeg=UNSUPPORTED)
    for compression in ["lerc", "jpegxl"]:
        data = write(RGB, photometric="rgb", compression=compression, tile=(16, 16))
        truth.add(f"tiff {compression}", data, TOO_FAR, expected=RGB, ffmpeg=UNSUPPORTED, sharp=UNSUPPORTED)
    lab = write(np.asarray(SOURCE.convert("LAB")), photometric="cielab")
    truth.add("tiff lab", lab, TOO_FAR, expected=RGB, ffmpeg=UNSUPPORTED, sharp=UNSUPPORTED)


def divided(rgba):
    alpha = rgba[..., 3:].astype("f8")
    return np.where(alpha > 0, np.minimum(255, np.floor(rgba[..., :3].astype("f8") * 255 / np.maximum(alpha, 1))), rgba[..., :3]).astype("u1")


def packed(samples, bits):
    """Rows of samples of some bits each, from the highest bit on."""
    rows = []
    for row in samples:
        text = "".join(format(int(value), f"0{bits}b") for value in row)
        text += "0" * (-len(text) % 8)
        rows.append(bytes(int(text[i : i + 8], 2) for i in range(0, len(text), 8)))
    return b"".join(rows)


def hand_made(data, bits=8, samples=1, compression=1, fill=1):
    """A TIFF file of one strip."""
    if fill == 2:
        data = bytes(int(format(byte, "08b")[::-1], 2) for byte in data)
    tags = {256: (3, [WIDTH]), 257: (3, [HEIGHT]), 258: (3, [bits] * samples), 259: (3, [compression])}
    tags |= {262: (3, [2 if samples == 3 else 1]), 266: (3, [fill]), 273: (4, [8]), 277: (3, [samples])}
    tags |= {278: (3, [HEIGHT]), 279: (4, [len(data)]), 284: (3, [1])}
    data += b"\0" * (len(data) % 2)
    start = 8 + len(data)
    entries, beyond = b"", b""
    for tag, (kind, values) in sorted(tags.items()):
        body = b"".join(struct.pack("<H" if kind == 3 else "<I", value) for value in values)
        if len(body) > 4:
            place = struct.pack("<I", start + 2 + 12 * len(tags) + 4 + len(beyond))
            beyond += body
        else:
            place = body.ljust(4, b"\0")
        entries += struct.pack("<HHI", tag, kind, len(values)) + place
    return b"II*\0" + struct.pack("<I", start) + data + struct.pack("<H", len(tags)) + entries + b"\0\0\0\0" + beyond


def old_lzw(data):
    """LZW as before TIFF 6.0: codes from the lowest bit on, one bit more when the table is full."""
    table, next_code, size, bits, out, prefix = {}, 258, 9, [], [], b""
    clear = lambda: {bytes([i]): i for i in range(256)}

    def put(code):
        bits.extend((code >> i) & 1 for i in range(size))

    table = clear()
    put(256)
    for byte in data:
        longer = prefix + bytes([byte])
        if longer in table:
            prefix = longer
            continue
        put(table[prefix])
        if next_code < 4094:
            table[longer] = next_code
            next_code += 1
            if next_code - 1 == 1 << size:
                size += 1
        else:
            put(256)
            table, next_code, size = clear(), 258, 9
        prefix = bytes([byte])
    put(table[prefix])
    put(257)
    bits += [0] * (-len(bits) % 8)
    for i in range(0, len(bits), 8):
        out.append(sum(bit << k for k, bit in enumerate(bits[i : i + 8])))
    return bytes(out)


# ---------------------------------------------------------------------------------------------------------------- JPEG


def segments(data):
    """The markers before the first scan, and the rest."""
    at, found = 2, []
    while data[at + 1] != 0xDA:
        end = at + 2 + struct.unpack(">H", data[at + 2 : at + 4])[0]
        found.append(bytearray(data[at:end]))
        at = end
    end = at + 2 + struct.unpack(">H", data[at + 2 : at + 4])[0]
    return found, bytearray(data[at:end]), data[end:]


def relabelled(data, ids=None, adobe=None, jfif=None):
    """Another name for the components, and other markers; the coded data stays."""
    found, scan, rest = segments(data)
    found = [one for one in found if one[1] not in ((0xEE,) if adobe is not None else ()) + ((0xE0,) if jfif is not None else ())]
    if ids is not None:
        for one in found:
            if one[1] in (0xC0, 0xC1, 0xC2):
                for i, value in enumerate(ids):
                    one[10 + 3 * i] = value
        for i, value in enumerate(ids):
            scan[5 + 2 * i] = value
    if adobe not in (None, False):
        found.insert(0, bytearray(b"\xff\xee\0\x0eAdobe\0\x64\0\0\0\0" + bytes([adobe])))
    if jfif:
        found.insert(0, bytearray(b"\xff\xe0\0\x10JFIF\0\1\1\0\0\1\0\1\0\0"))
    return b"\xff\xd8" + b"".join(found) + scan + rest


def jpeg(truth):
    import imagecodecs

    encode = imagecodecs.jpeg8_encode
    names = [82, 71, 66]
    for sampling, least in {"444": 48, "422": 40, "420": 40, "440": 40}.items():
        plain = encode(RGB, level=95, colorspace="RGB", outcolorspace="YCBCR", subsampling=sampling)
        truth.add(f"jpeg ycc {sampling}", plain, least)
        for size in [(19, 14), (20, 13), (19, 13)] if sampling != "444" else []:
            part = np.ascontiguousarray(RGB[: size[1], : size[0]])
            odd = encode(part, level=95, colorspace="RGB", outcolorspace="YCBCR", subsampling=sampling)
            truth.add(f"jpeg ycc {sampling} {size[0]}x{size[1]}", odd, 33)
        # Red, green and blue as they are, the latter two with fewer samples.
        planes = encode(RGB, level=95, colorspace="YCBCR", outcolorspace="YCBCR", subsampling=sampling)
        truth.add(f"jpeg rgb {sampling} by adobe", relabelled(planes, adobe=0, jfif=False), least)
        truth.add(f"jpeg rgb {sampling} by name", relabelled(planes, ids=names, adobe=False, jfif=False), least)
        truth.add(f"jpeg rgb {sampling} by both", relabelled(planes, ids=names, adobe=0, jfif=False), least)
        truth.add(f"jpeg ycc {sampling} named rgb, jfif", relabelled(plain, ids=names, jfif=True), least)
        truth.add(f"jpeg ycc {sampling} named rgb, adobe", relabelled(plain, ids=names, adobe=1, jfif=False), least)
        truth.add(f"jpeg ycc {sampling} jfif and adobe 0", relabelled(plain, adobe=0, jfif=True), least)
        truth.add(f"jpeg ycc {sampling} adobe 2", relabelled(plain, adobe=2, jfif=False), least)
    truth.add("jpeg grey", saved(SOURCE.convert("L"), "JPEG", quality=95), 48)
    inks = 255 - np.asarray(SOURCE.convert("CMYK"))  # as Adobe stores them
    cmyk = encode(inks, level=95, colorspace="CMYK", outcolorspace="CMYK")
    ycck = encode(inks, level=95, colorspace="CMYK", outcolorspace="YCCK")
    truth.add("jpeg cmyk", cmyk, 45)
    truth.add("jpeg cmyk progressive", saved(SOURCE.convert("CMYK"), "JPEG", quality=95, progressive=True), 45)
    truth.add("jpeg cmyk without adobe", relabelled(cmyk, adobe=False), 45)
    truth.add("jpeg ycck", ycck, 45, ffmpeg=26)  # FFmpeg repeats colours that pixels share
    truth.add("jpeg lossless", imagecodecs.ljpeg_encode(GREY), "inf")


# ----------------------------------------------------------------------------------------------------------------- BMP


def bmp_of(bits, data, compression=0, masks=b"", palette=b"", header=40, extra=b"", top_down=False):
    info = struct.pack(
        "<IiiHHIIiiII", header, WIDTH, -HEIGHT if top_down else HEIGHT, 1, bits, compression, len(data), 2835, 2835, len(palette) // 4, 0
    )
    body = info + extra + masks + palette
    return b"BM" + struct.pack("<IHHI", 14 + len(body) + len(data), 0, 0, 14 + len(body)) + body + data


def rows(array):
    """From the bottom up, each filled up to four bytes."""
    lines = [np.ascontiguousarray(row).tobytes() for row in array[::-1]]
    return b"".join(line + b"\0" * (-len(line) % 4) for line in lines)


def bmp(truth):
    def add(name, data, least="inf", expected=None, ffmpeg=None):
        truth.add(f"bmp {name}", data, least, sharp=UNSUPPORTED, expected=expected, ffmpeg=ffmpeg)

    def fields(*bits):
        """Samples of so many bits each, the first in the highest, and how they look."""
        numbers, shown, shift = np.zeros((HEIGHT, WIDTH), "u4"), [], sum(bits)
        for c, count in enumerate(bits):
            shift -= count
            value = RGB[..., c].astype("u4") * ((1 << count) - 1) // 255
            numbers |= value << shift
            shown.append(np.round(value * 255 / ((1 << count) - 1)))
        return numbers, np.stack(shown, axis=-1).astype("u1")

    def masks(*values):
        return struct.pack(f"<{len(values)}I", *values)

    five, five_shown = fields(5, 5, 5)
    six, six_shown = fields(5, 6, 5)
    add("555", bmp_of(16, rows(five.astype("u2"))), 50)
    add("555 by masks", bmp_of(16, rows(five.astype("u2")), 3, masks(0x7C00, 0x3E0, 0x1F)), 50)
    add("565", bmp_of(16, rows(six.astype("u2")), 3, masks(0xF800, 0x7E0, 0x1F)), 50)
    add("555, exactly", bmp_of(16, rows(five.astype("u2"))), expected=five_shown)
    add("565, exactly", bmp_of(16, rows(six.astype("u2")), 3, masks(0xF800, 0x7E0, 0x1F)), expected=six_shown)
    four, four_shown = fields(4, 4, 4)
    add("444", bmp_of(16, rows(four.astype("u2")), 3, masks(0xF00, 0xF0, 0xF)), expected=four_shown)
    ten, ten_shown = fields(10, 10, 10)
    add("10 bits", bmp_of(32, rows(ten), 3, masks(0x3FF00000, 0xFFC00, 0x3FF)), expected=ten_shown)
    bgra = np.dstack([RGB[..., ::-1], ALPHA])
    add("32 bits", bmp_of(32, rows(bgra)))
    add("32 bits red first", bmp_of(32, rows(np.dstack([RGB, ALPHA * 0])), 3, masks(0xFF, 0xFF00, 0xFF0000)), expected=RGB)
    version4 = masks(0xFF0000, 0xFF00, 0xFF, 0xFF000000) + b"BGRs" + b"\0" * 48
    add("32 bits with alpha", bmp_of(32, rows(bgra), 3, header=108, extra=version4))
    add("24 bits", bmp_of(24, rows(RGB[..., ::-1])))
    add("24 bits top down", bmp_of(24, rows(RGB[::-1, :, ::-1]), top_down=True))
    few = SOURCE.quantize(16)
    numbers = np.asarray(few)
    colours = np.array(few.getpalette()[:48], "u1").reshape(16, 3)
    palette = np.hstack([colours[:, ::-1], np.zeros((16, 1), "u1")]).tobytes()
    add("8 bits", bmp_of(8, rows(numbers), palette=palette))
    add("4 bits", bmp_of(4, rows(numbers[:, ::2] << 4 | numbers[:, 1::2]), palette=palette))
    two = np.asarray(SOURCE.convert("1"))
    add("1 bit", bmp_of(1, rows(np.packbits(two, axis=1)), palette=b"\0\0\0\0\xff\xff\xff\0"))
    runs = b"".join(b"".join(bytes([1, value]) for value in row) + b"\0\0" for row in numbers[::-1]) + b"\0\1"
    add("rle 8", bmp_of(8, runs, 1, palette=palette))
    pairs = b"".join(b"".join(bytes([1, value * 17]) for value in row) + b"\0\0" for row in numbers[::-1]) + b"\0\1"
    add("rle 4", bmp_of(4, pairs, 2, palette=palette))
    png = saved(SOURCE, "PNG")
    add("png inside", bmp_of(0, png, 5), TOO_FAR, expected=RGB, ffmpeg=UNSUPPORTED)


# ----------------------------------------------------------------------------------------------------------- PNG, HEIF


def png(truth):
    import imagecodecs

    few = SOURCE.quantize(16)
    rgba = np.dstack([RGB, ALPHA])
    for bits in [1, 2, 4]:
        truth.add(f"png palette {bits} bits", saved(SOURCE.quantize(1 << bits), "PNG", bits=bits), "inf")
    truth.add("png palette and tRNS", saved(few, "PNG", transparency=bytes(range(0, 160, 10))), "inf")
    truth.add("png palette, one transparent", saved(few, "PNG", transparency=3), "inf")
    truth.add("png rgb and tRNS", saved(SOURCE, "PNG", transparency=tuple(int(v) for v in RGB[5, 5])), "inf")
    truth.add("png grey and tRNS", saved(SOURCE.convert("L"), "PNG", transparency=int(GREY[5, 5])), "inf")
    truth.add("png grey and alpha", saved(Image.fromarray(np.dstack([GREY, ALPHA]), "LA"), "PNG"), "inf")
    truth.add("png two levels", saved(SOURCE.convert("1"), "PNG"), "inf")
    truth.add("png 16 bits", imagecodecs.png_encode(RGB.astype("u2") * 257), 50)
    truth.add("png 16 bits and alpha", imagecodecs.png_encode(rgba.astype("u2") * 257), 50)
    truth.add("png 16 bits grey", imagecodecs.png_encode(GREY.astype("u2") * 257), 50, expected=GREY)
    grey_alpha = np.dstack([GREY, ALPHA]).astype("u2") * 257
    truth.add("png 16 bits grey and alpha", imagecodecs.png_encode(grey_alpha), 50, expected=GREY)


def heif(truth):
    import imagecodecs
    import pillow_heif

    pillow_heif.register_heif_opener()
    for name, extent in [("full", "full"), ("limited", "limited")]:
        for sampling, least, sharp in [("4:4:4", 45, 45), ("4:2:0", 34, 26), ("4:0:0", 55, 55)]:
            data = saved(SOURCE, "AVIF", range=extent, subsampling=sampling, quality=95)
            truth.add(f"avif {name} {sampling}", data, least, sharp=sharp)
    grey = (GREY.astype("u2") << 2) | (GREY >> 6)
    truth.add("avif 10 bits grey", imagecodecs.avif_encode(grey, level=95, bitspersample=10, pixelformat="400"), 50)
    deep = (RGB.astype("u2") << 2) | (RGB >> 6)
    for matrix, least, ffmpeg in [(1, 40, None), (6, 40, None), (9, 40, None), (0, 45, None), (8, 45, UNSUPPORTED), (12, 36, None)]:
        data = imagecodecs.avif_encode(deep, level=95, bitspersample=10, pixelformat="444", matrix=matrix)
        truth.add(f"avif matrix {matrix}", data, least, ffmpeg=ffmpeg, sharp=26)
    translucent = Image.fromarray(np.dstack([RGB, ALPHA]))
    truth.add("avif alpha", saved(translucent, "AVIF", quality=95), 34, sharp=26, has_alpha=True)
    # libheif, which sharp has too, repeats colours that pixels share; FFmpeg interpolates them, as libavif does.
    for name, image, options, least in [
        ("heic", SOURCE, {}, 26),
        ("heic 4:4:4", SOURCE, {"chroma": 444}, 45),
        ("heic grey", SOURCE.convert("L"), {}, 55),
        ("heic odd", SOURCE.crop((0, 0, 19, 13)), {}, 26),
        ("heic alpha", translucent, {}, 26),
    ]:
        data = saved(image, "HEIF", quality=95, **options)
        truth.add(name, data, least, sharp=UNSUPPORTED, has_alpha=name == "heic alpha")


# ---------------------------------------------------------------------------------------------------------- animations


def pictures(has_alpha):
    """Four pictures, 12x9: a square that moves over what is transparent, or over a colour."""
    for i in range(4):
        image = Image.new("RGBA", (12, 9), (0, 0, 0, 0) if i % 2 == 0 else (40 * i, 90, 200 - 30 * i, 255))
        image.paste((250 - 50 * i, 60 * i, 30, 255), (i, i, i + 6, i + 4))
        yield image if has_alpha else image.convert("RGB")


def animations(truth):
    for disposal in [0, 1, 2]:
        for blend in [0, 1]:
            first, *rest = pictures(True)
            name = f"disposal {disposal} blend {blend}"
            options = dict(save_all=True, append_images=rest, disposal=disposal, blend=blend, duration=100)
            truth.animate(f"apng {name}", saved(first, "PNG", **options))
    first, *rest = pictures(True)
    mixed = dict(save_all=True, append_images=rest, disposal=[1, 2, 0, 1], blend=[0, 1, 0, 1], duration=100)
    truth.animate("apng mixed", saved(first, "PNG", **mixed))
    truth.animate("apng default image", saved(first, "PNG", default_image=True, **mixed))
    first, *rest = pictures(False)
    for disposal in [0, 1, 2]:
        data = saved(first, "PNG", save_all=True, append_images=rest, disposal=disposal, duration=100)
        truth.animate(f"apng rgb disposal {disposal}", data)
    palettes = [image.quantize(8) for image in pictures(False)]
    truth.animate("apng palette", saved(palettes[0], "PNG", save_all=True, append_images=palettes[1:], duration=100))
    for disposal in [0, 1, 2, 3, [1, 2, 3, 2], [3, 3, 2, 1]]:
        for has_alpha in [True, False]:
            first, *rest = pictures(has_alpha)
            name = f"gif {'transparent' if has_alpha else 'opaque'} disposal {disposal}"
            truth.animate(name, saved(first, "GIF", save_all=True, append_images=rest, disposal=disposal, duration=100))
    first, *rest = pictures(True)
    data = saved(first, "GIF", save_all=True, append_images=rest, duration=100, interlace=True, optimize=True)
    truth.animate("gif interlaced", data)
    truth.animate("gif with a part", gif_with_a_part())


def gif_with_a_part():
    """A first picture that covers a part of the screen, and has a transparent colour that is not black."""
    first = Image.new("P", (6, 4), 1)
    first.putpalette([9, 9, 9, 200, 30, 40, 20, 180, 60, 10, 20, 230])
    first.putpixel((2, 2), 3)
    first.putpixel((3, 1), 2)
    data = bytearray(saved(first, "GIF", transparency=3))
    data[6:10] = struct.pack("<HH", 12, 9)
    image = data.index(b"\x2c", 13 + (3 << ((data[10] & 7) + 1)))
    data[image + 1 : image + 5] = struct.pack("<HH", 4, 3)
    return bytes(data)


def make():
    truth = Truth()
    for part in [tiff, jpeg, bmp, png, heif, animations]:
        part(truth)
    return truth


def check():
    """Pillow's versions round differently by one; those that cannot read AVIF or HEIC leave them out."""
    kept = json.loads(OUT.read_text())
    wrong = []
    for name, one in kept["files"].items():
        if one["by"] != "pillow" or name.startswith("heic"):
            continue
        try:
            now = opened(base64.b64decode(one["file"]))
        except Exception as error:
            if not name.startswith("avif"):
                wrong.append(f"{name}: {error}")
            continue
        before = np.frombuffer(base64.b64decode(kept["pictures"][one["picture"]]), "u1").reshape(now.shape)
        if np.abs(now.astype(int) - before).max() > 2:
            wrong.append(f"{name}: other pixels")
    for name, one in kept["animations"].items():
        now = animated(base64.b64decode(one["file"]))
        if now.tobytes() != base64.b64decode(one["rgba"]):
            wrong.append(f"{name}: other pictures")
    print(json.dumps({"madeBy": f"Pillow {PIL.__version__}", "wrong": wrong}))


if __name__ == "__main__":
    if "--check" in sys.argv:
        check()
    else:
        truth = make()
        content = {
            "madeBy": {"pillow": PIL.__version__},
            "pictures": truth.pictures,
            "files": truth.files,
            "animations": truth.animations,
        }
        OUT.write_text(json.dumps(content, indent=1) + "\n")
        print(f"{len(truth.files)} files, {len(truth.animations)} animations, {OUT.stat().st_size} bytes")
