//! A call in other plugin hosts and in ours, in turns.
//!
//! A bench's id is `peers/case/column`, and a column is a host. All of them have the same fuel and the
//! same bound on memory, take bytes and give back a fresh buffer.
#![allow(clippy::expect_used, reason = "a bench that cannot run says why and stops")]

use std::time::Duration;

use criterion::measurement::WallTime;
use criterion::{BenchmarkGroup, BenchmarkId, Criterion, SamplingMode};
use peers::extism::{self, Extism};
use peers::plugbay::{self, Plugbay};
use peers::{Peer, sample};

/// What plugbay's deadline is by default.
const TIMEOUT: Duration = Duration::from_secs(5);

fn main() {
    let mut criterion = Criterion::default()
        .without_plots()
        .sample_size(600)
        .nresamples(1000)
        .warm_up_time(Duration::from_millis(300))
        .measurement_time(Duration::from_millis(1500))
        .configure_from_args();
    let mut group = criterion.benchmark_group("peers");
    group.sampling_mode(SamplingMode::Flat);
    for (case, bytes) in [("echo_1k", 1 << 10), ("echo_64k", 64 << 10)] {
        let input = vec![b'x'; bytes];
        let mut hosts: [(&str, Box<dyn Peer>); 4] = [
            ("plugbay", Box::new(Plugbay::new(&plugbay::echo()))),
            ("extism", Box::new(Extism::new(extism::copying_echo(), None))),
            ("extism_with_timeout", Box::new(Extism::new(extism::copying_echo(), Some(TIMEOUT)))),
            ("extism_without_copies", Box::new(Extism::new(extism::echo(), None))),
        ];
        for (column, host) in &mut hosts {
            assert!(host.call(&input) == input, "{column} echoes");
            bench(&mut group, case, column, &mut **host, &input);
        }
    }
    let input = document();
    let wasm = sample("redactor");
    let mut hosts: [(&str, Box<dyn Peer>); 3] = [
        ("plugbay", Box::new(Plugbay::new(&wasm))),
        ("extism", Box::new(Extism::new(extism::hook_plugin(wasm.clone()), None))),
        (
            "extism_with_timeout",
            Box::new(Extism::new(extism::hook_plugin(wasm.clone()), Some(TIMEOUT))),
        ),
    ];
    let wanted = hosts.first_mut().map(|(_, host)| host.call(&input));
    for (column, host) in &mut hosts {
        assert!(Some(host.call(&input)) == wanted, "{column} answers as plugbay does");
        bench(&mut group, "redactor_1k", column, &mut **host, &input);
    }
    group.finish();
    criterion.final_summary();
}

fn bench(
    group: &mut BenchmarkGroup<'_, WallTime>,
    case: &str,
    column: &str,
    host: &mut dyn Peer,
    input: &[u8],
) {
    group.bench_function(BenchmarkId::new(case, column), |bencher| {
        bencher.iter(|| host.call(input));
    });
}

/// What `pre_hook` is given for a prompt of 1 KiB with an address in it.
fn document() -> Vec<u8> {
    let words = "the sandboxed plugin reads a few more words before it answers and ";
    let prose = |bytes| words.chars().cycle().take(bytes).collect::<String>();
    let prompt = format!("{} ada@example.org {}", prose(512), prose(496));
    let document = serde_json::json!({
        "context": {"request_id": "3f2c9a52-6b0e-4c8e-9d4f-7a1f5c0b2e11", "tenant": "blue"},
        "request": {
            "provider": "mock",
            "model": "echo",
            "input": [{"role": "system", "content": "be brief"}, {"role": "user", "content": prompt}],
            "params": {"temperature": 0.7, "max_tokens": 256},
        },
    });
    document.to_string().into_bytes()
}
