//! How appended values fit a column: the type of a new one, and what an existing one takes or widens to (LP-07 to
//! LP-09).

use super::kinds::{Inside, Kinds, Texts};
use duck::types::LogicalType;

/// The integers that a DOUBLE keeps, each of them.
const KEPT_BY_DOUBLE: (i128, i128) = (-(1 << 53), 1 << 53);

impl Kinds {
    fn numbers(&self) -> bool {
        self.integers.is_some() || self.giants || self.fractions
    }

    /// The type of a new column for these values (LP-07).
    pub(super) fn new_type(&self) -> LogicalType {
        match (self.nested, self.booleans, self.numbers(), self.strings) {
            (true, ..) => LogicalType::Json,
            (_, true, false, false) => LogicalType::Boolean,
            (_, false, true, false) => self.number_type(),
            _ => LogicalType::Varchar,
        }
    }

    /// The type of a column that a file makes for these values (LU-10): as [`Self::new_type`], and days and times of strings
    /// that are nothing else; objects are STRUCTs and arrays LISTs.
    pub fn file_type(&self) -> LogicalType {
        if !(self.booleans || self.numbers() || self.strings)
            && let Some(nested) = self.inside.ty()
        {
            return nested;
        }
        match (self.new_type(), self.texts) {
            (LogicalType::Varchar, _) if self.booleans || self.numbers() => LogicalType::Varchar,
            (LogicalType::Varchar, Some(Texts::Dates)) => LogicalType::Date,
            (LogicalType::Varchar, Some(Texts::Timestamps)) => LogicalType::Timestamp,
            (LogicalType::Varchar, Some(Texts::Instants)) => LogicalType::TimestampTz,
            (ty, _) => ty,
        }
    }

    /// The type of a column of numbers that keeps the digits of each.
    fn number_type(&self) -> LogicalType {
        match self.integers {
            _ if self.fractions && self.is_kept_by_double() => LogicalType::Double,
            _ if self.fractions => LogicalType::Varchar,
            _ if self.giants => LogicalType::BigNum,
            Some(range) if !within(range, &LogicalType::BigInt) => LogicalType::HugeInt,
            _ => LogicalType::BigInt,
        }
    }

    fn is_kept_by_double(&self) -> bool {
        let (least, greatest) = KEPT_BY_DOUBLE;
        !self.inexact
            && !self.giants
            && self.integers.is_none_or(|(low, high)| least <= low && high <= greatest)
    }

    /// The type that a column of type `ty` must have to take these values: `ty` itself or a wider one; `None` if
    /// there is none (LP-08, LP-09). Whether a string can be cast only DuckDB knows.
    pub(super) fn column_type(&self, ty: &LogicalType) -> Option<LogicalType> {
        use LogicalType as T;
        let any = matches!(ty, T::Varchar | T::Json | T::Variant | T::Union(_));
        let takes_nested = any || matches!(ty, T::Struct(_) | T::List(_) | T::Map(..) | T::Array(..));
        let takes_booleans = any || *ty == T::Boolean;
        let is_scalar_of_json = *ty == T::Boolean || ty.is_number() || takes_nested;
        if self.others && !any && is_scalar_of_json {
            return None;
        }
        if (self.nested && !takes_nested) || (self.booleans && !takes_booleans) {
            return None;
        }
        if !self.numbers() || any {
            return Some(ty.clone());
        }
        match ty {
            number if number.is_number() && range_of(number).is_none() => Some(ty.clone()),
            integer if range_of(integer).is_some() => self.widened(integer),
            _ => None,
        }
    }

    /// The integer type `ty`, or what it widens to; `None` if no number type keeps the digits of all.
    fn widened(&self, ty: &LogicalType) -> Option<LogicalType> {
        if self.fractions {
            return self.is_kept_by_double().then_some(LogicalType::Double);
        }
        if self.giants {
            return (*ty == LogicalType::UHugeInt).then(|| ty.clone());
        }
        let Some(range) = self.integers else { return Some(ty.clone()) };
        let up_to_64_bits = range_of(ty).is_some_and(|own| within(own, &LogicalType::BigInt));
        Some(if within(range, ty) {
            ty.clone()
        } else if up_to_64_bits && within(range, &LogicalType::BigInt) {
            LogicalType::BigInt
        } else {
            LogicalType::HugeInt
        })
    }
}

impl Inside {
    /// The type that holds all of them; `None` if none but JSON does.
    fn ty(&self) -> Option<LogicalType> {
        match self {
            Self::Fields(fields) if !fields.fields.is_empty() && !fields.are_sparse() => {
                let fields = fields.fields.iter().map(|field| (field.name.clone(), inner(&field.kinds)));
                Some(LogicalType::Struct(fields.collect()))
            }
            Self::Elements(elements) => Some(LogicalType::List(Box::new(inner(elements)))),
            _ => None,
        }
    }
}

/// The type of values inside others; nulls alone may be anything.
fn inner(kinds: &Kinds) -> LogicalType {
    if *kinds == Kinds::default() { LogicalType::Json } else { kinds.file_type() }
}

