//! `plugbay grant`: what a plugin may do from now on.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use anyhow::{Context as _, Result, bail};
use clap::Args;
use plugbay::policy::{
    ArgPattern, Capability, Grant as Given, HostPattern, Limits, Operation, ProgramGrant,
    ProgramName, Risk,
};
use plugbay::signing::{Checked, Time, Trust, check_file};
use plugbay::{GrantStore, Identity, module_hash, stated_capabilities};

use super::ask::{Asked, ask};
use crate::exit::Outcome;
use crate::options::{BackendOptions, trust_directory};
use crate::policy::GrantsOption;
use crate::prompt::Terminal;
use crate::ui::{errln, outln, plain};

/// Grant a plugin a capability, on top of what it has.
///
/// The grant is bound to the module's very bytes, to the plugin's name, and to the signature if it has one. Gateways
/// and conductors that run heed it with the plugin's next call. Without a CAPABILITY the plugin is asked what it wants,
/// and you are asked about each; that takes a terminal.
///
/// Network, Audio and Midi are of low risk and given to whoever asks, but reach only what is listed. Filesystem is of
/// medium risk. Subprocess and SystemControl are of high risk: a word has to be typed, or --yes be given.
#[derive(Debug, Args)]
#[command(
    after_help = "Example:\n  plugbay grant weather.wasm\n  plugbay grant weather.wasm Network \\\n    --host api.example.org --host '*.cdn.example.org'\n  plugbay grant weather.wasm Filesystem --quota-bytes 1048576\n  plugbay grant lights.wasm Midi --output Synth\n  plugbay grant notify.wasm Subprocess --program /usr/bin/notify-send \\\n    --arg=--urgency=low --arg '{text}'\n  plugbay grant keys.wasm SystemControl --operation volume \\\n    --operation launch --application Firefox --yes\n\nExit codes: 0 granted; 1 not granted; 2 wrong usage or file."
)]
pub(crate) struct Grant {
    /// The module
    file: PathBuf,
    /// Network, Audio, Midi, Filesystem, Subprocess or SystemControl
    capability: Option<Capability>,
    /// The plugin's name in its configuration [default: the file's, without its ending]
    #[arg(long)]
    name: Option<String>,
    #[command(flatten)]
    arguments: Arguments,
    /// Grant what is of high risk without asking
    #[arg(long, requires = "capability")]
    yes: bool,
    #[command(flatten)]
    grants: GrantsOption,
    #[command(flatten)]
    backend: BackendOptions,
}

/// What a capability reaches.
#[derive(Debug, Args)]
struct Arguments {
    /// Network: a host, `*.suffix`, or either with a port
    #[arg(long = "host", value_name = "NAME")]
    hosts: Vec<HostPattern>,
    /// Network: an address with its port that may be reached though it is not public
    #[arg(long = "allow-private", value_name = "ADDRESS:PORT")]
    allow_private: Vec<SocketAddr>,
    /// Network: longest time for a request with its redirects, in milliseconds
    #[arg(long, value_name = "MS")]
    timeout_ms: Option<u64>,
    /// Network: most redirects of a request
    #[arg(long, value_name = "NUMBER")]
    max_redirects: Option<u32>,
    /// Network: longest body of a request
    #[arg(long, value_name = "BYTES")]
    max_request_bytes: Option<u64>,
    /// Network: longest body of a response
    #[arg(long, value_name = "BYTES")]
    max_response_bytes: Option<u64>,
    /// Audio: a sound's name; `*` is all
    #[arg(long = "sound", value_name = "NAME")]
    sounds: Vec<String>,
    /// Midi: an output's name; `*` is all
    #[arg(long = "output", value_name = "NAME")]
    outputs: Vec<String>,
    /// Filesystem: files may only be read
    #[arg(long)]
    read_only: bool,
    /// Filesystem: most bytes of all files
    #[arg(long, value_name = "BYTES")]
    quota_bytes: Option<u64>,
    /// Filesystem: most files and folders
    #[arg(long, value_name = "NUMBER")]
    max_files: Option<u64>,
    /// Subprocess: a program's absolute path, or its name alone
    #[arg(long, value_name = "PATH")]
    program: Option<ProgramName>,
    /// Subprocess: one argument of the program, in order: as it is, or ending in {text}, {number} or {any}; {rest} as the last
    #[arg(long = "arg", value_name = "PATTERN", requires = "program", allow_hyphen_values = true)]
    args: Vec<ArgPattern>,
    /// SystemControl: keystroke, volume, launch, mode_change, text or click
    #[arg(long = "operation", value_name = "NAME")]
    operations: Vec<Operation>,
    /// SystemControl: what launch may start; `*` is anything
    #[arg(long = "application", value_name = "NAME")]
    applications: Vec<String>,
}

