//! The cipher and the tag of the suite (RFC 3711 §4.1.1, §4.2.1).

use std::fmt;

use aes::Aes128Enc;
use ctr::cipher::{InnerIvInit, KeyInit, StreamCipherCore};
use ctr::{CtrCore, flavors::Ctr128BE};
use hmac::{Hmac, Mac};
use sha1::Sha1;

/// Octets of the authentication tag: 80 bits.
pub(super) const TAG_LENGTH: usize = 10;

/// Session keys at work: RTP's, or RTCP's. Their memory is wiped by the crates that hold them.
#[repr(C)]
pub(super) struct Transform {
    /// The salt, shifted left by 16 bits (§4.1.1).
    salt: u128,
    mac: Hmac<Sha1>,
    /// Last, since a processor with instructions for AES needs its beginning only.
    cipher: Aes128Enc,
}

impl Transform {
    /// With session keys.
    pub(super) fn new(key: &[u8; 16], authentication: &[u8; 20], salt: &[u8; 14]) -> Self {
        let mut shifted = [0; 16];
        shifted[..14].copy_from_slice(salt);
        Self {
            cipher: Aes128Enc::new(key.into()),
            mac: Hmac::new_from_slice(authentication).expect("HMAC takes keys of any length"),
            salt: u128::from_be_bytes(shifted),
        }
    }

    /// Encrypts or decrypts `data`, which is what packet `index` of `ssrc` protects: of 48 bits for RTP, of 31 for RTCP.
    pub(super) fn apply(&self, ssrc: u32, index: u64, data: &mut [u8]) {
        let block = self.salt ^ u128::from(ssrc) << 64 ^ u128::from(index) << 16;
        key_stream(&self.cipher, block.to_be_bytes(), data);
    }

    /// Begins a tag over `authenticated`.
    pub(super) fn authenticate(&self, authenticated: &[u8]) -> Tag {
        Tag(self.mac.clone().chain_update(authenticated))
    }
}

/// Adds the key stream that begins at `block` to `data` (§4.1.1).
pub(super) fn key_stream(cipher: &Aes128Enc, block: [u8; 16], data: &mut [u8]) {
    CtrCore::<_, Ctr128BE>::inner_iv_init(cipher, &block.into()).apply_keystream_partial(data.into());
}

impl Drop for Transform {
    fn drop(&mut self) {
        zeroize::Zeroize::zeroize(&mut self.salt);
    }
}

impl fmt::Debug for Transform {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Transform(..)")
    }
}

/// A tag under way.
#[derive(Clone)]
pub(super) struct Tag(Hmac<Sha1>);

impl Tag {
    /// Adds what is authenticated but not sent: the rollover counter (§4.2).
    pub(super) fn with(self, rollover: u32) -> Self {
        Self(self.0.chain_update(rollover.to_be_bytes()))
    }

    /// Writes it to `place`, of [`TAG_LENGTH`].
    pub(super) fn write(self, place: &mut [u8]) {
        place.copy_from_slice(&self.0.finalize().into_bytes()[..TAG_LENGTH]);
    }

    /// Says whether `tag` is it, in a time that doesn't depend on how much of it is right.
    pub(super) fn is(self, tag: &[u8]) -> bool {
        self.0.verify_truncated_left(tag).is_ok()
    }
}

#[cfg(test)]
mod tests {
    use super::super::hex;
    use super::*;

    #[test]
    fn the_key_stream_is_that_of_rfc_3711_b_2() {
        let key: [u8; 16] = hex("2B7E151628AED2A6ABF7158809CF4F3C").try_into().unwrap();
        let salt: [u8; 14] = hex("F0F1F2F3F4F5F6F7F8F9FAFBFCFD").try_into().unwrap();
        let transform = Transform::new(&key, &[0; 20], &salt);
        let mut stream = vec![0; 0xff02 * 16];
        transform.apply(0, 0, &mut stream);
        assert_eq!(
            stream[..48],
            hex("E03EAD0935C95E80E166B16DD92B4EB4 D23513162B02D0F72A43A2FE4A5F97AB \
                 41E95B3BB0A2E8DD477901E4FCA894C0")
        );
        assert_eq!(
            stream[0xfeff * 16..],
            hex("EC8CDF7398607CB0F2D21675EA9EA1E4 362B7C3C6773516318A077D7FC5073AE \
                 6A2CC3787889374FBEB4C81B17BA6C44")
        );
    }

    #[test]
    fn the_tag_is_hmac_sha1_cut_to_80_bits() {
        // RFC 2202, test case 1, whose data is "Hi There": its last four octets stand for the rollover counter.
        let transform = Transform::new(&[0; 16], &[0x0b; 20], &[0; 14]);
        let mut tag = [0; TAG_LENGTH];
        transform.authenticate(b"Hi T").with(u32::from_be_bytes(*b"here")).write(&mut tag);
        assert_eq!(tag[..], hex("b617318655057264e28b"));
        assert!(transform.authenticate(b"Hi There").is(&tag));
        assert!(!transform.authenticate(b"Hi there").is(&tag));
    }
}
