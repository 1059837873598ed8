//! How many whole frames a payload holds, by the layout of the bit stream (Speex manual, tables 9.1 and 10.1).
//!
//! The library decodes without it; but it writes a line to standard error for every frame that can't be, and a peer must
//! not be able to fill a disk by that. In-band requests end the payload: they ask for nothing that we do.

/// Bits of a narrowband frame by its mode, the wideband flag and the mode itself among them.
const NARROW: [usize; 9] = [5, 43, 119, 160, 220, 300, 364, 492, 79];
/// Bits of the wideband layer by its mode, likewise.
const WIDE: [usize; 5] = [4, 36, 112, 192, 352];

/// Frames that may be decoded: up to the end, a terminator, a request, or something impossible.
pub(super) fn count(payload: &[u8]) -> usize {
    let bits = 8 * payload.len();
    let (mut at, mut frames) = (0, 0);
    while at + 5 <= bits {
        let mode = read(payload, at, 5);
        let Some(&narrow) = NARROW.get(mode) else {
            break;
        };
        at += narrow;
        if at + 4 <= bits && read(payload, at, 1) == 1 {
            let Some(&wide) = WIDE.get(read(payload, at + 1, 3)) else {
                break;
            };
            at += wide;
        }
        if at > bits {
            break;
        }
        frames += 1;
    }
    frames
}

/// `count` bits at bit `at`, most significant first.
fn read(payload: &[u8], at: usize, count: usize) -> usize {
    (at..at + count).fold(0, |value, bit| value << 1 | usize::from(payload[bit / 8] >> (7 - bit % 8) & 1))
}

#[cfg(test)]
mod tests {
    use super::count;

    #[test]
    fn counts_whole_frames_only() {
        assert_eq!(count(&[]), 0);
        assert_eq!(count(&[0b0000_0100]), 1, "silence of five bits, then too few for another");
        assert_eq!(count(&[0b0111_1000; 4]), 0, "a terminator");
        assert_eq!(count(&[0b0100_1000; 40]), 0, "no such mode");
        assert_eq!(count(&[0b1001_0000; 40]), 0, "a layer without its frame");
        assert_eq!(count(&[0b0011_1000; 61]), 0, "cut short");
    }
}
