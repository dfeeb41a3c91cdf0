//! Policy alone: a grant from a file, decisions, and what a new version would have beyond the old one.
//!
//! ```text
//! "api.example.org:443": allowed
//! "api.example.com:443": Network: port 443 of api.example.com is not allowed; …
//! "api.example.org" at 10.0.0.7:443: Network: "api.example.org" leads to 10.0.0.7:443, which is private; …
//! read "notes/today.txt": allowed
//! write "notes/today.txt": Filesystem: "notes/today.txt" may only be read; …
//! the next version asks for Subprocess besides
//! ```

use plugbay_policy::{Capability, Decision, Grant, Request, decide};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    // As it stands in a configuration or in the file of grants.
    let grant: Grant = serde_json::from_str(
        r#"{
            "Network": { "hosts": ["*.example.org"] },
            "Filesystem": { "read_only": true }
        }"#,
    )?;
    let file = |write| Request::File { path: "notes/today.txt".into(), write };
    for request in [
        Request::Http { host: "api.example.org".into(), port: 443 },
        Request::Http { host: "api.example.com".into(), port: 443 },
        // The name is allowed; what it was resolved to is looked at again.
        Request::Connect { host: "api.example.org".into(), address: "10.0.0.7:443".parse()? },
        file(false),
        file(true),
    ] {
        match decide(&grant, &request) {
            Decision::Allowed => println!("{request}: allowed"),
            Decision::Denied(denial) => println!("{request}: {denial}"),
        }
    }
    let next = grant.clone().with(Capability::Subprocess);
    for capability in next.difference(&grant).iter() {
        println!("the next version asks for {capability} besides");
    }
    Ok(())
}
