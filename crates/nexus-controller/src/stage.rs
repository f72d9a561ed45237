//! The life of a validator as one total transition function.

use std::{fmt, str::FromStr};

use nexus_chain::{ContractCall, NexusStatus};
use serde::{Deserialize, Serialize};

/// How far a validator has come. The order of the variants is the order of a life without mishaps.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Stage {
    /// A derivation index is burnt for it; the key was not derived yet.
    Planned,
    /// Its deposit is signed, verified and stored.
    KeysReady,
    /// The deposit call is recorded: from here on 32 ETH may be spent. There is no way back except a final failure.
    DepositSent,
    /// The deposit is final. The validator will activate and must get operators before it does.
    Deposited,
    /// The call that registers it with SSV is recorded.
    SharesSent,
    /// SSV's operators have it.
    Registered,
    /// The beacon chain counts on its duties.
    Active,
    /// It has been chosen to leave.
    ExitPlanned,
    /// The call by which Nexus has SSV's operators sign its exit is recorded: once for ever.
    ExitCallSent,
    /// Its voluntary exit is signed, verified and stored.
    ExitSigned,
    /// A beacon node took the exit; it is sent again until the exit epoch is set.
    ExitBroadcast,
    /// The beacon chain has set its exit epoch, finally. There is no way back.
    Exiting,
    /// The call that reports the exit to Nexus is recorded.
    ExitReportSent,
    /// Nexus knows of the exit.
    ExitInformed,
    /// It has left the active set.
    Exited,
    /// Its balance has been paid to the bridge.
    Withdrawn,
    /// The call that closes it on Nexus and removes it from SSV is recorded.
    RemovalSent,
    /// Nothing is left to do.
    Closed,
    /// Given up before any deposit; its derivation index stays burnt.
    Abandoned,
}

/// The four calls that move a validator forward on the contracts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CallKind {
    /// `depositValidatorRollup`.
    Deposit,
    /// `depositValidatorShares`.
    Shares,
    /// Either form of `validatorExit`: it reports an exit that is set, or has SSV's operators sign one.
    ExitReport,
    /// `validatorExitBalanceTransferred`.
    Close,
}

impl From<&ContractCall> for CallKind {
    fn from(call: &ContractCall) -> Self {
        match call {
            ContractCall::DepositValidators { .. } => Self::Deposit,
            ContractCall::DepositShares { .. } => Self::Shares,
            ContractCall::ReportExits { .. } | ContractCall::ExitThroughSsv { .. } => Self::ExitReport,
            ContractCall::CloseValidator { .. } => Self::Close,
        }
    }
}

/// What the beacon chain shows of a validator, reduced to what moves it forward.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BeaconPhase {
    /// Pending, or not known yet.
    Waiting,
    /// Active without an exit epoch.
    Active,
    /// An exit epoch is set, by a voluntary exit or by slashing.
    Exiting,
    /// Out of the active set, balance not paid yet.
    Exited,
    /// Balance paid out.
    Withdrawn,
}

/// Something that happened to a validator.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Event {
    /// Its deposit was signed, verified and stored.
    DepositSigned,
    /// It was given up before its deposit.
    Discarded,
    /// A call about it was written to the journal.
    CallRecorded(CallKind),
    /// A call about it is final and succeeded.
    CallSucceeded(CallKind),
    /// A call about it finally had no effect.
    CallFailed(CallKind),
    /// The Nexus contract shows this status at the observed block.
    SeenOnNexus(NexusStatus),
    /// The beacon chain shows this phase at its finalized state.
    SeenOnBeacon(BeaconPhase),
    /// The plan wants it to leave.
    ExitChosen,
    /// The plan changed before its exit was signed.
    ExitUnchosen,
    /// Its exit was signed, verified and stored.
    ExitSigned,
    /// At least one beacon node took the exit.
    ExitAccepted,
}

/// An event that can't happen to a validator in this stage.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{event:?} can't happen to a validator that is {from}")]
pub struct IllegalTransition {
    /// The stage.
    pub from: Stage,
    /// The event.
    pub event: Event,
}

