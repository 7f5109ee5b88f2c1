//! Rows of JSON values as columns of text, with the kinds of what they hold.

use super::rows::{RowMembers, RowsFault, malformed};
use crate::doors::lakehouse::json_columns::{KeyFault, RowKeys, RowValues};
use crate::doors::lakehouse::json_values::note;
use engine::ingest::{Append, AppendGroup, IngestTarget};
use engine::{Error, ErrorKind, Result};

/// Gathers rows.
pub(super) struct Builder {
    keys: RowKeys,
    groups: Vec<Group>,
    /// The columns of the row at hand.
    places: Vec<usize>,
}

/// Rows with the same keys in the same order.
struct Group {
    columns: Vec<usize>,
    values: RowValues,
}

impl Builder {
    /// No rows yet, which may have so many different keys.
    pub(super) fn new(key_limit: usize) -> Self {
        Self { keys: RowKeys::new(key_limit), groups: Vec::new(), places: Vec::new() }
    }

    /// Adds a row.
    ///
    /// # Errors
    /// InvalidData for a row that has a key twice.
    pub(super) fn add(&mut self, row: &RowMembers<'_>) -> Result<(), RowsFault> {
        self.keys.place(row, &mut self.places).map_err(|fault| match fault {
            KeyFault::TooMany => self.keys.too_many(),
            KeyFault::Twice { at, .. } => {
                let message = format!("a row has the key \"{}\" twice", row.0[at].0);
                Error::new(ErrorKind::InvalidData, message)
            }
        })?;
        let group = self.group();
        let group = &mut self.groups[group];
        for (at, ((_, value), column)) in row.0.iter().zip(&group.columns).enumerate() {
            let kinds = &mut self.keys.columns[*column].kinds;
            note(value.get(), kinds).map_err(|fault| malformed(&fault))?;
            group.values.put(at, value.get()).map_err(|fault| malformed(&fault))?;
        }
        group.values.end_row();
        Ok(())
    }

    /// The group of the row at hand, which is the last one if that has the same keys: rows keep their order.
    fn group(&mut self) -> usize {
        if self.groups.last().is_none_or(|group| group.columns != self.places) {
            let values = RowValues::new(self.places.len());
            self.groups.push(Group { columns: self.places.clone(), values });
        }
        self.groups.len() - 1
    }

    /// The append of all rows.
    ///
    /// # Errors
    /// Internal if Arrow does not take the columns.
    pub(super) fn finish(self, target: IngestTarget) -> Result<Append> {
        let groups = self.groups.into_iter().map(Group::finish).collect::<Result<_>>()?;
        Ok(Append { target, columns: self.keys.columns, groups })
    }
}

impl Group {
    fn finish(self) -> Result<AppendGroup> {
        Ok(AppendGroup { columns: self.columns, rows: self.values.finish()? })
    }
}

#[cfg(test)]
mod tests {
    use arrow::array::AsArray;

    use super::super::rows::{Read, read};
    use super::*;
    use engine::ingest::Kinds;

    fn append(json: &str) -> Append {
        let target = IngestTarget { catalog: None, schema: None, table: "t".to_owned(), temporary: false };
        match read(json.as_bytes(), 10, target).unwrap() {
            Read::Rows(append) => append,
            Read::NoRows(error) => panic!("{error}"),
        }
    }

    fn texts(group: &AppendGroup, column: usize) -> Vec<Option<String>> {
        let values = group.rows.column(column).as_string::<i32>();
        values.iter().map(|value| value.map(str::to_owned)).collect()
    }

    #[test]
    fn one_row_many_rows_and_their_older_wrappers_are_the_same() {
        for (json, rows) in [
            (r#"{"a":1}"#, 1),
            (r#"[{"a":1},{"a":2}]"#, 2),
            (r#"{"Single":{"a":1}}"#, 1),
            (r#"{"Batch":[{"a":1},{"a":2}]}"#, 2),
            ("[]", 0),
            (r#"{"Batch":[]}"#, 0),
        ] {
            let append = append(json);
            assert_eq!(
                append.groups.iter().map(|group| group.rows.num_rows()).sum::<usize>(),
                rows,
                "{json}"
            );
            assert!(append.columns.iter().all(|column| column.name == "a"), "{json}");
        }
    }

    #[test]
    fn a_column_may_be_called_single() {
        assert_eq!(append(r#"{"Single":1}"#).columns[0].name, "Single");
        assert_eq!(append(r#"{"Single":{"a":1},"b":2}"#).columns.len(), 2);
    }

    #[test]
    fn neighbours_with_the_same_keys_are_one_group() {
        let append = append(r#"[{"a":1,"b":"x"},{"A":3,"b":null},{"a":2},{},{"b":"y","a":4}]"#);
        let keys: Vec<_> = append.groups.iter().map(|group| group.columns.clone()).collect();
        assert_eq!(keys, [vec![0, 1], vec![0], vec![], vec![1, 0]]);
        assert_eq!(texts(&append.groups[0], 0), [Some("1".to_owned()), Some("3".to_owned())]);
        assert_eq!(texts(&append.groups[0], 1), [Some("x".to_owned()), None]);
    }

    #[test]
    fn kinds_are_noted_and_digits_kept() {
        let append = append(
            r#"[{"a":true,"b":-5,"c":1.10,"d":"x\ny","e":[1, 2],"f":null,"g":1e3},
                {"a":false,"b":7,"c":12345678901234567890.123456789,"d":"\"","e":{"k":1},"f":null,"g":340282366920938463463374607431768211456}]"#,
        );
        let kinds: Vec<&Kinds> = append.columns.iter().map(|column| &column.kinds).collect();
        assert_eq!(*kinds[0], Kinds { booleans: true, ..Kinds::default() });
        assert_eq!(*kinds[1], Kinds { integers: Some((-5, 7)), ..Kinds::default() });
        assert_eq!(*kinds[2], Kinds { fractions: true, inexact: true, ..Kinds::default() });
        let texts_of = Some(engine::ingest::Texts::Others);
        assert_eq!(*kinds[3], Kinds { strings: true, texts: texts_of, ..Kinds::default() });
        assert_eq!(*kinds[4], Kinds { nested: true, ..Kinds::default() });
        assert_eq!(*kinds[5], Kinds::default());
        assert_eq!(*kinds[6], Kinds { fractions: true, giants: true, ..Kinds::default() });
        assert_eq!(texts(&append.groups[0], 2)[1].as_deref(), Some("12345678901234567890.123456789"));
        assert_eq!(texts(&append.groups[0], 3), [Some("x\ny".to_owned()), Some("\"".to_owned())]);
    }

    #[test]
    fn what_is_no_row_is_told_from_what_is_no_json() {
        let target = || IngestTarget { catalog: None, schema: None, table: "t".to_owned(), temporary: false };
        for json in ["5", "[1]", r#"[{"a":1},[2]]"#, "null", r#"{"a":1,"A":2}"#] {
            assert!(matches!(read(json.as_bytes(), 10, target()), Ok(Read::NoRows(_))), "{json}");
        }
        for json in ["", "{", "[{]", "{\"a\":}", "nope"] {
            assert!(read(json.as_bytes(), 10, target()).is_err(), "{json}");
        }
    }
}
