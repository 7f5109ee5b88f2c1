//! The function `json_extract_string_property` (AC-11), defined in a session when it first needs it.
//!
//! It has to be found unqualified whatever `USE` says, also inside views, which only temporary and built-in functions
//! are. To define it in every new session would cost each more than a short query does.

use crate::error::Error;
use crate::sql::product_analytics::{PROPERTY_FUNCTION, PROPERTY_MACRO};
use duck::Connection;

/// Defines the function if it is what DuckDB missed when planning failed with `error`, and says whether it did.
pub(crate) fn defined_after(connection: &Connection, error: &Error) -> bool {
    // DuckDB names the function it missed; in no other error is this one's name worth another try.
    error.message().contains(PROPERTY_FUNCTION) && connection.run(PROPERTY_MACRO).is_ok()
}
