//! The store's tables as DuckDB sees them.

use std::ops::Range;

use crate::events::Snapshot;
use duck::types::LogicalType;

/// What the table function can scan.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Table {
    /// Events as they were ingested (AC-06), and with their subject's present identity (AC-09).
    Events,
    /// Identities, deleted ones included (AC-07).
    Identities,
    /// Known ids (AC-08, AC-10).
    Ids,
}

/// A column of any table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Column {
    Event(EventColumn),
    Identity(IdentityColumn),
    Id(IdColumn),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum EventColumn {
    Timestamp,
    Uuid,
    Event,
    Properties,
    DistinctId,
    AnonymousId,
    DeviceId,
    SessionId,
    IdentityThen,
    TraitsThen,
    IdentityNow,
    TraitsNow,
    Request,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum IdentityColumn {
    Version,
    Uuid,
    Traits,
    IsIdentified,
    IsDeleted,
    CreatedAt,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum IdColumn {
    /// How many merges have moved the id.
    Moves,
    DistinctId,
    FirstIdentity,
    CreatedAt,
    MovedAt,
    IdentityNow,
    TraitsNow,
    UpdatedAt,
    IsIdentified,
    IdentityCreatedAt,
}

// In each table the first column is a number, because counting rows reads the first column.
const EVENTS: &[Column] = &[
    Column::Event(EventColumn::Timestamp),
    Column::Event(EventColumn::Uuid),
    Column::Event(EventColumn::Event),
    Column::Event(EventColumn::Properties),
    Column::Event(EventColumn::DistinctId),
    Column::Event(EventColumn::AnonymousId),
    Column::Event(EventColumn::DeviceId),
    Column::Event(EventColumn::SessionId),
    Column::Event(EventColumn::IdentityThen),
    Column::Event(EventColumn::TraitsThen),
    Column::Event(EventColumn::IdentityNow),
    Column::Event(EventColumn::TraitsNow),
    Column::Event(EventColumn::Request),
];

const IDENTITIES: &[Column] = &[
    Column::Identity(IdentityColumn::Version),
    Column::Identity(IdentityColumn::Uuid),
    Column::Identity(IdentityColumn::Traits),
    Column::Identity(IdentityColumn::IsIdentified),
    Column::Identity(IdentityColumn::IsDeleted),
    Column::Identity(IdentityColumn::CreatedAt),
];

const IDS: &[Column] = &[
    Column::Id(IdColumn::Moves),
    Column::Id(IdColumn::DistinctId),
    Column::Id(IdColumn::FirstIdentity),
    Column::Id(IdColumn::CreatedAt),
    Column::Id(IdColumn::MovedAt),
    Column::Id(IdColumn::IdentityNow),
    Column::Id(IdColumn::TraitsNow),
    Column::Id(IdColumn::UpdatedAt),
    Column::Id(IdColumn::IsIdentified),
    Column::Id(IdColumn::IdentityCreatedAt),
];

impl Table {
    /// The table that the function's argument names.
    pub(super) fn named(name: &str) -> Option<Self> {
        match name {
            "events" => Some(Self::Events),
            "identities" => Some(Self::Identities),
            "ids" => Some(Self::Ids),
            _ => None,
        }
    }

    pub(super) fn columns(self) -> &'static [Column] {
        match self {
            Self::Events => EVENTS,
            Self::Identities => IDENTITIES,
            Self::Ids => IDS,
        }
    }

    pub(super) fn row_count(self, snapshot: &Snapshot) -> usize {
        match self {
            Self::Events => snapshot.events.len(),
            Self::Identities => snapshot.identities.identity_count(),
            Self::Ids => snapshot.identities.id_count(),
        }
    }
}

impl Column {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Event(column) => match column {
                EventColumn::Timestamp => "timestamp",
                EventColumn::Uuid => "uuid",
                EventColumn::Event => "event",
                EventColumn::Properties => "properties",
                EventColumn::DistinctId => "distinct_id",
                EventColumn::AnonymousId => "anonymous_id",
                EventColumn::DeviceId => "device_id",
                EventColumn::SessionId => "session_id",
                EventColumn::IdentityThen => "identity_then",
                EventColumn::TraitsThen => "traits_then",
                EventColumn::IdentityNow => "identity_now",
                EventColumn::TraitsNow => "traits_now",
                EventColumn::Request => "request",
            },
            Self::Identity(column) => match column {
                IdentityColumn::Version => "version",
                IdentityColumn::Uuid => "uuid",
                IdentityColumn::Traits => "traits",
                IdentityColumn::IsIdentified => "is_identified",
                IdentityColumn::IsDeleted => "is_deleted",
                IdentityColumn::CreatedAt => "created_at",
            },
            Self::Id(column) => match column {
                IdColumn::Moves => "moves",
                IdColumn::DistinctId => "distinct_id",
                IdColumn::FirstIdentity => "first_identity",
                IdColumn::CreatedAt => "created_at",
                IdColumn::MovedAt => "moved_at",
                IdColumn::IdentityNow => "identity_now",
                IdColumn::TraitsNow => "traits_now",
                IdColumn::UpdatedAt => "updated_at",
                IdColumn::IsIdentified => "is_identified",
                IdColumn::IdentityCreatedAt => "identity_created_at",
            },
        }
    }

    pub(super) fn ty(self) -> LogicalType {
        use {EventColumn as E, IdColumn as K, IdentityColumn as I};
        match self {
            Self::Event(E::Properties | E::TraitsThen | E::TraitsNow)
            | Self::Identity(I::Traits)
            | Self::Id(K::TraitsNow) => LogicalType::Json,
            Self::Event(E::Timestamp)
            | Self::Identity(I::CreatedAt)
            | Self::Id(K::CreatedAt | K::MovedAt | K::UpdatedAt | K::IdentityCreatedAt) => {
                LogicalType::TimestampTz
            }
            Self::Identity(I::Version) | Self::Id(K::Moves) => LogicalType::BigInt,
            Self::Identity(I::IsIdentified | I::IsDeleted) | Self::Id(K::IsIdentified) => {
                LogicalType::Boolean
            }
            Self::Event(_) | Self::Identity(_) | Self::Id(_) => LogicalType::Varchar,
        }
    }
}

/// A run of rows that one call may write: of one chunk, for events.
#[derive(Debug, Clone)]
pub(super) struct Run {
    pub(super) chunk: usize,
    pub(super) rows: Range<usize>,
}