impl Grant {
    pub(crate) fn run(self) -> Result<Outcome> {
        let store = self.grants.needed()?;
        let name = self.name.clone().unwrap_or_else(|| plugin_name(&self.file));
        let Signed { wasm, signer, stated } = Signed::read(&self.file, &name)?;
        let identity = Identity::new(&*name, module_hash(&wasm), signer);
        let terminal = Terminal::open();
        let Some(capability) = self.capability else {
            if let Some(stray) = self.arguments.given().first() {
                bail!("--{} belongs to a capability, and none is named", stray.1);
            }
            let Some(terminal) = terminal else {
                bail!(
                    "there is no terminal to ask on: name the capability, or give it in the configuration"
                );
            };
            let (wasm, backend) = (&*wasm, &self.backend);
            return ask(&terminal, &Asked { store, identity, wasm, stated, backend });
        };
        if stated.is_some_and(|stated| !stated.contains(&capability)) {
            errln!(
                "nothing was granted: the signature of `{}` does not state {capability}, and no host would give it",
                plain(&name)
            );
            return Ok(Outcome::Failure);
        }
        let grant = self.arguments.grant(capability)?;
        if capability.risk() == Risk::High && !self.yes {
            let Some(terminal) = terminal else {
                bail!(
                    "{capability} is of high risk and there is no terminal to ask on: --yes grants it without asking"
                );
            };
            let shown = (plain(&name), plain(&grant.to_string()));
            errln!("`{}` would have: {}", shown.0, shown.1);
            if !terminal.types("This is of high risk.", &capability.name().to_lowercase())? {
                errln!("nothing was granted");
                return Ok(Outcome::Failure);
            }
        }
        give(&store, &identity, &grant)
    }
}

/// A module and the key that signed it: what a host that loads it under this name would bind a grant to.
struct Signed {
    wasm: Vec<u8>,
    signer: Option<String>,
    /// What bounds the grant, where the signature states capabilities.
    stated: Option<BTreeSet<Capability>>,
}

impl Signed {
    fn read(file: &Path, name: &str) -> Result<Self> {
        let now = Time::try_from(SystemTime::now()).unwrap_or(Time::LATEST);
        let (limit, trust) = (Limits::default().module_bytes, trust_directory());
        let trust = trust.as_ref().map_or(Trust::Nobody, Trust::User);
        Ok(match check_file(file, limit, name, trust, now)? {
            Checked::Verified { module, .. } => {
                let signer = Some(module.signer().to_string());
                let stated = stated_capabilities(module.signature());
                Self { wasm: module.into_bytes(), signer, stated }
            }
            Checked::Unknown(module) | Checked::Unsigned(module) => {
                Self { wasm: module.into_bytes(), signer: None, stated: None }
            }
        })
    }
}

/// Grants, and says what the plugin has now.
pub(super) fn give(store: &GrantStore, identity: &Identity, grant: &Given) -> Result<Outcome> {
    let has = store.update(|file| file.grant(identity, grant))?;
    let has = has.context("nothing was granted: the module is not known")?;
    outln!("{} has: {}", plain(&identity.plugin), plain(&has.to_string()));
    Ok(Outcome::Success)
}

