//! GetSqlInfo: what this server can do, by the numbers of the Flight SQL specification (FM-6).

use std::collections::BTreeMap;

use std::sync::Arc;

use arrow::array::{AsArray, RecordBatch};
use arrow::datatypes::SchemaRef;
use arrow_flight::sql::metadata::SqlInfoDataBuilder;

use super::super::session::FlightSession;
use engine::{Call, CatalogQuery, Error, Result};

/// DuckDB's own words, as the lists of GetSqlInfo name them.
#[derive(Debug, Default)]
pub(super) struct Vocabulary {
    /// Reserved keywords (508).
    pub(super) keywords: Vec<String>,
    /// Numeric functions (509).
    pub(super) numeric: Vec<String>,
    /// String functions (510).
    pub(super) string: Vec<String>,
    /// System functions (511).
    pub(super) system: Vec<String>,
    /// Date and time functions (512).
    pub(super) datetime: Vec<String>,
}

const FALSE: &[u32] = &[3, 5, 500, 519, 536, 537, 556, 565, 566, 573, 574, 575, 576];

const TRUE: &[u32] =
    &[4, 9, 10, 11, 501, 502, 506, 515, 516, 518, 520, 521, 523, 524, 527, 532, 539, 563, 572];

const TEXT: &[(u32, &str)] = &[
    (0, "Altertable Flight SQL Server"),
    (1, env!("CARGO_PKG_VERSION")),
    (2, arrow::ARROW_VERSION),
    (6, ""),
    (7, ""),
    (504, "\""),
    (513, "\\"),
    (514, ""),
    (529, "schema"),
    (530, "procedure"),
    (531, "catalog"),
];

/// Enumerations and bit masks, and two timeouts of 0. 8 = 1: transactions are served, else ADBC refuses to switch
/// autocommit off.
const INT32: &[(u32, i32)] = &[
    (8, 1),
    (100, 0),
    (101, 0),
    (503, 1),
    (505, 1),
    (507, 3),
    (522, 3),
    (525, 7),
    (526, 3),
    (528, 2),
    (533, 2),
    (534, 2),
    (535, 0),
    (538, 15),
    (540, 3),
    (564, 8),
    (567, 2),
    (568, 0),
    (569, 2),
    (570, 0),
    (571, 0),
];

/// The default isolation, 562: snapshots are repeatable reads. The JDBC driver, its only reader, takes a 64-bit number of
/// JDBC's own, which counts otherwise than Flight SQL's enumeration.
const ISOLATION: (u32, i64) = (562, 4);

/// Limits, in characters or columns; 0 is unlimited or unknown. 556 is a Boolean between them.
const UNLIMITED: [std::ops::RangeInclusive<u32>; 2] = [541..=555, 557..=561];

/// Which types convert into which.
const CONVERT: u32 = 517;

/// DuckDB's words, if any list of them was asked for.
///
/// # Errors
/// DuckDB's error, `Cancelled`.
pub(super) async fn vocabulary(
    session: &FlightSession,
    asked: &[u32],
    call: &Arc<Call>,
) -> Result<Vocabulary> {
    let mut words = Vocabulary::default();
    if !asked.is_empty() && !asked.iter().any(|id| (508..=512).contains(id)) {
        return Ok(words);
    }
    let found = session.engine.list(&CatalogQuery::Vocabulary, call).await?;
    let (kinds, names) = (found.column(0).as_string::<i32>(), found.column(1).as_string::<i32>());
    for (kind, name) in kinds.iter().zip(names).filter_map(|(kind, name)| Some((kind?, name?))) {
        let list = match kind {
            "keyword" => &mut words.keywords,
            "numeric" => &mut words.numeric,
            "string" => &mut words.string,
            "system" => &mut words.system,
            _ => &mut words.datetime,
        };
        list.push(name.to_owned());
    }
    Ok(words)
}

/// The schema of the answer, whatever was asked.
pub(super) fn schema() -> SchemaRef {
    SqlInfoDataBuilder::schema().clone().into()
}

/// The rows for the ids asked for; none asked means all, unknown ids have no row.
///
/// # Errors
/// `Internal` when Arrow cannot build them.
pub(super) fn batch(asked: &[u32], words: Vocabulary) -> Result<RecordBatch> {
    let wanted = |id: &u32| asked.is_empty() || asked.contains(id);
    let mut builder = SqlInfoDataBuilder::new();
    FALSE.iter().copied().filter(wanted).for_each(|id| builder.append(id, false));
    TRUE.iter().copied().filter(wanted).for_each(|id| builder.append(id, true));
    TEXT.iter().filter(|(id, _)| wanted(id)).for_each(|&(id, text)| builder.append(id, text));
    INT32.iter().filter(|(id, _)| wanted(id)).for_each(|&(id, value)| builder.append(id, value));
    UNLIMITED.into_iter().flatten().filter(wanted).for_each(|id| builder.append(id, 0i64));
    if wanted(&ISOLATION.0) {
        builder.append(ISOLATION.0, ISOLATION.1);
    }
    let lists = [words.keywords, words.numeric, words.string, words.system, words.datetime];
    (508..).zip(lists).filter(|(id, _)| wanted(id)).for_each(|(id, list)| builder.append(id, list));
    if wanted(&CONVERT) {
        builder.append(CONVERT, conversions());
    }
    let data = builder.build().and_then(|data| data.record_batch([]));
    data.map_err(|e| Error::internal(format!("GetSqlInfo cannot be encoded: {e}")))
}

/// SqlSupportsConvert has the types 0 to 19; each converts to VARCHAR, 19, and VARCHAR to all.
fn conversions() -> BTreeMap<i32, Vec<i32>> {
    let text = 19;
    (0..=text).map(|from| (from, if from == text { (0..=text).collect() } else { vec![text] })).collect()
}

#[cfg(test)]
mod tests {
    use arrow::array::UInt32Array;

    use super::*;

    fn ids(asked: &[u32]) -> Vec<u32> {
        let batch = batch(asked, Vocabulary::default()).unwrap();
        assert_eq!(batch.schema(), schema());
        let ids: &UInt32Array = batch.column(0).as_primitive();
        ids.values().to_vec()
    }

    #[test]
    fn all_ids_are_answered_once_each() {
        let expected: Vec<u32> = (0..=11).chain(100..=101).chain(500..=576).collect();
        assert_eq!(ids(&[]), expected);
    }

    #[test]
    fn unknown_ids_have_no_row() {
        assert_eq!(ids(&[8, 99_999, 0]), [0, 8]);
        assert_eq!(ids(&[99_999]), Vec::<u32>::new());
    }

    #[test]
    fn the_default_isolation_is_a_64_bit_number() {
        let batch = batch(&[562], Vocabulary::default()).unwrap();
        let union = batch.column(1).as_union();
        let value = union.value(0).as_primitive::<arrow::datatypes::Int64Type>().value(0);
        assert_eq!((union.type_id(0), value), (2, 4));
    }

    #[test]
    fn transactions_are_supported() {
        let batch = batch(&[8], Vocabulary::default()).unwrap();
        let union = batch.column(1).as_union();
        assert_eq!(
            (union.type_id(0), union.value(0).as_primitive::<arrow::datatypes::Int32Type>().value(0)),
            (3, 1)
        );
    }
}
