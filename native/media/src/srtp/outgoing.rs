//! From RTP to SRTP: what goes to a peer (RFC 3711 §3.3, §3.4).
//!
//! What is protected is mostly another peer's stream that passes with its SSRC and sequence numbers, and such a peer may
//! do what a sender of SRTP must not. A key stream used twice gives both packets away, and a receiver that has guessed a
//! rollover counter wrong hears nothing for minutes. So no index is used twice, whatever comes; and the sequence numbers
//! that are sent always go on from the last ones by less than a receiver can misunderstand. They are those that came,
//! shifted where they had to be: when a source
//!
//! * begins just below a rollover, which a receiver that misses the first packets would miss (RFC 4568 §6.4);
//! * leaps far, since it began anew or was held while its packets were not passed on.
//!
//! Reports on a source that is shifted name a highest sequence number that its sender never sent:
//! [`SrtpOut::restore_reports`] puts that right before they go back to it.

use super::index::{INDICES, ReplayList, WINDOW, rollover};
use super::keys::MasterKey;
use super::transform::Transform;
use super::wear::{Wear, wear};
use super::{
    ENCRYPTED, INDEX_LENGTH, MAX_STREAMS, RTCP_CLEAR, RTCP_OVERHEAD, RTP_OVERHEAD, SrtpError, ssrc_at,
};
use crate::rtcp;
use crate::rtp::{self, HEADER_LENGTH, MAX_PACKET};

/// A source that begins this high is shifted by [`SHIFT`]: a minute and more below the rollover.
const HIGH: u16 = 0xf000;
const SHIFT: u16 = 0x8000;
/// A longer step ahead is a leap. Less than what a receiver takes for a step back.
const LEAP: i32 = 0x2000;

/// What one key has sent. Laid out so that what each packet needs comes first and together.
#[derive(Debug)]
#[repr(C, align(64))]
pub struct SrtpOut {
    /// The source whose packet went last.
    current: Stream,
    rtp: Transform,
    /// The other sources.
    others: Vec<Stream>,
    key: MasterKey,
    rtcp: Transform,
    /// The next SRTCP index: one count for all sources, so that none has to be remembered.
    rtcp_index: u32,
}

/// One source.
#[derive(Clone, Copy, Debug, Default)]
struct Stream {
    sent: ReplayList,
    ssrc: u32,
    /// Added to the sequence numbers that come.
    shift: u16,
    /// The sequence number that would confirm a leap.
    leapt_to: Option<u16>,
}

impl SrtpOut {
    /// Nothing sent yet.
    #[must_use]
    pub fn new(key: MasterKey) -> Self {
        let (rtp, rtcp) = key.derive();
        Self { current: Stream::default(), rtp, others: Vec::new(), key, rtcp, rtcp_index: 0 }
    }

    /// The key.
    #[must_use]
    pub const fn key(&self) -> &MasterKey {
        &self.key
    }

    /// How much of the key is left for the source whose packet went last, and for SRTCP.
    #[must_use]
    pub fn wear(&self) -> Wear {
        let sent = self.current.sent.highest().map_or(0, |highest| highest + 1);
        wear(sent, INDICES).max(wear(self.rtcp_index.into(), ENCRYPTED.into()))
    }

    /// Protects the RTP packet in the first `length` octets of `buffer`: how long it is then, [`RTP_OVERHEAD`] more.
    ///
    /// # Errors
    /// [`SrtpError`]: it must not be sent.
    pub fn protect_rtp(&mut self, buffer: &mut [u8], length: usize) -> Result<usize, SrtpError> {
        let packet = room(buffer, length, HEADER_LENGTH, RTP_OVERHEAD)?;
        let start = rtp::payload_start(&packet[..length]).ok_or(SrtpError::Malformed)?;
        let ssrc = ssrc_at(packet, 8);
        let sequence = u16::from_be_bytes([packet[2], packet[3]]);
        self.turn_to(ssrc, sequence)?;
        let index = self.current.index(sequence).ok_or(SrtpError::Repeated)?;
        packet[2..4].copy_from_slice(&(index as u16).to_be_bytes());
        self.rtp.apply(ssrc, index, &mut packet[start..length]);
        let (packet, tag) = packet.split_at_mut(length);
        self.rtp.authenticate(packet).with(rollover(index)).write(tag);
        Ok(length + RTP_OVERHEAD)
    }

