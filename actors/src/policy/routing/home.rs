//! Where a resource lives that no rule decides about.
//!
//! Invariant: one place, or a refusal that names the places it could be.

use std::sync::Arc;

use super::super::offers::Offered;
use super::rule::{Reach, reaches};
use super::{CandidateSet, RoutingTable};
use crate::call::{Call, Homes};
use crate::error::{Failure, Kind};

impl RoutingTable {
    /// Without a rule: the one instance where the resource may live.
    pub(super) fn home(&self, call: &Call, reach: Option<&Reach>) -> Result<Arc<CandidateSet>, Failure> {
        let operation = call.operation;
        if reach.is_none()
            && let Some(sole) = self.sole(operation)
        {
            return Ok(sole);
        }
        let within = |index: &usize| reaches(reach, &self.instances[*index].name);
        let able: Vec<usize> = self.able(operation).iter().copied().filter(within).collect();
        let homes = match operation.homes {
            Homes::Offered => self.offering(&able, call.resource.native()),
            Homes::Any => able,
        };
        match homes[..] {
            [] if operation.homes == Homes::Offered && self.able(operation).iter().any(within) => {
                let sentence = format!("no provider here offers {}", call.resource.native());
                Err(Failure::new(Kind::NotFound, sentence).never_sent())
            }
            [] => Err(self.none_able(operation, self.unloaded.iter().filter(|name| reaches(reach, name)))),
            [one] => Ok(self.alone(one)),
            _ => Err(self.several(call, &homes)),
        }
    }

    /// Whether it hangs on the lists of what providers offer where a call goes that no rule decides about.
    pub fn lists_decide(&self, call: &Call) -> bool {
        let operation = call.operation;
        if operation.homes != Homes::Offered || call.provider.is_some() || call.resource.instance().is_some() {
            return false;
        }
        let reach = self.reach(&call.caller.tenant);
        let able = self.able(operation).iter().map(|index| &self.instances[*index]);
        let able: Vec<_> = able.filter(|one| reaches(reach, &one.name)).collect();
        // The only one is asked, whatever it lists.
        able.len() > 1 && able.iter().any(|one| one.offers.is_listed())
    }

    /// Those that offer `name`. Where none is known to, those of whom nobody knows, or the only one there is, unless its
    /// configuration excludes it: it will say.
    fn offering(&self, able: &[usize], name: &str) -> Vec<usize> {
        let offering = |wanted: Offered| {
            let offer = |index: &&usize| self.instances[**index].offers.offers(name) == wanted;
            able.iter().filter(offer).copied().collect::<Vec<_>>()
        };
        let known = offering(Offered::Yes);
        match (known.is_empty(), able) {
            (false, _) => known,
            (true, [only]) if self.instances[*only].offers.offers(name) == Offered::Unlisted => able.to_vec(),
            (true, _) => offering(Offered::Unknown),
        }
    }

    fn several(&self, call: &Call, homes: &[usize]) -> Failure {
        const NAMED: usize = 8;
        let mut names: Vec<&str> = homes.iter().map(|index| &*self.instances[*index].name).collect();
        names.sort_unstable();
        let more = names.len().saturating_sub(NAMED);
        let mut list = names[..names.len() - more].join(", ");
        if more > 0 {
            list += &format!(" and {more} more");
        }
        let one = names[0];
        let sentence = match &**call.resource.native() {
            "" if call.operation.list => {
                format!("{list} could answer this: name one by provider={one}, or ask each of them by provider=all")
            }
            "" => format!("{list} could do this: name one by provider={one}"),
            what => {
                let all = if call.operation.list {
                    ", ask each of them by provider=all"
                } else {
                    ""
                };
                format!(
                    "{what} could be at {list}: write {one}~{what}, name one by provider={one}{all}, or say in a route that they are equivalent"
                )
            }
        };
        Failure::invalid("provider", sentence).never_sent()
    }
}
