//! The ear for digits: a stream of audio in one codec, with events in it.
#![no_main]

use trunkline_media::ear::Ear;
use trunkline_media::ear::tones::Hearing;

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    let Some((&choice, stream)) = data.split_first() else {
        return;
    };
    let mut ear = Ear::default();
    for (place, (header, payload)) in trunkline_fuzz::rtp(stream).enumerate() {
        let now = 20_000 * place as u64;
        ear.expire(now, &mut |_| ());
        if header.payload_type == 101 {
            ear.hear_event(&header, payload, 8000, now, &mut |_| ());
        } else {
            ear.miss_events(&header, 8000, now, &mut |_| ());
            if let Hearing::Digits(pressed) =
                ear.tones.hear(trunkline_fuzz::codec(choice), &header, payload, now)
            {
                assert!(!pressed.is_empty());
                for pressed in pressed {
                    let (event, _) = pressed.as_event(&header, 8000);
                    assert_eq!(event.sequence, header.sequence);
                }
            }
        }
    }
});
