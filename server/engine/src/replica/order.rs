//! The order in which things can be made that depend on one another: whatever fails is tried again once others are there.

use crate::error::{Error, Result};

/// Makes everything that can be made; gives the rest, with why.
pub(super) fn in_order<T>(mut things: Vec<T>, mut make: impl FnMut(&T) -> Result<()>) -> Vec<(T, Error)> {
    loop {
        let before = things.len();
        let tried = things.into_iter().filter_map(|thing| make(&thing).err().map(|error| (thing, error)));
        let left: Vec<_> = tried.collect();
        if left.is_empty() || left.len() == before {
            return left;
        }
        things = left.into_iter().map(|(thing, _)| thing).collect();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_depends_on_others_comes_after_them() {
        let (mut made, needs) = (Vec::new(), [(1, 2), (2, 3), (3, 3), (4, 5)]);
        let left = in_order(needs.to_vec(), |(thing, needed)| {
            if thing == needed || made.contains(needed) {
                made.push(*thing);
                return Ok(());
            }
            Err(Error::invalid("not yet"))
        });
        assert_eq!(made, [3, 2, 1]);
        assert_eq!(left.iter().map(|(thing, _)| *thing).collect::<Vec<_>>(), [(4, 5)]);
    }
}