impl Stage {
    /// Every stage, in order.
    pub const ALL: [Self; 19] = [
        Self::Planned,
        Self::KeysReady,
        Self::DepositSent,
        Self::Deposited,
        Self::SharesSent,
        Self::Registered,
        Self::Active,
        Self::ExitPlanned,
        Self::ExitCallSent,
        Self::ExitSigned,
        Self::ExitBroadcast,
        Self::Exiting,
        Self::ExitReportSent,
        Self::ExitInformed,
        Self::Exited,
        Self::Withdrawn,
        Self::RemovalSent,
        Self::Closed,
        Self::Abandoned,
    ];

    /// Returns the stage after `event`, or why there is none.
    ///
    /// Observations are level-triggered: the contracts and the beacon chain are the truth, so what they show lifts a
    /// validator to the stage it must have reached and never pulls it back. A finished call that an observation
    /// overtook leaves the stage as it is.
    pub fn next(self, event: Event) -> Result<Self, IllegalTransition> {
        match event {
            Event::DepositSigned => self.only(event, Self::Planned, Self::KeysReady),
            Event::Discarded if self <= Self::KeysReady => Ok(Self::Abandoned),
            // Nobody here could sign its exit, so the call comes before the exit.
            Event::CallRecorded(CallKind::ExitReport) if self == Self::ExitPlanned => Ok(Self::ExitCallSent),
            Event::CallSucceeded(CallKind::ExitReport) if self == Self::ExitCallSent => {
                Ok(Self::ExitInformed)
            }
            Event::CallFailed(CallKind::ExitReport) if self == Self::ExitCallSent => Ok(Self::ExitPlanned),
            Event::CallRecorded(kind) => self.only(event, kind.before(), kind.during()),
            Event::CallSucceeded(kind) => self.finish(event, kind, kind.after()),
            Event::CallFailed(kind) => self.finish(event, kind, kind.before()),
            Event::SeenOnNexus(status) => Ok(self.seen_on_nexus(status)),
            Event::SeenOnBeacon(phase) => Ok(self.seen_on_beacon(phase)),
            Event::ExitChosen => self.only(event, Self::Active, Self::ExitPlanned),
            Event::ExitUnchosen => self.only(event, Self::ExitPlanned, Self::Active),
            Event::ExitSigned => self.only(event, Self::ExitPlanned, Self::ExitSigned),
            // Accepted once more after a rebroadcast: nothing new.
            Event::ExitAccepted if self == Self::ExitBroadcast => Ok(self),
            Event::ExitAccepted => self.only(event, Self::ExitSigned, Self::ExitBroadcast),
            Event::Discarded => Err(IllegalTransition { from: self, event }),
        }
    }

    fn only(self, event: Event, from: Self, to: Self) -> Result<Self, IllegalTransition> {
        if self == from { Ok(to) } else { Err(IllegalTransition { from: self, event }) }
    }

    /// A call ends: from `during` to `to`; an observation may have moved the validator on before that.
    fn finish(self, event: Event, kind: CallKind, to: Self) -> Result<Self, IllegalTransition> {
        if self == kind.during() {
            Ok(to)
        } else if self > kind.during() && self != Self::Abandoned {
            Ok(self)
        } else {
            Err(IllegalTransition { from: self, event })
        }
    }

    fn seen_on_nexus(self, status: NexusStatus) -> Self {
        let floor = match status {
            NexusStatus::Inactive => return self,
            NexusStatus::Deposited => Self::Deposited,
            NexusStatus::ShareDeposited => Self::Registered,
            NexusStatus::ValidatorExitSubmitted => Self::ExitInformed,
            NexusStatus::ValidatorExited => Self::Closed,
        };
        // Only this bot's account can put a key on Nexus: one that was given up and shows there is ours to follow.
        if self == Self::Abandoned {
            return floor;
        }
        self.max(floor)
    }

