//! The few functions of the reference library that are used, and what makes them safe: each state is owned by one value, of
//! the mode that its frames are sized for, and freed with it.

#![expect(unsafe_code, reason = "the reference library is C")]

use std::ffi::{c_char, c_int, c_void};
use std::ptr::{NonNull, null_mut};

use super::FRAME_SAMPLES;

const WIDEBAND: c_int = 1;
const SET_ENHANCER: c_int = 0;
const GET_FRAME_SIZE: c_int = 3;
const SET_QUALITY: c_int = 4;
const SET_COMPLEXITY: c_int = 16;

#[repr(C)]
struct SpeexMode {
    _opaque: [u8; 0],
}

/// `SpeexBits` of speex_bits.h.
#[repr(C)]
struct SpeexBits {
    chars: *mut c_char,
    bit_count: c_int,
    char_index: c_int,
    bit_index: c_int,
    owner: c_int,
    overflow: c_int,
    buffer_size: c_int,
    reserved1: c_int,
    reserved2: *mut c_void,
}

unsafe extern "C" {
    fn speex_lib_get_mode(mode: c_int) -> *const SpeexMode;
    fn speex_encoder_init(mode: *const SpeexMode) -> *mut c_void;
    fn speex_encoder_destroy(state: *mut c_void);
    fn speex_encoder_ctl(state: *mut c_void, request: c_int, value: *mut c_void) -> c_int;
    fn speex_encode_int(state: *mut c_void, pcm: *mut i16, bits: *mut SpeexBits) -> c_int;
    fn speex_decoder_init(mode: *const SpeexMode) -> *mut c_void;
    fn speex_decoder_destroy(state: *mut c_void);
    fn speex_decoder_ctl(state: *mut c_void, request: c_int, value: *mut c_void) -> c_int;
    fn speex_decode_int(state: *mut c_void, bits: *mut SpeexBits, pcm: *mut i16) -> c_int;
    fn speex_bits_init(bits: *mut SpeexBits);
    fn speex_bits_destroy(bits: *mut SpeexBits);
    fn speex_bits_reset(bits: *mut SpeexBits);
    fn speex_bits_read_from(bits: *mut SpeexBits, octets: *const c_char, count: c_int);
    fn speex_bits_write(bits: *mut SpeexBits, octets: *mut c_char, most: c_int) -> c_int;
    fn speex_bits_remaining(bits: *mut SpeexBits) -> c_int;
    fn speex_bits_insert_terminator(bits: *mut SpeexBits);
}

struct Bits(Box<SpeexBits>);

impl Bits {
    fn new() -> Self {
        let mut bits = Box::new(SpeexBits {
            chars: null_mut(),
            bit_count: 0,
            char_index: 0,
            bit_index: 0,
            owner: 0,
            overflow: 0,
            buffer_size: 0,
            reserved1: 0,
            reserved2: null_mut(),
        });
        // SAFETY: initialises every field of a value of this very layout, and allocates its buffer.
        unsafe { speex_bits_init(&raw mut *bits) };
        Self(bits)
    }

    fn raw(&mut self) -> *mut SpeexBits {
        &raw mut *self.0
    }
}

impl Drop for Bits {
    fn drop(&mut self) {
        // SAFETY: initialised in `new`, destroyed once.
        unsafe { speex_bits_destroy(self.raw()) };
    }
}

/// An encoder's state.
pub(super) struct EncoderState {
    state: NonNull<c_void>,
    bits: Bits,
}

// SAFETY: the library keeps no state outside what it hands out, so a state may move to another thread.
unsafe impl Send for EncoderState {}

impl EncoderState {
    /// `None` without memory.
    pub(super) fn new(quality: c_int, complexity: c_int) -> Option<Self> {
        // SAFETY: the mode is one that the library has; it lives as long as the program.
        let state = NonNull::new(unsafe { speex_encoder_init(speex_lib_get_mode(WIDEBAND)) })?;
        let mut encoder = Self { state, bits: Bits::new() };
        encoder.control(SET_QUALITY, quality);
        encoder.control(SET_COMPLEXITY, complexity);
        (encoder.control(GET_FRAME_SIZE, 0) == FRAME_SAMPLES as c_int).then_some(encoder)
    }

