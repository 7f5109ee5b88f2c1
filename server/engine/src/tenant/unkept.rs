//! What of a tenant no copy of its state has: what belongs to its sessions (SN-2).

use std::sync::Arc;

use super::Tenant;
use crate::replica::LeftOut;
use crate::session::Session;
use crate::sql;

/// How many sessions are told of.
const MOST_TOLD: usize = 100;

impl Tenant {
    /// What its sessions hold for themselves: temporary tables, open transactions, settings.
    pub(crate) async fn unkept(&self) -> Vec<LeftOut> {
        let sessions = self.sessions.all();
        let mut held: Vec<_> = sessions.into_iter().filter(|session| !session.is_pristine()).collect();
        held.sort_by_key(|session| session.id());
        let more = held.len().saturating_sub(MOST_TOLD);
        let asked = held.iter().take(MOST_TOLD).map(own_matters);
        let mut told: Vec<_> = futures::future::join_all(asked).await.into_iter().flatten().collect();
        if more > 0 {
            told.push(left_out(format!("what {more} more sessions hold")));
        }
        if !held.is_empty() {
            told.push(left_out("settings and variables of sessions".to_owned()));
        }
        told
    }
}

/// What a session holds for itself.
async fn own_matters(session: &Arc<Session>) -> Vec<LeftOut> {
    let id = session.id();
    let asked = session.if_free(|slot| {
        let tables = match slot.connection() {
            // DuckDB is asked where that ends nothing that is being read.
            Ok(connection) if !slot.is_being_read() => connection.query(sql::TEMPORARY)?.text_rows()?,
            _ => Vec::new(),
        };
        Ok((slot.in_transaction(), tables))
    });
    let Some(Ok((in_transaction, tables))) = asked.await else {
        return vec![left_out(format!("what session {id} holds, which is in use"))];
    };
    let transaction = in_transaction.then(|| left_out(format!("open transaction of session {id}")));
    let tables = tables.into_iter().flatten().flatten();
    let tables = tables.map(|name| left_out(format!("temporary {} of session {id}", sql::Identifier(&name))));
    transaction.into_iter().chain(tables).collect()
}

fn left_out(what: String) -> LeftOut {
    LeftOut { what, why: "it belongs to a session, not to the database".to_owned() }
}
