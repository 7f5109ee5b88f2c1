//! The SQLSTATE of each error, by its kind and by the fixed words with which DuckDB's message begins: nothing that a user can
//! write comes before those (PW-26).

use engine::{Error, ErrorKind, lexer};

/// The connection's session has ended.
pub(super) const ENDED: &str = "57P01";

/// What runs was cancelled.
pub(super) const CANCELLED: &str = "57014";

/// What DuckDB's messages begin with, the longer beginning first.
const BEGINNINGS: &[(&str, &str)] = &[
    ("Parser Error:", "42601"),
    ("Binder Error: Referenced column ", "42703"),
    ("Binder Error: Column ", "42703"),
    ("Binder Error: Ambiguous reference to column", "42702"),
    ("Binder Error: Ambiguous reference to table", "42P09"),
    ("Binder Error: Referenced table ", "42P01"),
    ("Binder Error: No function matches", "42883"),
    ("Binder Error: Could not choose a best candidate function", "42725"),
    ("Binder Error: Cannot compare values", "42883"),
    ("Binder Error: column ", "42803"),
    ("Binder Error: aggregate function", "42803"),
    ("Binder Error: Catalog ", "3D000"),
    ("Binder Error: Duplicate alias", "42712"),
    ("Binder Error: Set operations can only apply", "42601"),
    ("Binder Error: Table ", "42601"),
    ("Binder Error:", "42000"),
    ("Catalog Error: Scalar Function with name", "42883"),
    ("Catalog Error: Aggregate Function with name", "42883"),
    ("Catalog Error: Table Function with name", "42883"),
    ("Catalog Error: Macro Function with name", "42883"),
    ("Catalog Error: Table Macro Function with name", "42883"),
    ("Catalog Error: Copy Function with name", "22023"),
    ("Catalog Error: Column with name", "42701"),
    ("Catalog Error: SET schema:", "3F000"),
    ("Catalog Error: SET search_path:", "3F000"),
    ("Catalog Error:", "42704"),
    ("Constraint Error: Duplicate key", "23505"),
    ("Constraint Error: PRIMARY KEY or UNIQUE", "23505"),
    ("Constraint Error: NOT NULL", "23502"),
    ("Constraint Error: CHECK", "23514"),
    ("Constraint Error: Violates foreign key", "23503"),
    ("Constraint Error:", "23000"),
    ("Conversion Error: Type ", "22003"),
    ("Conversion Error: date field value out of range", "22008"),
    ("Conversion Error: time field value out of range", "22008"),
    ("Conversion Error: timestamp field value out of range", "22008"),
    ("Conversion Error: Casting value", "22003"),
    ("Conversion Error: invalid date field format", "22007"),
    ("Conversion Error: invalid timestamp field format", "22007"),
    ("Conversion Error:", "22P02"),
    ("Out of Range Error:", "22003"),
    ("Invalid Input Error: Division by zero", "22012"),
    ("Invalid Input Error: More than one row returned by a subquery", "21000"),
    ("Invalid Input Error: Cannot execute statement of type", "25006"),
    ("Invalid Input Error:", "22023"),
    ("Mismatch Type Error:", "42804"),
    ("Invalid type Error:", "42804"),
    ("Not implemented Error:", "0A000"),
    ("Permission Error:", "42501"),
    ("Dependency Error:", "2BP01"),
    ("INTERRUPT Error:", "57014"),
    ("Out of Memory Error:", "53200"),
    ("IO Error:", "58030"),
    ("Sequence Error: nextval: reached", "2200H"),
    ("Sequence Error:", "55000"),
    (SECOND_CATALOG, "0A000"),
    ("TransactionContext Error: Cannot write to database", "25006"),
    ("TransactionContext Error: cannot start a transaction", "25001"),
    ("TransactionContext Error: cannot commit", "25P01"),
    ("TransactionContext Error: cannot rollback", "25P01"),
    ("TransactionContext Error: Current transaction is aborted", "25P02"),
    ("TransactionContext Error: Failed to commit: PRIMARY KEY or UNIQUE", "23505"),
    ("TransactionContext Error:", "40001"),
];

const SECOND_CATALOG: &str = "TransactionContext Error: Attempting to write to database";

