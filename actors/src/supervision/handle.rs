//! What callers hold of an actor: a handle that outlives its incarnations.
//!
//! Invariant: a handle never shows an `ActorRef`, and a message is either accepted by a live incarnation or given
//! back.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

use arc_swap::{ArcSwap, ArcSwapOption};
use ractor::{ActorRef, ActorStatus, MessagingErr};

use super::vitals::Vitals;
use super::worker::Message;

/// What travels to a worker: its message, or the order to crash.
pub(crate) enum Envelope<M> {
    Message(M),
    /// Panic with this text: a rehearsal of the worst.
    Crash(Arc<str>),
}

/// A live incarnation: where to send, and the depth of its mailbox.
pub(crate) struct Binding<M: Message> {
    pub(crate) actor: ActorRef<Envelope<M>>,
    pub(crate) vitals: Arc<Vitals>,
}

impl<M: Message> Binding<M> {
    pub(crate) fn send(&self, message: M) -> Result<(), Unavailable<M>> {
        match self.post(Envelope::Message(message)) {
            Ok(()) => Ok(()),
            Err(Envelope::Message(message)) => Err(Unavailable(message)),
            Err(Envelope::Crash(_)) => unreachable!("the envelope that comes back is the one that was sent"),
        }
    }

    /// Orders a panic, after the messages that wait. False: it is stopping already.
    pub(crate) fn crash(&self, reason: &Arc<str>) -> bool {
        self.post(Envelope::Crash(reason.clone())).is_ok()
    }

    fn post(&self, envelope: Envelope<M>) -> Result<(), Envelope<M>> {
        // Counted before it is sent: the actor may take the message before send_message returns.
        self.vitals.depth.fetch_add(1, Relaxed);
        match self.actor.send_message(envelope) {
            Ok(()) => Ok(()),
            Err(MessagingErr::SendErr(envelope)) => {
                self.vitals.depth.fetch_sub(1, Relaxed);
                Err(envelope)
            }
            // ractor: the type is the actor's own (checked at compile time), and a channel that is closed while the
            // actor is not yet stopping comes back as SendErr.
            Err(MessagingErr::InvalidActorType | MessagingErr::ChannelClosed) => {
                unreachable!("a typed send fails only with the message in hand")
            }
        }
    }

    fn is_live(&self) -> bool {
        self.actor.get_status() < ActorStatus::Stopping
    }

    fn depth(&self) -> usize {
        if self.is_live() {
            self.vitals.depth.load(Relaxed)
        } else {
            0
        }
    }
}

struct Inner<M: Message> {
    binding: ArcSwapOption<Binding<M>>,
    path: ArcSwap<Arc<str>>,
}

/// Reaches one child of a tree, over all its restarts. Made before the child's spec; cheap to clone and to read.
pub struct Handle<M: Message>(Arc<Inner<M>>);

impl<M: Message> Handle<M> {
    /// A handle that reaches nobody until a spec with it is started.
    pub fn new() -> Self {
        Handle(Arc::new(Inner {
            binding: ArcSwapOption::empty(),
            path: ArcSwap::from_pointee(Arc::from("")),
        }))
    }

    /// Puts `message` into the mailbox of the live incarnation.
    ///
    /// An accepted message is lost if that incarnation crashes before it handles it; a reply port inside is then
    /// dropped, which its caller sees. One that blocks its thread keeps its mailbox until it wakes, so a caller needs
    /// a deadline all the same. Mailboxes have no bound of their own: take a permit before you send.
    ///
    /// # Errors
    /// Gives the message back when no incarnation is live: not started, in back-off, stopping or stopped.
    pub fn send(&self, message: M) -> Result<(), Unavailable<M>> {
        match self.0.binding.load().as_deref() {
            Some(binding) => binding.send(message),
            None => Err(Unavailable(message)),
        }
    }

    /// The child's path in its tree; empty before it is placed in one.
    pub fn path(&self) -> Arc<str> {
        Arc::clone(&self.0.path.load())
    }

    /// An incarnation is live and takes messages.
    pub fn is_live(&self) -> bool {
        self.0.binding.load().as_deref().is_some_and(Binding::is_live)
    }

    /// The messages that wait in the mailbox.
    pub fn mailbox(&self) -> usize {
        self.0.binding.load().as_deref().map_or(0, Binding::depth)
    }

    pub(crate) fn bind(&self, binding: Arc<Binding<M>>) {
        self.0.binding.store(Some(binding));
    }

    pub(crate) fn unbind(&self) {
        self.0.binding.store(None);
    }

    pub(crate) fn place(&self, path: &Arc<str>) {
        self.0.path.store(Arc::new(path.clone()));
    }
}

impl<M: Message> Clone for Handle<M> {
    fn clone(&self) -> Self {
        Handle(self.0.clone())
    }
}

impl<M: Message> Default for Handle<M> {
    fn default() -> Self {
        Handle::new()
    }
}

impl<M: Message> fmt::Debug for Handle<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Handle").field(&self.path()).finish()
    }
}

/// No incarnation is live; here is the message.
pub struct Unavailable<M>(pub M);

impl<M> fmt::Debug for Unavailable<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Unavailable")
    }
}

impl<M> fmt::Display for Unavailable<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the actor is not running")
    }
}

impl<M> std::error::Error for Unavailable<M> {}
