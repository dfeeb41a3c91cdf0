//! Whether a grant allows a request.

use std::net::SocketAddr;

use crate::{
    AddressClass, Decision, Denial, Filesystem, Grant, HostName, Lacking, Network, Operation,
    Request, Subprocess, SystemControl, classify,
};

/// Decides one request. Total: every grant and every request have an answer, and asking changes nothing.
///
/// ```
/// use plugbay_policy::{Grant, Request, decide};
///
/// let grant: Grant = serde_json::from_str(r#"{"Network": {"hosts": ["*.example.org"]}}"#).unwrap();
/// let request = |host: &str| Request::Http { host: host.to_owned(), port: 443 };
/// assert!(decide(&grant, &request("api.example.org")).is_allowed());
/// assert!(!decide(&grant, &request("example.com")).is_allowed());
/// ```
pub fn decide(grant: &Grant, request: &Request) -> Decision {
    match lacking(grant, request) {
        None => Decision::Allowed,
        Some(lacking) => Decision::Denied(Denial { capability: request.capability(), lacking }),
    }
}

impl Grant {
    /// [`decide`] as a method.
    pub fn decide(&self, request: &Request) -> Decision {
        decide(self, request)
    }
}

fn lacking(grant: &Grant, request: &Request) -> Option<Lacking> {
    let absent = Some(Lacking::Capability(request.capability()));
    match request {
        Request::Http { host, port } => match &grant.network {
            None => absent,
            Some(network) => http(network, host, *port),
        },
        Request::Connect { host, address } => match &grant.network {
            None => absent,
            Some(network) => connect(network, host, *address),
        },
        Request::Sound { name } => match &grant.audio {
            None => absent,
            Some(audio) => (!audio.sounds.contains(name)).then(|| Lacking::Sound(name.clone())),
        },
        Request::MidiMessage { output } => match &grant.midi {
            None => absent,
            Some(midi) => (!midi.outputs.contains(output)).then(|| Lacking::Output(output.clone())),
        },
        Request::File { path, write } | Request::State { key: path, write } => {
            match &grant.filesystem {
                None => absent,
                Some(Filesystem { read_only, .. }) => {
                    (*read_only && *write).then(|| Lacking::Write { path: path.clone() })
                }
            }
        }
        Request::Run { program, args } => match &grant.subprocess {
            None => absent,
            Some(subprocess) => run(subprocess, program, args),
        },
        Request::System { operation, argument } => match &grant.system_control {
            None => absent,
            Some(control) => system(control, *operation, argument),
        },
    }
}

fn http(network: &Network, host: &str, port: u16) -> Option<Lacking> {
    let host: HostName = match host.parse() {
        Ok(host) => host,
        Err(error) => return Some(Lacking::NoHost { found: error.to_string() }),
    };
    let listed = network.hosts.iter().any(|pattern| pattern.matches(&host, port));
    let private = host.address().map(|address| SocketAddr::new(address, port));
    let opened = private.is_some_and(|address| network.opens(address));
    (!listed && !opened).then(|| Lacking::host(&host, port))
}

fn connect(network: &Network, host: &str, address: SocketAddr) -> Option<Lacking> {
    let class = classify(address.ip());
    let fine = class == AddressClass::Public || network.opens(address);
    (!fine).then(|| Lacking::Address { host: host.to_owned(), address, class })
}

impl Network {
    fn opens(&self, address: SocketAddr) -> bool {
        // A zone or flow label is not part of what was listed, and a mapped address is the one in it.
        let plain = |address: SocketAddr| (address.ip().to_canonical(), address.port());
        self.allow_private.iter().any(|listed| plain(*listed) == plain(address))
    }
}

fn run(subprocess: &Subprocess, program: &str, args: &[String]) -> Option<Lacking> {
    let mut shapes =
        subprocess.programs.iter().filter(|p| p.program.as_str() == program).peekable();
    if shapes.peek().is_none() {
        return Some(Lacking::Program(program.to_owned()));
    }
    let fits = shapes.any(|shape| shape.fits(args));
    (!fits).then(|| Lacking::Arguments { program: program.to_owned(), args: args.to_vec() })
}