    /// Protects the RTCP packet in the first `length` octets of `buffer`: how long it is then, [`RTCP_OVERHEAD`] more.
    ///
    /// # Errors
    /// [`SrtpError`]: it must not be sent.
    pub fn protect_rtcp(&mut self, buffer: &mut [u8], length: usize) -> Result<usize, SrtpError> {
        let packet = room(buffer, length, RTCP_CLEAR, RTCP_OVERHEAD)?;
        let index = self.rtcp_index;
        if index >= ENCRYPTED {
            return Err(SrtpError::Repeated);
        }
        self.rtcp_index += 1;
        self.rtcp.apply(ssrc_at(packet, 4), u64::from(index), &mut packet[RTCP_CLEAR..length]);
        let (authenticated, tag) = packet.split_at_mut(length + INDEX_LENGTH);
        authenticated[length..].copy_from_slice(&(ENCRYPTED | index).to_be_bytes());
        self.rtcp.authenticate(authenticated).write(tag);
        Ok(length + RTCP_OVERHEAD)
    }

    /// Takes the shift of their sources out of the highest sequence numbers of the reports in a compound RTCP packet of the
    /// peer's.
    pub fn restore_reports(&self, packet: &mut [u8]) {
        if self.current.shift == 0 && self.others.iter().all(|stream| stream.shift == 0) {
            return;
        }
        rtcp::for_each_report(packet, |report| {
            let ssrc = ssrc_at(report, 0);
            let known = std::iter::once(&self.current).chain(&self.others).find(|stream| stream.ssrc == ssrc);
            if let Some(stream) = known {
                rtcp::shift_back(report, stream.shift);
            }
        });
    }

    /// Makes a source the current one.
    fn turn_to(&mut self, ssrc: u32, sequence: u16) -> Result<(), SrtpError> {
        let is_first = self.current.sent.highest().is_none();
        if self.current.ssrc == ssrc && !is_first {
            return Ok(());
        }
        let shift = if sequence >= HIGH { SHIFT } else { 0 };
        let new = Stream { ssrc, shift, ..Stream::default() };
        if is_first {
            self.current = new;
        } else if let Some(known) = self.others.iter_mut().find(|other| other.ssrc == ssrc) {
            std::mem::swap(known, &mut self.current);
        } else if self.others.len() + 1 >= MAX_STREAMS {
            return Err(SrtpError::TooManyStreams);
        } else {
            self.others.push(std::mem::replace(&mut self.current, new));
        }
        Ok(())
    }
}

impl Stream {
    /// The index to send a sequence number with, noted as used; `None` when the packet must not be sent. One packet that
    /// leaps is not sent: a stray one would disturb the stream. A second that goes on from it is (RFC 3550 A.1).
    fn index(&mut self, sequence: u16) -> Option<u64> {
        let shifted = sequence.wrapping_add(self.shift);
        let index = match self.sent.highest() {
            None => u64::from(shifted),
            Some(highest) => {
                let step = i32::from(shifted.wrapping_sub(highest as u16) as i16);
                if step <= LEAP && step > -(WINDOW as i32) {
                    highest.checked_add_signed(step.into())?
                } else if self.leapt_to == Some(sequence) {
                    self.shift = (highest as u16).wrapping_add(1).wrapping_sub(sequence);
                    highest + 1
                } else {
                    self.leapt_to = Some(sequence.wrapping_add(1));
                    return None;
                }
            }
        };
        if index >= INDICES || !self.sent.is_fresh(index) {
            return None;
        }
        self.leapt_to = None;
        self.sent.note(index);
        Some(index)
    }
}

/// The packet with room for what protection adds.
fn room(buffer: &mut [u8], length: usize, least: usize, overhead: usize) -> Result<&mut [u8], SrtpError> {
    if !(least..=MAX_PACKET).contains(&length) {
        return Err(SrtpError::Malformed);
    }
    buffer.get_mut(..length + overhead).ok_or(SrtpError::Malformed)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn out() -> SrtpOut {
        SrtpOut::new(MasterKey::new(&[7; 30], &[]).unwrap())
    }

    #[test]
    fn a_key_ends_with_its_last_srtcp_packet() {
        let mut out = out();
        out.rtcp_index = ENCRYPTED - 1;
        let mut buffer = [0x80; 8 + RTCP_OVERHEAD];
        assert!(out.protect_rtcp(&mut buffer, 8).is_ok());
        assert_eq!(out.protect_rtcp(&mut buffer, 8), Err(SrtpError::Repeated), "2^31 have gone");
        assert_eq!(out.wear(), Wear::Spent);
    }

    #[test]
    fn a_key_ends_with_the_last_srtp_packet_of_a_source() {
        let mut out = out();
        let mut send = |sequence: u16, before: Option<u64>| {
            let mut buffer = [0; 13 + RTP_OVERHEAD];
            rtp::write_header(&mut buffer, false, 8, sequence, 0, 1);
            if let Some(index) = before {
                out.current.sent.note(index);
            }
            out.protect_rtp(&mut buffer, 13)
        };
        assert!(send(1, None).is_ok());
        assert!(send(0xffff, Some(INDICES - 2)).is_ok());
        assert_eq!(send(0, None), Err(SrtpError::Repeated), "2^48 have gone");
        assert_eq!(out.wear(), Wear::Spent);
    }
}
