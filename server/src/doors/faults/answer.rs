//! An answer that a rule changes on its way: sent up to a point, in part, or slowly.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::response::Response;
use bytes::Bytes;
use http::header;
use http_body::Frame;
use http_body_util::{BodyExt, StreamBody};
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tracing::Instrument;

use super::units::{UnitKind, Units};
use super::{CutOff, FaultManner, RowLines, pace};
use engine::{ActingFault, Call, FaultAfter, FaultCut, FaultEffects, FaultEnd};

/// How long what was sent has to leave the server before its connection is cut.
const SETTLING: Duration = Duration::from_millis(20);

type SentFrame = Result<Frame<Bytes>, axum::Error>;

/// Whoever is sent the answer has gone.
struct ReaderGone;

/// Such an answer on its way.
pub(super) struct FaultyAnswer {
    call: Arc<Call>,
    acting: Arc<ActingFault>,
    manner: FaultManner,
    rows: Option<RowLines>,
    body: Body,
    out: mpsc::Sender<SentFrame>,
}

/// What follows the part of an answer that was sent as it is.
struct Remainder {
    /// Whether the effect shows now.
    is_due: bool,
    /// What comes next of the body: the unit of which a part is sent.
    next: Option<Bytes>,
    /// What was read of the body beyond that.
    read: Bytes,
    trailers: Option<Frame<Bytes>>,
    /// Whether there is nothing left of the body.
    has_ended: bool,
}

impl FaultyAnswer {
    /// The answer as the rule has it, put together by a task of its own as fast as it is read.
    pub(super) fn wrap(
        call: &Arc<Call>,
        acting: &Arc<ActingFault>,
        response: Response,
        manner: FaultManner,
    ) -> Response {
        let (mut parts, body) = response.into_parts();
        // Nobody knows how long it will be.
        parts.headers.remove(header::CONTENT_LENGTH);
        let (out, frames) = mpsc::channel(1);
        let rows = parts.extensions.get().copied();
        let (call, acting) = (Arc::clone(call), Arc::clone(acting));
        let mut answer = Self { call, acting, manner, rows, body, out };
        let sending = async move {
            let reader = answer.out.clone();
            tokio::select! {
                () = reader.closed() => {}
                _ = answer.send() => {}
            }
        };
        tokio::spawn(sending.instrument(tracing::Span::current()));
        Response::from_parts(parts, Body::new(StreamBody::new(ReceiverStream::new(frames))))
    }

    async fn send(&mut self) -> Result<(), ReaderGone> {
        let (kind, uncounted) = kind(self.manner, self.rows);
        let effects = self.acting.effects();
        let is_torn = effects.is_torn;
        let remainder = match effects.after {
            Some(FaultAfter::Bytes(count)) => self.pass_bytes(count).await?,
            Some(FaultAfter::Rows(_)) if self.manner.is_grpc => self.pass_told().await?,
            Some(FaultAfter::Rows(count) | FaultAfter::Batches(count)) => {
                self.pass_units(Units::new(kind), count.saturating_add(uncounted), is_torn).await?
            }
            None if is_torn => self.pass_all_but_one(Units::new(kind)).await?,
            None => self.pass_told().await?,
        };
        if !remainder.is_due {
            return self.pass_on(remainder).await;
        }
        self.acting.strikes();
        if is_torn && let Some(unit) = &remainder.next {
            self.hand_over(unit.slice(..unit.len() / 2)).await?;
        }
        self.strike(remainder).await
    }

    /// The end that the rule has in the place of the answer's own.
    async fn strike(&mut self, remainder: Remainder) -> Result<(), ReaderGone> {
        match self.acting.effects().end.clone() {
            Some(FaultEnd::Hang) => {
                self.acting.released().await;
                self.pass_on(remainder).await
            }
            Some(FaultEnd::Reply(reply)) => {
                self.call.fail(&reply.message);
                match (self.manner.ending)(self.rows, &reply) {
                    Some(frame) => self.frame(Ok(frame)).await,
                    None => self.cut(FaultCut::Close).await,
                }
            }
            Some(FaultEnd::Cut(cut)) => self.cut(cut).await,
            // Where a protocol has an end of its own after the last message, that does not come either.
            None if self.manner.is_grpc => self.frame(Err(axum::Error::new(Torn))).await,
            None => Ok(()),
        }
    }

    async fn cut(&mut self, cut: FaultCut) -> Result<(), ReaderGone> {
        tokio::time::sleep(SETTLING).await;
        self.call.sever(cut);
        self.frame(Err(axum::Error::new(CutOff(cut)))).await
    }

    /// Sends so many bytes.
    async fn pass_bytes(&mut self, count: u64) -> Result<Remainder, ReaderGone> {
        let mut room = usize::try_from(count).unwrap_or(usize::MAX);
        while room > 0 {
            match self.read().await? {
                BodyPart::Data(mut data) => {
                    let through = data.split_to(room.min(data.len()));
                    room -= through.len();
                    self.hand_over(through).await?;
                    if room == 0 {
                        return Ok(Remainder::due(None, data));
                    }
                }
                BodyPart::End(trailers) => return Ok(Remainder::end(false, None, trailers)),
            }
        }
        Ok(Remainder::due(None, Bytes::new()))
    }

