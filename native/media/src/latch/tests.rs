use super::*;
use crate::rtp::write_header;

const PTIME: Micros = 20_000;

fn at(text: &str) -> SocketAddr {
    text.parse().unwrap()
}

fn header(ssrc: u32, sequence: u16) -> Header {
    let mut packet = [0; 12];
    write_header(&mut packet, false, 0, sequence, 0, ssrc);
    Header::parse(&packet).unwrap()
}

fn latch(signalled: &str, from: Option<&str>) -> Latch {
    let mut latch = Latch::default();
    latch.expect(Expectation {
        signalled: at(signalled),
        signalled_from: from.map(|from| from.parse().unwrap()),
    });
    latch
}

/// Sends `count` packets in sequence, 20 ms apart; how many were believed.
fn stream(latch: &mut Latch, source: &str, ssrc: u32, start: Micros, count: u16) -> usize {
    (0..count).filter(|&n| latch.judge(at(source), &header(ssrc, n), start + PTIME * Micros::from(n))).count()
}

#[test]
fn nothing_is_believed_before_signalling_named_a_peer() {
    let mut latch = Latch::default();
    assert_eq!(stream(&mut latch, "198.51.100.1:4000", 1, 0, 500), 0);
}

#[test]
fn the_signalled_address_is_believed_at_once_and_for_good() {
    let mut latch = latch("198.51.100.1:4000", None);
    assert!(latch.judge(at("198.51.100.1:4000"), &header(1, 1), 0));
    assert!(latch.is_final());
    assert_eq!(stream(&mut latch, "203.0.113.9:4000", 2, 0, 500), 0);
    assert_eq!(stream(&mut latch, "198.51.100.1:4002", 2, 0, 500), 0);
    assert_eq!(latch.source(), Some(at("198.51.100.1:4000")));
}

#[test]
fn another_port_of_the_right_host_settles() {
    let mut latch = latch("198.51.100.1:4000", None);
    assert_eq!(stream(&mut latch, "198.51.100.1:5000", 1, 0, 49), 49);
    assert!(!latch.is_final());
    assert_eq!(stream(&mut latch, "198.51.100.1:6000", 2, 0, 10), 0, "no better than the one held");
    assert_eq!(stream(&mut latch, "198.51.100.1:5000", 1, 0, 1), 1);
    assert!(latch.is_final());
    assert!(!latch.judge(at("198.51.100.1:4000"), &header(3, 1), 0), "too late");
}

#[test]
fn the_signalled_port_takes_over_while_settling() {
    let mut latch = latch("198.51.100.1:4000", None);
    assert_eq!(stream(&mut latch, "198.51.100.1:5000", 1, 0, 10), 10);
    assert!(latch.judge(at("198.51.100.1:4000"), &header(2, 1), 0));
    assert_eq!(latch.source(), Some(at("198.51.100.1:4000")));
    assert_eq!(stream(&mut latch, "198.51.100.1:5000", 1, 0, 10), 0);
}

#[test]
fn a_peer_behind_nat_is_believed_where_its_signalling_comes_from() {
    let mut latch = latch("192.168.1.7:4000", Some("203.0.113.5"));
    assert!(latch.judge(at("203.0.113.5:61000"), &header(1, 1), 0));
    assert_eq!(latch.source(), Some(at("203.0.113.5:61000")));
}

#[test]
fn a_peer_behind_nat_with_another_media_address_needs_five_packets() {
    let mut latch = latch("192.168.1.7:4000", Some("203.0.113.5"));
    assert_eq!(stream(&mut latch, "203.0.113.6:61000", 1, 0, 4), 0);
    assert!(latch.judge(at("203.0.113.6:61000"), &header(1, 4), 4 * PTIME));
    assert_eq!(stream(&mut latch, "203.0.113.7:61000", 1, 0, 500), 0, "another stranger is too late");
    assert!(latch.judge(at("203.0.113.5:7000"), &header(9, 1), 5 * PTIME), "signalling's host is better");
}

#[test]
fn a_stranger_needs_a_real_stream() {
    let mut latch = latch("198.51.100.1:4000", Some("198.51.100.2"));
    assert_eq!(stream(&mut latch, "203.0.113.9:4000", 1, 0, 100), 0, "100 packets but less than 2 s");
    assert!(latch.judge(at("203.0.113.9:4000"), &header(1, 100), 100 * PTIME));
    assert!(!latch.is_final());
    assert!(latch.judge(at("198.51.100.1:4000"), &header(7, 1), 101 * PTIME), "the peer takes its place");
    assert!(latch.is_final());
}

