//! A moving picture: an animated PNG, which browsers show like any other picture.

use std::{fs::File, io, io::BufWriter, path::Path};

use png::{BlendOp, ColorType, Compression, DisposeOp, Encoder};

use super::Screenshot;

/// Screenshots of one size, taken at a steady rate.
#[derive(Debug, Default)]
pub struct Movie {
    frames: Vec<Screenshot>,
}

/// A part of a picture, in pixels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Part {
    left: usize,
    top: usize,
    width: usize,
    height: usize,
}

impl Movie {
    /// Adds a frame, of the size of the first.
    pub fn push(&mut self, frame: Screenshot) {
        self.frames.push(frame);
    }

    /// Writes it as an animated PNG that is played again and again. Each frame is shown for `frame_ms`;
    /// of all but the first, only the part that differs from the one before is stored.
    pub fn save(&self, path: &Path, frame_ms: u16) -> io::Result<()> {
        let first = self.frames.first().ok_or_else(|| io::Error::other("there are no frames"))?;
        let (width, height) = first.size();
        let file = BufWriter::new(File::create(path)?);
        let mut encoder = Encoder::new(file, width as u32, height as u32);
        encoder.set_color(ColorType::Rgb);
        encoder.set_compression(Compression::High);
        encoder.set_animated(self.frames.len() as u32, 0)?;
        encoder.set_frame_delay(frame_ms, 1_000)?;
        encoder.set_blend_op(BlendOp::Source)?;
        encoder.set_dispose_op(DisposeOp::None)?;
        let mut writer = encoder.write_header()?;
        writer.write_image_data(first.bytes())?;
        for [before, frame] in self.frames.array_windows() {
            let part = changed(before, frame);
            writer.reset_frame_position()?;
            writer.set_frame_dimension(part.width as u32, part.height as u32)?;
            writer.set_frame_position(part.left as u32, part.top as u32)?;
            writer.write_image_data(&cut(frame, part))?;
        }
        Ok(writer.finish()?)
    }
}

/// The smallest rectangle outside of which the frames are the same; one pixel if they are everywhere.
fn changed(before: &Screenshot, frame: &Screenshot) -> Part {
    let width = frame.size().0;
    let [old, new] = [before, frame].map(|shot| shot.bytes().chunks_exact(3 * width));
    let mut part: Option<(usize, usize, usize, usize)> = None;
    for (y, (old, new)) in old.zip(new).enumerate() {
        let differs = |x: &usize| old[3 * x..3 * x + 3] != new[3 * x..3 * x + 3];
        let Some(first) = (0..width).find(differs) else { continue };
        let last = (0..width).rfind(differs).unwrap_or(first);
        let (left, right, top, _) = part.unwrap_or((first, last, y, y));
        part = Some((left.min(first), right.max(last), top, y));
    }
    let (left, right, top, bottom) = part.unwrap_or_default();
    Part { left, top, width: right - left + 1, height: bottom - top + 1 }
}

fn cut(frame: &Screenshot, part: Part) -> Vec<u8> {
    let width = frame.size().0;
    let lines = (part.top..part.top + part.height).flat_map(|y| {
        let begin = 3 * (y * width + part.left);
        &frame.bytes()[begin..begin + 3 * part.width]
    });
    lines.copied().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A picture of 4 by 3 black pixels with these in white.
    fn picture(white: &[(usize, usize)]) -> Screenshot {
        let mut bytes = vec![0; 4 * 3 * 3];
        for (x, y) in white {
            bytes[3 * (4 * y + x)..][..3].fill(255);
        }
        Screenshot::of_rgb((4, 3), bytes)
    }

    #[test]
    fn only_the_changed_part_is_stored() {
        let (before, after) = (picture(&[(1, 1)]), picture(&[(1, 1), (2, 0), (3, 2)]));
        assert_eq!(changed(&before, &after), Part { left: 2, top: 0, width: 2, height: 3 });
        assert_eq!(changed(&after, &after), Part { left: 0, top: 0, width: 1, height: 1 });
        let part = Part { left: 1, top: 1, width: 2, height: 1 };
        assert_eq!(cut(&before, part), [255, 255, 255, 0, 0, 0]);
    }

    #[test]
    fn movie_has_all_its_frames() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("movie.png");
        let mut movie = Movie::default();
        for x in 0..4 {
            movie.push(picture(&[(x, 1)]));
        }
        movie.save(&path, 250).unwrap();
        let decoder = png::Decoder::new(io::BufReader::new(File::open(&path).unwrap()));
        let mut reader = decoder.read_info().unwrap();
        assert_eq!(reader.info().animation_control().unwrap().num_frames, 4);
        let mut bytes = vec![0; 36];
        let frames = std::iter::from_fn(|| reader.next_frame(&mut bytes).ok());
        assert_eq!(frames.count(), 4);
    }
}
