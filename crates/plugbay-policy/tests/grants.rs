//! What holds for every grant and every request.

#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test binary"
)]

use std::collections::BTreeSet;
use std::net::SocketAddr;

use plugbay_policy::{
    AddressClass, Capability, Grant, Names, Operation, ProgramGrant, Request, classify, decide,
};
use proptest::collection::{btree_set, vec};
use proptest::option;
use proptest::prelude::*;
use proptest::sample::{select, subsequence};

const HOSTS: &[&str] =
    &["example.org", "a.example.org", "b.a.example.org", "example.com", "127.0.0.1"];
const PATTERNS: &[&str] = &[
    "example.org",
    "*.example.org",
    "a.example.org",
    "*.a.example.org",
    "example.com:80",
    "*.example.org:443",
    "example.org:443",
    "127.0.0.1",
    "*.org",
];
const ADDRESSES: &[&str] =
    &["127.0.0.1:80", "127.0.0.1:443", "10.0.0.1:80", "[::1]:443", "1.1.1.1:443"];
const NAMES: &[&str] = &["bell", "horn", "*"];
const WORDS: &[&str] = &["a", "-a", "1", "--x=1", "--x=a", ""];
const SHAPES: &[&str] =
    &["a", "1", "{text}", "{number}", "{any}", "--x={text}", "--x={number}", "--x=1"];
const PROGRAMS: &[&str] = &["tool", "/bin/tool"];

fn texts(of: &'static [&'static str]) -> impl Strategy<Value = BTreeSet<String>> {
    subsequence(of.to_vec(), 0..=of.len()).prop_map(|t| t.into_iter().map(str::to_owned).collect())
}

fn program() -> impl Strategy<Value = ProgramGrant> {
    (select(PROGRAMS), vec(select(SHAPES), 0..3), any::<bool>()).prop_map(
        |(program, mut args, rest)| {
            args.extend(rest.then_some("{rest}"));
            let args = args.iter().map(|arg| arg.parse().unwrap()).collect();
            ProgramGrant::new(program.parse().unwrap(), args).unwrap()
        },
    )
}

prop_compose! {
    fn grant()(
        given in subsequence(Capability::ALL.to_vec(), 0..=6),
        hosts in texts(PATTERNS),
        private in texts(ADDRESSES),
        numbers in [0_u64..3, 0_u64..3, 0_u64..3],
        read_only in any::<bool>(),
        sounds in texts(NAMES),
        outputs in texts(NAMES),
        programs in btree_set(program(), 0..4),
        operations in subsequence(Operation::ALL.to_vec(), 0..=Operation::ALL.len()),
        applications in texts(NAMES),
    ) -> Grant {
        let mut grant: Grant = given.into_iter().collect();
        if let Some(network) = &mut grant.network {
            network.hosts = hosts.iter().map(|host| host.parse().unwrap()).collect();
            network.allow_private = private.iter().map(|address| address.parse().unwrap()).collect();
            network.timeout_ms = numbers[0];
            network.max_redirects = u32::try_from(numbers[1]).unwrap();
            network.max_response_bytes = numbers[2];
        }
        if let Some(audio) = &mut grant.audio { audio.sounds = Names(sounds); }
        if let Some(midi) = &mut grant.midi { midi.outputs = Names(outputs); }
        if let Some(files) = &mut grant.filesystem {
            files.read_only = read_only;
            files.quota_bytes = numbers[0];
            files.max_files = numbers[1];
        }
        if let Some(subprocess) = &mut grant.subprocess { subprocess.programs = programs; }
        if let Some(control) = &mut grant.system_control {
            control.operations = operations.into_iter().collect();
            control.applications = Names(applications);
        }
        grant
    }
}