#[test]
fn a_sprayed_burst_convinces_nobody() {
    for (signalled, from) in [("198.51.100.1:4000", None), ("192.168.1.7:4000", Some("203.0.113.5"))] {
        let mut latch = latch(signalled, from);
        for n in 0..2000u16 {
            assert!(!latch.judge(at("203.0.113.9:4000"), &header(1, n), Micros::from(n)));
        }
    }
    let mut swept = super::tests::latch("192.168.1.7:4000", Some("203.0.113.5"));
    for n in 0..2000u16 {
        let sweep = Micros::from(n / 4);
        assert!(!swept.judge(
            at("203.0.113.9:4000"),
            &header(1, n),
            sweep * CANDIDATE_QUIET_US + Micros::from(n)
        ));
    }
    let mut repeated = super::tests::latch("192.168.1.7:4000", Some("203.0.113.5"));
    for n in 0..2000u16 {
        assert!(!repeated.judge(at("203.0.113.9:4000"), &header(1, 7), PTIME * Micros::from(n)), "one probe");
        assert!(!repeated.judge(at("203.0.113.9:4000"), &header(u32::from(n), n), PTIME * Micros::from(n)));
    }
}

/// Bursts of eight in sequence, one for each sweep over all ports; how many were believed.
fn swept(latch: &mut Latch, every: Micros, sweeps: u16) -> usize {
    (0..8 * sweeps)
        .filter(|&n| {
            let now = Micros::from(n / 8) * every + Micros::from(n % 8);
            latch.judge(at("203.0.113.9:4000"), &header(1, n), now)
        })
        .count()
}

#[test]
fn bursts_convince_nobody_however_fast_they_are_repeated() {
    for (signalled, from) in [("198.51.100.1:4000", None), ("192.168.1.7:4000", Some("203.0.113.5"))] {
        for every in [2_000, 10_000, 50_000, 100_000, 190_000] {
            assert_eq!(swept(&mut latch(signalled, from), every, 1000), 0, "{signalled}, every {every} us");
        }
    }
}

#[test]
fn who_sprays_does_not_keep_a_peer_behind_nat_out() {
    let mut latch = latch("192.168.1.7:4000", Some("203.0.113.5"));
    let mut believed = 0;
    for n in 0..100u16 {
        let now = PTIME * Micros::from(n);
        for step in 0..8 {
            let sprayed = header(1, 8 * n + step);
            assert!(!latch.judge(at("203.0.113.9:4000"), &sprayed, now + Micros::from(step)));
        }
        believed += usize::from(latch.judge(at("203.0.113.6:61000"), &header(2, n), now + 9_000));
    }
    assert_eq!(believed, 96);
}

#[test]
fn a_peer_behind_nat_whose_packets_come_in_pairs_is_believed() {
    let mut latch = latch("192.168.1.7:4000", Some("203.0.113.5"));
    let believed = (0..20u16)
        .filter(|&n| latch.judge(at("203.0.113.6:61000"), &header(1, n), Micros::from(n / 2) * 2 * PTIME))
        .count();
    assert!(believed >= 10, "{believed}");
}

#[test]
fn noise_from_elsewhere_does_not_keep_a_peer_behind_nat_out() {
    let mut latch = latch("192.168.1.7:4000", Some("203.0.113.5"));
    let mut believed = 0;
    for n in 0..10u16 {
        let now = PTIME * Micros::from(n);
        believed += usize::from(latch.judge(at("203.0.113.6:61000"), &header(1, n), now));
        assert!(!latch.judge(at("192.0.2.66:9"), &header(n.into(), 1), now + 1));
    }
    assert_eq!(believed, 6);
}

/// Whether a stranger is believed with its last packet, 20 ms after each other, by numbers.
fn convinces(sequences: &[u16]) -> bool {
    let mut latch = latch("192.168.1.7:4000", Some("203.0.113.5"));
    let mut now = 0;
    sequences.iter().fold(false, |_, &sequence| {
        now += PTIME;
        latch.judge(at("203.0.113.6:61000"), &header(1, sequence), now)
    })
}