/// The name that a plugin has where no configuration gives it another.
pub(super) fn plugin_name(file: &Path) -> String {
    let stem = file.file_stem().map(|stem| stem.to_string_lossy().into_owned());
    stem.unwrap_or_else(|| "plugin".to_owned())
}

impl Arguments {
    /// The options that were given, each with the capability that it belongs to.
    fn given(&self) -> Vec<(Capability, &'static str)> {
        use Capability::{Audio, Filesystem, Midi, Network, Subprocess, SystemControl};
        let all = [
            (Network, "host", !self.hosts.is_empty()),
            (Network, "allow-private", !self.allow_private.is_empty()),
            (Network, "timeout-ms", self.timeout_ms.is_some()),
            (Network, "max-redirects", self.max_redirects.is_some()),
            (Network, "max-request-bytes", self.max_request_bytes.is_some()),
            (Network, "max-response-bytes", self.max_response_bytes.is_some()),
            (Audio, "sound", !self.sounds.is_empty()),
            (Midi, "output", !self.outputs.is_empty()),
            (Filesystem, "read-only", self.read_only),
            (Filesystem, "quota-bytes", self.quota_bytes.is_some()),
            (Filesystem, "max-files", self.max_files.is_some()),
            (Subprocess, "program", self.program.is_some()),
            (Subprocess, "arg", !self.args.is_empty()),
            (SystemControl, "operation", !self.operations.is_empty()),
            (SystemControl, "application", !self.applications.is_empty()),
        ];
        all.into_iter().filter(|(.., given)| *given).map(|(of, name, _)| (of, name)).collect()
    }

    fn grant(self, capability: Capability) -> Result<Given> {
        let given = self.given();
        if let Some((of, name)) = given.iter().find(|(of, _)| *of != capability) {
            bail!("--{name} belongs to {of}, not to {capability}");
        }
        let needed = match capability {
            Capability::Network => Some("--host or --allow-private"),
            Capability::Audio => Some("--sound"),
            Capability::Midi => Some("--output"),
            Capability::Subprocess => Some("--program"),
            Capability::SystemControl => Some("--operation"),
            _ => None,
        };
        if let Some(needed) = needed.filter(|_| given.is_empty()) {
            bail!("{capability} alone reaches nothing: say what it may reach with {needed}");
        }
        let mut grant = Given::none().with(capability);
        if let Some(network) = &mut grant.network {
            network.hosts.extend(self.hosts);
            network.allow_private.extend(self.allow_private);
            network.timeout_ms = self.timeout_ms.unwrap_or(network.timeout_ms);
            network.max_redirects = self.max_redirects.unwrap_or(network.max_redirects);
            network.max_request_bytes = self.max_request_bytes.unwrap_or(network.max_request_bytes);
            network.max_response_bytes =
                self.max_response_bytes.unwrap_or(network.max_response_bytes);
        }
        if let Some(audio) = &mut grant.audio {
            audio.sounds.0.extend(self.sounds);
        }
        if let Some(midi) = &mut grant.midi {
            midi.outputs.0.extend(self.outputs);
        }
        if let Some(files) = &mut grant.filesystem {
            files.read_only = self.read_only;
            files.quota_bytes = self.quota_bytes.unwrap_or(files.quota_bytes);
            files.max_files = self.max_files.unwrap_or(files.max_files);
        }
        if let (Some(subprocess), Some(program)) = (&mut grant.subprocess, self.program) {
            subprocess.programs.insert(ProgramGrant::new(program, self.args)?);
        }
        if let Some(control) = &mut grant.system_control {
            control.operations.extend(self.operations);
            control.applications.0.extend(self.applications);
            if let Some(problem) = control.incomplete() {
                bail!("{problem}: --application NAME");
            }
        }
        Ok(grant)
    }
}
