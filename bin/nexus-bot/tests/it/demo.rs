//! The whole story, told by the binary.

use std::{
    io::Read as _,
    process::{Command, Stdio},
};

/// Checks the story makes; a step that is left out shows as a smaller number.
const CHECKS: usize = 165;

#[test]
fn headless_demo_holds_every_check_and_leaves_no_colour_in_a_pipe() {
    let mut child = Command::new(env!("CARGO_BIN_EXE_nexus-bot"))
        .args(["demo", "--headless", "--seed", "7"])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut story = String::new();
    child.stdout.take().unwrap().read_to_string(&mut story).unwrap();
    let status = child.wait().unwrap();
    assert_eq!(status.code(), Some(0), "{story}");
    assert!(story.ends_with(&format!("{CHECKS} checks, all held\n")), "{story}");
    assert!(!story.contains('\x1b'), "{story}");
    let of_step = |step: u8| {
        let begin = story.find(&format!("\n{step}. ")).unwrap_or_else(|| panic!("no step {step}: {story}"));
        let rest = &story[begin..];
        rest[..rest[1..].find("\n\n").map_or(rest.len(), |end| end + 1)].matches("\n   ok ").count()
    };
    for step in 1..=7 {
        assert!(of_step(step) > 5, "step {step} checks {} things: {story}", of_step(step));
    }
    assert_eq!(story.matches("signal: 9 (SIGKILL)").count(), 4, "{story}");
}
