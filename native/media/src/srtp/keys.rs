//! Master keys and what is derived from them (RFC 3711 §4.3; RFC 4568 §6.1).

use std::fmt;

use aes::Aes128Enc;
use ctr::cipher::KeyInit;
use zeroize::{Zeroize, ZeroizeOnDrop};

use super::transform::{Transform, key_stream};

/// Octets of a master key and its master salt together.
pub const KEY_AND_SALT_LENGTH: usize = KEY_LENGTH + SALT_LENGTH;
/// Octets that a master key identifier may have (RFC 4568 §6.1).
pub const MAX_MKI_LENGTH: usize = 128;

const KEY_LENGTH: usize = 16;
const SALT_LENGTH: usize = 14;
const AUTHENTICATION_KEY_LENGTH: usize = 20;

/// Labels of §4.3.1 and §4.3.2: encryption, authentication, salt; SRTCP's are three higher.
const SRTP_LABEL: u8 = 0;
const SRTCP_LABEL: u8 = 3;

/// Octets that can't be a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UnusableKey;

/// A master key with its salt, and the identifier that packets protected with it carry.
#[derive(Clone, PartialEq, Eq, Zeroize, ZeroizeOnDrop)]
pub struct MasterKey {
    key_and_salt: [u8; KEY_AND_SALT_LENGTH],
    mki: Vec<u8>,
}

impl MasterKey {
    /// `key_and_salt` are 16 octets of key, then 14 of salt; `mki` is empty where packets carry none.
    ///
    /// # Errors
    /// [`UnusableKey`] when one of them has an impossible length.
    pub fn new(key_and_salt: &[u8], mki: &[u8]) -> Result<Self, UnusableKey> {
        if mki.len() > MAX_MKI_LENGTH {
            return Err(UnusableKey);
        }
        Ok(Self { key_and_salt: key_and_salt.try_into().map_err(|_| UnusableKey)?, mki: mki.to_vec() })
    }

    /// The identifier.
    pub(super) fn mki(&self) -> &[u8] {
        &self.mki
    }

    /// What protects RTP, and what protects RTCP.
    pub(super) fn derive(&self) -> (Transform, Transform) {
        (self.transform(SRTP_LABEL), self.transform(SRTCP_LABEL))
    }

    fn transform(&self, label: u8) -> Transform {
        let mut key = [0; KEY_LENGTH];
        let mut authentication = [0; AUTHENTICATION_KEY_LENGTH];
        let mut salt = [0; SALT_LENGTH];
        self.fill(label, &mut key);
        self.fill(label + 1, &mut authentication);
        self.fill(label + 2, &mut salt);
        let transform = Transform::new(&key, &authentication, &salt);
        key.zeroize();
        authentication.zeroize();
        salt.zeroize();
        transform
    }

    /// The pseudo-random function of §4.3.3 for a key derivation rate of zero: AES in counter mode from the salt with the
    /// label in its seventh octet from the end.
    fn fill(&self, label: u8, output: &mut [u8]) {
        let (key, salt) = self.key_and_salt.split_at(KEY_LENGTH);
        let mut block = [0; 16];
        block[..SALT_LENGTH].copy_from_slice(salt);
        block[SALT_LENGTH - 7] ^= label;
        let mut key: [u8; KEY_LENGTH] = key.try_into().expect("a part of its very length");
        let cipher = Aes128Enc::new(&key.into());
        output.fill(0);
        key_stream(&cipher, block, output);
        key.zeroize();
        block.zeroize();
    }
}

impl fmt::Debug for MasterKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("MasterKey(..)")
    }
}

/// The keys of both ways.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SrtpKeys {
    /// Ours: protects what goes to the peer.
    pub send: MasterKey,
    /// The peer's: protects what comes from it.
    pub receive: MasterKey,
    /// Packets that the peer's key serves (RFC 4568 §6.1), at most [`LONGEST_LIFETIME`](super::LONGEST_LIFETIME).
    pub receive_lifetime: u64,
}

#[cfg(test)]
mod tests {
    use super::super::hex;
    use super::*;

    /// RFC 3711 B.3.
    const MASTER: &str = "E1F97A0D3E018BE0D64FA32C06DE4139 0EC675AD498AFEEBB6960B3AABE6";

    #[test]
    fn session_keys_are_those_of_rfc_3711_b_3() {
        let master = MasterKey::new(&hex(MASTER), &[]).unwrap();
        let mut key = [0; 16];
        master.fill(0, &mut key);
        assert_eq!(key[..], hex("C61E7A93744F39EE10734AFE3FF7A087"));
        let mut salt = [0; 14];
        master.fill(2, &mut salt);
        assert_eq!(salt[..], hex("30CBBC08863D8C85D49DB34A9AE1"));
        let mut authentication = [0; 94];
        master.fill(1, &mut authentication);
        let wanted = "CEBE321F6FF7716B6FD4AB49AF256A15 6D38BAA48F0A0ACF3C34E2359E6CDBCE \
                      E049646C43D9327AD175578EF7227098 6371C10C9A369AC2F94A8C5FBCDDDC25 \
                      6D6E919A48B610EF17C2041E47403576 6B68642C59BBFC2F34DB60DBDFB2";
        assert_eq!(authentication[..], hex(wanted));
    }

    #[test]
    fn only_octets_of_the_right_length_are_a_key() {
        assert!(MasterKey::new(&[0; 30], &[]).is_ok());
        assert!(MasterKey::new(&[0; 30], &[0; MAX_MKI_LENGTH]).is_ok());
        assert_eq!(MasterKey::new(&[0; 29], &[]), Err(UnusableKey));
        assert_eq!(MasterKey::new(&[0; 31], &[]), Err(UnusableKey));
        assert_eq!(MasterKey::new(&[0; 30], &[0; MAX_MKI_LENGTH + 1]), Err(UnusableKey));
    }

    #[test]
    fn a_key_is_never_printed() {
        let master = MasterKey::new(&[0xab; 30], &[0xcd]).unwrap();
        let keys = SrtpKeys { send: master.clone(), receive: master, receive_lifetime: 9 };
        assert_eq!(
            format!("{keys:?}"),
            "SrtpKeys { send: MasterKey(..), receive: MasterKey(..), receive_lifetime: 9 }"
        );
    }

    #[test]
    fn a_key_that_is_wiped_is_gone() {
        let mut master = MasterKey::new(&[0xab; 30], &[0xcd]).unwrap();
        master.zeroize();
        assert_eq!(master.key_and_salt, [0; 30]);
        assert!(master.mki.is_empty());
    }
}