/// What DuckDB tells of by one beginning whether it is missing or in the way: the beginning, and the code of either.
const THINGS: &[(&str, &str, &str)] = &[
    ("Catalog Error: Table with name", "42P01", "42P07"),
    ("Catalog Error: View with name", "42P01", "42P07"),
    ("Catalog Error: Sequence with name", "42P01", "42P07"),
    ("Catalog Error: Index with name", "42704", "42P07"),
    ("Catalog Error: Schema with name", "3F000", "42P06"),
    ("Catalog Error: Type with name", "42704", "42710"),
];

/// Whether a transaction has written one catalog and would write another.
pub(super) fn is_second_catalog(error: &Error) -> bool {
    error.message().starts_with(SECOND_CATALOG)
}

/// The SQLSTATE of the engine's error of a statement of this text.
pub(super) fn of(error: &Error, sql: &str) -> &'static str {
    use ErrorKind as Kind;
    match error.kind() {
        Kind::Sql | Kind::Conflict => of_duckdb(error.message(), sql),
        Kind::NotOneStatement => "42601",
        Kind::Refused => "42501",
        Kind::Cancelled => CANCELLED,
        Kind::InvalidArgument => "22023",
        Kind::InvalidData => "22P02",
        Kind::IncompatibleSchema => "42804",
        Kind::CatalogNotFound => "3D000",
        Kind::TableNotFound => "42P01",
        Kind::TableExists => "42P07",
        Kind::ReadOnly => "25006",
        Kind::Unauthenticated => "28P01",
        Kind::SessionExpired | Kind::SessionUnknown => ENDED,
        Kind::NotFound => "42704",
        Kind::FailedPrecondition => "55000",
        Kind::OutOfRange => "54000",
        // The server's own words: no statement is quoted in them.
        Kind::LimitExceeded if error.message().contains("--statement-timeout") => "57014",
        Kind::LimitExceeded => "53400",
        Kind::Unimplemented => "0A000",
        Kind::Unavailable => "57P03",
        Kind::Config => "F0000",
        Kind::Internal => "XX000",
    }
}

fn of_duckdb(message: &str, sql: &str) -> &'static str {
    if let Some((beginning, missing, present)) =
        THINGS.iter().find(|(beginning, _, _)| message.starts_with(beginning))
    {
        if is_show(sql) {
            // SHOW is of a setting where there is no such table.
            return "42704";
        }
        // A name that is in the way is quoted, one that is missing is not; and only what makes something meets the former.
        let is_quoted = message[beginning.len()..].starts_with(" \"");
        return if is_quoted && makes_something(sql) { present } else { missing };
    }
    let found = BEGINNINGS.iter().find(|(beginning, _)| message.starts_with(beginning));
    found.map_or("XX000", |(_, code)| code)
}

fn is_show(sql: &str) -> bool {
    lexer::tokens(sql).next().is_some_and(|first| first.is_keyword("show"))
}

fn makes_something(sql: &str) -> bool {
    let first = lexer::tokens(sql).next();
    first.is_some_and(|first| first.is_keyword("create") || first.is_keyword("alter"))
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    /// Each beginning is looked for in the order of the list, so that a shorter one may not stand before a longer one.
    #[test]
    fn no_beginning_hides_a_longer_one() {
        for (at, (long, _)) in BEGINNINGS.iter().enumerate() {
            let hidden = BEGINNINGS[..at].iter().find(|(short, _)| long.starts_with(short));
            assert_eq!(hidden, None, "{long}");
        }
    }

    #[rstest]
    #[case("Catalog Error: Table with name t does not exist!", "SELECT * FROM t", "42P01")]
    #[case("Catalog Error: Table with name \"t\" already exists!", "CREATE TABLE t (a INT)", "42P07")]
    #[case("Catalog Error: Table with name \" already exists!\" does not exist!", "SELECT 1", "42P01")]
    #[case("Parser Error: Constraint Error: Duplicate key", "SELECT", "42601")]
    #[case("Conversion Error: Could not convert string 'Parser Error:' to INT32", "SELECT", "22P02")]
    #[case("something new", "SELECT", "XX000")]
    fn a_text_cannot_imitate_another(#[case] message: &str, #[case] sql: &str, #[case] code: &str) {
        assert_eq!(of(&Error::new(ErrorKind::Sql, message), sql), code);
    }

    #[test]
    fn a_statement_that_took_too_long_is_cancelled() {
        let error =
            Error::new(ErrorKind::LimitExceeded, "Limit exceeded: …; raise it with --statement-timeout");
        assert_eq!(of(&error, ""), "57014");
    }
}
