//! A ceremony's folder as somebody hands it over. The input is paths and contents, each ended by a NUL.
#![no_main]

use std::{
    fs,
    path::{Component, Path},
};

use libfuzzer_sys::fuzz_target;
use nexus_dkg::verify_folder;
use nexus_fuzz::show;
use nexus_ssv::Expectation;

fuzz_target!(|input: &[u8]| {
    let parent = Path::new("/dev/shm");
    let root = if parent.is_dir() { tempfile::tempdir_in(parent) } else { tempfile::tempdir() };
    let root = root.expect("a directory");
    let fields: Vec<_> = input.split(|byte| *byte == 0).collect();
    for [path, content] in fields.as_chunks().0 {
        write(root.path(), path, content);
    }

    let report = verify_folder(root.path());
    assert!(report.is_sound() || !report.problems.is_empty(), "neither sound nor a problem");
    for problem in &report.problems {
        show(problem);
    }
    assert!(report.validators.is_sorted_by_key(|validator| validator.registration().nonce));
    for validator in &report.validators {
        let name = format!("{:06}-{}", validator.registration().nonce.get(), validator.pubkey());
        let own = verify_folder(&root.path().join(name));
        assert!(own.is_sound(), "{:?}", own.problems);
        assert_eq!(own.validators.as_slice(), std::slice::from_ref(validator));
        let expectation = Expectation::none().pubkey(validator.pubkey()).operators(validator.operators());
        validator.keyshares.verify(&expectation).expect("it was checked");
    }
});

/// Writes a file below `root`, if that is where the path leads.
fn write(root: &Path, path: &[u8], content: &[u8]) {
    let Ok(path) = str::from_utf8(path) else { return };
    let path = Path::new(path);
    if path.components().all(|part| matches!(part, Component::Normal(_))) && path.components().count() <= 2 {
        let path = root.join(path);
        // Names that are too long, or a file's in place of a folder's, are left out.
        drop(path.parent().map(fs::create_dir_all));
        drop(fs::write(path, content));
    }
}
