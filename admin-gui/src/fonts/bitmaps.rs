use std::{
    io::{self, Read},
    sync::LazyLock,
};

use flate2::read::ZlibDecoder;
use tracing::warn;

/// Most of the basic plane, and emoji. Its making is `assets/fonts/fallback.py`.
const PACKED: &[u8] = include_bytes!("../../assets/fonts/Unifont.z");

/// The width and the height of a bitmap.
pub(super) const SIDE: usize = 16;

/// The rows of a bitmap, from the top. The leftmost pixel is the highest bit.
pub(super) type Bitmap = [u16; SIDE];

/// Unpacked when the first character is met that no font has: most never do, and it takes 1.6 MB.
static UNIFONT: LazyLock<Unifont> = LazyLock::new(|| {
    unpack(PACKED).unwrap_or_else(|error| {
        warn!(%error, "the bitmaps cannot be unpacked");
        Unifont::default()
    })
});

/// Bitmaps by character.
#[derive(Debug, Default)]
struct Unifont {
    /// Characters that follow one another: the first, how many, and the place of the first bitmap.
    runs: Vec<(u32, u32, usize)>,
    bitmaps: Vec<Bitmap>,
}

/// The bitmap of a character, if there is one.
pub(super) fn bitmap(character: char) -> Option<&'static Bitmap> {
    let (code, unifont) = (u32::from(character), &*UNIFONT);
    let after = unifont.runs.partition_point(|&(first, ..)| first <= code);
    let &(first, count, place) = unifont.runs.get(after.checked_sub(1)?)?;
    let at = code - first;
    (at < count).then(|| unifont.bitmaps.get(place + at as usize)).flatten()
}

/// How many runs there are, each of them, and the bitmaps: all numbers little endian, all rows big.
fn unpack(packed: &[u8]) -> io::Result<Unifont> {
    let mut bytes = ZlibDecoder::new(packed);
    let mut unifont = Unifont::default();
    let (count, mut place) = (number(&mut bytes)?, 0);
    for _ in 0..count {
        let (first, length) = (number(&mut bytes)?, number(&mut bytes)?);
        unifont.runs.push((first, length, place));
        place += length as usize;
    }
    let mut rows = Vec::with_capacity(place * size_of::<Bitmap>());
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
    fn each_character_has_its_own_bitmap() {
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
