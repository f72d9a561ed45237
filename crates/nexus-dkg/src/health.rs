//! Whether an operator is there, who it says it is, and what it runs.

use nexus_primitives::OperatorId;
use nexus_ssv::Operator;

use crate::{
    Fault, OperatorVersion,
    answer::{expect, open},
    wire::{MessageType, Pong},
};

/// An operator that answers, is the one expected, and runs software that can take part.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OperatorHealth {
    /// What it runs.
    pub version: OperatorVersion,
    /// Whether its execution client answers. Making a key takes none; signing or sharing one again does.
    pub eth_client_connected: bool,
}

/// One operator's health, or what is wrong with it.
#[derive(Debug)]
pub struct HealthReport {
    /// Which operator.
    pub operator: OperatorId,
    /// Its health.
    pub health: Result<OperatorHealth, Fault>,
}

/// Reads an operator's answer to the health check: signed with the expected key, by the expected id.
///
/// The answer is bound to no question, so it could be an old one. It opens nothing: a wrong version is refused by the
/// operator itself, and everything afterwards is bound to the ceremony.
pub(crate) fn read_pong(
    operator: &Operator,
    answer: Result<Vec<u8>, Fault>,
) -> Result<OperatorHealth, Fault> {
    let signed = open(operator, &[0; 24], answer)?;
    let pong: Pong = expect(&signed.message, MessageType::Pong)?;
    if pong.id != operator.id.get() {
        return Err(Fault::Id { got: pong.id });
    }
    if pong.pubkey != signed.signer {
        return Err(Fault::Key);
    }
    let version = signed.message.version.parse().map_err(Fault::Version)?;
    Ok(OperatorHealth { version, eth_client_connected: pong.eth_client_connected })
}