fn system(control: &SystemControl, operation: Operation, argument: &str) -> Option<Lacking> {
    if !control.operations.contains(&operation) {
        return Some(Lacking::Operation(operation));
    }
    let launched = operation != Operation::Launch || control.applications.contains(argument);
    (!launched).then(|| Lacking::Application(argument.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn grant() -> Grant {
        serde_json::from_str(
            r#"{
            "Network": {"hosts": ["example.org", "localhost"], "allow_private": ["127.0.0.1:9000"]},
            "Audio": {"sounds": ["bell"]}, "Midi": {"outputs": ["Synth"]}, "Filesystem": {"read_only": true},
            "Subprocess": {"programs": [{"program": "/usr/bin/say", "args": ["{text}"]}]},
            "SystemControl": {"operations": ["volume", "launch"], "applications": ["Firefox"]}}"#,
        )
        .unwrap()
    }

    fn told(grant: &Grant, request: &Request) -> String {
        match decide(grant, request) {
            Decision::Allowed => "allowed".to_owned(),
            Decision::Denied(denial) => denial.to_string(),
        }
    }

    #[test]
    fn a_denial_says_what_it_would_take() {
        let http = |host: &str, port| Request::Http { host: host.to_owned(), port };
        let connect = |host: &str, address: &str| Request::Connect {
            host: host.to_owned(),
            address: address.parse().unwrap(),
        };
        let run = |args: &[&str]| Request::Run {
            program: "/usr/bin/say".to_owned(),
            args: args.iter().map(|arg| (*arg).to_owned()).collect(),
        };
        let system = |operation, argument: &str| Request::System {
            operation,
            argument: argument.to_owned(),
        };
        for (request, wanted) in [
            (http("Example.ORG", 443), "allowed"),
            (
                http("example.com", 443),
                "Network: port 443 of example.com is not allowed; it would take \"example.com\" in `hosts`",
            ),
            (http("127.0.0.1", 9000), "allowed"),
            (http("0x7f000001", 9000), "allowed"),
            (
                http("127.0.0.1", 9001),
                "Network: port 9001 of 127.0.0.1 is not allowed; it would take \"127.0.0.1\" in `hosts`",
            ),
            (http("a b", 1), "Network: \"a b\" is no host name: invalid international domain name"),
            (connect("example.org", "1.1.1.1:443"), "allowed"),
            (connect("localhost", "127.0.0.1:9000"), "allowed"),
            (connect("localhost", "[::ffff:127.0.0.1]:9000"), "allowed"),
            (
                connect("example.org", "169.254.169.254:80"),
                "Network: \"example.org\" leads to 169.254.169.254:80, which is link-local; it would take \
                 \"169.254.169.254:80\" in `allow_private`",
            ),
            (Request::Sound { name: "bell".to_owned() }, "allowed"),
            (
                Request::Sound { name: "horn\n".to_owned() },
                "Audio: the sound \"horn\\n\" is not allowed; it would take \"horn\\n\" in `sounds`",
            ),
            (Request::MidiMessage { output: "Synth".to_owned() }, "allowed"),
            (
                Request::MidiMessage { output: "synth".to_owned() },
                "Midi: the output \"synth\" is not allowed; it would take \"synth\" in `outputs`",
            ),
            (Request::File { path: "/a".to_owned(), write: false }, "allowed"),
            (
                Request::File { path: "/a".to_owned(), write: true },
                "Filesystem: \"/a\" may only be read; it would take `read_only = false`",
            ),
            (run(&["hello"]), "allowed"),
            (
                run(&["-x"]),
                "Subprocess: the program \"/usr/bin/say\" is not allowed with the arguments [\"-x\"]; it would take \
                 `args` of that shape in `programs`",
            ),
            (
                Request::Run { program: "say".to_owned(), args: Vec::new() },
                "Subprocess: the program \"say\" is not allowed; it would take an entry in `programs`",
            ),
            (system(Operation::Volume, "7"), "allowed"),
            (system(Operation::Launch, "Firefox"), "allowed"),
            (
                system(Operation::Launch, "Terminal"),
                "SystemControl: the application \"Terminal\" may not be launched; it would take \"Terminal\" in \
                 `applications`",
            ),
            (
                system(Operation::Keystroke, "q"),
                "SystemControl: keystroke is not allowed; it would take \"keystroke\" in `operations`",
            ),
        ] {
            assert_eq!(told(&grant(), &request), wanted, "{request}");
            let capability = request.capability();
            let none = format!("{capability}: {capability} is not granted");
            assert_eq!(told(&Grant::none(), &request), none);
            assert_eq!(told(&grant().without(capability), &request), none);
        }
    }
}