/// Whether a range of integers is part of a type's.
fn within((least, greatest): (i128, i128), ty: &LogicalType) -> bool {
    range_of(ty).is_some_and(|(low, high)| low <= least && greatest <= high)
}

/// The range of an integer type; for UHUGEINT the part within 128 signed bits.
fn range_of(ty: &LogicalType) -> Option<(i128, i128)> {
    Some(match ty {
        LogicalType::TinyInt => (i8::MIN.into(), i8::MAX.into()),
        LogicalType::SmallInt => (i16::MIN.into(), i16::MAX.into()),
        LogicalType::Integer => (i32::MIN.into(), i32::MAX.into()),
        LogicalType::BigInt => (i64::MIN.into(), i64::MAX.into()),
        LogicalType::UTinyInt => (0, u8::MAX.into()),
        LogicalType::USmallInt => (0, u16::MAX.into()),
        LogicalType::UInteger => (0, u32::MAX.into()),
        LogicalType::UBigInt => (0, u64::MAX.into()),
        LogicalType::HugeInt => (i128::MIN, i128::MAX),
        LogicalType::UHugeInt => (0, i128::MAX),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use LogicalType as T;

    fn ints(least: i128, greatest: i128) -> Kinds {
        Kinds { integers: Some((least, greatest)), ..Kinds::default() }
    }

    fn all(kinds: &[&str]) -> Kinds {
        let has = |kind: &str| kinds.contains(&kind);
        Kinds {
            booleans: has("bool"),
            integers: has("int").then_some((1, 1)),
            giants: has("giant"),
            fractions: has("fraction"),
            inexact: has("inexact"),
            strings: has("string"),
            texts: None,
            nested: has("nested"),
            inside: Inside::default(),
            others: has("other"),
        }
    }

    #[test]
    fn new_columns_have_the_type_of_their_values() {
        for (kinds, ty) in [
            (&["bool"][..], T::Boolean),
            (&["int"], T::BigInt),
            (&["int", "fraction"], T::Double),
            (&["fraction"], T::Double),
            (&["giant"], T::BigNum),
            (&["giant", "fraction"], T::Varchar),
            (&["inexact", "fraction"], T::Varchar),
            (&["string"], T::Varchar),
            (&[], T::Varchar),
            (&["nested"], T::Json),
            (&["nested", "string", "int"], T::Json),
            (&["bool", "int"], T::Varchar),
            (&["string", "int"], T::Varchar),
        ] {
            assert_eq!(all(kinds).new_type(), ty, "{kinds:?}");
        }
        assert_eq!(ints(0, i128::from(i64::MAX) + 1).new_type(), T::HugeInt);
    }

    #[test]
    fn integer_columns_widen_to_what_holds_both() {
        let (i32_over, i64_over) = (i128::from(i32::MAX) + 1, i128::from(i64::MAX) + 1);
        for (ty, kinds, wider) in [
            (T::Integer, ints(-1, 5), T::Integer),
            (T::Integer, ints(0, i32_over), T::BigInt),
            (T::TinyInt, ints(-129, 0), T::BigInt),
            (T::Integer, ints(0, i64_over), T::HugeInt),
            (T::BigInt, ints(0, i64_over), T::HugeInt),
            (T::UInteger, ints(-1, 0), T::BigInt),
            (T::UBigInt, ints(-1, 0), T::HugeInt),
            (T::HugeInt, ints(i128::MIN, i128::MAX), T::HugeInt),
            (T::Integer, all(&["fraction"]), T::Double),
            (T::UHugeInt, all(&["giant"]), T::UHugeInt),
        ] {
            assert_eq!(kinds.column_type(&ty), Some(wider), "{ty} {kinds:?}");
        }
    }

    #[test]
    fn what_a_column_cannot_take_is_refused() {
        let list = T::List(Box::new(T::Integer));
        let decimal = T::Decimal { width: 5, scale: 2 };
        for (ty, kinds, fits) in [
            (T::Integer, &["bool"][..], false),
            (T::BigInt, &["giant"], false),
            (T::BigInt, &["fraction", "inexact"], false),
            (T::Integer, &["nested"], false),
            (T::Integer, &["string"], true),
            (T::Boolean, &["int"], false),
            (T::Boolean, &["bool", "string"], true),
            (T::Date, &["int"], false),
            (T::Date, &["string"], true),
            (T::Double, &["int", "fraction", "giant"], true),
            (decimal, &["int", "fraction"], true),
            (T::Varchar, &["bool", "int", "fraction", "string", "nested"], true),
            (T::Json, &["bool", "int", "fraction", "string", "nested"], true),
            (list.clone(), &["nested", "string"], true),
            (list, &["int"], false),
            (T::Uuid, &["nested"], false),
            (T::Timestamp, &["other"], true),
            (T::Integer, &["other"], false),
            (T::Boolean, &["other"], false),
        ] {
            assert_eq!(all(kinds).column_type(&ty), fits.then_some(ty.clone()), "{ty} {kinds:?}");
        }
    }
}
