//! The addresses that nobody reaches by a host's name alone.
//!
//! A name that is allowed may resolve to anything; what it must not lead to is the host's own machine, its
//! network, or the service that tells a cloud machine its secrets. The table is written out by hand, because it
//! is a decision and not a fact of the standard library.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// What an address is for. Only [`Public`](Self::Public) ones are reached without `allow_private`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum AddressClass {
    /// Anything that is none of the others.
    Public,
    /// This machine: 127.0.0.0/8, `::1`.
    Loopback,
    /// No address, or "this network": 0.0.0.0/8, `::`.
    Unspecified,
    /// A private network: 10.0.0.0/8, 172.16.0.0/12, 192.168.0.0/16.
    Private,
    /// A carrier's private network: 100.64.0.0/10.
    Shared,
    /// The link: 169.254.0.0/16, `fe80::/10`. Metadata services of clouds are here.
    LinkLocal,
    /// IPv6's private networks: `fc00::/7`, and `fec0::/10`, which was one. A cloud's metadata service is here too.
    UniqueLocal,
    /// A metadata service outside of those: 168.63.129.16.
    Metadata,
    /// Multicast and broadcast: 224.0.0.0/4, 255.255.255.255, `ff00::/8`.
    Multicast,
    /// Reserved, for documentation, for benchmarks, or to be discarded.
    Reserved,
    /// An IPv6 address that leads to an IPv4 one by way of a translator or tunnel: NAT64, 6to4, Teredo,
    /// and IPv4-compatible ones. Where that ends is not for this machine to know.
    Translated,
}

impl fmt::Display for AddressClass {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            AddressClass::Public => "public",
            AddressClass::Loopback => "loopback",
            AddressClass::Unspecified => "unspecified",
            AddressClass::Private => "private",
            AddressClass::Shared => "shared by a carrier",
            AddressClass::LinkLocal => "link-local",
            AddressClass::UniqueLocal => "unique-local",
            AddressClass::Metadata => "a metadata service",
            AddressClass::Multicast => "multicast or broadcast",
            AddressClass::Reserved => "reserved",
            AddressClass::Translated => "translated to IPv4 (NAT64, 6to4 or Teredo)",
        })
    }
}

/// IPv4, most special first: the first line that fits decides.
const V4: &[(Ipv4Addr, u32, AddressClass)] = &[
    (Ipv4Addr::new(0, 0, 0, 0), 8, AddressClass::Unspecified),
    (Ipv4Addr::new(127, 0, 0, 0), 8, AddressClass::Loopback),
    (Ipv4Addr::new(10, 0, 0, 0), 8, AddressClass::Private),
    (Ipv4Addr::new(172, 16, 0, 0), 12, AddressClass::Private),
    (Ipv4Addr::new(192, 168, 0, 0), 16, AddressClass::Private),
    (Ipv4Addr::new(100, 64, 0, 0), 10, AddressClass::Shared),
    (Ipv4Addr::new(169, 254, 0, 0), 16, AddressClass::LinkLocal),
    (Ipv4Addr::new(168, 63, 129, 16), 32, AddressClass::Metadata),
    (Ipv4Addr::new(192, 0, 0, 0), 24, AddressClass::Reserved),
    (Ipv4Addr::new(192, 0, 2, 0), 24, AddressClass::Reserved),
    (Ipv4Addr::new(192, 88, 99, 0), 24, AddressClass::Reserved),
    (Ipv4Addr::new(198, 18, 0, 0), 15, AddressClass::Reserved),
    (Ipv4Addr::new(198, 51, 100, 0), 24, AddressClass::Reserved),
    (Ipv4Addr::new(203, 0, 113, 0), 24, AddressClass::Reserved),
    (Ipv4Addr::new(224, 0, 0, 0), 4, AddressClass::Multicast),
    (Ipv4Addr::new(255, 255, 255, 255), 32, AddressClass::Multicast),
    (Ipv4Addr::new(240, 0, 0, 0), 4, AddressClass::Reserved),
];

