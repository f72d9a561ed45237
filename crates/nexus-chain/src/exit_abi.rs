//! Which `validatorExit` a Nexus implementation has.

use alloy_sol_types::SolCall as _;

use crate::{
    ExitAbi,
    bindings::{nexus_main, nexus_ssv_exits},
};

/// Tells the versions apart by the selector in the implementation's code. When the code doesn't decide (a proxy of an
/// unknown kind), `answers_ssv_network` does: only the `ssv_exits` version has the public getter `SSV_NETWORK()`.
/// `None` when nothing speaks for either.
pub(crate) fn detect_exit_abi(answers_ssv_network: bool, code: &[u8]) -> Option<ExitAbi> {
    let has = |selector: [u8; 4]| code.windows(4).any(|window| window == selector);
    let main = has(nexus_main::validatorExitCall::SELECTOR);
    let ssv_exits = has(nexus_ssv_exits::validatorExitCall::SELECTOR);
    match (main, ssv_exits) {
        (true, false) => Some(ExitAbi::Main),
        (false, true) => Some(ExitAbi::SsvExits),
        (true, true) | (false, false) => answers_ssv_network.then_some(ExitAbi::SsvExits),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_selector_in_the_code_decides() {
        let code = |selector: &str| hex::decode(format!("6080604052{selector}14")).unwrap();
        assert_eq!(detect_exit_abi(false, &code("63f87d7c56")), Some(ExitAbi::Main));
        assert_eq!(detect_exit_abi(true, &code("63e03ad13c")), Some(ExitAbi::SsvExits));
        assert_eq!(detect_exit_abi(true, &code("363d3d373d")), Some(ExitAbi::SsvExits));
        assert_eq!(detect_exit_abi(false, &code("363d3d373d")), None);
    }
}
