//! What tests of the engine share: its settings, peers with sockets on loopback, and its events.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use trunkline_engine::{Engine, Event, Settings};

/// An address of the tests' own, and ports below those that the system hands out.
pub(crate) const HOST: Ipv4Addr = Ipv4Addr::new(127, 0, 7, 1);
/// Long enough for a loaded machine, never waited for in vain.
pub(crate) const PATIENCE: Duration = Duration::from_secs(10);

/// Each test has ports of its own.
pub(crate) fn settings(port_min: u16, pairs: u16) -> Settings {
    Settings {
        port_min,
        port_max: port_min + 2 * pairs - 1,
        bind_v4: Some(HOST),
        allow_loopback: true,
        drain: Duration::from_millis(50),
        ..Settings::default()
    }
}

pub(crate) struct Peer(pub(crate) UdpSocket);

impl Peer {
    pub(crate) fn at(address: &str) -> Self {
        let socket = UdpSocket::bind((address, 0)).unwrap();
        socket.set_read_timeout(Some(PATIENCE)).unwrap();
        Self(socket)
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.0.local_addr().unwrap()
    }

    pub(crate) fn say(&self, port: u16, bytes: &[u8]) {
        let host: IpAddr = if self.address().is_ipv6() { Ipv6Addr::LOCALHOST.into() } else { HOST.into() };
        self.0.send_to(bytes, (host, port)).unwrap();
    }

    pub(crate) fn hear(&self) -> Vec<u8> {
        let mut buffer = [0; 2048];
        let (length, _) = self.0.recv_from(&mut buffer).expect("a packet");
        buffer[..length].to_vec()
    }
}

pub(crate) fn next_event(engine: &Engine) -> Event {
    let deadline = Instant::now() + PATIENCE;
    let fd = engine.event_fd();
    let mut fds = [PollFd::new(&fd, PollFlags::IN)];
    let wait = Timespec { tv_sec: 10, tv_nsec: 0 };
    while Instant::now() < deadline {
        poll(&mut fds, Some(&wait)).unwrap();
        if let Some(event) = engine.drain_events().first() {
            return *event;
        }
    }
    panic!("no event");
}

/// Waits until the engine's thread has got there.
pub(crate) fn eventually(what: impl Fn() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !what() {
        assert!(Instant::now() < deadline, "never happened");
        std::thread::yield_now();
    }
}
