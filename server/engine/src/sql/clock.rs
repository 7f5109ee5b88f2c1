//! The functions of SQL that tell the time, as a tenant's clock has it (CK-2).
//!
//! Macros of a connection's own: its `temp` schema comes first wherever names are looked up, whichever catalog and schema
//! are current, and the defaults of columns look there as well. They begin with the machine's time as the transaction has
//! it, which no macro hides under its full name.

/// What each is called, and how its value is made of an instant.
const FUNCTIONS: [(&str, &str); 8] = [
    ("now", "{}"),
    ("get_current_timestamp", "{}"),
    ("transaction_timestamp", "{}"),
    ("current_date", "CAST({} AS DATE)"),
    ("today", "CAST({} AS DATE)"),
    ("get_current_time", "CAST({} AS TIMETZ)"),
    ("current_localtime", "CAST(CAST({} AS TIMESTAMP) AS TIME)"),
    ("current_localtimestamp", "CAST({} AS TIMESTAMP)"),
];

/// A function that tells the time.
#[derive(Debug)]
pub(crate) struct TimeFunction {
    pub(crate) name: &'static str,
    definition: String,
}

impl TimeFunction {
    /// The text that makes a macro of it, where there is none.
    pub(crate) fn make(&self) -> String {
        format!("CREATE TEMP MACRO {}() AS {}", self.name, self.definition)
    }

    /// The text that makes it anew.
    pub(crate) fn replace(&self) -> String {
        format!("CREATE OR REPLACE TEMP MACRO {}() AS {}", self.name, self.definition)
    }
}

/// The functions of a clock that showed `shown` when the machine's was `began`, and runs at `rate` times its pace, all in
/// microseconds since 1970.
pub(crate) fn tell(began: i64, shown: i64, rate: f64) -> [TimeFunction; 8] {
    let instant = if rate == 0.0 {
        format!("system.main.make_timestamptz({shown}::BIGINT)")
    } else {
        let passed = format!("(system.main.epoch_us(system.main.now()) - {began}::BIGINT)");
        let passed =
            if rate == 1.0 { passed } else { format!("CAST({passed} * {rate:?}::DOUBLE AS BIGINT)") };
        format!("system.main.make_timestamptz(least({shown}::BIGINT + {passed}, 253402300799999999::BIGINT))")
    };
    FUNCTIONS.map(|(name, value)| TimeFunction { name, definition: value.replace("{}", &instant) })
}

/// The text that has a function tell the machine's time again.
pub(crate) fn forget(name: &str) -> String {
    format!("DROP MACRO IF EXISTS temp.main.{name}")
}
