//! Names of hosts, and patterns of them.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use url::Host;

/// A host in the one spelling that names compare in: lower case, IDNA's ASCII form, no dot at the end;
/// addresses in their canonical form, whichever of the many spellings they came in.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct HostName {
    text: String,
    address: Option<IpAddr>,
}

/// A text that names no host.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{found:?} is no host name: {why}")]
pub struct HostNameError {
    /// The text.
    pub found: String,
    /// What is wrong with it.
    pub why: String,
}

impl HostName {
    /// The one spelling of it; IPv6 without brackets.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The address, where it is one and not a name.
    pub fn address(&self) -> Option<IpAddr> {
        self.address
    }
}

impl fmt::Display for HostName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.address {
            Some(IpAddr::V6(address)) => write!(f, "[{address}]"),
            _ => f.write_str(&self.text),
        }
    }
}

impl FromStr for HostName {
    type Err = HostNameError;

    fn from_str(found: &str) -> Result<Self, Self::Err> {
        let wrong = |why: &str| HostNameError { found: found.to_owned(), why: why.to_owned() };
        if let Ok(address) = found.parse::<IpAddr>() {
            return Ok(Self { text: address.to_string(), address: Some(address) });
        }
        // The parser would take `%41` for `A`; nobody who writes a name means that.
        if found.contains('%') {
            return Err(wrong("it has a `%`"));
        }
        let host = Host::parse(found).map_err(|error| wrong(&error.to_string()))?;
        match host {
            Host::Ipv4(address) => {
                Ok(Self { text: address.to_string(), address: Some(address.into()) })
            }
            Host::Ipv6(address) => {
                Ok(Self { text: address.to_string(), address: Some(address.into()) })
            }
            Host::Domain(name) => {
                let text = name.strip_suffix('.').unwrap_or(&name).to_owned();
                if text.is_empty() || text.split('.').any(str::is_empty) {
                    return Err(wrong("a part of it is empty"));
                }
                Ok(Self { text, address: None })
            }
        }
    }
}

/// One of `hosts`: `example.org`, `*.example.org`, either with `:8443` for that port alone.
///
/// `*.example.org` is every name below `example.org`, at any depth, and not `example.org` itself.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct HostPattern {
    below: bool,
    host: HostName,
    port: Option<u16>,
}

/// A text that is no pattern of hosts.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum HostPatternError {
    /// The name in it is none.
    #[error("{0}; wanted a name such as example.org, *.example.org or example.org:8443")]
    Name(#[from] HostNameError),
    /// It is something else that people write there.
    #[error(
        "found {found:?}, {what}; wanted a name such as example.org, *.example.org or example.org:8443"
    )]
    Other {
        /// The text.
        found: String,
        /// What it is.
        what: &'static str,
    },
}

impl HostPattern {
    /// Whether a connection to `port` of `host` is one that it means.
    pub fn matches(&self, host: &HostName, port: u16) -> bool {
        if self.port.is_some_and(|own| own != port) {
            return false;
        }
        if self.below { self.has_below(host) } else { self.host == *host }
    }

    /// Whether all that `other` matches matches here too.
    pub fn covers(&self, other: &Self) -> bool {
        if self.port.is_some() && self.port != other.port {
            return false;
        }
        match (self.below, other.below) {
            (true, true) => self.host == other.host || self.has_below(&other.host),
            (true, false) => self.has_below(&other.host),
            (false, false) => self.host == other.host,
            (false, true) => false,
        }
    }

    fn has_below(&self, host: &HostName) -> bool {
        let label = host.as_str().strip_suffix(self.host.as_str());
        let label = label.and_then(|before| before.strip_suffix('.'));
        host.address.is_none() && label.is_some_and(|label| !label.is_empty())
    }
}

impl fmt::Display for HostPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.below {
            f.write_str("*.")?;
        }
        write!(f, "{}", self.host)?;
        self.port.map_or(Ok(()), |port| write!(f, ":{port}"))
    }
}

impl FromStr for HostPattern {
    type Err = HostPatternError;