    fn control(&mut self, request: c_int, mut value: c_int) -> c_int {
        // SAFETY: each of the requests used reads or writes one int.
        unsafe { speex_encoder_ctl(self.state.as_ptr(), request, (&raw mut value).cast()) };
        value
    }

    /// Begins a payload.
    pub(super) fn begin(&mut self) {
        // SAFETY: the bits are initialised.
        unsafe { speex_bits_reset(self.bits.raw()) };
    }

    /// Adds a frame to it.
    pub(super) fn add(&mut self, frame: &[i16; FRAME_SAMPLES]) {
        // The library works in the samples' place.
        let mut frame = *frame;
        // SAFETY: a frame of this state's size; the bits grow as they must.
        unsafe { speex_encode_int(self.state.as_ptr(), frame.as_mut_ptr(), self.bits.raw()) };
    }

    /// Writes the payload out; how many octets.
    pub(super) fn write(&mut self, payload: &mut [u8]) -> usize {
        let most = c_int::try_from(payload.len()).unwrap_or(c_int::MAX);
        // SAFETY: writes at most that many octets into a slice of that length.
        let count = unsafe {
            speex_bits_insert_terminator(self.bits.raw());
            speex_bits_write(self.bits.raw(), payload.as_mut_ptr().cast(), most)
        };
        usize::try_from(count).unwrap_or(0)
    }
}

impl Drop for EncoderState {
    fn drop(&mut self) {
        // SAFETY: made in `new`, destroyed once.
        unsafe { speex_encoder_destroy(self.state.as_ptr()) };
    }
}

/// A decoder's state.
pub(super) struct DecoderState {
    state: NonNull<c_void>,
    bits: Bits,
}

// SAFETY: as for the encoder's.
unsafe impl Send for DecoderState {}

impl DecoderState {
    /// `None` without memory.
    pub(super) fn new() -> Option<Self> {
        // SAFETY: as for the encoder's.
        let state = NonNull::new(unsafe { speex_decoder_init(speex_lib_get_mode(WIDEBAND)) })?;
        let mut decoder = Self { state, bits: Bits::new() };
        decoder.control(SET_ENHANCER, 1);
        (decoder.control(GET_FRAME_SIZE, 0) == FRAME_SAMPLES as c_int).then_some(decoder)
    }

    fn control(&mut self, request: c_int, mut value: c_int) -> c_int {
        // SAFETY: each of the requests used reads or writes one int.
        unsafe { speex_decoder_ctl(self.state.as_ptr(), request, (&raw mut value).cast()) };
        value
    }

    /// Takes a payload to decode.
    pub(super) fn begin(&mut self, payload: &[u8]) {
        let count = c_int::try_from(payload.len()).unwrap_or(0);
        // SAFETY: copies that many octets of a slice of that length.
        unsafe { speex_bits_read_from(self.bits.raw(), payload.as_ptr().cast(), count) };
    }

    /// Decodes the payload's next frame; false at its end, or when it is corrupt.
    pub(super) fn next(&mut self, frame: &mut [i16; FRAME_SAMPLES]) -> bool {
        // SAFETY: a frame of this state's size.
        unsafe {
            speex_bits_remaining(self.bits.raw()) > 0
                && speex_decode_int(self.state.as_ptr(), self.bits.raw(), frame.as_mut_ptr()) == 0
        }
    }

    /// Makes up a lost frame.
    pub(super) fn conceal(&mut self, frame: &mut [i16; FRAME_SAMPLES]) {
        // SAFETY: no bits mean a lost frame; a frame of this state's size.
        unsafe { speex_decode_int(self.state.as_ptr(), null_mut(), frame.as_mut_ptr()) };
    }
}

impl Drop for DecoderState {
    fn drop(&mut self) {
        // SAFETY: made in `new`, destroyed once.
        unsafe { speex_decoder_destroy(self.state.as_ptr()) };
    }
}
