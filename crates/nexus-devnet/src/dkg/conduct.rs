//! What an operator can be told to do wrong.

use std::time::Duration;

use nexus_primitives::OperatorId;

/// How an operator behaves. Everything but what is named is as it should be.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Conduct {
    /// As it should.
    #[default]
    Faithful,
    /// Answers everything this much later.
    Slow(Duration),
    /// Accepts no connection.
    Absent,
    /// Deals a share to this operator that doesn't lie on its polynomial.
    WrongShareTo(OperatorId),
    /// Signs its messages in ceremonies wrongly; its health is signed well.
    BadSignature,
    /// Signs another deposit than the one it was asked for.
    WrongPartial,
    /// Runs this version: says so, and demands it.
    OtherVersion(String),
    /// Answers messages in ceremonies with bytes that are none; its health is well.
    GarbageAnswer,
    /// Hands over its exchange key and is never heard of again in that ceremony: its connections break off.
    StopsAfterExchange,
}