#[test]
fn a_stranger_that_leaps_begins_anew_and_a_gap_is_held_against_it() {
    assert!(convinces(&[7, 17 + 7, 18 + 7, 19 + 7, 20 + 7, 21 + 7]), "anew from the second on");
    assert!(!convinces(&[7, 16 + 7, 17 + 7, 18 + 7, 19 + 7, 20 + 7]), "six of twenty");
    assert!(convinces(&[0, 3, 5, 7, 9]) && !convinces(&[0, 3, 5, 7, 10]), "half of its stream at least");
    assert!(!convinces(&[0, 1, 2, 3, 1000]) && !convinces(&[4, 3, 2, 1, 0]) && !convinces(&[5; 5]));
}

#[test]
fn nobody_finishes_what_another_has_begun() {
    let mut latch = latch("192.168.1.7:4000", Some("203.0.113.5"));
    assert_eq!(stream(&mut latch, "203.0.113.6:61000", 1, 0, 4), 0);
    assert!(!latch.judge(at("203.0.113.66:61000"), &header(1, 4), 4 * PTIME));
    assert!(latch.clone().judge(at("203.0.113.6:61000"), &header(1, 4), 4 * PTIME));
    assert!(!latch.judge(at("203.0.113.6:61000"), &header(2, 4), 4 * PTIME), "nor with another source's");
}

#[test]
fn a_re_invite_to_another_address_opens_the_latch() {
    let mut latch = latch("198.51.100.1:4000", None);
    assert!(latch.judge(at("198.51.100.1:4000"), &header(1, 1), 0));
    let same = Expectation { signalled: at("198.51.100.1:4000"), signalled_from: None };
    assert!(!latch.expect(same));
    assert!(latch.is_final());
    let other = Expectation { signalled: at("198.51.100.3:4000"), signalled_from: None };
    assert!(latch.expect(other));
    assert_eq!(latch.source(), None);
    assert!(!latch.judge(at("198.51.100.1:4000"), &header(1, 2), 0));
    assert!(latch.judge(at("198.51.100.3:4000"), &header(1, 3), 0));
}

#[test]
fn what_is_late_from_before_a_re_invite_keeps_nobody_out() {
    for (from, before, late, new) in [
        ("192.168.1.7:4000", "203.0.113.5:61000", 1, "203.0.113.5:61002"),
        ("192.168.1.7:4000", "203.0.113.5:61000", 60, "203.0.113.5:61002"),
        ("203.0.113.5:4000", "203.0.113.5:4000", 60, "203.0.113.5:5000"),
        ("203.0.113.5:4000", "203.0.113.5:61000", 60, "203.0.113.5:61002"),
    ] {
        let mut latch = latch(from, Some("203.0.113.5"));
        assert_eq!(stream(&mut latch, before, 1, 0, 60), 60);
        let (host, _) = from.split_once(':').unwrap();
        assert!(once_more(&mut latch, &format!("{host}:5000"), "203.0.113.5"));
        assert_eq!(stream(&mut latch, before, 1, 60 * PTIME, late), late.into(), "{before}");
        assert!(!latch.is_final());
        assert_eq!(stream(&mut latch, new, 2, 120 * PTIME, 60), 60, "{new}");
        assert!(latch.is_final());
        assert_eq!(stream(&mut latch, before, 1, 180 * PTIME, 60), 0);
    }
}

#[test]
fn a_peer_that_sends_from_where_it_did_before_is_heard_whatever_a_re_invite_named() {
    let mut latch = latch("192.168.1.7:4000", Some("203.0.113.5"));
    assert_eq!(stream(&mut latch, "203.0.113.5:61000", 1, 0, 60), 60);
    assert!(once_more(&mut latch, "192.168.1.7:5000", "203.0.113.5"));
    assert_eq!(stream(&mut latch, "203.0.113.5:61000", 1, 60 * PTIME, 500), 500);
    assert_eq!(stream(&mut latch, "198.51.100.9:4000", 2, 60 * PTIME, 500), 0);
}

/// A re-INVITE with a description; whether the source may be another one after it.
fn once_more(latch: &mut Latch, signalled: &str, from: &str) -> bool {
    latch.expect(Expectation { signalled: at(signalled), signalled_from: Some(from.parse().unwrap()) })
}

