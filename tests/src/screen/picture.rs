//! A picture, and the small file that it becomes.

use std::{
    collections::HashMap,
    fs::File,
    io::{self, BufWriter},
    path::Path,
};

use png::{BitDepth, ColorType, Compression, Encoder, Filter};

/// A colour: red, green and blue.
pub type Pixel = [u8; 3];

/// The most colours that a file of one byte a pixel can have.
const PALETTE_MAX: usize = 256;

/// From which distance on two colours are unlike, so that both stay.
const UNLIKE: u32 = 40 * 40;

/// What is on a screen.
#[derive(Clone, Debug)]
pub struct Picture {
    size: (usize, usize),
    pixels: Vec<Pixel>,
}

impl Picture {
    /// Reads an XWD of 32 bits a pixel: a header whose first word is its own length, twelve bytes
    /// for each colour of the map that the twentieth word counts, the lines of pixels, of which the
    /// thirteenth word tells the bytes.
    pub(super) fn of_xwd(bytes: &[u8], size: (usize, usize)) -> io::Result<Self> {
        let word = |at: usize| {
            let word = bytes.get(4 * at..4 * at + 4)?.try_into().ok()?;
            Some(u32::from_be_bytes(word) as usize)
        };
        let cut_off = || io::Error::from(io::ErrorKind::UnexpectedEof);
        let (header, colors) = word(0).zip(word(19)).ok_or_else(cut_off)?;
        let (stride, start) = (word(12).ok_or_else(cut_off)?, header + 12 * colors);
        let mut pixels = Vec::with_capacity(size.0 * size.1);
        for line in 0..size.1 {
            let begin = start + line * stride;
            let line = bytes.get(begin..begin + 4 * size.0).ok_or_else(cut_off)?;
            pixels.extend(line.chunks_exact(4).map(|pixel| [pixel[2], pixel[1], pixel[0]]));
        }
        Ok(Self { size, pixels })
    }

    /// How many pixels have which colour, the most frequent first.
    pub fn colors(&self) -> Vec<(Pixel, usize)> {
        let mut counts = HashMap::new();
        for pixel in &self.pixels {
            *counts.entry(*pixel).or_insert(0) += 1;
        }
        let mut colors: Vec<_> = counts.into_iter().collect();
        colors.sort_by_key(|&(pixel, count)| (std::cmp::Reverse(count), pixel));
        colors
    }

    /// Writes it as a PNG of at most 256 colours; the others become the nearest of these.
    ///
    /// # Errors
    /// If the file cannot be written.
    pub fn save(&self, path: &Path) -> io::Result<()> {
        let colors = self.colors();
        let palette = palette(&colors);
        let places: HashMap<Pixel, u8> =
            colors.iter().map(|&(pixel, _)| (pixel, nearest(&palette, pixel))).collect();
        let indexes: Vec<u8> = self.pixels.iter().map(|pixel| places[pixel]).collect();
        let (width, height) = (self.size.0 as u32, self.size.1 as u32);
        let mut encoder = Encoder::new(BufWriter::new(File::create(path)?), width, height);
        encoder.set_color(ColorType::Indexed);
        encoder.set_depth(BitDepth::Eight);
        encoder.set_palette(palette.concat());
        encoder.set_compression(Compression::High);
        encoder.set_filter(Filter::NoFilter);
        let mut writer = encoder.write_header()?;
        writer.write_image_data(&indexes)?;
        Ok(writer.finish()?)
    }
}

/// The colours of a file. A window has few, and many shades of its smoothed text: first comes one of
/// each that is unlike all others, however rare, then the most frequent shades.
fn palette(colors: &[(Pixel, usize)]) -> Vec<Pixel> {
    let mut palette: Vec<Pixel> = Vec::with_capacity(PALETTE_MAX);
    for unlike in [UNLIKE, 1] {
        for &(pixel, _) in colors {
            let is_new = palette.iter().all(|other| distance(pixel, *other) >= unlike);
            if is_new && palette.len() < PALETTE_MAX {
                palette.push(pixel);
            }
        }
    }
    palette
}

/// How far apart two colours are, squared.
fn distance(one: Pixel, other: Pixel) -> u32 {
    let parts = one.iter().zip(other).map(|(one, other)| one.abs_diff(other));
    parts.map(|part| u32::from(part).pow(2)).sum()
}

fn nearest(palette: &[Pixel], pixel: Pixel) -> u8 {
    let places = palette.iter().enumerate();
    places.min_by_key(|(_, other)| distance(pixel, **other)).map_or(0, |(place, _)| place as u8)
}
