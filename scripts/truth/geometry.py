"""How torchvision and Hugging Face bring photographs to the size of a model: packages/io/test/truth/geometry.json.

  python3 scripts/truth/geometry.py    makes it anew

Needs: pip install pillow==12.2.0 numpy. torchvision and transformers are asked where they are installed (pip install torchvision
transformers); without them their published formulas are taken, with Pillow doing the resizing, and the file says so.
The photographs are those in examples/photos that are kept without loss or cut out of them, in many shapes.
"""

import base64
import json
from pathlib import Path

import numpy as np
import PIL
from PIL import Image

ROOT = Path(__file__).parent / "../.."
OUT = ROOT / "packages/io/test/truth/geometry.json"
SIDE = 24
#: Width and height of the picture that is brought to SIDE: of cameras, of COCO, upright, odd, thin, and smaller than the result.
SHAPES = [
    *[(160, 120), (120, 160), (150, 100), (100, 150), (128, 85), (85, 128), (133, 100), (100, 133), (149, 113)],
    *[(113, 150), (100, 67), (67, 100), (90, 25), (25, 90), (101, 100), (100, 101), (97, 31), (31, 97)],
    *[(64, 48), (48, 85), (24, 24), (25, 24), (20, 15), (15, 22)],
]


def torchvision_ways():
    try:
        import torchvision
        from torchvision.transforms import functional as F

        def resize(image, size):
            return F.resize(image, size, F.InterpolationMode.BILINEAR)

        return f"torchvision {torchvision.__version__}", resize, F.center_crop
    except ImportError:
        return "torchvision's formulas", formula_resize, formula_crop


def formula_resize(image, size):
    """torchvision 0.29, transforms/functional.py: _compute_resized_output_size"""
    width, height = image.size
    short, long = min(width, height), max(width, height)
    other = int(size * long / short)
    return image.resize((size, other) if width <= height else (other, size), Image.Resampling.BILINEAR)


def formula_place(image, size):
    """torchvision 0.29, transforms/functional.py: center_crop. Python's round() takes the even number of two that are as near."""
    width, height = image.size
    return round((width - size) / 2), round((height - size) / 2)


def formula_crop(image, size):
    left, top = formula_place(image, size)
    return image.crop((left, top, left + size, top + size))


def hugging_face_place(image, size):
    """transformers 5.24, image_transforms.py and image_processing_backends.py: center_crop"""
    width, height = image.size
    return (width - size) // 2, (height - size) // 2


def hugging_face_size():
    try:
        import transformers
        from transformers.image_transforms import get_resize_output_image_size

        def size_of(image, size):
            array = np.asarray(image)
            height, width = get_resize_output_image_size(array, size, default_to_square=False, input_data_format="channels_last")
            return width, height

        return f"transformers {transformers.__version__}", size_of
    except ImportError:

        def formula(image, size):
            width, height = image.size
            short, long = (width, height) if width <= height else (height, width)
            other = int(size * long / short)
            return (size, other) if width <= height else (other, size)

        return "transformers' formula", formula


def main():
    cat = Image.open(ROOT / "examples/photos/cat-1.png").convert("RGB")  # 320x240
    torchvision, resize, crop = torchvision_ways()
    transformers, size_of = hugging_face_size()
    cases = []
    for width, height in SHAPES:
        left, top = (cat.width - width) // 2, (cat.height - height) // 2
        photo = cat.crop((left, top, left + width, top + height))
        shorter = resize(photo, SIDE)
        assert shorter.size == size_of(photo, SIDE), (photo.size, shorter.size, size_of(photo, SIDE))
        assert np.array_equal(np.asarray(crop(shorter, SIDE)), np.asarray(formula_crop(formula_resize(photo, SIDE), SIDE)))
        case = {"photo": [left, top, width, height], "shorter": list(shorter.size)}
        case["torchvision"] = list(formula_place(shorter, SIDE))
        case["huggingFace"] = list(hugging_face_place(shorter, SIDE))
        case["pixels"] = base64.b64encode(np.asarray(shorter).tobytes()).decode()
        cases.append(case)
    content = {"madeBy": {"pillow": PIL.__version__, "by": [torchvision, transformers]}, "side": SIDE, "cases": cases}
    OUT.write_text(json.dumps(content, indent=1) + "\n")
    print(f"{len(cases)} shapes by {torchvision} and {transformers}, {OUT.stat().st_size} bytes")


if __name__ == "__main__":
    main()
