//! Where grants, the account of refusals and the files of plugins are kept, and a host that heeds them.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context as _, Result};
use clap::Args;
use plugbay::network::Network;
use plugbay::{AuditFile, DataRoot, GrantStore, HostBuilder};

/// `--grants`.
#[derive(Debug, Args)]
pub(crate) struct GrantsOption {
    /// The file of grants [default: PLUGBAY_GRANTS, or conductor/grants.json in the user's configuration]
    #[arg(long, value_name = "FILE")]
    grants: Option<PathBuf>,
}

impl GrantsOption {
    pub(crate) fn store(&self) -> Option<GrantStore> {
        let named = self.grants.clone().or_else(|| Some(variable("PLUGBAY_GRANTS")?.into()));
        let path = named.or_else(|| Some(user_configuration()?.join("conductor/grants.json")));
        path.map(GrantStore::at)
    }

    /// The same, for commands that are for nothing else.
    pub(crate) fn needed(&self) -> Result<GrantStore> {
        self.store().context("there is no home directory for grants: name a file with --grants")
    }
}

/// `--audit-log`.
#[derive(Debug, Args)]
pub(crate) struct AuditOption {
    /// The audit log [default: PLUGBAY_AUDIT_LOG, or conductor/audit.jsonl in the user's state directory]
    #[arg(long, value_name = "FILE")]
    audit_log: Option<PathBuf>,
}

impl AuditOption {
    /// The file: what the command line says, then the environment, then a configuration.
    pub(crate) fn path(&self, configured: Option<&Path>) -> Option<PathBuf> {
        let named = self.audit_log.clone().or_else(|| Some(variable("PLUGBAY_AUDIT_LOG")?.into()));
        named
            .or_else(|| configured.map(Path::to_owned))
            .or_else(|| Some(user_state()?.join("conductor/audit.jsonl")))
    }
}

/// `--data-dir`.
#[derive(Debug, Args)]
pub(crate) struct DataOption {
    /// Where each plugin that is granted Filesystem has a directory [default: PLUGBAY_DATA_DIR, or conductor/plugin-data in the
    /// user's data directory]
    #[arg(long, value_name = "DIR")]
    data_dir: Option<PathBuf>,
}

impl DataOption {
    fn root(&self) -> Option<DataRoot> {
        let named = self.data_dir.clone().or_else(|| Some(variable("PLUGBAY_DATA_DIR")?.into()));
        named.map(DataRoot::new).or_else(DataRoot::of_user)
    }
}

/// What commands that run plugins say of all three.
#[derive(Debug, Args)]
pub(crate) struct PolicyOptions {
    #[command(flatten)]
    grants: GrantsOption,
    #[command(flatten)]
    audit: AuditOption,
    #[command(flatten)]
    data: DataOption,
}

/// What a configuration says of the account.
#[derive(Debug, Default)]
pub(crate) struct AuditSettings<'a> {
    pub(crate) file: Option<&'a Path>,
    pub(crate) max_bytes: Option<u64>,
}

impl PolicyOptions {
    /// The same host, with all three, and the network for plugins that are granted some of it.
    pub(crate) fn heeded(&self, host: HostBuilder, audit: &AuditSettings<'_>) -> HostBuilder {
        let mut host = host.network(Network::new());
        if let Some(store) = self.grants.store() {
            host = host.grants(Arc::new(store));
        }
        if let Some(root) = self.data.root() {
            host = host.data(root);
        }
        if let Some(path) = self.audit.path(audit.file) {
            let mut file = AuditFile::at(path);
            if let Some(bytes) = audit.max_bytes {
                file = file.with_max_bytes(bytes);
            }
            host = host.audit(Arc::new(file));
        }
        host
    }
}

fn user_configuration() -> Option<PathBuf> {
    user_directory("XDG_CONFIG_HOME", ".config", "APPDATA")
}

pub(crate) fn user_data() -> Option<PathBuf> {
    user_directory("XDG_DATA_HOME", ".local/share", "APPDATA")
}

fn user_state() -> Option<PathBuf> {
    user_directory("XDG_STATE_HOME", ".local/state", "LOCALAPPDATA")
}

/// One of the directories of a user's own, on any system.
fn user_directory(xdg: &str, below_home: &str, windows: &str) -> Option<PathBuf> {
    if cfg!(windows) {
        return variable(windows).map(PathBuf::from);
    }
    // The standard has relative paths ignored.
    let named = variable(xdg).map(PathBuf::from).filter(|path| path.is_absolute());
    let below = if cfg!(target_os = "macos") { "Library/Application Support" } else { below_home };
    let home = || Some(std::env::home_dir()?.join(below)).filter(|path| path.is_absolute());
    named.or_else(home)
}

/// An environment variable that says something.
pub(crate) fn variable(name: &str) -> Option<OsString> {
    std::env::var_os(name).filter(|value| !value.is_empty())
}