    fn seen_on_beacon(self, phase: BeaconPhase) -> Self {
        // A call that is under way ends first: it tells Nexus of the exit, or fails.
        let unreported =
            (Self::Registered..=Self::ExitBroadcast).contains(&self) && self != Self::ExitCallSent;
        match phase {
            BeaconPhase::Active if self == Self::Registered => Self::Active,
            BeaconPhase::Exiting | BeaconPhase::Exited | BeaconPhase::Withdrawn if unreported => {
                Self::Exiting
            }
            BeaconPhase::Exited if self == Self::ExitInformed => Self::Exited,
            BeaconPhase::Withdrawn if matches!(self, Self::ExitInformed | Self::Exited) => Self::Withdrawn,
            // Waiting changes nothing; the rest repeats what is known or waits for a call that is under way.
            BeaconPhase::Waiting
            | BeaconPhase::Active
            | BeaconPhase::Exiting
            | BeaconPhase::Exited
            | BeaconPhase::Withdrawn => self,
        }
    }

    /// Returns whether the validator is on its way out: chosen to leave, and not closed.
    pub fn is_leaving(self) -> bool {
        (Self::ExitPlanned..=Self::RemovalSent).contains(&self)
    }

    /// Returns whether nothing more will ever be done for the validator.
    pub fn is_over(self) -> bool {
        matches!(self, Self::Closed | Self::Abandoned)
    }

    /// Returns the name used in the state file, in JSON and in tables.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Planned => "planned",
            Self::KeysReady => "keys-ready",
            Self::DepositSent => "deposit-sent",
            Self::Deposited => "deposited",
            Self::SharesSent => "shares-sent",
            Self::Registered => "registered",
            Self::Active => "active",
            Self::ExitPlanned => "exit-planned",
            Self::ExitCallSent => "exit-call-sent",
            Self::ExitSigned => "exit-signed",
            Self::ExitBroadcast => "exit-broadcast",
            Self::Exiting => "exiting",
            Self::ExitReportSent => "exit-report-sent",
            Self::ExitInformed => "exit-informed",
            Self::Exited => "exited",
            Self::Withdrawn => "withdrawn",
            Self::RemovalSent => "removal-sent",
            Self::Closed => "closed",
            Self::Abandoned => "abandoned",
        }
    }
}

impl CallKind {
    /// The stage a validator must be in for the call.
    const fn before(self) -> Stage {
        match self {
            Self::Deposit => Stage::KeysReady,
            Self::Shares => Stage::Deposited,
            Self::ExitReport => Stage::Exiting,
            Self::Close => Stage::Withdrawn,
        }
    }

    /// The stage while the call is under way.
    const fn during(self) -> Stage {
        match self {
            Self::Deposit => Stage::DepositSent,
            Self::Shares => Stage::SharesSent,
            Self::ExitReport => Stage::ExitReportSent,
            Self::Close => Stage::RemovalSent,
        }
    }

    /// The stage once it is final.
    const fn after(self) -> Stage {
        match self {
            Self::Deposit => Stage::Deposited,
            Self::Shares => Stage::Registered,
            Self::ExitReport => Stage::ExitInformed,
            Self::Close => Stage::Closed,
        }
    }
}

impl fmt::Display for Stage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A text that names no stage.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no stage of a validator's life")]
pub struct UnknownStage(pub String);

impl FromStr for Stage {
    type Err = UnknownStage;

