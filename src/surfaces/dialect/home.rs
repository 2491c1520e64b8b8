//! Files by the ids that we told: within a conversation a provider knows them by its own.
//!
//! Invariant: whoever says a file is asked of the instance that has it, and files of two instances are never said together.

use mosaic_actors::call::Resource;
use mosaic_actors::error::Failure;

use super::fields::unsupported;

/// The instance that has what is said.
#[derive(Debug, Default)]
pub struct Home(Option<String>);

impl Home {
    /// The provider's own id of a file that is told at `place`.
    ///
    /// # Errors
    /// `unsupported` where another instance has it than has the others.
    pub fn native(&mut self, place: &str, id: String) -> Result<String, Failure> {
        let resource = Resource::parse(&id);
        let Some(instance) = resource.instance() else {
            return Ok(id);
        };
        match &self.0 {
            Some(other) if **other != **instance => {
                Err(unsupported(place, "is at another provider than the file before it"))
            }
            _ => {
                self.0 = Some(instance.to_string());
                Ok(resource.native().to_string())
            }
        }
    }

    /// Where it is.
    pub fn instance(&self) -> Option<&str> {
        self.0.as_deref()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_of_one_instance_are_asked_of_it() {
        let mut home = Home::default();
        assert_eq!(home.native("a", "file-1".to_owned()).expect("plain"), "file-1");
        assert_eq!(home.instance(), None);
        assert_eq!(home.native("a", "one~file-2".to_owned()).expect("its own"), "file-2");
        assert_eq!(home.instance(), Some("one"));
        let failure = home.native("b", "two~file-3".to_owned()).expect_err("elsewhere");
        assert_eq!(failure.field.as_deref(), Some("b"));
    }
}
