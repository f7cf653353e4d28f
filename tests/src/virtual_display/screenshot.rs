//! A screenshot, and its PNG file.

use std::{
    cmp::Reverse,
    collections::HashMap,
    fs::File,
    io::{self, BufWriter},
    path::Path,
};

use png::{ColorType, Compression, Encoder};

/// The pixels of a display.
#[derive(Clone, Debug)]
pub struct Screenshot {
    size: (usize, usize),
    /// Red, green and blue of each pixel, line by line.
    bytes: Vec<u8>,
}

impl Screenshot {
    /// Reads an XWD of 32 bits per pixel: a header whose first word is its own length, twelve bytes
    /// for each colour of the map that the twentieth word counts, the lines of pixels, of which the
    /// thirteenth word has the length.
    pub(super) fn of_xwd(xwd: &[u8], size: (usize, usize)) -> io::Result<Self> {
        let word = |at: usize| {
            let word = xwd.get(4 * at..4 * at + 4)?.try_into().ok()?;
            Some(u32::from_be_bytes(word) as usize)
        };
        let truncated = || io::Error::from(io::ErrorKind::UnexpectedEof);
        let (header, colors) = word(0).zip(word(19)).ok_or_else(truncated)?;
        let (stride, start) = (word(12).ok_or_else(truncated)?, header + 12 * colors);
        let mut bytes = Vec::with_capacity(3 * size.0 * size.1);
        for line in 0..size.1 {
            let begin = start + line * stride;
            let line = xwd.get(begin..begin + 4 * size.0).ok_or_else(truncated)?;
            bytes.extend(line.chunks_exact(4).flat_map(|pixel| [pixel[2], pixel[1], pixel[0]]));
        }
        Ok(Self { size, bytes })
    }

    /// A picture of these pixels.
    #[cfg(test)]
    pub(super) fn of_rgb(size: (usize, usize), bytes: Vec<u8>) -> Self {
        Self { size, bytes }
    }

    /// Its width and height, in pixels.
    pub fn size(&self) -> (usize, usize) {
        self.size
    }

    /// Red, green and blue of each pixel, line by line.
    pub(super) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// How many pixels have each colour (red, green and blue), the most frequent first.
    pub fn colors(&self) -> Vec<([u8; 3], usize)> {
        let mut counts = HashMap::new();
        for pixel in self.bytes.as_chunks::<3>().0 {
            *counts.entry(*pixel).or_insert(0) += 1;
        }
        let mut colors: Vec<_> = counts.into_iter().collect();
        colors.sort_by_key(|&(pixel, count)| (Reverse(count), pixel));
        colors
    }

    /// Writes it as a PNG.
    pub fn save(&self, path: &Path) -> io::Result<()> {
        let (width, height) = (self.size.0 as u32, self.size.1 as u32);
        let mut encoder = Encoder::new(BufWriter::new(File::create(path)?), width, height);
        encoder.set_color(ColorType::Rgb);
        encoder.set_compression(Compression::High);
        let mut writer = encoder.write_header()?;
        writer.write_image_data(&self.bytes)?;
        Ok(writer.finish()?)
    }
}
