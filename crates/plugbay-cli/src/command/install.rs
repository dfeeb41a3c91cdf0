//! `plugbay install`: a package where plugins are loaded from.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use clap::{ArgAction, Args};
use plugbay::policy::ModuleHash;
use plugbay::signing::{Candidate, Checked, Refusal, Standing, Status, Trust, check_bytes};
use serde::Serialize;

use super::sign::now;
use crate::exit::Outcome;
use crate::options::trust_directory;
use crate::project::build::inspect;
use crate::project::name::ident;
use crate::project::package::{self, Package};
use crate::ui::{self, DIM, GOOD, WARN, errln, outln, printable};

/// Install a plugin from a package: a file, or a URL.
///
/// The package is held against its sums, and its module against its signature and the keys that you trust, as whenever a plugin is loaded. All of it is put in place, or nothing is.
#[derive(Debug, Args)]
#[command(
    after_help = "Example:\n  plugbay install polite-0.1.0.tar.gz\n  plugbay install https://example.org/polite-0.1.0.tar.gz --into plugins\n  plugbay install polite-0.1.0.tar.gz --require-signature=false --replace\n\nExit codes: 0 installed; 1 it is no package, or not to be trusted; 2 wrong usage or file."
)]
pub(crate) struct Install {
    /// The package: a file, or where it is fetched from
    #[arg(value_name = "FILE|URL")]
    package: String,
    /// Where to [default: ~/.conductor/wasm-plugins]
    #[arg(long, value_name = "DIR")]
    into: Option<PathBuf>,
    /// Whether a key that you trust has to have signed it, as in configurations
    #[arg(long, value_name = "BOOL", default_value_t = true, action = ArgAction::Set)]
    require_signature: bool,
    /// Take the place of the plugin if it is installed
    #[arg(long)]
    replace: bool,
    /// The SHA-256 that the package has to have
    #[arg(long, value_name = "HEX")]
    sha256: Option<ModuleHash>,
    /// Fetch from a URL without TLS
    #[arg(long)]
    allow_http: bool,
    /// An address that may be fetched from though it is not public. May be given several times
    #[arg(long, value_name = "ADDRESS:PORT")]
    allow_private: Vec<SocketAddr>,
    /// Print one JSON document instead of text
    #[arg(long)]
    json: bool,
}

#[derive(Serialize)]
struct Report {
    name: String,
    module: String,
    world: Option<String>,
    sha256: String,
    /// Whose key it is, by the trust store's words.
    trusted_as: Option<String>,
    signature: &'static str,
}

/// What there is to say of a module's signature.
struct Vouched {
    status: Status,
    trusted_as: Option<String>,
}

impl Install {
    pub(crate) fn run(self) -> Result<Outcome> {
        let into = match &self.into {
            Some(into) => into.clone(),
            None => std::env::home_dir()
                .filter(|home| home.is_absolute())
                .context("this user has no home directory: --into names a folder")?
                .join(".conductor/wasm-plugins"),
        };
        let archive = self.archive()?;
        let shown = printable(&shown(&self.package));
        if let Some(wanted) = self.sha256
            && let found = plugbay::module_hash(&archive)
            && found != wanted
        {
            return Ok(ui::failure(&format!(
                "{shown}: found the SHA-256 {found}, wanted {wanted}"
            )));
        }
        let package = match package::read(&archive) {
            Ok(package) => package,
            Err(error) => {
                return Ok(ui::failure(&format!("{shown}: {}", crate::exit::chain(&error))));
            }
        };
        let wasm = package.module()?;
        let (world, problems) = inspect(wasm)?;
        if let Some(problem) = problems.first() {
            return Ok(ui::failure(&format!("{shown}: it is no plugin: {problem}")));
        }
        let vouched = match self.vouched(&package)? {
            Ok(vouched) => vouched,
            Err(problem) => return Ok(ui::failure(&format!("{shown}: {problem}"))),
        };
        let module = package::place(&package, &into, self.replace)?;
        let report = Report {
            name: package.name.clone(),
            module: module.display().to_string(),
            world,
            sha256: plugbay::module_hash(wasm).to_string(),
            trusted_as: vouched.trusted_as,
            signature: vouched.status.name(),
        };
        if self.json {
            outln!("{}", serde_json::to_string_pretty(&report)?);
        } else {
            print(&report, &package, &into);
        }
        Ok(Outcome::Success)
    }

