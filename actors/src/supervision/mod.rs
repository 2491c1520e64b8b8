//! Supervision: OTP's child specs, strategies and restart intensity on ractor's links and events, with back-off and
//! a restart ledger.
//!
//! A [`Worker`] is one actor's code. Its [`ChildSpec`] says how it is made, restarted and stopped; a
//! [`SupervisorSpec`] lists children in the order they start; [`Tree::start`] runs the whole. Callers hold a
//! [`Handle`], made before the spec, which follows the actor over all restarts:
//!
//! ```
//! use mosaic_actors::supervision::{
//!     ChildSpec, Context, Fault, Handle, Message, Strategy, SupervisorSpec, Tree, TreeOptions, Worker,
//! };
//!
//! struct Add(u64);
//! impl Message for Add {
//!     fn label(&self) -> &'static str { "add" }
//! }
//!
//! struct Sum(u64);
//! impl Worker for Sum {
//!     type Msg = Add;
//!     async fn handle(&mut self, msg: Add, _cx: &Context<Add>) -> Result<(), Fault> {
//!         self.0 = self.0.checked_add(msg.0).ok_or("overflow")?;
//!         Ok(())
//!     }
//! }
//!
//! # tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap().block_on(async {
//! let sum = Handle::new();
//! let spec = SupervisorSpec::new(Strategy::OneForOne).child(ChildSpec::worker("sum", &sum, || Ok(Sum(0))));
//! let tree = Tree::start("root", spec, TreeOptions::default()).await?;
//! sum.send(Add(1)).expect("it runs");
//! tree.shutdown().await?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! # }).unwrap();
//! ```
//!
//! Where this differs from OTP: restarts back off; a child that was stopped by request or ended normally stays
//! stopped when a sibling's failure restarts the group; a start that is asked for (`add`, `start`) and fails is the
//! asker's to repeat, while a failed restart counts as one more failure.
//!
//! Invariant: nobody outside this module sees an `ActorRef`, and no actor is named in ractor's process-wide registry.

mod control;
mod event;
mod handle;
mod incarnation;
mod ledger;
mod meters;
mod node;
mod restarts;
mod snapshot;
mod spec;
mod supervisor;
mod tree;
mod vitals;
mod worker;

pub(crate) use control::check_name;
pub use control::{ChildError, SupervisorHandle};
pub use event::{Event, Events, Told};
pub use handle::{Handle, Unavailable};
pub(crate) use ledger::unix_ms;
pub use ledger::{LedgerAction, LedgerEntry, Why};
pub use meters::SharedRecorder;
pub use node::{Crash, Node, State};
pub(crate) use restarts::RestartPolicy;
pub use snapshot::{BusySnapshot, NodeSnapshot, SupervisorSnapshot, TreeSnapshot};
pub use spec::{ChildSpec, Gauges, Restart, Shutdown, Strategy, SupervisorSpec};
pub use tree::{StartError, Tree, TreeOptions};
pub use worker::{Context, Fault, Message, Worker};
