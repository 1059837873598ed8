//! From SRTP to RTP: what a peer sent, believed only when its tag is right (RFC 3711 §3.3, §3.4).

use super::index::{INDICES, ReplayList, nearest, rollover};
use super::keys::MasterKey;
use super::transform::{TAG_LENGTH, Tag, Transform};
use super::wear::{Usage, Wear};
use super::{
    ENCRYPTED, INDEX_LENGTH, MAX_STREAMS, RTCP_CLEAR, RTCP_OVERHEAD, RTP_OVERHEAD, SrtpError, ssrc_at,
};
use crate::rtp::{self, HEADER_LENGTH, MAX_PACKET};

/// What one key has received. Laid out so that what each packet needs comes first and together.
#[derive(Debug)]
#[repr(C, align(64))]
pub struct SrtpIn {
    /// The source whose packet came last.
    current: Stream,
    usage: Usage,
    key: MasterKey,
    rtp: Transform,
    /// The other sources.
    others: Vec<Stream>,
    /// Rollover counters of sources under the keys before this one, the latest first.
    earlier: Vec<(u32, u32)>,
    rtcp: Transform,
}

/// One source of the peer's.
#[derive(Clone, Copy, Debug, Default)]
struct Stream {
    rtp: ReplayList,
    rtcp: ReplayList,
    ssrc: u32,
}

impl Stream {
    /// Something authentic has come from it.
    const fn is_known(&self) -> bool {
        self.rtp.highest().is_some() || self.rtcp.highest().is_some()
    }
}

impl SrtpIn {
    /// Nothing received yet.
    #[must_use]
    pub fn new(key: MasterKey) -> Self {
        let (rtp, rtcp) = key.derive();
        let (current, usage) = (Stream::default(), Usage::new());
        Self { current, usage, key, rtp, others: Vec::new(), earlier: Vec::new(), rtcp }
    }

    /// Says how many packets the key serves (RFC 4568 §6.1). It is [`LONGEST_LIFETIME`](super::LONGEST_LIFETIME) at first.
    pub fn set_lifetime(&mut self, lifetime: u64) {
        self.usage.set_lifetime(lifetime);
    }

    /// How much of the key is left.
    #[must_use]
    pub fn wear(&self) -> Wear {
        self.usage.wear()
    }

    /// The same peer with another key. Its sources begin again with a rollover counter of zero (RFC 4568 §6.4), or go on
    /// with the one they have (RFC 3711 §3.3.1): both is understood.
    #[must_use]
    pub fn after(key: MasterKey, before: &Self) -> Self {
        let earlier = std::iter::once(&before.current)
            .chain(&before.others)
            .filter_map(|stream| Some((stream.ssrc, rollover(stream.rtp.highest()?))))
            .chain(before.earlier.iter().copied())
            .take(MAX_STREAMS)
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
        if !self.usage.takes_rtp() {
            return Err(SrtpError::Spent);
        }
        let length = self.split(packet, HEADER_LENGTH, RTP_OVERHEAD)?;
        let start = rtp::payload_start(&packet[..length]).ok_or(SrtpError::Malformed)?;
        let ssrc = ssrc_at(packet, 8);
        let sequence = u16::from_be_bytes([packet[2], packet[3]]);
        let mut stream = self.stream(ssrc);
        let index = match stream.rtp.highest() {
            Some(highest) => {
                let index = nearest(highest, sequence);
                if index >= INDICES || !stream.rtp.is_fresh(index) {
                    return Err(SrtpError::Replay);
                }
                if !self.is_tagged(self.rtp.authenticate(&packet[..length]).with(rollover(index)), packet) {
                    return Err(SrtpError::Authentication);
                }
                index
            }
            None => self.first_index(ssrc, sequence, &packet[..length], packet)?,
        };
        stream.rtp.note(index);
        self.keep(stream)?;
        self.usage.note_rtp();
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
        if !self.usage.takes_rtcp() {
            return Err(SrtpError::Spent);
        }
        let length = self.split(packet, RTCP_CLEAR, RTCP_OVERHEAD)?;
        let authenticated = length + INDEX_LENGTH;
        let ssrc = ssrc_at(packet, 4);
        let flagged = ssrc_at(packet, length);
        if packet[0] >> 6 != 2 || flagged & ENCRYPTED == 0 {
            return Err(SrtpError::Malformed);
        }
        let index = u64::from(flagged & !ENCRYPTED);
        let mut stream = self.stream(ssrc);
        if !stream.rtcp.is_fresh(index) {
            return Err(SrtpError::Replay);
        }
        if !self.is_tagged(self.rtcp.authenticate(&packet[..authenticated]), packet) {
            return Err(SrtpError::Authentication);
        }
        stream.rtcp.note(index);
        self.keep(stream)?;
        self.usage.note_rtcp();
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

    fn is_tagged(&self, tag: Tag, packet: &[u8]) -> bool {
        tag.is(&packet[packet.len() - TAG_LENGTH..])
    }

    /// What is known of a source; a new one when nothing is.
    fn stream(&self, ssrc: u32) -> Stream {
        if self.current.ssrc == ssrc {
            return self.current;
        }
        let known = self.others.iter().find(|stream| stream.ssrc == ssrc);
        known.copied().unwrap_or(Stream { ssrc, ..Stream::default() })
    }

    /// Remembers a source after a packet of it that was authentic.
    fn keep(&mut self, stream: Stream) -> Result<(), SrtpError> {
        if self.current.ssrc != stream.ssrc && self.current.is_known() {
            let place = self.others.iter().position(|other| other.ssrc == stream.ssrc);
            match place {
                Some(place) => self.others[place] = self.current,
                None if self.others.len() + 1 >= MAX_STREAMS => return Err(SrtpError::TooManyStreams),
                None => self.others.push(self.current),
            }
        }
        self.current = stream;
        Ok(())
    }
}
