//! `conductor-sign verify`.

use std::path::PathBuf;

use anyhow::Result;
use clap::Args;
use plugbay::policy::Limits;
use plugbay::signing::{
    CheckError, Checked, Refusal, SignatureFile, Standing, Status, Trust, UnsignedModule,
    check_file, signature_path,
};
use serde::Serialize;

use super::report::SignatureReport;
use super::{key, now, trust_directory};
use crate::options::read_bytes;
use crate::ui::{ERROR, GOOD, TITLE, outln, printable};

/// Hold a module against the signature beside it or else in it, and its key against those that you trust.
///
/// A signature in a module names no key: it is tried with yours. Nothing is run, and nothing is taken down: that a plugin was verified does not tie its name to a key.
#[derive(Debug, Args)]
#[command(
    after_help = "Example:\n  conductor-sign verify my_plugin.wasm\n  conductor-sign verify my_plugin.wasm --key vendor.public --json | jq .status\n\nExit codes: 0 valid and trusted; 1 wrong usage, or a file cannot be used; 2 unsigned; 3 invalid or modified; 4 valid, but not trusted; 5 revoked or expired."
)]
pub(super) struct Verify {
    /// The module
    module: PathBuf,
    /// Trust this key and no other, whatever the trust store says: a key, or the name or file of a pair
    #[arg(long)]
    key: Option<String>,
    /// The name that the plugin is loaded under [default: the module's file name without its ending]
    #[arg(long = "as", value_name = "NAME")]
    plugin: Option<String>,
    /// Print one JSON document instead of text
    #[arg(long)]
    json: bool,
}

#[derive(Serialize)]
struct Report {
    file: String,
    status: &'static str,
    exit_code: u8,
    /// Whose key it is, by the trust store's words.
    trusted_as: Option<String>,
    /// Why the status is not `trusted`.
    reason: Option<String>,
    signature: Option<SignatureReport>,
}

impl Verify {
    pub(super) fn run(self) -> Result<u8> {
        let report = match self.check() {
            Ok(report) => report,
            Err(error) if self.json => Report {
                status: "error",
                exit_code: 1,
                reason: Some(crate::exit::chain(&error)),
                ..self.report(Status::Unsigned)
            },
            Err(error) => return Err(error),
        };
        if self.json {
            outln!("{}", serde_json::to_string_pretty(&report)?);
        } else {
            report.print();
        }
        Ok(report.exit_code)
    }

    fn report(&self, status: Status) -> Report {
        Report {
            file: self.module.display().to_string(),
            status: status.name(),
            exit_code: status.code(),
            trusted_as: None,
            reason: None,
            signature: None,
        }
    }

    fn check(&self) -> Result<Report> {
        let only = self.key.as_deref().map(key::public).transpose()?;
        let user = if only.is_some() { None } else { Some(trust_directory()?) };
        let trust = match (only, &user) {
            (Some(key), _) => Trust::Key(key),
            (None, Some(user)) => Trust::User(user),
            (None, None) => Trust::Nobody,
        };
        let stem = || self.module.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        let plugin = self.plugin.clone().unwrap_or_else(stem);
        let limit = Limits::default().module_bytes;
        Ok(match check_file(&self.module, limit, &plugin, trust, now()?) {
            Ok(Checked::Verified { module, standing }) => {
                let signature = Some(SignatureReport::of(&module));
                match standing {
                    Standing::Trusted { name } => {
                        let trusted_as = only.is_none().then_some(name);
                        Report { trusted_as, signature, ..self.report(Status::Trusted) }
                    }
                    Standing::Untrusted => Report {
                        reason: Some(format!(
                            "the key {} is not trusted",
                            module.signer().fingerprint()
                        )),
                        signature,
                        ..self.report(Status::Untrusted)
                    },
                }
            }
            Ok(Checked::Unknown(module)) => Report {
                reason: Some(match only {
                    Some(key) => format!(
                        "the signature in it names no key, and is not by the key {}",
                        key.fingerprint()
                    ),
                    None => {
                        "the signature in it names no key, and is by none that is known here".into()
                    }
                }),
                signature: Some(unknown(&module)),
                ..self.report(Status::Untrusted)
            },
            Ok(Checked::Unsigned(_)) => Report {
                reason: Some(format!(
                    "there is no {}, and no signature in the module",
                    signature_path(&self.module).display()
                )),
                ..self.report(Status::Unsigned)
            },
            Err(CheckError::Refused { refusal, .. }) => Report {
                // What a file claims that is another module's signature is nobody's word.
                signature: match *refusal {
                    Refusal::Invalid(_) | Refusal::Unreadable(_) | Refusal::Embedded(_) => None,
                    _ => self.claims(),
                },
                reason: Some(refusal.to_string()),
                ..self.report(refusal.status())
            },
            Err(error) => return Err(error.into()),
        })
    }

    /// What the signature says, where it was found valid.
    fn claims(&self) -> Option<SignatureReport> {
        let json = read_bytes(&signature_path(&self.module)).ok()?;
        SignatureFile::parse(&json).ok().map(|signature| SignatureReport::new(&signature))
    }
}

/// What there is to say of a signature that is anybody's.
fn unknown(module: &UnsignedModule) -> SignatureReport {
    SignatureReport::embedded(None, module.hash(), module.bytes().len() as u64)
}

impl Report {
    fn print(&self) {
        let file = printable(&self.file);
        let reason = printable(self.reason.as_deref().unwrap_or_default());
        match &self.trusted_as {
            _ if self.exit_code != 0 => {
                outln!("{TITLE}{file}{TITLE:#}: {ERROR}{}{ERROR:#}: {reason}", self.status);
            }
            Some(name) => {
                let name = printable(name);
                outln!("{TITLE}{file}{TITLE:#}: {GOOD}valid, by the trusted key of {name}{GOOD:#}");
            }
            None => {
                outln!("{TITLE}{file}{TITLE:#}: {GOOD}valid, by the key that was named{GOOD:#}")
            }
        }
        if let Some(signature) = &self.signature {
            signature.print();
        }
    }
}
