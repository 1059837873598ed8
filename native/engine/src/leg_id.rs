//! How legs are named.

/// The name of a leg: never used again within an engine.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LegId {
    /// Its slot.
    pub slot: u32,
    /// Which of the slot's legs.
    pub generation: u32,
}

impl LegId {
    /// As one number.
    #[must_use]
    pub const fn number(self) -> u64 {
        (self.generation as u64) << 32 | self.slot as u64
    }

    /// From the number.
    #[must_use]
    pub const fn from_number(number: u64) -> Self {
        Self { slot: number as u32, generation: (number >> 32) as u32 }
    }
}
