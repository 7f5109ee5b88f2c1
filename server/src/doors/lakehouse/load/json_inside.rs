//! What is in the objects and arrays of a JSON file, at any depth (LU-10).

use std::fmt;

use serde::de::{Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

use crate::doors::lakehouse::append::Key;
use crate::doors::lakehouse::json_values::note;
use engine::ingest::{Inside, Kinds};

/// Notes a value and, if it is an object or array, what is in it; `left` is how many more fields there may be.
///
/// # Errors
/// A string that is none.
pub(super) fn note_all(json: &str, kinds: &mut Kinds, left: &mut usize) -> serde_json::Result<()> {
    note_at(json, kinds, 0, left)
}

fn note_at(json: &str, kinds: &mut Kinds, depth: usize, left: &mut usize) -> serde_json::Result<()> {
    note(json, kinds)?;
    if json.starts_with(['{', '[']) && kinds.inside != Inside::Json {
        let walk = InsideWalk { inside: &mut kinds.inside, depth, left };
        serde_json::Deserializer::from_str(json).deserialize_any(walk)?;
    }
    Ok(())
}

/// Notes the members or elements of a value.
struct InsideWalk<'a> {
    inside: &'a mut Inside,
    depth: usize,
    left: &'a mut usize,
}

impl<'de> Visitor<'de> for InsideWalk<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object or array")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        self.inside.begin_object(self.depth);
        let mut at = 0;
        while let Some((Key(key), value)) = map.next_entry::<Key<'de>, &'de RawValue>()? {
            if let Some(kinds) = self.inside.field(at, &key, self.left) {
                note_at(value.get(), kinds, self.depth + 1, self.left).map_err(serde::de::Error::custom)?;
            }
            at += 1;
        }
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut array: A) -> Result<(), A::Error> {
        let mut elements = self.inside.elements(self.depth);
        while let Some(value) = array.next_element::<&'de RawValue>()? {
            if let Some(kinds) = &mut elements {
                note_at(value.get(), kinds, self.depth + 1, self.left).map_err(serde::de::Error::custom)?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    /// The type of a column with these values, of which the file may have so many fields.
    fn type_of(values: &[&str], mut left: usize) -> String {
        let mut kinds = Kinds::default();
        for value in values {
            note_all(value, &mut kinds, &mut left).unwrap();
        }
        kinds.file_type().to_string()
    }

    #[rstest]
    #[case(&[r#"{"a":1,"b":"x"}"#], "STRUCT(a BIGINT, b VARCHAR)")]
    #[case(&[r#"{"b":1}"#, "null", r#"{"a":true,"B":2.5}"#], "STRUCT(b DOUBLE, a BOOLEAN)")]
    #[case(&["[1]", "[]", "[18446744073709551616,null]"], "HUGEINT[]")]
    #[case(&["[[1.5],[null]]"], "DOUBLE[][]")]
    #[case(&[r#"[{"a":"2024-01-15"},{"b":[]}]"#], "STRUCT(a DATE, b JSON[])[]")]
    #[case(&[r#"{"a":null}"#], "STRUCT(a JSON)")]
    #[case(&["{}"], "JSON")]
    #[case(&["[]", "[null]"], "JSON[]")]
    #[case(&["[1]", "{}"], "JSON")]
    #[case(&["[1]", "1"], "JSON")]
    #[case(&[r#"{"a":1}"#, r#""x""#], "JSON")]
    #[case(&[r#"{"a":[1]}"#, r#"{"a":{}}"#, r#"{"c":1}"#], "STRUCT(a JSON, c BIGINT)")]
    #[case(&[r#"{"a":1}"#, r#"{"a":true}"#, r#"{"a":"x"}"#], "STRUCT(a VARCHAR)")]
    #[case(&[r#"{"a":{"x":1,"X":2}}"#, r#"{"a":{"x":1}}"#], "STRUCT(a JSON)")]
    #[case(&[r#"{"":1}"#], "JSON")]
    #[case(&[r#"{"a\u0000b":1}"#], "JSON")]
    #[case(&[r#"{"\u0061":1}"#, r#"{"a":2}"#], "STRUCT(a BIGINT)")]
    fn objects_are_structs_and_arrays_lists(#[case] values: &[&str], #[case] expected: &str) {
        assert_eq!(type_of(values, 100), expected);
    }

    #[test]
    fn many_fields_and_levels_are_json() {
        let object = |fields: usize| {
            let members: Vec<String> = (0..fields).map(|at| format!(r#""f{at}":1"#)).collect();
            format!("{{{}}}", members.join(","))
        };
        assert!(type_of(&[&object(200)], 1000).starts_with("STRUCT(f0 BIGINT, f1 BIGINT"));
        assert_eq!(type_of(&[&object(201)], 1000), "JSON");
        assert_eq!(
            type_of(&[&format!(r#"{{"a":[1],"b":{}}}"#, object(10))], 11),
            "STRUCT(a BIGINT[], b JSON)"
        );
        let list = |levels: usize| format!("{}1{}", "[".repeat(levels), "]".repeat(levels));
        assert_eq!(type_of(&[&list(16)], 0), format!("BIGINT{}", "[]".repeat(16)));
        assert_eq!(type_of(&[&list(17)], 0), format!("JSON{}", "[]".repeat(16)));
    }

    #[test]
    fn objects_that_lack_most_fields_are_json() {
        let objects = |fields: usize| {
            let (mut kinds, mut left) = (Kinds::default(), 1000);
            for at in 0..20_000 {
                note_all(&format!(r#"{{"f{}":1}}"#, at % fields), &mut kinds, &mut left).unwrap();
            }
            kinds.file_type()
        };
        assert_eq!(objects(51).to_string(), "JSON");
        assert_ne!(objects(50).to_string(), "JSON");
    }

    #[test]
    fn half_of_a_character_is_malformed() {
        note_all(r#"{"a":"\ud800"}"#, &mut Kinds::default(), &mut 5).unwrap_err();
    }
}
