//! DuckDB's keywords: a field that bears such a name is quoted in a type's text.

/// Every keyword of DuckDB 1.5.5, of any category, in lower case and sorted, one per line.
const KEYWORDS: &str = include_str!("keywords.txt");

/// Whether DuckDB's grammar knows `word`, in any case, as a keyword of any category.
pub(super) fn is_keyword(word: &str) -> bool {
    let word = word.to_ascii_lowercase();
    KEYWORDS.lines().any(|keyword| keyword == word)
}
