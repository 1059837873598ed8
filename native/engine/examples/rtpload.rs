//! A bounded RTP load for a relay: N calls, 50 packets a second each way, and what the relay's process paid for it.
//!
//!     rtpload MAP SECONDS PID slots|spread plain|one|both
//!
//! MAP has a line per call: the relay's address and port for side A, the same for side B. Side A sends from 127.0.0.10:20000,
//! side B from 127.0.0.20:20000; calls are told apart by the relay's ports. Sending is paced in slots of 1 ms: all at the slot's
//! beginning, or spread evenly over it, as packets of unrelated calls arrive. The last word says whose packets are SRTP:
//! nobody's, side A's, both sides'; the keys are `KEYS`, and what doesn't come authentic counts as lost. The first two
//! seconds are not measured. Prints one line of JSON. The load ends by itself.
#![expect(clippy::print_stdout, reason = "a program")]

use std::fs;
use std::io;
use std::net::{SocketAddr, UdpSocket};
use std::thread::sleep;
use std::time::{Duration, Instant};

use trunkline_media::srtp::{MasterKey, RTP_OVERHEAD, SrtpIn, SrtpOut};

const PTIME_SLOTS: usize = 20;
const WARM_UP_SLOTS: usize = 2000;
const PACKET: usize = 172;
const PCMA: u8 = 8;
/// Every octet of the keys: the relay's, the load's.
const KEYS: [u8; 2] = [1, 2];

struct Side {
    socket: UdpSocket,
    relay: Vec<SocketAddr>,
    /// One for each call, which is also its SSRC; none for plain RTP.
    srtp: Vec<(SrtpOut, SrtpIn)>,
    sent: u64,
    received: u64,
}

impl Side {
    fn new(address: &str, relay: Vec<SocketAddr>, secure: bool) -> io::Result<Self> {
        let socket = UdpSocket::bind(address)?;
        socket.set_nonblocking(true)?;
        rustix::net::sockopt::set_socket_recv_buffer_size(&socket, 4 << 20)?;
        let [theirs, ours] = KEYS.map(|octet| MasterKey::new(&[octet; 30], &[]));
        let (theirs, ours) = theirs.ok().zip(ours.ok()).ok_or_else(|| io::Error::other("no key"))?;
        let calls = if secure { relay.len() } else { 0 };
        let srtp = (0..calls).map(|_| (SrtpOut::new(ours.clone()), SrtpIn::new(theirs.clone()))).collect();
        Ok(Self { socket, relay, srtp, sent: 0, received: 0 })
    }

    fn send(&mut self, call: usize, sequence: u16) {
        let mut packet = [0x55; PACKET + RTP_OVERHEAD];
        packet[..2].copy_from_slice(&[0x80, PCMA]);
        packet[2..4].copy_from_slice(&sequence.to_be_bytes());
        packet[4..8].copy_from_slice(&(u32::from(sequence) * 160).to_be_bytes());
        packet[8..12].copy_from_slice(&(call as u32).to_be_bytes());
        let length = match self.srtp.get_mut(call) {
            Some((out, _)) => out.protect_rtp(&mut packet, PACKET).unwrap_or(0),
            None => PACKET,
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
    let [_, map, seconds, pid, pattern, protection] = &arguments[..] else {
        return Err(io::Error::other("usage: rtpload MAP SECONDS PID slots|spread plain|one|both"));
    };
    let spread = pattern == "spread";
    let seconds: usize = seconds.parse().map_err(io::Error::other)?;
    let (to_a, to_b) = sides(&fs::read_to_string(map)?).ok_or_else(|| io::Error::other("not a map"))?;
    let calls = to_a.len().max(1);
    let mut a = Side::new("127.0.0.10:20000", to_a, protection != "plain")?;
    let mut b = Side::new("127.0.0.20:20000", to_b, protection == "both")?;
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
