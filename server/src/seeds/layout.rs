//! What a file of a seed is, by its name, and in which order files are applied (SD-1).

use crate::doors::lakehouse::Format;
use engine::ingest::IngestTarget;

/// Which SQL files come after the data: those whose number is not below this one.
const AFTER_DATA: u8 = 50;

/// What a file of a seed holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum SeedPart {
    /// SQL statements, which run before or after the data.
    Sql {
        /// Whether after.
        is_late: bool,
    },
    /// Rows of a table.
    Rows {
        /// The table.
        target: IngestTarget,
        /// How they are written.
        format: Format,
    },
    /// Bodies of /identify.
    Identities,
    /// Bodies of /track.
    Events,
}

/// Where one file comes among the others: what it holds, then its name.
pub(super) type Rank = (u8, String);

impl SeedPart {
    /// What the file of this name in a folder holds: a path below the folder, with `/` between its parts.
    ///
    /// # Errors
    /// Why a seed has no such file.
    pub(super) fn of_file(name: &str) -> Result<Self, String> {
        let parts: Vec<&str> = name.split('/').collect();
        match parts[..] {
            ["events.ndjson"] => Ok(Self::Events),
            ["identities.ndjson"] => Ok(Self::Identities),
            [file] if extension(file) == "sql" => numbered(file),
            [catalog, schema, file] => Self::rows(catalog, schema, file),
            _ => Err(format!("a seed has no such file; {KNOWN}")),
        }
    }

    /// What a file that stands by itself holds: any SQL file, or one that a folder may have.
    ///
    /// # Errors
    /// As [`of_file`](Self::of_file).
    pub(super) fn of_single(name: &str) -> Result<Self, String> {
        match name.contains('/') || extension(name) != "sql" {
            true => Self::of_file(name),
            false => Ok(Self::Sql { is_late: false }),
        }
    }

    fn rows(catalog: &str, schema: &str, file: &str) -> Result<Self, String> {
        let format = match extension(file).as_str() {
            "csv" => Format::Csv,
            "json" | "ndjson" => Format::Json,
            "parquet" => Format::Parquet,
            "arrow" => Format::Arrow,
            _ => return Err(format!("rows come as .csv, .json, .ndjson, .parquet or .arrow; {KNOWN}")),
        };
        let table = file.rsplit_once('.').map_or("", |(table, _)| table);
        if [catalog, schema, table].iter().any(|name| name.is_empty()) {
            return Err(format!("a catalog, schema or table without a name; {KNOWN}"));
        }
        let target = IngestTarget {
            catalog: Some(catalog.to_owned()),
            schema: Some(schema.to_owned()),
            table: table.to_owned(),
            temporary: false,
        };
        Ok(Self::Rows { target, format })
    }

    /// Where a file of this name comes.
    pub(super) fn rank(&self, name: &str) -> Rank {
        let rank = match self {
            Self::Sql { is_late: false } => 0,
            Self::Rows { .. } => 1,
            Self::Identities => 2,
            Self::Events => 3,
            Self::Sql { is_late: true } => 4,
        };
        (rank, name.to_owned())
    }
}

/// What there may be, for whoever has put something else there.
const KNOWN: &str = "a seed's folder holds NN-name.sql, <catalog>/<schema>/<table>.csv (.json, .ndjson, .parquet, .arrow), \
events.ndjson and identities.ndjson";

fn extension(file: &str) -> String {
    file.rsplit_once('.').map(|(_, extension)| extension.to_ascii_lowercase()).unwrap_or_default()
}

/// A SQL file, whose name begins with two digits and a hyphen.
fn numbered(file: &str) -> Result<SeedPart, String> {
    let number = file.split_once('-').map(|(number, _)| number).filter(|number| number.len() == 2);
    match number.filter(|number| number.bytes().all(|byte| byte.is_ascii_digit())).map(str::parse::<u8>) {
        Some(Ok(number)) => Ok(SeedPart::Sql { is_late: number >= AFTER_DATA }),
        _ => Err("a SQL file's name in a seed's folder begins with two digits and a hyphen, as 01-tables.sql: 00 to 49 run before the data is loaded, 50 to 99 after it".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case("01-tables.sql", 0)]
    #[case("49-x.SQL", 0)]
    #[case("memory/main/orders.csv", 1)]
    #[case("shop/a b/all.orders.PARQUET", 1)]
    #[case("identities.ndjson", 2)]
    #[case("events.ndjson", 3)]
    #[case("50-views.sql", 4)]
    fn files_have_their_place(#[case] name: &str, #[case] rank: u8) {
        assert_eq!(SeedPart::of_file(name).unwrap().rank(name).0, rank);
    }

    #[rstest]
    fn others_are_refused(
        #[values(
            "tables.sql",
            "1-tables.sql",
            "001-tables.sql",
            "ab-c.sql",
            "notes.txt",
            "orders.csv",
            "memory/orders.csv",
            "memory/main/orders.xlsx",
            "memory/main/orders",
            "memory/main/.csv",
            "/main/orders.csv",
            "memory//orders.csv",
            "memory/main/deep/orders.csv",
            "memory/main/01-x.sql",
            ""
        )]
        name: &str,
    ) {
        SeedPart::of_file(name).unwrap_err();
    }

    #[test]
    fn a_single_sql_file_has_any_name() {
        assert_eq!(SeedPart::of_single("schema.sql").unwrap(), SeedPart::Sql { is_late: false });
        assert_eq!(SeedPart::of_single("events.ndjson").unwrap(), SeedPart::Events);
        SeedPart::of_single("notes.txt").unwrap_err();
    }

    #[test]
    fn names_keep_their_dots() {
        let SeedPart::Rows { target, format } = SeedPart::of_file("m/s/a.b.ndjson").unwrap() else {
            panic!()
        };
        assert_eq!((target.table.as_str(), format), ("a.b", Format::Json));
    }
}
