//! DuckDB says of a text that is no member of an ENUM that it is none of the numbers that stand for the members.

use crate::error::Error;
use duck::types::LogicalType;

/// The types of those numbers as DuckDB's errors spell them, and how many members they stand for.
const NUMBERS: [(&str, usize, LogicalType); 3] = [
    ("UINT8", u8::MAX as usize, LogicalType::UTinyInt),
    ("UINT16", u16::MAX as usize, LogicalType::USmallInt),
    ("UINT32", usize::MAX, LogicalType::UInteger),
];

/// An error of a load into columns of these types, with an ENUM called so.
pub(super) fn called_so(error: Error, types: &[LogicalType]) -> Error {
    let mut least = 0;
    for (number, most, own) in NUMBERS {
        let said = format!(" to {number}");
        if let Some(at) = error.message().rfind(&said) {
            let is_enum =
                |ty: &LogicalType| matches!(ty, LogicalType::Enum(it) if (least..=most).contains(&it.len()));
            if !types.iter().any(|ty| holds(ty, &is_enum)) {
                return error;
            }
            let name = if types.iter().any(|ty| holds(ty, &|ty| *ty == own)) {
                format!(" to ENUM or {own}")
            } else {
                " to ENUM".to_owned()
            };
            let message = error.message();
            let message = [&message[..at], &name, &message[at + said.len()..]].concat();
            return Error::new(error.kind(), message);
        }
        least = most + usize::from(most < usize::MAX);
    }
    error
}

/// Whether a type is such a one, or has one inside.
fn holds(ty: &LogicalType, is_such: &impl Fn(&LogicalType) -> bool) -> bool {
    use LogicalType as T;
    is_such(ty)
        || match ty {
            T::List(child) | T::Array(child, _) => holds(child, is_such),
            T::Map(key, value) => holds(key, is_such) || holds(value, is_such),
            T::Struct(fields) | T::Union(fields) => fields.iter().any(|(_, ty)| holds(ty, is_such)),
            _ => false,
        }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;
    use crate::error::ErrorKind;

    fn of(members: usize) -> LogicalType {
        LogicalType::Enum((0..members).map(|at| at.to_string()).collect())
    }

    #[rstest]
    #[case("'to UINT8' to UINT8 here", vec![of(3)], "'to UINT8' to ENUM here")]
    #[case("x to UINT8", vec![of(3), LogicalType::UTinyInt], "x to ENUM or UTINYINT")]
    #[case("x to UINT8", vec![LogicalType::UTinyInt], "x to UINT8")]
    #[case("x to UINT8", vec![of(256)], "x to UINT8")]
    #[case("x to UINT16", vec![LogicalType::List(Box::new(of(256)))], "x to ENUM")]
    #[case("x to INT32", vec![of(3)], "x to INT32")]
    fn an_enum_is_called_so(#[case] said: &str, #[case] types: Vec<LogicalType>, #[case] expected: &str) {
        assert_eq!(called_so(Error::new(ErrorKind::Sql, said), &types).message(), expected);
    }
}
