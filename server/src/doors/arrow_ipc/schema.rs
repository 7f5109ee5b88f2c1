//! A schema looked at before Arrow's reader converts it, which asserts that each type is complete and known.

use arrow::ipc::{DateUnit, Endianness, Field, IntervalUnit, Precision, Schema, TimeUnit, Type, UnionMode};

use engine::{Error, Result};

/// Makes sure that a schema is one that Arrow's reader takes, of little-endian data.
///
/// # Errors
/// `InvalidArgument`, naming the column.
pub(super) fn check(schema: Schema<'_>) -> Result<()> {
    if schema.endianness() != Endianness::Little {
        return Err(Error::invalid("The stream is big-endian; send little-endian data"));
    }
    let fields = schema.fields().ok_or_else(|| Error::invalid("The stream's schema has no columns"))?;
    match fields.iter().find(|field| !is_known(*field)) {
        None => Ok(()),
        Some(field) => {
            let name = field.name().unwrap_or_default();
            Err(Error::invalid(format!("Column \"{name}\" has a type that Arrow does not have")))
        }
    }
}

/// Whether a field's type, and those of its children, are complete.
fn is_known(field: Field<'_>) -> bool {
    let children = field.children().into_iter().flatten();
    is_index(field) && is_complete(field) && has_its_children(field) && children.into_iter().all(is_known)
}

/// Whether the keys of a dictionary are integers.
fn is_index(field: Field<'_>) -> bool {
    let Some(dictionary) = field.dictionary() else { return true };
    dictionary.indexType().is_some_and(|int| matches!(int.bitWidth(), 8 | 16 | 32 | 64))
}

fn is_complete(field: Field<'_>) -> bool {
    let known = match field.type_type() {
        Type::Int => field.type_as_int().map(|int| matches!(int.bitWidth(), 8 | 16 | 32 | 64)),
        Type::FixedSizeBinary => field.type_as_fixed_size_binary().map(|ty| ty.byteWidth() >= 0),
        Type::FloatingPoint => {
            let precisions = [Precision::HALF, Precision::SINGLE, Precision::DOUBLE];
            field.type_as_floating_point().map(|ty| precisions.contains(&ty.precision()))
        }
        Type::Date => {
            field.type_as_date().map(|ty| matches!(ty.unit(), DateUnit::DAY | DateUnit::MILLISECOND))
        }
        Type::Time => field.type_as_time().map(|ty| match ty.bitWidth() {
            32 => matches!(ty.unit(), TimeUnit::SECOND | TimeUnit::MILLISECOND),
            64 => matches!(ty.unit(), TimeUnit::MICROSECOND | TimeUnit::NANOSECOND),
            _ => false,
        }),
        Type::Timestamp => field.type_as_timestamp().map(|ty| is_unit(ty.unit())),
        Type::Duration => field.type_as_duration().map(|ty| is_unit(ty.unit())),
        Type::Interval => {
            let units = [IntervalUnit::YEAR_MONTH, IntervalUnit::DAY_TIME, IntervalUnit::MONTH_DAY_NANO];
            field.type_as_interval().map(|ty| units.contains(&ty.unit()))
        }
        Type::Decimal => field.type_as_decimal().map(|ty| {
            let most =
                [(32, 9), (64, 18), (128, 38), (256, 76)].iter().find(|(bits, _)| *bits == ty.bitWidth());
            let scale = i8::try_from(ty.scale());
            most.is_some_and(|(_, digits)| (1..=*digits).contains(&ty.precision()) && scale.is_ok())
        }),
        Type::FixedSizeList => field.type_as_fixed_size_list().map(|ty| ty.listSize() >= 0),
        Type::Map => field.type_as_map().map(|_| true),
        Type::Union => field.type_as_union().map(|ty| is_union(ty.mode(), field)),
        Type::NONE => None,
        other => Some(other.0 <= Type::LargeListView.0),
    };
    known.unwrap_or(false)
}

fn is_unit(unit: TimeUnit) -> bool {
    unit.variant_name().is_some()
}

/// Whether a union's members have an id each, and none twice.
fn is_union(mode: UnionMode, field: Field<'_>) -> bool {
    let members = field.children().map_or(0, |children| children.len());
    let Some(ids) = field.type_as_union().and_then(|ty| ty.typeIds()) else {
        return mode.variant_name().is_some() && members <= 128;
    };
    let mut seen = Vec::with_capacity(ids.len().min(128));
    let fresh = ids.iter().take(129).all(|id| {
        let is_fresh = (0..128).contains(&id) && !seen.contains(&id);
        seen.push(id);
        is_fresh
    });
    mode.variant_name().is_some() && ids.len() == members && fresh
}

/// Whether a nested type has as many children as it needs.
fn has_its_children(field: Field<'_>) -> bool {
    let count = field.children().map_or(0, |children| children.len());
    match field.type_type() {
        Type::List | Type::LargeList | Type::ListView | Type::LargeListView | Type::FixedSizeList => {
            count == 1
        }
        Type::Map => count == 1 && is_map(field),
        Type::RunEndEncoded => count == 2 && is_run(field),
        _ => true,
    }
}

/// Whether the entries of a map are structs of two.
fn is_map(field: Field<'_>) -> bool {
    let mut entries = field.children().into_iter().flatten();
    entries.all(|entry| {
        entry.type_type() == Type::Struct_ && entry.children().is_some_and(|pair| pair.len() == 2)
    })
}

/// Whether the ends of runs are signed integers.
fn is_run(field: Field<'_>) -> bool {
    let ends =
        field.children().and_then(|children| children.iter().next()).and_then(|ends| ends.type_as_int());
    ends.is_some_and(|int| int.is_signed() && matches!(int.bitWidth(), 16 | 32 | 64))
}