    /// Sends so many units, and waits for the next one where a part of it is to be sent.
    async fn pass_units(
        &mut self,
        mut units: Units,
        count: u64,
        is_torn: bool,
    ) -> Result<Remainder, ReaderGone> {
        let mut passed = 0;
        loop {
            if passed >= count && !is_torn {
                return Ok(Remainder::due(None, units.rest().unwrap_or_default()));
            }
            match units.next() {
                Some(unit) if passed < count => {
                    passed += 1;
                    self.hand_over(unit).await?;
                }
                Some(unit) => return Ok(Remainder::due(Some(unit), units.rest().unwrap_or_default())),
                None => match self.read().await? {
                    BodyPart::Data(data) => units.add(&data),
                    BodyPart::End(trailers) => {
                        return Ok(Remainder::end(passed >= count, units.rest(), trailers));
                    }
                },
            }
        }
    }

    /// Sends everything but the last unit.
    async fn pass_all_but_one(&mut self, mut units: Units) -> Result<Remainder, ReaderGone> {
        let mut held: Option<Bytes> = None;
        loop {
            if let Some(unit) = units.next() {
                if let Some(before) = held.replace(unit) {
                    self.hand_over(before).await?;
                }
                continue;
            }
            match self.read().await? {
                BodyPart::Data(data) => units.add(&data),
                BodyPart::End(trailers) => {
                    let rest = units.rest();
                    if let (Some(before), true) = (&held, rest.is_some()) {
                        self.hand_over(before.clone()).await?;
                    }
                    let last = rest.or(held);
                    return Ok(Remainder::end(last.is_some(), last, trailers));
                }
            }
        }
    }

    /// Sends everything up to where the handler has stopped, if it says that it has.
    async fn pass_told(&mut self) -> Result<Remainder, ReaderGone> {
        loop {
            match self.read().await? {
                BodyPart::Data(data) => self.hand_over(data).await?,
                BodyPart::End(trailers) => {
                    return Ok(Remainder::end(self.acting.is_reached(), None, trailers));
                }
            }
        }
    }

    /// What is left goes out as it is.
    async fn pass_on(&mut self, remainder: Remainder) -> Result<(), ReaderGone> {
        for data in [remainder.next.unwrap_or_default(), remainder.read] {
            self.hand_over(data).await?;
        }
        if let Some(trailers) = remainder.trailers {
            return self.frame(Ok(trailers)).await;
        }
        while !remainder.has_ended
            && let Some(frame) = self.body.frame().await
        {
            self.frame(frame).await?;
        }
        Ok(())
    }

    async fn read(&mut self) -> Result<BodyPart, ReaderGone> {
        match self.body.frame().await {
            None => Ok(BodyPart::End(None)),
            Some(Ok(frame)) => Ok(match frame.into_data() {
                Ok(data) => BodyPart::Data(data),
                Err(trailers) => BodyPart::End(Some(trailers)),
            }),
            Some(Err(error)) => {
                self.frame(Err(error)).await?;
                Err(ReaderGone)
            }
        }
    }

    /// Sends data as fast as the rule lets it.
    async fn hand_over(&mut self, mut data: Bytes) -> Result<(), ReaderGone> {
        let FaultEffects { per_batch, bytes_per_second, .. } = *self.acting.effects();
        let mut pause = per_batch.unwrap_or_default();
        while !data.is_empty() {
            let piece = bytes_per_second.map_or(data.len(), |speed| pace::piece(speed).min(data.len()));
            pause += bytes_per_second.map_or(Duration::ZERO, |speed| pace::time_of(piece, speed));
            self.acting.pauses(std::mem::take(&mut pause)).await;
            self.frame(Ok(Frame::data(data.split_to(piece)))).await?;
        }
        Ok(())
    }

    async fn frame(&mut self, frame: SentFrame) -> Result<(), ReaderGone> {
        self.out.send(frame).await.map_err(|_| ReaderGone)
    }
}

/// What comes of a body.
enum BodyPart {
    Data(Bytes),
    End(Option<Frame<Bytes>>),
}

impl Remainder {
    fn due(next: Option<Bytes>, read: Bytes) -> Self {
        Self { is_due: true, next, read, trailers: None, has_ended: false }
    }

    /// The body has ended.
    fn end(is_due: bool, next: Option<Bytes>, trailers: Option<Frame<Bytes>>) -> Self {
        Self { is_due, next, read: Bytes::new(), trailers, has_ended: true }
    }
}

/// What an answer is made of, and how many units at its beginning hold no rows: over gRPC the schema's message.
fn kind(manner: FaultManner, rows: Option<RowLines>) -> (UnitKind, u64) {
    match rows {
        _ if manner.is_grpc => (UnitKind::Message, 1),
        // Of those formats that begin with one line, quotes may hold a line feed.
        Some(RowLines { head: 1 }) => (UnitKind::CsvLine, 1),
        Some(RowLines { head }) => (UnitKind::Line, head),
        None => (UnitKind::Piece, 0),
    }
}

/// The end of an answer that is told in part.
#[derive(Debug)]
struct Torn;

impl std::fmt::Display for Torn {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("a fault rule of the control plane tore the answer")
    }
}

impl std::error::Error for Torn {}
