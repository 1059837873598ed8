//! The few things the engine does with sockets.

use std::net::{IpAddr, SocketAddr};
use std::os::fd::OwnedFd;

use rustix::io::Errno;
use rustix::net::{
    AddressFamily, RecvFlags, SendFlags, SocketFlags, SocketType, bind, connect, connect_unspec, recvfrom,
    send, sendto, socket_with, sockopt,
};

/// The sockets of a port pair; bound as long as they live.
#[derive(Debug)]
pub(crate) struct Pair {
    /// The even port.
    pub rtp: OwnedFd,
    /// The odd one above it.
    pub rtcp: OwnedFd,
}

impl Pair {
    /// Binds `port` and the next one.
    ///
    /// # Errors
    /// The system's: `EADDRINUSE` when another program has one of them.
    pub(crate) fn bind(address: IpAddr, port: u16, dscp: u8) -> Result<Self, Errno> {
        Ok(Self { rtp: bound(address, port, dscp)?, rtcp: bound(address, port + 1, dscp)? })
    }
}

fn bound(address: IpAddr, port: u16, dscp: u8) -> Result<OwnedFd, Errno> {
    let family = if address.is_ipv4() { AddressFamily::INET } else { AddressFamily::INET6 };
    let socket = socket_with(family, SocketType::DGRAM, SocketFlags::NONBLOCK | SocketFlags::CLOEXEC, None)?;
    // Marking is a courtesy to the network: a container that forbids it loses nothing else.
    let class = dscp << 2;
    if address.is_ipv4() {
        let _ = sockopt::set_ip_tos(&socket, class);
    } else {
        sockopt::set_ipv6_v6only(&socket, true)?;
        let _ = sockopt::set_ipv6_tclass(&socket, u32::from(class));
    }
    bind(&socket, &SocketAddr::new(address, port))?;
    Ok(socket)
}

/// Receives a datagram: its true length (which may exceed the buffer) and its source. `None` when there is none, or an
/// error of an earlier send was reported instead.
pub(crate) fn receive(socket: &OwnedFd, buffer: &mut [u8]) -> Option<(usize, SocketAddr)> {
    let (_, length, source) = recvfrom(socket, buffer, RecvFlags::TRUNC).ok()?;
    Some((length, SocketAddr::try_from(source?).ok()?))
}

/// Sends on a connected socket, or else to `destination`; true when it went out.
///
/// `ECONNREFUSED` tells of an ICMP message about an earlier packet, and this one was not sent: once more, then.
pub(crate) fn transmit(socket: &OwnedFd, connected: bool, destination: SocketAddr, packet: &[u8]) -> bool {
    let once = || {
        if connected {
            send(socket, packet, SendFlags::empty())
        } else {
            sendto(socket, packet, SendFlags::empty(), &destination)
        }
    };
    match once() {
        Ok(_) => true,
        Err(Errno::CONNREFUSED) => once().is_ok(),
        Err(_) => false,
    }
}

/// Ties a socket to one peer: the kernel drops what others send, and sending skips the route's look-up.
pub(crate) fn tie(socket: &OwnedFd, peer: SocketAddr) -> bool {
    connect(socket, &peer).is_ok()
}

/// Undoes [`tie`]. The port stays bound.
pub(crate) fn untie(socket: &OwnedFd) {
    let _ = connect_unspec(socket);
}

/// True when `address` is one of this machine's: only such can be bound.
#[must_use]
pub(crate) fn is_local(address: IpAddr) -> bool {
    let family = if address.is_ipv4() { AddressFamily::INET } else { AddressFamily::INET6 };
    socket_with(family, SocketType::DGRAM, SocketFlags::CLOEXEC, None)
        .is_ok_and(|socket| bind(&socket, &SocketAddr::new(address, 0)).is_ok())
}

#[cfg(test)]
mod tests {
    use super::*;
    use rustix::net::getsockname;

    const HOST: &str = "127.0.0.1";

    fn socket() -> (OwnedFd, SocketAddr) {
        let socket = bound(HOST.parse().unwrap(), 0, 46).unwrap();
        let address = SocketAddr::try_from(getsockname(&socket).unwrap()).unwrap();
        (socket, address)
    }

    fn wait_receive(socket: &OwnedFd) -> Option<(usize, SocketAddr)> {
        // Loopback delivers within the send.
        receive(socket, &mut [0; 64])
    }

    #[test]
    fn a_tied_socket_hears_its_peer_only_and_stays_bound() {
        let ((ours, our_address), (peer, peer_address), (other, _)) = (socket(), socket(), socket());
        assert!(tie(&ours, peer_address));
        assert!(transmit(&other, false, our_address, b"other"));
        assert_eq!(wait_receive(&ours), None);
        assert!(transmit(&peer, false, our_address, b"peer!"));
        assert_eq!(wait_receive(&ours), Some((5, peer_address)));
        assert!(transmit(&ours, true, peer_address, b"reply"));
        untie(&ours);
        assert_eq!(SocketAddr::try_from(getsockname(&ours).unwrap()).unwrap().port(), our_address.port());
        assert!(transmit(&other, false, our_address, b"other"));
        assert!(wait_receive(&ours).is_some());
    }

    #[test]
    fn a_refused_packet_does_not_take_the_next_one_with_it() {
        let ((ours, our_address), (peer, peer_address)) = (socket(), socket());
        assert!(tie(&ours, peer_address));
        drop(peer);
        assert!(transmit(&ours, true, peer_address, b"into the void"));
        assert!(transmit(&ours, true, peer_address, b"again"));
        assert_eq!(wait_receive(&ours), None);
        assert_eq!(our_address.ip().to_string(), HOST);
    }

    #[test]
    fn the_true_length_of_a_long_datagram_is_told() {
        let ((ours, our_address), (peer, peer_address)) = (socket(), socket());
        assert!(transmit(&peer, false, our_address, &[0; 3000]));
        assert_eq!(wait_receive(&ours), Some((3000, peer_address)));
    }

    #[test]
    fn local_addresses_are_known() {
        assert!(is_local(HOST.parse().unwrap()));
        assert!(!is_local("192.0.2.1".parse().unwrap()));
        assert!(!is_local("2001:db8::1".parse().unwrap()));
    }
}
