//! What the control plane answers, for people to read.

use serde_json::Value;

/// The longest cell but the last of a row, in characters.
const LONGEST: usize = 60;

/// The fields of an object, a line each; those of objects in it by their whole path.
pub(super) fn fields(answer: &Value) -> String {
    let mut lines = Vec::new();
    flatten(answer, "", &mut lines);
    let width = lines.iter().map(|(key, _)| key.chars().count()).max().unwrap_or_default();
    lines.into_iter().map(|(key, value)| format!("{key:width$}  {value}\n")).collect()
}

fn flatten(value: &Value, path: &str, lines: &mut Vec<(String, String)>) {
    match value {
        Value::Object(object) => {
            for (key, value) in object {
                let path = if path.is_empty() { key.clone() } else { format!("{path}.{key}") };
                flatten(value, &path, lines);
            }
        }
        Value::Null => {}
        value => lines.push((path.to_owned(), cell(value))),
    }
}

/// A table with a line for each entry and a column for each path.
pub(super) fn rows(entries: &[Value], columns: &[&str]) -> String {
    let head = columns.iter().map(|path| path.replace(['.', '_'], " ").to_uppercase()).collect();
    let mut table: Vec<Vec<String>> = vec![head];
    table.extend(entries.iter().map(|entry| cells(entry, columns)));
    let width = |at: usize| table.iter().map(|row| row[at].chars().count()).max().unwrap_or_default();
    let widths: Vec<usize> = (0..columns.len()).map(width).collect();
    table.iter().map(|row| line(row, &widths)).collect()
}

/// The cells of one entry.
pub(super) fn cells(entry: &Value, columns: &[&str]) -> Vec<String> {
    let find = |path: &&str| path.split('.').try_fold(entry, |value, key| value.get(key)).map(cell);
    let last = columns.len().saturating_sub(1);
    let shorten = |(at, text): (usize, String)| if at == last { text } else { shortened(text) };
    columns.iter().map(|path| find(path).unwrap_or_default()).enumerate().map(shorten).collect()
}

/// The cells in columns of these widths.
pub(super) fn line(cells: &[String], widths: &[usize]) -> String {
    let padded = cells.iter().zip(widths).map(|(text, width)| format!("{text:width$}"));
    format!("{}\n", padded.collect::<Vec<_>>().join("  ").trim_end())
}

fn shortened(text: String) -> String {
    match text.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}

/// A value on one line, whatever it holds.
fn cell(value: &Value) -> String {
    let text = match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        Value::Array(values) => values.iter().map(cell).collect::<Vec<_>>().join(", "),
        Value::Object(_) if value.as_object().is_some_and(serde_json::Map::is_empty) => String::new(),
        value => value.to_string(),
    };
    visible(&text.split_whitespace().collect::<Vec<_>>().join(" "))
}

/// Whether a terminal would do something else with a character than show it: move its cursor, change colours, turn the
/// direction of the text around.
fn steers_terminal(c: char) -> bool {
    c.is_control() || matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// A text of somebody else's for a terminal: its lines stay.
pub(super) fn visible(text: &str) -> String {
    text.replace(|c| c != '\n' && steers_terminal(c), "\u{fffd}")
}

/// JSON in which nothing steers a terminal.
pub(super) fn escaped(value: &Value) -> String {
    let mut text = String::new();
    for c in value.to_string().chars() {
        if steers_terminal(c) { text.push_str(&format!("\\u{:04x}", u32::from(c))) } else { text.push(c) }
    }
    text
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_table_has_the_width_of_its_cells() {
        let entries = [json!({"a": "x", "b": {"c": 12}}), json!({"a": null, "b": {"c": "long text"}})];
        assert_eq!(rows(&entries, &["a", "b.c"]), "A  B C\nx  12\n   long text\n");
    }

    #[test]
    fn fields_are_lines() {
        let answer = json!({"user": "eve", "state": {"sessions": 0}, "gone": null, "all": ["a", "b"]});
        assert_eq!(fields(&answer), "user            eve\nstate.sessions  0\nall             a, b\n");
    }

    #[test]
    fn a_cell_is_one_line_of_what_can_be_seen() {
        assert_eq!(cell(&json!("SELECT\n  1\u{1b}[31m \u{7}")), "SELECT 1\u{fffd}[31m \u{fffd}");
        let long = "é".repeat(100);
        assert_eq!(
            cells(&json!({"a": long, "b": long}), &["a", "b"])[0],
            format!("{}…", "é".repeat(LONGEST))
        );
        assert_eq!(cells(&json!({"b": long}), &["a", "b"])[1], long);
    }

    #[test]
    fn nothing_steers_the_terminal() {
        assert_eq!(visible("a\u{1b}[31m\n\u{9b}1m\u{202e}b"), "a\u{fffd}[31m\n\u{fffd}1m\u{fffd}b");
        assert_eq!(
            escaped(&json!({"a": "\u{1b}\u{7f}\u{9b}\u{202e}é"})),
            r#"{"a":"\u001b\u007f\u009b\u202eé"}"#
        );
    }
}
