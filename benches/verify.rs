//! What a signature costs when a plugin is loaded: a module that is verified, beside one that is only hashed.
#![allow(clippy::expect_used, reason = "a bench that cannot run says why and stops")]

use std::path::Path;

use benches::{HOST, group, id};
use criterion::{BatchSize, Criterion};
use plugbay::signing::{
    Candidate, Developer, ModuleHash, PluginInfo, Release, SecretKey, SignatureFile, Time,
    check_file, signature_path,
};

/// As large as plugins come.
const BYTES: usize = 10 << 20;
/// Each sample takes milliseconds.
const SAMPLES: usize = 100;

fn main() {
    let mut criterion = benches::criterion();
    let module: Vec<u8> = (0..BYTES).map(|at| ((at / 251) ^ at).to_le_bytes()[0]).collect();
    let signature = signed(&module);
    in_memory(&mut criterion, &module, &signature);
    let folder = tempfile::tempdir().expect("there is room for a module");
    let path = folder.path().join("module.wasm");
    std::fs::write(&path, &module).expect("there is room for a module");
    signature.write(&signature_path(&path)).expect("there is room for a signature");
    from_file(&mut criterion, &path);
    criterion.final_summary();
}

fn now() -> Time {
    "2026-11-22T10:00:00Z".parse().expect("it is a time")
}

fn signed(module: &[u8]) -> SignatureFile {
    let release = Release {
        plugin: PluginInfo::named("module"),
        developer: Developer { name: "Ada".to_owned(), email: "ada@example.org".to_owned() },
        signed_at: now(),
        expires_at: None,
    };
    let module = Candidate::from_bytes(module.to_vec());
    module.sign(&SecretKey::from_seed(&[7; 32]), &release).expect("it can be signed")
}

/// Bytes that are there already.
fn in_memory(criterion: &mut Criterion, module: &[u8], signature: &SignatureFile) {
    let mut group = group(criterion, "verify");
    group.sample_size(SAMPLES);
    group.bench_function(id("module_10m_hashed", HOST), |bencher| {
        bencher.iter_batched(
            || module.to_vec(),
            |module| (ModuleHash::of(&module), module),
            BatchSize::PerIteration,
        );
    });
    group.bench_function(id("module_10m_verified", HOST), |bencher| {
        bencher.iter_batched(
            || (module.to_vec(), signature.clone()),
            |(module, signature)| {
                Candidate::from_bytes(module).verify(signature).expect("it is what was signed")
            },
            BatchSize::PerIteration,
        );
    });
    group.finish();
}

/// From a file, with the signature beside it.
fn from_file(criterion: &mut Criterion, path: &Path) {
    let mut group = group(criterion, "verify");
    group.sample_size(SAMPLES);
    group.bench_function(id("file_10m_hashed", HOST), |bencher| {
        bencher.iter_with_large_drop(|| {
            let module = std::fs::read(path).expect("it was just written");
            (ModuleHash::of(&module), module)
        });
    });
    group.bench_function(id("file_10m_verified", HOST), |bencher| {
        bencher.iter_with_large_drop(|| {
            check_file(path, BYTES as u64, "module", None, now()).expect("it is what was signed")
        });
    });
    group.finish();
}
