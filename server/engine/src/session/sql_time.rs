//! The time that a connection's SQL tells (CK-2).

use crate::error::Result;
use crate::sql;
use crate::sql::clock::TimeFunction;
use crate::tenant_clock::TenantClock;
use duck::Connection;

/// Which time a connection tells: the machine's at first.
#[derive(Debug, Default)]
pub(super) struct SqlTime {
    /// Which version of the tenant's clock.
    version: u64,
    /// The functions that tell it, while it is not the machine's.
    functions: Option<Vec<&'static str>>,
}

impl SqlTime {
    /// Whether it is what the clock says.
    pub(super) fn is_of(&self, clock: &TenantClock) -> bool {
        clock.version() == self.version
    }

    /// Has the connection tell what the clock says. Where its user has a temporary macro of a function's name already, that
    /// macro stays.
    ///
    /// # Errors
    /// DuckDB's.
    pub(super) fn keep(&mut self, clock: &TenantClock, connection: &Connection) -> Result<()> {
        let (version, course) = clock.versioned();
        if let Some(course) = course {
            let functions = sql::clock::tell(course.began, course.shown, course.rate);
            self.tell(&functions, connection)?;
        } else {
            for name in self.functions.take().unwrap_or_default() {
                connection.run(&sql::clock::forget(name))?;
            }
        }
        self.version = version;
        Ok(())
    }

    fn tell(&mut self, functions: &[TimeFunction], connection: &Connection) -> Result<()> {
        if let Some(own) = &self.functions {
            for function in functions.iter().filter(|function| own.contains(&function.name)) {
                connection.run(&function.replace())?;
            }
            return Ok(());
        }
        let mut own = Vec::new();
        for function in functions {
            match connection.run(&function.make()) {
                Ok(()) => own.push(function.name),
                // It is there already: its user's.
                Err(fault) if fault.message().starts_with("Catalog Error:") => {}
                Err(fault) => {
                    for name in own {
                        // Asked again, it is made again.
                        let _ = connection.run(&sql::clock::forget(name));
                    }
                    return Err(fault.into());
                }
            }
        }
        self.functions = Some(own);
        Ok(())
    }
}