const V6: &[(Ipv6Addr, u32, AddressClass)] = &[
    (Ipv6Addr::UNSPECIFIED, 128, AddressClass::Unspecified),
    (Ipv6Addr::LOCALHOST, 128, AddressClass::Loopback),
    // What is left of ::/96 is IPv4-compatible, long withdrawn.
    (Ipv6Addr::UNSPECIFIED, 96, AddressClass::Translated),
    (Ipv6Addr::new(0, 0, 0, 0, 0xffff, 0, 0, 0), 96, AddressClass::Translated),
    (Ipv6Addr::new(0x64, 0xff9b, 0, 0, 0, 0, 0, 0), 96, AddressClass::Translated),
    (Ipv6Addr::new(0x64, 0xff9b, 1, 0, 0, 0, 0, 0), 48, AddressClass::Translated),
    (Ipv6Addr::new(0x100, 0, 0, 0, 0, 0, 0, 0), 64, AddressClass::Reserved),
    (Ipv6Addr::new(0x2001, 0, 0, 0, 0, 0, 0, 0), 32, AddressClass::Translated),
    (Ipv6Addr::new(0x2001, 0, 0, 0, 0, 0, 0, 0), 23, AddressClass::Reserved),
    (Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 0), 32, AddressClass::Reserved),
    (Ipv6Addr::new(0x2002, 0, 0, 0, 0, 0, 0, 0), 16, AddressClass::Translated),
    (Ipv6Addr::new(0x3fff, 0, 0, 0, 0, 0, 0, 0), 20, AddressClass::Reserved),
    (Ipv6Addr::new(0x5f00, 0, 0, 0, 0, 0, 0, 0), 16, AddressClass::Reserved),
    (Ipv6Addr::new(0xfc00, 0, 0, 0, 0, 0, 0, 0), 7, AddressClass::UniqueLocal),
    (Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, 0), 10, AddressClass::LinkLocal),
    (Ipv6Addr::new(0xfec0, 0, 0, 0, 0, 0, 0, 0), 10, AddressClass::UniqueLocal),
    (Ipv6Addr::new(0xff00, 0, 0, 0, 0, 0, 0, 0), 8, AddressClass::Multicast),
];

/// What an address is for. A v4-mapped one is what the IPv4 address in it is.
pub fn classify(address: IpAddr) -> AddressClass {
    match address.to_canonical() {
        IpAddr::V4(address) => {
            let bits = u32::from(address);
            let fits = |&&(net, len, _): &&(Ipv4Addr, u32, AddressClass)| {
                (bits ^ u32::from(net)).leading_zeros() >= len
            };
            V4.iter().find(fits).map_or(AddressClass::Public, |(_, _, class)| *class)
        }
        IpAddr::V6(address) => {
            let bits = u128::from(address);
            let fits = |&&(net, len, _): &&(Ipv6Addr, u32, AddressClass)| {
                (bits ^ u128::from(net)).leading_zeros() >= len
            };
            V6.iter().find(fits).map_or(AddressClass::Public, |(_, _, class)| *class)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_blocked_and_what_is_next_to_it() {
        use AddressClass::*;
        for (address, class) in [
            ("1.1.1.1", Public),
            ("9.255.255.255", Public),
            ("10.0.0.0", Private),
            ("10.255.255.255", Private),
            ("11.0.0.0", Public),
            ("172.15.255.255", Public),
            ("172.16.0.0", Private),
            ("172.31.255.255", Private),
            ("172.32.0.0", Public),
            ("192.167.255.255", Public),
            ("192.168.0.1", Private),
            ("192.169.0.0", Public),
            ("100.63.255.255", Public),
            ("100.64.0.0", Shared),
            ("100.127.255.255", Shared),
            ("100.128.0.0", Public),
            ("0.0.0.0", Unspecified),
            ("0.1.2.3", Unspecified),
            ("126.255.255.255", Public),
            ("127.0.0.1", Loopback),
            ("127.255.255.255", Loopback),
            ("128.0.0.0", Public),
            ("169.254.169.254", LinkLocal),
            ("169.253.255.255", Public),
            ("168.63.129.16", Metadata),
            ("168.63.129.17", Public),
            ("192.0.0.8", Reserved),
            ("192.0.2.1", Reserved),
            ("198.17.255.255", Public),
            ("198.18.0.0", Reserved),
            ("198.19.255.255", Reserved),
            ("198.20.0.0", Public),
            ("223.255.255.255", Public),
            ("224.0.0.1", Multicast),
            ("240.0.0.1", Reserved),
            ("255.255.255.255", Multicast),
            ("::", Unspecified),
            ("::1", Loopback),
            ("::2", Translated),
            ("::127.0.0.1", Translated),
            ("::ffff:127.0.0.1", Loopback),
            ("::ffff:10.0.0.1", Private),
            ("::ffff:169.254.169.254", LinkLocal),
            ("::ffff:1.1.1.1", Public),
            ("::ffff:0:7f00:1", Translated),
            ("64:ff9b::7f00:1", Translated),
            ("64:ff9b:1::1", Translated),
            ("64:ff9c::1", Public),
            ("2001::1", Translated),
            ("2001:db8::1", Reserved),
            ("2002:7f00:1::", Translated),
            ("2606:4700:4700::1111", Public),
            ("fbff::1", Public),
            ("fc00::1", UniqueLocal),
            ("fd00:ec2::254", UniqueLocal),
            ("fe7f::1", Public),
            ("fe80::1", LinkLocal),
            ("febf::1", LinkLocal),
            ("fec0::1", UniqueLocal),
            ("ff02::1", Multicast),
        ] {
            assert_eq!(classify(address.parse().unwrap()), class, "{address}");
        }
    }
}
