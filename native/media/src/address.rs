//! Where a leg may send at all, and which addresses say "behind NAT".
//!
//! A session description is a stranger's claim: it may name a third party, a host inside our network or ourselves.
//! Our own media ports are the engine's to recognise: this module knows no sockets.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// True for an address that can't be reached from the public internet: RFC 1918, RFC 6598, link-local, loopback,
/// unique-local IPv6 (RFC 4193), unspecified.
#[must_use]
pub fn is_private(address: IpAddr) -> bool {
    match address.to_canonical() {
        IpAddr::V4(v4) => {
            v4.is_private() || v4.is_loopback() || v4.is_link_local() || v4.is_unspecified() || is_shared(v4)
        }
        IpAddr::V6(v6) => {
            is_unique_local(v6) || is_link_local_v6(v6) || v6.is_loopback() || v6.is_unspecified()
        }
    }
}

/// True when packets may be sent to `address`.
///
/// Never: unspecified and the rest of 0/8 (RFC 2543 hold, and "this host"), multicast, broadcast, 240/4, and IPv4 in
/// IPv6's clothes. Loopback and link-local only when `allow_loopback`.
#[must_use]
pub fn may_send_to(address: IpAddr, allow_loopback: bool) -> bool {
    match address {
        IpAddr::V4(v4) => {
            let first = v4.octets()[0];
            if first == 0 || first >= 224 {
                return false;
            }
            allow_loopback || !(v4.is_loopback() || v4.is_link_local())
        }
        IpAddr::V6(v6) => {
            if v6.is_unspecified() || v6.is_multicast() || v6.to_ipv4_mapped().is_some() {
                return false;
            }
            allow_loopback || !(v6.is_loopback() || is_link_local_v6(v6))
        }
    }
}

/// RFC 6598: 100.64/10, between a carrier-grade NAT and its customers.
fn is_shared(address: Ipv4Addr) -> bool {
    let [first, second, ..] = address.octets();
    first == 100 && second & 0xc0 == 64
}

fn is_unique_local(address: Ipv6Addr) -> bool {
    address.segments()[0] & 0xfe00 == 0xfc00
}

fn is_link_local_v6(address: Ipv6Addr) -> bool {
    address.segments()[0] & 0xffc0 == 0xfe80
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn private_ranges() {
        for text in [
            "10.0.0.1",
            "172.16.0.1",
            "192.168.1.1",
            "100.64.0.1",
            "100.127.255.255",
            "169.254.1.1",
            "127.0.0.1",
            "fd00::1",
            "fe80::1",
            "::1",
            "::ffff:10.0.0.1",
        ] {
            assert!(is_private(ip(text)), "{text}");
        }
        for text in ["100.128.0.1", "172.32.0.1", "8.8.8.8", "2001:db8::1", "::ffff:8.8.8.8"] {
            assert!(!is_private(ip(text)), "{text}");
        }
    }

    #[test]
    fn never_to_these() {
        for text in [
            "0.0.0.0",
            "0.1.2.3",
            "224.0.0.1",
            "239.1.1.1",
            "240.0.0.1",
            "255.255.255.255",
            "::",
            "ff02::1",
            "::ffff:127.0.0.1",
            "::ffff:8.8.8.8",
        ] {
            assert!(!may_send_to(ip(text), true), "{text}");
        }
    }

    #[test]
    fn loopback_and_link_local_only_when_allowed() {
        for text in ["127.0.0.1", "127.9.9.9", "169.254.169.254", "::1", "fe80::1"] {
            assert!(!may_send_to(ip(text), false), "{text}");
            assert!(may_send_to(ip(text), true), "{text}");
        }
        for text in ["10.0.0.1", "192.0.2.1", "2001:db8::1", "fd00::1"] {
            assert!(may_send_to(ip(text), false), "{text}");
        }
    }
}
