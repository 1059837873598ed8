//! From SRTP to RTP: what a peer sent, believed only when its tag is right (RFC 3711 §3.3, §3.4).

use super::index::{INDICES, ReplayList, nearest, rollover};
use super::keys::MasterKey;
use super::transform::{TAG_LENGTH, Tag, Transform};
use super::{
    ENCRYPTED, INDEX_LENGTH, MAX_STREAMS, RTCP_CLEAR, RTCP_OVERHEAD, RTP_OVERHEAD, SrtpError, ssrc_at,
};
use crate::rtp::{self, HEADER_LENGTH, MAX_PACKET};

/// What one key has received.
#[derive(Debug)]
pub struct SrtpIn {
    key: MasterKey,
    rtp: Transform,
    rtcp: Transform,
    streams: Vec<Stream>,
    /// Where the stream is whose packet came last.
    latest: usize,
    /// Rollover counters of streams under the key before this one.
    earlier: Vec<(u32, u32)>,
}

/// One source of the peer's.
#[derive(Clone, Copy, Debug, Default)]
struct Stream {
    ssrc: u32,
    rtp: ReplayList,
    rtcp: ReplayList,
}

impl SrtpIn {
    /// Nothing received yet.
    #[must_use]
    pub fn new(key: MasterKey) -> Self {
        let (rtp, rtcp) = key.derive();
        Self { key, rtp, rtcp, streams: Vec::new(), latest: 0, earlier: Vec::new() }
    }

    /// The same peer with another key. Its sources begin again with a rollover counter of zero (RFC 4568 §6.4), or go on
    /// with the one they have (RFC 3711 §3.3.1): both is understood.
    #[must_use]
    pub fn after(key: MasterKey, before: &Self) -> Self {
        let earlier = before
            .streams
            .iter()
            .filter_map(|stream| Some((stream.ssrc, rollover(stream.rtp.highest()?))))
            .collect();
        Self { earlier, ..Self::new(key) }
    }

    /// The key.
    #[must_use]
    pub const fn key(&self) -> &MasterKey {
        &self.key
    }

    /// Takes the protection off an SRTP packet: how long the RTP packet is that it leaves at the front of `packet`.
    ///
    /// # Errors
    /// [`SrtpError`]; the packet is as it was then, and so is everything else.
    pub fn unprotect_rtp(&mut self, packet: &mut [u8]) -> Result<usize, SrtpError> {
        let length = self.split(packet, HEADER_LENGTH, RTP_OVERHEAD)?;
        let start = rtp::payload_start(&packet[..length]).ok_or(SrtpError::Malformed)?;
        let ssrc = ssrc_at(packet, 8);
        let sequence = u16::from_be_bytes([packet[2], packet[3]]);
        let place = self.find(ssrc);
        let highest = place.and_then(|place| self.streams[place].rtp.highest());
        let index = match highest {
            Some(highest) => {
                let index = nearest(highest, sequence);
                if index >= INDICES || !place.is_some_and(|place| self.streams[place].rtp.is_fresh(index)) {
                    return Err(SrtpError::Replay);
                }
                self.check_tag(&packet[..length], packet, rollover(index))?;
                index
            }
            None => self.first_index(ssrc, sequence, &packet[..length], packet)?,
        };
        let place = self.place(place, ssrc)?;
        self.streams[place].rtp.note(index);
        self.rtp.apply(ssrc, index, &mut packet[start..length]);
        Ok(length)
    }

    /// The index of a source's first packet. Its rollover counter is zero (RFC 4568 §6.4); but a first packet that came
    /// need not be the first that was sent, and a sequence number that began high has rolled over since.
    fn first_index(
        &self,
        ssrc: u32,
        sequence: u16,
        authenticated: &[u8],
        packet: &[u8],
    ) -> Result<u64, SrtpError> {
        let tag = self.rtp.authenticate(authenticated);
        let earlier = self.earlier.iter().find(|earlier| earlier.0 == ssrc).map(|earlier| earlier.1);
        let candidates = [Some(0), Some(1), earlier, earlier.map(|earlier| earlier.wrapping_add(1))];
        candidates
            .into_iter()
            .flatten()
            .find(|&candidate| self.is_tagged(tag.clone().with(candidate), packet))
            .map(|candidate| u64::from(candidate) << 16 | u64::from(sequence))
            .ok_or(SrtpError::Authentication)
    }

    /// Takes the protection off an SRTCP packet: how long the RTCP packet is that it leaves at the front of `packet`.
    ///
    /// # Errors
    /// [`SrtpError`]; the packet is as it was then, and so is everything else.
    pub fn unprotect_rtcp(&mut self, packet: &mut [u8]) -> Result<usize, SrtpError> {
        let length = self.split(packet, RTCP_CLEAR, RTCP_OVERHEAD)?;
        let authenticated = length + INDEX_LENGTH;
        let ssrc = ssrc_at(packet, 4);
        let flagged = ssrc_at(packet, length);
        if packet[0] >> 6 != 2 || flagged & ENCRYPTED == 0 {
            return Err(SrtpError::Malformed);
        }
        let index = u64::from(flagged & !ENCRYPTED);
        let place = self.find(ssrc);
        if place.is_some_and(|place| !self.streams[place].rtcp.is_fresh(index)) {
            return Err(SrtpError::Replay);
        }
        if !self.is_tagged(self.rtcp.authenticate(&packet[..authenticated]), packet) {
            return Err(SrtpError::Authentication);
        }
        let place = self.place(place, ssrc)?;
        self.streams[place].rtcp.note(index);
        self.rtcp.apply(ssrc, index, &mut packet[RTCP_CLEAR..length]);
        Ok(length)
    }

    /// How long the packet is without what protection added, its key identifier being right.
    fn split(&self, packet: &[u8], least: usize, overhead: usize) -> Result<usize, SrtpError> {
        let mki = self.key.mki();
        let length = packet.len().checked_sub(overhead + mki.len()).ok_or(SrtpError::Malformed)?;
        if !(least..=MAX_PACKET).contains(&length) {
            return Err(SrtpError::Malformed);
        }
        let tag_at = packet.len() - TAG_LENGTH;
        if packet[tag_at - mki.len()..tag_at] != *mki {
            return Err(SrtpError::Authentication);
        }
        Ok(length)
    }

    fn check_tag(&self, authenticated: &[u8], packet: &[u8], rollover: u32) -> Result<(), SrtpError> {
        let tag = self.rtp.authenticate(authenticated).with(rollover);
        if self.is_tagged(tag, packet) { Ok(()) } else { Err(SrtpError::Authentication) }
    }

    fn is_tagged(&self, tag: Tag, packet: &[u8]) -> bool {
        tag.is(&packet[packet.len() - TAG_LENGTH..])
    }

    fn find(&self, ssrc: u32) -> Option<usize> {
        if self.streams.get(self.latest).is_some_and(|stream| stream.ssrc == ssrc) {
            return Some(self.latest);
        }
        self.streams.iter().position(|stream| stream.ssrc == ssrc)
    }

    /// The place of a source whose packet was authentic.
    fn place(&mut self, known: Option<usize>, ssrc: u32) -> Result<usize, SrtpError> {
        self.latest = match known {
            Some(place) => place,
            None if self.streams.len() >= MAX_STREAMS => return Err(SrtpError::TooManyStreams),
            None => {
                self.streams.push(Stream { ssrc, ..Stream::default() });
                self.streams.len() - 1
            }
        };
        Ok(self.latest)
    }
}
