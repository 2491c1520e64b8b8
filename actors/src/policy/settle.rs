//! What is wanted of a plugin, what is there of it, and the one step from the one to the other.
//!
//! Invariant: from every state that can be reached, `settle` names the next step until the plugin is what is wanted of
//! it, or has failed and waits for its next look. What was placed stays listed here until it is taken down.

mod words;

use super::lifecycle::{IllegalStep, Life};
pub use words::{Ended, Order, Refusal, Turn, Wanted, Work};

/// A copy beside the one that serves, or the spec that shall replace a failed one's.
#[derive(Clone, Debug)]
struct Successor<P> {
    stage: Life,
    placed: Option<P>,
}

/// One plugin: what is wanted, and what is. `P` stands for an instance and its place in the tree.
#[derive(Clone, Debug)]
pub struct Standing<P> {
    life: Life,
    wanted: Wanted,
    current: Option<P>,
    successor: Option<Successor<P>>,
    /// To be taken down, the first first.
    leaving: Vec<P>,
    /// A wait for its calls in flight is owed.
    draining: bool,
    /// A look is owed.
    looking: bool,
    /// Steps of its life that nobody has read yet.
    passed: Vec<Life>,
}

impl<P: Clone> Default for Standing<P> {
    fn default() -> Self {
        Standing::new()
    }
}

impl<P: Clone> Standing<P> {
    /// Discovered, and wanted.
    pub fn new() -> Self {
        Standing {
            life: Life::Discovered,
            wanted: Wanted::Running,
            current: None,
            successor: None,
            leaving: Vec::new(),
            draining: false,
            looking: false,
            passed: Vec::new(),
        }
    }

    /// Where it is in its life.
    pub fn life(&self) -> Life {
        self.life
    }

    /// The copy that serves, will, or did last.
    pub fn current(&self) -> Option<&P> {
        self.current.as_ref()
    }

    /// The copy that a step of a start or of an update is about.
    pub fn coming(&self) -> Option<&P> {
        match &self.successor {
            Some(successor) => successor.placed.as_ref(),
            None => self.current.as_ref(),
        }
    }

    /// Those that are to be taken down.
    pub fn leaving(&self) -> &[P] {
        &self.leaving
    }

    /// A successor is on its way.
    pub fn has_successor(&self) -> bool {
        self.successor.is_some()
    }

    /// Nothing of it is left, and nothing shall be.
    pub fn is_gone(&self) -> bool {
        self.life == Life::Stopped && self.wanted == Wanted::Gone
    }

    /// The steps of its life since this was last asked.
    pub fn take_passed(&mut self) -> Vec<Life> {
        std::mem::take(&mut self.passed)
    }

    /// An order can be taken. A look of our own does not keep one away.
    pub fn is_free(&self) -> bool {
        let reached = match self.life {
            Life::Running | Life::Failed => self.wanted == Wanted::Running,
            Life::Stopped => self.wanted == Wanted::Stopped,
            _ => false,
        };
        reached && self.successor.is_none() && self.leaving.is_empty() && !self.draining
    }

    /// Takes an order.
    ///
    /// # Errors
    /// [`Refusal`]; nothing has changed then.
    pub fn order(&mut self, order: Order) -> Result<(), Refusal> {
        if !self.is_free() {
            return Err(Refusal::Busy);
        }
        let life = self.life;
        let fits = match order {
            Order::Update | Order::Stop => matches!(life, Life::Running | Life::Failed),
            Order::Start { drained } if life == Life::Running => drained,
            Order::Start { .. } => true,
            Order::Drain => life == Life::Running,
            Order::Remove => true,
        };
        if !fits {
            return Err(Refusal::Life(life));
        }
        self.looking = false;
        match order {
            Order::Update => {
                self.successor = Some(Successor {
                    stage: Life::Discovered,
                    placed: None,
                });
                if life == Life::Running {
                    self.pass(Life::Updating);
                }
            }
            Order::Start { .. } if life == Life::Running => {}
            Order::Start { .. } => {
                self.wanted = Wanted::Running;
                self.leaving.extend(self.current.take());
                self.pass(Life::Discovered);
            }
            Order::Drain => self.draining = true,
            Order::Stop => self.wanted = Wanted::Stopped,
            Order::Remove => self.wanted = Wanted::Gone,
        }
        Ok(())
    }

    /// Has it looked at, if it is at rest where a look can change something. Tells whether it is.
    pub fn look(&mut self) -> bool {
        let due = self.is_free() && !self.looking && matches!(self.life, Life::Running | Life::Failed);
        self.looking |= due;
        due
    }

    /// Gives up an update, if there is one, as if its step had failed.
    pub fn roll_back(&mut self) -> Option<Turn> {
        self.has_successor().then(|| self.fail(false))
    }

