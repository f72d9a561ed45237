//! A directory from which `nexus-bot` runs against this world.

use std::{
    fs, io,
    os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _, PermissionsExt as _},
    path::{Path, PathBuf},
};

use alloy::signers::{
    k256::elliptic_curve::rand_core::OsRng,
    local::{LocalSigner, LocalSignerError, PrivateKeySigner},
};
use nexus_primitives::{Address, ChainId, ForkVersion, keccak256};

/// Present in a directory that this module has written: what it finds beside it may be thrown away.
const MARKER: &str = "devnet.json";

/// Without it the bot asks no operator on its own machine, which is where this world's are.
const DKG_SECTION: &str = "\n[dkg]\nallow_loopback = true\n";

/// What the bot has to know of the world.
pub(crate) struct BotConfig<'a> {
    pub(crate) chain_id: ChainId,
    pub(crate) deposit_contract: Address,
    pub(crate) genesis_fork_version: ForkVersion,
    pub(crate) rpc_url: &'a str,
    pub(crate) beacon_url: &'a str,
    pub(crate) nexus: Address,
    pub(crate) ssv_network: Address,
    pub(crate) ssv_network_views: Address,
    pub(crate) ssv_token: Address,
    pub(crate) start_block: u64,
    pub(crate) bot: &'a PrivateKeySigner,
    /// Whether its operators make keys.
    pub(crate) makes_keys: bool,
    /// What `devnet_info` answers.
    pub(crate) info: &'a serde_json::Value,
}

/// Where everything of a bot's configuration lies.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigDir {
    /// The directory itself.
    pub dir: PathBuf,
    /// `nexus-bot.toml`.
    pub config: PathBuf,
    /// The bot's Web3 keystore.
    pub keystore: PathBuf,
    /// The keystore's password, mode 0600.
    pub password: PathBuf,
    /// The vault's salt, mode 0600, for `--salt-file`.
    pub salt: PathBuf,
    /// The vault's directory, mode 0700.
    pub vault: PathBuf,
    /// The state file, which the bot creates.
    pub state: PathBuf,
}

/// Why a directory couldn't be filled.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConfigDirError {
    /// Another bot's state or vault lies there.
    #[error("{0} belongs to another bot: choose an empty directory")]
    Occupied(PathBuf),
    /// A bot of an earlier world still runs on it.
    #[error("a nexus-bot is running in {0}: stop it first, or choose another directory")]
    InUse(PathBuf),
    /// The file system refused.
    #[error("writing {path}")]
    Io {
        /// What was written.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// The keystore couldn't be made.
    #[error("encrypting the bot's key in {dir}")]
    Keystore {
        /// Where.
        dir: PathBuf,
        /// Why not.
        source: LocalSignerError,
    },
}

impl ConfigDir {
    fn new(dir: PathBuf) -> Self {
        Self {
            config: dir.join("nexus-bot.toml"),
            keystore: dir.join("bot-key.json"),
            password: dir.join("bot-key-password"),
            salt: dir.join("salt"),
            vault: dir.join("vault"),
            state: dir.join("state.sqlite"),
            dir,
        }
    }

    /// Writes all files. State and vault of an earlier world in the same directory are removed, a real bot's are not.
    pub(crate) fn write(dir: &Path, bot: &BotConfig<'_>) -> Result<Self, ConfigDirError> {
        create_private_dir(dir)?;
        let paths = Self::new(dir.canonicalize().map_err(io_error(dir))?);
        paths.clear()?;
        create_private_dir(&paths.vault)?;
        let secret = |purpose: &str| {
            hex::encode(keccak256(&[purpose.as_bytes(), bot.bot.to_bytes().as_slice()].concat()))
        };
        let password = secret("password");
        write_private(&paths.password, &password)?;
        write_private(&paths.salt, &secret("salt"))?;
        LocalSigner::encrypt_keystore(
            &paths.dir,
            &mut OsRng,
            bot.bot.to_bytes(),
            &password,
            Some("bot-key.json"),
        )
        .map_err(|source| ConfigDirError::Keystore { dir: paths.dir.clone(), source })?;
        restrict(&paths.keystore)?;
        write_private(&paths.config, &paths.toml(bot))?;
        write_private(&paths.dir.join(MARKER), &format!("{:#}\n", bot.info))?;
        Ok(paths)
    }

    fn clear(&self) -> Result<(), ConfigDirError> {
        let leftovers: Vec<_> = ["state.sqlite", "state.sqlite-wal", "state.sqlite-shm", "vault"]
            .iter()
            .map(|name| self.dir.join(name))
            .filter(|path| path.exists())
            .collect();
        if !self.dir.join(MARKER).exists()
            && let Some(path) = leftovers.first()
        {
            return Err(ConfigDirError::Occupied(path.clone()));
        }
        if is_locked(&self.dir.join("state.sqlite.lock")) {
            return Err(ConfigDirError::InUse(self.dir.clone()));
        }
        for path in leftovers {
            let removed = if path.is_dir() { fs::remove_dir_all(&path) } else { fs::remove_file(&path) };
            removed.map_err(io_error(&path))?;
        }
        Ok(())
    }

