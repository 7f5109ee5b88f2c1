//! Columns of types that have no name in DuckDB's C API, such as TYPE: cast to VARCHAR (FY-2).

use std::fmt::Write;

use super::Identifier;
use super::lexer::first_statement;
use duck::types::{Column, LogicalType};

/// The same query with such columns, and such parts of nested columns, as VARCHAR; `None` if it has none.
pub(crate) fn cast_to_nameable(sql: &str, columns: &[Column]) -> Option<String> {
    if columns.iter().all(|column| nameable(&column.ty) == column.ty) {
        return None;
    }
    let mut list = String::new();
    for (position, Column { name, ty }) in (1..).zip(columns) {
        let separator = if position == 1 { "" } else { ", " };
        let (target, name) = (nameable(ty), Identifier(name));
        // Writing to a string does not fail.
        let _ = if target == *ty {
            write!(list, "{separator}#{position} AS {name}")
        } else {
            write!(list, "{separator}CAST(#{position} AS {target}) AS {name}")
        };
    }
    // The line break ends a comment at the end of the user's text.
    Some(format!("SELECT {list} FROM ({}\n)", first_statement(sql)))
}

/// The rows of a query as structs, whose fields have the names of its columns.
pub(crate) fn as_structs(sql: &str) -> String {
    format!("SELECT row_of_query FROM ({}\n) AS row_of_query", first_statement(sql))
}

fn nameable(ty: &LogicalType) -> LogicalType {
    use LogicalType as T;
    let boxed = |ty: &LogicalType| Box::new(nameable(ty));
    let fields = |fields: &[(String, LogicalType)]| {
        fields.iter().map(|(name, ty)| (name.clone(), nameable(ty))).collect()
    };
    match ty {
        T::Unknown => T::Varchar,
        T::List(child) => T::List(boxed(child)),
        T::Array(child, size) => T::Array(boxed(child), *size),
        T::Struct(children) => T::Struct(fields(children)),
        T::Map(key, value) => T::Map(boxed(key), boxed(value)),
        T::Union(members) => T::Union(fields(members)),
        _ => ty.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_cannot_be_named_is_cast() {
        let column = |name: &str, ty| Column { name: name.to_owned(), ty };
        let named = column("a\"b", LogicalType::Enum(["x".to_owned()].into()));
        assert_eq!(cast_to_nameable("SELECT 1", std::slice::from_ref(&named)), None);
        let nested = column("l", LogicalType::List(Box::new(LogicalType::Unknown)));
        let cast = cast_to_nameable(" ; SELECT 1 -- x\n; -- y", &[named, nested]);
        let expected = "SELECT #1 AS \"a\"\"b\", CAST(#2 AS VARCHAR[]) AS \"l\" FROM ( SELECT 1\n)";
        assert_eq!(cast.as_deref(), Some(expected));
    }
}
