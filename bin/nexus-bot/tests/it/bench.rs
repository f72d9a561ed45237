//! A directory with a configuration, and the binary run in it.

use std::{
    fs::{self, OpenOptions},
    io::Write as _,
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use serde_json::Value;
use tempfile::TempDir;

/// A test vector of the Web3 Secret Storage Definition; its password is `testpassword`.
const SIGNER: &str = r#"{"crypto":{"cipher":"aes-128-ctr","cipherparams":{"iv":"6087dab2f9fdbbfaddc31a909735c1e6"},
"ciphertext":"5318b4d5bcd28de64ee5559e671353e16f075ecae9f99c7a79a38af5f869aa46","kdf":"pbkdf2",
"kdfparams":{"c":262144,"dklen":32,"prf":"hmac-sha256","salt":"ae3cd4e7013836a3df6bd7241b12db061dbe2c6785853cce422d148a624ce0bd"},
"mac":"517ead924a9d0dc3124507e3393d175ce3ff7c1e96529c6c555ce9e51205e9b2"},
"id":"3198bc9c-6672-5ab3-d995-4942343ae5b6","version":3}"#;

/// A rollup that no chain knows.
pub(crate) const ROLLUP: &str = "0x00000000000000000000000000000000000000AA";

pub(crate) struct Bench {
    dir: TempDir,
}

/// How the process ended and what it said.
pub(crate) struct Ended {
    pub(crate) code: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Bench {
    /// Writes a configuration that is complete and names endpoints where nobody listens.
    pub(crate) fn new() -> Self {
        Self::with_endpoints("http://127.0.0.1:1", "http://127.0.0.1:1")
    }

    /// Writes a configuration that names these nodes, with a second for every exchange.
    pub(crate) fn with_endpoints(execution: &str, beacon: &str) -> Self {
        let bench = Self { dir: tempfile::tempdir().unwrap() };
        bench.write("signer.json", SIGNER, 0o600);
        bench.write("password", "testpassword\n", 0o600);
        bench.write("salt", "a salt of more than sixteen bytes\n", 0o600);
        let config = format!(
            "[network]\nname = \"hoodi\"\n\
             [execution]\nendpoints = [\"{execution}\"]\ntimeout_secs = 1\n\
             [beacon]\nendpoints = [\"{beacon}\"]\ntimeout_secs = 1\n\
             [contracts]\nnexus = \"0x0000000000000000000000000000000000000001\"\n\
             ssv_network = \"0x0000000000000000000000000000000000000002\"\n\
             ssv_token = \"0x0000000000000000000000000000000000000003\"\n\
             [signer]\nkind = \"keystore\"\nkeystore = \"signer.json\"\npassword = \"file:password\"\n\
             [vault]\nkind = \"local\"\npath = \"vault\"\n[state]\npath = \"state.sqlite\"\n"
        );
        bench.write("nexus-bot.toml", &config, 0o644);
        bench
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    pub(crate) fn write(&self, name: &str, content: &str, mode: u32) -> PathBuf {
        let path = self.path(name);
        let mut file =
            OpenOptions::new().write(true).create(true).truncate(true).mode(mode).open(&path).unwrap();
        file.write_all(content.as_bytes()).unwrap();
        path
    }

    /// Changes the configuration file.
    pub(crate) fn edit(&self, change: impl FnOnce(String) -> String) {
        let path = self.path("nexus-bot.toml");
        let changed = change(fs::read_to_string(&path).unwrap());
        fs::write(path, changed).unwrap();
    }

    /// Runs the binary in the directory, without a terminal.
    pub(crate) fn run(&self, args: &[&str]) -> Ended {
        let output = Command::new(env!("CARGO_BIN_EXE_nexus-bot"))
            .args(args)
            .current_dir(self.dir.path())
            .stdin(Stdio::null())
            .output()
            .unwrap();
        Ended {
            code: output.status.code().expect("no signal ended it"),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
        }
    }
}

impl Ended {
    #[track_caller]
    pub(crate) fn expect(self, code: i32) -> Self {
        assert_eq!(self.code, code, "stdout: {}\nstderr: {}", self.stdout, self.stderr);
        self
    }

    /// Demands that an error of one line or more says this.
    #[track_caller]
    pub(crate) fn says(&self, text: &str) -> &Self {
        assert!(self.stderr.contains(text), "{text:?} is not in: {}", self.stderr);
        self
    }

    /// Demands that the output says this.
    #[track_caller]
    pub(crate) fn says_on_stdout(&self, text: &str) -> &Self {
        assert!(self.stdout.contains(text), "{text:?} is not in: {}", self.stdout);
        self
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("{error}: {}", self.stdout))
    }
}

/// Returns the path of a fixture.
pub(crate) fn fixture(name: &str) -> String {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/keyshares");
    root.join(name).to_str().unwrap().to_owned()
}
