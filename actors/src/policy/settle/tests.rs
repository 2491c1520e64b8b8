//! Every order of events that a plugin can meet, against a world as simple as can be.
//!
//! Invariant: the world does what a step says whether or not its end is heard of.

use std::collections::BTreeSet;

use proptest::prelude::*;

use super::*;

/// What may happen to a plugin.
#[derive(Clone, Copy, Debug)]
enum Event {
    Order(u8),
    /// The step at work ends.
    Ends {
        worked: bool,
        up: bool,
    },
    /// The step at work is done, but its end is lost.
    Lost,
    /// The manager crashes, with whatever its step has done.
    Crash {
        done: bool,
    },
    /// The supervisor of the instances comes back empty, and the manager after it.
    Emptied,
    LookDue,
}

/// The manager and the tree around one plugin, as simple as can be.
struct World {
    standing: Standing<u32>,
    work: Option<Work<u32>>,
    /// The instances whose actors the tree has.
    children: BTreeSet<u32>,
    made: u32,
}

impl World {
    fn new() -> Self {
        let mut world = World {
            standing: Standing::new(),
            work: None,
            children: BTreeSet::new(),
            made: 0,
        };
        world.settle();
        world
    }

    fn settle(&mut self) {
        self.work = self.standing.settle().expect("no illegal step");
        for (from, to) in self.passed_pairs() {
            assert!(from.step(to).is_ok(), "{from} -> {to}");
        }
    }

    fn passed_pairs(&mut self) -> Vec<(Life, Life)> {
        let passed = self.standing.take_passed();
        passed.windows(2).map(|pair| (pair[0], pair[1])).collect()
    }

    /// What the step does in the tree, be its end heard of or not.
    fn effect(&mut self, work: &Work<u32>, worked: bool) -> Ended<u32> {
        match work {
            Work::PutUp(placed) | Work::Look(placed) if worked => {
                self.children.insert(*placed);
            }
            Work::TakeDown { placed, .. } if worked => {
                self.children.remove(placed);
            }
            _ => {}
        }
        match work {
            _ if !worked => Ended::Failed { up: false },
            Work::Load => {
                self.made += 1;
                Ended::Loaded(self.made)
            }
            _ => Ended::Worked,
        }
    }

    fn ends(&mut self, worked: bool, up: bool) {
        let Some(work) = self.work.clone() else { return };
        let mut ended = self.effect(&work, worked);
        if let Ended::Failed { up: is } = &mut ended {
            let coming = self.standing.coming();
            *is = up && coming.is_some_and(|placed| self.children.contains(placed));
        }
        self.standing.ended(&work, ended);
        self.settle();
    }

    fn happen(&mut self, event: Event) {
        match event {
            Event::Order(which) => {
                let drained = which & 8 != 0;
                let orders = [
                    Order::Update,
                    Order::Start { drained },
                    Order::Drain,
                    Order::Stop,
                    Order::Remove,
                ];
                let before = self.standing.clone();
                let taken = self.standing.order(orders[usize::from(which) % orders.len()]);
                match taken {
                    Ok(()) => self.settle(),
                    Err(_) => assert_eq!(format!("{before:?}"), format!("{:?}", self.standing)),
                }
            }
            Event::Ends { worked, up } => self.ends(worked, up),
            Event::Lost => {
                if let Some(work) = self.work.clone() {
                    self.effect(&work, true);
                }
                // As the manager's look finds it.
                self.settle();
            }
            Event::Crash { done } => {
                if let Some(work) = self.work.take() {
                    self.effect(&work, done);
                }
                self.settle();
            }
            Event::Emptied => {
                self.children.clear();
                if self.standing.current().is_some() {
                    self.standing.roll_back();
                    self.standing.look();
                }
                self.settle();
            }
            Event::LookDue => {
                self.standing.look();
                self.settle();
            }
        }
        self.check();
    }

    /// What holds at every instant.
    fn check(&self) {
        let standing = &self.standing;
        let listed: BTreeSet<u32> = standing.current.iter().chain(&standing.leaving).copied().collect();
        let successor = standing.successor.as_ref().and_then(|successor| successor.placed);
        let listed: BTreeSet<u32> = listed.into_iter().chain(successor).collect();
        assert!(
            self.children.is_subset(&listed),
            "started, and listed nowhere: {standing:?}"
        );
        if self.children.len() > 1 {
            let leaves = standing.life == Life::Running && !standing.leaving.is_empty();
            assert!(
                standing.life == Life::Updating || leaves,
                "two without an update: {standing:?}"
            );
        }
        assert!(self.children.len() <= 2, "{standing:?}");
        assert!(
            standing.is_free() || self.work.is_some() || standing.is_gone(),
            "nothing leaves this: {standing:?}"
        );
    }
}

fn event() -> impl Strategy<Value = Event> {
    prop_oneof![
        4 => any::<u8>().prop_map(Event::Order),
        8 => (any::<bool>(), any::<bool>()).prop_map(|(worked, up)| Event::Ends { worked, up }),
        8 => Just(Event::Ends { worked: true, up: true }),
        1 => Just(Event::Lost),
        1 => any::<bool>().prop_map(|done| Event::Crash { done }),
        1 => Just(Event::Emptied),
        2 => Just(Event::LookDue),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_000))]

    /// Whatever has happened, a plugin whose steps work from now on becomes what is wanted of it.
    #[test]
    fn it_settles_from_wherever_it_is(events in proptest::collection::vec(event(), 0..60)) {
        let mut world = World::new();
        for event in events {
            world.happen(event);
            if world.standing.is_gone() && world.work.is_none() {
                prop_assert!(world.children.is_empty());
                world = World::new();
            }
        }
        // The looks of a failed one go on, so two rounds are enough for it to run.
        for _ in 0..2 {
            for _ in 0..30 {
                world.ends(true, true);
                world.check();
            }
            prop_assert!(world.work.is_none(), "it never comes to rest: {:?}", world.standing);
            world.happen(Event::LookDue);
        }
        while world.work.is_some() {
            world.ends(true, true);
        }
        let reached = match world.standing.wanted {
            Wanted::Running => Life::Running,
            Wanted::Stopped | Wanted::Gone => Life::Stopped,
        };
        prop_assert_eq!(world.standing.life, reached);
        let placed: BTreeSet<u32> = world.standing.current.iter().copied().collect();
        prop_assert_eq!(&world.children, &placed, "what was started is taken down");
        prop_assert_eq!(world.children.len(), usize::from(reached == Life::Running));
    }

    /// A plugin whose steps all fail is left with nothing half done, and takes every order that its life allows.
    #[test]
    fn what_fails_for_good_is_still_obedient(events in proptest::collection::vec(event(), 0..60)) {
        let mut world = World::new();
        for event in events {
            world.happen(event);
        }
        let mut steps = 0;
        while let Some(work) = world.work.clone() {
            // Only a removal from the tree is repeated until it works.
            world.ends(matches!(work, Work::TakeDown { .. }), false);
            world.check();
            steps += 1;
            prop_assert!(steps < 30, "{:?}", world.standing);
        }
        let standing = &mut world.standing;
        prop_assert!(standing.is_gone() || standing.is_free(), "{:?}", standing);
        if standing.life == Life::Failed {
            prop_assert!(standing.look(), "it has a recheck");
        }
        if !standing.is_gone() {
            prop_assert!(standing.order(Order::Remove).is_ok());
        }
    }
}
