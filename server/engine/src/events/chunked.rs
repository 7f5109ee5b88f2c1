//! A growing list that can be snapshotted in time proportional to its chunks: clones share chunks, and a chunk is
//! copied only when it changes while a clone still holds it.

use std::sync::Arc;

const CHUNK: usize = 512;

#[derive(Debug, Clone)]
pub(super) struct Chunked<T> {
    chunks: Vec<Arc<Vec<T>>>,
    len: usize,
}

impl<T> Default for Chunked<T> {
    fn default() -> Self {
        Self { chunks: Vec::new(), len: 0 }
    }
}

impl<T: Clone> Chunked<T> {
    pub(super) fn len(&self) -> usize {
        self.len
    }

    /// Appends `value` and says where it is.
    pub(super) fn push(&mut self, value: T) -> usize {
        if self.len.is_multiple_of(CHUNK) {
            self.chunks.push(Arc::new(Vec::new()));
        }
        if let Some(last) = self.chunks.last_mut() {
            Arc::make_mut(last).push(value);
        }
        self.len += 1;
        self.len - 1
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &T> {
        self.chunks.iter().flat_map(|chunk| chunk.iter())
    }
}

impl<T> std::ops::Index<usize> for Chunked<T> {
    type Output = T;

    fn index(&self, at: usize) -> &T {
        &self.chunks[at / CHUNK][at % CHUNK]
    }
}

impl<T: Clone> std::ops::IndexMut<usize> for Chunked<T> {
    fn index_mut(&mut self, at: usize) -> &mut T {
        &mut Arc::make_mut(&mut self.chunks[at / CHUNK])[at % CHUNK]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clone_never_sees_later_changes() {
        let mut list = Chunked::default();
        for n in 0..CHUNK + 3 {
            assert_eq!(list.push(n), n);
        }
        let before = list.clone();
        list[1] = 99;
        list.push(7);
        assert_eq!((before.len(), before[1], before.iter().count()), (CHUNK + 3, 1, CHUNK + 3));
        assert_eq!((list.len(), list[1], list[CHUNK + 3]), (CHUNK + 4, 99, 7));
    }
}
