//! The past of a point, from the buffer's words into those of the API.

use super::core::Core;
use crate::{
    api::{ApiError, HistoryWish, view},
    buffer::{Bucket, HistoryError, Rows, Wish},
    model::PointAddress,
};

impl Core {
    /// What was stored of a point. One that is configured and has no past has an empty one.
    pub(super) async fn past(&self, point: PointAddress, wish: HistoryWish) -> Result<view::History, ApiError> {
        let HistoryWish { from, to, every } = wish;
        let answer = self.history.ask(point.clone(), &Wish { from, to, every }).await.map_err(refusal)?;
        let (buckets, readings) = match answer.rows {
            Rows::Buckets(buckets) => (Some(buckets.into_iter().map(bucket).collect()), None),
            Rows::Readings(readings) => (None, Some(readings.iter().map(view::Live::from).collect())),
        };
        Ok(view::History {
            point: point.to_string(),
            unit: answer.unit,
            from: answer.period.from.to_string(),
            to: answer.period.to.to_string(),
            every: answer.period.every.to_string(),
            buckets,
            readings,
        })
    }
}

fn bucket(bucket: Bucket) -> view::Bucket {
    let Bucket { t, n, bad, min, mean, max, last } = bucket;
    view::Bucket { t: t.to_string(), n, bad, min, mean, max, last }
}

fn refusal(error: HistoryError) -> ApiError {
    match error {
        HistoryError::Invalid(text) => ApiError::Invalid(text),
        HistoryError::Unknown { point, near } => ApiError::NoHistory { point, near },
        HistoryError::Unavailable(text) => ApiError::Unavailable(text),
    }
}
