//! Lists and texts of a fixed size, which count what did not fit.
//!
//! Invariant: nothing here allocates, and a text that is cut is cut between two characters.

/// At most `N` items; those beyond are counted.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Few<T, const N: usize> {
    items: [T; N],
    len: u8,
    left_out: u32,
}

impl<T: Copy + Default, const N: usize> Default for Few<T, N> {
    fn default() -> Self {
        const { assert!(N <= u8::MAX as usize) };
        Few {
            items: [T::default(); N],
            len: 0,
            left_out: 0,
        }
    }
}

impl<T, const N: usize> Few<T, N> {
    /// Adds an item, or counts it.
    pub(crate) fn push(&mut self, item: T) {
        match self.items.get_mut(usize::from(self.len)) {
            Some(place) => {
                *place = item;
                self.len += 1;
            }
            None => self.leave_out(1),
        }
    }

    /// Counts items that nobody tries to add.
    pub(crate) fn leave_out(&mut self, count: usize) {
        let count = u32::try_from(count).unwrap_or(u32::MAX);
        self.left_out = self.left_out.saturating_add(count);
    }

    /// What was added, in order.
    pub(crate) fn items(&self) -> &[T] {
        &self.items[..usize::from(self.len)]
    }

    /// The same, to be written.
    pub(crate) fn items_mut(&mut self) -> &mut [T] {
        &mut self.items[..usize::from(self.len)]
    }

    /// Adds an item, in the last one's place where there is no room for it beside.
    pub(crate) fn push_over(&mut self, item: T) {
        match self.items.last_mut() {
            Some(last) if usize::from(self.len) == N => {
                *last = item;
                self.leave_out(1);
            }
            _ => self.push(item),
        }
    }

    /// How many did not fit.
    pub(crate) fn left_out(&self) -> u32 {
        self.left_out
    }

    /// Has no items again.
    pub(crate) fn clear(&mut self) {
        (self.len, self.left_out) = (0, 0);
    }
}

/// The first `N` bytes of a text.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Cut<const N: usize> {
    bytes: [u8; N],
    len: u8,
    cut: bool,
}

impl<const N: usize> Default for Cut<N> {
    fn default() -> Self {
        const { assert!(N <= u8::MAX as usize) };
        Cut {
            bytes: [0; N],
            len: 0,
            cut: false,
        }
    }
}

impl<const N: usize> Cut<N> {
    /// Holds this text now, as far as there is room.
    pub(crate) fn set(&mut self, text: &str) {
        let len = text.floor_char_boundary(N);
        self.bytes[..len].copy_from_slice(&text.as_bytes()[..len]);
        // At most N, which fits.
        (self.len, self.cut) = (len as u8, len < text.len());
    }

    /// What there was room for.
    pub(crate) fn text(&self) -> &str {
        std::str::from_utf8(&self.bytes[..usize::from(self.len)]).unwrap_or_default()
    }

    /// Whether there was more.
    pub(crate) fn is_cut(&self) -> bool {
        self.cut
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn holds_the_first_and_counts_the_rest(items in proptest::collection::vec(0u32..9, 0..20), more in 0usize..5) {
            let mut few: Few<u32, 8> = Few::default();
            items.iter().for_each(|item| few.push(*item));
            few.leave_out(more);
            let fit = items.len().min(8);
            prop_assert_eq!(few.items(), &items[..fit]);
            prop_assert_eq!(few.left_out() as usize, items.len() - fit + more);
            few.push_over(99);
            prop_assert_eq!(few.items().last(), Some(&99));
            prop_assert_eq!(few.items().len() + few.left_out() as usize, items.len() + more + 1);
        }

        #[test]
        fn a_text_is_cut_between_two_characters(text in "\\PC{0,80}") {
            let mut cut: Cut<96> = Cut::default();
            cut.set(&text);
            prop_assert!(text.starts_with(cut.text()));
            prop_assert_eq!(cut.is_cut(), cut.text().len() < text.len());
            prop_assert!(!cut.is_cut() || cut.text().len() > 96 - 4);
        }
    }
}