fn request() -> impl Strategy<Value = Request> {
    let port = || select(vec![80_u16, 443]);
    let text = |of: &'static [&'static str]| select(of).prop_map(str::to_owned);
    prop_oneof![
        (text(HOSTS), port()).prop_map(|(host, port)| Request::Http { host, port }),
        (text(HOSTS), select(ADDRESSES)).prop_map(|(host, address)| Request::Connect {
            host,
            address: address.parse().unwrap()
        }),
        text(NAMES).prop_map(|name| Request::Sound { name }),
        text(NAMES).prop_map(|output| Request::MidiMessage { output }),
        any::<bool>().prop_map(|write| Request::File { path: "/f".to_owned(), write }),
        any::<bool>().prop_map(|write| Request::State { key: "k".to_owned(), write }),
        (text(PROGRAMS), vec(text(WORDS), 0..4))
            .prop_map(|(program, args)| Request::Run { program, args }),
        (select(Operation::ALL.to_vec()), text(NAMES))
            .prop_map(|(operation, argument)| Request::System { operation, argument }),
    ]
}

/// The same question, answered from the grant's text with other means: no pattern of this crate is asked.
fn allowed(grant: &Grant, request: &Request) -> bool {
    let json = serde_json::to_value(grant).unwrap();
    let list = |capability: &str, key: &str| -> Vec<String> {
        let items = json[capability][key].as_array().cloned().unwrap_or_default();
        items.iter().map(|item| item.as_str().unwrap().to_owned()).collect()
    };
    let named = |names: Vec<String>, name: &str| names.iter().any(|n| n == "*" || n == name);
    match request {
        Request::Http { host, port } => {
            let listed = list("Network", "hosts").iter().any(|pattern| {
                let (name, wanted) = match pattern.split_once(':') {
                    Some((name, wanted)) => (name, wanted.parse().unwrap()),
                    None => (&**pattern, *port),
                };
                let fits = match name.strip_prefix('*') {
                    Some(dotted) => host.ends_with(dotted),
                    None => host == name,
                };
                fits && wanted == *port
            });
            listed || list("Network", "allow_private").contains(&format!("{host}:{port}"))
        }
        Request::Connect { address, .. } => {
            json["Network"].is_object()
                && (classify(address.ip()) == AddressClass::Public
                    || list("Network", "allow_private").contains(&address.to_string()))
        }
        Request::Sound { name } => named(list("Audio", "sounds"), name),
        Request::MidiMessage { output } => named(list("Midi", "outputs"), output),
        Request::File { write, .. } | Request::State { write, .. } => {
            json["Filesystem"].is_object() && !(*write && json["Filesystem"]["read_only"] == true)
        }
        Request::Run { program, args } => {
            let programs = json["Subprocess"]["programs"].as_array().cloned().unwrap_or_default();
            programs.iter().any(|entry| {
                let shapes: Vec<&str> =
                    entry["args"].as_array().unwrap().iter().map(|a| a.as_str().unwrap()).collect();
                entry["program"] == **program && fits(&shapes, args)
            })
        }
        Request::System { operation, argument } => {
            list("SystemControl", "operations").contains(&operation.to_string())
                && (*operation != Operation::Launch
                    || named(list("SystemControl", "applications"), argument))
        }
        other => panic!("no oracle for {other:?}"),
    }
}

fn fits(shapes: &[&str], args: &[String]) -> bool {
    match (shapes, args) {
        (["{rest}"], args) => args.iter().all(|arg| !arg.starts_with('-')),
        ([], []) => true,
        ([shape, shapes @ ..], [arg, args @ ..]) => {
            let number = |text: &str| !text.is_empty() && text.chars().all(|c| c.is_ascii_digit());
            let fine = match *shape {
                "{text}" => !arg.starts_with('-'),
                "{number}" => number(arg),
                "{any}" => true,
                "--x={text}" => arg.starts_with("--x="),
                "--x={number}" => arg.strip_prefix("--x=").is_some_and(number),
                literal => arg == literal,
            };
            fine && fits(shapes, args)
        }
        _ => false,
    }
}

