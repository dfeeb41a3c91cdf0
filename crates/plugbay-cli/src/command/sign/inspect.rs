//! `conductor-sign inspect`.

use std::path::PathBuf;

use anyhow::Result;
use clap::Args;
use plugbay::policy::Limits;
use plugbay::signing::{Candidate, Refusal, SignatureFile, Status, signature_path};
use serde::Serialize;

use super::report::SignatureReport;
use crate::options::read_bytes;
use crate::ui::{ERROR, TITLE, outln, printable};

/// Show what a signature says, whoever made it.
///
/// Of a module, the signature beside it is shown if it fits. Whether its key is trusted is not looked at.
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
    /// `verified` for a module whose signature fits, `read` for a signature by itself.
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
        let is_signature = self.file.extension().is_some_and(|extension| extension == "sig");
        let path = if is_signature { self.file.clone() } else { signature_path(&self.file) };
        let module = match is_signature {
            true => None,
            false => Some(Candidate::read(&self.file, Limits::default().module_bytes)?),
        };
        if !is_signature && !path.exists() {
            let reason = format!("there is no {}", path.display());
            return Ok(self.refused(Status::Unsigned, reason));
        }
        let signature = match SignatureFile::parse(&read_bytes(&path)?).map_err(Refusal::from) {
            Ok(signature) => signature,
            Err(refusal) => return Ok(self.refused(refusal.status(), refusal.to_string())),
        };
        let report = SignatureReport::new(&signature);
        if let Some(module) = module
            && let Err(error) = module.verify(signature)
        {
            return Ok(self.refused(Status::Invalid, error.to_string()));
        }
        Ok(Report {
            file: self.file.display().to_string(),
            status: if is_signature { "read" } else { "verified" },
            exit_code: 0,
            reason: None,
            signature: Some(report),
        })
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
