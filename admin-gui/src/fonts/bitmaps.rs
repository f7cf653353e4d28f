use std::{
    io::{self, Read},
    sync::LazyLock,
};

use flate2::read::ZlibDecoder;
use tracing::warn;

/// Most of the basic multilingual plane, and emoji. Made by `assets/fonts/fallback.py`.
const PACKED: &[u8] = include_bytes!("../../assets/fonts/Unifont.z");

/// The width and the height of a bitmap.
pub(super) const SIDE: usize = 16;

/// The rows of a bitmap, from the top. The leftmost pixel is the highest bit.
pub(super) type Bitmap = [u16; SIDE];

/// Unpacked at the first character that no font has: few windows meet one, and it takes 1.6 MB.
static UNIFONT: LazyLock<Unifont> = LazyLock::new(|| {
    unpack(PACKED).unwrap_or_else(|error| {
        warn!(%error, "cannot unpack the fallback font, drawing code points instead");
        Unifont::default()
    })
});

/// The bitmaps by character.
#[derive(Debug, Default)]
struct Unifont {
    /// Runs of consecutive characters: the first one, their number, the index of the first bitmap.
    runs: Vec<(u32, u32, usize)>,
    bitmaps: Vec<Bitmap>,
}

/// The bitmap of a character, if there is one.
pub(super) fn bitmap(character: char) -> Option<&'static Bitmap> {
    let (code, unifont) = (u32::from(character), &*UNIFONT);
    let after = unifont.runs.partition_point(|&(first, ..)| first <= code);
    let &(first, count, start) = unifont.runs.get(after.checked_sub(1)?)?;
    let offset = code - first;
    (offset < count).then(|| unifont.bitmaps.get(start + offset as usize)).flatten()
}

/// Reads the number of runs, the runs and the bitmaps. Numbers are little-endian, rows big-endian.
fn unpack(packed: &[u8]) -> io::Result<Unifont> {
    let mut bytes = ZlibDecoder::new(packed);
    let mut unifont = Unifont::default();
    let (count, mut start) = (number(&mut bytes)?, 0);
    for _ in 0..count {
        let (first, length) = (number(&mut bytes)?, number(&mut bytes)?);
        unifont.runs.push((first, length, start));
        start += length as usize;
    }
    let mut rows = Vec::with_capacity(start * size_of::<Bitmap>());
    bytes.read_to_end(&mut rows)?;
    let (bitmaps, _) = rows.as_chunks::<{ size_of::<Bitmap>() }>();
    unifont.bitmaps.extend(bitmaps.iter().map(|bitmap| {
        let rows = bitmap.as_chunks::<2>().0;
        std::array::from_fn(|row| u16::from_be_bytes(rows[row]))
    }));
    Ok(unifont)
}

fn number(bytes: &mut impl Read) -> io::Result<u32> {
    let mut number = [0; 4];
    bytes.read_exact(&mut number)?;
    Ok(u32::from_le_bytes(number))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn similar_characters_have_different_bitmaps() {
        // A vertical stroke through a box.
        let middle = bitmap('中').unwrap();
        assert_eq!(middle[0], 0b0000_0001_0000_0000);
        assert_eq!(middle[10], 0b0011_1111_1111_1000);
        for (one, other) in [('日', '目'), ('가', '각'), ('😀', '😁'), ('ক', 'খ'), ('ற', 'ஞ')]
        {
            assert_ne!(bitmap(one).unwrap(), bitmap(other).unwrap(), "{one} {other}");
        }
        assert!(bitmap('\u{10FFFF}').is_none() && bitmap('\0').is_none());
    }
}
