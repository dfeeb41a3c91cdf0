//! What a signature costs when a plugin is loaded: a module that is verified, beside one that is only hashed.
#![allow(clippy::expect_used, reason = "a bench that cannot run says why and stops")]

use std::path::Path;

use benches::{HOST, group, id};
use criterion::{BatchSize, Criterion};
use plugbay::signing::{
    Candidate, Developer, ModuleHash, PluginInfo, Release, SecretKey, SignatureFile, Time, Trust,
    check_file, signature_path,
};

/// As large as plugins come.
const BYTES: usize = 10 << 20;
/// Each sample takes milliseconds.
const SAMPLES: usize = 100;

fn main() {
    let mut criterion = benches::criterion();
    let module = module();
    let signature = signed(&module);
    in_memory(&mut criterion, &module, &signature);
    embedded(&mut criterion, &module);
    let folder = tempfile::tempdir().expect("there is room for a module");
    let path = folder.path().join("module.wasm");
    std::fs::write(&path, &module).expect("there is room for a module");
    signature.write(&signature_path(&path)).expect("there is room for a signature");
    from_file(&mut criterion, &path);
    criterion.final_summary();
}

/// A module of many functions, since its sections are looked through for a signature.
fn module() -> Vec<u8> {
    const BODY: usize = 119;
    let count = BYTES / (BODY + 2);
    // A body is its length, no locals, and numbers that are dropped.
    let body = |at: usize| {
        let number = at.to_le_bytes()[0] & 0x3f;
        let mut body = vec![BODY.to_le_bytes()[0], 0];
        body.extend([0x41, number, 0x1a].iter().cycle().take(BODY - 2));
        body.push(0x0b);
        body
    };
    let mut functions = leb(count);
    functions.resize(functions.len() + count, 0);
    let mut code = leb(count);
    code.extend((0..count).flat_map(body));
    let mut module = b"\0asm\x01\0\0\0".to_vec();
    for (id, content) in [(1, vec![1, 0x60, 0, 0]), (3, functions), (10, code)] {
        module.push(id);
        module.extend(leb(content.len()));
        module.extend(content);
    }
    module
}

/// A number as modules have it.
fn leb(mut number: usize) -> Vec<u8> {
    let mut bytes = Vec::new();
    while number > 0x7f {
        bytes.push(number.to_le_bytes()[0] | 0x80);
        number >>= 7;
    }
    bytes.push(number.to_le_bytes()[0]);
    bytes
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

/// The same with the signature in the module: what is signed and the whole are hashed.
fn embedded(criterion: &mut Criterion, module: &[u8]) {
    let key = SecretKey::from_seed(&[7; 32]).public_key();
    let secret = [&[0x81][..], &[7; 32], &key.to_bytes()].concat();
    let secret = wasmsign2::SecretKey::from_bytes(&secret).expect("it is a key");
    let read = wasmsign2::Module::deserialize(&mut &*module).expect("it is a module");
    let mut module = Vec::new();
    let signed = secret.sign(read, None).expect("it can be signed");
    signed.serialize(&mut module).expect("there is room for a module");
    let mut group = group(criterion, "verify");
    group.sample_size(SAMPLES);
    group.bench_function(id("module_10m_embedded", HOST), |bencher| {
        bencher.iter_batched(
            || module.clone(),
            |module| {
                let module = Candidate::from_bytes(module);
                module.verify_embedded(&[key]).expect("it is what was signed")
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
            check_file(path, 2 * BYTES as u64, "module", Trust::Nobody, now())
                .expect("it is what was signed")
        });
    });
    group.finish();
}
