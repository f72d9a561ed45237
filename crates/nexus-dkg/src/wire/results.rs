//! The documents, handed out to the operators at the end.

use super::{
    DecodeError, InitOperator, MAX_OPERATORS, Ssz,
    codec::{Decoder, Encoder, decode_list, encode_list},
    init::MAX_OPERATOR,
    limits::{MAX_DEPOSIT, MAX_DOCUMENT, list},
};

/// The finished documents of one validator (`ResultData`), as JSON.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Results {
    /// Who took part, ascending by id.
    pub operators: Vec<InitOperator>,
    /// The instance id.
    pub identifier: [u8; 24],
    /// One deposit, an object.
    pub deposit_data: Vec<u8>,
    /// One keyshares document, an object.
    pub keyshares_data: Vec<u8>,
    /// All operators' proofs, an array.
    pub proofs: Vec<u8>,
}

const RESULTS: usize = 40;

impl Ssz for Results {
    const NAME: &'static str = "ResultData";

    fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        let mut fields = Decoder::new::<Self>(bytes, RESULTS);
        fields.offset("Operators", list(MAX_OPERATORS, MAX_OPERATOR))?;
        let identifier = fields.array("Identifier")?;
        fields.offset("DepositData", MAX_DEPOSIT)?;
        fields.offset("KeysharesData", MAX_DOCUMENT)?;
        fields.offset("Proofs", MAX_DOCUMENT)?;
        let [operators, deposit_data, keyshares_data, proofs] = fields.finish()?;
        Ok(Self {
            operators: decode_list::<Self, _>("Operators", operators, MAX_OPERATORS)?,
            identifier,
            deposit_data: deposit_data.to_vec(),
            keyshares_data: keyshares_data.to_vec(),
            proofs: proofs.to_vec(),
        })
    }

    fn encode(&self) -> Vec<u8> {
        Encoder::new(RESULTS)
            .variable(&encode_list(&self.operators))
            .array(&self.identifier)
            .variable(&self.deposit_data)
            .variable(&self.keyshares_data)
            .variable(&self.proofs)
            .finish()
    }
}
