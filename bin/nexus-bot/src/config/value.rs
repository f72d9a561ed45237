//! Values of a configuration file as the types they stand for.

use std::{net::SocketAddr, path::PathBuf};

use nexus_http::Endpoint;
use nexus_policy::ExitOrder;
use nexus_primitives::{Address, BasisPoints, BlockNumber, ChainId, ForkVersion, RollupAdmin, Wei};
use toml::de::DeValue;

/// A type that a TOML value can stand for.
pub(super) trait FromToml: Sized {
    /// What is expected, with its article, as in "a whole number".
    const EXPECTED: &'static str;
    /// Whether an error may repeat what was found; not where people put passwords and API keys.
    const MAY_BE_SHOWN: bool = true;

    /// Converts the value.
    fn from_toml(value: &DeValue<'_>) -> Result<Self, Mismatch>;
}

/// Why a value doesn't stand for a type.
pub(super) enum Mismatch {
    /// It is of another TOML type, or one that says nothing more.
    Kind,
    /// It is of the right type, and this is wrong with it.
    Content(String),
}

impl Mismatch {
    /// Returns the problem with `value`, which was to be a `T`.
    pub(super) fn message<T: FromToml>(self, value: &DeValue<'_>) -> String {
        let found = if T::MAY_BE_SHOWN { describe(value) } else { kind(value).to_owned() };
        match self {
            Self::Kind => format!("expected {}, found {found}", T::EXPECTED),
            Self::Content(reason) => format!("expected {}, found {found}: {reason}", T::EXPECTED),
        }
    }
}

/// Returns the TOML type of a value, with its article.
fn kind(value: &DeValue<'_>) -> &'static str {
    match value {
        DeValue::String(_) => "a text",
        DeValue::Integer(_) => "a whole number",
        DeValue::Float(_) => "a fraction",
        DeValue::Boolean(_) => "true or false",
        DeValue::Datetime(_) => "a date",
        DeValue::Array(_) => "a list",
        DeValue::Table(_) => "a table",
    }
}

/// Describes a value in an error.
pub(super) fn describe(value: &DeValue<'_>) -> String {
    match value {
        DeValue::String(text) => format!("the text {text:?}"),
        DeValue::Integer(number) => format!("the number {number}"),
        DeValue::Float(number) => format!("the number {number}"),
        DeValue::Boolean(value) => value.to_string(),
        other => kind(other).to_owned(),
    }
}

fn text<'v>(value: &'v DeValue<'_>) -> Result<&'v str, Mismatch> {
    if let DeValue::String(text) = value { Ok(text) } else { Err(Mismatch::Kind) }
}

fn parse<T>(value: &DeValue<'_>, parse: impl FnOnce(&str) -> Result<T, String>) -> Result<T, Mismatch> {
    parse(text(value)?).map_err(Mismatch::Content)
}

impl FromToml for u64 {
    const EXPECTED: &'static str = "a whole number";

    fn from_toml(value: &DeValue<'_>) -> Result<Self, Mismatch> {
        let DeValue::Integer(number) = value else { return Err(Mismatch::Kind) };
        Self::from_str_radix(number.as_str(), number.radix()).map_err(|_| Mismatch::Kind)
    }
}

impl FromToml for bool {
    const EXPECTED: &'static str = "true or false";

    fn from_toml(value: &DeValue<'_>) -> Result<Self, Mismatch> {
        if let DeValue::Boolean(value) = value { Ok(*value) } else { Err(Mismatch::Kind) }
    }
}

impl FromToml for ChainId {
    const EXPECTED: &'static str = "a chain id (a whole number)";

    fn from_toml(value: &DeValue<'_>) -> Result<Self, Mismatch> {
        u64::from_toml(value).map(Self::new)
    }
}

impl FromToml for BlockNumber {
    const EXPECTED: &'static str = "a block number";

    fn from_toml(value: &DeValue<'_>) -> Result<Self, Mismatch> {
        u64::from_toml(value).map(Self::new)
    }
}

impl FromToml for BasisPoints {
    const EXPECTED: &'static str = "basis points from 0 to 10000";

    fn from_toml(value: &DeValue<'_>) -> Result<Self, Mismatch> {
        let number = u16::try_from(u64::from_toml(value)?).map_err(|_| Mismatch::Kind)?;
        Self::new(number).map_err(|_| Mismatch::Kind)
    }
}

impl FromToml for PathBuf {
    const EXPECTED: &'static str = "a path";

    fn from_toml(value: &DeValue<'_>) -> Result<Self, Mismatch> {
        let path = text(value)?;
        if path.is_empty() { Err(Mismatch::Kind) } else { Ok(Self::from(path)) }
    }
}

impl FromToml for Address {
    const EXPECTED: &'static str = "an address";

    fn from_toml(value: &DeValue<'_>) -> Result<Self, Mismatch> {
        parse(value, |text| text.parse().map_err(|error: nexus_primitives::AddressError| error.to_string()))
    }
}

impl FromToml for RollupAdmin {
    const EXPECTED: &'static str = "the address of a rollup's admin";

    fn from_toml(value: &DeValue<'_>) -> Result<Self, Mismatch> {
        Address::from_toml(value).map(Self::new)
    }
}

impl FromToml for ForkVersion {
    const EXPECTED: &'static str = "a fork version (4 bytes of hexadecimal)";

    fn from_toml(value: &DeValue<'_>) -> Result<Self, Mismatch> {
        parse(value, |text| text.parse().map_err(|error: nexus_primitives::HexError| error.to_string()))
    }
}

impl FromToml for Endpoint {
    const EXPECTED: &'static str = "an http or https URL";
    const MAY_BE_SHOWN: bool = false;

    fn from_toml(value: &DeValue<'_>) -> Result<Self, Mismatch> {
        parse(value, |text| text.parse().map_err(|error: nexus_http::EndpointError| error.to_string()))
    }
}

impl FromToml for SocketAddr {
    const EXPECTED: &'static str = "an IP address and port, such as \"127.0.0.1:9740\"";

    fn from_toml(value: &DeValue<'_>) -> Result<Self, Mismatch> {
        text(value)?.parse().map_err(|_| Mismatch::Kind)
    }
}

impl FromToml for ExitOrder {
    const EXPECTED: &'static str = "one of \"worst-performing\", \"oldest\", \"newest\", \"by-cluster\"";

    fn from_toml(value: &DeValue<'_>) -> Result<Self, Mismatch> {
        text(value)?.parse().map_err(|_| Mismatch::Kind)
    }
}

/// An amount written in ETH.
#[derive(Debug, Clone, Copy)]
pub(super) struct Ether(pub(super) Wei);

impl FromToml for Ether {
    const EXPECTED: &'static str = "a text with a decimal amount of ETH, such as \"0.05\"";

    fn from_toml(value: &DeValue<'_>) -> Result<Self, Mismatch> {
        Wei::from_ether_text(text(value)?).map(Self).map_err(|_| Mismatch::Kind)
    }
}

/// A gas price written in gwei.
#[derive(Debug, Clone, Copy)]
pub(super) struct GasPrice(pub(super) Wei);

impl FromToml for GasPrice {
    const EXPECTED: &'static str = "a text with a decimal amount of gwei, such as \"1.5\"";

    fn from_toml(value: &DeValue<'_>) -> Result<Self, Mismatch> {
        Wei::from_gwei_text(text(value)?).map(Self).map_err(|_| Mismatch::Kind)
    }
}

impl FromToml for String {
    const EXPECTED: &'static str = "a text";

    fn from_toml(value: &DeValue<'_>) -> Result<Self, Mismatch> {
        text(value).map(ToOwned::to_owned)
    }
}

/// Declares a choice among names.
macro_rules! choice {
    ($(#[$doc:meta])* $name:ident, $expected:literal, { $($(#[$variant_doc:meta])* $variant:ident = $text:literal),+ $(,)? }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub(crate) enum $name { $($(#[$variant_doc])* $variant),+ }

        /// Shown as in the configuration file.
        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(match self { $(Self::$variant => $text),+ })
            }
        }

        impl $crate::config::value::FromToml for $name {
            const EXPECTED: &'static str = $expected;

            fn from_toml(value: &toml::de::DeValue<'_>) -> Result<Self, $crate::config::value::Mismatch> {
                match value {
                    $(toml::de::DeValue::String(text) if text.as_ref() == $text => Ok(Self::$variant),)+
                    _ => Err($crate::config::value::Mismatch::Kind),
                }
            }
        }
    };
}
pub(super) use choice;
