//! Files that operators provide: certificates, keys and secrets.

use std::{
    fs::File,
    io::{self, Read},
    os::unix::fs::PermissionsExt,
    path::Path,
};

use thiserror::Error;
use tracing::warn;

use crate::defaults::TEXT_FILE_BYTES_MAX;

/// The byte order mark that some editors put before UTF-8 text.
const UTF8_MARK: &[u8] = b"\xef\xbb\xbf";

/// The byte order marks of UTF-16, little-endian and big-endian.
const UTF16_MARKS: [[u8; 2]; 2] = [*b"\xff\xfe", *b"\xfe\xff"];

/// The mode bits that let users other than the owner read or write.
const OTHERS_MODE: u32 = 0o066;

/// Why a file cannot be used. The message follows the file's name.
#[derive(Debug, Error)]
pub enum TextFileError {
    /// The file does not exist.
    #[error("is missing")]
    Missing,
    /// The path is a folder.
    #[error("is a folder, not a file")]
    Folder,
    /// The system refused to read it.
    #[error("cannot be read ({0}); check its owner and mode")]
    Unreadable(#[source] io::Error),
    /// It is empty, or only white space.
    #[error("is empty")]
    Empty,
    /// It exceeds [`TEXT_FILE_BYTES_MAX`].
    #[error("is larger than {} KiB", TEXT_FILE_BYTES_MAX / 1024)]
    TooLarge,
    /// It is encoded in UTF-16.
    #[error("is UTF-16 text (save it as UTF-8)")]
    Utf16,
}

/// Reads a file without a byte order mark and without white space at either end.
///
/// # Errors
/// If the file cannot be read, is empty, too large or UTF-16.
pub fn read_text(path: &Path) -> Result<Vec<u8>, TextFileError> {
    read(open(path)?)
}

/// As [`read_text`], and warns if users other than the owner may read or change the file. `what`
/// names its content, such as "private key".
///
/// # Errors
/// As [`read_text`].
pub fn read_secret(path: &Path, what: &str) -> Result<Vec<u8>, TextFileError> {
    let file = open(path)?;
    warn_if_exposed(&file, path, what);
    read(file)
}

fn open(path: &Path) -> Result<File, TextFileError> {
    let file = File::open(path).map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => TextFileError::Missing,
        _ => TextFileError::Unreadable(error),
    })?;
    let is_folder = file.metadata().is_ok_and(|metadata| metadata.is_dir());
    if is_folder { Err(TextFileError::Folder) } else { Ok(file) }
}

fn read(file: File) -> Result<Vec<u8>, TextFileError> {
    let mut text = Vec::new();
    let most = TEXT_FILE_BYTES_MAX as u64 + 1;
    file.take(most).read_to_end(&mut text).map_err(TextFileError::Unreadable)?;
    if text.len() > TEXT_FILE_BYTES_MAX {
        return Err(TextFileError::TooLarge);
    }
    if is_utf16(&text) {
        return Err(TextFileError::Utf16);
    }
    let text = text.strip_prefix(UTF8_MARK).unwrap_or(&text).trim_ascii();
    if text.is_empty() { Err(TextFileError::Empty) } else { Ok(text.to_owned()) }
}

/// Whether the text is ASCII encoded as UTF-16. The mark alone is no proof: a secret of random bytes
/// may begin with it.
fn is_utf16(text: &[u8]) -> bool {
    let Some((mark, text)) = text.split_first_chunk::<2>() else { return false };
    let high = usize::from(*mark == UTF16_MARKS[0]);
    let is_ascii = |pair: &[u8]| matches!(pair, [_, _]) && pair[high] == 0;
    UTF16_MARKS.contains(mark) && text.chunks(2).all(is_ascii)
}

fn warn_if_exposed(file: &File, path: &Path, what: &str) {
    let Ok(metadata) = file.metadata() else { return };
    let mode = metadata.permissions().mode();
    if metadata.is_file() && mode & OTHERS_MODE != 0 {
        let file = path.display();
        let mode = format_args!("{:04o}", mode & 0o7777);
        warn!(%file, %mode, "other users may read or change this {what}: run chmod 600 {file}");
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn read_back(content: &[u8]) -> Result<Vec<u8>, String> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("secret");
        fs::write(&path, content).unwrap();
        read_text(&path).map_err(|error| error.to_string())
    }

    #[test]
    fn byte_order_mark_and_line_end_are_stripped() {
        for content in [&b"secret"[..], b"secret\n", b"secret\r\n", b"\xef\xbb\xbfsecret\r\n"] {
            assert_eq!(read_back(content).unwrap(), b"secret");
        }
        let random = b"\xff\xfe\x93\x12\x00\x8f";
        assert_eq!(read_back(random).unwrap(), random);
    }

    #[test]
    fn unusable_file_is_classified() {
        let little: Vec<_> =
            "\u{feff}secret\r\n".encode_utf16().flat_map(u16::to_le_bytes).collect();
        let big: Vec<_> = "\u{feff}secret".encode_utf16().flat_map(u16::to_be_bytes).collect();
        for utf16 in [little, big] {
            assert!(read_back(&utf16).unwrap_err().contains("UTF-16"));
        }
        for empty in [&b""[..], b"\r\n", b"\xef\xbb\xbf\n", b"\xff\xfe"] {
            let why = read_back(empty).unwrap_err();
            assert!(why.contains("empty") || empty == b"\xff\xfe", "{empty:?}: {why}");
        }
        let large = vec![b'x'; TEXT_FILE_BYTES_MAX + 1];
        assert!(read_back(&large).unwrap_err().contains("larger"));
        let folder = tempfile::tempdir().unwrap();
        assert!(matches!(read_text(folder.path()), Err(TextFileError::Folder)));
        assert!(matches!(read_text(&folder.path().join("x")), Err(TextFileError::Missing)));
        assert!(matches!(read_text(Path::new("/dev/zero")), Err(TextFileError::TooLarge)));
    }
}
