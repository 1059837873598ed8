//! The payload types of one leg in terms of the other's (RFC 3264 §5.1: each side numbers its own).

/// One payload type a peer may send.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Payload {
    /// As this peer sends it, 0–127.
    pub from: u8,
    /// As the far leg's peer knows it, 0–127; for a terminal, as this peer wants it sent.
    pub to: u8,
    /// RTP clock rate in Hz (8000 for G.722: RFC 3551 §4.5.2).
    pub clock_rate: u32,
}

/// The few payload types agreed on a leg. A linear search of a handful beats a table of 128.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PayloadMap(Vec<Payload>);

impl PayloadMap {
    /// Keeps the order given, which is the peer's preference. `None` when a number is above 127, a clock rate is 0 or a
    /// payload type occurs twice.
    #[must_use]
    pub fn new(payloads: Vec<Payload>) -> Option<Self> {
        let mut seen = 0u128;
        for payload in &payloads {
            if payload.from > 127 || payload.to > 127 || payload.clock_rate == 0 {
                return None;
            }
            if seen & (1 << payload.from) != 0 {
                return None;
            }
            seen |= 1 << payload.from;
        }
        Some(Self(payloads))
    }

    /// The entry for a payload type as the peer sends it.
    #[must_use]
    pub fn get(&self, payload_type: u8) -> Option<Payload> {
        self.0.iter().copied().find(|payload| payload.from == payload_type)
    }

    /// All entries in the peer's order of preference.
    pub fn iter(&self) -> impl Iterator<Item = Payload> + '_ {
        self.0.iter().copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn payload(from: u8, to: u8) -> Payload {
        Payload { from, to, clock_rate: 8000 }
    }

    #[test]
    fn finds_by_the_peers_number() {
        let map = PayloadMap::new(vec![payload(8, 8), payload(101, 96)]).unwrap();
        assert_eq!(map.get(101).unwrap().to, 96);
        assert_eq!(map.get(96), None);
        assert_eq!(map.iter().map(|entry| entry.from).collect::<Vec<_>>(), [8, 101]);
    }

    #[test]
    fn refuses_impossible_maps() {
        assert!(PayloadMap::new(vec![payload(128, 0)]).is_none());
        assert!(PayloadMap::new(vec![payload(0, 128)]).is_none());
        assert!(PayloadMap::new(vec![payload(0, 0), payload(0, 8)]).is_none());
        assert!(PayloadMap::new(vec![Payload { from: 0, to: 0, clock_rate: 0 }]).is_none());
        assert!(PayloadMap::new(Vec::new()).is_some());
    }
}
