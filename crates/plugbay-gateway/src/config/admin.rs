//! What the configuration says of the admin API.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use schemars::JsonSchema;
use serde::Deserialize;

use super::{ConfigError, address};

/// Where operators are served, and who is one.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct AdminConfig {
    /// Where it listens. Default `127.0.0.1:9091`; port 0 takes a free one. An address that is no loopback one wants
    /// a token.
    #[serde(default = "default_address", deserialize_with = "address")]
    #[schemars(with = "String")]
    pub listen: SocketAddr,
    /// The environment variable that holds the token. Without one, everybody on this machine is an operator.
    #[serde(default)]
    pub token_env: Option<String>,
    /// The file that holds the token, instead.
    #[serde(default)]
    pub token_file: Option<PathBuf>,
}

fn default_address() -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], 9091))
}

impl AdminConfig {
    pub(super) fn settle(&mut self, file: &Path, base: &Path) -> Result<(), ConfigError> {
        let invalid = |at: &str, problem: &str| Err(ConfigError::invalid(file, at, problem));
        match (&self.token_env, &mut self.token_file) {
            (Some(_), Some(_)) => {
                return invalid("admin", "found `token_env` and `token_file`, wanted one of them");
            }
            (None, None) if !self.listen.ip().is_loopback() => {
                let problem = "found an address that others reach and no token, wanted a loopback address, \
                               `token_env` or `token_file`";
                return invalid("admin", problem);
            }
            (_, Some(token)) => *token = base.join(&*token),
            _ => {}
        }
        Ok(())
    }
}
