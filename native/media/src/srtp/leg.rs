//! SRTP of one leg, through changes of its keys (RFC 4568 §7.1.4).

use super::keys::{MasterKey, SrtpKeys};
use super::{SrtpError, SrtpIn, SrtpOut, Wear};
use crate::Micros;

/// How long packets under the peer's key before this one are still taken: those under way, and those that it sends until
/// our answer has reached it.
pub const KEY_GRACE_US: Micros = 10_000_000;
/// Keys that the peer has had before are remembered, so many of them: one that comes back has the replay list that it had
/// (RFC 3711 §3.3.2).
const EARLIER_KEYS: usize = 4;

/// Both ways of one leg.
#[derive(Debug)]
pub struct Srtp {
    incoming: SrtpIn,
    outgoing: SrtpOut,
    /// The peer's keys before this one, the latest last, and until when that one counts.
    earlier: Vec<SrtpIn>,
    until: Micros,
    told: Wear,
}

impl Srtp {
    /// With the first keys.
    #[must_use]
    pub fn new(keys: SrtpKeys) -> Self {
        let mut incoming = SrtpIn::new(keys.receive);
        incoming.set_lifetime(keys.receive_lifetime);
        Self { incoming, outgoing: SrtpOut::new(keys.send), earlier: Vec::new(), until: 0, told: Wear::Good }
    }

    /// Keys of a re-INVITE. The same ones go on with rollover counters and replay lists as they are; others begin anew.
    pub fn set_keys(&mut self, keys: SrtpKeys, now: Micros) {
        if *self.outgoing.key() != keys.send {
            self.outgoing = SrtpOut::new(keys.send);
        }
        if *self.incoming.key() != keys.receive {
            let next = self.incoming_with(keys.receive);
            self.earlier.push(std::mem::replace(&mut self.incoming, next));
            if self.earlier.len() > EARLIER_KEYS {
                self.earlier.remove(0);
            }
            self.until = now + KEY_GRACE_US;
        }
        self.incoming.set_lifetime(keys.receive_lifetime);
        self.told = self.told.min(self.wear());
    }

    fn wear(&self) -> Wear {
        self.incoming.wear().max(self.outgoing.wear())
    }

    /// That a key of either way has become worn, or spent; once for each.
    pub fn news_of_wear(&mut self) -> Option<Wear> {
        let wear = self.wear();
        if wear <= self.told {
            return None;
        }
        self.told = wear;
        Some(wear)
    }

    /// What receives with `key`: as it was left, if that was one before.
    fn incoming_with(&mut self, key: MasterKey) -> SrtpIn {
        match self.earlier.iter().position(|earlier| *earlier.key() == key) {
            Some(place) => self.earlier.remove(place),
            None => SrtpIn::after(key, &self.incoming),
        }
    }

    /// [`SrtpIn::unprotect_rtp`].
    ///
    /// # Errors
    /// [`SrtpError`].
    pub fn unprotect_rtp(&mut self, packet: &mut [u8], now: Micros) -> Result<usize, SrtpError> {
        self.unprotect(packet, now, SrtpIn::unprotect_rtp)
    }

    /// [`SrtpIn::unprotect_rtcp`]; what it reports on is numbered as it came to us ([`SrtpOut::restore_reports`]).
    ///
    /// # Errors
    /// [`SrtpError`].
    pub fn unprotect_rtcp(&mut self, packet: &mut [u8], now: Micros) -> Result<usize, SrtpError> {
        let length = self.unprotect(packet, now, SrtpIn::unprotect_rtcp)?;
        self.outgoing.restore_reports(&mut packet[..length]);
        Ok(length)
    }

    fn unprotect(
        &mut self,
        packet: &mut [u8],
        now: Micros,
        way: impl Fn(&mut SrtpIn, &mut [u8]) -> Result<usize, SrtpError>,
    ) -> Result<usize, SrtpError> {
        let result = way(&mut self.incoming, packet);
        if result.is_ok() {
            return result;
        }
        match self.earlier.last_mut() {
            Some(before) if now < self.until => way(before, packet).or(result),
            _ => {
                self.until = 0;
                result
            }
        }
    }

    /// [`SrtpOut::protect_rtp`].
    ///
    /// # Errors
    /// [`SrtpError`].
    pub fn protect_rtp(&mut self, buffer: &mut [u8], length: usize) -> Result<usize, SrtpError> {
        self.outgoing.protect_rtp(buffer, length)
    }

    /// [`SrtpOut::protect_rtcp`].
    ///
    /// # Errors
    /// [`SrtpError`].
    pub fn protect_rtcp(&mut self, buffer: &mut [u8], length: usize) -> Result<usize, SrtpError> {
        self.outgoing.protect_rtcp(buffer, length)
    }
}
