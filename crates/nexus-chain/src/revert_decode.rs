//! From revert data to a name.

use alloy::primitives::U256;
use alloy_sol_types::{Panic, Revert as RevertText, SolError as _};
use nexus_primitives::Address;

use crate::{
    Revert,
    bindings::{bridge, nexus_main, node_operator, proxy, ssv_v1, ssv_v2, ssv_views},
};

/// Names what a call reverted with, whichever of the contracts raised it.
///
/// SSV's errors bubble up through Nexus, and the bridge's too, so the errors of all contracts and versions are known
/// together with Solidity's own `Error(string)` and `Panic(uint256)`.
pub fn decode_revert(data: &[u8]) -> Revert {
    let Some((selector, body)) = data.split_first_chunk::<4>() else {
        return if data.is_empty() { Revert::Empty } else { unknown(data) };
    };
    match *selector {
        RevertText::SELECTOR => RevertText::abi_decode(data)
            .map_or_else(|_| unknown(data), |revert| Revert::Message(revert.reason)),
        Panic::SELECTOR => Panic::abi_decode(data)
            .map_or_else(|_| unknown(data), |panic| Revert::Panic(panic.code.saturating_to())),
        selector => custom_error(selector, body).unwrap_or_else(|| unknown(data)),
    }
}

fn unknown(data: &[u8]) -> Revert {
    Revert::Unknown(format!("0x{}", hex::encode(data)))
}

fn custom_error(selector: [u8; 4], body: &[u8]) -> Option<Revert> {
    let (name, types) = signature(selector)?.strip_suffix(')')?.split_once('(')?;
    let types = types.split(',').filter(|kind| !kind.is_empty());
    let arguments = types.enumerate().map(|(at, kind)| argument(kind, at, body)).collect::<Option<_>>()?;
    Some(Revert::Named { name: name.to_owned(), arguments })
}

fn signature(selector: [u8; 4]) -> Option<&'static str> {
    let tables = [
        nexus_main::NexusErrors::signature_by_selector,
        bridge::NexusBaseBridgeErrors::signature_by_selector,
        ssv_v1::SsvNetworkErrors::signature_by_selector,
        ssv_v2::SsvNetworkErrors::signature_by_selector,
        ssv_views::SsvNetworkViewsErrors::signature_by_selector,
        node_operator::NodeOperatorErrors::signature_by_selector,
        proxy::ProxyErrors::signature_by_selector,
    ];
    tables
        .iter()
        .find_map(|by_selector| by_selector(selector))
        .or_else(|| EARLIER_SSV_ERRORS.iter().find(|(known, _)| *known == selector).map(|(_, text)| *text))
}

/// Errors of SSV v1.0 and v1.1 that the later ABIs no longer list.
const EARLIER_SSV_ERRORS: [([u8; 4], &str); 1] = [([0x6d, 0xf5, 0xab, 0x76], "ExceedValidatorLimit()")];

/// Decodes the argument in head position `at` (Contract ABI specification; the errors only use these types).
fn argument(kind: &str, at: usize, body: &[u8]) -> Option<String> {
    let head: [u8; 32] = body.get(at * 32..at * 32 + 32)?.try_into().ok()?;
    match kind {
        "address" => Some(Address::new(head[12..].try_into().ok()?).to_string()),
        "bytes" => Some(format!("0x{}", hex::encode(dynamic(&head, body)?))),
        "string" => Some(String::from_utf8_lossy(dynamic(&head, body)?).into_owned()),
        "bool" => Some((head[31] != 0).to_string()),
        _ if kind.starts_with("uint") => Some(U256::from_be_bytes(head).to_string()),
        _ => Some(format!("0x{}", hex::encode(head))),
    }
}

fn dynamic<'a>(head: &[u8; 32], body: &'a [u8]) -> Option<&'a [u8]> {
    let offset = usize::try_from(U256::from_be_bytes(*head)).ok()?;
    let start = offset.checked_add(32)?;
    let length = usize::try_from(U256::try_from_be_slice(body.get(offset..start)?)?).ok()?;
    body.get(start..start.checked_add(length)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bytes(text: &str) -> Vec<u8> {
        hex::decode(text).unwrap()
    }

    /// Selectors from the facts sheet, computed there independently of these bindings.
    #[test]
    fn selectors_have_their_names() {
        for (selector, name) in [
            ("855c3406", "StakingLimitExceeding"),
            ("cb89662e", "IncorrectValidatorStatus"),
            ("375152c1", "NotNexusBot"),
            ("f25314a6", "ValidatorNotExited"),
            ("e366f44e", "IncorrectWithdrawalCredentials"),
            ("12e04c87", "IncorrectClusterState"),
            ("95a0cf33", "ClusterIsLiquidated"),
            ("185e2b16", "ClusterDoesNotExists"),
            ("25d92f88", "ClusterDoesNotExist"),
            ("f6749746", "IncorrectClusterVersion"),
            ("f4d678b8", "InsufficientBalance"),
            ("8d09a73e", "ValidatorAlreadyExists"),
            ("6df5ab76", "ExceedValidatorLimit"),
            ("961e3e8c", "OperatorDoesNotExist"),
            ("045c4b02", "TokenTransferFailed"),
            ("d3c9cec9", "ClusterNotPresent"),
            ("3ab755b2", "ConstructorFailed"),
        ] {
            let revert = decode_revert(&bytes(selector));
            assert!(revert.is(name), "{selector}: {revert}");
        }
    }

    #[test]
    fn arguments_are_shown() {
        let operator = decode_revert(&bytes(&format!("b7f529fe{:064x}", 42)));
        assert_eq!(operator.to_string(), "CallerNotWhitelistedWithData(42)");
        let pubkey = "ab".repeat(48);
        let data = format!("388e7999{:064x}{:064x}{pubkey}{}", 32, 48, "0".repeat(32));
        assert_eq!(
            decode_revert(&bytes(&data)).to_string(),
            format!("ValidatorAlreadyExistsWithData(0x{pubkey})")
        );
        let owners = format!("8907fc65{:0>64}{:0>64}", "11".repeat(20), "22".repeat(20));
        assert_eq!(
            decode_revert(&bytes(&owners)).to_string(),
            format!("CallerNotOwnerWithData(0x{}, 0x{})", "11".repeat(20), "22".repeat(20))
        );
    }

    #[test]
    fn solidity_s_own_reverts_are_told_apart() {
        let text = format!("08c379a0{:064x}{:064x}{:0<64}", 32, 5, hex::encode("sorry"));
        assert_eq!(decode_revert(&bytes(&text)), Revert::Message("sorry".into()));
        let lines = text.replace(&hex::encode("sorry"), &hex::encode("a\nb\x1bc"));
        assert_eq!(decode_revert(&bytes(&lines)).to_string(), "reverted: a b c");
        assert_eq!(decode_revert(&bytes(&format!("4e487b71{:064x}", 0x11))), Revert::Panic(0x11));
        assert_eq!(decode_revert(&[]), Revert::Empty);
    }

    #[test]
    fn foreign_and_damaged_data_is_kept_as_it_is() {
        for data in ["deadbeef", "08c379a0ff", "b7f529fe", "01", &format!("388e7999{}", "ff".repeat(64))] {
            assert_eq!(decode_revert(&bytes(data)), Revert::Unknown(format!("0x{data}")));
        }
    }
}
