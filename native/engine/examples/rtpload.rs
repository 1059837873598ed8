//! A bounded RTP load for a relay: N calls, 50 packets a second each way, and what the relay's process paid for it.
//!
//!     rtpload MAP SECONDS PID slots|spread plain|one|both [TYPE:CODEC TYPE:CODEC]
//!
//! MAP has a line per call: the relay's address and port for side A, the same for side B. Side A sends from 127.0.0.10:20000,
//! side B from 127.0.0.20:20000; calls are told apart by the relay's ports. Sending is paced in slots of 1 ms: all at the slot's
//! beginning, or spread evenly over it, as packets of unrelated calls arrive. The last word says whose packets are SRTP:
//! nobody's, side A's, both sides'; the keys are `KEYS`, and what doesn't come authentic counts as lost. The first two
//! seconds are not measured. The last two say which payload type and codec each side sends, 20 ms of a tone in a packet;
//! PCMA unless they are there. Prints one line of JSON. The load ends by itself.
#![expect(clippy::print_stdout, reason = "a program")]

use std::fs;
use std::io;
use std::net::{SocketAddr, UdpSocket};
use std::thread::sleep;
use std::time::{Duration, Instant};

use trunkline_codecs::Codec;
use trunkline_media::srtp::{MasterKey, RTP_OVERHEAD, SrtpIn, SrtpOut};

const PTIME_SLOTS: usize = 20;
const WARM_UP_SLOTS: usize = 2000;
const HEADER: usize = 12;
const MOST: usize = HEADER + 160;
/// Every octet of the keys: the relay's, the load's.
const KEYS: [u8; 2] = [1, 2];

/// What a side sends: a payload type, and 20 ms of a tone.
struct Format {
    payload_type: u8,
    payload: Vec<u8>,
    ticks: u32,
}

impl Format {
    fn read(text: &str) -> Option<Self> {
        let (payload_type, name) = text.split_once(':')?;
        let codec = Codec::from_name(name, 20)?;
        let mut encoder = codec.encoder().ok()?;
        let rate = codec.sample_rate() as usize;
        let step = std::f64::consts::TAU * 700.0 / rate as f64;
        let mut payload = Vec::new();
        // The codec has settled by the last of them.
        for frame in 0..10 {
            let samples = (frame * rate / 50..(frame + 1) * rate / 50)
                .map(|n| (8000.0 * (step * n as f64).sin()) as i16);
            payload.resize(MOST - HEADER, 0);
            let octets = encoder.encode(&samples.collect::<Vec<_>>(), &mut payload).ok()?;
            payload.truncate(octets);
        }
        Some(Self { payload_type: payload_type.parse().ok()?, payload, ticks: codec.clock_rate() / 50 })
    }
}

struct Side {
    socket: UdpSocket,
    relay: Vec<SocketAddr>,
    /// One for each call, which is also its SSRC; none for plain RTP.
    srtp: Vec<(SrtpOut, SrtpIn)>,
    format: Format,
    sent: u64,
    received: u64,
}

impl Side {
    fn new(address: &str, relay: Vec<SocketAddr>, secure: bool, format: Format) -> io::Result<Self> {
        let socket = UdpSocket::bind(address)?;
        socket.set_nonblocking(true)?;
        rustix::net::sockopt::set_socket_recv_buffer_size(&socket, 4 << 20)?;
        let [theirs, ours] = KEYS.map(|octet| MasterKey::new(&[octet; 30], &[]));
        let (theirs, ours) = theirs.ok().zip(ours.ok()).ok_or_else(|| io::Error::other("no key"))?;
        let calls = if secure { relay.len() } else { 0 };
        let srtp = (0..calls).map(|_| (SrtpOut::new(ours.clone()), SrtpIn::new(theirs.clone()))).collect();
        Ok(Self { socket, relay, srtp, format, sent: 0, received: 0 })
    }

    fn send(&mut self, call: usize, sequence: u16) {
        let mut packet = [0x55; MOST + RTP_OVERHEAD];
        let length = HEADER + self.format.payload.len();
        packet[HEADER..length].copy_from_slice(&self.format.payload);
        packet[..2].copy_from_slice(&[0x80, self.format.payload_type]);
        packet[2..4].copy_from_slice(&sequence.to_be_bytes());
        packet[4..8].copy_from_slice(&(u32::from(sequence) * self.format.ticks).to_be_bytes());
        packet[8..12].copy_from_slice(&(call as u32).to_be_bytes());
        let length = match self.srtp.get_mut(call) {
            Some((out, _)) => out.protect_rtp(&mut packet, length).unwrap_or(0),
            None => length,
        };
        self.sent += u64::from(self.socket.send_to(&packet[..length], self.relay[call]).is_ok());
    }

