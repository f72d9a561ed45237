//! Bridges that count other validators than the events do.
//!
//! The count is what a rollup's own contract says. It may show that a node left events out, which reading them anew
//! tells; and it may simply be wrong, which must concern this rollup alone and not make every snapshot read all of
//! history.

use std::{collections::BTreeMap, fmt};

use nexus_primitives::{Address, BlockNumber};

use crate::{ChainSnapshot, NexusStatus, NexusValidator, event_index::EventIndex};

/// Blocks to wait before history is read again for a bridge that still miscounts; doubled each time.
const FIRST_WAIT: u64 = 32;
/// The longest wait: a day.
const LONGEST_WAIT: u64 = 7_200;
/// The longest wait when the miscount is another than before: an hour.
const LONGEST_WAIT_AFTER_CHANGE: u64 = 300;

/// What a bridge says and what the events say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Miscount {
    on_bridge: u64,
    in_events: u64,
}

/// Miscounting bridges.
pub(crate) type Miscounts = BTreeMap<Address, Miscount>;

impl fmt::Display for Miscount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "bridge counts {} validators, its events {}", self.on_bridge, self.in_events)
    }
}

/// Compares what each bridge counts with the validators deposited for its rollups and not yet closed.
pub(crate) fn find_miscounts(snapshot: &ChainSnapshot, index: &EventIndex) -> Miscounts {
    let mut open: BTreeMap<Address, u64> = BTreeMap::new();
    for validator in snapshot.validators.iter().filter(|validator| is_open(validator)) {
        // Left-out rollups count, too: they may share a bridge with others.
        if let Some(rollup) = index.rollups.get(&validator.rollup) {
            *open.entry(rollup.bridge).or_default() += 1;
        }
    }
    let miscount = |bridge: Address, on_bridge: u64| {
        let in_events = open.get(&bridge).copied().unwrap_or(0);
        (on_bridge != in_events).then_some((bridge, Miscount { on_bridge, in_events }))
    };
    let bridges = snapshot.rollups.iter().map(|rollup| &rollup.bridge);
    bridges.filter_map(|bridge| miscount(bridge.address, bridge.validator_count)).collect()
}

const fn is_open(validator: &NexusValidator) -> bool {
    !matches!(validator.status, NexusStatus::Inactive | NexusStatus::ValidatorExited)
}

/// Notes at the rollups of miscounting bridges what is wrong.
pub(crate) fn mark(snapshot: &mut ChainSnapshot, miscounts: &Miscounts) {
    for rollup in &mut snapshot.rollups {
        rollup.trouble = miscounts.get(&rollup.bridge.address).map(Miscount::to_string);
    }
}

/// Miscounts that were there after all events had been read anew.
#[derive(Debug, Clone, Default)]
pub(crate) struct ConfirmedMiscounts(BTreeMap<Address, Confirmed>);

#[derive(Debug, Clone, Copy)]
struct Confirmed {
    miscount: Miscount,
    at: BlockNumber,
    wait: u64,
}

impl ConfirmedMiscounts {
    /// Returns whether all events should be read anew: a bridge miscounts for the first time, or it is some time since
    /// that was last tried. A bridge can't have history read more often by changing what it says.
    pub(crate) fn ask_for_rebuild(&self, found: &Miscounts, block: BlockNumber) -> bool {
        found.iter().any(|(bridge, miscount)| {
            self.0.get(bridge).is_none_or(|confirmed| confirmed.is_due(miscount, block))
        })
    }

    /// Remembers what a rebuild left. Bridges stay remembered when they count right again.
    pub(crate) fn confirm(&mut self, found: &Miscounts, at: BlockNumber) {
        for (bridge, miscount) in found {
            let last_wait = self.0.get(bridge).map(|confirmed| confirmed.wait);
            let wait = last_wait.map_or(FIRST_WAIT, |wait| wait.saturating_mul(2).min(LONGEST_WAIT));
            self.0.insert(*bridge, Confirmed { miscount: *miscount, at, wait });
        }
    }
}

impl Confirmed {
    fn is_due(&self, miscount: &Miscount, block: BlockNumber) -> bool {
        let changed = self.miscount != *miscount;
        let wait = if changed { self.wait.min(LONGEST_WAIT_AFTER_CHANGE) } else { self.wait };
        block.get().saturating_sub(self.at.get()) >= wait
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BRIDGE: Address = Address::new([2; 20]);
    const OTHER: Address = Address::new([3; 20]);

    fn found(bridge: Address, on_bridge: u64, in_events: u64) -> Miscounts {
        Miscounts::from([(bridge, Miscount { on_bridge, in_events })])
    }

    /// Counts the rebuilds over so many blocks with a snapshot each.
    fn rebuilds(blocks: u64, found_at: impl Fn(u64) -> Miscounts) -> u64 {
        let mut confirmed = ConfirmedMiscounts::default();
        let mut rebuilds = 0;
        for number in 0..blocks {
            let (found, block) = (found_at(number), BlockNumber::new(number));
            if confirmed.ask_for_rebuild(&found, block) {
                confirmed.confirm(&found, block);
                rebuilds += 1;
            }
        }
        rebuilds
    }

    #[test]
    fn nothing_wrong_asks_for_nothing() {
        assert_eq!(rebuilds(10_000, |_| Miscounts::new()), 0);
    }

    #[test]
    fn a_confirmed_miscount_is_read_anew_ever_more_rarely() {
        assert_eq!(rebuilds(32, |_| found(BRIDGE, 5, 4)), 1);
        // 0, 32, 96, 224, 480, 992, 2016, 4064, 8160.
        assert_eq!(rebuilds(8_161, |_| found(BRIDGE, 5, 4)), 9);
        assert_eq!(rebuilds(100_000, |_| found(BRIDGE, 5, 4)), 9 + 12);
    }

    #[test]
    fn bridges_cannot_have_history_read_all_the_time() {
        let hourly = rebuilds(30_000, |number| found(BRIDGE, number + 1, 0));
        assert!((100..110).contains(&hourly), "{hourly}");
        let in_turns =
            |number: u64| found(if number.is_multiple_of(2) { BRIDGE } else { OTHER }, number + 1, 0);
        let both = rebuilds(30_000, in_turns);
        assert!((200..220).contains(&both), "{both}");
    }

    #[test]
    fn a_second_bridge_is_looked_into_at_once() {
        let mut confirmed = ConfirmedMiscounts::default();
        confirmed.confirm(&found(BRIDGE, 5, 4), BlockNumber::new(10));
        assert!(!confirmed.ask_for_rebuild(&found(BRIDGE, 5, 4), BlockNumber::new(11)));
        assert!(confirmed.ask_for_rebuild(&found(OTHER, 1, 0), BlockNumber::new(11)));
    }

    #[test]
    fn the_text_is_for_people() {
        let miscount = Miscount { on_bridge: 5, in_events: 4 };
        assert_eq!(miscount.to_string(), "bridge counts 5 validators, its events 4");
    }
}
