//! The staking-limit math of Nexus: the position of a rollup in, a plan out.
//!
//! A rollup locks ETH in a bridge contract and sets a limit on the share of it that may be staked. [`plan`] compares
//! the two and answers with one [`Action`]: create so many validators, exit these validators, or hold, and why.
//!
//! What this crate never does: I/O, reading a clock, drawing randomness, logging, panicking. The same position and
//! settings give the same plan, whatever the order in which exit candidates are listed. Its only dependencies are the
//! vocabulary ([`nexus_primitives`]) and the integer behind it.
//!
//! ```
//! use nexus_policy::{Action, PolicySettings, RollupPosition, plan};
//! use nexus_primitives::{BasisPoints, Wei};
//! use std::num::NonZeroU64;
//!
//! // 256 ETH on the bridge and 3 validators: 352 ETH are locked. 40 % of them are 140.8 ETH, or 4 validators.
//! let position = RollupPosition {
//!     balance: Wei::from_ether(256),
//!     limit: BasisPoints::new(4_000)?,
//!     validator_count: 3,
//!     exiting: 0,
//!     withdrawn_at_least: 0,
//!     withdrawn_at_most: 0,
//!     creating: 0,
//!     excess_for_secs: 0,
//!     exit_candidates: vec![],
//! };
//! let plan = plan(&position, &PolicySettings::exact())?;
//! assert_eq!(plan.assessment.locked, Wei::from_ether(352));
//! assert_eq!(plan.assessment.staked_bps.get(), 2_727);
//! assert_eq!(plan.action, Action::Create(NonZeroU64::MIN));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # The rules
//!
//! | name | rule |
//! | --- | --- |
//! | locked | `balance + 32 ETH × (validator_count − withdrawn)`: ETH in flight to the deposit contract is still on the bridge, ETH of withdrawn validators is there again |
//! | withdrawn | from `withdrawn_at_least` to `withdrawn_at_most`, which differ while a payment shows on one layer only: a plan is one that both ends agree on, and reports the figures of the first |
//! | staying | `validator_count − exiting + creating` |
//! | target | `⌊locked × limit / 10 000 / 32 ETH⌋` |
//! | below the target | create `target − staying`, but no more than the four bounds below |
//! | – balance | `⌊(balance − reserve − 32 ETH × creating) / 32 ETH⌋` |
//! | – bridge | what the bridge's own check takes, in one batch, one by one and in any split ([`BridgeState`]) |
//! | – cap | [`PolicySettings::max_create`] |
//! | above the target | exit `staying − target`, but no more than there are candidates, and [`PolicySettings::max_exit`] |
//! | which exit | [`ExitOrder`], ties broken by the validator's index |
//! | dead band | create only when staying is below the target at `limit − dead_band`, exit only when it is above the target at `limit + dead_band`; then all the way to the target at `limit` |
//! | patience | exit only when the excess has lasted [`PolicySettings::exit_after_secs`] |
//! | otherwise | hold, with a [`HoldReason`] |
//!
//! Exiting validators don't count towards the share: their ETH is on its way back, and withdrawn it is in the balance.
//! The bridge does count them, until each is closed, and its check may therefore hold a creation back that the limit
//! would allow.
//!
//! # What holds for every plan
//!
//! * After a creation `32 ETH × staying ≤ locked × limit`, exactly, however many of the perhaps withdrawn turn out to be;
//!   after exits that nothing curbs, too.
//! * The bridge contract rejects none of the deposits planned.
//! * Carrying a plan out leaves nothing more of its kind to plan, both while it is in flight and once it has landed.
//! * A higher limit never means fewer creations or more exits, unless a plan has to wait for withdrawals to settle.
//! * Withdrawn validators weigh as closed ones do, but for the bridge's check.
//! * No amount up to 2²⁵⁶ − 1 wei wraps or panics: a position that can't be planned for is a [`PositionError`].
//!
//! Each is a property test in `tests/it/laws.rs`; `tests/it/contract_laws.rs` asks the compiled bridge contract in the EVM.
#![forbid(unsafe_code)]
#![cfg_attr(not(test), deny(clippy::arithmetic_side_effects, clippy::indexing_slicing, clippy::unwrap_used))]

mod action;
mod assessment;
mod bridge_state;
mod exit_order;
mod hold_reason;
mod locked;
mod plan;
mod position;
mod settings;

pub use action::Action;
pub use assessment::Assessment;
pub use bridge_state::{BridgeState, DepositRefused};
pub use exit_order::{ExitOrder, UnknownExitOrder};
pub use hold_reason::HoldReason;
pub use plan::{Plan, plan};
pub use position::{ExitCandidate, PositionError, RollupPosition};
pub use settings::PolicySettings;

/// Compiles and runs the example in the README.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