    fn toml(&self, bot: &BotConfig<'_>) -> String {
        let path = |path: &Path| toml_string(&path.display().to_string());
        let [keystore, password] =
            [path(&self.keystore), toml_string(&format!("file:{}", self.password.display()))];
        let [vault, state] = [path(&self.vault), path(&self.state)];
        let BotConfig { chain_id, deposit_contract, genesis_fork_version, start_block, .. } = bot;
        let BotConfig { nexus, ssv_network, ssv_network_views, ssv_token, .. } = bot;
        let dkg = if bot.makes_keys { DKG_SECTION } else { "" };
        let [rpc, beacon] = [toml_string(bot.rpc_url), toml_string(bot.beacon_url)];
        format!(
            r#"# Written by the embedded world; run with --salt-file {salt}

[network]
name = "custom"
chain_id = {chain_id}
deposit_contract = "{deposit_contract}"
genesis_fork_version = "{genesis_fork_version}"

[execution]
endpoints = [{rpc}]
quorum = 1
observe_at = "finalized"
confirm_at = "finalized"

[beacon]
endpoints = [{beacon}]

[contracts]
nexus = "{nexus}"
ssv_network = "{ssv_network}"
ssv_network_views = "{ssv_network_views}"
ssv_token = "{ssv_token}"
start_block = {start_block}

[signer]
kind = "keystore"
keystore = {keystore}
password = {password}

[vault]
kind = "local"
path = {vault}

[state]
path = {state}

[keys]
default = "mnemonic"

[loop]
interval_secs = 1
{dkg}"#,
            salt = self.salt.display(),
        )
    }
}

/// A TOML basic string: JSON's escapes are a subset of its own.
fn toml_string(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

/// Whether a bot holds the lock beside its state file.
fn is_locked(path: &Path) -> bool {
    let held = fs::File::open(path).ok().map(|lock| lock.try_lock());
    matches!(held, Some(Err(fs::TryLockError::WouldBlock)))
}

fn create_private_dir(path: &Path) -> Result<(), ConfigDirError> {
    fs::DirBuilder::new().recursive(true).mode(0o700).create(path).map_err(io_error(path))
}

/// Writes a file that only its owner may read, in place of what was there.
fn write_private(path: &Path, text: &str) -> Result<(), ConfigDirError> {
    let mut options = fs::OpenOptions::new();
    let mut file =
        options.write(true).create(true).truncate(true).mode(0o600).open(path).map_err(io_error(path))?;
    io::Write::write_all(&mut file, text.as_bytes()).map_err(io_error(path))?;
    restrict(path)
}

fn restrict(path: &Path) -> Result<(), ConfigDirError> {
    fs::set_permissions(path, fs::Permissions::from_mode(0o600)).map_err(io_error(path))
}

fn io_error(path: &Path) -> impl FnOnce(io::Error) -> ConfigDirError {
    let path = path.to_owned();
    move |source| ConfigDirError::Io { path, source }
}

#[cfg(test)]
mod tests {
    use alloy::primitives::B256;

    use super::*;

    fn write(dir: &Path) -> Result<ConfigDir, ConfigDirError> {
        let bot = PrivateKeySigner::from_bytes(&B256::repeat_byte(7)).unwrap();
        let info = serde_json::json!({"chain_id": 1337});
        ConfigDir::write(
            dir,
            &BotConfig {
                chain_id: ChainId::new(1337),
                deposit_contract: Address::new([1; 20]),
                genesis_fork_version: ForkVersion::new([0x10, 0, 0, 1]),
                rpc_url: "http://127.0.0.1:1",
                beacon_url: "http://127.0.0.1:2",
                nexus: Address::new([2; 20]),
                ssv_network: Address::new([3; 20]),
                ssv_network_views: Address::new([4; 20]),
                ssv_token: Address::new([5; 20]),
                start_block: 9,
                bot: &bot,
                makes_keys: false,
                info: &info,
            },
        )
    }

    #[test]
    fn secrets_are_readable_by_their_owner_only_and_the_keystore_opens() {
        let root = tempfile::tempdir().unwrap();
        let paths = write(&root.path().join("a \"quoted\" name")).unwrap();
        for file in [&paths.password, &paths.salt, &paths.keystore, &paths.config] {
            assert_eq!(fs::metadata(file).unwrap().permissions().mode() & 0o777, 0o600, "{}", file.display());
        }
        assert_eq!(fs::metadata(&paths.vault).unwrap().permissions().mode() & 0o777, 0o700);
        let password = fs::read_to_string(&paths.password).unwrap();
        let bot = LocalSigner::decrypt_keystore(&paths.keystore, &password).unwrap();
        assert_eq!(bot.to_bytes(), B256::repeat_byte(7));
        let config: toml::Table = fs::read_to_string(&paths.config).unwrap().parse().unwrap();
        assert_eq!(config["signer"]["keystore"].as_str(), paths.keystore.to_str());
        assert_eq!(config["network"]["chain_id"].as_integer(), Some(1337));
        assert_eq!(config["contracts"]["start_block"].as_integer(), Some(9));
    }

    #[test]
    fn earlier_world_is_cleared_away_and_a_real_bot_is_left_alone() {
        let root = tempfile::tempdir().unwrap();
        let paths = write(root.path()).unwrap();
        fs::write(&paths.state, "of an earlier world").unwrap();
        write(root.path()).unwrap();
        assert!(!paths.state.exists());

        fs::remove_file(root.path().join(MARKER)).unwrap();
        fs::write(&paths.state, "of a real bot").unwrap();
        assert!(matches!(write(root.path()), Err(ConfigDirError::Occupied(_))));
        assert!(paths.state.exists());
    }

    #[test]
    fn a_running_bots_files_are_left_alone() {
        let root = tempfile::tempdir().unwrap();
        let paths = write(root.path()).unwrap();
        fs::write(&paths.state, "of a bot that runs").unwrap();
        let lock = fs::File::create(root.path().join("state.sqlite.lock")).unwrap();
        lock.lock().unwrap();
        assert!(matches!(write(root.path()), Err(ConfigDirError::InUse(_))));
        assert!(paths.state.exists());
        lock.unlock().unwrap();
        write(root.path()).unwrap();
        assert!(!paths.state.exists());
    }
}