#[test]
fn a_peer_behind_nat_that_has_moved_is_believed_where_its_re_invite_came_from() {
    let mut latch = latch("192.168.1.7:4000", Some("203.0.113.5"));
    assert_eq!(stream(&mut latch, "203.0.113.5:61000", 1, 0, 60), 60);
    assert!(!latch.judge(at("203.0.113.77:5000"), &header(1, 60), 60 * PTIME), "not without a re-INVITE");
    assert!(once_more(&mut latch, "192.168.1.7:4000", "203.0.113.77"));
    assert_eq!(latch.source(), Some(at("203.0.113.5:61000")), "until it is heard elsewhere");
    assert!(latch.judge(at("203.0.113.77:5000"), &header(1, 61), 61 * PTIME));
    assert_eq!(stream(&mut latch, "203.0.113.5:61000", 9, 62 * PTIME, 500), 0);
    assert_eq!(latch.source(), Some(at("203.0.113.77:5000")));
}

#[test]
fn a_peer_whose_nat_has_forgotten_it_on_hold_is_believed_at_another_port_after_a_re_invite() {
    let held = 100 * 1_000_000;
    for (signalled, source, moved) in [
        ("192.168.1.7:4000", "203.0.113.5:61000", "203.0.113.5:1024"),
        ("203.0.113.5:4000", "203.0.113.5:61000", "203.0.113.5:1024"),
    ] {
        let mut latch = latch(signalled, Some("203.0.113.5"));
        assert_eq!(stream(&mut latch, source, 1, 0, 60), 60);
        assert_eq!(stream(&mut latch, moved, 1, held, 500), 0, "not without a re-INVITE");
        once_more(&mut latch, signalled, "203.0.113.5");
        assert_eq!(stream(&mut latch, moved, 1, 2 * held, 60), 56, "from {moved}");
        assert_eq!(stream(&mut latch, source, 1, 3 * held, 500), 0, "only once");
    }
}

#[test]
fn a_re_invite_makes_no_room_for_others_beside_a_peer_that_is_heard() {
    let mut latch = latch("192.168.1.7:4000", Some("203.0.113.5"));
    assert_eq!(stream(&mut latch, "203.0.113.5:61000", 1, 0, 60), 60);
    assert!(once_more(&mut latch, "192.168.1.7:4000", "203.0.113.5"));
    for n in 0..500 {
        let now = (100 + Micros::from(n)) * PTIME;
        assert!(latch.judge(at("203.0.113.5:61000"), &header(1, 60 + n), now));
        for other in ["203.0.113.5:1024", "198.51.100.9:4000"] {
            assert!(!latch.judge(at(other), &header(2, n), now + 1));
        }
    }
    assert!(latch.is_final());
}

#[test]
fn after_a_re_invite_strangers_do_not_take_the_place_of_a_peer_on_hold() {
    for (signalled, source) in [
        ("192.168.1.7:4000", "203.0.113.5:61000"),
        ("203.0.113.5:4000", "203.0.113.5:61000"),
        ("203.0.113.5:4000", "203.0.113.5:4000"),
        ("192.168.1.7:4000", "203.0.113.6:61000"),
    ] {
        let mut latch = latch(signalled, Some("203.0.113.5"));
        assert!(stream(&mut latch, source, 1, 0, 60) > 50);
        once_more(&mut latch, signalled, "203.0.113.5");
        assert_eq!(stream(&mut latch, "198.51.100.9:4000", 2, 100 * PTIME, 500), 0);
        assert_eq!(latch.source(), Some(at(source)));
    }
}

#[test]
fn rtcp_follows_the_latched_host() {
    let mut latch = latch("198.51.100.1:4000", Some("203.0.113.5"));
    assert!(latch.trusts_host("198.51.100.1".parse().unwrap()));
    assert!(latch.trusts_host("203.0.113.5".parse().unwrap()));
    assert!(!latch.trusts_host("203.0.113.9".parse().unwrap()));
    assert!(latch.judge(at("203.0.113.5:61000"), &header(1, 1), 0));
    assert!(!latch.trusts_host("198.51.100.1".parse().unwrap()));
    assert!(latch.trusts_host("203.0.113.5".parse().unwrap()));
}
