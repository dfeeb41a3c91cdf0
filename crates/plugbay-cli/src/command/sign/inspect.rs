//! `conductor-sign inspect`.

use std::path::PathBuf;

use anyhow::Result;
use clap::Args;
use plugbay::policy::Limits;
use plugbay::signing::{
    Candidate, EmbeddedError, Refusal, SignatureFile, Status, VerifiedModule, signature_path,
};
use serde::Serialize;

use super::report::SignatureReport;
use super::trust_directory;
use crate::options::read_bytes;
use crate::ui::{ERROR, TITLE, outln, printable};

/// Show what a signature says, whoever made it.
///
/// Of a module, the signature beside it is shown if it fits, or else the one in it. Whether its key is trusted is not
/// looked at; the signature in a module names no key, and yours are tried.
#[derive(Debug, Args)]
#[command(
    after_help = "Example:\n  conductor-sign inspect my_plugin.wasm\n  conductor-sign inspect my_plugin.wasm.sig --json | jq .signature.developer\n\nExit codes: 0 shown; 1 wrong usage, or a file cannot be used; 2 unsigned; 3 invalid or modified."
)]
pub(super) struct Inspect {
    /// A module, or a .sig file by itself
    file: PathBuf,
    /// Print one JSON document instead of text
    #[arg(long)]
    json: bool,
}

#[derive(Serialize)]
struct Report {
    file: String,
    /// `verified` for a module whose signature fits, `read` for a signature by itself or by nobody that is known.
    status: &'static str,
    exit_code: u8,
    reason: Option<String>,
    signature: Option<SignatureReport>,
}

impl Inspect {
    pub(super) fn run(self) -> Result<u8> {
        let report = self.report()?;
        if self.json {
            outln!("{}", serde_json::to_string_pretty(&report)?);
            return Ok(report.exit_code);
        }
        let file = printable(&report.file);
        match &report.reason {
            Some(reason) => {
                let reason = printable(reason);
                outln!("{TITLE}{file}{TITLE:#}: {ERROR}{}{ERROR:#}: {reason}", report.status);
            }
            None => outln!("{TITLE}{file}{TITLE:#}: {}", report.status),
        }
        if let Some(signature) = &report.signature {
            signature.print();
        }
        Ok(report.exit_code)
    }

    fn report(&self) -> Result<Report> {
        if self.file.extension().is_some_and(|extension| extension == "sig") {
            return Ok(
                match SignatureFile::parse(&read_bytes(&self.file)?).map_err(Refusal::from) {
                    Ok(signature) => self.shown("read", SignatureReport::new(&signature)),
                    Err(refusal) => self.refused(refusal.status(), refusal.to_string()),
                },
            );
        }
        let module = Candidate::read(&self.file, Limits::default().module_bytes)?;
        let (hash, size) = (module.hash(), module.bytes().len() as u64);
        let path = signature_path(&self.file);
        // A broken one is said to be, whatever the other one is.
        let inside = self.inside(module.clone())?;
        if let Err(error) = &inside
            && !matches!(error, EmbeddedError::Missing | EmbeddedError::Unknown)
        {
            return Ok(self.refused(Status::Invalid, error.to_string()));
        }
        if path.exists() {
            let signature = SignatureFile::parse(&read_bytes(&path)?).map_err(Refusal::from);
            let verified = signature.and_then(|signature| Ok(module.verify(signature)?));
            return Ok(match verified {
                Ok(module) => self.shown("verified", SignatureReport::of(&module)),
                Err(refusal) => self.refused(refusal.status(), refusal.to_string()),
            });
        }
        Ok(match inside {
            Ok(module) => self.shown("verified", SignatureReport::of(&module)),
            Err(EmbeddedError::Unknown) => {
                self.shown("read", SignatureReport::embedded(None, hash, size))
            }
            Err(_) => {
                let reason =
                    format!("there is no {}, and no signature in the module", path.display());
                self.refused(Status::Unsigned, reason)
            }
        })
    }

    /// The module with the signature in it, as far as the user's keys tell whose it is.
    fn inside(&self, module: Candidate) -> Result<Result<VerifiedModule, EmbeddedError>> {
        let stem = self.file.file_stem().unwrap_or_default().to_string_lossy();
        let keys = match trust_directory() {
            Ok(user) => user.known_keys(&stem)?,
            Err(_) => Vec::new(),
        };
        Ok(module.verify_embedded(&keys))
    }

    fn shown(&self, status: &'static str, signature: SignatureReport) -> Report {
        Report {
            file: self.file.display().to_string(),
            status,
            exit_code: 0,
            reason: None,
            signature: Some(signature),
        }
    }

    fn refused(&self, status: Status, reason: String) -> Report {
        Report {
            file: self.file.display().to_string(),
            status: status.name(),
            exit_code: status.code(),
            reason: Some(reason),
            signature: None,
        }
    }
}
