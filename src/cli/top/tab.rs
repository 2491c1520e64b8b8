//! The tabs of `mosaic top`.
//!
//! Invariant: each is in [`TABS`], once.

/// What can be looked at, in the order of the tabs.
pub const TABS: [Tab; 6] = [
    Tab::Tree,
    Tab::Providers,
    Tab::Breakers,
    Tab::Caches,
    Tab::Tenants,
    Tab::Calls,
];

/// One of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tab {
    Tree,
    Providers,
    Breakers,
    Caches,
    Tenants,
    Calls,
}

impl Tab {
    /// Its name.
    pub const fn name(self) -> &'static str {
        match self {
            Tab::Tree => "Tree",
            Tab::Providers => "Providers",
            Tab::Breakers => "Breakers",
            Tab::Caches => "Caches",
            Tab::Tenants => "Tenants",
            Tab::Calls => "Calls",
        }
    }

    /// Its place among them.
    pub fn place(self) -> usize {
        TABS.iter().position(|tab| *tab == self).unwrap_or(0)
    }
}