    fn from_str(found: &str) -> Result<Self, Self::Err> {
        let other = |what| HostPatternError::Other { found: found.to_owned(), what };
        if found.contains('/') {
            return Err(other("a URL or a path"));
        }
        if found == "*" {
            return Err(other("every host there is"));
        }
        let (below, rest) = match found.strip_prefix("*.") {
            Some(rest) => (true, rest),
            None => (false, found),
        };
        if rest.contains('*') {
            return Err(other("a `*` that is not the whole first part"));
        }
        let (name, port) = match rest.rsplit_once(':') {
            // An IPv6 address without brackets has colons of its own.
            Some(_) if rest.ends_with(']') || rest.parse::<IpAddr>().is_ok() => (rest, None),
            Some((name, port)) => {
                let number = port.parse().ok().filter(|port| *port != 0);
                (name, Some(number.ok_or_else(|| other("a port that is not 1 to 65535"))?))
            }
            None => (rest, None),
        };
        let host: HostName = name.parse()?;
        if below && host.address.is_some() {
            return Err(other("an address, and nothing is below one"));
        }
        Ok(Self { below, host, port })
    }
}

impl Serialize for HostPattern {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for HostPattern {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn matches(pattern: &str, host: &str, port: u16) -> bool {
        let host = host.parse().unwrap_or_else(|error| panic!("{error}"));
        pattern.parse::<HostPattern>().unwrap().matches(&host, port)
    }

    #[test]
    fn names_match_exactly_or_below_a_suffix() {
        for (pattern, host, matched) in [
            ("example.org", "example.org", true),
            ("example.org", "EXAMPLE.org", true),
            ("example.org", "example.org.", true),
            ("example.org.", "example.org", true),
            ("example.org", "www.example.org", false),
            ("example.org", "badexample.org", false),
            ("example.org", "example.org.evil.com", false),
            ("*.example.org", "www.example.org", true),
            ("*.example.org", "a.b.example.org", true),
            ("*.example.org", "example.org", false),
            ("*.example.org", "badexample.org", false),
            ("bücher.example", "xn--bcher-kva.example", true),
            ("xn--bcher-kva.example", "BÜCHER.example", true),
            ("*.bücher.example", "a.xn--bcher-kva.example", true),
            ("example.org", "ｅxample。org", true),
            ("127.0.0.1", "0x7f.1", true),
            ("127.0.0.1", "2130706433", true),
            ("::1", "[0:0:0:0:0:0:0:1]", true),
            ("[::1]", "::1", true),
            ("127.0.0.1", "::ffff:127.0.0.1", false),
        ] {
            assert_eq!(matches(pattern, host, 443), matched, "{pattern} {host}");
        }
        assert!(matches("example.org:8443", "example.org", 8443));
        assert!(!matches("example.org:8443", "example.org", 443));
        assert!(matches("*.example.org:8443", "a.example.org", 8443));
        assert!(matches("[::1]:80", "::1", 80) && !matches("[::1]:80", "::1", 81));
    }

    #[test]
    fn what_is_no_pattern_is_told() {
        for (text, word) in [
            ("", "no host name"),
            ("*", "every host"),
            ("*.", "no host name"),
            ("https://example.org", "a URL"),
            ("example.org/path", "a URL"),
            ("www.*.org", "not the whole first part"),
            ("*example.org", "not the whole first part"),
            ("*.127.0.0.1", "an address"),
            ("example.org:0", "a port"),
            ("example.org:https", "a port"),
            ("a b", "no host name"),
            ("a..b", "is empty"),
            ("ex%61mple.org", "`%`"),
            ("user@example.org", "no host name"),
        ] {
            let error = text.parse::<HostPattern>().unwrap_err().to_string();
            assert!(error.contains(word) && error.contains("wanted a name"), "{text}: {error}");
        }
    }

    #[test]
    fn a_pattern_is_written_as_it_is_read() {
        for text in ["example.org", "*.example.org:80", "[::1]:80", "[::1]", "1.2.3.4"] {
            assert_eq!(text.parse::<HostPattern>().unwrap().to_string(), text);
        }
    }
}