    fn from_str(text: &str) -> Result<Self, UnknownStage> {
        Self::ALL
            .into_iter()
            .find(|stage| stage.as_str() == text)
            .ok_or_else(|| UnknownStage(text.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const KINDS: [CallKind; 4] = [CallKind::Deposit, CallKind::Shares, CallKind::ExitReport, CallKind::Close];

    fn any_observation() -> impl Strategy<Value = Event> {
        let status = prop::sample::select(vec![
            NexusStatus::Inactive,
            NexusStatus::Deposited,
            NexusStatus::ShareDeposited,
            NexusStatus::ValidatorExitSubmitted,
            NexusStatus::ValidatorExited,
        ]);
        let phase = prop::sample::select(vec![
            BeaconPhase::Waiting,
            BeaconPhase::Active,
            BeaconPhase::Exiting,
            BeaconPhase::Exited,
            BeaconPhase::Withdrawn,
        ]);
        prop_oneof![status.prop_map(Event::SeenOnNexus), phase.prop_map(Event::SeenOnBeacon)]
    }

    fn any_event() -> impl Strategy<Value = Event> {
        let kind = prop::sample::select(KINDS.to_vec());
        prop_oneof![
            any_observation(),
            Just(Event::DepositSigned),
            Just(Event::Discarded),
            kind.clone().prop_map(Event::CallRecorded),
            kind.clone().prop_map(Event::CallSucceeded),
            kind.prop_map(Event::CallFailed),
            Just(Event::ExitChosen),
            Just(Event::ExitUnchosen),
            Just(Event::ExitSigned),
            Just(Event::ExitAccepted),
        ]
    }

    #[test]
    fn an_uneventful_life_passes_every_stage() {
        use BeaconPhase as Beacon;
        let events = [
            Event::DepositSigned,
            Event::CallRecorded(CallKind::Deposit),
            Event::CallSucceeded(CallKind::Deposit),
            Event::CallRecorded(CallKind::Shares),
            Event::CallSucceeded(CallKind::Shares),
            Event::SeenOnBeacon(Beacon::Active),
            Event::ExitChosen,
            Event::ExitSigned,
            Event::ExitAccepted,
            Event::SeenOnBeacon(Beacon::Exiting),
            Event::CallRecorded(CallKind::ExitReport),
            Event::CallSucceeded(CallKind::ExitReport),
            Event::SeenOnBeacon(Beacon::Exited),
            Event::SeenOnBeacon(Beacon::Withdrawn),
            Event::CallRecorded(CallKind::Close),
            Event::CallSucceeded(CallKind::Close),
        ];
        let mut life = vec![Stage::Planned];
        for event in events {
            life.push(life.last().unwrap().next(event).unwrap());
        }
        // The other way out.
        let own_exit = |stage: &&Stage| **stage != Stage::ExitCallSent;
        assert_eq!(life, Stage::ALL[..18].iter().filter(own_exit).copied().collect::<Vec<_>>());
    }

    #[test]
    fn an_exit_that_operators_sign_is_called_for_once() {
        let call = Event::CallRecorded(CallKind::ExitReport);
        assert_eq!(Stage::ExitPlanned.next(call), Ok(Stage::ExitCallSent));
        assert!(Stage::ExitCallSent.next(call).is_err());
        let exiting = Event::SeenOnBeacon(BeaconPhase::Exiting);
        // The operators were faster than the call's finality.
        assert_eq!(Stage::ExitCallSent.next(exiting), Ok(Stage::ExitCallSent));
        let done = Event::CallSucceeded(CallKind::ExitReport);
        assert_eq!(Stage::ExitCallSent.next(done), Ok(Stage::ExitInformed));
        let failed = Event::CallFailed(CallKind::ExitReport);
        assert_eq!(Stage::ExitCallSent.next(failed), Ok(Stage::ExitPlanned));
        assert!(Stage::ExitInformed.next(call).is_err());
    }

    #[test]
    fn names_round_trip() {
        for stage in Stage::ALL {
            assert_eq!(stage.as_str().parse(), Ok(stage));
        }
    }

    #[test]
    fn a_slashed_validator_is_reported_without_an_exit_of_ours() {
        assert_eq!(Stage::Active.next(Event::SeenOnBeacon(BeaconPhase::Exiting)), Ok(Stage::Exiting));
        assert_eq!(Stage::Registered.next(Event::SeenOnBeacon(BeaconPhase::Withdrawn)), Ok(Stage::Exiting));
    }

    proptest! {
        #[test]
        fn a_deposit_that_may_be_spent_is_never_forgotten(events in prop::collection::vec(any_event(), 0..60)) {
            let mut stage = Stage::DepositSent;
            for event in events {
                let next = stage.next(event).unwrap_or(stage);
                prop_assert_ne!(next, Stage::Planned);
                if stage >= Stage::Deposited {
                    prop_assert!(next >= Stage::Deposited && next != Stage::Abandoned, "{stage} {event:?} {next}");
                }
                // The only way back before the deposit is a call that finally had no effect.
                if stage == Stage::DepositSent && next < stage {
                    prop_assert_eq!(event, Event::CallFailed(CallKind::Deposit));
                }
                if next == Stage::Abandoned { break; }
                stage = next;
            }
        }

        #[test]
        fn the_same_observation_twice_changes_nothing(at in 0..Stage::ALL.len(), event in any_observation()) {
            if let Ok(once) = Stage::ALL[at].next(event) {
                prop_assert_eq!(once.next(event), Ok(once));
            }
        }
    }
}
