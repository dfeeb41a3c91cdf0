//! Signing alone: a module is signed, verified on the user's word, and refused when a byte of it changes.
//!
//! ```text
//! without trust: untrusted
//! with trust:    trusted, version 1.0.0 by Ada
//! changed:       the module was modified: it has 11 bytes, and 8 were signed
//! ```

use plugbay_signing::{
    Candidate, CheckError, Checked, Developer, PluginInfo, Release, SecretKey, Standing, Time,
    Trust, TrustDirectory, check_file, signature_path,
};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let folder = tempfile::tempdir()?;
    let module = folder.path().join("pads.wasm");
    std::fs::write(&module, b"\0asm\x01\0\0\0")?;
    let now: Time = "2026-11-28T10:00:00Z".parse()?;

    // The author, once for each release.
    let key = SecretKey::generate()?;
    let release = Release {
        plugin: PluginInfo { version: Some("1.0.0".parse()?), ..PluginInfo::named("pads") },
        developer: Developer { name: "Ada".into(), email: "ada@example.org".into() },
        signed_at: now,
        expires_at: None,
    };
    let file = Candidate::read(&module, 1 << 20)?.sign(&key, &release)?;
    std::fs::write(signature_path(&module), file.to_json().ok_or("no JSON")?)?;

    // The user.
    let store = TrustDirectory::new(folder.path());
    let check = || check_file(&module, 1 << 20, "pads", Trust::User(&store), now);
    if let Checked::Verified { standing: Standing::Untrusted, .. } = check()? {
        println!("without trust: untrusted");
    }
    store.edit_keys(|keys| keys.add(key.public_key(), "Ada", None, now))?;
    if let Checked::Verified { module, standing: Standing::Trusted { .. } } = check()? {
        let version = module.signature().plugin().and_then(|plugin| plugin.version.as_ref());
        let by = module.signature().file().map(|file| file.developer().name.as_str());
        println!(
            "with trust:    trusted, version {} by {}",
            version.ok_or("no version")?,
            by.ok_or("nobody")?
        );
    }
    std::fs::write(&module, b"\0asm\x01\0\0\0\0\x01\0")?;
    match check() {
        Err(CheckError::Refused { refusal, .. }) => println!("changed:       {refusal}"),
        other => println!("changed:       {other:?}"),
    }
    Ok(())
}
