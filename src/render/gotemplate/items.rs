//! [`Items`]: the elements of a slice, and what Go lets a template see of the array behind them.
//!
//! Two things show that a Go slice is a window on an array: `sortAlpha` sorts a `[]string` where it is, so that every
//! holder sees it sorted, and `slice` reaches beyond the length up to the capacity. How large the array is follows from
//! how the list was made: by rule of Go's `append` and of the sizes in which its memory comes.

use std::cell::OnceCell;
use std::ops::Deref;

use super::value::Value;

/// The elements of a slice.
#[derive(Debug, Default)]
pub struct Items {
    values: Vec<Value>,
    /// The same elements in order, once they were sorted in place.
    sorted: OnceCell<Vec<Value>>,
    /// What follows in the array, for a part of a longer slice.
    beyond: Vec<Value>,
    /// Elements of the array; those that are not told are zero.
    capacity: usize,
}

impl Items {
    /// Elements at the start of an array of a given size.
    pub fn with_capacity(values: Vec<Value>, capacity: usize) -> Self {
        Self { capacity: capacity.max(values.len()), values, ..Self::default() }
    }

    /// Elements that were appended one by one to an empty slice.
    pub fn appended(values: Vec<Value>, element: Element) -> Self {
        let mut capacity = 0;
        while capacity < values.len() {
            capacity = grown(capacity, capacity + 1, element);
        }
        Self::with_capacity(values, capacity)
    }

    /// How many elements the array has.
    pub const fn capacity(&self) -> usize {
        self.capacity
    }

    /// A part, which may reach beyond the length; nothing if it reaches beyond the array.
    pub fn part(&self, start: usize, end: usize, zero: &Value) -> Option<Self> {
        if start > end || end > self.capacity {
            return None;
        }
        let known = self.iter().chain(&self.beyond);
        let mut values: Vec<Value> = known.clone().take(end).skip(start).cloned().collect();
        values.resize(end - start, zero.clone());
        let beyond = known.skip(end).cloned().collect();
        Some(Self { values, beyond, capacity: self.capacity - start, sorted: OnceCell::new() })
    }

    /// Puts the elements in another order, for every holder; only once, since what is in order stays so.
    pub fn sort(&self, sorted: Vec<Value>) {
        let _ = self.sorted.set(sorted);
    }
}

impl From<Vec<Value>> for Items {
    /// Elements that fill their array.
    fn from(values: Vec<Value>) -> Self {
        Self { capacity: values.len(), values, ..Self::default() }
    }
}

impl Deref for Items {
    type Target = [Value];

    fn deref(&self) -> &[Value] {
        self.sorted.get().unwrap_or(&self.values)
    }
}

impl<'a> IntoIterator for &'a Items {
    type Item = &'a Value;
    type IntoIter = std::slice::Iter<'a, Value>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

/// What the elements of an array are in memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Element {
    /// Two words with pointers: `interface {}` and `string`.
    Pair,
    /// A word without pointers: `int`.
    Word,
}

/// The sizes in bytes of Go's small pieces of memory.
const SIZE_CLASSES: [usize; 67] = [
    8, 16, 24, 32, 48, 64, 80, 96, 112, 128, 144, 160, 176, 192, 208, 224, 240, 256, 288, 320, 352, 384, 416, 448, 480,
    512, 576, 640, 704, 768, 896, 1024, 1152, 1280, 1408, 1536, 1792, 2048, 2304, 2688, 3072, 3200, 3456, 4096, 4864,
    5376, 6144, 6528, 6784, 6912, 8192, 9472, 9728, 10240, 10880, 12288, 13568, 14336, 16384, 18432, 19072, 20480,
    21760, 24576, 27264, 28672, 32768,
];

/// Elements of the array that `append` makes when one of `capacity` elements is too small for `length` of them.
pub fn grown(capacity: usize, length: usize, element: Element) -> usize {
    const PAGE: usize = 8192;
    /// Pieces with pointers that are larger than this have a header.
    const HEADER_FROM: usize = 512;
    let mut wanted = capacity;
    if length > capacity * 2 {
        wanted = length;
    } else if capacity < 256 {
        wanted = capacity * 2;
    } else {
        while wanted < length {
            wanted += (wanted + 768) / 4;
        }
    }
    let (size, pointers) = match element {
        Element::Pair => (16, true),
        Element::Word => (8, false),
    };
    let bytes = wanted.saturating_mul(size);
    let header = if pointers && bytes > HEADER_FROM { 8 } else { 0 };
    let piece = match SIZE_CLASSES.iter().find(|class| bytes + header <= **class) {
        Some(class) if bytes <= 32768 - 8 => class - header,
        _ => bytes.div_ceil(PAGE) * PAGE,
    };
    piece / size
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arrays_grow_as_gos_do() {
        for (length, pairs, words) in [
            (0, 0, 0),
            (1, 1, 1),
            (3, 4, 4),
            (5, 8, 8),
            (17, 32, 32),
            (33, 71, 64),
            (66, 71, 128),
            (100, 143, 128),
            (300, 303, 512),
            (513, 591, 848),
            (600, 1023, 848),
            (2000, 2560, 2560),
        ] {
            let made = |element| Items::appended(vec![Value::Nil; length], element).capacity();
            assert_eq!((made(Element::Pair), made(Element::Word)), (pairs, words), "{length}");
        }
        // One more than fits into an array that was full.
        for (length, capacity) in [(0, 1), (3, 6), (7, 14), (17, 35), (25, 55), (40, 87), (600, 1023), (2000, 3072)] {
            assert_eq!(grown(length, length + 1, Element::Pair), capacity, "{length}");
        }
    }

    #[test]
    fn a_part_reaches_up_to_the_capacity() {
        let items = Items::with_capacity((1..=3).map(Value::int).collect(), 4);
        let numbers = |items: &Items| items.iter().map(|item| format!("{item:?}")).collect::<Vec<_>>().join(" ");
        let part = items.part(1, 2, &Value::Nil).expect("within");
        assert_eq!((numbers(&part), part.capacity()), ("Int(Int, 2)".to_owned(), 3));
        let longer = part.part(0, 3, &Value::Nil).expect("within the array");
        assert_eq!(numbers(&longer), "Int(Int, 2) Int(Int, 3) Nil");
        assert!(part.part(0, 4, &Value::Nil).is_none() && items.part(2, 1, &Value::Nil).is_none());
    }
}
