//! Any sequence of failures and requests leaves every child as it was last wanted, once.
//!
//! Invariant: the model knows nothing of how supervisors work; it only remembers the last request for each child.

use std::sync::atomic::Ordering::SeqCst;
use std::time::Duration;

use mosaic_actors::policy::backoff::Backoff;
use mosaic_actors::supervision::{ChildError, ChildSpec, Handle, State, Strategy, Tree};
use proptest::prelude::*;
use proptest::strategy::Strategy as Sample;

use crate::support::{Do, Log, Script, ping, scripted, supervisor, tree};

const NAMES: [&str; 4] = ["a", "b", "c", "d"];

#[derive(Clone, Copy, Debug)]
enum Step {
    Panic,
    Fail,
    Exit,
    Work,
    Stop,
    Start,
    Restart,
    Remove,
    Add,
    FailStarts(bool),
    Wait(u64),
}

/// What the model remembers of a child.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Last {
    Up,
    Stopped,
    Gone,
}

fn steps() -> impl Sample<Value = Vec<(usize, Step)>> {
    let step = prop_oneof![
        4 => Just(Step::Panic),
        2 => Just(Step::Fail),
        1 => Just(Step::Exit),
        2 => Just(Step::Work),
        2 => Just(Step::Stop),
        2 => Just(Step::Start),
        2 => Just(Step::Restart),
        1 => Just(Step::Remove),
        2 => Just(Step::Add),
        1 => any::<bool>().prop_map(Step::FailStarts),
        4 => (0..400_u64).prop_map(Step::Wait),
    ];
    prop::collection::vec((0..NAMES.len(), step), 1..60)
}

struct Bench {
    tree: Tree,
    log: Log,
    handles: Vec<Handle<Do>>,
    scripts: Vec<Script>,
    last: Vec<Last>,
}

impl Bench {
    async fn start(strategy: Strategy) -> Self {
        let log = Log::default();
        let handles: Vec<_> = NAMES.iter().map(|_| Handle::new()).collect();
        let scripts: Vec<_> = NAMES.iter().map(|_| Script::default()).collect();
        let spec = (0..NAMES.len()).fold(supervisor(strategy), |spec, n| {
            spec.child(child(n, &handles, &scripts, &log))
        });
        Bench {
            tree: tree(spec).await,
            log,
            handles,
            scripts,
            last: vec![Last::Up; NAMES.len()],
        }
    }

    async fn take(&mut self, n: usize, step: Step) {
        let path = format!("/root/{}", NAMES[n]);
        match step {
            // Whether somebody is there to take it is not the model's business.
            Step::Panic => drop(self.handles[n].send(Do::Panic)),
            Step::Fail => drop(self.handles[n].send(Do::Fail)),
            Step::Exit => drop(self.handles[n].send(Do::Exit)),
            Step::Work => drop(self.handles[n].send(Do::Work(Duration::from_millis(50)))),
            Step::Wait(ms) => tokio::time::sleep(Duration::from_millis(ms)).await,
            Step::FailStarts(fail) => {
                // A start that was asked for, and is under way, must not fail under the model's hands.
                tokio::time::sleep(Duration::from_millis(1)).await;
                self.scripts[n].fail_start.store(fail, SeqCst);
            }
            Step::Remove => {
                let removed = self.tree.root().remove(NAMES[n]).await;
                assert_eq!(removed.is_ok(), self.last[n] != Last::Gone, "{removed:?}");
                self.last[n] = Last::Gone;
            }
            Step::Add => {
                let spec = child(n, &self.handles, &self.scripts, &self.log);
                let added = self.tree.root().add(spec).await;
                if added == Err(ChildError::Timeout) {
                    // A sibling to its left does not start, and the group waits for it.
                    self.heal().await;
                }
                if matches!(added, Ok(()) | Err(ChildError::Timeout)) {
                    assert_eq!(self.last[n], Last::Gone, "there were two");
                    self.last[n] = Last::Up;
                }
            }
            _ if self.last[n] == Last::Gone => {}
            Step::Stop => {
                self.later(|tree| async move { tree.stop(&path, "test").await }).await;
                self.last[n] = Last::Stopped;
            }
            // A start that is asked for and fails leaves a stopped child stopped; the model keeps to those that work.
            Step::Start | Step::Restart if self.scripts[n].fail_start.load(SeqCst) => {}
            Step::Start => {
                self.later(|tree| async move { tree.start_child(&path, "test").await })
                    .await;
                self.last[n] = Last::Up;
            }
            Step::Restart => {
                self.later(|tree| async move { tree.restart(&path, "test").await })
                    .await;
                self.last[n] = Last::Up;
            }
        }
    }

    /// Sends a request and does not wait for its end, so that the next steps meet it half way.
    async fn later<F>(&self, request: impl FnOnce(Tree) -> F)
    where
        F: Future<Output = Result<(), ChildError>> + Send + 'static,
    {
        let request = request(self.tree.clone());
        // How it ends is seen in the tree.
        tokio::spawn(async move { drop(request.await) });
        tokio::task::yield_now().await;
    }

    /// Lets every start succeed from now on, and waits for longer than all back-offs and shutdown times.
    async fn heal(&self) {
        for script in &self.scripts {
            script.fail_start.store(false, SeqCst);
        }
        tokio::time::sleep(Duration::from_secs(120)).await;
    }

    async fn check(self) {
        self.heal().await;
        for (n, name) in NAMES.iter().enumerate() {
            let node = self.tree.node(&format!("/root/{name}"));
            let alive = self.scripts[n].alive.load(SeqCst);
            match self.last[n] {
                Last::Up => {
                    let node = node.expect("wanted, so there");
                    assert_eq!((node.state(), alive), (State::Running, 1), "{name}");
                    assert_eq!(ping(&self.handles[n]).await, node.generation());
                }
                Last::Stopped => {
                    let state = node.map(|node| node.state());
                    assert_eq!((state, alive), (Some(State::Stopped), 0), "{name}");
                }
                Last::Gone => assert!(node.is_none() && alive == 0, "{name}"),
            }
        }
        self.tree.shutdown().await.expect("in order");
        let alive: usize = self.scripts.iter().map(|script| script.alive.load(SeqCst)).sum();
        assert_eq!(alive, 0, "orphans");
    }
}

fn child(n: usize, handles: &[Handle<Do>], scripts: &[Script], log: &Log) -> ChildSpec {
    let backoff = Backoff {
        base: Duration::from_millis(100),
        max: Duration::from_secs(1),
        ..Backoff::default()
    };
    scripted(NAMES[n], &handles[n], log, &scripts[n]).backoff(backoff)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_child_ends_as_it_was_last_wanted(
        strategy in prop::sample::select(vec![
            Strategy::OneForOne,
            Strategy::OneForAll,
            Strategy::RestForOne,
        ]),
        steps in steps(),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .start_paused(true)
            .build()
            .expect("a runtime");
        runtime.block_on(async {
            let mut bench = Bench::start(strategy).await;
            for (n, step) in steps {
                bench.take(n, step).await;
            }
            bench.check().await;
        });
    }
}
