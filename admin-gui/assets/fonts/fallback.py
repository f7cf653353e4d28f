"""Makes the fallback fonts beside this file; README.md says from what.

    python fallback.py NOTO_DIR UNIFONT_HEX UNIFONT_UPPER_OTF

It needs fonttools and pillow.
"""

import struct
import sys
import unicodedata
import zlib
from pathlib import Path

from fontTools import subset
from fontTools.ttLib import TTFont
from PIL import Image, ImageDraw, ImageFont

HERE = Path(__file__).parent

# Scripts whose letters join, stack or run from right to left are shaped from outlines.
SHAPED = {
    "Arabic": [*range(0x060C, 0x060D), 0x061B, 0x061F, *range(0x0620, 0x0700)],
    "Devanagari": [*range(0x0900, 0x0964), *range(0x0966, 0x0980)],
    "Hebrew": [*range(0x0591, 0x05F5)],
    "Thai": [*range(0x0E01, 0x0E5C)],
}

# Rare Chinese characters are left out: they alone would take a sixth more.
RARE = range(0x3400, 0x4DC0)
EMOJI = range(0x1F000, 0x1FB00)


def shaped(noto, script):
    options = subset.Options()
    options.hinting = False
    options.notdef_outline = True
    options.glyph_names = False
    options.drop_tables += ["DSIG", "STAT", "MVAR"]
    options.name_IDs = [0, 1, 2, 3, 4, 5, 6, 13, 14]
    font = subset.load_font(str(noto / f"NotoSans{script}-Regular.ttf"), options)
    subsetter = subset.Subsetter(options)
    subsetter.populate(unicodes=SHAPED[script])
    subsetter.subset(font)
    subset.save_font(font, str(HERE / f"NotoSans{script}.ttf"), options)


def is_drawn(code):
    return unicodedata.category(chr(code))[0] not in "CZ"


def wide(rows):
    """32 bytes: 16 rows of 16 pixels."""
    return rows if len(rows) == 32 else b"".join(bytes([row, 0]) for row in rows)


def of_the_basic_plane(hex_file):
    for line in open(hex_file):
        code, rows = line.split(":")
        code = int(code, 16)
        if code not in RARE and is_drawn(code):
            yield code, wide(bytes.fromhex(rows))


def emoji(otf):
    font, known = ImageFont.truetype(otf, 16), TTFont(otf).getBestCmap()
    for code in EMOJI:
        if code in known and is_drawn(code):
            image = Image.new("1", (16, 16))
            draw = ImageDraw.Draw(image)
            draw.fontmode = "1"
            draw.text((0, 14), chr(code), font=font, fill=1, anchor="ls")
            yield code, image.tobytes()


def pack(glyphs):
    """The runs of code points (how many; first and length of each), then the glyphs."""
    runs = []
    for code in sorted(glyphs):
        if runs and runs[-1][0] + runs[-1][1] == code:
            runs[-1][1] += 1
        else:
            runs.append([code, 1])
    head = struct.pack("<I", len(runs)) + b"".join(struct.pack("<II", *run) for run in runs)
    return zlib.compress(head + b"".join(glyphs[code] for code in sorted(glyphs)), 9)


def main(noto, hex_file, otf):
    for script in SHAPED:
        shaped(Path(noto), script)
    outlined = set()
    for font in HERE.glob("*.ttf"):
        outlined |= TTFont(font).getBestCmap().keys()
    glyphs = dict(of_the_basic_plane(hex_file)) | dict(emoji(otf))
    glyphs = {code: rows for code, rows in glyphs.items() if code not in outlined}
    (HERE / "Unifont.z").write_bytes(pack(glyphs))


if __name__ == "__main__":
    main(*sys.argv[1:])
