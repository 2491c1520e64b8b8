//! Archives of files, stored as they are.
//!
//! Invariant: the same files give the same bytes.

use bytes::Bytes;

/// 1980-01-01, the first day that an archive can name.
const DATE: u16 = 0x21;
/// The version that readers need for files that are stored as they are.
const VERSION: u16 = 10;
/// Names are in UTF-8.
const UTF8: u16 = 1 << 11;

/// An archive of files, given by path and content. The sandbox makes none that needs the wider format.
pub(crate) fn zip<'a>(files: impl IntoIterator<Item = (&'a str, &'a Bytes)>) -> Bytes {
    let (mut archive, mut directory, mut count) = (Vec::new(), Vec::new(), 0_u16);
    for (path, content) in files {
        let offset = length(archive.len());
        let facts = facts(path, content);
        archive.extend(0x0403_4b50_u32.to_le_bytes());
        archive.extend(&facts);
        archive.extend(path.as_bytes());
        archive.extend(content.as_ref());
        directory.extend(0x0201_4b50_u32.to_le_bytes());
        directory.extend(VERSION.to_le_bytes());
        directory.extend(&facts);
        // No comment, the first disk, no attributes.
        directory.extend([0; 10]);
        directory.extend(offset.to_le_bytes());
        directory.extend(path.as_bytes());
        count += 1;
    }
    let start = length(archive.len());
    archive.extend(&directory);
    archive.extend(0x0605_4b50_u32.to_le_bytes());
    archive.extend([0; 4]);
    archive.extend(count.to_le_bytes());
    archive.extend(count.to_le_bytes());
    archive.extend(length(directory.len()).to_le_bytes());
    archive.extend(start.to_le_bytes());
    archive.extend([0; 2]);
    archive.into()
}

/// What both the file's own head and the directory say of it.
fn facts(path: &str, content: &[u8]) -> Vec<u8> {
    let mut facts = Vec::new();
    // Version, flags, stored as it is, time, date.
    for word in [VERSION, UTF8, 0, 0, DATE] {
        facts.extend(word.to_le_bytes());
    }
    for long in [crc32(content), length(content.len()), length(content.len())] {
        facts.extend(long.to_le_bytes());
    }
    let name = u16::try_from(path.len()).unwrap_or(u16::MAX);
    for word in [name, 0] {
        facts.extend(word.to_le_bytes());
    }
    facts
}

fn length(length: usize) -> u32 {
    u32::try_from(length).unwrap_or(u32::MAX)
}

fn crc32(content: &[u8]) -> u32 {
    !content.iter().fold(u32::MAX, |sum, byte| {
        (0..8).fold(sum ^ u32::from(*byte), |sum, _| {
            let odd = sum & 1 == 1;
            sum >> 1 ^ if odd { 0xEDB8_8320 } else { 0 }
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sum_is_the_usual_one() {
        assert_eq!(crc32(b"123456789"), 0xCBF4_3926);
    }

    #[test]
    fn the_end_leads_to_the_directory_and_that_to_each_file() {
        let (one, two) = (Bytes::from_static(b"one"), Bytes::from_static(b""));
        let archive = zip([("a.txt", &one), ("dir/b", &two)]);
        let end = &archive[archive.len() - 22..];
        let number = |bytes: &[u8]| u32::from_le_bytes(bytes.try_into().unwrap()) as usize;
        assert_eq!((&end[..4], end[10]), (&b"PK\x05\x06"[..], 2));
        let (size, start) = (number(&end[12..16]), number(&end[16..20]));
        assert_eq!(start + size + 22, archive.len());
        assert_eq!(&archive[start..start + 4], b"PK\x01\x02");
        assert_eq!(&archive[start + 46..start + 51], b"a.txt");
        let second = start + 46 + 5;
        let at = number(&archive[second + 42..second + 46]);
        assert_eq!(
            (&archive[at..at + 4], &archive[at + 30..at + 35]),
            (&b"PK\x03\x04"[..], &b"dir/b"[..])
        );
    }
}
