//! The message that opens a ceremony.

use nexus_primitives::{Address, ForkVersion, Gwei};

use super::{
    DecodeError, MAX_OPERATORS, Ssz,
    codec::{Decoder, Encoder, decode_list, encode_list, exactly},
    limits::{CREDENTIALS, MAX_KEY, list},
};

/// An operator as a message names it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InitOperator {
    /// Its id.
    pub id: u64,
    /// Its encoded public key, 612 characters of ASCII.
    pub pubkey: Vec<u8>,
}

/// What the initiator wants a key for. Every operator gets the same bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Init {
    /// Who takes part, ascending by id.
    pub operators: Vec<InitOperator>,
    /// How many must sign together.
    pub threshold: u64,
    /// Withdrawal credentials, prefix `0x01` or `0x02`.
    pub withdrawal_credentials: [u8; CREDENTIALS],
    /// Genesis fork version.
    pub fork: ForkVersion,
    /// Who will register the validator.
    pub owner: Address,
    /// The owner's nonce at that registration.
    pub nonce: u64,
    /// What will be deposited.
    pub amount: Gwei,
}

const OPERATOR: usize = 12;
const INIT: usize = 56;
pub(super) const MAX_OPERATOR: usize = OPERATOR + MAX_KEY;

impl Ssz for InitOperator {
    const NAME: &'static str = "Operator";

    fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        let mut fields = Decoder::new::<Self>(bytes, OPERATOR);
        let id = fields.u64("ID")?;
        fields.offset("PubKey", MAX_KEY)?;
        let [pubkey] = fields.finish()?;
        Ok(Self { id, pubkey: pubkey.to_vec() })
    }

    fn encode(&self) -> Vec<u8> {
        Encoder::new(OPERATOR).u64(self.id).variable(&self.pubkey).finish()
    }
}

impl Ssz for Init {
    const NAME: &'static str = "Init";

    fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        let mut fields = Decoder::new::<Self>(bytes, INIT);
        fields.offset("Operators", list(MAX_OPERATORS, MAX_OPERATOR))?;
        let threshold = fields.u64("T")?;
        fields.offset("WithdrawalCredentials", CREDENTIALS)?;
        let fork = ForkVersion::new(fields.array("Fork")?);
        let owner = Address::new(fields.array("Owner")?);
        let nonce = fields.u64("Nonce")?;
        let amount = Gwei::new(fields.u64("Amount")?);
        let [operators, credentials] = fields.finish()?;
        let operators = decode_list::<Self, _>("Operators", operators, MAX_OPERATORS)?;
        let withdrawal_credentials = exactly::<Self, CREDENTIALS>("WithdrawalCredentials", credentials)?;
        Ok(Self { operators, threshold, withdrawal_credentials, fork, owner, nonce, amount })
    }

    fn encode(&self) -> Vec<u8> {
        Encoder::new(INIT)
            .variable(&encode_list(&self.operators))
            .u64(self.threshold)
            .variable(&self.withdrawal_credentials)
            .array(self.fork.as_bytes())
            .array(self.owner.as_bytes())
            .u64(self.nonce)
            .u64(self.amount.get())
            .finish()
    }
}