/// Takes something away: from the whole, or from one list.
fn narrowed(grant: &Grant, gone: Option<Capability>, keep: &[bool]) -> Grant {
    let mut grant = gone.into_iter().fold(grant.clone(), Grant::without);
    let mut keep = keep.iter().copied().cycle();
    let mut kept = || keep.next().unwrap();
    if let Some(network) = &mut grant.network {
        network.hosts.retain(|_| kept());
        network.allow_private.retain(|_: &SocketAddr| kept());
        network.timeout_ms /= 2;
        // A name below a suffix is less than the suffix.
        if let Some(wide) =
            network.hosts.iter().find(|host| host.to_string() == "*.example.org").cloned()
        {
            network.hosts.remove(&wide);
            network.hosts.insert("c.example.org:443".parse().unwrap());
        }
    }
    if let Some(audio) = &mut grant.audio {
        audio.sounds.0.retain(|_| kept());
    }
    if let Some(midi) = &mut grant.midi {
        midi.outputs.0.retain(|_| kept());
    }
    if let Some(files) = &mut grant.filesystem {
        files.read_only |= kept();
        files.quota_bytes /= 2;
    }
    if let Some(subprocess) = &mut grant.subprocess {
        subprocess.programs.retain(|_| kept());
    }
    if let Some(control) = &mut grant.system_control {
        control.operations.retain(|_| kept());
        control.applications.0.retain(|_| kept());
    }
    grant
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_000))]

    #[test]
    fn a_decision_never_grants_more_than_the_grant(grant in grant(), request in request()) {
        prop_assert_eq!(decide(&grant, &request).is_allowed(), allowed(&grant, &request));
    }

    #[test]
    fn narrowing_never_asks(
        grant in grant(),
        gone in option::of(select(Capability::ALL.to_vec())),
        keep in vec(any::<bool>(), 1..20),
    ) {
        let less = narrowed(&grant, gone, &keep);
        prop_assert!(grant.covers(&less), "{} -> {}", grant, less);
        prop_assert_eq!(less.difference(&grant), Grant::none());
    }

    /// Whoever gains a single request by a change is asked, and is asked for what allows it.
    #[test]
    fn widening_always_asks(old in grant(), new in grant(), requests in vec(request(), 60)) {
        let more = new.difference(&old);
        for request in requests {
            let gained = decide(&new, &request).is_allowed() && !decide(&old, &request).is_allowed();
            if gained {
                prop_assert!(decide(&more, &request).is_allowed(), "{request} is not in {more}");
                prop_assert!(!old.covers(&new));
            }
        }
        let (wide, narrow) = (&old.clone().union(&new), &new);
        prop_assert!(wide.covers(&old) && wide.covers(narrow));
        prop_assert!(old.clone().union(&more).covers(&new));
    }

    #[test]
    fn together_they_allow_what_either_allows(one in grant(), other in grant(), request in request()) {
        let either = decide(&one, &request).is_allowed() || decide(&other, &request).is_allowed();
        prop_assert_eq!(decide(&one.union(&other), &request).is_allowed(), either);
    }

    #[test]
    fn limits_that_rise_ask(grant in grant()) {
        let mut higher = grant.clone();
        if let Some(network) = &mut higher.network { network.max_request_bytes += 1; }
        if let Some(files) = &mut higher.filesystem { files.max_files += 1; }
        let more = higher.difference(&grant);
        prop_assert_eq!(more.network.is_some(), grant.network.is_some());
        prop_assert_eq!(more.filesystem.is_some(), grant.filesystem.is_some());
    }

    #[test]
    fn a_grant_round_trips(grant in grant()) {
        let mut grant = grant;
        if let Some(control) = &mut grant.system_control
            && control.incomplete().is_some()
        {
            control.operations.remove(&Operation::Launch);
        }
        let text = serde_json::to_string(&grant).unwrap();
        prop_assert_eq!(serde_json::from_str::<Grant>(&text).unwrap(), grant);
    }

    #[test]
    fn deciding_is_total(host in ".*", port: u16, program in ".*", args in vec(".*", 0..3), grant in grant()) {
        for request in [Request::Http { host, port }, Request::Run { program, args }] {
            let decision = decide(&grant, &request);
            prop_assert_eq!(decision.clone(), decide(&grant, &request));
            prop_assert!(!decision.is_allowed() || !decide(&Grant::none(), &request).is_allowed());
        }
    }
}
