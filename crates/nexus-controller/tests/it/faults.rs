//! Hooks around everything the bot does to the world: where a test crashes it, or moves the world behind its back.

use std::{
    any::Any,
    collections::BTreeSet,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
};

/// Something the bot does that a crash can interrupt.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Effect {
    /// Reads the time, as it does before most writes to the state file.
    Now,
    /// Reads the contracts.
    Observe,
    /// Asks which block counts as final.
    Confirm,
    /// Simulates calls.
    Simulate,
    /// Looks for deposits of others.
    LookForDeposits,
    /// Seals a new mnemonic.
    Seal,
    /// Holds a ceremony.
    Ceremony,
    /// Keeps what ceremonies made.
    Archive,
    /// Hands documents out to operators.
    PostResults,
    /// Signs a transaction.
    Sign,
    /// Writes to the journal.
    Journal,
    /// Broadcasts a transaction.
    Send,
    /// Hands an exit to the beacon nodes.
    SubmitExit,
}

/// Before the effect, or after it and before the bot hears of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Side {
    Before,
    After,
}

/// A moment in the bot's life.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Point {
    pub(crate) effect: Effect,
    /// Which one of its kind: the same when it is repeated.
    pub(crate) what: String,
    pub(crate) side: Side,
}

pub(crate) type Hook = Arc<dyn Fn(&Point) + Send + Sync>;

/// What a crash is made of: it unwinds through the bot without a word.
pub(crate) struct Crash;

/// Stops the bot dead.
pub(crate) fn crash() -> ! {
    std::panic::resume_unwind(Box::new(Crash))
}

/// Says whether a panic was a crash on purpose.
pub(crate) fn is_crash(payload: &(dyn Any + Send)) -> bool {
    payload.is::<Crash>()
}

/// A hook that does nothing.
pub(crate) fn no_faults() -> Hook {
    Arc::new(|_| {})
}

/// A hook that crashes the first time the bot comes to each point of an effect that `counts` picks; and the points.
pub(crate) fn crash_once_at_each(
    counts: impl Fn(Effect) -> bool + Send + Sync + 'static,
) -> (Hook, Arc<Mutex<BTreeSet<Point>>>) {
    let met = Arc::new(Mutex::new(BTreeSet::new()));
    let points = Arc::clone(&met);
    let hook = Arc::new(move |point: &Point| {
        let is_new = counts(point.effect) && met.lock().unwrap().insert(point.clone());
        if is_new {
            crash();
        }
    });
    (hook, points)
}

/// A hook that crashes when `points` have gone by.
pub(crate) fn crash_after(points: usize) -> Hook {
    let passed = AtomicUsize::new(0);
    Arc::new(move |_| {
        if passed.fetch_add(1, Ordering::SeqCst) == points {
            crash();
        }
    })
}

/// A hook that acts once, the first time that `effect` comes by on `side`.
pub(crate) fn once(effect: Effect, side: Side, act: impl Fn() + Send + Sync + 'static) -> Hook {
    let times = AtomicUsize::new(0);
    Arc::new(move |point| {
        if (point.effect, point.side) == (effect, side) && times.fetch_add(1, Ordering::SeqCst) == 0 {
            act();
        }
    })
}
