//! The key commands as questions to the catalog.

use arrow_flight::sql::{
    CommandGetCrossReference, CommandGetExportedKeys, CommandGetImportedKeys, CommandGetPrimaryKeys,
};

use engine::{CatalogQuery, KeyOrder, KeySide};

pub(super) fn primary(command: &CommandGetPrimaryKeys) -> CatalogQuery {
    let CommandGetPrimaryKeys { catalog, db_schema, table } = command;
    CatalogQuery::PrimaryKeys(side(catalog, db_schema, table))
}

/// The foreign keys that refer to a table.
pub(super) fn exported(command: &CommandGetExportedKeys) -> CatalogQuery {
    let CommandGetExportedKeys { catalog, db_schema, table } = command;
    CatalogQuery::ForeignKeys {
        primary: side(catalog, db_schema, table),
        foreign: KeySide::default(),
        order: KeyOrder::Foreign,
    }
}

/// The foreign keys of a table.
pub(super) fn imported(command: &CommandGetImportedKeys) -> CatalogQuery {
    let CommandGetImportedKeys { catalog, db_schema, table } = command;
    CatalogQuery::ForeignKeys {
        primary: KeySide::default(),
        foreign: side(catalog, db_schema, table),
        order: KeyOrder::Primary,
    }
}

/// The foreign keys from one table to another.
pub(super) fn between(command: &CommandGetCrossReference) -> CatalogQuery {
    CatalogQuery::ForeignKeys {
        primary: side(&command.pk_catalog, &command.pk_db_schema, &command.pk_table),
        foreign: side(&command.fk_catalog, &command.fk_db_schema, &command.fk_table),
        order: KeyOrder::Primary,
    }
}

fn side(catalog: &Option<String>, schema: &Option<String>, table: &str) -> KeySide {
    KeySide { catalog: catalog.clone(), schema: schema.clone(), table: Some(table.to_owned()) }
}
