//! Whether the references to secrets lead somewhere, and whether others can read what is there.
//!
//! Invariant: a secret's value is read and dropped here; no finding holds any of it.

use std::path::Path;

use crate::config::Config;
use crate::secret::SecretRef;

use super::Finding;

pub(super) fn check(config: &Config) -> Vec<Finding> {
    references(config)
        .into_iter()
        .map(|(key, reference, lines)| one(key, reference, lines))
        .collect()
}

/// Every reference of the configuration, by its key there, and whether it leads to several lines.
fn references(config: &Config) -> Vec<(String, &SecretRef, bool)> {
    let own = [
        ("admin.token", &config.admin.token),
        ("state.encryption_key", &config.state.encryption_key),
        ("server.cluster_key", &config.server.cluster_key),
        ("cache.l2.password", &config.cache.l2.password),
    ];
    let own = own
        .into_iter()
        .filter_map(|(key, reference)| Some((key.to_owned(), reference.as_ref()?)));
    let keys = config
        .keys
        .iter()
        .map(|(name, key)| (format!("keys.{name}.key"), &key.key));
    let providers = config.providers.iter();
    let theirs = providers.flat_map(|(name, provider)| {
        let references = provider.references().into_iter();
        references.map(move |its| (format!("providers.{name}.{}", its.key), its.reference, its.lines))
    });
    own.chain(keys)
        .map(|(key, reference)| (key, reference, false))
        .chain(theirs)
        .collect()
}

fn one(key: String, reference: &SecretRef, lines: bool) -> Finding {
    let finding = Finding::of("secrets", key);
    let read = match lines {
        true => reference.resolve_lines(),
        false => reference.resolve(),
    };
    if let Err(error) = read {
        let remedy = match (reference, reference.place()) {
            (SecretRef::Env(_), Some(name)) => format!("Set the variable {name} for the gateway's process."),
            (SecretRef::File(_), Some(path)) => format!("Put the secret into {path}, as one line of text."),
            (_, None) => {
                "Put the secret into a variable or a file, and its name here; if it was pasted here, renew it."
                    .to_owned()
            }
        };
        return finding.failed(error.to_string(), remedy);
    }
    match reference {
        SecretRef::File(path) if is_open(path) => finding.warning(
            format!("{reference} is there, and other users of this machine can read or change it"),
            format!("chmod 600 {}", path.display()),
        ),
        _ => finding.ok(format!("{reference} is there")),
    }
}

/// Whether others may read the file, or anybody but its owner may write it.
#[cfg(unix)]
fn is_open(path: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt;
    const OPEN: u32 = 0o026;
    std::fs::metadata(path).is_ok_and(|found| found.permissions().mode() & OPEN != 0)
}

#[cfg(not(unix))]
fn is_open(_path: &Path) -> bool {
    false
}

#[cfg(all(test, unix))]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;
    use crate::doctor::CheckStatus;

    #[test]
    fn a_missing_secret_fails_and_an_open_file_warns() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), "planted-secret-4711").unwrap();
        let found = |mode| {
            std::fs::set_permissions(file.path(), std::fs::Permissions::from_mode(mode)).unwrap();
            let finding = one(
                "admin.token".to_owned(),
                &SecretRef::File(file.path().to_owned()),
                false,
            );
            assert!(!format!("{finding:?}").contains("planted"));
            finding.verdict
        };
        assert_eq!(found(0o600), CheckStatus::Ok);
        assert_eq!(found(0o640), CheckStatus::Ok);
        assert_eq!(found(0o644), CheckStatus::Warning);
        assert_eq!(found(0o620), CheckStatus::Warning);
        let missing = one(
            "keys.a.key".to_owned(),
            &SecretRef::Env("MOSAIC_NO_SUCH_VARIABLE".to_owned()),
            false,
        );
        assert_eq!(missing.verdict, CheckStatus::Failed);
        assert!(missing.remedy.unwrap().contains("MOSAIC_NO_SUCH_VARIABLE"));
    }
}