    /// Takes the steps that take no time, and names the first that does; without one, it is at rest.
    ///
    /// # Errors
    /// Never, as the tests show; else the step that the table of lives refuses.
    pub fn settle(&mut self) -> Result<Option<Work<P>>, IllegalStep> {
        loop {
            // First of all: but for an update there is one copy at a time.
            if let Some(placed) = self.leaving.first() {
                let drain = matches!(self.life, Life::Running | Life::Stopping);
                return Ok(Some(Work::TakeDown {
                    placed: placed.clone(),
                    drain,
                }));
            }
            let stage = self.successor.as_ref().map_or(self.life, |successor| successor.stage);
            match (stage, self.coming().cloned()) {
                (Life::Discovered, _) => return Ok(Some(Work::Validate)),
                (Life::Validated, _) => return Ok(Some(Work::Load)),
                (Life::Initialized, Some(placed)) => return Ok(Some(Work::PutUp(placed))),
                (Life::Started, Some(placed)) => return Ok(Some(Work::Check(placed))),
                (Life::Running | Life::Failed, _) if self.wanted != Wanted::Running => {
                    self.try_pass(Life::Stopping)?;
                    self.leaving.extend(self.current.take());
                }
                (Life::Running, Some(placed)) if self.draining => return Ok(Some(Work::Drain(placed))),
                (Life::Running | Life::Failed, Some(placed)) if self.looking => return Ok(Some(Work::Look(placed))),
                (Life::Failed, None) if self.looking => {
                    self.looking = false;
                    self.try_pass(Life::Discovered)?;
                }
                (Life::Running, Some(_)) | (Life::Failed | Life::Stopped, _) => return Ok(None),
                (Life::Stopping, _) => self.try_pass(Life::Stopped)?,
                // A stage that needs an instance and has none.
                (Life::Loaded | Life::Initialized | Life::Started | Life::Running | Life::Updating, _) => {
                    self.successor = None;
                    self.try_pass(Life::Failed)?;
                }
            }
        }
    }

    /// The step that `settle` named has ended.
    pub fn ended(&mut self, work: &Work<P>, ended: Ended<P>) -> Turn {
        match (work, ended) {
            // What could not be taken down stays listed.
            (Work::TakeDown { .. }, Ended::Failed { .. }) => Turn::Onward,
            (Work::TakeDown { .. }, _) => {
                self.leaving.drain(..1.min(self.leaving.len()));
                Turn::Onward
            }
            (Work::Drain(_), _) => {
                self.draining = false;
                Turn::Onward
            }
            (Work::Look(_), ended) => self.looked(!matches!(ended, Ended::Failed { .. })),
            (_, Ended::Failed { up }) => self.fail(up),
            (Work::Validate, _) if self.life == Life::Failed => {
                self.successor = None;
                self.leaving.extend(self.current.take());
                self.pass(Life::Discovered);
                Turn::Adopted
            }
            (Work::Validate, _) => self.advance(Life::Validated),
            (Work::Load, Ended::Loaded(placed)) => self.place(placed),
            (Work::Load, _) => self.fail(false),
            (Work::PutUp(_), _) => self.advance(Life::Started),
            (Work::Check(_), _) => self.serve(),
        }
    }

    fn looked(&mut self, well: bool) -> Turn {
        self.looking = false;
        match (well, self.life) {
            (true, Life::Failed) => self.pass(Life::Running),
            (false, Life::Running) => self.pass(Life::Failed),
            _ => {}
        }
        if well { Turn::Well } else { Turn::Unwell }
    }

    fn advance(&mut self, stage: Life) -> Turn {
        match &mut self.successor {
            Some(successor) => successor.stage = stage,
            None => self.pass(stage),
        }
        Turn::Onward
    }

    fn place(&mut self, placed: P) -> Turn {
        match &mut self.successor {
            Some(successor) => {
                successor.stage = Life::Initialized;
                successor.placed = Some(placed);
            }
            None => {
                self.pass(Life::Loaded);
                self.pass(Life::Initialized);
                self.current = Some(placed);
            }
        }
        Turn::Onward
    }

    fn serve(&mut self) -> Turn {
        let successor = self.successor.take();
        self.pass(Life::Running);
        match successor {
            Some(successor) => {
                self.leaving.extend(self.current.take());
                self.current = successor.placed;
                Turn::Replaced
            }
            None => Turn::Started,
        }
    }

    fn fail(&mut self, up: bool) -> Turn {
        match self.successor.take() {
            Some(successor) => {
                self.leaving.extend(successor.placed);
                if self.life == Life::Updating {
                    self.pass(Life::Running);
                }
                Turn::RolledBack
            }
            None => {
                self.pass(Life::Failed);
                // One that is unwell keeps its actors and is looked at again; anything less is taken down.
                if !up {
                    self.leaving.extend(self.current.take());
                }
                Turn::Unwell
            }
        }
    }

    fn try_pass(&mut self, to: Life) -> Result<(), IllegalStep> {
        self.life = self.life.step(to)?;
        self.passed.push(to);
        Ok(())
    }

    /// For steps that this file takes only where they are legal.
    fn pass(&mut self, to: Life) {
        if let Err(illegal) = self.try_pass(to) {
            unreachable!("{illegal}");
        }
    }
}

#[cfg(test)]
mod tests;
