//! The six audio codecs of the service, pure: no thread, no clock, no socket.
//!
//! [`Codec`] names them; [`Decoder`] and [`Encoder`] are what each of them does, on linear 16-bit mono samples and whole RTP
//! payloads; [`Resampler`] leads between the 8 kHz of the narrowband ones and the 16 kHz of G.722 and Speex. Nothing here
//! knows of packets, loss, order or time: the transcoder says which stretch is lost, and a decoder fills it.
//!
//! * [`g711`], [`g722`]: our own, bit-exact with the ITU-T's vectors; [`ilbc`]: our own, after the reference code of RFC 3951;
//!   [`g729`]: the crate `g729-sys`; [`speex`]: the reference library;
//! * [`concealment`]: waveform repetition for the codecs that have no concealment of their own; [`fade`]: an end to that of
//!   those that have;
//! * [`resampler`]: a half-band filter.
//!
//! A payload is foreign bytes: a decoder returns an error or what whole frames there are, and never panics. Nothing is allocated
//! after a codec has been made.
#![deny(unsafe_code)]

mod codec;
pub mod concealment;
mod error;
pub mod fade;
pub mod g711;
pub mod g722;
pub mod g729;
pub mod ilbc;
pub mod resampler;
pub mod speex;

pub use codec::Codec;
pub use error::CodecError;
pub use resampler::Resampler;

/// RTP payloads to samples, for one stream.
pub trait Decoder: Send {
    /// Decodes a whole payload, of any number of frames, to the front of `pcm`; how many samples. Octets after the last whole
    /// frame are ignored, but make a payload of iLBC malformed: there they tell of the other mode.
    ///
    /// # Errors
    /// `Malformed` for a payload without a whole frame; `NoRoom` when `pcm` can't hold all of it: nothing is decoded then.
    fn decode(&mut self, payload: &[u8], pcm: &mut [i16]) -> Result<usize, CodecError>;

    /// Puts a whole payload into another codec without samples in between, as decoding and encoding would; how many octets.
    /// `None` where that can't be done, or where the audio is to be changed on its way: decode it then.
    fn recode(&mut self, payload: &[u8], to: Codec, octets: &mut [u8]) -> Option<usize> {
        let _ = (payload, to, octets);
        None
    }

    /// Fills all of `pcm` with what may have been said in a lost stretch, fading out when nothing more comes.
    fn conceal(&mut self, pcm: &mut [i16]);
}

/// Samples to RTP payloads, for one stream.
pub trait Encoder: Send {
    /// Encodes `pcm`, a whole number of frames, to the front of `payload`; how many octets.
    ///
    /// # Errors
    /// `PartFrame` or `NoRoom`: nothing is encoded then.
    fn encode(&mut self, pcm: &[i16], payload: &mut [u8]) -> Result<usize, CodecError>;
}

const fn saturate(value: i32) -> i16 {
    if value > i16::MAX as i32 {
        i16::MAX
    } else if value < i16::MIN as i32 {
        i16::MIN
    } else {
        value as i16
    }
}
