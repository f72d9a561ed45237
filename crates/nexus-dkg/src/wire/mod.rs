//! The messages of a ceremony, byte for byte: SSZ containers, their decoders and encoders.
//!
//! No logic and no cryptography here, only layouts. Decoders are strict: of all byte strings that could mean a message
//! they take exactly the one that [`Ssz::encode`] writes. Names of containers and fields in errors are the protocol's.
//!
//! The codec is written by hand. The containers of this protocol are a dozen; a derived one would move their limits
//! into the types of every field, and say "invalid offset" where an operator needs to know of which.

mod codec;
mod exchange;
mod init;
mod kyber_json;
mod limits;
mod message_type;
mod output;
mod pong;
mod results;
mod transport;

pub use codec::{DecodeError, DecodeProblem, Ssz};
pub use exchange::{Exchange, KyberMessage};
pub use init::{Init, InitOperator};
pub use kyber_json::{Deal, DealBundle, DealResponse, PointBytes, ResponseBundle};
pub use limits::{MAX_MESSAGES, MAX_OPERATORS};
pub use message_type::{KyberType, MessageType};
pub use output::{Output, Proof, SignedProof};
pub use pong::{ErrorText, Pong};
pub use results::Results;
pub use transport::{MultipleSignedTransports, SignedTransport, Transport};
