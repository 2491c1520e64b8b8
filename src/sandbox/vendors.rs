//! The table of all vendors.
//!
//! A vendor is a folder beside this file and one row in [`VENDORS`]; `kit` has what it needs.
//!
//! Invariant: nothing that a vendor uses imports this.

use super::kit::vendor::VendorRow;
use super::{anthropic, bookstack, gitea, github, gitlab, jenkins, notion, openai, woodpecker};

/// One row per vendor.
const VENDORS: &[VendorRow] = &[
    anthropic::VENDOR,
    bookstack::VENDOR,
    gitea::VENDOR,
    github::VENDOR,
    gitlab::VENDOR,
    jenkins::VENDOR,
    notion::VENDOR,
    openai::VENDOR,
    woodpecker::VENDOR,
];

/// The vendor of this name.
pub(crate) fn find(name: &str) -> Option<&'static VendorRow> {
    VENDORS.iter().find(|row| row.name == name)
}

/// All names.
pub(crate) fn names() -> Vec<&'static str> {
    VENDORS.iter().map(|row| row.name).collect()
}
