//! What can be chosen about the engine.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::time::Duration;

use crate::error::EngineError;

/// The engine's settings. At least one address family must be bound.
#[derive(Clone, Debug, PartialEq)]
pub struct Settings {
    /// First port of the range; the first even one from here on is used.
    pub port_min: u16,
    /// Last port of the range, included; a pair must fit below it.
    pub port_max: u16,
    /// Where IPv4 legs are bound; `None` for no IPv4.
    pub bind_v4: Option<Ipv4Addr>,
    /// Where IPv6 legs are bound; `None` for no IPv6.
    pub bind_v6: Option<Ipv6Addr>,
    /// What session descriptions say instead of the bound IPv4 address.
    pub advertised_v4: Option<Ipv4Addr>,
    /// What session descriptions say instead of the bound IPv6 address.
    pub advertised_v6: Option<Ipv6Addr>,
    /// A bridge is reported when no RTP came on either side for this long while audio was expected.
    pub timeout: Duration,
    /// Threads that relay, 1–64.
    pub threads: usize,
    /// How long a closed port pair waits before it is used again.
    pub drain: Duration,
    /// Legs may send to loopback and link-local addresses.
    pub allow_loopback: bool,
    /// While a thread has much to do, datagrams may wait this long to be handled together, at most 5 ms.
    pub gather: Duration,
    /// Differentiated services code point of what is sent, 0–63.
    pub dscp: u8,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            port_min: 10_000,
            port_max: 20_000,
            bind_v4: Some(Ipv4Addr::UNSPECIFIED),
            bind_v6: None,
            advertised_v4: None,
            advertised_v6: None,
            timeout: Duration::from_secs(60),
            threads: 1,
            drain: Duration::from_secs(2),
            allow_loopback: false,
            gather: Duration::from_millis(2),
            dscp: 46,
        }
    }
}

impl Settings {
    /// Refuses what can't work.
    ///
    /// # Errors
    /// [`EngineError::Setting`] naming the setting.
    pub fn check(&self) -> Result<(), EngineError> {
        let refuse = |what: &str| Err(EngineError::Setting(what.to_owned()));
        if self.port_min < 1024 {
            return refuse("port_min must be at least 1024");
        }
        if self.pairs() == 0 {
            return refuse("no port pair fits between port_min and port_max");
        }
        if self.bind_v4.is_none() && self.bind_v6.is_none() {
            return refuse("neither bind_v4 nor bind_v6 is set");
        }
        if self.timeout.is_zero() || self.timeout > Duration::from_secs(86_400) {
            return refuse("timeout_s must be above 0 and at most 86400");
        }
        if self.drain > Duration::from_secs(600) {
            return refuse("drain_s must be at most 600");
        }
        if !(1..=64).contains(&self.threads) {
            return refuse("threads must be 1 to 64");
        }
        if self.gather > Duration::from_millis(5) {
            return refuse("gather_ms must be at most 5");
        }
        if self.dscp > 63 {
            return refuse("dscp must be at most 63");
        }
        Ok(())
    }

    /// The even port of pair `index`.
    #[must_use]
    pub const fn port(&self, index: usize) -> u16 {
        self.first_even() + 2 * index as u16
    }

    /// The pair that `port` belongs to.
    #[must_use]
    pub const fn pair_of(&self, port: u16) -> Option<usize> {
        if port < self.first_even() {
            return None;
        }
        let index = (port - self.first_even()) as usize / 2;
        if index < self.pairs() { Some(index) } else { None }
    }

    /// How many pairs of an even and the next odd port fit the range.
    #[must_use]
    pub const fn pairs(&self) -> usize {
        (self.port_max as usize + 1).saturating_sub(self.first_even() as usize) / 2
    }

    /// What a session description says of a leg of this family; the bound address unless another is advertised.
    #[must_use]
    pub fn advertised(&self, ipv6: bool) -> Option<IpAddr> {
        if ipv6 {
            self.bind_v6.map(|bound| IpAddr::V6(self.advertised_v6.unwrap_or(bound)))
        } else {
            self.bind_v4.map(|bound| IpAddr::V4(self.advertised_v4.unwrap_or(bound)))
        }
    }

    const fn first_even(&self) -> u16 {
        self.port_min + (self.port_min & 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_default_range_has_five_thousand_pairs_within_it() {
        let settings = Settings::default();
        settings.check().unwrap();
        assert_eq!(settings.pairs(), 5000);
        assert_eq!((settings.port(0), settings.port(4999)), (10_000, 19_998));
        assert_eq!(settings.pair_of(20_000), None);
        assert_eq!(settings.pair_of(9_999), None);
        assert_eq!((settings.pair_of(10_001), settings.pair_of(19_999)), (Some(0), Some(4999)));
    }

    #[test]
    fn odd_limits_are_narrowed() {
        let settings = Settings { port_min: 10_001, port_max: 10_004, ..Settings::default() };
        assert_eq!((settings.pairs(), settings.port(0)), (1, 10_002));
        let top = Settings { port_min: 65_533, port_max: 65_535, ..Settings::default() };
        assert_eq!((top.pairs(), top.port(0)), (1, 65_534));
    }

    #[test]
    fn impossible_settings_are_refused_by_name() {
        let base = Settings::default;
        for (settings, name) in [
            (Settings { port_min: 80, ..base() }, "port_min"),
            (Settings { port_min: 10_001, port_max: 10_002, ..base() }, "port_max"),
            (Settings { bind_v4: None, ..base() }, "bind_v4"),
            (Settings { timeout: Duration::ZERO, ..base() }, "timeout_s"),
            (Settings { drain: Duration::from_secs(601), ..base() }, "drain_s"),
            (Settings { threads: 0, ..base() }, "threads"),
            (Settings { gather: Duration::from_millis(6), ..base() }, "gather_ms"),
            (Settings { dscp: 64, ..base() }, "dscp"),
        ] {
            let error = settings.check().unwrap_err().to_string();
            assert!(error.contains(name), "{error}");
        }
    }

    #[test]
    fn advertised_is_what_was_set_or_else_bound() {
        let settings = Settings { advertised_v4: Some(Ipv4Addr::new(192, 0, 2, 1)), ..Settings::default() };
        assert_eq!(settings.advertised(false), Some("192.0.2.1".parse().unwrap()));
        assert_eq!(settings.advertised(true), None);
        assert_eq!(Settings::default().advertised(false), Some("0.0.0.0".parse().unwrap()));
    }
}
