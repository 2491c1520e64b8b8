//! How much clients may put into a forge.
//!
//! Invariant: neither items nor bytes exceed their bounds, and no id is given twice.

use super::refused::Refused;

/// The most items that clients can create on one server.
pub(crate) const MAX_CREATED: usize = 10_000;
/// The most bytes of files that clients can store on one server.
const MAX_STORED: usize = 1 << 29;
/// Above the numbers of what is seeded.
const FIRST_ID: usize = 1_000;

/// What has been created.
#[derive(Debug, Default)]
pub(crate) struct Created {
    pub items: usize,
    bytes: usize,
}

impl Created {
    /// Counts one more item with so many bytes, and gives it its id.
    pub fn take(&mut self, bytes: usize) -> Result<u64, Refused> {
        if self.items >= MAX_CREATED || self.bytes.saturating_add(bytes) > MAX_STORED {
            return Err(Refused::Full);
        }
        self.items += 1;
        self.bytes += bytes;
        Ok((FIRST_ID + self.items) as u64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn items_and_bytes_are_bounded() {
        let mut created = Created::default();
        assert_eq!(created.take(MAX_STORED), Ok(1_001));
        assert_eq!((created.take(1), created.take(0)), (Err(Refused::Full), Ok(1_002)));
        created.items = MAX_CREATED;
        assert_eq!(created.take(0), Err(Refused::Full));
    }
}
