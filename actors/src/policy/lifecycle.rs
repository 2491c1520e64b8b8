//! A plugin's life as a typed machine.
//!
//! Invariant: a step that the table does not list is refused; there is no other way from one state to another.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Where a plugin is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Life {
    /// It is known, and nothing more.
    Discovered,
    /// Its settings are sound.
    Validated,
    /// Its code is there and can make a driver.
    Loaded,
    /// Its place in the gateway is made: breaker, bulkhead, meters.
    Initialized,
    /// Its actors run.
    Started,
    /// It is healthy and takes calls.
    Running,
    /// A successor is being started beside it; it takes calls meanwhile.
    Updating,
    /// It takes no calls, because something went wrong.
    Failed,
    /// It takes no more calls; those in flight have their time.
    Stopping,
    /// It is gone, but for its name.
    Stopped,
}

/// A step that the table does not list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct IllegalStep {
    /// From here.
    pub from: Life,
    /// There is no way to there.
    pub to: Life,
}

impl Life {
    /// Every state, in the order of a life.
    pub const ALL: [Life; 10] = [
        Life::Discovered,
        Life::Validated,
        Life::Loaded,
        Life::Initialized,
        Life::Started,
        Life::Running,
        Life::Updating,
        Life::Failed,
        Life::Stopping,
        Life::Stopped,
    ];

    /// The states that may follow.
    pub const fn followers(self) -> &'static [Life] {
        match self {
            // Each step of the start may fail.
            Life::Discovered => &[Life::Validated, Life::Failed],
            Life::Validated => &[Life::Loaded, Life::Failed],
            Life::Loaded => &[Life::Initialized, Life::Failed],
            Life::Initialized => &[Life::Started, Life::Failed],
            Life::Started => &[Life::Running, Life::Failed],
            Life::Running => &[Life::Stopping, Life::Failed, Life::Updating],
            Life::Updating => &[Life::Running, Life::Failed],
            // Well again; given up; or begun anew, where the start itself had failed.
            Life::Failed => &[Life::Running, Life::Stopping, Life::Discovered],
            Life::Stopping => &[Life::Stopped],
            Life::Stopped => &[Life::Discovered],
        }
    }

    /// Takes a step.
    ///
    /// # Errors
    /// [`IllegalStep`] where the table does not list it.
    pub fn step(self, to: Life) -> Result<Life, IllegalStep> {
        if self.followers().contains(&to) {
            Ok(to)
        } else {
            Err(IllegalStep { from: self, to })
        }
    }

    /// Its name in JSON and labels.
    pub const fn as_str(self) -> &'static str {
        match self {
            Life::Discovered => "discovered",
            Life::Validated => "validated",
            Life::Loaded => "loaded",
            Life::Initialized => "initialized",
            Life::Started => "started",
            Life::Running => "running",
            Life::Updating => "updating",
            Life::Failed => "failed",
            Life::Stopping => "stopping",
            Life::Stopped => "stopped",
        }
    }

    /// It takes calls.
    pub const fn serves(self) -> bool {
        matches!(self, Life::Running | Life::Updating)
    }
}

impl fmt::Display for Life {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Display for IllegalStep {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a plugin that is {} cannot become {}", self.from, self.to)
    }
}

impl std::error::Error for IllegalStep {}

#[cfg(test)]
mod tests {
    use super::*;

    /// The table as the design draws it, and our additions apart.
    const DESIGNED: [(Life, Life); 13] = [
        (Life::Discovered, Life::Validated),
        (Life::Validated, Life::Loaded),
        (Life::Loaded, Life::Initialized),
        (Life::Initialized, Life::Started),
        (Life::Started, Life::Running),
        (Life::Running, Life::Stopping),
        (Life::Stopping, Life::Stopped),
        (Life::Running, Life::Failed),
        (Life::Failed, Life::Running),
        (Life::Failed, Life::Stopping),
        (Life::Running, Life::Updating),
        (Life::Updating, Life::Running),
        (Life::Updating, Life::Failed),
    ];
    const ADDED: [(Life, Life); 7] = [
        (Life::Discovered, Life::Failed),
        (Life::Validated, Life::Failed),
        (Life::Loaded, Life::Failed),
        (Life::Initialized, Life::Failed),
        (Life::Started, Life::Failed),
        (Life::Failed, Life::Discovered),
        (Life::Stopped, Life::Discovered),
    ];

    #[test]
    fn exactly_the_listed_steps_are_legal() {
        for from in Life::ALL {
            for to in Life::ALL {
                let listed = DESIGNED.contains(&(from, to)) || ADDED.contains(&(from, to));
                assert_eq!(from.step(to).is_ok(), listed, "{from} -> {to}");
            }
        }
    }
}