    fn receive(&mut self) {
        let mut packet = [0; 2048];
        while let Ok(length) = self.socket.recv(&mut packet) {
            self.received += u64::from(self.srtp.is_empty() || self.is_authentic(&mut packet[..length]));
        }
    }

    fn is_authentic(&mut self, packet: &mut [u8]) -> bool {
        let Some(ssrc) = packet.get(8..12) else {
            return false;
        };
        let call = u32::from_be_bytes([ssrc[0], ssrc[1], ssrc[2], ssrc[3]]) as usize;
        self.srtp.get_mut(call).is_some_and(|(_, incoming)| incoming.unprotect_rtp(packet).is_ok())
    }
}

/// Nanoseconds that all threads of a process have run.
fn cpu_ns(pid: &str) -> io::Result<u64> {
    let mut total = 0;
    for thread in fs::read_dir(format!("/proc/{pid}/task"))? {
        let text = fs::read_to_string(thread?.path().join("schedstat"))?;
        total += text.split_whitespace().next().and_then(|ran| ran.parse::<u64>().ok()).unwrap_or(0);
    }
    Ok(total)
}

fn sides(map: &str) -> Option<(Vec<SocketAddr>, Vec<SocketAddr>)> {
    map.lines()
        .map(|line| {
            let mut words = line.split_whitespace();
            let mut next =
                || -> Option<SocketAddr> { format!("{}:{}", words.next()?, words.next()?).parse().ok() };
            Some((next()?, next()?))
        })
        .collect()
}

fn main() -> io::Result<()> {
    let arguments: Vec<String> = std::env::args().collect();
    let [_, map, seconds, pid, pattern, protection, formats @ ..] = &arguments[..] else {
        return Err(io::Error::other(
            "usage: rtpload MAP SECONDS PID slots|spread plain|one|both [TYPE:CODEC TYPE:CODEC]",
        ));
    };
    let format = |side: usize| Format::read(formats.get(side).map_or("8:PCMA", String::as_str));
    let (of_a, of_b) = format(0).zip(format(1)).ok_or_else(|| io::Error::other("not TYPE:CODEC"))?;
    let spread = pattern == "spread";
    let seconds: usize = seconds.parse().map_err(io::Error::other)?;
    let (to_a, to_b) = sides(&fs::read_to_string(map)?).ok_or_else(|| io::Error::other("not a map"))?;
    let calls = to_a.len().max(1);
    let mut a = Side::new("127.0.0.10:20000", to_a, protection != "plain", of_a)?;
    let mut b = Side::new("127.0.0.20:20000", to_b, protection == "both", of_b)?;
    let begun = Instant::now();
    let (mut measured_from, mut cpu_before, mut sent_before) = (begun, 0, 0);
    for slot in 0..WARM_UP_SLOTS + 1000 * seconds.min(120) {
        if slot == WARM_UP_SLOTS {
            (measured_from, cpu_before, sent_before) = (Instant::now(), cpu_ns(pid)?, a.sent + b.sent);
        }
        let sequence = (slot / PTIME_SLOTS) as u16;
        let slot_begins = begun + Duration::from_millis(slot as u64);
        let due: Vec<usize> = (slot % PTIME_SLOTS..calls).step_by(PTIME_SLOTS).collect();
        for (index, &call) in due.iter().enumerate() {
            if spread {
                let at = slot_begins + Duration::from_millis(1) * index as u32 / due.len() as u32;
                while Instant::now() < at {
                    a.receive();
                    b.receive();
                }
            }
            // Side B is half a packet's time apart, so that the two ways of a call don't meet.
            a.send(call, sequence);
            b.send((call + PTIME_SLOTS / 2) % calls, sequence);
        }
        a.receive();
        b.receive();
        let slot_ends = slot_begins + Duration::from_millis(1);
        while spread && Instant::now() < slot_ends {
            a.receive();
            b.receive();
        }
        sleep(slot_ends.saturating_duration_since(Instant::now()));
    }
    let cpu = cpu_ns(pid)? - cpu_before;
    let sent = a.sent + b.sent - sent_before;
    let measured = measured_from.elapsed().as_secs_f64();
    sleep(Duration::from_millis(300));
    a.receive();
    b.receive();
    let lost = (a.sent + b.sent).saturating_sub(a.received + b.received);
    println!(
        "{{\"calls\": {calls}, \"packets_per_s\": {:.0}, \"lost\": {lost}, \"cpu_us_per_packet\": {:.3}}}",
        sent as f64 / measured,
        cpu as f64 / 1000.0 / sent as f64,
    );
    Ok(())
}
