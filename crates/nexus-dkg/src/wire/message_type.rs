//! What a message is, as a number.

use super::{DecodeError, DecodeProblem, Ssz};

macro_rules! numbered {
    ($(#[$doc:meta])* $name:ident { $($(#[$variant_doc:meta])* $variant:ident = $number:literal,)+ }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum $name {
            $($(#[$variant_doc])* $variant,)+
        }

        impl $name {
            /// Everything there is, in the order of the numbers.
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];

            /// Returns the protocol's number.
            pub const fn number(self) -> u64 {
                match self { $(Self::$variant => $number,)+ }
            }

            pub(super) fn decode<C: Ssz>(field: &'static str, number: u64) -> Result<Self, DecodeError> {
                match number {
                    $($number => Ok(Self::$variant),)+
                    got => {
                        let max = Self::ALL.last().map_or(0, |last| last.number());
                        let problem = DecodeProblem::Unknown { max, got };
                        Err(DecodeError { container: C::NAME, field, problem })
                    }
                }
            }
        }
    };
}

numbered! {
    /// What a transport carries.
    MessageType {
        /// The initiator opens a ceremony.
        Init = 0,
        /// A step of the key generation, [`KyberType`] tells which.
        Kyber = 1,
        /// An operator's ephemeral key.
        Exchange = 2,
        /// An operator's result.
        Output = 3,
        /// Not used at this level.
        KyberDealBundle = 4,
        /// Not used at this level.
        KyberResponseBundle = 5,
        /// Not used at this level.
        KyberJustificationBundle = 6,
        /// Not used any more.
        BlsSignRequest = 7,
        /// An operator reports that the ceremony failed.
        Error = 8,
        /// Not used any more.
        Ping = 9,
        /// An operator's answer to the health check.
        Pong = 10,
        /// The initiator hands out the documents.
        Results = 11,
        /// Owner's order to sign again; not used here.
        SignedResign = 12,
        /// Owner's order to share again; not used here.
        SignedReshare = 13,
        /// Step of sharing again; not used here.
        ReshareKyber = 14,
        /// Ephemeral key for sharing again; not used here.
        ReshareExchange = 15,
    }
}

numbered! {
    /// A step of the key generation.
    KyberType {
        /// A dealer's encrypted shares and commitments.
        DealBundle = 4,
        /// Complaints about dealers.
        ResponseBundle = 5,
        /// A dealer's defence.
        JustificationBundle = 6,
    }
}