    /// The bytes of the package, wherever they are.
    fn archive(&self) -> Result<Vec<u8>> {
        if self.package.contains("://") {
            let limit = package::longest();
            errln!("{DIM}fetching {}{DIM:#}", printable(&shown(&self.package)));
            let (allow_http, allow_private) = (self.allow_http, &*self.allow_private);
            let download =
                plugbay_gateway::download(&self.package, allow_http, allow_private, limit);
            return super::call::block_on(async { Ok(download.await?) });
        }
        let path = Path::new(&self.package);
        let mut archive = Vec::new();
        std::fs::File::open(path)
            .and_then(|file| {
                std::io::Read::read_to_end(
                    &mut std::io::Read::take(file, package::longest() + 1),
                    &mut archive,
                )
            })
            .with_context(|| format!("cannot read {}", path.display()))?;
        Ok(archive)
    }

    /// Whether it is to be let in, by what loading goes by.
    fn vouched(&self, package: &Package) -> Result<std::result::Result<Vouched, String>> {
        let candidate = Candidate::from_bytes(package.module()?.to_vec());
        let user = trust_directory();
        let trust = user.as_ref().map_or(Trust::Nobody, Trust::User);
        let plugin = ident(&package.name);
        let checked = check_bytes(candidate, package.signature(), &plugin, trust, now()?);
        let (status, refusal, trusted_as) = match checked.context("the trust store")? {
            Err(refusal) => return Ok(Err(refusal.to_string())),
            Ok(Checked::Verified { module, standing }) => match standing {
                Standing::Trusted { name } => (Status::Trusted, None, Some(name)),
                Standing::Untrusted => {
                    let key = module.signer();
                    (Status::Untrusted, Some(Refusal::Untrusted { key }), None)
                }
            },
            Ok(Checked::Unknown(_)) => (Status::Untrusted, Some(Refusal::Unknown), None),
            Ok(Checked::Unsigned(_)) => (Status::Unsigned, Some(Refusal::NotSigned), None),
        };
        match refusal {
            Some(refusal) if self.require_signature => {
                Ok(Err(format!("{refusal}. --require-signature=false does without")))
            }
            Some(_) => {
                errln!(
                    "{WARN}warning{WARN:#}: {} is {}: nobody whom you trust vouches for it",
                    package.name,
                    status.name()
                );
                Ok(Ok(Vouched { status, trusted_as }))
            }
            None => Ok(Ok(Vouched { status, trusted_as })),
        }
    }
}

/// What was named, without what may be secret in a URL.
fn shown(package: &str) -> String {
    match package.contains("://") {
        true => plugbay_gateway::shown_url(package),
        false => package.to_owned(),
    }
}

fn print(report: &Report, package: &Package, into: &Path) {
    let name = printable(&report.name);
    match &report.trusted_as {
        Some(who) => outln!("{GOOD}installed{GOOD:#}: {name}, signed by {}", printable(who)),
        None => outln!("{GOOD}installed{GOOD:#}: {name} ({})", report.signature),
    }
    outln!("  module   {}", printable(&report.module));
    let docs = into.join(&package.name);
    let examples = package.files.keys().filter(|path| path.starts_with("examples/"));
    for path in package.files.keys().filter(|path| path.starts_with("README")).chain(examples) {
        outln!("  {}", printable(&docs.join(path).display().to_string()));
    }
}
