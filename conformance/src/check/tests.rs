use super::*;
use rstest::rstest;

fn differences(expected: &str, actual: &str) -> Vec<String> {
    let parse = |text: &str| serde_json::from_str::<Value>(text).unwrap();
    compare(&parse(expected), &parse(actual)).into_iter().map(|found| found.path).collect()
}

#[rstest]
#[case::equal(r#"{"a":[1,"x",null]}"#, r#"{"a":[1,"x",null]}"#, &[])]
#[case::digits("1.50", "1.5", &[""])]
#[case::integer_is_not_a_fraction("1", "1.0", &[""])]
#[case::surplus_key(r#"{"a":1}"#, r#"{"a":1,"b":2}"#, &["/b"])]
#[case::missing_key(r#"{"a":1,"b":2}"#, r#"{"a":1}"#, &["/b"])]
#[case::subset(r#"{"$subset":{"a":1}}"#, r#"{"a":1,"b":2}"#, &[])]
#[case::absent(r#"{"a":"$absent"}"#, r#"{}"#, &[])]
#[case::not_absent(r#"{"a":"$absent"}"#, r#"{"a":null}"#, &["/a"])]
#[case::any_needs_a_value(r#"{"a":"$any"}"#, r#"{}"#, &["/a"])]
#[case::length(r#"[1,2]"#, "[1,2,3]", &[""])]
#[case::place(r#"[1,{"b":"$uuid"}]"#, r#"[1,{"b":"no"}]"#, &["/1/b"])]
#[case::unknown_name(r#""$nonsense""#, r#""$nonsense""#, &[""])]
#[case::unknown_operator(r#"{"$nonsense":1}"#, "1", &[""])]
#[case::literal_dollar(r#"{"$eq":"$url"}"#, r#""$url""#, &[])]
#[case::json_digits(r#"{"$json":"170141183460469231731687303715884105727"}"#, "170141183460469231731687303715884105727", &[])]
#[case::json_matchers(r#"{"$json":"[\"$any\",1.50]"}"#, "[7,1.50]", &[])]
#[case::float(r#"{"$float":"1e300"}"#, "1e+300", &[])]
#[case::unordered(r#"{"$unordered":[1,2]}"#, "[2,1]", &[])]
#[case::unordered_counts(r#"{"$unordered":[1,1]}"#, "[2,1]", &[""])]
#[case::includes(r#"{"$includes":[3]}"#, "[2,3]", &[])]
#[case::each(r#"{"$each":"$integer"}"#, "[2,2.5]", &["/1"])]
#[case::starts(r#"{"$starts":[1]}"#, "[1,2]", &[])]
#[case::ends(r#"{"$ends":[2,"$any"]}"#, "[1,2,3]", &[])]
#[case::ends_in_order(r#"{"$ends":[3,2]}"#, "[1,2,3]", &[""])]
#[case::between(r#"{"$between":[1,3]}"#, "2.5", &[])]
#[case::not_between(r#"{"$between":[1,3]}"#, "4", &[""])]
#[case::contains(r#"{"$contains":["a","b"]}"#, r#""xaxb""#, &[])]
#[case::contains_all(r#"{"$contains":["a","c"]}"#, r#""xaxb""#, &[""])]
#[case::not(r#"{"$not":{"$contains":"a"}}"#, r#""b""#, &[])]
#[case::parsed(r#"{"$parsed":{"a":1}}"#, r#""{\"a\":1}""#, &[])]
#[case::characters(r#"{"$length":2}"#, r#""éé""#, &[])]
fn matchers(#[case] expected: &str, #[case] actual: &str, #[case] places: &[&str]) {
    assert_eq!(differences(expected, actual), places);
}
